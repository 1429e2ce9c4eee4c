//! A closed window of one partition: its session rows, made on demand, and its part of each edge row.

use std::hash::BuildHasher;
use std::ops::Range;

use super::closing::{Closed, Closing, Edges, Scratch};
use super::controller::Recommendation;
use super::edge::EdgeTotals;
use super::found::Path;
use super::identity::call_of;
use super::keys::{Keys, RollupKey};
use super::schema::{SESSION_WINDOW, WINDOW_FIELDS};
use super::totals::Totals;
use super::window::{Settings, Window};
use crate::aggregate::placing::{Named, place};
use crate::aggregate::source::{SourceLabels, UNKNOWN};
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::{Carries, Row, Rows, Schema, Value};

/// What a closed window yields: rows for the store, and partials for the roll-up stage.
pub struct ClosedWindow {
    /// The rows of its sessions.
    pub sessions: SessionRows,
    /// The partition's part of each edge row, in order of the key.
    pub edges: Vec<(RollupKey, EdgeTotals)>,
    /// Carries that could not be read: their sessions began anew.
    pub carries_damaged: u64,
    /// What is recommended for its sessions, in order of their rows.
    pub recommendations: Vec<Recommendation>,
}

impl ClosedWindow {
    pub(super) fn new<H: BuildHasher + Clone>(
        window: Window<H>,
        next: Option<&Window<H>>,
        labels: SourceLabels,
        carries: &mut dyn Carries,
        settings: &Settings,
    ) -> Self {
        let Window { start, length_ms, sessions, keys, samples_cap, .. } = window;
        let entries = sessions.into_entries();
        let placed = place(entries.len(), |index| named(&entries.get(index as usize)?.0), start, length_ms);
        let mut edges = Edges::new(&keys);
        let closing = Closing { start, length_ms, samples_cap, settings, keys: &keys, next };
        let mut scratch = Scratch::default();
        let mut rows = Vec::with_capacity(placed.len());
        for (index, timestamp_ns) in placed {
            let Some((name, session)) = entries.get(index as usize) else { continue };
            let closed = closing.close(name, session, &mut edges, carries, &mut scratch);
            rows.push(Entry { name: name.clone(), timestamp_ns, packed: Entry::pack(&closed) });
        }
        let (edges, Scratch { carries_damaged, recommendations, .. }) = (edges.finish(&keys), scratch);
        Self { sessions: SessionRows { labels, keys, rows }, edges, carries_damaged, recommendations }
    }
}

/// The session with this key. Ids have no control characters; what a tenant has is not known.
pub(super) fn named(key: &str) -> Option<Named<'_>> {
    let (tenant, id) = key.rsplit_once('\0')?;
    Some(Named { id: id.as_bytes(), tenant })
}

/// A row, in as few bytes as it takes: a closed window may wait long for its rows to be written.
struct Entry {
    /// The tenant, a zero byte, the id.
    name: Box<str>,
    timestamp_ns: i64,
    packed: Box<[u8]>,
}

impl Entry {
    fn pack(closed: &Closed) -> Box<[u8]> {
        let mut out = Writer::default();
        out.unsigned(u64::from(closed.key));
        out.byte(closed.path as u8);
        out.text(&closed.reasons.inbound);
        out.text(&closed.reasons.outbound);
        closed.totals.write(&mut out);
        out.into_bytes().into()
    }
}

/// The rows of one closed window's sessions, in order of time stamp.
pub struct SessionRows {
    labels: SourceLabels,
    keys: Keys,
    rows: Vec<Entry>,
}

impl Rows for SessionRows {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        for entry in self.rows.get(range).unwrap_or_default() {
            // It was written above.
            let read = self.visit_session(entry, each);
            debug_assert!(read.is_ok());
        }
    }
}

impl SessionRows {
    fn visit_session(&self, entry: &Entry, each: &mut dyn FnMut(&Row<'_>)) -> Result<(), Short> {
        let input = &mut Reader::new(&entry.packed);
        let key = u32::try_from(input.unsigned()?).unwrap_or(0);
        let path = Path::numbered(i64::from(input.byte()?)).unwrap_or(Path::Unknown);
        let reasons = [input.text()?, input.text()?];
        let totals = Totals::read(input)?;
        let edge = self.keys.key(key).map_or(UNKNOWN, |key| &key.edge);
        let (tenant, id) = entry.name.rsplit_once('\0').unwrap_or_default();
        let tags = [edge, &*self.labels.shard, &*self.labels.source, tenant];
        let texts = [id, call_of(id), path.as_str(), reasons[0], reasons[1]];
        let mut fields = [Value::Integer(0); WINDOW_FIELDS];
        let values = texts.into_iter().map(Value::Text).chain(totals.values().map(Value::Integer));
        for (field, value) in fields.iter_mut().zip(values) {
            *field = value;
        }
        let schema: &'static Schema = &SESSION_WINDOW;
        each(&Row { schema, tags: &tags, fields: &fields, timestamp_ns: entry.timestamp_ns });
        Ok(())
    }
}
