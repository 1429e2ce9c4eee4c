//! Simulated calls: what the participants of video calls report of their peer connections, from a seed.
//!
//! Each participant of a call has two peer connections to an SFU: `pub-0` sends a microphone and a camera, `sub-0` receives the sound of the call
//! and the picture of whoever speaks. Each is reported every 5 s (or as often as the scenario says), as an envelope around what Chromium's `getStats`
//! gives, and so is what happens to it. Key: `app|call|participant`.
//!
//! R1  Counters are those of one course of events: the delays between frames add up to the time since the first one, what is concealed was lost
//!     or late, freezes are booked when the next frame renders, and nothing falls but what [`Oddities`] says.
//! R2  The rules of [`crate::simulate`] hold here too.

mod attendance;
mod connection;
mod control;
mod facts;
mod heard;
mod layer;
mod objects;
mod participant;
mod path;
mod publishing;
mod render;
mod scenario;
mod seen;
mod subscribing;
mod world;

pub use scenario::{CallScenario, Oddities};

use super::SimulatedRecord;
use super::play::{Cast, Play};
use super::random::Random;
use super::scenario::Delays;
use crate::model::EventTime;

use attendance::Surroundings;
use facts::Draft;
use participant::Participant;
use world::World;

/// The stream of records of simulated calls.
#[derive(Debug)]
pub struct Calls(Play<Participants>);

impl Calls {
    /// Calls that begin at `start`.
    pub fn new(scenario: CallScenario, seed: u64, start: EventTime) -> Self {
        /// Viewers and participants of one seed have nothing to do with each other.
        const BRANCH: u64 = 0x7765_6272_7463;

        let seed = seed ^ BRANCH;
        let start_ms = start.as_millis();
        let world = World::new(&scenario, start_ms);
        let mut arrivals = Random::branch(seed, 1);
        let mut participants = Vec::new();
        let mut entrances = Vec::new();
        let mut arrive = |joins_ms: i64, is_of_the_crowd: bool| {
            let place = participants.len() as u32;
            participants.push(Participant::new(seed, u64::from(place) + 2, place, is_of_the_crowd));
            entrances.push(joins_ms);
        };
        for _ in 0..scenario.participants {
            arrive(start_ms + arrivals.below(u64::from(scenario.ramp_ms) + 1).cast_signed(), false);
        }
        if let Some(crowd) = scenario.flash_crowd {
            for _ in 0..crowd.viewers {
                arrive(start_ms + crowd.from_ms + arrivals.below(crowd.within() + 1).cast_signed(), true);
            }
        }
        let end_ms = start_ms.saturating_add(scenario.duration_ms);
        let cast = Participants { scenario, world, seed, start_ms, end_ms, participants };
        Self(Play::new(cast, end_ms, &entrances, Random::branch(seed, 0)))
    }

    /// The name of the region that goes bad, as its records have it.
    pub fn bad_region(&self) -> Option<&'static str> {
        self.0.cast().world.bad_region()
    }
}

impl Iterator for Calls {
    type Item = SimulatedRecord;

    fn next(&mut self) -> Option<SimulatedRecord> {
        self.0.next()
    }
}

/// All participants, and what they have in common.
#[derive(Debug)]
struct Participants {
    scenario: CallScenario,
    world: World,
    seed: u64,
    start_ms: i64,
    end_ms: i64,
    participants: Vec<Participant>,
}

impl Cast for Participants {
    type Draft = Draft;

    fn act(&mut self, who: u32, now_ms: i64, drafts: &mut Vec<Draft>) -> Option<i64> {
        let Self { scenario, world, seed, start_ms, end_ms, participants } = self;
        let around = Surroundings { scenario, world, seed: *seed, start_ms: *start_ms, end_ms: *end_ms };
        participants.get_mut(who as usize)?.act(now_ms, &around, drafts)
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
        render::record(draft, append_ms, &self.world)
    }
}
