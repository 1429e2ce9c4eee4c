//! What the decoder counts beside the beacons.

use std::collections::BTreeMap;

use crate::model::kaltura::Warning;

use super::names::Name;

/// Numbers of events that are told apart, those that came first; clients choose them, and metrics must not grow with them.
const CODES: usize = 32;

/// Departures of one record from what is documented.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    warnings: [u64; Warning::ALL.len()],
    /// The members whose value cannot be, a bit for each.
    invalid: u64,
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

    /// Counts a member whose value cannot be.
    pub(super) fn invalid(&mut self, name: Name) {
        self.warn(Warning::FieldInvalid);
        self.invalid |= 1 << name as u32;
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
}

/// Those of all records.
#[derive(Clone, Debug)]
pub(super) struct Tallies {
    warnings: [u64; Warning::ALL.len()],
    /// By member.
    invalid: [u64; Name::COUNT],
}

impl Default for Tallies {
    fn default() -> Self {
        Self { warnings: Default::default(), invalid: [0; Name::COUNT] }
    }
}

impl Tallies {
    /// Adds those of a record.
    pub(super) fn add(&mut self, tally: &Tally) {
        for (count, more) in self.warnings.iter_mut().zip(tally.warnings) {
            *count += more;
        }
        let mut left = tally.invalid;
        while let Some(count) = self.invalid.get_mut(left.trailing_zeros() as usize) {
            *count += 1;
            left &= left - 1;
        }
    }

    /// The warnings by kind; starts over.
    pub(super) fn take_warnings(&mut self) -> [u64; Warning::ALL.len()] {
        std::mem::take(&mut self.warnings)
    }

    /// The members whose values cannot be, by name, where there were any; starts over.
    pub(super) fn take_invalid(&mut self) -> Vec<(&'static str, u64)> {
        let counted = Name::ALL.iter().zip(std::mem::replace(&mut self.invalid, [0; Name::COUNT]));
        counted.filter(|(_, count)| *count > 0).map(|((text, _), count)| (*text, count)).collect()
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
    fn members_that_cannot_be_are_counted_by_name() {
        let (mut tally, mut tallies) = (Tally::default(), Tallies::default());
        tally.invalid(Name::Position);
        tally.invalid(Name::Service);
        tallies.add(&tally);
        tallies.add(&Tally::default());
        tallies.add(&tally);
        assert_eq!(tallies.take_invalid(), [("service", 2), ("position", 2)]);
        assert_eq!(tallies.take_invalid(), []);
        assert_eq!(tallies.take_warnings()[Warning::FieldInvalid as usize], 4);
    }

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
