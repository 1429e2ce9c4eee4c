//! Caps that do not depend on arrival: of many, the smallest are kept.

/// Puts `one` in its place among the `limit` smallest. Returns whether all are still there.
pub(super) fn keep<T: Ord>(kept: &mut Vec<T>, one: T, limit: usize) -> bool {
    let place = kept.partition_point(|other| *other < one);
    if place >= limit {
        return false;
    }
    kept.insert(place, one);
    let fits = kept.len() <= limit;
    kept.truncate(limit);
    fits
}

/// Adds `one` to what [`cut`] will sort: while they come, those that are there already need not be looked at. Returns whether all are
/// still there.
pub(super) fn gather<T: Ord>(gathered: &mut Vec<T>, one: T, limit: usize) -> bool {
    gathered.push(one);
    gathered.len() < 2 * limit || cut(gathered, limit)
}

/// Leaves the `limit` smallest, in order. Returns whether all are still there.
pub(super) fn cut<T: Ord>(gathered: &mut Vec<T>, limit: usize) -> bool {
    gathered.sort_unstable();
    let fits = gathered.len() <= limit;
    gathered.truncate(limit);
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_are_kept_whatever_the_order_of_arrival() {
        let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
        let fits: Vec<_> =
            (0..5).map(|index| (keep(&mut forwards, index, 3), keep(&mut backwards, 4 - index, 3))).collect();
        assert_eq!((&forwards, &backwards), (&vec![0, 1, 2], &vec![0, 1, 2]));
        assert_eq!(fits[2..], [(true, true), (false, false), (false, false)]);
        for (count, fits) in [(3, true), (4, false), (20, false)] {
            let mut gathered = Vec::new();
            let mut fit = true;
            for index in (0..count).rev() {
                fit &= gather(&mut gathered, index, 3);
            }
            assert_eq!((cut(&mut gathered, 3) && fit, &gathered), (fits, &vec![0, 1, 2]), "{count}");
        }
    }
}
