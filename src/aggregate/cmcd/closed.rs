//! A closed window of one partition: its session rows, made on demand, and its part of each edge row.

use std::ops::Range;

use super::closing::{Closing, Edges, main_edge, media_class};
use super::counters::{LifeSum, Totals};
use super::edge::EdgeTotals;
use super::keys::RollupKey;
use super::names::Names;
use super::schema::{SESSION_WINDOW, SHARED, shared_values};
use super::sessions::Session;
use super::window::Window;
use crate::aggregate::placing::{Named, place};
use crate::aggregate::source::SourceLabels;
use crate::model::{Carries, Row, Rows, Schema, Value};

/// What a closed window yields: rows for the store, and partials for the roll-up stage.
pub struct ClosedWindow {
    /// The rows of its sessions.
    pub sessions: SessionRows,
    /// The partition's part of each edge row, in order of the key.
    pub edges: Vec<(RollupKey, EdgeTotals)>,
    /// Carries that could not be read: their sessions began anew.
    pub carries_damaged: u64,
}

impl ClosedWindow {
    pub(super) fn new<H>(window: Window<H>, labels: SourceLabels, carries: &mut dyn Carries) -> Self {
        let Window { start, length_ms, sessions, rollups, tenants, contents, facts_cap, .. } = window;
        let mut entries = sessions.into_entries();
        let named = |index: u32| {
            let session = entries.get(index as usize)?;
            Some(Named { id: session.id.as_bytes(), tenant: tenants.get(session.tenant) })
        };
        let placed = place(entries.len(), named, start, length_ms);
        let mut edges = Edges::new(rollups);
        let closing = Closing { start, length_ms, facts_cap, tenants: &tenants, contents: &contents };
        let order = placed.iter().map(|(index, _)| *index);
        let carries_damaged = closing.close(&mut entries, order, &mut edges, carries);
        let (edges, keys) = edges.finish();
        let sessions = SessionRows { labels, entries, placed, tenants, contents, keys };
        Self { sessions, edges, carries_damaged }
    }
}

/// The rows of one closed window's sessions, in order of time stamp.
pub struct SessionRows {
    labels: SourceLabels,
    entries: Vec<Session>,
    /// Index of the session and time stamp of its row.
    placed: Vec<(u32, i64)>,
    tenants: Names,
    contents: Names,
    /// The roll-up key under which each key index counts.
    keys: Vec<RollupKey>,
}

impl Rows for SessionRows {
    fn len(&self) -> usize {
        self.placed.len()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        for (index, timestamp_ns) in self.placed.get(range).unwrap_or_default() {
            if let Some(session) = self.entries.get(*index as usize) {
                self.visit_session(session, *timestamp_ns, each);
            }
        }
    }
}

impl SessionRows {
    fn visit_session(&self, session: &Session, timestamp_ns: i64, each: &mut dyn FnMut(&Row<'_>)) {
        let mut totals = Totals::default();
        for part in session.parts() {
            totals.absorb(&part.counters);
        }
        if let Some(rare) = &session.rare {
            totals.life = rare.life;
        }
        totals.add_life(LifeSum::MediaMs, totals.get(media_class(session)));
        let tags = [
            main_edge(session, &self.keys),
            &*self.labels.shard,
            &*self.labels.source,
            self.tenants.get(session.tenant),
        ];
        let mut fields = [Value::Integer(0); SHARED + 2];
        let texts = [session.id.as_str(), self.contents.get(session.content.index)];
        let integers = shared_values(&totals);
        let values = texts.into_iter().map(Value::Text).chain(integers.into_iter().map(Value::Integer));
        for (field, value) in fields.iter_mut().zip(values) {
            *field = value;
        }
        let schema: &'static Schema = &SESSION_WINDOW;
        each(&Row { schema, tags: &tags, fields: &fields, timestamp_ns });
    }
}
