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
    }
}
