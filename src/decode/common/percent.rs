//! One layer of percent-encoding, undone: a `%` that two hexadecimal digits do not follow stays as it is (WHATWG URL).

use super::scan::{bits_of, places_of, words};

/// What `+` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// In a form-encoded query.
    Space,
    /// Anywhere else.
    Plus,
}

/// As many bytes are looked at together, and copied together where there are fewer between two that are encoded.
const BLOCK: usize = 64;
const PIECE: usize = 16;

/// Appends `raw` with one layer undone.
pub(crate) fn percent_decode(raw: &[u8], plus: Plus, out: &mut Vec<u8>) {
    let start = out.len();
    // What is decoded is never longer: room is made once, and what is left of it is given back.
    out.resize(start + raw.len(), 0);
    let mut undoing = Undoing { raw, out: out.get_mut(start..).unwrap_or_default(), read: 0, written: 0 };
    for (base, block) in (0..).step_by(BLOCK).zip(raw.chunks(BLOCK)) {
        let mut marks = plus.marks(block);
        while marks != 0 {
            undoing.undo(base + marks.trailing_zeros() as usize);
            marks &= marks - 1;
        }
    }
    undoing.copy_before(raw.len());
    let end = start + undoing.written;
    out.truncate(end);
}

impl Plus {
    /// The bytes of a block that may not stand for themselves, a bit each.
    fn marks(self, block: &[u8]) -> u64 {
        let mut marks = 0;
        for (base, word) in words(block) {
            let mut places = places_of(b'%', word);
            if self == Self::Space {
                places |= places_of(b'+', word);
            }
            marks |= bits_of(places) << base;
        }
        marks
    }
}

/// A text while it is decoded.
struct Undoing<'a> {
    raw: &'a [u8],
    out: &'a mut [u8],
    /// How much of `raw` was taken.
    read: usize,
    written: usize,
}

impl Undoing<'_> {
    /// Undoes what stands at `at`, where a `%` or a `+` that means a blank is, and copies what comes before.
    fn undo(&mut self, at: usize) {
        let (byte, length) = match self.raw.get(at..) {
            Some([b'%', high, low, ..]) => {
                let (high, low) = (HEXADECIMAL[usize::from(*high)], HEXADECIMAL[usize::from(*low)]);
                if high | low >= 16 {
                    return;
                }
                (high << 4 | low, 3)
            }
            Some([b'+', ..]) => (b' ', 1),
            _ => return,
        };
        self.copy_before(at);
        if let Some(place) = self.out.get_mut(self.written) {
            *place = byte;
        }
        self.written += 1;
        self.read = at + length;
    }

    /// Copies what was not taken yet and stands for itself, up to `end`.
    fn copy_before(&mut self, end: usize) {
        let Self { raw, out, read, written } = self;
        let length = end - *read;
        let rest = raw.get(*read..).unwrap_or_default();
        match (rest.first_chunk::<PIECE>(), out.get_mut(*written..*written + PIECE)) {
            // A copy of a known length is an instruction; what is too much of it is written over.
            (Some(piece), Some(place)) if length <= PIECE => place.copy_from_slice(piece),
            _ => {
                let place = out.get_mut(*written..*written + length).unwrap_or_default();
                place.copy_from_slice(rest.get(..place.len()).unwrap_or_default());
            }
        }
        *read += length;
        *written += length;
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
        fn many_bytes_at_a_time_give_what_single_bytes_do(parts in prop::collection::vec("%|[+]|%[0-9a-fA-F]{2}|%.|[a-z]{1,11}|\\PC", 0..30)) {
            let raw = parts.concat();
            for plus in [Plus::Space, Plus::Plus] {
                let mut out = b"before".to_vec();
                percent_decode(raw.as_bytes(), plus, &mut out);
                prop_assert_eq!(&out[6..], &slowly(raw.as_bytes(), plus));
            }
        }
    }
}
