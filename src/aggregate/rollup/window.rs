//! A window of the roll-up stage: edge rows in the making, and made.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use super::record::{EdgeKey, Partial};
use super::totals::Totals;
use crate::aggregate::Extent;
use crate::model::{Boundary, Row, Rows};

/// The parts of edge rows of one window that have come so far.
#[derive(Default)]
pub struct EdgeWindow {
    edges: BTreeMap<EdgeKey, Totals>,
}

impl EdgeWindow {
    /// Adds a part. The bus delivers each exactly once (it lies in the transaction that commits its source offsets), so parts add.
    pub fn absorb(&mut self, partial: Partial) {
        match self.edges.entry(partial.key) {
            Entry::Vacant(entry) => {
                entry.insert(partial.totals);
            }
            Entry::Occupied(mut entry) => entry.get_mut().merge(&partial.totals),
        }
    }

    /// How many rows it will give.
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// Whether no part has come.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Adds another window, or several put together already: this is no longer one window afterwards, but a longer one.
    pub fn append(&mut self, other: &Self) {
        for (key, totals) in &other.edges {
            match self.edges.entry(key.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(totals.clone());
                }
                Entry::Occupied(mut entry) => entry.get_mut().append(totals),
            }
        }
    }

    /// Ends a window of which no partition lacks.
    pub fn close(self, start: Boundary, window_ms: i64) -> EdgeRows {
        self.close_whole(start, window_ms, true)
    }

    /// Ends a longer window of which no partition lacks.
    pub fn close_longer(self, start: Boundary, length_ms: i64) -> EdgeRows {
        self.close_whole(start, length_ms, false)
    }

    fn close_whole(self, start: Boundary, length_ms: i64, one_window: bool) -> EdgeRows {
        let mut rows = EdgeRows::default();
        rows.push(start, length_ms, Extent { one_window, partitions_missing: 0 }, self);
        rows
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = (&EdgeKey, &Totals)> {
        self.edges.iter()
    }

    pub(super) fn insert(&mut self, key: EdgeKey, totals: Totals) {
        self.edges.insert(key, totals);
    }
}

/// The tag `window`: `10s`, `1m`, `1h`.
fn window_label(window_ms: i64) -> String {
    match window_ms {
        length if length % 3_600_000 == 0 => format!("{}h", length / 3_600_000),
        length if length % 60_000 == 0 => format!("{}m", length / 60_000),
        length if length % 1000 == 0 => format!("{}s", length / 1000),
        length => format!("{length}ms"),
    }
}

/// The edge rows that are final at one boundary: of the window that ends there, then of the longer ones that do.
#[derive(Default)]
pub struct EdgeRows {
    lengths: Vec<OneLength>,
}

/// The rows of one window length.
struct OneLength {
    start: Boundary,
    window: String,
    extent: Extent,
    edges: Vec<(EdgeKey, Totals)>,
}

impl EdgeRows {
    /// What was counted in the window itself, by key; longer ones would tell the same again.
    pub fn of_the_window(&self) -> impl Iterator<Item = (&EdgeKey, &Totals)> {
        let windows = self.lengths.iter().filter(|one| one.extent.one_window);
        windows.flat_map(|one| &one.edges).map(|(key, totals)| (key, totals))
    }

    pub(super) fn push(&mut self, start: Boundary, length_ms: i64, extent: Extent, window: EdgeWindow) {
        if !window.is_empty() {
            let edges = window.edges.into_iter().collect();
            self.lengths.push(OneLength { start, window: window_label(length_ms), extent, edges });
        }
    }
}

impl Rows for EdgeRows {
    fn len(&self) -> usize {
        self.lengths.iter().map(|one| one.edges.len()).sum()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        let rows = self.lengths.iter().flat_map(|one| one.edges.iter().map(move |row| (one, row)));
        for (one, (key, totals)) in rows.skip(range.start).take(range.len()) {
            let timestamp_ns = one.start.as_millis().saturating_mul(1_000_000);
            let tags = tags(key, totals, &one.window);
            totals.visit_fields(one.extent, |fields| {
                each(&Row { schema: totals.schema(), tags: &tags, fields, timestamp_ns });
            });
        }
    }
}

/// The values of the row's tags, in its order.
fn tags<'a>(key: &'a EdgeKey, totals: &Totals, window: &'a str) -> Vec<&'a str> {
    let more = |name: &str| {
        let index = totals.more_tags().iter().position(|known| *known == name)?;
        key.more.get(index).map(|value| &**value)
    };
    let value = |name: &str| match name {
        "source" => &*key.source,
        "tenant" => &*key.tenant,
        "edge" => &*key.edge,
        "window" => window,
        name => more(name).unwrap_or("unknown"),
    };
    totals.schema().tags.iter().map(|tag| value(tag.name)).collect()
}
