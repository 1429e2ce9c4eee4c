//! Event-mode bodies: one record a line, not percent-encoded (CTA-5004-B, section 3.4). Also, where it is switched on, the JSON that
//! version 1, drafts of version 2 and some players send.
//!
//! R1  A wrong record costs only itself; when none is left, the first one's reason is the body's.
//! R2  Blank lines, blanks around a record and a line feed at the end mean nothing (players send all of them).

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::model::Reason;
use crate::model::cmcd::{Delivery, Event};

use super::limits;
use super::reading::Reading;
use super::request;
use super::tally::Tally;

/// Decodes the records of a body.
pub(super) fn decode(text: &str, tally: &mut Tally, each: &mut dyn FnMut(&Event<'_>)) -> Result<(), Reason> {
    if text.lines().filter(|line| !line.trim_ascii().is_empty()).count() > limits::BODY_RECORDS {
        return Err(Reason::TooLarge);
    }
    let mut outcome = Parts::default();
    for line in text.lines() {
        let line = line.trim_ascii();
        if !line.is_empty() {
            outcome.add(record(line, tally, each));
        }
    }
    outcome.finish(tally)
}

/// Decodes a JSON body: one object, or an array of them, whose members are CMCD keys.
pub(super) fn decode_json(text: &str, tally: &mut Tally, each: &mut dyn FnMut(&Event<'_>)) -> Result<(), Reason> {
    let objects: Vec<Map<String, Json>> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|_| Reason::Json)?
    } else {
        vec![serde_json::from_str(text).map_err(|_| Reason::Json)?]
    };
    if objects.len() > limits::BODY_RECORDS {
        return Err(Reason::TooLarge);
    }
    let mut outcome = Parts::default();
    for object in &objects {
        outcome.add(record(&as_payload(object), tally, each));
    }
    outcome.finish(tally)
}

/// Whether a body is JSON: no CMCD key starts so.
pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn record(line: &str, tally: &mut Tally, each: &mut dyn FnMut(&Event<'_>)) -> Result<(), Reason> {
    let mut event = request(None, Delivery::default());
    let mut reading = Reading::new(tally);
    reading.payload(line, &mut event.keys)?;
    if !reading.has_keys() {
        return Err(Reason::Malformed);
    }
    reading.finish_report(&mut event, each)
}

/// What became of the parts of a record with several.
#[derive(Debug, Default)]
pub(super) struct Parts {
    good: u64,
    wrong: Vec<Reason>,
}

impl Parts {
    /// Notes one part.
    pub(super) fn add(&mut self, part: Result<(), Reason>) {
        match part {
            Ok(()) => self.good += 1,
            Err(reason) => self.wrong.push(reason),
        }
    }

    /// Counts the wrong parts when there are good ones; the first reason when there are none; `Empty` when there is nothing.
    pub(super) fn finish(self, tally: &mut Tally) -> Result<(), Reason> {
        if self.good == 0 {
            return Err(self.wrong.first().copied().unwrap_or(Reason::Empty));
        }
        for reason in self.wrong {
            tally.reject(reason);
        }
        Ok(())
    }
}

/// The object in the notation of a payload, so that one reader judges both.
fn as_payload(object: &Map<String, Json>) -> String {
    let mut payload = String::new();
    for (key, value) in object {
        if !payload.is_empty() {
            payload.push(',');
        }
        match value {
            Json::Bool(true) => payload.push_str(key),
            Json::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| scalar(key, item)).collect();
                push(&mut payload, format_args!("{key}=({})", items.join(" ")));
            }
            other => push(&mut payload, format_args!("{key}={}", scalar(key, other))),
        }
    }
    payload
}

fn push(payload: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = payload.write_fmt(arguments);
}

fn scalar(key: &str, value: &Json) -> String {
    let is_token = matches!(key, "e" | "ot" | "sf" | "st" | "sta");
    match value {
        Json::String(text) if is_token && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => text.clone(),
        Json::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Json::Bool(flag) => if *flag { "?1" } else { "?0" }.to_owned(),
        Json::Number(number) => number.to_string(),
        // Nothing: the member is wrong, as it would be in a payload.
        Json::Null | Json::Array(_) | Json::Object(_) => String::new(),
    }
}
