//! The dialect of rtcstats-js, as it comes by WebSocket and as its server writes it to a file.
//!
//! Facts of the format, from `rtcstats/rtcstats`: `packages/rtcstats-js/trace-websocket.js`, `packages/rtcstats-shared/compression.js`,
//! `packages/rtcstats-shared/dump.js` (read at version 2.6.1).
//!
//! R1  The last element of a message is the time since the message before, in milliseconds; of the first one since the Unix epoch. A report
//!     is never sent before its objects were sampled, which puts the sum right after messages that are missing.
//! R2  In a report an object that is absent is unchanged, and one that is `null` is gone. Ids, references, names and types are numbers.
//! R3  `t` beside the objects is the time of those that say none themselves. Objects of the far end (`remote-*`) have the time of an RTCP packet,
//!     which is never that of the report: without one of their own they keep theirs, so that a packet that was told before is not new.
//! R4  Which members an object has lost cannot be seen: they stay as they were. That is a property of the format.
//! R5  The first two lines of a dump file, `RTCStatsDump` and an object, are no messages.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::envelope::{Named, Output, is_epoch_ms};
use super::super::limits::Limits;
use super::super::stat::{Object, json_number, number, number_of};
use super::super::{Counts, Dialect, Dropped, Error};
use super::memory::{Connection, Connections};
use super::table::{Name, member, object_type};
use super::{Message, connection_of, method_of};

/// The first line of a dump file.
const DUMP_MAGIC: &[u8] = b"RTCStatsDump";

/// The state of one socket or file.
#[derive(Debug, Default)]
pub(in super::super) struct Modern {
    connections: Connections,
    /// R1: the time of the last message.
    time_ms: Option<f64>,
}

impl Modern {
    /// Forgets what is known; says whether there was anything.
    pub(in super::super) fn forget(&mut self) -> bool {
        self.connections.forget()
    }

    /// Reads a message.
    pub(in super::super) fn push(
        &mut self,
        message: &[u8],
        received_ms: f64,
        limits: &Limits,
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        if message.is_empty() || message == DUMP_MAGIC {
            return Ok(());
        }
        let mut elements = match serde_json::from_slice(message)? {
            Value::Array(elements) => elements,
            Value::Object(_) => return Ok(()),
            _ => return Err(Error::Shape { dialect: Dialect::Rtcstats, expected: "an array for each message" }),
        };
        let time_ms = self.advance(&elements, received_ms);
        let Some(connection) = connection_of(elements.get(1)) else {
            output.counts.add(Dropped::Unrelated);
            return Ok(());
        };
        let message = Message {
            dialect: Dialect::Rtcstats,
            method: method_of(elements.first()),
            connection: &connection,
            named: Named { connection: Some(&connection), ..Named::default() },
            value: elements.get_mut(2).map(Value::take),
            time_ms,
            sequence: None,
        };
        message.read(&mut self.connections, apply, limits, output)
    }

    /// R1: when the message was sent. A stream that does not start at its start counts from when it came.
    fn advance(&mut self, elements: &[Value], received_ms: f64) -> f64 {
        let before = self.time_ms.unwrap_or(received_ms);
        let sent = match elements.last().and_then(number_of) {
            Some(time) if is_epoch_ms(time) => time,
            Some(passed) => before + passed,
            None => before,
        };
        let sampled = elements.get(2).and_then(Value::as_object).and_then(|delta| number(delta, "t"));
        let time_ms = sampled.filter(|time| is_epoch_ms(*time)).map_or(sent, |sampled| sampled.max(sent));
        self.time_ms = Some(time_ms);
        time_ms
    }
}

/// R2, R3
fn apply(known: &mut Connection, delta: Object, counts: &mut Counts) {
    let mut common_time = None;
    let mut timed = BTreeSet::new();
    for (id, change) in delta {
        match change {
            Value::Null => known.remove(&id),
            Value::Object(members) => {
                let members = spell_out(members, counts);
                if members.contains_key("timestamp") {
                    timed.insert(id.clone());
                }
                known.change(&id, members, counts);
            }
            Value::Number(_) if id == "t" || id == "timestamp" => common_time = number_of(&change),
            _ => counts.add(Dropped::WrongValue),
        }
    }
    let Some(common_time) = common_time else { return };
    for (id, object) in known.objects_mut() {
        let type_name = object.get("type").and_then(Value::as_str);
        let is_remote = matches!(type_name, Some("remote-inbound-rtp" | "remote-outbound-rtp"));
        let keeps_its_own = is_remote && object.contains_key("timestamp");
        if !timed.contains(id) && !keeps_its_own {
            object.insert("timestamp".to_owned(), json_number(common_time));
        }
    }
}

/// Names in place of numbers.
fn spell_out(members: Object, counts: &mut Counts) -> Object {
    let mut spelled = Object::new();
    for (key, value) in members {
        match (member(&key), value) {
            (Name::Is("type"), Value::Number(number)) => match number.as_u64().and_then(object_type) {
                Some(name) => drop(spelled.insert("type".to_owned(), Value::from(name))),
                None => counts.add(Dropped::UnknownType),
            },
            (Name::Is(name), value) => drop(spelled.insert(name.to_owned(), value)),
            (Name::Unknown, _) => counts.add(Dropped::UnknownMember),
        }
    }
    spelled
}
