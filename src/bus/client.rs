//! What all clients share: properties, errors that say what to do, and librdkafka's own words in our log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use tracing::{debug, error, warn};

use crate::telemetry;

/// How long a question to the brokers may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The client's own default of `message.max.bytes`.
const DEFAULT_LONGEST_RECORD: usize = 1_000_000;

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
    /// The client has no memory left for a queue.
    #[error("the bus client could not make a queue for records: is memory exhausted?")]
    NoQueue,
    /// A group that should be at rest is not.
    #[error(
        "the consumer group `{group}` has {members} members: stop every process that belongs to it, then try again"
    )]
    GroupBusy {
        /// The group.
        group: String,
        /// How many members it has.
        members: usize,
    },
    /// A group's offsets and state could not be changed.
    #[error("nothing of the group `{group}` was changed: {reason}")]
    NotRewritten {
        /// The group.
        group: String,
        /// What the client says.
        reason: String,
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
    /// A transaction does not end.
    #[error(
        "a transaction that has records in {topic}/{partition} does not end, so that what lies behind it cannot be read yet: try again in a minute; if this goes on, see whether a worker is stuck (`/readyz`)"
    )]
    OpenTransaction {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
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

    /// Why a question was not answered: a client that is refused only sees its question time out, so its context is asked too.
    pub(crate) fn unanswered(brokers: &str, cause: KafkaError, context: &LoggingContext) -> Self {
        let brokers = brokers.to_owned();
        match context.refusal() {
            Some(cause) => Self::Refused { brokers, cause },
            None => Self::Unreachable { brokers, cause },
        }
    }

    /// Whether waiting may help: what the configuration or the state topics hold does not change by itself.
    pub const fn may_pass(&self) -> bool {
        !matches!(self, Self::Properties { .. } | Self::State { .. })
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

    /// The longest record that a producer takes, in bytes.
    pub(crate) fn longest_record(&self) -> usize {
        let own = self.0.get("message.max.bytes").and_then(|text| text.trim().parse().ok());
        own.unwrap_or(DEFAULT_LONGEST_RECORD)
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
#[derive(Clone, Debug, Default)]
pub(crate) struct LoggingContext {
    /// Whether errors stay out of the log, because whoever asks reports them.
    is_quiet: bool,
    /// What the brokers said when they last refused the credentials.
    refusal: Arc<Mutex<Option<String>>>,
    /// Why a record was not delivered, the first of them.
    undelivered: Arc<Mutex<Option<RDKafkaErrorCode>>>,
}

impl LoggingContext {
    /// For a client whose errors the caller reports; they are counted all the same.
    pub(crate) fn quiet() -> Self {
        Self { is_quiet: true, ..Self::default() }
    }

    /// What the brokers said if they have refused the credentials; known only after the client was polled.
    pub(crate) fn refusal(&self) -> Option<String> {
        lock(&self.refusal).clone()
    }

    /// Why a record was not delivered, the first since the last call of [`Self::forget_undelivered`]; known only after the client was polled.
    pub(crate) fn undelivered(&self) -> Option<RDKafkaErrorCode> {
        *lock(&self.undelivered)
    }

    /// What was not delivered so far is settled.
    pub(crate) fn forget_undelivered(&self) {
        *lock(&self.undelivered) = None;
    }
}

impl ClientContext for LoggingContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, cause: KafkaError, reason: &str) {
        // Counted before whoever asks can know of it: who reads of a refusal finds it in the metric.
        let Some(trouble) = count_error(&cause) else { return };
        if trouble == Trouble::Credentials {
            // What follows in brackets differs from try to try.
            let words = reason.split_once(" (after ").map_or(reason, |(words, _)| words);
            *lock(&self.refusal) = Some(words.to_owned());
        }
        if !self.is_quiet {
            log_trouble(trouble, &cause, reason);
        }
    }
}

impl ConsumerContext for LoggingContext {}

impl ProducerContext for LoggingContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        if let Err((cause, _)) = result {
            lock(&self.undelivered).get_or_insert(cause.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown));
        }
    }
}

/// librdkafka gives each line about a broker twice, here and as an error: the log has it once, by [`log_error`].
pub(crate) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error
            if facility != "FAIL" && facility != "ERROR" =>
        {
            warn!(facility, "bus client: {message}");
        }
        _ => debug!(facility, "bus client: {message}"),
    }
}

/// What an error of the bus client is about; a label of its metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Credentials,
    Connection,
    Other,
}

impl Trouble {
    fn of(cause: &KafkaError) -> Self {
        match cause.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => Self::Credentials,
            Some(
                RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL,
            ) => Self::Connection,
            _ => Self::Other,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Connection => "connection",
            Self::Other => "other",
        }
    }
}

/// How often lasting trouble with the brokers is logged again, whichever of the clients meets it.
const REMINDER: Duration = Duration::from_secs(30);
/// When trouble of each kind was last logged.
static LOGGED: Mutex<[Option<Instant>; 2]> = Mutex::new([None; 2]);

/// An error of a client that goes on by itself: counted, and logged when it is news.
pub(crate) fn log_error(cause: &KafkaError, reason: &str) {
    if let Some(trouble) = count_error(cause) {
        log_trouble(trouble, cause, reason);
    }
}

/// Counts an error and says what it is about; `None` when it is none.
fn count_error(cause: &KafkaError) -> Option<Trouble> {
    // Asked for by whoever reads to the end of a topic.
    if cause.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
        return None;
    }
    let trouble = Trouble::of(cause);
    metrics::counter!(telemetry::BUS_ERRORS.name, "kind" => trouble.as_str()).increment(1);
    Some(trouble)
}

fn log_trouble(trouble: Trouble, cause: &KafkaError, reason: &str) {
    match trouble {
        Trouble::Credentials if is_news(0) => {
            error!(
                "the brokers refuse the credentials ({reason}): check `bus.username`, the password and `bus.mechanism`"
            );
        }
        Trouble::Connection if is_news(1) => {
            warn!("no connection to the brokers ({reason}); still trying: check `bus.brokers` if this goes on");
        }
        Trouble::Credentials | Trouble::Connection => debug!("bus client: {cause}: {reason}"),
        Trouble::Other => warn!("bus client: {cause}: {reason}"),
    }
}

/// Whether trouble of this kind was not logged lately.
fn is_news(kind: usize) -> bool {
    let mut logged = lock(&LOGGED);
    let Some(at) = logged.get_mut(kind) else { return true };
    let is_news = at.is_none_or(|at| at.elapsed() >= REMINDER);
    if is_news {
        *at = Some(Instant::now());
    }
    is_news
}

/// A lock whose holder panicked still guards a whole value here: every write is a single assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
