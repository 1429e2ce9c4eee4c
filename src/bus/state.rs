//! What commits saved: the state topics, read back on assignment. One compacted topic per source topic, with the same partitions.
//!
//! R1  A partition's state is read up to the end that a read-uncommitted client sees, so that nothing committed is missed while a
//!     crashed worker's transaction is still open. The group's committed offsets must have been looked up before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use tracing::{info, warn};

use super::assignment::TopicPartition;
use super::client::{Error, LoggingContext, Properties, TIMEOUT};

/// The key of the record that holds a partition's frontier and position.
pub const STATE_KEY: &[u8] = b"frontier";

const OWNED: &[(&str, &str)] = &[
    ("group.id", "streamgauge.state-reader"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("auto.offset.reset", "earliest"),
    ("fetch.wait.max.ms", "20"),
];

/// After this long without an end, the wait is worth a line in the log.
const SLOW: Duration = Duration::from_secs(5);
/// After this long the assignment fails: the broker aborts abandoned transactions well before.
const PATIENCE: Duration = Duration::from_secs(120);

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

    /// The newest record under [`STATE_KEY`] of each of these partitions of state topics; those without one are left out. `beat` is
    /// called again and again while it waits.
    pub fn read(
        &self,
        partitions: &[TopicPartition],
        beat: &dyn Fn(),
    ) -> Result<BTreeMap<TopicPartition, Vec<u8>>, Error> {
        let started = Instant::now();
        let mut targets = BTreeMap::new();
        let mut assignment = TopicPartitionList::new();
        for name in partitions {
            let ends = self.uncommitted.fetch_watermarks(&name.topic, name.partition, TIMEOUT);
            let (low, high) = ends.map_err(|cause| no_topic(name, cause))?;
            if low < high {
                targets.insert(name.clone(), high);
                let added = assignment.add_partition_offset(&name.topic, name.partition, Offset::Beginning);
                added.map_err(|cause| Error::failed("reading state", cause))?;
            }
        }
        let mut found = BTreeMap::new();
        if targets.is_empty() {
            return Ok(found);
        }
        self.committed.assign(&assignment).map_err(|cause| Error::failed("reading state", cause))?;
        let outcome = self.read_to(&mut targets, &mut found, started, beat);
        self.committed.unassign().map_err(|cause| Error::failed("reading state", cause))?;
        outcome?;
        info!(partitions = partitions.len(), millis = started.elapsed().as_millis(), "read the saved state");
        Ok(found)
    }

    fn read_to(
        &self,
        targets: &mut BTreeMap<TopicPartition, i64>,
        found: &mut BTreeMap<TopicPartition, Vec<u8>>,
        started: Instant,
        beat: &dyn Fn(),
    ) -> Result<(), Error> {
        let mut reported = started;
        while !targets.is_empty() {
            beat();
            match self.committed.poll(Duration::from_millis(20)) {
                Some(Ok(message)) => {
                    if message.key() == Some(STATE_KEY) {
                        let name = TopicPartition { topic: message.topic().to_owned(), partition: message.partition() };
                        found.insert(name, message.payload().unwrap_or_default().to_vec());
                    }
                    continue;
                }
                Some(Err(KafkaError::PartitionEOF(_))) | None => {}
                Some(Err(cause)) => warn!("reading state: {cause}; still trying"),
            }
            self.drop_reached(targets)?;
            if reported.elapsed() > SLOW {
                reported = Instant::now();
                info!(
                    partitions = targets.len(),
                    seconds = started.elapsed().as_secs(),
                    "still reading the saved state"
                );
            }
            if started.elapsed() > PATIENCE {
                return Err(Error::failed(
                    "reading the saved state",
                    KafkaError::MessageConsumption(rdkafka::error::RDKafkaErrorCode::OperationTimedOut),
                ));
            }
        }
        Ok(())
    }

    /// Takes out the partitions that were read to their end.
    fn drop_reached(&self, targets: &mut BTreeMap<TopicPartition, i64>) -> Result<(), Error> {
        let positions = self.committed.position().map_err(|cause| Error::failed("reading state", cause))?;
        for element in positions.elements() {
            let name = TopicPartition { topic: element.topic().to_owned(), partition: element.partition() };
            let reached =
                matches!((element.offset(), targets.get(&name)), (Offset::Offset(at), Some(target)) if at >= *target);
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
