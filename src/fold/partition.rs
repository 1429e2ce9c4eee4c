//! One partition of a source topic, whatever kind of source it is: what the workers and the oracle see of it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::SourceSettings;
use super::kind::{DecodeCounts, Yield};
use crate::aggregate::SourceLabels;
use crate::aggregate::rollup::{EdgeKey, Totals};
use crate::aggregate::webrtc::Recommendation;
use crate::engine::{CarryStore, CommitPoint};
use crate::model::{Boundary, EventTime, Reason, Record, Row, Rows};

/// A record that goes to another topic as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideOutput {
    /// It cannot be read.
    DeadLetter(Reason),
    /// This many of its events came after their windows were final.
    Late(u32),
}

/// What happened since the last look, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read, ticks included.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Events counted in a window.
    pub events: u64,
    /// Events that came too late.
    pub late: u64,
    /// Events whose time was moved to a bound.
    pub clamped: u64,
    /// Events seen before.
    pub duplicates: u64,
    /// Members that were dropped because they are wrong.
    pub members_rejected: u64,
    /// Ticks.
    pub ticks: u64,
    /// Carries that could not be read: their sessions began anew.
    pub carries_damaged: u64,
    /// Carries for which there was no room: their sessions begin anew, and what was known of them is in no row.
    pub carries_let_go: u64,
}

/// A boundary that has just closed.
pub struct ClosedSource {
    /// The boundary.
    pub end: Boundary,
    /// The rows of sessions that are final there, and of the window that ends there.
    pub rows: ClosedRows,
    /// The partition's part of the edge rows of the window that ends there; a key may come twice, and its parts add.
    pub edges: Vec<(EdgeKey, Totals)>,
    /// What is recommended for its sessions.
    pub recommendations: Vec<Recommendation>,
}

impl ClosedSource {
    pub(super) fn empty(end: Boundary) -> Self {
        Self { end, rows: ClosedRows::default(), edges: Vec::new(), recommendations: Vec::new() }
    }

    pub(super) fn add(&mut self, given: Yield, counts: &mut Counts) {
        counts.carries_damaged += given.carries_damaged;
        self.rows.0.push(given.rows);
        self.edges.extend(given.edges);
        self.recommendations.extend(given.recommendations);
    }
}

/// Rows of several kinds, one kind after the other.
#[derive(Clone, Default)]
pub struct ClosedRows(Vec<Arc<dyn Rows>>);

impl Rows for ClosedRows {
    fn len(&self) -> usize {
        self.0.iter().map(|rows| rows.len()).sum()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        let mut begins = 0;
        for rows in &self.0 {
            let ends = begins + rows.len();
            let (from, to) = (range.start.clamp(begins, ends), range.end.clamp(begins, ends));
            rows.visit(from - begins..to - begins, each);
            begins = ends;
        }
    }
}

/// One partition of a source topic: records in, closed windows and side outputs out. [`super::Fold`] says what it promises.
pub trait SourceFold: Send {
    /// Takes in the next record. What goes to another topic is returned. Call [`Self::close_next`] afterwards.
    fn push(&mut self, record: &Record<'_>) -> Option<SideOutput>;

    /// The oldest boundary that has become final and has something to give. Call until `None`, also before the first record; then
    /// acknowledge each when its rows are safe.
    fn close_next(&mut self) -> Option<ClosedSource>;

    /// The rows of the window ending at `end` are safe.
    fn acknowledge(&mut self, end: Boundary);

    /// What a commit may save now.
    fn commit_point(&self) -> CommitPoint;

    /// The commit that saved `point` has succeeded.
    fn committed(&mut self, point: &CommitPoint);

    /// What is carried; a commit of a point has to save what changed up to its frontier.
    fn carries(&self) -> &CarryStore;

    /// What ends at or before it gives nothing.
    fn silent_until(&self) -> Option<Boundary>;

    /// Whether nothing is open but windows that hold nothing, of ticks.
    fn is_drained(&self) -> bool;

    /// The next offset to be read.
    fn position(&self) -> i64;

    /// Side outputs were given for every offset before this one: the position, or that of a predecessor as long as records are read again.
    /// This is what a commit has to save.
    fn saved_position(&self) -> i64;

    /// The settings it was made with.
    fn settings(&self) -> &SourceSettings;

    /// The labels of its rows.
    fn labels(&self) -> &SourceLabels;

    /// The watermark; `None` before the first record.
    fn watermark(&self) -> Option<EventTime>;

    /// The frontier of the last commit.
    fn frontier(&self) -> Option<Boundary>;

    /// How many windows are open, and how many sessions the newest of them has.
    fn open_windows(&self) -> (usize, usize);

    /// How many closed windows wait for their acknowledgement.
    fn unacknowledged(&self) -> usize;

    /// What happened since the last call.
    fn take_counts(&mut self) -> Counts;

    /// What is kept of the value of a record that is a dead letter or late: all of it, but for secrets.
    fn kept<'v>(&self, value: &'v [u8]) -> Cow<'v, [u8]>;

    /// What the decoder counted since the last call.
    fn take_decode_counts(&mut self) -> DecodeCounts;
}
