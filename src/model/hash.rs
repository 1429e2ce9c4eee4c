//! The published hash behind row identity, caps and deduplication: XXH3, 64 bits, seed 0.
//! Anyone can recompute it, and it never changes between builds.

use xxhash_rust::xxh3::xxh3_64;

/// XXH3-64 with seed 0 of `bytes`.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}
