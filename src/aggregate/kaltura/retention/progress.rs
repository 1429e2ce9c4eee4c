//! How far a session has come in an entry: what it watched, pieced together from beacon to beacon (rules in [`super`]).

use super::audience::Duration;
use super::grid::END_MS;
use super::seen::Seen;
use super::{Axis, Counting, Stretch, VIEW_INTERVAL_MS, Watched};
use crate::aggregate::packed::{flags, has, read, read_signed, write};
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::kaltura::{Event, Playback, Quartile};

/// How much further than its speed allows a player may have come between two beacons, ms: they are sent and received unevenly.
const TOLERANCE_MS: i64 = 2000;
/// How far behind the live edge a player can be, ms.
const FURTHEST_BEHIND_MS: i64 = 24 * 3_600_000;
const NORMAL_SPEED: i64 = 1000;
/// Faster than any player plays.
const HIGHEST_SPEED: i64 = 16_000;

/// What a beacon says of where its player is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// When it was received, ms since the Unix epoch.
    pub time_ms: i64,
    /// What happened.
    pub event: Event,
    /// Where, ms: in the media, or before the live edge (not positive).
    pub position_ms: Option<i64>,
    /// Where a seek goes to.
    pub target_position_ms: Option<i64>,
    /// How it is played.
    pub playback: Playback,
    /// Speed in thousandths.
    pub speed_permille: Option<i64>,
    /// Stalled since the view before, ms.
    pub buffer_ms: Option<i64>,
}

impl Moment {
    /// Leaves out positions that lie further behind the end of an entry of this duration than a twentieth of it; returns whether there were any.
    pub fn drop_beyond(&mut self, fed_ms: Option<i64>) -> bool {
        let Some(fed_ms) = fed_ms.filter(|_| !self.playback.is_live()) else { return false };
        let end_ms = last_position_ms(fed_ms);
        let mut dropped = false;
        for position_ms in [&mut self.position_ms, &mut self.target_position_ms] {
            dropped |= position_ms.take_if(|position_ms| *position_ms > end_ms).is_some();
        }
        dropped
    }
}

/// The last position that an entry of this duration can have.
const fn last_position_ms(fed_ms: i64) -> i64 {
    fed_ms.saturating_add(fed_ms / 20)
}

/// How many beacons a session has sent, and in which time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beacons {
    /// By the player's count.
    pub expected: i64,
    /// Of those, how many came.
    pub received: i64,
    /// From the first to the last one, ms.
    pub lasted_ms: i64,
}

impl Beacons {
    /// The time that is missing behind the last one, on average: as many beacons as are lost for each that comes, as far from one another as
    /// these are; one view at most.
    fn missing_ms(&self) -> i64 {
        let received = self.received.max(1);
        let lost = self.expected.saturating_sub(self.received).clamp(0, received);
        let apart_ms = (self.lasted_ms / received).clamp(0, VIEW_INTERVAL_MS);
        apart_ms * lost / received
    }
}

/// Where the player was last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    axis: Axis,
    position_ms: i64,
    time_ms: i64,
    speed_permille: i64,
    is_playing: bool,
    /// How long it has been playing since its last view.
    since_view_ms: i64,
}

/// How far a session has come in an entry. Beacons enter in the player's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    point: Option<Point>,
    seen: Seen,
    seen_of_broadcast: Seen,
    duration: Duration,
    /// Whether the end was reached since it last began to play from the start, and whether ever.
    ended: bool,
    ended_ever: bool,
    /// How many percent it has told that it has seen.
    percentiles: i64,
}

impl Progress {
    /// Takes the next beacon; `fed_ms` is the entry's duration by the catalogue.
    pub fn step(&mut self, moment: &Moment, fed_ms: Option<i64>, out: &mut Watched) {
        self.duration.fed_ms = fed_ms.filter(|ms| *ms > 0).or(self.duration.fed_ms);
        let here = self.point_of(moment);
        self.learn(moment, here.as_ref());
        match here {
            Some(here) => self.step_to(here, moment, out),
            None => self.step_without_position(moment, out),
        }
        out.duration.merge(&self.duration);
        self.tell_percentiles(out);
    }

    /// The entry's duration, when the catalogue has told it before.
    pub const fn fed_ms(&self) -> Option<i64> {
        self.duration.fed_ms
    }

    /// The session is over: nothing came for long. What it played after its last beacon counts by R4.
    pub fn end(&mut self, beacons: &Beacons, out: &mut Watched) {
        if let Some(point) = self.point {
            self.leave(&point, beacons.missing_ms(), out);
            self.point = None;
            self.tell_percentiles(out);
        }
    }

    /// Where the beacon says that the player is, if that can be.
    fn point_of(&self, moment: &Moment) -> Option<Point> {
        let said = match moment.event {
            Event::Seek => moment.target_position_ms.or(moment.position_ms),
            // Sent after the end, from wherever that is.
            Event::Replay if !moment.playback.is_live() => Some(0),
            Event::Application(_) | Event::Unknown => None,
            _ => moment.position_ms,
        }?;
        let (axis, position_ms) = if moment.playback.is_live() {
            let is_possible = (-FURTHEST_BEHIND_MS..=TOLERANCE_MS).contains(&said);
            (Axis::Broadcast, is_possible.then(|| moment.time_ms + said.min(0))?)
        } else {
            let end = self.duration.fed_ms.map_or(END_MS, |fed_ms| last_position_ms(fed_ms).min(END_MS));
            (Axis::Media, (0..=end).contains(&said).then_some(said)?)
        };
        let speed_permille = moment.speed_permille.filter(|speed| (1..=HIGHEST_SPEED).contains(speed));
        let speed_permille = speed_permille.unwrap_or(NORMAL_SPEED);
        let is_playing = self.point.is_some_and(|point| point.is_playing);
        let since_view_ms = match self.point {
            _ if matches!(moment.event, Event::View | Event::Play) => 0,
            None => 0,
            Some(before) if before.is_playing => before.since_view_ms + (moment.time_ms - before.time_ms).max(0),
            Some(before) => before.since_view_ms,
        };
        Some(Point { axis, position_ms, time_ms: moment.time_ms, speed_permille, is_playing, since_view_ms })
    }

    /// What the beacon says of the entry's duration.
    fn learn(&mut self, moment: &Moment, here: Option<&Point>) {
        let Event::Reached(quartile) = moment.event else { return };
        let Some(position_ms) = here.filter(|here| here.axis == Axis::Media).map(|here| here.position_ms) else {
            return;
        };
        let of_thousand = match quartile {
            Quartile::First => 250,
            Quartile::Second => 500,
            Quartile::Third => 750,
            Quartile::NineTenths => 900,
            Quartile::Fourth => {
                self.duration.ended_ms = self.duration.ended_ms.max(Some(position_ms).filter(|ms| *ms > 0));
                return;
            }
        };
        let told = Duration { reached_ms: Some(position_ms * 1000 / of_thousand), ..Duration::default() };
        if position_ms > 0 {
            self.duration.merge(&told);
        }
    }

    fn step_to(&mut self, here: Point, moment: &Moment, out: &mut Watched) {
        let before = self.point.filter(|point| point.axis == here.axis);
        let playing = before.filter(|point| point.is_playing);
        let mut is_playing = here.is_playing;
        match moment.event {
            Event::Impression | Event::PlayRequest => {
                self.leave_all(playing, out);
                is_playing = false;
                self.ended = false;
            }
            Event::Play | Event::Resume => {
                self.begin(playing, &here, out);
                is_playing = true;
            }
            Event::Replay => {
                if playing.is_some() {
                    // What told of the end is lost.
                    self.seek(playing, moment, out);
                    self.reach_end(out);
                }
                is_playing = true;
                self.ended = false;
            }
            Event::Seek => self.seek(playing, moment, out),
            Event::Pause => {
                self.enclose(playing, &here, moment, out);
                is_playing = false;
            }
            Event::Reached(Quartile::Fourth) => {
                self.enclose(playing, &here, moment, out);
                self.reach_end(out);
                is_playing = false;
            }
            // A view is sent by a player that plays: if it was not known to, it has begun since.
            Event::View => {
                self.enclose(before, &here, moment, out);
                is_playing = true;
            }
            _ => self.enclose(playing, &here, moment, out),
        }
        self.point = Some(Point { is_playing, ..here });
    }

    /// What a beacon without a position still says.
    fn step_without_position(&mut self, moment: &Moment, out: &mut Watched) {
        let Some(point) = self.point else { return };
        let playing = Some(point).filter(|point| point.is_playing);
        match moment.event {
            Event::Pause | Event::Seek => {
                self.seek(playing, moment, out);
                self.point = None;
            }
            Event::Reached(Quartile::Fourth) => {
                self.seek(playing, moment, out);
                self.reach_end(out);
                self.point = None;
            }
            Event::Impression => {
                self.leave_all(playing, out);
                self.point = None;
            }
            _ => {}
        }
    }

    /// It plays from here. If it was playing, and can have come here, it has done so without a stop.
    fn begin(&mut self, playing: Option<Point>, here: &Point, out: &mut Watched) {
        self.ended = false;
        let Some(before) = playing else { return };
        let moved = here.position_ms - before.position_ms;
        if (0..=reach(&before, here) + TOLERANCE_MS).contains(&moved) {
            self.watch(before.axis, before.position_ms, here.position_ms, out);
        } else {
            self.leave(&before, 0, out);
        }
    }

    /// R2.
    fn enclose(&mut self, before: Option<Point>, here: &Point, moment: &Moment, out: &mut Watched) {
        let Some(before) = before else { return };
        let moved = here.position_ms - before.position_ms;
        let mut reach = reach(&before, here);
        if !before.is_playing {
            reach = reach.min(scaled(VIEW_INTERVAL_MS, here.speed_permille));
        }
        if (0..=reach + TOLERANCE_MS).contains(&moved) {
            return self.watch(before.axis, before.position_ms, here.position_ms, out);
        }
        let speed = before.speed_permille.max(here.speed_permille);
        let stalled = scaled(moment.buffer_ms.unwrap_or(0).max(0), speed);
        let played = (reach - stalled).clamp(0, scaled(VIEW_INTERVAL_MS, speed));
        let from = here.position_ms - played;
        self.watch(here.axis, if here.axis == Axis::Media { from.max(0) } else { from }, here.position_ms, out);
    }

    /// R3: from where it was, for as long as it can have played.
    fn seek(&mut self, playing: Option<Point>, moment: &Moment, out: &mut Watched) {
        let Some(before) = playing else { return };
        let speed = before.speed_permille;
        let elapsed = scaled((moment.time_ms - before.time_ms).max(0), speed);
        let played = elapsed.min(scaled(VIEW_INTERVAL_MS, speed) + TOLERANCE_MS);
        self.go_on(&before, played, out);
    }

    /// R4.
    fn leave(&mut self, point: &Point, missing_ms: i64, out: &mut Watched) {
        if point.is_playing {
            let to_next_view_ms = VIEW_INTERVAL_MS - point.since_view_ms.rem_euclid(VIEW_INTERVAL_MS);
            self.go_on(point, scaled(to_next_view_ms / 2 + missing_ms, point.speed_permille), out);
        }
    }

    /// Counts what must have been played after a point, as far as the media goes.
    fn go_on(&mut self, point: &Point, played_ms: i64, out: &mut Watched) {
        let mut until_ms = point.position_ms + played_ms;
        if point.axis == Axis::Media {
            until_ms = until_ms.min(self.duration.best().map_or(END_MS, |(ms, _)| ms));
        }
        self.watch(point.axis, point.position_ms, until_ms, out);
    }

    fn leave_all(&mut self, playing: Option<Point>, out: &mut Watched) {
        if let Some(point) = playing {
            self.leave(&point, 0, out);
        }
    }

    fn reach_end(&mut self, out: &mut Watched) {
        if !std::mem::replace(&mut self.ended, true) {
            out.ends[0] += 1;
        }
        if !std::mem::replace(&mut self.ended_ever, true) {
            out.ends[1] += 1;
        }
    }

    /// Counts a stretch (R5).
    fn watch(&mut self, axis: Axis, from_ms: i64, until_ms: i64, out: &mut Watched) {
        let seen = match axis {
            Axis::Media => &mut self.seen,
            Axis::Broadcast => &mut self.seen_of_broadcast,
        };
        if from_ms >= until_ms {
            return;
        }
        extend(&mut out.stretches, Stretch { axis, counting: Counting::View, from_ms, until_ms });
        seen.add(from_ms, until_ms, |from_ms, until_ms| {
            extend(&mut out.stretches, Stretch { axis, counting: Counting::Session, from_ms, until_ms });
        });
    }

    fn tell_percentiles(&mut self, out: &mut Watched) {
        let Some((duration_ms, _)) = self.duration.best() else { return };
        let seen = self.seen.percent_of(duration_ms);
        if seen > self.percentiles {
            out.percentiles += seen - self.percentiles;
            self.percentiles = seen;
        }
    }

    /// Writes it into a carry.
    pub fn encode(&self, out: &mut Writer) {
        let axis = self.point.map(|point| point.axis == Axis::Broadcast).unwrap_or_default();
        let is_playing = self.point.is_some_and(|point| point.is_playing);
        let known = self.duration != Duration::default();
        out.unsigned(flags([self.point.is_some(), axis, is_playing, self.ended, self.ended_ever, known]));
        if let Some(point) = &self.point {
            out.integer(point.position_ms);
            write(out, point.time_ms);
            write(out, point.speed_permille);
            write(out, point.since_view_ms);
        }
        if known {
            self.duration.write(out);
        }
        write(out, self.percentiles);
        self.seen.write(out);
        self.seen_of_broadcast.write(out);
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, Short> {
        let bits = input.unsigned()?;
        let point = if has(bits, 0) {
            Some(Point {
                axis: if has(bits, 1) { Axis::Broadcast } else { Axis::Media },
                position_ms: read_signed(input)?,
                time_ms: read(input)?,
                speed_permille: read(input)?.clamp(1, HIGHEST_SPEED),
                is_playing: has(bits, 2),
                since_view_ms: read(input)?,
            })
        } else {
            None
        };
        let duration = if has(bits, 5) { Duration::read(input)? } else { Duration::default() };
        Ok(Self {
            point,
            ended: has(bits, 3),
            ended_ever: has(bits, 4),
            duration,
            percentiles: read(input)?,
            seen: Seen::read(input)?,
            seen_of_broadcast: Seen::read(input)?,
        })
    }
}

/// How far the media can have moved between two points, ms.
fn reach(before: &Point, here: &Point) -> i64 {
    scaled((here.time_ms - before.time_ms).max(0), before.speed_permille.max(here.speed_permille))
}

/// The media that is played in a time.
fn scaled(time_ms: i64, speed_permille: i64) -> i64 {
    time_ms.saturating_mul(speed_permille) / NORMAL_SPEED
}

/// Adds a stretch to others; if it goes on where the last of its kind ends, that one becomes longer.
fn extend(stretches: &mut Vec<Stretch>, stretch: Stretch) {
    let is_same = |last: &&mut Stretch| last.axis == stretch.axis && last.counting == stretch.counting;
    match stretches.iter_mut().rev().find(is_same).filter(|last| last.until_ms == stretch.from_ms) {
        Some(last) => last.until_ms = stretch.until_ms,
        None => stretches.push(stretch),
    }
}
