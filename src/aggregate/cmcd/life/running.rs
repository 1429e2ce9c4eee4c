//! Counters that players keep from the start of the session (`bsa`, `bsda`, `dfa`), as growth.
//!
//! R1  A value smaller than the one before is of a counter that began again: it has grown by the value.
//! R2  The first value has grown from 0, unless the session was under way when we met it.
//! R3  Event mode and requests tell the same things twice. What counts is the mode that told of more, never the sum.

use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};

/// One counter in one mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Track {
    last: Option<i64>,
    total: i64,
}

/// One counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Running {
    event: Track,
    request: Track,
}

/// How a value was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) is_event: bool,
    /// Whether a request was overtaken by one with a higher number: then a smaller value is an old one.
    pub(super) is_overtaken: bool,
    /// Whether the session was under way when we met it.
    pub(super) was_under_way: bool,
}

impl Running {
    /// Takes in a value. Returns by how much the counter has grown, as far as it is known now.
    pub(super) fn tell(&mut self, value: i64, how: Telling) -> i64 {
        let before = self.total();
        let track = if how.is_event { &mut self.event } else { &mut self.request };
        let growth = match track.last {
            None if how.was_under_way => 0,
            None => value,
            Some(last) if value >= last => value - last,
            Some(_) if how.is_overtaken => return 0,
            Some(_) => value,
        };
        track.last = Some(value);
        track.total = track.total.saturating_add(growth);
        self.total() - before
    }

    /// By how much it has grown over the session's life.
    pub(super) fn total(&self) -> i64 {
        self.event.total.max(self.request.total)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        for track in [&self.event, &self.request] {
            packed::write_optional(out, track.last, 0);
            packed::write(out, track.total);
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut next = || Ok(Track { last: packed::read_optional(input, 0)?, total: packed::read(input)? });
        Ok(Self { event: next()?, request: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Telling = Telling { is_event: true, is_overtaken: false, was_under_way: false };
    const REQUEST: Telling = Telling { is_event: false, ..EVENT };

    fn growth(values: &[(i64, Telling)]) -> Vec<i64> {
        let mut counter = Running::default();
        values.iter().map(|(value, how)| counter.tell(*value, *how)).collect()
    }

    #[test]
    fn a_smaller_value_is_a_restart_unless_the_request_was_overtaken() {
        assert_eq!(growth(&[(3, EVENT), (5, EVENT), (5, EVENT), (2, EVENT), (4, EVENT)]), [3, 2, 0, 2, 2]);
        let overtaken = Telling { is_overtaken: true, ..REQUEST };
        assert_eq!(growth(&[(3, REQUEST), (5, REQUEST), (3, overtaken), (6, REQUEST)]), [3, 2, 0, 1]);
    }

    #[test]
    fn the_first_value_of_a_session_that_was_under_way_is_a_base_only() {
        let late = Telling { was_under_way: true, ..EVENT };
        assert_eq!(growth(&[(100, late), (104, late), (1, late)]), [0, 4, 1]);
    }

    #[test]
    fn the_mode_that_tells_of_more_counts_alone() {
        // Event mode: 2, 4, 4; requests: 3, 3, 6.
        let values = [(2, EVENT), (3, REQUEST), (4, EVENT), (3, REQUEST), (6, REQUEST)];
        assert_eq!(growth(&values), [2, 1, 1, 0, 2]);
    }
}
