//! How to reach the bus, and which librdkafka properties may be set from outside.

use std::collections::BTreeMap;
use std::fmt;

use super::problem::Problem;
use super::secret::Secret;
use super::section::{Reader, Section, variable_for};

/// Where a source topic is read from when the group has no committed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From the oldest record that is kept.
    Earliest,
    /// From what comes next.
    Latest,
}

/// The SASL mechanisms that take a user name and a password; others are set through `bus.properties`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password itself is sent: only over TLS.
    Plain,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// SCRAM-SHA-512.
    ScramSha512,
}

impl Mechanism {
    const NAMES: [(&'static str, Self); 3] =
        [("PLAIN", Self::Plain), ("SCRAM-SHA-256", Self::ScramSha256), ("SCRAM-SHA-512", Self::ScramSha512)];

    /// The name that brokers know.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// User name and password for the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `bus.username`.
    pub username: String,
    /// `bus.password` or the text of `bus.password_file`.
    pub password: Secret,
    /// `bus.mechanism`; SCRAM-SHA-512 unless set, because it never sends the password.
    pub mechanism: Mechanism,
}

/// The section `bus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bus {
    /// `brokers`: `host:port`, with commas between. Default `127.0.0.1:9092`.
    pub brokers: String,
    /// `group_prefix`: the consumer groups are `<prefix>.session` and `<prefix>.rollup`, and transactional ids begin with it. Default `streamgauge`.
    pub group_prefix: String,
    /// `start`. Default [`Start::Earliest`], so that a first start misses nothing that is still kept.
    pub start: Start,
    /// `username` and its companions; `None` = no SASL, or SASL through `properties`.
    pub credentials: Option<Credentials>,
    /// `tls`: whether connections are encrypted. Default false.
    pub tls: bool,
    /// `properties`: librdkafka properties by name, handed through as they are.
    pub properties: Properties,
}

impl Bus {
    /// The librdkafka properties that every client of the process begins with: brokers, security, and all that was handed through.
    /// They hold secrets.
    pub fn client_properties(&self) -> BTreeMap<String, String> {
        let mut all = self.properties.0.clone();
        all.insert("bootstrap.servers".to_owned(), self.brokers.clone());
        if let Some(credentials) = &self.credentials {
            all.insert("sasl.mechanism".to_owned(), credentials.mechanism.as_str().to_owned());
            all.insert("sasl.username".to_owned(), credentials.username.clone());
            all.insert("sasl.password".to_owned(), credentials.password.expose().to_owned());
        }
        let protocol = match (self.credentials.is_some(), self.tls) {
            (true, true) => Some("sasl_ssl"),
            (true, false) => Some("sasl_plaintext"),
            (false, true) => Some("ssl"),
            (false, false) => None,
        };
        if let Some(protocol) = protocol {
            all.insert("security.protocol".to_owned(), protocol.to_owned());
        }
        all
    }

    pub(super) fn read(reader: &Reader, mut section: Section<'_>) -> Self {
        let starts = [("earliest", Start::Earliest), ("latest", Start::Latest)];
        let bus = Self {
            brokers: section.text("brokers").unwrap_or_else(|| "127.0.0.1:9092".to_owned()),
            group_prefix: section.text("group_prefix").unwrap_or_else(|| "streamgauge".to_owned()),
            start: section.choice("start", &starts).unwrap_or(Start::Earliest),
            credentials: read_credentials(reader, &mut section),
            tls: section.switch("tls", false),
            properties: Properties(section.section("properties").all_as_text()),
        };
        bus.check_properties(reader);
        section.finish();
        bus
    }

    fn check_properties(&self, reader: &Reader) {
        let conveniences = self.convenience_properties();
        for name in self.properties.0.keys() {
            let key = format!("bus.properties.{name}");
            if let Some(owned) = OWNED.iter().find(|owned| owned.name == name) {
                reader.note(Problem::contradiction(key, format!("may not be set: {}", owned.reason)));
            } else if let Some((_, setting)) = conveniences.iter().find(|(property, _)| property == name) {
                reader.note(Problem::contradiction(
                    key,
                    format!("contradicts `{setting}`, which sets it too: keep one of them"),
                ));
            }
        }
    }

    /// The properties that the settings of this section write, with the setting.
    fn convenience_properties(&self) -> Vec<(&'static str, &'static str)> {
        let mut written = Vec::new();
        if self.credentials.is_some() {
            written.extend([
                ("sasl.mechanism", "bus.mechanism"),
                ("sasl.mechanisms", "bus.mechanism"),
                ("sasl.username", "bus.username"),
                ("sasl.password", "bus.password"),
                ("security.protocol", "bus.username"),
            ]);
        } else if self.tls {
            written.push(("security.protocol", "bus.tls"));
        }
        written
    }
}

fn read_credentials(reader: &Reader, section: &mut Section<'_>) -> Option<Credentials> {
    let username = section.text("username");
    let password = section.secret("password");
    let mechanism = section.choice("mechanism", &Mechanism::NAMES);
    match (username, password) {
        (Some(username), Some(password)) => {
            Some(Credentials { username, password, mechanism: mechanism.unwrap_or(Mechanism::ScramSha512) })
        }
        (Some(_), None) => {
            let advice =
                format!("`bus.username` needs it; set {} or `bus.password_file`", variable_for("bus.password"));
            reader.note(Problem::Missing { key: "bus.password".to_owned(), advice });
            None
        }
        (None, Some(_)) => {
            let advice = "`bus.password` needs it; set it, or remove the password".to_owned();
            reader.note(Problem::Missing { key: "bus.username".to_owned(), advice });
            None
        }
        (None, None) => {
            if mechanism.is_some() {
                let conflict = "has no effect without `bus.username` and `bus.password`: set them, or set `sasl.mechanism` in `bus.properties`";
                reader.note(Problem::contradiction("bus.mechanism", conflict));
            }
            None
        }
    }
}

/// librdkafka properties by name. Values whose name tells of a secret are not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub BTreeMap<String, String>);

impl fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tells_of_secret = |name: &str| {
            ["password", "secret", "token", "pem", "oauthbearer", "jaas"].iter().any(|part| name.contains(part))
        };
        let shown = self.0.iter().map(|(name, value)| {
            let value = if tells_of_secret(name) { "(secret)" } else { value.as_str() };
            (name, value)
        });
        formatter.debug_map().entries(shown).finish()
    }
}

/// A librdkafka property that the engine sets itself.
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    /// The property.
    pub name: &'static str,
    /// Why, and what to use instead; the end of an error message.
    pub reason: &'static str,
}

const fn owned(name: &'static str, reason: &'static str) -> Owned {
    Owned { name, reason }
}

/// All properties that may not be handed through.
pub const OWNED: &[Owned] = &[
    owned("bootstrap.servers", "use `bus.brokers`"),
    owned("metadata.broker.list", "use `bus.brokers`"),
    owned("group.id", "it is made from `bus.group_prefix`, one group for each stage"),
    owned(
        "group.instance.id",
        "a process holds several consumers, and one id for all would fence them: use `workers.membership = \"static\"`",
    ),
    owned("group.protocol", "rebalancing relies on the classic protocol"),
    owned("partition.assignment.strategy", "the stages rely on incremental rebalancing (cooperative-sticky)"),
    owned("auto.offset.reset", "use `bus.start`; an offset lost to retention must be an error, not a silent jump"),
    owned("enable.auto.commit", "offsets are committed in the transaction that carries the results"),
    owned("auto.commit.interval.ms", "use `commit_interval_ms`"),
    owned("enable.auto.offset.store", "the engine decides which offset is safe to resume from"),
    owned("isolation.level", "what an aborted transaction wrote must never be counted"),
    owned("enable.partition.eof", "the engine needs the end of a partition to tell silence from lag"),
    owned("transactional.id", "it is made from `bus.group_prefix` and `workers.instance`, one for each worker"),
    owned("enable.idempotence", "transactions need it"),
    owned("acks", "transactions need all in-sync replicas to answer"),
    owned("partitioner", "the engine chooses the partition of everything that it writes"),
];

#[cfg(test)]
mod tests {
    use super::Properties;

    #[test]
    fn properties_that_tell_of_a_secret_are_not_printed() {
        let pairs = [("ssl.key.password", "hunter2"), ("client.id", "gauge-1")];
        let properties =
            Properties(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        assert_eq!(format!("{properties:?}"), r#"{"client.id": "gauge-1", "ssl.key.password": "(secret)"}"#);
    }
}
