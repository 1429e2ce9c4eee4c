//! Rows as plain values, to be compared.

use std::collections::BTreeMap;

use streamgauge::model::{Row, Rows, Value};

/// A row as text: its time stamp, its tags and its fields by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainRow {
    pub measurement: &'static str,
    pub timestamp_ns: i64,
    pub tags: BTreeMap<&'static str, String>,
    pub fields: BTreeMap<&'static str, String>,
}

/// Every row, in the order in which it is given.
pub fn plain_rows(rows: &dyn Rows) -> Vec<PlainRow> {
    let mut plain = Vec::with_capacity(rows.len());
    rows.visit(0..rows.len(), &mut |row| plain.push(plain_row(row)));
    assert_eq!(plain.len(), rows.len());
    plain
}

/// One row.
pub fn plain_row(row: &Row<'_>) -> PlainRow {
    let schema = row.schema;
    assert_eq!((row.tags.len(), row.fields.len()), (schema.tags.len(), schema.fields.len()), "R1: all of them");
    let tags = schema.tags.iter().zip(row.tags).map(|(tag, value)| (tag.name, (*value).to_owned()));
    let text = |value: &Value<'_>| match value {
        Value::Integer(value) => value.to_string(),
        Value::Text(text) => (*text).to_owned(),
    };
    let fields = schema.fields.iter().zip(row.fields).map(|(field, value)| (field.name, text(value)));
    PlainRow {
        measurement: schema.measurement,
        timestamp_ns: row.timestamp_ns,
        tags: tags.collect(),
        fields: fields.collect(),
    }
}
