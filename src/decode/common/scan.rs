//! Looking for bytes eight at a time, without a branch on each: names and values are short and of every length, so that a loop over
//! single bytes ends where the processor did not expect it, nearly every time.

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

/// Bytes as words of eight, the first byte the lowest, and where each begins; zeros fill up the last.
#[inline]
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = (usize, u64)> {
    let (words, tail) = bytes.as_chunks::<8>();
    let last = tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain((!tail.is_empty()).then_some(last));
    (0..).step_by(8).zip(words)
}

/// The high bit of each byte of `word` that is `wanted`, and of no other: for who wants all of them, not the first.
#[inline]
pub(crate) const fn places_of(wanted: u8, word: u64) -> u64 {
    let difference = word ^ (ONES * wanted as u64);
    !(((difference & !HIGH) + !HIGH) | difference) & HIGH
}

/// What [`places_of`] tells as a bit for each byte, the first byte the lowest.
#[inline]
pub(crate) const fn bits_of(places: u64) -> u64 {
    // Each high bit moves to the top byte, at a place of its own.
    (places >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
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
        // Neighbours in value, in bits and in place: what is carried from one byte to the next would show.
        let bytes = b"&&'%\xa6&\x26\x00\xff&%'&";
        let found: Vec<usize> = words(bytes)
            .flat_map(|(base, word)| {
                (0..8).filter(move |at| places_of(b'&', word) >> (8 * at + 7) & 1 == 1).map(move |at| base + at)
            })
            .collect();
        let there: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'&').collect();
        assert_eq!(found, there);
        let bits = words(bytes).fold(0, |bits, (base, word)| bits | bits_of(places_of(b'&', word)) << base);
        assert_eq!(bits, there.iter().fold(0, |bits, at| bits | 1 << at));
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
