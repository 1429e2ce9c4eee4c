//! Whether a partition gets on: one that has records and does not advance, though nothing holds it back, is a defect that a restart mends.
//!
//! R1  Not while the sink holds reading back, nor while the bus does not answer: a restart would help neither.
//! R2  Not at the end of the log: silence is no standstill.

use std::time::{Duration, Instant};

/// After this long without a step the bus is asked, and then as often.
const ASK_EVERY: Duration = Duration::from_secs(20);
/// A standstill that lasts so long is told.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// What is known of a partition at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) at: Instant,
    /// The next offset to be read.
    pub(super) position: i64,
    /// Whether the client says that everything was handed out.
    pub(super) reached_end: bool,
    /// Whether the sink holds reading back.
    pub(super) held_back: bool,
}

/// One partition's progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    position: i64,
    /// The last moment at which all was well.
    well_at: Instant,
    asked_at: Instant,
    /// Whether the bus has said that there are records to be read.
    has_records: bool,
}

impl Progress {
    pub(super) fn new(position: i64, at: Instant) -> Self {
        Self { position, well_at: at, asked_at: at, has_records: false }
    }

    /// For how long the partition has stood still, once that is certain. `ask` gives the end of the log up to which records can be read, as
    /// the bus has it now; `None` when it does not answer.
    pub(super) fn look(&mut self, look: Look, ask: impl FnOnce() -> Option<i64>) -> Option<Duration> {
        if look.position != self.position || look.reached_end || look.held_back {
            *self = Self::new(look.position, look.at);
            return None;
        }
        let still = look.at.duration_since(self.well_at);
        if still >= ASK_EVERY && look.at.duration_since(self.asked_at) >= ASK_EVERY {
            self.asked_at = look.at;
            match ask() {
                Some(end) if end > self.position => self.has_records = true,
                _ => *self = Self::new(look.position, look.at),
            }
        }
        (self.has_records && still >= STUCK_AFTER).then_some(still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every second; the position is that of the table from its second on.
    fn told(answers: Option<i64>, held_back: bool, reached_end: bool) -> Option<u64> {
        let start = Instant::now();
        let mut progress = Progress::new(10, start);
        let second = |seconds| start + Duration::from_secs(seconds);
        (0..400).find(|seconds| {
            let look = Look { at: second(*seconds), position: 10, reached_end, held_back };
            progress.look(look, || answers).is_some()
        })
    }

    #[test]
    fn only_a_standstill_that_a_restart_mends_is_told() {
        assert_eq!(told(Some(11), false, false), Some(120));
        assert_eq!(told(Some(10), false, false), None, "what is left cannot be read: ends of transactions");
        assert_eq!(told(None, false, false), None, "the bus does not answer");
        assert_eq!(told(Some(11), true, false), None, "the sink holds it back");
        assert_eq!(told(Some(11), false, true), None, "the end of the log");
    }

    #[test]
    fn a_step_ends_it() {
        let start = Instant::now();
        let mut progress = Progress::new(10, start);
        let mut look = |seconds, position| {
            let at = start + Duration::from_secs(seconds);
            let look = Look { at, position, reached_end: false, held_back: false };
            progress.look(look, || Some(99)).map(|still| still.as_secs())
        };
        assert_eq!((look(100, 10), look(119, 10), look(121, 10)), (None, None, Some(121)));
        assert_eq!((look(122, 11), look(123, 11), look(241, 11), look(243, 11)), (None, None, None, Some(121)));
    }
}
