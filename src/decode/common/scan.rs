//! Looking for bytes many at a time, without a branch on each: names and values are short and of every length, so that a loop over
//! single bytes ends where the processor did not expect it, nearly every time.

use wide::u8x16;

/// Each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each.
const HIGH: u64 = ONES << 7;

/// How many bytes come before the first that is one of `ends`; all of them when there is none.
#[inline]
pub(crate) fn before_any<const N: usize>(bytes: &[u8], ends: [u8; N]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let before = before_any_in(*word, ends);
        at += before;
        if before < 8 {
            return at;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| ends.contains(byte)).unwrap_or(rest.len())
}

/// The same for eight bytes.
#[inline]
fn before_any_in<const N: usize>(bytes: [u8; 8], ends: [u8; N]) -> usize {
    let word = u64::from_le_bytes(bytes);
    let mut marks = 0;
    for end in ends {
        // The high bit of each byte that is `end`, and perhaps of bytes behind the first of them.
        let difference = word ^ (ONES * u64::from(end));
        marks |= difference.wrapping_sub(ONES) & !difference & HIGH;
    }
    (marks.trailing_zeros() / 8) as usize
}

/// So many bytes are looked at together.
pub(crate) const BLOCK: usize = 64;

/// A bit for each byte of `block` that is one of `wanted`, the first byte the lowest.
#[inline]
pub(crate) fn marks<const N: usize>(block: &[u8; BLOCK], wanted: [u8; N]) -> u64 {
    let (lanes, _) = block.as_chunks();
    let mut marks = 0;
    for (index, lane) in lanes.iter().enumerate() {
        let lane = u8x16::new(*lane);
        let found = wanted.into_iter().fold(u8x16::ZERO, |found, byte| found | lane.simd_eq(u8x16::splat(byte)));
        marks |= u64::from(found.to_bitmask()) << (16 * index);
    }
    marks
}

/// Where in `bytes` one of `wanted` stands, in order; none of them is 0.
#[inline]
pub(crate) const fn places<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Places<'_, N> {
    Places { bytes, wanted, base: 0, marks: 0, looked_at: 0 }
}

/// See [`places`].
#[derive(Debug)]
pub(crate) struct Places<'a, const N: usize> {
    bytes: &'a [u8],
    wanted: [u8; N],
    /// Where the block begins that `marks` tell of, as far as they were not given yet.
    base: usize,
    marks: u64,
    looked_at: usize,
}

impl<const N: usize> Places<'_, N> {
    #[inline]
    fn next_block(&mut self) {
        let start = self.looked_at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        if let Some(block) = rest.first_chunk() {
            (self.base, self.looked_at) = (start, start + BLOCK);
            self.marks = marks(block, self.wanted);
            return;
        }
        self.looked_at = self.bytes.len();
        if let Some(block) = self.bytes.last_chunk() {
            // Once more some of what was looked at: cheaper than to fill a block up.
            self.base = self.bytes.len() - BLOCK;
            self.marks = marks(block, self.wanted) & (u64::MAX << (start - self.base));
            return;
        }
        let mut block = [0; BLOCK];
        for (place, byte) in block.iter_mut().zip(rest) {
            *place = *byte;
        }
        self.marks = marks(&block, self.wanted);
    }
}

impl<const N: usize> Iterator for Places<'_, N> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            if self.looked_at == self.bytes.len() {
                return None;
            }
            self.next_block();
        }
        let at = self.base + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }
}

/// How many of eight bytes come before the first that is not a letter from `a` to `z`: fewer steps than to look for each end of a name.
#[inline]
pub(crate) fn letters_in(bytes: [u8; 8]) -> usize {
    let word = u64::from_le_bytes(bytes);
    let low = word & !HIGH;
    // The high bit of each byte from `a` on, and of each behind `z`. Nothing is carried into the next byte.
    let (from_a, behind_z) = (low + ONES * (0x80 - b'a' as u64), low + ONES * (0x7f - b'z' as u64));
    let marks = (!from_a | behind_z | word) & HIGH;
    (marks.trailing_zeros() / 8) as usize
}

/// How many of eight bytes come before the first that lies below `-` or is `;`: letters, digits, and what else numbers and tokens have.
#[inline]
pub(crate) fn token_bytes_in(bytes: [u8; 8]) -> usize {
    let word = u64::from_le_bytes(bytes);
    let from_dash = (word & !HIGH) + ONES * (0x80 - b'-' as u64);
    let semicolon = word ^ (ONES * b';' as u64);
    // What is behind the first mark may be marked wrongly.
    let marks = (!(from_dash | word) | (semicolon.wrapping_sub(ONES) & !semicolon)) & HIGH;
    (marks.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_apart_at_every_place() {
        for at in 0..8 {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"bitrates";
                bytes[at] = byte;
                assert_eq!(letters_in(bytes) < 8, !byte.is_ascii_lowercase(), "{bytes:?}");
                assert_eq!(letters_in(bytes).min(at), at, "{bytes:?}");
                assert_eq!(token_bytes_in(bytes) < 8, byte < b'-' || byte == b';', "{bytes:?}");
                assert_eq!(token_bytes_in(bytes).min(at), at, "{bytes:?}");
            }
        }
    }

    #[test]
    fn all_places_of_a_byte_are_found_and_no_others() {
        // Neighbours in value, in bits and in place, in texts that end in a block, at the end of one and behind it.
        let text = b"&&'%\xa6&\x26\x01\xff&%'&".repeat(16);
        for length in 0..text.len() {
            let bytes = &text[..length];
            for wanted in [[b'&', b'&'], [b'%', b'\'']] {
                let there: Vec<usize> = (0..length).filter(|at| wanted.contains(&bytes[*at])).collect();
                assert_eq!(places(bytes, wanted).collect::<Vec<_>>(), there, "of {length}");
            }
        }
    }

    #[test]
    fn the_first_end_is_found_wherever_it_stands() {
        for length in 0..20 {
            // Neighbours of the ends in value, and bytes with the high bit.
            let mut bytes: Vec<u8> = (0..length).map(|index| [b'+', b'-', b'<', b'>', 0xac, 0xff][index % 6]).collect();
            assert_eq!(before_any(&bytes, [b',', b'=']), length);
            for at in (0..length).rev() {
                bytes[at] = if at % 2 == 0 { b',' } else { b'=' };
                assert_eq!(before_any(&bytes, [b',', b'=']), at, "{bytes:?}");
            }
        }
    }
}
