//! The small pieces of which a carry consists: numbers that are hardly ever negative, moments near one another, sets of bits and hashes.

use smallvec::SmallVec;

use crate::model::bytes::{Reader, Short, Writer};

/// No number of a life is larger: what a damaged carry gives cannot overflow when it is added up.
pub(super) const LARGEST: i64 = 1 << 60;

/// A number that is not negative.
pub(super) fn write(out: &mut Writer, value: i64) {
    out.unsigned(value.max(0).unsigned_abs());
}

/// Reads what [`write`] wrote.
pub(super) fn read(input: &mut Reader<'_>) -> Result<i64, Short> {
    Ok(i64::try_from(input.unsigned()?).unwrap_or(LARGEST).min(LARGEST))
}

/// Reads a number that may be negative.
pub(super) fn read_signed(input: &mut Reader<'_>) -> Result<i64, Short> {
    Ok(input.integer()?.clamp(-LARGEST, LARGEST))
}

/// A number that may be missing: at or after `base`, which both sides know.
pub(super) fn write_optional(out: &mut Writer, value: Option<i64>, base: i64) {
    write(out, value.map_or(0, |value| value.saturating_sub(base).max(0).saturating_add(1)));
}

/// Reads what [`write_optional`] wrote.
pub(super) fn read_optional(input: &mut Reader<'_>, base: i64) -> Result<Option<i64>, Short> {
    let value = read(input)?;
    Ok((value > 0).then(|| base.saturating_add(value - 1)))
}

/// Some flags as one number.
pub(super) fn flags<const N: usize>(flags: [bool; N]) -> u64 {
    flags.iter().rev().fold(0, |bits, flag| bits << 1 | u64::from(*flag))
}

/// Whether flag `index` is set.
pub(super) const fn has(bits: u64, index: u32) -> bool {
    bits >> index & 1 == 1
}

/// 256 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    low: u128,
    high: u128,
}

impl Bits {
    /// How many there are.
    pub(super) const LENGTH: i64 = 256;

    pub(super) const fn get(self, index: i64) -> bool {
        match index {
            0..128 => self.low >> index & 1 == 1,
            128..256 => self.high >> (index - 128) & 1 == 1,
            _ => false,
        }
    }

    pub(super) const fn set(&mut self, index: i64) {
        match index {
            0..128 => self.low |= 1 << index,
            128..256 => self.high |= 1 << (index - 128),
            _ => {}
        }
    }

    pub(super) const fn clear(&mut self, index: i64) {
        match index {
            0..128 => self.low &= !(1 << index),
            128..256 => self.high &= !(1 << (index - 128)),
            _ => {}
        }
    }

    pub(super) fn count(self) -> i64 {
        i64::from(self.low.count_ones() + self.high.count_ones())
    }

    /// Bit `by` becomes bit 0; those below it are gone.
    pub(super) const fn shift_down(&mut self, by: i64) {
        match by {
            ..=0 => {}
            1..128 => {
                self.low = self.low >> by | self.high << (128 - by);
                self.high >>= by;
            }
            128..256 => *self = Self { low: self.high >> (by - 128), high: 0 },
            _ => *self = Self { low: 0, high: 0 },
        }
    }

    /// Bit 0 becomes bit `by`; those that run over the end are gone.
    pub(super) const fn shift_up(&mut self, by: i64) {
        match by {
            ..=0 => {}
            1..128 => {
                self.high = self.high << by | self.low >> (128 - by);
                self.low <<= by;
            }
            128..256 => *self = Self { low: 0, high: self.low << (by - 128) },
            _ => *self = Self { low: 0, high: 0 },
        }
    }

    pub(super) fn write(self, out: &mut Writer) {
        let words = [self.low as u64, (self.low >> 64) as u64, self.high as u64, (self.high >> 64) as u64];
        out.unsigned(flags(words.map(|word| word != 0)));
        words.iter().filter(|word| **word != 0).for_each(|word| out.unsigned(*word));
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let present = input.unsigned()?;
        let mut next = |index| if has(present, index) { input.unsigned().map(u128::from) } else { Ok(0) };
        Ok(Self { low: next(0)? | next(1)? << 64, high: next(2)? | next(3)? << 64 })
    }
}

/// The `N` smallest of the hashes that were entered, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hashes<const N: usize> {
    kept: SmallVec<[u32; 2]>,
}

impl<const N: usize> Hashes<N> {
    /// Enters a hash. Returns whether it was not there.
    pub(super) fn enter(&mut self, hash: u32) -> bool {
        match self.kept.binary_search(&hash) {
            Ok(_) => false,
            Err(place) => {
                self.kept.insert(place, hash);
                self.kept.truncate(N);
                true
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn len(&self) -> i64 {
        self.kept.len() as i64
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.unsigned(self.kept.len() as u64);
        self.kept.iter().for_each(|hash| out.unsigned(u64::from(*hash)));
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut hashes = Self::default();
        for _ in 0..input.unsigned()?.min(N as u64) {
            hashes.enter(u32::try_from(input.unsigned()?).unwrap_or(u32::MAX));
        }
        Ok(hashes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bits_move_together() {
        for by in [1, 64, 127, 128, 200, 255] {
            let mut bits = Bits::default();
            bits.set(0);
            bits.shift_up(by);
            assert!(bits.get(by) && bits.count() == 1, "{by}");
            let mut out = Writer::default();
            bits.write(&mut out);
            assert_eq!(Bits::read(&mut Reader::new(out.as_bytes())).unwrap(), bits);
            bits.shift_down(by);
            assert!(bits.get(0) && bits.count() == 1, "{by}");
            bits.shift_down(1);
            assert_eq!(bits, Bits::default());
        }
    }

    #[test]
    fn the_smallest_hashes_are_kept() {
        let mut hashes = Hashes::<2>::default();
        assert!(hashes.enter(5) && hashes.enter(9) && hashes.enter(1));
        assert!(!hashes.enter(5));
        assert!(hashes.enter(9), "it had no place any more");
        assert_eq!(hashes.len(), 2);
    }

    #[test]
    fn moments_that_may_be_missing_come_back() {
        let mut out = Writer::default();
        for value in [None, Some(100), Some(105)] {
            write_optional(&mut out, value, 100);
        }
        let mut input = Reader::new(out.as_bytes());
        let read: Vec<_> = (0..3).map(|_| read_optional(&mut input, 100).unwrap()).collect();
        assert_eq!(read, [None, Some(100), Some(105)]);
    }
}
