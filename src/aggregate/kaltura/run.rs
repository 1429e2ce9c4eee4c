//! Runs: a player counts its beacons, and sums what it played and stalled; at times it begins to do so anew, under the same session.
//!
//! R1  A run is over when the index is back at its beginning (1 or 2, after 3 or more) with another beacon than the one that had this index;
//!     or when it is 1 after 30 s of silence; or when, after as much silence, both index and sums fell.
//! R2  A beacon is a copy when the run has seen its index, of the last 256. What comes with an index from before them counts.
//! R3  A sum grows from one beacon to the next by time, whose index is the highest yet: what is overtaken was in the sum of the one before
//!     it. So whatever the order, and however a session is cut into windows, the same is counted.
//! R4  How many beacons there were is how far the index came; a step of more than [`GAP_MAX`] says nothing.
//! R5  For 5 s after a run began, a beacon that continues the one before belongs to that.

use super::sample::{Sample, Slot};
use crate::aggregate::packed::{self, Bits};
use crate::model::bytes::{Reader, Short, Writer};

/// Silence after which a player begins anew, ms.
const SILENCE_MS: i64 = 30_000;
/// How long the run before still takes its beacons, ms; also how far they may be from one another in index.
const OVERLAP_MS: i64 = 5_000;
const OVERLAP: u32 = 32;
/// A run that is first seen with a higher index than this began before, and nobody knows what was lost.
const OPENING_MAX: u32 = 8;
/// A larger step is none.
const GAP_MAX: u32 = 1_000;
/// What the first sum of a run may be for it to count, ms: a view and what a timer is late by.
const FIRST_MAX_MS: i64 = 12_000;
/// What a sum may grow by beyond the time passed, ms.
const SLACK_MS: i64 = 2_000;
/// Normal speed, in thousandths.
pub(super) const NORMAL: i64 = 1_000;

/// A sum that a player keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Growing {
    sum: Option<i64>,
    at_ms: i64,
}

impl Growing {
    /// How much it grew, as far as that can be true, and whether it is less than it says.
    fn grow(&mut self, sum: i64, time_ms: i64, speed_permille: i64) -> (i64, bool) {
        let passed_ms = time_ms.saturating_sub(self.at_ms).max(0);
        let most = passed_ms.saturating_mul(speed_permille) / NORMAL + SLACK_MS;
        let before = self.sum.replace(sum.max(0));
        self.at_ms = self.at_ms.max(time_ms);
        let Some(before) = before else {
            return (if sum <= FIRST_MAX_MS { sum.max(0) } else { 0 }, false);
        };
        let grown = sum.saturating_sub(before);
        let counted = grown.clamp(0, most);
        (counted, counted != grown)
    }

    fn fell(&self, sum: Option<i64>) -> bool {
        matches!((self.sum, sum), (Some(before), Some(sum)) if sum < before)
    }

    fn write(&self, out: &mut Writer, base_ms: i64) {
        packed::write_optional(out, self.sum, 0);
        packed::write_optional(out, Some(self.at_ms), base_ms);
    }

    fn read(input: &mut Reader<'_>, base_ms: i64) -> Result<Self, Short> {
        let sum = packed::read_optional(input, 0)?;
        Ok(Self { sum, at_ms: packed::read_optional(input, base_ms)?.unwrap_or(base_ms) })
    }
}

/// What a beacon's sums add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) play_ms: i64,
    pub(super) stall_ms: i64,
    pub(super) clamped: i64,
}

/// One run of a player's counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    opened_ms: i64,
    last_ms: i64,
    /// The highest index; 0 = none yet.
    highest: u32,
    /// Bit k: whether `highest` - k was seen.
    seen: Bits,
    /// What the beacons with index 1 and 2 said; 0 = not seen.
    heads: [u32; 2],
    play: Growing,
    stall: Growing,
}

/// How a beacon fits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It came before.
    Copy,
    /// Others overtook it.
    Overtaken,
    /// It is the newest; by how much the index grew.
    Newest(u32),
}

impl Run {
    fn open(sample: &Sample) -> Self {
        let time_ms = sample.time_ms;
        let sum = sample.index.filter(|index| *index <= 2).map(|_| 0);
        // What is said by the first beacon itself was not said since.
        let growing = |slot| Growing { sum: sum.filter(|_| sample.get(slot).is_none()), at_ms: time_ms };
        Self {
            opened_ms: time_ms,
            last_ms: time_ms,
            play: growing(Slot::PlaySum),
            stall: growing(Slot::StallSum),
            ..Self::default()
        }
    }

    fn place(&mut self, sample: &Sample) -> Place {
        let Some(index) = sample.index else { return Place::Newest(0) };
        if index <= self.highest {
            let back = i64::from(self.highest - index);
            if self.seen.get(back) {
                return Place::Copy;
            }
            self.seen.set(back);
            self.note_head(index, sample);
            return Place::Overtaken;
        }
        let step = index - self.highest;
        self.seen.shift_up(i64::from(step));
        self.seen.set(0);
        let expected = match self.highest {
            0 if index <= OPENING_MAX => index,
            0 => 1,
            _ if step > GAP_MAX => 1,
            _ => step,
        };
        self.highest = index;
        self.note_head(index, sample);
        Place::Newest(expected)
    }

    fn note_head(&mut self, index: u32, sample: &Sample) {
        let head = index.checked_sub(1).and_then(|place| self.heads.get_mut(place as usize));
        if let Some(head) = head {
            *head = sample.content();
        }
    }

    /// Whether a beacon begins another run (R1).
    fn is_over(&self, sample: &Sample) -> bool {
        let silent = sample.time_ms.saturating_sub(self.last_ms) >= SILENCE_MS;
        let fell = self.play.fell(sample.get(Slot::PlaySum)) || self.stall.fell(sample.get(Slot::StallSum));
        let Some(index) = sample.index else { return silent && fell };
        if silent && (index == 1 || index <= self.highest && fell) {
            return true;
        }
        if index > 2 || self.highest < 3 {
            return false;
        }
        match index.checked_sub(1).and_then(|place| self.heads.get(place as usize)) {
            Some(0) => fell,
            Some(head) => *head != sample.content(),
            None => false,
        }
    }

    /// What its sums grew by with the newest beacon.
    fn grow(&mut self, sample: &Sample, speed_permille: i64) -> Growth {
        let mut growth = Growth::default();
        let mut note = |(amount, is_clamped): (i64, bool)| {
            growth.clamped += i64::from(is_clamped);
            amount
        };
        let play_ms = sample.get(Slot::PlaySum).map(|sum| note(self.play.grow(sum, sample.time_ms, speed_permille)));
        let stall_ms = match (sample.get(Slot::StallSum), sample.get(Slot::Stall)) {
            (Some(sum), _) => Some(note(self.stall.grow(sum, sample.time_ms, NORMAL))),
            // A player that keeps no sum tells each stall by itself.
            (None, Some(stall)) if self.stall.sum.is_none() => Some(stall.clamp(0, FIRST_MAX_MS)),
            (None, _) => None,
        };
        (growth.play_ms, growth.stall_ms) = (play_ms.unwrap_or(0), stall_ms.unwrap_or(0));
        growth
    }

    fn write(&self, out: &mut Writer) {
        out.integer(self.opened_ms);
        packed::write_optional(out, Some(self.last_ms), self.opened_ms);
        out.unsigned(u64::from(self.highest));
        self.seen.write(out);
        self.heads.iter().for_each(|head| out.unsigned(u64::from(*head)));
        self.play.write(out, self.opened_ms);
        self.stall.write(out, self.opened_ms);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let opened_ms = packed::read_signed(input)?;
        let last_ms = packed::read_optional(input, opened_ms)?.unwrap_or(opened_ms);
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let highest = small(input.unsigned()?);
        let seen = Bits::read(input)?;
        let heads = [small(input.unsigned()?), small(input.unsigned()?)];
        let (play, stall) = (Growing::read(input, opened_ms)?, Growing::read(input, opened_ms)?);
        Ok(Self { opened_ms, last_ms, highest, seen, heads, play, stall })
    }
}

/// The runs of a session that beacons may still belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    current: Option<Run>,
    /// The one before, until its beacons have come (R5).
    before: Option<Run>,
}

/// What became of a beacon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entered {
    pub(super) place: Place,
    /// Whether a run began, and it was not the first.
    pub(super) is_restart: bool,
    pub(super) growth: Growth,
}

impl Runs {
    /// Enters a beacon, in order of time.
    pub(super) fn enter(&mut self, sample: &Sample, speed_permille: i64) -> Entered {
        if let Some(before) = self.before_of(sample) {
            return before.enter(sample, speed_permille, false);
        }
        let over = self.current.take_if(|run| run.is_over(sample));
        let is_restart = over.is_some();
        if is_restart {
            self.before = over;
        }
        let run = self.current.get_or_insert_with(|| Run::open(sample));
        run.enter(sample, speed_permille, is_restart)
    }

    /// The run before the current one, if a beacon continues that (R5).
    fn before_of(&mut self, sample: &Sample) -> Option<&mut Run> {
        let current = self.current.as_ref()?;
        let before = self.before.as_mut()?;
        let index = sample.index?;
        let is_near = |highest: u32| index.abs_diff(highest) <= OVERLAP;
        let in_time = sample.time_ms.saturating_sub(current.opened_ms) <= OVERLAP_MS;
        let is_nearer = index.abs_diff(before.highest) < index.abs_diff(current.highest);
        (in_time && index > current.highest && is_near(before.highest) && is_nearer).then_some(before)
    }

    /// Forgets what takes no beacon any more at this time.
    pub(super) fn settle(&mut self, end_ms: i64) {
        let since_ms = self.current.as_ref().map_or(i64::MIN, |current| current.opened_ms);
        if end_ms.saturating_sub(since_ms) > OVERLAP_MS {
            self.before = None;
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.unsigned(packed::flags([self.current.is_some(), self.before.is_some()]));
        self.current.iter().chain(&self.before).for_each(|run| run.write(out));
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let present = input.unsigned()?;
        let mut next = |index| if packed::has(present, index) { Run::read(input).map(Some) } else { Ok(None) };
        Ok(Self { current: next(0)?, before: next(1)? })
    }
}

impl Run {
    fn enter(&mut self, sample: &Sample, speed_permille: i64, is_restart: bool) -> Entered {
        let place = self.place(sample);
        let mut growth = Growth::default();
        if place != Place::Copy {
            self.last_ms = self.last_ms.max(sample.time_ms);
        }
        if matches!(place, Place::Newest(_)) {
            growth = self.grow(sample, speed_permille);
        }
        Entered { place, is_restart, growth }
    }
}
