//! Which letters go, where to, and which stay, and why.

use std::collections::BTreeMap;
use std::fmt;

use crate::bus::Outgoing;
use crate::cli::dlq::letter::Letter;
use crate::cli::dlq::marks::Marks;
use crate::cli::dlq::verdict::{Desks, Verdict};
use crate::model::Reason;
use crate::model::record::header;
use crate::topology::Clock;

/// Why a letter stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stays {
    /// It was put back before.
    Redriven,
    /// It is a line for InfluxDB.
    Row,
    /// The bus has not taken it whole.
    Cut,
    /// Its headers do not say where it came from.
    NoOrigin,
    /// Nobody would read it there.
    NoSource { topic: String },
    /// That partition is not there any more.
    NoPartition { topic: String, partition: i32 },
    /// It would come back.
    Unreadable(Reason),
}

impl fmt::Display for Stays {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redriven => formatter.write_str("put back before (--again puts it back once more)"),
            Self::Row => formatter.write_str("a line for InfluxDB and no record (`dlq show` says what to do with it)"),
            Self::Cut => formatter.write_str("cut, because the bus would not take it whole"),
            Self::NoOrigin => formatter.write_str("no header says where it came from"),
            Self::NoSource { topic } => {
                write!(formatter, "no source of the topology reads {topic}, where it came from")
            }
            Self::NoPartition { topic, partition } => {
                write!(formatter, "{topic} has no partition {partition} on this bus")
            }
            Self::Unreadable(reason) => {
                write!(formatter, "still unreadable, {reason} (--even-unreadable puts it back all the same)")
            }
        }
    }
}

/// What is to happen to a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// This goes to its origin.
    Goes(Outgoing),
    /// It stays.
    Stays(Stays),
}

/// What an operator has decided.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choices {
    /// Put back also what was put back before.
    pub(super) again: bool,
    /// Put back also what would become a dead letter again.
    pub(super) even_unreadable: bool,
}

/// All that the fate of a letter depends on.
pub(super) struct Plan {
    pub(super) desks: Desks,
    pub(super) marks: Marks,
    /// The topics on the bus, with their partitions.
    pub(super) present: BTreeMap<String, i32>,
    pub(super) choices: Choices,
    /// When this began, ms since 1970: from then on log lines are too old or not.
    pub(super) now_ms: i64,
    pub(super) tally: Tally,
}

impl Plan {
    /// Decides on a letter, and counts it.
    pub(super) fn decide(&mut self, letter: &Letter) -> Fate {
        let verdict = self.desks.read(letter);
        let fate = self.fate(letter, verdict);
        match &fate {
            Fate::Goes(outgoing) => {
                let is_late = self.is_late(&outgoing.topic, verdict);
                let going = self.tally.going.entry((outgoing.topic.clone(), letter.reason().to_owned())).or_default();
                going.count += 1;
                going.late += u64::from(is_late);
                going.unreadable += u64::from(matches!(verdict, Verdict::Unreadable(_)));
                going.oldest_ms = [going.oldest_ms, letter.origin_append_ms()].into_iter().flatten().min();
            }
            Fate::Stays(stays) => {
                *self.tally.staying.entry((stays.clone(), letter.reason().to_owned())).or_default() += 1;
            }
        }
        fate
    }

    /// Whether all events of a letter come too late, as far as that can be known here: its topic may be behind.
    fn is_late(&self, topic: &str, verdict: Verdict) -> bool {
        let Verdict::Readable { newest_ms: Some(newest_ms), .. } = verdict else { return false };
        let in_time_until = newest_ms.saturating_add(self.desks.lateness_ms(topic));
        self.desks.clock(topic) == Some(Clock::Log) && in_time_until < self.now_ms
    }

    fn fate(&self, letter: &Letter, verdict: Verdict) -> Fate {
        if self.marks.has(letter.place()) && !self.choices.again {
            return Fate::Stays(Stays::Redriven);
        }
        if Reason::named(letter.reason()) == Some(Reason::RowRefused) {
            return Fate::Stays(Stays::Row);
        }
        let (Some(topic), Some(partition)) = (letter.origin_topic(), letter.origin_partition()) else {
            return Fate::Stays(Stays::NoOrigin);
        };
        let topic = topic.to_owned();
        let unreadable = match verdict {
            Verdict::NoSource => return Fate::Stays(Stays::NoSource { topic }),
            Verdict::Readable { .. } => None,
            Verdict::Unreadable(reason) => Some(reason),
        };
        let partitions = self.present.get(&topic).copied().unwrap_or(0);
        if !(0..partitions).contains(&partition) {
            return Fate::Stays(Stays::NoPartition { topic, partition });
        }
        if letter.whole_bytes().is_some() {
            return Fate::Stays(Stays::Cut);
        }
        match unreadable {
            Some(reason) if !self.choices.even_unreadable => Fate::Stays(Stays::Unreadable(reason)),
            _ => Fate::Goes(self.copy(letter, topic, partition)),
        }
    }

    /// The record as it was, but for its time: where the collector's time would date it, it would be late by its age.
    fn copy(&self, letter: &Letter, topic: String, partition: i32) -> Outgoing {
        let is_dated_by_collector = self.desks.clock(&topic) == Some(Clock::Player);
        let goes_along =
            |name: &str| name != header::REDRIVEN && !(is_dated_by_collector && name == header::RECEIVED_MS);
        let own = letter.own_headers().filter(|(name, _)| goes_along(name));
        let mut headers: Vec<(String, Vec<u8>)> =
            own.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
        let times = letter.redriven_before().saturating_add(1);
        headers.push((header::REDRIVEN.to_owned(), times.to_string().into_bytes()));
        Outgoing {
            topic,
            partition: Some(partition),
            key: letter.0.key.clone(),
            value: letter.0.value.clone(),
            headers,
        }
    }
}

/// The letters of one origin that go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Going {
    pub(super) count: u64,
    /// When the oldest of them was appended at its origin, ms.
    pub(super) oldest_ms: Option<i64>,
    /// Log lines whose windows are final.
    pub(super) late: u64,
    /// Those that will be dead letters again.
    pub(super) unreadable: u64,
}

/// What was decided so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// By origin and reason.
    pub(super) going: BTreeMap<(String, String), Going>,
    /// By why they stay, and the reason for which they are here.
    pub(super) staying: BTreeMap<(Stays, String), u64>,
}

impl Tally {
    /// All that go.
    pub(super) fn total(&self) -> u64 {
        self.going.values().map(|going| going.count).sum()
    }
}
