//! What is carried of minutes and hours, by source: each source closes its own boundaries.

use std::collections::BTreeMap;

use crate::aggregate::cmcd::{EdgeTotals, PartialError};
use crate::aggregate::rollup::source_of_carry;
use crate::engine::{CarryError, CarryStore};

/// The version of what is carried: the first byte of each record.
const CARRY_VERSION: u8 = 1;

/// The carries of one partition of the partials topic.
#[derive(Clone, Debug)]
pub struct RollupCarries {
    window_ms: i64,
    sources: BTreeMap<Box<str>, CarryStore>,
}

impl RollupCarries {
    /// Without any.
    pub fn new(window_ms: i64) -> Self {
        Self { window_ms, sources: BTreeMap::new() }
    }

    /// Takes in a record of the state topic, in order of offset; the key without its first byte, `None` for a tombstone.
    ///
    /// # Errors
    /// When a newer program wrote it, or it is none.
    pub fn load(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CarryError> {
        if let Some(found) = value.and_then(<[u8]>::first).copied().filter(|found| *found > CARRY_VERSION) {
            return Err(CarryError::Version { found, known: CARRY_VERSION });
        }
        let own = value.and_then(CarryStore::carry_of);
        let source = source_of_carry(key, own).map_err(|cause| match cause {
            PartialError::Version(found) => CarryError::Version { found, known: EdgeTotals::VERSION },
            _ => CarryError::Damaged { length: value.map_or(0, <[u8]>::len) },
        })?;
        self.sources.entry(source).or_insert_with(|| Self::of_source(self.window_ms)).load(key, value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sources.values().map(CarryStore::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn of_source(window_ms: i64) -> CarryStore {
        CarryStore::new(CARRY_VERSION, window_ms)
    }

    /// Takes out those of a source.
    pub(super) fn take(&mut self, source: &str) -> CarryStore {
        self.sources.remove(source).unwrap_or_else(|| Self::of_source(self.window_ms))
    }
}
