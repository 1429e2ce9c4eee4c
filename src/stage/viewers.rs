//! What the stages add to the metrics page: what became of records, and what viewers experienced at each edge.

use super::calls::report_calls;
use crate::aggregate::Sketch;
use crate::aggregate::cmcd::Viewers;
use crate::aggregate::rollup::{EdgeRows, Totals};
use crate::fold::Counts;
use crate::telemetry as names;

/// Adds what a source partition counted; `dead_letters` = records that could not be read.
pub(super) fn report_source(source: &str, counts: &Counts, dead_letters: u64) {
    let outcomes = [
        ("accepted", counts.events),
        ("late", counts.late),
        ("duplicate", counts.duplicates),
        ("dead_letter", dead_letters),
        ("tick", counts.ticks),
    ];
    for (outcome, count) in outcomes {
        if count > 0 {
            metrics::counter!(names::EVENTS.name, "source" => source.to_owned(), "outcome" => outcome).increment(count);
        }
    }
    let others = [
        (names::MEMBERS_REJECTED, counts.members_rejected),
        (names::LATE_RECORDS, counts.late),
        (names::CLAMPED_RECORDS, counts.clamped),
        (names::DUPLICATE_RECORDS, counts.duplicates),
        (names::CARRIES_DAMAGED, counts.carries_damaged),
        (names::CARRIES_LET_GO, counts.carries_let_go),
    ];
    for (metric, count) in others {
        if count > 0 {
            metrics::counter!(metric.name, "source" => source.to_owned()).increment(count);
        }
    }
}

/// Source, edge and tenant.
pub(super) type EdgeLabels = [(&'static str, String); 3];

/// Adds what viewers experienced in one window, by source, edge and tenant.
pub(super) fn report_edges(rows: &EdgeRows) {
    for (key, totals) in rows.of_the_window() {
        let labels =
            [("source", key.source.to_string()), ("edge", key.edge.to_string()), ("tenant", key.tenant.to_string())];
        match totals {
            Totals::Cmcd(totals) => report_viewers(totals.viewers(), &labels),
            Totals::Webrtc(totals) => report_calls(totals.calls(), &labels),
            // By entry, place and device, which are too many for labels: rows have them.
            Totals::Kaltura(_) => {}
        }
    }
}

fn report_viewers(viewers: Viewers<'_>, labels: &EdgeLabels) {
    let counters = [
        (names::QOE_REQUESTS, viewers.requests),
        (names::QOE_MEDIA_REQUESTS, viewers.media_requests),
        (names::QOE_BYTES, viewers.bytes),
        (names::QOE_CACHE_HITS, viewers.cache_hits),
        (names::QOE_CACHE_KNOWN, viewers.cache_known),
        (names::QOE_STARVED_REQUESTS, viewers.starved_requests),
        (names::QOE_STARVATIONS, viewers.starvations),
        (names::QOE_STARTUP_REQUESTS, viewers.startup_requests),
    ];
    for (metric, count) in counters {
        metrics::counter!(metric.name, labels).increment(count);
    }
    let classes = [("4xx", viewers.errors_4xx), ("5xx", viewers.errors_5xx), ("aborted", viewers.aborted)];
    for (class, count) in classes {
        let classed = [labels[0].clone(), labels[1].clone(), labels[2].clone(), ("class", class.to_owned())];
        metrics::counter!(names::QOE_ERRORS.name, &classed).increment(count);
    }
    metrics::gauge!(names::QOE_SESSIONS.name, labels).set(viewers.sessions as f64);
    metrics::gauge!(names::QOE_STARVED_SESSIONS.name, labels).set(viewers.sessions_starved as f64);
    spread(viewers.ttfb_ms, |millis, count| {
        metrics::histogram!(names::QOE_TTFB.name, labels).record_many(millis / 1000.0, count);
    });
    spread(viewers.throughput_bps, |bps, count| {
        metrics::histogram!(names::QOE_THROUGHPUT.name, labels).record_many(bps, count);
    });
}

/// Into how many parts a sketch is cut for a histogram.
const PARTS: usize = 100;

/// A sketch as values with their counts: its percentiles in equal steps, the counts adding up to the number of values in it.
pub(super) fn spread(sketch: &Sketch, mut each: impl FnMut(f64, usize)) {
    let count = sketch.count();
    let parts = count.min(PARTS);
    for part in 0..parts {
        let (from, to) = (count * part / parts, count * (part + 1) / parts);
        let middle = (part as f64 + 0.5) / parts as f64;
        each(sketch.percentile(middle) as f64, to - from);
    }
}
