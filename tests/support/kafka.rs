//! A real Apache Kafka broker for a test.

use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::starter::{Starter, free_ports};
use super::{block_on, skip_or_fail};

/// How long a running broker may take for a small answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A running broker. It is stopped, and its data removed, on drop.
pub struct Kafka {
    starter: Starter,
    /// What the starter is told, each time.
    settings: Vec<(&'static str, String)>,
    /// What clients call `bootstrap.servers`.
    pub address: String,
    /// The same for clients that log in: PLAIN `alice`/`alice-secret`, SCRAM-SHA-256 `bob`/`bob-secret`.
    pub sasl_address: String,
}

impl Kafka {
    /// A broker of the test's own, for tests that stop it or count on it being empty: some seconds. `None`: the test is skipped.
    pub fn start() -> Option<Self> {
        Self::start_with(free_ports(3), Vec::new())
    }

    /// The same for clients behind a proxy: also the port at which the proxy must listen, and the one to which it must pass on.
    pub fn start_behind_proxy() -> Option<(Self, u16, u16)> {
        let port = free_ports(5);
        let (listener, proxy) = (port + 3, port + 4);
        let kafka = Self::start_with(port, vec![("KAFKA_PROXY", proxy.to_string())])?;
        Some((kafka, proxy, listener))
    }

    fn start_with(port: u16, mut settings: Vec<(&'static str, String)>) -> Option<Self> {
        settings.push(("KAFKA_HEAP", "384m".to_owned()));
        let starter = Starter::new("kafka.sh", port);
        if let Some(missing) = starter.missing() {
            skip_or_fail("Kafka", &missing);
            return None;
        }
        let mut kafka = Self { starter, settings, address: String::new(), sasl_address: String::new() };
        kafka.address = kafka.up(&[]).trim().to_owned();
        kafka.sasl_address = format!("127.0.0.1:{}", port + 2);
        Some(kafka)
    }

    /// The broker that all tests of one file share, each with topics of its own name; stopped when the test process ends.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        let kafka = SHARED.get_or_init(Self::start).as_ref();
        if kafka.is_none() {
            skip_or_fail("Kafka", "see the first skipped test");
        }
        kafka
    }

    /// Stops the broker and keeps what it holds.
    pub fn stop(&self) {
        self.starter.down(&["--keep"]);
    }

    /// Kills the broker and keeps what it holds. No transaction should be open then, nor when it is stopped: a broker that is the only one
    /// can end such a transaction in its book and forget the mark in one of its partitions (seen with 4.3.1, in its logs). Nobody who reads
    /// what is committed gets past it until an administrator aborts it.
    pub fn crash(&self) {
        self.starter.crash();
    }

    /// Whether no partition holds records of a transaction whose end is not marked in it: the broker answers before it marks. No either,
    /// when it does not tell of all of its partitions, as soon after its start.
    pub fn has_marked_all_ends(&self) -> bool {
        let reader = |isolation| self.client().set("isolation.level", isolation).create().expect("a consumer");
        let (uncommitted, committed): (BaseConsumer, BaseConsumer) =
            (reader("read_uncommitted"), reader("read_committed"));
        let end = |reader: &BaseConsumer, topic: &str, partition| {
            reader.fetch_watermarks(topic, partition, ANSWER).ok().map(|(_, end)| end)
        };
        let Ok(known) = committed.fetch_metadata(None, ANSWER) else { return false };
        known.topics().iter().all(|topic| {
            let mut partitions = topic.partitions().iter().map(|partition| partition.id());
            partitions.all(|partition| {
                let written = end(&uncommitted, topic.name(), partition);
                written.is_some() && end(&committed, topic.name(), partition) >= written
            })
        })
    }

    /// Starts a stopped broker again, at the same address and with what it held.
    pub fn start_again(&self) {
        self.up(&["--keep"]);
    }

    fn up(&self, options: &[&str]) -> String {
        let settings: Vec<(&str, &str)> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.starter.up(options, &settings)
    }

    /// A client configuration that knows the broker and nothing else.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    /// Deletes the records of a partition before `offset`, as retention does.
    pub fn delete_before(&self, topic: &str, partition: i32, offset: i64) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("an admin client");
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("a valid offset");
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let deleted = block_on(admin.delete_records(&offsets, &options)).expect("the broker answers");
        for element in deleted.elements() {
            element.error().expect("the records were deleted");
        }
    }

    /// Creates a topic; `settings` are the broker's topic settings, such as `("message.timestamp.type", "LogAppendTime")`.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("an admin client");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let results = block_on(admin.create_topics([&topic], &options)).expect("the broker answers");
        for result in results {
            result.unwrap_or_else(|(topic, error)| panic!("topic {topic} was not created: {error}"));
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.starter.down(&[]);
    }
}
