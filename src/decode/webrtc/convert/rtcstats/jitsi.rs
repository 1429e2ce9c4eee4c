//! The dialect of Jitsi's rtcstats, as it comes by WebSocket (`{statsSessionId, type, data}`) and as its server writes it to a file (the
//! arrays in `data`, one a line).
//!
//! Facts of the format, from `jitsi/rtcstats` (`rtcstats.js`, `trace-ws.js`) and `jitsi/rtcstats-server` (`API.md`,
//! `src/utils/getstats-deltacompression.js`).
//!
//! R1  In a report an object that is absent is gone. Of the others only members that changed are there, under their full names; a time of 0
//!     stands for the one beside the objects.
//! R2  Messages end with their time since the Unix epoch and, from most clients, their number in the session. One at or below the last number
//!     was there before, as clients send again what was not acknowledged; a jump is a gap.
//! R3  Where the identity leaves it open, the session is the participant, and the call is the meeting that the client's `identity` names;
//!     what was named first stays, so that a session has one key. With a given participant the session is part of the connection's name, since sessions may share a socket.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::envelope::{Named, Output, is_epoch_ms};
use super::super::limits::{Limits, SESSIONS};
use super::super::stat::{Object, json_number, number_of, text};
use super::super::{Counts, Dialect, Dropped, Error};
use super::memory::{Connection, Connections};
use super::table::Method;
use super::{Message, connection_of, method_of};

/// The state of one socket or file.
#[derive(Debug, Default)]
pub(in super::super) struct Jitsi {
    /// By `statsSessionId`; that of a file is empty.
    sessions: BTreeMap<String, Session>,
    uses: u64,
}

#[derive(Debug, Default)]
struct Session {
    app: Option<String>,
    call: Option<String>,
    connections: Connections,
    last_sequence: Option<u64>,
    last_used: u64,
}

impl Jitsi {
    /// Forgets the statistics of all sessions; says whether there were any.
    pub(in super::super) fn forget(&mut self) -> bool {
        let mut had_any = false;
        for session in self.sessions.values_mut() {
            had_any |= session.connections.forget();
        }
        had_any
    }

    /// Reads a message.
    pub(in super::super) fn push(
        &mut self,
        message: &[u8],
        received_ms: f64,
        limits: &Limits,
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        if message.is_empty() {
            return Ok(());
        }
        let mut wrapper = match serde_json::from_slice(message)? {
            Value::Array(elements) => {
                return self.session("", output.counts).entry("", elements, received_ms, limits, output);
            }
            Value::Object(wrapper) => wrapper,
            _ => return Err(shape("an object or an array for each message")),
        };
        let session_id = text(&wrapper, "statsSessionId").unwrap_or_default().to_owned();
        let data = wrapper.remove("data");
        match (text(&wrapper, "type"), data) {
            (Some("stats-entry"), Some(Value::String(data))) => {
                limits.check(data.as_bytes())?;
                let Value::Array(elements) = serde_json::from_str(&data)? else {
                    return Err(shape("an array in `data`"));
                };
                self.session(&session_id, output.counts).entry(&session_id, elements, received_ms, limits, output)
            }
            (Some("stats-entry" | "identity"), Some(Value::Array(elements))) => {
                self.session(&session_id, output.counts).entry(&session_id, elements, received_ms, limits, output)
            }
            (Some("identity"), Some(Value::Object(identity))) => {
                self.session(&session_id, output.counts).identify(&identity);
                Ok(())
            }
            (Some("close"), _) => {
                self.sessions.remove(&session_id);
                Ok(())
            }
            _ => {
                output.counts.add(Dropped::Unrelated);
                Ok(())
            }
        }
    }

    /// The session with this id; a new one when it is not known.
    fn session(&mut self, id: &str, counts: &mut Counts) -> &mut Session {
        if !self.sessions.contains_key(id) && self.sessions.len() >= SESSIONS {
            let oldest = self.sessions.iter().min_by_key(|(_, session)| session.last_used).map(|(id, _)| id.clone());
            if let Some(oldest) = oldest {
                self.sessions.remove(&oldest);
                counts.add(Dropped::OverCap);
            }
        }
        self.uses += 1;
        let session = self.sessions.entry(id.to_owned()).or_default();
        session.last_used = self.uses;
        session
    }
}

impl Session {
    /// Reads one array.
    fn entry(
        &mut self,
        session_id: &str,
        mut elements: Vec<Value>,
        received_ms: f64,
        limits: &Limits,
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        let (time_ms, sequence) = time_and_sequence(&elements, received_ms);
        if !self.follows(sequence, output.counts) {
            output.counts.add(Dropped::Duplicate);
            return Ok(());
        }
        let method = method_of(elements.first());
        let value = elements.get_mut(2).map(Value::take);
        if let (Method::Identity, Some(Value::Object(identity))) = (method, &value) {
            self.identify(identity);
            return Ok(());
        }
        let Some(connection) = connection_of(elements.get(1)) else {
            output.counts.add(Dropped::Unrelated);
            return Ok(());
        };
        let in_session = match output.identity.participant.is_empty() || session_id.is_empty() {
            true => connection.clone(),
            false => format!("{session_id}.{connection}"),
        };
        let message = Message {
            dialect: Dialect::RtcstatsJitsi,
            method,
            connection: &connection,
            named: Named {
                app: self.app.as_deref(),
                call: self.call.as_deref(),
                participant: Some(session_id),
                connection: Some(&in_session),
            },
            value,
            time_ms,
            sequence,
        };
        message.read(&mut self.connections, apply, limits, output)
    }

    /// R2: whether the message is new; a jump forgets what is known.
    fn follows(&mut self, sequence: Option<u64>, counts: &mut Counts) -> bool {
        let Some(sequence) = sequence else { return true };
        if let Some(last) = self.last_sequence {
            if sequence <= last {
                return false;
            }
            if sequence > last.saturating_add(1) && self.connections.forget() {
                counts.add(Dropped::Gap);
            }
        }
        self.last_sequence = Some(sequence);
        true
    }

    /// R3
    fn identify(&mut self, identity: &Object) {
        let named = |name| text(identity, name).map(str::to_owned);
        self.app = self.app.take().or_else(|| named("applicationName"));
        self.call = self.call.take().or_else(|| named("meetingUniqueId")).or_else(|| named("confName"));
    }
}

/// R2: the last two numbers of a message.
fn time_and_sequence(elements: &[Value], received_ms: f64) -> (f64, Option<u64>) {
    let mut from_the_end = elements.iter().rev();
    let last = from_the_end.next();
    let before = from_the_end.next().and_then(number_of).filter(|time| is_epoch_ms(*time));
    match (last.and_then(number_of), before) {
        (Some(last), _) if is_epoch_ms(last) => (last, None),
        (Some(_), Some(time)) => (time, last.and_then(Value::as_u64)),
        _ => (received_ms, None),
    }
}

/// R1
fn apply(known: &mut Connection, mut delta: Object, counts: &mut Counts) {
    let common_time = delta.remove("timestamp").as_ref().and_then(number_of);
    let present: BTreeSet<String> = delta.keys().cloned().collect();
    known.retain(|id| present.contains(id));
    for (id, change) in delta {
        let Value::Object(mut members) = change else {
            known.remove(&id);
            counts.add(Dropped::WrongValue);
            continue;
        };
        if let (Some(0.0), Some(time)) = (members.get("timestamp").and_then(number_of), common_time) {
            members.insert("timestamp".to_owned(), json_number(time));
        }
        known.change(&id, members, counts);
    }
}

fn shape(expected: &'static str) -> Error {
    Error::Shape { dialect: Dialect::RtcstatsJitsi, expected }
}
