//! The simulator's promises: the same bytes from the same seed, records as the carriers have them, and situations that show.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fingerprint.rs"]
mod fingerprint;

use std::collections::{BTreeMap, HashMap, HashSet};

use streamgauge::model::EventTime;
use streamgauge::simulate::{CLOUDFRONT_FIELDS, Carrier, Scenario, SimulatedRecord, Simulation, Situation};

use fingerprint::fingerprint;

const START_MS: i64 = 1_767_600_000_000;

fn simulate(scenario: Scenario, seed: u64) -> Simulation {
    Simulation::new(scenario, seed, EventTime::from_millis(START_MS))
}

fn carrier(record: &SimulatedRecord) -> &str {
    &record.headers[0].1
}

fn text(record: &SimulatedRecord) -> &str {
    std::str::from_utf8(&record.value).unwrap()
}

fn real_time_lines_only(viewers: u32, duration_ms: i64) -> Scenario {
    Scenario {
        carriers: vec![(Carrier::CloudFrontRealTime, 1)],
        event_mode_permille: 0,
        ..Scenario::steady(viewers, duration_ms)
    }
}

fn column<'a>(line: &'a str, name: &str) -> &'a str {
    let index = CLOUDFRONT_FIELDS.iter().position(|field| *field == name).unwrap();
    line.split('\t').nth(index).unwrap()
}

fn everything() -> Scenario {
    use Situation::{BadEdge, ClockSkew, Disorder, Duplicates, FlashCrowd};
    let steady = Scenario::steady(2_000, 120_000);
    [BadEdge, FlashCrowd, ClockSkew, Duplicates, Disorder].into_iter().fold(steady, Scenario::with)
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let first = fingerprint(simulate(everything(), 7).take(100_000));
    // A change of this number is a change of every recorded figure that names a seed: say so in the change log.
    assert_eq!(first, 16_684_949_260_272_618_410);
    assert_ne!(first, fingerprint(simulate(everything(), 8).take(100_000)));
}

#[test]
fn records_come_in_order_of_append_time_and_after_what_they_tell_of() {
    let mut last_ms = START_MS;
    for record in simulate(Scenario { skewed_clocks_permille: 0, ..everything() }, 3).take(100_000) {
        assert!(record.append_ms >= last_ms);
        assert!(record.append_ms > record.event_ms, "{}", text(&record));
        last_ms = record.append_ms;
    }
}

#[test]
fn every_carrier_and_both_versions_are_there_and_well_formed() {
    let mut seen: BTreeMap<String, [u32; 2]> = BTreeMap::new();
    let mut keyless = 0;
    for record in simulate(Scenario::steady(500, 120_000), 1) {
        let value = text(&record);
        let name = carrier(&record);
        let is_version2 = value.contains("v=2") || value.contains("v%3D2") || value.contains("v%253D2");
        seen.entry(name.to_owned()).or_default()[usize::from(is_version2)] += 1;
        keyless += u32::from(record.key.is_none());
        let is_report = name.starts_with("cmcd-");
        assert_eq!(record.topic, if is_report { "qoe.cmcd" } else { "qoe.cmcd.logs" });
        match name {
            "cloudfront-rt" => assert_eq!(value.split('\t').count(), CLOUDFRONT_FIELDS.len(), "{value}"),
            "cloudfront-std" => assert_eq!(value.split('\t').count(), 33, "{value}"),
            "cmcd-query" => assert!(value.starts_with("CMCD=") && !value.contains(' '), "{value}"),
            "cmcd-headers" => {
                assert!(value.lines().all(|line| line.starts_with("CMCD-") && line.contains(": ")), "{value}")
            }
            "cmcd-body" => assert!(value.lines().all(|line| line.contains(",e=") && line.contains(",ts=")), "{value}"),
            _ => assert!(serde_json::from_str::<serde_json::Value>(value).unwrap().is_object(), "{value}"),
        }
        if let (Some(key), false) = (&record.key, name == "cmcd-body") {
            let session = std::str::from_utf8(key).unwrap();
            assert!(value.contains(session), "{value} is not of its key {session}");
        }
    }
    assert_eq!(seen.len(), Carrier::ALL.len(), "{seen:?}");
    for (name, [version1, version2]) in &seen {
        assert!(*version2 > 0, "{name} has no version 2");
        assert!(*version1 > 0 || name == "cmcd-body", "{name} has no version 1");
    }
    assert!(keyless > 0, "AVPlayer's headers are not in every log");
}

#[test]
fn the_bad_edge_is_bad_and_the_others_are_not() {
    let scenario = real_time_lines_only(2_000, 360_000).with(Situation::BadEdge);
    let onset_ms = START_MS + scenario.bad_edge.unwrap().from_ms;
    let simulation = simulate(scenario, 11);
    let bad_edge = simulation.bad_edge().unwrap().to_owned();
    // [at the bad edge, elsewhere], after the onset: media requests, starved ones, errors, sum of times to first byte in ms.
    let mut counts = [[0_f64; 4]; 2];
    for record in simulation.filter(|record| record.event_ms >= onset_ms) {
        let line = text(&record);
        let cmcd = format!("{}{}", column(line, "cs-uri-query"), column(line, "cs-headers"));
        let row = &mut counts[usize::from(column(line, "x-edge-location") != bad_edge)];
        let is_starved = ["%2Cbs%2C", "CMCD-Status:bs%0A", "CMCD-Status:bs,"].iter().any(|sign| cmcd.contains(sign));
        row[0] += f64::from(u8::from(cmcd.contains("bl")));
        row[1] += f64::from(u8::from(is_starved));
        row[2] += f64::from(u8::from(column(line, "sc-status").starts_with('5')));
        row[3] += column(line, "time-to-first-byte").parse::<f64>().unwrap() * 1000.0;
    }
    let share = |of: usize, edge: usize| counts[edge][of] / counts[edge][0];
    for (of, factor) in [(1, 5.0), (2, 20.0), (3, 5.0)] {
        assert!(share(of, 0) > factor * share(of, 1), "{of}: {counts:?}");
    }
    assert!(share(1, 1) > 0.0, "some starve everywhere: {counts:?}");
}

#[test]
fn duplicates_and_late_records_come_as_often_as_asked() {
    let scenario = real_time_lines_only(1_000, 300_000).with(Situation::Duplicates).with(Situation::Disorder);
    let grace_ms = i64::from(scenario.delays.log_grace_ms);
    let mut ids = HashSet::new();
    let (mut records, mut again, mut late) = (0, 0, 0);
    for record in simulate(scenario, 5) {
        records += 1;
        again += u32::from(!ids.insert(column(text(&record), "x-edge-request-id").to_owned()));
        late += u32::from(record.append_ms - record.event_ms > grace_ms);
    }
    // 20 in 1000 drafts come twice, so 20 in 1020 records are the second; 5 in 1000 are late.
    let per_1000 = |count: u32| f64::from(count) * 1000.0 / f64::from(records);
    assert!((17.6..21.6).contains(&per_1000(again)), "{again} of {records}");
    assert!((4.0..6.0).contains(&per_1000(late)), "{late} of {records}");
    let steady = simulate(real_time_lines_only(200, 60_000), 5);
    let ids: Vec<String> = steady.map(|record| column(text(&record), "x-edge-request-id").to_owned()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "request ids are unique without duplicates");
}

#[test]
fn a_flash_crowd_comes_to_one_programme_at_once() {
    let scenario = Scenario::steady(300, 180_000).with(Situation::FlashCrowd);
    let mut joined: HashMap<Vec<u8>, i64> = HashMap::new();
    for record in simulate(scenario, 2) {
        if let Some(key) = record.key {
            let first_ms = joined.entry(key).or_insert(record.event_ms);
            *first_ms = record.event_ms.min(*first_ms);
        }
    }
    let joined_in = |from_s: i64, until_s: i64| {
        joined.values().filter(|ms| (START_MS + from_s * 1000..START_MS + until_s * 1000).contains(*ms)).count()
    };
    let (before, crowd) = (joined_in(35, 55), joined_in(60, 80));
    assert!(crowd > 800 && crowd > 10 * before, "{before}, then {crowd}");
}

#[test]
fn wrong_clocks_are_minutes_or_years_off_both_ways_and_only_where_asked() {
    let offs = |scenario: Scenario| -> Vec<i64> {
        let bodies = simulate(scenario, 4).filter(|record| carrier(record) == "cmcd-body");
        bodies.map(|record| record.event_ms - record.append_ms).filter(|off_ms| off_ms.abs() > 30_000).collect()
    };
    let skewed = offs(Scenario::steady(1_000, 60_000).with(Situation::ClockSkew));
    let year_ms = 365 * 86_400_000;
    for (what, is_there) in [
        ("minutes ahead", skewed.iter().any(|off_ms| (60_000..1_900_000).contains(off_ms))),
        ("minutes behind", skewed.iter().any(|off_ms| (-1_900_000..-60_000).contains(off_ms))),
        ("years ahead", skewed.iter().any(|off_ms| *off_ms > year_ms - 60_000)),
        ("years behind", skewed.iter().any(|off_ms| *off_ms < -year_ms)),
    ] {
        assert!(is_there, "none is {what}");
    }
    assert!(offs(Scenario::steady(1_000, 60_000)).is_empty());
}
