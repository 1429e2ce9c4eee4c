//! What a session's next window must know of its past, and what its last row will say: its carry.
//!
//! R1  A session of an entry is over when nothing came for [`IDLE_MS`], and cut when it is a day old: what comes then is another one. While
//!     it lasts, copies are recognised.

use super::counts::Counts;
use super::retention::{Beacons, Progress};
use super::run::{NORMAL, Runs};
use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};

/// After this time without a beacon a session is over, ms: long enough for a pause, and for copies to be recognised.
pub const IDLE_MS: i64 = 600_000;
/// No session is older, ms: what plays for longer is no viewer.
const OLDEST_MS: i64 = 86_400_000;
/// The most scenes of a session that are remembered.
const SCENES_MAX: usize = 4;

/// A scene that the session was in, and in how many beacons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen<'a> {
    pub(super) text: &'a str,
    pub(super) records: i64,
}

/// A session so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life<'a> {
    pub(super) started_ms: i64,
    pub(super) last_ms: i64,
    pub(super) runs: Runs,
    pub(super) speed_permille: i64,
    /// When a stall began that has not ended.
    pub(super) stalled_ms: Option<i64>,
    /// The parts that were reached in this play, a bit for each.
    pub(super) reached: u64,
    /// The published hash of its viewer, as its last beacon has it.
    pub(super) viewer: u64,
    pub(super) totals: Counts,
    pub(super) scenes: Vec<Seen<'a>>,
    /// How far it has come in the entry.
    pub(super) progress: Progress,
}

impl<'a> Life<'a> {
    /// A session whose first beacon is at this time.
    pub(super) fn begin(started_ms: i64) -> Self {
        Self {
            started_ms,
            last_ms: started_ms,
            runs: Runs::default(),
            speed_permille: NORMAL,
            stalled_ms: None,
            reached: 0,
            viewer: 0,
            totals: Counts::default(),
            scenes: Vec::new(),
            progress: Progress::default(),
        }
    }

    /// Whether it is cut for its age at this time.
    pub(super) fn is_cut(&self) -> bool {
        self.last_ms.saturating_sub(self.started_ms) >= OLDEST_MS
    }

    /// When it is over if nothing more comes, ms.
    pub(super) fn time_out_ms(&self) -> i64 {
        if self.is_cut() { self.last_ms } else { self.last_ms.saturating_add(IDLE_MS) }
    }

    /// Adds beacons in a scene.
    pub(super) fn add_scene(&mut self, text: &'a str, records: i64) {
        match self.scenes.iter_mut().find(|seen| seen.text == text) {
            Some(seen) => seen.records = seen.records.saturating_add(records),
            None => self.scenes.push(Seen { text, records }),
        }
    }

    /// Ends a window: what is too much is forgotten.
    pub(super) fn settle(&mut self, end_ms: i64) {
        self.runs.settle(end_ms);
        self.scenes.sort_unstable_by(|left, right| order(left).cmp(&order(right)));
        self.scenes.truncate(SCENES_MAX);
    }

    /// The text of the scene with most beacons, ties by text.
    pub(super) fn main_scene(&self) -> &'a str {
        self.scenes.iter().min_by(|left, right| order(left).cmp(&order(right))).map_or("", |seen| seen.text)
    }

    /// Whether it ended with a wish to play, and without a first frame or an error.
    pub(super) const fn left_before_start(&self) -> bool {
        self.totals.play_requests > 0 && self.totals.plays == 0 && self.totals.errors == 0
    }

    /// How many beacons it has sent, as far as its player counts them.
    pub(super) const fn beacons(&self) -> Beacons {
        Beacons {
            expected: self.totals.beacons_expected,
            received: self.totals.beacons_received,
            lasted_ms: self.last_ms.saturating_sub(self.started_ms),
        }
    }

    /// Writes it down.
    pub(super) fn write(&self, out: &mut Writer) {
        out.integer(self.started_ms);
        packed::write_optional(out, Some(self.last_ms), self.started_ms);
        self.runs.write(out);
        packed::write(out, self.speed_permille);
        packed::write_optional(out, self.stalled_ms, self.started_ms);
        out.unsigned(self.reached);
        out.unsigned(self.viewer);
        self.totals.write(out);
        out.unsigned(self.scenes.len() as u64);
        for seen in &self.scenes {
            out.text(seen.text);
            packed::write(out, seen.records);
        }
        self.progress.encode(out);
    }

    /// Reads what [`Self::write`] wrote.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Short> {
        let mut life = Self::begin(0);
        life.load(bytes)?;
        Ok(life)
    }

    /// The same into a session that has just begun: it is large, and need not be moved. After an error it is of no use.
    pub(super) fn load(&mut self, bytes: &'a [u8]) -> Result<(), Short> {
        let input = &mut Reader::new(bytes);
        self.started_ms = packed::read_signed(input)?;
        self.last_ms = packed::read_optional(input, self.started_ms)?.unwrap_or(self.started_ms);
        self.runs = Runs::read(input)?;
        self.speed_permille = packed::read(input)?;
        self.stalled_ms = packed::read_optional(input, self.started_ms)?;
        self.reached = input.unsigned()?;
        self.viewer = input.unsigned()?;
        self.totals = Counts::read(input)?;
        for _ in 0..input.unsigned()?.min(SCENES_MAX as u64) {
            self.scenes.push(Seen { text: input.text()?, records: packed::read(input)? });
        }
        self.progress = Progress::decode(input)?;
        Ok(())
    }
}

/// The most beacons first.
fn order<'s>(seen: &Seen<'s>) -> (std::cmp::Reverse<i64>, &'s str) {
    (std::cmp::Reverse(seen.records), seen.text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::sample::Sample;
    use super::*;
    use crate::model::kaltura::{Beacon, Event};

    fn lived() -> Life<'static> {
        let mut life = Life::begin(1_767_600_000_123);
        let view = |index, sum_ms| Beacon {
            event: Event::View,
            index: Some(index),
            play_sum_ms: Some(sum_ms),
            buffer_sum_ms: Some(sum_ms / 20),
            ..Beacon::default()
        };
        for (at_ms, index, sum_ms) in [(0, 1, 0), (9_000, 4, 9_000), (50_000, 1, 0), (52_000, 3, 2_000)] {
            life.runs.enter(&Sample::of(&view(index, sum_ms), life.started_ms + at_ms, 0, 0), NORMAL);
        }
        life.last_ms += 52_000;
        life.stalled_ms = Some(life.last_ms - 7);
        (life.reached, life.viewer, life.speed_permille) = (0b101, u64::MAX, 1_250);
        life.totals = Counts { records: 4, play_ms: 11_000, restarts: 1, ..Counts::default() };
        life.add_scene("vod\0example.org\0\0spring", 3);
        life.add_scene("live\0example.org\0\0", 1);
        life
    }

    fn written(life: &Life<'_>) -> Vec<u8> {
        let mut out = Writer::default();
        life.write(&mut out);
        out.into_bytes()
    }

    #[test]
    fn a_life_is_read_back_and_what_is_cut_off_is_damaged() {
        let bytes = written(&lived());
        assert_eq!(Life::read(&bytes), Ok(lived()));
        assert!((0..bytes.len()).all(|length| Life::read(&bytes[..length]).is_err()));
    }

    #[test]
    fn the_main_scene_has_most_beacons_and_few_are_remembered() {
        let mut life = lived();
        assert_eq!(life.main_scene(), "vod\0example.org\0\0spring");
        ["d", "c", "b", "a"].into_iter().for_each(|text| life.add_scene(text, 2));
        life.settle(life.last_ms);
        assert_eq!(
            life.scenes.iter().map(|seen| seen.text).collect::<Vec<_>>(),
            ["vod\0example.org\0\0spring", "a", "b", "c"]
        );
    }

    proptest! {
        /// Whatever is read, it is written again, and goes on, without a panic.
        #[test]
        fn damage_does_no_harm(places in proptest::collection::vec((0_usize..200, any::<u8>()), 1..4)) {
            let mut bytes = written(&lived());
            for (place, byte) in places {
                let length = bytes.len();
                bytes[place % length] = byte;
            }
            if let Ok(mut life) = Life::read(&bytes) {
                let next = Beacon { index: Some(7), play_sum_ms: Some(9_000), ..Beacon::default() };
                let speed_permille = life.speed_permille;
                life.runs.enter(&Sample::of(&next, 1_767_600_100_000, 0, 0), speed_permille);
                life.settle(1_767_600_100_000);
                let _ = (written(&life), life.time_out_ms(), life.main_scene());
            }
        }
    }
}
