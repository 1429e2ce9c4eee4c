//! Random numbers that are the same on every platform: SplitMix64 (Steele, Lea and Flood 2014), integers only.
//!
//! Each viewer has a generator of its own, so that what one viewer does never depends on who else is watching.

/// A stream of random numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(u64);

/// Quantiles of a log-normal distribution with σ = ½ in thousandths of its median, at 1 %, then every sixteenth, then 99 %.
const LOG_NORMAL: [u64; 17] =
    [313, 464, 563, 642, 714, 783, 853, 925, 1000, 1082, 1173, 1277, 1401, 1558, 1777, 2153, 3199];

impl Random {
    /// The stream of `seed`, branch by branch: different branches give streams that have nothing to do with each other.
    pub(super) fn branch(seed: u64, branch: u64) -> Self {
        Self(finish(seed ^ finish(branch.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        finish(self.0)
    }

    /// A number from 0 up to and without `bound`; 0 when the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// A number of `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times in a thousand.
    pub(super) fn permille(&mut self, share: u32) -> bool {
        self.below(1000) < u64::from(share)
    }

    /// How many of `count` it hits when it hits so many of 10,000: the expected number, rounded up or down by chance.
    pub(super) fn share(&mut self, count: u64, per_10_000: u32) -> u64 {
        (count * u64::from(per_10_000) + self.below(10_000)) / 10_000
    }

    /// A number spread around `median` as delays and rates are: log-normal, from about a third to about the threefold.
    pub(super) fn spread(&mut self, median: u64) -> u64 {
        let place = self.below(16_000);
        let index = (place / 1000) as usize;
        let (Some(low), Some(high)) = (LOG_NORMAL.get(index), LOG_NORMAL.get(index + 1)) else { return median };
        let factor = low + (high - low) * (place % 1000) / 1000;
        median.saturating_mul(factor) / 1000
    }

    /// The index of one of `weights`, by weight; 0 when all are 0.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut place = self.below(total);
        for (index, weight) in weights.enumerate() {
            let weight = u64::from(weight);
            if place < weight {
                return index;
            }
            place -= weight;
        }
        0
    }
}

/// The output function of SplitMix64: every bit of the input reaches every bit of the output.
pub(super) fn finish(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_sequence() {
        // The first outputs of the reference implementation (prng.di.unimi.it/splitmix64.c) for the seed 1234567.
        let mut random = Random(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn spread_has_its_median_and_stays_in_its_bounds() {
        let mut random = Random::branch(1, 1);
        let mut drawn: Vec<u64> = (0..10_001).map(|_| random.spread(1000)).collect();
        drawn.sort_unstable();
        assert!((950..1050).contains(&drawn[5000]), "{}", drawn[5000]);
        assert!(drawn[0] >= 313 && drawn[10_000] <= 3199);
    }
}
