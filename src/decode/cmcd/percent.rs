//! Percent-encoding, undone into memory that is reused.
//!
//! R1  A `%` that two hexadecimal digits do not follow stays as it is (WHATWG URL).
//! R2  The layers that a carrier has are undone, no more, unless what remains cannot be a payload and is visibly encoded
//!     (players that encode twice). Never "until nothing changes": `nor="..%2Fa"` is content.

use crate::model::cmcd::Warning;

use super::limits;
use super::tally::Tally;

/// Memory for decoded text, reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// The same memory, once it is known to be text.
    text: String,
    spare: Vec<u8>,
}

impl Buffer {
    /// Forgets what it holds.
    pub(super) fn clear(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = std::mem::take(&mut self.text).into_bytes();
        }
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
        decode(text.as_bytes(), Plus::Plus, &mut self.bytes);
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
        self.text = String::from_utf8(std::mem::take(&mut self.bytes)).unwrap_or_else(|wrong| {
            tally.warn(Warning::Characters);
            String::from_utf8_lossy(wrong.as_bytes()).into_owned()
        });
        &self.text
    }
}

/// What `+` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plus {
    /// In a form-encoded query.
    Space,
    /// Anywhere else.
    Plus,
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
    decode(raw.as_bytes(), Plus::Space, &mut buffer.bytes);
    for _ in 1..limits::ENCODING_LAYERS {
        if !is_still_encoded(&buffer.bytes) {
            break;
        }
        tally.warn(Warning::ExtraDecode);
        buffer.spare.clear();
        decode(&buffer.bytes, Plus::Space, &mut buffer.spare);
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

/// Appends `raw` with one layer undone.
fn decode(raw: &[u8], plus: Plus, out: &mut Vec<u8>) {
    let start = out.len();
    // What is decoded is never longer: room is made once, and what is left of it is given back.
    out.resize(start + raw.len(), 0);
    let mut places = out.iter_mut().skip(start);
    let mut rest = raw;
    while let [first, after @ ..] = rest {
        rest = after;
        let mut byte = *first;
        if byte == b'%' {
            if let [high, low, behind @ ..] = after {
                let (high, low) = (HEXADECIMAL[usize::from(*high)], HEXADECIMAL[usize::from(*low)]);
                if high | low < 16 {
                    byte = high << 4 | low;
                    rest = behind;
                }
            }
        } else if byte == b'+' && plus == Plus::Space {
            byte = b' ';
        }
        if let Some(place) = places.next() {
            *place = byte;
        }
    }
    let unused = places.len();
    out.truncate(start + raw.len() - unused);
}

/// The value of each byte as a hexadecimal digit; 255 = it is none.
const HEXADECIMAL: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
