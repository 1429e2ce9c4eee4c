//! Reports of WebRTC statistics built by hand, and their way through windows.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::hash::RandomState;

use streamgauge::aggregate::webrtc::{
    Context, EDGE_WINDOW, EdgeTotals, FinishedSessions, RollupKey, Window, finish_sessions,
};
use streamgauge::aggregate::{Caps, Extent, Outcome, Size, SourceLabels};
use streamgauge::model::bytes::{Reader, Writer};
use streamgauge::model::webrtc::{Clock, Content, Member, Object, ObjectType, Report, Text};
use streamgauge::model::{Boundary, Carries, EventTime, Rows, Value};

pub const START_MS: i64 = 1_767_600_000_000;
pub const CAPS: Caps = Caps { sessions: 100, rollup_keys: 100, facts: 64 };

/// A report of participant `p`, made so long after the start.
pub fn report(at_ms: i64, content: Content<'static>) -> Report<'static> {
    let mut report = Report {
        app: "app".into(),
        call: "call".into(),
        participant: "p".into(),
        connection: "PC_0".into(),
        edge: None,
        region: None,
        sequence: Some(at_ms),
        time_us: Some((START_MS + at_ms) * 1000),
        clock: Clock::Epoch,
        interval_ms: Some(5_000),
        content,
        members_rejected: 0,
        objects_unknown: 0,
    };
    if let Content::Stats(objects) = &mut report.content {
        for object in objects.iter_mut().filter(|object| object.time_us.is_none()) {
            object.time_us = report.time_us;
        }
    }
    report
}

/// Moves all of a report's own times.
pub fn shift(report: &mut Report<'_>, by_ms: i64) {
    let move_on = |time: &mut Option<i64>| *time = time.map(|time_us| time_us + by_ms * 1000);
    move_on(&mut report.time_us);
    if let Content::Stats(objects) = &mut report.content {
        objects.iter_mut().for_each(|object| move_on(&mut object.time_us));
    }
}

pub fn stats(objects: impl IntoIterator<Item = Object<'static>>) -> Content<'static> {
    Content::Stats(objects.into_iter().collect())
}

pub fn event(name: &'static str, value: &'static str) -> Content<'static> {
    Content::Event { name: name.into(), value: value.into() }
}

/// A statistics object, sampled when its report was made.
pub fn object(object_type: ObjectType, id: &str, kind: &'static str, numbers: &[(Member, i64)]) -> Object<'static> {
    let mut numbers = numbers.to_vec();
    numbers.sort();
    let texts = if kind.is_empty() { Vec::new() } else { vec![(Text::Kind, kind.into())] };
    Object { object_type, id: id.to_owned().into(), time_us: None, numbers, texts }
}

/// A candidate pair, nominated and succeeded.
pub fn pair(id: &str, numbers: &[(Member, i64)]) -> Object<'static> {
    let mut pair = object(ObjectType::CandidatePair, id, "", numbers);
    pair.numbers.push((Member::Nominated, 1));
    pair.numbers.sort();
    pair.texts = vec![(Text::State, "succeeded".into())];
    pair
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
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Integer(value) => value.to_string(),
        Value::Text(text) => (*text).to_owned(),
    }
}

pub fn rows_of(rows: &dyn Rows) -> Vec<Fields> {
    let mut all = Vec::new();
    rows.visit(0..rows.len(), &mut |row| {
        assert_eq!(row.fields.len(), row.schema.fields.len());
        let mut fields: BTreeMap<String, String> = row
            .schema
            .fields
            .iter()
            .zip(row.fields)
            .map(|(field, value)| (field.name.to_owned(), text(value)))
            .collect();
        fields.extend(
            row.schema.tags.iter().zip(row.tags).map(|(tag, value)| (format!("tag {}", tag.name), (*value).to_owned())),
        );
        fields.insert("timestamp".to_owned(), row.timestamp_ns.to_string());
        all.push(Fields(fields));
    });
    all
}

/// The fields of an edge row, of totals that were on the bus.
pub fn edge_fields(totals: &EdgeTotals, one_window: bool) -> Fields {
    let bytes = edge_bytes(totals);
    let totals = EdgeTotals::decode(&mut Reader::new(&bytes)).unwrap();
    assert_eq!(edge_bytes(&totals), bytes);
    let mut fields = BTreeMap::new();
    totals.visit_fields(Extent { one_window, partitions_missing: 0 }, |values| {
        assert_eq!(values.len(), EDGE_WINDOW.fields.len());
        fields =
            EDGE_WINDOW.fields.iter().zip(values).map(|(field, value)| (field.name.to_owned(), text(value))).collect();
    });
    Fields(fields)
}

pub fn edge_bytes(totals: &EdgeTotals) -> Vec<u8> {
    let mut out = Writer::default();
    totals.encode(&mut out);
    out.into_bytes()
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(pub BTreeMap<Vec<u8>, (Vec<u8>, Boundary)>);

impl Carries for Kept {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key).map(|(carry, _)| &**carry)
    }

    fn put(&mut self, key: &[u8], value: &[u8], until: Boundary) {
        self.0.insert(key.to_vec(), (value.to_vec(), until));
    }
}

/// What a window gave when it closed.
pub struct Closed {
    pub rows: Vec<Fields>,
    pub edges: Vec<(RollupKey, EdgeTotals)>,
}

/// The windows of one partition; they close, in order, when something of them is asked for first.
pub struct Run {
    length_ms: i64,
    caps: Caps,
    windows: RefCell<BTreeMap<i64, Window<RandomState>>>,
    closed: OnceCell<(BTreeMap<i64, Closed>, Kept)>,
}

impl Run {
    pub fn new(length_ms: i64) -> Self {
        Self::with_caps(length_ms, CAPS)
    }

    pub fn with_caps(length_ms: i64, caps: Caps) -> Self {
        Self { length_ms, caps, windows: RefCell::default(), closed: OnceCell::new() }
    }

    /// A report that came in time.
    pub fn push(&mut self, report: &Report<'_>) -> Outcome {
        self.push_at(report, report.time().unwrap().as_millis(), false)
    }

    /// A report of this event time.
    pub fn push_at(&mut self, report: &Report<'_>, time_ms: i64, clamped: bool) -> Outcome {
        let (length_ms, caps) = (self.length_ms, self.caps);
        let time = EventTime::from_millis(time_ms);
        let start = Boundary::at_or_before(time, length_ms);
        let new = || Window::new(start, length_ms, caps, Size::default(), RandomState::new());
        let edge = report.edge.as_deref().unwrap_or("unknown");
        let context = Context { time, clamped, tenant: "default", edge, has_key: true };
        self.windows.get_mut().entry(start.as_millis()).or_insert_with(new).absorb(report, &context)
    }

    fn labels() -> SourceLabels {
        SourceLabels { source: "webrtc".into(), shard: "3".into(), cdn: "none".into() }
    }

    /// All windows by start, after [`START_MS`], and what they left behind.
    pub fn closed(&self) -> &(BTreeMap<i64, Closed>, Kept) {
        self.closed.get_or_init(|| {
            let mut windows = self.windows.take();
            let mut carries = Kept::default();
            let mut all = BTreeMap::new();
            while let Some((start_ms, window)) = windows.pop_first() {
                let next = windows.get(&(start_ms + self.length_ms));
                let closed = window.close(next, Self::labels(), &mut carries);
                assert_eq!(closed.carries_damaged, 0);
                all.insert(start_ms - START_MS, Closed { rows: rows_of(&closed.sessions), edges: closed.edges });
            }
            (all, carries)
        })
    }

    /// The rows of the window that starts so long after [`START_MS`].
    pub fn rows(&self, start_ms: i64) -> &[Fields] {
        &self.closed().0.get(&start_ms).unwrap_or_else(|| panic!("no window at {start_ms}")).rows
    }

    /// The only row of a window.
    pub fn window(&self, start_ms: i64) -> &Fields {
        let rows = self.rows(start_ms);
        assert_eq!(rows.len(), 1);
        &rows[0]
    }

    /// The only edge row of a window.
    pub fn edge(&self, start_ms: i64) -> Fields {
        let edges = &self.closed().0[&start_ms].edges;
        assert_eq!(edges.len(), 1);
        edge_fields(&edges[0].1, true)
    }

    fn finished(&self) -> FinishedSessions {
        let carries = &self.closed().1.0;
        let due = carries.iter().map(|(key, (carry, _))| (&**key, &**carry));
        finish_sessions(due, Boundary::from_millis(START_MS + 600_000), self.length_ms, &Self::labels())
    }

    /// The last row of the only session.
    pub fn finish(&self) -> Fields {
        let finished = self.finished();
        assert_eq!((finished.rows.len(), finished.carries_damaged), (1, 0));
        rows_of(&finished.rows).remove(0)
    }

    /// Its part of the only edge row.
    pub fn edge_of_finished(&self) -> Fields {
        let edges = self.finished().edges;
        assert_eq!(edges.len(), 1);
        edge_fields(&edges[0].1, true)
    }
}
