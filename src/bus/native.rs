//! What the bus crate has no safe call for: records in batches, and who a member is. Here, and nowhere else in the crate, is `unsafe` code.
//!
//! Records of all assigned partitions are taken from the client in batches: half the cost of taking them one by one, because the client
//! locks, reads the clock and makes an event of its own once a batch, not once a record.
//!
//! R1  Only data comes this way. The partitions' queues are forwarded into one queue of ours; group events and statistics stay on the
//!     consumer's queue, where its own poll serves them.
//! R2  A message lives as long as its batch, a batch as long as the borrow of its queue; each is freed exactly once.
//! R3  Whether a record has headers is asked of the client only where it does not show: see [`Fetched::is_bare`].
//! R4  A member has a name and a generation that the group has given it. The broker takes offsets from who has neither, so a commit
//!     must look first.

#![allow(unsafe_code, reason = "the client's calls for these are only there as C functions")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{NonNull, null, null_mut};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_consumer_group_metadata, rd_kafka_consumer_group_metadata_destroy,
    rd_kafka_consumer_group_metadata_generation_id, rd_kafka_consumer_group_metadata_member_id,
    rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_message_destroy, rd_kafka_message_headers,
    rd_kafka_message_leader_epoch, rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_queue_destroy,
    rd_kafka_queue_forward, rd_kafka_queue_get_partition, rd_kafka_queue_new, rd_kafka_queue_t,
    rd_kafka_timestamp_type_t, rd_kafka_topic_name,
};
use rdkafka::client::Client;
use rdkafka::error::{IsError as _, KafkaError};

use crate::model::{Headers, Record};

/// The queue into which the partitions' queues are forwarded. Must go before the client that it belongs to.
pub(super) struct DataQueue(NonNull<rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used from any thread, and from several at once.
unsafe impl Send for DataQueue {}
// SAFETY: as above.
unsafe impl Sync for DataQueue {}

impl DataQueue {
    /// A queue of this client.
    pub(super) fn new<C: ClientContext>(client: &Client<C>) -> Option<Self> {
        // SAFETY: the pointer is of a living client; null is checked for.
        NonNull::new(unsafe { rd_kafka_queue_new(client.native_ptr()) }).map(Self)
    }

    /// Lets a partition's records come here. To be called before the partition is assigned.
    pub(super) fn take_in<C: ClientContext>(&self, client: &Client<C>, topic: &str, partition: i32) {
        // A name with a zero byte cannot be that of a topic.
        let Ok(topic) = CString::new(topic) else { return };
        // SAFETY: the client lives, the name ends with zero; the partition's queue is a reference of our own, given back at once; the
        // partition keeps a reference to where it is forwarded.
        unsafe {
            let source = rd_kafka_queue_get_partition(client.native_ptr(), topic.as_ptr(), partition);
            if !source.is_null() {
                rd_kafka_queue_forward(source, self.0.as_ptr());
                rd_kafka_queue_destroy(source);
            }
        }
    }

    /// Waits for the first record, and takes what is there, up to `most`.
    pub(super) fn read(&self, most: usize, patience: Duration) -> Batch<'_> {
        let mut messages: Vec<*mut rd_kafka_message_t> = vec![null_mut(); most];
        let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the array has room for `most` pointers; of those, as many as returned are valid and ours.
        let count = unsafe { rd_kafka_consume_batch_queue(self.0.as_ptr(), millis, messages.as_mut_ptr(), most) };
        messages.truncate(usize::try_from(count).unwrap_or(0));
        Batch { messages, queue: PhantomData }
    }
}

impl Drop for DataQueue {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_queue_new`, and destroyed only here.
        unsafe { rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// Messages, freed together.
pub struct Batch<'q> {
    messages: Vec<*mut rd_kafka_message_t>,
    queue: PhantomData<&'q DataQueue>,
}

impl Batch<'_> {
    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The messages, each partition's in order.
    pub fn iter(&self) -> impl Iterator<Item = Fetched<'_>> {
        // SAFETY: every pointer is a valid message until the batch is dropped, and this borrows the batch.
        let message = |message: &*mut rd_kafka_message_t| unsafe { &**message };
        let next = self.messages.iter().skip(1).map(move |next| Some(message(next))).chain([None]);
        self.messages.iter().map(message).zip(next).map(|(message, next)| Fetched { message, next })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in &self.messages {
            // SAFETY: each is ours, and freed only here.
            unsafe { rd_kafka_message_destroy(*message) }
        }
    }
}

/// Tells topics apart without comparing names: valid as long as the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicHandle(usize);

/// The most bytes of a record that stand before its key, and before its value when it has no key (record format 2: length, attributes,
/// differences of time and offset, and the lengths of both), and the number of headers of the record before.
const BETWEEN: usize = 1 + 5 + 1 + 10 + 5 + 5 + 5;

/// A message of a batch.
pub struct Fetched<'b> {
    message: &'b rd_kafka_message_t,
    /// The one behind it in the batch.
    next: Option<&'b rd_kafka_message_t>,
}

impl<'b> Fetched<'b> {
    /// What the client says instead of a record.
    pub fn error(&self) -> Option<KafkaError> {
        self.message.err.is_error().then(|| KafkaError::MessageConsumption(self.message.err.into()))
    }

    /// The topic, to compare.
    pub fn topic_handle(&self) -> TopicHandle {
        TopicHandle(self.message.rkt as usize)
    }

    /// The topic's name.
    pub fn topic(&self) -> &'b str {
        if self.message.rkt.is_null() {
            return "";
        }
        // SAFETY: the topic lives as long as the message, and its name ends with zero.
        unsafe { CStr::from_ptr(rd_kafka_topic_name(self.message.rkt)) }.to_str().unwrap_or_default()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.message.partition
    }

    /// As a record of the model. Without a time stamp it counts as appended at the epoch.
    pub fn record(&self) -> Record<'b> {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid; the kind is written, not read.
        let append_ms = unsafe { rd_kafka_message_timestamp(self.message, &raw mut kind) };
        Record {
            offset: self.message.offset,
            append_ms: append_ms.max(0),
            // SAFETY: pointer and length are of one buffer, which lives as long as the message.
            key: unsafe { bytes(self.message.key, self.message.key_len) },
            // SAFETY: as above.
            value: unsafe { bytes(self.message.payload, self.message.len) }.unwrap_or_default(),
            headers: self.headers(),
        }
    }

    /// Whether it shows that the record has no headers. The client takes as many instructions to say so as it takes to fetch the record,
    /// and two allocations. In record format 2, the only one that has leader epochs, the number of headers stands right behind the value,
    /// and behind that the next record begins; the client leaves records where it received them.
    fn is_bare(&self) -> bool {
        let (message, Some(next)) = (self.message, self.next) else { return false };
        let next_begins = if next.key.is_null() { next.payload } else { next.key };
        if message.payload.is_null() || next_begins.is_null() {
            return false;
        }
        let end = (message.payload as usize).saturating_add(message.len);
        let distance = (next_begins as usize).wrapping_sub(end);
        if distance == 0 || distance > BETWEEN {
            return false;
        }
        // SAFETY: the message is valid.
        if unsafe { rd_kafka_message_leader_epoch(message) } < 0 {
            return false;
        }
        // SAFETY: the byte lies between the data of two records that the batch holds, within few bytes of both: in the buffer that they were
        // received in, or where one such buffer ends and the other begins.
        unsafe { message.payload.cast::<u8>().add(message.len).read() == 0 }
    }

    fn headers(&self) -> Headers<'b> {
        let mut headers = Headers::default();
        if self.is_bare() {
            return headers;
        }
        let mut native: *mut rd_kafka_headers_t = null_mut();
        // SAFETY: the message is valid; the headers belong to it and live as long.
        let found = unsafe { rd_kafka_message_headers(self.message, &raw mut native) };
        if found.is_error() {
            return headers;
        }
        for index in 0.. {
            let (mut name, mut value, mut size): (*const c_char, *const c_void, usize) = (null(), null(), 0);
            // SAFETY: the headers are valid; past the last one an error is returned and nothing is written.
            let got = unsafe { rd_kafka_header_get_all(native, index, &raw mut name, &raw mut value, &raw mut size) };
            if got.is_error() || name.is_null() {
                break;
            }
            // SAFETY: the name ends with zero, the value has `size` bytes; both live as long as the message.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, size)) };
            headers.set(name.to_str().unwrap_or_default(), value.unwrap_or_default());
        }
        headers
    }
}

/// Who the group says that a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    generation: i32,
    member: String,
}

/// The client's present membership; `None` when the group has not let it in, or has put it out (R4).
pub(super) fn membership<C: ClientContext>(client: &Client<C>) -> Option<Membership> {
    // SAFETY: the client lives; null is checked for; what is returned is ours until it is destroyed here; the name is copied before.
    let found = unsafe {
        let metadata = rd_kafka_consumer_group_metadata(client.native_ptr());
        if metadata.is_null() {
            return None;
        }
        let generation = rd_kafka_consumer_group_metadata_generation_id(metadata);
        let member = rd_kafka_consumer_group_metadata_member_id(metadata);
        let member = if member.is_null() { "" } else { CStr::from_ptr(member).to_str().unwrap_or_default() };
        let found = Membership { generation, member: member.to_owned() };
        rd_kafka_consumer_group_metadata_destroy(metadata);
        found
    };
    (found.generation >= 0 && !found.member.is_empty()).then_some(found)
}

/// # Safety
/// `start` is null, or `length` bytes from it on are valid for `'b`.
unsafe fn bytes<'b>(start: *const c_void, length: usize) -> Option<&'b [u8]> {
    // SAFETY: the caller's promise.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rdkafka::TopicPartitionList;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};

    use super::*;
    use crate::bus::{InProcessBroker, Outgoing, PlainProducer};
    use crate::model::record::header;

    /// Records with and without headers, keys and values, behind one another in one batch.
    fn outgoing(number: usize) -> Outgoing {
        let tenant = (header::TENANT.to_owned(), format!("tenant-{number}").into_bytes());
        Outgoing {
            topic: "records".to_owned(),
            partition: Some(0),
            key: (!number.is_multiple_of(4)).then(|| b"key".to_vec()),
            value: vec![b'v'; number % 5 * 7],
            headers: if number.is_multiple_of(3) { vec![tenant] } else { Vec::new() },
        }
    }

    #[test]
    fn headers_are_found_and_mostly_it_shows_that_there_are_none() {
        let broker = InProcessBroker::start(&[("records", 1)]).unwrap();
        let producer = PlainProducer::new(&broker.properties()).unwrap();
        (0..60).for_each(|number| producer.send(&outgoing(number), None).unwrap());
        assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
        let config =
            broker.properties().client_config(&[], &[("group.id", "readers"), ("enable.auto.commit", "false")]);
        let consumer: BaseConsumer = config.create().unwrap();
        let queue = DataQueue::new(consumer.client()).unwrap();
        queue.take_in(consumer.client(), "records", 0);
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset("records", 0, rdkafka::Offset::Beginning).unwrap();
        consumer.assign(&assignment).unwrap();
        let (mut read, mut bare) = (0, 0);
        while read < 60 {
            let batch = queue.read(60, Duration::from_secs(10));
            assert!(!batch.is_empty(), "{read} of 60 came");
            for fetched in batch.iter() {
                let (expected, record) = (outgoing(read), fetched.record());
                assert_eq!((record.key, record.value), (expected.key.as_deref(), &*expected.value));
                let tenant = expected.headers.first().map(|(_, name)| str::from_utf8(name).unwrap());
                assert_eq!(record.headers, Headers { tenant, ..Headers::default() }, "record {read}");
                (read, bare) = (read + 1, bare + usize::from(fetched.is_bare()));
            }
        }
        // 40 of them have none; it does not show of the eight whose value is empty, perhaps, nor of those that end a batch.
        assert!((20..=40).contains(&bare), "{bare}");
    }
}
