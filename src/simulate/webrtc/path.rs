//! What the network between a participant and an SFU does to packets, for a stretch of time.

use crate::simulate::random::Random;

/// From when to when counters are carried on, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
}

impl Stretch {
    /// Its length; never 0, so that it can be divided by.
    pub(super) fn span_us(&self) -> u64 {
        self.to_us.saturating_sub(self.from_us).max(1).cast_unsigned()
    }
}

/// How often something happened that happens every `step_us`, up to `to_us`; `next_us` = when it happens next.
pub(super) fn ticks(next_us: &mut i64, step_us: i64, to_us: i64) -> u64 {
    if *next_us > to_us {
        return 0;
    }
    let count = (to_us - *next_us) / step_us + 1;
    *next_us += count * step_us;
    count.cast_unsigned()
}

/// The network as it is for a stretch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// Of 10,000 packets, so many are lost.
    pub(super) loss_per_10_000: u32,
    pub(super) rtt_us: u64,
    pub(super) jitter_us: u64,
    /// What gets through.
    pub(super) kbps: u64,
    /// Whether it is so bad that pictures freeze.
    pub(super) is_bad: bool,
    /// How often they freeze then, at most.
    pub(super) most_freezes: u64,
}

/// What a participant's network is like in general.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    rtt_us: u64,
    kbps: u64,
}

impl Link {
    pub(super) fn draw(random: &mut Random) -> Self {
        Self { rtt_us: random.spread(32_000), kbps: random.spread(4_500).max(1_500) }
    }

    /// The network for a stretch, of which there are as many as reports; `is_bad` = because of the SFU.
    pub(super) fn path(&self, random: &mut Random, is_bad: bool, interval_ms: u32) -> Path {
        // Up to three times in 5 s.
        let most_freezes = (u64::from(interval_ms) * 3 / 5_000).max(1);
        if is_bad || random.permille(6) {
            return Path {
                loss_per_10_000: random.between(400, 1_300) as u32,
                rtt_us: self.rtt_us * 2 + random.between(90_000, 260_000),
                jitter_us: random.spread(30_000),
                kbps: random.between(180, 520),
                is_bad: true,
                most_freezes,
            };
        }
        let is_clean = random.permille(750);
        Path {
            loss_per_10_000: if is_clean { 0 } else { random.between(1, 60) as u32 },
            rtt_us: self.rtt_us * random.between(960, 1_120) / 1000,
            jitter_us: random.spread(2_500),
            kbps: self.kbps * random.between(850, 1_000) / 1000,
            is_bad: false,
            most_freezes,
        }
    }
}
