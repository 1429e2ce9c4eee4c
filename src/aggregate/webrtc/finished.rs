//! Sessions that are over: their last rows, made on demand from their carries, and their part of edge rows.

use std::collections::BTreeMap;
use std::ops::Range;

use super::closed::named;
use super::edge::EdgeTotals;
use super::identity::call_of;
use super::keys::RollupKey;
use super::life::Life;
use super::schema::{FINISHED_FIELDS, SESSION};
use crate::aggregate::placing::place;
use crate::aggregate::source::{SourceLabels, UNKNOWN};
use crate::model::{Boundary, Row, Rows, Schema, Value};

/// What sessions yield that became final at one boundary.
pub struct FinishedSessions {
    /// Their rows.
    pub rows: FinishedRows,
    /// Their part of the edge rows of the window that ends at the boundary, in order of the key.
    pub edges: Vec<(RollupKey, EdgeTotals)>,
    /// Carries that could not be read: these sessions have no row.
    pub carries_damaged: u64,
}

/// Ends the sessions whose carries fell due at `boundary`; `due` has keys and carries. To be called before the window that ends there
/// closes: what that one has of such a session belongs to another with the same id.
pub fn finish_sessions<'d>(
    due: impl IntoIterator<Item = (&'d [u8], &'d [u8])>,
    boundary: Boundary,
    length_ms: i64,
    labels: &SourceLabels,
) -> FinishedSessions {
    let mut entries = Vec::new();
    let mut edges: BTreeMap<RollupKey, EdgeTotals> = BTreeMap::new();
    let mut carries_damaged = 0;
    for (key, carry) in due {
        let entry = Entry { key: String::from_utf8_lossy(key).into(), carry: carry.into() };
        let Some((tenant, _, life)) = entry.read() else {
            carries_damaged += 1;
            continue;
        };
        if let Some(place) = life.main_place() {
            let duration_ms = life.last_ms.saturating_sub(life.started_ms);
            let key = RollupKey::new([tenant, place.edge, place.region, place.app]);
            edges.entry(key).or_default().add_ended(duration_ms);
        }
        entries.push(entry);
    }
    let placed = place(entries.len(), |index| named(&entries.get(index as usize)?.key), boundary, length_ms);
    let rows = FinishedRows { labels: labels.clone(), entries, placed };
    FinishedSessions { rows, edges: edges.into_iter().collect(), carries_damaged }
}

/// A session as its carry has it.
struct Entry {
    /// The tenant, a zero byte, the id.
    key: Box<str>,
    carry: Box<[u8]>,
}

impl Entry {
    fn read(&self) -> Option<(&str, &str, Life<'_>)> {
        let (tenant, id) = self.key.rsplit_once('\0')?;
        Some((tenant, id, Life::read(&self.carry).ok()?))
    }
}

/// The rows of sessions that became final at one boundary, in order of time stamp.
pub struct FinishedRows {
    labels: SourceLabels,
    entries: Vec<Entry>,
    /// Index of the session and time stamp of its row.
    placed: Vec<(u32, i64)>,
}

impl Rows for FinishedRows {
    fn len(&self) -> usize {
        self.placed.len()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        for (index, timestamp_ns) in self.placed.get(range).unwrap_or_default() {
            if let Some((tenant, id, life)) = self.entries.get(*index as usize).and_then(Entry::read) {
                self.visit_session(tenant, id, &life, *timestamp_ns, each);
            }
        }
    }
}

impl FinishedRows {
    fn visit_session(
        &self,
        tenant: &str,
        id: &str,
        life: &Life<'_>,
        timestamp_ns: i64,
        each: &mut dyn FnMut(&Row<'_>),
    ) {
        let edge = life.main_place().map_or(UNKNOWN, |place| place.edge);
        let tags = [edge, &*self.labels.shard, &*self.labels.source, tenant];
        let own = [
            Value::Text(id),
            Value::Text(call_of(id)),
            Value::Text(life.path.as_str()),
            Value::Integer(life.started_ms),
            Value::Integer(life.last_ms),
            Value::Text(if life.left_ms.is_some() { "leave" } else { "idle" }),
            Value::Integer(life.connections_count),
            Value::Integer(life.worst.score_milli),
            Value::Integer(life.worst.start_ms),
        ];
        let mut fields = [Value::Integer(0); FINISHED_FIELDS];
        for (field, value) in fields.iter_mut().zip(own.into_iter().chain(life.totals.values().map(Value::Integer))) {
            *field = value;
        }
        let schema: &'static Schema = &SESSION;
        each(&Row { schema, tags: &tags, fields: &fields, timestamp_ns });
    }
}
