//! What a running process lets others see of itself: workers publish snapshots, the HTTP pages read them.
//!
//! R1  Publishing costs a worker one short lock that no other worker shares; readers copy and leave.
//! R2  A worker that stops publishing is noticed: only [`Worker::retire`] takes it off the list, so a thread that died stays on it and grows old.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use serde::{Serialize, Serializer};

/// How long a worker may go without publishing before the process counts as stuck. Longer than any call that a worker makes may block.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// How long the sink may be retrying before the process counts as not ready, unless it needs an operator: an overloaded server that says
/// "later" now and then must not hold up a rolling update.
pub const SINK_PATIENCE: Duration = Duration::from_secs(30);

/// One partition as its worker sees it. Times are event times in ms since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// The source, by name.
    pub source: String,
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// Highest event time so far less the disorder bound; `None` before the first record.
    pub watermark_ms: Option<i64>,
    /// Every window ending at or before it is final, written and acknowledged; `None` before the first.
    pub frontier_ms: Option<i64>,
    /// The offset of the next record to be read.
    pub position: i64,
    /// The offset that a successor would resume from.
    pub resume_offset: i64,
    /// The offset behind the newest record; `None` until the broker has said it.
    pub log_end: Option<i64>,
    /// Windows that still take records.
    pub windows_open: u64,
    /// Windows that are closed and not yet acknowledged by the sink.
    pub windows_unacknowledged: u64,
    /// Sessions in the newest open window.
    pub sessions_newest_window: u64,
    /// Sessions that live on from window to window.
    pub sessions_live: u64,
    /// Whether nothing is open but windows without a content: the topology's rules may be changed.
    pub drained: bool,
}

impl Partition {
    /// Records that are in the log and were not read yet.
    pub fn lag(&self) -> Option<i64> {
        self.log_end.map(|end| end.saturating_sub(self.position).max(0))
    }
}

/// What a worker publishes about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Whether the group has assigned partitions to it (possibly none).
    pub joined: bool,
    /// What keeps it from working, and what to do; `None` = nothing.
    pub problem: Option<String>,
    /// The partitions that it has.
    pub partitions: Vec<Partition>,
    /// Partitions that do not get on, as sentences; only a restart helps.
    pub stuck: Vec<String>,
}

/// The state of the sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Sink {
    /// Rows are being written.
    Ok,
    /// The last try failed; nothing is lost, everything waits.
    Retrying {
        /// Since when; as `since_ms` since the Unix epoch on the page.
        #[serde(rename = "since_ms", serialize_with = "unix_millis")]
        since: SystemTime,
        /// Whether it lasts until someone changes the configuration or the server's set-up.
        needs_operator: bool,
        /// What the server said, and what to do.
        message: String,
    },
}

fn unix_millis<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let millis = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    serializer.serialize_u64(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A worker as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView {
    /// Its name, such as `session-0`.
    pub name: String,
    /// How long ago it published, or came into being.
    pub silent_for: Duration,
    /// What it published last.
    pub snapshot: Snapshot,
}

struct Slot {
    name: String,
    state: Mutex<State>,
}

struct State {
    beat: Instant,
    snapshot: Snapshot,
    retired: bool,
}

/// A worker's own end of its slot.
pub struct Worker(Arc<Slot>);

impl Worker {
    /// Replaces what was published, and tells that the worker is alive. Once a second is enough.
    pub fn publish(&self, snapshot: Snapshot) {
        let mut state = lock(&self.0.state);
        state.snapshot = snapshot;
        state.beat = Instant::now();
    }

    /// Tells that the worker is alive, between the steps of work that takes long.
    pub fn beat(&self) {
        lock(&self.0.state).beat = Instant::now();
    }

    /// Leaves the list: the worker ends because it was told to.
    pub fn retire(self) {
        lock(&self.0.state).retired = true;
    }
}

/// Something that must come right before the process is ready. Gone when it is dropped.
pub struct Obstacle(Arc<Mutex<String>>);

impl Obstacle {
    /// Says anew what is in the way, and what to do; true when that is news.
    pub fn describe(&self, text: impl Into<String>) -> bool {
        let text = text.into();
        let mut current = lock(&self.0);
        let is_news = *current != text;
        *current = text;
        is_news
    }
}

type SinkProbe = Box<dyn Fn() -> Sink + Send + Sync>;

/// The state of the process, shared by all who publish and all who read.
pub struct Status {
    started: Instant,
    longest_silence: Duration,
    stopping: AtomicBool,
    workers: Mutex<Vec<Arc<Slot>>>,
    obstacles: Mutex<Vec<Weak<Mutex<String>>>>,
    sink: SinkProbe,
}

impl Status {
    /// `sink` is asked whenever someone looks; it must answer at once. `longest_silence`: [`LONGEST_SILENCE`], shorter in tests.
    pub fn new(longest_silence: Duration, sink: impl Fn() -> Sink + Send + Sync + 'static) -> Self {
        Self {
            started: Instant::now(),
            longest_silence,
            stopping: AtomicBool::new(false),
            workers: Mutex::default(),
            obstacles: Mutex::default(),
            sink: Box::new(sink),
        }
    }

    /// Puts a worker on the list; `name` tells it from the others.
    pub fn worker(&self, name: impl Into<String>) -> Worker {
        let state = State { beat: Instant::now(), snapshot: Snapshot::default(), retired: false };
        let slot = Arc::new(Slot { name: name.into(), state: Mutex::new(state) });
        lock(&self.workers).push(Arc::clone(&slot));
        Worker(slot)
    }

    /// Puts something in the way of readiness, until the answer is dropped.
    pub fn obstacle(&self, text: impl Into<String>) -> Obstacle {
        let text = Arc::new(Mutex::new(text.into()));
        lock(&self.obstacles).push(Arc::downgrade(&text));
        Obstacle(text)
    }

    /// From now on the process is not ready: it finishes what it has and leaves.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`Status::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// How long the process has been running.
    pub fn running_for(&self) -> Duration {
        self.started.elapsed()
    }

    /// What the sink says.
    pub fn sink(&self) -> Sink {
        (self.sink)()
    }

    /// All workers that have not retired, in the order in which they came.
    pub fn workers(&self) -> Vec<WorkerView> {
        let mut slots = lock(&self.workers);
        slots.retain(|slot| !lock(&slot.state).retired);
        let view = |slot: &Arc<Slot>| {
            let state = lock(&slot.state);
            WorkerView { name: slot.name.clone(), silent_for: state.beat.elapsed(), snapshot: state.snapshot.clone() }
        };
        slots.iter().map(view).collect()
    }

    /// The workers that have been silent for too long, and the partitions that do not get on, as sentences; empty = alive. Never depends on
    /// the bus or the sink.
    pub fn why_stuck(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for worker in self.workers() {
            let (name, seconds) = (worker.name, worker.silent_for.as_secs());
            if worker.silent_for >= self.longest_silence {
                let limit = self.longest_silence.as_secs();
                sentences.push(format!("{name} has not looped for {seconds} s (limit {limit} s)"));
            }
            sentences.extend(worker.snapshot.stuck.into_iter().map(|sentence| format!("{name}: {sentence}")));
        }
        sentences
    }

    /// What keeps the process from being ready, as sentences; empty = ready.
    pub fn why_not_ready(&self) -> Vec<String> {
        let mut reasons = self.why_stuck();
        if self.is_stopping() {
            reasons.push("the process is stopping".to_owned());
        }
        let mut obstacles = lock(&self.obstacles);
        obstacles.retain(|obstacle| obstacle.strong_count() > 0);
        reasons.extend(obstacles.iter().filter_map(Weak::upgrade).map(|text| lock(&text).clone()));
        drop(obstacles);
        let workers = self.workers();
        if workers.is_empty() {
            reasons.push("no worker has started yet".to_owned());
        }
        for worker in workers {
            match worker.snapshot.problem {
                Some(problem) => reasons.push(format!("{}: {problem}", worker.name)),
                None if !worker.snapshot.joined => {
                    reasons.push(format!("{} has not joined its consumer group yet", worker.name))
                }
                None => {}
            }
        }
        if let Sink::Retrying { since, needs_operator, message } = self.sink() {
            let lasts = since.elapsed().unwrap_or_default() >= SINK_PATIENCE;
            if needs_operator || lasts {
                reasons.push(format!("rows wait for the sink: {message}"));
            }
        }
        reasons
    }
}

/// A thread that panicked while it held the lock left a whole value behind: every write here is a single assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> Status {
        Status::new(LONGEST_SILENCE, || Sink::Ok)
    }

    #[test]
    fn ready_means_joined_and_without_a_problem() {
        let status = healthy();
        assert_eq!(status.why_not_ready(), ["no worker has started yet"]);
        let worker = status.worker("session-0");
        assert_eq!(status.why_not_ready(), ["session-0 has not joined its consumer group yet"]);
        worker.publish(Snapshot { joined: true, ..Snapshot::default() });
        assert_eq!(status.why_not_ready(), [""; 0]);
        worker.publish(Snapshot {
            joined: true,
            problem: Some("rules 7 are newer than 6: upgrade".to_owned()),
            ..Snapshot::default()
        });
        assert_eq!(status.why_not_ready(), ["session-0: rules 7 are newer than 6: upgrade"]);
    }

    #[test]
    fn an_obstacle_holds_up_readiness_until_it_is_gone() {
        let status = healthy();
        status.worker("session-0").publish(Snapshot { joined: true, ..Snapshot::default() });
        let obstacle = status.obstacle("no broker answers");
        assert!(obstacle.describe("the credentials are refused") && !obstacle.describe("the credentials are refused"));
        assert_eq!(status.why_not_ready(), ["the credentials are refused"]);
        drop(obstacle);
        assert_eq!(status.why_not_ready(), [""; 0]);
    }

    #[test]
    fn a_worker_that_died_is_stuck_and_one_that_retired_is_not() {
        let status = Status::new(Duration::ZERO, || Sink::Ok);
        drop(status.worker("session-0"));
        status.worker("session-1").retire();
        let stuck = "session-0 has not looped for 0 s (limit 0 s)";
        assert_eq!(status.why_stuck(), [stuck]);
        assert!(status.why_not_ready().iter().any(|reason| reason == stuck));
    }

    #[test]
    fn a_partition_that_does_not_get_on_is_no_life() {
        let status = healthy();
        let worker = status.worker("session-0");
        worker.publish(Snapshot { joined: true, stuck: vec!["qoe.cmcd/3 stands".to_owned()], ..Snapshot::default() });
        assert_eq!(status.why_stuck(), ["session-0: qoe.cmcd/3 stands"]);
        assert_eq!(status.why_not_ready(), ["session-0: qoe.cmcd/3 stands"]);
    }

    fn reasons_when_retrying(since: Duration, needs_operator: bool) -> Vec<String> {
        let status = Status::new(LONGEST_SILENCE, move || {
            #[allow(clippy::disallowed_methods, reason = "a made-up outage has to begin in the past")]
            let since = SystemTime::now() - since;
            Sink::Retrying { since, needs_operator, message: "InfluxDB refuses the token".to_owned() }
        });
        status.worker("session-0").publish(Snapshot { joined: true, ..Snapshot::default() });
        assert_eq!(status.why_stuck(), [""; 0], "the sink never decides whether a process is alive");
        status.why_not_ready()
    }

    #[test]
    fn a_sink_that_retries_for_long_or_needs_an_operator_is_not_ready() {
        let refused = ["rows wait for the sink: InfluxDB refuses the token"];
        assert_eq!(reasons_when_retrying(Duration::from_secs(5), false), [""; 0]);
        assert_eq!(reasons_when_retrying(Duration::from_secs(31), false), refused);
        assert_eq!(reasons_when_retrying(Duration::from_secs(0), true), refused);
    }

    #[test]
    fn lag_is_measured_from_the_position() {
        let partition = Partition { position: 90, resume_offset: 10, log_end: Some(100), ..Partition::default() };
        assert_eq!(partition.lag(), Some(10));
    }
}
