//! The carries of one partition: what is known of the past at the boundary closed last, and what of it a commit has to save.
//!
//! R1  A carry changes only while a boundary is being closed. Each change is kept as of its boundary until a commit covers that, so that
//!     a commit saves the past as it was at its frontier, however far the windows have closed since.
//! R2  A carry falls due at a boundary that was known when it was written: event time alone decides, never the wall clock.
//! R3  A carry that has fallen due is gone, and its tombstone is saved like any change: a ghost would be due again after a restart.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::model::{Boundary, Carries};

/// The first byte of every key in a state topic that belongs to a carry.
pub const CARRY_KEY: u8 = 0;

/// The length of what stands before a carry in its record: the version, then the boundary at which it falls due.
const FRAME: usize = 9;

/// Why a saved carry cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// A newer program wrote it.
    #[error("a carry has version {found}, and this program knows only {known}: finish the upgrade of all instances")]
    Version {
        /// Its first byte.
        found: u8,
        /// The newest version that this program knows.
        known: u8,
    },
    /// It is too short to be one.
    #[error("a saved carry is damaged: it has {length} bytes")]
    Damaged {
        /// How long its value is.
        length: usize,
    },
}

/// A carry as its state topic has it: key and value in one piece of memory, shared with the commit that saves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCarry {
    bytes: Arc<[u8]>,
    /// Where the value begins.
    key_length: u32,
}

impl SavedCarry {
    /// `scratch` is memory to put it together in.
    fn new(scratch: &mut Vec<u8>, key: &[u8], parts: [&[u8]; 3]) -> Self {
        scratch.clear();
        scratch.push(CARRY_KEY);
        scratch.extend_from_slice(key);
        let key_length = u32::try_from(scratch.len()).unwrap_or(u32::MAX);
        parts.iter().for_each(|part| scratch.extend_from_slice(part));
        Self { bytes: Arc::from(scratch.as_slice()), key_length }
    }

    /// The record's key.
    pub fn key(&self) -> &[u8] {
        self.bytes.get(..self.key_length as usize).unwrap_or_default()
    }

    /// The record's value; `None` is a tombstone.
    pub fn value(&self) -> Option<&[u8]> {
        self.bytes.get(self.key_length as usize..).filter(|value| !value.is_empty())
    }

    /// The key as the windows know it.
    fn own_key(&self) -> &[u8] {
        self.key().get(1..).unwrap_or_default()
    }

    fn carry(&self) -> &[u8] {
        self.bytes.get(self.key_length as usize + FRAME..).unwrap_or_default()
    }
}

/// A carry that has fallen due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due(SavedCarry);

impl Due {
    /// Its key.
    pub fn key(&self) -> &[u8] {
        self.0.own_key()
    }

    /// What was carried.
    pub fn value(&self) -> &[u8] {
        self.0.carry()
    }
}

#[derive(Clone, Debug)]
struct Entry {
    carry: SavedCarry,
    until: Boundary,
    /// The queue in which it waits: at or before `until`.
    queued: Boundary,
}

/// The carries of one partition.
#[derive(Clone, Debug)]
pub struct CarryStore {
    version: u8,
    window_ms: i64,
    table: HashTable<u32>,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// When to look at which entries. A carry that is written again stays where it waits, and is queued anew when its turn comes.
    queues: BTreeMap<Boundary, Vec<u32>>,
    /// The boundary that is being closed.
    closing: Option<Boundary>,
    /// Ascending by boundary; within one in order.
    changes: VecDeque<(Boundary, Vec<SavedCarry>)>,
    hasher: RandomState,
    scratch: Vec<u8>,
}

impl CarryStore {
    /// Without any carry. `version` is the first byte of each record; a carry falls due at a multiple of `window_ms`.
    pub fn new(version: u8, window_ms: i64) -> Self {
        Self {
            version,
            window_ms,
            table: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            queues: BTreeMap::new(),
            closing: None,
            changes: VecDeque::new(),
            hasher: RandomState::default(),
            scratch: Vec::new(),
        }
    }

    /// Takes in a record of the state topic, in order of offset; the key without its first byte, `None` for a tombstone.
    ///
    /// # Errors
    /// When a newer program wrote it, or it is none.
    pub fn load(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CarryError> {
        let hash = self.hasher.hash_one(key);
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            self.forget(hash, key);
            return Ok(());
        };
        let (Some((version, rest)), length) = (value.split_first(), value.len()) else {
            return Err(CarryError::Damaged { length: 0 });
        };
        if *version > self.version {
            return Err(CarryError::Version { found: *version, known: self.version });
        }
        let (until, carry) = rest.split_first_chunk::<8>().ok_or(CarryError::Damaged { length })?;
        let saved = SavedCarry::new(&mut self.scratch, key, [&[*version], until, carry]);
        self.enter(hash, saved, Boundary::from_millis(i64::from_le_bytes(*until)));
        Ok(())
    }

    /// The carry in the value of a record of the state topic; `None` when that is too short to hold one.
    pub fn carry_of(value: &[u8]) -> Option<&[u8]> {
        value.get(FRAME..)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The next boundary at which something may fall due.
    pub fn next_due(&self) -> Option<Boundary> {
        self.queues.first_key_value().map(|(boundary, _)| *boundary)
    }

    /// Begins to close `boundary`, and takes out what falls due there, in order of key. Boundaries come in ascending order.
    pub fn close(&mut self, boundary: Boundary) -> Vec<Due> {
        self.closing = Some(boundary);
        let mut due = Vec::new();
        while let Some(queue) = self.queues.first_entry().filter(|queue| *queue.key() <= boundary) {
            let (queued, waiting) = queue.remove_entry();
            for index in waiting {
                self.take_turn(index, queued, boundary, &mut due);
            }
        }
        due.sort_unstable_by(|left: &Due, right| left.key().cmp(right.key()));
        for one in &due {
            let tombstone = SavedCarry::new(&mut self.scratch, one.key(), [&[], &[], &[]]);
            self.change(tombstone);
        }
        due
    }

    /// What a commit with this frontier has to save, in the order in which it must be written.
    pub fn changes(&self, frontier: Option<Boundary>) -> impl Iterator<Item = &SavedCarry> {
        let covered = self.changes.iter().take_while(move |(boundary, _)| Some(*boundary) <= frontier);
        covered.flat_map(|(_, changes)| changes)
    }

    /// The commit with this frontier has succeeded.
    pub fn committed(&mut self, frontier: Option<Boundary>) {
        while self.changes.front().is_some_and(|(boundary, _)| Some(*boundary) <= frontier) {
            self.changes.pop_front();
        }
    }

    /// Gives everything up, for whoever begins anew: the tombstones of all that a commit may have saved, in order of key.
    pub fn into_tombstones(self) -> Vec<SavedCarry> {
        let present = self.entries.iter().flatten().map(|entry| &entry.carry);
        let changed = self.changes.iter().flat_map(|(_, changes)| changes);
        let mut scratch = Vec::new();
        let tombstone = |one: &SavedCarry| SavedCarry::new(&mut scratch, one.own_key(), [&[], &[], &[]]);
        let mut tombstones: Vec<SavedCarry> = present.chain(changed).map(tombstone).collect();
        tombstones.sort_unstable_by(|left, right| left.key().cmp(right.key()));
        tombstones.dedup();
        tombstones
    }

    /// Looks at an entry whose queue has come: it is due, or waits on.
    fn take_turn(&mut self, index: u32, queued: Boundary, boundary: Boundary, due: &mut Vec<Due>) {
        let Some(slot) = self.entries.get_mut(index as usize) else { return };
        let Some(entry) = slot else { return };
        if entry.queued != queued {
            // It waits in an earlier queue that came before this one, or its place was given to another.
            return;
        }
        if entry.until > boundary {
            entry.queued = entry.until;
            self.queues.entry(entry.until).or_default().push(index);
            return;
        }
        let Some(entry) = slot.take() else { return };
        let hash = self.hasher.hash_one(entry.carry.own_key());
        if let Ok(found) = self.table.find_entry(hash, |candidate| *candidate == index) {
            found.remove();
        }
        self.free.push(index);
        due.push(Due(entry.carry));
    }

    fn change(&mut self, saved: SavedCarry) {
        let Some(closing) = self.closing else { return };
        match self.changes.back_mut() {
            Some((boundary, changes)) if *boundary == closing => changes.push(saved),
            _ => self.changes.push_back((closing, vec![saved])),
        }
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let is_it = |index: &u32| self.entry(*index).is_some_and(|entry| entry.carry.own_key() == key);
        self.table.find(hash, is_it).copied()
    }

    fn entry(&self, index: u32) -> Option<&Entry> {
        self.entries.get(index as usize)?.as_ref()
    }

    fn enter(&mut self, hash: u64, carry: SavedCarry, until: Boundary) {
        if let Some(index) = self.find(hash, carry.own_key()) {
            self.replace(index, carry, until);
            return;
        }
        let entry = Entry { carry, until, queued: until };
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let Ok(index) = u32::try_from(self.entries.len()) else { return };
                self.entries.push(None);
                index
            }
        };
        if let Some(slot) = self.entries.get_mut(index as usize) {
            *slot = Some(entry);
        }
        self.queues.entry(until).or_default().push(index);
        let Self { table, entries, hasher, .. } = self;
        let rehash = |index: &u32| {
            let entry = entries.get(*index as usize).and_then(Option::as_ref);
            entry.map_or(0, |entry| hasher.hash_one(entry.carry.own_key()))
        };
        table.insert_unique(hash, index, rehash);
    }

    fn replace(&mut self, index: u32, carry: SavedCarry, until: Boundary) {
        let Some(Some(entry)) = self.entries.get_mut(index as usize) else { return };
        entry.carry = carry;
        entry.until = until;
        if until < entry.queued {
            entry.queued = until;
            self.queues.entry(until).or_default().push(index);
        }
    }

    fn forget(&mut self, hash: u64, key: &[u8]) {
        let Some(index) = self.find(hash, key) else { return };
        if let Ok(found) = self.table.find_entry(hash, |candidate| *candidate == index) {
            found.remove();
        }
        if let Some(slot) = self.entries.get_mut(index as usize) {
            *slot = None;
        }
        self.free.push(index);
    }
}

impl Carries for CarryStore {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let index = self.find(self.hasher.hash_one(key), key)?;
        self.entry(index).map(|entry| entry.carry.carry())
    }

    fn put(&mut self, key: &[u8], value: &[u8], until: Boundary) {
        let Some(closing) = self.closing else { return };
        // Never at a boundary that is closed already.
        let up = until.as_millis().saturating_add(self.window_ms - 1).div_euclid(self.window_ms);
        let until = Boundary::from_millis(up.saturating_mul(self.window_ms)).max(closing.plus(self.window_ms));
        let saved = SavedCarry::new(&mut self.scratch, key, [&[self.version], &until.as_millis().to_le_bytes(), value]);
        self.enter(self.hasher.hash_one(key), saved.clone(), until);
        self.change(saved);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(millis: i64) -> Boundary {
        Boundary::from_millis(millis)
    }

    fn texts(due: &[Due]) -> Vec<(&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        due.iter().map(|one| (text(one.key()), text(one.value()))).collect()
    }

    #[test]
    fn a_carry_falls_due_when_it_was_last_told_to() {
        let mut store = CarryStore::new(1, 10);
        assert_eq!(store.close(at(10)), []);
        store.put(b"a", b"1", at(31));
        store.put(b"b", b"1", at(20));
        assert_eq!(texts(&store.close(at(20))), [("b", "1")]);
        store.put(b"a", b"2", at(60));
        store.put(b"c", b"1", at(90));
        assert_eq!(store.next_due(), Some(at(40)), "looked at, and found to wait on");
        assert_eq!(store.close(at(40)), []);
        store.put(b"c", b"2", at(50));
        assert_eq!(texts(&store.close(at(60))), [("a", "2"), ("c", "2")]);
        assert_eq!((store.len(), store.get(b"a")), (0, None));
        store.put(b"a", b"3", at(0));
        assert_eq!(store.next_due(), Some(at(70)), "never at a boundary that is closed");
        assert_eq!(store.close(at(90)).len(), 1, "what waited for c is stale");
    }

    #[test]
    fn a_commit_saves_the_past_as_it_was_at_its_frontier() {
        let mut store = CarryStore::new(1, 10);
        store.close(at(10));
        store.put(b"a", b"1", at(40));
        store.put(b"b", b"1", at(30));
        store.close(at(20));
        store.put(b"a", b"2", at(50));
        store.close(at(30));
        let restored = |frontier| {
            let mut copy = CarryStore::new(1, 10);
            for change in store.changes(Some(frontier)) {
                copy.load(&change.key()[1..], change.value()).unwrap();
            }
            (copy.get(b"a").map(<[u8]>::to_vec), copy.get(b"b").map(<[u8]>::to_vec), copy.next_due())
        };
        let one = Some(b"1".to_vec());
        assert_eq!(restored(at(0)), (None, None, None));
        assert_eq!(restored(at(10)), (one.clone(), one.clone(), Some(at(30))));
        // Loading queues a carry under each version that it had; a stale turn does no harm.
        assert_eq!(restored(at(20)), (Some(b"2".to_vec()), one, Some(at(30))));
        assert_eq!(restored(at(30)).1, None, "a tombstone");
        store.committed(Some(at(20)));
        assert_eq!(store.changes(Some(at(30))).count(), 1);
        // b is saved until its tombstone is.
        let given_up = store.into_tombstones();
        assert!(given_up.iter().all(|one| one.value().is_none()));
        assert_eq!(given_up.iter().map(SavedCarry::key).collect::<Vec<_>>(), [b"\0a", b"\0b"]);
    }

    #[test]
    fn a_newer_or_damaged_carry_is_refused() {
        let mut store = CarryStore::new(1, 10);
        let newer = store.load(b"a", Some(&[2, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(newer, Err(CarryError::Version { found: 2, known: 1 }));
        assert_eq!(store.load(b"a", Some(&[1, 0])), Err(CarryError::Damaged { length: 2 }));
        assert!(store.is_empty());
    }
}
