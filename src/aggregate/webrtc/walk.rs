//! The way through the samples of one series: epochs, gaps and boundaries.
//!
//! R1  A sample counts once: at the same moment (or before the one that counted last) it has nothing new to say.
//! R2  A new epoch begins where a counter that never falls has fallen, where the SSRC is another, where the connection was made anew, or where
//!     the reporter's clock went back by more than [`RESTART_US`]. Its first sample is the ground from which it grows, and adds nothing. If
//!     the object cannot be older than the report before it, it grew from 0 since then.
//! R3  What grew over a gap of more than three intervals is no measurement of the window; the life of the session has it.
//! R4  At the end of a window, if the next one has a later sample of the epoch already, what grew is split: counters evenly by time, in
//!     integers; the time of freezes and pauses as late as possible, because it is booked when they are over; what comes with single
//!     messages not at all. What was split off is what the next window starts from: nothing counts twice, and nothing is lost.

use super::layout::{Class, Extra, Layout, Motion};
use super::sample::{Sample, places};
use super::stretch::Stretch;
use super::totals::Totals;
use crate::model::webrtc::Member;

/// A clock that goes back by more than this was set anew, microseconds.
const RESTART_US: i64 = 60_000_000;
/// Counters that never fall, of one class.
const RESETS: usize = 3;

/// From where a series grows on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// Only what is carried.
    pub(super) sample: Sample,
    /// Of a sample computed at a boundary: by how much its counters that never fall exceed those of the real one before.
    pub(super) slack: Option<[i64; RESETS]>,
}

/// What a series is walked with.
pub(super) struct Walk<'w> {
    /// The end of the window, event time, microseconds.
    pub(super) boundary_us: i64,
    /// How often the reporter reports, microseconds.
    pub(super) interval_us: i64,
    /// When the connection was made anew, event time, microseconds.
    pub(super) created_us: Option<i64>,
    /// What the window has of it.
    pub(super) totals: &'w mut Totals,
    /// What only the session's life has of it.
    pub(super) beyond: &'w mut Totals,
    /// How often it began anew.
    pub(super) resets: i64,
}

impl Walk<'_> {
    /// Walks through the samples of the window, and up to its end through those of the next. `born` gives the moment of the report before
    /// a sample, if its object cannot be older than that.
    pub(super) fn series(
        &mut self,
        class: Class,
        mut last: Option<Last>,
        samples: &[Sample],
        next: &[Sample],
        born: &dyn Fn(&Sample) -> Option<Sample>,
    ) -> Option<Last> {
        for sample in samples {
            self.step(class, &mut last, sample, born);
        }
        for sample in next {
            if sample.time_us() > self.boundary_us {
                self.split(class, &mut last, sample);
                break;
            }
            self.step(class, &mut last, sample, born);
        }
        last
    }

    fn step(
        &mut self,
        class: Class,
        last: &mut Option<Last>,
        sample: &Sample,
        born: &dyn Fn(&Sample) -> Option<Sample>,
    ) {
        let layout = class.layout();
        let Some(from) = last else {
            let ground = born(sample);
            if let Some(ground) = &ground {
                Stretch { class, totals: self.totals }.grow(ground, sample, false);
            }
            Stretch { class, totals: self.totals }.observe(ground.as_ref(), sample);
            *last = Some(Last::of(layout, sample));
            return;
        };
        if self.begins_anew(layout, from, sample) {
            self.resets += 1;
            Stretch { class, totals: self.totals }.observe(None, sample);
            *from = Last::of(layout, sample);
            return;
        }
        if sample.device_us <= from.sample.device_us {
            return;
        }
        let is_gap = self.is_gap(class, &from.sample, sample);
        let totals = if is_gap { &mut *self.beyond } else { &mut *self.totals };
        Stretch { class, totals }.grow(&from.sample, sample, from.slack.is_some());
        Stretch { class, totals: self.totals }.observe(Some(&from.sample), sample);
        *from = Last::of(layout, sample);
    }

    /// Ends at the boundary, if what comes after it goes on from what came before.
    fn split(&mut self, class: Class, last: &mut Option<Last>, after: &Sample) {
        let layout = class.layout();
        let Some(from) = last else { return };
        let ends = from.sample.time_us() < self.boundary_us && from.sample.device_us < after.device_us;
        if !ends || self.begins_anew(layout, from, after) || self.is_gap(class, &from.sample, after) {
            return;
        }
        let between = at_boundary(layout, &from.sample, after, self.boundary_us);
        Stretch { class, totals: self.totals }.grow(&from.sample, &between, from.slack.is_some());
        let mut slack = from.slack.unwrap_or_default();
        for (slack, place) in slack.iter_mut().zip(&layout.resets) {
            if let (Some(before), Some(now)) = (from.sample.get(*place), between.get(*place)) {
                *slack = slack.saturating_add(now.saturating_sub(before));
            }
        }
        *from = Last { sample: between, slack: Some(slack) };
    }

    fn begins_anew(&self, layout: &Layout, from: &Last, sample: &Sample) -> bool {
        if self.created_us.is_some_and(|made_us| from.sample.time_us() < made_us && made_us <= sample.time_us()) {
            return true;
        }
        let went_back_us = from.sample.device_us.saturating_sub(sample.device_us);
        if went_back_us >= 0 {
            return went_back_us > RESTART_US && sample.time_us() > from.sample.time_us();
        }
        let slack = from.slack.unwrap_or_default();
        let fell = layout.resets.iter().zip(slack).any(|(place, slack)| {
            let (before, now) = (from.sample.get(*place), sample.get(*place));
            before.zip(now).is_some_and(|(before, now)| now < before.saturating_sub(slack))
        });
        let ssrc = layout.member(Member::Ssrc);
        fell || from.sample.get(ssrc).zip(sample.get(ssrc)).is_some_and(|(before, now)| before != now)
    }

    fn is_gap(&self, class: Class, from: &Sample, to: &Sample) -> bool {
        let interval_us = match class {
            // These come with RTCP, every few seconds whatever the interval of the reports.
            Class::AudioOutRemote | Class::VideoOutRemote | Class::InRemote => self.interval_us.max(5_000_000),
            _ => self.interval_us,
        };
        to.device_us.saturating_sub(from.device_us) > interval_us.saturating_mul(3)
    }
}

impl Last {
    fn of(layout: &Layout, sample: &Sample) -> Self {
        let mut sample = sample.clone();
        sample.mask &= layout.carried;
        Self { sample, slack: None }
    }
}

/// The sample of an object that was made at the moment of `moment`, as the ground for `sample`.
pub(super) fn ground(moment: &Sample, sample: &Sample) -> Sample {
    let layout = sample.class.layout();
    let mut ground = Sample::new(sample.connection, sample.series, sample.class, moment.device_us, moment.shift_us);
    for place in places(sample.mask & layout.carried) {
        ground.set(place, 0);
    }
    let codec = layout.extra(Extra::Codec);
    if let Some(codec_now) = sample.get(codec) {
        ground.set(codec, codec_now);
    }
    ground
}

/// What a series had at a moment between two samples (R4).
fn at_boundary(layout: &Layout, from: &Sample, to: &Sample, boundary_us: i64) -> Sample {
    let passed = i128::from(boundary_us) - i128::from(from.time_us());
    let whole = (i128::from(to.time_us()) - i128::from(from.time_us())).max(1);
    // The part lies between 0 and the whole; only senseless times make it too large for 64 bits.
    let part = |before: i64, after: i64| {
        let grown = (i128::from(after) - i128::from(before)).saturating_mul(passed) / whole;
        before.saturating_add(i64::try_from(grown).unwrap_or(0))
    };
    let device_us = part(from.device_us, to.device_us);
    let mut between =
        Sample::new(from.connection, from.series, from.class, device_us, boundary_us.saturating_sub(device_us));
    let after_us = to.time_us().saturating_sub(boundary_us);
    let booked_before = |place: usize| {
        let grown = to.get(place)?.saturating_sub(from.get(place)?).max(0);
        Some(grown.saturating_sub(after_us).max(0))
    };
    for place in places(from.mask & layout.carried) {
        let Some(before) = from.get(place) else { continue };
        let after = to.get(place);
        let value = match (layout.motion(place), after) {
            (Motion::Step, _) => before,
            // It is not known any more: neither is what it grew by.
            (_, None) => continue,
            (_, Some(after)) if after < before => after,
            (Motion::Even, Some(after)) => part(before, after),
            (Motion::Booked, Some(_)) => before.saturating_add(booked_before(place).unwrap_or(0)),
            (Motion::BookedCount(duration), Some(after)) => {
                let began_before = booked_before(layout.member(duration)).is_some_and(|booked_us| booked_us > 0);
                before.saturating_add(i64::from(began_before && after > before))
            }
        };
        between.set(place, value);
    }
    between
}

#[cfg(test)]
mod tests {
    use super::super::measure::Measure;
    use super::*;

    fn sample(at_ms: i64, bytes: i64) -> Sample {
        let mut sample = Sample::new(1, 2, Class::AudioOut, at_ms * 1000, 0);
        sample.set(Class::AudioOut.layout().member(Member::BytesSent), bytes);
        sample
    }

    /// What is left of a series after a window that ends at `end_ms`, with the bytes that it had and how often it began anew.
    fn walked(end_ms: i64, last: Option<Last>, samples: &[Sample], next: &[Sample]) -> (Option<Last>, i64, i64) {
        let (mut totals, mut beyond) = (Totals::default(), Totals::default());
        let (boundary_us, interval_us, created_us) = (end_ms * 1000, 5_000_000, None);
        let mut walk =
            Walk { boundary_us, interval_us, created_us, totals: &mut totals, beyond: &mut beyond, resets: 0 };
        let last = walk.series(Class::AudioOut, last, samples, next, &|_| None);
        let resets = walk.resets;
        (last, totals.get(Measure::AudioOutBytes), resets)
    }

    #[test]
    fn a_sample_below_the_one_computed_at_the_boundary_is_no_reset() {
        // From 500 at 7 s to 10,500 at 12 s: 6,500 at 10 s. The one at 10.5 s comes when that is carried already.
        let after = sample(12_000, 10_500);
        let (last, bytes, _) = walked(10_000, None, &[sample(7_000, 500)], std::slice::from_ref(&after));
        assert_eq!(bytes, 6_000);
        let (_, bytes, resets) = walked(20_000, last.clone(), &[sample(10_500, 1_500), after.clone()], &[]);
        assert_eq!((bytes, resets), (4_000, 0), "10,000 in all");
        let (_, bytes, resets) = walked(20_000, last, &[sample(10_500, 400), after], &[]);
        assert_eq!((bytes, resets), (10_100, 1), "it fell below what was really there");
    }
}
