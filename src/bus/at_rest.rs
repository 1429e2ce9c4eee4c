//! A consumer group at rest: its offsets and what belongs to them, changed from outside, together.
//!
//! R1  Only a group without members is touched: a member would go on from what it has in memory, and commit that.
//! R2  Offsets and records become visible together or not at all. A member that was put out, and comes back, is fenced by the group.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Error, LoggingContext, Properties, TIMEOUT};
use super::transaction::{CommitOffset, LongestRecord, Message, TransactionalProducer};

/// How long registering the transactional id may take: a transaction that a crashed process left open is ended first.
const REGISTER: Duration = Duration::from_secs(30);

/// A group that has no member.
pub struct GroupAtRest {
    consumer: BaseConsumer<LoggingContext>,
    properties: Properties,
    group: String,
}

impl GroupAtRest {
    /// Looks at the group.
    ///
    /// # Errors
    /// When it has members, or the bus does not answer.
    pub fn find(properties: &Properties, group: &str) -> Result<Self, Error> {
        let owned = [("group.id", group), ("enable.auto.commit", "false"), ("isolation.level", "read_committed")];
        let config = properties.client_config(&[("client.id", "streamgauge")], &owned);
        let consumer: BaseConsumer<LoggingContext> =
            config.create_with_context(LoggingContext::quiet()).map_err(|cause| Error::Properties { cause })?;
        let found = Self { consumer, properties: properties.clone(), group: group.to_owned() };
        found.prove_rest()?;
        Ok(found)
    }

    fn prove_rest(&self) -> Result<(), Error> {
        let asked = self.consumer.fetch_group_list(Some(&self.group), TIMEOUT);
        let groups =
            asked.map_err(|cause| Error::unanswered(self.properties.brokers(), cause, self.consumer.context()))?;
        let members =
            groups.groups().iter().filter(|one| one.name() == self.group).map(|one| one.members().len()).sum();
        match members {
            0 => Ok(()),
            members => Err(Error::GroupBusy { group: self.group.clone(), members }),
        }
    }

    /// The committed offset of each partition of a topic, by number; `None` where there is none.
    pub fn committed(&self, topic: &str, partitions: i32) -> Result<Vec<Option<i64>>, Error> {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(topic, partition);
        }
        let answer = self.consumer.committed_offsets(list, TIMEOUT);
        let answer = answer.map_err(|cause| Error::failed("asking for committed offsets", cause))?;
        Ok(by_number(&answer, topic, partitions))
    }

    /// For each partition of a topic, by number: the first offset whose record was appended at or after a time, in ms since the Unix
    /// epoch; the end of the log where there is none. Beside it where the log begins.
    pub fn offsets_at(&self, topic: &str, partitions: i32, time_ms: i64) -> Result<Vec<Found>, Error> {
        let failed = |cause| Error::failed(format!("looking for offsets of {topic} by time"), cause);
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Offset(time_ms)).map_err(failed)?;
        }
        let answer = self.consumer.offsets_for_times(list, TIMEOUT).map_err(failed)?;
        let mut found = Vec::new();
        for (partition, offset) in (0..partitions).zip(by_number(&answer, topic, partitions)) {
            let (low, high) = self.consumer.fetch_watermarks(topic, partition, TIMEOUT).map_err(failed)?;
            found.push(Found { offset: offset.unwrap_or(high), low, high });
        }
        Ok(found)
    }

    /// Writes `records` and sets the group's offsets, all or nothing.
    ///
    /// # Errors
    /// When the group has members by now, or the broker refuses; then nothing has changed.
    pub fn rewrite<'a>(
        &self,
        records: impl Iterator<Item = Message<'a>>,
        offsets: &[CommitOffset<'_>],
    ) -> Result<(), Error> {
        let transactional_id = format!("{}.reset", self.group);
        let longest = LongestRecord::new(&self.properties);
        let producer = TransactionalProducer::new(&self.properties, &transactional_id, longest)?;
        producer.register(REGISTER)?;
        self.prove_rest()?;
        let metadata = self.consumer.group_metadata();
        // The broker takes offsets from who is no member as long as the group has none.
        let outcome = producer.commit_as(metadata, records, offsets);
        outcome.map_err(|abort| Error::NotRewritten { group: self.group.clone(), reason: abort.to_string() })
    }
}

/// What was found of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The offset looked for.
    pub offset: i64,
    /// Where the log begins.
    pub low: i64,
    /// Where it ends.
    pub high: i64,
}

fn by_number(list: &TopicPartitionList, topic: &str, partitions: i32) -> Vec<Option<i64>> {
    let offset = |partition| match list.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    (0..partitions).map(offset).collect()
}
