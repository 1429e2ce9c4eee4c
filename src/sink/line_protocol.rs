//! Rows as InfluxDB line protocol, appended to a buffer that the caller reuses.
//!
//! Source of the format: InfluxDB OSS v2 documentation, "Line protocol"; where it is silent, what the parser of InfluxDB 2.7 does.
//!
//! R1  One row is one line, ended by one newline; there is no other newline.
//! R2  Tags come first, in the order of the declaration, then every field, then the time stamp in nanoseconds.
//! R3  What the format cannot hold is replaced, by [`REPLACEMENT`]: a control character (U+0000–U+001F, U+007F) anywhere, and a backslash
//!     at the end of a tag value, where it would escape what follows. An empty tag value becomes [`UNKNOWN`]. All other text comes back as it was.

use crate::model::{FieldKind, Row, Schema, Value};

/// Stands for a character that line protocol cannot hold.
pub const REPLACEMENT: char = '\u{FFFD}';

/// Stands for an empty tag value, which InfluxDB refuses.
pub const UNKNOWN: &str = "unknown";

/// The bytes that a row type writes in every row, made once.
#[derive(Debug)]
struct Template {
    schema: &'static Schema,
    /// Before each tag value: `measurement,tag=` for the first, `,tag=` for the others.
    before_tags: Vec<Box<[u8]>>,
    /// Before each field value: the gap after the tags and `field=` for the first, `,field=` for the others. And behind that [`ZERO`],
    /// because most integers of a row are 0.
    zero_fields: Vec<Box<[u8]>>,
}

/// The integer 0.
const ZERO: &[u8] = b"0i";

impl Template {
    fn new(schema: &'static Schema) -> Self {
        let mut next = Vec::new();
        escape(schema.measurement, is_special_in_measurement, &mut next);
        let mut before_tags = Vec::with_capacity(schema.tags.len());
        for tag in schema.tags {
            next.push(b',');
            escape(tag.name, is_special_in_tag, &mut next);
            next.push(b'=');
            before_tags.push(std::mem::take(&mut next).into_boxed_slice());
        }
        let mut zero_fields = Vec::with_capacity(schema.fields.len());
        for field in schema.fields {
            next.push(if zero_fields.is_empty() { b' ' } else { b',' });
            escape(field.name, is_special_in_tag, &mut next);
            next.push(b'=');
            next.extend_from_slice(ZERO);
            zero_fields.push(std::mem::take(&mut next).into_boxed_slice());
        }
        Self { schema, before_tags, zero_fields }
    }
}

/// Renders rows. Keeps what it made once for each row type.
#[derive(Debug, Default)]
pub struct Renderer {
    /// That of the last row: rows of a type come together.
    current: Option<Template>,
    others: Vec<Template>,
}

impl Renderer {
    /// A renderer that has seen no row yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `row` as one line, with its newline, to `out`.
    pub fn render(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        debug_assert_eq!(row.tags.len(), row.schema.tags.len(), "a row has all its tags");
        debug_assert_eq!(row.fields.len(), row.schema.fields.len(), "a row has all its fields");
        debug_assert!(
            row.fields.iter().zip(row.schema.fields).all(|(value, field)| is_of_kind(value, field.kind)),
            "a field has its declared type"
        );
        let template = self.template(row.schema);
        for (before, value) in template.before_tags.iter().zip(row.tags) {
            out.extend_from_slice(before);
            push_tag_value(value, out);
        }
        let mut digits = itoa::Buffer::new();
        for (zero, value) in template.zero_fields.iter().zip(row.fields) {
            if *value == Value::Integer(0) {
                out.extend_from_slice(zero);
                continue;
            }
            out.extend_from_slice(zero.strip_suffix(ZERO).unwrap_or_default());
            match value {
                Value::Integer(number) => {
                    out.extend_from_slice(digits.format(*number).as_bytes());
                    out.push(b'i');
                }
                Value::Text(text) => push_text(text, out),
            }
        }
        out.push(b' ');
        out.extend_from_slice(digits.format(row.timestamp_ns).as_bytes());
        out.push(b'\n');
    }

    fn template(&mut self, schema: &'static Schema) -> &Template {
        let is_other = |template: &Template| !std::ptr::eq(template.schema, schema);
        if self.current.as_ref().is_some_and(is_other) {
            let known = self.others.iter().position(|template| !is_other(template));
            let next = known.map(|index| self.others.swap_remove(index));
            self.others.extend(std::mem::replace(&mut self.current, next));
        }
        self.current.get_or_insert_with(|| Template::new(schema))
    }
}

fn is_special_in_measurement(byte: u8) -> bool {
    matches!(byte, b',' | b' ')
}

fn is_special_in_tag(byte: u8) -> bool {
    matches!(byte, b',' | b' ' | b'=')
}

fn is_special_in_text(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\')
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7F
}

fn is_of_kind(value: &Value<'_>, kind: FieldKind) -> bool {
    match value {
        Value::Integer(_) => kind == FieldKind::Integer,
        Value::Text(_) => kind == FieldKind::Text,
    }
}

fn push_replacement(out: &mut Vec<u8>) {
    out.extend_from_slice(REPLACEMENT.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Appends `text` with a backslash before each special byte. Control and special characters are single bytes in UTF-8, so bytes will do.
fn escape(text: &str, is_special: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    if !text.bytes().any(|byte| is_special(byte) || is_control(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        if is_control(byte) {
            push_replacement(out);
            continue;
        }
        if is_special(byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

fn push_tag_value(value: &str, out: &mut Vec<u8>) {
    if value.is_empty() {
        out.extend_from_slice(UNKNOWN.as_bytes());
        return;
    }
    escape(value, is_special_in_tag, out);
    // Inside a value the parser takes a backslash before an ordinary character as it is; at the end it would escape the comma or the space.
    if out.last() == Some(&b'\\') {
        out.pop();
        push_replacement(out);
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, is_special_in_text, out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::model::{Field, Tag};

    const fn tag(name: &'static str) -> Tag {
        Tag { name, help: "" }
    }

    const fn field(name: &'static str, kind: FieldKind) -> Field {
        Field { name, kind, help: "" }
    }

    static SESSION: Schema = Schema {
        measurement: "session_window",
        dialect: "cmcd",
        help: "",
        tags: &[tag("edge"), tag("tenant")],
        fields: &[field("bytes", FieldKind::Integer), field("session_id", FieldKind::Text)],
    };
    static ODD: Schema = Schema {
        measurement: "odd name,=",
        dialect: "cmcd",
        help: "",
        tags: &[tag("a b")],
        fields: &[field("c=d", FieldKind::Integer), field("e,f", FieldKind::Integer)],
    };

    fn render(rows: &[Row<'_>]) -> String {
        let mut renderer = Renderer::new();
        let mut out = Vec::new();
        for row in rows {
            renderer.render(row, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    /// Input tag, input text, the line.
    #[test]
    fn the_format_is_escaped_by_its_rules() {
        let cases: [(&str, &str, &str); 8] = [
            (
                "FRA53-C1",
                "abc",
                "session_window,edge=FRA53-C1,tenant=default bytes=-7i,session_id=\"abc\" 1700000000000000001\n",
            ),
            (
                "a,b c=d",
                "a,b c=d",
                "session_window,edge=a\\,b\\ c\\=d,tenant=default bytes=-7i,session_id=\"a,b c=d\" 1700000000000000001\n",
            ),
            (
                "q\"q",
                "q\"q",
                "session_window,edge=q\"q,tenant=default bytes=-7i,session_id=\"q\\\"q\" 1700000000000000001\n",
            ),
            (
                "a\\b",
                "a\\b",
                "session_window,edge=a\\b,tenant=default bytes=-7i,session_id=\"a\\\\b\" 1700000000000000001\n",
            ),
            (
                "end\\",
                "end\\",
                "session_window,edge=end\u{FFFD},tenant=default bytes=-7i,session_id=\"end\\\\\" 1700000000000000001\n",
            ),
            (
                "\n\r\t\0",
                "\n\u{7f}",
                "session_window,edge=\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD},tenant=default bytes=-7i,session_id=\"\u{FFFD}\u{FFFD}\" 1700000000000000001\n",
            ),
            ("", "", "session_window,edge=unknown,tenant=default bytes=-7i,session_id=\"\" 1700000000000000001\n"),
            (
                "Zürich",
                "日本",
                "session_window,edge=Zürich,tenant=default bytes=-7i,session_id=\"日本\" 1700000000000000001\n",
            ),
        ];
        for (edge, session_id, expected) in cases {
            let row = Row {
                schema: &SESSION,
                tags: &[edge, "default"],
                fields: &[Value::Integer(-7), Value::Text(session_id)],
                timestamp_ns: 1_700_000_000_000_000_001,
            };
            assert_eq!(render(&[row]), expected, "{edge:?} {session_id:?}");
        }
    }

    #[test]
    fn row_types_may_alternate_and_their_names_are_escaped_too() {
        let odd = Row {
            schema: &ODD,
            tags: &["x"],
            fields: &[Value::Integer(i64::MIN), Value::Integer(i64::MAX)],
            timestamp_ns: -1,
        };
        let session = Row {
            schema: &SESSION,
            tags: &["e", "t"],
            fields: &[Value::Integer(0), Value::Text("s")],
            timestamp_ns: 0,
        };
        let odd_line = "odd\\ name\\,=,a\\ b=x c\\=d=-9223372036854775808i,e\\,f=9223372036854775807i -1\n";
        let session_line = "session_window,edge=e,tenant=t bytes=0i,session_id=\"s\" 0\n";
        assert_eq!(render(&[odd, session, session, odd]), [odd_line, session_line, session_line, odd_line].concat());
    }
}
