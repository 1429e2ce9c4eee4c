//! What is simulated of Kaltura's players: how many watch, and what happens to them.

use super::Players;
use crate::model::EventTime;
use crate::simulate::scenario::{BadEdge, Delays, FlashCrowd, Situation};

/// All that the simulation of players depends on beside seed and start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerScenario {
    /// Viewers at a time, outside a flash crowd. One who leaves is soon replaced.
    pub viewers: u32,
    /// Simulated time; what was sent in it is still appended after it.
    pub duration_ms: i64,
    /// Over how long the first viewers come.
    pub ramp_ms: u32,
    /// From when on the viewers of the first network stall and fail.
    pub bad_network: Option<BadEdge>,
    /// A crowd comes to the first live stream.
    pub flash_crowd: Option<FlashCrowd>,
    /// Of a thousand beacons, so many are lost: players never send one again.
    pub lost_permille: u32,
    /// Of a thousand records, so many are appended twice.
    pub duplicates_permille: u32,
    /// The ways to the bus: of these, those of reports count.
    pub delays: Delays,
}

impl PlayerScenario {
    /// A steady audience that loses few beacons.
    pub const fn steady(viewers: u32, duration_ms: i64) -> Self {
        Self {
            viewers,
            duration_ms,
            ramp_ms: 10_000,
            bad_network: None,
            flash_crowd: None,
            lost_permille: 5,
            duplicates_permille: 0,
            delays: Delays::STEADY,
        }
    }

    /// This scenario with something more that happens. Beacons have no clock that could be wrong.
    #[must_use]
    pub fn with(mut self, situation: Situation) -> Self {
        let a_third_in = self.duration_ms / 3;
        match situation {
            Situation::Steady | Situation::ClockSkew => {}
            Situation::BadEdge => self.bad_network = Some(BadEdge { from_ms: a_third_in }),
            Situation::FlashCrowd => self.flash_crowd = Some(FlashCrowd::beside(self.viewers, a_third_in)),
            Situation::Duplicates => self.duplicates_permille = 20,
            Situation::Disorder => self.delays.disturb(),
        }
        self
    }

    /// How many viewers give about `records_per_second` in steady state, measured on a small simulation.
    pub fn viewers_for(records_per_second: u32) -> u32 {
        const SAMPLE_VIEWERS: u32 = 400;
        const SAMPLE_MS: i64 = 180_000;
        const SETTLED_MS: i64 = 60_000;

        let records = Players::new(Self::steady(SAMPLE_VIEWERS, SAMPLE_MS), 0, EventTime::from_millis(0));
        let settled = records.filter(|record| (SETTLED_MS..SAMPLE_MS).contains(&record.append_ms)).count() as u64;
        let wanted = u64::from(records_per_second) * (SAMPLE_MS - SETTLED_MS).cast_unsigned() / 1000;
        let viewers = (wanted * u64::from(SAMPLE_VIEWERS)).div_ceil(settled.max(1));
        u32::try_from(viewers).unwrap_or(u32::MAX)
    }
}
