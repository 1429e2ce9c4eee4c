//! What Chromium's page `chrome://webrtc-internals` saves: of each peer connection a log of events, and of each member of each statistics
//! object the values of the last thousand samples, as a list of its own.
//!
//! Facts of the format, from `rtcstats/rtcstats` (`packages/rtcstats-shared/timeseries.js`, `dump.js`).
//!
//! R1  A list is named `<object>-<member>`, where the object's id may have dashes; `values` is JSON inside a string. Names in brackets are
//!     rates that the page computed, and are left out. Dumps of before Chromium 117 have no lists `<object>-timestamp`: their objects cannot be
//!     dated and are left out.
//! R2  Lists are aligned with their object's timestamps from the end: a member may have come later than its object. (One that went away
//!     before its object ends up late; the format does not tell.)
//! R3  Samples less than 250 ms apart are one report; the page samples every second. Objects of the far end have the time of an RTCP packet: they
//!     are in the first report after it, once.
//! R4  All connections come out together, in order of time, as they would have come from the page.

use std::collections::BTreeMap;

use serde_json::Value;

use super::envelope::{Event, Named, Output, Report, is_epoch_ms};
use super::limits::TEXT_BYTES;
use super::stat::{Object, admit_object, is_withheld_type, number, number_of, text};
use super::{Counts, Dialect, Dropped, Error, Limits};

/// The most samples of a list that are read, from its end; the page keeps a thousand.
const SAMPLES: usize = 2_000;
/// Bytes of one list.
const LIST_BYTES: usize = 256 * 1024;
/// R3
const ONE_REPORT_MS: f64 = 250.0;
/// How often the page samples.
const INTERVAL_MS: u32 = 1_000;

/// Reads one dump.
pub(super) fn convert(message: &[u8], _: f64, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let dump: Value = serde_json::from_slice(message)?;
    let Some(Value::Object(connections)) = dump.get("PeerConnections") else {
        return Err(Error::Shape { dialect: Dialect::WebrtcInternals, expected: "an object with `PeerConnections`" });
    };
    let mut moments = Vec::new();
    let mut recordings = Vec::new();
    for (name, connection) in connections {
        if name.is_empty() || name.len() > TEXT_BYTES {
            output.counts.add(Dropped::TooLong);
            continue;
        }
        let recording = Recording::read(name, connection, limits, output.counts)?;
        let place = recordings.len();
        events(connection, output.counts, |time_ms, what| moments.push((time_ms, place, what)));
        moments.extend(recording.reports.iter().enumerate().map(|(index, end)| (*end, place, Moment::Report(index))));
        recordings.push(recording);
    }
    moments.sort_by(|(left, ..), (right, ..)| left.total_cmp(right));
    for (time_ms, place, moment) in moments {
        let Some(recording) = recordings.get(place) else { continue };
        let named = Named { connection: Some(recording.connection), ..Named::default() };
        match moment {
            Moment::Event(name, value) => output.event(named, &Event { name, value, time_ms }),
            Moment::Report(index) => {
                let objects = recording.objects_of(index, output.counts);
                let report = Report { interval_ms: Some(INTERVAL_MS), ..Report::new(&objects, time_ms) };
                output.report(named, &report);
            }
        }
    }
    Ok(())
}

/// What happened at a time.
enum Moment<'a> {
    /// The name of the event and the state that it led to.
    Event(&'a str, Option<&'a str>),
    /// The report with this index.
    Report(usize),
}

/// Calls `each` with the state changes of a connection's log.
fn events<'a>(connection: &'a Value, counts: &mut Counts, mut each: impl FnMut(f64, Moment<'a>)) {
    let log = connection.get("updateLog").and_then(Value::as_array);
    for entry in log.into_iter().flatten().filter_map(Value::as_object) {
        let name = text(entry, "type").map(|name| name.strip_prefix("on").unwrap_or(name));
        let Some(
            name @ ("signalingstatechange"
            | "iceconnectionstatechange"
            | "connectionstatechange"
            | "icegatheringstatechange"),
        ) = name
        else {
            counts.add(Dropped::Unrelated);
            continue;
        };
        match number(entry, "timestamp").or_else(|| number(entry, "time")).filter(|time| is_epoch_ms(*time)) {
            Some(time_ms) => each(time_ms, Moment::Event(name, text(entry, "value"))),
            None => counts.add(Dropped::WithoutTime),
        }
    }
}

/// The statistics of one connection.
struct Recording<'a> {
    connection: &'a str,
    objects: Vec<Recorded<'a>>,
    /// When each report ended, ascending.
    reports: Vec<f64>,
}

/// One object over time.
struct Recorded<'a> {
    id: &'a str,
    type_name: &'a str,
    times: Vec<f64>,
    members: Vec<(&'a str, Vec<Value>)>,
    /// Which sample is in which report: (report, sample), ascending, each report once.
    places: Vec<(usize, usize)>,
}

impl<'a> Recording<'a> {
    fn read(connection: &'a str, content: &'a Value, limits: &Limits, counts: &mut Counts) -> Result<Self, Error> {
        let mut by_id: BTreeMap<&str, Recorded<'a>> = BTreeMap::new();
        let lists = content.get("stats").and_then(Value::as_object);
        for (name, list) in lists.into_iter().flatten() {
            // R1
            let Some((id, member)) = name.rsplit_once('-').filter(|_| !name.contains("-[")) else { continue };
            let type_name = list.get("statsType").and_then(Value::as_str).unwrap_or_default();
            if matches!(member, "id" | "type") || is_withheld_type(type_name) {
                continue;
            }
            let Some(values) = values(list, limits, counts) else { continue };
            let empty = || Recorded { id, type_name, times: Vec::new(), members: Vec::new(), places: Vec::new() };
            let recorded = by_id.entry(id).or_insert_with(empty);
            match member {
                "timestamp" => recorded.times = values.iter().map(|value| number_of(value).unwrap_or(0.0)).collect(),
                _ => recorded.members.push((member, values)),
            }
        }
        limits.check_objects(by_id.len())?;
        let mut recording = Self { connection, objects: by_id.into_values().collect(), reports: Vec::new() };
        recording.arrange();
        Ok(recording)
    }

    /// R3
    fn arrange(&mut self) {
        let local = self.objects.iter().filter(|object| !object.is_remote());
        let mut times: Vec<f64> =
            local.flat_map(|object| object.times.iter().copied()).filter(|time| is_epoch_ms(*time)).collect();
        times.sort_by(f64::total_cmp);
        let mut starts: Vec<f64> = Vec::new();
        for time in times {
            match (starts.last(), self.reports.last_mut()) {
                (Some(start), Some(end)) if time - start < ONE_REPORT_MS => *end = time,
                _ => {
                    starts.push(time);
                    self.reports.push(time);
                }
            }
        }
        for object in &mut self.objects {
            object.place(&self.reports);
        }
    }

    fn objects_of(&self, report: usize, counts: &mut Counts) -> Vec<Object> {
        let objects = self.objects.iter().filter_map(|object| Some((object, object.members_in(report)?)));
        objects.filter_map(|(object, members)| admit_object(object.id, members, counts)).collect()
    }
}

impl Recorded<'_> {
    fn is_remote(&self) -> bool {
        matches!(self.type_name, "remote-inbound-rtp" | "remote-outbound-rtp")
    }

    /// Finds the report of each sample: the first that ends at or after it. Of several in one report the last counts; a time that was there
    /// before is no new sample.
    fn place(&mut self, reports: &[f64]) {
        let mut newest = f64::MIN;
        for (sample, time) in self.times.iter().enumerate() {
            let report = reports.partition_point(|end| end < time);
            if *time <= newest || !is_epoch_ms(*time) || report >= reports.len() {
                continue;
            }
            newest = *time;
            match self.places.last_mut() {
                Some(last) if last.0 == report => last.1 = sample,
                _ => self.places.push((report, sample)),
            }
        }
    }

    /// The members that the object has in a report (R2).
    fn members_in(&self, report: usize) -> Option<Object> {
        let at = self.places.binary_search_by_key(&report, |(report, _)| *report).ok()?;
        let (_, sample) = self.places.get(at)?;
        let time = self.times.get(*sample)?;
        let mut members = Object::new();
        members.insert("type".to_owned(), Value::from(self.type_name));
        members.insert("timestamp".to_owned(), super::stat::json_number(*time));
        for (name, values) in &self.members {
            let aligned = (sample + values.len()).checked_sub(self.times.len());
            if let Some(value) = aligned.and_then(|index| values.get(index)) {
                members.insert((*name).to_owned(), value.clone());
            }
        }
        Some(members)
    }
}

/// The values of a list, the last of them when there are too many.
fn values(list: &Value, limits: &Limits, counts: &mut Counts) -> Option<Vec<Value>> {
    let mut values = match list.get("values") {
        Some(Value::Array(values)) => values.clone(),
        Some(Value::String(json)) if json.len() > LIST_BYTES => {
            counts.add(Dropped::TooLong);
            return None;
        }
        Some(Value::String(json)) => {
            let parsed = limits.check(json.as_bytes()).ok().and_then(|()| serde_json::from_str(json).ok());
            let Some(Value::Array(values)) = parsed else {
                counts.add(Dropped::WrongValue);
                return None;
            };
            values
        }
        _ => {
            counts.add(Dropped::WrongValue);
            return None;
        }
    };
    let beyond = values.len().saturating_sub(SAMPLES);
    values.drain(..beyond);
    Some(values)
}
