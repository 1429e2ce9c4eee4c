//! Records on the partials topic: partials (one partition's part of an edge row) and markers (how far partitions have come).
//!
//! Both start with a kind byte. A partial's Kafka key is its [`EdgeKey`], so that all parts of a row meet in one partition; markers have
//! no key and are written to every partition.

use super::totals::Totals;
use crate::aggregate::PartialError;
use crate::model::Boundary;
use crate::model::bytes::{Reader, Short, Writer};

const PARTIAL: u8 = b'P';
const MARKER: u8 = b'M';
/// The version of the marker's encoding, its second byte.
const MARKER_VERSION: u8 = 2;

/// Why a record on the partials topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its first byte is no known kind.
    #[error("a record of kind {0} is neither a partial nor a marker: does something else write to this topic?")]
    Kind(u8),
    /// Its version is newer.
    #[error(
        "a marker has version {0}, and this program knows only version {MARKER_VERSION}: finish the upgrade of all instances"
    )]
    MarkerVersion(u8),
    /// Other rules are in force where it was made.
    #[error(
        "a marker was made under rules number {found}, and the topology here has {own}: the stages must have the same topology. Where rules change, the old one first finishes what is on this topic (`drained` on `/state`)"
    )]
    Rules {
        /// Those of the marker.
        found: i64,
        /// Our own.
        own: i64,
    },
    /// It ends too early.
    #[error(transparent)]
    Short(#[from] Short),
    /// The measurements cannot be read.
    #[error(transparent)]
    Partial(#[from] PartialError),
}

impl Error {
    /// Whether a newer program or one with other rules wrote the record. It has a meaning, so passing over it would make rows wrong.
    pub fn has_meaning(&self) -> bool {
        matches!(self, Self::MarkerVersion(_) | Self::Rules { .. } | Self::Partial(PartialError::Version { .. }))
    }
}

/// What an edge row belongs to, over all sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// The source's name.
    pub source: Box<str>,
    /// The tenant.
    pub tenant: Box<str>,
    /// The point of presence.
    pub edge: Box<str>,
    /// The other names that rows of such a source are told apart by, in the order of its kind.
    pub more: Vec<Box<str>>,
}

impl EdgeKey {
    /// The key of what belongs to a source as a whole. No row has it: a tenant is never empty.
    pub(super) fn of_source(source: &str) -> Self {
        Self { source: source.into(), tenant: "".into(), edge: "".into(), more: Vec::new() }
    }

    /// Whether it is [`Self::of_source`].
    pub(super) fn is_of_source(&self) -> bool {
        self.tenant.is_empty()
    }

    /// The Kafka key: the names in their declared order, each with its length before it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        for name in [&self.source, &self.tenant, &self.edge].into_iter().chain(&self.more) {
            out.text(name);
        }
        out.into_bytes()
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Short> {
        let mut input = Reader::new(bytes);
        let mut next = || input.text().map(Box::from);
        let (source, tenant, edge) = (next()?, next()?, next()?);
        let mut more = Vec::new();
        while !input.is_empty() {
            more.push(input.text()?.into());
        }
        Ok(Self { source, tenant, edge, more })
    }
}

/// One partition's part of an edge row.
#[derive(Clone)]
pub struct Partial {
    /// The row's key.
    pub key: EdgeKey,
    /// Where its window ends.
    pub end: Boundary,
    /// How often the source had been reset before it was made: only the newest epoch counts.
    pub epoch: i64,
    /// The measurements.
    pub totals: Totals,
}

impl Partial {
    /// The record's value; its Kafka key is [`EdgeKey::encode`].
    pub fn encode_value(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(PARTIAL);
        out.integer(self.end.as_millis());
        self.totals.encode(&mut out);
        out.integer(self.epoch);
        out.into_bytes()
    }
}

/// How far one source partition has come: every partial of windows ending at or before `frontier` is on the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The source's name.
    pub source: Box<str>,
    /// How many partitions the source topic has.
    pub partitions: i32,
    /// Which of them this is about.
    pub partition: i32,
    /// The partition's frontier.
    pub frontier: Boundary,
    /// How often the source had been reset before: only the newest epoch counts.
    pub epoch: i64,
}

/// A record on the partials topic.
pub enum RollupRecord {
    /// A part of an edge row.
    Partial(Box<Partial>),
    /// How far partitions have come.
    Marker {
        /// The rules number that the partials of this commit were made under; `None` from before there was one.
        rules: Option<i64>,
        /// Of each partition that has come further.
        announcements: Vec<Announcement>,
    },
}

impl RollupRecord {
    /// The value of a marker.
    pub fn encode_marker(rules: i64, announcements: &[Announcement]) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(MARKER);
        out.byte(MARKER_VERSION);
        out.integer(rules);
        out.integer(announcements.len() as i64);
        for announcement in announcements {
            out.text(&announcement.source);
            out.integer(i64::from(announcement.partitions));
            out.integer(i64::from(announcement.partition));
            out.integer(announcement.frontier.as_millis());
            out.integer(announcement.epoch);
        }
        out.into_bytes()
    }

    /// Reads a record.
    pub fn decode(key: Option<&[u8]>, value: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(value);
        match input.byte()? {
            PARTIAL => {
                let key = EdgeKey::decode(key.unwrap_or_default())?;
                let end = Boundary::from_millis(input.integer()?);
                let totals = Totals::decode(&mut input)?;
                // Before there were epochs, a partial ended here.
                let epoch = if input.is_empty() { 0 } else { input.integer()? };
                Ok(Self::Partial(Box::new(Partial { key, end, epoch, totals })))
            }
            MARKER => decode_marker(&mut input),
            kind => Err(Error::Kind(kind)),
        }
    }
}

fn decode_marker(input: &mut Reader<'_>) -> Result<RollupRecord, Error> {
    let version = input.byte()?;
    if version > MARKER_VERSION {
        return Err(Error::MarkerVersion(version));
    }
    let rules = if version > 1 { Some(input.integer()?) } else { None };
    let count = input.integer()?;
    let mut announcements = Vec::new();
    for _ in 0..count {
        announcements.push(Announcement {
            source: input.text()?.into(),
            partitions: i32::try_from(input.integer()?).unwrap_or(i32::MAX),
            partition: i32::try_from(input.integer()?).unwrap_or(i32::MAX),
            frontier: Boundary::from_millis(input.integer()?),
            // Before there were epochs, an announcement ended here.
            epoch: if version > 1 { input.integer()? } else { 0 },
        });
    }
    Ok(RollupRecord::Marker { rules, announcements })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn markers_and_keys_come_back() {
        let announcements = vec![Announcement {
            source: "cmcd-logs".into(),
            partitions: 8,
            partition: 3,
            frontier: Boundary::from_millis(1_767_600_120_000),
            epoch: 2,
        }];
        let value = RollupRecord::encode_marker(7, &announcements);
        let Ok(RollupRecord::Marker { rules: Some(7), announcements: read }) = RollupRecord::decode(None, &value)
        else {
            panic!("not the marker")
        };
        assert_eq!(read, announcements);
        // Version 1, byte by byte: one announcement, of "a", the 3rd of 8 partitions, at 20.
        let first = [MARKER, 1, 2, 1, b'a', 16, 4, 40];
        let Ok(RollupRecord::Marker { rules: None, announcements: read }) = RollupRecord::decode(None, &first) else {
            panic!("not a marker")
        };
        let (partitions, partition, frontier) = (8, 2, Boundary::from_millis(20));
        assert_eq!(read, [Announcement { source: "a".into(), partitions, partition, frontier, epoch: 0 }]);
        let key = EdgeKey {
            source: "a".into(),
            tenant: "b".into(),
            edge: "c".into(),
            more: vec!["d".into(), "e".into(), "f".into()],
        };
        assert_eq!(EdgeKey::decode(&key.encode()).unwrap(), key);
        assert!(matches!(RollupRecord::decode(None, b"{}"), Err(Error::Kind(b'{'))));
        assert!(matches!(RollupRecord::decode(None, b""), Err(Error::Short(_))));
    }
}
