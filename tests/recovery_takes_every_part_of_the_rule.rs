//! Whatever crashes, moves or lingers: rows, roll-up parts and side outputs are those of a batch computation over the same log, and nothing
//! comes twice. And it takes every part of the rule: with one part left out, some run ends wrong, so these tests can fail.
//!
//! `STREAMGAUGE_TEST_CASES` says how many random runs there are; a failure names its seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use streamgauge::engine::{Accepted, CarryStore, ClosedBoundary, CommitPoint, Rules, Timeline};
use streamgauge::model::{Boundary, Carries as _, EventTime};

use support::world::{self, Closed, Faults, Partition, Prepared, Producer, Saved};
use support::{Dice, seeds};

const RUNS: u64 = 1_500;
/// Enough to find each sabotage.
const SABOTAGED_RUNS: u64 = 400;

const RULES: Rules = Rules { window_ms: 10, grace_ms: 5, disorder_bound_ms: 3 };
/// How long a session lives on after its last window.
const LIFETIME_MS: i64 = 60;
/// A tick counts at its append time less this.
const MAX_DELAY_MS: i64 = 2;
/// Sessions with a row of their own, a window.
const CAP: usize = 3;
/// Whose the parts are that count finished sessions.
const FINISHED: u8 = 99;

/// What is left out, or done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sabotage {
    Nothing,
    /// It resumes without knowing which windows were final already.
    NoFrontier,
    /// The frontier passes windows that are not acknowledged, if a later one is.
    FrontierPastGap,
    /// A window counts as written when it is handed over.
    HandedOverIsWritten,
    /// The resume offset covers only windows that are not acknowledged yet.
    UnacknowledgedOnly,
    /// It resumes where it had read to.
    ResumeAtPosition,
    /// It resumes with the watermark of the moment of the commit.
    LateWatermark,
    /// It resumes with a watermark just beyond the frontier, as if everything before had been in order.
    FrontierAsWatermark,
    /// What windows beyond the frontier changed is saved too.
    CarryAhead,
    /// Nothing is carried over a restart.
    NoCarry,
    /// A session that is final is not forgotten: its ghost writes the final row again.
    NoTombstone,
    /// Side outputs are repeated when records are read again.
    SideOutputsRepeated,
    /// While records are read again, a commit saves the position of the moment, which lies before the one that was saved.
    PositionFallsBack,
    /// Parts of roll-up rows go out when a window closes, not with the frontier.
    PartsAhead,
    /// What comes first is kept at the cap.
    CapByArrival,
    /// Silence is ended by the worker's clock.
    WallClock,
    /// A clock that is ahead moves the watermark.
    FutureClock,
    /// A late record is applied to its closed window.
    LateApplied,
    /// What a row says depends on the order of its records.
    Impure,
    /// The identity of a row depends on the order of arrival.
    IdentityByArrival,
    /// Records are shed while much waits for the sink.
    LossyLimiter,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    time: i64,
    session: u8,
    edge: u8,
    value: i64,
}

#[derive(Clone, Debug)]
enum Record {
    /// Several in one record, as in the body of a report, now and then.
    Events {
        append: i64,
        readings: Vec<Reading>,
    },
    Tick {
        append: i64,
    },
    Unreadable,
}

struct Viewers;

impl Producer<Record> for Viewers {
    fn record(&mut self, now: i64, dice: &mut Dice) -> Record {
        if dice.percent(4) {
            return Record::Unreadable;
        }
        let mut reading = || Reading {
            time: now - dice.pick(&[0, 0, 0, 1, 2, 4, 8, 14, 22]) + if dice.percent(3) { 90 } else { 0 },
            session: dice.below(6) as u8,
            edge: dice.below(2) as u8,
            value: 1 + dice.below(9) as i64,
        };
        let (one, two, three) = (reading(), reading(), reading());
        let readings = if dice.percent(15) { vec![one, two, three] } else { vec![one] };
        Record::Events { append: now, readings }
    }

    fn last(&mut self, now: i64) -> Record {
        let late = now + 20 * LIFETIME_MS;
        Record::Events { append: late, readings: vec![Reading { time: late, session: 200, edge: 0, value: 1 }] }
    }
}

/// Decides at the cap.
fn hash(session: u8) -> u32 {
    u32::from(session).wrapping_mul(7_919) % 97
}

/// What a session's window does to its past.
fn chained(past: i64, sum: i64) -> i64 {
    (past * 31 + sum) % 1_000_003
}

const NO_PAST: i64 = 7;

fn end_of(time: i64) -> i64 {
    (time.div_euclid(RULES.window_ms) + 1) * RULES.window_ms
}

/// Partition, boundary, rank of the session in its window (or its number, for final rows), kind of row.
type Key = (usize, i64, usize, char);
/// What a row says: the session, then numbers.
type Row = [i64; 4];

#[derive(Clone, Debug, Default)]
struct Sums {
    sum: i64,
    late: i64,
    /// Depends on the order of arrival; only a sabotage looks at it.
    newest: i64,
    edges: BTreeMap<u8, i64>,
}

/// Sessions in order of arrival.
type Window = Vec<(u8, Sums)>;

fn sums(window: &mut Window, session: u8) -> &mut Sums {
    let at = window.iter().position(|(known, _)| *known == session).unwrap_or_else(|| {
        window.push((session, Sums::default()));
        window.len() - 1
    });
    &mut window[at].1
}

// ---- The process under test: the engine with the least of windows ------------------------------------------------------------------

#[derive(Clone, Copy, Debug)]
struct SavedPoint {
    offset: i64,
    position: i64,
    frontier: Option<Boundary>,
    watermark: Option<EventTime>,
}

struct Process {
    sabotage: Sabotage,
    number: usize,
    timeline: Timeline<Window>,
    carries: CarryStore,
    position: i64,
    sides_from: i64,
    sides: Vec<usize>,
    parts: BTreeMap<i64, Vec<world::Part>>,
    rewrites: Vec<(Key, Row)>,
    /// First offsets and answers of windows, for the sabotages that count these instead.
    first_offsets: BTreeMap<i64, i64>,
    acknowledged: Vec<i64>,
}

impl Process {
    fn model(sabotage: Sabotage) -> Self {
        Self {
            sabotage,
            number: 0,
            timeline: Timeline::restore(RULES, None, None),
            carries: CarryStore::new(1, RULES.window_ms),
            position: 0,
            sides_from: 0,
            sides: Vec::new(),
            parts: BTreeMap::new(),
            rewrites: Vec::new(),
            first_offsets: BTreeMap::new(),
            acknowledged: Vec::new(),
        }
    }

    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == sabotage
    }

    fn side(&mut self, offset: i64) {
        if offset >= self.sides_from && self.sides.last() != Some(&(offset as usize)) {
            self.sides.push(offset as usize);
        }
    }

    fn read_event(&mut self, offset: i64, append: i64, reading: Reading) {
        let Reading { time, session, edge, value } = reading;
        let own = if self.is(Sabotage::FutureClock) { time } else { time.min(append) };
        let mut end = end_of(own);
        match self.timeline.accept(offset, EventTime::from_millis(own), |_| Window::new()) {
            Accepted::Member(window) => {
                let sums = sums(window, session);
                sums.sum += value;
                sums.newest = value;
                *sums.edges.entry(edge).or_default() += value;
            }
            Accepted::Written => {}
            Accepted::Late => {
                self.side(offset);
                if self.is(Sabotage::LateApplied) {
                    let row = [i64::from(session), value, 0, 0];
                    self.rewrites.push(((self.number, end, 0, 'w'), row));
                }
                end = end_of(append);
                if let Some(window) = self.timeline.join(offset, Boundary::from_millis(end), |_| Window::new()) {
                    sums(window, session).late += 1;
                }
            }
        }
        self.first_offsets.entry(end).or_insert(offset);
    }

    /// The rows and parts of a window; what its sessions' next windows must know is carried.
    fn close_window(&mut self, end: i64, window: Window, closed: &mut Closed<Self>) {
        let mut kept: Vec<(u8, Sums)> = window.clone();
        if !self.is(Sabotage::CapByArrival) {
            kept.sort_by_key(|(session, _)| hash(*session));
        }
        kept.truncate(CAP);
        if !self.is(Sabotage::IdentityByArrival) {
            kept.sort_by_key(|(session, _)| *session);
        }
        for (rank, (session, sums)) in kept.iter().enumerate() {
            let mut chain = 0;
            if sums.sum > 0 {
                let past = self.carries.get(&[*session]).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()));
                chain = chained(past.unwrap_or(NO_PAST), sums.sum);
                self.carries.put(&[*session], &chain.to_le_bytes(), Boundary::from_millis(end + LIFETIME_MS));
            }
            let sum = if self.is(Sabotage::Impure) { sums.newest } else { sums.sum };
            closed.rows.push(((self.number, end, rank, 'w'), [i64::from(*session), sum, sums.late, chain]));
        }
        let parts = self.parts.entry(end).or_default();
        for (_, sums) in window {
            parts.extend(sums.edges.iter().map(|(edge, amount)| (end, *edge, *amount)));
        }
    }

    fn saved_frontier(&self, point: &CommitPoint) -> Option<Boundary> {
        match self.sabotage {
            Sabotage::FrontierPastGap => {
                point.frontier.max(self.acknowledged.iter().max().map(|end| Boundary::from_millis(*end)))
            }
            _ => point.frontier,
        }
    }
}

impl Partition for Process {
    type Record = Record;
    type Saved = SavedPoint;
    type Key = Key;
    type Row = Row;

    fn restore(&self, number: usize, saved: Option<Saved<'_, SavedPoint>>) -> Self {
        let mut process = Self { number, ..Self::model(self.sabotage) };
        let Some(Saved { saved, state }) = saved else { return process };
        let frontier = saved.frontier.filter(|_| !self.is(Sabotage::NoFrontier));
        let watermark = match self.sabotage {
            Sabotage::FrontierAsWatermark => {
                frontier.map(|end| EventTime::from_millis(end.as_millis() + RULES.grace_ms))
            }
            _ => saved.watermark,
        };
        process.timeline = Timeline::restore(RULES, frontier, watermark);
        process.position = saved.offset;
        process.sides_from = if self.is(Sabotage::SideOutputsRepeated) { saved.offset } else { saved.position };
        for (key, value) in state.iter().filter(|_| !self.is(Sabotage::NoCarry)) {
            process.carries.load(&key[1..], Some(value)).unwrap();
        }
        process
    }

    fn position(&self) -> usize {
        self.position as usize
    }

    fn read(&mut self, record: &Record) {
        let (offset, before) = (self.position, self.timeline.watermark());
        self.position += 1;
        match record {
            Record::Unreadable => self.side(offset),
            Record::Tick { append } => {
                let time = EventTime::from_millis(append - MAX_DELAY_MS);
                self.timeline.accept(offset, time, |_| Window::new());
                self.first_offsets.entry(end_of(append - MAX_DELAY_MS)).or_insert(offset);
            }
            Record::Events { .. } if self.is(Sabotage::LossyLimiter) && self.unacknowledged() > 1 => {}
            Record::Events { append, readings } => {
                readings.iter().for_each(|reading| self.read_event(offset, *append, *reading));
            }
        }
        assert!(self.timeline.watermark() >= before, "the watermark never falls");
    }

    fn close(&mut self) -> Option<Closed<Self>> {
        if !self.rewrites.is_empty() {
            return Some(Closed { end: i64::MIN, rows: std::mem::take(&mut self.rewrites) });
        }
        let ClosedBoundary { end, due, window } = self.timeline.close_boundary(&mut self.carries)?;
        let mut closed = Closed { end: end.as_millis(), rows: Vec::new() };
        for one in &due {
            let (session, chain) = (one.key()[0], i64::from_le_bytes(one.value().try_into().unwrap()));
            let key = (self.number, closed.end, usize::from(session), 'f');
            closed.rows.push((key, [i64::from(session), chain, 0, 0]));
            self.parts.entry(closed.end).or_default().push((closed.end, FINISHED, 1));
        }
        if let Some(window) = window {
            self.close_window(closed.end, window, &mut closed);
        }
        self.carries.seal();
        if self.is(Sabotage::HandedOverIsWritten) {
            self.timeline.acknowledge(end);
        }
        Some(closed)
    }

    fn acknowledge(&mut self, end: i64) {
        self.timeline.acknowledge(Boundary::from_millis(end));
        self.first_offsets.remove(&end);
        self.acknowledged.push(end);
    }

    fn unacknowledged(&self) -> usize {
        self.timeline.unacknowledged()
    }

    fn prepare(&self) -> Prepared<Self> {
        let point = self.timeline.commit_point();
        let frontier = self.saved_frontier(&point);
        assert!(frontier >= self.timeline.frontier(), "the frontier never moves back");
        let offset = match self.sabotage {
            Sabotage::UnacknowledgedOnly => self.first_offsets.values().copied().min().unwrap_or(self.position),
            Sabotage::ResumeAtPosition => self.position,
            _ => point.resume_offset(self.position),
        };
        let watermark = match self.sabotage {
            Sabotage::LateWatermark => self.timeline.watermark(),
            _ => point.watermark,
        };
        // A process that is still reading again has not been as far as the one before.
        let position = match self.sabotage {
            Sabotage::PositionFallsBack => self.position,
            _ => self.position.max(self.sides_from),
        };
        let saved_to = if self.is(Sabotage::CarryAhead) { Some(Boundary::from_millis(i64::MAX)) } else { frontier };
        let changes = self.carries.changes(saved_to).map(|one| (one.key().to_vec(), one.value().map(<[u8]>::to_vec)));
        let changes = changes.filter(|(_, value)| value.is_some() || !self.is(Sabotage::NoTombstone));
        let all = self.is(Sabotage::PartsAhead);
        let covered = self.parts.iter().filter(|(end, _)| all || Some(Boundary::from_millis(**end)) <= frontier);
        Prepared {
            saved: SavedPoint { offset, position, frontier, watermark },
            state: changes.collect(),
            parts: covered.flat_map(|(_, parts)| parts.iter().copied()).collect(),
            sides: self.sides.clone(),
        }
    }

    fn committed(&mut self) {
        let mut point = self.timeline.commit_point();
        point.frontier = self.saved_frontier(&point);
        self.timeline.committed(&point);
        self.carries.committed(point.frontier);
        self.sides.clear();
        match self.sabotage {
            Sabotage::PartsAhead => self.parts.clear(),
            _ => self.parts.retain(|end, _| Some(Boundary::from_millis(*end)) > point.frontier),
        }
    }

    fn idle(&mut self, now: i64) -> Option<Record> {
        if self.is(Sabotage::WallClock) {
            self.timeline.advance(EventTime::from_millis(now - MAX_DELAY_MS - RULES.disorder_bound_ms));
            return None;
        }
        Some(Record::Tick { append: now })
    }
}

// ---- The batch computation: plain, slow, and without any of the engine's parts -----------------------------------------------------

#[derive(Default)]
struct Batch {
    rows: BTreeMap<Key, Row>,
    parts: BTreeMap<(i64, u8), i64>,
    sides: Vec<(usize, usize)>,
}

/// First every record finds its window, then the windows are folded in order.
fn batch(logs: &[Vec<Record>]) -> Batch {
    let mut batch = Batch::default();
    for (number, log) in logs.iter().enumerate() {
        let mut watermark = i64::MIN;
        let mut windows: BTreeMap<i64, Window> = BTreeMap::new();
        for (offset, record) in log.iter().enumerate() {
            match record {
                Record::Unreadable => batch.sides.push((number, offset)),
                Record::Tick { append } => {
                    watermark = watermark.max(append - MAX_DELAY_MS - RULES.disorder_bound_ms);
                }
                Record::Events { append, readings } => {
                    for reading in readings {
                        let is_late = batch_reading(&mut windows, &mut watermark, *append, reading);
                        if is_late && batch.sides.last() != Some(&(number, offset)) {
                            batch.sides.push((number, offset));
                        }
                    }
                }
            }
        }
        fold(number, windows, watermark - RULES.grace_ms, &mut batch);
    }
    batch
}

/// Puts a reading into its window, and says whether it is late.
fn batch_reading(windows: &mut BTreeMap<i64, Window>, watermark: &mut i64, append: i64, reading: &Reading) -> bool {
    let time = reading.time.min(append);
    if end_of(time) + RULES.grace_ms <= *watermark {
        sums(windows.entry(end_of(append)).or_default(), reading.session).late += 1;
        return true;
    }
    let sums = sums(windows.entry(end_of(time)).or_default(), reading.session);
    sums.sum += reading.value;
    *sums.edges.entry(reading.edge).or_default() += reading.value;
    *watermark = (*watermark).max(time - RULES.disorder_bound_ms);
    false
}

fn fold(number: usize, mut windows: BTreeMap<i64, Window>, last: i64, batch: &mut Batch) {
    // Of each living session its chain, and the end of its last window.
    let mut living: BTreeMap<u8, (i64, i64)> = BTreeMap::new();
    let mut end = windows.keys().next().copied().unwrap_or(0);
    while end <= last {
        let finished: Vec<u8> =
            living.iter().filter(|(_, (_, ended))| ended + LIFETIME_MS <= end).map(|(session, _)| *session).collect();
        for session in finished {
            let (chain, _) = living.remove(&session).unwrap();
            batch.rows.insert((number, end, usize::from(session), 'f'), [i64::from(session), chain, 0, 0]);
            *batch.parts.entry((end, FINISHED)).or_default() += 1;
        }
        let mut window = windows.remove(&end).unwrap_or_default();
        for (edge, amount) in window.iter().flat_map(|(_, sums)| &sums.edges) {
            *batch.parts.entry((end, *edge)).or_default() += amount;
        }
        window.sort_by_key(|(session, _)| hash(*session));
        window.truncate(CAP);
        window.sort_by_key(|(session, _)| *session);
        for (rank, (session, sums)) in window.iter().enumerate() {
            let mut chain = 0;
            if sums.sum > 0 {
                chain = chained(living.get(session).map_or(NO_PAST, |(chain, _)| *chain), sums.sum);
                living.insert(*session, (chain, end));
            }
            batch.rows.insert((number, end, rank, 'w'), [i64::from(*session), sums.sum, sums.late, chain]);
        }
        end += RULES.window_ms;
    }
}

fn is_exact(seed: u64, sabotage: Sabotage, faults: Faults) -> bool {
    let outcome = world::run(&Process::model(sabotage), &mut Viewers, faults, Dice::new(seed));
    let expected = batch(&outcome.logs);
    outcome.rows == expected.rows && outcome.parts == expected.parts && outcome.sides == expected.sides
}

#[test]
fn whatever_happens_everything_is_as_in_a_batch_run() {
    for seed in seeds(RUNS) {
        assert!(is_exact(seed, Sabotage::Nothing, Faults::default()), "seed {seed}");
    }
}

fn goes_wrong(sabotage: Sabotage, faults: Faults) {
    let wrong = (0..SABOTAGED_RUNS).filter(|seed| !is_exact(*seed, sabotage, faults)).count();
    eprintln!("{sabotage:?} {faults:?}: {wrong} of {SABOTAGED_RUNS} runs wrong");
    assert!(wrong > 0, "{sabotage:?} {faults:?} should have been caught");
}

#[test]
fn every_part_of_the_rule_is_needed() {
    use Sabotage::*;
    for sabotage in [
        NoFrontier,
        FrontierPastGap,
        HandedOverIsWritten,
        UnacknowledgedOnly,
        ResumeAtPosition,
        LateWatermark,
        FrontierAsWatermark,
        CarryAhead,
        NoCarry,
        NoTombstone,
        SideOutputsRepeated,
        PositionFallsBack,
        PartsAhead,
        CapByArrival,
        WallClock,
        FutureClock,
        LateApplied,
        Impure,
        IdentityByArrival,
        LossyLimiter,
    ] {
        goes_wrong(sabotage, Faults::default());
    }
}

#[test]
fn the_bus_must_fence_and_nothing_merged_may_outlive_its_partitions() {
    goes_wrong(Sabotage::Nothing, Faults { unfenced: true, ..Faults::default() });
    goes_wrong(Sabotage::Nothing, Faults { keeps_merged: true, ..Faults::default() });
}
