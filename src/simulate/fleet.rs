//! Viewers and calls at once.

use std::iter::Peekable;

use super::{Calls, SimulatedRecord, Simulation};

/// The records of viewers, of calls, or of both, in order of append time.
#[derive(Debug)]
pub struct Fleet {
    viewers: Option<Peekable<Simulation>>,
    calls: Option<Peekable<Calls>>,
}

impl Fleet {
    /// What is `None` gives no records.
    pub fn new(viewers: Option<Simulation>, calls: Option<Calls>) -> Self {
        Self { viewers: viewers.map(Iterator::peekable), calls: calls.map(Iterator::peekable) }
    }
}

impl Iterator for Fleet {
    type Item = SimulatedRecord;

    fn next(&mut self) -> Option<SimulatedRecord> {
        let append_ms = |record: &SimulatedRecord| record.append_ms;
        let viewers_ms = self.viewers.as_mut().and_then(|viewers| viewers.peek().map(append_ms));
        let calls_ms = self.calls.as_mut().and_then(|calls| calls.peek().map(append_ms));
        let calls_are_first = match (viewers_ms, calls_ms) {
            (Some(viewers_ms), Some(calls_ms)) => calls_ms < viewers_ms,
            (None, _) => true,
            (Some(_), None) => false,
        };
        if calls_are_first { self.calls.as_mut()?.next() } else { self.viewers.as_mut()?.next() }
    }
}
