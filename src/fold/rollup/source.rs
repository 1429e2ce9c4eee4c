//! One source in one partition of the partials topic: its windows, and how far its partitions have come, in the newest epoch.

use std::collections::{BTreeMap, VecDeque};

use super::carries::RollupCarries;
use super::{ClosedEdges, RollupSettings, SavedSource, SourceCommit};
use crate::aggregate::rollup::{Announcement, ClosingBoundary, EdgeWindow, Partial, close_boundary};
use crate::engine::{CarryStore, ClosedBoundary, Rules, SavedPage, Timeline};
use crate::model::{Boundary, EventTime};

/// A source's windows in one epoch.
struct Generation {
    epoch: i64,
    timeline: Timeline<EdgeWindow>,
    /// The frontier that each source partition announced last. Those that are not here have announced at most the frontier: whatever
    /// lies beyond it is a member of a window that is read again.
    announced: BTreeMap<i32, Boundary>,
    /// How many partitions the source topic has; 0 before the first announcement.
    partitions: i32,
    carries: CarryStore,
    /// Tombstones for what the epoch before had carried, until a commit has saved them.
    dropped: Vec<SavedPage>,
    /// Closed, and not handed out yet.
    closed: VecDeque<ClosedEdges>,
    /// Carries for which there was no room, since the last look.
    let_go: u64,
}

/// A source's windows.
pub(super) struct SourceRollup {
    name: Box<str>,
    settings: RollupSettings,
    /// Earlier epochs that have closed windows which are not acknowledged. What they closed is right until the next epoch says otherwise,
    /// and must lie in the store before what the next epoch says.
    settling: VecDeque<Generation>,
    current: Generation,
    /// Partials that came too late, since the last look.
    pub(super) late: u64,
}

impl Generation {
    fn begin(settings: RollupSettings, epoch: i64, frontier: Option<Boundary>, carries: CarryStore) -> Self {
        let rules = Rules { window_ms: settings.window_ms, grace_ms: 0, disorder_bound_ms: 0 };
        // For windows after the frontier it makes no difference where before it the watermark was.
        let watermark = frontier.map(|boundary| EventTime::from_millis(boundary.as_millis()));
        Self {
            epoch,
            timeline: Timeline::restore(rules, frontier, watermark),
            announced: BTreeMap::new(),
            partitions: 0,
            carries,
            dropped: Vec::new(),
            closed: VecDeque::new(),
            let_go: 0,
        }
    }

    /// Takes in one announcement, and moves the watermark as far as R1 and R4 let it.
    fn announce(&mut self, offset: i64, announcement: &Announcement, max_skew_ms: i64) {
        self.timeline.join(offset, announcement.frontier, |_| EdgeWindow::default());
        let known = self.announced.entry(announcement.partition).or_insert(announcement.frontier);
        *known = (*known).max(announcement.frontier);
        self.partitions = announcement.partitions;
        let before = self.timeline.frontier();
        let all = (0..self.partitions).map(|partition| self.announced.get(&partition).copied().or(before));
        let slowest = all.min().flatten();
        let furthest = self.announced.values().max().map(|furthest| furthest.plus(-max_skew_ms));
        if let Some(passed) = slowest.max(furthest) {
            self.timeline.advance(EventTime::from_millis(passed.as_millis()));
        }
    }

    /// Closes every boundary that is final, in ascending order.
    fn close_final(&mut self, source: &str, window_ms: i64) {
        while let Some(ClosedBoundary { end, due, window }) = self.timeline.close_boundary(&mut self.carries) {
            let window = window.unwrap_or_default();
            let partitions_missing = self.missing(end);
            let boundary = ClosingBoundary { end, source, window_ms, window, partitions_missing };
            let due = due.iter().map(|one| (one.key(), one.value()));
            let rows = close_boundary(boundary, due, &mut self.carries);
            self.carries.seal();
            self.let_go += self.carries.take_let_go();
            self.closed.push_back(ClosedEdges { source: source.into(), end, rows });
        }
    }

    /// How many partitions have not announced this boundary.
    fn missing(&self, end: Boundary) -> i64 {
        let has_passed = |partition: &i32| self.announced.get(partition).is_some_and(|announced| *announced >= end);
        i64::from(self.partitions) - (0..self.partitions).filter(has_passed).count() as i64
    }
}

impl SourceRollup {
    pub(super) fn restore(name: &str, settings: RollupSettings, saved: SavedSource, carries: CarryStore) -> Self {
        let current = Generation::begin(settings, saved.epoch, saved.frontier, carries);
        Self { name: name.into(), settings, settling: VecDeque::new(), current, late: 0 }
    }

    pub(super) fn announce(&mut self, offset: i64, announcement: &Announcement) {
        if self.is_current(announcement.epoch) {
            self.current.announce(offset, announcement, self.settings.max_skew_ms);
        }
    }

    /// Takes in a part of a row. `is_new` = it was not read before a restart.
    pub(super) fn absorb(&mut self, offset: i64, partial: Partial, is_new: bool) {
        if !self.is_current(partial.epoch) {
            return;
        }
        let end = partial.end;
        match self.current.timeline.join(offset, end, |_| EdgeWindow::default()) {
            Some(window) => window.absorb(partial),
            // Of an older one, the part was merged before a restart, and its row is written.
            None => self.late += u64::from(is_new),
        }
    }

    /// Closes what is final after a record.
    pub(super) fn close_final(&mut self) {
        self.current.close_final(&self.name, self.settings.window_ms);
    }

    pub(super) fn next_closed(&mut self) -> Option<ClosedEdges> {
        self.oldest_mut().closed.pop_front()
    }

    pub(super) fn acknowledge(&mut self, end: Boundary) {
        self.oldest_mut().timeline.acknowledge(end);
        self.settle();
    }

    /// What a commit may save now: of the oldest epoch that is not settled, so that a restart goes through what follows it again. It needs
    /// an offset before that, because what it waits for was closed by a marker beyond its frontier.
    pub(super) fn commit_point(&self) -> SourceCommit {
        let oldest = self.oldest();
        SourceCommit { epoch: oldest.epoch, point: oldest.timeline.commit_point() }
    }

    pub(super) fn carry_changes<'a>(&'a self, commit: &SourceCommit) -> impl Iterator<Item = &'a SavedPage> + use<'a> {
        let oldest = self.oldest();
        oldest.dropped.iter().chain(oldest.carries.changes(commit.point.frontier))
    }

    pub(super) fn committed(&mut self, commit: &SourceCommit) {
        let oldest = self.oldest_mut();
        oldest.timeline.committed(&commit.point);
        oldest.carries.committed(commit.point.frontier);
        oldest.dropped.clear();
    }

    pub(super) fn take_let_go(&mut self) -> u64 {
        self.settling.iter_mut().chain([&mut self.current]).map(|one| std::mem::take(&mut one.let_go)).sum()
    }

    pub(super) fn unacknowledged(&self) -> usize {
        self.generations().map(|one| one.timeline.unacknowledged()).sum()
    }

    /// Whether no window is open that has a part.
    pub(super) fn is_drained(&self) -> bool {
        self.unacknowledged() == 0
            && self.generations().all(|one| one.timeline.open_windows().all(|(_, window)| window.is_empty()))
    }

    /// Its watermark, frontier and number of open windows.
    pub(super) fn progress(&self) -> (Option<EventTime>, Option<Boundary>, usize) {
        let timeline = &self.current.timeline;
        (timeline.watermark(), timeline.frontier(), timeline.open_windows().count())
    }

    /// Whether a record of this epoch counts. A newer one ends the epoch before it.
    fn is_current(&mut self, epoch: i64) -> bool {
        if epoch > self.current.epoch {
            let carries = RollupCarries::of_source(&self.name, self.settings.window_ms);
            let next = Generation::begin(self.settings, epoch, None, carries);
            self.settling.push_back(std::mem::replace(&mut self.current, next));
            self.settle();
        }
        epoch == self.current.epoch
    }

    /// Gives up earlier epochs whose closed windows are all safe. Their open ones will not be complete any more.
    fn settle(&mut self) {
        while self.settling.front().is_some_and(|oldest| oldest.timeline.unacknowledged() == 0) {
            let Some(settled) = self.settling.pop_front() else { return };
            let dropped = settled.dropped.into_iter().chain(settled.carries.into_tombstones());
            self.oldest_mut().dropped.extend(dropped);
        }
    }

    fn oldest(&self) -> &Generation {
        self.settling.front().unwrap_or(&self.current)
    }

    fn oldest_mut(&mut self) -> &mut Generation {
        self.settling.front_mut().unwrap_or(&mut self.current)
    }

    fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.settling.iter().chain([&self.current])
    }
}
