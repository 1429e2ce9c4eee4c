//! The measurements of a session, of an edge, or of several put together.

use super::measure::{Fold, MEASURES, Measure};
use crate::aggregate::packed::LARGEST;
use crate::model::bytes::{Reader, Short, Writer};

/// One value for each measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Totals([i64; MEASURES]);

impl Default for Totals {
    fn default() -> Self {
        Self([0; MEASURES])
    }
}

impl Totals {
    pub(super) fn get(&self, measure: Measure) -> i64 {
        self.0.get(measure as usize).copied().unwrap_or(0)
    }

    /// In the order of the fields.
    pub(super) fn values(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn set(&mut self, measure: Measure, value: i64) {
        if let Some(slot) = self.0.get_mut(measure as usize) {
            *slot = value;
        }
    }

    /// Adds to a sum. Saturates at the end of the 64-bit range.
    pub(super) fn add(&mut self, measure: Measure, amount: i64) {
        if let Some(total) = self.0.get_mut(measure as usize) {
            *total = total.saturating_add(amount);
        }
    }

    /// Takes a value into an extreme. Must come before its count is increased.
    pub(super) fn extreme(&mut self, measure: Measure, value: i64) {
        let own = self.get(measure);
        match measure.fold() {
            Fold::Sum => self.add(measure, value),
            Fold::Max => self.set(measure, own.max(value)),
            Fold::Min(count) if self.get(count) == 0 => self.set(measure, value),
            Fold::Min(_) => self.set(measure, own.min(value)),
        }
    }

    /// Adds others.
    pub(super) fn merge(&mut self, other: &Self) {
        // The smallest ones first: their counts tell whether there was a value.
        for measure in Measure::ALL {
            if let Fold::Min(count) = measure.fold()
                && other.get(count) > 0
            {
                self.extreme(*measure, other.get(*measure));
            }
        }
        for measure in Measure::ALL {
            if !matches!(measure.fold(), Fold::Min(_)) {
                self.extreme(*measure, other.get(*measure));
            }
        }
    }

    /// Whether nothing was measured.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|value| *value == 0)
    }

    /// Writes those that are not 0: for each 64, a bit for each, then the values.
    pub(super) fn write(&self, out: &mut Writer) {
        for chunk in self.0.chunks(64) {
            let present = chunk.iter().zip(0..).fold(0, |bits, (value, at)| bits | u64::from(*value != 0) << at);
            out.unsigned(present);
            chunk.iter().filter(|value| **value != 0).for_each(|value| out.integer(*value));
        }
    }

    /// Reads what [`Self::write`] wrote.
    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut totals = Self::default();
        for chunk in totals.0.chunks_mut(64) {
            let present = input.unsigned()?;
            for (value, at) in chunk.iter_mut().zip(0..) {
                if present >> at & 1 == 1 {
                    *value = input.integer()?.clamp(-LARGEST, LARGEST);
                }
            }
        }
        Ok(totals)
    }
}
