//! Edge totals: one partition's part of an edge row, its encoding on the bus, and the merged row.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::counters::{Counters, LifeSum, Sum, Totals};
use super::keys::Sketches;
use super::schema::{EDGE_ONLY_COUNT, SHARED, shared_values};
use crate::aggregate::source::Extent;
use crate::aggregate::{Distinct, PartialError, Sketch};
use crate::model::Value;
use crate::model::bytes::{Reader, Writer};

/// The version of the encoding, its first byte.
const VERSION: u8 = 2;
/// How many values of a session's life version 1 had, and how many counts of sessions.
const VERSION_1: (usize, usize) = (2, 2);

/// What viewers at one edge experienced in one window, for the metrics page.
#[derive(Clone, Copy)]
pub struct Viewers<'a> {
    /// Requests.
    pub requests: u64,
    /// Media requests.
    pub media_requests: u64,
    /// Response bytes.
    pub bytes: u64,
    /// 4xx answers.
    pub errors_4xx: u64,
    /// 5xx answers.
    pub errors_5xx: u64,
    /// Requests without an answer.
    pub aborted: u64,
    /// Requests served from a cache.
    pub cache_hits: u64,
    /// Requests whose cache result is known.
    pub cache_known: u64,
    /// Records with `bs`.
    pub starved_requests: u64,
    /// Starvations.
    pub starvations: u64,
    /// Records with `su`.
    pub startup_requests: u64,
    /// Distinct sessions.
    pub sessions: u64,
    /// Of these, those that starved.
    pub sessions_starved: u64,
    /// Times to first byte, ms.
    pub ttfb_ms: &'a Sketch,
    /// Measured throughputs, bit/s.
    pub throughput_bps: &'a Sketch,
}

/// The distinct sessions of one edge, by estimate: what is left of them when windows are put together.
#[derive(Clone, Default)]
pub(super) struct SessionsSeen {
    pub(super) all: Distinct,
    pub(super) starved: Distinct,
}

/// What is known of one edge (and its other roll-up names): in one window, of one partition or merged over all; or in several windows
/// put together.
#[derive(Clone)]
pub struct EdgeTotals {
    pub(super) totals: Totals,
    sessions: [i64; SESSION_COUNTS],
    /// The most sessions of any of several windows; 0 for one.
    sessions_peak: i64,
    pub(super) seen: SessionsSeen,
    sketches: Sketches,
}

/// How many sessions, or plays of sessions, there were of a kind. The order is that of the encoding and of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum SessionCount {
    Seen,
    Starved,
    Ended,
    StartFailures,
    PlayFailures,
    ExitsBeforeStart,
}

const SESSION_COUNTS: usize = SessionCount::ExitsBeforeStart as usize + 1;

impl EdgeTotals {
    /// The version of its encoding.
    pub const VERSION: u8 = VERSION;

    pub(super) fn new(sessionless: &Counters, sketches: Sketches) -> Self {
        let mut totals = Totals::default();
        totals.absorb(sessionless);
        let seen = SessionsSeen::default();
        Self { totals, sessions: [0; SESSION_COUNTS], sessions_peak: 0, seen, sketches }
    }

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.totals == Totals::default()
    }

    /// Counts sessions, or plays, of a kind.
    pub(super) fn add_sessions(&mut self, kind: SessionCount, amount: i64) {
        if let Some(count) = self.sessions.get_mut(kind as usize) {
            *count = count.saturating_add(amount);
        }
    }

    /// Adds the part of another partition of the same window. Sessions are disjoint over partitions, so their counts add.
    pub fn merge(&mut self, other: &Self) {
        self.totals.merge(&other.totals);
        for (count, more) in self.sessions.iter_mut().zip(&other.sessions) {
            *count = count.saturating_add(*more);
        }
        self.seen.all.merge(&other.seen.all);
        self.seen.starved.merge(&other.seen.starved);
        self.sketches.merge(&other.sketches);
    }

    /// Adds another window, or several put together already. A session can be in both, so those seen are no longer counted, only
    /// estimated; it ends once, so that what is counted at its end adds.
    pub fn append(&mut self, other: &Self) {
        self.sessions_peak = self.sessions_peak().max(other.sessions_peak());
        self.merge(other);
        for kind in [SessionCount::Seen, SessionCount::Starved] {
            if let Some(count) = self.sessions.get_mut(kind as usize) {
                *count = 0;
            }
        }
    }

    /// The most sessions of any window.
    fn sessions_peak(&self) -> i64 {
        self.sessions_peak.max(self.sessions[SessionCount::Seen as usize])
    }

    /// Writes the partial: a version byte, then the counts and sketches in their declared order.
    pub fn encode(&self, out: &mut Writer) {
        out.byte(VERSION);
        Sum::WRITTEN.iter().for_each(|sum| out.integer(self.totals.get(*sum)));
        let Totals { extremes, life, .. } = &self.totals;
        for value in extremes.iter().chain(life).chain(&self.sessions) {
            out.integer(*value);
        }
        for sketch in [&self.sketches.ttfb_ms, &self.sketches.time_taken_ms, &self.sketches.throughput_bps] {
            out.bytes(&sketch.to_bytes());
        }
        out.integer(self.sessions_peak);
        self.seen.all.encode(out);
        self.seen.starved.encode(out);
    }

    /// Reads what [`Self::encode`] wrote, or what version 1 did: its values are the first of each kind, and the others are 0. It did not
    /// tell sessions apart: none of its sessions is in an estimate.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, PartialError> {
        let (mut totals, mut sessions) = (Totals::default(), [0; SESSION_COUNTS]);
        let version = input.byte()?;
        let (lives, counts) = match version {
            1 => VERSION_1,
            VERSION => (totals.life.len(), sessions.len()),
            other => return Err(PartialError::Version { found: other, known: VERSION }),
        };
        for sum in Sum::WRITTEN {
            totals.set(sum, input.integer()?);
        }
        let Totals { extremes, life, .. } = &mut totals;
        let values = extremes.iter_mut().chain(life.iter_mut().take(lives));
        for value in values.chain(sessions.iter_mut().take(counts)) {
            *value = input.integer()?;
        }
        let sketches = Sketches {
            ttfb_ms: Sketch::from_bytes(input.bytes()?)?,
            time_taken_ms: Sketch::from_bytes(input.bytes()?)?,
            throughput_bps: Sketch::from_bytes(input.bytes()?)?,
        };
        let mut read = Self { totals, sessions, sessions_peak: 0, seen: SessionsSeen::default(), sketches };
        if version > 1 {
            read.sessions_peak = input.integer()?;
            read.seen.all = Distinct::from_bytes(input.bytes()?)?;
            read.seen.starved = Distinct::from_bytes(input.bytes()?)?;
        }
        Ok(read)
    }

    /// What viewers experienced, for the metrics page.
    pub(crate) fn viewers(&self) -> Viewers<'_> {
        let count = |sum| self.totals.get(sum).unsigned_abs();
        let sessions = |kind| self.sessions.get(kind as usize).map_or(0, |count| count.unsigned_abs());
        Viewers {
            requests: count(Sum::Requests),
            media_requests: count(Sum::MediaRequests),
            bytes: count(Sum::Bytes),
            errors_4xx: count(Sum::Errors4xx),
            errors_5xx: count(Sum::Errors5xx),
            aborted: count(Sum::Aborted),
            cache_hits: count(Sum::CacheHits),
            cache_known: count(Sum::CacheKnown),
            starved_requests: count(Sum::StarvedRequests),
            starvations: self.totals.life(LifeSum::Starvations).unsigned_abs(),
            startup_requests: count(Sum::StartupRequests),
            sessions: sessions(SessionCount::Seen),
            sessions_starved: sessions(SessionCount::Starved),
            ttfb_ms: &self.sketches.ttfb_ms,
            throughput_bps: &self.sketches.throughput_bps,
        }
    }

    /// Calls `each` with the values of the edge row's fields, in their declared order.
    pub(crate) fn visit_fields(&self, extent: Extent, each: impl FnOnce(&[Value<'_>])) {
        let mut values = Vec::with_capacity(SHARED + EDGE_ONLY_COUNT);
        values.extend(shared_values(&self.totals).map(Value::Integer));
        let estimate = self.seen.all.estimate();
        let mut counted = self.sessions;
        if !extent.one_window {
            [counted[SessionCount::Seen as usize], counted[SessionCount::Starved as usize]] =
                [estimate, self.seen.starved.estimate()];
        }
        values.push(Value::Integer(self.totals.get(Sum::BufferLow)));
        values.extend(counted.map(Value::Integer));
        values.extend([self.sessions_peak(), estimate, extent.partitions_missing].map(Value::Integer));
        let sketches = [&self.sketches.ttfb_ms, &self.sketches.time_taken_ms, &self.sketches.throughput_bps];
        for sketch in sketches {
            values.extend([0.50, 0.90, 0.95, 0.99].map(|quantile| Value::Integer(sketch.percentile(quantile))));
        }
        let encoded = sketches.map(|sketch| STANDARD.encode(sketch.to_bytes()));
        values.extend(encoded.iter().map(|text| Value::Text(text)));
        each(&values);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_partial_of_version_1_is_read_with_what_it_does_not_have_as_0() {
        let mut expected = EdgeTotals::new(&Counters::default(), Sketches::default());
        expected.totals.sums[Sum::Duplicates as usize] = 7;
        expected.totals.add_life(LifeSum::Starvations, 3);
        expected.add_sessions(SessionCount::Starved, 2);
        let mut old = Writer::default();
        old.byte(1);
        Sum::WRITTEN.iter().for_each(|sum| old.integer(expected.totals.get(*sum)));
        expected.totals.extremes.iter().for_each(|value| old.integer(*value));
        // Media, starvations, sessions, sessions starved.
        [0, 3, 0, 2].into_iter().for_each(|value| old.integer(value));
        for _ in 0..3 {
            old.bytes(&Sketch::default().to_bytes());
        }
        let encoded = |totals: &EdgeTotals| {
            let mut out = Writer::default();
            totals.encode(&mut out);
            out.into_bytes()
        };
        let read = EdgeTotals::decode(&mut Reader::new(&old.into_bytes())).unwrap();
        assert_eq!(encoded(&read), encoded(&expected));
        let read_again = EdgeTotals::decode(&mut Reader::new(&encoded(&expected))).unwrap();
        assert_eq!(encoded(&read_again), encoded(&expected));
        assert!(matches!(EdgeTotals::decode(&mut Reader::new(&[3])), Err(PartialError::Version { found: 3, .. })));
    }
}
