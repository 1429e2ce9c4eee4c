//! What a window adds to the life of one session, each amount at the roll-up key of the record that told it.

use crate::aggregate::cmcd::counters::{LIFE_SUMS, LifeSum};

/// An amount at a roll-up key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Index into the window's roll-up keys.
    pub(crate) key: u32,
    pub(crate) sum: LifeSum,
    pub(crate) amount: i64,
}

/// The amounts of one session in one window.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
}

impl Ledger {
    /// Adds an amount.
    pub(crate) fn add(&mut self, key: u32, sum: LifeSum, amount: i64) {
        if amount == 0 {
            return;
        }
        match self.entries.iter_mut().find(|entry| entry.key == key && entry.sum == sum) {
            Some(entry) => entry.amount = entry.amount.saturating_add(amount),
            None => self.entries.push(Entry { key, sum, amount }),
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The amounts over all keys.
    pub(crate) fn totals(&self) -> [i64; LIFE_SUMS] {
        let mut totals = [0_i64; LIFE_SUMS];
        for entry in &self.entries {
            if let Some(total) = totals.get_mut(entry.sum as usize) {
                *total = total.saturating_add(entry.amount);
            }
        }
        totals
    }
}
