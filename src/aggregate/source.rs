//! What the windows of every source share: how much they may hold, what becomes of a record, and how a source names itself.

/// The name of what is not known, in tags and ids.
pub(super) const UNKNOWN: &str = "unknown";

/// What one partition may hold of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Sessions with a row of their own; the rest counts at its edge only.
    pub sessions: usize,
    /// Roll-up keys; the rest counts as `other`.
    pub rollup_keys: usize,
    /// Facts of one kind (records with `bs`) per session.
    pub facts: usize,
}

/// How much a window will probably hold, from those before it: room made at once need not be moved while it fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Sessions.
    pub sessions: usize,
    /// Ids by which copies are recognised.
    pub ids: usize,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Counted,
    /// The window has seen its id before: it counts as a duplicate only.
    Duplicate,
}

/// How a source names itself in rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLabels {
    /// The source's name.
    pub source: Box<str>,
    /// The partition, as text.
    pub shard: Box<str>,
    /// The source's CDN.
    pub cdn: Box<str>,
}

/// Over how much time totals speak, and how much of it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Whether they are those of one window, whose sessions are counted exactly.
    pub one_window: bool,
    /// How many source partitions they lack.
    pub partitions_missing: i64,
}
