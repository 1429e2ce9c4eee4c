//! Looking for bytes many at a time, without a branch on each: names and values are short and of every length, so that a loop over
//! single bytes ends where the processor did not expect it, nearly every time.

use wide::{i8x16, u8x16};

use super::word::{HIGH, ONES};

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

/// How many bytes come before the first that is no printable ASCII character, or a quote or a backslash.
#[inline]
pub(crate) fn plain_text(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(lane) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let lane = i8x16::new(lane.map(u8::cast_signed));
        // Bytes from 0x80 on are negative.
        let special = lane.simd_lt(i8x16::splat(0x20))
            | lane.simd_eq(i8x16::splat(0x7f))
            | lane.simd_eq(i8x16::splat(b'"'.cast_signed()))
            | lane.simd_eq(i8x16::splat(b'\\'.cast_signed()));
        let marks = special.to_bitmask();
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        at += 16;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    at + rest.iter().position(|byte| !is_plain(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn plain_text_ends_where_it_must() {
        for byte in 0..=u8::MAX {
            for at in 0..40 {
                let mut bytes = [b'~'; 40];
                bytes[at] = byte;
                let is_plain = matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
                assert_eq!(plain_text(&bytes), if is_plain { 40 } else { at }, "{byte} at {at}");
            }
        }
    }
}
