//! Starvations of one session: facts about records with `bs`, kept small and sorted until the window closes, then clustered.

/// A record that says that the buffer ran dry since the one before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Starved {
    // The order of the fields is the order of the facts.
    pub(crate) time_ms: i64,
    pub(crate) request_id: Box<str>,
    pub(crate) bytes: u64,
    /// Duration of the object that was requested, ms; 0 when unknown.
    pub(crate) duration_ms: i64,
    /// The published hash of the record's roll-up key, so that the order does not depend on the index below.
    pub(crate) key_hash: u64,
    /// The roll-up key of the record, as an index into the window's keys.
    pub(crate) key: u32,
}

/// Two facts closer than this are one starvation, whatever the object's duration (players report one stall on video and audio).
const SHORTEST_GAP_MS: i64 = 2000;

/// Puts `fact` in its place among the `limit` smallest.
pub(crate) fn keep(facts: &mut Vec<Starved>, fact: Starved, limit: usize) {
    let place = facts.partition_point(|kept| *kept < fact);
    if place >= limit {
        return;
    }
    facts.insert(place, fact);
    facts.truncate(limit);
}

/// The facts that open a cluster, in order: more than max(2000, 2·d of the one before) ms after the one before.
pub(crate) fn openings(facts: &[Starved]) -> impl Iterator<Item = &Starved> {
    let mut closed_until: Option<i64> = None;
    facts.iter().filter(move |fact| {
        let opens = closed_until.is_none_or(|until| fact.time_ms > until);
        let gap = SHORTEST_GAP_MS.max(fact.duration_ms.saturating_mul(2));
        closed_until = Some(fact.time_ms.saturating_add(gap));
        opens
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(time_ms: i64, duration_ms: i64) -> Starved {
        Starved { time_ms, request_id: "".into(), bytes: 0, duration_ms, key_hash: 0, key: 0 }
    }

    fn clusters(facts: &[Starved]) -> Vec<i64> {
        openings(facts).map(|fact| fact.time_ms).collect()
    }

    #[test]
    fn a_record_opens_a_cluster_only_after_twice_the_duration_of_the_one_before() {
        assert_eq!(clusters(&[fact(0, 0), fact(2000, 0), fact(4001, 0)]), [0, 4001]);
        assert_eq!(clusters(&[fact(0, 4000), fact(8000, 0), fact(10_001, 0)]), [0, 10_001]);
        assert_eq!(clusters(&[fact(0, 4000), fact(8001, 0)]), [0, 8001]);
        assert_eq!(clusters(&[]), [0_i64; 0]);
    }

    #[test]
    fn the_smallest_are_kept_whatever_the_order_of_arrival() {
        let mut forwards = Vec::new();
        let mut backwards = Vec::new();
        for index in 0..10 {
            keep(&mut forwards, fact(index, 0), 3);
            keep(&mut backwards, fact(9 - index, 0), 3);
        }
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.iter().map(|fact| fact.time_ms).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
