//! What the decoder counts beside the events: departures from the specification, and parts of a record that it had to leave out.

use crate::model::Reason;
use crate::model::cmcd::Warning;

/// Counts since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Tally {
    warnings: [u64; Warning::ALL.len()],
    rejected: [u64; Reason::ALL.len()],
}

impl Tally {
    /// Counts one warning.
    pub(super) fn warn(&mut self, warning: Warning) {
        self.warn_times(warning, 1);
    }

    /// Counts a warning `times` times.
    pub(super) fn warn_times(&mut self, warning: Warning, times: u32) {
        if let Some(count) = self.warnings.get_mut(warning as usize) {
            *count += u64::from(times);
        }
    }

    /// Counts one part of a record (a line of a body or of a log file) that was left out while others were kept.
    pub(super) fn reject(&mut self, reason: Reason) {
        if let Some(count) = self.rejected.get_mut(reason as usize) {
            *count += 1;
        }
    }

    /// The warnings by kind; starts over.
    pub(super) fn take_warnings(&mut self) -> [u64; Warning::ALL.len()] {
        std::mem::take(&mut self.warnings)
    }

    /// The rejected parts by reason; starts over.
    pub(super) fn take_rejected(&mut self) -> [u64; Reason::ALL.len()] {
        std::mem::take(&mut self.rejected)
    }
}
