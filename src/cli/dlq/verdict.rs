//! What this program says of a letter now: the decoders of the topology as it is, tried on the letter's bytes.

use std::collections::BTreeMap;

use super::letter::Letter;
use crate::fold::Reader;
use crate::model::Reason;
use crate::service::{self, source_plan};
use crate::topology::{Clock, Source, Topology};

/// What became of an attempt to read a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// So many events; the newest of their own times, if they have any.
    Readable { events: u32, newest_ms: Option<i64> },
    /// Not now either.
    Unreadable(Reason),
    /// No source of the topology reads the topic that it came from.
    NoSource,
}

/// A source, ready to read its letters.
struct Desk {
    source: Source,
    /// An event this much older than the present comes after its window is final, as long as the topic is not far behind, ms.
    lateness_ms: i64,
    reader: Reader,
}

/// The sources of a topology, by topic.
pub(super) struct Desks(BTreeMap<String, Desk>);

impl Desks {
    /// # Errors
    /// When a source cannot be set up: a mapping file that cannot be read, say.
    pub(super) fn new(topology: &Topology) -> Result<Self, service::Error> {
        let mut desks = BTreeMap::new();
        for source in &topology.sources {
            let plan = source_plan(topology, source)?;
            let lateness_ms = topology.window_ms + source.grace_ms + topology.disorder_bound_ms + source.max_delay_ms;
            let reader = Reader::new(&plan.decoding);
            desks.insert(source.topic.clone(), Desk { source: source.clone(), lateness_ms, reader });
        }
        Ok(Self(desks))
    }

    /// Reads a letter as the source of its origin would.
    pub(super) fn read(&mut self, letter: &Letter) -> Verdict {
        let desk = letter.origin_topic().and_then(|topic| self.0.get_mut(topic));
        let Some(desk) = desk else { return Verdict::NoSource };
        let (mut events, mut newest_ms) = (0, None);
        let read = desk.reader.read(&letter.0.as_record(), &mut |event| {
            events += 1;
            newest_ms = newest_ms.max(event.time.map(|time| time.as_millis()));
        });
        match read {
            Ok(()) => Verdict::Readable { events, newest_ms },
            Err(reason) => Verdict::Unreadable(reason),
        }
    }

    /// Whose clock the events of this topic have.
    pub(super) fn clock(&self, topic: &str) -> Option<Clock> {
        self.0.get(topic).map(|desk| desk.source.clock)
    }

    /// How old a log line of this topic may be and still be in time, ms.
    pub(super) fn lateness_ms(&self, topic: &str) -> i64 {
        self.0.get(topic).map_or(0, |desk| desk.lateness_ms)
    }
}
