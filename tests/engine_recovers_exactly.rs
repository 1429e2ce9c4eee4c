//! Whatever crashes, and whenever: the rows are those of a batch computation over the same log. And it takes every part of the rule:
//! with one part left out, some run ends with a wrong table, so these tests can fail.
//!
//! `STREAMGAUGE_TEST_CASES` says how many random runs there are; a failure names its seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::rc::Rc;

use streamgauge::engine::{Accepted, Rules, Timeline};
use streamgauge::model::{Boundary, EventTime};

use support::chaos::{self, Process};
use support::{Dice, seeds};

const RUNS: u64 = 2_000;
/// Enough to find each sabotage: the rarest goes wrong in one run of 25, the others in most.
const SABOTAGED_RUNS: u64 = 200;

/// What the process under test leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sabotage {
    Nothing,
    /// It resumes without knowing which windows were final already.
    NoFrontier,
    /// The resume offset covers only windows that are not acknowledged yet.
    UnacknowledgedOnly,
    /// It resumes with the watermark of the moment of the commit.
    LateWatermark,
    /// It resumes with a watermark just beyond the frontier, as if everything before had been in order.
    FrontierAsWatermark,
    /// It resumes where it had read to.
    ResumeAtPosition,
}

const RULES: Rules = Rules { window_ms: 10, grace_ms: 5, disorder_bound_ms: 3 };

#[derive(Clone, Copy, Debug)]
struct Reading {
    time_ms: i64,
    append_ms: i64,
    session: u8,
    value: i64,
}

/// What a window holds for each session: the sum of its values, and how many came late.
type Sums = BTreeMap<u8, (i64, u32)>;

/// Records in order of offset; now and then one holds several readings, as a body does.
fn records(dice: &mut Dice) -> Vec<Vec<Reading>> {
    let mut now = 0;
    let mut log = Vec::new();
    for _ in 0..30 + dice.below(130) {
        now += dice.pick(&[0, 0, 1, 1, 2, 3, 3]);
        if dice.percent(2) {
            now += 40 + dice.below(80) as i64;
        }
        let readings = dice.pick(&[1, 1, 1, 1, 1, 3]);
        let mut reading = || Reading {
            time_ms: now - dice.pick(&[0, 0, 0, 1, 2, 4, 8, 14, 22]),
            append_ms: now,
            session: dice.below(5) as u8,
            value: 1 + dice.below(9) as i64,
        };
        log.push((0..readings).map(|_| reading()).collect());
    }
    // Late enough to close all the others; its own window stays open.
    log.push(vec![Reading { time_ms: now + 600, append_ms: now + 600, session: 99, value: 1 }]);
    log
}

/// The end of the window that holds a moment.
fn end_of(time_ms: i64) -> i64 {
    (time_ms.div_euclid(10) + 1) * 10
}

fn batch(log: &[Vec<Reading>]) -> BTreeMap<(i64, u8), (i64, u32)> {
    let mut watermark = i64::MIN;
    let mut table = BTreeMap::<(i64, u8), (i64, u32)>::new();
    for reading in log.iter().flatten() {
        let is_late = end_of(reading.time_ms) + 5 <= watermark;
        let home = end_of(if is_late { reading.append_ms } else { reading.time_ms });
        let row = table.entry((home, reading.session)).or_default();
        if is_late {
            row.1 += 1;
        } else {
            row.0 += reading.value;
        }
        watermark = watermark.max(reading.time_ms - 3);
    }
    table.retain(|(end, _), _| end + 5 <= watermark);
    table
}

#[derive(Clone, Copy, Debug, Default)]
struct SavedPartition {
    offset: i64,
    frontier: Option<Boundary>,
    watermark: Option<EventTime>,
}

struct SourceProcess {
    log: Rc<[Vec<Reading>]>,
    sabotage: Sabotage,
    timeline: Timeline<Sums>,
    position: i64,
    saved: SavedPartition,
    /// First offsets of the windows that are not acknowledged, for the sabotage that counts only these.
    unacknowledged: BTreeMap<Boundary, i64>,
}

impl SourceProcess {
    fn new(log: Rc<[Vec<Reading>]>, sabotage: Sabotage) -> Self {
        let (timeline, saved) = (Timeline::restore(RULES, None, None), SavedPartition::default());
        Self { log, sabotage, timeline, position: 0, saved, unacknowledged: BTreeMap::new() }
    }

    fn take_in(&mut self, offset: i64, reading: Reading) {
        let mut end = Boundary::from_millis(end_of(reading.time_ms));
        match self.timeline.accept(offset, EventTime::from_millis(reading.time_ms), |_| Sums::new()) {
            Accepted::Member(window) => window.entry(reading.session).or_default().0 += reading.value,
            Accepted::Written => {}
            Accepted::Late => {
                end = Boundary::from_millis(end_of(reading.append_ms));
                if let Some(window) = self.timeline.join(offset, end, |_| Sums::new()) {
                    window.entry(reading.session).or_default().1 += 1;
                }
            }
        }
        self.unacknowledged.entry(end).or_insert(offset);
    }
}

impl Process for SourceProcess {
    type Saved = SavedPartition;
    type Window = Boundary;
    type Key = (i64, u8);
    type Row = (i64, u32);

    fn start(&self, saved: &SavedPartition) -> Self {
        let mut process = Self::new(Rc::clone(&self.log), self.sabotage);
        let frontier = saved.frontier.filter(|_| self.sabotage != Sabotage::NoFrontier);
        let watermark = match self.sabotage {
            Sabotage::FrontierAsWatermark => {
                frontier.map(|end| EventTime::from_millis(end.as_millis() + RULES.grace_ms))
            }
            _ => saved.watermark,
        };
        process.timeline = Timeline::restore(RULES, frontier, watermark);
        process.position = saved.offset;
        process.saved = *saved;
        process
    }

    fn read(&mut self) -> bool {
        let log = Rc::clone(&self.log);
        let Some(record) = log.get(self.position as usize) else { return false };
        let before = self.timeline.watermark();
        for reading in record {
            self.take_in(self.position, *reading);
        }
        self.position += 1;
        assert!(self.timeline.watermark() >= before, "R1: the watermark never falls");
        true
    }

    fn close(&mut self) -> Option<(Boundary, Vec<((i64, u8), (i64, u32))>)> {
        let closed = self.timeline.close_next()?;
        let end = closed.end.as_millis();
        Some((closed.end, closed.window.into_iter().map(|(session, row)| ((end, session), row)).collect()))
    }

    fn acknowledge(&mut self, window: &Boundary) {
        self.timeline.acknowledge(*window);
        self.unacknowledged.remove(window);
    }

    fn unacknowledged(&self) -> usize {
        self.timeline.unacknowledged()
    }

    fn commit(&mut self) -> SavedPartition {
        let point = self.timeline.commit_point();
        self.timeline.committed(&point);
        let offset = match self.sabotage {
            Sabotage::UnacknowledgedOnly => self.unacknowledged.values().copied().min().unwrap_or(self.position),
            Sabotage::ResumeAtPosition => self.position,
            _ => point.resume_offset(self.position),
        };
        let kept = self.sabotage != Sabotage::Nothing || point.frontier >= self.saved.frontier;
        assert!(kept, "R4: the frontier never moves back");
        let watermark = match self.sabotage {
            Sabotage::LateWatermark => self.timeline.watermark(),
            _ => point.watermark,
        };
        self.saved = SavedPartition { offset, frontier: point.frontier, watermark };
        self.saved
    }
}

fn source_run_is_exact(seed: u64, sabotage: Sabotage) -> bool {
    let mut dice = Dice::new(seed);
    let log: Rc<[Vec<Reading>]> = records(&mut dice).into();
    chaos::run(&SourceProcess::new(Rc::clone(&log), sabotage), &mut dice) == batch(&log)
}

#[test]
fn a_source_partition_ends_with_the_rows_of_a_batch_run() {
    for seed in seeds(RUNS) {
        assert!(source_run_is_exact(seed, Sabotage::Nothing), "seed {seed}: the rows are not those of the batch run");
    }
}

#[test]
fn every_part_of_the_commit_rule_is_needed() {
    use Sabotage::{FrontierAsWatermark, LateWatermark, NoFrontier, ResumeAtPosition, UnacknowledgedOnly};
    for sabotage in [NoFrontier, UnacknowledgedOnly, LateWatermark, FrontierAsWatermark, ResumeAtPosition] {
        let wrong = (0..SABOTAGED_RUNS).filter(|seed| !source_run_is_exact(*seed, sabotage)).count();
        assert!(wrong > 0, "{sabotage:?} should have ended with a wrong table at least once");
    }
}
