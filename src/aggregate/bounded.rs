//! What a window keeps of each session, found by the session's key. Beyond the cap, those with the smallest published hashes are kept.

use std::collections::BinaryHeap;
use std::hash::BuildHasher;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;

use crate::model::hash::stable_hash;

/// What is kept under each key: a tenant, a zero byte, and an id.
#[derive(Debug)]
pub(super) struct Bounded<S, H> {
    entries: HashMap<Box<str>, S, H>,
    /// All keys by published hash, the largest on top; filled when the cap is reached.
    largest: BinaryHeap<(u64, Box<str>)>,
    cap: usize,
}

impl<S: Default, H: BuildHasher> Bounded<S, H> {
    pub(super) fn new(cap: usize, expected: usize, hasher: H) -> Self {
        let entries = HashMap::with_capacity_and_hasher(expected.min(cap), hasher);
        Self { entries, largest: BinaryHeap::new(), cap }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes it takes, with the memory that is reserved; `of` = those that an entry refers to.
    #[cfg(test)]
    pub(super) fn memory(&self, of: impl Fn(&S) -> usize) -> usize {
        let entry = size_of::<(Box<str>, S)>() + 1;
        let kept = self.entries.iter().map(|(key, session)| key.len() + of(session));
        self.entries.capacity() * entry + kept.sum::<usize>()
    }

    pub(super) fn get(&self, key: &str) -> Option<&S> {
        self.entries.get(key)
    }

    pub(super) fn into_entries(self) -> Vec<(Box<str>, S)> {
        self.entries.into_iter().collect()
    }

    /// What is under this key, entered when it is new; `None` = it is beyond the cap. What fell out instead is handed to `fallen`.
    pub(super) fn enter(&mut self, key: &str, fallen: impl FnOnce(S)) -> Option<&mut S> {
        if self.entries.len() >= self.cap && !self.entries.contains_key(key) {
            fallen(self.make_room(key)?);
        }
        match self.entries.entry_ref(key) {
            EntryRef::Occupied(entry) => Some(entry.into_mut()),
            EntryRef::Vacant(entry) => Some(entry.insert_entry_with_key(key.into(), S::default()).into_mut()),
        }
    }

    /// Takes out what has the largest hash, if that of `key` is smaller.
    #[cold]
    fn make_room(&mut self, key: &str) -> Option<S> {
        if self.largest.is_empty() {
            self.largest = self.entries.keys().map(|key| (stable_hash(key.as_bytes()), key.clone())).collect();
        }
        let hash = stable_hash(key.as_bytes());
        if self.largest.peek().is_none_or(|(largest, _)| hash >= *largest) {
            return None;
        }
        let (_, last) = self.largest.pop()?;
        self.largest.push((hash, key.into()));
        self.entries.remove(&*last)
    }
}
