//! A session's last row does not depend on where windows cut its life, nor on the order in which records of a window come: it is what one
//! plain reading of all its records gives, and the sum of its window rows.
//!
//! `STREAMGAUGE_TEST_CASES` says how many random sessions there are; a failure names its seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use streamgauge::aggregate::Caps;
use streamgauge::decode::cmcd::{Carriers, ColumnPlan};
use streamgauge::engine::Rules;
use streamgauge::fold::{Clock, Decoding, SourceSettings};
use streamgauge::model::record::header;
use streamgauge::replay::Oracle;
use streamgauge::replay::dump::DumpRecord;
use streamgauge::simulate::CLOUDFRONT_FIELDS;

use support::records::{Build, body, query, tick};
use support::{Dice, PlainRow, plain_rows, seeds};

const SESSIONS: u64 = 400;
const T: i64 = 1_767_600_000_000;
/// Records come in any order within such a block. Every window length divides it.
const BLOCK_MS: i64 = 60_000;
const WINDOWS_MS: [i64; 4] = [2_000, 5_000, 10_000, 30_000];

/// One record of the session.
#[derive(Clone, Debug, Default)]
struct Happening {
    at: i64,
    /// `e`; empty = a request.
    event: &'static str,
    number: Option<i64>,
    state: Option<char>,
    bsa: Option<i64>,
    bsda: Option<i64>,
    bsd: Option<i64>,
    dfa: Option<i64>,
    msd: Option<i64>,
    error: Option<&'static str>,
    content: Option<&'static str>,
    starved: bool,
}

impl Happening {
    fn is_event(&self) -> bool {
        !self.event.is_empty()
    }

    fn is_fact(&self) -> bool {
        let numbers = [self.bsa, self.bsda, self.dfa, self.msd];
        self.is_event() || self.state.is_some() || self.error.is_some() || numbers.iter().any(Option::is_some)
    }

    fn record(&self) -> DumpRecord {
        let mut line = "sid=\"s\",v=2".to_owned();
        let lists = [("bsa", self.bsa), ("bsda", self.bsda), ("bsd", self.bsd)];
        for (key, value) in lists.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            write!(line, ",{key}=({value};v 0;a)").unwrap();
        }
        for (key, value) in [("sn", self.number), ("dfa", self.dfa), ("msd", self.msd)] {
            value.into_iter().for_each(|value| write!(line, ",{key}={value}").unwrap());
        }
        self.state.into_iter().for_each(|state| write!(line, ",sta={state}").unwrap());
        self.error.into_iter().for_each(|code| write!(line, ",ec=(\"{code}\")").unwrap());
        self.content.into_iter().for_each(|content| write!(line, ",cid=\"{content}\"").unwrap());
        if self.starved {
            line.push_str(",bs");
        }
        let record = if self.is_event() {
            body(&[&format!("{line},e={},ts={}", self.event, T + self.at)])
        } else {
            query(&line).with(header::RECEIVED_MS, &(T + self.at).to_string())
        };
        record.keyed("s").appended(T + self.at.div_euclid(BLOCK_MS) * BLOCK_MS + BLOCK_MS)
    }
}

/// A player that does as it pleases.
struct Player {
    dice: Dice,
    now: i64,
    has_states: bool,
    state: char,
    content: &'static str,
    /// The next number of an event, and of a request.
    number: i64,
    request: i64,
    /// When the sequence of numbers began, and its highest that was not lost.
    epoch_at: i64,
    received: i64,
    /// `bsa`, `bsda` and `dfa` of events, then of requests.
    counters: [[i64; 3]; 2],
    told: Vec<Happening>,
}

impl Player {
    fn live(seed: u64) -> Vec<Happening> {
        let mut dice = Dice::new(seed);
        let number = if dice.percent(15) { 57 } else { 0 };
        let mut player = Self {
            now: dice.below(60_000) as i64,
            has_states: dice.percent(75),
            state: dice.pick(&['s', 's', 's', 'w', 'd', 'r', 'p']),
            content: "a",
            number,
            request: number,
            epoch_at: 0,
            received: -1,
            counters: [[0; 3]; 2],
            told: Vec::new(),
            dice,
        };
        if player.dice.percent(50) {
            player.ask();
            player.pass(1);
        }
        player.epoch_at = player.now;
        player.report("ps", true);
        let steps = 5 + player.dice.below(80);
        for _ in 0..steps {
            if !player.step() {
                break;
            }
        }
        player.told
    }

    fn pass(&mut self, at_least: i64) {
        let by = self.dice.pick(&[0, 0, 1, 40, 300, 1_900, 2_100, 7_000, 20_000]).max(at_least);
        self.now += by;
        if by > 5_000 {
            // So that nothing that is lost leaves the session silent for long.
            self.told.push(Happening { at: self.now, number: Some(self.request), ..Happening::default() });
            self.request += 1;
            self.now += 1;
        }
    }

    fn step(&mut self) -> bool {
        self.pass(0);
        if self.dice.percent(10) {
            self.count();
        }
        match self.dice.below(20) {
            0..7 => {
                self.state = self.dice.pick(&['s', 'p', 'p', 'p', 'p', 'k', 'r', 'r', 'a', 'w', 'd']);
                self.report("ps", false);
            }
            7..10 => self.report("t", false),
            10 => self.report("e", false),
            11..13 => self.respond(),
            13..17 => {
                self.pass(1);
                self.ask();
            }
            17 => self.change_content(),
            18 if self.received > 1 => self.restart(),
            19 if self.dice.percent(40) => return self.end(),
            _ => {}
        }
        true
    }

    fn end(&mut self) -> bool {
        self.state = self.dice.pick(&['e', 'f', 'q']);
        self.report("ps", true);
        if self.dice.percent(40) {
            return false;
        }
        self.now += self.dice.pick(&[1, 700, 5_001]);
        self.state = self.dice.pick(&['s', 's', 'p', 'd', 'r']);
        self.report("ps", true);
        true
    }

    fn restart(&mut self) {
        self.now += self.dice.pick(&[1, 400]);
        (self.number, self.epoch_at, self.received) = (0, self.now, -1);
        if self.dice.percent(50) {
            self.content = self.dice.pick(&["a", "b", "c"]);
        }
        if self.dice.percent(50) {
            self.state = 's';
        }
        self.report("t", true);
    }

    fn change_content(&mut self) {
        self.content = self.dice.pick(&["a", "b", "c", "d"]);
        self.report("c", false);
    }

    fn count(&mut self) {
        let mode = self.dice.below(2);
        for counter in &mut self.counters[mode] {
            *counter += self.dice.pick(&[0, 1, 5, 900]);
            if self.dice.percent(5) {
                *counter = self.dice.pick(&[0, 2]);
            }
        }
    }

    /// What records of both modes tell now and then.
    fn telling(&mut self, mode: usize) -> Happening {
        let [bsa, bsda, dfa] = self.counters[mode];
        let mut maybe = |chance, value| self.dice.percent(chance).then_some(value);
        let (bsa, bsda, dfa) = (maybe(50, bsa), maybe(50, bsda), maybe(50, dfa));
        Happening {
            at: self.now,
            state: (self.has_states && self.dice.percent(90)).then_some(self.state),
            bsa,
            bsda,
            dfa,
            msd: if self.dice.percent(6) { Some(self.dice.pick(&[10, 50, 1_234, 600_000, 600_001])) } else { None },
            error: if self.dice.percent(5) { Some(self.dice.pick(&["x", "y", "z"])) } else { None },
            content: self.dice.percent(80).then_some(self.content),
            starved: self.dice.percent(15),
            ..Happening::default()
        }
    }

    fn ask(&mut self) {
        let mut told = self.telling(1);
        if !self.dice.percent(60) {
            told = Happening { at: told.at, starved: told.starved, ..Happening::default() };
        }
        // A request tells nothing of the end.
        told.state = told.state.filter(|state| !"efq".contains(*state));
        told.number = Some(self.request);
        self.request += 1;
        self.told.push(told);
    }

    fn report(&mut self, event: &'static str, is_sure: bool) {
        let mut told = Happening { event, number: Some(self.number), ..self.telling(0) };
        if event == "ps" {
            told.state = self.has_states.then_some(self.state);
        }
        told.bsd = if self.dice.percent(10) { Some(self.dice.pick(&[100, 2_500])) } else { None };
        self.number += 1;
        if is_sure || !self.dice.percent(6) {
            self.received = told.number.unwrap();
            self.told.push(told);
        }
    }

    /// Stamped with its request's start, numbered now.
    fn respond(&mut self) {
        let at = (self.now - self.dice.pick(&[0, 30, 900, 1_900])).max(self.epoch_at + 1).min(self.now);
        if at <= self.epoch_at {
            return;
        }
        let told = Happening { at, event: "rr", number: Some(self.number), ..self.telling(0) };
        self.number += 1;
        self.told.push(told);
    }
}

/// The fields of the last row that are compared.
type Fields = BTreeMap<&'static str, String>;

/// What a plain reading of the whole session gives.
#[derive(Default)]
struct Plain {
    sums: BTreeMap<&'static str, i64>,
    play: PlainPlay,
    plays: i64,
    state: Option<char>,
    has_states: bool,
    by_events: bool,
    under_way: Option<bool>,
    content: Option<&'static str>,
    codes: BTreeSet<&'static str>,
    /// The numbers of each sequence.
    numbers: Vec<BTreeSet<i64>>,
    in_order: i64,
    /// Values of `bsa`, `bsda`, `dfa` by mode: the last, and how much it grew.
    counters: BTreeMap<(&'static str, bool), (i64, i64)>,
    bsd: i64,
}

#[derive(Default)]
struct PlainPlay {
    begun: Option<i64>,
    announced: bool,
    played: Option<i64>,
    measured: Option<i64>,
    counted: bool,
    erred: bool,
    content_at: Option<i64>,
    restart_at: Option<i64>,
}

impl Plain {
    fn read(happenings: &[Happening]) -> Fields {
        let mut all = happenings.to_vec();
        all.sort_by_key(|one| (one.at, one.is_event(), one.number));
        let mut plain = Self { in_order: -1, ..Self::default() };
        for (index, one) in all.iter().enumerate() {
            let since = if index == 0 { 0 } else { one.at - all[index - 1].at };
            match plain.state {
                Some('p') => plain.add("play_ms", since),
                Some('k') => plain.add("seek_ms", since),
                Some('r') if plain.play.played.is_some() => plain.add("stall_ms", since),
                _ => {}
            }
            if plain.play.played.is_some_and(|played| one.at > played + 5_000) {
                plain.count_measured();
            }
            if one.is_fact() {
                plain.tell(one);
            }
        }
        plain.finish(&all)
    }

    fn add(&mut self, name: &'static str, amount: i64) {
        *self.sums.entry(name).or_default() += amount;
    }

    fn tell(&mut self, one: &Happening) {
        let is_response = one.event == "rr";
        let state = one.state.filter(|_| !is_response);
        if self.under_way.is_none()
            && let Some(number) = one.number
        {
            let starts = self.play.announced || state.is_some_and(|state| "swd".contains(state));
            self.under_way = Some(number > 1 && !starts);
            if self.under_way == Some(true) {
                self.play.played = Some(i64::MIN / 2);
            }
        }
        let mut restarts = one.is_event() && self.number(one.number.unwrap(), is_response);
        let counts = one.is_event() || !self.by_events;
        restarts |= counts && state == Some('s') && self.state != Some('s') && self.play.played.is_some();
        if let Some(content) = one.content.filter(|_| !is_response) {
            if self.content.is_some_and(|before| before != content) {
                self.play.content_at = Some(one.at);
                self.split(restarts.then_some(one.at));
            } else if restarts {
                self.split(Some(one.at));
            }
            self.content = Some(content);
        } else if restarts {
            self.split(Some(one.at));
        }
        if let Some(delay) = one.msd.filter(|delay| (50..=600_000).contains(delay))
            && self.plays == 0
            && !self.play.counted
        {
            self.count_startup(delay);
        }
        if one.event == "e" || one.error.is_some() {
            self.play.erred = true;
            if one.error.is_none_or(|code| self.codes.insert(code)) {
                self.add("player_errors_count", 1);
            }
        }
        if let Some(state) = state.filter(|_| counts) {
            self.by_events |= one.is_event();
            self.enter(state, one.at);
        }
        if !is_response {
            self.grow("dropped_frames_count", one.dfa, one.is_event());
        }
        if !self.has_states {
            if !is_response {
                self.grow("stall_count", one.bsa, one.is_event());
                self.grow("stall_ms", one.bsda, one.is_event());
            }
            self.bsd += one.bsd.unwrap_or(0);
        }
    }

    /// Returns whether the numbers begin anew.
    fn number(&mut self, number: i64, is_response: bool) -> bool {
        let is_missing = self
            .numbers
            .last()
            .is_some_and(|seen| seen.first().is_some_and(|first| *first < number) && !seen.contains(&number));
        let restarts = !is_response && number <= 1 && self.in_order > 1 && !is_missing;
        if restarts || self.numbers.is_empty() {
            self.numbers.push(BTreeSet::new());
            self.in_order = -1;
        }
        if restarts {
            self.codes.clear();
        }
        if !is_response {
            self.in_order = self.in_order.max(number);
        }
        self.numbers.last_mut().unwrap().insert(number);
        restarts
    }

    fn split(&mut self, restart_at: Option<i64>) {
        self.play.restart_at = restart_at.or(self.play.restart_at);
        if let (Some(content), Some(restart)) = (self.play.content_at, self.play.restart_at)
            && (content - restart).abs() <= 10_000
        {
            self.another_play();
            self.state = None;
        }
    }

    fn another_play(&mut self) {
        self.count_measured();
        self.play = PlainPlay::default();
        self.plays += 1;
    }

    fn enter(&mut self, state: char, at: i64) {
        self.has_states = true;
        let over = |state: char| "efq".contains(state);
        let before = self.state;
        if before == Some(state) || before.is_some_and(over) && over(state) {
            return;
        }
        if before.is_some_and(over) {
            self.another_play();
        }
        if (before, state) == (Some('p'), 'r') {
            self.add("stall_count", 1);
        }
        let fresh = self.play.played.is_none();
        if fresh && "swr".contains(state) {
            self.play.announced |= state != 'r';
            self.play.begun.get_or_insert(at);
        }
        if fresh && state == 'p' {
            self.play.played = Some(at);
            self.play.measured = self.play.begun.map(|begun| at - begun).filter(|took| *took <= 600_000);
            if self.plays > 0 {
                self.count_measured();
            }
        }
        if over(state) {
            self.count_measured();
            self.end_play(state);
        }
        self.state = Some(state);
    }

    fn end_play(&mut self, state: char) {
        match (state, self.play.played.is_some()) {
            ('f', true) => self.add("play_failures_count", 1),
            ('f', false) => self.add("start_failures_count", 1),
            ('q', false) if self.play.erred => self.add("start_failures_count", 1),
            ('q', false) if self.play.announced => self.add("exits_before_start_count", 1),
            _ => {}
        }
    }

    fn count_measured(&mut self) {
        if let Some(took) = self.play.measured.filter(|_| !self.play.counted) {
            self.count_startup(took);
        }
    }

    fn count_startup(&mut self, took: i64) {
        self.add("startup_ms_sum", took);
        self.add("startup_ms_count", 1);
        self.play.counted = true;
    }

    fn grow(&mut self, name: &'static str, value: Option<i64>, is_event: bool) {
        let Some(value) = value else { return };
        let first = if self.under_way == Some(true) { value } else { 0 };
        let (last, grown) = self.counters.get(&(name, is_event)).copied().unwrap_or((first, 0));
        let by = if value < last { value } else { value - last };
        self.counters.insert((name, is_event), (value, grown + by));
    }

    /// By the mode that told of more.
    fn grown(&self, name: &'static str) -> i64 {
        let mode = |is_event| self.counters.get(&(name, is_event)).map_or(0, |(_, grown)| *grown);
        mode(true).max(mode(false))
    }

    fn finish(mut self, all: &[Happening]) -> Fields {
        let reason = match self.state {
            Some('e') => "ended",
            Some('f') => "failed",
            Some('q') => "quit",
            _ => {
                self.count_measured();
                self.end_play('q');
                "idle"
            }
        };
        self.add("dropped_frames_count", self.grown("dropped_frames_count"));
        self.add("stall_count", self.grown("stall_count"));
        self.add("stall_ms", self.grown("stall_ms").max(self.bsd));
        for seen in std::mem::take(&mut self.numbers) {
            let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
            self.add("sn_lost_count", last - first + 1 - seen.len() as i64);
        }
        let mut closed_until = None;
        for one in all.iter().filter(|one| one.starved) {
            if closed_until.is_none_or(|until| one.at > until) {
                self.add("starvation_count", 1);
            }
            closed_until = Some(one.at + 2_000);
        }
        let contents: BTreeSet<_> = all.iter().filter_map(|one| one.content).collect();
        self.add("contents_count", contents.len() as i64);
        self.add("plays_count", self.plays + 1);
        self.add("started_ms", T + all[0].at);
        self.add("ended_ms", T + all[all.len() - 1].at);
        let names = ADDITIVE.into_iter().chain(OTHERS);
        let sums = names.map(|name| (name, self.sums.get(name).copied().unwrap_or(0).to_string()));
        sums.chain([("end_reason", reason.to_owned())]).collect()
    }
}

const ADDITIVE: [&str; 10] = [
    "play_ms",
    "stall_ms",
    "stall_count",
    "seek_ms",
    "dropped_frames_count",
    "player_errors_count",
    "starvation_count",
    "startup_ms_sum",
    "startup_ms_count",
    "sn_lost_count",
];

const OTHERS: [&str; 7] = [
    "started_ms",
    "ended_ms",
    "plays_count",
    "contents_count",
    "start_failures_count",
    "play_failures_count",
    "exits_before_start_count",
];

/// The rows of the log of one partition.
fn rows_of(records: &[DumpRecord], window_ms: i64) -> Vec<PlainRow> {
    let settings = SourceSettings {
        source: "players".to_owned(),
        cdn: "cf".to_owned(),
        clock: Clock::Player,
        // No own time is out of bounds, and nothing is late.
        rules: Rules { window_ms, grace_ms: 2 * BLOCK_MS, disorder_bound_ms: 0 },
        max_delay_ms: 0,
        deduplicate: false,
        caps: Caps { sessions: 10, rollup_keys: 10, facts: 10_000 },
    };
    let columns = ColumnPlan::new(&CLOUDFRONT_FIELDS).unwrap();
    let mut oracle = Oracle::new(settings, Decoding::Cmcd(Arc::new(Carriers::mixed(Some(columns), []))));
    let mut rows = Vec::new();
    let last = records.iter().map(|record| record.append_ms).max().unwrap() + 10_000_000;
    for (offset, record) in (0..).zip(records.iter().cloned().chain([tick().appended(last)])) {
        let record = DumpRecord { offset, ..record };
        oracle.push(0, &record.as_record(), &mut |closed| rows.extend(plain_rows(closed)));
    }
    oracle.finish(1, &mut |closed| rows.extend(plain_rows(closed)));
    rows
}

/// The sum of a field over the rows of a measurement, those of the shortest window.
fn sum(rows: &[PlainRow], measurement: &str, field: &str) -> i64 {
    let is_longer = |row: &PlainRow| row.tags.get("window").is_some_and(|window| window == "1m" || window == "1h");
    let rows = rows.iter().filter(|row| row.measurement == measurement && !is_longer(row));
    rows.map(|row| row.fields[field].parse::<i64>().unwrap()).sum()
}

#[test]
fn a_session_does_not_depend_on_where_windows_cut_it_nor_on_order_within_them() {
    let mut seen = BTreeSet::new();
    for seed in seeds(SESSIONS) {
        let happenings = Player::live(seed);
        let expected = Plain::read(&happenings);
        seen.extend(expected.iter().filter(|(_, value)| *value != "0").map(|(name, _)| *name));
        seen.insert(if expected["end_reason"] == "idle" { "goes silent" } else { "says that it ends" });
        let mut dice = Dice::new(seed);
        let mut records: Vec<DumpRecord> = happenings.iter().map(Happening::record).collect();
        // A report that is posted twice counts once.
        let again: Vec<DumpRecord> = records
            .iter()
            .zip(&happenings)
            .filter(|(_, one)| one.is_event())
            .map(|(record, _)| record.clone())
            .collect();
        records.extend(again.into_iter().filter(|_| dice.percent(5)));
        for window_ms in WINDOWS_MS {
            dice.shuffle(&mut records);
            records.sort_by_key(|record| record.append_ms);
            let rows = rows_of(&records, window_ms);
            let finished: Vec<&PlainRow> = rows.iter().filter(|row| row.measurement == "session").collect();
            let story = || format!("seed {seed}, windows of {window_ms} ms: {happenings:#?}");
            let [last] = finished[..] else { panic!("{} sessions: {}", finished.len(), story()) };
            for (name, value) in &expected {
                assert_eq!((name, &last.fields[name]), (name, value), "{}", story());
            }
            for name in ADDITIVE {
                let total: i64 = last.fields[name].parse().unwrap();
                assert_eq!(sum(&rows, "edge_window", name), total, "{name} at the edge, {}", story());
                // What is missing at the end, and a startup of the last 5 s, is told by the end alone.
                let by_windows = sum(&rows, "session_window", name);
                let may_be_less = name.starts_with("startup_ms") || name == "sn_lost_count";
                assert!(by_windows == total || may_be_less && by_windows < total, "{name}, {}", story());
            }
        }
    }
    assert_eq!(seen.len(), ADDITIVE.len() + OTHERS.len() + 3, "every field was put to the test: {seen:?}");
}
