//! Promise: what a row says is what InfluxDB reads, whatever text it holds.
//!
//! The parser here is written from the rules of InfluxDB's own (a delimiter counts unless the byte before it is a backslash; in text a backslash
//! escapes only a quote and a backslash), independently of the renderer.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::string_slice)]

#[path = "support/rows.rs"]
mod rows;
mod support;
#[path = "support/within.rs"]
mod within;

use proptest::prelude::*;
use rows::{OwnedRow, OwnedValue, schema, window};
use streamgauge::model::FieldKind;
use streamgauge::sink::Sink;
use streamgauge::sink::influx::{Influx, Settings};
use streamgauge::sink::line_protocol::Renderer;
use within::within;

/// A line as read: measurement, tags, fields, time stamp.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    measurement: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, OwnedValue)>,
    timestamp_ns: i64,
}

/// Where the first of `delimiters` stands that has no backslash before it.
fn find(text: &str, delimiters: &[u8]) -> usize {
    let bytes = text.as_bytes();
    let is_delimiter = |at: usize| delimiters.contains(&bytes[at]) && (at == 0 || bytes[at - 1] != b'\\');
    (0..bytes.len()).find(|at| is_delimiter(*at)).expect("a delimiter")
}

/// Takes the escapes out of a name or a tag value.
fn unescape(text: &str) -> String {
    text.replace("\\,", ",").replace("\\ ", " ").replace("\\=", "=")
}

fn parse_text(rest: &str) -> (String, &str) {
    let mut text = String::new();
    let mut characters = rest.strip_prefix('"').expect("a quote").char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (text, &rest[at + 2..]),
            '\\' => match characters.peek() {
                Some((_, next @ ('"' | '\\'))) => {
                    text.push(*next);
                    characters.next();
                }
                _ => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    panic!("no quote at the end of {rest}")
}

fn parse(line: &str) -> Parsed {
    let end = find(line, b", ");
    let (measurement, mut rest) = (unescape(&line[..end]), &line[end..]);
    let mut tags = Vec::new();
    while let Some(tag) = rest.strip_prefix(',') {
        let equals = find(tag, b"=");
        let value = &tag[equals + 1..];
        let end = find(value, b", ");
        assert!(!value[..end].is_empty(), "InfluxDB refuses an empty tag value");
        tags.push((unescape(&tag[..equals]), unescape(&value[..end])));
        rest = &value[end..];
    }
    let mut fields = Vec::new();
    while let Some(field) = rest.strip_prefix(if fields.is_empty() { ' ' } else { ',' }) {
        let equals = find(field, b"=");
        let value = &field[equals + 1..];
        let (parsed, after) = if value.starts_with('"') {
            let (text, after) = parse_text(value);
            (OwnedValue::Text(text), after)
        } else {
            let end = find(value, b", ");
            (OwnedValue::Integer(value[..end].strip_suffix('i').expect("an integer").parse().unwrap()), &value[end..])
        };
        fields.push((unescape(&field[..equals]), parsed));
        rest = after;
    }
    Parsed { measurement, tags, fields, timestamp_ns: rest.strip_prefix(' ').expect("a time stamp").parse().unwrap() }
}

/// The stated replacement of what the format cannot hold.
fn storable(text: &str) -> String {
    text.chars()
        .map(|character| if character < ' ' || character == '\u{7f}' { '\u{FFFD}' } else { character })
        .collect()
}

fn storable_tag(text: &str) -> String {
    match storable(text) {
        empty if empty.is_empty() => "unknown".into(),
        trailing if trailing.ends_with('\\') => format!("{}\u{FFFD}", trailing.strip_suffix('\\').unwrap()),
        other => other,
    }
}

/// What must be read for `row`.
fn expected(row: &OwnedRow) -> Parsed {
    let tags = row.schema.tags.iter().zip(&row.tags);
    let fields = row.schema.fields.iter().zip(&row.fields).map(|(field, value)| match value {
        OwnedValue::Integer(_) => (field.name.to_owned(), value.clone()),
        OwnedValue::Text(text) => (field.name.to_owned(), OwnedValue::Text(storable(text))),
    });
    Parsed {
        measurement: row.schema.measurement.to_owned(),
        tags: tags.map(|(tag, value)| (tag.name.to_owned(), storable_tag(value))).collect(),
        fields: fields.collect(),
        timestamp_ns: row.timestamp_ns,
    }
}

/// Any text, with the characters that matter far more often than chance gives them.
fn any_text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        3 => prop::sample::select(vec!['\\', '"', ',', ' ', '=', '\n', '\r', '\t', '\0', '\u{7f}', '#', '\'']),
        2 => prop::char::range('a', 'f'),
        1 => any::<char>(),
    ];
    prop::collection::vec(character, 0..12).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_row_is_read_as_it_was_written(
        tags in prop::collection::vec(any_text(), 3),
        texts in prop::collection::vec(any_text(), 2),
        integers in prop::collection::vec(any::<i64>(), 2),
        timestamp_ns in any::<i64>(),
    ) {
        use FieldKind::{Integer, Text};
        thread_local! {
            static SCHEMA: &'static streamgauge::model::Schema =
                schema("a measured, thing", &["edge", "odd, =tag", "tenant"], &[("a", Integer), ("b", Text), ("c d=,", Integer), ("e", Text)]);
        }
        let fields = vec![
            OwnedValue::Integer(integers[0]),
            OwnedValue::Text(texts[0].clone()),
            OwnedValue::Integer(integers[1]),
            OwnedValue::Text(texts[1].clone()),
        ];
        let row = OwnedRow { schema: SCHEMA.with(|schema| *schema), tags, fields, timestamp_ns };
        let mut out = Vec::new();
        row.with_row(|borrowed| Renderer::new().render(borrowed, &mut out));
        let text = String::from_utf8(out).unwrap();
        let line = text.strip_suffix('\n').expect("a newline at the end");
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(parse(line), expected(&row), "{}", line);
    }
}

/// The same, with InfluxDB itself as the parser.
#[test]
fn influxdb_reads_a_row_as_it_was_written() {
    let Some(server) = support::Influx::start() else { return };
    let schema = schema("round trip,", &["edge"], &[("f", FieldKind::Text)]);
    let texts = [
        "plain",
        "a,b",
        "a b",
        "a=b",
        "a\"b",
        "\"",
        "a\\b",
        "\\",
        "\\\\",
        "end\\",
        "a\\,b",
        "a\\ b",
        "a\\=b",
        "\\\"",
        "new\nline",
        "\r",
        "tab\t",
        "",
        "Zürich 日本",
        "#hash",
        " lead",
        "trail ",
        "=",
        ",",
        "a\\\\,\"b c=d\\",
    ];
    let row = |(number, text): (usize, &&str)| OwnedRow {
        schema,
        tags: vec![(*text).to_owned()],
        fields: vec![OwnedValue::Text((*text).to_owned())],
        timestamp_ns: 1_700_000_000_000_000_000 + number as i64,
    };
    let rows: Vec<OwnedRow> = texts.iter().enumerate().map(row).collect();
    let (_owner, stop) = tokio::sync::watch::channel(false);
    let sink =
        Influx::new(&Settings::new(&server.url, &server.organisation, &server.bucket), &server.token, stop).unwrap();
    let windows = [window(rows.clone())];
    assert_eq!(support::block_on(within(sink.write(&windows))), Ok(vec![]));
    let stored = server.rows(schema.measurement);
    assert_eq!(stored.len(), rows.len());
    for (row, stored) in rows.iter().zip(stored) {
        let expected = expected(row);
        let text = |name: &str| stored.columns.get(name).map_or("", |value| value.as_str().unwrap());
        assert_eq!(text("edge"), expected.tags[0].1, "tag {:?}", row.tags);
        assert_eq!(OwnedValue::Text(text("f").into()), expected.fields[0].1, "text {:?}", row.fields);
    }
}
