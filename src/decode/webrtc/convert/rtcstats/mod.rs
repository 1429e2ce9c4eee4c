//! rtcstats: every call and event of a page's peer connections as one JSON array a message, `[method, connection, value, …, time]`, with
//! reports as what has changed since the one before. Two dialects that differ in nearly every detail of it.

mod jitsi;
mod memory;
mod modern;
mod table;

pub(super) use jitsi::Jitsi;
pub(super) use modern::Modern;

use serde_json::Value;

use super::envelope::{Event, Named, Output, Report};
use super::limits::{Limits, TEXT_BYTES};
use super::stat::Object;
use super::{Counts, Dialect, Dropped, Error};
use memory::{Connection, Connections};
use table::Method;

/// One message about a peer connection.
struct Message<'a> {
    dialect: Dialect,
    method: Method,
    /// The connection by the name that it is remembered under.
    connection: &'a str,
    named: Named<'a>,
    value: Option<Value>,
    time_ms: f64,
    sequence: Option<u64>,
}

/// How a dialect says what has changed.
type Apply = fn(&mut Connection, Object, &mut Counts);

impl Message<'_> {
    /// Takes the message over into what is known and hands on what it says.
    fn read(
        self,
        known: &mut Connections,
        apply: Apply,
        limits: &Limits,
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        match self.method {
            Method::Stats => {
                let Some(Value::Object(delta)) = self.value else {
                    return Err(Error::Shape { dialect: self.dialect, expected: "an object of statistics" });
                };
                limits.check_objects(delta.len())?;
                let changed = known
                    .change(self.connection, limits, output.counts, |known, counts| apply(known, delta, counts))?;
                let report = Report { sequence: self.sequence, ..Report::new(changed.objects(), self.time_ms) };
                output.report(self.named, &report);
            }
            Method::Create => {
                known.end(self.connection);
                output.event(self.named, &Event { name: "create", value: None, time_ms: self.time_ms });
            }
            Method::Close => {
                known.end(self.connection);
                output.event(self.named, &Event { name: "close", value: None, time_ms: self.time_ms });
            }
            Method::Event(name) => {
                let value = self.value.as_ref().and_then(state_of);
                output.event(self.named, &Event { name, value, time_ms: self.time_ms });
            }
            Method::Identity | Method::Unrelated => output.counts.add(Dropped::Unrelated),
        }
        Ok(())
    }
}

/// The method of a message, by number or name.
fn method_of(value: Option<&Value>) -> Method {
    match value {
        Some(Value::Number(number)) => number.as_u64().map_or(Method::Unrelated, table::method_by_number),
        Some(Value::String(name)) => table::method_by_name(name),
        _ => Method::Unrelated,
    }
}

/// The name of a message's peer connection; `None` = it is about the page.
fn connection_of(value: Option<&Value>) -> Option<String> {
    let name = value?.as_str()?;
    (!name.is_empty() && name.len() <= TEXT_BYTES).then(|| name.to_owned())
}

/// The state that an event led to.
fn state_of(value: &Value) -> Option<&str> {
    value.as_str().filter(|state| state.len() <= TEXT_BYTES)
}
