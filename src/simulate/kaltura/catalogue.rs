//! What can be watched: films of half a minute to an hour, and live streams, the first of each the most popular.

use crate::simulate::random::{Random, finish};

/// Films; the live streams come before them.
const FILMS: u8 = 24;
const STREAMS: u8 = 3;
/// Lengths of films that follow each other, s.
const LENGTHS_S: [i64; 6] = [300, 90, 900, 30, 1_800, 3_600];
/// Of a thousand viewers, so many watch live.
const LIVE_PERMILLE: u32 = 250;
/// How long a live stream can be rewound, ms.
pub(super) const LIVE_WINDOW_MS: i64 = 600_000;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    number: u8,
}

impl Entry {
    /// The stream that crowds come to.
    pub(super) const CROWDED: Self = Self { number: 0 };

    /// What a viewer chooses.
    pub(super) fn choose(random: &mut Random) -> Self {
        let weights = |count: u8| (1..=u32::from(count)).map(|place| 1_000 / place);
        let number = if random.permille(LIVE_PERMILLE) {
            random.weighted(weights(STREAMS))
        } else {
            usize::from(STREAMS) + random.weighted(weights(FILMS))
        };
        Self { number: number as u8 }
    }

    pub(super) const fn is_live(self) -> bool {
        self.number < STREAMS
    }

    /// The length of a film, ms.
    pub(super) fn length_ms(self) -> i64 {
        let place = usize::from(self.number.saturating_sub(STREAMS)) % LENGTHS_S.len();
        LENGTHS_S.get(place).map_or(60_000, |seconds| seconds * 1_000)
    }

    /// The number behind its name.
    pub(super) fn id(self) -> u64 {
        finish(u64::from(self.number) + 1)
    }
}
