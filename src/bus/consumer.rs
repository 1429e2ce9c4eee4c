//! A member of a consumer group, polled by one thread.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message};

use super::assignment::{Change, GroupContext, LogEnd, TopicPartition};
use super::client::{Error, Properties, StartAt};
use super::native::{Batch, DataQueue, membership};
use crate::model::{Headers, Record};

/// Read-ahead per consumer: enough to ride over a commit, little enough for memory, of which the client takes 330 bytes for each record
/// beside its own. Of short records the number is what limits.
const DEFAULTS: &[(&str, &str)] = &[
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "25000"),
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.min.bytes", "1"),
    ("fetch.wait.max.ms", "100"),
    // The default of 1000 stalls a consumer that is slower than the broker by whole seconds.
    ("fetch.queue.backoff.ms", "2"),
    ("session.timeout.ms", "45000"),
    ("max.poll.interval.ms", "300000"),
    ("client.id", "streamgauge"),
];

const OWNED: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("statistics.interval.ms", "500"),
];

/// For questions that may go unanswered.
const SOON: Duration = Duration::from_secs(1);

/// As whom to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The group.
    pub group: &'a str,
    /// The id of a static member, which the group knows again after a restart.
    pub static_id: Option<&'a str>,
}

/// A member of a consumer group.
pub struct GroupConsumer {
    /// Before the client, so that it is freed before it.
    data: Arc<DataQueue>,
    consumer: BaseConsumer<GroupContext>,
    group: String,
}

impl GroupConsumer {
    /// Joins a group for `topics`; once `stop` is set it does not try for long what a start needs. Partitions arrive while polling.
    pub fn join(
        properties: &Properties,
        member: Member<'_>,
        topics: &[&str],
        start: StartAt,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        let mut config = properties.client_config(DEFAULTS, OWNED);
        config.set("group.id", member.group);
        if let Some(id) = member.static_id {
            config.set("group.instance.id", id);
        }
        let consumer: BaseConsumer<GroupContext> =
            config.create_with_context(GroupContext::new(start, stop)).map_err(|cause| Error::Properties { cause })?;
        let data = Arc::new(DataQueue::new(consumer.client()).ok_or(Error::NoQueue)?);
        consumer.context().send_data_to(Arc::downgrade(&data));
        consumer.subscribe(topics).map_err(|cause| Error::failed(format!("subscribing to {topics:?}"), cause))?;
        Ok(Self { data, consumer, group: member.group.to_owned() })
    }

    /// Serves what the group and the client have to say, one thing a call. Must be called often: group membership depends on it.
    ///
    /// # Errors
    /// See [`ends_reading`].
    pub fn serve(&self) -> Result<(), KafkaError> {
        match self.consumer.poll(Duration::ZERO) {
            None => Ok(()),
            Some(Err(cause)) => Err(cause),
            // Records come by the other queue. Of a partition that was not sent there nothing may be passed over.
            Some(Ok(_)) => Err(KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::State)),
        }
    }

    /// Waits for records, and takes those that are there, up to `most`.
    pub fn read(&self, most: usize, patience: Duration) -> Batch<'_> {
        self.data.read(most, patience)
    }

    /// What the group changed since the last call.
    pub fn take_changes(&self) -> Vec<Change> {
        self.consumer.context().take_changes()
    }

    /// The ends of the partitions that were seen since the last call: twice a second.
    pub fn take_log_ends(&self) -> std::collections::HashMap<TopicPartition, LogEnd> {
        self.consumer.context().take_log_ends()
    }

    /// Whether another client has joined under the same static id, which ends this one for good.
    pub fn is_replaced(&self) -> bool {
        let fatal = self.consumer.client().fatal_error();
        matches!(fatal, Some((RDKafkaErrorCode::FencedInstanceId, _)))
    }

    /// Lets go of partitions that the group wants back: see [`Change::Revoked`].
    ///
    /// # Errors
    /// Those of the client; the partitions are not given back then.
    pub fn release(&self, names: &[TopicPartition]) -> Result<(), Error> {
        let released = self.consumer.context().release(&self.consumer, names);
        released.map_err(|cause| Error::failed("giving partitions back", cause))
    }

    /// Who this member is, for the transaction that commits its offsets; `None` when the group does not know it at present. The broker
    /// takes offsets from a client that is no member, and from one that was put out the client has wiped the name, so this is asked before
    /// and after: what lies between is the same.
    pub(crate) fn group_metadata(&self) -> Option<ConsumerGroupMetadata> {
        let before = membership(self.consumer.client())?;
        let metadata = self.consumer.group_metadata()?;
        (membership(self.consumer.client())? == before).then_some(metadata)
    }

    /// The end of a partition up to which this consumer may read, asked of the bus now; `None` when it does not answer soon.
    pub fn readable_end(&self, name: &TopicPartition) -> Option<i64> {
        self.consumer.fetch_watermarks(&name.topic, name.partition, SOON).ok().map(|(_, end)| end)
    }

    /// How many partitions a topic has.
    pub fn partition_count(&self, topic: &str) -> Result<i32, Error> {
        let metadata = self.consumer.fetch_metadata(Some(topic), super::client::TIMEOUT);
        let metadata =
            metadata.map_err(|cause| Error::failed(format!("asking for the partitions of {topic}"), cause))?;
        let count =
            metadata.topics().iter().find(|found| found.name() == topic).map_or(0, |found| found.partitions().len());
        if count == 0 {
            return Err(Error::NoTopic { topic: topic.to_owned() });
        }
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// The group's name.
    pub fn group(&self) -> &str {
        &self.group
    }
}

impl Drop for GroupConsumer {
    /// Closing the client waits until it has let go of its partitions.
    fn drop(&mut self) {
        self.consumer.context().let_go_at_once(&self.consumer);
    }
}

/// Whether the client does not go on after an error by itself. Without a reset rule of its own (`auto.offset.reset=error`) the client gives up a partition whose next record is gone from the log.
pub fn ends_reading(cause: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AutoOffsetReset, Fatal, State};
    matches!(cause.rdkafka_error_code(), Some(AutoOffsetReset | Fatal | State))
}

/// A message as a record of the model. Without a time stamp it counts as appended at the epoch.
pub fn borrow_record<'a>(message: &'a BorrowedMessage<'_>) -> Record<'a> {
    let mut headers = Headers::default();
    if let Some(native) = message.headers() {
        for index in 0..native.count() {
            if let Some(header) = native.try_get(index) {
                headers.set(header.key, header.value.unwrap_or_default());
            }
        }
    }
    Record {
        offset: message.offset(),
        append_ms: message.timestamp().to_millis().unwrap_or(0),
        key: message.key(),
        value: message.payload().unwrap_or_default(),
        headers,
    }
}
