//! What benches of one partition share: records in, windows closed and acknowledged, all rows rendered.

use std::hint::black_box;

use streamgauge::fold::SourceFold;
use streamgauge::model::bytes::{Reader, Short, Writer};
use streamgauge::model::{Headers, Record, Rows};
use streamgauge::simulate::SimulatedRecord;

/// Records as a consumer has them: each in one piece of memory, one behind the other.
pub(crate) struct Batch {
    packed: Vec<u8>,
    last_ms: i64,
}

impl Batch {
    pub(crate) fn new(records: &[SimulatedRecord]) -> Self {
        let mut out = Writer::default();
        for record in records {
            out.integer(record.append_ms);
            out.byte(u8::from(record.key.is_some()));
            out.bytes(record.key.as_deref().unwrap_or_default());
            out.bytes(&record.value);
            out.unsigned(record.headers.len() as u64);
            for (name, value) in &record.headers {
                out.text(name);
                out.text(value);
            }
        }
        Self { packed: out.into_bytes(), last_ms: records.last().map_or(0, |last| last.append_ms) }
    }
}

fn next_record<'a>(input: &mut Reader<'a>, offset: i64) -> Result<Record<'a>, Short> {
    let append_ms = input.integer()?;
    let has_key = input.byte()? == 1;
    let key = Some(input.bytes()?).filter(|_| has_key);
    let value = input.bytes()?;
    let mut headers = Headers::default();
    for _ in 0..input.unsigned()? {
        headers.set(input.text()?, input.bytes()?);
    }
    Ok(Record { offset, append_ms, key, value, headers })
}

/// Reads all records, and a tick that ends their windows, and renders all rows; returns how many rows and parts of rows they gave.
pub(crate) fn read(fold: &mut dyn SourceFold, batch: &Batch) -> usize {
    read_and(fold, batch, &mut |rows| {
        rows.visit(0..rows.len(), &mut |row| {
            black_box(row.fields);
        });
    })
}

/// The same, with what is to be done with the rows of sessions instead.
pub(crate) fn read_and(fold: &mut dyn SourceFold, batch: &Batch, with_rows: &mut dyn FnMut(&dyn Rows)) -> usize {
    let mut rows = 0;
    let mut offset = 0;
    let mut input = Reader::new(&batch.packed);
    while !input.is_empty() {
        fold.push(&next_record(&mut input, offset).unwrap());
        rows += close(fold, with_rows);
        offset += 1;
    }
    let headers = Headers { tick: true, ..Headers::default() };
    fold.push(&Record { offset, append_ms: batch.last_ms + 60_000, key: None, value: &[], headers });
    rows + close(fold, with_rows)
}

/// Closes what is final.
fn close(fold: &mut dyn SourceFold, with_rows: &mut dyn FnMut(&dyn Rows)) -> usize {
    let mut rows = 0;
    while let Some(closed) = fold.close_next() {
        with_rows(&closed.rows);
        rows += closed.rows.len() + closed.edges.len();
        fold.acknowledge(closed.end);
        let point = fold.commit_point();
        fold.committed(&point);
    }
    rows
}
