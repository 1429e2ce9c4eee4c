//! A world in which everything may happen to workers that share a log: crashes at any step, acknowledgements that come late, twice, out of
//! order or never, partitions that move with or without their owner knowing, commits of an owner that lost them, writes of the dead that
//! land late. What is there at the end is compared with a batch computation by the caller.
//!
//! The bus is kept as a transaction keeps it: what a commit holds becomes visible together, and only while its worker is a member of the
//! group's present generation.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use super::Dice;

/// The number of partitions.
pub const PARTITIONS: usize = 3;
const WORKERS: usize = 2;
/// How many records are produced, beside ticks and what ends the log.
const RECORDS: usize = 120;
/// By then every run has ended.
const LAST_STEP: usize = 60_000;

/// A part of a row over all partitions: where its window ends, whose it is, and how much.
pub type Part = (i64, u8, i64);

/// Rows of one closed boundary.
pub struct Closed<P: Partition> {
    pub end: i64,
    pub rows: Vec<(P::Key, P::Row)>,
}

/// What a commit would make visible of one partition.
pub struct Prepared<P: Partition> {
    pub saved: P::Saved,
    /// Keys with their values; `None` is a tombstone.
    pub state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub parts: Vec<Part>,
    /// Offsets of records that go to another topic.
    pub sides: Vec<usize>,
}

/// What was saved of a partition.
pub struct Saved<'a, S> {
    pub saved: &'a S,
    pub state: &'a BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The work of one partition.
pub trait Partition: Sized {
    type Record: Clone;
    type Saved: Clone;
    type Key: Ord + Clone + Debug;
    type Row: Clone + PartialEq + Debug;

    /// Begins the work of a partition; `self` tells how.
    fn restore(&self, number: usize, saved: Option<Saved<'_, Self::Saved>>) -> Self;
    /// The offset of the next record to be read.
    fn position(&self) -> usize;
    fn read(&mut self, record: &Self::Record);
    /// The next boundary that has closed.
    fn close(&mut self) -> Option<Closed<Self>>;
    fn acknowledge(&mut self, end: i64);
    fn unacknowledged(&self) -> usize;
    fn prepare(&self) -> Prepared<Self>;
    /// What was prepared just now has become visible.
    fn committed(&mut self);
    /// Its owner stands at the end of the log; what is returned is appended.
    fn idle(&mut self, now: i64) -> Option<Self::Record>;
}

/// How records come into being.
pub trait Producer<R> {
    /// A record at this moment of the broker's clock.
    fn record(&mut self, now: i64, dice: &mut Dice) -> R;
    /// A record so late that it closes all that came before; its own window stays open.
    fn last(&mut self, now: i64) -> R;
}

/// What the bus and the workers do not do right, for the sabotages that concern more than one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The broker takes the commit of a worker that lost its partitions.
    pub unfenced: bool,
    /// What was merged for a commit that was aborted is kept and sent with the next one.
    pub keeps_merged: bool,
}

struct Held<P> {
    part: P,
    assignment: u64,
}

struct Write<P: Partition> {
    number: usize,
    assignment: u64,
    closed: Closed<P>,
}

struct Worker<P: Partition> {
    generation: u64,
    held: BTreeMap<usize, Held<P>>,
    queue: Vec<Write<P>>,
    merged: Vec<Part>,
}

/// What is there at the end.
pub struct Outcome<P: Partition> {
    pub logs: Vec<Vec<P::Record>>,
    pub rows: BTreeMap<P::Key, P::Row>,
    /// Sums over what was sent, by window and whose it is.
    pub parts: BTreeMap<(i64, u8), i64>,
    /// Partition and offset of each record that went to another topic, ascending; twice if it went twice.
    pub sides: Vec<(usize, usize)>,
}

struct World<'a, P: Partition> {
    model: &'a P,
    faults: Faults,
    dice: Dice,
    now: i64,
    logs: Vec<Vec<P::Record>>,
    saved: Vec<Option<P::Saved>>,
    state: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
    parts: BTreeMap<(i64, u8), i64>,
    sides: Vec<(usize, usize)>,
    rows: BTreeMap<P::Key, P::Row>,
    strays: VecDeque<Vec<(P::Key, P::Row)>>,
    workers: Vec<Worker<P>>,
    owner: Vec<usize>,
    generation: u64,
    assignments: u64,
}

/// Runs until all is read, written and committed. `model` makes the partitions.
///
/// # Panics
/// When the run does not end.
pub fn run<P: Partition>(model: &P, producer: &mut impl Producer<P::Record>, faults: Faults, dice: Dice) -> Outcome<P> {
    let new_worker = || Worker { generation: 0, held: BTreeMap::new(), queue: Vec::new(), merged: Vec::new() };
    let mut world = World {
        model,
        faults,
        dice,
        now: 1_000,
        logs: vec![Vec::new(); PARTITIONS],
        saved: vec![None; PARTITIONS],
        state: vec![BTreeMap::new(); PARTITIONS],
        parts: BTreeMap::new(),
        sides: Vec::new(),
        rows: BTreeMap::new(),
        strays: VecDeque::new(),
        workers: (0..WORKERS).map(|_| new_worker()).collect(),
        owner: (0..PARTITIONS).map(|number| number % WORKERS).collect(),
        generation: 0,
        assignments: 0,
    };
    (0..WORKERS).for_each(|worker| world.begin_again(worker));
    let mut produced = 0;
    for _ in 0..LAST_STEP {
        let chance = world.dice.below(100);
        let worker = world.dice.below(WORKERS);
        match chance {
            0..22 if produced < RECORDS => {
                produced += 1;
                world.produce(producer);
                if produced == RECORDS {
                    let last = producer.last(world.now);
                    world.logs.iter_mut().for_each(|log| log.push(last.clone()));
                }
            }
            0..62 => world.read(worker),
            62..80 => world.write(worker),
            80..90 => world.commit(worker),
            90..93 if produced < RECORDS => world.crash(worker),
            93..97 if produced < RECORDS => world.rebalance(),
            _ => {
                let stray = world.strays.pop_front();
                world.rows.extend(stray.into_iter().flatten());
            }
        }
        if produced == RECORDS && world.is_quiet() {
            (0..WORKERS).for_each(|worker| world.commit_for_sure(worker));
            world.sides.sort_unstable();
            let World { logs, rows, parts, sides, .. } = world;
            return Outcome { logs, rows, parts, sides };
        }
    }
    panic!("the run does not end");
}

impl<P: Partition> World<'_, P> {
    fn produce(&mut self, producer: &mut impl Producer<P::Record>) {
        self.now += self.dice.pick(&[0, 0, 1, 1, 2, 3]);
        if self.dice.percent(3) {
            self.now += 40 + self.dice.below(80) as i64;
        }
        let number = self.dice.below(PARTITIONS);
        let record = producer.record(self.now, &mut self.dice);
        self.logs[number].push(record);
    }

    fn read(&mut self, worker: usize) {
        let Some(number) = self.any_held(worker) else { return };
        let idle = self.dice.percent(10);
        let Some(held) = self.workers[worker].held.get_mut(&number) else { return };
        match self.logs[number].get(held.part.position()) {
            Some(record) => held.part.read(record),
            None if idle => {
                self.now += 7;
                let tick = held.part.idle(self.now);
                self.logs[number].extend(tick);
            }
            None => {}
        }
        self.drain(worker, number);
    }

    fn drain(&mut self, worker: usize, number: usize) {
        let Worker { held, queue, .. } = &mut self.workers[worker];
        let Some(held) = held.get_mut(&number) else { return };
        while let Some(closed) = held.part.close() {
            queue.push(Write { number, assignment: held.assignment, closed });
        }
    }

    /// A write lands; its acknowledgement may be lost, so that it is written again.
    fn write(&mut self, worker: usize) {
        let queue = &mut self.workers[worker].queue;
        if queue.is_empty() {
            return;
        }
        let write = queue.swap_remove(self.dice.below(queue.len()));
        self.rows.extend(write.closed.rows.iter().cloned());
        if !self.dice.percent(85) {
            self.workers[worker].queue.push(write);
            return;
        }
        let held = self.workers[worker].held.get_mut(&write.number);
        if let Some(held) = held.filter(|held| held.assignment == write.assignment) {
            held.part.acknowledge(write.closed.end);
        }
    }

    fn commit(&mut self, worker: usize) {
        let aborted = self.dice.percent(10);
        self.try_commit(worker, aborted);
    }

    fn commit_for_sure(&mut self, worker: usize) {
        self.try_commit(worker, false);
    }

    fn try_commit(&mut self, worker: usize, aborted: bool) {
        let fenced = self.workers[worker].generation != self.generation && !self.faults.unfenced;
        let prepared: Vec<(usize, Prepared<P>)> =
            self.workers[worker].held.iter().map(|(number, held)| (*number, held.part.prepare())).collect();
        if aborted && self.faults.keeps_merged {
            let parts = prepared.iter().flat_map(|(_, one)| one.parts.iter().copied());
            self.workers[worker].merged = parts.collect();
        }
        if aborted {
            return;
        }
        if fenced {
            // It learns that it was put out, and joins again.
            return self.begin_again(worker);
        }
        let mut merged = std::mem::take(&mut self.workers[worker].merged);
        for (number, one) in prepared {
            merged.retain(|part| !one.parts.contains(part));
            self.saved[number] = Some(one.saved);
            for (key, value) in one.state {
                match value {
                    Some(value) => self.state[number].insert(key, value),
                    None => self.state[number].remove(&key),
                };
            }
            self.sides.extend(one.sides.iter().map(|offset| (number, *offset)));
            for (end, whose, amount) in one.parts {
                *self.parts.entry((end, whose)).or_default() += amount;
            }
            if let Some(held) = self.workers[worker].held.get_mut(&number) {
                held.part.committed();
            }
        }
        for (end, whose, amount) in merged {
            *self.parts.entry((end, whose)).or_default() += amount;
        }
    }

    fn crash(&mut self, worker: usize) {
        self.workers[worker].merged.clear();
        self.begin_again(worker);
    }

    /// A partition gets another owner. The one before commits and lets go, or does not know and goes on.
    fn rebalance(&mut self) {
        let number = self.dice.below(PARTITIONS);
        let (old, new) = (self.owner[number], (self.owner[number] + 1) % WORKERS);
        if self.workers[new].generation != self.generation {
            self.begin_again(new);
        }
        let knows = self.workers[old].generation == self.generation && self.dice.percent(60);
        if knows {
            if self.dice.percent(70) {
                self.commit(old);
            }
            self.workers[old].held.remove(&number);
            self.let_writes_stray(old, Some(number));
        }
        self.generation += 1;
        self.owner[number] = new;
        for (worker, one) in self.workers.iter_mut().enumerate() {
            if worker != old || knows {
                one.generation = self.generation;
            }
        }
        self.take_over(new, number);
    }

    /// Drops all that a worker has; it begins with what is saved of the partitions that are its.
    fn begin_again(&mut self, worker: usize) {
        self.let_writes_stray(worker, None);
        self.workers[worker].held.clear();
        self.workers[worker].generation = self.generation;
        for number in 0..PARTITIONS {
            if self.owner[number] == worker {
                self.take_over(worker, number);
            }
        }
    }

    fn take_over(&mut self, worker: usize, number: usize) {
        self.assignments += 1;
        let state = &self.state[number];
        let saved = self.saved[number].as_ref().map(|saved| Saved { saved, state });
        let held = Held { part: self.model.restore(number, saved), assignment: self.assignments };
        self.workers[worker].held.insert(number, held);
        self.drain(worker, number);
    }

    /// Some of what was on its way to the store still gets there, some time.
    fn let_writes_stray(&mut self, worker: usize, number: Option<usize>) {
        let (gone, kept) = std::mem::take(&mut self.workers[worker].queue)
            .into_iter()
            .partition::<Vec<_>, _>(|write| number.is_none_or(|number| write.number == number));
        self.workers[worker].queue = kept;
        self.strays.extend(gone.into_iter().take(2).map(|write| write.closed.rows));
    }

    fn any_held(&mut self, worker: usize) -> Option<usize> {
        let count = self.workers[worker].held.len();
        if count == 0 {
            return None;
        }
        let at = self.dice.below(count);
        self.workers[worker].held.keys().nth(at).copied()
    }

    fn is_quiet(&self) -> bool {
        let done = |number: usize, held: &Held<P>| {
            held.part.position() == self.logs[number].len() && held.part.unacknowledged() == 0
        };
        self.strays.is_empty()
            && self.workers.iter().all(|worker| {
                (worker.generation == self.generation || self.faults.unfenced)
                    && worker.queue.is_empty()
                    && worker.held.iter().all(|(number, held)| done(*number, held))
            })
    }
}
