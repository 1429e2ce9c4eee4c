//! The record that a commit keeps for a partition in its state topic.
//!
//! R1  A record of a newer format, of other rules or for another number of partitions is refused with instructions, never reinterpreted.

use std::collections::BTreeMap;

use crate::fold::SavedSource;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::{Boundary, EventTime};

const VERSION: u8 = 2;

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
    /// Of each source in the partition, its epoch and frontier.
    pub(super) sources: BTreeMap<Box<str>, SavedSource>,
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
        out.integer(self.sources.len() as i64);
        for (source, saved) in &self.sources {
            out.text(source);
            out.integer(saved.epoch);
            put_optional(&mut out, saved.frontier.map(Boundary::as_millis));
        }
        put_optional(&mut out, self.watermark.map(EventTime::as_millis));
        out.into_bytes()
    }

    pub(super) fn decode(bytes: &[u8], expected: Frame) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        let version = input.byte()?;
        if version > VERSION {
            return Err(Error::Version { found: version });
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
        let mut sources = BTreeMap::new();
        for _ in 0..count {
            let source = input.text()?.into();
            // Before there were epochs, each source had a frontier.
            let (epoch, frontier) = match version {
                1 => (0, Some(input.integer()?)),
                _ => (input.integer()?, take_optional(&mut input)?),
            };
            sources.insert(source, SavedSource { epoch, frontier: frontier.map(Boundary::from_millis) });
        }
        let watermark = take_optional(&mut input)?.map(EventTime::from_millis);
        Ok(Self { position, sources, watermark })
    }
}

fn put_optional(out: &mut Writer, value: Option<i64>) {
    out.byte(u8::from(value.is_some()));
    out.integer(value.unwrap_or(0));
}

fn take_optional(input: &mut Reader<'_>) -> Result<Option<i64>, Short> {
    let is_there = input.byte()? != 0;
    let value = input.integer()?;
    Ok(is_there.then_some(value))
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
            sources: BTreeMap::from([
                ("cmcd".into(), SavedSource { epoch: 0, frontier: Some(Boundary::from_millis(10_000)) }),
                ("logs".into(), SavedSource { epoch: 3, frontier: None }),
            ]),
            watermark: Some(EventTime::from_millis(19_500)),
        };
        let bytes = saved.encode(frame);
        assert_eq!(Saved::decode(&bytes, frame).unwrap(), saved);
        let grown = Saved::decode(&bytes, Frame { partitions: 9, ..frame }).unwrap_err();
        assert!(grown.to_string().contains("had 8 partitions and has 9 now"), "{grown}");
        let other = Saved::decode(&bytes, Frame { rules: 2, ..frame }).unwrap_err();
        assert!(other.to_string().contains("rules number 1"), "{other}");
        // Version 1, byte by byte: rules, partitions, position; one source "a" with frontier 20; watermark 25.
        let first = Saved::decode(&[1, 2, 16, 84, 2, 1, b'a', 40, 1, 50], frame).unwrap();
        let source = SavedSource { epoch: 0, frontier: Some(Boundary::from_millis(20)) };
        assert_eq!(first.sources, BTreeMap::from([("a".into(), source)]));
        assert_eq!((first.position, first.watermark), (42, Some(EventTime::from_millis(25))));
        assert!(matches!(Saved::decode(&[9], frame), Err(Error::Version { found: 9 })));
        assert!(matches!(Saved::decode(&bytes[..4], frame), Err(Error::Short(_))));
    }
}
