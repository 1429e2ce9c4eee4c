//! Starvations of one session: facts about records with `bs`, kept small and sorted until the window closes, then clustered together with those of earlier windows.

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

/// The facts that open a cluster, in order: more than max(2000, 2·d of the one before) ms after the one before. What comes up to
/// `until_ms` belongs to the last cluster.
pub(crate) fn openings<'f>(facts: &'f [Starved], until_ms: &mut Option<i64>) -> impl Iterator<Item = &'f Starved> {
    facts.iter().filter(move |fact| {
        let opens = until_ms.is_none_or(|until_ms| fact.time_ms > until_ms);
        let gap = SHORTEST_GAP_MS.max(fact.duration_ms.saturating_mul(2));
        *until_ms = Some(fact.time_ms.saturating_add(gap));
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
        openings(facts, &mut None).map(|fact| fact.time_ms).collect()
    }

    #[test]
    fn a_record_opens_a_cluster_only_after_twice_the_duration_of_the_one_before() {
        assert_eq!(clusters(&[fact(0, 0), fact(2000, 0), fact(4001, 0)]), [0, 4001]);
        assert_eq!(clusters(&[fact(0, 4000), fact(8000, 0), fact(10_001, 0)]), [0, 10_001]);
        assert_eq!(clusters(&[fact(0, 4000), fact(8001, 0)]), [0, 8001]);
        assert_eq!(clusters(&[]), [0_i64; 0]);
    }

    #[test]
    fn a_cluster_goes_on_in_the_next_window() {
        let mut until_ms = None;
        let mut clusters =
            |facts: &[Starved]| openings(facts, &mut until_ms).map(|fact| fact.time_ms).collect::<Vec<_>>();
        assert_eq!(clusters(&[fact(9_000, 1_500)]), [9_000]);
        assert_eq!(clusters(&[fact(12_000, 0), fact(14_001, 0)]), [14_001]);
    }
}
