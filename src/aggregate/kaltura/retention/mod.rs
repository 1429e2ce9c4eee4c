//! Which parts of an entry were watched, and by how many: from single beacons to curves that merge.
//!
//! A beacon says where a player is, not what it played. So what was watched is pieced together from beacon to beacon, in the player's
//! order, with a small state that a session's carry keeps ([`Progress`]). What comes out are stretches ([`Watched`]); a roll-up of the
//! entry adds them up ([`Audience`]) on a grid that needs no duration, and reads curves of 101 points off it once a duration is known.
//!
//! R1  On demand a stretch lies on the media's own time; live it lies on the time of the broadcast (when it was received + how far behind
//!     the edge), where percentages mean nothing and curves are by minute.
//! R2  Two beacons between which the media moved as far as it can have (speed × time between them, + 2 s) enclose a stretch. After any
//!     other move only what must have been played before the later one counts, at most the ten seconds between two views.
//! R3  A seek says where it goes to, so what was played before it counts by time; at most the time between two views + 2 s.
//! R4  A session that ends without a pause or the end of the media went on for half the time to its next view. Where beacons are lost, so
//!     may be those behind the last one: it went on for longer, by as many as are lost for each that came ([`Beacons`]).
//! R5  A stretch counts as a view as often as it is played, and as a session the first time only. A point of a curve counts as watched
//!     when its middle was: stretches that meet there count once, and there is no bias.
//! R6  Nothing here depends on when windows end: a session cut into others gives the same counts.

mod audience;
mod grid;
mod progress;
mod seen;
mod steps;

pub use audience::{Audience, CURVE_POINTS, Duration, DurationSource};
pub use progress::{Beacons, Moment, Progress};
pub use seen::Seen;
pub use steps::Steps;

use crate::aggregate::packed::{LARGEST, read, write};
use crate::model::bytes::{Reader, Short, Writer};

/// The time from one view to the next, ms.
const VIEW_INTERVAL_MS: i64 = 10_000;

/// On which time a stretch lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Axis {
    /// The media's own.
    Media,
    /// That of the broadcast: ms since the Unix epoch.
    Broadcast,
}

/// How a stretch counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counting {
    /// Each time that it is played.
    View,
    /// The first time in its session.
    Session,
}

/// A stretch that was watched: from its beginning to before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The time on which it lies.
    pub axis: Axis,
    /// How it counts.
    pub counting: Counting,
    /// Where it begins, ms.
    pub from_ms: i64,
    /// Where it ends, ms.
    pub until_ms: i64,
}

/// What one session of an entry has watched, in one window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// In the order in which they were pieced together.
    pub stretches: Vec<Stretch>,
    /// How often the end of the media was reached, and 1 if it was so for the first time.
    pub ends: [i64; 2],
    /// What the session tells of the entry's duration.
    pub duration: Duration,
    /// By how much the share of the entry that the session has seen has grown, in percent. It can be told only once the session knows of
    /// a duration; over the session these add up to what it has seen. Kaltura: uniquePercentiles.
    pub percentiles: i64,
}

impl Watched {
    /// Nothing, in the same memory.
    pub fn clear(&mut self) {
        self.stretches.clear();
        (self.ends, self.duration, self.percentiles) = ([0; 2], Duration::default(), 0);
    }

    /// Whether nothing was watched, nor learned of the duration.
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty() && self.ends == [0; 2] && self.duration == Duration::default()
    }
}

impl Duration {
    fn write(&self, out: &mut Writer) {
        [self.fed_ms, self.ended_ms, self.reached_ms].into_iter().for_each(|ms| write(out, ms.unwrap_or(0)));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut next = || read(input).map(|ms| (1..LARGEST).contains(&ms).then_some(ms));
        Ok(Self { fed_ms: next()?, ended_ms: next()?, reached_ms: next()? })
    }
}
