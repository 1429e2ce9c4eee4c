//! The additive measurements of CMCD: what one session did at one edge in one window, in as few bytes as it takes.
//!
//! There is one block for each session, edge and window, hundreds of thousands at a time, so what counts is 8 bits wide and what
//! measures 32 until one of them overflows; then the block widens. Bitrates are in kbit/s here, and become bit/s when a row is made.

/// A measurement that adds up: first those that count, then those that measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Sum {
    Requests,
    MediaRequests,
    Errors4xx,
    Errors5xx,
    Aborted,
    CacheHits,
    CacheKnown,
    TtfbCount,
    TimeTakenCount,
    VideoBitrateCount,
    AudioBitrateCount,
    MuxedBitrateCount,
    ThroughputCount,
    BufferCount,
    BufferLow,
    StartupRequests,
    StarvedRequests,
    DeadlineLate,
    DeadlineKnown,
    ResponsesReceived,
    RecordsLate,
    RecordsClamped,
    MembersRejected,
    Duplicates,
    Bytes,
    TtfbMs,
    TimeTakenMs,
    VideoWeighted,
    VideoWeightMs,
    VideoBitrate,
    AudioWeighted,
    AudioWeightMs,
    AudioBitrate,
    MuxedWeighted,
    MuxedWeightMs,
    MuxedBitrate,
    TopBitrateMs,
    TopBitrateKnownMs,
    Throughput,
    BufferMs,
    VideoMs,
    AudioMs,
    MuxedMs,
}

/// How many [`Sum`]s there are.
pub(crate) const SUMS: usize = Sum::MuxedMs as usize + 1;

/// How many of them count.
const COUNTS: usize = Sum::Bytes as usize;

impl Sum {
    /// All of them, in the order in which they are written down.
    pub(crate) const WRITTEN: [Self; SUMS] = [
        Self::Requests,
        Self::MediaRequests,
        Self::Bytes,
        Self::Errors4xx,
        Self::Errors5xx,
        Self::Aborted,
        Self::CacheHits,
        Self::CacheKnown,
        Self::TtfbMs,
        Self::TtfbCount,
        Self::TimeTakenMs,
        Self::TimeTakenCount,
        Self::VideoWeighted,
        Self::VideoWeightMs,
        Self::VideoBitrate,
        Self::VideoBitrateCount,
        Self::AudioWeighted,
        Self::AudioWeightMs,
        Self::AudioBitrate,
        Self::AudioBitrateCount,
        Self::MuxedWeighted,
        Self::MuxedWeightMs,
        Self::MuxedBitrate,
        Self::MuxedBitrateCount,
        Self::TopBitrateMs,
        Self::TopBitrateKnownMs,
        Self::Throughput,
        Self::ThroughputCount,
        Self::BufferMs,
        Self::BufferCount,
        Self::BufferLow,
        Self::StartupRequests,
        Self::StarvedRequests,
        Self::DeadlineLate,
        Self::DeadlineKnown,
        Self::VideoMs,
        Self::AudioMs,
        Self::MuxedMs,
        Self::ResponsesReceived,
        Self::RecordsLate,
        Self::RecordsClamped,
        Self::MembersRejected,
        Self::Duplicates,
    ];

    /// From the block's unit to the row's: kbit/s become bit/s.
    pub(crate) const fn scale(self) -> i64 {
        match self {
            Self::VideoWeighted
            | Self::VideoBitrate
            | Self::AudioWeighted
            | Self::AudioBitrate
            | Self::MuxedWeighted
            | Self::MuxedBitrate
            | Self::Throughput => 1000,
            _ => 1,
        }
    }
}

/// A measurement of which the largest or smallest value counts; it means nothing while the count beside it is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Extreme {
    TtfbMax,
    TimeTakenMax,
    ThroughputMin,
    BufferMin,
}

/// How many [`Extreme`]s there are.
pub(crate) const EXTREMES: usize = Extreme::BufferMin as usize + 1;

impl Extreme {
    pub(crate) const ALL: [Self; EXTREMES] = [Self::TtfbMax, Self::TimeTakenMax, Self::ThroughputMin, Self::BufferMin];

    /// The count that says whether there is a value.
    pub(crate) const fn count(self) -> Sum {
        match self {
            Self::TtfbMax => Sum::TtfbCount,
            Self::TimeTakenMax => Sum::TimeTakenCount,
            Self::ThroughputMin => Sum::ThroughputCount,
            Self::BufferMin => Sum::BufferCount,
        }
    }

    /// The one of two values that counts.
    pub(crate) fn choose(self, left: i64, right: i64) -> i64 {
        match self {
            Self::TtfbMax | Self::TimeTakenMax => left.max(right),
            Self::ThroughputMin | Self::BufferMin => left.min(right),
        }
    }

    /// From the block's unit to the row's.
    pub(crate) const fn scale(self) -> i64 {
        match self {
            Self::ThroughputMin => 1000,
            _ => 1,
        }
    }
}

/// Sums, then extremes.
const VALUES: usize = SUMS + EXTREMES;

/// One block of measurements.
#[derive(Clone, Debug)]
pub(crate) enum Counters {
    Narrow(Narrow),
    Wide(Box<[i64; VALUES]>),
}

/// A block in which nothing is large.
#[derive(Clone, Debug, Default)]
pub(crate) struct Narrow {
    counts: [u8; COUNTS],
    /// What follows the counts.
    amounts: [u32; VALUES - COUNTS],
}

impl Narrow {
    #[inline]
    fn value(&self, index: usize) -> i64 {
        let count = self.counts.get(index).copied().map(i64::from);
        count.or_else(|| self.amounts.get(index.checked_sub(COUNTS)?).copied().map(i64::from)).unwrap_or(0)
    }

    /// Returns whether the value has its place.
    #[inline]
    fn set(&mut self, index: usize, value: i64) -> bool {
        if let Some(place) = self.counts.get_mut(index) {
            return u8::try_from(value).map(|value| *place = value).is_ok();
        }
        let place = index.checked_sub(COUNTS).and_then(|index| self.amounts.get_mut(index));
        place.is_some_and(|place| u32::try_from(value).map(|value| *place = value).is_ok())
    }

    fn values(&self) -> [i64; VALUES] {
        std::array::from_fn(|index| self.value(index))
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::Narrow(Narrow::default())
    }
}

impl Counters {
    /// Adds to a sum. Saturates at the end of the 64-bit range.
    #[inline]
    pub(crate) fn add(&mut self, sum: Sum, amount: u64) {
        self.add_at(sum as usize, amount);
    }

    #[inline]
    fn add_at(&mut self, index: usize, amount: u64) {
        if let Self::Narrow(values) = self
            && let Some(total) = values.value(index).checked_add_unsigned(amount)
            && values.set(index, total)
        {
            return;
        }
        self.add_wide(index, amount);
    }

    /// Adds one.
    #[inline]
    pub(crate) fn count(&mut self, sum: Sum) {
        self.add(sum, 1);
    }

    /// Takes `value` into an extreme. Must come before its count is increased.
    #[inline]
    pub(crate) fn extreme(&mut self, extreme: Extreme, value: u64) {
        let index = SUMS + extreme as usize;
        let first = self.get(extreme.count()) == 0;
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let chosen = if first { value } else { extreme.choose(self.value(index), value) };
        if let Self::Narrow(values) = self
            && values.set(index, chosen)
        {
            return;
        }
        if let Some(slot) = self.widen().get_mut(index) {
            *slot = chosen;
        }
    }

    /// Adds another block.
    pub(crate) fn merge(&mut self, other: &Self) {
        for extreme in Extreme::ALL {
            if other.get(extreme.count()) > 0 {
                self.extreme(extreme, other.value(SUMS + extreme as usize).unsigned_abs());
            }
        }
        for index in 0..SUMS {
            self.add_at(index, other.value(index).unsigned_abs());
        }
    }

    /// The value of a sum, in the block's unit.
    #[inline]
    pub(crate) fn get(&self, sum: Sum) -> i64 {
        self.value(sum as usize)
    }

    #[inline]
    fn value(&self, index: usize) -> i64 {
        match self {
            Self::Narrow(values) => values.value(index),
            Self::Wide(values) => values.get(index).copied().unwrap_or(0),
        }
    }

    #[cold]
    fn add_wide(&mut self, index: usize, amount: u64) {
        if let Some(value) = self.widen().get_mut(index) {
            *value = value.saturating_add(i64::try_from(amount).unwrap_or(i64::MAX));
        }
    }

    #[cold]
    fn widen(&mut self) -> &mut [i64] {
        if let Self::Narrow(values) = self {
            *self = Self::Wide(Box::new(values.values()));
        }
        match self {
            Self::Wide(values) => values.as_mut_slice(),
            Self::Narrow(_) => &mut [],
        }
    }
}

/// A measurement that adds up, and that only a whole session can tell: by what it did before, or by one choice for all of its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum LifeSum {
    /// Playing time of the media delivered, counted in one class per session.
    MediaMs,
    /// Clusters of starved requests.
    Starvations,
    PlayMs,
    StallMs,
    Stalls,
    StartupMs,
    Startups,
    StartupApproxMs,
    StartupsApprox,
    SeekMs,
    DroppedFrames,
    ReportsLost,
    PlayerErrors,
}

/// How many [`LifeSum`]s there are.
pub(crate) const LIFE_SUMS: usize = LifeSum::PlayerErrors as usize + 1;

/// The merged measurements of a row, in the units of the blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) sums: [i64; SUMS],
    pub(crate) extremes: [i64; EXTREMES],
    pub(crate) life: [i64; LIFE_SUMS],
}

impl Default for Totals {
    fn default() -> Self {
        Self { sums: [0; SUMS], extremes: [0; EXTREMES], life: [0; LIFE_SUMS] }
    }
}

impl Totals {
    pub(crate) fn get(&self, sum: Sum) -> i64 {
        self.sums.get(sum as usize).copied().unwrap_or(0)
    }

    pub(crate) fn set(&mut self, sum: Sum, value: i64) {
        if let Some(total) = self.sums.get_mut(sum as usize) {
            *total = value;
        }
    }

    pub(crate) fn life(&self, sum: LifeSum) -> i64 {
        self.life.get(sum as usize).copied().unwrap_or(0)
    }

    /// Adds to a measurement of the session's life.
    pub(crate) fn add_life(&mut self, sum: LifeSum, amount: i64) {
        if let Some(total) = self.life.get_mut(sum as usize) {
            *total = total.saturating_add(amount);
        }
    }

    pub(crate) fn extreme_value(&self, extreme: Extreme) -> i64 {
        self.extremes.get(extreme as usize).copied().unwrap_or(0)
    }

    /// Adds a block.
    pub(crate) fn absorb(&mut self, counters: &Counters) {
        for extreme in Extreme::ALL {
            self.extreme(extreme, counters.value(SUMS + extreme as usize), counters.get(extreme.count()));
        }
        match counters {
            Counters::Narrow(values) => {
                let (counts, amounts) = self.sums.split_at_mut(COUNTS);
                for (total, value) in counts.iter_mut().zip(&values.counts) {
                    *total = total.saturating_add(i64::from(*value));
                }
                for (total, value) in amounts.iter_mut().zip(&values.amounts) {
                    *total = total.saturating_add(i64::from(*value));
                }
            }
            Counters::Wide(values) => {
                for (total, value) in self.sums.iter_mut().zip(values.iter()) {
                    *total = total.saturating_add(*value);
                }
            }
        }
    }

    /// Adds other totals.
    pub(crate) fn merge(&mut self, other: &Self) {
        for extreme in Extreme::ALL {
            self.extreme(extreme, other.extreme_value(extreme), other.get(extreme.count()));
        }
        let (totals, values) = (self.sums.iter_mut().chain(&mut self.life), other.sums.iter().chain(&other.life));
        for (total, value) in totals.zip(values) {
            *total = total.saturating_add(*value);
        }
    }

    /// Must come before the sums are added, since the count tells whether there is a value yet.
    fn extreme(&mut self, extreme: Extreme, value: i64, count: i64) {
        let own = self.get(extreme.count());
        let Some(slot) = self.extremes.get_mut(extreme as usize) else { return };
        *slot = match (own, count) {
            (_, 0) => *slot,
            (0, _) => value,
            _ => extreme.choose(*slot, value),
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_block_that_overflows_widens_and_stays_right() {
        let mut counters = Counters::default();
        (0..=u32::from(u8::MAX)).for_each(|_| counters.count(Sum::Requests));
        counters.add(Sum::Bytes, 5);
        counters.extreme(Extreme::BufferMin, 9);
        assert_eq!((counters.get(Sum::Requests), counters.get(Sum::Bytes)), (256, 5));
        assert!(matches!(counters, Counters::Wide(_)));
        let mut counters = Counters::default();
        counters.add(Sum::Bytes, u64::from(u32::MAX));
        counters.count(Sum::Requests);
        counters.add(Sum::Bytes, 2);
        counters.add(Sum::Bytes, 5_000_000_000);
        assert_eq!(counters.get(Sum::Bytes), 4_294_967_297 + 5_000_000_000);
        assert_eq!(counters.get(Sum::Requests), 1);
    }

    #[test]
    fn every_sum_is_written_once() {
        let mut written = Sum::WRITTEN.map(|sum| sum as usize);
        written.sort_unstable();
        assert_eq!(written, std::array::from_fn(|index| index));
    }

    #[test]
    fn extremes_ignore_blocks_without_a_value() {
        let mut with_value = Counters::default();
        with_value.extreme(Extreme::BufferMin, 700);
        with_value.count(Sum::BufferCount);
        with_value.extreme(Extreme::BufferMin, 900);
        with_value.count(Sum::BufferCount);
        let mut totals = Totals::default();
        totals.absorb(&Counters::default());
        totals.absorb(&with_value);
        totals.absorb(&Counters::default());
        assert_eq!(totals.extremes, [0, 0, 0, 700]);
        let mut merged = Totals::default();
        merged.merge(&totals);
        merged.merge(&Totals::default());
        assert_eq!(merged, totals);
    }
}
