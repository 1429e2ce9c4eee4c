//! The sessions of one window: found by id with one hash, each with its blocks inline. Beyond the cap, the smallest by the published hash
//! of tenant and id are kept.

use std::collections::BinaryHeap;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::counters::{Counters, LIFE_SUMS};
use super::identity::Identity;
use super::life::{Fact, Ledger, Signs};
use super::names::Names;
use super::starvation::Starved;
use crate::model::hash::stable_hash;

/// What a session did at one roll-up key.
#[derive(Clone)]
pub(super) struct Part {
    /// Index into the window's roll-up keys.
    pub(super) key: u32,
    pub(super) counters: Counters,
}

/// The content id that counts so far: of the latest record that has one.
#[derive(Clone, Copy, Default)]
pub(super) struct Content {
    /// Event time of that record, ms after the window's start.
    pub(super) after_start_ms: u32,
    /// Index into the window's content ids; 0 = none yet.
    pub(super) index: u32,
}

/// What few sessions have.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) starved: Vec<Starved>,
    /// In order of arrival until the window closes.
    pub(super) facts: Vec<Fact>,
    /// Whether there were more facts than are kept.
    pub(super) is_cut: bool,
    /// Hashes of further content ids.
    pub(super) contents: Vec<u32>,
    /// What the window adds to the session's life, known when it closes.
    pub(super) life: [i64; LIFE_SUMS],
    /// Blocks of further roll-up keys: a session stays with its edge for seconds.
    pub(super) parts: Vec<Part>,
}

/// One session in one window.
pub(super) struct Session {
    pub(super) id: Identity,
    /// Index into the window's tenants.
    pub(super) tenant: u32,
    pub(super) content: Content,
    pub(super) signs: Signs,
    pub(super) rare: Option<Box<Rare>>,
    pub(super) first: Part,
}

impl Session {
    pub(super) fn new(id: &str, tenant: u32, key: u32) -> Self {
        let first = Part { key, counters: Counters::default() };
        Self { id: Identity::new(id), tenant, content: Content::default(), signs: Signs::default(), rare: None, first }
    }

    /// Writes what names the session among all of a partition: the tenant, a zero byte, the id. Tenants may use the same ids.
    pub(super) fn write_key(&self, tenants: &Names, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(tenants.get(self.tenant).as_bytes());
        key.push(0);
        key.extend_from_slice(self.id.as_bytes());
    }

    /// The published hash that decides at the cap: of the key.
    fn stable_hash(&self, tenants: &Names) -> u64 {
        let mut key = Vec::new();
        self.write_key(tenants, &mut key);
        stable_hash(&key)
    }

    /// Keeps what the window adds to its life, and lets go of what told it: a closed window may wait long for its rows to be written.
    pub(super) fn settle(&mut self, ledger: &Ledger) {
        if self.rare.is_none() && ledger.entries().is_empty() {
            return;
        }
        let rare = self.rare.get_or_insert_default();
        let parts = std::mem::take(&mut rare.parts);
        **rare = Rare { life: ledger.totals(), parts, ..Rare::default() };
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        let more = self.rare.iter().flat_map(|rare| &rare.parts);
        std::iter::once(&self.first).chain(more)
    }

    pub(super) fn starved(&self) -> &[Starved] {
        self.rare.as_ref().map_or(&[], |rare| &rare.starved)
    }

    /// The block for a roll-up key, made when there is none yet.
    pub(super) fn counters(&mut self, key: u32) -> &mut Counters {
        if self.first.key == key {
            return &mut self.first.counters;
        }
        let parts = &mut self.rare.get_or_insert_default().parts;
        let place = parts.iter().position(|part| part.key == key).unwrap_or_else(|| {
            parts.push(Part { key, counters: Counters::default() });
            parts.len() - 1
        });
        match parts.get_mut(place) {
            Some(part) => &mut part.counters,
            None => &mut self.first.counters,
        }
    }
}

/// What became of a new session.
pub(super) enum Found {
    /// It has this index.
    At(usize),
    /// It took the place of this one, which is beyond the cap now.
    InsteadOf(usize, Box<Session>),
    /// It is beyond the cap.
    BeyondCap,
}

/// The sessions of one window.
pub(super) struct Sessions {
    entries: Vec<Session>,
    table: HashTable<u32>,
    /// All sessions by published hash, the largest on top; filled when the cap is reached.
    largest: BinaryHeap<(u64, u32)>,
    cap: usize,
}

impl Sessions {
    /// `expected` makes room for as many sessions, so that the entries need not move while they grow.
    pub(super) fn new(cap: usize, expected: usize) -> Self {
        let expected = expected.min(cap);
        Self {
            entries: Vec::with_capacity(expected),
            table: HashTable::with_capacity(expected),
            largest: BinaryHeap::new(),
            cap,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Session> {
        self.entries.get_mut(index)
    }

    pub(super) fn into_entries(self) -> Vec<Session> {
        self.entries
    }

    /// The index of the session with this id and tenant, and the roll-up key of its first block. `hash` is that of the id.
    pub(super) fn find(&self, hash: u64, id: &str, tenant: u32) -> Option<(usize, u32)> {
        let matches = |one: &Session| one.tenant == tenant && one.id.as_bytes() == id.as_bytes();
        let index = *self.table.find(hash, |index| self.entries.get(*index as usize).is_some_and(matches))?;
        Some((index as usize, self.entries.get(index as usize)?.first.key))
    }

    /// Enters a session that [`Self::find`] did not find. `hash` is that of its id; `tenants` has the tenants' names.
    pub(super) fn insert(&mut self, hasher: &impl BuildHasher, tenants: &Names, hash: u64, session: Session) -> Found {
        if self.entries.len() >= self.cap {
            return self.insert_at_cap(hasher, tenants, hash, session);
        }
        let Ok(index) = u32::try_from(self.entries.len()) else { return Found::BeyondCap };
        self.entries.push(session);
        self.enter(hasher, hash, index);
        Found::At(index as usize)
    }

    #[cold]
    fn insert_at_cap(&mut self, hasher: &impl BuildHasher, tenants: &Names, hash: u64, session: Session) -> Found {
        if self.largest.is_empty() {
            let hashed = self.entries.iter().zip(0..).map(|(one, index)| (one.stable_hash(tenants), index));
            self.largest = hashed.collect();
        }
        let stable = session.stable_hash(tenants);
        let Some(&(largest, index)) = self.largest.peek() else { return Found::BeyondCap };
        if stable >= largest {
            return Found::BeyondCap;
        }
        self.largest.pop();
        let Some(slot) = self.entries.get_mut(index as usize) else { return Found::BeyondCap };
        let fallen = std::mem::replace(slot, session);
        let fallen_hash = hasher.hash_one(fallen.id.as_bytes());
        if let Ok(entry) = self.table.find_entry(fallen_hash, |candidate| *candidate == index) {
            entry.remove();
        }
        self.enter(hasher, hash, index);
        self.largest.push((stable, index));
        Found::InsteadOf(index as usize, Box::new(fallen))
    }

    fn enter(&mut self, hasher: &impl BuildHasher, hash: u64, index: u32) {
        let entries = &self.entries;
        self.table.insert_unique(hash, index, |index| {
            entries.get(*index as usize).map_or(0, |one| hasher.hash_one(one.id.as_bytes()))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn a_session_stays_small() {
        // 200,000 of them are open at a time, in two windows.
        assert_eq!(std::mem::size_of::<Session>(), 216);
    }
}
