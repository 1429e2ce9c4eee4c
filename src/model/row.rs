//! What is written to the store: row types declared once, and rows that borrow from a closed window.
//!
//! R1  Every row of a type has all its tags and all its fields, each with one type (upserts merge field sets: a missing field would keep a stale value).
//! R2  Fields are integers or text: ratios are never stored, and nothing that depends on the order of addition.

use std::ops::Range;

/// A tag: indexed by the store, so its values must be few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The name in the store.
    pub name: &'static str,
    /// One sentence for the reference page.
    pub help: &'static str,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A signed 64-bit integer.
    Integer,
    /// UTF-8 text.
    Text,
}

/// A field: a measurement or an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in the store, with its unit as the ending.
    pub name: &'static str,
    /// Its one type.
    pub kind: FieldKind,
    /// The definition, for the reference page.
    pub help: &'static str,
}

/// A row type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The measurement (table) name.
    pub measurement: &'static str,
    /// Which dialect its rows are made of: `cmcd`, `webrtc`. Rows of several share a measurement, each with its own tags and fields; a source
    /// is of one dialect, so that the tag `source` tells them apart.
    pub dialect: &'static str,
    /// One paragraph for the reference page.
    pub help: &'static str,
    /// In the order in which rows give their values, which is the alphabetical order that InfluxDB wants.
    pub tags: &'static [Tag],
    /// In the order in which rows give their values.
    pub fields: &'static [Field],
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// For [`FieldKind::Integer`].
    Integer(i64),
    /// For [`FieldKind::Text`].
    Text(&'a str),
}

/// One row, borrowed from the closed window that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its type.
    pub schema: &'static Schema,
    /// One value for each tag of the schema, in its order; never empty text.
    pub tags: &'a [&'a str],
    /// One value for each field of the schema, in its order.
    pub fields: &'a [Value<'a>],
    /// Nanoseconds since the Unix epoch; unique among the rows with the same tags.
    pub timestamp_ns: i64,
}

/// The rows of a closed window. They are made on demand, a range at a time, so that a large window never exists twice.
pub trait Rows: Send + Sync {
    /// How many rows there are.
    fn len(&self) -> usize;

    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `each` with every row whose index is in `range`, in order; the same index gives the same row each time.
    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>));
}
