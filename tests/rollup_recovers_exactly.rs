//! Whatever crashes, and whenever: the edge rows of every window length are those of a batch computation over the same partials and
//! markers, also where partitions lag beyond the bound and where sources are reset. And it takes every part of the rule: with one part
//! left out, some run ends with a wrong table, so these tests can fail.
//!
//! `STREAMGAUGE_TEST_CASES` says how many random runs there are; a failure names its seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use streamgauge::aggregate::cmcd::{CARRY_VERSION, Context, Window};
use streamgauge::aggregate::rollup::{Announcement, EdgeKey, Partial, RollupRecord, Totals};
use streamgauge::aggregate::{Caps, Size, SourceLabels};
use streamgauge::engine::CarryStore;
use streamgauge::fold::{RollupCarries, RollupPartition, RollupResume, RollupSettings, SavedSource};
use streamgauge::model::cmcd::{Delivery, Event, Keys, Mode};
use streamgauge::model::{Boundary, EventTime, Rows, Value};

use support::chaos::{self, Process};
use support::{Dice, seeds};

/// Windows hold sketches, which take their time.
const RUNS: u64 = 400;
/// Enough to find each sabotage.
const SABOTAGED_RUNS: u64 = 30;

const SETTINGS: RollupSettings = RollupSettings { window_ms: WINDOW_MS, max_skew_ms: 70_000, rules: 1 };
const WINDOW_MS: i64 = 10_000;
/// Every length, with its tag.
const LENGTHS: [(i64, &str); 3] = [(WINDOW_MS, "10s"), (60_000, "1m"), (3_600_000, "1h")];
/// Two minutes before an hour ends.
const BEGIN_MS: i64 = 3_600_000 * 491_000 - 120_000;
const SOURCES: [&str; 2] = ["players", "logs"];
const PARTITIONS: i32 = 4;
const EDGES: [&str; 3] = ["FRA", "LHR", "SIN"];

/// What the process under test leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sabotage {
    Nothing,
    /// It resumes without knowing which windows were final already.
    NoFrontier,
    /// It resumes where it had read to.
    ResumeAtPosition,
    /// Minutes and hours are made of the windows since the frontier only.
    CoarseUnderTheFrontier,
    /// What is carried is saved as of the last closed window, not as of the frontier.
    CarryAhead,
    /// What has fallen due, or was given up, stays in the state topic.
    NoTombstones,
    /// It resumes without knowing that the source was reset.
    NoEpoch,
    /// What was merged before the partition was taken away is still there when it comes back.
    KeptOverRevoke,
}

// ---- What the session stage sends ------------------------------------------------------------------------------------------------------

/// One request: which of its partition's sessions made it, bytes, time to first byte.
type Sample = (usize, u64, u64);

#[derive(Debug)]
enum Sent {
    Part { source: &'static str, partition: i32, epoch: i64, end: i64, edge: &'static str, samples: Vec<Sample> },
    Marker(Vec<Announced>),
}

#[derive(Clone, Copy, Debug)]
struct Announced {
    source: &'static str,
    partition: i32,
    epoch: i64,
    frontier: i64,
}

/// The sessions of a partition: no other has them.
fn session(partition: i32, number: usize) -> String {
    format!("viewer-{partition}-{number}")
}

/// What the commits of the session stage leave on one partition of the topic: each holds the partials between the old and the new
/// frontier of some source partitions, then a marker with the new frontiers. Now and then a partition falls far behind or a source is
/// reset.
fn log(dice: &mut Dice) -> Vec<Sent> {
    let mut epochs = BTreeMap::<&str, i64>::new();
    let mut frontiers = BTreeMap::<(&str, i32), i64>::new();
    let mut sent = Vec::new();
    let lagging = (dice.pick(&SOURCES), dice.below(PARTITIONS as usize) as i32);
    let may_reset = dice.percent(50);
    for _ in 0..20 + dice.below(60) {
        if may_reset && dice.percent(4) {
            let source = dice.pick(&SOURCES);
            *epochs.entry(source).or_default() += 1;
            frontiers.retain(|(name, _), _| *name != source);
        }
        let mut announced: Vec<Announced> = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let (source, partition) = (dice.pick(&SOURCES), dice.below(PARTITIONS as usize) as i32);
            if (source, partition) == lagging && dice.percent(80) {
                continue;
            }
            let epoch = epochs.get(source).copied().unwrap_or(0);
            let frontier = frontiers.entry((source, partition)).or_insert(BEGIN_MS);
            for _ in 0..1 + dice.below(3) {
                // Where nobody watched for a while, there are no windows.
                *frontier += WINDOW_MS * dice.pick(&[1, 1, 1, 1, 1, 1, 2, 5]);
                send_parts(dice, (source, partition, epoch), *frontier, &mut sent);
            }
            // A commit announces each partition once, with its latest frontier.
            announced.retain(|known| known.source != source || known.partition != partition);
            announced.push(Announced { source, partition, epoch, frontier: *frontier });
        }
        sent.push(Sent::Marker(announced));
    }
    sent
}

fn send_parts(dice: &mut Dice, (source, partition, epoch): (&'static str, i32, i64), end: i64, sent: &mut Vec<Sent>) {
    for edge in EDGES {
        if dice.percent(60) {
            continue;
        }
        let mut sample = || (dice.below(3), dice.below(5_000) as u64, dice.below(900) as u64);
        let samples = vec![sample(), sample()];
        sent.push(Sent::Part { source, partition, epoch, end, edge, samples });
    }
}

impl Sent {
    /// Key and value.
    fn encode(&self) -> (Option<Vec<u8>>, Vec<u8>) {
        match self {
            Self::Part { source, partition, epoch, end, edge, samples } => {
                let key = EdgeKey {
                    source: (*source).into(),
                    // The epochs' rows are told apart, so that a row of the one cannot stand for one of the other.
                    tenant: epoch.to_string().into(),
                    edge: (*edge).into(),
                    more: vec!["unknown".into(); 3],
                };
                let (end, totals) = (Boundary::from_millis(*end), edge_totals(edge, *partition, samples));
                let partial = Partial { key: key.clone(), end, epoch: *epoch, totals };
                (Some(key.encode()), partial.encode_value())
            }
            Self::Marker(announced) => {
                let announcements = announced.iter().map(|one| Announcement {
                    source: one.source.into(),
                    partitions: PARTITIONS,
                    partition: one.partition,
                    frontier: Boundary::from_millis(one.frontier),
                    epoch: one.epoch,
                });
                (None, RollupRecord::encode_marker(SETTINGS.rules, &announcements.collect::<Vec<_>>()))
            }
        }
    }
}

/// One partition's part of an edge row.
fn edge_totals(edge: &str, partition: i32, samples: &[Sample]) -> Totals {
    let caps = Caps { sessions: 10, rollup_keys: 1, facts: 1 };
    let mut window =
        Window::new(Boundary::from_millis(0), WINDOW_MS, caps, Size::default(), foldhash::fast::FixedState::default());
    for (number, bytes, ttfb_ms) in samples {
        let delivery = Delivery { bytes: Some(*bytes), ttfb_ms: Some(*ttfb_ms), ..Delivery::default() };
        let event = Event { mode: Mode::Request, time: None, keys: Keys::default(), delivery, members_rejected: 0 };
        let (time, tenant, id) = (EventTime::from_millis(0), "default", session(partition, *number));
        let (session, request_id) = (Some(id.as_str()), None);
        window.absorb(&event, &Context { time, clamped: false, tenant, edge, session, request_id, deduplicate: false });
    }
    let labels = SourceLabels { source: "".into(), shard: "".into(), cdn: "".into() };
    let closed = window.close(labels, &mut CarryStore::new(CARRY_VERSION, WINDOW_MS));
    Totals::Cmcd(Box::new(closed.edges.into_iter().next().expect("one edge").1))
}

// ---- The batch computation -------------------------------------------------------------------------------------------------------------

/// Source, epoch, tag of the length, end, edge.
type Name = (String, String, String, i64, String);
/// Requests, bytes, sum and maximum of the time to first byte; sessions: count, peak, estimate; partitions that lack.
type Row = [i64; 8];
type Table = BTreeMap<Name, Row>;

/// A sample with the name of its session.
type Request = (String, u64, u64);

/// What is known of a source in its newest epoch.
#[derive(Default)]
struct Known {
    epoch: i64,
    passed: i64,
    announced: BTreeMap<i32, i64>,
    /// The requests of each window that a record belongs to, by end and edge.
    windows: BTreeMap<i64, BTreeMap<&'static str, Vec<Request>>>,
    /// How many partitions lacked at each boundary that has closed.
    closed: BTreeMap<i64, i64>,
}

impl Known {
    /// The windows of `length` that end at `end`, as far as they have closed.
    fn within(&self, end: i64, length: i64) -> impl Iterator<Item = (i64, i64)> {
        self.closed.range(end - length + 1..=end).map(|(end, missing)| (*end, *missing))
    }

    /// Closes what lies at or before the watermark, in ascending order.
    fn close(&mut self, source: &str, table: &mut Table) {
        let minutes: BTreeSet<i64> = self.windows.keys().map(|end| end_of(*end, 60_000)).collect();
        let hours = self.windows.keys().map(|end| end_of(*end, 3_600_000));
        let ends: BTreeSet<i64> = self.windows.keys().copied().chain(minutes).chain(hours).collect();
        for end in ends.into_iter().filter(|end| *end <= self.passed) {
            if self.closed.contains_key(&end) {
                continue;
            }
            let missing =
                (0..PARTITIONS).filter(|one| self.announced.get(one).is_none_or(|at| *at < end)).count() as i64;
            // A minute closes with no window at its end if it has something to say; so does an hour.
            let has_something = |(at, missing): (i64, i64)| {
                missing > 0 || self.windows.get(&at).is_some_and(|window| !window.is_empty())
            };
            let closes = self.windows.contains_key(&end)
                || (end % 60_000 == 0 && self.within(end, 60_000).any(has_something))
                || (end % 3_600_000 == 0 && self.within(end, 3_600_000).any(has_something));
            if !closes {
                continue;
            }
            self.closed.insert(end, missing);
            for (length, tag) in LENGTHS.into_iter().filter(|(length, _)| end % length == 0) {
                self.give(source, end, length, tag, table);
            }
        }
    }

    fn give(&self, source: &str, end: i64, length: i64, tag: &str, table: &mut Table) {
        let missing = self.within(end, length).map(|(_, missing)| missing).max().unwrap_or(0);
        for edge in EDGES {
            let windows = self.within(end, length).filter_map(|(end, _)| self.windows.get(&end)?.get(edge));
            let windows: Vec<_> = windows.collect();
            let samples: Vec<_> = windows.iter().copied().flatten().collect();
            if samples.is_empty() {
                continue;
            }
            let distinct = |samples: &mut dyn Iterator<Item = &Request>| {
                samples.map(|(session, ..)| session).collect::<BTreeSet<_>>().len() as i64
            };
            let sessions = distinct(&mut samples.iter().copied());
            let peak = windows.iter().map(|window| distinct(&mut window.iter())).max().unwrap();
            let sum = |of: fn(&Request) -> u64| samples.iter().map(|sample| of(sample) as i64).sum();
            let longest = samples.iter().map(|(_, _, ttfb_ms)| *ttfb_ms as i64).max().unwrap();
            let row =
                [samples.len() as i64, sum(|one| one.1), sum(|one| one.2), longest, sessions, peak, sessions, missing];
            let name = (source.to_owned(), self.epoch.to_string(), tag.to_owned(), end, edge.to_owned());
            table.insert(name, row);
        }
    }
}

/// The end of the longer window that a window ending at `end` lies in.
fn end_of(end: i64, length: i64) -> i64 {
    (end + length - 1) / length * length
}

fn batch(log: &[Sent]) -> Table {
    let mut sources = BTreeMap::<&str, Known>::new();
    let mut table = Table::new();
    for sent in log {
        match sent {
            Sent::Part { source, partition, epoch, end, edge, samples } => {
                let known = newest(&mut sources, source, *epoch);
                if *end > known.passed {
                    let named =
                        samples.iter().map(|(number, bytes, ttfb_ms)| (session(*partition, *number), *bytes, *ttfb_ms));
                    known.windows.entry(*end).or_default().entry(edge).or_default().extend(named);
                }
            }
            Sent::Marker(announced) => {
                for one in announced {
                    let known = newest(&mut sources, one.source, one.epoch);
                    if one.frontier > known.passed {
                        known.windows.entry(one.frontier).or_default();
                    }
                    known.announced.insert(one.partition, one.frontier);
                    let slowest = (0..PARTITIONS).map(|one| known.announced.get(&one).copied().unwrap_or(0)).min();
                    let furthest = known.announced.values().max().map(|furthest| furthest - SETTINGS.max_skew_ms);
                    known.passed = known.passed.max(slowest.unwrap()).max(furthest.unwrap());
                }
                sources.iter_mut().for_each(|(source, known)| known.close(source, &mut table));
            }
        }
    }
    table
}

/// The log of this test never goes back to an older epoch.
fn newest<'a>(sources: &'a mut BTreeMap<&'static str, Known>, source: &'static str, epoch: i64) -> &'a mut Known {
    let known = sources.entry(source).or_default();
    if epoch > known.epoch {
        *known = Known { epoch, ..Known::default() };
    }
    known
}

// ---- The process under test ------------------------------------------------------------------------------------------------------------

#[derive(Clone, Default)]
struct Saved {
    offset: i64,
    position: i64,
    sources: BTreeMap<Box<str>, SavedSource>,
    /// Of the state topic, what compaction leaves over.
    carries: BTreeMap<Vec<u8>, Vec<u8>>,
}

type Records = Rc<[(Option<Vec<u8>>, Vec<u8>)]>;

struct RollupProcess {
    log: Records,
    sabotage: Sabotage,
    partition: RollupPartition,
    next: i64,
    saved: Saved,
    /// How far any process has read.
    reached: Rc<Cell<i64>>,
}

impl RollupProcess {
    fn new(log: Records, sabotage: Sabotage) -> Self {
        let partition = RollupPartition::restore(SETTINGS, RollupResume::afresh(SETTINGS, 0));
        Self { log, sabotage, partition, next: 0, saved: Saved::default(), reached: Rc::default() }
    }

    fn restore(saved: &Saved, sabotage: Sabotage) -> RollupPartition {
        let mut carries = RollupCarries::new(WINDOW_MS);
        if sabotage != Sabotage::CoarseUnderTheFrontier {
            for (key, value) in &saved.carries {
                carries.load(&key[1..], Some(value)).expect("the carry is whole");
            }
        }
        let mut sources = saved.sources.clone();
        for source in sources.values_mut() {
            match sabotage {
                Sabotage::NoFrontier => source.frontier = None,
                Sabotage::NoEpoch => source.epoch = 0,
                _ => {}
            }
        }
        let (offset, saved_position) = (saved.offset, saved.position);
        RollupPartition::restore(SETTINGS, RollupResume { offset, saved_position, sources, carries })
    }
}

impl Process for RollupProcess {
    type Saved = Saved;
    type Window = (Box<str>, Boundary);
    type Key = Name;
    type Row = Row;

    fn start(&self, saved: &Saved) -> Self {
        let (log, saved, reached) = (Rc::clone(&self.log), saved.clone(), Rc::clone(&self.reached));
        let mut partition = Self::restore(&saved, self.sabotage);
        if self.sabotage == Sabotage::KeptOverRevoke {
            for offset in saved.offset..reached.get() {
                let (key, value) = &log[offset as usize];
                key.iter().for_each(|key| partition.push(offset, Some(key), value).expect("the record is whole"));
            }
        }
        Self { log, sabotage: self.sabotage, partition, next: saved.offset, saved, reached }
    }

    fn read(&mut self) -> bool {
        let Some((key, value)) = self.log.get(self.next as usize) else { return false };
        self.partition.push(self.next, key.as_deref(), value).expect("the record is whole");
        self.next += 1;
        self.reached.set(self.reached.get().max(self.next));
        true
    }

    fn close(&mut self) -> Option<(Self::Window, Vec<(Name, Row)>)> {
        let closed = self.partition.close_next()?;
        let mut rows = Vec::new();
        closed.rows.visit(0..closed.rows.len(), &mut |row| {
            let tag = |name| row.tags[row.schema.tags.iter().position(|tag| tag.name == name).unwrap()].to_owned();
            let field = |name| {
                let at = row.schema.fields.iter().position(|field| field.name == name).expect("the field is declared");
                match row.fields[at] {
                    Value::Integer(value) => value,
                    Value::Text(text) => panic!("{name} is the text {text}"),
                }
            };
            let (length, _) = LENGTHS.into_iter().find(|(_, name)| *name == tag("window")).expect("a known length");
            assert_eq!(row.timestamp_ns, (closed.end.as_millis() - length) * 1_000_000);
            let names = ["requests_count", "bytes", "ttfb_ms_sum", "ttfb_ms_max"];
            let [requests, bytes, sum, longest] = names.map(field);
            let names = ["sessions_count", "sessions_peak", "sessions_estimate", "partitions_missing_count"];
            let [sessions, peak, estimate, missing] = names.map(field);
            let name = (tag("source"), tag("tenant"), tag("window"), closed.end.as_millis(), tag("edge"));
            rows.push((name, [requests, bytes, sum, longest, sessions, peak, estimate, missing]));
        });
        Some(((closed.source, closed.end), rows))
    }

    fn acknowledge(&mut self, (source, end): &Self::Window) {
        self.partition.acknowledge(source, *end);
    }

    fn unacknowledged(&self) -> usize {
        self.partition.unacknowledged()
    }

    fn commit(&mut self) -> Saved {
        let commit = self.partition.commit_point();
        let mut covered = commit.clone();
        if self.sabotage == Sabotage::CarryAhead {
            let ahead = Boundary::from_millis(i64::MAX);
            covered.sources.values_mut().for_each(|one| one.point.frontier = Some(ahead));
        }
        for change in self.partition.carry_changes(&covered) {
            match change.value() {
                Some(value) => drop(self.saved.carries.insert(change.key().to_vec(), value.to_vec())),
                None if self.sabotage == Sabotage::NoTombstones => {}
                None => drop(self.saved.carries.remove(change.key())),
            }
        }
        self.partition.committed(&commit);
        self.saved.offset = match self.sabotage {
            Sabotage::ResumeAtPosition => self.next,
            _ => commit.resume_offset(self.next),
        };
        self.saved.position = self.next;
        self.saved.sources = commit.saved_sources();
        self.saved.clone()
    }
}

fn run(seed: u64, sabotage: Sabotage) -> (Table, Table) {
    let mut dice = Dice::new(seed);
    let log = log(&mut dice);
    let records: Records = log.iter().map(Sent::encode).collect();
    (chaos::run(&RollupProcess::new(records, sabotage), &mut dice), batch(&log))
}

#[test]
fn edge_rows_of_every_length_are_those_of_a_batch_merge() {
    let (mut lengths, mut lacking, mut epochs) = (BTreeSet::new(), 0, BTreeSet::new());
    for seed in seeds(RUNS) {
        let (found, expected) = run(seed, Sabotage::Nothing);
        for (name, row) in &expected {
            assert_eq!(found.get(name), Some(row), "seed {seed}: {name:?}");
            lengths.insert(name.2.clone());
            lacking += usize::from(row[7] > 0);
            epochs.insert(name.1.clone());
        }
        assert_eq!(found.len(), expected.len(), "seed {seed}: there are rows that should not be");
    }
    assert!(lengths.len() == 3 && lacking > 0 && epochs.len() > 1, "the runs reach what they are for");
}

#[test]
fn every_part_of_the_rule_is_needed() {
    use Sabotage::{
        CarryAhead, CoarseUnderTheFrontier, KeptOverRevoke, NoEpoch, NoFrontier, NoTombstones, ResumeAtPosition,
    };
    let parts =
        [NoFrontier, ResumeAtPosition, CoarseUnderTheFrontier, CarryAhead, NoTombstones, NoEpoch, KeptOverRevoke];
    for sabotage in parts {
        let goes_wrong = |seed: &u64| {
            let (found, expected) = run(*seed, sabotage);
            found != expected
        };
        let wrong = (0..SABOTAGED_RUNS).filter(goes_wrong).count();
        println!("{sabotage:?}: {wrong} of {SABOTAGED_RUNS} runs end with a wrong table");
        assert!(wrong > 0, "{sabotage:?} should have ended with a wrong table at least once");
    }
}
