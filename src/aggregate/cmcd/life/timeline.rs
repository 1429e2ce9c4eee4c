//! What the player was doing, from one sign of life to the next.
//!
//! R1  The time between two signs of life belongs to the state that held, and counts when the second one confirms it: the parts
//!     that windows see add up to the whole, and a player that dies adds nothing.
//! R2  States come from event mode. Requests say what the player was doing when they were made; they count until the first event.
//! R3  A terminal state holds until one comes that is not: a player that says q after e has ended.

use super::ledger::Ledger;
use super::plays::{Plays, is_terminal};
use crate::aggregate::cmcd::counters::LifeSum;
use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::cmcd::PlayerState;

/// The states in the order in which carries number them.
const STATES: [PlayerState; 10] = [
    PlayerState::Starting,
    PlayerState::Playing,
    PlayerState::Seeking,
    PlayerState::Rebuffering,
    PlayerState::Paused,
    PlayerState::Ended,
    PlayerState::FatalError,
    PlayerState::Quit,
    PlayerState::Preloading,
    PlayerState::Waiting,
];

/// A state that a record tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToldState {
    pub(super) state: PlayerState,
    pub(super) is_event: bool,
}

/// The states of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    pub(super) started_ms: i64,
    /// The last sign of life.
    pub(super) last_ms: i64,
    /// The state that holds, and since when.
    state: Option<(PlayerState, i64)>,
    /// Whether any record told a state, and whether one of event mode did.
    is_told: bool,
    is_told_by_events: bool,
    pub(super) plays: Plays,
}

impl Timeline {
    /// Begins with the session's first sign of life.
    pub(super) fn begin(started_ms: i64) -> Self {
        Self {
            started_ms,
            last_ms: started_ms,
            state: None,
            is_told: false,
            is_told_by_events: false,
            plays: Plays::default(),
        }
    }

    /// Whether any record of the session told a state.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// The state that holds, and since when.
    pub(super) fn state(&self) -> Option<(PlayerState, i64)> {
        self.state
    }

    /// A sign of life: the time since the one before counts.
    pub(super) fn pass(&mut self, time_ms: i64, key: u32, ledger: &mut Ledger) {
        self.plays.pass(time_ms, key, ledger);
        let passed_ms = time_ms - self.last_ms;
        if passed_ms <= 0 {
            return;
        }
        self.last_ms = time_ms;
        match self.state.map(|(state, _)| state) {
            Some(PlayerState::Playing) => ledger.add(key, LifeSum::PlayMs, passed_ms),
            Some(PlayerState::Seeking) => ledger.add(key, LifeSum::SeekMs, passed_ms),
            Some(PlayerState::Rebuffering) if self.plays.has_played() => {
                ledger.add(key, LifeSum::StallMs, passed_ms);
            }
            _ => {}
        }
    }

    /// The content changed, the reports are numbered anew, or the player tells that it starts: perhaps this is another play.
    pub(super) fn note_turn(&mut self, is_new_content: bool, is_restart: bool, key: u32, ledger: &mut Ledger) {
        if is_new_content {
            self.plays.note_content(self.last_ms);
        }
        if is_restart {
            self.plays.note_restart(self.last_ms);
        }
        if (is_new_content || is_restart) && self.plays.split(key, ledger) {
            // What the player does now in the new play is not known before it says so.
            self.state = None;
        }
    }

    /// The player tells its state, at the moment of the last sign of life.
    pub(super) fn tell(&mut self, told: ToldState, key: u32, ledger: &mut Ledger) {
        if self.is_told_by_events && !told.is_event {
            return;
        }
        self.is_told = true;
        self.is_told_by_events |= told.is_event;
        let before = self.state.map(|(state, _)| state);
        let stays_over = before.is_some_and(is_terminal) && is_terminal(told.state);
        if before == Some(told.state) || stays_over {
            return;
        }
        if before == Some(PlayerState::Playing) && told.state == PlayerState::Rebuffering {
            ledger.add(key, LifeSum::Stalls, 1);
        }
        self.plays.enter(told.state, before, self.last_ms, key, ledger);
        self.state = Some((told.state, self.last_ms));
    }

    /// Whether the player is about to tell that it starts, after it has played.
    pub(super) fn starts_again(&self, told: ToldState) -> bool {
        let counts = told.is_event || !self.is_told_by_events;
        let begins = told.state == PlayerState::Starting && self.state.is_none_or(|(state, _)| state != told.state);
        counts && begins && self.plays.has_played()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.integer(self.started_ms);
        packed::write(out, self.last_ms - self.started_ms);
        let number = self.state.and_then(|(state, _)| STATES.iter().position(|known| *known == state));
        let has_plays = self.plays != Plays::default();
        let flags = packed::flags([self.is_told, self.is_told_by_events, has_plays]);
        out.unsigned(flags | number.map_or(0, |number| number as u64 + 1) << 3);
        if let Some((_, since_ms)) = self.state {
            packed::write(out, since_ms - self.started_ms);
        }
        if has_plays {
            self.plays.write(out, self.started_ms);
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut timeline = Self::begin(packed::read_signed(input)?);
        let started_ms = timeline.started_ms;
        timeline.last_ms = started_ms.saturating_add(packed::read(input)?);
        let flags = input.unsigned()?;
        (timeline.is_told, timeline.is_told_by_events) = (packed::has(flags, 0), packed::has(flags, 1));
        let number = usize::try_from(flags >> 3).unwrap_or(usize::MAX);
        if number > 0 {
            let since_ms = started_ms.saturating_add(packed::read(input)?);
            timeline.state = STATES.get(number - 1).map(|state| (*state, since_ms));
        }
        if packed::has(flags, 2) {
            timeline.plays = Plays::read(input, started_ms)?;
        }
        Ok(timeline)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::aggregate::cmcd::life::plays::Outcomes;
    use PlayerState::{Ended, FatalError, Paused, Playing, Preloading, Quit, Rebuffering, Seeking, Starting, Waiting};

    /// What happens at a moment.
    enum Happens {
        Event(PlayerState),
        Request(PlayerState),
        /// A sign of life without a state.
        Sign,
        Delay(i64),
        Error,
        NewContent,
        Restart,
    }
    use Happens::{Delay, Error, Event, NewContent, Request, Restart, Sign};

    /// Goes through it, with everything written and read back after each step.
    fn live(steps: &[(i64, Happens)]) -> (Ledger, Timeline) {
        let mut ledger = Ledger::default();
        let mut timeline = Timeline::begin(steps[0].0);
        for (time_ms, happens) in steps {
            timeline.pass(*time_ms, 0, &mut ledger);
            match happens {
                Event(state) => timeline.tell(ToldState { state: *state, is_event: true }, 0, &mut ledger),
                Request(state) => timeline.tell(ToldState { state: *state, is_event: false }, 0, &mut ledger),
                Delay(delay_ms) => timeline.plays.tell_delay(*delay_ms, 0, &mut ledger),
                Error => timeline.plays.note_error(),
                NewContent => timeline.note_turn(true, false, 0, &mut ledger),
                Restart => timeline.note_turn(false, true, 0, &mut ledger),
                Sign => {}
            }
            let mut out = Writer::default();
            timeline.write(&mut out);
            let read = Timeline::read(&mut Reader::new(out.as_bytes())).unwrap();
            assert_eq!(read, timeline, "at {time_ms}");
            timeline = read;
        }
        (ledger, timeline)
    }

    fn sums(steps: &[(i64, Happens)]) -> [i64; 6] {
        let totals = live(steps).0.totals();
        let order = [
            LifeSum::PlayMs,
            LifeSum::StallMs,
            LifeSum::Stalls,
            LifeSum::SeekMs,
            LifeSum::StartupMs,
            LifeSum::Startups,
        ];
        order.map(|sum| totals[sum as usize])
    }

    #[test]
    fn time_belongs_to_the_state_that_held_and_counts_when_it_is_confirmed() {
        let steps = [
            (0, Event(Starting)),
            (1_000, Event(Playing)),
            (11_000, Sign),
            (21_000, Event(Rebuffering)),
            (24_000, Event(Playing)),
            (25_000, Event(Seeking)),
            (25_500, Event(Playing)),
            (25_900, Event(Paused)),
            (90_000, Event(Playing)),
            (90_100, Sign),
        ];
        assert_eq!(sums(&steps), [20_000 + 1_000 + 400 + 100, 3_000, 1, 500, 1_000, 1]);
    }

    #[test]
    fn rebuffering_before_the_first_p_is_startup() {
        // Shaka has no starting state; w is as good as s; preloading does not count.
        assert_eq!(sums(&[(0, Event(Rebuffering)), (800, Event(Playing)), (9_000, Sign)]), [8_200, 0, 0, 0, 800, 1]);
        let waits = [(0, Event(Preloading)), (5_000, Event(Waiting)), (5_700, Event(Playing)), (5_800, Event(Quit))];
        assert_eq!(sums(&waits), [100, 0, 0, 0, 700, 1]);
        assert_eq!(
            sums(&[(0, Event(Preloading)), (5_000, Event(Playing)), (5_800, Event(Ended))]),
            [800, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn a_start_delay_replaces_what_the_states_say_if_it_comes_in_time() {
        let start = || [(0, Event(Starting)), (1_000, Event(Playing))];
        let with = |more: Vec<(i64, Happens)>| {
            let sums = sums(&start().into_iter().chain(more).collect::<Vec<_>>());
            [sums[4], sums[5]]
        };
        assert_eq!(with(vec![(6_000, Delay(900)), (6_500, Delay(870))]), [900, 1], "in time, and once");
        assert_eq!(with(vec![(6_001, Delay(900))]), [1_000, 1]);
        assert_eq!(with(vec![(5_000, Sign)]), [0, 0], "not known yet");
        assert_eq!(with(vec![(5_000, Event(Quit))]), [1_000, 1]);
        assert_eq!(with(vec![(2_000, Delay(49)), (3_000, Delay(600_001)), (9_000, Sign)]), [1_000, 1]);
    }

    #[test]
    fn requests_tell_states_until_the_first_event() {
        let steps = [
            (0, Request(Starting)),
            (500, Request(Playing)),
            (2_500, Event(Playing)),
            (2_600, Request(Rebuffering)),
            (8_500, Event(Paused)),
        ];
        assert_eq!(sums(&steps), [8_000, 0, 0, 0, 500, 1]);
    }

    fn outcomes(steps: &[(i64, Happens)]) -> [i64; 4] {
        let mut timeline = live(steps).1;
        if timeline.state().is_none_or(|(state, _)| !is_terminal(state)) {
            timeline.plays.give_up(0, &mut Ledger::default());
        }
        let Outcomes { earlier_plays, start_failures, play_failures, exits_before_start } = timeline.plays.outcomes;
        [earlier_plays, start_failures, play_failures, exits_before_start]
    }

    #[test]
    fn a_play_fails_or_is_given_up_once() {
        let start = || (0, Event(Starting));
        assert_eq!(outcomes(&[start(), (900, Event(FatalError)), (950, Event(FatalError))]), [0, 1, 0, 0]);
        assert_eq!(outcomes(&[start(), (900, Event(Playing)), (950, Event(FatalError))]), [0, 0, 1, 0]);
        assert_eq!(outcomes(&[start(), (900, Event(Quit))]), [0, 0, 0, 1]);
        assert_eq!(outcomes(&[start(), (900, Sign)]), [0, 0, 0, 1], "idle");
        assert_eq!(outcomes(&[start(), (300, Error), (900, Event(Quit))]), [0, 1, 0, 0]);
        assert_eq!(outcomes(&[start(), (300, Event(FatalError)), (900, Event(Quit))]), [0, 1, 0, 0]);
        assert_eq!(outcomes(&[(0, Event(Preloading)), (900, Event(Quit))]), [0; 4], "it never started");
        assert_eq!(outcomes(&[start(), (900, Event(Playing)), (950, Event(Quit))]), [0; 4]);
    }

    #[test]
    fn another_play_begins_after_the_end_or_with_new_content_and_a_restart() {
        let replay = [
            (0, Event(Starting)),
            (1_000, Event(Playing)),
            (9_000, Event(Ended)),
            (20_000, Event(Starting)),
            (20_400, Event(Playing)),
            (20_500, Event(Rebuffering)),
            (20_600, Event(FatalError)),
        ];
        assert_eq!(sums(&replay), [8_000 + 100, 100, 1, 0, 1_400, 2]);
        assert_eq!(outcomes(&replay), [1, 0, 1, 0]);
        let playing = || [(0, Event(Starting)), (1_000, Event(Playing))].into_iter();
        let then = |more: Vec<(i64, Happens)>| outcomes(&playing().chain(more).collect::<Vec<_>>());
        assert_eq!(then(vec![(9_000, NewContent), (9_100, Restart), (9_100, Event(Starting))]), [1, 0, 0, 1]);
        assert_eq!(then(vec![(9_000, NewContent), (19_001, Restart)]), [0; 4], "too far apart");
        assert_eq!(then(vec![(9_000, NewContent)]), [0; 4], "an ad");
        assert_eq!(then(vec![(9_000, Restart), (9_100, Event(Starting))]), [0; 4], "a reload of the same content");
    }
}
