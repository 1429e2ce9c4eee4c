//! Which ids a window has seen: 64 bits of each, exactly.
//!
//! R1  An id is new once, whatever number of them was expected.
//! R2  As many ids as were expected take a quarter more than their tables when full. One table for all would take up to twice of that,
//!     because tables double, and there is one such set in each window of each partition.

use std::hash::BuildHasher;

use hashbrown::HashSet;

/// Fewer ids than these are in one table.
const FEW: usize = 1024;
/// More of them are in about so many tables, or twice as many at most.
const TABLES: usize = 8;

/// A set of ids, which are published hashes: all of their bits count.
#[derive(Debug)]
pub(super) struct SeenIds<H> {
    /// At least one.
    tables: Vec<HashSet<u64, H>>,
}

impl<H: BuildHasher + Clone> SeenIds<H> {
    /// With room for so many.
    pub(super) fn with_room(expected: usize, hasher: &H) -> Self {
        let (tables, room) = match expected {
            ..FEW => (1, expected),
            _ => {
                // Seven of eight places of a table are taken before it doubles.
                let room = (expected / TABLES).next_power_of_two() / 2 / 8 * 7;
                (expected.div_ceil(room), room)
            }
        };
        Self { tables: (0..tables).map(|_| HashSet::with_capacity_and_hasher(room, hasher.clone())).collect() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.tables.iter().map(HashSet::len).sum()
    }

    /// Enters an id; whether it is new.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        // The upper half of the product is the id, scaled to the number of tables. Tables have a hash of their own, keyed at random: ids
        // that were made for one table fill it, no more.
        let scaled = u128::from(id) * self.tables.len() as u128;
        self.tables.get_mut((scaled >> u64::BITS) as usize).is_some_and(|table| table.insert(id))
    }
}

#[cfg(test)]
mod tests {
    use foldhash::fast::RandomState;
    use proptest::prelude::*;

    use super::*;
    use crate::model::hash::stable_hash;

    proptest! {
        #[test]
        fn an_id_is_new_once(numbers in prop::collection::vec(0..900_u64, 0..1500), expected in 0..5000_usize) {
            let mut seen = SeenIds::with_room(expected, &RandomState::default());
            let mut truth = std::collections::HashSet::new();
            for number in numbers {
                // Also the ends of the range, which would fall beside the tables if any did.
                let id = match number {
                    0 => 0,
                    1 => u64::MAX,
                    _ => stable_hash(&number.to_le_bytes()),
                };
                prop_assert_eq!(seen.insert(id), truth.insert(id));
            }
            prop_assert_eq!(seen.len(), truth.len());
        }
    }

    #[test]
    fn room_for_what_is_expected_is_little_more() {
        for expected in [1_024, 3_000, 60_000, 114_000, 125_000, 140_000, 229_000, 1_000_000] {
            let seen = SeenIds::with_room(expected, &RandomState::default());
            let room: usize = seen.tables.iter().map(HashSet::capacity).sum();
            assert!(room >= expected && room * 4 <= expected * 5, "{room} for {expected}");
        }
    }
}
