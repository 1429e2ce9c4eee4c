//! What a decoded event costs in the engine: its window is found, it is absorbed there, and the window is taken out when it is final.
//!
//! `cargo bench --bench engine`. An iteration of `absorb` is one whole window of one partition, five events a session, as log lines give
//! them (everything the log knows, copies dropped by their request id) and as queries do (CMCD only). The throughput is in events: its
//! inverse is the cost of one, that of `discarded` what making them costs here. An iteration of `close` turns one such window into what
//! its rows and partials are read from; its throughput is in sessions.

#![allow(missing_docs, clippy::unwrap_used)]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foldhash::fast::RandomState;
use streamgauge::aggregate::cmcd::{CARRY_VERSION, Context, Window};
use streamgauge::aggregate::{Caps, Size, SourceLabels};
use streamgauge::engine::{Accepted, CarryStore, Rules, Timeline};
use streamgauge::model::cmcd::{
    Cache, Delivery, Event, Integers, Keys, Labelled, Mode, ObjectType, Outcome, StreamType, StreamingFormat,
};
use streamgauge::model::{Boundary, EventTime};

const SESSIONS: [usize; 2] = [10_000, 200_000];
const EVENTS_PER_SESSION: usize = 5;
const EDGES: [&str; 8] =
    ["MAD53-P2", "FRA60-P1", "LHR50-P2", "CDG52-P4", "ARN56-P1", "DUB56-P1", "MXP53-P3", "WAW51-P1"];
const START_MS: i64 = 1_767_600_000_000;
const RULES: Rules = Rules { window_ms: 10_000, grace_ms: 10_000, disorder_bound_ms: 5_000 };
/// How far events lie behind the newest, ms: they come out of order, within the bound.
const DISORDER_MS: usize = 3_000;
const CAPS: Caps = Caps { sessions: 200_000, rollup_keys: 2_000, facts: 64 };
/// The length of CloudFront's request ids.
const REQUEST_ID_BYTES: usize = 56;
const SESSION_ID_BYTES: usize = 36;

/// What the events are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    LogLine,
    Query,
}

/// Texts of one length, one behind the other.
struct Texts {
    all: String,
    length: usize,
}

impl Texts {
    /// `count` different ones, as hard to predict as ids are.
    fn new(count: usize, length: usize) -> Self {
        let mut all = String::with_capacity(count * length);
        for number in 0..count {
            write!(all, "{:0length$x}", u128::from(mixed(number)) * 0x0100_0000_01B3_9E37_79B9_7F4A).unwrap();
        }
        Self { all, length }
    }

    fn get(&self, index: usize) -> &str {
        self.all.get(index * self.length..(index + 1) * self.length).unwrap()
    }
}

/// Spreads numbers over all 64 bits (the multiplier of the golden ratio).
fn mixed(number: usize) -> u64 {
    let spread = (number as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ (spread >> 29)
}

fn integers(value: i64) -> Integers {
    [Labelled { value, object_type: None }].into_iter().collect()
}

/// An event with the keys that players send most, and what a log says beside them.
fn template<'a>(kind: Kind) -> Event<'a> {
    let keys = Keys {
        bl: integers(21_300),
        br: integers(3_200),
        cid: Some(Cow::Borrowed("film-4711")),
        d: Some(4_004),
        dl: Some(18_600),
        mtp: integers(25_400),
        ot: Some(ObjectType::Video),
        sf: StreamingFormat::Hls,
        st: StreamType::Vod,
        tb: integers(6_000),
        ..Keys::default()
    };
    let delivery = Delivery {
        outcome: Some(Outcome::Success),
        bytes: Some(1_601_245),
        ttfb_ms: Some(12),
        time_taken_ms: Some(31),
        cache: Some(Cache::Hit),
        ..Delivery::default()
    };
    let delivery = if kind == Kind::LogLine { delivery } else { Delivery::default() };
    Event { mode: Mode::Request, time: None, keys, delivery, members_rejected: 0 }
}

/// The sessions of one partition, and the events that they give window after window.
struct Load {
    kind: Kind,
    sessions: Texts,
    /// By number of the event in its window; those of the next window are the same.
    request_ids: Texts,
}

impl Load {
    fn new(kind: Kind, sessions: usize) -> Self {
        let sessions_ids = Texts::new(sessions, SESSION_ID_BYTES);
        Self { kind, sessions: sessions_ids, request_ids: Texts::new(sessions * EVENTS_PER_SESSION, REQUEST_ID_BYTES) }
    }

    fn session_count(&self) -> usize {
        self.sessions.all.len() / SESSION_ID_BYTES
    }

    /// Calls `each` with the events of the window with this number, in an order that no cache likes.
    fn each_event<'a>(&'a self, window: usize, each: &mut dyn FnMut(&Event<'a>, &Context<'a>)) {
        let sessions = self.session_count();
        let count = sessions * EVENTS_PER_SESSION;
        let mut event = template(self.kind);
        for number in 0..count {
            let random = mixed(number + window * count) as usize;
            let passed_ms = number * 10_000 / count;
            let session = self.sessions.get(random % sessions);
            event.keys.sid = Some(Cow::Borrowed(session));
            event.keys.mtp = integers(2_000 + (random % 40_000) as i64);
            if self.kind == Kind::LogLine {
                event.delivery.ttfb_ms = Some(5 + (random % 300) as u64);
                event.delivery.time_taken_ms = Some(20 + (random % 2_000) as u64);
            }
            let now_ms = START_MS + window as i64 * RULES.window_ms + passed_ms as i64;
            let context = Context {
                time: EventTime::from_millis(now_ms - (random % DISORDER_MS) as i64),
                clamped: false,
                tenant: "default",
                // A session stays at its edge.
                edge: EDGES[random % sessions % EDGES.len()],
                session: Some(session),
                request_id: Some(self.request_ids.get(number)),
                deduplicate: self.kind == Kind::LogLine,
            };
            each(&event, &context);
        }
    }
}

/// What recent windows became, as the fold tells a new one.
fn expected(load: &Load) -> Size {
    let sessions = load.session_count();
    let ids = if load.kind == Kind::LogLine { sessions * EVENTS_PER_SESSION } else { 0 };
    Size { sessions: sessions + sessions / 8, ids: ids + ids / 8 }
}

/// A partition that has been running: its windows are as full as they get.
struct Partition<'a> {
    load: &'a Load,
    timeline: Timeline<Window<RandomState>>,
    hasher: RandomState,
    window: usize,
    offset: i64,
}

impl<'a> Partition<'a> {
    fn new(load: &'a Load) -> Self {
        let timeline = Timeline::restore(RULES, None, None);
        Self { load, timeline, hasher: RandomState::default(), window: 0, offset: 0 }
    }

    /// Takes in the next window's events.
    fn run_window(&mut self) {
        let Self { load, timeline, hasher, window, offset } = self;
        let expected = expected(load);
        load.each_event(*window, &mut |event, context| {
            *offset += 1;
            let make = |end: Boundary| {
                Window::new(end.plus(-RULES.window_ms), RULES.window_ms, CAPS, expected, hasher.clone())
            };
            if let Accepted::Member(window) = timeline.accept(*offset, context.time, make) {
                black_box(window.absorb(event, context));
            }
            while let Some(closed) = timeline.close_next() {
                timeline.acknowledge(closed.end);
                let point = timeline.commit_point();
                timeline.committed(&point);
                black_box(closed.window.size());
            }
        });
        *window += 1;
    }
}

fn absorb(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("absorb");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    for (name, kind) in [("log_lines", Kind::LogLine), ("queries", Kind::Query)] {
        for sessions in SESSIONS {
            let load = Load::new(kind, sessions);
            group.throughput(Throughput::Elements((sessions * EVENTS_PER_SESSION) as u64));
            let id = BenchmarkId::new(format!("{name}_discarded"), format!("{sessions}_sessions"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| load.each_event(0, &mut |event, _| _ = black_box(event)))
            });
            let mut partition = Partition::new(&load);
            // Until the first windows have closed.
            (0..4).for_each(|_| partition.run_window());
            let id = BenchmarkId::new(name, format!("{sessions}_sessions"));
            group.bench_function(id, |bencher| bencher.iter(|| partition.run_window()));
        }
    }
    group.finish();
}

fn close(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("close");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    let labels = SourceLabels { source: "logs".into(), shard: "0".into(), cdn: "cloudfront".into() };
    for sessions in SESSIONS {
        let load = Load::new(Kind::LogLine, sessions);
        let hasher = RandomState::default();
        let filled = || {
            let start = Boundary::from_millis(START_MS);
            let mut window = Window::new(start, RULES.window_ms, CAPS, expected(&load), hasher.clone());
            load.each_event(0, &mut |event, context| {
                window.absorb(event, context);
            });
            window
        };
        group.throughput(Throughput::Elements(sessions as u64));
        let id = BenchmarkId::new("log_lines", format!("{sessions}_sessions"));
        group.bench_function(id, |bencher| {
            let close = |window: Window<RandomState>| {
                let mut carries = CarryStore::new(CARRY_VERSION, RULES.window_ms);
                carries.close(Boundary::from_millis(START_MS + RULES.window_ms));
                let closed = window.close(labels.clone(), &mut carries);
                carries.seal();
                (closed, carries)
            };
            bencher.iter_batched(filled, close, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, absorb, close);
criterion_main!(benches);
