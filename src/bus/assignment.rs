//! What the group assigns to a consumer, and where reading each partition begins.
//!
//! R1  Every partition starts at an offset that was looked up: the committed one, or the configured end of the log when there is none.
//!     The client's own reset rule is switched off, so it never jumps silently.
//! R2  A partition that the group wants back stays with the member until it says so, so that it can commit before anyone else begins.
//! R3  A committed offset that retention has passed is reported with what was lost, and reading goes on at the oldest record kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tracing::{error, warn};

use super::client::{StartAt, TIMEOUT, log_error, log_line};
use super::native::DataQueue;

/// For how long look-ups during an assignment are tried again before the worker starts over: transactions of a crashed worker can hold
/// the answer back until the broker has aborted them. With a last try ([`TIMEOUT`]) it stays below [`crate::observe::LONGEST_SILENCE`].
const LOOK_UPS: Duration = Duration::from_secs(40);
const LOOK_UP_PAUSE: Duration = Duration::from_secs(1);

/// A broker that has not answered for so long may be gone, µs: with a fetch always under way it answers ten times a second.
const SILENT_BROKER: i64 = 2_000_000;

/// A partition by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// A partition that this consumer has been given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedPartition {
    /// Which one.
    pub name: TopicPartition,
    /// Where reading begins.
    pub resume_offset: i64,
    /// The committed offset, if there was one.
    pub committed: Option<i64>,
    /// Records that retention has deleted before they were read.
    pub lost: i64,
}

/// What the group changed.
#[derive(Debug)]
pub enum Change {
    /// These came.
    Assigned(Vec<AssignedPartition>),
    /// The group wants these back. Nobody else has them, and the group waits, until [`super::GroupConsumer::release`] is called; unless
    /// they were lost, because the member was put out.
    Revoked(Vec<TopicPartition>),
    /// The assignment could not be carried out.
    Failed(KafkaError),
}

/// The end of a partition, as the client saw it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// The next offset that will be written.
    pub high: i64,
    /// Whether everything up to the last stable offset has been handed out.
    pub reached: bool,
}

/// What happens on the consumer's polling thread, kept until the worker asks.
pub(crate) struct GroupContext {
    start: StartAt,
    changes: Mutex<Vec<Change>>,
    log_ends: Mutex<HashMap<TopicPartition, LogEnd>>,
    /// Wanted back, and not let go of yet.
    leaving: Mutex<Vec<TopicPartition>>,
    /// The worker is to stop: look-ups are not tried again.
    stop: Arc<AtomicBool>,
    /// Nobody is there any more who would let go of what is wanted back.
    closing: AtomicBool,
    /// Where the records of every assigned partition go; gone before the client is.
    data: OnceLock<Weak<DataQueue>>,
}

impl GroupContext {
    pub(crate) fn new(start: StartAt, stop: Arc<AtomicBool>) -> Self {
        Self {
            start,
            stop,
            changes: Mutex::default(),
            log_ends: Mutex::default(),
            leaving: Mutex::default(),
            closing: AtomicBool::new(false),
            data: OnceLock::new(),
        }
    }

    /// Where records go from the first assignment on; to be set once, before the group is joined.
    pub(super) fn send_data_to(&self, queue: Weak<DataQueue>) {
        // A second queue would find the partitions forwarded to the first.
        drop(self.data.set(queue));
    }

    /// The changes since the last call, in order.
    pub(crate) fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut *lock(&self.changes))
    }

    /// The newest log ends since the last call, by partition.
    pub(crate) fn take_log_ends(&self) -> HashMap<TopicPartition, LogEnd> {
        std::mem::take(&mut *lock(&self.log_ends))
    }

    /// Lets go of partitions that were wanted back.
    pub(super) fn release(&self, consumer: &BaseConsumer<Self>, names: &[TopicPartition]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for name in names {
            list.add_partition(&name.topic, name.partition);
        }
        lock(&self.leaving).retain(|name| !names.contains(name));
        consumer.incremental_unassign(&list)
    }

    /// Lets go of everything that is wanted back, now and from now on.
    pub(super) fn let_go_at_once(&self, consumer: &BaseConsumer<Self>) {
        self.closing.store(true, Ordering::Relaxed);
        let leaving = std::mem::take(&mut *lock(&self.leaving));
        if !leaving.is_empty() {
            self.give_back(consumer, &leaving);
        }
    }

    fn give_back(&self, consumer: &BaseConsumer<Self>, names: &[TopicPartition]) {
        if let Err(cause) = self.release(consumer, names) {
            error!("giving partitions back failed: {cause}");
        }
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, given: &TopicPartitionList) -> KafkaResult<Vec<AssignedPartition>> {
        let deadline = Instant::now() + LOOK_UPS;
        let goes_on = || Instant::now() < deadline && !self.stop.load(Ordering::Relaxed);
        let ask = || consumer.committed_offsets(given.clone(), TIMEOUT);
        let committed = look_up("committed offsets", &goes_on, ask)?;
        let mut assigned = Vec::new();
        let mut starts = TopicPartitionList::new();
        for element in committed.elements() {
            let name = TopicPartition { topic: element.topic().to_owned(), partition: element.partition() };
            let ends = || consumer.fetch_watermarks(&name.topic, name.partition, TIMEOUT);
            let (low, high) = look_up("the ends of a partition", &goes_on, ends)?;
            let found = begin(element.offset(), (low, high), self.start);
            starts.add_partition_offset(&name.topic, name.partition, Offset::Offset(found.resume_offset))?;
            assigned.push(AssignedPartition { name, ..found });
        }
        if let Some(queue) = self.data.get().and_then(Weak::upgrade) {
            for one in &assigned {
                queue.take_in(consumer.client(), &one.name.topic, one.name.partition);
            }
        }
        consumer.incremental_assign(&starts)?;
        Ok(assigned)
    }
}

/// Where a partition begins whose log reaches from `low` to `high` (R1, R3). The name is left empty.
fn begin(committed: Offset, (low, high): (i64, i64), start: StartAt) -> AssignedPartition {
    let name = TopicPartition { topic: String::new(), partition: 0 };
    match committed {
        Offset::Offset(offset) => {
            let lost = (low - offset).max(0);
            AssignedPartition { name, resume_offset: offset.max(low), committed: Some(offset), lost }
        }
        _ => {
            let resume_offset = match start {
                StartAt::Earliest => low,
                StartAt::Latest => high,
            };
            AssignedPartition { name, resume_offset, committed: None, lost: 0 }
        }
    }
}

fn look_up<T>(what: &str, goes_on: &impl Fn() -> bool, ask: impl Fn() -> KafkaResult<T>) -> KafkaResult<T> {
    loop {
        match ask() {
            Err(cause) if goes_on() => {
                warn!("looking up {what} failed ({cause}); trying again");
                // Some answers come at once.
                std::thread::park_timeout(LOOK_UP_PAUSE);
            }
            answer => return answer,
        }
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, cause: KafkaError, reason: &str) {
        log_error(&cause, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let mut ends = lock(&self.log_ends);
        let answers = |node: i32| {
            let broker = statistics.brokers.values().find(|broker| broker.nodeid == node);
            broker.is_some_and(|broker| broker.state == "UP" && broker.rxidle < SILENT_BROKER)
        };
        for (topic, topic_statistics) in statistics.topics {
            for (partition, facts) in topic_statistics.partitions {
                if !facts.desired || facts.hi_offset < 0 {
                    continue;
                }
                // What a broker last said says nothing of a log that it does not serve any more.
                let reached = facts.fetchq_cnt == 0 && facts.next_offset >= facts.ls_offset && answers(facts.broker);
                let name = TopicPartition { topic: topic.clone(), partition };
                ends.insert(name, LogEnd { high: facts.hi_offset, reached });
            }
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let change = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => match self.assign(consumer, partitions) {
                Ok(assigned) => Change::Assigned(assigned),
                Err(cause) => Change::Failed(cause),
            },
            _ => {
                let name = |topic: &str, partition| TopicPartition { topic: topic.to_owned(), partition };
                let elements = partitions.elements();
                let names: Vec<_> = elements.iter().map(|one| name(one.topic(), one.partition())).collect();
                match self.closing.load(Ordering::Relaxed) {
                    true => self.give_back(consumer, &names),
                    false => lock(&self.leaving).extend(names.iter().cloned()),
                }
                Change::Revoked(names)
            }
        };
        lock(&self.changes).push(change);
    }
}

/// A lock whose holder panicked still guards valid data here: every change is a single insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_begins_at_the_committed_offset_or_where_the_configuration_says() {
        // (committed, log, start, expected offset, expected loss)
        let table = [
            (Offset::Offset(50), (10, 90), StartAt::Latest, 50, 0),
            (Offset::Offset(5), (10, 90), StartAt::Latest, 10, 5),
            (Offset::Invalid, (10, 90), StartAt::Earliest, 10, 0),
            (Offset::Invalid, (10, 90), StartAt::Latest, 90, 0),
        ];
        for (committed, log, start, offset, lost) in table {
            let found = begin(committed, log, start);
            assert_eq!((found.resume_offset, found.lost), (offset, lost), "{committed:?} {log:?} {start:?}");
        }
    }
}
