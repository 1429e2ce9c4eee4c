//! Edge totals: one partition's part of an edge row, its encoding on the bus, and the merged row.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::found::Path;
use super::measure::{MEASURES, Measure};
use super::schema::{EDGE_ONLY_COUNT, QUANTILES, SKETCHES};
use super::totals::Totals;
use crate::aggregate::source::Extent;
use crate::aggregate::{Distinct, PartialError, Sketch};
use crate::model::Value;
use crate::model::bytes::{Reader, Writer};

/// The version of the encoding, its first byte.
const VERSION: u8 = 1;

/// How many sessions there were of each [`Path`], and how many ended.
const SESSION_COUNTS: usize = Path::ALL.len() + 2;
const SEEN: usize = 0;
const ENDED: usize = 1;

/// What is known of one edge (and its other roll-up names): in one window, of one partition or merged over all; or in several windows
/// put together.
#[derive(Clone, Default)]
pub struct EdgeTotals {
    pub(super) totals: Totals,
    /// Those seen, those that ended, those seen by path.
    sessions: [i64; SESSION_COUNTS],
    /// The most sessions of any of several windows; 0 for one.
    sessions_peak: i64,
    seen: Distinct,
    sketches: [Sketch; SKETCHES],
}

/// What participants of calls experienced at one edge in one window, for the metrics page.
#[derive(Clone, Copy)]
pub(crate) struct Calls<'a> {
    totals: &'a Totals,
    /// Distinct sessions.
    pub(crate) sessions: u64,
    /// Sessions that were over.
    pub(crate) sessions_ended: u64,
    /// Of each session, the mean round trip time by RTCP, microseconds.
    pub(crate) rtt_us: &'a Sketch,
    /// The same by ICE.
    pub(crate) ice_rtt_us: &'a Sketch,
    /// Of each session, the mean jitter of what it received, microseconds.
    pub(crate) jitter_us: &'a Sketch,
    /// Of each session, the share of packets that did not arrive, 1e-6.
    pub(crate) loss_ppm: &'a Sketch,
    /// Scores of audio received, MOS * 1000.
    pub(crate) audio_score_milli: &'a Sketch,
    /// Scores of video received, MOS * 1000.
    pub(crate) video_score_milli: &'a Sketch,
    /// Of each session, the share of time that video received was frozen, 1e-6.
    pub(crate) freeze_ppm: &'a Sketch,
    /// Of each session that was over, from its first to its last report, ms.
    pub(crate) duration_ms: &'a Sketch,
}

impl Calls<'_> {
    /// A measurement, summed over the sessions.
    pub(crate) fn sum(&self, measure: Measure) -> u64 {
        self.totals.get(measure).max(0).unsigned_abs()
    }

    /// `sum / count`; `None` when there is nothing to divide by.
    pub(crate) fn mean(&self, sum: Measure, count: Measure) -> Option<f64> {
        let count = self.sum(count);
        (count > 0).then(|| self.sum(sum) as f64 / count as f64)
    }
}

impl EdgeTotals {
    /// The version of its encoding.
    pub const VERSION: u8 = VERSION;

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.sessions == [0; SESSION_COUNTS]
    }

    /// Adds what a session did here in a window; `hash` tells it from others.
    pub(super) fn add_session(&mut self, totals: &Totals, hash: u64, path: Path) {
        self.totals.merge(totals);
        if totals.get(Measure::Records) == 0 {
            return;
        }
        self.count(SEEN);
        self.count(path as usize + 2);
        self.seen.add(hash);
        for (sketch, sample) in self.sketches.iter_mut().zip(samples(totals)) {
            if let Some(sample) = sample.and_then(|sample| u64::try_from(sample).ok()) {
                sketch.add(sample);
            }
        }
    }

    /// Counts a session that is over, and how long it was.
    pub(super) fn add_ended(&mut self, duration_ms: i64) {
        self.count(ENDED);
        let [.., durations] = &mut self.sketches;
        durations.add(duration_ms.max(0).unsigned_abs());
    }

    fn count(&mut self, place: usize) {
        if let Some(count) = self.sessions.get_mut(place) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds the part of another partition of the same window. Sessions are disjoint over partitions, so their counts add.
    pub fn merge(&mut self, other: &Self) {
        self.totals.merge(&other.totals);
        for (count, more) in self.sessions.iter_mut().zip(&other.sessions) {
            *count = count.saturating_add(*more);
        }
        self.seen.merge(&other.seen);
        for (sketch, more) in self.sketches.iter_mut().zip(&other.sketches) {
            sketch.merge(more);
        }
    }

    /// Adds another window, or several put together already. A session can be in both, so those seen are no longer counted, only
    /// estimated, and those by path are counted once for each window; it ends once, so that those add.
    pub fn append(&mut self, other: &Self) {
        self.sessions_peak = self.sessions_peak().max(other.sessions_peak());
        self.merge(other);
        if let Some(seen) = self.sessions.get_mut(SEEN) {
            *seen = 0;
        }
    }

    /// The most sessions of any window.
    fn sessions_peak(&self) -> i64 {
        self.sessions_peak.max(self.sessions.get(SEEN).copied().unwrap_or(0))
    }

    /// Writes the partial: a version byte, then the counts and sketches in their declared order.
    pub fn encode(&self, out: &mut Writer) {
        out.byte(VERSION);
        self.totals.write(out);
        self.sessions.iter().for_each(|count| out.integer(*count));
        out.integer(self.sessions_peak);
        self.seen.encode(out);
        self.sketches.iter().for_each(|sketch| out.bytes(&sketch.to_bytes()));
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, PartialError> {
        let version = input.byte()?;
        if version != VERSION {
            return Err(PartialError::Version { found: version, known: VERSION });
        }
        let mut read = Self { totals: Totals::read(input)?, ..Self::default() };
        for count in &mut read.sessions {
            *count = input.integer()?;
        }
        read.sessions_peak = input.integer()?;
        read.seen = Distinct::from_bytes(input.bytes()?)?;
        for sketch in &mut read.sketches {
            *sketch = Sketch::from_bytes(input.bytes()?)?;
        }
        Ok(read)
    }

    /// What participants experienced, for the metrics page.
    pub(crate) fn calls(&self) -> Calls<'_> {
        let counted = |place: usize| self.sessions.get(place).map_or(0, |count| count.unsigned_abs());
        let [rtt_us, ice_rtt_us, jitter_us, loss_ppm, audio_score_milli, video_score_milli, freeze_ppm, duration_ms] =
            self.sketches.each_ref();
        Calls {
            totals: &self.totals,
            sessions: counted(SEEN),
            sessions_ended: counted(ENDED),
            rtt_us,
            ice_rtt_us,
            jitter_us,
            loss_ppm,
            audio_score_milli,
            video_score_milli,
            freeze_ppm,
            duration_ms,
        }
    }

    /// Calls `each` with the values of the edge row's fields, in their declared order.
    pub fn visit_fields(&self, extent: Extent, each: impl FnOnce(&[Value<'_>])) {
        let mut values = Vec::with_capacity(MEASURES + EDGE_ONLY_COUNT);
        values.extend(self.totals.values().map(Value::Integer));
        let estimate = self.seen.estimate();
        let mut counted = self.sessions;
        if !extent.one_window
            && let Some(seen) = counted.get_mut(SEEN)
        {
            *seen = estimate;
        }
        values.extend(counted.map(Value::Integer));
        values.extend([self.sessions_peak(), estimate, extent.partitions_missing].map(Value::Integer));
        for sketch in &self.sketches {
            values.extend(QUANTILES.map(|quantile| Value::Integer(sketch.percentile(quantile))));
        }
        let encoded: Vec<String> = self.sketches.iter().map(|sketch| STANDARD.encode(sketch.to_bytes())).collect();
        values.extend(encoded.iter().map(|text| Value::Text(text)));
        each(&values);
    }
}

/// What one session's window adds to the sketches, in their order; the last is of sessions that are over.
fn samples(totals: &Totals) -> [Option<i64>; SKETCHES - 1] {
    let value = |measure| totals.get(measure);
    let mean = |sum: i64, count: i64| (count > 0).then(|| sum / count);
    let per_million = |part: i64, whole: i64| (whole > 0).then(|| part.saturating_mul(1_000_000) / whole);
    let both = |audio, video| value(audio).saturating_add(value(video));
    let lost = both(Measure::AudioInLost, Measure::VideoInLost);
    let packets = both(Measure::AudioInPackets, Measure::VideoInPackets);
    let covered_us = value(Measure::VideoInCoveredUs);
    [
        mean(value(Measure::Rtt), value(Measure::RttCount)),
        mean(value(Measure::IceRtt), value(Measure::IceRttCount)),
        mean(
            both(Measure::AudioInJitter, Measure::VideoInJitter),
            both(Measure::AudioInJitterCount, Measure::VideoInJitterCount),
        ),
        per_million(lost, lost.saturating_add(packets)),
        mean(value(Measure::AudioInScore), value(Measure::AudioInScoreCount)),
        mean(value(Measure::VideoInScore), value(Measure::VideoInScoreCount)),
        per_million(value(Measure::VideoInFreezeUs).min(covered_us), covered_us),
    ]
}
