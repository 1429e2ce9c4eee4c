//! Percent-encoding, undone into memory that is reused.
//!
//! R1  A `%` that two hexadecimal digits do not follow stays as it is (WHATWG URL).
//! R2  The layers that a carrier has are undone, no more, unless what remains cannot be a payload and is visibly encoded
//!     (players that encode twice). Never "until nothing changes": `nor="..%2Fa"` is content.

use crate::model::cmcd::Warning;

use super::limits;
use super::scan::before_any_in;
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
        if let Ok(text) = simdutf8::basic::from_utf8(&self.bytes) {
            return text;
        }
        tally.warn(Warning::Characters);
        self.replaced = String::from_utf8_lossy(&self.bytes).into_owned();
        &self.replaced
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
    let mut written = out.len();
    // What is decoded is never longer: room is made once, and what is left of it is given back.
    out.resize(written + raw.len(), 0);
    let mut rest = raw;
    while let (Some(word), Some(places)) = (rest.first_chunk(), out.get_mut(written..written + 8)) {
        places.copy_from_slice(word);
        let plain = plus.before_special(*word);
        written += plain;
        rest = rest.get(plain..).unwrap_or_default();
        if plain < 8 {
            rest = plus.undo(rest, out, &mut written);
        }
    }
    while !rest.is_empty() {
        rest = plus.undo(rest, out, &mut written);
    }
    out.truncate(written);
}

impl Plus {
    /// How many of eight bytes stand for themselves, up to the first that may not.
    fn before_special(self, bytes: [u8; 8]) -> usize {
        match self {
            Self::Space => before_any_in(bytes, [b'%', b'+']),
            Self::Plus => before_any_in(bytes, [b'%']),
        }
    }

    /// Writes the byte that `rest` begins with, and returns what is behind it.
    fn undo<'r>(self, rest: &'r [u8], out: &mut [u8], written: &mut usize) -> &'r [u8] {
        let Some((first, after)) = rest.split_first() else { return rest };
        let (mut byte, mut behind) = (*first, after);
        if byte == b'%' {
            if let [high, low, beyond @ ..] = after {
                let (high, low) = (HEXADECIMAL[usize::from(*high)], HEXADECIMAL[usize::from(*low)]);
                if high | low < 16 {
                    (byte, behind) = (high << 4 | low, beyond);
                }
            }
        } else if byte == b'+' && self == Self::Space {
            byte = b' ';
        }
        if let Some(place) = out.get_mut(*written) {
            *place = byte;
        }
        *written += 1;
        behind
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte.
    fn slowly(raw: &[u8], plus: Plus) -> Vec<u8> {
        let (mut out, mut at) = (Vec::new(), 0);
        let digit = |at: usize| char::from(*raw.get(at)?).to_digit(16);
        while let Some(byte) = raw.get(at) {
            match (byte, digit(at + 1), digit(at + 2)) {
                (b'%', Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                (b'+', ..) if plus == Plus::Space => out.push(b' '),
                _ => out.push(*byte),
            }
            at += 1;
        }
        out
    }

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_give_what_single_bytes_do(parts in prop::collection::vec("%|[+]|%[0-9a-fA-F]{2}|%.|[a-z]{1,11}|\\PC", 0..30)) {
            let raw = parts.concat();
            for plus in [Plus::Space, Plus::Plus] {
                let mut out = b"before".to_vec();
                decode(raw.as_bytes(), plus, &mut out);
                prop_assert_eq!(&out[6..], &slowly(raw.as_bytes(), plus));
            }
        }
    }
}
