//! One closed window of calls as a table: the rows of an SFU over all apps in one line.
//!
//! R1  Sums are added and divided last; percentiles come from merged sketches, never from percentiles.
//! R2  What there is no measurement of is `None`, never 0.
//! R3  A row of a longer window, which begins at the same time, tells the same again and is left out; so are rows of viewers.

use std::collections::BTreeMap;

use super::scene::{CALLS, WINDOW};
use super::table::{Error, sketch_of};
use crate::aggregate::Sketch;
use crate::store::sqlite::StoredRow;

/// From this share of bad windows on, a region can be the worst: below, it is what happens to anyone.
const WORST_SHARE: f64 = 0.25;
/// So many bad windows it takes at least: two participants with bad networks are not a bad region.
const WORST_WINDOWS: i64 = 3;

/// A part and the whole that it is of, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: i64,
    pub(super) whole: i64,
}

impl Share {
    pub(super) fn add(&mut self, part: i64, whole: i64) {
        self.part += part;
        self.whole += whole;
    }

    /// The quotient; `None` = there is nothing that it could be of.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn ratio(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }
}

/// What participants heard and saw at one SFU in one window.
#[derive(Default)]
pub(super) struct SfuLine {
    pub(super) region: String,
    pub(super) sessions: i64,
    /// Packets received and lost, of these the lost ones.
    pub(super) lost: Share,
    /// Time in which video was received, of it that in which it was frozen.
    pub(super) frozen: Share,
    /// The sum of the scores of what was received (MOS * 1000), over their number.
    pub(super) audio_milli: Share,
    pub(super) video_milli: Share,
    /// Windows of sessions with a score, of these those that score badly.
    pub(super) bad: Share,
    rtt_us: Sketch,
}

impl SfuLine {
    fn add(&mut self, row: &StoredRow) -> Result<(), Error> {
        let integer = |name| row.integer(name).unwrap_or(0);
        let lost = integer("audio_in_packets_lost_count") + integer("video_in_packets_lost_count");
        let arrived = integer("audio_in_packets_count") + integer("video_in_packets_count");
        let frozen_ms = integer("stall_ms");
        self.sessions += integer("sessions_count");
        self.lost.add(lost, lost + arrived);
        self.frozen.add(frozen_ms, frozen_ms + integer("play_ms"));
        self.audio_milli.add(integer("audio_in_score_milli"), integer("audio_in_score_count"));
        self.video_milli.add(integer("video_in_score_milli"), integer("video_in_score_count"));
        self.bad.add(integer("bad_windows_count"), integer("scored_windows_count"));
        self.rtt_us.merge(&sketch_of(row, "rtt_us_sketch")?);
        Ok(())
    }

    /// The 90th percentile over sessions of the mean round trip time; `None` = nobody told one.
    pub(super) fn rtt_p90_us(&self) -> Option<i64> {
        (self.rtt_us.count() > 0).then(|| self.rtt_us.percentile(0.9))
    }
}

/// One closed window.
pub(super) struct CallTable {
    /// The SFUs that participants were connected to, by name.
    pub(super) sfus: BTreeMap<String, SfuLine>,
}

impl CallTable {
    /// From all rows `edge_window` that begin in a window.
    pub(super) fn combine(edge_rows: &[StoredRow]) -> Result<Self, Error> {
        let mut sfus: BTreeMap<String, SfuLine> = BTreeMap::new();
        let is_calls = |row: &&StoredRow| row.text("source") == Some(CALLS) && row.text("window") == Some(WINDOW);
        for row in edge_rows.iter().filter(is_calls) {
            let line = sfus.entry(row.text("edge").unwrap_or("unknown").to_owned()).or_default();
            row.text("region").unwrap_or("unknown").clone_into(&mut line.region);
            line.add(row)?;
        }
        sfus.retain(|_, line| line.sessions > 0);
        Ok(Self { sfus })
    }

    /// The region with the highest share of bad windows, and that share, if one stands out.
    pub(super) fn worst(&self) -> Option<(&str, f64)> {
        let mut regions: BTreeMap<&str, Share> = BTreeMap::new();
        for line in self.sfus.values() {
            regions.entry(&line.region).or_default().add(line.bad.part, line.bad.whole);
        }
        let bad = regions.into_iter().filter(|(_, bad)| bad.part >= WORST_WINDOWS);
        let shares = bad.filter_map(|(region, bad)| Some((region, bad.ratio()?)));
        let standing_out = shares.filter(|(_, share)| *share >= WORST_SHARE);
        standing_out.max_by(|(_, one), (_, two)| one.total_cmp(two))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::store::sqlite::StoredValue;

    /// A row of an SFU, with these bad windows of ten and these mean round trip times.
    fn row(sfu: &str, region: &str, app: &str, bad: i64, rtt_us: std::ops::RangeInclusive<u64>) -> StoredRow {
        let mut sketch = Sketch::default();
        rtt_us.for_each(|value| sketch.add(value));
        let sketch = BASE64_STANDARD.encode(sketch.to_bytes());
        let texts = [("source", CALLS), ("window", WINDOW), ("edge", sfu), ("region", region), ("app", app)];
        let texts = texts.into_iter().chain([("rtt_us_sketch", sketch.as_str())]);
        let integers = [("sessions_count", 10), ("bad_windows_count", bad), ("scored_windows_count", 10)];
        let texts = texts.map(|(name, text)| (Arc::from(name), StoredValue::Text(text.to_owned())));
        let integers = integers.into_iter().map(|(name, number)| (Arc::from(name), StoredValue::Integer(number)));
        StoredRow { timestamp_ns: 0, values: texts.chain(integers).collect() }
    }

    fn with(mut row: StoredRow, integers: &[(&str, i64)]) -> StoredRow {
        let integers = integers.iter().map(|(name, number)| (Arc::from(*name), StoredValue::Integer(*number)));
        row.values.extend(integers);
        row
    }

    fn tagged(mut row: StoredRow, tag: &str, text: &str) -> StoredRow {
        row.values.insert(tag.into(), StoredValue::Text(text.to_owned()));
        row
    }

    #[test]
    fn rows_of_an_sfu_are_added_and_percentiles_are_merged() {
        // Of 100 round trip times, 90 are short: the mean of the two rows' 90th percentiles would be about 500 µs.
        let clinic = with(
            row("sfu", "us-east", "clinic", 1, 1..=90),
            &[
                ("audio_in_packets_lost_count", 1),
                ("video_in_packets_lost_count", 2),
                ("audio_in_packets_count", 40),
                ("video_in_packets_count", 57),
                ("stall_ms", 30),
                ("play_ms", 70),
                ("audio_in_score_milli", 9_000),
                ("audio_in_score_count", 2),
            ],
        );
        let townhall = with(
            row("sfu", "us-east", "townhall", 4, 1_000..=1_009),
            &[
                ("audio_in_packets_count", 100),
                ("play_ms", 400),
                ("audio_in_score_milli", 3_000),
                ("audio_in_score_count", 1),
            ],
        );
        let (minute, viewers) = (tagged(townhall.clone(), "window", "1m"), tagged(townhall.clone(), "source", "cmcd"));
        let table = CallTable::combine(&[minute, clinic, viewers, townhall]).unwrap();
        let line = table.sfus.get("sfu").unwrap();
        assert_eq!((table.sfus.len(), line.region.as_str(), line.sessions), (1, "us-east", 20));
        assert_eq!((line.lost, line.frozen), (Share { part: 3, whole: 200 }, Share { part: 30, whole: 500 }));
        assert_eq!((line.audio_milli.ratio(), line.video_milli.ratio()), (Some(4_000.0), None));
        assert_eq!(line.bad.ratio(), Some(0.25));
        let p90 = line.rtt_p90_us().unwrap();
        assert!((88..=92).contains(&p90), "the 90th of 100 took 90 µs: {p90}");
    }

    #[test]
    fn a_region_stands_out_by_all_of_its_sfus() {
        let worst = |bad: [i64; 4]| {
            let places = [("fra-1", "eu"), ("fra-2", "eu"), ("iad-1", "us"), ("iad-2", "us")];
            let rows = places.into_iter().zip(bad).map(|((sfu, region), bad)| row(sfu, region, "clinic", bad, 1..=1));
            let table = CallTable::combine(&rows.collect::<Vec<_>>()).unwrap();
            table.worst().map(|(region, share)| (region.to_owned(), share))
        };
        assert_eq!(worst([9, 0, 5, 5]), Some(("us".to_owned(), 0.5)), "one SFU alone is worse than each of these");
        assert_eq!(worst([2, 2, 0, 1]), None, "a fifth is what happens to anyone");
        assert_eq!(worst([0, 0, 0, 0]), None);
    }

    #[test]
    fn what_there_is_no_measurement_of_is_none() {
        let idle = with(row("sfu", "us-east", "clinic", 0, 1..=1), &[("scored_windows_count", 0)]);
        let idle = tagged(idle, "rtt_us_sketch", &BASE64_STANDARD.encode(Sketch::default().to_bytes()));
        let gone = with(row("other", "us-east", "clinic", 0, 1..=1), &[("sessions_count", 0)]);
        let table = CallTable::combine(&[idle, gone]).unwrap();
        assert_eq!(table.sfus.len(), 1, "of an SFU without a session there is nothing to show");
        let line = table.sfus.get("sfu").unwrap();
        assert_eq!(
            (line.rtt_p90_us(), line.bad.ratio(), line.lost.ratio(), line.frozen.ratio()),
            (None, None, None, None)
        );
    }
}
