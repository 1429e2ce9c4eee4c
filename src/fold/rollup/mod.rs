//! One partition of the partials topic: parts and markers in, edge rows out.
//!
//! R1  A window of a source is final when every partition of that source has announced a frontier at or past its end.
//! R2  A marker is a member of the window that ends at the frontier it announces, so that a restart sees every announcement again
//!     that a window after the frontier depends on.
//! R3  Each source has its own windows and frontier: a slow source does not delay the others.
//! R4  A partition that lags the furthest of its source by more than the bound does not hold up the others: windows that far behind are final
//!     without it, their rows say so, and what it sends of them later is counted and never applied. The markers decide, not the clock.
//! R5  Minutes and hours are carried from window to window, and close with the window at their end, or alone where there is none.
//! R6  Of a source that was reset, only the newest epoch counts. Its first record ends the epoch before: what that has open is given up,
//!     with what it carries; what it has closed lies in the store before a row of the new one is given.
//!
//! The watermark is not saved. By R2 every announcement beyond the frontier is read again after a restart, so that the watermark passes
//! each window after the frontier at the same record as before; where it was before the frontier makes no difference.

mod carries;
mod source;

use std::collections::BTreeMap;

pub use self::carries::RollupCarries;
use self::source::SourceRollup;
use crate::aggregate::rollup::{EdgeRows, Error, RollupRecord};
use crate::engine::{CommitPoint, SavedCarry};
use crate::model::{Boundary, EventTime};

/// How roll-up windows behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollupSettings {
    /// Their length, ms.
    pub window_ms: i64,
    /// How far a source partition may lag the furthest one before windows close without it, ms.
    pub max_skew_ms: i64,
    /// The topology's rules number: what other rules have made is not merged.
    pub rules: i64,
}

/// What is saved of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SavedSource {
    /// How often it had been reset.
    pub epoch: i64,
    /// Every window ending at or before it is written; `None` = none is yet in this epoch.
    pub frontier: Option<Boundary>,
}

/// Where reading goes on.
#[derive(Clone, Debug)]
pub struct RollupResume {
    /// The next offset to be read.
    pub offset: i64,
    /// How far reading had come before: at or beyond `offset`.
    pub saved_position: i64,
    /// Of each source.
    pub sources: BTreeMap<Box<str>, SavedSource>,
    /// What is carried of minutes and hours.
    pub carries: RollupCarries,
}

impl RollupResume {
    /// From here on, with nothing read before.
    pub fn afresh(settings: RollupSettings, offset: i64) -> Self {
        let carries = RollupCarries::new(settings.window_ms);
        Self { offset, saved_position: offset, sources: BTreeMap::new(), carries }
    }
}

/// The edge rows of a boundary that has just become final.
pub struct ClosedEdges {
    /// The source they belong to.
    pub source: Box<str>,
    /// The boundary.
    pub end: Boundary,
    /// Those of the window that ends there, and of the minute and the hour that do.
    pub rows: EdgeRows,
}

/// What a commit saves of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceCommit {
    /// The epoch that it belongs to.
    pub epoch: i64,
    /// The commit point of its windows.
    pub point: CommitPoint,
}

/// What a commit saves of a roll-up partition: the commit point of each source, and the first offset still needed over all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollupCommit {
    /// Of each source.
    pub sources: BTreeMap<Box<str>, SourceCommit>,
}

impl RollupCommit {
    /// The offset to resume from, given the next offset to be read.
    pub fn resume_offset(&self, position: i64) -> i64 {
        self.sources.values().map(|one| one.point.resume_offset(position)).min().unwrap_or(position)
    }

    /// What it saves of each source.
    pub fn saved_sources(&self) -> BTreeMap<Box<str>, SavedSource> {
        let saved = |one: &SourceCommit| SavedSource { epoch: one.epoch, frontier: one.point.frontier };
        self.sources.iter().map(|(source, one)| (source.clone(), saved(one))).collect()
    }
}

/// One partition of the partials topic.
pub struct RollupPartition {
    settings: RollupSettings,
    sources: BTreeMap<Box<str>, SourceRollup>,
    /// The next offset to be read.
    position: i64,
    /// Late partials are new from this offset on.
    new_from: i64,
}

impl RollupPartition {
    /// Goes on where a commit left off.
    pub fn restore(settings: RollupSettings, resume: RollupResume) -> Self {
        let RollupResume { offset, saved_position, sources, mut carries } = resume;
        let restored = sources.into_iter().map(|(source, saved)| {
            let one = SourceRollup::restore(&source, settings, saved, carries.take(&source));
            (source, one)
        });
        Self { settings, sources: restored.collect(), position: offset, new_from: saved_position }
    }

    /// Takes in the next record. Call [`Self::close_next`] afterwards.
    ///
    /// # Errors
    /// When it is none, or a newer program wrote it.
    pub fn push(&mut self, offset: i64, key: Option<&[u8]>, value: &[u8]) -> Result<(), Error> {
        self.position = offset + 1;
        match RollupRecord::decode(key, value)? {
            RollupRecord::Marker { rules: Some(found), .. } if found != self.settings.rules => {
                return Err(Error::Rules { found, own: self.settings.rules });
            }
            RollupRecord::Marker { announcements, .. } => {
                for announcement in &announcements {
                    self.source(&announcement.source).announce(offset, announcement);
                }
                // A marker speaks of several partitions at once: none of them lacks because it is named after another.
                self.sources.values_mut().for_each(SourceRollup::close_final);
            }
            RollupRecord::Partial(partial) => {
                let is_new = offset >= self.new_from;
                let source = partial.key.source.clone();
                self.source(&source).absorb(offset, *partial, is_new);
            }
        }
        Ok(())
    }

    /// The oldest boundary of some source that has become final. Call until `None`, after each record and after acknowledgements; then
    /// acknowledge each when its rows are safe.
    pub fn close_next(&mut self) -> Option<ClosedEdges> {
        self.sources.values_mut().find_map(SourceRollup::next_closed)
    }

    /// The rows of this source's boundary are safe.
    pub fn acknowledge(&mut self, source: &str, end: Boundary) {
        if let Some(one) = self.sources.get_mut(source) {
            one.acknowledge(end);
        }
    }

    /// What a commit may save now.
    pub fn commit_point(&self) -> RollupCommit {
        let points = self.sources.iter().map(|(source, one)| (source.clone(), one.commit_point()));
        RollupCommit { sources: points.collect() }
    }

    /// The carries that a commit of `commit` has to save, in the order in which they must be written.
    pub fn carry_changes<'a>(&'a self, commit: &'a RollupCommit) -> impl Iterator<Item = &'a SavedCarry> {
        let named = commit.sources.iter().filter_map(|(source, one)| Some((self.sources.get(source)?, one)));
        named.flat_map(|(source, one)| source.carry_changes(one))
    }

    /// The commit that saved `commit`, made of the latest commit point, has succeeded.
    pub fn committed(&mut self, commit: &RollupCommit) {
        for (source, one) in &commit.sources {
            if let Some(rollup) = self.sources.get_mut(source) {
                rollup.committed(one);
            }
        }
    }

    /// The next offset to be read.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Late partials were counted for every offset before this one: the position, or that of a predecessor as long as records are read
    /// again that it had read.
    pub fn saved_position(&self) -> i64 {
        self.position.max(self.new_from)
    }

    /// Whether nothing is open but windows without a part.
    pub fn is_drained(&self) -> bool {
        self.sources.values().all(SourceRollup::is_drained)
    }

    /// How many closed boundaries wait for their acknowledgement.
    pub fn unacknowledged(&self) -> usize {
        self.sources.values().map(SourceRollup::unacknowledged).sum()
    }

    /// How many partials of each source came too late (R4) since the last call.
    pub fn take_late(&mut self) -> impl Iterator<Item = (&str, u64)> {
        self.sources.iter_mut().map(|(source, one)| (&**source, std::mem::take(&mut one.late)))
    }

    /// Each source's watermark, frontier and number of open windows.
    pub fn progress(&self) -> impl Iterator<Item = (&str, Option<EventTime>, Option<Boundary>, usize)> {
        self.sources.iter().map(|(source, one)| {
            let (watermark, frontier, open) = one.progress();
            (&**source, watermark, frontier, open)
        })
    }

    fn source(&mut self, source: &str) -> &mut SourceRollup {
        let settings = self.settings;
        self.sources.entry(source.into()).or_insert_with(|| {
            let carries = RollupCarries::of_source(settings.window_ms);
            SourceRollup::restore(source, settings, SavedSource::default(), carries)
        })
    }
}
