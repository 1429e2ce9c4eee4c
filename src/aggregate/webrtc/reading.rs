//! From a report to samples.

use super::found::Found;
use super::happening::Happening;
use super::layout::{Class, Extra};
use super::sample::Sample;
use crate::model::EventTime;
use crate::model::hash::stable_hash;
use crate::model::webrtc::{Clock, Content, Object, Report};

/// When the samples of a report were taken.
#[derive(Clone, Copy)]
struct Times {
    /// The newest, by the reporter's clock, microseconds.
    newest_us: i64,
    /// What makes event time of the reporter's.
    shift_us: i64,
}

/// Calls `each` with every sample of a report that belongs to the window of `time`, the report itself first. `key` is its roll-up
/// key: the index and the published hash.
pub(super) fn read(
    report: &Report<'_>,
    time: EventTime,
    clamped: bool,
    (key, key_hash): (u32, u64),
    each: &mut dyn FnMut(&Sample),
) {
    let connection = stable_hash(report.connection.as_bytes());
    let times = times(report, time, clamped);
    let mut whole = Sample::new(connection, connection, Class::Report, times.newest_us, times.shift_us);
    let layout = Class::Report.layout();
    whole.set(layout.extra(Extra::KeyHash), key_hash.cast_signed());
    whole.set(layout.extra(Extra::Key), i64::from(key));
    if let Some(interval_ms) = report.interval_ms.filter(|interval| *interval > 0) {
        whole.set(layout.extra(Extra::Interval), interval_ms);
    }
    match &report.content {
        Content::Event { name, value } => {
            each(&whole);
            let Some(happening) = Happening::named(name, value) else { return };
            let series = named_series(report, "event\0", name);
            let mut sample = Sample::new(connection, series, Class::Event, times.newest_us, times.shift_us);
            sample.set(Class::Event.layout().extra(Extra::Happening), happening as i64);
            each(&sample);
        }
        Content::Stats(objects) => {
            let found = Found::new(objects);
            whole.set(layout.extra(Extra::HasPath), i64::from(found.has_path()));
            each(&whole);
            read_objects(report, objects, &found, times, each);
        }
    }
}

fn read_objects(
    report: &Report<'_>,
    objects: &[Object<'_>],
    found: &Found<'_, '_>,
    times: Times,
    each: &mut dyn FnMut(&Sample),
) {
    let connection = stable_hash(report.connection.as_bytes());
    for object in objects {
        let Some(class) = Class::of(object) else { continue };
        let device_us = object.time_us.unwrap_or(times.newest_us);
        let series = named_series(report, "", &object.id);
        let mut sample = Sample::new(connection, series, class, device_us, times.shift_us);
        let layout = class.layout();
        for (member, value) in &object.numbers {
            sample.set(layout.member(*member), *value);
        }
        let extra = match class {
            Class::AudioIn | Class::VideoIn | Class::AudioOut | Class::VideoOut => {
                Some((Extra::Codec, found.codec(object) as i64))
            }
            Class::AudioOutRemote | Class::VideoOutRemote => {
                found.packets_sent(object).map(|sent| (Extra::PacketsSent, sent))
            }
            Class::Pair => found.path(object).map(|path| (Extra::Path, path as i64)),
            _ => None,
        };
        if let Some((extra, value)) = extra {
            sample.set(layout.extra(extra), value);
        }
        each(&sample);
    }
}

/// The published hash of the connection's name, a zero byte, and the id of an object of it.
fn named_series(report: &Report<'_>, kind: &str, id: &str) -> u64 {
    let mut bytes = Vec::with_capacity(report.connection.len() + kind.len() + id.len() + 1);
    for part in [report.connection.as_bytes(), &[0], kind.as_bytes(), id.as_bytes()] {
        bytes.extend_from_slice(part);
    }
    stable_hash(&bytes)
}

fn times(report: &Report<'_>, time: EventTime, clamped: bool) -> Times {
    let sampled = match &report.content {
        Content::Stats(objects) => objects.iter().filter_map(|object| object.time_us).max(),
        Content::Event { .. } => None,
    };
    let event_us = time.as_millis().saturating_mul(1000);
    match sampled.or(report.time_us) {
        Some(newest_us) if report.clock == Clock::Epoch && !clamped => Times { newest_us, shift_us: 0 },
        Some(newest_us) => Times { newest_us, shift_us: event_us.saturating_sub(newest_us) },
        None => Times { newest_us: event_us, shift_us: 0 },
    }
}
