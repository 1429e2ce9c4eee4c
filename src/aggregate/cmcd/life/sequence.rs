//! Gaps in the sequence numbers of event mode.
//!
//! R1  A missing number is lost when the session has reported in one more window after the gap was seen, or is over: `rr` records
//!     are stamped with the start of their request, but numbered when they are sent.
//! R2  A number of 0 or 1 after higher ones begins a new sequence (players restart their reporter and keep the session's id). `rr`
//!     records neither begin one nor speak against one, because they are out of order.
//! R3  What lies below the first number that is seen of a sequence is not lost: it may have come before we looked.

use crate::aggregate::packed::{self, Bits};
use crate::model::bytes::{Reader, Short, Writer};

/// A number this far ahead of the highest is none of the same sequence; nothing is lost between them.
const FARTHEST: i64 = 10_000;

/// What a number says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Numbers that are lost now.
    pub(super) lost: i64,
    /// Whether it begins a new sequence of the same session.
    pub(super) is_restart: bool,
}

/// The numbers of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Numbers up to this one are counted for good.
    settled: i64,
    highest: i64,
    /// The highest at the end of the window before: what is missing up to here is lost at the end of this one.
    due: i64,
    /// The highest of records that come in order; below 0 = none did.
    in_order: i64,
    /// Which numbers after `settled` are missing.
    missing: Bits,
    /// Whether this window has seen its first number.
    is_fresh: bool,
}

impl Sequence {
    /// Begins with its first number.
    pub(super) fn begin(number: i64, is_in_order: bool) -> Self {
        let before = number.saturating_sub(1);
        let in_order = if is_in_order { number } else { -1 };
        Self { settled: before, highest: number, due: before, in_order, missing: Bits::default(), is_fresh: true }
    }

    /// Takes in a number; `is_in_order` = of a record that is stamped when it is numbered.
    pub(super) fn tell(&mut self, number: i64, is_in_order: bool) -> Told {
        let is_restart = is_in_order && number <= 1 && self.in_order > 1 && !self.is_missing(number);
        if is_restart || number > self.highest.saturating_add(FARTHEST) {
            let lost = self.outstanding();
            *self = Self::begin(number, is_in_order);
            return Told { lost, is_restart };
        }
        if is_in_order {
            self.in_order = self.in_order.max(number);
        }
        let mut lost = 0;
        if number > self.highest {
            lost = self.settle(number - Bits::LENGTH);
            for skipped in self.highest + 1..number {
                self.missing.set(skipped - self.settled - 1);
            }
            self.highest = number;
        } else if number > self.settled {
            self.missing.clear(number - self.settled - 1);
        } else if self.is_fresh && self.highest - number < Bits::LENGTH {
            self.extend_down(number);
        }
        Told { lost, is_restart: false }
    }

    /// Ends a window in which the session reported. Returns the numbers that are lost now.
    pub(super) fn end_window(&mut self) -> i64 {
        let lost = self.settle(self.due);
        self.due = self.highest;
        self.is_fresh = false;
        lost
    }

    /// How many numbers are missing, and would be lost if nothing came any more.
    pub(super) fn outstanding(&self) -> i64 {
        self.missing.count()
    }

    fn is_missing(&self, number: i64) -> bool {
        number > self.settled && self.missing.get(number - self.settled - 1)
    }

    /// Counts the numbers up to `to` for good. Returns those that are lost.
    fn settle(&mut self, to: i64) -> i64 {
        let by = to - self.settled;
        if by <= 0 {
            return 0;
        }
        let before = self.missing.count();
        self.missing.shift_down(by);
        let beyond = (to - self.highest).max(0);
        self.settled = to;
        self.highest = self.highest.max(to);
        before - self.missing.count() + beyond
    }

    /// An `rr` was the first to be seen, and those numbered before it come now.
    fn extend_down(&mut self, number: i64) {
        let by = self.settled - (number - 1);
        self.missing.shift_up(by);
        (1..by).for_each(|index| self.missing.set(index));
        self.settled = number - 1;
        self.due = number - 1;
    }

    /// As at the end of a window.
    pub(super) fn write(&self, out: &mut Writer) {
        out.integer(self.settled);
        packed::write(out, self.highest - self.settled);
        out.integer(self.highest - self.in_order);
        self.missing.write(out);
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let settled = packed::read_signed(input)?;
        let highest = settled + packed::read(input)?.min(Bits::LENGTH);
        let in_order = highest - packed::read_signed(input)?;
        let missing = Bits::read(input)?;
        Ok(Self { settled, highest, due: highest, in_order, missing, is_fresh: false })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Windows of (number, in order); the numbers lost at the end of each, and at the end of all.
    fn lost(windows: &[&[(i64, bool)]]) -> (Vec<i64>, i64) {
        let mut sequence: Option<Sequence> = None;
        let mut all = Vec::new();
        for window in windows {
            let mut lost = 0;
            for (number, is_in_order) in *window {
                match &mut sequence {
                    Some(sequence) => lost += sequence.tell(*number, *is_in_order).lost,
                    None => sequence = Some(Sequence::begin(*number, *is_in_order)),
                }
            }
            if let Some(sequence) = &mut sequence {
                lost += sequence.end_window();
                let mut out = Writer::default();
                sequence.write(&mut out);
                assert_eq!(Sequence::read(&mut Reader::new(out.as_bytes())).unwrap(), *sequence);
            }
            all.push(lost);
        }
        (all, sequence.map_or(0, |sequence| sequence.outstanding()))
    }

    fn in_order(numbers: &[i64]) -> Vec<(i64, bool)> {
        numbers.iter().map(|number| (*number, true)).collect()
    }

    #[test]
    fn a_gap_may_be_filled_until_the_end_of_the_next_window() {
        let (first, second) = (in_order(&[0, 1, 4]), in_order(&[5, 7]));
        assert_eq!(lost(&[&first, &second]), (vec![0, 2], 1));
        assert_eq!(lost(&[&first, &[(5, true), (2, false), (7, true)]]), (vec![0, 1], 1));
        assert_eq!(lost(&[&first, &second, &[(6, false), (2, false)]]), (vec![0, 2, 0], 0), "2 came too late");
    }

    #[test]
    fn a_low_number_begins_a_new_sequence_unless_it_was_missing_or_out_of_order() {
        assert_eq!(lost(&[&in_order(&[0, 1, 5, 0, 1, 2])]), (vec![3], 0));
        assert_eq!(lost(&[&[(0, true), (2, true), (1, true), (3, true)]]), (vec![0], 0));
        assert_eq!(lost(&[&[(3, false), (0, true), (1, true), (5, true)]]), (vec![0], 2), "2 and 4 are missing");
        assert_eq!(lost(&[&[(0, true), (5, false), (1, true), (2, true), (3, true), (4, true)]]), (vec![0], 0));
    }

    #[test]
    fn long_gaps_are_lost_and_leaps_are_not() {
        assert_eq!(lost(&[&in_order(&[7, 8, 1008])]), (vec![999 - 255], 255));
        assert_eq!(lost(&[&in_order(&[7, 8, 100_000])]), (vec![0], 0));
        assert_eq!(lost(&[&in_order(&[5, 4])]), (vec![0], 0));
    }
}
