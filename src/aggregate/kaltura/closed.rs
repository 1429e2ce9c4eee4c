//! A closed window of one partition: its session rows, made on demand, and what it has for the roll-ups.

use std::ops::Range;

use super::closing::Closing;
use super::counts::Counts;
use super::facet::{Device, Facet, Part, Place};
use super::identity::Key;
use super::sample::Samples;
use super::scene::{Scene, Scenes};
use super::schema::{NAMED, SESSION_WINDOW, WINDOW_FIELDS};
use super::window::Window;
use crate::aggregate::placing::{Named, place};
use crate::aggregate::source::SourceLabels;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::hash::stable_hash;
use crate::model::kaltura::{Entries, Playback};
use crate::model::{Carries, Row, Rows, Schema, Value};

/// The name of everything beyond a cap.
const OTHER: &str = "other";

/// More entries than this in one window, and a session is used for more than one player.
const ENTRIES_MAX: usize = 20;

/// What a closed window yields.
pub struct ClosedWindow {
    /// The rows of its sessions.
    pub sessions: SessionRows,
    /// Carries that could not be read: their sessions began anew.
    pub carries_damaged: u64,
}

impl ClosedWindow {
    pub(super) fn new<H: std::hash::BuildHasher + Clone>(
        window: Window<H>,
        labels: SourceLabels,
        known: &dyn Entries,
        carries: &mut dyn Carries,
        parts: &mut dyn FnMut(&Part<'_>),
    ) -> Self {
        let Window { start, length_ms, sessions, scenes, beyond, samples_cap, .. } = window;
        let scenes = scenes.into_texts();
        // Those of no session have no row.
        let (mut sessionless, entries): (Vec<_>, Vec<_>) =
            sessions.into_entries().into_iter().partition(|(key, _)| Key::of(key).session.is_empty());
        sessionless.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut closing = Closing::new(start, length_ms, samples_cap, &scenes, known);
        sessionless.iter().for_each(|(key, samples)| closing.count_each(Key::of(key), samples, parts));
        let reused = reused(&entries);
        let placed = place(entries.len(), |index| named(&entries.get(index as usize)?.0), start, length_ms);
        let mut rows = Vec::with_capacity(placed.len());
        for (index, timestamp_ns) in placed {
            let Some((name, samples)) = entries.get(index as usize) else { continue };
            let is_reused = reused.binary_search(&stable_hash(Key::of(name).session.as_bytes())).is_ok();
            let (scene, counts) = closing.close(name, samples, is_reused, carries, parts);
            let mut packed = Writer::default();
            counts.write(&mut packed);
            rows.push(Entry { name: name.clone(), timestamp_ns, scene, packed: packed.into_bytes().into() });
        }
        if beyond > 0 {
            let counts = Counts { records: i64::try_from(beyond).unwrap_or(i64::MAX), ..Counts::default() };
            parts(&Part { facet: other(), counts: &counts, watched: None, known: None, names: None });
        }
        let carries_damaged = closing.carries_damaged;
        Self { sessions: SessionRows { labels, scenes, rows }, carries_damaged }
    }
}

/// Where beacons of sessions beyond the cap count.
fn other() -> Facet<'static> {
    Facet {
        tenant: OTHER,
        entry: OTHER,
        playback: Playback::Unknown,
        domain: OTHER,
        custom: [None; 3],
        device: Device { device: OTHER, os: OTHER, browser: OTHER },
        place: Place { country: OTHER, region: OTHER, city: OTHER },
    }
}

/// The hashes of the ids of player sessions that more than one player uses, ascending: with too many entries, or several accounts.
fn reused(entries: &[(Box<str>, Samples)]) -> Vec<u64> {
    let hash = |text: &str| stable_hash(text.as_bytes());
    let keys = entries.iter().map(|(key, _)| Key::of(key));
    let mut sessions: Vec<(u64, u64)> = keys.map(|key| (hash(key.session), hash(key.partner))).collect();
    sessions.sort_unstable();
    let uses = sessions.chunk_by(|left, right| left.0 == right.0);
    let many = uses.filter(|uses| uses.len() > ENTRIES_MAX || uses.first() != uses.last());
    many.filter_map(|uses| uses.first().map(|(session, _)| *session)).collect()
}

/// The session with this key, as rows are placed. Ids have no control characters; what a tenant has is not known.
pub(super) fn named(key: &str) -> Option<Named<'_>> {
    let (tenant, id) = key.rsplit_once('\0')?;
    Some(Named { id: id.as_bytes(), tenant })
}

/// The values that both row types begin with.
pub(super) fn named_values<'a>(key: &Key<'a>, scene: &Scene<'a>) -> [Value<'a>; NAMED] {
    let mut values = [Value::Text(""); NAMED];
    let own = [key.player_session(), key.entry, scene.playback.as_str()];
    for (value, text) in values.iter_mut().zip(own.into_iter().chain(scene.texts())) {
        *value = Value::Text(text);
    }
    values
}

/// A row, in as few bytes as it takes: a closed window may wait long for its rows to be written.
struct Entry {
    /// The key of the session.
    name: Box<str>,
    timestamp_ns: i64,
    scene: u32,
    packed: Box<[u8]>,
}

/// The rows of one closed window's sessions, in order of time stamp.
pub struct SessionRows {
    labels: SourceLabels,
    scenes: Vec<Box<str>>,
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
        let counts = Counts::read(&mut Reader::new(&entry.packed))?;
        let key = Key::of(&entry.name);
        let tags = [&*self.labels.shard, &*self.labels.source, key.tenant];
        let mut fields = [Value::Integer(0); WINDOW_FIELDS];
        let named = named_values(&key, &Scene::of(self.scenes.text(entry.scene)));
        let values = named.into_iter().chain(counts.values().map(Value::Integer));
        for (field, value) in fields.iter_mut().zip(values) {
            *field = value;
        }
        let schema: &'static Schema = &SESSION_WINDOW;
        each(&Row { schema, tags: &tags, fields: &fields, timestamp_ns: entry.timestamp_ns });
        Ok(())
    }
}
