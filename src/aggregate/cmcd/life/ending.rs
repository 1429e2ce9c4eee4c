//! When a session is over.
//!
//! R1  A session whose player said that playback is over (e, f, q) ends [`AFTER_THE_END_MS`] later, whatever else it says in that state.
//! R2  Otherwise it ends when nothing has come for long enough: by its buffer if it makes requests, by the rhythm of its reports in
//!     event mode, the longer one if it does both, and half an hour if it is paused or in the background.
//! R3  After 24 h it ends, and what comes goes on as another session.

use super::timeline::Timeline;
use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::cmcd::PlayerState;

/// How long a session waits after a terminal state, ms.
const AFTER_THE_END_MS: i64 = 30_000;
/// The shortest wait of a session with requests, ms.
const REQUESTS_MIN_MS: i64 = 60_000;
/// The time between two reports of which nothing is known, ms: the default of the specification.
const INTERVAL_MS: i64 = 30_000;
/// Reports are missed for this many intervals.
const INTERVALS: i64 = 3;
/// Reports `t` closer than this came in a heap, and say nothing of the rhythm, ms.
const INTERVAL_MIN_MS: i64 = 10_000;
/// The longest that a session is waited for, ms.
pub const IDLE_MAX_MS: i64 = 1_800_000;
/// The longest session, ms.
const SESSION_MAX_MS: i64 = 86_400_000;

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// `sta` e.
    Ended,
    /// `sta` f.
    Failed,
    /// `sta` q.
    Quit,
    /// Nothing came for long enough.
    Idle,
    /// It is longer than a session may be.
    RolledOver,
}

impl EndReason {
    /// The field's value.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::Quit => "quit",
            Self::Idle => "idle",
            Self::RolledOver => "rolled_over",
        }
    }
}

/// How often a session gives signs of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rhythm {
    has_requests: bool,
    has_events: bool,
    is_hidden: bool,
    /// The largest bl + 3·d of the last window with media, ms.
    buffered_ms: i64,
    /// The time of the last record `t`.
    interval_at_ms: Option<i64>,
    /// The shortest time between two of them.
    interval_ms: Option<i64>,
}

impl Rhythm {
    /// A window with requests; `buffered_ms` is 0 without media.
    pub(super) fn note_requests(&mut self, buffered_ms: i64) {
        self.has_requests = true;
        if buffered_ms > 0 {
            self.buffered_ms = buffered_ms;
        }
    }

    /// A record of event mode.
    pub(super) fn note_event(&mut self) {
        self.has_events = true;
    }

    /// Whether all players of the session are invisible.
    pub(super) fn note_hidden(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
    }

    /// A record `t` of event mode.
    pub(super) fn note_interval(&mut self, time_ms: i64) {
        if let Some(before_ms) = self.interval_at_ms {
            let interval_ms = time_ms - before_ms;
            if interval_ms >= INTERVAL_MIN_MS {
                self.interval_ms = Some(self.interval_ms.map_or(interval_ms, |known| known.min(interval_ms)));
            }
        }
        self.interval_at_ms = Some(time_ms);
    }

    /// How long it may be silent.
    fn silence_ms(&self, state: Option<PlayerState>) -> i64 {
        if self.is_hidden || state == Some(PlayerState::Paused) {
            return IDLE_MAX_MS;
        }
        let by_requests_ms = if self.has_requests { self.buffered_ms.clamp(REQUESTS_MIN_MS, IDLE_MAX_MS) } else { 0 };
        let interval_ms = self.interval_ms.unwrap_or(INTERVAL_MS);
        let by_events_ms = if self.has_events { interval_ms.saturating_mul(INTERVALS).min(IDLE_MAX_MS) } else { 0 };
        by_requests_ms.max(by_events_ms)
    }

    pub(super) fn write(&self, out: &mut Writer, base_ms: i64) {
        out.unsigned(packed::flags([self.has_requests, self.has_events, self.is_hidden]));
        packed::write(out, self.buffered_ms);
        if self.has_events {
            packed::write_optional(out, self.interval_at_ms, base_ms);
            packed::write_optional(out, self.interval_ms, 0);
        }
    }

    pub(super) fn read(input: &mut Reader<'_>, base_ms: i64) -> Result<Self, Short> {
        let flags = input.unsigned()?;
        let has_events = packed::has(flags, 1);
        let buffered_ms = packed::read(input)?;
        let (mut interval_at_ms, mut interval_ms) = (None, None);
        if has_events {
            interval_at_ms = packed::read_optional(input, base_ms)?;
            interval_ms = packed::read_optional(input, 0)?;
        }
        let (has_requests, is_hidden) = (packed::has(flags, 0), packed::has(flags, 2));
        Ok(Self { has_requests, has_events, is_hidden, buffered_ms, interval_at_ms, interval_ms })
    }
}

/// When a session is over if nothing else comes, and why.
pub(super) fn time_out(timeline: &Timeline, rhythm: &Rhythm) -> (i64, EndReason) {
    let state = timeline.state();
    let over = |reason| move |since_ms: i64| (since_ms.saturating_add(AFTER_THE_END_MS), reason);
    let (ends_ms, reason) = match state {
        Some((PlayerState::Ended, since_ms)) => over(EndReason::Ended)(since_ms),
        Some((PlayerState::FatalError, since_ms)) => over(EndReason::Failed)(since_ms),
        Some((PlayerState::Quit, since_ms)) => over(EndReason::Quit)(since_ms),
        _ => {
            let silence_ms = rhythm.silence_ms(state.map(|(state, _)| state));
            (timeline.last_ms.saturating_add(silence_ms), EndReason::Idle)
        }
    };
    let rolls_over_ms = timeline.started_ms.saturating_add(SESSION_MAX_MS);
    if rolls_over_ms < ends_ms { (rolls_over_ms, EndReason::RolledOver) } else { (ends_ms, reason) }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Ledger;
    use super::super::timeline::ToldState;
    use super::*;

    /// A session that began at 0, with its state told at 1000 and its last sign of life at 5000.
    fn times_out(state: Option<PlayerState>, set_up: impl FnOnce(&mut Rhythm)) -> (i64, EndReason) {
        let (mut timeline, mut ledger, mut rhythm) = (Timeline::begin(0), Ledger::default(), Rhythm::default());
        timeline.pass(1_000, 0, &mut ledger);
        if let Some(state) = state {
            timeline.tell(ToldState { state, is_event: true }, 0, &mut ledger);
        }
        timeline.pass(5_000, 0, &mut ledger);
        set_up(&mut rhythm);
        time_out(&timeline, &rhythm)
    }

    #[test]
    fn sessions_end_by_what_the_player_says_else_by_silence() {
        let requests = |buffered_ms| move |rhythm: &mut Rhythm| rhythm.note_requests(buffered_ms);
        let events = |times: &'static [i64]| {
            move |rhythm: &mut Rhythm| {
                rhythm.note_event();
                times.iter().for_each(|time_ms| rhythm.note_interval(*time_ms));
            }
        };
        let playing = Some(PlayerState::Playing);
        let cases = [
            (times_out(Some(PlayerState::Ended), events(&[])), (31_000, EndReason::Ended)),
            (times_out(Some(PlayerState::FatalError), requests(90_000)), (31_000, EndReason::Failed)),
            (times_out(Some(PlayerState::Quit), events(&[])), (31_000, EndReason::Quit)),
            (times_out(None, requests(0)), (65_000, EndReason::Idle)),
            (times_out(playing, requests(42_000)), (65_000, EndReason::Idle)),
            (times_out(playing, requests(72_000)), (77_000, EndReason::Idle)),
            (times_out(playing, requests(i64::MAX)), (1_805_000, EndReason::Idle)),
            (times_out(playing, events(&[])), (95_000, EndReason::Idle)),
            (times_out(playing, events(&[0, 60_000, 80_000, 140_000])), (65_000, EndReason::Idle)),
            (times_out(playing, events(&[0, 9_999])), (95_000, EndReason::Idle)),
            (times_out(Some(PlayerState::Paused), events(&[])), (1_805_000, EndReason::Idle)),
            (times_out(playing, |rhythm| rhythm.note_hidden(true)), (1_805_000, EndReason::Idle)),
        ];
        for (number, (found, expected)) in cases.into_iter().enumerate() {
            assert_eq!(found, expected, "case {number}");
        }
        let mut old = Timeline::begin(0);
        old.pass(SESSION_MAX_MS - 10, 0, &mut Ledger::default());
        let mut rhythm = Rhythm::default();
        rhythm.note_requests(0);
        assert_eq!(time_out(&old, &rhythm), (SESSION_MAX_MS, EndReason::RolledOver));
    }
}
