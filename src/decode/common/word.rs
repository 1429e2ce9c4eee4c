//! Eight bytes of text looked at as one number, the first byte the lowest: what is short is told apart without a loop.

/// Each byte of a word.
pub(super) const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each.
pub(super) const HIGH: u64 = ONES << 7;

/// The first eight bytes; zeros behind fewer.
#[inline(always)]
pub(crate) fn first_word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => short_word(bytes),
    }
}

/// Fewer than eight bytes, with zeros behind them.
#[inline(always)]
fn short_word(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // Where the two overlap, they are equal.
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (length - 4));
    }
    let at = |place: usize| bytes.get(place).map_or(0, |byte| u64::from(*byte) << (8 * place));
    at(0) | at(1) | at(2)
}

/// How many of the eight bytes come before the first that is not a letter from `a` to `z`: fewer steps than to look for each end of a name.
#[inline(always)]
pub(crate) const fn letters_in(word: u64) -> usize {
    let low = word & !HIGH;
    // The high bit of each byte from `a` on, and of each behind `z`. Nothing is carried into the next byte.
    let (from_a, behind_z) = (low + ONES * (0x80 - b'a' as u64), low + ONES * (0x7f - b'z' as u64));
    let marks = (!from_a | behind_z | word) & HIGH;
    (marks.trailing_zeros() / 8) as usize
}

/// How many bytes come before the first that lies below `-` or is `;`: letters, digits, and what else numbers and tokens have.
#[inline(always)]
pub(crate) fn token_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let count = token_bytes_in(first_word(bytes.get(length..).unwrap_or_default()));
        length += count;
        if count < 8 {
            return length;
        }
    }
}

#[inline(always)]
const fn token_bytes_in(word: u64) -> usize {
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
        for at in 0..19 {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"bitrateslikenumbers";
                bytes[at] = byte;
                let word = first_word(&bytes);
                assert_eq!(letters_in(word) < 8, at < 8 && !byte.is_ascii_lowercase(), "{bytes:?}");
                assert_eq!(letters_in(word).min(at), at.min(8), "{bytes:?}");
                let goes_on = byte >= b'-' && byte != b';';
                assert_eq!(token_length(&bytes), if goes_on { bytes.len() } else { at }, "{bytes:?}");
            }
        }
    }

    #[test]
    fn fewer_than_eight_bytes_have_zeros_behind_them() {
        let text = b"bitrates";
        for length in 0..=text.len() {
            let mut padded = [0; 8];
            padded[..length].copy_from_slice(&text[..length]);
            assert_eq!(first_word(&text[..length]), u64::from_le_bytes(padded), "of {length}");
        }
    }
}
