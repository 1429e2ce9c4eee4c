//! Event time and window boundaries, both in whole milliseconds since the Unix epoch.

use std::fmt;

/// A moment in event time: milliseconds since the Unix epoch, as a record reports it (after clamping, when it comes out of the engine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

impl EventTime {
    /// Wraps milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment moved by `millis`, which may be negative. Saturates at the ends of the range.
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// The edge of a window in event time: windows of length L start and end at multiples of L since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Boundary(i64);

impl Boundary {
    /// The boundary at `millis` since the Unix epoch; the caller knows that it is a multiple of the window length.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The last boundary at or before `time`, for windows of `length_ms`: the start of the window that holds `time`.
    pub const fn at_or_before(time: EventTime, length_ms: i64) -> Self {
        Self(time.0.div_euclid(length_ms).saturating_mul(length_ms))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This boundary moved by `millis`, which may be negative. Saturates at the ends of the range.
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
