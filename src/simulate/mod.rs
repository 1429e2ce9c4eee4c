//! Simulated viewers and calls: what a fleet's logs, players, analytics plug-ins and peer connections would put on the bus, from a seed.
//!
//! R1  The same scenario, seed and start give the same records, byte for byte, on every platform: integers only, no map with a
//!     random order, no clock.
//! R2  Records come in order of their append time, and none is appended before what it tells of has happened (wrong clocks of
//!     clients aside).
//! R3  What one viewer (or participant of a call) does never depends on who else is there.
//! R4  A record becomes bytes when it is appended: a viewer takes some hundred bytes, a participant a kilobyte or two, and so does what
//!     is on its way to the bus.

mod audience;
mod cmcd;
mod facts;
mod fleet;
mod kaltura;
mod log_line;
pub mod pace;
mod play;
mod random;
mod render;
mod scenario;
mod viewer;
mod webrtc;
mod world;
mod write;

use crate::model::EventTime;

pub use fleet::Fleet;
pub use kaltura::{PlayerScenario, Players, catalogue as kaltura_catalogue};
pub use log_line::CLOUDFRONT_FIELDS;
pub use scenario::{BadEdge, Carrier, Delays, FlashCrowd, Scenario, Situation};
pub use webrtc::{CallScenario, Calls, Oddities};

use audience::Surroundings;
use facts::Draft;
use play::{Cast, Play};
use random::Random;
use render::Renderer;
use viewer::Viewer;
use world::World;

/// One record for the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedRecord {
    /// `qoe.cmcd`, `qoe.cmcd.logs`, `qoe.webrtc`, `qoe.kaltura` or `qoe.catalogue`.
    pub topic: &'static str,
    /// The session id; `None` where the carrier does not show it. Of calls `app|call|participant`, of Kaltura's players `partner|session`, of
    /// their catalogue `partner|entry`.
    pub key: Option<Vec<u8>>,
    /// Record headers: the carrier, and for reports when and through which edge the collector got them.
    pub headers: Vec<(&'static str, String)>,
    /// What the carrier says it is.
    pub value: Vec<u8>,
    /// When it is appended, in milliseconds since the Unix epoch.
    pub append_ms: i64,
    /// The time that the record itself gives, in milliseconds since the Unix epoch: the start of the request (log lines), `ts` of
    /// the first event (bodies) or of the envelope (calls), when the collector got it (what has no time of its own). Wrong where the
    /// client's clock is.
    pub event_ms: i64,
}

/// The stream of records of a scenario.
#[derive(Debug)]
pub struct Simulation(Play<Viewers>);

impl Simulation {
    /// A simulation that begins at `start`.
    pub fn new(scenario: Scenario, seed: u64, start: EventTime) -> Self {
        let start_ms = start.as_millis();
        let world = World::new(&scenario, start_ms);
        let mut arrivals = Random::branch(seed, 1);
        let mut viewers = Vec::new();
        let mut entrances = Vec::new();
        let mut arrive = |joins_ms: i64, is_of_the_crowd: bool| {
            viewers.push(Viewer::new(seed, viewers.len() as u64 + 2, is_of_the_crowd));
            entrances.push(joins_ms);
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
        let cast = Viewers { scenario, world, end_ms, viewers, renderer: Renderer::default() };
        Self(Play::new(cast, end_ms, &entrances, Random::branch(seed, 0)))
    }

    /// The name of the edge that goes bad, as its records have it.
    pub fn bad_edge(&self) -> Option<&str> {
        self.0.cast().world.bad_edge()
    }
}

impl Iterator for Simulation {
    type Item = SimulatedRecord;

    fn next(&mut self) -> Option<SimulatedRecord> {
        self.0.next()
    }
}

/// All viewers, and what they have in common.
#[derive(Debug)]
struct Viewers {
    scenario: Scenario,
    world: World,
    end_ms: i64,
    viewers: Vec<Viewer>,
    renderer: Renderer,
}

impl Cast for Viewers {
    type Draft = Draft;

    fn act(&mut self, who: u32, now_ms: i64, drafts: &mut Vec<Draft>) -> Option<i64> {
        let around = Surroundings { scenario: &self.scenario, world: &self.world, end_ms: self.end_ms };
        self.viewers.get_mut(who as usize)?.act(now_ms, &around, drafts)
    }

    fn received_ms(draft: &Draft) -> i64 {
        draft.received_ms
    }

    fn is_log(draft: &Draft) -> bool {
        draft.carrier().is_log()
    }

    fn ways(&self) -> (&Delays, u32) {
        (&self.scenario.delays, self.scenario.duplicates_permille)
    }

    fn render(&mut self, draft: &Draft, append_ms: i64) -> SimulatedRecord {
        self.renderer.render(draft, append_ms, &self.world)
    }
}
