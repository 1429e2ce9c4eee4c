//! Time stamps of session rows: unique among all rows of a partition and window, and the same after every replay.

use crate::model::Boundary;
use crate::model::hash::stable_hash;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// What names a session among those of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named<'a> {
    pub(super) id: &'a [u8],
    pub(super) tenant: &'a str,
}

/// The index of each session with the time stamp of its row, in order of time stamp: from + hash(id) mod length, ties moved on by 1 ns
/// in order of id, wrapping at the length.
pub(super) fn place<'a>(
    count: usize,
    named: impl Fn(u32) -> Option<Named<'a>>,
    from: Boundary,
    length_ms: i64,
) -> Vec<(u32, i64)> {
    let length_ns = length_ms.saturating_mul(NANOS_PER_MILLI);
    let from_ns = from.as_millis().saturating_mul(NANOS_PER_MILLI);
    let mut wanted: Vec<(i64, u32)> = (0..u32::try_from(count).unwrap_or(u32::MAX))
        .map(|index| {
            let id = named(index).map_or(&[][..], |session| session.id);
            let hash = stable_hash(id) % length_ns.unsigned_abs().max(1);
            (i64::try_from(hash).unwrap_or(0), index)
        })
        .collect();
    wanted.sort_unstable_by(|left, right| left.0.cmp(&right.0).then_with(|| named(left.1).cmp(&named(right.1))));
    let mut placed = Vec::with_capacity(wanted.len());
    let mut wrapped = Vec::new();
    let mut next_free = 0;
    for (offset, index) in wanted {
        let offset = offset.max(next_free);
        if offset >= length_ns {
            wrapped.push(index);
            continue;
        }
        next_free = offset + 1;
        placed.push((index, from_ns + offset));
    }
    wrap_around(&mut placed, &wrapped, from_ns);
    placed
}

/// Those that ran over the end of the window take the first free places from its start.
fn wrap_around(placed: &mut Vec<(u32, i64)>, wrapped: &[u32], from_ns: i64) {
    let mut candidate = from_ns;
    let mut at = 0;
    for index in wrapped {
        while placed.get(at).is_some_and(|(_, taken)| *taken == candidate) {
            candidate += 1;
            at += 1;
        }
        placed.insert(at, (*index, candidate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_run_over_the_end_take_the_first_free_places() {
        let mut placed = vec![(0, 100), (1, 101), (2, 103)];
        wrap_around(&mut placed, &[7, 8], 100);
        assert_eq!(placed, [(0, 100), (1, 101), (7, 102), (2, 103), (8, 104)]);
    }
}
