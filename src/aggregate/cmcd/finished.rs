//! Sessions that are over: their last rows, made on demand from their carries, and their part of edge rows.

use std::collections::BTreeMap;
use std::ops::Range;

use super::counters::{Counters, Totals};
use super::edge::{EdgeTotals, SessionCount};
use super::keys::{RollupKey, Sketches};
use super::life::{Final, Life};
use super::schema::{FINISHED_ONLY_COUNT, SESSION, SHARED, shared_values};
use crate::aggregate::placing::{Named, place};
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
    let mut edges = BTreeMap::new();
    let mut carries_damaged = 0;
    for (key, carry) in due {
        let entry = Entry { key: key.into(), carry: carry.into() };
        match entry.read() {
            Some((named, life)) => count_at_edge(named.tenant, life.finish(), &mut edges),
            None => {
                carries_damaged += 1;
                continue;
            }
        }
        entries.push(entry);
    }
    let named = |index: u32| entries.get(index as usize).and_then(Entry::named);
    let placed = place(entries.len(), named, boundary, length_ms);
    let rows = FinishedRows { labels: labels.clone(), entries, placed };
    FinishedSessions { rows, edges: edges.into_iter().collect(), carries_damaged }
}

/// A session counts where it made most requests.
fn count_at_edge(tenant: &str, over: Final<'_>, edges: &mut BTreeMap<RollupKey, EdgeTotals>) {
    let Some(place) = over.places.main() else { return };
    let edge = edges
        .entry(place.rollup_key(tenant))
        .or_insert_with(|| EdgeTotals::new(&Counters::default(), Sketches::default()));
    for entry in over.ledger.entries() {
        edge.totals.add_life(entry.sum, entry.amount);
    }
    edge.add_sessions(SessionCount::Ended, 1);
    edge.add_sessions(SessionCount::StartFailures, over.outcomes.start_failures);
    edge.add_sessions(SessionCount::PlayFailures, over.outcomes.play_failures);
    edge.add_sessions(SessionCount::ExitsBeforeStart, over.outcomes.exits_before_start);
}

/// A session as its carry has it.
struct Entry {
    key: Box<[u8]>,
    carry: Box<[u8]>,
}

impl Entry {
    /// The tenant, a zero byte, the id. Ids have no control characters: the decoder takes them out.
    fn named(&self) -> Option<Named<'_>> {
        let place = self.key.iter().rposition(|byte| *byte == 0)?;
        let (tenant, id) = (self.key.get(..place)?, self.key.get(place + 1..)?);
        Some(Named { id, tenant: std::str::from_utf8(tenant).ok()? })
    }

    fn read(&self) -> Option<(Named<'_>, Life<'_>)> {
        Some((self.named()?, Life::read(&self.carry).ok()?))
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
            if let Some((named, life)) = self.entries.get(*index as usize).and_then(Entry::read) {
                self.visit_session(named, &life.finish(), *timestamp_ns, each);
            }
        }
    }
}

impl FinishedRows {
    fn visit_session(&self, named: Named<'_>, over: &Final<'_>, timestamp_ns: i64, each: &mut dyn FnMut(&Row<'_>)) {
        let edge = over.places.main_edge().unwrap_or(UNKNOWN);
        let tags = [edge, &*self.labels.shard, &*self.labels.source, named.tenant];
        let outcomes = over.outcomes;
        let own = [
            Value::Text(std::str::from_utf8(named.id).unwrap_or_default()),
            Value::Text(over.content.unwrap_or(UNKNOWN)),
            Value::Integer(over.started_ms),
            Value::Integer(over.ended_ms),
            Value::Text(over.reason.as_str()),
            Value::Integer(outcomes.earlier_plays + 1),
            Value::Integer(over.contents),
            Value::Integer(outcomes.start_failures),
            Value::Integer(outcomes.play_failures),
            Value::Integer(outcomes.exits_before_start),
        ];
        let totals: &Totals = &over.totals;
        let mut fields = [Value::Integer(0); SHARED + FINISHED_ONLY_COUNT];
        let values = own.into_iter().chain(shared_values(totals).map(Value::Integer));
        for (field, value) in fields.iter_mut().zip(values) {
            *field = value;
        }
        let schema: &'static Schema = &SESSION;
        each(&Row { schema, tags: &tags, fields: &fields, timestamp_ns });
    }
}
