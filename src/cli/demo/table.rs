//! One closed window of the viewers as a table: the rows of an edge over all sources, streaming formats and stream types in one line.
//!
//! R1  Sums are added and divided last; percentiles come from merged sketches, never from percentiles.
//! R2  What players ask for counts from every source: a simulated request is told of once, by its log line or by its player.
//! R3  What was delivered (time to first byte, errors) counts from delivery logs alone: players in event mode tell of the same answers, and
//!     adding both would count them twice.
//! R4  A row of a longer window, which begins at the same time, tells the same again and is left out.
//! R5  A session is one, however many rows it has: session rows are counted by their id.
//! R6  Rows of calls are left out: what they have in common with these is no more than names.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::scene::{CALLS, WINDOW};
use crate::aggregate::{Sketch, SketchError};
use crate::store::sqlite::StoredRow;

/// From this share of starved requests on, an edge can be the worst: below, it is what happens to anyone.
const WORST_SHARE: f64 = 0.02;
/// So many starved requests it takes at least: one viewer with a bad network is not a bad edge.
const WORST_STARVED: i64 = 3;

/// An edge is slow when its 95th percentile is so many times the median of all edges' …
const SLOW_FACTOR: i64 = 4;
/// … and of at least so many answers: of few, one slow answer is the 95th percentile.
const SLOW_ANSWERS: usize = 20;

/// Why a window cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Bytes that were base64 when they were written.
    #[error("the sketch of a row cannot be read: {0}; this is a defect")]
    Base64(#[from] base64::DecodeError),
    /// A sketch.
    #[error(transparent)]
    Sketch(#[from] SketchError),
}

/// The sketch that a row carries in a field.
pub(super) fn sketch_of(row: &StoredRow, field: &str) -> Result<Sketch, Error> {
    let bytes = BASE64_STANDARD.decode(row.text(field).unwrap_or_default())?;
    Ok(Sketch::from_bytes(&bytes)?)
}

/// What viewers saw at one edge in one window.
#[derive(Default)]
pub(super) struct EdgeLine {
    pub(super) sessions: BTreeSet<String>,
    pub(super) requests: i64,
    pub(super) starved: i64,
    pub(super) errors: i64,
    pub(super) late: i64,
    video_weighted: i64,
    video_weight_ms: i64,
    ttfb_ms: Sketch,
}

impl EdgeLine {
    /// The share of requests that report an empty buffer.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn starved_share(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.starved as f64 / self.requests as f64 }
    }

    /// The mean video bitrate by duration, in bit/s; `None` = no video with a bitrate and a duration.
    pub(super) fn video_bps(&self) -> Option<i64> {
        self.video_weighted.checked_div(self.video_weight_ms)
    }

    /// The 95th percentile of the time to first byte; `None` = no log line told it.
    pub(super) fn ttfb_p95_ms(&self) -> Option<i64> {
        (self.ttfb_ms.count() > 0).then(|| self.ttfb_ms.percentile(0.95))
    }
}

/// One closed window.
pub(super) struct Table {
    /// Its end, in ms since the Unix epoch.
    pub(super) end_ms: i64,
    /// The edges that requests were made to, by name.
    pub(super) edges: BTreeMap<String, EdgeLine>,
}

impl Table {
    /// From all rows `edge_window` and `session_window` that begin in a window; `delivery` is the source of the delivery logs.
    pub(super) fn combine(
        end_ms: i64,
        edge_rows: &[StoredRow],
        session_rows: &[StoredRow],
        delivery: &str,
    ) -> Result<Self, Error> {
        let mut edges: BTreeMap<String, EdgeLine> = BTreeMap::new();
        let is_viewers = |row: &&StoredRow| row.text("source") != Some(CALLS);
        for row in edge_rows.iter().filter(is_viewers).filter(|row| row.text("window") == Some(WINDOW)) {
            let integer = |name| row.integer(name).unwrap_or(0);
            let line = edges.entry(row.text("edge").unwrap_or("unknown").to_owned()).or_default();
            line.requests += integer("requests_count");
            line.starved += integer("starved_requests_count");
            line.late += integer("records_late_count");
            line.video_weighted += integer("video_bitrate_weighted_sum");
            line.video_weight_ms += integer("video_bitrate_weight_ms");
            if row.text("source") == Some(delivery) {
                line.errors += integer("errors_4xx_count") + integer("errors_5xx_count");
                line.ttfb_ms.merge(&sketch_of(row, "ttfb_ms_sketch")?);
            }
        }
        for row in session_rows.iter().filter(is_viewers) {
            let line = row.text("edge").and_then(|edge| edges.get_mut(edge));
            if let (Some(line), Some(session)) = (line, row.text("session_id")) {
                line.sessions.insert(session.to_owned());
            }
        }
        edges.retain(|_, line| line.requests > 0 || line.late > 0);
        Ok(Self { end_ms, edges })
    }

    /// The edge with the highest share of starved requests, if one stands out.
    pub(super) fn worst(&self) -> Option<&str> {
        let starving =
            self.edges.iter().filter(|(_, line)| line.starved >= WORST_STARVED && line.starved_share() >= WORST_SHARE);
        let worst = starving.max_by(|(_, one), (_, two)| one.starved_share().total_cmp(&two.starved_share()))?;
        Some(worst.0)
    }

    /// The edge with the slowest answers, if it is far slower than most: it shows before its viewers' buffers run dry.
    pub(super) fn slow(&self) -> Option<&str> {
        let answering = self.edges.iter().filter(|(_, line)| line.ttfb_ms.count() >= SLOW_ANSWERS);
        let mut by_ttfb: Vec<(i64, &str)> =
            answering.filter_map(|(edge, line)| Some((line.ttfb_p95_ms()?, edge.as_str()))).collect();
        by_ttfb.sort_unstable();
        // The lower of the two in the middle: of two edges, one can be slow.
        let (median, _) = by_ttfb.get(by_ttfb.len().checked_sub(1)? / 2)?;
        let (slowest, edge) = by_ttfb.last()?;
        (*slowest >= median.saturating_mul(SLOW_FACTOR)).then_some(*edge)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use super::*;
    use crate::store::sqlite::StoredValue;

    fn row(texts: &[(&str, &str)], integers: &[(&str, i64)]) -> StoredRow {
        let texts = texts.iter().map(|(name, text)| (Arc::from(*name), StoredValue::Text((*text).to_owned())));
        let integers = integers.iter().map(|(name, number)| (Arc::from(*name), StoredValue::Integer(*number)));
        StoredRow { timestamp_ns: 0, values: texts.chain(integers).collect() }
    }

    fn sketch(values: std::ops::RangeInclusive<u64>) -> String {
        let mut sketch = Sketch::default();
        values.for_each(|value| sketch.add(value));
        BASE64_STANDARD.encode(sketch.to_bytes())
    }

    fn edge(source: &str, sketch: &str, [requests, starved, errors]: [i64; 3]) -> StoredRow {
        row(
            &[("edge", "MAD"), ("source", source), ("window", WINDOW), ("ttfb_ms_sketch", sketch)],
            &[
                ("requests_count", requests),
                ("starved_requests_count", starved),
                ("errors_5xx_count", errors),
                ("video_bitrate_weighted_sum", requests * 3_000),
                ("video_bitrate_weight_ms", requests),
            ],
        )
    }

    #[test]
    fn rows_of_an_edge_are_added_and_percentiles_are_merged() {
        // 95 fast answers in one row, 5 slow ones in another: the mean of their 95th percentiles would be about 550 ms.
        let (fast, slow) = (sketch(6..=100), sketch(1_000..=1_004));
        let mut minute = edge("cmcd-logs", &slow, [1_000, 1_000, 1_000]);
        minute.values.insert("window".into(), StoredValue::Text("1m".to_owned()));
        let edge_rows = [
            minute,
            edge("cmcd-logs", &fast, [95, 1, 2]),
            edge("cmcd-logs", &slow, [5, 2, 1]),
            // A player's own reports: its requests count, its errors would be those of the logs again.
            edge("cmcd", &slow, [50, 3, 40]),
            // A call's report whose SFU has the same name.
            edge(CALLS, &slow, [7, 7, 7]),
        ];
        let session = |id, edge| row(&[("session_id", id), ("edge", edge)], &[]);
        let session_rows = [session("a", "MAD"), session("a", "MAD"), session("b", "MAD"), session("c", "unknown")];
        let of_a_call = row(&[("session_id", "d"), ("edge", "MAD"), ("source", CALLS)], &[]);
        let session_rows: Vec<_> = session_rows.into_iter().chain([of_a_call]).collect();
        let table = Table::combine(5_000, &edge_rows, &session_rows, "cmcd-logs").unwrap();
        let line = table.edges.get("MAD").unwrap();
        assert_eq!((line.requests, line.starved, line.errors, line.sessions.len()), (150, 6, 3, 2));
        assert_eq!(line.video_bps(), Some(3_000));
        let p95 = line.ttfb_p95_ms().unwrap();
        assert!((98..=102).contains(&p95), "the 95th of 100 answers took 100 ms: {p95}");
        assert_eq!(table.worst(), Some("MAD"));
    }

    #[test]
    fn an_edge_far_slower_than_most_is_slow_before_it_starves_anyone() {
        let named = |name: &str, sketch: &str| {
            let mut row = edge("cmcd-logs", sketch, [100, 0, 0]);
            row.values.insert("edge".into(), StoredValue::Text(name.to_owned()));
            row
        };
        let (fast, slow, one_slow) = (sketch(81..=100), sketch(481..=500), sketch(500..=500));
        let slow_edge = |rows: &[StoredRow]| {
            let table = Table::combine(0, rows, &[], "cmcd-logs").unwrap();
            assert_eq!(table.worst(), None);
            table.slow().map(str::to_owned)
        };
        let usual = [named("CDG", &fast), named("FRA", &fast)];
        let with = |more: StoredRow| usual.iter().cloned().chain([more]).collect::<Vec<_>>();
        assert_eq!(slow_edge(&with(named("MAD", &slow))).as_deref(), Some("MAD"));
        assert_eq!(slow_edge(&with(named("MAD", &one_slow))), None, "a single answer tells nothing");
        assert_eq!(slow_edge(&usual), None);
        assert_eq!(slow_edge(&[]), None);
    }

    #[test]
    fn an_edge_without_delivery_logs_has_no_time_to_first_byte() {
        let table = Table::combine(0, &[edge("cmcd", &sketch(1..=9), [10, 0, 0])], &[], "cmcd-logs").unwrap();
        assert_eq!(table.edges.get("MAD").unwrap().ttfb_p95_ms(), None);
        assert_eq!(table.worst(), None);
    }
}
