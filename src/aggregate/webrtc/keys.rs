//! The roll-up keys of one window, interned; beyond the cap, the smallest by hash are kept and the rest is `other`.

use std::collections::BinaryHeap;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::tally::Tally;
use crate::model::hash::stable_hash;

/// What an edge row belongs to, inside one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// The tenant.
    pub tenant: Box<str>,
    /// The SFU or other far end.
    pub edge: Box<str>,
    /// Where it is.
    pub region: Box<str>,
    /// The application.
    pub app: Box<str>,
}

/// The name of everything beyond the cap.
const OTHER: &str = "other";
/// The index of `other`: always there.
const OTHER_INDEX: u32 = 0;

impl RollupKey {
    /// The tags of the row beside source, tenant, edge and window, in the order of a roll-up's key.
    pub(crate) const MORE_TAGS: [&str; 2] = ["region", "app"];

    /// Where everything beyond the cap goes.
    pub(super) fn other() -> Self {
        Self::new([OTHER; 4])
    }

    /// Of tenant, edge, region, app.
    pub(super) fn new([tenant, edge, region, app]: [&str; 4]) -> Self {
        Self { tenant: tenant.into(), edge: edge.into(), region: region.into(), app: app.into() }
    }

    /// The published hash of a key: of its four names, each followed by a zero byte.
    pub(super) fn stable_hash(names: [&str; 4]) -> u64 {
        let mut bytes = Vec::with_capacity(64);
        for name in names {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
        }
        stable_hash(&bytes)
    }

    fn names(&self) -> [&str; 4] {
        [&self.tenant, &self.edge, &self.region, &self.app]
    }
}

/// A key, and what counts at it beside its sessions.
pub(super) struct Entry {
    pub(super) key: RollupKey,
    /// What belongs to no session, or to sessions beyond the cap.
    pub(super) sessionless: Tally,
    /// Beyond the cap: counts in `other` now.
    folded: bool,
}

/// The roll-up keys of one window.
pub(super) struct Keys {
    /// `other` first, then every key that was ever kept.
    entries: Vec<Entry>,
    /// The kept keys, without `other`.
    table: HashTable<u32>,
    /// The kept keys by published hash, the largest on top.
    largest: BinaryHeap<(u64, u32)>,
    cap: usize,
}

impl Keys {
    pub(super) fn new(cap: usize) -> Self {
        let other = Entry { key: RollupKey::other(), sessionless: Tally::default(), folded: false };
        Self { entries: vec![other], table: HashTable::new(), largest: BinaryHeap::new(), cap }
    }

    /// Whether no key has come.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.len() == 1 && self.entries.iter().all(|entry| entry.sessionless == Tally::default())
    }

    /// The index of a key (tenant, edge, region, app), or that of `other` when it is beyond the cap.
    /// `hash` is its published one.
    pub(super) fn index_of(&mut self, hasher: &impl BuildHasher, hash: u64, names: [&str; 4]) -> u32 {
        let table_hash = hasher.hash_one(names);
        let is = |index: &u32| self.entries.get(*index as usize).is_some_and(|entry| entry.key.names() == names);
        match self.table.find(table_hash, is) {
            Some(index) => *index,
            None => self.insert(hasher, table_hash, hash, names),
        }
    }

    /// The index under which `index` counts now: its own, or that of `other` once it has fallen out.
    pub(super) fn resolve(&self, index: u32) -> u32 {
        let is_kept = self.entries.get(index as usize).is_some_and(|entry| !entry.folded);
        if is_kept { index } else { OTHER_INDEX }
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Entry> {
        let index = self.resolve(index);
        self.entries.get_mut(index as usize)
    }

    /// The key under which an index counts now.
    pub(super) fn key(&self, index: u32) -> Option<&RollupKey> {
        self.entries.get(self.resolve(index) as usize).map(|entry| &entry.key)
    }

    /// The entries that are kept, with their indices.
    pub(super) fn kept(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0..).zip(&self.entries).filter(|(_, entry)| !entry.folded)
    }

    #[cold]
    fn insert(&mut self, hasher: &impl BuildHasher, table_hash: u64, hash: u64, names: [&str; 4]) -> u32 {
        if self.table.len() >= self.cap {
            if self.largest.peek().is_none_or(|(largest, _)| hash >= *largest) {
                return OTHER_INDEX;
            }
            self.fold_largest(hasher);
        }
        let Ok(index) = u32::try_from(self.entries.len()) else { return OTHER_INDEX };
        let (key, sessionless) = (RollupKey::new(names), Tally::default());
        self.entries.push(Entry { key, sessionless, folded: false });
        self.largest.push((hash, index));
        let entries = &self.entries;
        let rehash = |index: &u32| entries.get(*index as usize).map_or(0, |entry| hasher.hash_one(entry.key.names()));
        self.table.insert_unique(table_hash, index, rehash);
        index
    }

    /// Moves the key with the largest hash into `other`.
    fn fold_largest(&mut self, hasher: &impl BuildHasher) {
        let Some((_, index)) = self.largest.pop() else { return };
        let Some(entry) = self.entries.get_mut(index as usize) else { return };
        entry.folded = true;
        let table_hash = hasher.hash_one(entry.key.names());
        let sessionless = std::mem::take(&mut entry.sessionless);
        if let Ok(entry) = self.table.find_entry(table_hash, |candidate| *candidate == index) {
            entry.remove();
        }
        if let Some(other) = self.entries.get_mut(OTHER_INDEX as usize) {
            other.sessionless.merge(&sessionless);
        }
    }
}
