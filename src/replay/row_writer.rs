//! Rows as text: line protocol as it would be sent to InfluxDB, or one JSON object a line.
//!
//! ```json
//! {"measurement":"edge_window","timestamp_ns":1767600000000000000,"tags":{"edge":"FRA6"},"fields":{"requests_count":3}}
//! ```

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use crate::model::{Row, Rows, Value};
use crate::sink::line_protocol::Renderer;

/// How rows look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RowFormat {
    /// InfluxDB's line protocol, with time stamps in nanoseconds
    LineProtocol,
    /// One JSON object a line
    Json,
}

/// Writes rows.
pub struct RowWriter<W> {
    output: W,
    format: RowFormat,
    renderer: Renderer,
    line: Vec<u8>,
    rows: u64,
}

impl<W: Write> RowWriter<W> {
    /// To `output`.
    pub fn new(output: W, format: RowFormat) -> Self {
        Self { output, format, renderer: Renderer::new(), line: Vec::new(), rows: 0 }
    }

    /// Writes the rows of a closed window.
    ///
    /// # Errors
    /// What the output answers; of the rows after that none is written.
    pub fn write(&mut self, rows: &dyn Rows) -> io::Result<()> {
        let mut outcome = Ok(());
        rows.visit(0..rows.len(), &mut |row| {
            if outcome.is_ok() {
                outcome = self.write_row(row);
            }
        });
        outcome
    }

    /// How many rows were written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends, and hands back the output.
    ///
    /// # Errors
    /// What the output answers.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }

    fn write_row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.line.clear();
        match self.format {
            RowFormat::LineProtocol => self.renderer.render(row, &mut self.line),
            RowFormat::Json => {
                serde_json::to_writer(&mut self.line, &as_json(row))?;
                self.line.push(b'\n');
            }
        }
        self.rows += 1;
        self.output.write_all(&self.line)
    }
}

fn as_json(row: &Row<'_>) -> Json {
    let schema = row.schema;
    let tags: Map<String, Json> =
        schema.tags.iter().zip(row.tags).map(|(tag, value)| (tag.name.to_owned(), Json::from(*value))).collect();
    let value = |value: &Value<'_>| match value {
        Value::Integer(number) => Json::from(*number),
        Value::Text(text) => Json::from(*text),
    };
    let fields: Map<String, Json> =
        schema.fields.iter().zip(row.fields).map(|(field, given)| (field.name.to_owned(), value(given))).collect();
    json!({ "measurement": schema.measurement, "timestamp_ns": row.timestamp_ns, "tags": tags, "fields": fields })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ops::Range;

    use super::*;
    use crate::model::{Field, FieldKind, Schema, Tag};

    static SCHEMA: Schema = Schema {
        measurement: "m",
        dialect: "cmcd",
        help: "",
        tags: &[Tag { name: "edge", help: "" }],
        fields: &[
            Field { name: "n", kind: FieldKind::Integer, help: "" },
            Field { name: "id", kind: FieldKind::Text, help: "" },
        ],
    };

    struct One;

    impl Rows for One {
        fn len(&self) -> usize {
            1
        }

        fn visit(&self, _: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
            let fields = [Value::Integer(-3), Value::Text("a \"b\"")];
            each(&Row { schema: &SCHEMA, tags: &["F R"], fields: &fields, timestamp_ns: 7 });
        }
    }

    #[test]
    fn a_row_is_a_line_in_either_format() {
        let table = [
            (RowFormat::LineProtocol, "m,edge=F\\ R n=-3i,id=\"a \\\"b\\\"\" 7\n"),
            (
                RowFormat::Json,
                "{\"fields\":{\"id\":\"a \\\"b\\\"\",\"n\":-3},\"measurement\":\"m\",\"tags\":{\"edge\":\"F R\"},\"timestamp_ns\":7}\n",
            ),
        ];
        for (format, expected) in table {
            let mut writer = RowWriter::new(Vec::new(), format);
            writer.write(&One).unwrap();
            assert_eq!(writer.rows(), 1);
            assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), expected);
        }
    }
}
