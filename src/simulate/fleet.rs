//! Viewers, calls and players at once.

use std::iter::Peekable;

use super::{Calls, Players, SimulatedRecord, Simulation};

/// The records of viewers, of calls, of Kaltura's players, or of all of them, in order of append time.
#[derive(Debug)]
pub struct Fleet {
    viewers: Option<Peekable<Simulation>>,
    calls: Option<Peekable<Calls>>,
    players: Option<Peekable<Players>>,
}

impl Fleet {
    /// What is `None` gives no records.
    pub fn new(viewers: Option<Simulation>, calls: Option<Calls>, players: Option<Players>) -> Self {
        Self {
            viewers: viewers.map(Iterator::peekable),
            calls: calls.map(Iterator::peekable),
            players: players.map(Iterator::peekable),
        }
    }
}

/// When the next record of a stream is appended: never, if it has none.
fn next_ms(stream: &mut Option<Peekable<impl Iterator<Item = SimulatedRecord>>>) -> i64 {
    stream.as_mut().and_then(|stream| stream.peek().map(|record| record.append_ms)).unwrap_or(i64::MAX)
}

impl Iterator for Fleet {
    type Item = SimulatedRecord;

    fn next(&mut self) -> Option<SimulatedRecord> {
        let (viewers_ms, calls_ms) = (next_ms(&mut self.viewers), next_ms(&mut self.calls));
        let players_ms = next_ms(&mut self.players);
        // Among equals viewers are first, and players last.
        if players_ms < viewers_ms.min(calls_ms) {
            self.players.as_mut()?.next()
        } else if calls_ms < viewers_ms {
            self.calls.as_mut()?.next()
        } else {
            self.viewers.as_mut()?.next()
        }
    }
}
