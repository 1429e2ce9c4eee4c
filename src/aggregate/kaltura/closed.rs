//! A closed window of one partition: its session rows, made on demand, and what it has for the roll-ups.

use std::ops::Range;

use super::closing::{Closing, Session};
use super::counts::Counts;
use super::facet::{Device, Facet, Part, Place};
use super::identity::{Key, is_of_no_session};
use super::scene::{Scene, Scenes};
use super::schema::{NAMED, SESSION_WINDOW, WINDOW_FIELDS};
use super::window::Window;
use crate::aggregate::placing::place;
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
        let mut entries = sessions.into_entries();
        // Those of no session have no row.
        let mut sessionless: Vec<_> = entries.extract_if(.., |(key, _)| is_of_no_session(key)).collect();
        sessionless.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut closing = Closing::new(start, length_ms, samples_cap, &scenes, known);
        sessionless.iter().for_each(|(key, samples)| closing.count_each(&Key::of(key), samples, parts));
        // In the order in which their carries lie in memory, whatever that in which they came.
        entries.sort_by_cached_key(|(key, _)| carries.place(key.as_bytes()));
        let keys: Vec<Key<'_>> = entries.iter().map(|(key, _)| Key::of(key)).collect();
        let reused = reused(&keys);
        let is_reused = |key: &Key<'_>| !reused.is_empty() && reused.binary_search(&hash(key.session)).is_ok();
        let placed = place(keys.len(), |index| keys.get(index as usize).map(Key::named), start, length_ms);
        let mut packed = Writer::default();
        let mut rows = Vec::with_capacity(entries.len());
        for ((name, samples), key) in entries.iter().zip(&keys) {
            let session = Session { name, key: *key, samples, is_reused: is_reused(key) };
            let counts_at = packed.as_bytes().len();
            let scene = closing.close(&session, carries, parts, &mut packed);
            rows.push((scene, counts_at));
        }
        let rows = placed.into_iter().filter_map(|(index, timestamp_ns)| {
            let (scene, counts_at) = *rows.get(index as usize)?;
            let (name, _) = entries.get_mut(index as usize)?;
            Some(Entry { name: std::mem::take(name), timestamp_ns, scene, counts_at })
        });
        let rows: Vec<Entry> = rows.collect();
        if beyond > 0 {
            let counts = Counts { records: i64::try_from(beyond).unwrap_or(i64::MAX), ..Counts::default() };
            parts(&Part {
                facet: other(),
                counts: &counts,
                flavors: &[],
                error_code: None,
                watched: None,
                known: None,
                names: None,
            });
        }
        let carries_damaged = closing.carries_damaged;
        Self { sessions: SessionRows { labels, scenes, rows, packed: packed.into_bytes().into() }, carries_damaged }
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
fn reused(keys: &[Key<'_>]) -> Vec<u64> {
    let mut sessions: Vec<(u64, u64)> = keys.iter().map(|key| (hash(key.session), hash(key.partner))).collect();
    sessions.sort_unstable();
    let uses = sessions.chunk_by(|left, right| left.0 == right.0);
    let many = uses.filter(|uses| uses.len() > ENTRIES_MAX || uses.first() != uses.last());
    many.filter_map(|uses| uses.first().map(|(session, _)| *session)).collect()
}

fn hash(text: &str) -> u64 {
    stable_hash(text.as_bytes())
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
    /// Where its counts begin.
    counts_at: usize,
}

/// The rows of one closed window's sessions, in order of time stamp.
pub struct SessionRows {
    labels: SourceLabels,
    scenes: Vec<Box<str>>,
    rows: Vec<Entry>,
    /// The counts of all rows.
    packed: Box<[u8]>,
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
        let counts = Counts::read(&mut Reader::new(self.packed.get(entry.counts_at..).unwrap_or_default()))?;
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
