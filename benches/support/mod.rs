//! What benches of one partition share: records in, windows closed and acknowledged, all rows rendered.

use std::hint::black_box;

use streamgauge::fold::SourceFold;
use streamgauge::model::{Headers, Record, Rows};
use streamgauge::simulate::SimulatedRecord;

/// Reads all records, and a tick that ends their windows, and renders all rows; returns how many rows and parts of rows they gave.
pub(crate) fn read(fold: &mut dyn SourceFold, records: &[SimulatedRecord]) -> usize {
    read_and(fold, records, &mut |rows| {
        rows.visit(0..rows.len(), &mut |row| {
            black_box(row.fields);
        });
    })
}

/// The same, with what is to be done with the rows of sessions instead.
pub(crate) fn read_and(
    fold: &mut dyn SourceFold,
    records: &[SimulatedRecord],
    with_rows: &mut dyn FnMut(&dyn Rows),
) -> usize {
    let mut rows = 0;
    for (offset, record) in (0..).zip(records) {
        let mut headers = Headers::default();
        record.headers.iter().for_each(|(name, value)| headers.set(name, value.as_bytes()));
        let (append_ms, key, value) = (record.append_ms, record.key.as_deref(), record.value.as_slice());
        fold.push(&Record { offset, append_ms, key, value, headers });
        rows += close(fold, with_rows);
    }
    let append_ms = records.last().map_or(0, |last| last.append_ms) + 60_000;
    let headers = Headers { tick: true, ..Headers::default() };
    fold.push(&Record { offset: records.len() as i64, append_ms, key: None, value: &[], headers });
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
