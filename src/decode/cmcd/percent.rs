//! Percent-encoding, undone into memory that is reused.
//!
//! R1  A `%` that two hexadecimal digits do not follow stays as it is (WHATWG URL).
//! R2  The layers that a carrier has are undone, no more, unless what remains cannot be a payload and is visibly encoded
//!     (players that encode twice). Never "until nothing changes": `nor="..%2Fa"` is content.

use crate::decode::common::{Plus, percent_decode};
use crate::model::cmcd::Warning;

use super::limits;
use super::tally::Tally;

/// Memory for decoded text, reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    spare: Vec<u8>,
    /// What it holds, with what is not UTF-8 replaced.
    replaced: String,
}

impl Buffer {
    /// Forgets what it holds.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends text as it is.
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends text with its percent-encoding undone.
    pub(super) fn push_percent_decoded(&mut self, text: &str) {
        percent_decode(text.as_bytes(), Plus::Plus, &mut self.bytes);
    }

    /// Appends text as a string of a payload: in quotes, and escaped.
    pub(super) fn push_quoted(&mut self, text: &str) {
        self.bytes.push(b'"');
        for &byte in text.as_bytes() {
            if matches!(byte, b'"' | b'\\') {
                self.bytes.push(b'\\');
            }
            self.bytes.push(byte);
        }
        self.bytes.push(b'"');
    }

    /// Ends the filling: what it holds, as text; what is not UTF-8 is replaced.
    pub(super) fn as_text(&mut self, tally: &mut Tally) -> &str {
        if let Ok(text) = simdutf8::basic::from_utf8(&self.bytes) {
            return text;
        }
        tally.warn(Warning::Characters);
        self.replaced = String::from_utf8_lossy(&self.bytes).into_owned();
        &self.replaced
    }
}

/// Undoes the one layer of percent-encoding that a logger put on a column.
pub(super) fn logger_layer<'a>(raw: &'a str, buffer: &'a mut Buffer, tally: &mut Tally) -> &'a str {
    if memchr::memchr(b'%', raw.as_bytes()).is_none() {
        return raw;
    }
    buffer.clear();
    buffer.push_percent_decoded(raw);
    buffer.as_text(tally)
}

/// The payload in a query argument: one layer of form-encoding, and the layers too many (R2).
pub(super) fn query_argument<'a>(raw: &'a str, buffer: &'a mut Buffer, tally: &mut Tally) -> &'a str {
    if memchr::memchr2(b'%', b'+', raw.as_bytes()).is_none() {
        return raw;
    }
    buffer.clear();
    percent_decode(raw.as_bytes(), Plus::Space, &mut buffer.bytes);
    for _ in 1..limits::ENCODING_LAYERS {
        if !is_still_encoded(&buffer.bytes) {
            break;
        }
        tally.warn(Warning::ExtraDecode);
        buffer.spare.clear();
        percent_decode(&buffer.bytes, Plus::Space, &mut buffer.spare);
        std::mem::swap(&mut buffer.bytes, &mut buffer.spare);
    }
    buffer.as_text(tally)
}

/// Nothing in it structures a payload, but an encoded `=`, `,` or `"` is there, in whatever number of layers.
fn is_still_encoded(bytes: &[u8]) -> bool {
    let is_structured = bytes.iter().any(|byte| matches!(byte, b'=' | b'"' | b'(' | b','));
    !is_structured
        && memchr::memchr_iter(b'%', bytes).any(|at| {
            let mut escape = bytes.get(at + 1..).unwrap_or_default();
            for _ in 1..limits::ENCODING_LAYERS {
                escape = escape.strip_prefix(b"25").unwrap_or(escape);
            }
            matches!(escape, [b'3', b'D' | b'd', ..] | [b'2', b'C' | b'c', ..] | [b'2', b'2', ..])
        })
}
