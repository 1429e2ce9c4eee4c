//! One partition of the partials topic: parts and markers in, edge rows out.
//!
//! R1  A window of a source is final when every partition of that source has announced a frontier at or past its end.
//! R2  A marker is a member of the window that ends at the frontier it announces, so that a restart sees every announcement again
//!     that a window after the frontier depends on.
//! R3  Each source has its own windows and frontier: a slow source does not delay the others.
//! R4  A partition that lags the furthest of its source by more than the bound (as one does that has announced nothing yet) does not hold up
//!     the others: windows that far behind are final without it, their rows say so, and what it sends of them later is counted and never
//!     applied. The markers decide, not the clock.
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
use crate::engine::{CommitPoint, SavedPage};
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

    /// Whether a window of a source, which ends there, is written for good with it.
    pub fn covers(&self, source: &str, end: Boundary) -> bool {
        self.sources.get(source).is_some_and(|one| Some(end) <= one.point.frontier)
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
    pub fn carry_changes<'a>(&'a self, commit: &'a RollupCommit) -> impl Iterator<Item = &'a SavedPage> {
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

    /// How many carries of each source were let go since the last call, because there was no room for them.
    pub fn take_let_go(&mut self) -> impl Iterator<Item = (&str, u64)> {
        self.sources.iter_mut().map(|(source, one)| (&**source, one.take_let_go()))
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
            let carries = RollupCarries::of_source(source, settings.window_ms);
            SourceRollup::restore(source, settings, SavedSource::default(), carries)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::aggregate::cmcd::{CARRY_VERSION, Context, Window};
    use crate::aggregate::rollup::{Announcement, Partial};
    use crate::aggregate::{Caps, Size, SourceLabels};
    use crate::engine::CarryStore;
    use crate::fold::cmcd::over_all;
    use crate::model::cmcd::{Delivery, Event, Keys, Mode};
    use crate::model::{Rows, Value};

    const SETTINGS: RollupSettings = RollupSettings { window_ms: 10_000, max_skew_ms: 60_000, rules: 1 };

    struct Bus {
        partition: RollupPartition,
        offset: i64,
    }

    impl Bus {
        fn new() -> Self {
            Self { partition: RollupPartition::restore(SETTINGS, RollupResume::afresh(SETTINGS, 0)), offset: 0 }
        }

        fn send(&mut self, key: Option<&[u8]>, value: &[u8]) {
            self.partition.push(self.offset, key, value).unwrap();
            self.offset += 1;
        }

        /// A marker of one partition of two.
        fn announce(&mut self, epoch: i64, partition: i32, frontier: i64) {
            let frontier = Boundary::from_millis(frontier);
            let one = Announcement { source: "logs".into(), partitions: 2, partition, frontier, epoch };
            self.send(None, &RollupRecord::encode_marker(SETTINGS.rules, &[one]));
        }

        /// One request at the edge FRA.
        fn part(&mut self, epoch: i64, end: i64) {
            let caps = Caps { sessions: 1, rollup_keys: 1, facts: 1 };
            let hasher = foldhash::fast::FixedState::default();
            let mut window = Window::new(Boundary::from_millis(0), 10_000, caps, Size::default(), hasher);
            let (keys, delivery) = (Keys::default(), Delivery::default());
            let event = Event { mode: Mode::Request, time: None, keys, delivery, members_rejected: 0 };
            let (time, tenant, edge) = (EventTime::from_millis(0), "default", "FRA");
            let (clamped, session, request_id, deduplicate) = (false, None, None, false);
            window.absorb(&event, &Context { time, clamped, tenant, edge, session, request_id, deduplicate });
            let labels = SourceLabels { source: "logs".into(), shard: "0".into(), cdn: "cdn".into() };
            let closed = window.close(labels.clone(), &mut CarryStore::new(CARRY_VERSION, 10_000));
            let (key, totals) = over_all(closed.edges, &labels).remove(0);
            let name = key.encode();
            let partial = Partial { key, end: Boundary::from_millis(end), epoch, totals };
            self.send(Some(&name), &partial.encode_value());
        }

        /// Of each row that is given: tag `window`, end of its boundary, requests, partitions missing.
        fn rows(&mut self) -> Vec<(String, i64, i64, i64)> {
            let mut rows = Vec::new();
            while let Some(closed) = self.partition.close_next() {
                closed.rows.visit(0..closed.rows.len(), &mut |row| {
                    let field = |name| row.schema.fields.iter().position(|field| field.name == name).unwrap();
                    let value = |name| match row.fields[field(name)] {
                        Value::Integer(value) => value,
                        Value::Text(_) => i64::MIN,
                    };
                    let counts = (value("requests_count"), value("partitions_missing_count"));
                    rows.push((row.tags[6].to_owned(), closed.end.as_millis(), counts.0, counts.1));
                });
            }
            rows
        }

        fn late(&mut self) -> u64 {
            self.partition.take_late().map(|(_, late)| late).sum()
        }
    }

    fn row(window: &str, end: i64, requests: i64, missing: i64) -> (String, i64, i64, i64) {
        (window.to_owned(), end, requests, missing)
    }

    #[test]
    fn a_partition_that_lags_too_far_holds_up_nobody_and_is_told_to_be_missing() {
        let mut bus = Bus::new();
        for end in [10_000, 20_000, 30_000, 70_000] {
            bus.part(0, end);
        }
        bus.part(0, 10_000);
        bus.announce(0, 1, 10_000);
        bus.announce(0, 0, 70_000);
        assert_eq!(bus.rows(), [row("10s", 10_000, 2, 0)], "both have passed it, and 60 s are within the bound");
        bus.announce(0, 0, 80_000);
        assert_eq!(bus.rows(), [row("10s", 20_000, 1, 1)]);
        // What it sends now: its part of a window that has closed without it, and one of a window that is open.
        bus.part(0, 20_000);
        bus.part(0, 30_000);
        assert_eq!((bus.rows(), bus.late()), (vec![], 1));
        bus.announce(0, 1, 70_000);
        let minute = row("1m", 60_000, 5, 1);
        assert_eq!(bus.rows(), [row("10s", 30_000, 2, 0), minute, row("10s", 70_000, 1, 0)]);
    }

    #[test]
    fn rows_of_a_new_epoch_wait_until_those_before_it_are_safe() {
        let mut bus = Bus::new();
        bus.part(0, 10_000);
        bus.part(0, 20_000);
        bus.announce(0, 0, 20_000);
        bus.announce(0, 1, 10_000);
        assert_eq!(bus.rows(), [row("10s", 10_000, 1, 0)]);
        // The source is reset: what was open and what was carried is given up.
        bus.part(1, 10_000);
        bus.part(1, 10_000);
        bus.announce(1, 0, 60_000);
        bus.part(0, 10_000);
        bus.announce(0, 1, 60_000);
        bus.announce(1, 1, 60_000);
        assert_eq!(bus.rows(), [], "the row of the epoch before may be on its way still");
        let held = bus.partition.commit_point();
        let saved = |epoch, frontier: Option<i64>| SavedSource { epoch, frontier: frontier.map(Boundary::from_millis) };
        assert_eq!((held.saved_sources()["logs"], held.resume_offset(99)), (saved(0, Some(0)), 0));
        bus.partition.acknowledge("logs", Boundary::from_millis(10_000));
        assert_eq!(bus.rows(), [row("10s", 10_000, 2, 0), row("1m", 60_000, 2, 0)]);
        let begun = bus.partition.commit_point();
        assert_eq!((begun.saved_sources()["logs"], begun.resume_offset(99)), (saved(1, Some(0)), 4));
        assert_eq!(bus.partition.carry_changes(&begun).count(), 1, "the tombstone of the minute that was given up");
    }
}
