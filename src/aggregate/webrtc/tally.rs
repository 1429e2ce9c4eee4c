//! Counts of reports, which need nothing of their content.

use super::measure::Measure;
use super::totals::Totals;

/// How many reports, copies, and parts of them came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) records: u32,
    pub(super) late: u32,
    pub(super) clamped: u32,
    pub(super) members_rejected: u32,
    pub(super) objects_unknown: u32,
    pub(super) duplicates: u32,
}

impl Tally {
    fn values(&mut self) -> [&mut u32; 6] {
        let Self { records, late, clamped, members_rejected, objects_unknown, duplicates } = self;
        [records, late, clamped, members_rejected, objects_unknown, duplicates]
    }

    /// Adds another.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = *other;
        for (own, more) in self.values().into_iter().zip(other.values()) {
            *own = own.saturating_add(*more);
        }
    }

    /// Counts in the measurements of the same names.
    pub(super) fn count(&self, totals: &mut Totals) {
        for (measure, amount) in [
            (Measure::Records, self.records),
            (Measure::RecordsLate, self.late),
            (Measure::RecordsClamped, self.clamped),
            (Measure::MembersRejected, self.members_rejected),
            (Measure::ObjectsUnknown, self.objects_unknown),
            (Measure::Duplicates, self.duplicates),
        ] {
            totals.add(measure, i64::from(amount));
        }
    }
}
