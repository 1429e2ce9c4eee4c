//! CMCD (CTA-5004 version 1 and version 2, request and event mode) from every carrier it comes by.
//!
//! R1  Whatever the bytes, the decoder does not panic, does not recurse and takes time linear in them (`limits`).
//! R2  A wrong member costs only itself; a wrong record of a body, or line of a log, costs only itself.
//! R3  Nothing is kept between records but counters and memory: a record decodes alike whenever it is read.
//! R4  Ordinary input is decoded without an allocation once the buffers have grown; JSON and what needs repair may allocate.
//!
//! The edge and the request id that a record's *headers* name are not looked at here: they are the caller's.

mod assign;
mod body;
mod carrier;
mod clock;
mod cloudfront;
mod cursor;
mod headers;
mod items;
mod json;
mod key;
mod limits;
mod member;
mod number;
mod percent;
mod query;
mod reading;
mod tally;
mod token;
mod value;

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::cmcd::{Delivery, Event, Keys, Mode, Warning};
use crate::model::{EventTime, Reason, Record};

pub use carrier::{Carrier, Carriers, Error};
pub use cloudfront::{ColumnPlan, REAL_TIME_FIELDS};
pub use json::Mapping;

use headers::CmcdHeaders;
use reading::Reading;
use tally::Tally;

/// Decodes the records of one partition, or of any number of them; reuses its memory from record to record.
#[derive(Debug)]
pub struct Decoder {
    carriers: Arc<Carriers>,
    buffers: Buffers,
    tally: Tally,
}

/// Reused memory: what the logger's encoding hid, and the payload with its own encoding undone.
#[derive(Debug, Default)]
struct Buffers {
    logger: percent::Buffer,
    payload: percent::Buffer,
}

impl Decoder {
    /// A decoder for a topic with these carriers.
    pub fn new(carriers: Arc<Carriers>) -> Self {
        Self { carriers, buffers: Buffers::default(), tally: Tally::default() }
    }

    /// Calls `each` once per decoded event.
    ///
    /// # Errors
    /// The whole record is a dead letter, and `each` was not called.
    pub fn decode(&mut self, record: &Record<'_>, each: &mut dyn FnMut(&Event<'_>)) -> Result<(), Reason> {
        let Self { carriers, buffers, tally } = self;
        let carrier = carriers.of(&record.headers).ok_or(Reason::Carrier)?;
        if record.value.len() > limits::VALUE_BYTES {
            return Err(Reason::TooLarge);
        }
        let text = as_text(record.value, tally);
        if text.trim_ascii().is_empty() {
            return Err(Reason::Empty);
        }
        match carrier {
            Carrier::Query => decode_query(&text, buffers, tally, each),
            Carrier::Headers => decode_headers(&text, tally, each),
            Carrier::Body if carriers.takes_json_bodies() && body::looks_like_json(&text) => {
                body::decode_json(&text, tally, each)
            }
            Carrier::Body => body::decode(&text, tally, each),
            Carrier::CloudFrontRealTime(plan) => {
                let log = cloudfront::Log::RealTime;
                cloudfront::decode_line(without_line_end(&text), log, plan, buffers, tally, each)
            }
            Carrier::CloudFrontStandard => cloudfront::decode_standard(&text, buffers, tally, each),
            Carrier::Json(mapping) => json::decode(&text, mapping, buffers, tally, each),
        }
    }

    /// Departures from the specification since the last call, by kind in the order of [`Warning::ALL`].
    pub fn take_warnings(&mut self) -> [u64; Warning::ALL.len()] {
        self.tally.take_warnings()
    }

    /// Records of bodies and lines of logs that were left out while others of the same bus record were kept, since the last call,
    /// by reason in the order of [`Reason::ALL`].
    pub fn take_rejected(&mut self) -> [u64; Reason::ALL.len()] {
        self.tally.take_rejected()
    }
}

fn decode_query(
    text: &str,
    buffers: &mut Buffers,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Event<'_>),
) -> Result<(), Reason> {
    let argument = query::argument(text.trim_ascii(), tally).ok_or(Reason::Malformed)?;
    let payload = percent::query_argument(argument, &mut buffers.payload, tally);
    let mut event = request(None, Delivery::default());
    let mut reading = Reading::new(tally);
    reading.payload(payload, &mut event.keys)?;
    if !reading.has_keys() {
        return Err(Reason::Malformed);
    }
    reading.finish_request(&mut event, each)
}

fn decode_headers(text: &str, tally: &mut Tally, each: &mut dyn FnMut(&Event<'_>)) -> Result<(), Reason> {
    let headers = CmcdHeaders::among(text, false);
    let mut event = request(None, Delivery::default());
    let mut reading = Reading::new(tally);
    headers.read(&mut reading, &mut event.keys)?;
    if !reading.has_keys() {
        return Err(Reason::Malformed);
    }
    reading.finish_request(&mut event, each)
}

/// An event with nothing read yet. It is large: inlined, it is made where it stays.
#[inline(always)]
fn request<'a>(time: Option<EventTime>, delivery: Delivery<'a>) -> Event<'a> {
    Event { mode: Mode::Request, time, keys: Keys::default(), delivery, members_rejected: 0 }
}

/// The last of a chain of names, which is the one nearest to the viewer; `None` when there is none.
fn rightmost(chain: &str) -> Option<&str> {
    let last = match memchr::memchr(b',', chain.as_bytes()) {
        None => chain.trim_ascii(),
        Some(_) => chain.rsplit(',').map(str::trim_ascii).find(|name| !name.is_empty())?,
    };
    if matches!(last, "" | "-") { None } else { Some(last) }
}

/// As text; what is not UTF-8 is replaced.
fn as_text<'a>(value: &'a [u8], tally: &mut Tally) -> Cow<'a, str> {
    // The plain check first: it takes many bytes at a time, the replacing one does not.
    if let Ok(text) = simdutf8::basic::from_utf8(value) {
        return Cow::Borrowed(text);
    }
    tally.warn(Warning::Characters);
    String::from_utf8_lossy(value)
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
