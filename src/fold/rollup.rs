//! One partition of the partials topic: parts and markers in, edge rows out.
//!
//! R1  A window of a source is final when every partition of that source has announced a frontier at or past its end.
//! R2  A marker is a member of the window that ends at the frontier it announces, so that a restart sees every announcement again
//!     that a window after the frontier depends on.
//! R3  Each source has its own windows and frontier: a slow source does not delay the others.

use std::collections::BTreeMap;

use crate::aggregate::rollup::{Announcement, EdgeRows, EdgeWindow, Error, RollupRecord};
use crate::engine::{CommitPoint, Rules, Timeline};
use crate::model::{Boundary, EventTime};

/// The windows of one source.
struct SourceTimeline {
    timeline: Timeline<EdgeWindow>,
    /// The frontier that each source partition announced last.
    announced: BTreeMap<i32, Boundary>,
}

impl SourceTimeline {
    fn restore(rules: Rules, frontier: Option<Boundary>) -> Self {
        // Every partition has announced at least the frontier.
        let watermark = frontier.map(|boundary| EventTime::from_millis(boundary.as_millis()));
        Self { timeline: Timeline::restore(rules, frontier, watermark), announced: BTreeMap::new() }
    }

    /// Takes in one announcement and moves the watermark when it was the last that was missing.
    fn announce(&mut self, offset: i64, announcement: &Announcement) {
        self.timeline.join(offset, announcement.frontier, |_| EdgeWindow::default());
        let known = self.announced.entry(announcement.partition).or_insert(announcement.frontier);
        *known = (*known).max(announcement.frontier);
        // What was announced before a restart is at least the frontier.
        let before = self.timeline.frontier();
        let all = (0..announcement.partitions).map(|partition| self.announced.get(&partition).copied().or(before));
        if let Some(slowest) = all.min().flatten() {
            self.timeline.advance(EventTime::from_millis(slowest.as_millis()));
        }
    }
}

/// A window of edge rows that has just become complete.
pub struct ClosedEdges {
    /// The source it belongs to.
    pub source: Box<str>,
    /// Where it ends.
    pub end: Boundary,
    /// Its rows.
    pub rows: EdgeRows,
}

/// What a commit saves of a roll-up partition: for each source its frontier, and the first offset still needed over all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollupCommit {
    /// The commit point of each source.
    pub sources: BTreeMap<Box<str>, CommitPoint>,
}

impl RollupCommit {
    /// The offset to resume from, given the next offset to be read.
    pub fn resume_offset(&self, position: i64) -> i64 {
        self.sources.values().map(|point| point.resume_offset(position)).min().unwrap_or(position)
    }
}

/// One partition of the partials topic.
pub struct RollupPartition {
    rules: Rules,
    sources: BTreeMap<Box<str>, SourceTimeline>,
    /// The next offset to be read.
    position: i64,
}

impl RollupPartition {
    /// Goes on from the saved frontier of each source.
    pub fn restore(window_ms: i64, frontiers: &BTreeMap<Box<str>, Boundary>, position: i64) -> Self {
        let rules = Rules { window_ms, grace_ms: 0, disorder_bound_ms: 0 };
        let mut sources = BTreeMap::new();
        for (source, frontier) in frontiers {
            sources.insert(source.clone(), SourceTimeline::restore(rules, Some(*frontier)));
        }
        Self { rules, sources, position }
    }

    /// Takes in the next record. Call [`Self::close_next`] afterwards.
    pub fn push(&mut self, offset: i64, key: Option<&[u8]>, value: &[u8]) -> Result<(), Error> {
        self.position = offset + 1;
        match RollupRecord::decode(key, value)? {
            RollupRecord::Marker(announcements) => {
                for announcement in &announcements {
                    self.source(&announcement.source).announce(offset, announcement);
                }
            }
            RollupRecord::Partial(partial) => {
                let timeline = &mut self.source(&partial.key.source).timeline;
                // A part of a final window was merged before a restart: its row is written.
                if let Some(window) = timeline.join(offset, partial.end, |_| EdgeWindow::default()) {
                    window.absorb(*partial);
                }
            }
        }
        Ok(())
    }

    /// The oldest complete window of some source. Call until `None`; then acknowledge each when its rows are safe.
    pub fn close_next(&mut self) -> Option<ClosedEdges> {
        let window_ms = self.rules.window_ms;
        for (source, one) in &mut self.sources {
            if let Some(closed) = one.timeline.close_next() {
                let rows = closed.window.close(closed.end.plus(-window_ms), window_ms);
                return Some(ClosedEdges { source: source.clone(), end: closed.end, rows });
            }
        }
        None
    }

    /// The rows of this source's window are safe.
    pub fn acknowledge(&mut self, source: &str, end: Boundary) {
        if let Some(one) = self.sources.get_mut(source) {
            one.timeline.acknowledge(end);
        }
    }

    /// What a commit may save now.
    pub fn commit_point(&self) -> RollupCommit {
        let points = self.sources.iter().map(|(source, one)| (source.clone(), one.timeline.commit_point()));
        RollupCommit { sources: points.collect() }
    }

    /// The commit that saved `commit` has succeeded.
    pub fn committed(&mut self, commit: &RollupCommit) {
        for (source, point) in &commit.sources {
            if let Some(one) = self.sources.get_mut(source) {
                one.timeline.committed(point);
            }
        }
    }

    /// The next offset to be read.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// How many closed windows wait for their acknowledgement.
    pub fn unacknowledged(&self) -> usize {
        self.sources.values().map(|one| one.timeline.unacknowledged()).sum()
    }

    /// Each source's watermark (what all its partitions have announced), frontier and number of open windows.
    pub fn progress(&self) -> impl Iterator<Item = (&str, Option<EventTime>, Option<Boundary>, usize)> {
        self.sources.iter().map(|(source, one)| {
            let timeline = &one.timeline;
            (&**source, timeline.watermark(), timeline.frontier(), timeline.open_windows().count())
        })
    }

    fn source(&mut self, source: &str) -> &mut SourceTimeline {
        let rules = self.rules;
        self.sources.entry(source.into()).or_insert_with(|| SourceTimeline::restore(rules, None))
    }
}
