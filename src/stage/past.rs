//! What a partition's state topic says of its past, gathered record by record.
//!
//! R1  The newest record under each key counts, and a tombstone forgets it: what compaction has left over does no harm.
//! R2  A record that neither is the frontier nor a carry is a stranger's, and is passed over.

use crate::bus::{STATE_KEY, StateRecord};
use crate::engine::{CARRY_KEY, CarryError, CarryStore};
use crate::fold::RollupCarries;

/// Carries that are being read back.
pub trait Past {
    /// Takes in one record, in order of offset: the carry's own key, and its value or a tombstone.
    ///
    /// # Errors
    /// When a newer program wrote it, or it is damaged.
    fn load(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CarryError>;
    /// How many carries there are now.
    fn count(&self) -> usize;
}

impl Past for CarryStore {
    fn load(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CarryError> {
        Self::load(self, key, value)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl Past for RollupCarries {
    fn load(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CarryError> {
        Self::load(self, key, value)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

/// What was read back of one partition.
pub struct ReadBack<C> {
    /// The value of its frontier's record.
    pub frontier: Option<Vec<u8>>,
    /// Its carries.
    pub carries: C,
}

impl<C: Past> ReadBack<C> {
    /// Nothing yet.
    pub fn nothing(carries: C) -> Self {
        Self { frontier: None, carries }
    }

    /// Takes in a record of the state topic.
    pub(super) fn load(&mut self, record: StateRecord<'_>) -> Result<(), CarryError> {
        match record.key.split_first() {
            _ if record.key == STATE_KEY => self.frontier = record.value.map(<[u8]>::to_vec),
            Some((&CARRY_KEY, key)) => self.carries.load(key, record.value)?,
            _ => {}
        }
        Ok(())
    }
}
