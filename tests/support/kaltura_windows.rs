//! Kaltura beacons built by hand, and their way through windows.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::hash::RandomState;

use streamgauge::aggregate::kaltura::{Context, Counts, Device, Part, Place, Window, finish_sessions};
use streamgauge::aggregate::{Caps, Size, SourceLabels};
use streamgauge::model::kaltura::{Beacon, Event, Playback};
use streamgauge::model::{Boundary, Carries, EventTime, Rows, Value};

pub const START_MS: i64 = 1_767_600_000_000;
pub const CAPS: Caps = Caps { sessions: 100, rollup_keys: 100, facts: 64 };
/// After this time every session is over.
const OVER_MS: i64 = 2_000_000;

/// A beacon of session `s` of entry `1_a`.
pub fn beacon(index: u32, event: Event) -> Beacon<'static> {
    Beacon {
        event,
        partner: 812,
        entry: "1_a".into(),
        session: Some("s".into()),
        index: Some(index),
        playback: Playback::Vod,
        ..Beacon::default()
    }
}

/// A view with the sum of media played, seconds.
pub fn view(index: u32, play_sum_s: i64) -> Beacon<'static> {
    Beacon { play_sum_ms: Some(play_sum_s * 1_000), ..beacon(index, Event::View) }
}

/// The fields of a row by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(pub BTreeMap<String, String>);

impl Fields {
    pub fn text(&self, name: &str) -> String {
        self.0.get(name).unwrap_or_else(|| panic!("no field {name}")).clone()
    }

    pub fn get(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap()
    }

    pub fn all<const N: usize>(&self, names: [&str; N]) -> [i64; N] {
        names.map(|name| self.get(name))
    }

    /// What is counted, without names and times.
    pub fn counts(&self) -> Vec<i64> {
        Counts::FIELDS.iter().map(|field| self.get(field.name)).collect()
    }
}

fn rows_of(rows: &dyn Rows) -> Vec<Fields> {
    let mut all = Vec::new();
    rows.visit(0..rows.len(), &mut |row| {
        assert_eq!((row.fields.len(), row.tags.len()), (row.schema.fields.len(), row.schema.tags.len()));
        let value = |value: &Value<'_>| match value {
            Value::Integer(value) => value.to_string(),
            Value::Text(text) => (*text).to_owned(),
        };
        let fields = row.schema.fields.iter().zip(row.fields).map(|(field, own)| (field.name.to_owned(), value(own)));
        let tags =
            row.schema.tags.iter().zip(row.tags).map(|(tag, own)| (format!("tag {}", tag.name), (*own).to_owned()));
        let time = ("timestamp".to_owned(), row.timestamp_ns.to_string());
        all.push(Fields(fields.chain(tags).chain([time]).collect()));
    });
    all
}

#[derive(Default)]
struct Kept(BTreeMap<Vec<u8>, (Vec<u8>, Boundary)>);

impl Carries for Kept {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key).map(|(value, _)| &**value)
    }

    fn put(&mut self, key: &[u8], value: &[u8], until: Boundary) {
        self.0.insert(key.to_vec(), (value.to_vec(), until));
    }
}

/// A part of a facet, for comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub end_ms: i64,
    pub tenant: String,
    pub entry: String,
    pub playback: Playback,
    pub custom: [Option<String>; 3],
    pub counts: Counts,
    pub has_names: bool,
}

/// What beacons lead to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rows of windows, with the window's start after [`START_MS`].
    pub windows: Vec<(i64, Fields)>,
    /// Rows of sessions.
    pub sessions: Vec<Fields>,
    pub parts: Vec<Given>,
}

impl Outcome {
    /// The only row of the window that starts so long after the start.
    pub fn window(&self, start_ms: i64) -> &Fields {
        let mut rows = self.windows.iter().filter(|(start, _)| *start == start_ms);
        let (_, row) = rows.next().unwrap_or_else(|| panic!("no row at {start_ms}"));
        assert_eq!(rows.count(), 0);
        row
    }

    /// The only session.
    pub fn session(&self) -> &Fields {
        assert_eq!(self.sessions.len(), 1);
        &self.sessions[0]
    }
}

/// Through windows of this length; each beacon with when it was received, ms after the start.
pub fn outcome(beacons: &[(i64, Beacon<'static>)], length_ms: i64, caps: Caps) -> Outcome {
    let mut windows: BTreeMap<Boundary, Window<RandomState>> = BTreeMap::new();
    for (at_ms, beacon) in beacons {
        let time = EventTime::from_millis(START_MS + at_ms);
        let start = Boundary::at_or_before(time, length_ms);
        let new = || Window::new(start, length_ms, caps, Size::default(), RandomState::new());
        windows.entry(start).or_insert_with(new).absorb(beacon, &context(time));
    }
    let mut outcome = Outcome::default();
    let mut carries = Kept::default();
    let last = windows.keys().last().map_or(START_MS, |start| start.as_millis());
    for (start, window) in windows {
        outcome.finish(&mut carries, start.plus(length_ms), length_ms);
        let end_ms = start.as_millis() + length_ms - START_MS;
        let parts = &mut outcome.parts;
        let closed = window.close(labels(), &(), &mut carries, &mut |part| parts.push(given(part, end_ms)));
        assert_eq!(closed.carries_damaged, 0);
        let rows = rows_of(&closed.sessions).into_iter();
        outcome.windows.extend(rows.map(|row| (start.as_millis() - START_MS, row)));
    }
    outcome.finish(&mut carries, Boundary::from_millis(last + OVER_MS), length_ms);
    outcome
}

impl Outcome {
    /// Ends the sessions that are due at a boundary or before it.
    fn finish(&mut self, carries: &mut Kept, end: Boundary, length_ms: i64) {
        let due: Vec<_> =
            carries.0.iter().filter(|(_, (_, until))| *until <= end).map(|(key, _)| key.clone()).collect();
        let due: Vec<_> =
            due.into_iter().filter_map(|key| carries.0.remove(&key).map(|(value, _)| (key, value))).collect();
        let borrowed = due.iter().map(|(key, value)| (&**key, &**value));
        let (parts, end_ms) = (&mut self.parts, end.as_millis() - START_MS);
        let finished =
            finish_sessions(borrowed, end, length_ms, &labels(), &(), &mut |part| parts.push(given(part, end_ms)));
        assert_eq!(finished.carries_damaged, 0);
        self.sessions.extend(rows_of(&finished.rows));
    }
}

fn given(part: &Part<'_>, end_ms: i64) -> Given {
    let facet = &part.facet;
    Given {
        end_ms,
        tenant: facet.tenant.to_owned(),
        entry: facet.entry.to_owned(),
        playback: facet.playback,
        custom: facet.custom.map(|custom| custom.map(str::to_owned)),
        counts: part.counts.clone(),
        has_names: part.names.is_some(),
    }
}

fn context(time: EventTime) -> Context<'static> {
    let (device, place) = (Device::UNKNOWN, Place::UNKNOWN);
    Context { time, clamped: false, tenant: None, has_key: true, device, place }
}

fn labels() -> SourceLabels {
    SourceLabels { source: "kaltura".into(), shard: "3".into(), cdn: "unknown".into() }
}
