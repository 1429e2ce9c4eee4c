//! Kaltura analytics: the beacons that players send, whichever client and however they came.
//!
//! A value is a JSON object, query or form text, or the request as it came: the query, a newline, the body.
//!
//! R1  Whatever the bytes, the decoder does not panic, does not recurse and takes time linear in them (`limits`).
//! R2  A wrong member costs only itself, and is counted; a record without event, partner or entry is a dead letter.
//! R3  Nothing is kept between records but counters: a record decodes alike whenever it is read.
//! R4  What is secret is never read: the names of the parameters that are (`names`) have no secret among them, and of a page
//!     everything that may hold one is dropped. What is kept of a record that cannot be read has none either (`secrets`).
//! R5  Units are those of the client's family, never guessed from a number's size; a number becomes an integer straight from its digits.

mod beacon;
mod event;
mod family;
mod limits;
mod members;
mod names;
mod page;
mod reading;
mod request;
mod secrets;
mod tally;

use std::borrow::Cow;

use crate::model::kaltura::{Beacon, Warning};
use crate::model::{Reason, Record};

use members::Members;
use tally::{Tallies, Tally, UnknownEvents};

pub use secrets::without_secrets;

/// Decodes the records of one partition, or of any number of them.
#[derive(Debug, Default)]
pub struct Decoder {
    tallies: Tallies,
    unknown_events: UnknownEvents,
}

impl Decoder {
    /// Calls `each` once, with the record's beacon.
    ///
    /// # Errors
    /// The record is a dead letter, and `each` was not called.
    pub fn decode(&mut self, record: &Record<'_>, each: &mut dyn FnMut(&Beacon<'_>)) -> Result<(), Reason> {
        if record.value.len() > limits::VALUE_BYTES {
            return Err(Reason::TooLarge);
        }
        let mut tally = Tally::default();
        let text = as_text(record.value, &mut tally);
        if text.trim_ascii().is_empty() {
            return Err(Reason::Empty);
        }
        // Both are large, and are filled where they are.
        let (mut members, mut beacon) = (Members::new(), Beacon::default());
        request::read(&text, &mut members, &mut tally)?;
        beacon::fill(&mut beacon, &members, &record.headers, &mut tally)?;
        self.tallies.add(&tally);
        if let Some(number) = tally.last_unknown_event() {
            self.unknown_events.count(number);
        }
        each(&beacon);
        Ok(())
    }

    /// Departures from what is documented since the last call, by kind in the order of [`Warning::ALL`].
    pub fn take_warnings(&mut self) -> [u64; Warning::ALL.len()] {
        self.tallies.take_warnings()
    }

    /// How often a member was left out because its value cannot be, since the last call: by its name, where it was.
    pub fn take_invalid(&mut self) -> Vec<(&'static str, u64)> {
        self.tallies.take_invalid()
    }

    /// How often events came whose number means nothing here, since the last call: by number, and `None` for all beyond the first 32 numbers.
    pub fn take_unknown_events(&mut self) -> Vec<(Option<i64>, u64)> {
        self.unknown_events.take()
    }
}

/// As text; what is not UTF-8 is replaced.
fn as_text<'a>(value: &'a [u8], tally: &mut Tally) -> Cow<'a, str> {
    // The plain check first: it takes many bytes at a time, the replacing one does not.
    if let Ok(text) = simdutf8::basic::from_utf8(value) {
        return Cow::Borrowed(text);
    }
    tally.warn(Warning::Text);
    String::from_utf8_lossy(value)
}
