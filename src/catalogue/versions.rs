//! What is kept of each entry: its versions, in the order in which they lie in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{EntryId, Position, Told};
use crate::model::kaltura::Entry;

/// How long a version is kept after another one has taken its place, ms: a day, as the topic must keep it.
pub const KEEP_MS: i64 = 86_400_000;
/// As many entries are kept. One takes about 500 bytes, and at most 900 with the longest texts.
pub const MOST_ENTRIES: usize = 1_000_000;
/// As many versions of an entry are kept, the newest.
pub const MOST_VERSIONS: usize = 64;

/// A version of an entry; `None` = it is gone.
#[derive(Clone, Debug)]
struct Version {
    at: Position,
    entry: Option<Arc<Entry>>,
}

/// All versions of all entries.
#[derive(Debug)]
pub(super) struct Versions {
    /// Of each entry in ascending order of position; nearly always one.
    entries: BTreeMap<EntryId, SmallVec<[Version; 1]>>,
    newest_ms: i64,
    most_entries: usize,
}

impl Default for Versions {
    fn default() -> Self {
        Self::with_room_for(MOST_ENTRIES)
    }
}

impl Versions {
    const fn with_room_for(most_entries: usize) -> Self {
        Self { entries: BTreeMap::new(), newest_ms: 0, most_entries }
    }

    /// Takes in a version, and returns for how many there was no room. One that is known already changes nothing.
    pub(super) fn insert(&mut self, id: EntryId, at: Position, told: Option<Told>) -> u64 {
        self.newest_ms = self.newest_ms.max(at.append_ms);
        let known = |Told { name, owner, duration_ms }| Entry { since_ms: at.append_ms, name, owner, duration_ms };
        let entry = told.map(|told| Arc::new(known(told)));
        let versions = self.entries.entry(id).or_default();
        let place = versions.partition_point(|version| version.at < at);
        if versions.get(place).is_some_and(|version| version.at == at) {
            return 0;
        }
        versions.insert(place, Version { at, entry });
        let mut fallen = 0;
        if versions.len() > MOST_VERSIONS {
            versions.remove(0);
            // What was replaced long ago nobody needs.
            let is_needed = |next: &Version| next.at.append_ms > self.newest_ms.saturating_sub(KEEP_MS);
            fallen += u64::from(versions.first().is_some_and(is_needed));
        }
        if self.entries.len() > self.most_entries {
            self.entries.pop_last();
            fallen += 1;
        }
        fallen
    }

    /// The newest version that was appended until then.
    pub(super) fn find(&self, id: EntryId, until_ms: i64) -> Option<Arc<Entry>> {
        let versions = self.entries.get(&id)?;
        let newest = versions.iter().rev().find(|version| version.at.append_ms <= until_ms)?;
        newest.entry.clone()
    }

    /// Drops what another version has replaced for [`KEEP_MS`] and the settling time, and entries that have been gone for so long.
    pub(super) fn forget(&mut self, settle_ms: i64) {
        let replaced_ms = self.newest_ms.saturating_sub(KEEP_MS.saturating_add(settle_ms));
        self.entries.retain(|_, versions| {
            let old = versions.iter().filter(|version| version.at.append_ms <= replaced_ms).count();
            versions.drain(..old.saturating_sub(1));
            !matches!(versions.as_slice(), [last] if last.entry.is_none() && last.at.append_ms <= replaced_ms)
        });
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::{Catalogue, SETTLE_MS};
    use crate::model::Boundary;
    use crate::model::kaltura::Entries;

    const DAY_MS: i64 = 86_400_000;
    const START_MS: i64 = 1_767_600_000_000;

    fn at(append_ms: i64, offset: i64) -> Position {
        Position { append_ms: START_MS + append_ms, partition: 0, offset }
    }

    fn named(name: &str) -> Option<Told> {
        Some(Told { name: name.into(), ..Told::default() })
    }

    fn name_as_of(catalogue: &Catalogue, start_ms: i64) -> Option<String> {
        let known = catalogue.as_of(Boundary::from_millis(START_MS + start_ms)).find("812", "1_a")?;
        Some(known.name.to_string())
    }

    #[test]
    fn the_newest_version_that_has_settled_counts() {
        let catalogue = Catalogue::followed(SETTLE_MS);
        let id = EntryId::of("812", "1_a");
        catalogue.tell(id, at(0, 0), named("first"));
        catalogue.tell(id, at(10_000, 1), named("second"));
        catalogue.tell(id, at(10_000, 2), named("third"));
        catalogue.tell(id, at(30_000, 3), None);
        catalogue.tell(id, at(50_000, 4), named("again"));
        // By hand: each counts from 60 s after its append on; before the first one nothing is known, nor while the entry was gone.
        for (start_ms, name) in [
            (50_000, None),
            (59_999, None),
            (60_000, Some("first")),
            (69_999, Some("first")),
            (70_000, Some("third")),
            (89_999, Some("third")),
            (90_000, None),
            (110_000, Some("again")),
            (DAY_MS, Some("again")),
        ] {
            assert_eq!(name_as_of(&catalogue, start_ms).as_deref(), name, "{start_ms}");
        }
        let file = Catalogue::from_file(b"partnerId,id,name\n812,1_a,first\n812,1_a,last\n".to_vec()).unwrap();
        assert_eq!(name_as_of(&file, -START_MS).as_deref(), Some("last"), "from the beginning of time");
    }

    #[test]
    fn what_was_replaced_for_a_day_is_forgotten() {
        let catalogue = Catalogue::followed(SETTLE_MS);
        let (id, gone) = (EntryId::of("812", "1_a"), EntryId::of("812", "1_b"));
        catalogue.tell(id, at(0, 0), named("first"));
        catalogue.tell(id, at(1_000, 1), named("second"));
        catalogue.tell(gone, at(1_000, 2), None);
        catalogue.forget();
        assert_eq!((catalogue.entries(), name_as_of(&catalogue, 60_000).as_deref()), (2, Some("first")));
        // A day and the settling time later.
        catalogue.tell(EntryId::of("812", "1_c"), at(1_000 + DAY_MS + SETTLE_MS, 3), named("other"));
        catalogue.forget();
        assert_eq!((catalogue.entries(), name_as_of(&catalogue, 60_000)), (2, None));
        assert_eq!(name_as_of(&catalogue, 61_000).as_deref(), Some("second"), "the newest stays for ever");
    }

    #[test]
    fn beyond_the_caps_the_smallest_hashes_and_newest_versions_are_kept() {
        let ids: Vec<EntryId> = (0..5).map(EntryId).collect();
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]] {
            let mut versions = Versions::with_room_for(3);
            let fallen: u64 = order.iter().map(|place| versions.insert(ids[*place], at(0, 0), named("n"))).sum();
            assert_eq!((fallen, versions.len()), (2, 3));
            assert!(ids[..3].iter().all(|id| versions.find(*id, START_MS).is_some()), "{order:?}");
        }
        let mut versions = Versions::with_room_for(3);
        let fallen: u64 = (0..70).map(|ms| versions.insert(ids[0], at(ms, ms), named("n"))).sum();
        assert_eq!((fallen, versions.find(ids[0], START_MS + 5)), (6, None));
        let mut daily = Versions::with_room_for(3);
        let fallen: u64 = (0..70).map(|day| daily.insert(ids[0], at(2 * day * DAY_MS, day), named("n"))).sum();
        assert_eq!(fallen, 0, "what was replaced days ago is not missed");
        assert_eq!(versions.find(ids[0], START_MS + 6).map(|entry| entry.since_ms), Some(START_MS + 6));
    }

    /// Entry, append time, and what is told, of versions in the order of the log.
    type Log = Vec<(u64, i64, Option<u8>)>;

    fn told(number: u8) -> Told {
        Told { name: format!("n{number}").into(), duration_ms: Some(i64::from(number) + 1), ..Told::default() }
    }

    /// The slow way: the last version in the log that was appended early enough.
    fn expected(log: &Log, entry: u64, start_ms: i64) -> Option<Told> {
        let settled = log.iter().filter(|(own, append_ms, _)| *own == entry && append_ms + SETTLE_MS <= start_ms);
        settled.max_by_key(|(_, append_ms, _)| *append_ms)?.2.map(told)
    }

    proptest! {
        #[test]
        fn windows_know_the_same_whenever_versions_were_read(
            mut log in proptest::collection::vec((0_u64..3, 0_i64..300_000, proptest::option::of(0_u8..9)), 0..30),
            windows in proptest::collection::vec(0_i64..400_000, 1..20),
            seed in any::<u64>(),
        ) {
            log.sort_by_key(|(_, append_ms, _)| *append_ms);
            let versions: Vec<_> = log.iter().zip(0..).map(|((entry, append_ms, number), offset)| {
                (EntryId(*entry), Position { append_ms: *append_ms, partition: 0, offset }, number.map(told))
            }).collect();
            let mut shuffled = versions.clone();
            shuffled.sort_by_key(|(_, at, _)| (at.offset.unsigned_abs() ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            // One reads all before the first window closes, in another order; one reads each version as late as it may.
            let (early, late) = (Catalogue::followed(SETTLE_MS), Catalogue::followed(SETTLE_MS));
            shuffled.into_iter().for_each(|(id, at, told)| early.tell(id, at, told));
            let mut starts = windows;
            starts.sort_unstable();
            let mut unread = versions.into_iter().peekable();
            for start_ms in starts {
                while let Some((id, at, told)) = unread.next_if(|(_, at, _)| at.append_ms + SETTLE_MS <= start_ms) {
                    late.tell(id, at, told);
                }
                late.forget();
                for entry in 0..3 {
                    let told = |catalogue: &Catalogue| {
                        let versions = catalogue.versions.read().unwrap();
                        let known = versions.find(EntryId(entry), start_ms - SETTLE_MS)?;
                        Some(Told { name: known.name.clone(), owner: known.owner.clone(), duration_ms: known.duration_ms })
                    };
                    prop_assert_eq!(told(&early), expected(&log, entry, start_ms));
                    prop_assert_eq!(told(&late), expected(&log, entry, start_ms));
                }
            }
        }
    }
}
