//! Commits: one Kafka transaction that holds what was produced and the offsets it was made from (KIP-447).
//!
//! R1  Deliveries are awaited before the commit is asked for, so that the commit itself is short.
//! R2  An abort loses nothing: the caller keeps what it wanted to send until [`TransactionalProducer::commit`] has returned Ok.
//! R3  After a fatal error nobody knows whether the commit came through: the caller drops all that it holds and begins again from what is
//!     saved, with a new producer of the same transactional id, whose registration ends its predecessor's transaction.
//! R4  No outage of the bus holds a commit up for ever: after a minute at most it has failed, whatever the client waits for.
//! R5  A dead letter or late record that is too large for the client is cut, with a header that says so: refused for good, it would make
//!     every commit of its partition fail. Where the broker takes less, that commit ends as in R3, and the next producer cuts deeper.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use tracing::warn;

use super::client::{Error, LoggingContext, Properties};
use super::consumer::GroupConsumer;
use crate::model::record::header;

const DEFAULTS: &[(&str, &str)] = &[
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
    ("queue.buffering.max.messages", "500000"),
    // Compressing takes a third of what a commit costs, and saves a third of its bytes.
    ("compression.type", "none"),
    // A commit begins when everything is ready. Of a process that is lost inside one, the broker undoes it after so long.
    ("transaction.timeout.ms", "10000"),
    ("client.id", "streamgauge"),
];

/// A commit needs to know of no record but the one that was not delivered.
const OWNED: &[(&str, &str)] = &[("enable.idempotence", "true"), ("delivery.report.only.error", "true")];

/// How much of a commit the client holds at a time, in KiB: of more it makes the next record wait. Its copy of what we keep anyway would
/// else be as large as all that is saved at once, and lie in memory from then on.
const BUFFER_KIB: usize = 8 << 10;

/// How long a commit may take until it has failed, and then its undoing. Both together must be less than
/// [`crate::observe::LONGEST_SILENCE`]: an outage of the bus must not look like a stuck worker.
const ATTEMPT: Duration = Duration::from_secs(25);
const UNDOING: Duration = Duration::from_secs(15);
/// How long to wait between two looks at the deliveries that are still under way.
const DELIVERY_PAUSE: Duration = Duration::from_micros(300);

/// What a record takes beside its own bytes, at most, with the few headers it has.
const FRAMING: usize = 1024;
/// No record is cut further than to this.
const LEAST_LONGEST: usize = 4096;

/// A record to be produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub topic: String,
    /// Which partition; `None` = by key.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Vec<u8>,
    /// Headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Outgoing {
    /// As what a producer takes.
    pub fn as_message(&self) -> Message<'_> {
        Message {
            topic: &self.topic,
            partition: self.partition,
            key: self.key.as_deref(),
            value: Some(&self.value),
            headers: &self.headers,
        }
    }

    /// How much memory it takes, roughly.
    pub fn size(&self) -> usize {
        self.as_message().size()
    }
}

/// A record to be produced, borrowed from whoever keeps it until it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where to.
    pub topic: &'a str,
    /// Which partition; `None` = by key.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: &'a [(String, Vec<u8>)],
}

impl<'a> Message<'a> {
    fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.value.map_or(0, <[u8]>::len) + self.key.map_or(0, <[u8]>::len) + headers + 64
    }

    /// A dead letter or late record that takes more than `limit` bytes, cut to them (R5); `None` where nothing is to be cut. Keys and
    /// headers are cut too, should they be that long, so that something is left of each.
    fn cut_to(&self, limit: usize) -> Option<Outgoing> {
        let may_be_cut = self.headers.iter().any(|(name, _)| name == header::REASON);
        if !may_be_cut || self.size() <= limit {
            return None;
        }
        let shorter = |bytes: &[u8], most: usize| bytes.get(..most).unwrap_or(bytes).to_vec();
        let whole = self.value.unwrap_or_default();
        let mut cut = Outgoing {
            topic: self.topic.to_owned(),
            partition: self.partition,
            key: self.key.map(|key| shorter(key, limit / 4)),
            value: Vec::new(),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), shorter(value, limit / 32))).collect(),
        };
        cut.headers.push((header::WHOLE_BYTES.to_owned(), whole.len().to_string().into_bytes()));
        cut.value = shorter(whole, limit.saturating_sub(cut.size()));
        Some(cut)
    }

    pub(super) fn to_record(self) -> BaseRecord<'a, [u8], [u8]> {
        let mut record = BaseRecord::to(self.topic);
        if let Some(value) = self.value {
            record = record.payload(value);
        }
        if let Some(key) = self.key {
            record = record.key(key);
        }
        if let Some(partition) = self.partition {
            record = record.partition(partition);
        }
        if !self.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(self.headers.len());
            for (key, value) in self.headers {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            record = record.headers(headers);
        }
        record
    }
}

/// The offset that a partition is to be resumed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitOffset<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
}

/// Why a commit did not happen. Nothing of it is visible.
#[derive(Debug, thiserror::Error)]
pub enum Abort {
    /// The group has moved on without this member, or a passing fault: poll, then try again.
    #[error("the transaction was aborted ({0}); it will be tried again")]
    Again(KafkaError),
    /// The producer is of no further use, and whether the commit came through is not known (R3).
    #[error("the transactional producer ended ({0})")]
    Fatal(KafkaError),
    /// Not a member of the group at present.
    #[error("not a member of the group at present")]
    NotMember,
}

impl Abort {
    /// The class, as a metric label.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Again(_) => "abort",
            Self::Fatal(_) => "fatal",
            Self::NotMember => "not_member",
        }
    }
}

/// What may be cut is cut to this (R5); shared by all who hold a clone.
#[derive(Clone, Debug)]
pub struct LongestRecord(Arc<AtomicUsize>);

impl LongestRecord {
    /// What the client takes.
    pub fn new(properties: &Properties) -> Self {
        let bytes = properties.longest_record().saturating_sub(FRAMING).max(LEAST_LONGEST);
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// The broker has refused a record for its size, and does not say what it takes: the next try cuts much deeper, so that few fail.
    fn lower(&self) {
        let bytes = (self.bytes() / 8).max(LEAST_LONGEST);
        self.0.store(bytes, Ordering::Relaxed);
        warn!(
            "the broker refuses a record for its size: dead letters and late records are cut to {bytes} bytes from now on; raise `max.message.bytes` of their topics to that of the source topics, then restart"
        );
    }
}

/// A producer whose records become visible together with the offsets they were made from, or not at all.
pub struct TransactionalProducer {
    producer: Arc<BaseProducer<LoggingContext>>,
    brokers: String,
    transactional_id: String,
    longest: LongestRecord,
}

impl TransactionalProducer {
    /// Connects lazily. [`Self::register`] must succeed before the first commit. `longest` is what its predecessors of the same id have learnt.
    pub fn new(properties: &Properties, transactional_id: &str, longest: LongestRecord) -> Result<Self, Error> {
        // The longest record must find room, however long an operator lets it be.
        let buffer_kib = BUFFER_KIB.max(properties.longest_record() / 512).to_string();
        let defaults = [DEFAULTS, &[("queue.buffering.max.kbytes", buffer_kib.as_str())]].concat();
        let mut config = properties.client_config(&defaults, OWNED);
        config.set("transactional.id", transactional_id);
        let producer =
            config.create_with_context(LoggingContext::default()).map_err(|cause| Error::Properties { cause })?;
        let brokers = properties.brokers().to_owned();
        Ok(Self { producer: Arc::new(producer), brokers, transactional_id: transactional_id.to_owned(), longest })
    }

    /// Registers the transactional id, which fences an earlier producer of that id and aborts what it left open. After a time-out
    /// it may be called again and goes on where it was.
    pub fn register(&self, patience: Duration) -> Result<(), Error> {
        let registered = self.producer.init_transactions(patience);
        self.producer.poll(DELIVERY_PAUSE);
        registered.map_err(|cause| match &cause {
            KafkaError::Transaction(inner) if inner.is_retriable() => {
                Error::unanswered(&self.brokers, cause, self.producer.context())
            }
            _ => Error::failed(format!("registering the transactional id {}", self.transactional_id), cause),
        })
    }

    /// Produces `records` and commits `offsets` for the group of `consumer`, all or nothing.
    pub fn commit<'a>(
        &self,
        consumer: &GroupConsumer,
        records: impl Iterator<Item = Message<'a>>,
        offsets: &[CommitOffset<'_>],
    ) -> Result<(), Abort> {
        self.commit_as(consumer.group_metadata(), records, offsets)
    }

    /// The same in the name of this member of a group.
    pub(super) fn commit_as<'a>(
        &self,
        metadata: Option<ConsumerGroupMetadata>,
        records: impl Iterator<Item = Message<'a>>,
        offsets: &[CommitOffset<'_>],
    ) -> Result<(), Abort> {
        let metadata = metadata.ok_or(Abort::NotMember)?;
        let Err(cause) = self.attempt(records, Some((metadata, offsets))) else { return Ok(()) };
        if self.is_refused_for_size() {
            self.longest.lower();
        }
        Err(self.give_up(cause))
    }

    /// Produces `records`, all or nothing, without offsets of a group.
    pub fn commit_records<'a>(&self, records: impl Iterator<Item = Message<'a>>) -> Result<(), Abort> {
        self.attempt(records, None).map_err(|cause| self.give_up(cause))
    }

    fn is_refused_for_size(&self) -> bool {
        self.producer.context().undelivered() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
    }

    /// Undoes an attempt that failed, if it can be undone.
    fn give_up(&self, cause: KafkaError) -> Abort {
        // What waits behind a record that was refused for its size is reported to nobody, so an abort would not end.
        if is_fatal(&cause) || self.is_refused_for_size() {
            return Abort::Fatal(cause);
        }
        match self.producer.abort_transaction(UNDOING) {
            Ok(()) => Abort::Again(cause),
            Err(_) => Abort::Fatal(cause),
        }
    }

    fn attempt<'a>(
        &self,
        records: impl Iterator<Item = Message<'a>>,
        offsets: Option<(ConsumerGroupMetadata, &[CommitOffset<'_>])>,
    ) -> Result<(), KafkaError> {
        let deadline = Instant::now() + ATTEMPT;
        self.producer.context().forget_undelivered();
        self.producer.begin_transaction()?;
        for record in records {
            self.send(record, deadline)?;
        }
        self.await_deliveries(deadline)?;
        if let Some((metadata, offsets)) = offsets {
            let mut list = TopicPartitionList::with_capacity(offsets.len());
            for one in offsets {
                list.add_partition_offset(one.topic, one.partition, Offset::Offset(one.offset))?;
            }
            self.send_offsets(list, metadata, deadline)?;
        }
        retry(deadline, || self.producer.commit_transaction(remaining(deadline)))
    }

    /// On a thread of its own, which is left behind at the deadline, with the producer: when the broker goes while the group coordinator is
    /// asked, librdkafka (2.12.1) waits for that answer without end, whatever time-out it was given (R4).
    fn send_offsets(
        &self,
        offsets: TopicPartitionList,
        metadata: ConsumerGroupMetadata,
        deadline: Instant,
    ) -> Result<(), KafkaError> {
        let producer = Arc::clone(&self.producer);
        let (answer, answered) = sync_channel(1);
        let asking = move || {
            let send = || producer.send_offsets_to_transaction(&offsets, &metadata, remaining(deadline));
            let outcome = retry(deadline, send);
            // Before the answer, so that whoever has it is the producer's only owner again.
            drop(producer);
            // Nobody listens after the deadline.
            drop(answer.send(outcome));
        };
        let spawned = thread::Builder::new().name("offsets".to_owned()).spawn(asking);
        spawned.map_err(|_| KafkaError::ConsumerCommit(RDKafkaErrorCode::CriticalSystemResource))?;
        let timed_out = |_| KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut);
        answered.recv_timeout(remaining(deadline)).map_err(timed_out)?
    }

    fn send(&self, outgoing: Message<'_>, deadline: Instant) -> Result<(), KafkaError> {
        let cut = outgoing.cut_to(self.longest.bytes());
        let mut record = cut.as_ref().map_or(outgoing, Outgoing::as_message).to_record();
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    self.await_progress()?;
                    record = back;
                }
                Err((cause, _)) => return Err(cause),
            }
        }
    }

    /// One delivery that failed is enough to make the commit fail, and what is still waiting then would wait until the abort.
    fn await_deliveries(&self, deadline: Instant) -> Result<(), KafkaError> {
        while self.producer.in_flight_count() > 0 {
            if Instant::now() > deadline {
                return Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut));
            }
            self.await_progress()?;
        }
        Ok(())
    }

    /// Gives deliveries under way a moment. Polling with patience would ask without a pause, because the bus crate does so in the last
    /// millisecond.
    fn await_progress(&self) -> Result<(), KafkaError> {
        self.producer.poll(Duration::ZERO);
        if let Some(cause) = self.producer.context().undelivered() {
            return Err(KafkaError::MessageProduction(cause));
        }
        thread::park_timeout(DELIVERY_PAUSE);
        Ok(())
    }
}

/// Repeats an operation that the client says may be repeated.
fn retry(deadline: Instant, operation: impl Fn() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    loop {
        match operation() {
            Err(KafkaError::Transaction(cause)) if cause.is_retriable() && Instant::now() < deadline => {}
            answer => return answer,
        }
    }
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn is_fatal(cause: &KafkaError) -> bool {
    match cause {
        KafkaError::Transaction(inner) => inner.is_fatal(),
        _ => matches!(cause.rdkafka_error_code(), Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced)),
    }
}
