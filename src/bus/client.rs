//! What all clients share: properties, errors that say what to do, and librdkafka's own words in our log.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use tracing::{debug, error, warn};

/// How long a question to the brokers may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Why something on the bus failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No broker answers.
    #[error(
        "no broker answers at {brokers} ({cause}): check `bus.brokers`, the network, and with SASL or TLS the credentials and certificates"
    )]
    Unreachable {
        /// The addresses tried.
        brokers: String,
        /// What the client says.
        cause: KafkaError,
    },
    /// The brokers refuse who we are.
    #[error(
        "the brokers at {brokers} refuse the credentials ({cause}): check `bus.username`, the password and `bus.mechanism`"
    )]
    Refused {
        /// The addresses tried.
        brokers: String,
        /// What the broker says.
        cause: String,
    },
    /// A topic is missing.
    #[error("the topic `{topic}` does not exist: create it with `streamgauge topics --apply`, or correct the topology")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// A property is wrong.
    #[error("the bus client refuses its configuration ({cause}): check `bus.properties`")]
    Properties {
        /// What the client says.
        cause: KafkaError,
    },
    /// The state topic holds something else.
    #[error(
        "the record of {topic}/{partition} in its state topic cannot be read ({reason}): was it written by a newer version? Finish the upgrade, or start over with other topics"
    )]
    State {
        /// The source topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What is wrong with it.
        reason: String,
    },
    /// What was read could not be passed on.
    #[error("writing what was read failed: {0}")]
    Output(#[from] std::io::Error),
    /// Any other answer.
    #[error("{doing} failed: {cause}")]
    Failed {
        /// What was tried.
        doing: String,
        /// What the client or broker says.
        cause: KafkaError,
    },
}

impl Error {
    pub(crate) fn failed(doing: impl Into<String>, cause: KafkaError) -> Self {
        Self::Failed { doing: doing.into(), cause }
    }
}

/// librdkafka properties that every client of the process begins with. They hold secrets and are never printed.
#[derive(Clone, Default)]
pub struct Properties(BTreeMap<String, String>);

impl fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Properties {
    /// From names and values; `bootstrap.servers` must be among them.
    pub fn new(properties: BTreeMap<String, String>) -> Self {
        Self(properties)
    }

    /// For brokers without security.
    pub fn for_brokers(brokers: &str) -> Self {
        Self(BTreeMap::from([("bootstrap.servers".to_owned(), brokers.to_owned())]))
    }

    /// The brokers' addresses, for messages.
    pub fn brokers(&self) -> &str {
        self.0.get("bootstrap.servers").map_or("(none)", |brokers| brokers)
    }

    /// A client configuration with these properties over `defaults`, and `owned` over both.
    pub(crate) fn client_config(&self, defaults: &[(&str, &str)], owned: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in &self.0 {
            config.set(name, value);
        }
        for (name, value) in owned {
            config.set(*name, *value);
        }
        config.set_log_level(RDKafkaLogLevel::Warning);
        config
    }
}

/// Where a partition without a committed offset is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// The oldest record that is kept.
    Earliest,
    /// What comes next.
    Latest,
}

/// librdkafka's words, in our log. Its errors about brokers repeat with every try, so they are warnings: the client goes on by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LoggingContext;

impl ClientContext for LoggingContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, cause: KafkaError, reason: &str) {
        log_error(&cause, reason);
    }
}

impl ConsumerContext for LoggingContext {}

impl ProducerContext for LoggingContext {
    type DeliveryOpaque = ();

    /// Deliveries are counted by the transaction that they belong to.
    fn delivery(&self, _: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {}
}

pub(crate) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            warn!(facility, "bus client: {message}");
        }
        _ => debug!(facility, "bus client: {message}"),
    }
}

pub(crate) fn log_error(cause: &KafkaError, reason: &str) {
    match cause.rdkafka_error_code() {
        // Asked for by whoever reads to the end of a topic.
        Some(RDKafkaErrorCode::PartitionEOF) => {}
        Some(RDKafkaErrorCode::Authentication) => {
            error!(
                "the brokers refuse the credentials ({reason}): check `bus.username`, the password and `bus.mechanism`"
            );
        }
        Some(
            RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve,
        ) => {
            warn!("no connection to the brokers ({reason}); still trying: check `bus.brokers` if this goes on");
        }
        _ => warn!("bus client: {cause}: {reason}"),
    }
}
