//! The plays of one session: each begins, starts up, and ends well or not.
//!
//! R1  A play begins with the session, with a state that is not terminal after one that is, and when content and either state s or the
//!     sequence of numbers begin anew together.
//! R2  The startup time of the first play is `msd`, if it comes in time, else that from the first s, w or r to the first p. A play has
//!     at most one.
//! R3  A play ends before its start as a failure (f, or an error before it was given up) or as an exit, never as both.

use super::ledger::Ledger;
use crate::aggregate::cmcd::counters::LifeSum;
use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::cmcd::PlayerState;

/// Start delays outside of these bounds are not believed, ms: dash.js measures from the wrong start, and a tab may wait for days.
const DELAY_MIN_MS: i64 = 50;
/// The longest startup that is believed, ms.
pub(super) const STARTUP_MAX_MS: i64 = 600_000;
/// How long after the first p a start delay may come, ms: players tell it with their next request.
const DELAY_COMES_WITHIN_MS: i64 = 5_000;
/// New content and a restart closer than this belong together, ms.
const TOGETHER_MS: i64 = 10_000;

/// What is known of a play's startup time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Startup {
    #[default]
    Unknown,
    /// By the states; a start delay may still come.
    Measured {
        startup_ms: i64,
        played_ms: i64,
    },
    Counted,
}

/// One play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Play {
    /// The first s, w or r.
    begun_ms: Option<i64>,
    /// Whether the player said that it starts (s or w).
    is_announced: bool,
    has_played: bool,
    has_error: bool,
    startup: Startup,
    new_content_ms: Option<i64>,
    restarted_ms: Option<i64>,
}

/// How a session's plays went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    /// How many plays there were before the current one.
    pub(crate) earlier_plays: i64,
    pub(crate) start_failures: i64,
    pub(crate) play_failures: i64,
    pub(crate) exits_before_start: i64,
}

/// The plays of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plays {
    play: Play,
    pub(super) outcomes: Outcomes,
}

impl Plays {
    /// Whether the current play has come to its first p.
    pub(super) fn has_played(&self) -> bool {
        self.play.has_played
    }

    /// Whether the player said that the current play starts.
    pub(super) fn is_announced(&self) -> bool {
        self.play.is_announced
    }

    /// The session was under way when we met it: its start is not ours to judge.
    pub(super) fn was_under_way(&mut self) {
        self.play.has_played = true;
    }

    /// The player reported an error.
    pub(super) fn note_error(&mut self) {
        self.play.has_error = true;
    }

    /// The content changed.
    pub(super) fn note_content(&mut self, time_ms: i64) {
        self.play.new_content_ms = Some(time_ms);
    }

    /// The reports are numbered anew, or the player starts after it has played.
    pub(super) fn note_restart(&mut self, time_ms: i64) {
        self.play.restarted_ms = Some(time_ms);
    }

    /// R1: begins another play if content and player began anew together. Returns whether they did.
    pub(super) fn split(&mut self, key: u32, ledger: &mut Ledger) -> bool {
        let (Some(content_ms), Some(restarted_ms)) = (self.play.new_content_ms, self.play.restarted_ms) else {
            return false;
        };
        if (content_ms - restarted_ms).abs() > TOGETHER_MS {
            return false;
        }
        self.begin_another(key, ledger);
        true
    }

    /// The session gave a sign of life: a startup that was measured is counted once no start delay may come any more.
    pub(super) fn pass(&mut self, time_ms: i64, key: u32, ledger: &mut Ledger) {
        if let Startup::Measured { played_ms, .. } = self.play.startup
            && time_ms > played_ms.saturating_add(DELAY_COMES_WITHIN_MS)
        {
            self.count_measured(key, ledger);
        }
    }

    /// The player told its start delay: it is that of the first play, and counts once.
    pub(super) fn tell_delay(&mut self, delay_ms: i64, key: u32, ledger: &mut Ledger) {
        let is_plausible = (DELAY_MIN_MS..=STARTUP_MAX_MS).contains(&delay_ms);
        if is_plausible && self.outcomes.earlier_plays == 0 && self.play.startup != Startup::Counted {
            self.count_startup(delay_ms, key, ledger);
        }
    }

    /// The player enters another state.
    pub(super) fn enter(
        &mut self,
        state: PlayerState,
        before: Option<PlayerState>,
        time_ms: i64,
        key: u32,
        ledger: &mut Ledger,
    ) {
        if before.is_some_and(is_terminal) {
            self.begin_another(key, ledger);
        }
        let play = &mut self.play;
        match state {
            PlayerState::Starting | PlayerState::Waiting if !play.has_played => {
                play.is_announced = true;
                play.begun_ms = play.begun_ms.or(Some(time_ms));
            }
            PlayerState::Rebuffering if !play.has_played => play.begun_ms = play.begun_ms.or(Some(time_ms)),
            PlayerState::Playing if !play.has_played => self.start_playing(time_ms, key, ledger),
            state if is_terminal(state) => {
                self.count_measured(key, ledger);
                self.end_play(state);
            }
            _ => {}
        }
    }

    /// The session is over without a terminal state.
    pub(super) fn give_up(&mut self, key: u32, ledger: &mut Ledger) {
        self.count_measured(key, ledger);
        self.end_play(PlayerState::Quit);
    }

    pub(super) fn write(&self, out: &mut Writer, base_ms: i64) {
        let Play { begun_ms, is_announced, has_played, has_error, startup, new_content_ms, restarted_ms } = self.play;
        let is_counted = startup == Startup::Counted;
        out.unsigned(packed::flags([is_announced, has_played, has_error, is_counted]));
        let (startup_ms, played_ms) = match startup {
            Startup::Measured { startup_ms, played_ms } => (Some(startup_ms), Some(played_ms)),
            Startup::Unknown | Startup::Counted => (None, None),
        };
        packed::write_optional(out, startup_ms, 0);
        for moment in [begun_ms, played_ms, new_content_ms, restarted_ms] {
            packed::write_optional(out, moment, base_ms);
        }
        let Outcomes { earlier_plays, start_failures, play_failures, exits_before_start } = self.outcomes;
        for count in [earlier_plays, start_failures, play_failures, exits_before_start] {
            packed::write(out, count);
        }
    }

    pub(super) fn read(input: &mut Reader<'_>, base_ms: i64) -> Result<Self, Short> {
        let flags = input.unsigned()?;
        let startup_ms = packed::read_optional(input, 0)?;
        let mut moment = || packed::read_optional(input, base_ms);
        let (begun_ms, played_ms, new_content_ms, restarted_ms) = (moment()?, moment()?, moment()?, moment()?);
        let startup = match (startup_ms, played_ms) {
            (Some(startup_ms), Some(played_ms)) => Startup::Measured { startup_ms, played_ms },
            _ if packed::has(flags, 3) => Startup::Counted,
            _ => Startup::Unknown,
        };
        let play = Play {
            begun_ms,
            is_announced: packed::has(flags, 0),
            has_played: packed::has(flags, 1),
            has_error: packed::has(flags, 2),
            startup,
            new_content_ms,
            restarted_ms,
        };
        let mut count = || packed::read(input);
        let outcomes = Outcomes {
            earlier_plays: count()?,
            start_failures: count()?,
            play_failures: count()?,
            exits_before_start: count()?,
        };
        Ok(Self { play, outcomes })
    }

    fn start_playing(&mut self, time_ms: i64, key: u32, ledger: &mut Ledger) {
        self.play.has_played = true;
        let Some(begun_ms) = self.play.begun_ms else { return };
        let startup_ms = time_ms - begun_ms;
        if self.play.startup != Startup::Unknown || startup_ms > STARTUP_MAX_MS {
            return;
        }
        if self.outcomes.earlier_plays == 0 {
            self.play.startup = Startup::Measured { startup_ms, played_ms: time_ms };
        } else {
            self.count_startup(startup_ms, key, ledger);
        }
    }

    fn end_play(&mut self, state: PlayerState) {
        let (play, outcomes) = (&self.play, &mut self.outcomes);
        match state {
            PlayerState::FatalError if play.has_played => outcomes.play_failures += 1,
            PlayerState::FatalError => outcomes.start_failures += 1,
            PlayerState::Quit if !play.has_played && play.has_error => outcomes.start_failures += 1,
            PlayerState::Quit if !play.has_played && play.is_announced => outcomes.exits_before_start += 1,
            _ => {}
        }
    }

    fn begin_another(&mut self, key: u32, ledger: &mut Ledger) {
        self.count_measured(key, ledger);
        self.play = Play::default();
        self.outcomes.earlier_plays += 1;
    }

    fn count_measured(&mut self, key: u32, ledger: &mut Ledger) {
        if let Startup::Measured { startup_ms, .. } = self.play.startup {
            self.count_startup(startup_ms, key, ledger);
        }
    }

    fn count_startup(&mut self, startup_ms: i64, key: u32, ledger: &mut Ledger) {
        ledger.add(key, LifeSum::StartupMs, startup_ms);
        ledger.add(key, LifeSum::Startups, 1);
        self.play.startup = Startup::Counted;
    }
}

/// Whether playback is over in this state.
pub(super) fn is_terminal(state: PlayerState) -> bool {
    matches!(state, PlayerState::Ended | PlayerState::FatalError | PlayerState::Quit)
}
