//! Simulated players of Kaltura: what their analytics plug-ins send, from a seed.
//!
//! Viewers come, wait for the first frame or give up, play, stall, pause, seek, change speed, fail and leave; films have quarters and an end, live
//! streams an edge. Each client sends in its own way and units: browsers JSON behind a query, apps all in the query. Key: `partner|session`.
//!
//! R1  Counters are those of the plug-in (`plugin`): what players do not do, they do not say.
//! R2  A lost beacon is counted by its player and reaches nobody.
//! R3  The rules of [`crate::simulate`] hold here too.

mod audience;
mod catalogue;
mod event;
mod facts;
mod plugin;
mod render;
mod scenario;
mod viewer;

pub use catalogue::catalogue;
pub use scenario::PlayerScenario;

use super::SimulatedRecord;
use super::play::{Cast, Play};
use super::random::Random;
use super::scenario::Delays;
use crate::model::EventTime;

use facts::Draft;
use viewer::{Around, Viewer};

/// The stream of records of simulated players.
#[derive(Debug)]
pub struct Players(Play<Audience>);

impl Players {
    /// Players whose viewers come from `start` on.
    pub fn new(scenario: PlayerScenario, seed: u64, start: EventTime) -> Self {
        /// Viewers of one seed and participants of calls have nothing to do with each other.
        const BRANCH: u64 = 0x6b61_6c74_7572;

        let seed = seed ^ BRANCH;
        let start_ms = start.as_millis();
        let mut arrivals = Random::branch(seed, 1);
        let mut viewers = Vec::new();
        let mut entrances = Vec::new();
        let mut arrive = |comes_ms: i64, is_of_the_crowd: bool| {
            viewers.push(Viewer::new(seed, viewers.len() as u64 + 2, is_of_the_crowd));
            entrances.push(comes_ms);
        };
        for _ in 0..scenario.viewers {
            arrive(start_ms + arrivals.below(u64::from(scenario.ramp_ms) + 1).cast_signed(), false);
        }
        if let Some(crowd) = scenario.flash_crowd {
            for _ in 0..crowd.viewers {
                arrive(start_ms + crowd.from_ms + arrivals.below(crowd.within() + 1).cast_signed(), true);
            }
        }
        let end_ms = start_ms.saturating_add(scenario.duration_ms);
        let bad_from_ms = scenario.bad_network.map(|bad| start_ms.saturating_add(bad.from_ms));
        let cast = Audience { scenario, bad_from_ms, viewers };
        Self(Play::new(cast, end_ms, &entrances, Random::branch(seed, 0)))
    }
}

impl Iterator for Players {
    type Item = SimulatedRecord;

    fn next(&mut self) -> Option<SimulatedRecord> {
        self.0.next()
    }
}

/// All viewers, and what they have in common.
#[derive(Debug)]
struct Audience {
    scenario: PlayerScenario,
    bad_from_ms: Option<i64>,
    viewers: Vec<Viewer>,
}

impl Cast for Audience {
    type Draft = Draft;

    fn act(&mut self, who: u32, now_ms: i64, drafts: &mut Vec<Draft>) -> Option<i64> {
        let is_bad = self.bad_from_ms.is_some_and(|from_ms| now_ms >= from_ms);
        let around = Around { lost_permille: self.scenario.lost_permille, is_bad, now_ms };
        self.viewers.get_mut(who as usize)?.act(&around, drafts)
    }

    fn received_ms(draft: &Draft) -> i64 {
        draft.received_ms
    }

    fn is_log(_: &Draft) -> bool {
        false
    }

    fn ways(&self) -> (&Delays, u32) {
        (&self.scenario.delays, self.scenario.duplicates_permille)
    }

    fn render(&mut self, draft: &Draft, append_ms: i64) -> SimulatedRecord {
        render::record(draft, append_ms)
    }
}
