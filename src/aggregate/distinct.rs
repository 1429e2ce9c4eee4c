//! How many different things were seen: HyperLogLog with 4096 registers, which merges over partitions and over time.
//!
//! R1  What it holds depends on the set of hashes only: each register keeps the highest rank. Equal sets give equal bytes.
//! R2  The estimate is a function of the registers by additions, multiplications and square roots, which are the same on every machine:
//!     Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6. Its standard error is
//!     1.04/√4096 = 1.6 %, without a bias at any size, and much less while most registers are empty.
//! R3  Few things take few bytes: three a register until a list of all 4096 is shorter.

use crate::model::bytes::Writer;

/// Bits of the hash that choose the register.
const PRECISION: u32 = 12;
const REGISTERS: usize = 1 << PRECISION;
/// The highest rank: no bit is set beyond those that choose the register.
const HIGHEST_RANK: usize = 64 - PRECISION as usize + 1;
/// The bytes of all registers at six bits each.
const DENSE_BYTES: usize = REGISTERS / 4 * 3;
/// As many registers as a list is kept of: one more would take as much as all.
const LISTED: usize = DENSE_BYTES / 3 - 1;

/// Bytes that are no count of distinct things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes that should count distinct sessions do not: was the record written by a newer version?")]
pub struct Error {
    length: usize,
}

impl Error {
    pub(super) const fn of_length(length: usize) -> Self {
        Self { length }
    }
}

/// A mergeable estimate of how many different hashes were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distinct {
    registers: Registers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Registers {
    /// Those above 0, ascending by index: up to [`LISTED`].
    Listed(Vec<(u16, u8)>),
    All(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self { registers: Registers::Listed(Vec::new()) }
    }
}

impl Distinct {
    /// Adds one thing by its hash, all of whose bits count.
    pub fn add(&mut self, hash: u64) {
        let (index, rank) = place_of(hash);
        self.raise(index, rank);
    }

    /// Adds everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        match &other.registers {
            Registers::Listed(list) => list.iter().for_each(|(index, rank)| self.raise(*index, *rank)),
            Registers::All(ranks) => ranks.iter().zip(0..).for_each(|(rank, index)| self.raise(index, *rank)),
        }
    }

    /// How many different things were added, by estimate (R2).
    pub fn estimate(&self) -> i64 {
        let counts = self.counts();
        let registers = REGISTERS as f64;
        let count = |rank: usize| f64::from(counts.get(rank).copied().unwrap_or(0));
        let mut sum = registers * tau(1.0 - count(HIGHEST_RANK) / registers);
        for rank in (1..HIGHEST_RANK).rev() {
            sum = 0.5 * (sum + count(rank));
        }
        sum += registers * sigma(count(0) / registers);
        (registers * registers / (2.0 * std::f64::consts::LN_2) / sum).round() as i64
    }

    /// Writes what [`Self::from_bytes`] reads, with its length before it.
    pub fn encode(&self, out: &mut Writer) {
        out.bytes(&self.to_bytes());
    }

    /// What [`Self::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.registers {
            Registers::Listed(list) => {
                list.iter().flat_map(|(index, rank)| [*index as u8, (*index >> 8) as u8, *rank]).collect()
            }
            Registers::All(ranks) => {
                let mut bytes = Vec::with_capacity(DENSE_BYTES);
                for four in ranks.chunks_exact(4) {
                    let bits = four.iter().fold(0_u32, |bits, rank| bits << 6 | u32::from(*rank));
                    bytes.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
                }
                bytes
            }
        }
    }

    /// Reads what [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut read = Self::default();
        if bytes.len() == DENSE_BYTES {
            for (four, index) in bytes.chunks_exact(3).zip((0_u16..).step_by(4)) {
                let bits = four.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
                for place in 0..4 {
                    let rank = (bits >> (18 - 6 * u32::from(place)) & 0x3f) as u8;
                    read.raise(index + place, rank.min(HIGHEST_RANK as u8));
                }
            }
            return Ok(read);
        }
        let wrong = Error { length: bytes.len() };
        for register in bytes.chunks(3) {
            let &[low, high, rank] = register else { return Err(wrong) };
            let index = u16::from_le_bytes([low, high]);
            if usize::from(index) >= REGISTERS || usize::from(rank) > HIGHEST_RANK {
                return Err(wrong);
            }
            read.raise(index, rank);
        }
        Ok(read)
    }

    fn raise(&mut self, index: u16, rank: u8) {
        if rank == 0 {
            return;
        }
        let list = match &mut self.registers {
            Registers::All(ranks) => return keep_higher(ranks, index, rank),
            Registers::Listed(list) => list,
        };
        match list.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(at) => list.iter_mut().skip(at).take(1).for_each(|(_, own)| *own = (*own).max(rank)),
            Err(at) if list.len() < LISTED => list.insert(at, (index, rank)),
            Err(_) => {
                let mut ranks = all_of(list);
                keep_higher(&mut ranks, index, rank);
                self.registers = Registers::All(ranks);
            }
        }
    }

    /// How many registers have each rank.
    fn counts(&self) -> [u32; HIGHEST_RANK + 1] {
        let mut counts = [0; HIGHEST_RANK + 1];
        let mut count = |rank: u8, registers: u32| {
            if let Some(count) = counts.get_mut(usize::from(rank)) {
                *count += registers;
            }
        };
        match &self.registers {
            Registers::Listed(list) => {
                count(0, (REGISTERS - list.len()) as u32);
                list.iter().for_each(|(_, rank)| count(*rank, 1));
            }
            Registers::All(ranks) => ranks.iter().for_each(|rank| count(*rank, 1)),
        }
        counts
    }
}

/// A count that is being filled, with all registers at hand.
#[derive(Clone, Debug)]
pub(super) struct FillingDistinct(Box<[u8; REGISTERS]>);

impl FillingDistinct {
    /// Of these hashes so far.
    pub(super) fn of(hashes: &[u64]) -> Self {
        let mut filling = Self(all_of(&[]));
        hashes.iter().for_each(|hash| filling.add(*hash));
        filling
    }

    /// Adds one thing by its hash.
    pub(super) fn add(&mut self, hash: u64) {
        let (index, rank) = place_of(hash);
        keep_higher(&mut self.0, index, rank);
    }

    /// What it holds, in the form that its number of registers asks for.
    pub(super) fn finish(self) -> Distinct {
        let raised = || self.0.iter().zip(0..).filter(|(rank, _)| **rank > 0);
        if raised().count() > LISTED {
            return Distinct { registers: Registers::All(self.0) };
        }
        Distinct { registers: Registers::Listed(raised().map(|(rank, index)| (index, *rank)).collect()) }
    }
}

/// The register of a hash, and its rank there.
const fn place_of(hash: u64) -> (u16, u8) {
    let zeros = (hash << PRECISION).leading_zeros();
    let most = 64 - PRECISION;
    ((hash >> most) as u16, if zeros < most { zeros as u8 + 1 } else { most as u8 + 1 })
}

fn keep_higher(ranks: &mut [u8; REGISTERS], index: u16, rank: u8) {
    if let Some(own) = ranks.get_mut(usize::from(index)) {
        *own = (*own).max(rank);
    }
}

/// A list of registers as all of them.
fn all_of(list: &[(u16, u8)]) -> Box<[u8; REGISTERS]> {
    let mut ranks = Box::new([0; REGISTERS]);
    list.iter().for_each(|(index, rank)| keep_higher(&mut ranks, *index, *rank));
    ranks
}

/// σ(x) = x + Σ x^(2^k) · 2^(k−1): the part of the empty registers.
fn sigma(empty: f64) -> f64 {
    if empty >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (empty, 1.0, empty);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

/// τ(x) = (1 − x − Σ (1 − x^(2^−k))² · 2^−k) / 3: the part of the full registers.
fn tau(not_full: f64) -> f64 {
    if not_full <= 0.0 || not_full >= 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (not_full, 1.0, 1.0 - not_full);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::bytes::Reader;
    use crate::model::hash::stable_hash;

    fn of(numbers: std::ops::Range<u32>) -> Distinct {
        let mut distinct = Distinct::default();
        numbers.for_each(|number| distinct.add(stable_hash(&number.to_le_bytes())));
        distinct
    }

    fn bytes(distinct: &Distinct) -> Vec<u8> {
        let mut out = Writer::default();
        distinct.encode(&mut out);
        out.into_bytes()
    }

    #[test]
    fn estimates_are_within_three_standard_errors_at_every_size() {
        assert_eq!([of(0..0), of(0..1), of(0..7)].map(|few| few.estimate()), [0, 1, 7]);
        for count in [100, 1_000, 3_000, 10_000, 100_000, 1_000_000] {
            let estimate = of(0..count).estimate();
            let off = (estimate - i64::from(count)).abs();
            assert!(off * 1000 <= i64::from(count) * 49, "{estimate} of {count}");
        }
    }

    #[test]
    fn a_register_keeps_the_highest_rank() {
        // Worked out by hand: the first 12 bits are the register, the rank is one more than the zeros that follow.
        let mut distinct = Distinct::default();
        for hash in [0x0018_0000_0000_0000, 0x0010_0000_0000_0000, 0x0011_0000_0000_0000, 0xfff0_0000_0000_0001] {
            distinct.add(hash);
        }
        assert_eq!(bytes(&distinct), [6, 1, 0, 53, 0xff, 0x0f, 52]);
    }

    #[test]
    fn equal_sets_give_equal_bytes_that_are_read_back() {
        for (count, encoded) in [(0, 1), (700, 1_900), (5_000, DENSE_BYTES + 2), (200_000, DENSE_BYTES + 2)] {
            let whole = of(0..count);
            let (mut one, other) = (of(count / 3..count), of(0..count / 2));
            one.merge(&other);
            assert_eq!(bytes(&one), bytes(&whole), "{count}");
            assert!(bytes(&whole).len().abs_diff(encoded) < 100, "{count} take {} bytes", bytes(&whole).len());
            let read = Distinct::from_bytes(Reader::new(&bytes(&whole)).bytes().unwrap()).unwrap();
            assert_eq!(read, whole, "{count}");
        }
        assert_eq!(Distinct::from_bytes(&[1, 2]), Err(Error { length: 2 }));
        assert_eq!(Distinct::from_bytes(&[0, 16, 1]), Err(Error { length: 3 }), "there is no register 4096");
    }
}
