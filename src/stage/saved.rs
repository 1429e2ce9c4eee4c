//! The record that a commit keeps for a partition in its state topic.
//!
//! R1  A record of a newer format, of newer rules or for another number of partitions is refused with instructions, never reinterpreted.
//! R2  One of older rules is taken up only where nothing is open that was begun under them. Reading goes on behind everything that was
//!     read, and what lies at or before the frontier of then stays as it was written.

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
    /// Newer rules were in force.
    #[error(
        "its saved state was made under rules number {saved}, and the topology here has {current}: give this process the newer topology"
    )]
    NewerRules {
        /// The number saved.
        saved: i64,
        /// The number in the topology.
        current: i64,
    },
    /// Windows or sessions are open that were begun under older rules.
    #[error(
        "windows or sessions are open that were begun under rules number {saved}, and the topology has {current}: go back to the old topology, stop what produces into the topic, wait until `/state` says `drained` for each of its partitions, stop, and start with the new topology. Or reprocess with `streamgauge reset`"
    )]
    NotDrained {
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
    /// Whether nothing was open but windows without a content.
    pub(super) drained: bool,
    /// What ends at or before it is computed for the sake of what follows, and not given out.
    pub(super) silent_until: Option<Boundary>,
    /// Whether older rules were in force (R2).
    pub(super) under_older_rules: bool,
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
        out.byte(u8::from(self.drained));
        put_optional(&mut out, self.silent_until.map(Boundary::as_millis));
        out.into_bytes()
    }

    /// Reads what [`Self::encode`] wrote under this frame, or under older rules when it was drained (R1, R2).
    pub(super) fn decode(bytes: &[u8], expected: Frame) -> Result<Self, Error> {
        let (found, mut saved) = Self::read(bytes)?;
        if found.rules > expected.rules {
            return Err(Error::NewerRules { saved: found.rules, current: expected.rules });
        }
        if found.partitions != expected.partitions {
            return Err(Error::Partitions { saved: found.partitions, current: expected.partitions });
        }
        saved.under_older_rules = found.rules < expected.rules;
        if saved.under_older_rules && !saved.drained {
            return Err(Error::NotDrained { saved: found.rules, current: expected.rules });
        }
        Ok(saved)
    }

    /// Reads what [`Self::encode`] wrote, whatever its frame.
    pub(super) fn read(bytes: &[u8]) -> Result<(Frame, Self), Error> {
        let mut input = Reader::new(bytes);
        let version = input.byte()?;
        if version > VERSION {
            return Err(Error::Version { found: version });
        }
        let found = Frame { rules: input.integer()?, partitions: input.integer()? };
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
        let (drained, silent_until) = match version {
            1 => (false, None),
            _ => (input.byte()? != 0, take_optional(&mut input)?.map(Boundary::from_millis)),
        };
        Ok((found, Self { position, sources, watermark, drained, silent_until, under_older_rules: false }))
    }

    /// Moves each frontier up to a boundary of windows of this length: no new window reaches behind what is written.
    pub(super) fn for_windows_of(mut self, window_ms: i64) -> Self {
        for one in self.sources.values_mut() {
            let up = |end: Boundary| EventTime::from_millis(end.as_millis().saturating_add(window_ms - 1));
            one.frontier = one.frontier.map(|end| Boundary::at_or_before(up(end), window_ms));
        }
        self
    }

    /// From where on records count: under other rules than those that they were read under, none counts twice.
    pub(super) fn counts_from(&self, resume_offset: i64) -> i64 {
        if self.under_older_rules { self.position.max(resume_offset) } else { resume_offset }
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
            silent_until: Some(Boundary::from_millis(7_200_000)),
            ..Saved::default()
        };
        let bytes = saved.encode(frame);
        assert_eq!(Saved::decode(&bytes, frame).unwrap(), saved);
        let grown = Saved::decode(&bytes, Frame { partitions: 9, ..frame }).unwrap_err();
        assert!(grown.to_string().contains("had 8 partitions and has 9 now"), "{grown}");
        let older = Saved::decode(&bytes, Frame { rules: 0, ..frame }).unwrap_err();
        assert!(matches!(older, Error::NewerRules { saved: 1, current: 0 }));
        let newer = Frame { rules: 2, ..frame };
        let open = Saved::decode(&bytes, newer).unwrap_err();
        assert!(open.to_string().contains("rules number 1") && open.to_string().contains("drained"), "{open}");
        let drained = Saved { drained: true, ..saved };
        let switched = Saved::decode(&drained.encode(frame), newer).unwrap();
        assert_eq!((switched.under_older_rules, switched.counts_from(17)), (true, 42));
        let moved = switched.for_windows_of(4_000);
        assert_eq!(moved.sources["cmcd"].frontier, Some(Boundary::from_millis(12_000)));
        // Version 1, byte by byte: rules, partitions, position; one source "a" with frontier 20; watermark 25.
        let first = Saved::decode(&[1, 2, 16, 84, 2, 1, b'a', 40, 1, 50], frame).unwrap();
        let source = SavedSource { epoch: 0, frontier: Some(Boundary::from_millis(20)) };
        assert_eq!(first.sources, BTreeMap::from([("a".into(), source)]));
        assert_eq!((first.position, first.watermark), (42, Some(EventTime::from_millis(25))));
        assert!(matches!(Saved::decode(&[9], frame), Err(Error::Version { found: 9 })));
        assert!(matches!(Saved::decode(&bytes[..4], frame), Err(Error::Short(_))));
    }
}
