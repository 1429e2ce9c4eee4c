//! Simulated time at the pace of real time: the one place where the simulator waits.
//!
//! A millisecond of simulated time is a cell of a rate limiter, which lets `1000 × speed` of them pass each second. Up to a second of
//! real time that was lost is made up for; after a longer halt the simulation stays that much behind.

use std::num::NonZeroU32;
use std::thread;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

const MILLIS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

/// Holds a stream of records back to a multiple of real time.
#[derive(Debug)]
pub struct Pace {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// The most cells that can be asked for at once: a second's.
    cells_per_second: NonZeroU32,
    /// How far simulated time was let pass; `None` = not begun.
    reached_ms: Option<i64>,
}

impl Pace {
    /// `speed` = seconds of simulated time in a second.
    pub fn new(speed: NonZeroU32) -> Self {
        let cells_per_second = MILLIS_PER_SECOND.saturating_mul(speed);
        let limiter = RateLimiter::direct(Quota::per_second(cells_per_second));
        // A limiter begins full, which would let the first second pass in no time.
        limiter.check_n(cells_per_second).ok();
        Self { limiter, clock: DefaultClock::default(), cells_per_second, reached_ms: None }
    }

    /// Returns when simulated time may be `at_ms`. The first call sets where it begins; what lies before that passes at once.
    pub fn wait_until(&mut self, at_ms: i64) {
        let reached_ms = *self.reached_ms.get_or_insert(at_ms);
        let mut cells = at_ms.saturating_sub(reached_ms).max(0).cast_unsigned();
        while cells > 0 {
            let step = u32::try_from(cells).unwrap_or(u32::MAX).min(self.cells_per_second.get());
            self.take(step);
            cells -= u64::from(step);
        }
        self.reached_ms = Some(reached_ms.max(at_ms));
    }

    #[allow(clippy::disallowed_methods, reason = "letting time pass is what this module is for")]
    fn take(&self, cells: u32) {
        let Some(cells) = NonZeroU32::new(cells) else { return };
        // The outer error is for more cells than the limiter holds, which no step asks for.
        while let Ok(Err(too_early)) = self.limiter.check_n(cells) {
            thread::sleep(too_early.wait_time_from(self.clock.now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn simulated_time_passes_at_the_speed_that_was_asked_for() {
        let began = Instant::now();
        let mut pace = Pace::new(MILLIS_PER_SECOND);
        for at_ms in [5_000, 5_000, 4_000, 65_000, 155_000] {
            pace.wait_until(at_ms);
        }
        // 150 s at a thousandfold speed.
        let taken = began.elapsed();
        assert!(taken >= Duration::from_millis(149), "{taken:?}");
    }
}
