//! How many different things were seen, exactly while they are few: a list of hashes, then HyperLogLog ([`Distinct`]).
//!
//! R1  What it holds depends on the set of hashes only: up to [`EXACT`] of them it is the sorted list, beyond that the registers of all.
//!     Whatever order things come in, and however parts are merged, equal sets give equal bytes.
//! R2  Up to [`EXACT`] the number is exact (two of them share a hash once in 10^14 such lists); beyond, the standard error is 1.6 %.
//!
//! No crate does this: those at hand keep their sparse form by order of insertion or sum up floats as they go, and equal sets must give
//! equal bytes here.

use crate::aggregate::distinct::{Distinct, Error, FillingDistinct};
use crate::model::bytes::Writer;

/// As many things are counted exactly.
pub const EXACT: usize = 256;
/// The standard error of an estimate beyond that, in millionths: 1.04/√4096.
pub const STANDARD_ERROR_PPM: i64 = 16_250;

/// The first byte of a list.
const LIST: u8 = 0;
/// The first byte of registers.
const REGISTERS: u8 = 1;
/// A hash in bytes.
const HASH_BYTES: usize = size_of::<u64>();

/// A mergeable count of different hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uniques(Seen);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// Ascending, at most [`EXACT`].
    Few(Vec<u64>),
    /// More than [`EXACT`].
    Many(Distinct),
}

impl Default for Uniques {
    fn default() -> Self {
        Self(Seen::Few(Vec::new()))
    }
}

impl Uniques {
    /// Adds one thing by its hash, all of whose bits count.
    pub fn add(&mut self, hash: u64) {
        let list = match &mut self.0 {
            Seen::Many(distinct) => return distinct.add(hash),
            Seen::Few(list) => list,
        };
        let Err(place) = list.binary_search(&hash) else { return };
        if list.len() < EXACT {
            return list.insert(place, hash);
        }
        let mut distinct = registers_of(list);
        distinct.add(hash);
        self.0 = Seen::Many(distinct);
    }

    /// Adds everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Seen::Few(list)) => list.iter().for_each(|hash| self.add(*hash)),
            (Seen::Many(own), Seen::Many(other)) => own.merge(other),
            (Seen::Few(own), Seen::Many(other)) => {
                let mut distinct = registers_of(own);
                distinct.merge(other);
                self.0 = Seen::Many(distinct);
            }
        }
    }

    /// How many different things were added: exactly, or by estimate (R2).
    pub fn count(&self) -> i64 {
        match &self.0 {
            Seen::Few(list) => i64::try_from(list.len()).unwrap_or(i64::MAX),
            Seen::Many(distinct) => distinct.estimate(),
        }
    }

    /// Whether [`Self::count`] is exact.
    pub const fn is_exact(&self) -> bool {
        matches!(self.0, Seen::Few(_))
    }

    /// Whether nothing was added.
    pub const fn is_empty(&self) -> bool {
        matches!(&self.0, Seen::Few(list) if list.is_empty())
    }

    /// What [`Self::from_bytes`] reads; none for none.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Seen::Few(list) if list.is_empty() => Vec::new(),
            Seen::Few(list) => {
                let mut bytes = vec![LIST];
                list.iter().for_each(|hash| bytes.extend_from_slice(&hash.to_le_bytes()));
                bytes
            }
            Seen::Many(distinct) => {
                let mut bytes = vec![REGISTERS];
                bytes.extend_from_slice(&distinct.to_bytes());
                bytes
            }
        }
    }

    /// Writes [`Self::to_bytes`], with its length before it.
    pub fn encode(&self, out: &mut Writer) {
        out.bytes(&self.to_bytes());
    }

    /// Reads what [`Self::to_bytes`] gave.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((&REGISTERS, registers)) => Ok(Self(Seen::Many(Distinct::from_bytes(registers)?))),
            Some((&LIST, list)) => {
                let (hashes, rest) = list.as_chunks::<HASH_BYTES>();
                if !rest.is_empty() || hashes.len() > EXACT {
                    return Err(Error::of_length(bytes.len()));
                }
                let mut read = Self::default();
                hashes.iter().for_each(|hash| read.add(u64::from_le_bytes(*hash)));
                Ok(read)
            }
            Some(_) => Err(Error::of_length(bytes.len())),
        }
    }
}

/// A list of hashes as registers.
fn registers_of(list: &[u64]) -> Distinct {
    FillingDistinct::of(list).finish()
}

/// As many hashes wait before those that came again are looked for.
const WAITING: usize = 2 * EXACT;

/// A count that is being filled, many of them at a time: hashes are put in order together, which costs less than one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct FillingUniques {
    few: Vec<u64>,
    /// Once they are more than [`EXACT`].
    many: Option<FillingDistinct>,
}

impl FillingUniques {
    /// Adds one thing by its hash.
    pub(crate) fn add(&mut self, hash: u64) {
        if let Some(many) = &mut self.many {
            return many.add(hash);
        }
        self.few.push(hash);
        if self.few.len() >= WAITING {
            self.settle();
        }
    }

    /// All that were added.
    pub(crate) fn finish(mut self) -> Uniques {
        self.settle();
        match self.many {
            Some(many) => Uniques(Seen::Many(many.finish())),
            None => Uniques(Seen::Few(self.few)),
        }
    }

    fn settle(&mut self) {
        self.few.sort_unstable();
        self.few.dedup();
        if self.few.len() > EXACT {
            self.many = Some(FillingDistinct::of(&self.few));
            self.few = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::hash::stable_hash;

    fn of(numbers: impl IntoIterator<Item = u32>) -> Uniques {
        let mut uniques = Uniques::default();
        numbers.into_iter().for_each(|number| uniques.add(stable_hash(&number.to_le_bytes())));
        uniques
    }

    #[test]
    fn counts_are_exact_up_to_the_limit_and_estimates_beyond_it() {
        for count in [0, 1, 100, 255, 256] {
            let uniques = of((0..count).chain(0..count));
            assert!(uniques.is_exact() && uniques.count() == i64::from(count), "{count}");
        }
        for count in [257, 1_000, 20_000] {
            let uniques = of(0..count);
            assert!(!uniques.is_exact());
            assert!((uniques.count() - i64::from(count)).abs() * 1000 <= i64::from(count) * 49, "{count}");
        }
    }

    #[test]
    fn equal_sets_give_equal_bytes_however_they_come_together() {
        for count in [0, 1, 200, 256, 257, 400, 9_000] {
            let whole = of(0..count);
            assert_eq!(of((0..count).rev()).to_bytes(), whole.to_bytes(), "{count} backwards");
            for cut in [0, count / 10, count / 2, count] {
                let mut merged = of(cut / 2..count);
                merged.merge(&of(0..cut));
                assert_eq!(merged.to_bytes(), whole.to_bytes(), "{count} cut at {cut}");
                let mut other_way = of(0..cut);
                other_way.merge(&of(cut / 2..count));
                assert_eq!(other_way, whole, "{count} cut at {cut}");
            }
            assert_eq!(Uniques::from_bytes(&whole.to_bytes()).unwrap(), whole);
        }
    }

    #[test]
    fn what_waits_comes_to_the_same() {
        for count in [0, 1, 256, 257, 511, 512, 513, 3_000, 50_000] {
            let mut filling = FillingUniques::default();
            (0..count).chain(0..count / 2).for_each(|number: u32| filling.add(stable_hash(&number.to_le_bytes())));
            assert_eq!(filling.finish().to_bytes(), of(0..count).to_bytes(), "{count}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let hashes_beyond = [vec![LIST], vec![7; HASH_BYTES * (EXACT + 1)]].concat();
        for bytes in [&[LIST, 1, 2][..], &[9], &[REGISTERS, 1, 2], &hashes_beyond] {
            assert!(Uniques::from_bytes(bytes).is_err(), "{} bytes", bytes.len());
        }
    }
}
