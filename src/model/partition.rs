//! Which partition a key belongs to: Kafka's default partitioner, `toPositive(murmur2(key)) % partitions`.
//!
//! The Java producer places keyed records by it. Producers on librdkafka agree when set to `partitioner=murmur2_random`. State,
//! partials and readers that look for a session's shard use the same function, so it must never change.
//! Source of the algorithm: `org.apache.kafka.common.utils.Utils.murmur2` (32-bit MurmurHash2, seed 0x9747b28c).

use std::num::NonZeroU32;

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const ROTATION: u32 = 24;

/// Kafka's murmur2 of `bytes`. Signed, because Kafka's reference values are.
pub fn murmur2(bytes: &[u8]) -> i32 {
    // Kafka keys are far below 4 GiB; the length enters the hash as 32 bits, as it does in Java.
    let mut hash = SEED ^ (bytes.len() as u32);
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> ROTATION;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |last, byte| (last << 8) | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^= hash >> 15;
    hash.cast_signed()
}

/// The partition of `key` on a topic with `partitions` partitions, counted from 0.
pub fn partition_of(key: &[u8], partitions: NonZeroU32) -> i32 {
    // Kafka clears the sign bit rather than taking the absolute value.
    let positive = murmur2(key).cast_unsigned() & 0x7fff_ffff;
    (positive % partitions).cast_signed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn agrees_with_the_vectors_of_apache_kafka() {
        // From UtilsTest.testMurmur2 in apache/kafka; lengths 2, 3, 6, 25, 27 and 48 reach every length of the tail.
        let vectors: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, expected) in vectors {
            assert_eq!(murmur2(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn the_sign_bit_is_cleared_not_negated() {
        // -973932308 is 0xc5f2_f8ec; without the sign bit 0x45f2_f8ec = 1173551340, modulo 100 that is 40. The absolute value would give 8.
        assert_eq!(partition_of(b"21", NonZeroU32::new(100).unwrap()), 40);
    }
}
