//! One record as it lies on the bus, borrowed from the consumer's memory, and the reasons for which a record cannot be read.

use std::fmt;

/// Names of the record headers; all are optional.
pub mod header {
    /// Which carrier the value has, on topics with the carrier `mixed`: see [`crate::decode`].
    pub const CARRIER: &str = "qoe-carrier";
    /// When the collector received the report, in milliseconds since the Unix epoch, as decimal text.
    pub const RECEIVED_MS: &str = "qoe-received-ms";
    /// The edge (point of presence) that served the viewer, when the record itself does not say.
    pub const EDGE: &str = "qoe-edge";
    /// The tenant; `default` when absent.
    pub const TENANT: &str = "qoe-tenant";
    /// A unique id of the request, for deduplication.
    pub const REQUEST_ID: &str = "qoe-request-id";
    /// Marks a tick: no key, empty value, event time from the append time.
    pub const TICK: &str = "qoe-tick";
    /// The name that the viewer's browser gives itself, as the collector heard it.
    pub const USER_AGENT: &str = "qoe-user-agent";
    /// The viewer's address, as the collector saw it.
    pub const ADDRESS: &str = "qoe-address";
    /// On dead letters and late records: why they are there.
    pub const REASON: &str = "qoe-reason";
    /// On a dead letter or late record that the broker would not take whole: how many bytes its value had before it was cut.
    pub const WHOLE_BYTES: &str = "qoe-whole-bytes";
    /// On dead letters and late records: the topic that the record was read from.
    pub const ORIGIN_TOPIC: &str = "qoe-origin-topic";
    /// On dead letters and late records: its partition there.
    pub const ORIGIN_PARTITION: &str = "qoe-origin-partition";
    /// On dead letters and late records: its offset there; a refused row has none.
    pub const ORIGIN_OFFSET: &str = "qoe-origin-offset";
    /// On dead letters and late records: when the broker appended it there, in milliseconds since the Unix epoch; a refused row has none.
    pub const ORIGIN_APPEND_MS: &str = "qoe-origin-append-ms";
    /// On a refused row: the server's words.
    pub const ANSWER: &str = "qoe-answer";
    /// On a record that was put back from the dead letters: how often that has happened to it. Should it become a dead letter again,
    /// that one has it too.
    pub const REDRIVEN: &str = "qoe-redriven";
    /// On a record of the dead-letter topic that is no letter: which letters of its partition were put back, as offsets (`3-7,9`).
    pub const REDRIVEN_LETTERS: &str = "qoe-redriven-letters";
}

/// The headers of a record that mean something here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// [`header::CARRIER`].
    pub carrier: Option<&'a str>,
    /// [`header::RECEIVED_MS`]; absent when it is not a whole number.
    pub received_ms: Option<i64>,
    /// [`header::EDGE`].
    pub edge: Option<&'a str>,
    /// [`header::TENANT`].
    pub tenant: Option<&'a str>,
    /// [`header::REQUEST_ID`].
    pub request_id: Option<&'a str>,
    /// Whether [`header::TICK`] is there.
    pub tick: bool,
    /// [`header::USER_AGENT`].
    pub user_agent: Option<&'a str>,
    /// [`header::ADDRESS`].
    pub address: Option<&'a str>,
    /// [`header::REDRIVEN`]; absent when it is not a whole number.
    pub redriven: Option<u32>,
}

impl<'a> Headers<'a> {
    /// The headers that are there, as they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, String)> {
        let texts = [
            (header::CARRIER, self.carrier),
            (header::EDGE, self.edge),
            (header::TENANT, self.tenant),
            (header::REQUEST_ID, self.request_id),
            (header::USER_AGENT, self.user_agent),
            (header::ADDRESS, self.address),
            (header::TICK, self.tick.then_some("")),
        ];
        let received = self.received_ms.map(|millis| (header::RECEIVED_MS, millis.to_string()));
        let redriven = self.redriven.map(|times| (header::REDRIVEN, times.to_string()));
        texts.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).chain(received).chain(redriven)
    }

    /// Takes in one header by name; names without a meaning here, and values that are not UTF-8, are passed over.
    pub fn set(&mut self, name: &str, value: &'a [u8]) {
        let Ok(text) = simdutf8::basic::from_utf8(value) else { return };
        match name {
            header::CARRIER => self.carrier = Some(text),
            header::RECEIVED_MS => self.received_ms = text.trim().parse().ok(),
            header::EDGE => self.edge = Some(text),
            header::TENANT => self.tenant = Some(text),
            header::REQUEST_ID => self.request_id = Some(text),
            header::USER_AGENT => self.user_agent = Some(text),
            header::ADDRESS => self.address = Some(text),
            header::TICK => self.tick = true,
            header::REDRIVEN => self.redriven = text.trim().parse().ok(),
            _ => {}
        }
    }
}

/// One record of a source topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// When the broker appended it, in milliseconds since the Unix epoch.
    pub append_ms: i64,
    /// The session key; `None` = the record belongs to no session.
    pub key: Option<&'a [u8]>,
    /// What the carrier says it is.
    pub value: &'a [u8],
    /// The headers that mean something here.
    pub headers: Headers<'a>,
}

/// Why a record cannot be read. A closed set: it is a metric label and the header `qoe-reason` of the dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No bytes where a report was expected.
    Empty,
    /// More bytes than a record may have.
    TooLarge,
    /// The header `qoe-carrier` is missing on a mixed topic, or names no known carrier or mapping.
    Carrier,
    /// A log line whose number of columns is not the declared one.
    ColumnCount,
    /// A body or log line that should be JSON and is not.
    Json,
    /// A log line without a readable time stamp.
    Timestamp,
    /// A version of the format that is not known yet.
    Version,
    /// Nothing in the record could be read as a report.
    Malformed,
    /// More statistics objects than a record may have.
    TooManyObjects,
    /// JSON that is nested deeper than a record may be.
    TooDeep,
    /// A Kaltura beacon of a service whose events are not known here.
    Service,
    /// A Kaltura beacon without the number of an event.
    EventType,
    /// A Kaltura beacon that names no partner.
    MissingPartner,
    /// A Kaltura beacon that names no entry.
    MissingEntry,
    /// A row that InfluxDB refuses for good.
    RowRefused,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 15] = [
        Self::Empty,
        Self::TooLarge,
        Self::Carrier,
        Self::ColumnCount,
        Self::Json,
        Self::Timestamp,
        Self::Version,
        Self::Malformed,
        Self::TooManyObjects,
        Self::TooDeep,
        Self::Service,
        Self::EventType,
        Self::MissingPartner,
        Self::MissingEntry,
        Self::RowRefused,
    ];

    /// The name in metrics and headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Carrier => "carrier",
            Self::ColumnCount => "column_count",
            Self::Json => "json",
            Self::Timestamp => "timestamp",
            Self::Version => "version",
            Self::Malformed => "malformed",
            Self::TooManyObjects => "too_many_objects",
            Self::TooDeep => "too_deep",
            Self::Service => "service",
            Self::EventType => "event_type",
            Self::MissingPartner => "missing_partner",
            Self::MissingEntry => "missing_entry",
            Self::RowRefused => "row_refused",
        }
    }

    /// What it means, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Empty => "there are no bytes where a report was expected",
            Self::TooLarge => "it has more bytes than a record may have",
            Self::Carrier => {
                "the header qoe-carrier is missing, or names no carrier or mapping that the topology declares for the topic"
            }
            Self::ColumnCount => "it is a log line whose number of columns is not the declared one",
            Self::Json => "it should be JSON and is not",
            Self::Timestamp => "it is a log line without a readable time stamp",
            Self::Version => "it has a version of its format that is not known yet",
            Self::Malformed => "nothing in it could be read as a report",
            Self::TooManyObjects => "it has more statistics objects than a record may have",
            Self::TooDeep => "its JSON is nested deeper than a record may be",
            Self::Service => "it is a beacon of a service whose events are not known here",
            Self::EventType => "it is a beacon without the number of an event",
            Self::MissingPartner => "it is a beacon that names no partner",
            Self::MissingEntry => "it is a beacon that names no entry, or one that cannot be",
            Self::RowRefused => "it is a row that InfluxDB refuses for good",
        }
    }

    /// The reason with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dead letter has the headers of its record by [`Headers::iter`]: what that forgets, no redrive brings back.
    #[test]
    fn every_header_that_means_something_is_written_again() {
        let all = Headers {
            carrier: Some("cmcd-query"),
            received_ms: Some(1_767_600_000_000),
            edge: Some("FRA60-P1"),
            tenant: Some("t-1"),
            request_id: Some("r-1"),
            user_agent: Some("Mozilla/5.0"),
            address: Some("2001:db8::1"),
            tick: true,
            redriven: Some(2),
        };
        let written: Vec<(&str, String)> = all.iter().collect();
        let mut read = Headers::default();
        for (name, value) in &written {
            read.set(name, value.as_bytes());
        }
        assert_eq!(read, all);
    }

    #[test]
    fn a_reason_is_found_by_its_name() {
        assert!(Reason::ALL.into_iter().all(|reason| Reason::named(reason.as_str()) == Some(reason)));
        assert_eq!(Reason::named("late"), None);
    }
}
