//! Promise: processes that are killed, added, taken away or halted while viewers watch leave the rows of the batch computation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/proof/mod.rs"]
mod proof;
mod support;

use proof::{Trial, system_seeds};
use support::{Dice, Kafka};

fn trials(scenario: &'static str) -> impl Iterator<Item = (Trial<'static>, Dice)> {
    system_seeds().map_while(move |seed| Some((Trial::begin(scenario, seed, Kafka::shared()?)?, Dice::new(seed))))
}

#[test]
fn killed_at_any_moment() {
    for (trial, mut dice) in trials("killed") {
        let mut fleet = trial.fleet(&["a", "b", "c"]);
        let load = trial.load();
        for part in [15, 35, 55, 75] {
            load.await_percent(part + dice.below(15));
            let running = fleet.names();
            let victim = &running[dice.below(running.len())];
            fleet.kill_nine(victim);
            if running.len() == 2 || dice.percent(60) {
                fleet.start(victim);
            }
        }
        trial.finish(fleet, load);
    }
}

#[test]
fn scaled_up_and_down() {
    for (trial, mut dice) in trials("scaled") {
        let mut fleet = trial.fleet(&["a", "b"]);
        let load = trial.load();
        for (part, newcomer) in [(15, "c"), (30, "d")] {
            load.await_percent(part + dice.below(10));
            fleet.start(newcomer);
        }
        for part in [50, 70] {
            load.await_percent(part + dice.below(10));
            let running = fleet.names();
            fleet.stop(&running[dice.below(running.len())]);
        }
        trial.finish(fleet, load);
    }
}

#[test]
fn halted_beyond_the_session_time_out() {
    for (trial, mut dice) in trials("halted") {
        let mut fleet = trial.fleet(&["a", "b", "c"]);
        let load = trial.load();
        for part in [15, 55] {
            load.await_percent(part + dice.below(10));
            let victim = dice.pick(&["a", "b", "c"]);
            let before = fleet.frontiers();
            fleet.halt(victim);
            // Every place is with another process, and goes on there.
            fleet.await_past(&before);
            fleet.resume(victim);
        }
        trial.finish(fleet, load);
    }
}
