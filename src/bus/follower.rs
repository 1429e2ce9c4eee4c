//! A topic that is read whole and then followed: all its partitions, from their beginning on, by assignment and without a group.
//!
//! R1  What was committed before [`Follower::catch_up`] was called has been handed over, once, when it returns without an error.
//! R2  After an error it goes on where it was.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Error, LoggingContext, Properties, TIMEOUT, log_error};
use super::plain::{partitions_of, reader};

/// How long one look for the next record takes.
const POLL: Duration = Duration::from_millis(20);

/// Follows one topic.
pub struct Follower {
    consumer: BaseConsumer<LoggingContext>,
    properties: Properties,
    topic: String,
    /// The next offset of each partition that is read.
    next: BTreeMap<i32, i64>,
}

impl Follower {
    /// Connects lazily.
    ///
    /// # Errors
    /// When the client refuses its configuration.
    pub fn new(properties: &Properties, topic: &str) -> Result<Self, Error> {
        let consumer = reader(properties, "read_committed")?;
        Ok(Self { consumer, properties: properties.clone(), topic: topic.to_owned(), next: BTreeMap::new() })
    }

    /// Calls `each` with every committed record up to the end that the topic has now, each partition's in order of offset. When `stop` is
    /// set it returns early, and false.
    ///
    /// # Errors
    /// Those of the bus.
    pub fn catch_up(&mut self, stop: &AtomicBool, each: &mut dyn FnMut(&BorrowedMessage<'_>)) -> Result<bool, Error> {
        let mut ends = self.ends()?;
        let mut heard = Instant::now();
        loop {
            self.drop_reached(&mut ends)?;
            if ends.is_empty() || stop.load(Ordering::Relaxed) {
                return Ok(ends.is_empty());
            }
            // Positions are asked for only when nothing comes.
            while let Some(polled) = self.consumer.poll(POLL) {
                match polled {
                    Ok(message) => {
                        each(&message);
                        self.next.insert(message.partition(), message.offset() + 1);
                        heard = Instant::now();
                    }
                    Err(KafkaError::PartitionEOF(_)) => break,
                    Err(cause) => log_error(&cause, "reading a topic; still trying"),
                }
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
            }
            if heard.elapsed() > TIMEOUT {
                return Err(self.failed(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)));
            }
        }
    }

    /// The end of each partition; those that are new are read from now on.
    fn ends(&mut self) -> Result<BTreeMap<i32, i64>, Error> {
        let mut ends = BTreeMap::new();
        let mut is_new = false;
        for partition in partitions_of(&self.consumer, &self.properties, &self.topic)? {
            let asked = self.consumer.fetch_watermarks(&self.topic, partition, TIMEOUT);
            let (low, high) = asked.map_err(|cause| self.failed(cause))?;
            // Beyond the end: the topic was made anew.
            if self.next.get(&partition).is_none_or(|next| *next > high) {
                self.next.insert(partition, low);
                is_new = true;
            }
            ends.insert(partition, high);
        }
        if is_new {
            let mut assignment = TopicPartitionList::new();
            for (partition, next) in &self.next {
                let added = assignment.add_partition_offset(&self.topic, *partition, Offset::Offset(*next));
                added.map_err(|cause| self.failed(cause))?;
            }
            self.consumer.assign(&assignment).map_err(|cause| self.failed(cause))?;
        }
        Ok(ends)
    }

    /// Takes out the partitions that were read to their end: what lies before it may be no records but the marks of transactions.
    fn drop_reached(&mut self, ends: &mut BTreeMap<i32, i64>) -> Result<(), Error> {
        let positions = self.consumer.position().map_err(|cause| self.failed(cause))?;
        for element in positions.elements() {
            if let (Offset::Offset(at), Some(next)) = (element.offset(), self.next.get_mut(&element.partition())) {
                *next = (*next).max(at);
            }
        }
        ends.retain(|partition, end| self.next.get(partition).is_some_and(|next| next < end));
        Ok(())
    }

    fn failed(&self, cause: KafkaError) -> Error {
        Error::failed(format!("reading {}", self.topic), cause)
    }
}
