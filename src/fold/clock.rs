//! Which moment a record counts at: its own time, kept within bounds that a wrong clock cannot leave.
//!
//! R1  A player's time is clamped to [reference − grace, reference]; the reference is when the collector received the report, never
//!     after the append time. So a wrong clock shifts attribution by at most the grace, and never moves the watermark ahead.
//! R2  A log's time is true, but at most 24 h old and never after the append time.
//! R3  The choice depends on the record alone, never on what came before it.

use crate::model::EventTime;

/// The oldest that a log line may be, ms.
const LOG_AGE_LIMIT_MS: i64 = 24 * 60 * 60 * 1000;

/// Whose clock stamped a source's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The viewers' devices: right within minutes, mostly.
    Player,
    /// Servers that keep time.
    Log,
}

/// The event time of a record, and whether its own time was out of bounds. `own` is absent when the record has no time of its own.
pub fn clamp(
    clock: Clock,
    own: Option<EventTime>,
    received_ms: Option<i64>,
    append_ms: i64,
    grace_ms: i64,
) -> (EventTime, bool) {
    let (earliest, latest) = match clock {
        Clock::Player => {
            let reference = received_ms.unwrap_or(append_ms).min(append_ms);
            (reference.saturating_sub(grace_ms), reference)
        }
        Clock::Log => (append_ms.saturating_sub(LOG_AGE_LIMIT_MS), append_ms),
    };
    let Some(own) = own else { return (EventTime::from_millis(latest), false) };
    let time = EventTime::from_millis(own.as_millis().clamp(earliest, latest));
    (time, time != own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_within_their_bounds() {
        let at = EventTime::from_millis;
        let append = 1_000_000_000;
        let day = 86_400_000;
        // (clock, own, received, expected time, expected clamped)
        let table = [
            (Clock::Player, Some(append - 5), None, append - 5, false),
            (Clock::Player, Some(append + 5), None, append, true),
            (Clock::Player, Some(append - 10_001), None, append - 10_000, true),
            (Clock::Player, Some(0), Some(append - 300), append - 10_300, true),
            (Clock::Player, None, Some(append - 300), append - 300, false),
            (Clock::Player, None, None, append, false),
            // A collector whose clock is ahead does not move the watermark ahead.
            (Clock::Player, None, Some(append + day), append, false),
            (Clock::Log, Some(append - day), None, append - day, false),
            (Clock::Log, Some(append - day - 1), None, append - day, true),
            (Clock::Log, Some(append + 1), None, append, true),
        ];
        for (clock, own, received, expected, clamped) in table {
            assert_eq!(
                clamp(clock, own.map(at), received, append, 10_000),
                (at(expected), clamped),
                "{clock:?} {own:?}"
            );
        }
    }
}
