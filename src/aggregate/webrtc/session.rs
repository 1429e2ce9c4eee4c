//! The sessions of one window, found by their keys. Beyond the cap, those with the smallest published hashes are kept.

use std::collections::BinaryHeap;
use std::hash::BuildHasher;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::sample::Samples;
use super::tally::Tally;
use crate::model::hash::stable_hash;

/// One session in one window.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) samples: Samples,
    /// How many reports came, by index of their roll-up key.
    pub(super) tallies: SmallVec<[(u32, Tally); 1]>,
}

impl Session {
    /// Counts reports at a roll-up key.
    pub(super) fn count(&mut self, key: u32, tally: &Tally) {
        match self.tallies.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.merge(tally),
            None => self.tallies.push((key, *tally)),
        }
    }

    /// Whether any report of it counts here, so that it is alive.
    pub(super) fn is_alive(&self) -> bool {
        self.tallies.iter().any(|(_, tally)| tally.records > 0)
    }
}

/// The sessions of one window, by tenant, a zero byte, and id.
#[derive(Debug)]
pub(super) struct Sessions<H> {
    entries: HashMap<Box<str>, Session, H>,
    /// All keys by published hash, the largest on top; filled when the cap is reached.
    largest: BinaryHeap<(u64, Box<str>)>,
    cap: usize,
}

impl<H: BuildHasher> Sessions<H> {
    pub(super) fn new(cap: usize, expected: usize, hasher: H) -> Self {
        let entries = HashMap::with_capacity_and_hasher(expected.min(cap), hasher);
        Self { entries, largest: BinaryHeap::new(), cap }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes the sessions take, with the memory that is reserved for them.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        let entry = size_of::<(Box<str>, Session)>() + 1;
        let kept = self.entries.iter().map(|(key, session)| key.len() + session.samples.memory());
        self.entries.capacity() * entry + kept.sum::<usize>()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Session> {
        self.entries.get(key)
    }

    pub(super) fn into_entries(self) -> Vec<(Box<str>, Session)> {
        self.entries.into_iter().collect()
    }

    /// The session with this key, entered when it is new; `None` = it is beyond the cap. What fell out instead is handed to `fallen`.
    pub(super) fn enter(&mut self, key: &str, fallen: impl FnOnce(Session)) -> Option<&mut Session> {
        if !self.entries.contains_key(key) {
            if self.entries.len() >= self.cap {
                fallen(self.make_room(key)?);
            }
            self.entries.insert(key.into(), Session::default());
        }
        self.entries.get_mut(key)
    }

    /// Takes out the session with the largest hash, if that of `key` is smaller.
    #[cold]
    fn make_room(&mut self, key: &str) -> Option<Session> {
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
