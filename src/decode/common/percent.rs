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
    out.reserve(raw.len());
    let mut undoing = Undoing { block: [0; ROOM], out: [0; ROOM], read: 0 };
    for (index, block) in raw.chunks(BLOCK).enumerate() {
        let rest = raw.get(index * BLOCK..).unwrap_or_default();
        match (rest.first_chunk::<{ BLOCK + DIGITS }>(), undoing.block.first_chunk_mut()) {
            (Some(whole), Some(place)) => *place = *whole,
            _ => undoing.take_last(rest),
        }
        let written = undoing.undo(plus, block.len());
        out.extend_from_slice(undoing.out.get(..written).unwrap_or_default());
        // Digits of the next block that were taken already.
        undoing.read -= block.len();
    }
}

/// A block while it is decoded. Its places are taken modulo [`BLOCK`], beyond which they never are, to spare the processor the question.
struct Undoing {
    /// What it consists of, the digits that may follow, and zeros.
    block: [u8; ROOM],
    out: [u8; ROOM],
    /// How much of it was taken.
    read: usize,
}

impl Undoing {
    /// Takes in what is too short for a block with digits behind it.
    fn take_last(&mut self, rest: &[u8]) {
        self.block = [0; ROOM];
        for (place, byte) in self.block.iter_mut().zip(rest) {
            *place = *byte;
        }
    }

    /// Undoes the first `length` bytes of the block, and digits behind them; how many bytes that gives.
    #[inline]
    fn undo(&mut self, plus: Plus, length: usize) -> usize {
        let (mut read, mut written) = (self.read, 0);
        let Some(block) = self.block.first_chunk() else { return 0 };
        let mut marks = match plus {
            Plus::Space => marks(block, [b'%', b'+']),
            Plus::Plus => marks(block, [b'%']),
        };
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
            written = self.copy(read, at, written);
            self.out[written % BLOCK] = byte;
            written += 1;
            read = at + width;
        }
        if read < length {
            written = self.copy(read, length, written);
            read = length;
        }
        self.read = read;
        written
    }

    /// Copies what stands for itself, and perhaps more, which is written over. Where the copy ends.
    #[inline(always)]
    fn copy(&mut self, from: usize, end: usize, to: usize) -> usize {
        let length = end - from;
        let (read, write) = (from % BLOCK, to % BLOCK);
        self.out[write..write + PIECE].copy_from_slice(&self.block[read..read + PIECE]);
        if length > PIECE {
            self.out[write..write + BLOCK].copy_from_slice(&self.block[read..read + BLOCK]);
        }
        to + length
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
