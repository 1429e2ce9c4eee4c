//! Who takes part: the mix of calls, devices, places and clocks.

use super::facts::{Client, Identity, Interface};
use super::scenario::CallScenario;
use super::world::{Site, World};
use crate::simulate::audience::clock_skew_ms;
use crate::simulate::random::{Random, finish};

/// What a participant's actions depend on beside the participant.
pub(super) struct Surroundings<'a> {
    pub(super) scenario: &'a CallScenario,
    pub(super) world: &'a World,
    pub(super) seed: u64,
    pub(super) start_ms: i64,
    /// No action begins at or after this.
    pub(super) end_ms: i64,
}

/// How many take part in calls that follow each other.
const SIZES: [u32; 6] = [2, 3, 4, 5, 6, 8];
/// Their sum.
const ROUND: u32 = 28;
/// The call that crowds come to.
const CROWDED: u64 = 0;

/// The number of the call that a place belongs to.
fn call_of(place: u32) -> u64 {
    let mut left = place % ROUND;
    let mut within = 0;
    for size in SIZES {
        if left < size {
            break;
        }
        left -= size;
        within += 1;
    }
    u64::from(place / ROUND) * SIZES.len() as u64 + within
}

/// The identity before anybody has joined.
pub(super) const fn nobody() -> Identity {
    Identity {
        number: 0,
        call: 0,
        app: "",
        site: Site { region: 0, edge: 0 },
        client: Client::Browser,
        clock_us: 0,
        has_camera: true,
        has_simulcast: false,
        is_slow: false,
        interface: Interface::Direct,
    }
}

/// A new participant's identity.
pub(super) fn identity(random: &mut Random, around: &Surroundings<'_>, place: u32, is_of_the_crowd: bool) -> Identity {
    let (scenario, world) = (around.scenario, around.world);
    let call = if is_of_the_crowd { CROWDED } else { call_of(place) };
    // Most of a call's participants are near each other.
    let region = if random.permille(700) { call % world.regions() } else { random.below(world.regions()) };
    let site = Site { region: region as u8, edge: random.below(u64::from(scenario.edges.max(1))) as u16 };
    let is_recorder = random.permille(scenario.monotonic_clocks_permille);
    let client = match random.below(10) {
        _ if is_recorder => Client::Recorder,
        0..6 => Client::Browser,
        _ => Client::FilteringBrowser,
    };
    let skew_us = clock_skew_ms(random, scenario.skewed_clocks_permille) * 1000;
    // A recorder has run for up to a week.
    let runs_us = around.start_ms * 1000 - random.below(7 * 24 * 3_600_000_000).cast_signed();
    Identity {
        number: random.bits(),
        call: finish(around.seed ^ call),
        app: if call.is_multiple_of(3) { "clinic" } else { "townhall" },
        site,
        client,
        clock_us: if is_recorder { -runs_us } else { skew_us },
        has_camera: !is_of_the_crowd,
        has_simulcast: random.permille(scenario.simulcast_permille),
        is_slow: random.permille(30),
        interface: match random.below(10) {
            0 => Interface::Relayed,
            1..4 => Interface::Direct,
            _ => Interface::Translated,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_two_to_eight_places_one_after_the_other() {
        let calls: Vec<u64> = (0..40).map(call_of).collect();
        assert_eq!(SIZES.iter().sum::<u32>(), ROUND);
        assert_eq!(calls[..9], [0, 0, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!(calls[20..30], [5, 5, 5, 5, 5, 5, 5, 5, 6, 6]);
    }
}
