//! What the decoder counts beside the beacons.

use crate::model::kaltura::Warning;

/// Departures from what is documented, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    warnings: [u64; Warning::ALL.len()],
}

impl Tally {
    /// Counts one warning.
    pub(super) fn warn(&mut self, warning: Warning) {
        if let Some(count) = self.warnings.get_mut(warning as usize) {
            *count += 1;
        }
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
