//! One layer of percent-encoding, undone: a `%` that two hexadecimal digits do not follow stays as it is (WHATWG URL).

use super::scan::{BLOCK, marks};

/// What `+` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// In a form-encoded query.
    Space,
    /// Anywhere else.
    Plus,
}

/// What is copied at once: what stands between two encoded bytes is nearly always shorter.
const PIECE: usize = 16;
/// The digits behind the `%` of an encoded byte: at the end of a block, they stand in the next.
const DIGITS: usize = 2;
/// A block and some more, so that no place in it, and no piece from there on, lies outside.
const ROOM: usize = 2 * BLOCK;

/// Appends `raw` with one layer undone.
pub(crate) fn percent_decode(raw: &[u8], plus: Plus, out: &mut Vec<u8>) {
    let mut written = out.len();
    // Decoded in place: bytes that were written one by one could not be copied before they have all arrived in the cache.
    out.resize(written + raw.len() + ROOM, 0);
    let mut read = 0;
    let mut copy = [0; ROOM];
    for (index, block) in raw.chunks(BLOCK).enumerate() {
        let rest = raw.get(index * BLOCK..).unwrap_or_default();
        let with_more = rest.first_chunk().unwrap_or_else(|| padded(rest, &mut copy));
        let Some(place) = out.get_mut(written..).and_then(|place| place.first_chunk_mut()) else { break };
        let undone = Undoing { block: with_more, out: place, read, written: 0 }.undo(plus, block.len());
        written += undone.written;
        // Digits of the next block that were taken already.
        read = undone.read - block.len();
    }
    out.truncate(written);
}

/// What is too short to be looked at where it is, with zeros for digits behind it.
fn padded<'c>(rest: &[u8], copy: &'c mut [u8; ROOM]) -> &'c [u8; ROOM] {
    if let Some((place, behind)) = copy.split_at_mut_checked(rest.len()) {
        place.copy_from_slice(rest);
        behind.iter_mut().take(DIGITS).for_each(|byte| *byte = 0);
    }
    copy
}

/// A block while it is decoded. Its places are taken modulo [`BLOCK`], beyond which they never are, to spare the processor the question.
struct Undoing<'a> {
    /// What it consists of, and what follows: at least the digits, or zeros.
    block: &'a [u8; ROOM],
    out: &'a mut [u8; ROOM],
    /// How much of it was taken.
    read: usize,
    written: usize,
}

/// How far decoding a block came.
struct Undone {
    read: usize,
    written: usize,
}

impl Undoing<'_> {
    /// Undoes the first `length` bytes of the block, and digits behind them.
    #[inline]
    fn undo(mut self, plus: Plus, length: usize) -> Undone {
        let Some(block) = self.block.first_chunk() else { return Undone { read: length, written: 0 } };
        let mut marks = match plus {
            Plus::Space => marks(block, [b'%', b'+']),
            Plus::Plus => marks(block, [b'%']),
        };
        if length < BLOCK {
            marks &= (1 << length) - 1;
        }
        while marks != 0 {
            let at = marks.trailing_zeros() as usize % BLOCK;
            marks &= marks - 1;
            let (byte, width) = match self.block[at] {
                b'%' => {
                    let high = HEXADECIMAL[usize::from(self.block[at + 1])];
                    let low = HEXADECIMAL[usize::from(self.block[at + 2])];
                    let Ok(byte) = u8::try_from(high << 4 | low) else { continue };
                    (byte, 1 + DIGITS)
                }
                _ => (b' ', 1),
            };
            self.copy_before(at);
            self.out[self.written % BLOCK] = byte;
            self.written += 1;
            self.read = at + width;
        }
        if self.read < length {
            self.copy_before(length);
        }
        Undone { read: self.read, written: self.written }
    }

    /// Copies what was not taken yet and stands for itself, up to `end`, and perhaps more, which is written over.
    #[inline(always)]
    fn copy_before(&mut self, end: usize) {
        let (from, to, length) = (self.read % BLOCK, self.written % BLOCK, end - self.read);
        self.out[to..to + PIECE].copy_from_slice(&self.block[from..from + PIECE]);
        if length > PIECE {
            self.out[to..to + BLOCK].copy_from_slice(&self.block[from..from + BLOCK]);
        }
        self.read = end;
        self.written += length;
    }
}

/// The value of each byte as a hexadecimal digit; more than fits into a byte = it is none.
const HEXADECIMAL: [u16; 256] = {
    let mut values = [0x100; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u16;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u16;
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
        fn many_bytes_at_a_time_give_what_single_bytes_do(parts in prop::collection::vec("%|[+]|%[0-9a-fA-F]{2}|%.|[a-z]{1,11}|[a-z]{50,70}|\\PC", 0..40)) {
            let raw = parts.concat();
            for plus in [Plus::Space, Plus::Plus] {
                let mut out = b"before".to_vec();
                percent_decode(raw.as_bytes(), plus, &mut out);
                prop_assert_eq!(&out[6..], &slowly(raw.as_bytes(), plus));
            }
        }
    }
}
