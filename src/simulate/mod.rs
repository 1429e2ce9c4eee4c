//! Simulated viewers: what a fleet's logs and players would put on the bus, from a seed.
//!
//! R1  The same scenario, seed and start give the same records, byte for byte, on every platform: integers only, no map with a
//!     random order, no clock.
//! R2  Records come in order of their append time, and none is appended before what it tells of has happened (wrong clocks of
//!     clients aside).
//! R3  What one viewer does never depends on who else is watching.
//! R4  A record becomes bytes when it is appended: a viewer takes some hundred bytes, and so does what is on its way to the bus.

mod audience;
mod cmcd;
mod facts;
mod log_line;
pub mod pace;
mod random;
mod render;
mod scenario;
mod viewer;
mod world;
mod write;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::EventTime;

pub use log_line::CLOUDFRONT_FIELDS;
pub use scenario::{BadEdge, Carrier, Delays, FlashCrowd, Scenario, Situation};

use audience::Surroundings;
use facts::Draft;
use random::Random;
use render::Renderer;
use viewer::Viewer;
use world::World;

/// One record for the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedRecord {
    /// `qoe.cmcd` or `qoe.cmcd.logs`.
    pub topic: &'static str,
    /// The session id; `None` where the carrier does not show it.
    pub key: Option<Vec<u8>>,
    /// Record headers: the carrier, and for reports when and through which edge the collector got them.
    pub headers: Vec<(&'static str, String)>,
    /// What the carrier says it is.
    pub value: Vec<u8>,
    /// When it is appended, in milliseconds since the Unix epoch.
    pub append_ms: i64,
    /// The time that the record itself gives, in milliseconds since the Unix epoch: the start of the request (log lines), `ts` of
    /// the first event (bodies), when the collector got it (what has no time of its own). Wrong where the client's clock is.
    pub event_ms: i64,
}

/// Something due at a time: `order` decides among equals, `place` says where it is kept.
type Due = Reverse<(i64, u64, u32)>;

/// The stream of records of a scenario.
#[derive(Debug)]
pub struct Simulation {
    scenario: Scenario,
    world: World,
    /// No action begins at or after this.
    end_ms: i64,
    viewers: Vec<Viewer>,
    /// When each viewer acts next; `order` and `place` are both the viewer's index.
    agenda: BinaryHeap<Due>,
    outbox: Outbox,
    renderer: Renderer,
    /// What an action yields, before it is given its way to the bus.
    drafts: Vec<Draft>,
    /// Draws delays and duplicates.
    courier: Random,
}

impl Simulation {
    /// A simulation that begins at `start`.
    pub fn new(scenario: Scenario, seed: u64, start: EventTime) -> Self {
        let start_ms = start.as_millis();
        let world = World::new(&scenario, start_ms);
        let mut arrivals = Random::branch(seed, 1);
        let mut viewers = Vec::new();
        let mut agenda = BinaryHeap::new();
        let mut arrive = |joins_ms: i64, is_of_the_crowd: bool| {
            let index = viewers.len() as u32;
            viewers.push(Viewer::new(seed, u64::from(index) + 2, is_of_the_crowd));
            agenda.push(Reverse((joins_ms, u64::from(index), index)));
        };
        for _ in 0..scenario.viewers {
            arrive(start_ms + arrivals.below(u64::from(scenario.ramp_ms) + 1).cast_signed(), false);
        }
        if let Some(crowd) = scenario.flash_crowd {
            let within_ms = crowd.within_ms.max(0).cast_unsigned();
            for _ in 0..crowd.viewers {
                arrive(start_ms + crowd.from_ms + arrivals.below(within_ms + 1).cast_signed(), true);
            }
        }
        Self {
            end_ms: start_ms.saturating_add(scenario.duration_ms),
            scenario,
            world,
            viewers,
            agenda,
            outbox: Outbox::default(),
            renderer: Renderer::default(),
            drafts: Vec::new(),
            courier: Random::branch(seed, 0),
        }
    }

    /// The name of the edge that goes bad, as its records have it.
    pub fn bad_edge(&self) -> Option<&str> {
        self.world.bad_edge()
    }

    /// Lets the next viewer act. Returns false when nobody will any more.
    fn act(&mut self) -> bool {
        let Some(Reverse((now_ms, _, index))) = self.agenda.pop() else { return false };
        if now_ms >= self.end_ms {
            self.agenda.clear();
            return false;
        }
        let around = Surroundings { scenario: &self.scenario, world: &self.world, end_ms: self.end_ms };
        let Some(viewer) = self.viewers.get_mut(index as usize) else { return true };
        if let Some(next_ms) = viewer.act(now_ms, &around, &mut self.drafts) {
            self.agenda.push(Reverse((next_ms, u64::from(index), index)));
        }
        for draft in self.drafts.drain(..) {
            let append_ms = draft.received_ms + delay_ms(&mut self.courier, &draft, &self.scenario.delays);
            if self.courier.permille(self.scenario.duplicates_permille) {
                let again_ms = append_ms + self.courier.between(1, 2_000).cast_signed();
                self.outbox.push(again_ms, draft);
            }
            self.outbox.push(append_ms, draft);
        }
        true
    }
}

impl Iterator for Simulation {
    type Item = SimulatedRecord;

    fn next(&mut self) -> Option<SimulatedRecord> {
        loop {
            let next_action_ms = self.agenda.peek().map_or(i64::MAX, |Reverse((at_ms, ..))| *at_ms);
            if let Some((append_ms, draft)) = self.outbox.pop_until(next_action_ms) {
                return Some(self.renderer.render(&draft, append_ms, &self.world));
            }
            if !self.act() && self.outbox.is_empty() {
                return None;
            }
        }
    }
}

/// From the collector, or from the end of the request, to the bus.
fn delay_ms(courier: &mut Random, draft: &Draft, delays: &Delays) -> i64 {
    let is_log = draft.carrier().is_log();
    let mut delay_ms = if is_log {
        u64::from(delays.log_least_ms) + courier.spread(u64::from(delays.log_median_ms))
    } else {
        courier.between(2, 400)
    };
    if courier.permille(delays.late_permille) {
        let grace_ms = if is_log { delays.log_grace_ms } else { delays.report_grace_ms };
        // A window of 10 s closes when the newest time is past its end by grace and disorder bound; some seconds more for the
        // delay of the newest records themselves.
        delay_ms += u64::from(grace_ms) + u64::from(delays.disorder_ms) + courier.between(15_000, 40_000);
    } else if courier.permille(delays.disorder_permille) {
        delay_ms += courier.below(u64::from(delays.disorder_ms) + 1);
    }
    delay_ms.cast_signed()
}

/// What is on its way to the bus, in order of append time; the heap holds places only, because drafts are larger.
#[derive(Debug, Default)]
struct Outbox {
    heap: BinaryHeap<Due>,
    drafts: Vec<Draft>,
    free: Vec<u32>,
    pushed: u64,
}

impl Outbox {
    fn push(&mut self, append_ms: i64, draft: Draft) {
        let free = self.free.pop().and_then(|place| Some((place, self.drafts.get_mut(place as usize)?)));
        let place = match free {
            Some((place, slot)) => {
                *slot = draft;
                place
            }
            None => {
                self.drafts.push(draft);
                (self.drafts.len() - 1) as u32
            }
        };
        self.heap.push(Reverse((append_ms, self.pushed, place)));
        self.pushed += 1;
    }

    /// The next draft, if it is appended at or before `until_ms`.
    fn pop_until(&mut self, until_ms: i64) -> Option<(i64, Draft)> {
        let Reverse((append_ms, _, place)) = *self.heap.peek()?;
        if append_ms > until_ms {
            return None;
        }
        self.heap.pop();
        self.free.push(place);
        self.drafts.get(place as usize).map(|draft| (append_ms, *draft))
    }

    fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}
