//! Sessions that are over: their last rows, made on demand from their carries, and what they have for the roll-ups.

use std::ops::Range;

use super::closed::named_values;
use super::counts::Counts;
use super::facet::{Names, Part};
use super::identity::Key;
use super::life::Life;
use super::retention::Watched;
use super::scene::Scene;
use super::schema::{FINISHED_FIELDS, SESSION};
use crate::aggregate::placing::place;
use crate::aggregate::source::SourceLabels;
use crate::model::kaltura::Entries;
use crate::model::{Boundary, Row, Rows, Schema, Value};

/// What sessions yield that became final at one boundary.
pub struct FinishedSessions {
    /// Their rows.
    pub rows: FinishedRows,
    /// Carries that could not be read: these sessions have no row.
    pub carries_damaged: u64,
}

/// Ends the sessions whose carries fell due at `boundary`; `due` has keys and carries. `parts` is handed what counts at their end, for the
/// roll-ups of the window that ends there, for which `known` is the catalogue. To be called before that window closes: what that one has of such a session belongs to another
/// with the same id.
pub fn finish_sessions<'d>(
    due: impl IntoIterator<Item = (&'d [u8], &'d [u8])>,
    boundary: Boundary,
    length_ms: i64,
    labels: &SourceLabels,
    known: &dyn Entries,
    parts: &mut dyn FnMut(&Part<'_>),
) -> FinishedSessions {
    let mut entries = Vec::new();
    let mut carries_damaged = 0;
    let mut watched = Watched::default();
    for (key, carry) in due {
        let entry = Entry { key: String::from_utf8_lossy(key).into(), carry: carry.into() };
        let Some((key, mut life)) = entry.read() else {
            carries_damaged += 1;
            continue;
        };
        let counts = ending(&life);
        watched.clear();
        let beacons = life.beacons();
        life.progress.end(&beacons, &mut watched);
        if !counts.is_empty() || !watched.is_empty() {
            let facet = Scene::of(life.main_scene()).facet(key.tenant, key.entry);
            let names = Some(Names { session: key.session_hash(), viewer: life.viewer });
            let known = known.find(key.partner, key.entry);
            let known = known.as_deref();
            let counts = &counts;
            parts(&Part { facet, counts, flavors: &[], error_code: None, watched: Some(&watched), known, names });
        }
        entries.push(entry);
    }
    let placed =
        place(entries.len(), |index| Some(Key::of(&entries.get(index as usize)?.key).named()), boundary, length_ms);
    FinishedSessions { rows: FinishedRows { labels: labels.clone(), entries, placed }, carries_damaged }
}

/// What counts when a session is over.
fn ending(life: &Life<'_>) -> Counts {
    Counts { exits_before_start: i64::from(life.left_before_start()), ..Counts::default() }
}

/// A session as its carry has it.
struct Entry {
    key: Box<str>,
    carry: Box<[u8]>,
}

impl Entry {
    fn read(&self) -> Option<(Key<'_>, Life<'_>)> {
        Some((Key::of(&self.key), Life::read(&self.carry).ok()?))
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
            if let Some((key, life)) = self.entries.get(*index as usize).and_then(Entry::read) {
                self.visit_session(&key, &life, *timestamp_ns, each);
            }
        }
    }
}

impl FinishedRows {
    fn visit_session(&self, key: &Key<'_>, life: &Life<'_>, timestamp_ns: i64, each: &mut dyn FnMut(&Row<'_>)) {
        let tags = [&*self.labels.shard, &*self.labels.source, key.tenant];
        let mut totals = life.totals.clone();
        totals.merge(&ending(life));
        let own = [
            Value::Integer(life.started_ms),
            Value::Integer(life.last_ms),
            Value::Text(if life.is_cut() { "cut" } else { "idle" }),
        ];
        let named = named_values(key, &Scene::of(life.main_scene()));
        let values = named.into_iter().chain(own).chain(totals.values().map(Value::Integer));
        let mut fields = [Value::Integer(0); FINISHED_FIELDS];
        for (field, value) in fields.iter_mut().zip(values) {
            *field = value;
        }
        let schema: &'static Schema = &SESSION;
        each(&Row { schema, tags: &tags, fields: &fields, timestamp_ns });
    }
}
