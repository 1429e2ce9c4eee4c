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
