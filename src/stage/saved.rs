//! The record that a commit keeps for a partition in its state topic.
//!
//! R1  A record of a newer format, of other rules or for another number of partitions is refused with instructions, never reinterpreted.

use std::collections::BTreeMap;

use crate::model::bytes::{Reader, Short, Writer};
use crate::model::{Boundary, EventTime};

const VERSION: u8 = 1;

/// Why a saved state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A newer version wrote it.
    #[error(
        "its saved state has format {found}, and this program knows only {VERSION}: finish the upgrade of all instances"
    )]
    Version {
        /// The format's number.
        found: u8,
    },
    /// Other rules are in force.
    #[error(
        "its saved state was made under rules number {saved}, and the topology has {current}: restore the topology, or drain the source with the old one first"
    )]
    Rules {
        /// The number saved.
        saved: i64,
        /// The number in the topology.
        current: i64,
    },
    /// The topic has grown.
    #[error(
        "its topic had {saved} partitions and has {current} now, so sessions would be split: go back to {saved}, or move to a new topic"
    )]
    Partitions {
        /// The number saved.
        saved: i64,
        /// The number now.
        current: i64,
    },
    /// The group assigned a topic that was not asked for.
    #[error("the topic `{topic}` is in no source of the topology")]
    Unknown {
        /// The topic.
        topic: String,
    },
    /// It is cut off.
    #[error("its saved state is damaged: {0}")]
    Short(#[from] Short),
}

/// What must not change between a commit and the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// [`crate::topology::Topology::rules`].
    pub(super) rules: i64,
    /// Of the topic that was read.
    pub(super) partitions: i64,
}

/// How far a partition has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Saved {
    /// The next offset that was to be read.
    pub(super) position: i64,
    /// The frontier of each source in the partition.
    pub(super) frontiers: BTreeMap<Box<str>, Boundary>,
    /// The watermark at the offset to resume from, where it is not the frontier itself.
    pub(super) watermark: Option<EventTime>,
}

impl Saved {
    pub(super) fn encode(&self, frame: Frame) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.integer(frame.rules);
        out.integer(frame.partitions);
        out.integer(self.position);
        out.integer(self.frontiers.len() as i64);
        for (source, frontier) in &self.frontiers {
            out.text(source);
            out.integer(frontier.as_millis());
        }
        out.byte(u8::from(self.watermark.is_some()));
        out.integer(self.watermark.map_or(0, EventTime::as_millis));
        out.into_bytes()
    }

    pub(super) fn decode(bytes: &[u8], expected: Frame) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        match input.byte()? {
            VERSION => {}
            found => return Err(Error::Version { found }),
        }
        let found = Frame { rules: input.integer()?, partitions: input.integer()? };
        if found.rules != expected.rules {
            return Err(Error::Rules { saved: found.rules, current: expected.rules });
        }
        if found.partitions != expected.partitions {
            return Err(Error::Partitions { saved: found.partitions, current: expected.partitions });
        }
        let position = input.integer()?;
        let count = input.integer()?;
        let mut frontiers = BTreeMap::new();
        for _ in 0..count {
            let source = input.text()?.into();
            frontiers.insert(source, Boundary::from_millis(input.integer()?));
        }
        let has_watermark = input.byte()? != 0;
        let watermark = EventTime::from_millis(input.integer()?);
        Ok(Self { position, frontiers, watermark: has_watermark.then_some(watermark) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_a_state_of_the_same_frame_is_taken_up() {
        let frame = Frame { rules: 1, partitions: 8 };
        let saved = Saved {
            position: 42,
            frontiers: BTreeMap::from([("cmcd".into(), Boundary::from_millis(10_000))]),
            watermark: Some(EventTime::from_millis(19_500)),
        };
        let bytes = saved.encode(frame);
        assert_eq!(Saved::decode(&bytes, frame).unwrap(), saved);
        let grown = Saved::decode(&bytes, Frame { partitions: 9, ..frame }).unwrap_err();
        assert!(grown.to_string().contains("had 8 partitions and has 9 now"), "{grown}");
        let other = Saved::decode(&bytes, Frame { rules: 2, ..frame }).unwrap_err();
        assert!(other.to_string().contains("rules number 1"), "{other}");
        assert!(matches!(Saved::decode(&[9], frame), Err(Error::Version { found: 9 })));
        assert!(matches!(Saved::decode(&bytes[..4], frame), Err(Error::Short(_))));
    }
}
