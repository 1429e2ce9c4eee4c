//! What the decoder counts beside the beacons.

use std::collections::BTreeMap;

use crate::model::kaltura::Warning;

/// Numbers of events that are told apart, those that came first; clients choose them, and metrics must not grow with them.
const CODES: usize = 32;

/// Departures from what is documented, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    warnings: [u64; Warning::ALL.len()],
    /// The number of an event that means nothing here.
    unknown_event: Option<i64>,
}

impl Tally {
    /// Counts one warning.
    pub(super) fn warn(&mut self, warning: Warning) {
        if let Some(count) = self.warnings.get_mut(warning as usize) {
            *count += 1;
        }
    }

    /// Counts an event by a number that means nothing here.
    pub(super) fn unknown_event(&mut self, number: i64) {
        self.warn(Warning::UnknownEvent);
        self.unknown_event = Some(number);
    }

    /// The last of them.
    pub(super) const fn last_unknown_event(&self) -> Option<i64> {
        self.unknown_event
    }

    /// Adds what another one counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in self.warnings.iter_mut().zip(other.warnings) {
            *count += more;
        }
    }

    /// The warnings by kind; starts over.
    pub(super) fn take(&mut self) -> [u64; Warning::ALL.len()] {
        std::mem::take(&mut self.warnings)
    }
}

/// How often events came whose numbers mean nothing here.
#[derive(Clone, Debug, Default)]
pub(super) struct UnknownEvents {
    by_number: BTreeMap<i64, u64>,
    others: u64,
}

impl UnknownEvents {
    /// Counts one.
    pub(super) fn count(&mut self, number: i64) {
        if let Some(count) = self.by_number.get_mut(&number) {
            *count += 1;
        } else if self.by_number.len() < CODES {
            self.by_number.insert(number, 1);
        } else {
            self.others += 1;
        }
    }

    /// What was counted by number, `None` for all that are not told apart; counts start over, numbers stay known.
    pub(super) fn take(&mut self) -> Vec<(Option<i64>, u64)> {
        let counted = self.by_number.iter_mut().map(|(number, count)| (Some(*number), std::mem::take(count)));
        let others = std::iter::once((None, std::mem::take(&mut self.others)));
        counted.chain(others).filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_told_apart_and_the_rest_is_one() {
        let mut unknown = UnknownEvents::default();
        (0..40).for_each(|number| unknown.count(number));
        unknown.count(0);
        let counted = unknown.take();
        assert_eq!((counted.len(), counted[0], counted[31]), (33, (Some(0), 2), (Some(31), 1)));
        assert_eq!(counted[32], (None, 8));
        unknown.count(31);
        unknown.count(99);
        assert_eq!(unknown.take(), [(Some(31), 1), (None, 1)]);
        assert_eq!(unknown.take(), []);
    }
}
