//! How long to wait before the next try: full jitter, so that many workers that failed together do not come back together.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// The waits of one series of tries.
#[derive(Debug)]
pub(crate) struct Backoff {
    /// The longest the next wait can be.
    ceiling: Duration,
    /// The longest any wait can be.
    cap: Duration,
}

impl Backoff {
    /// The first wait is at most `base`; the bound doubles with each up to `cap`.
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self { ceiling: base.min(cap), cap }
    }

    /// The next wait: anything from nothing to the bound with equal chance.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let wait = self.ceiling.mul_f64(random_fraction());
        self.ceiling = self.ceiling.saturating_mul(2).min(self.cap);
        wait
    }
}

/// A number in [0, 1]. The standard library keys each `RandomState` differently, which is all the randomness that jitter needs.
fn random_fraction() -> f64 {
    let random = RandomState::new().hash_one(());
    (random >> 11) as f64 / (u64::MAX >> 11) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_under_a_bound_that_doubles_up_to_the_cap() {
        let mut longest = [Duration::ZERO; 6];
        for _ in 0..500 {
            let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(2));
            for slot in &mut longest {
                *slot = (*slot).max(backoff.next_wait());
            }
        }
        for (seen, bound_ms) in longest.iter().zip([250, 500, 1000, 2000, 2000, 2000]) {
            let bound = Duration::from_millis(bound_ms);
            assert!(*seen <= bound, "{seen:?} is beyond {bound:?}");
            // The chance that 500 draws all stay in the lower nine tenths is 0.9^500, about 10^-23.
            assert!(*seen > bound.mul_f64(0.9), "{seen:?} never came near {bound:?}");
        }
    }
}
