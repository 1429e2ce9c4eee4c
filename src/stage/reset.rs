//! What a partition's state says after `streamgauge reset`: as if it had been read up to an offset of the past, with nothing open.
//!
//! R1  The epoch is new, and the same in all partitions of the source: the roll-up stage forgets what the epochs before have told it.
//! R2  What ends at or before a boundary is computed for the sake of what follows and not given out, so that sessions which were alive
//!     there have their past.
//! R3  Side outputs that were given before are not given again.

use std::collections::BTreeMap;

use super::saved::{Error, Frame, Saved};
use crate::fold::SavedSource;
use crate::model::Boundary;

/// A source after a reset.
#[derive(Clone, Copy, Debug)]
pub struct ResetSource<'a> {
    /// Its name.
    pub source: &'a str,
    /// The topology's rules number.
    pub rules: i64,
    /// How many partitions its topic has.
    pub partitions: i32,
    /// One more than [`epoch_of`] any of its partitions.
    pub epoch: i64,
    /// What ends at or before it is not given out.
    pub silent_until: Boundary,
}

impl ResetSource<'_> {
    /// The record for the state topic, with the frontier's key; `saved` is what is there now, `offset` where reading begins.
    ///
    /// # Errors
    /// When what is there was written by a newer program.
    pub fn state(&self, saved: Option<&[u8]>, offset: i64) -> Result<Vec<u8>, Error> {
        let position = saved.map(Saved::read).transpose()?.map_or(offset, |(_, saved)| saved.position.max(offset));
        let source = SavedSource { epoch: self.epoch, frontier: None };
        let state = Saved {
            position,
            sources: BTreeMap::from([(self.source.into(), source)]),
            silent_until: Some(self.silent_until),
            ..Saved::default()
        };
        Ok(state.encode(Frame { rules: self.rules, partitions: i64::from(self.partitions) }))
    }
}

/// How often a source had been reset, by what is saved of one of its partitions.
///
/// # Errors
/// When that was written by a newer program.
pub fn epoch_of(saved: Option<&[u8]>, source: &str) -> Result<i64, Error> {
    let saved = saved.map(Saved::read).transpose()?;
    Ok(saved.and_then(|(_, saved)| saved.sources.get(source).map(|one| one.epoch)).unwrap_or(0))
}
