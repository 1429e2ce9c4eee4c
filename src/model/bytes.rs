//! The compact encoding of records that this program writes for itself: zigzag LEB128 integers and length-prefixed bytes.

/// Input that ends before what should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record ends at byte {at}, before {wanted}")]
pub struct Short {
    at: usize,
    wanted: &'static str,
}

/// The most bytes of an integer.
const LONGEST: usize = 10;

/// Appends values to a buffer.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
}

impl Writer {
    /// One byte as it is.
    #[inline]
    pub fn byte(&mut self, value: u8) {
        self.buffer.push(value);
    }

    /// A signed integer in 1 to 10 bytes.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.unsigned(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    /// An integer of which most bits are set as often as not, in 8 bytes.
    #[inline]
    pub fn fixed(&mut self, value: u64) {
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes with their length before them.
    pub fn bytes(&mut self, value: &[u8]) {
        self.unsigned(value.len() as u64);
        self.buffer.extend_from_slice(value);
    }

    /// Text with its length before it.
    pub fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// How much memory it has reserved.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Makes room for as many bytes more.
    pub fn reserve(&mut self, bytes: usize) {
        self.buffer.reserve(bytes);
    }

    /// Starts over, in the same memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// An integer that is never negative, in 1 to 10 bytes.
    #[inline]
    pub fn unsigned(&mut self, value: u64) {
        // Most of what is written is small.
        match u8::try_from(value) {
            Ok(small @ 0..0x80) => self.buffer.push(small),
            _ => self.long(value),
        }
    }

    fn long(&mut self, mut value: u64) {
        if value < 1 << (SEVENS * 7) {
            let (word, length) = word_of(value);
            let end = self.buffer.len() + length;
            // A copy of a known length is an instruction.
            self.buffer.extend_from_slice(&word.to_le_bytes());
            self.buffer.truncate(end);
            return;
        }
        while value >= 0x80 {
            self.buffer.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.push(value as u8);
    }
}

/// Takes values from a slice, in the order in which they were written.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `input`.
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.at >= self.input.len()
    }

    /// One byte as it is.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Short> {
        let byte = self.input.get(self.at).copied().ok_or(Short { at: self.at, wanted: "a byte" })?;
        self.at += 1;
        Ok(byte)
    }

    /// A signed integer.
    #[inline]
    pub fn integer(&mut self) -> Result<i64, Short> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// An integer that was written in 8 bytes.
    #[inline]
    pub fn fixed(&mut self) -> Result<u64, Short> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk().ok_or(Short { at: self.at, wanted: "eight bytes" })?;
        self.at += bytes.len();
        Ok(u64::from_le_bytes(*bytes))
    }

    /// Bytes with their length before them.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Short> {
        let length = usize::try_from(self.unsigned()?).unwrap_or(usize::MAX);
        let end = self.at.saturating_add(length);
        let bytes = self.input.get(self.at..end).ok_or(Short { at: self.at, wanted: "as many bytes as announced" })?;
        self.at = end;
        Ok(bytes)
    }

    /// Text with its length before it.
    pub fn text(&mut self) -> Result<&'a str, Short> {
        let at = self.at;
        std::str::from_utf8(self.bytes()?).map_err(|_| Short { at, wanted: "text" })
    }

    /// An integer that is never negative.
    #[inline]
    pub fn unsigned(&mut self) -> Result<u64, Short> {
        match self.input.get(self.at) {
            Some(&small) if small < 0x80 => {
                self.at += 1;
                Ok(u64::from(small))
            }
            _ => self.long(),
        }
    }

    fn long(&mut self) -> Result<u64, Short> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        if let Some((value, length)) = rest.first_chunk().and_then(|word| integer_in(u64::from_le_bytes(*word))) {
            self.at += length;
            return Ok(value);
        }
        let (mut value, mut shift) = (0_u64, 0);
        for byte in rest.iter().take(LONGEST) {
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            self.at += 1;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Short { at: self.at, wanted: "the end of an integer" })
    }
}

/// As many groups of seven bits fit into a word of bytes.
const SEVENS: usize = 8;
/// The bit of each byte that says that another one follows.
const MORE: u64 = 0x8080_8080_8080_8080;

/// An integer below 2^56 as the bytes of a word, and how many of them it takes (at least one): without a branch for each of them.
#[inline]
fn word_of(value: u64) -> (u64, usize) {
    let length = value.checked_ilog2().unwrap_or(0) as usize / 7 + 1;
    // Moved apart by halves, until each byte has seven bits.
    let fours = value & 0x0fff_ffff | (value << 4) & 0x0fff_ffff_0000_0000;
    let pairs = fours & 0x0000_3fff_0000_3fff | (fours << 2) & 0x3fff_0000_3fff_0000;
    let sevens = pairs & 0x007f_007f_007f_007f | (pairs << 1) & 0x7f00_7f00_7f00_7f00;
    (sevens | MORE & ((1 << (8 * (length - 1))) - 1), length)
}

/// The integer that begins a word, and its length, likewise; `None` = it goes on behind the word.
#[inline]
fn integer_in(word: u64) -> Option<(u64, usize)> {
    let ends = !word & MORE;
    if ends == 0 {
        return None;
    }
    // Up to the first byte that no other follows.
    let sevens = word & (ends ^ ends.wrapping_sub(1)) & !MORE;
    let pairs = sevens & 0x007f_007f_007f_007f | (sevens & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    let value = fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4;
    Some((value, ends.trailing_zeros() as usize / 8 + 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let mut writer = Writer::default();
        // Of every length, and those beside.
        let powers = (0..63).map(|bits| 1_i64 << bits).flat_map(|power| [power - 1, power, -power, -power - 1]);
        let integers: Vec<i64> = powers.chain([i64::MAX, i64::MIN]).collect();
        for value in &integers {
            writer.integer(*value);
        }
        writer.text("edge");
        writer.byte(7);
        writer.fixed(u64::MAX - 1);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        for value in integers {
            assert_eq!(reader.integer().unwrap(), value);
        }
        assert!((0..=LONGEST).all(|length| Reader::new(&[0x80; LONGEST][..length]).unsigned().is_err()));
        assert_eq!(Reader::new(&[0x81, 0x80, 0]).unsigned(), Ok(1), "a longer way to write it");
        assert_eq!(reader.text().unwrap(), "edge");
        assert_eq!(reader.byte().unwrap(), 7);
        assert_eq!(reader.fixed().unwrap(), u64::MAX - 1);
        assert!(reader.fixed().is_err());
        assert!(reader.byte().is_err());
        assert!(Reader::new(&[200]).bytes().is_err());
    }
}
