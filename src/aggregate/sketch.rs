//! A percentile sketch: DDSketch with 1 % relative error over integers, which merges and does not depend on order.
//!
//! Its bytes hold a float sum; that stays exact, and equal sets give equal bytes, because only integers enter.

use sketches_ddsketch::{Config, DDSketch};

/// Bytes that are not a sketch.
#[derive(Debug, thiserror::Error)]
#[error(
    "{length} bytes that should be a percentile sketch are not one ({reason}): was the record written by a newer version?"
)]
pub struct Error {
    length: usize,
    reason: String,
}

/// How many values wait before they enter a sketch: with their number they take one cache line.
const WAITING: usize = 15;

/// A sketch that is being filled. There are hundreds at a time and a value comes to each only now and then, so values wait in one place
/// and enter together: the sketch's own memory is in the cache once for all of them.
#[derive(Clone, Default)]
pub(crate) struct Filling {
    waiting: [u32; WAITING],
    count: u32,
    sketch: Sketch,
}

impl Filling {
    /// Adds one value.
    pub(crate) fn add(&mut self, value: u64) {
        let Ok(short) = u32::try_from(value) else { return self.sketch.add(value) };
        if self.count as usize >= WAITING {
            self.enter();
        }
        if let Some(place) = self.waiting.get_mut(self.count as usize) {
            *place = short;
            self.count += 1;
        }
    }

    /// Adds everything that `other` has seen.
    pub(crate) fn merge(&mut self, other: Self) {
        self.sketch.merge(&other.finish());
    }

    /// The sketch of all values.
    pub(crate) fn finish(mut self) -> Sketch {
        self.enter();
        self.sketch
    }

    fn enter(&mut self) {
        for value in self.waiting.iter().take(self.count as usize) {
            self.sketch.add(u64::from(*value));
        }
        self.count = 0;
    }
}

/// A mergeable summary of integers, from which percentiles are read with 1 % relative error.
#[derive(Clone)]
pub struct Sketch {
    inner: DDSketch,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { inner: DDSketch::new(Config::defaults()) }
    }
}

impl Sketch {
    /// Adds one value. Integers up to 2^53 are exact in the sum that the encoding carries.
    #[allow(clippy::cast_precision_loss)]
    pub fn add(&mut self, value: u64) {
        self.inner.add(value as f64);
    }

    /// Adds everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        // Fails only for different configurations, and there is only the one above.
        let merged = self.inner.merge(&other.inner);
        debug_assert!(merged.is_ok());
    }

    /// How many values were added.
    pub fn count(&self) -> usize {
        self.inner.count()
    }

    /// The value below which the share `quantile` (0 to 1) of all values lies, rounded to a whole number; 0 when empty.
    #[allow(clippy::cast_possible_truncation)]
    pub fn percentile(&self, quantile: f64) -> i64 {
        match self.inner.quantile(quantile) {
            Ok(Some(value)) => value.round() as i64,
            Ok(None) | Err(_) => 0,
        }
    }

    /// The Java-compatible encoding of `DDSketchWithExactSummaryStatistics`; equal sets of values give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.inner.to_java_bytes()
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match DDSketch::from_java_bytes(bytes) {
            Ok(inner) => Ok(Self { inner }),
            Err(reason) => Err(Error { length: bytes.len(), reason: reason.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn filling_gives_the_bytes_of_adding_one_by_one() {
        let values = (0..100).map(|number| number * number * 1_000_003_u64);
        for count in [0, 1, WAITING, WAITING + 1, 100] {
            let (mut filling, mut sketch) = (Filling::default(), Sketch::default());
            for value in values.clone().take(count) {
                filling.add(value);
                sketch.add(value);
            }
            assert_eq!(filling.finish().to_bytes(), sketch.to_bytes(), "{count} values");
        }
    }
}
