//! Envelopes as they lie on `qoe.webrtc`, with their keys.
//!
//! R1  The key is `app|call|participant`, so that all of a session is in one partition; `|`, `%` and control characters inside a component
//!     are percent-escaped, and long components cut: the same name that the windows give the session.
//! R2  Event time is that of the newest object, by the sender's clock; without one, or by a clock that only measures differences, the time
//!     of the report.
//! R3  No record is longer than 256 KiB, nearly: a longer report is split between its objects, with the same `ts` and `seq` and a
//!     `part` from 1 to `of`. What streams refer to (codecs, transports, pairs, candidates) is in every part, and what the far end reports
//!     of a stream is beside the stream: so each part can be read alone.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::limits::RECORD_BYTES;
use super::stat::{Object, json_number, number, text};
use super::tally::{Counts, Dropped};
use super::{Converted, Identity};
use crate::model::write_session_id;

/// Times that can be milliseconds since the Unix epoch: from 1973 to the year 5138. Shorter ones count from some other moment.
const EPOCH_MS: std::ops::Range<f64> = 1e11..1e14;

/// The name of a connection that neither the shape nor the identity names.
const ONLY_CONNECTION: &str = "0";

/// Whether a time counts milliseconds from the Unix epoch.
pub(super) fn is_epoch_ms(time: f64) -> bool {
    EPOCH_MS.contains(&time)
}

/// What the message itself says of who sent it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named<'a> {
    pub(super) app: Option<&'a str>,
    pub(super) call: Option<&'a str>,
    pub(super) participant: Option<&'a str>,
    pub(super) connection: Option<&'a str>,
}

/// The objects of one report.
pub(super) struct Report<'a> {
    pub(super) objects: Vec<&'a Object>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub(super) time_ms: f64,
    pub(super) sequence: Option<u64>,
    pub(super) interval_ms: Option<u32>,
    /// The objects' times count from a moment of their own.
    pub(super) is_monotonic: bool,
}

impl<'a> Report<'a> {
    /// A report of these objects, made at this time by the sender's clock.
    pub(super) fn new(objects: impl IntoIterator<Item = &'a Object>, time_ms: f64) -> Self {
        Self { objects: objects.into_iter().collect(), time_ms, sequence: None, interval_ms: None, is_monotonic: false }
    }

    /// R2
    fn event_time(&self) -> f64 {
        if self.is_monotonic {
            return self.time_ms;
        }
        newest(self.objects.iter().copied()).unwrap_or(self.time_ms)
    }
}

/// The newest time of these objects that counts from the Unix epoch.
pub(super) fn newest<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Option<f64> {
    let times = objects.into_iter().filter_map(|object| number(object, "timestamp"));
    times.filter(|time| is_epoch_ms(*time)).reduce(f64::max)
}

/// Something that happened to a connection.
pub(super) struct Event<'a> {
    /// The browser's name of it, or `create`, `close`.
    pub(super) name: &'a str,
    /// The state that it led to.
    pub(super) value: Option<&'a str>,
    /// By the sender's clock.
    pub(super) time_ms: f64,
}

#[derive(Clone, Serialize)]
struct Envelope<'a> {
    v: u8,
    kind: &'static str,
    app: &'a str,
    call: &'a str,
    participant: &'a str,
    pc: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    ts: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<&'a [&'a Object]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

/// Where the shapes leave what they found.
pub(super) struct Output<'a> {
    pub(super) identity: &'a Identity,
    pub(super) counts: &'a mut Counts,
    pub(super) each: &'a mut dyn FnMut(Converted),
}

impl Output<'_> {
    /// Hands on a report, unless it has no objects or belongs to nobody.
    pub(super) fn report(&mut self, named: Named<'_>, report: &Report<'_>) {
        let Some(blank) = self.envelope("getstats", named, report.time_ms) else { return };
        let time_ms = report.event_time() as i64;
        let parts = split(&report.objects);
        for (index, stats) in parts.iter().enumerate() {
            let is_split = parts.len() > 1;
            let envelope = Envelope {
                seq: report.sequence,
                interval_ms: report.interval_ms,
                clock: report.is_monotonic.then_some("monotonic"),
                part: is_split.then_some(index + 1),
                of: is_split.then_some(parts.len()),
                stats: Some(stats),
                ..blank.clone()
            };
            send(self.each, &envelope, time_ms);
        }
    }

    /// Hands on an event, unless it belongs to nobody. Chromium's page writes states in JSON quotes, all others bare.
    pub(super) fn event(&mut self, named: Named<'_>, event: &Event<'_>) {
        let Some(blank) = self.envelope("event", named, event.time_ms) else { return };
        let value = event.value.map(|value| value.trim_matches('"')).filter(|value| !value.is_empty());
        let envelope = Envelope { event: Some(event.name), value, ..blank };
        send(self.each, &envelope, event.time_ms as i64);
    }

    /// An envelope without content. What the identity says counts; the shape fills in what it leaves open.
    fn envelope<'a>(&mut self, kind: &'static str, named: Named<'a>, time_ms: f64) -> Option<Envelope<'a>>
    where
        Self: 'a,
    {
        let identity = self.identity;
        let call = either(&identity.call, named.call);
        let participant = either(&identity.participant, named.participant);
        if call.is_empty() || participant.is_empty() {
            self.counts.add(Dropped::Unidentified);
            return None;
        }
        let pc = match (named.connection, identity.connection.as_str()) {
            (Some(name), _) => name,
            (None, "") => ONLY_CONNECTION,
            (None, name) => name,
        };
        Some(Envelope {
            v: 1,
            kind,
            app: either(&identity.app, named.app),
            call,
            participant,
            pc,
            seq: None,
            ts: json_number(time_ms),
            interval_ms: None,
            clock: None,
            part: None,
            of: None,
            stats: None,
            event: None,
            value: None,
        })
    }
}

fn either<'a>(given: &'a str, named: Option<&'a str>) -> &'a str {
    match given.is_empty() {
        true => named.unwrap_or_default(),
        false => given,
    }
}

fn send(each: &mut dyn FnMut(Converted), envelope: &Envelope<'_>, time_ms: i64) {
    // Maps with text keys and finite numbers always have a JSON form.
    let Ok(value) = serde_json::to_vec(envelope) else { return };
    each(Converted { key: key(envelope.app, envelope.call, envelope.participant), value, time_ms });
}

/// The types of what streams refer to: small, and seen once for each time it was sampled, however often it is told.
const REFERRED: [&str; 5] = ["codec", "transport", "candidate-pair", "local-candidate", "remote-candidate"];

/// R3: the objects of each record.
fn split<'a>(objects: &[&'a Object]) -> Vec<Vec<&'a Object>> {
    if objects.is_empty() {
        return Vec::new();
    }
    let length = |object: &Object| serde_json::to_vec(object).map_or(0, |json| json.len() + 1);
    if objects.iter().map(|object| length(object)).sum::<usize>() <= RECORD_BYTES {
        return vec![objects.to_vec()];
    }
    let is_referred = |object: &&&Object| text(object, "type").is_some_and(|kind| REFERRED.contains(&kind));
    let mut referred: Vec<&Object> = objects.iter().filter(is_referred).copied().collect();
    let mut referred_bytes = referred.iter().map(|object| length(object)).sum();
    let mut groups = groups(objects.iter().filter(|object| !is_referred(object)).copied());
    if referred_bytes > RECORD_BYTES / 2 {
        // Too much to be told again: then it is told once.
        groups.extend(referred.drain(..).map(|object| vec![object]));
        referred_bytes = 0;
    }
    let (mut parts, mut part, mut bytes) = (Vec::new(), referred.clone(), referred_bytes);
    for group in groups {
        let more: usize = group.iter().map(|object| length(object)).sum();
        if bytes + more > RECORD_BYTES && part.len() > referred.len() {
            parts.push(std::mem::replace(&mut part, referred.clone()));
            bytes = referred_bytes;
        }
        part.extend(group);
        bytes += more;
    }
    parts.push(part);
    parts
}

/// Streams, each with what the far end reports of it; in the order of the streams.
fn groups<'a>(objects: impl Iterator<Item = &'a Object> + Clone) -> Vec<Vec<&'a Object>> {
    let is_remote = |object: &&Object| text(object, "type").is_some_and(|kind| kind.starts_with("remote-"));
    let mut groups: Vec<Vec<&Object>> =
        objects.clone().filter(|object| !is_remote(object)).map(|object| vec![object]).collect();
    let ids = groups.iter().zip(0..).filter_map(|(group, place)| Some((text(group.first()?, "id")?, place)));
    let places: HashMap<&str, usize> = ids.collect();
    for object in objects.filter(is_remote) {
        let place = text(object, "localId").and_then(|id| places.get(id));
        match place.and_then(|place| groups.get_mut(*place)) {
            Some(group) => group.push(object),
            None => groups.push(vec![object]),
        }
    }
    groups
}

/// R1
pub(super) fn key(app: &str, call: &str, participant: &str) -> Vec<u8> {
    let mut key = String::new();
    write_session_id(&mut key, [app, call, participant]);
    key.into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::decode::webrtc::convert::stat::Stat;

    #[test]
    fn keys_are_escaped_so_that_no_two_sessions_share_one() {
        assert_eq!(key("a", "room", "p-1"), b"a|room|p-1");
        assert_eq!(key("a|b", "100%", "p\n1\u{85}é,"), "a%7Cb|100%25|p%0A1%C2%85é,".as_bytes());
        assert_ne!(key("a|b", "c", "d"), key("a", "b|c", "d"));
    }

    #[test]
    fn a_long_report_is_split_so_that_each_part_can_be_read_alone() {
        let stat = |kind: &str, id: String| Stat::new(kind, id, Some(1.8e12));
        let numbers = |stat: Stat| {
            (0..10).fold(stat, |stat, member| stat.number(&format!("aNumberWithAName{member}"), Some(1e9))).build()
        };
        let mut objects: Vec<Object> =
            (0..1_000).map(|index| numbers(stat("outbound-rtp", format!("O{index}")))).collect();
        objects.push(stat("codec", "C".to_owned()).build());
        objects.extend((0..1_000).map(|index| {
            numbers(stat("remote-inbound-rtp", format!("R{index}")).text("localId", Some(&format!("O{index}"))))
        }));
        let identity = Identity { call: "c".to_owned(), participant: "p".to_owned(), ..Identity::default() };
        let mut records = Vec::new();
        let mut counts = Counts::default();
        let mut each = |converted: Converted| records.push(converted);
        let mut output = Output { identity: &identity, counts: &mut counts, each: &mut each };
        output.report(Named::default(), &Report::new(&objects, 1.8e12));

        let mut ids = Vec::new();
        for (index, record) in records.iter().enumerate() {
            assert!(record.value.len() < RECORD_BYTES + 1_000);
            let envelope: Value = serde_json::from_slice(&record.value).unwrap();
            assert_eq!(
                (envelope["part"].clone(), envelope["of"].clone()),
                (Value::from(index + 1), Value::from(records.len()))
            );
            let mut own = envelope["stats"].as_array().unwrap().iter().map(|object| object["id"].as_str().unwrap());
            assert_eq!(own.next(), Some("C"), "every part has the codec");
            ids.extend(own.map(str::to_owned));
        }
        assert!(records.len() > 1);
        let expected: Vec<String> = (0..1_000).flat_map(|index| [format!("O{index}"), format!("R{index}")]).collect();
        assert_eq!(ids, expected, "each stream with what the far end says of it");
    }
}
