//! How many watched each cell of a line, kept as the changes from cell to cell: a stretch costs two of them, however long it is.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::aggregate::packed::read_signed;
use crate::model::bytes::{Reader, Short, Writer};

/// Views, and sessions for which it is the first.
pub(super) type Pair = [i64; 2];

/// Changes by cell, none of them [0, 0]: equal counts are equal here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps(BTreeMap<i64, Pair>);

impl Steps {
    /// Adds to every cell of a range.
    pub(super) fn add(&mut self, cells: &Range<i64>, [views, sessions]: Pair) {
        if cells.is_empty() {
            return;
        }
        self.change(cells.start, [views, sessions]);
        self.change(cells.end, [-views, -sessions]);
    }

    /// Adds the counts of others.
    pub(super) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(cell, pair)| self.change(*cell, *pair));
    }

    fn change(&mut self, cell: i64, by: Pair) {
        let pair = self.0.entry(cell).or_default();
        for (own, by) in pair.iter_mut().zip(by) {
            *own = own.saturating_add(by);
        }
        if *pair == [0; 2] {
            self.0.remove(&cell);
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first cell that counts, and the one after the last.
    pub fn extent(&self) -> Option<Range<i64>> {
        Some(*self.0.keys().next()?..*self.0.keys().next_back()?)
    }

    /// Views and sessions of each of these cells, which ascend.
    pub fn read_off(&self, cells: impl IntoIterator<Item = i64>) -> Vec<[i64; 2]> {
        let mut changes = self.0.iter().peekable();
        let mut level = [0_i64; 2];
        let mut read_off = |cell: i64| {
            while let Some((_, by)) = changes.next_if(|(at, _)| **at <= cell) {
                for (own, by) in level.iter_mut().zip(by) {
                    *own = own.saturating_add(*by);
                }
            }
            level
        };
        cells.into_iter().map(&mut read_off).collect()
    }

    /// Writes them: how many, where each is after the one before, its changes.
    pub(super) fn write(&self, out: &mut Writer) {
        out.unsigned(self.0.len() as u64);
        let mut last = 0;
        for (cell, pair) in &self.0 {
            out.integer(cell - last);
            pair.iter().for_each(|change| out.integer(*change));
            last = *cell;
        }
    }

    /// Reads what [`Self::write`] wrote.
    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let count = input.unsigned()?;
        let mut read = Self::default();
        let mut cell = 0_i64;
        for _ in 0..count {
            cell = cell.saturating_add(read_signed(input)?);
            let pair = [read_signed(input)?, read_signed(input)?];
            read.change(cell, pair);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_added_is_read_off_again() {
        let mut steps = Steps::default();
        steps.add(&(3..6), [1, 1]);
        steps.add(&(5..8), [1, 0]);
        steps.add(&(6..6), [9, 9]);
        assert_eq!(steps.extent(), Some(3..8));
        assert_eq!(steps.read_off([2, 3, 5, 6, 7, 8]), [[0, 0], [1, 1], [2, 1], [1, 0], [1, 0], [0, 0]]);
        let mut other = Steps::default();
        other.add(&(3..6), [-1, -1]);
        steps.merge(&other);
        assert_eq!(steps.0, BTreeMap::from([(5, [1, 0]), (8, [-1, 0])]), "what is back at 0 is gone");
        let mut out = Writer::default();
        steps.write(&mut out);
        assert_eq!(out.as_bytes(), [2, 10, 2, 0, 6, 1, 0]);
        assert_eq!(Steps::read(&mut Reader::new(out.as_bytes())).unwrap(), steps);
    }
}
