//! Promise: whatever InfluxDB does while viewers watch, away, overloaded, refusing or silent, the rows are those of the batch computation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/proof/mod.rs"]
mod proof;
mod support;

use std::time::Duration;

use proof::influx_proxy::Verdict;
use proof::line::parts;
use proof::{Trial, system_seeds};
use streamgauge::model::hash::stable_hash;
use support::{Dice, Kafka, eventually};

fn trials(scenario: &'static str) -> impl Iterator<Item = (Trial<'static>, Dice)> {
    system_seeds().map_while(move |seed| Some((Trial::begin(scenario, seed, Kafka::shared()?)?, Dice::new(seed))))
}

#[test]
fn stopped() {
    for (trial, _) in trials("InfluxDB stopped") {
        let fleet = trial.fleet(&["a", "b"]);
        let load = trial.load();
        load.await_percent(20);
        trial.influx().stop();
        load.await_percent(55);
        trial.influx().start_again();
        trial.finish(fleet, load);
    }
}

/// One in so many rows is refused for good.
const BAD_ROWS: u64 = 300;
/// The most lines that are taken at once while bodies are too large.
const MOST_LINES: usize = 10;

#[test]
fn overloaded_refusing_or_silent() {
    for (trial, mut dice) in trials("InfluxDB unwilling") {
        let mut fleet = trial.fleet(&["a", "b"]);
        let load = trial.load();
        let mut moods: [(&str, Mood); 5] =
            [("429", overloaded), ("503", unavailable), ("413", too_large), ("400", refusing), ("silent", silent)];
        dice.shuffle(&mut moods);
        for (part, (name, mood)) in [10, 26, 42, 58, 74].into_iter().zip(moods) {
            load.await_percent(part);
            let before = trial.sink.book().not_passed;
            trial.sink.rule(mood);
            load.await_percent(part + 12);
            // On a busy machine windows close late.
            let is_met = || trial.sink.book().not_passed > before;
            eventually(Duration::from_secs(60), &format!("a request that meets {name}"), is_met);
            trial.sink.pass();
        }
        // Whoever was in the middle of it when it happened begins again.
        fleet.kill_nine("b");
        trial.finish(fleet, load);
    }
}

/// How InfluxDB answers a write, by its lines.
type Mood = fn(&[&str]) -> Verdict;

fn overloaded(_: &[&str]) -> Verdict {
    Verdict::Answer(429, r#"{"code":"too many requests","message":"later"}"#.to_owned(), Some(1))
}

fn unavailable(_: &[&str]) -> Verdict {
    Verdict::Answer(503, r#"{"code":"unavailable","message":"queue is full"}"#.to_owned(), None)
}

fn too_large(lines: &[&str]) -> Verdict {
    match lines.len() {
        0..=MOST_LINES => Verdict::Pass,
        _ => Verdict::Answer(413, r#"{"code":"request too large","message":"too large"}"#.to_owned(), None),
    }
}

/// Bad is bad, whoever sends it and whenever: by the row's identity.
fn refusing(lines: &[&str]) -> Verdict {
    let is_bad = |line: &str| {
        let (series, _, timestamp) = parts(line);
        stable_hash(format!("{series} {timestamp}").as_bytes()).is_multiple_of(BAD_ROWS)
    };
    let bad: Vec<usize> = (0..lines.len()).filter(|at| is_bad(lines[*at])).collect();
    if bad.is_empty() { Verdict::Pass } else { Verdict::Refuse(bad) }
}

/// What the client has given up on is stored all the same, after it has tried again.
fn silent(_: &[&str]) -> Verdict {
    Verdict::Stray(Duration::from_secs(5))
}
