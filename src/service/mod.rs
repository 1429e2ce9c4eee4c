//! The processor put together: workers as threads, the sink as tasks, all stopped by one signal. `run` and `demo` are this with different parts.

mod catalogue;
mod plan;

pub use catalogue::tell_catalogue;
pub use plan::{Error as PlanError, rollup_stage, source_plan, source_plans};

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::bus::{Admin, Error as BusError, Properties, StartAt};
use crate::config::Compat;
use crate::observe::Status;
use crate::sink::Sink;
use crate::stage::{self, Outbox, RollupStage, SessionStage, SideTopics, Stage, deliver};
use crate::topology::Topology;

/// How many writes to the sink may be under way at once.
const WRITERS: usize = 2;
/// Closed windows of a partition that may wait for the sink before reading stops.
const UNACKNOWLEDGED_WINDOWS: usize = 3;

/// Why the processor could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A source.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Topics.
    #[error(
        "the bus has no topic `{missing}`: create what is missing with `streamgauge topics --apply`, or correct the topology"
    )]
    MissingTopics {
        /// Their names.
        missing: String,
    },
    /// A worker ended on its own.
    #[error("{worker}: {cause}")]
    Worker {
        /// Its name.
        worker: String,
        /// Why.
        cause: Box<stage::Error>,
    },
    /// A worker panicked.
    #[error("{worker} panicked: this is a defect; restart the process, nothing is lost")]
    Panicked {
        /// Its name.
        worker: String,
    },
    /// A thread could not be made.
    #[error("a worker thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

/// How the processor runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to reach the bus.
    pub properties: Properties,
    /// The groups are `<prefix>.session` and `<prefix>.rollup`; transactional ids begin with them.
    pub group_prefix: String,
    /// The stable name of this process: with the group and the worker's number it makes the transactional id.
    pub instance: String,
    /// Whether the group keeps the partitions of a lost worker for its successor until the session time-out.
    pub static_membership: bool,
    /// Where a source partition without a committed offset begins.
    pub start: StartAt,
    /// Between two commits.
    pub commit_interval: Duration,
    /// How many workers the session stage has here; 0 = another process has them.
    pub session_workers: usize,
    /// How many workers the roll-up stage has here.
    pub rollup_workers: usize,
    /// The settings of the WebRTC monitor, if it is to be stood in for: the roll-up stage gives its metrics, and its thresholds decide what
    /// is recommended.
    pub compat: Option<Compat>,
}

/// A running processor.
pub struct Service {
    stop: Arc<AtomicBool>,
    threads: Vec<(String, JoinHandle<Result<(), stage::Error>>)>,
    writers: JoinSet<()>,
    /// Whether a writer has ended in a panic: the windows it had would never be acknowledged.
    writer_panicked: bool,
    ends: Receiver<()>,
}

impl Service {
    /// Starts the workers and the writers to the sink, on the runtime that this is called from.
    pub fn start<S: Sink>(
        topology: &Topology,
        found: TopicsFound,
        settings: &Settings,
        sink: &Arc<S>,
        status: &Arc<Status>,
    ) -> Result<Self, Error> {
        let (outbox, receiver) = Outbox::new();
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(deliver(Arc::clone(sink), Arc::clone(&receiver)));
        }
        let mut plans = source_plans(topology)?;
        if let Some(compat) = &settings.compat {
            plans.iter_mut().for_each(|plan| plan::steer_by(plan, compat));
        }
        let stop = Arc::new(AtomicBool::new(false));
        if settings.session_workers > 0 {
            catalogue::follow_all(topology, &plans, &settings.properties, &stop)?;
        }
        let (end_sender, ends) = channel(1);
        let mut threads = Vec::new();
        let idle_timeout = Duration::from_millis(topology.idle_timeout_ms.unsigned_abs());
        let partials = &topology.topics.partials;
        let sides = SideTopics {
            partials: (partials.name.clone(), found.partials),
            dead_letters: topology.topics.dead_letters.name.clone(),
            late: topology.topics.late.name.clone(),
            recommendations: topology.topics.recommendations.name.clone(),
        };
        let mut spawner = Spawner { settings, idle_timeout, outbox, status, stop: &stop, ends: end_sender };
        for number in 0..settings.session_workers {
            let stage = SessionStage::new(plans.clone(), sides.clone(), i64::from(topology.rules));
            threads.push(spawner.spawn(stage, number)?);
        }
        for number in 0..settings.rollup_workers {
            threads.push(spawner.spawn(
                RollupStage { compat: settings.compat.map(|compat| compat.collect), ..rollup_stage(topology) },
                number,
            )?);
        }
        Ok(Self { stop, threads, writers, writer_panicked: false, ends })
    }

    /// Waits until a worker or a writer ends on its own, which only an error makes it do. [`Self::stop`] then tells the error.
    pub async fn ended(&mut self) {
        tokio::select! {
            _ = self.ends.recv() => {}
            Some(Err(_)) = self.writers.join_next() => self.writer_panicked = true,
        }
    }

    /// Stops the workers, each after it has finished what is closed, and returns the first error.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { stop, threads, mut writers, writer_panicked, .. } = self;
        stop.store(true, Ordering::Relaxed);
        let mut outcome = match writer_panicked {
            true => Err(Error::Panicked { worker: "a writer to the sink".to_owned() }),
            false => Ok(()),
        };
        for (worker, thread) in threads {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            let ended = match joined {
                Ok(Ok(Ok(()))) => continue,
                Ok(Ok(Err(cause))) => Error::Worker { worker, cause: Box::new(cause) },
                Ok(Err(_)) | Err(_) => Error::Panicked { worker },
            };
            if outcome.is_ok() {
                outcome = Err(ended);
            }
        }
        // With the workers the last outbox is gone; what the sink still holds is not acknowledged and will be computed again.
        writers.shutdown().await;
        outcome
    }
}

/// Makes worker threads.
struct Spawner<'a> {
    settings: &'a Settings,
    idle_timeout: Duration,
    outbox: Outbox,
    status: &'a Arc<Status>,
    stop: &'a Arc<AtomicBool>,
    ends: Sender<()>,
}

impl Spawner<'_> {
    #[allow(clippy::type_complexity)]
    fn spawn<S: Stage + Send + 'static>(
        &mut self,
        stage: S,
        number: usize,
    ) -> Result<(String, JoinHandle<Result<(), stage::Error>>), Error> {
        let name = format!("{}-{number}", stage.name());
        let group = format!("{}.{}", self.settings.group_prefix, stage.name());
        let slot = format!("{group}.{}.{number}", self.settings.instance);
        let options = stage::Options {
            properties: self.settings.properties.clone(),
            static_member: self.settings.static_membership.then(|| slot.clone()),
            transactional_id: slot,
            group,
            start: if stage.ticks() { self.settings.start } else { StartAt::Earliest },
            commit_interval: self.settings.commit_interval,
            idle_timeout: self.idle_timeout,
            unacknowledged_windows: UNACKNOWLEDGED_WINDOWS,
        };
        let (outbox, observed, stop) = (self.outbox.clone(), self.status.worker(&name), Arc::clone(self.stop));
        let ends = self.ends.clone();
        let work = move || {
            let outcome = stage::work(&stage, &options, &outbox, observed, &stop);
            // One word is enough for all: whether it was taken does not matter.
            let _unheard = ends.try_send(());
            outcome
        };
        let thread = thread::Builder::new().name(name.clone()).spawn(work)?;
        Ok((name, thread))
    }
}

/// The bus has all that the topology needs.
#[derive(Clone, Copy, Debug)]
pub struct TopicsFound {
    partials: NonZeroU32,
}

/// Proves that every topic is there. Blocks until a broker answers or the time-out has passed.
pub fn find_topics(topology: &Topology, properties: &Properties) -> Result<TopicsFound, Error> {
    let present = Admin::new(properties)?.partitions()?;
    let missing: Vec<String> = topic_names(topology).into_iter().filter(|name| !present.contains_key(name)).collect();
    let partials = present.get(&topology.topics.partials.name).and_then(|count| u32::try_from(*count).ok());
    match partials.and_then(NonZeroU32::new) {
        Some(partials) if missing.is_empty() => Ok(TopicsFound { partials }),
        _ => Err(Error::MissingTopics { missing: missing.join("`, `") }),
    }
}

/// Every topic that the topology reads or writes.
pub fn topic_names(topology: &Topology) -> Vec<String> {
    let topics = &topology.topics;
    let mut names = Vec::new();
    for source in &topology.sources {
        names.push(source.topic.clone());
        names.push(topology.state_topic(source));
    }
    names.extend(topology.catalogue_topics().into_iter().map(|topic| topic.name.clone()));
    names.push(topics.partials.name.clone());
    names.push(format!("{}{}", topics.state_prefix, topics.partials.name));
    names.push(topics.dead_letters.name.clone());
    names.push(topics.late.name.clone());
    names.push(topics.recommendations.name.clone());
    names
}
