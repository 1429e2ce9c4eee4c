//! Records outside transactions: ticks, simulated viewers, replays to the bus; and whole topics read once, for dumps.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::client::{Error, LoggingContext, Properties, TIMEOUT, log_error};
use super::transaction::Outgoing;

const DEFAULTS: &[(&str, &str)] = &[
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
    ("queue.buffering.max.messages", "500000"),
    ("compression.type", "lz4"),
    ("client.id", "streamgauge"),
    ("partitioner", "murmur2_random"),
];

/// What was delivered is of no interest, only what was not.
const OWNED: &[(&str, &str)] = &[("enable.idempotence", "true"), ("delivery.report.only.error", "true")];

/// How long to wait between two looks at a transaction that is still open.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Counts deliveries that failed for good.
#[derive(Clone, Default)]
struct CountingContext {
    failed: Arc<AtomicU64>,
}

impl ClientContext for CountingContext {
    fn error(&self, cause: KafkaError, reason: &str) {
        log_error(&cause, reason);
    }
}

impl ProducerContext for CountingContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: Self::DeliveryOpaque) {
        if let Err((cause, message)) = result {
            self.failed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(topic = message.topic(), "a record was not delivered: {cause}");
        }
    }
}

/// A producer without transactions. What the client has to say is heard at each call: a thread of the bus crate's own for that
/// would take a hundredth of a core even of an idle process, because it waits in turns that end with a millisecond of asking.
pub struct PlainProducer {
    producer: BaseProducer<CountingContext>,
    context: CountingContext,
}

impl PlainProducer {
    /// Connects lazily.
    pub fn new(properties: &Properties) -> Result<Self, Error> {
        Self::with(properties, &[])
    }

    /// For records that are worth nothing later: what is not delivered within a few seconds is given up.
    pub fn fleeting(properties: &Properties) -> Result<Self, Error> {
        Self::with(properties, &[("message.timeout.ms", "5000")])
    }

    fn with(properties: &Properties, more: &[(&str, &str)]) -> Result<Self, Error> {
        let config = properties.client_config(DEFAULTS, &[OWNED, more].concat());
        let context = CountingContext::default();
        let producer = config.create_with_context(context.clone()).map_err(|cause| Error::Properties { cause })?;
        Ok(Self { producer, context })
    }

    /// Hands a record over; waits while the queue is full. `create_ms` is its time stamp on topics that take the producer's.
    pub fn send(&self, outgoing: &Outgoing, create_ms: Option<i64>) -> Result<(), Error> {
        let mut record: BaseRecord<'_, [u8], [u8]> = outgoing.as_message().to_record();
        if let Some(millis) = create_ms {
            record = record.timestamp(millis);
        }
        self.listen();
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    std::thread::park_timeout(Duration::from_millis(1));
                    self.listen();
                    record = back;
                }
                Err((cause, _)) => return Err(Error::failed(format!("producing to {}", outgoing.topic), cause)),
            }
        }
    }

    /// Hears what the client has to say. To be called now and then where nothing is sent.
    pub fn listen(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until everything is delivered, and says how many records were not.
    pub fn flush(&self, timeout: Duration) -> Result<u64, Error> {
        self.producer.flush(timeout).map_err(|cause| Error::failed("delivering the last records", cause))?;
        Ok(self.context.failed.load(Ordering::Relaxed))
    }
}

/// Calls `each` with every committed record of a topic that lies before its present end, partition by partition in order of offset,
/// and returns how many there were.
pub fn read_topic(
    properties: &Properties,
    topic: &str,
    each: &mut dyn FnMut(&BorrowedMessage<'_>) -> std::io::Result<()>,
) -> Result<u64, Error> {
    let consumer = reader(properties, "read_committed")?;
    let mut records = 0;
    for partition in partitions_of(&consumer, properties, topic)? {
        records += read_partition(&consumer, topic, partition, Offset::Beginning, each)?;
    }
    Ok(records)
}

/// The same for one partition, from an offset on.
pub fn read_topic_from(
    properties: &Properties,
    topic: &str,
    (partition, offset): (i32, i64),
    each: &mut dyn FnMut(&BorrowedMessage<'_>) -> std::io::Result<()>,
) -> Result<u64, Error> {
    let consumer = reader(properties, "read_committed")?;
    if !partitions_of(&consumer, properties, topic)?.contains(&partition) {
        return Ok(0);
    }
    read_partition(&consumer, topic, partition, Offset::Offset(offset), each)
}

/// Waits until every transaction is over that has records in a topic at present, so that a reader to its end sees all that was
/// committed before this call. The broker ends those that their producers have abandoned.
pub fn await_transactions(properties: &Properties, topic: &str, patience: Duration) -> Result<(), Error> {
    let deadline = Instant::now() + patience;
    let (committed, uncommitted) = (reader(properties, "read_committed")?, reader(properties, "read_uncommitted")?);
    for partition in partitions_of(&committed, properties, topic)? {
        let end = |reader: &BaseConsumer<LoggingContext>| {
            let ends = reader.fetch_watermarks(topic, partition, TIMEOUT);
            ends.map(|(_, high)| high).map_err(|cause| Error::failed(format!("reading {topic}/{partition}"), cause))
        };
        let target = end(&uncommitted)?;
        while end(&committed)? < target {
            if Instant::now() > deadline {
                return Err(Error::OpenTransaction { topic: topic.to_owned(), partition });
            }
            std::thread::park_timeout(LOOK_PAUSE);
        }
    }
    Ok(())
}

/// A consumer that belongs to no group.
pub(super) fn reader(properties: &Properties, isolation: &str) -> Result<BaseConsumer<LoggingContext>, Error> {
    let owned = [
        ("group.id", "streamgauge.dump"),
        ("enable.auto.commit", "false"),
        ("enable.partition.eof", "true"),
        ("isolation.level", isolation),
        ("auto.offset.reset", "earliest"),
    ];
    // The end of a partition is told by an answer without records, and the broker waits so long before it gives one.
    let config = properties.client_config(&[("client.id", "streamgauge"), ("fetch.wait.max.ms", "20")], &owned);
    config.create_with_context(LoggingContext::default()).map_err(|cause| Error::Properties { cause })
}

pub(super) fn partitions_of(
    consumer: &BaseConsumer<LoggingContext>,
    properties: &Properties,
    topic: &str,
) -> Result<Vec<i32>, Error> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT);
    let metadata = metadata.map_err(|cause| Error::Unreachable { brokers: properties.brokers().to_owned(), cause })?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && !found.partitions().is_empty());
    let found = found.ok_or_else(|| Error::NoTopic { topic: topic.to_owned() })?;
    Ok(found.partitions().iter().map(|partition| partition.id()).collect())
}

fn read_partition(
    consumer: &BaseConsumer<LoggingContext>,
    topic: &str,
    partition: i32,
    from: Offset,
    each: &mut dyn FnMut(&BorrowedMessage<'_>) -> std::io::Result<()>,
) -> Result<u64, Error> {
    let failed = |cause| Error::failed(format!("reading {topic}/{partition}"), cause);
    let (low, high) = consumer.fetch_watermarks(topic, partition, TIMEOUT).map_err(failed)?;
    if low >= high {
        return Ok(0);
    }
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, partition, from).map_err(failed)?;
    consumer.assign(&assignment).map_err(failed)?;
    let mut records = 0;
    let mut last_progress = Instant::now();
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                if message.offset() >= high {
                    break;
                }
                each(&message)?;
                records += 1;
                last_progress = Instant::now();
            }
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(cause)) => return Err(failed(cause)),
            None if last_progress.elapsed() > TIMEOUT => {
                return Err(failed(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)));
            }
            None => {}
        }
    }
    consumer.unassign().map_err(failed)?;
    Ok(records)
}
