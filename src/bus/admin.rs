//! Topics: what exists, what is set on them, and creating what is missing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;

use rdkafka::producer::{BaseProducer, Producer};

use super::client::{Error, LoggingContext, Properties, TIMEOUT};

/// How long one of the questions may take of which [`Admin::partitions`] asks several.
const QUESTION: Duration = Duration::from_secs(2);
/// Between two looks whether a topic that was created is known.
const KNOWN_PAUSE: Duration = Duration::from_millis(50);

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// Settings that matter, by name.
    pub settings: BTreeMap<String, String>,
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// How many partitions.
    pub partitions: i32,
    /// All settings, by name; empty when the brokers do not tell.
    pub settings: BTreeMap<String, String>,
}

/// Asks about topics and creates them.
pub struct Admin {
    client: AdminClient<LoggingContext>,
    /// Asks for metadata: unlike the other, it can be polled, and only a client that is polled tells why it is refused.
    asker: BaseProducer<LoggingContext>,
    brokers: String,
}

impl Admin {
    /// Connects lazily.
    pub fn new(properties: &Properties) -> Result<Self, Error> {
        let config = properties.client_config(&[("client.id", "streamgauge")], &[]);
        let refused = |cause| Error::Properties { cause };
        let client = config.create_with_context(LoggingContext::quiet()).map_err(refused)?;
        let asker = config.create_with_context(LoggingContext::quiet()).map_err(refused)?;
        Ok(Self { client, asker, brokers: properties.brokers().to_owned() })
    }

    /// The partitions of every topic. Blocks until a broker answers or the time-out has passed.
    pub fn partitions(&self) -> Result<BTreeMap<String, i32>, Error> {
        let metadata = self.metadata()?;
        let count =
            |topic: &rdkafka::metadata::MetadataTopic| i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
        Ok(metadata.topics().iter().map(|topic| (topic.name().to_owned(), count(topic))).collect())
    }

    fn metadata(&self) -> Result<Metadata, Error> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let asked = self.asker.client().fetch_metadata(None, QUESTION);
            // Long enough for every event that waits, not only the first.
            self.asker.poll(Duration::from_millis(20));
            let context = self.asker.context();
            match asked {
                Ok(metadata) => return Ok(metadata),
                Err(cause) if context.refusal().is_some() || Instant::now() >= deadline => {
                    return Err(Error::unanswered(&self.brokers, cause, context));
                }
                Err(_) => {}
            }
        }
    }

    /// What is known of these topics; those that do not exist are left out.
    pub async fn facts(&self, names: &[&str]) -> Result<BTreeMap<String, TopicFacts>, Error> {
        let partitions = self.partitions()?;
        let existing: Vec<&str> = names.iter().copied().filter(|name| partitions.contains_key(*name)).collect();
        if existing.is_empty() {
            return Ok(BTreeMap::new());
        }
        let resources: Vec<ResourceSpecifier<'_>> =
            existing.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
        let answers = self.client.describe_configs(&resources, &options).await;
        let answers = answers.map_err(|cause| Error::failed("asking for topic settings", cause))?;
        let mut facts = BTreeMap::new();
        for (name, answer) in existing.iter().zip(answers) {
            let entries = answer.map(|resource| resource.entries).unwrap_or_default();
            let settings = entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect();
            let partitions = partitions.get(*name).copied().unwrap_or(0);
            facts.insert((*name).to_owned(), TopicFacts { partitions, settings });
        }
        Ok(facts)
    }

    /// Creates these topics. Those that exist are left as they are; returns the names of those that were created, once the broker that is
    /// asked knows them: the answer to their creation comes before it does, and a process started then would miss them.
    pub async fn create(&self, topics: &[TopicSpec], replication: i32) -> Result<Vec<String>, Error> {
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .map(|topic| {
                let mut new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(replication));
                for (name, value) in &topic.settings {
                    new = new.set(name, value);
                }
                new
            })
            .collect();
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        let answers = self.client.create_topics(&new, &options).await;
        let answers = answers.map_err(|cause| Error::failed("creating topics", cause))?;
        let mut created = Vec::new();
        for answer in answers {
            match answer {
                Ok(name) => created.push(name),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => {
                    let cause = rdkafka::error::KafkaError::AdminOp(code);
                    return Err(Error::failed(format!("creating the topic {name}"), cause));
                }
            }
        }
        self.await_known(&created)?;
        Ok(created)
    }

    /// Gives up waiting after a while without an error: the topics are there.
    fn await_known(&self, created: &[String]) -> Result<(), Error> {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            let known = self.partitions()?;
            if created.iter().all(|name| known.get(name).is_some_and(|partitions| *partitions > 0)) {
                break;
            }
            std::thread::park_timeout(KNOWN_PAUSE);
        }
        Ok(())
    }
}
