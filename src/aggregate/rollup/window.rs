//! A window of the roll-up stage: edge rows in the making, and made.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use super::record::{EdgeKey, Partial};
use crate::aggregate::cmcd::{EDGE_WINDOW, EdgeTotals, Viewers};
use crate::model::{Boundary, Row, Rows};

/// The parts of edge rows of one window that have come so far.
#[derive(Default)]
pub struct EdgeWindow {
    edges: BTreeMap<EdgeKey, EdgeTotals>,
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

    /// Ends the window.
    pub fn close(self, start: Boundary, window_ms: i64) -> EdgeRows {
        EdgeRows { start, window: window_label(window_ms), edges: self.edges.into_iter().collect() }
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

/// The edge rows of one closed window.
pub struct EdgeRows {
    start: Boundary,
    window: String,
    edges: Vec<(EdgeKey, EdgeTotals)>,
}

impl EdgeRows {
    /// The rows' keys and what their viewers experienced.
    pub fn viewers(&self) -> impl Iterator<Item = (&EdgeKey, Viewers<'_>)> {
        self.edges.iter().map(|(key, totals)| (key, totals.viewers()))
    }
}

impl Rows for EdgeRows {
    fn len(&self) -> usize {
        self.edges.len()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        let timestamp_ns = self.start.as_millis().saturating_mul(1_000_000);
        for (key, totals) in self.edges.get(range).unwrap_or_default() {
            let tags = [
                &*key.cdn,
                &*key.edge,
                &*key.source,
                &*key.stream_type,
                &*key.streaming_format,
                &*key.tenant,
                &*self.window,
            ];
            totals.visit_fields(|fields| each(&Row { schema: &EDGE_WINDOW, tags: &tags, fields, timestamp_ns }));
        }
    }
}
