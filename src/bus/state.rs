//! What commits saved: the state topics, read back on assignment. One compacted topic per source topic, with the same partitions.
//!
//! R1  A partition's state is read up to the end that a read-uncommitted client sees, so that nothing committed is missed while a
//!     crashed worker's transaction is still open. The group's committed offsets must have been looked up before.
//! R2  Records are handed over one by one, as they come: what is restored exists once in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use tracing::info;

use super::assignment::TopicPartition;
use super::client::{Error, LoggingContext, Properties, TIMEOUT, log_error};

/// The key of the record that holds a partition's frontier and position.
pub const STATE_KEY: &[u8] = b"frontier";

/// A record of a state topic, as it comes.
#[derive(Clone, Copy, Debug)]
pub struct StateRecord<'a> {
    /// Which of the partitions asked for, by index.
    pub partition: usize,
    /// Its key.
    pub key: &'a [u8],
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

const OWNED: &[(&str, &str)] = &[
    ("group.id", "streamgauge.state-reader"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("auto.offset.reset", "earliest"),
    ("fetch.wait.max.ms", "20"),
    // The default of 1000 stalls a reader that is slower than the broker by whole seconds.
    ("fetch.queue.backoff.ms", "2"),
];

/// How long one look for the next record takes.
const POLL: Duration = Duration::from_millis(20);
/// How many records come between two signs of life.
const BEAT_EVERY: u64 = 10_000;
/// After this long without an end, the wait is worth a line in the log.
const SLOW: Duration = Duration::from_secs(5);
/// After this long without a record the assignment fails: the broker aborts abandoned transactions well before.
const PATIENCE: Duration = Duration::from_secs(120);

/// How far a partition is to be read.
#[derive(Clone, Copy)]
struct Target {
    /// Its place among those that were asked for.
    index: usize,
    high: i64,
}

/// Reads state topics.
pub struct StateReader {
    committed: BaseConsumer<LoggingContext>,
    uncommitted: BaseConsumer<LoggingContext>,
}

impl StateReader {
    /// A reader; it belongs to no group.
    pub fn new(properties: &Properties) -> Result<Self, Error> {
        let client = |isolation: &str| -> Result<BaseConsumer<LoggingContext>, Error> {
            let mut config = properties.client_config(&[("client.id", "streamgauge")], OWNED);
            config.set("isolation.level", isolation);
            config.create_with_context(LoggingContext::default()).map_err(|cause| Error::Properties { cause })
        };
        Ok(Self { committed: client("read_committed")?, uncommitted: client("read_uncommitted")? })
    }

    /// Calls `each` with every record of these partitions of state topics, each partition's in order of offset; what was compacted away
    /// does not come. `beat` is called again and again, with how many records have come and about how many there are.
    ///
    /// # Errors
    /// Those of the bus, and those of `each`, which end it.
    pub fn read<E: From<Error>>(
        &self,
        partitions: &[TopicPartition],
        each: &mut dyn FnMut(StateRecord<'_>) -> Result<(), E>,
        beat: &dyn Fn(u64, u64),
    ) -> Result<(), E> {
        let mut targets = BTreeMap::new();
        let mut assignment = TopicPartitionList::new();
        let mut about = 0;
        for (index, name) in partitions.iter().enumerate() {
            let ends = self.uncommitted.fetch_watermarks(&name.topic, name.partition, TIMEOUT);
            let (low, high) = ends.map_err(|cause| no_topic(name, cause))?;
            if low < high {
                about += (high - low).unsigned_abs();
                targets.insert(name.clone(), Target { index, high });
                let added = assignment.add_partition_offset(&name.topic, name.partition, Offset::Offset(low));
                added.map_err(|cause| Error::failed("reading state", cause))?;
            }
        }
        if targets.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.learn_leaders(&targets)?;
        self.committed.assign(&assignment).map_err(|cause| Error::failed("reading state", cause))?;
        let outcome = self.read_to(targets, each, &|records| beat(records, about));
        self.committed.unassign().map_err(|cause| Error::failed("reading state", cause))?;
        let records = outcome?;
        info!(partitions = partitions.len(), records, millis = started.elapsed().as_millis(), "read the saved state");
        Ok(())
    }

    /// A client that has to ask for the leader of an assigned partition waits half a second between two looks at the answer.
    fn learn_leaders(&self, targets: &BTreeMap<TopicPartition, Target>) -> Result<(), Error> {
        let topics: BTreeSet<&str> = targets.keys().map(|name| name.topic.as_str()).collect();
        for topic in topics {
            let metadata = self.committed.fetch_metadata(Some(topic), TIMEOUT);
            metadata.map_err(|cause| Error::failed(format!("asking for the partitions of {topic}"), cause))?;
        }
        Ok(())
    }

    fn read_to<E: From<Error>>(
        &self,
        mut targets: BTreeMap<TopicPartition, Target>,
        each: &mut dyn FnMut(StateRecord<'_>) -> Result<(), E>,
        beat: &dyn Fn(u64),
    ) -> Result<u64, E> {
        let names = targets.clone();
        let mut last: Option<(&TopicPartition, usize)> = None;
        let mut records = 0;
        let mut heard = Instant::now();
        let mut reported = heard;
        while !targets.is_empty() {
            match self.committed.poll(POLL) {
                Some(Ok(message)) => {
                    let is_it =
                        |name: &TopicPartition| name.partition == message.partition() && name.topic == message.topic();
                    last = last.filter(|(name, _)| is_it(name)).or_else(|| {
                        names.iter().find(|(name, _)| is_it(name)).map(|(name, target)| (name, target.index))
                    });
                    if let (Some((_, partition)), Some(key)) = (last, message.key()) {
                        each(StateRecord { partition, key, value: message.payload() })?;
                    }
                    records += 1;
                    if records % BEAT_EVERY == 0 {
                        beat(records);
                        heard = Instant::now();
                    }
                    continue;
                }
                Some(Err(KafkaError::PartitionEOF(_))) | None => {}
                Some(Err(cause)) => log_error(&cause, "reading state; still trying"),
            }
            beat(records);
            self.drop_reached(&mut targets)?;
            if reported.elapsed() > SLOW && !targets.is_empty() {
                reported = Instant::now();
                info!(
                    partitions = targets.len(),
                    records,
                    "waiting for the rest of the saved state; if this lasts, a transaction was never ended: `kafka-transactions.sh find-hanging` names it, and `abort` ends it"
                );
            }
            if heard.elapsed() > PATIENCE {
                let cause = KafkaError::MessageConsumption(rdkafka::error::RDKafkaErrorCode::OperationTimedOut);
                return Err(Error::failed("reading the saved state", cause).into());
            }
        }
        Ok(records)
    }

    /// Takes out the partitions that were read to their end.
    fn drop_reached(&self, targets: &mut BTreeMap<TopicPartition, Target>) -> Result<(), Error> {
        let positions = self.committed.position().map_err(|cause| Error::failed("reading state", cause))?;
        for element in positions.elements() {
            let name = TopicPartition { topic: element.topic().to_owned(), partition: element.partition() };
            let reached = matches!((element.offset(), targets.get(&name)), (Offset::Offset(at), Some(target)) if at >= target.high);
            if reached {
                targets.remove(&name);
            }
        }
        Ok(())
    }
}

fn no_topic(name: &TopicPartition, cause: KafkaError) -> Error {
    use rdkafka::error::RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
    match cause.rdkafka_error_code() {
        Some(UnknownPartition | UnknownTopic | UnknownTopicOrPartition) => Error::NoTopic { topic: name.topic.clone() },
        _ => Error::failed(format!("reading the state of {}/{}", name.topic, name.partition), cause),
    }
}
