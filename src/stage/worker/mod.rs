//! The loop of one worker thread: poll, fold, hand over, commit. Shared-nothing: its consumer, its producer, its partitions.
//!
//! R1  Only this thread touches its partitions; acknowledgements come back by a channel and carry the assignment they belong to.
//! R2  What a partition yields is committed in one transaction per interval, over all partitions of the worker; an abort loses nothing.
//! R3  When too many closed windows wait for the sink, reading all but stops, while group membership is kept. So it does while the stage
//!     says that no window may close; what is final already waits, too.
//! R4  After a revocation nothing of that partition goes out any more: whoever has it now computes the same again.
//!     What it has at that moment is committed first.
//! R5  A fault of the bus never ends the process: the worker drops everything, says what is wrong, and begins again from what was
//!     committed, as after a restart. What it may not reinterpret (saved state that does not fit, a newer program's
//!     records) does end it, with instructions.

mod commit;
mod rebalance;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use tracing::{error, info, warn};

use super::fault::{Error, judge};
use super::outbox::Outbox;
use super::ticks::{Silence, Ticker};
use super::watchdog::{Look, Progress};
use super::{Stage, WindowName, Work};
use crate::bus::{
    self, Fetched, GroupConsumer, LogEnd, LongestRecord, Member, PlainProducer, Properties, StartAt, StateReader,
    TopicHandle, TopicPartition, TransactionalProducer,
};
use crate::observe::{Snapshot, Worker as Observed};
use crate::sink::Refused;
use crate::telemetry;

/// How long records that were read wait for a window to be allowed to close.
const RELEASE: Duration = Duration::from_secs(10);
/// Records between two looks at the clock.
const RECORDS_PER_TURN: usize = 1000;
/// How long a turn waits for records; what the group has to say waits as long.
const POLL: Duration = Duration::from_millis(20);
/// How long a turn waits for the sink when too much is unacknowledged.
const WAIT_FOR_SINK: Duration = Duration::from_millis(500);
/// Dead letters and late records beyond this hasten the commit, bytes.
const WAITING_BYTES: usize = 8 << 20;
/// Between two looks that others get.
const PUBLISH_EVERY: Duration = Duration::from_millis(500);
/// How long one try to register at the bus takes, and the pause after one that failed.
const TRY: Duration = Duration::from_secs(2);
/// How long the sink has for what is closed when the worker is told to stop.
const DRAIN: Duration = Duration::from_secs(15);

/// What a worker needs beside its stage.
#[derive(Clone, Debug)]
pub struct Options {
    /// How to reach the bus.
    pub properties: Properties,
    /// The consumer group.
    pub group: String,
    /// The same after every restart, and different from all others.
    pub transactional_id: String,
    /// As whom the group knows the worker also after a restart; `None` = as a new member.
    pub static_member: Option<String>,
    /// Where a partition without a committed offset begins.
    pub start: StartAt,
    /// Between two commits.
    pub commit_interval: Duration,
    /// How long a partition is silent before it is ticked.
    pub idle_timeout: Duration,
    /// Closed windows per partition that may wait for the sink.
    pub unacknowledged_windows: usize,
}

/// A sink's answer about one window of one assignment.
struct Acknowledged {
    assignment: u64,
    window: WindowName,
    refused: Vec<Refused>,
}

/// A partition that the worker has.
struct Slot<W> {
    name: TopicPartition,
    state_topic: String,
    /// Tells this assignment from earlier and later ones of the same partition.
    assignment: u64,
    work: W,
    silence: Silence,
    log_end: Option<LogEnd>,
    progress: Progress,
}

/// Works until `stop` is set, through every fault of the bus (R5).
///
/// # Errors
/// What nobody but an operator can mend: a configuration that the client refuses, saved state that does not fit, records of a newer program.
pub fn work<S: Stage>(
    stage: &S,
    options: &Options,
    outbox: &Outbox,
    observed: Observed,
    stop: &Arc<AtomicBool>,
) -> Result<(), Error> {
    let longest = LongestRecord::new(&options.properties);
    while !stop.load(Ordering::Relaxed) {
        let outcome = match Worker::connect(stage, options, outbox, &observed, &longest, stop) {
            Ok(Some(worker)) => worker.run(stop),
            Ok(None) => break,
            Err(cause) => Err(cause),
        };
        match outcome {
            Ok(()) => break,
            Err(cause) if cause.may_pass() => begin_again(stage.name(), &cause, &observed),
            Err(cause) => return Err(cause),
        }
    }
    info!(stage = stage.name(), "stopped");
    observed.retire();
    Ok(())
}

fn begin_again(stage: &'static str, cause: &Error, observed: &Observed) {
    metrics::counter!(telemetry::WORKER_RESTARTS.name, "stage" => stage).increment(1);
    let problem = format!("{cause}; the worker begins again from what was committed");
    warn!(stage, "{problem}");
    observed.publish(Snapshot { problem: Some(problem), ..Snapshot::default() });
    std::thread::park_timeout(TRY);
}

/// One worker.
struct Worker<'a, S: Stage> {
    stage: &'a S,
    options: &'a Options,
    consumer: GroupConsumer,
    producer: TransactionalProducer,
    state: StateReader,
    ticker: Option<Ticker>,
    outbox: &'a Outbox,
    acknowledgements: (Sender<Acknowledged>, Receiver<Acknowledged>),
    slots: Vec<Slot<S::Work>>,
    /// Where the partition of a message is in `slots`.
    places: HashMap<(TopicHandle, i32), usize>,
    last_place: Option<(TopicHandle, i32, usize)>,
    assignments: u64,
    joined: bool,
    /// Why no window may close, if so.
    held_back: Option<String>,
    announce_partitions: i32,
    last_commit: Instant,
    last_publish: Instant,
    observed: &'a Observed,
}

impl<'a, S: Stage> Worker<'a, S> {
    /// Connects, registers its transactional id, and joins the group; `None` when told to stop before the bus answered.
    #[allow(
        clippy::disallowed_methods,
        reason = "holds at most one acknowledgement per closed window, and those are bounded (R3)"
    )]
    fn connect(
        stage: &'a S,
        options: &'a Options,
        outbox: &'a Outbox,
        observed: &'a Observed,
        longest: &LongestRecord,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<Self>, Error> {
        let properties = &options.properties;
        let state = StateReader::new(properties)?;
        let producer = TransactionalProducer::new(properties, &options.transactional_id, longest.clone())?;
        if !register(&producer, observed, stop)? {
            return Ok(None);
        }
        let ticker = match stage.ticks() {
            true => Some(Ticker::new(PlainProducer::fleeting(properties)?, options.idle_timeout)),
            false => None,
        };
        let topics = stage.topics();
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let member = Member { group: &options.group, static_id: options.static_member.as_deref() };
        let consumer = GroupConsumer::join(properties, member, &names, options.start, Arc::clone(stop))?;
        let announce_partitions = stage.announces_to().map(|topic| consumer.partition_count(topic)).transpose()?;
        Ok(Some(Self {
            stage,
            consumer,
            producer,
            state,
            ticker,
            outbox,
            acknowledgements: channel(),
            slots: Vec::new(),
            places: HashMap::new(),
            last_place: None,
            assignments: 0,
            joined: false,
            held_back: stage.held_back(),
            announce_partitions: announce_partitions.unwrap_or(0),
            last_commit: Instant::now(),
            last_publish: Instant::now(),
            observed,
            options,
        }))
    }

    /// Works until `stop` is set, then finishes what is closed, commits and leaves the group.
    fn run(mut self, stop: &Arc<AtomicBool>) -> Result<(), Error> {
        while !stop.load(Ordering::Relaxed) {
            self.read_turn()?;
            self.take_acknowledgements();
            self.housekeeping()?;
        }
        self.finish()
    }

    /// Whether so many closed windows wait for the sink that reading has to wait too.
    fn has_backlog(&self) -> bool {
        let unacknowledged: usize = self.slots.iter().map(|slot| slot.work.unacknowledged()).sum();
        unacknowledged > self.options.unacknowledged_windows * self.slots.len().max(1)
    }

    /// Reads up to one turn's records, or waits for the sink.
    fn read_turn(&mut self) -> Result<(), Error> {
        let backlog = self.has_backlog();
        if backlog {
            self.await_acknowledgement(WAIT_FOR_SINK);
        }
        self.look_whether_held_back();
        // Even then the group is served: that is what keeps the partitions.
        self.consumer.serve().or_else(|cause| self.judge(cause))?;
        // Before any record is read: those of a partition that came just now need their slot.
        self.take_changes()?;
        if self.held_back.is_some() {
            self.await_acknowledgement(POLL);
            return Ok(());
        }
        if backlog {
            return Ok(());
        }
        let batch = self.consumer.read(RECORDS_PER_TURN, POLL);
        self.await_release()?;
        for message in batch.iter() {
            if let Some(cause) = message.error() {
                self.judge(cause)?;
                continue;
            }
            let Some(place) = place(&mut self.last_place, &mut self.places, &self.slots, &message) else { continue };
            let Some(slot) = self.slots.get_mut(place) else { continue };
            slot.silence.broken();
            slot.work.push(&message.record())?;
            hand_over(slot, self.outbox, &self.acknowledgements.0);
        }
        Ok(())
    }

    /// Asks the stage; when it has been over, what waited goes out.
    fn look_whether_held_back(&mut self) {
        let before = std::mem::replace(&mut self.held_back, self.stage.held_back());
        if before.is_some() && self.held_back.is_none() {
            self.slots.iter_mut().for_each(|slot| hand_over(slot, self.outbox, &self.acknowledgements.0));
        }
    }

    /// Looks again once records were read: a process that was stopped in between may have been so for long.
    fn await_release(&self) -> Result<(), Error> {
        let deadline = Instant::now() + RELEASE;
        while let Some(why) = self.stage.held_back() {
            if Instant::now() >= deadline {
                return Err(Error::HeldBack(why));
            }
            self.consumer.serve().or_else(|cause| self.judge(cause))?;
            std::thread::park_timeout(POLL);
        }
        Ok(())
    }

    /// An error in the place of records.
    fn judge(&self, cause: KafkaError) -> Result<(), Error> {
        match self.consumer.is_replaced() {
            true => Err(Error::Replaced { member: self.options.transactional_id.clone() }),
            false => judge(cause),
        }
    }

    fn housekeeping(&mut self) -> Result<(), Error> {
        for (name, end) in self.consumer.take_log_ends() {
            let Some(slot) = self.slots.iter_mut().find(|slot| slot.name == name) else { continue };
            slot.log_end = Some(end);
            match &mut self.ticker {
                Some(ticker) if end.reached => ticker.tick_if_silent(&name, &mut slot.silence),
                // Nobody knows whether it is silent.
                _ => slot.silence.broken(),
            }
        }
        let waiting: usize = self.slots.iter().map(|slot| slot.work.waiting_bytes()).sum();
        if self.last_commit.elapsed() >= self.options.commit_interval || waiting > WAITING_BYTES {
            self.commit()?;
        }
        if self.last_publish.elapsed() >= PUBLISH_EVERY {
            self.publish();
        }
        Ok(())
    }

    fn take_acknowledgements(&mut self) {
        while let Ok(acknowledged) = self.acknowledgements.1.try_recv() {
            self.acknowledge(acknowledged);
        }
    }

    fn acknowledge(&mut self, acknowledged: Acknowledged) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.assignment == acknowledged.assignment) else { return };
        slot.work.acknowledge(&acknowledged.window, acknowledged.refused);
        // An answer can let out what had to wait for it, and no record may come to do so.
        if self.held_back.is_none() {
            hand_over(slot, self.outbox, &self.acknowledgements.0);
        }
    }

    fn await_acknowledgement(&mut self, patience: Duration) {
        match self.acknowledgements.1.recv_timeout(patience) {
            Ok(acknowledged) => self.acknowledge(acknowledged),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }

    /// The partitions that do not get on, as sentences.
    fn look_for_standstill(&mut self) -> Vec<String> {
        let held_back = self.has_backlog() || self.held_back.is_some();
        let mut sentences = Vec::new();
        for slot in &mut self.slots {
            let look = Look {
                at: Instant::now(),
                position: slot.work.position(),
                reached_end: slot.log_end.is_none_or(|end| end.reached),
                held_back,
            };
            if let Some(still) = slot.progress.look(look, || self.consumer.readable_end(&slot.name)) {
                let (TopicPartition { topic, partition }, seconds) = (&slot.name, still.as_secs());
                let sentence = format!(
                    "{topic}/{partition} has not advanced for {seconds} s, though it has records and the bus answers: restart the process"
                );
                error!("{sentence}");
                sentences.push(sentence);
            }
        }
        metrics::gauge!(telemetry::PARTITIONS_STUCK.name, "stage" => self.stage.name()).set(sentences.len() as f64);
        sentences
    }

    fn publish(&mut self) {
        self.last_publish = Instant::now();
        self.ticker.iter().for_each(Ticker::listen);
        let mut partitions = Vec::new();
        for slot in &mut self.slots {
            slot.work.report(&slot.name);
            for mut view in slot.work.view(&slot.name) {
                view.log_end = slot.log_end.map(|end| end.high);
                partitions.push(view);
            }
        }
        let snapshot = Snapshot {
            joined: self.joined,
            problem: self.held_back.clone(),
            partitions,
            stuck: self.look_for_standstill(),
        };
        self.observed.publish(snapshot);
    }

    /// Stops reading, gives the sink time for what is closed, commits, and leaves. Open windows stay open: the next owner has them.
    fn finish(mut self) -> Result<(), Error> {
        let deadline = Instant::now() + DRAIN;
        while self.slots.iter().any(|slot| slot.work.unacknowledged() > 0) && Instant::now() < deadline {
            self.await_acknowledgement(WAIT_FOR_SINK);
            self.observed.beat();
        }
        self.commit()?;
        self.publish();
        Ok(())
    }
}

/// Registers the producer, for as long as it takes; false when told to stop first.
fn register(producer: &TransactionalProducer, observed: &Observed, stop: &Arc<AtomicBool>) -> Result<bool, Error> {
    let mut said = None;
    while !stop.load(Ordering::Relaxed) {
        match producer.register(TRY) {
            Ok(()) => {
                observed.publish(Snapshot::default());
                return Ok(true);
            }
            Err(cause @ (bus::Error::Unreachable { .. } | bus::Error::Refused { .. })) => {
                let problem = cause.to_string();
                observed.publish(Snapshot { problem: Some(problem.clone()), ..Snapshot::default() });
                if said.as_ref() != Some(&problem) {
                    warn!("{problem}; still trying");
                    said = Some(problem);
                }
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(false)
}

/// Which slot a message belongs to; `None` when its partition was given back.
fn place<W>(
    last: &mut Option<(TopicHandle, i32, usize)>,
    places: &mut HashMap<(TopicHandle, i32), usize>,
    slots: &[Slot<W>],
    message: &Fetched<'_>,
) -> Option<usize> {
    let (handle, partition) = (message.topic_handle(), message.partition());
    if let Some((known, number, place)) = last
        && *known == handle
        && *number == partition
    {
        return Some(*place);
    }
    let place = match places.get(&(handle, partition)) {
        Some(place) => *place,
        None => {
            let topic = message.topic();
            let place = slots.iter().position(|slot| slot.name.partition == partition && slot.name.topic == topic)?;
            places.insert((handle, partition), place);
            place
        }
    };
    *last = Some((handle, partition, place));
    Some(place)
}

/// Hands every window that has become final to the sink.
fn hand_over<W: Work>(slot: &mut Slot<W>, outbox: &Outbox, acknowledgements: &Sender<Acknowledged>) {
    while let Some(closed) = slot.work.next_closed() {
        metrics::counter!(telemetry::WINDOWS_CLOSED.name, "source" => closed.name.source.to_string()).increment(1);
        if closed.rows.is_empty() {
            slot.work.acknowledge(&closed.name, Vec::new());
            continue;
        }
        let (assignment, sender, window) = (slot.assignment, acknowledgements.clone(), closed.name);
        let closed_at = Instant::now();
        outbox.hand_over(closed.rows, move |refused| {
            metrics::histogram!(telemetry::WINDOW_WRITE_DELAY.name).record(closed_at.elapsed().as_secs_f64());
            // A worker that has ended no longer listens.
            drop(sender.send(Acknowledged { assignment, window, refused }));
        });
    }
}
