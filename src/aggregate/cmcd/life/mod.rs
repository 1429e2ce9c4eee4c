//! The life of one session, from window to window: what its rows cannot say without the past.
//!
//! R1  A window's facts are folded in order of event time into what is carried, so a life does not depend on where windows cut it, nor
//!     on the order of arrival within one.
//! R2  What a window adds goes to that window's rows, at the roll-up key of the record that told it. The totals of the whole life are the
//!     sum of these, and what only the end tells.
//! R3  Late records and copies give no signs of life: they neither open a session nor keep it alive.
//!
//! `fact` is what one record says; `timeline`, `plays`, `running`, `sequence` and `ending` each keep one part of the past;
//! `carry` is how all of it is written down.

mod carry;
mod ending;
mod fact;
mod ledger;
mod places;
mod plays;
mod running;
mod sequence;
mod timeline;

use crate::model::cmcd::{EventKind, PlayerState};

use super::counters::{LifeSum, Totals};
use super::starvation::{Starved, openings};

pub(super) use ending::EndReason;
pub use ending::IDLE_MAX_MS;
#[cfg(test)]
use fact::Maybe;
pub(super) use fact::{Fact, content_hash, facts_of, tells_of_life};
pub(super) use ledger::Ledger;
pub(super) use places::{PlaceKey, Places};
pub(super) use plays::Outcomes;

use crate::aggregate::packed::Hashes;
use ending::Rhythm;
use plays::STARTUP_MAX_MS;
use running::{Running, Telling};
use sequence::Sequence;
use timeline::{Timeline, ToldState};

/// The most codes of errors that are remembered of a sequence of reports.
const ERRORS_MAX: usize = 8;
/// The most contents that are counted.
pub(super) const CONTENTS_MAX: usize = 16;

/// The times of one session's signs of life in a window, in ms after its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    pub(super) first_ms: u32,
    pub(super) last_ms: u32,
    /// The roll-up key of the last sign, as an index into the window's keys.
    pub(super) last_key: u32,
    /// The largest bl + 3·d of media requests, ms.
    pub(super) buffered_ms: u32,
    pub(super) first_request_ms: u32,
    /// The first request with `su`.
    pub(super) first_urgent_ms: u32,
    /// The first media request without `su`.
    pub(super) first_calm_ms: u32,
}

impl Signs {
    /// Stands for a time that there was not.
    const NEVER: u32 = u32::MAX;

    /// Whether there was any.
    pub(super) fn any(&self) -> bool {
        self.first_ms != Self::NEVER
    }
}

impl Default for Signs {
    fn default() -> Self {
        let never = Self::NEVER;
        Self {
            first_ms: never,
            last_ms: 0,
            last_key: 0,
            buffered_ms: 0,
            first_request_ms: never,
            first_urgent_ms: never,
            first_calm_ms: never,
        }
    }
}

/// What a window saw of one session.
#[derive(Clone, Copy)]
pub(super) struct Seen<'w> {
    pub(super) start_ms: i64,
    pub(super) signs: &'w Signs,
    pub(super) facts: &'w [Fact],
    /// Whether there were more facts than the window keeps.
    pub(super) is_cut: bool,
    pub(super) starved: &'w [Starved],
    /// The latest content id.
    pub(super) content: Option<&'w str>,
}

impl Seen<'_> {
    fn moment(&self, after_start_ms: u32) -> Option<i64> {
        (after_start_ms != Signs::NEVER).then(|| self.start_ms.saturating_add(i64::from(after_start_ms)))
    }

    /// Whether it only repeats that playback is over: players go on reporting while their page is open.
    pub(super) fn is_epilogue(&self) -> bool {
        let repeats = |fact: &Fact| {
            let is_over = fact.state.is_none_or(plays::is_terminal);
            fact.is_event && is_over && fact.number.get().is_none_or(|number| number > 1)
        };
        let says_so = self.facts.iter().any(|fact| fact.state.is_some());
        self.signs.first_request_ms == Signs::NEVER && says_so && self.facts.iter().all(repeats)
    }
}

/// The startup time as far as requests of version 1 tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ApproximateStartup {
    first_request_ms: Option<i64>,
    was_urgent: bool,
    is_done: bool,
}

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life<'a> {
    timeline: Timeline,
    rhythm: Rhythm,
    /// The latest content id; empty = none.
    content: &'a str,
    contents: Hashes<CONTENTS_MAX>,
    /// The content of the last fact.
    told_content: Option<u32>,
    places: Places<'a>,
    totals: Totals,
    /// A record with `bs` up to here belongs to the last starvation.
    starved_until_ms: Option<i64>,
    startup: ApproximateStartup,
    sequence: Option<Sequence>,
    /// Whether a number was seen that tells if the session was under way when we met it, and whether it was.
    is_numbered: bool,
    was_under_way: bool,
    errors: Hashes<ERRORS_MAX>,
    /// `sn` of the latest request.
    request_number: Option<i64>,
    /// `bsa` and `bsda`, until a state is told.
    starvations: Running,
    starved_ms: Running,
    /// Sum of `bsd` of event mode.
    starvation_sum_ms: i64,
    dropped_frames: Running,
}

impl<'a> Life<'a> {
    /// Begins with the first window that saw it.
    pub(super) fn begin(seen: &Seen<'a>) -> Self {
        Self::at(Timeline::begin(seen.moment(seen.signs.first_ms).unwrap_or(seen.start_ms)))
    }

    fn at(timeline: Timeline) -> Self {
        Self {
            timeline,
            rhythm: Rhythm::default(),
            content: "",
            contents: Hashes::default(),
            told_content: None,
            places: Places::default(),
            totals: Totals::default(),
            starved_until_ms: None,
            startup: ApproximateStartup::default(),
            sequence: None,
            is_numbered: false,
            was_under_way: false,
            errors: Hashes::default(),
            request_number: None,
            starvations: Running::default(),
            starved_ms: Running::default(),
            starvation_sum_ms: 0,
            dropped_frames: Running::default(),
        }
    }

    /// Lives through a window. What it adds goes to `ledger`.
    pub(super) fn live(&mut self, seen: &Seen<'a>, ledger: &mut Ledger) {
        for fact in seen.facts {
            self.tell(fact, seen.start_ms.saturating_add(i64::from(fact.after_start_ms)), ledger);
        }
        if let Some(last_ms) = seen.moment(seen.signs.last_ms).filter(|_| seen.signs.any()) {
            self.timeline.pass(last_ms, seen.signs.last_key, ledger);
        }
        self.end_sequence(seen, ledger);
        self.note_requests(seen, ledger);
        if let Some(content) = seen.content {
            self.content = content;
            self.contents.enter(content_hash(content));
        }
    }

    /// The starvations that began in the window, in order of time.
    pub(super) fn starve<'w>(&mut self, seen: &Seen<'w>) -> impl Iterator<Item = &'w Starved> {
        openings(seen.starved, &mut self.starved_until_ms)
    }

    /// A further content id of the window.
    pub(super) fn note_content(&mut self, hash: u32) {
        self.contents.enter(hash);
    }

    /// Where the window's requests went.
    pub(super) fn places(&mut self) -> &mut Places<'a> {
        &mut self.places
    }

    /// What the window's rows say adds to the whole.
    pub(super) fn add(&mut self, totals: &Totals) {
        self.totals.merge(totals);
    }

    /// When it is over if nothing else comes.
    pub(super) fn time_out_ms(&self) -> i64 {
        ending::time_out(&self.timeline, &self.rhythm).0
    }

    fn tell(&mut self, fact: &Fact, time_ms: i64, ledger: &mut Ledger) {
        let key = fact.key;
        self.timeline.pass(time_ms, key, ledger);
        let told = fact.state.map(|state| ToldState { state, is_event: fact.is_event });
        self.note_first_number(fact);
        let is_renumbered = fact.is_event && self.tell_number(fact, ledger);
        let starts_again = told.is_some_and(|told| self.timeline.starts_again(told));
        let is_new_content = self.tell_content(fact);
        self.timeline.note_turn(is_new_content, is_renumbered || starts_again, key, ledger);
        if let Some(delay_ms) = fact.start_delay_ms.get() {
            self.timeline.plays.tell_delay(delay_ms, key, ledger);
        }
        self.tell_error(fact, ledger);
        if let Some(told) = told {
            self.timeline.tell(told, key, ledger);
        }
        self.tell_counters(fact, ledger);
        if let Some(is_hidden) = fact.is_hidden {
            self.rhythm.note_hidden(is_hidden);
        }
        if fact.is_event {
            self.rhythm.note_event();
        }
        if fact.kind == Some(EventKind::TimeInterval) {
            self.rhythm.note_interval(time_ms);
        }
    }

    /// A session whose first number is above 1, and which does not say that it starts, was under way before.
    fn note_first_number(&mut self, fact: &Fact) {
        let Some(number) = fact.number.get().filter(|_| !self.is_numbered) else { return };
        self.is_numbered = true;
        let starts = matches!(fact.state, Some(PlayerState::Starting | PlayerState::Waiting | PlayerState::Preloading));
        self.was_under_way = number > 1 && !starts && !self.timeline.plays.is_announced();
        if self.was_under_way {
            self.timeline.plays.was_under_way();
        }
    }

    /// Takes in the number of a report. Returns whether the reports are numbered anew.
    fn tell_number(&mut self, fact: &Fact, ledger: &mut Ledger) -> bool {
        let Some(number) = fact.number.get() else { return false };
        let is_in_order = fact.kind != Some(EventKind::ResponseReceived);
        let Some(sequence) = &mut self.sequence else {
            self.sequence = Some(Sequence::begin(number, is_in_order));
            return false;
        };
        let told = sequence.tell(number, is_in_order);
        ledger.add(fact.key, LifeSum::ReportsLost, told.lost);
        if told.is_restart {
            self.errors.clear();
        }
        told.is_restart
    }

    /// Returns whether the content is another than before.
    fn tell_content(&mut self, fact: &Fact) -> bool {
        let Some(content) = fact.content.get().and_then(|hash| u32::try_from(hash).ok()) else { return false };
        let before = self.told_content.replace(content);
        before.is_some_and(|before| before != content)
    }

    fn tell_error(&mut self, fact: &Fact, ledger: &mut Ledger) {
        let code = fact.error.get().and_then(|hash| u32::try_from(hash).ok());
        let is_error = fact.kind == Some(EventKind::Error) || code.is_some();
        if !is_error {
            return;
        }
        self.timeline.plays.note_error();
        if code.is_none_or(|code| self.errors.enter(code)) {
            ledger.add(fact.key, LifeSum::PlayerErrors, 1);
        }
    }

    fn tell_counters(&mut self, fact: &Fact, ledger: &mut Ledger) {
        let number = fact.number.get().filter(|_| !fact.is_event);
        let is_overtaken = number.zip(self.request_number).is_some_and(|(own, latest)| own > 1 && own < latest);
        if number.is_some() && !is_overtaken {
            self.request_number = number;
        }
        let how = Telling { is_event: fact.is_event, is_overtaken, was_under_way: self.was_under_way };
        if let Some(value) = fact.dropped_frames.get() {
            ledger.add(fact.key, LifeSum::DroppedFrames, self.dropped_frames.tell(value, how));
        }
        if self.timeline.is_told() {
            (self.starvations, self.starved_ms, self.starvation_sum_ms) = Default::default();
            return;
        }
        if let Some(value) = fact.starvations.get() {
            ledger.add(fact.key, LifeSum::Stalls, self.starvations.tell(value, how));
        }
        let before_ms = self.starved_ms.total().max(self.starvation_sum_ms);
        if let Some(value) = fact.starved_ms.get() {
            self.starved_ms.tell(value, how);
        }
        if let Some(value) = fact.starvation_ms.get().filter(|_| fact.is_event) {
            self.starvation_sum_ms = self.starvation_sum_ms.saturating_add(value);
        }
        let after_ms = self.starved_ms.total().max(self.starvation_sum_ms);
        ledger.add(fact.key, LifeSum::StallMs, after_ms - before_ms);
    }

    fn end_sequence(&mut self, seen: &Seen<'_>, ledger: &mut Ledger) {
        if seen.is_cut {
            // Numbers may be among what was left out: what is missing cannot be told.
            self.sequence = None;
            return;
        }
        if let Some(sequence) = &mut self.sequence
            && seen.facts.iter().any(|fact| fact.is_event)
        {
            ledger.add(seen.signs.last_key, LifeSum::ReportsLost, sequence.end_window());
        }
    }

    fn note_requests(&mut self, seen: &Seen<'_>, ledger: &mut Ledger) {
        let signs = seen.signs;
        let Some(first_ms) = seen.moment(signs.first_request_ms) else { return };
        self.rhythm.note_requests(i64::from(signs.buffered_ms));
        let startup = &mut self.startup;
        if startup.is_done {
            return;
        }
        let first_request_ms = *startup.first_request_ms.get_or_insert(first_ms);
        let Some(calm_ms) = seen.moment(signs.first_calm_ms) else {
            startup.was_urgent |= signs.first_urgent_ms != Signs::NEVER;
            return;
        };
        let was_urgent = startup.was_urgent || signs.first_urgent_ms < signs.first_calm_ms;
        *startup = ApproximateStartup { is_done: true, ..ApproximateStartup::default() };
        let startup_ms = calm_ms - first_request_ms;
        if was_urgent && !self.timeline.is_told() && startup_ms <= STARTUP_MAX_MS {
            ledger.add(signs.last_key, LifeSum::StartupApproxMs, startup_ms);
            ledger.add(signs.last_key, LifeSum::StartupsApprox, 1);
        }
    }
}

/// A session that is over.
pub(super) struct Final<'a> {
    /// The latest content id; `None` = it never told any.
    pub(super) content: Option<&'a str>,
    pub(super) contents: i64,
    pub(super) started_ms: i64,
    pub(super) ended_ms: i64,
    pub(super) reason: EndReason,
    pub(super) outcomes: Outcomes,
    pub(super) places: Places<'a>,
    /// Of the whole life.
    pub(super) totals: Totals,
    /// What only the end tells; it is in the totals.
    pub(super) ledger: Ledger,
}

impl<'a> Life<'a> {
    /// The session's time-out has passed.
    pub(super) fn finish(mut self) -> Final<'a> {
        let (_, reason) = ending::time_out(&self.timeline, &self.rhythm);
        let mut ledger = Ledger::default();
        match reason {
            EndReason::Idle => self.timeline.plays.give_up(0, &mut ledger),
            EndReason::RolledOver => self.timeline.plays.pass(i64::MAX, 0, &mut ledger),
            EndReason::Ended | EndReason::Failed | EndReason::Quit => {}
        }
        let outstanding = self.sequence.as_ref().map_or(0, Sequence::outstanding);
        ledger.add(0, LifeSum::ReportsLost, outstanding);
        for entry in ledger.entries() {
            self.totals.add_life(entry.sum, entry.amount);
        }
        Final {
            content: Some(self.content).filter(|content| !content.is_empty()),
            contents: self.contents.len(),
            started_ms: self.timeline.started_ms,
            ended_ms: self.timeline.last_ms,
            reason,
            outcomes: self.timeline.plays.outcomes,
            places: self.places,
            totals: self.totals,
            ledger,
        }
    }
}
