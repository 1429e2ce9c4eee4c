//! How many watched which part of an entry.

use std::ops::Range;

use super::grid::{cell_of, first_from};
use super::steps::Steps;
use super::{Axis, Counting, Stretch, Watched};
use crate::aggregate::PartialError;
use crate::aggregate::packed::read;
use crate::model::bytes::{Reader, Writer};

/// The version of the encoding, its first byte.
const VERSION: u8 = 1;

/// The points of a curve: percent 0 to 99, and the end.
pub const CURVE_POINTS: usize = 101;

const MINUTE_MS: i64 = 60_000;
/// As many minutes are told of a broadcast: 31 days.
const MOST_MINUTES: i64 = 31 * 24 * 60;

/// What is known of how long an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duration {
    /// From the catalogue, ms.
    pub fed_ms: Option<i64>,
    /// The furthest position at which a player said that the end was reached, ms.
    pub ended_ms: Option<i64>,
    /// The least that a quartile leaves possible: its position over its fraction, ms. A quartile that a seek jumped over is told late,
    /// at a position beyond it, so that none of them gives too little.
    pub reached_ms: Option<i64>,
}

/// Where a duration is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationSource {
    /// The catalogue.
    Fed,
    /// Beacons.
    Learned,
}

impl DurationSource {
    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fed => "catalogue",
            Self::Learned => "learned",
        }
    }
}

impl Duration {
    /// Adds what others know.
    pub fn merge(&mut self, other: &Self) {
        self.fed_ms = self.fed_ms.max(other.fed_ms);
        self.ended_ms = self.ended_ms.max(other.ended_ms);
        self.reached_ms = [self.reached_ms, other.reached_ms].into_iter().flatten().min();
    }

    /// The best that is known, ms.
    pub fn best(&self) -> Option<(i64, DurationSource)> {
        let learned = || self.ended_ms.or(self.reached_ms).map(|ms| (ms, DurationSource::Learned));
        self.fed_ms.map(|ms| (ms, DurationSource::Fed)).or_else(learned)
    }
}

/// Views and sessions by part of an entry: of one partition and window, or of any number of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// By cell of the media's grid.
    media: Steps,
    /// By minute since the Unix epoch.
    broadcast: Steps,
    /// How often the end was reached, and by how many sessions.
    ends: [i64; 2],
    duration: Duration,
}

impl Audience {
    /// Adds what a session watched.
    pub fn add(&mut self, watched: &Watched) {
        watched.stretches.iter().for_each(|stretch| self.add_stretch(stretch));
        self.add_known(watched.ends, &watched.duration);
    }

    /// Adds what others watched.
    pub fn merge(&mut self, other: &Self) {
        self.media.merge(&other.media);
        self.broadcast.merge(&other.broadcast);
        self.add_known(other.ends, &other.duration);
    }

    fn add_known(&mut self, ends: [i64; 2], duration: &Duration) {
        for (own, more) in self.ends.iter_mut().zip(ends) {
            *own = own.saturating_add(more);
        }
        self.duration.merge(duration);
    }

    fn add_stretch(&mut self, stretch: &Stretch) {
        let counts = match stretch.counting {
            Counting::View => [1, 0],
            Counting::Session => [0, 1],
        };
        let Stretch { from_ms, until_ms, .. } = *stretch;
        match stretch.axis {
            Axis::Media => self.media.add(&(first_from(from_ms)..first_from(until_ms)), counts),
            Axis::Broadcast => self.broadcast.add(&minutes(from_ms, until_ms), counts),
        }
    }

    /// Whether nothing was watched, nor learned of the duration.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is known of the entry's duration.
    pub const fn duration(&self) -> &Duration {
        &self.duration
    }

    /// Views and sessions at each percent of a duration (in the middle of each), and of its end. The end was reached by those who were
    /// told so, and at least by those who watched the last percent.
    pub fn curve(&self, duration_ms: i64) -> [[i64; 2]; CURVE_POINTS] {
        let mut curve = [[0; 2]; CURVE_POINTS];
        let cells = (0..100).map(|percent| cell_of(middle_of_percent(percent, duration_ms)));
        for (point, counts) in curve.iter_mut().zip(self.media.read_off(cells)) {
            *point = counts;
        }
        let [.., before, end] = &mut curve;
        *end = [before[0].max(self.ends[0]), before[1].max(self.ends[1])];
        curve
    }

    /// Live: each minute since the Unix epoch in which anybody watched, with its views and sessions.
    pub fn minutes(&self) -> Vec<(i64, [i64; 2])> {
        let extent = self.broadcast.extent().unwrap_or(0..0);
        let minutes = extent.start..extent.end.min(extent.start.saturating_add(MOST_MINUTES));
        let counts = self.broadcast.read_off(minutes.clone());
        minutes.zip(counts).filter(|(_, counts)| *counts != [0; 2]).collect()
    }

    /// Writes it: a version byte, then its parts.
    pub fn encode(&self, out: &mut Writer) {
        out.byte(VERSION);
        self.media.write(out);
        self.broadcast.write(out);
        self.ends.iter().for_each(|count| out.unsigned(count.unsigned_abs()));
        self.duration.write(out);
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When it is damaged, or a newer program wrote it.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, PartialError> {
        let version = input.byte()?;
        if version != VERSION {
            return Err(PartialError::Version { found: version, known: VERSION });
        }
        Ok(Self {
            media: Steps::read(input)?,
            broadcast: Steps::read(input)?,
            ends: [read(input)?, read(input)?],
            duration: Duration::read(input)?,
        })
    }
}

/// The middle of a percent of a duration.
pub(super) fn middle_of_percent(percent: i64, duration_ms: i64) -> i64 {
    duration_ms.saturating_mul(2 * percent + 1) / 200
}

/// The minutes whose middle is in a stretch.
fn minutes(from_ms: i64, until_ms: i64) -> Range<i64> {
    let first_from = |ms: i64| ms.saturating_add(MINUTE_MS / 2 - 1).div_euclid(MINUTE_MS);
    first_from(from_ms)..first_from(until_ms)
}
