//! Waits for windows to become final, and shows each.

use std::collections::{BTreeMap, HashSet};
use std::io::Stdout;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::calls::CallTable;
use super::players::PlayerTable;
use super::scene::{CALLS, DELIVERY, KALTURA, WINDOW_MS};
use super::screen::{Screen, Totals};
use super::table::Table;
use crate::model::hash::stable_hash;
use crate::observe::Status;
use crate::store::sqlite::Store;

/// Between two looks at the frontier.
const LOOK: Duration = Duration::from_millis(100);
const NANOS_PER_MILLI: i64 = 1_000_000;

/// Shows every window once.
pub(super) struct Watch {
    screen: Screen<Stdout>,
    store: Store,
    status: Arc<Status>,
    /// How many sources there are: a window is final when all of them have passed it.
    sources: usize,
    /// Every window ending at or before it was shown.
    shown_ms: i64,
    /// Hashes of the session ids of viewers.
    sessions: HashSet<u64>,
    /// Those of participants of calls.
    participants: HashSet<u64>,
    /// Those of Kaltura's players.
    players: HashSet<u64>,
    totals: Totals,
}

impl Watch {
    /// Shows the windows from `start_ms` on.
    pub(super) fn new(
        screen: Screen<Stdout>,
        store: Store,
        status: Arc<Status>,
        sources: usize,
        start_ms: i64,
    ) -> Self {
        let shown_ms = start_ms.div_euclid(WINDOW_MS) * WINDOW_MS;
        let (sessions, participants, players) = (HashSet::new(), HashSet::new(), HashSet::new());
        let totals = Totals::default();
        Self { screen, store, status, sources, shown_ms, sessions, participants, players, totals }
    }

    /// Watches until the sender of `ended` is gone. Blocks.
    pub(super) fn run(mut self, ended: &Receiver<()>) -> anyhow::Result<Self> {
        self.screen.open()?;
        while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            let Some(frontier_ms) = frontier_ms(&self.status, self.sources) else { continue };
            while self.shown_ms < frontier_ms {
                self.shown_ms += WINDOW_MS;
                self.show(self.shown_ms)?;
            }
        }
        Ok(self)
    }

    /// Says what it came to.
    pub(super) fn close(mut self, records: u64) -> anyhow::Result<()> {
        let (sessions, participants, players) = (self.sessions.len(), self.participants.len(), self.players.len());
        let totals = Totals { records, sessions, participants, players, ..self.totals };
        Ok(self.screen.close(&totals)?)
    }

    fn show(&mut self, end_ms: i64) -> anyhow::Result<()> {
        let (from_ns, to_ns) = ((end_ms - WINDOW_MS) * NANOS_PER_MILLI, end_ms * NANOS_PER_MILLI);
        let edge_rows = self.store.rows("edge_window", from_ns, to_ns)?;
        let session_rows = self.store.rows("session_window", from_ns, to_ns)?;
        let table = Table::combine(end_ms, &edge_rows, &session_rows, DELIVERY)?;
        let calls = CallTable::combine(&edge_rows)?;
        let content_rows = self.store.rows("content_window", from_ns, to_ns)?;
        let device_rows = self.store.rows("device_window", from_ns, to_ns)?;
        let players = PlayerTable::combine(&content_rows, &device_rows);
        for row in &session_rows {
            let seen = match row.text("source") {
                Some(CALLS) => &mut self.participants,
                Some(KALTURA) => &mut self.players,
                _ => &mut self.sessions,
            };
            seen.extend(row.text("session_id").map(|id| stable_hash(id.as_bytes())));
        }
        self.totals.windows += 1;
        self.totals.rows +=
            [&edge_rows, &session_rows, &content_rows, &device_rows].map(Vec::len).iter().sum::<usize>();
        Ok(self.screen.show(&table, &calls, &players)?)
    }
}

/// The boundary up to which the rows of all sources are final and stored; `None` = a source has none yet.
fn frontier_ms(status: &Status, sources: usize) -> Option<i64> {
    let mut frontiers: BTreeMap<String, Option<i64>> = BTreeMap::new();
    for worker in status.workers().into_iter().filter(|worker| worker.name.starts_with("rollup")) {
        for partition in worker.snapshot.partitions {
            let frontier = frontiers.entry(partition.source).or_insert(partition.frontier_ms);
            *frontier = (*frontier).min(partition.frontier_ms);
        }
    }
    if frontiers.len() < sources {
        return None;
    }
    frontiers.into_values().min().flatten()
}
