//! The catalogue of Kaltura entries: what the operator tells of them (name, owner, duration), beside what players say. Pure: records and
//! bytes come in, and no clock decides what an entry is.
//!
//! R1  A version of an entry counts for windows that begin at least the settling time after it was appended; of several the one appended
//!     last (in one moment, the one that lies last in the log). If none is that old, nothing is known of the entry, also later and in a
//!     replay. A file counts from the beginning of time.
//! R2  So what a window knows does not depend on when a process read it, as long as it has read all that was appended until the settling
//!     time before. [`Catalogue::held_back`] tells when that is in doubt: nobody may close a window then.
//! R3  A version is forgotten when another one has taken its place for [`KEEP_MS`]. Topics must keep theirs as long
//!     (`min.compaction.lag.ms`). Windows older than that see the catalogue as it is kept.
//! R4  At most [`MOST_ENTRIES`] entries are kept, those with the smallest published hashes, of each the newest [`MOST_VERSIONS`] versions.
//!     What is beyond is counted as rejected.
//! R5  What cannot be read costs itself alone, is counted by reason and never stops anything ([`Reject`]).

mod file;
mod record;
mod versions;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

pub use file::FileError;
pub use record::{Told, read_record};
pub use versions::{KEEP_MS, MOST_ENTRIES, MOST_VERSIONS};

use crate::model::Boundary;
use crate::model::hash::stable_hash;
use crate::model::kaltura::{Entries, Entry};
use versions::Versions;

/// How long after its append a version counts, ms, unless the topology says otherwise.
pub const SETTLE_MS: i64 = 60_000;

/// Why something of a catalogue was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reject {
    /// A key is not `partnerId|entryId`, or a line does not say both.
    Key,
    /// A value is not a JSON object, or a line cannot be read.
    Value,
    /// A value names another entry than its key.
    Conflict,
    /// A duration is no number or cannot be; the rest of the entry counts.
    Duration,
    /// An entry, or a version of one, for which there is no room.
    Room,
}

impl Reject {
    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Conflict => "conflict",
            Self::Duration => "duration",
            Self::Room => "room",
        }
    }
}

/// Which entry: a hash of the account and the entry's id, as keys of sessions have them, made of their published hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(u64);

impl EntryId {
    /// Of an account and an id as keys of sessions have it.
    fn of(partner: &str, entry: &str) -> Self {
        // Two short hashes cost less than putting a text together, once for each session and window.
        Self(stable_hash(partner.as_bytes()).rotate_left(32) ^ stable_hash(entry.as_bytes()))
    }
}

/// Where a version lies: the later one takes the place of the earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When it was appended, ms since the Unix epoch.
    pub append_ms: i64,
    /// In which partition.
    pub partition: i32,
    /// Its offset there, or the line of a file.
    pub offset: i64,
}

/// What was left out since the last look, by reason, and where it lay last.
pub type Rejected = BTreeMap<Reject, (u64, Position)>;

/// How far a catalogue was read.
#[derive(Debug, Default)]
struct Coverage {
    /// All that was appended until then is known; `None` = it was not read to its end yet.
    until: Option<Instant>,
    /// Why it gets no further.
    trouble: Option<String>,
}

/// A catalogue that workers look things up in while it is read on.
#[derive(Debug)]
pub struct Catalogue {
    settle_ms: i64,
    versions: RwLock<Versions>,
    rejected: Mutex<Rejected>,
    /// `None` = it is whole.
    coverage: Option<Mutex<Coverage>>,
}

impl Catalogue {
    /// The one in a CSV file: it is whole, and counts from the beginning of time. Of two lines for one entry the later one counts.
    ///
    /// # Errors
    /// When the file's first line does not name the columns that are needed.
    pub fn from_file(bytes: Vec<u8>) -> Result<Self, FileError> {
        let catalogue = Self::with(0, None);
        file::read(bytes, &mut |at, line| {
            catalogue.tell_read(at, line.map(|(id, told, whole)| (id, Some(told), whole)))
        })?;
        Ok(catalogue)
    }

    /// One that is read from a topic, whose versions count this long after their append. Nothing is known yet.
    pub fn followed(settle_ms: i64) -> Self {
        Self::with(settle_ms, Some(Mutex::default()))
    }

    fn with(settle_ms: i64, coverage: Option<Mutex<Coverage>>) -> Self {
        Self { settle_ms, versions: RwLock::default(), rejected: Mutex::default(), coverage }
    }

    /// Takes in a version of an entry; `None` = from there on it is gone.
    pub fn tell(&self, id: EntryId, at: Position, told: Option<Told>) {
        let fallen = self.versions.write().unwrap_or_else(PoisonError::into_inner).insert(id, at, told);
        self.reject(Reject::Room, at, fallen);
    }

    /// Takes in a record of the topic.
    pub fn tell_record(&self, at: Position, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.tell_read(at, read_record(key, value));
    }

    fn tell_read(&self, at: Position, read: Result<(EntryId, Option<Told>, bool), Reject>) {
        match read {
            Ok((id, told, is_whole)) => {
                self.tell(id, at, told);
                self.reject(Reject::Duration, at, u64::from(!is_whole));
            }
            Err(reason) => self.reject(reason, at, 1),
        }
    }

    /// Notes that something was left out.
    fn reject(&self, reason: Reject, at: Position, count: u64) {
        if count > 0 {
            let mut rejected = locked(&self.rejected);
            let noted = rejected.entry(reason).or_default();
            *noted = (noted.0 + count, at);
        }
    }

    /// What was left out since the last call.
    pub fn take_rejected(&self) -> Rejected {
        std::mem::take(&mut *locked(&self.rejected))
    }

    /// How many entries it has.
    pub fn entries(&self) -> usize {
        self.versions.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets what no window can need any more (R3).
    pub fn forget(&self) {
        self.versions.write().unwrap_or_else(PoisonError::into_inner).forget(self.settle_ms);
    }

    /// As it counts for a window that begins there (R1).
    pub const fn as_of(&self, start: Boundary) -> AsOf<'_> {
        AsOf { catalogue: self, until_ms: start.as_millis().saturating_sub(self.settle_ms) }
    }

    /// All that was appended until then is known.
    pub fn covers(&self, until: Instant) {
        if let Some(coverage) = &self.coverage {
            *locked(coverage) = Coverage { until: Some(until), trouble: None };
        }
    }

    /// It could not be read on.
    pub fn is_troubled(&self, trouble: String) {
        if let Some(coverage) = &self.coverage {
            locked(coverage).trouble = Some(trouble);
        }
    }

    /// How long ago all of it was known; `None` = never yet.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        let Some(coverage) = &self.coverage else { return Some(Duration::ZERO) };
        locked(coverage).until.map(|until| now.saturating_duration_since(until))
    }

    /// Why no window may close now, if so (R2): half the settling time is left for clocks of brokers that differ.
    pub fn held_back(&self, now: Instant) -> Option<String> {
        let bound = Duration::from_millis(self.settle_ms.unsigned_abs() / 2);
        let age = self.age(now);
        if age.is_some_and(|age| age <= bound) {
            return None;
        }
        let what = match age {
            None => "the catalogue of entries has not been read to its end yet".to_owned(),
            Some(age) => format!("the catalogue of entries has not been read on for {} s", age.as_secs()),
        };
        let trouble = self.coverage.as_ref().and_then(|coverage| locked(coverage).trouble.clone());
        Some(trouble.map_or_else(|| what.clone(), |trouble| format!("{what} ({trouble})")))
    }
}

/// A catalogue as it counts for one window.
#[derive(Clone, Copy, Debug)]
pub struct AsOf<'c> {
    catalogue: &'c Catalogue,
    until_ms: i64,
}

impl Entries for AsOf<'_> {
    fn find(&self, partner: &str, entry: &str) -> Option<Arc<Entry>> {
        let id = EntryId::of(partner, entry);
        self.catalogue.versions.read().unwrap_or_else(PoisonError::into_inner).find(id, self.until_ms)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn windows_wait_while_the_topic_is_not_known_to_its_end() {
        let catalogue = Catalogue::followed(60_000);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(catalogue.held_back(start).unwrap().contains("not been read to its end yet"));
        catalogue.covers(at(5));
        assert_eq!((catalogue.held_back(at(35)), catalogue.age(at(35))), (None, Some(Duration::from_secs(30))));
        catalogue.is_troubled("no broker answers".to_owned());
        let why = catalogue.held_back(at(36)).unwrap();
        assert!(why.contains("not been read on for 31 s (no broker answers)"), "{why}");
        catalogue.covers(at(36));
        assert_eq!(catalogue.held_back(at(36)), None);
        assert_eq!(
            Catalogue::from_file(b"partnerId,id\n".to_vec()).unwrap().held_back(at(1_000_000)),
            None,
            "a file is whole"
        );
    }

    #[test]
    fn what_is_left_out_is_counted_with_its_place() {
        let catalogue = Catalogue::followed(60_000);
        let at = |offset| Position { append_ms: 1, partition: 3, offset };
        catalogue.tell_record(at(7), Some(b"812|1_a"), Some(b"[]"));
        catalogue.tell_record(at(8), Some(b"812|1_a"), Some(b"{\"duration\":\"long\"}"));
        catalogue.tell_record(at(9), None, Some(b"{}"));
        catalogue.tell_record(at(10), Some(b"812|1_b"), Some(b"7"));
        let rejected: Vec<_> = catalogue.take_rejected().into_iter().collect();
        let expected = [(Reject::Key, (1, at(9))), (Reject::Value, (2, at(10))), (Reject::Duration, (1, at(8)))];
        assert_eq!((rejected.as_slice(), catalogue.entries()), (expected.as_slice(), 1));
        assert!(catalogue.take_rejected().is_empty());
    }
}
