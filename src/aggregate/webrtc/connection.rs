//! A peer connection in a closing window: its reports and events, and the walk through its series.

use super::found::{Codec, Path};
use super::happening::Happening;
use super::layout::{Class, Extra};
use super::life::Connection;
use super::measure::Measure;
use super::sample::Sample;
use super::scoring::Stream;
use super::stretch::{Stretch, latest_ice_rtt};
use super::totals::Totals;
use super::walk::{Last, Walk, ground};
use crate::model::webrtc::Member;

/// How often a reporter reports that does not say so, microseconds.
const INTERVAL_US: i64 = 10_000_000;
/// How long the last round trip by ICE counts on when no path is known to be in use, microseconds.
const RTT_KEPT_US: i64 = 15_000_000;

/// What a window has of one connection. All samples are in order of series, then time.
pub(super) struct Connected<'s> {
    samples: &'s [Sample],
    /// What the next window has of it.
    next: &'s [Sample],
    reports: &'s [Sample],
    boundary_us: i64,
    interval_us: i64,
}

/// What it adds to its roll-up key.
#[derive(Default)]
pub(super) struct Added {
    pub(super) totals: Totals,
    /// What only the session's life has of it.
    pub(super) beyond: Totals,
    pub(super) streams: Vec<Stream>,
    /// Time between reports too far apart, microseconds.
    pub(super) gap_us: i64,
    /// The latest path in use, and when.
    pub(super) path: Option<(i64, Path)>,
    /// When the participant left, event time, microseconds.
    pub(super) left_us: Option<i64>,
}

impl<'s> Connected<'s> {
    /// `None` without a report.
    pub(super) fn new(samples: &'s [Sample], next: &'s [Sample], boundary_us: i64, past: &Connection) -> Option<Self> {
        let connection = samples.first()?.connection;
        let reports = of_series(samples, connection);
        let interval = Class::Report.layout().extra(Extra::Interval);
        let said_ms = reports.iter().rev().find_map(|report| report.get(interval)).or(past.interval_ms);
        let interval_us = said_ms.map_or(INTERVAL_US, |interval_ms| interval_ms.saturating_mul(1000));
        reports.last()?;
        Some(Self { samples, next, reports, boundary_us, interval_us })
    }

    /// The index of the key of the latest report; at the same moment that with the smallest hash.
    pub(super) fn key(&self) -> u32 {
        let layout = Class::Report.layout();
        let hash = |report: &Sample| report.get(layout.extra(Extra::KeyHash)).map(i64::cast_unsigned);
        let latest = self.reports.iter().max_by_key(|one| (one.time_us(), std::cmp::Reverse(hash(one))));
        let key = latest.and_then(|report| report.get(layout.extra(Extra::Key)));
        key.and_then(|key| u32::try_from(key).ok()).unwrap_or(0)
    }

    /// When its first and its last report were, event time, microseconds.
    pub(super) fn span_us(&self) -> (i64, i64) {
        let time = |report: Option<&Sample>| report.map_or(0, Sample::time_us);
        (time(self.reports.first()), time(self.reports.last()))
    }

    /// Walks through its series. `past` is what was carried of it, and becomes what is carried on; `is_known`: there was something.
    pub(super) fn walk(&self, past: &mut Connection, is_known: bool) -> Added {
        let mut added = Added::default();
        let created_us = self.created_us(past, is_known);
        self.happen(past, &mut added);
        added.gap_us = self.gap_us(past, is_known);
        let mut transports = 0;
        let mut lasts = std::mem::take(&mut past.series);
        let mut rtts: Vec<(i64, i64)> = past.rtt.into_iter().collect();
        for (series, class) in self.series(&lasts) {
            let samples = of_series(self.samples, series);
            let place = lasts.binary_search_by_key(&series, |last| last.sample.series);
            let last = place.ok().map(|place| lasts.remove(place));
            let is_gone = past.gone.binary_search(&series);
            let born = |sample: &Sample| {
                let moment = if is_known { self.moment_before(past, sample) } else { self.report_before(sample) };
                moment.filter(|_| is_gone.is_err()).map(|moment| ground(&moment, sample))
            };
            let mut own = Totals::default();
            let (boundary_us, interval_us) = (self.boundary_us, self.interval_us);
            let is_stream = matches!(class, Class::AudioIn | Class::VideoIn | Class::AudioOut | Class::VideoOut);
            let totals = if is_stream { &mut own } else { &mut added.totals };
            let beyond = &mut added.beyond;
            let mut walk = Walk { boundary_us, interval_us, created_us, totals, beyond, resets: 0 };
            let last = walk.series(class, last, samples, of_series(self.next, series), &born);
            let resets = walk.resets;
            added.totals.add(Measure::CounterResets, resets);
            transports += if class == Class::Transport { resets } else { 0 };
            if class == Class::Pair {
                note_paths(samples, &mut added, &mut rtts);
            }
            if is_stream {
                added.totals.merge(&own);
                added.streams.push(Stream { class, codec: codec_of(samples), totals: own });
            }
            if let Some(last) = last {
                if let Ok(place) = is_gone {
                    past.gone.remove(place);
                }
                past.series.push(last);
            }
        }
        past.series.extend(lasts);
        past.series.sort_unstable_by_key(|last| last.sample.series);
        self.keep_rtt(&mut rtts, past, &mut added);
        if created_us.is_some() || transports > 0 {
            added.totals.add(Measure::Reconnects, 1);
        }
        self.settle(past);
        added
    }

    /// The series that have a sample here, or have had one and have another in the next window.
    fn series(&self, lasts: &[Last]) -> Vec<(u64, Class)> {
        let of = |sample: &Sample| (sample.series, sample.class);
        let mut series: Vec<(u64, Class)> = self.samples.iter().map(of).collect();
        series.extend(
            lasts.iter().map(|last| of(&last.sample)).filter(|(hash, _)| !of_series(self.next, *hash).is_empty()),
        );
        series.retain(|(_, class)| !matches!(class, Class::Report | Class::Event));
        series.sort_unstable();
        series.dedup_by_key(|(hash, _)| *hash);
        series
    }

    /// When it was made anew: after there had been reports of it.
    fn created_us(&self, past: &Connection, is_known: bool) -> Option<i64> {
        let created = self.events().filter(|(_, what)| *what == Happening::Created).map(|(event, _)| event.time_us());
        let created_us = created.max()?;
        let had_statistics = |report: &&Sample| report.get(Class::Report.layout().extra(Extra::HasPath)).is_some();
        let first = self.reports.iter().find(had_statistics).map(Sample::time_us);
        let is_after = is_known && past.time_us() < created_us || first.is_some_and(|first| first < created_us);
        is_after.then_some(created_us)
    }

    fn events(&self) -> impl Iterator<Item = (&Sample, Happening)> {
        let place = Class::Event.layout().extra(Extra::Happening);
        let events = self.samples.iter().filter(|sample| sample.class == Class::Event);
        events.filter_map(move |event| Some((event, Happening::numbered(event.get(place)?)?)))
    }

    /// When samples told of decoded frames.
    fn frames_seen(&self) -> impl Iterator<Item = (i64, Happening, i64)> {
        let place = Class::VideoIn.layout().member(Member::FramesDecoded);
        let video = self.samples.iter().filter(|sample| sample.class == Class::VideoIn);
        let seen = video.filter(move |sample| sample.get(place).is_some_and(|frames| frames > 0));
        seen.map(|sample| (sample.time_us(), Happening::FramesSeen, sample.device_us))
    }

    /// Counts what happened, and how long it took.
    fn happen(&self, past: &mut Connection, added: &mut Added) {
        let mut events: Vec<(i64, Happening, i64)> =
            self.events().map(|(event, what)| (event.time_us(), what, event.device_us)).collect();
        events.extend(self.frames_seen());
        events.sort_unstable();
        events.dedup();
        let has_frames = &mut past.has_frames;
        let [gathering, checks, path, offer] = &mut past.pending_us;
        let totals = &mut added.totals;
        let mut took = |began: &mut Option<i64>, now_us: i64, sum: Measure, count: Measure| {
            if let Some(began_us) = began.take() {
                totals.add(sum, now_us.saturating_sub(began_us).max(0) / 1000);
                totals.add(count, 1);
            }
        };
        let (mut lost, mut failed) = (0, 0);
        for (time_us, what, device_us) in events {
            match what {
                Happening::Created => {
                    (*gathering, *checks, *path, *offer) = (None, None, None, None);
                    *has_frames = false;
                }
                Happening::Left => added.left_us = Some(time_us),
                Happening::GatheringBegan => *gathering = Some(device_us),
                Happening::ChecksBegan => *checks = Some(device_us),
                Happening::GatheringEnded => took(gathering, device_us, Measure::Gathering, Measure::GatheringCount),
                Happening::PathFound => {
                    if checks.is_some() {
                        *path = Some(device_us);
                    }
                    took(checks, device_us, Measure::Connecting, Measure::ConnectingCount);
                }
                Happening::Connected => took(path, device_us, Measure::Handshake, Measure::HandshakeCount),
                // What is offered while video plays is something else.
                Happening::Offered if *has_frames => {}
                Happening::Offered => *offer = Some(device_us),
                Happening::FramesSeen => {
                    *has_frames = true;
                    took(offer, device_us, Measure::Startup, Measure::StartupCount);
                }
                Happening::PathLost => lost += 1,
                Happening::PathFailed | Happening::Failed => failed += 1,
            }
        }
        added.totals.add(Measure::Disconnects, lost);
        added.totals.add(Measure::Failures, failed);
    }

    /// Time between reports that are too far apart.
    fn gap_us(&self, past: &Connection, is_known: bool) -> i64 {
        let before = is_known.then_some(past.device_us).into_iter();
        let times: Vec<i64> = before.chain(self.reports.iter().map(|report| report.device_us)).collect();
        let spans = times.windows(2).map(|pair| pair.last().unwrap_or(&0).saturating_sub(*pair.first().unwrap_or(&0)));
        spans.filter(|span| *span > self.interval_us.saturating_mul(3)).fold(0, i64::saturating_add)
    }

    /// The last report of this window before a sample, if that is an interval before at most (and half of one: timers are late).
    fn report_before(&self, sample: &Sample) -> Option<Sample> {
        let before = self.reports.partition_point(|report| report.time_us() < sample.time_us());
        let report = self.reports.get(before.checked_sub(1)?)?;
        let is_close = sample.device_us.saturating_sub(report.device_us) <= self.interval_us.saturating_mul(3) / 2;
        is_close.then(|| report.clone())
    }

    /// The same, with the last report before this window.
    fn moment_before(&self, past: &Connection, sample: &Sample) -> Option<Sample> {
        if self.reports.first().is_some_and(|first| first.time_us() < sample.time_us()) {
            return self.report_before(sample);
        }
        let is_before = past.time_us() < sample.time_us();
        let is_close = sample.device_us.saturating_sub(past.device_us) <= self.interval_us.saturating_mul(3) / 2;
        let moment = Sample::new(past.hash, past.hash, Class::Report, past.device_us, past.shift_us);
        (is_before && is_close).then_some(moment)
    }

    /// While no path is known to be in use the last round trip counts on.
    fn keep_rtt(&self, rtts: &mut [(i64, i64)], past: &mut Connection, added: &mut Added) {
        rtts.sort_unstable();
        let has_path = Class::Report.layout().extra(Extra::HasPath);
        for report in self.reports.iter().filter(|report| report.get(has_path) == Some(0)) {
            let known = rtts.partition_point(|(time_us, _)| *time_us <= report.time_us());
            let Some((time_us, rtt_us)) = known.checked_sub(1).and_then(|place| rtts.get(place)) else { continue };
            if report.time_us().saturating_sub(*time_us) <= RTT_KEPT_US {
                Stretch { class: Class::Pair, totals: &mut added.totals }.add_ice_rtt(*rtt_us, 1);
            }
        }
        past.rtt = rtts.last().copied();
    }

    fn settle(&self, past: &mut Connection) {
        if let Some(report) = self.reports.last() {
            (past.device_us, past.shift_us) = (report.device_us, report.shift_us);
        }
        let interval = Class::Report.layout().extra(Extra::Interval);
        past.interval_ms = self.reports.iter().rev().find_map(|report| report.get(interval)).or(past.interval_ms);
    }
}

/// The samples of a series, of those of a connection in order.
fn of_series(samples: &[Sample], series: u64) -> &[Sample] {
    let from = samples.partition_point(|sample| sample.series < series);
    let to = samples.partition_point(|sample| sample.series <= series);
    samples.get(from..to).unwrap_or_default()
}

/// The samples of a connection, of those of a session in order.
pub(super) fn of_connection(samples: &[Sample], connection: u64) -> &[Sample] {
    let from = samples.partition_point(|sample| sample.connection < connection);
    let to = samples.partition_point(|sample| sample.connection <= connection);
    samples.get(from..to).unwrap_or_default()
}

/// The paths in use, and the round trips on them.
fn note_paths(samples: &[Sample], added: &mut Added, rtts: &mut Vec<(i64, i64)>) {
    let place = Class::Pair.layout().extra(Extra::Path);
    for sample in samples {
        if let Some(path) = sample.get(place).and_then(Path::numbered) {
            added.path = added.path.max(Some((sample.time_us(), path)));
        }
        rtts.extend(latest_ice_rtt(sample).map(|rtt_us| (sample.time_us(), rtt_us)));
    }
}

/// The codec of the last sample that has one.
fn codec_of(samples: &[Sample]) -> Codec {
    let codec = |sample: &Sample| sample.get(sample.class.layout().extra(Extra::Codec)).and_then(Codec::numbered);
    samples.iter().rev().find_map(codec).unwrap_or(Codec::Unknown)
}
