//! What one kind of source does its own way: how its records are decoded, and what its windows hold. All else is common ([`super::Fold`]).

use std::borrow::Cow;
use std::sync::Arc;

use super::SourceSettings;
use crate::aggregate::rollup::{EdgeKey, Totals};
use crate::aggregate::webrtc::Recommendation;
use crate::aggregate::{Outcome, Size, SourceLabels};
use crate::model::{Boundary, Carries, EventTime, Reason, Record, Rows};

/// Where and when an event came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The record that holds it.
    pub record: &'a Record<'a>,
    /// Its time, after clamping: inside its window, except for late ones.
    pub time: EventTime,
    /// Whether clamping moved it.
    pub clamped: bool,
    /// Whether what has the same request id counts once.
    pub deduplicate: bool,
}

/// What a closed window gives, or sessions that are final at its boundary.
pub struct Yield {
    /// Rows of sessions.
    pub rows: Arc<dyn Rows>,
    /// The partition's part of edge rows.
    pub edges: Vec<(EdgeKey, Totals)>,
    /// What is recommended to whoever serves these sessions.
    pub recommendations: Vec<Recommendation>,
    /// Carries that could not be read.
    pub carries_damaged: u64,
}

/// What a decoder has counted since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeCounts {
    /// Departures from the specification, by the name of their kind.
    pub warnings: Vec<(&'static str, u64)>,
    /// Parts of records that were left out while others were kept.
    pub rejected: Vec<(Reason, u64)>,
    /// Members that were left out because their value cannot be, by name.
    pub invalid_members: Vec<(&'static str, u64)>,
    /// Events by numbers that mean nothing here; `None` = all that are not told apart.
    pub unknown_events: Vec<(Option<i64>, u64)>,
}

/// A kind of source.
pub trait Kind: Send + 'static {
    /// Reads its records.
    type Decoder: Send;
    /// What a record holds, one or several of them.
    type Event<'e>;
    /// What a partition saw of one window.
    type Window: Send;
    /// The constants with which windows are closed.
    type Rules: Send;

    /// The version of what is carried of a session from window to window.
    const CARRY_VERSION: u8;

    /// Calls `each` once per event.
    ///
    /// # Errors
    /// The whole record is a dead letter, and `each` was not called.
    fn decode(
        decoder: &mut Self::Decoder,
        record: &Record<'_>,
        each: &mut dyn FnMut(&Self::Event<'_>),
    ) -> Result<(), Reason>;

    /// What is kept of the value of a record that is a dead letter or late: all of it, but for secrets.
    fn kept(value: &[u8]) -> Cow<'_, [u8]> {
        Cow::Borrowed(value)
    }

    /// What was counted since the last call.
    fn take_counts(decoder: &mut Self::Decoder) -> DecodeCounts;

    /// Forgets what was counted of left-out parts.
    fn forget_rejected(decoder: &mut Self::Decoder);

    /// The event's own time.
    fn time(event: &Self::Event<'_>) -> Option<EventTime>;

    /// How many of its members were dropped because they are wrong.
    fn members_rejected(event: &Self::Event<'_>) -> u32;

    /// An empty window.
    fn window(settings: &SourceSettings, start: Boundary, expected: Size) -> Self::Window;

    /// How much a window holds.
    fn size(window: &Self::Window) -> Size;

    /// Whether it holds nothing.
    fn is_empty(window: &Self::Window) -> bool;

    /// Counts an event.
    fn absorb(window: &mut Self::Window, event: &Self::Event<'_>, arrival: &Arrival<'_>) -> Outcome;

    /// Counts an event whose own window is final already, in the window that holds its append time.
    fn absorb_late(window: &mut Self::Window, event: &Self::Event<'_>, arrival: &Arrival<'_>);

    /// Ends a window. `next` is the open window that begins where it ends, as far as it has come: a function of the log, too.
    fn close(
        window: Self::Window,
        next: Option<&Self::Window>,
        rules: &Self::Rules,
        labels: &SourceLabels,
        carries: &mut dyn Carries,
    ) -> Yield;

    /// Ends the sessions whose carries fell due at `boundary`; `due` has keys and carries. It is called before the window that ends
    /// there closes: what that one has of such a session belongs to another with the same id.
    fn finish<'d>(
        due: &mut dyn Iterator<Item = (&'d [u8], &'d [u8])>,
        boundary: Boundary,
        settings: &SourceSettings,
        rules: &Self::Rules,
        labels: &SourceLabels,
    ) -> Yield;
}
