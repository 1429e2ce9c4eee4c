//! The published hash behind row identity, caps and deduplication: XXH3, 64 bits, seed 0.
//! Anyone can recompute it, and it never changes between builds.

use xxhash_rust::xxh3::xxh3_64;

/// XXH3-64 with seed 0 of `bytes`.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// XXH3-64 with seed 0 of bytes that come in pieces.
#[derive(Clone, Default)]
pub struct StableHasher(xxhash_rust::xxh3::Xxh3);

impl StableHasher {
    /// Adds bytes, with their length before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds an integer.
    pub fn integer(&mut self, integer: i64) {
        self.0.update(&integer.to_le_bytes());
    }

    /// The hash of all that was added.
    pub fn finish(&self) -> u64 {
        self.0.digest()
    }
}
