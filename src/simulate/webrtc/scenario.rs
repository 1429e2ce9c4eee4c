//! What is simulated of calls: how many take part, where, and what happens to them.

use crate::simulate::scenario::{BadEdge, Delays, FlashCrowd, Situation};

/// Between two reports of a peer connection, unless a scenario says otherwise.
const INTERVAL_MS: u32 = 5_000;

/// What is rare, but never absent in the field: of a thousand reports of a participant, so many come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddities {
    /// The participant mutes; half a minute or so later they speak again.
    pub mutes_permille: u32,
    /// Both peer connections are lost and made anew: the same names, all counters from 0, and half of the time the same SSRCs. A third of the
    /// time the page was loaded again: no event tells of it, and reports are numbered from 0 too.
    pub reconnects_permille: u32,
    /// The tab sleeps: no report for 90 s, then one, while the call went on.
    pub sleeps_permille: u32,
    /// The SFU takes the video away for some seconds: its `inbound-rtp` is gone, and comes back with the same id and SSRC and counters from 0.
    pub inactive_permille: u32,
    /// Packets that were counted as lost arrive after all, so that `packetsLost` falls.
    pub late_packets_permille: u32,
    /// One object has no `type`.
    pub typeless_permille: u32,
}

impl Oddities {
    /// As often as in the field, more or less.
    pub const RARE: Self = Self {
        mutes_permille: 15,
        reconnects_permille: 2,
        sleeps_permille: 1,
        inactive_permille: 3,
        late_packets_permille: 5,
        typeless_permille: 1,
    };

    /// None of them.
    pub const NONE: Self = Self {
        mutes_permille: 0,
        reconnects_permille: 0,
        sleeps_permille: 0,
        inactive_permille: 0,
        late_packets_permille: 0,
        typeless_permille: 0,
    };
}

/// All that the simulation of calls depends on beside seed and start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallScenario {
    /// Participants at a time, outside a flash crowd, in calls of two to eight. One who leaves is soon replaced.
    pub participants: u32,
    /// Regions; there are six at most.
    pub regions: u16,
    /// SFUs in each region.
    pub edges: u16,
    /// Simulated time; what was reported in it is still appended after it.
    pub duration_ms: i64,
    /// Over how long the first participants join.
    pub ramp_ms: u32,
    /// Between two reports of a peer connection.
    pub interval_ms: u32,
    /// Of a thousand participants, so many send their video in three layers.
    pub simulcast_permille: u32,
    /// The SFUs of the first region go bad.
    pub bad_region: Option<BadEdge>,
    /// A crowd comes to look on at one call.
    pub flash_crowd: Option<FlashCrowd>,
    /// Of a thousand participants, so many have a wrong clock.
    pub skewed_clocks_permille: u32,
    /// Of a thousand participants, so many are recorders on the SFUs' hosts, whose clock counts from their start.
    pub monotonic_clocks_permille: u32,
    /// Of a thousand records, so many are appended twice.
    pub duplicates_permille: u32,
    /// What is rare.
    pub oddities: Oddities,
    /// The ways to the bus: of these, those of reports count.
    pub delays: Delays,
}

impl CallScenario {
    /// Steady calls in four regions of two SFUs each, half of the participants with simulcast.
    pub const fn steady(participants: u32, duration_ms: i64) -> Self {
        Self {
            participants,
            regions: 4,
            edges: 2,
            duration_ms,
            ramp_ms: 10_000,
            interval_ms: INTERVAL_MS,
            simulcast_permille: 500,
            bad_region: None,
            flash_crowd: None,
            skewed_clocks_permille: 0,
            monotonic_clocks_permille: 0,
            duplicates_permille: 0,
            oddities: Oddities::RARE,
            delays: Delays::STEADY,
        }
    }

    /// This scenario with something more that happens.
    #[must_use]
    pub fn with(mut self, situation: Situation) -> Self {
        let a_third_in = self.duration_ms / 3;
        match situation {
            Situation::Steady => {}
            Situation::BadEdge => self.bad_region = Some(BadEdge { from_ms: a_third_in }),
            Situation::FlashCrowd => self.flash_crowd = Some(FlashCrowd::beside(self.participants, a_third_in)),
            Situation::ClockSkew => {
                self.skewed_clocks_permille = 100;
                self.monotonic_clocks_permille = 50;
            }
            Situation::Duplicates => self.duplicates_permille = 20,
            Situation::Disorder => self.delays.disturb(),
        }
        self
    }

    /// How many participants give about `records_per_second` in steady state: each has two peer connections.
    pub fn participants_for(records_per_second: u32) -> u32 {
        records_per_second.saturating_mul(INTERVAL_MS / 1000).div_ceil(2)
    }
}
