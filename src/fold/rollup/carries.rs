//! What is carried of minutes and hours, by source: each source closes its own boundaries.

use std::collections::BTreeMap;

use crate::aggregate::PartialError;
use crate::aggregate::rollup::check_carry;
use crate::engine::{CarryError, CarryStore, carries_in};
use crate::model::bytes::{Reader, Writer};

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
        let damaged = CarryError::Damaged { length: value.map_or(0, <[u8]>::len) };
        let (name, number) = key.split_last_chunk::<2>().ok_or(damaged)?;
        let source = Reader::new(name).text().map_err(|_| damaged)?;
        let store =
            self.sources.entry(source.into()).or_insert_with_key(|source| Self::of_source(source, self.window_ms));
        store.load(number, value)?;
        for (key, carry) in carries_in(value.unwrap_or_default()) {
            check_carry(key, carry).map_err(|cause| match cause {
                PartialError::Version { found, known } => CarryError::Version { found, known },
                _ => damaged,
            })?;
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sources.values().map(CarryStore::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn of_source(source: &str, window_ms: i64) -> CarryStore {
        let mut name = Writer::default();
        name.text(source);
        CarryStore::named(name.as_bytes(), CARRY_VERSION, window_ms)
    }

    /// Takes out those of a source.
    pub(super) fn take(&mut self, source: &str) -> CarryStore {
        self.sources.remove(source).unwrap_or_else(|| Self::of_source(source, self.window_ms))
    }
}
