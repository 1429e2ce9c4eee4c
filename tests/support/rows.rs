//! Rows made by hand, for tests of the sinks.

// Each test uses its part of this.
#![allow(dead_code)]

use std::ops::Range;
use std::sync::Arc;

use streamgauge::model::{Field, FieldKind, Row, Rows, Schema, Tag, Value};

/// A field value that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedValue {
    Integer(i64),
    Text(String),
}

/// A row that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRow {
    pub schema: &'static Schema,
    pub tags: Vec<String>,
    pub fields: Vec<OwnedValue>,
    pub timestamp_ns: i64,
}

impl OwnedRow {
    /// Shows the row as a closed window would.
    pub fn with_row<T>(&self, show: impl FnOnce(&Row<'_>) -> T) -> T {
        let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        let fields: Vec<Value<'_>> = self.fields.iter().map(OwnedValue::borrowed).collect();
        show(&Row { schema: self.schema, tags: &tags, fields: &fields, timestamp_ns: self.timestamp_ns })
    }
}

impl OwnedValue {
    fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
        }
    }
}

/// A closed window of such rows.
pub struct OwnedRows(pub Vec<OwnedRow>);

impl Rows for OwnedRows {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        for row in &self.0[range] {
            row.with_row(|borrowed| each(borrowed));
        }
    }
}

/// A window, as a sink takes it.
pub fn window(rows: Vec<OwnedRow>) -> Arc<dyn Rows> {
    Arc::new(OwnedRows(rows))
}

/// A row type with these names that lives as long as the test.
pub fn schema(measurement: &str, tags: &[&str], fields: &[(&str, FieldKind)]) -> &'static Schema {
    let tags: Vec<Tag> = tags.iter().map(|name| Tag { name: forever(name), help: "" }).collect();
    let fields: Vec<Field> =
        fields.iter().map(|(name, kind)| Field { name: forever(name), kind: *kind, help: "" }).collect();
    Box::leak(Box::new(Schema {
        measurement: forever(measurement),
        dialect: "cmcd",
        help: "",
        tags: tags.leak(),
        fields: fields.leak(),
    }))
}

fn forever(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
