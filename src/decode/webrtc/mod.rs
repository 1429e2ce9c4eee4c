//! WebRTC statistics: what browsers, SFUs and libraries report about calls, told apart by content.
//!
//! Read are an envelope around plain `getStats()` JSON (a list, or a map by id), the same envelope around an event, ObserveRTC's
//! `ClientSample` (schema 3), and bare `getStats()` JSON whose record has the key `app|call|participant`.
//!
//! R1  Whatever the bytes, the decoder does not panic, does not recurse and takes time linear in them (`limits`).
//! R2  A wrong member costs only itself, an unknown object only itself; both are counted.
//! R3  A record is a dead letter or read whole: there is no third way.
//! R4  Nothing is kept between records but counters and memory: a record decodes alike whenever it is read.
//! R5  Addresses, URLs, certificates and session descriptions are never read.
//!
//! Names of earlier drafts and of single browsers become the specification's. Numbers become integers straight from their digits.

pub mod convert;
mod identity;
mod infer;
mod limits;
mod moment;
mod names;
mod object;
mod pool;
mod report;
mod sample;
mod stats;
mod tally;
mod text;
mod value;

use std::borrow::Cow;

use crate::model::webrtc::{Content, Report, Warning};
use crate::model::{Reason, Record};

pub use limits::Limits;

use pool::Pool;
use tally::Tally;

/// Decodes the records of one partition, or of any number of them; reuses its memory from record to record.
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    pool: Pool,
    tally: Tally,
}

impl Decoder {
    /// A decoder with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Calls `each` once for each peer connection that the record has statistics of, and once for each event. A record that only has
    /// what is not read here, such as a client's issues, is no error and gives nothing.
    ///
    /// # Errors
    /// The whole record is a dead letter, and `each` was not called.
    pub fn decode(&mut self, record: &Record<'_>, each: &mut dyn FnMut(&Report<'_>)) -> Result<(), Reason> {
        if record.value.len() > self.limits.value_bytes {
            return Err(Reason::TooLarge);
        }
        let (text, is_whole) = as_text(record.value);
        if text.trim_ascii_start().is_empty() {
            return Err(Reason::Empty);
        }
        let (reports, tally) = report::read(&text, record.key, &self.limits, &mut self.pool)?;
        self.tally.add(&tally);
        if !is_whole {
            self.tally.warn(Warning::Characters);
        }
        for report in reports {
            each(&report);
            if let Content::Stats(objects) = report.content {
                self.pool.give_back_all(objects);
            }
        }
        Ok(())
    }

    /// Departures from the specification since the last call, by kind in the order of [`Warning::ALL`].
    pub fn take_warnings(&mut self) -> [u64; Warning::ALL.len()] {
        self.tally.take()
    }
}

/// As text, and whether it is what was sent: what is not UTF-8 is replaced.
fn as_text(value: &[u8]) -> (Cow<'_, str>, bool) {
    // The plain check first: it takes many bytes at a time, the replacing one does not.
    match std::str::from_utf8(value) {
        Ok(text) => (Cow::Borrowed(text), true),
        Err(_) => (String::from_utf8_lossy(value), false),
    }
}
