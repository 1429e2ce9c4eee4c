//! What a window keeps of a session.

use smallvec::SmallVec;

use super::sample::Samples;
use super::tally::Tally;
use crate::aggregate::bounded::Bounded;

/// One session in one window.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) samples: Samples,
    /// How many reports came, by index of their roll-up key.
    pub(super) tallies: SmallVec<[(u32, Tally); 1]>,
}

impl Session {
    /// Counts reports at a roll-up key.
    pub(super) fn count(&mut self, key: u32, tally: &Tally) {
        match self.tallies.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.merge(tally),
            None => self.tallies.push((key, *tally)),
        }
    }

    /// Whether any report of it counts here, so that it is alive.
    pub(super) fn is_alive(&self) -> bool {
        self.tallies.iter().any(|(_, tally)| tally.records > 0)
    }
}

/// The sessions of one window, by tenant, a zero byte, and id.
pub(super) type Sessions<H> = Bounded<Session, H>;
