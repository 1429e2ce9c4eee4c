//! The roll-up keys of one window, interned; beyond the cap, the smallest by hash are kept and the rest is `other`.

use std::collections::BinaryHeap;

use hashbrown::HashTable;

use super::counters::Counters;
use crate::aggregate::{Filling, Sketch};
use crate::model::cmcd::{StreamType, StreamingFormat};
use crate::model::hash::stable_hash;

/// What an edge row belongs to, inside one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// The tenant.
    pub tenant: Box<str>,
    /// The point of presence.
    pub edge: Box<str>,
    /// [`StreamingFormat::as_str`].
    pub streaming_format: &'static str,
    /// [`StreamType::as_str`].
    pub stream_type: &'static str,
}

impl RollupKey {
    /// The tags of the row beside source, tenant, edge and window, in the order of a roll-up's key.
    pub(crate) const MORE_TAGS: [&str; 3] = ["cdn", "streaming_format", "stream_type"];

    /// Where everything beyond the cap goes.
    pub(crate) fn other() -> Self {
        Self {
            tenant: OTHER.into(),
            edge: OTHER.into(),
            streaming_format: StreamingFormat::Unknown.as_str(),
            stream_type: StreamType::Unknown.as_str(),
        }
    }
}

/// The name of everything beyond the cap.
pub(super) const OTHER: &str = "other";

/// A key that is not interned yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyParts<'a> {
    pub(super) tenant: &'a str,
    pub(super) edge: &'a str,
    pub(super) streaming_format: StreamingFormat,
    pub(super) stream_type: StreamType,
}

impl KeyParts<'_> {
    /// The published hash of a key: of its four names, each followed by a zero byte.
    pub(super) fn stable_hash(&self) -> u64 {
        let names = [self.tenant, self.edge, self.streaming_format.as_str(), self.stream_type.as_str()];
        let mut bytes = Vec::with_capacity(64);
        for name in names {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
        }
        stable_hash(&bytes)
    }

    fn to_key(self) -> RollupKey {
        RollupKey {
            tenant: self.tenant.into(),
            edge: self.edge.into(),
            streaming_format: self.streaming_format.as_str(),
            stream_type: self.stream_type.as_str(),
        }
    }
}

/// The samples of one roll-up key.
#[derive(Clone, Default)]
pub(crate) struct Sketches {
    pub(crate) ttfb_ms: Sketch,
    pub(crate) time_taken_ms: Sketch,
    pub(crate) throughput_bps: Sketch,
}

impl Sketches {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.ttfb_ms.merge(&other.ttfb_ms);
        self.time_taken_ms.merge(&other.time_taken_ms);
        self.throughput_bps.merge(&other.throughput_bps);
    }
}

/// The same while they come.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) ttfb_ms: Filling,
    pub(super) time_taken_ms: Filling,
    pub(super) throughput_bps: Filling,
}

impl Samples {
    fn merge(&mut self, other: Self) {
        self.ttfb_ms.merge(other.ttfb_ms);
        self.time_taken_ms.merge(other.time_taken_ms);
        self.throughput_bps.merge(other.throughput_bps);
    }

    pub(super) fn finish(self) -> Sketches {
        Sketches {
            ttfb_ms: self.ttfb_ms.finish(),
            time_taken_ms: self.time_taken_ms.finish(),
            throughput_bps: self.throughput_bps.finish(),
        }
    }
}

/// What a window knows of one roll-up key beside its sessions' blocks.
pub(super) struct Rollup {
    pub(super) key: RollupKey,
    /// Those of the key, to compare without looking at text.
    format_and_type: Option<(StreamingFormat, StreamType)>,
    /// The hash under which the table holds it.
    table_hash: u64,
    /// [`KeyParts::stable_hash`].
    stable_hash: u64,
    /// What belongs to no session, or to sessions beyond the cap.
    pub(super) sessionless: Counters,
    pub(super) samples: Samples,
    /// Beyond the cap: counts in `other` now.
    folded: bool,
}

impl Rollup {
    fn new(parts: &KeyParts<'_>, table_hash: u64, stable_hash: u64) -> Self {
        let format_and_type = Some((parts.streaming_format, parts.stream_type));
        Self { key: parts.to_key(), format_and_type, table_hash, stable_hash, ..Self::other() }
    }

    /// That of everything beyond the cap, which has no parts.
    fn other() -> Self {
        Self {
            key: RollupKey::other(),
            format_and_type: None,
            table_hash: 0,
            stable_hash: u64::MAX,
            sessionless: Counters::default(),
            samples: Samples::default(),
            folded: false,
        }
    }

    fn is_of(&self, parts: &KeyParts<'_>) -> bool {
        self.format_and_type == Some((parts.streaming_format, parts.stream_type))
            && *self.key.edge == *parts.edge
            && *self.key.tenant == *parts.tenant
    }
}

/// The roll-up keys of one window.
pub(super) struct Rollups {
    /// `other` first, then every key that was ever kept.
    entries: Vec<Rollup>,
    /// The kept keys, without `other`.
    table: HashTable<u32>,
    /// The kept keys by published hash, the largest on top.
    largest: BinaryHeap<(u64, u32)>,
    cap: usize,
}

/// The index of `other`: always there.
const OTHER_INDEX: u32 = 0;

impl Rollups {
    pub(super) fn new(cap: usize) -> Self {
        let entries = vec![Rollup::other()];
        Self { entries, table: HashTable::new(), largest: BinaryHeap::new(), cap }
    }

    /// The index of a key, or that of `other` when it is beyond the cap. `table_hash` is the caller's own, for the table only.
    pub(super) fn index_of(&mut self, table_hash: u64, parts: &KeyParts<'_>) -> u32 {
        let found = self.table.find(table_hash, |index| self.get(*index).is_some_and(|kept| kept.is_of(parts)));
        match found {
            Some(index) => *index,
            None => self.insert(table_hash, parts),
        }
    }

    /// Whether `index` is that of this key, and still kept.
    pub(super) fn is(&self, index: u32, parts: &KeyParts<'_>) -> bool {
        self.get(index).is_some_and(|kept| !kept.folded && index != OTHER_INDEX && kept.is_of(parts))
    }

    /// The index under which `index` counts now: its own, or that of `other` once it has fallen out.
    pub(super) fn resolve(&self, index: u32) -> u32 {
        if self.get(index).is_none_or(|rollup| rollup.folded) { OTHER_INDEX } else { index }
    }

    /// The published hash of the key at `index`; for what is beyond the cap the largest, because that is where the cap cuts.
    pub(super) fn stable_hash(&self, index: u32) -> u64 {
        self.get(index).map_or(u64::MAX, |rollup| rollup.stable_hash)
    }

    pub(super) fn get(&self, index: u32) -> Option<&Rollup> {
        self.entries.get(index as usize)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Rollup> {
        self.entries.get_mut(index as usize)
    }

    /// Whether no key has come. With a cap of 0 `other` alone tells, and it may be empty of counts.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.len() == 1
    }

    /// How many indices were ever given.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// The entries by index; those that fell out of the cap are `None`.
    pub(super) fn into_kept(self) -> impl Iterator<Item = Option<Rollup>> {
        self.entries.into_iter().map(|rollup| (!rollup.folded).then_some(rollup))
    }

    #[cold]
    fn insert(&mut self, table_hash: u64, parts: &KeyParts<'_>) -> u32 {
        let hash = parts.stable_hash();
        if self.table.len() >= self.cap {
            if self.largest.peek().is_none_or(|(largest, _)| hash >= *largest) {
                return OTHER_INDEX;
            }
            self.fold_largest();
        }
        let Ok(index) = u32::try_from(self.entries.len()) else { return OTHER_INDEX };
        self.entries.push(Rollup::new(parts, table_hash, hash));
        self.largest.push((hash, index));
        let entries = &self.entries;
        self.table
            .insert_unique(table_hash, index, |index| entries.get(*index as usize).map_or(0, |kept| kept.table_hash));
        index
    }

    /// Moves the key with the largest hash into `other`.
    fn fold_largest(&mut self) {
        let Some((_, index)) = self.largest.pop() else { return };
        let Some(rollup) = self.entries.get_mut(index as usize) else { return };
        rollup.folded = true;
        let table_hash = rollup.table_hash;
        let sessionless = std::mem::take(&mut rollup.sessionless);
        let samples = std::mem::take(&mut rollup.samples);
        if let Ok(entry) = self.table.find_entry(table_hash, |candidate| *candidate == index) {
            entry.remove();
        }
        if let Some(other) = self.entries.get_mut(OTHER_INDEX as usize) {
            other.sessionless.merge(&sessionless);
            other.samples.merge(samples);
        }
    }
}
