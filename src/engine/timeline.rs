//! The windows of one partition (of one source), from the frontier on.

use std::collections::VecDeque;

use super::{CarryStore, Due, Rules};
use crate::model::{Boundary, EventTime};

/// A window that has just become final, taken out of the timeline. It waits there for its acknowledgement.
#[derive(Debug)]
pub struct Closed<W> {
    /// Where the window ends: the name to acknowledge it by.
    pub end: Boundary,
    /// What it holds.
    pub window: W,
}

/// A boundary that has just closed. It waits in the timeline for its acknowledgement.
#[derive(Debug)]
pub struct ClosedBoundary<W> {
    /// The boundary.
    pub end: Boundary,
    /// What fell due there, in order of key.
    pub due: Vec<Due>,
    /// The window that ends there.
    pub window: Option<W>,
}

/// What a commit saves for a partition, besides its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitPoint {
    /// Every window ending at or before it is final and acknowledged; `None` = nothing is yet.
    pub frontier: Option<Boundary>,
    /// The first offset that a window after the frontier needs; `None` = no such window has a record.
    pub first_needed: Option<i64>,
    /// The watermark at the offset to resume from: before the record there is read.
    pub watermark: Option<EventTime>,
}

impl CommitPoint {
    /// The offset to resume from, given the next offset to be read.
    pub fn resume_offset(&self, position: i64) -> i64 {
        self.first_needed.map_or(position, |needed| needed.min(position))
    }
}

/// What became of a record.
#[derive(Debug)]
pub enum Accepted<'a, W> {
    /// It is a member of this window, to be filled by the caller.
    Member(&'a mut W),
    /// It is a member of a window at or before the frontier, which was written before a restart.
    Written,
    /// Its window was final before it came.
    Late,
}

enum State<W> {
    Open(W),
    /// Handed out by [`Timeline::close_next`], not acknowledged yet.
    Closed,
    Acknowledged,
}

struct Slot<W> {
    end: Boundary,
    /// Of the first record that is a member of this window; `None` where only carries fell due.
    first_offset: Option<i64>,
    /// Before that record was read.
    watermark_before: Option<EventTime>,
    state: State<W>,
}

/// Watermark, windows and frontier of one partition.
pub struct Timeline<W> {
    rules: Rules,
    watermark: Option<EventTime>,
    frontier: Option<Boundary>,
    /// The record being read, and the watermark before it: a record can hold several events.
    reading: Option<(i64, Option<EventTime>)>,
    /// Every window after the frontier that has a member, ascending by end.
    slots: VecDeque<Slot<W>>,
    /// The end of the oldest open window: saves the search when nothing is to be closed, which is nearly always.
    oldest_open: Option<Boundary>,
}

impl<W> Timeline<W> {
    /// A timeline that goes on from a saved frontier, with the watermark that was saved with it (R6); `None` starts from nothing.
    pub fn restore(rules: Rules, frontier: Option<Boundary>, watermark: Option<EventTime>) -> Self {
        Self { rules, watermark, frontier, reading: None, slots: VecDeque::new(), oldest_open: None }
    }

    /// The end of the window that holds `time`.
    pub fn window_end(&self, time: EventTime) -> Boundary {
        Boundary::at_or_before(time, self.rules.window_ms).plus(self.rules.window_ms)
    }

    /// Takes in an event with this time, of the record at `offset`. The watermark moves after the decision, so an event is never
    /// late because of itself. Call [`Self::close_next`] when the record is done.
    pub fn accept(&mut self, offset: i64, time: EventTime, make: impl FnOnce(Boundary) -> W) -> Accepted<'_, W> {
        self.read(offset);
        let end = self.window_end(time);
        if self.is_final(end) {
            return Accepted::Late;
        }
        self.advance(time.plus(-self.rules.disorder_bound_ms));
        self.open_slot(offset, end, make).map_or(Accepted::Written, Accepted::Member)
    }

    /// Makes a record a member of the window that ends at `end` without moving the watermark; `None` when that window is final.
    pub fn join(&mut self, offset: i64, end: Boundary, make: impl FnOnce(Boundary) -> W) -> Option<&mut W> {
        self.read(offset);
        if self.is_final(end) {
            return None;
        }
        self.open_slot(offset, end, make)
    }

    /// Moves the watermark to at least `watermark`.
    pub fn advance(&mut self, watermark: EventTime) {
        if self.watermark.is_none_or(|current| current < watermark) {
            self.watermark = Some(watermark);
        }
    }

    /// The oldest window that has become final and was not handed out yet. Call until `None`.
    pub fn close_next(&mut self) -> Option<Closed<W>> {
        let end = self.next_final()?;
        let index = self.slots.iter().position(|slot| matches!(slot.state, State::Open(_)))?;
        let slot = self.slots.get_mut(index)?;
        let State::Open(window) = std::mem::replace(&mut slot.state, State::Closed) else { return None };
        self.oldest_open =
            self.slots.iter().skip(index + 1).find(|slot| matches!(slot.state, State::Open(_))).map(|slot| slot.end);
        Some(Closed { end, window })
    }

    /// Closes the oldest boundary that has become final and has something to give: carries that fall due there, the window that ends
    /// there, or both. Call until `None`, also before the first record of a restored timeline; then acknowledge each.
    pub fn close_boundary(&mut self, carries: &mut CarryStore) -> Option<ClosedBoundary<W>> {
        loop {
            let window_end = self.next_final();
            let due = carries.next_due().filter(|due| self.is_final(*due));
            let end = window_end.into_iter().chain(due).min()?;
            let due = carries.close(end);
            if window_end == Some(end) {
                let window = self.close_next().map(|closed| closed.window);
                return Some(ClosedBoundary { end, due, window });
            }
            // What was to be looked at here and is not due waits on.
            if !due.is_empty() {
                self.close_beside(end);
                return Some(ClosedBoundary { end, due, window: None });
            }
        }
    }

    /// The end of the window that [`Self::close_next`] would hand out.
    fn next_final(&self) -> Option<Boundary> {
        self.oldest_open.filter(|end| self.is_final(*end))
    }

    /// Something beside a window has closed at `end`, a boundary that is final: it is waited for like a window.
    fn close_beside(&mut self, end: Boundary) {
        let index = self.slots.partition_point(|slot| slot.end < end);
        if self.slots.get(index).is_none_or(|slot| slot.end != end) {
            self.slots.insert(index, Slot { end, first_offset: None, watermark_before: None, state: State::Closed });
        }
    }

    /// Whether what ends at `end` takes no more records.
    pub fn is_final(&self, end: Boundary) -> bool {
        self.watermark.is_some_and(|watermark| end.plus(self.rules.grace_ms).as_millis() <= watermark.as_millis())
    }

    /// The rows of the window that ends at `end` are safe. Acknowledgements may come in any order, and more than once.
    pub fn acknowledge(&mut self, end: Boundary) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.end == end)
            && matches!(slot.state, State::Closed)
        {
            slot.state = State::Acknowledged;
        }
    }

    /// What a commit at this moment may save (R4, R5). Nothing changes here: see [`Self::committed`].
    pub fn commit_point(&self) -> CommitPoint {
        let mut frontier = self.final_boundary();
        let waiting = self.slots.iter().find(|slot| !matches!(slot.state, State::Acknowledged));
        if let (Some(boundary), Some(slot)) = (frontier, waiting) {
            frontier = Some(boundary.min(slot.end.plus(-self.rules.window_ms)));
        }
        let frontier = frontier.max(self.frontier);
        let needed = self.slots.iter().filter(|slot| frontier.is_none_or(|boundary| slot.end > boundary));
        let with_records = needed.filter_map(|slot| Some((slot.first_offset?, slot.watermark_before)));
        let first = with_records.min_by_key(|(offset, _)| *offset);
        CommitPoint {
            frontier,
            first_needed: first.map(|(offset, _)| offset),
            watermark: first.map_or(self.watermark, |(_, watermark)| watermark),
        }
    }

    /// The commit that saved `point` has succeeded: what lies at or before its frontier is forgotten.
    pub fn committed(&mut self, point: &CommitPoint) {
        self.frontier = self.frontier.max(point.frontier);
        let Some(frontier) = self.frontier else { return };
        self.slots.retain(|slot| slot.end > frontier);
    }

    /// The watermark; `None` before the first record.
    pub fn watermark(&self) -> Option<EventTime> {
        self.watermark
    }

    /// The frontier of the last commit.
    pub fn frontier(&self) -> Option<Boundary> {
        self.frontier
    }

    /// The windows that still take records, oldest first.
    pub fn open_windows(&self) -> impl Iterator<Item = (Boundary, &W)> {
        self.slots.iter().filter_map(|slot| match &slot.state {
            State::Open(window) => Some((slot.end, window)),
            State::Closed | State::Acknowledged => None,
        })
    }

    /// How many windows are closed and wait for their acknowledgement.
    pub fn unacknowledged(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot.state, State::Closed)).count()
    }

    /// The last boundary that is final by the watermark.
    fn final_boundary(&self) -> Option<Boundary> {
        let watermark = self.watermark?;
        Some(Boundary::at_or_before(watermark.plus(-self.rules.grace_ms), self.rules.window_ms))
    }

    /// Remembers the watermark before the first event of a record.
    fn read(&mut self, offset: i64) {
        if self.reading.is_none_or(|(current, _)| current != offset) {
            self.reading = Some((offset, self.watermark));
        }
    }

    /// The window that ends at `end`, made when it is new; `None` when it does not take records any more.
    fn open_slot(&mut self, offset: i64, end: Boundary, make: impl FnOnce(Boundary) -> W) -> Option<&mut W> {
        if self.frontier.is_some_and(|frontier| end <= frontier) {
            return None;
        }
        // Nearly every record belongs to the newest window or the one before it.
        let after = self.slots.iter().rposition(|slot| slot.end <= end);
        let index = match after {
            Some(index) if self.slots.get(index).is_some_and(|slot| slot.end == end) => index,
            _ => {
                let index = after.map_or(0, |index| index + 1);
                let state = State::Open(make(end));
                let watermark_before = self.reading.and_then(|(_, watermark)| watermark);
                self.slots.insert(index, Slot { end, first_offset: Some(offset), watermark_before, state });
                self.oldest_open = Some(self.oldest_open.map_or(end, |oldest| oldest.min(end)));
                index
            }
        };
        match &mut self.slots.get_mut(index)?.state {
            State::Open(window) => Some(window),
            State::Closed | State::Acknowledged => None,
        }
    }
}
