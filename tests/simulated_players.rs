//! The simulator's promises for Kaltura's players: the same bytes from the same seed, beacons that the decoder reads whole, counters of one
//! plug-in, and situations that show in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fingerprint.rs"]
mod fingerprint;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use streamgauge::decode::kaltura::Decoder;
use streamgauge::model::kaltura::{Beacon, Event, Playback, Warning};
use streamgauge::model::record::header;
use streamgauge::model::{EventTime, Headers, Record};
use streamgauge::simulate::{PlayerScenario, Players, SimulatedRecord, Situation};
use streamgauge::surroundings::Surroundings;

use fingerprint::fingerprint;

const START_MS: i64 = 1_767_600_000_000;

fn simulate(scenario: PlayerScenario, seed: u64) -> Players {
    Players::new(scenario, seed, EventTime::from_millis(START_MS))
}

fn everything() -> PlayerScenario {
    use Situation::{BadEdge, ClockSkew, Disorder, Duplicates, FlashCrowd};
    let steady = PlayerScenario::steady(200, 120_000);
    [BadEdge, FlashCrowd, ClockSkew, Duplicates, Disorder].into_iter().fold(steady, PlayerScenario::with)
}

/// Decodes a record; it must be read whole.
fn decode(record: &SimulatedRecord, each: &mut dyn FnMut(&Beacon<'_>)) {
    let mut headers = Headers::default();
    record.headers.iter().for_each(|(name, value)| headers.set(name, value.as_bytes()));
    let value = record.value.as_slice();
    let mut decoder = Decoder::default();
    let record = Record { offset: 0, append_ms: record.append_ms, key: record.key.as_deref(), value, headers };
    decoder
        .decode(&record, &mut |beacon| {
            assert_eq!(beacon.members_rejected, 0, "{}", String::from_utf8_lossy(value));
            each(beacon);
        })
        .unwrap_or_else(|reason| panic!("{reason}: {}", String::from_utf8_lossy(value)));
    let others =
        Warning::ALL.iter().zip(decoder.take_warnings()).filter(|(warning, _)| **warning != Warning::DecimalComma);
    assert_eq!(others.map(|(_, count)| count).sum::<u64>(), 0, "{}", String::from_utf8_lossy(value));
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let first = fingerprint(simulate(everything(), 7).take(5_000));
    // A change of this number is a change of every recorded figure that names a seed: say so in the change log.
    assert_eq!(first, 6_061_699_644_264_485_220);
    assert_ne!(first, fingerprint(simulate(everything(), 8).take(5_000)));
}

#[test]
fn records_come_in_order_of_append_time_and_after_what_they_tell_of() {
    let mut last_ms = START_MS;
    for record in simulate(everything(), 3) {
        assert!(record.append_ms >= last_ms && record.append_ms > record.event_ms);
        last_ms = record.append_ms;
    }
}

#[test]
fn beacons_are_read_whole_and_of_every_kind() {
    let (mut events, mut playbacks, mut devices) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut surroundings = Surroundings::default();
    for record in simulate(PlayerScenario::steady(400, 600_000), 1) {
        decode(&record, &mut |beacon| {
            events.insert(beacon.event);
            playbacks.insert(beacon.playback);
            devices.insert(surroundings.device(beacon.user_agent.as_deref()).device);
            let key = format!("{}|{}", beacon.partner, beacon.session.as_deref().unwrap());
            assert_eq!(record.key.as_deref(), Some(key.as_bytes()));
            assert!(beacon.address.is_some() && !format!("{beacon:?}").contains("djJ8"));
        });
        let received = record.headers.iter().find(|(name, _)| *name == header::RECEIVED_MS);
        assert_eq!(received.unwrap().1, record.event_ms.to_string());
    }
    assert!(!events.contains(&Event::Unknown) && events.len() >= 18, "{events:?}");
    // An event of the application does not say how anything is played.
    assert_eq!(playbacks, [Playback::Vod, Playback::Live, Playback::Dvr, Playback::Unknown].into());
    assert_eq!(devices, ["bot", "computer", "phone"].into());
}

/// Without loss, numbers go up by one, but where the player begins to count anew or an event of the application was counted.
#[test]
fn counters_are_those_of_one_plug_in() {
    let scenario = PlayerScenario { lost_permille: 0, ..PlayerScenario::steady(150, 600_000) };
    type Seen = (String, Option<u32>, Option<i64>, Event);
    let mut beacons: BTreeMap<(i64, u32), Vec<Seen>> = BTreeMap::new();
    for record in simulate(scenario, 5) {
        decode(&record, &mut |beacon| {
            let session = beacon.session.clone().unwrap().into_owned();
            let seen = (session, beacon.index, beacon.play_sum_ms, beacon.event);
            beacons.entry((record.event_ms, beacon.index.unwrap_or(0))).or_default().push(seen);
        });
    }
    let (mut last, mut runs, mut unnumbered) = (HashMap::<String, (u32, i64)>::new(), 0, HashMap::<String, u32>::new());
    let mut steps = BTreeMap::<u32, u32>::new();
    for (session, index, play_sum_ms, _) in beacons.into_values().flatten() {
        let Some(index) = index else {
            *unnumbered.entry(session).or_default() += 1;
            continue;
        };
        let (last_index, last_sum_ms) = last.get(&session).copied().unwrap_or((0, 0));
        let sum_ms = play_sum_ms.unwrap_or(last_sum_ms);
        if index == 1 {
            runs += u32::from(last_index > 1);
            last.insert(session, (1, 0));
            continue;
        }
        *steps.entry(index.abs_diff(last_index)).or_default() += 1;
        assert!(sum_ms >= last_sum_ms, "{session}: {last_sum_ms} to {sum_ms}");
        last.insert(session, (index.max(last_index), sum_ms));
    }
    let (ones, all) = (steps.get(&1).copied().unwrap_or(0), steps.values().sum::<u32>());
    // The network reorders a few.
    assert!(runs > 10 && !unnumbered.is_empty() && ones * 100 > all * 95, "{runs} {steps:?}");
}

#[test]
fn lost_beacons_are_missing_and_nothing_else_changes() {
    let of = |lost_permille| {
        let scenario = PlayerScenario { lost_permille, ..PlayerScenario::steady(100, 120_000) };
        simulate(scenario, 2).map(|record| record.value).collect::<BTreeSet<_>>()
    };
    let (all, some) = (of(0), of(100));
    assert!(some.is_subset(&all));
    let lost = all.len() - some.len();
    assert!((all.len() * 7 / 100..all.len() * 13 / 100).contains(&lost), "{lost} of {}", all.len());
}

#[test]
fn a_bad_network_shows_in_its_stalls_and_errors() {
    let scenario = PlayerScenario::steady(300, 300_000).with(Situation::BadEdge);
    // Stalls and errors of the bad network and of the others, once it is bad.
    let mut counts = [0_u32; 2];
    for record in simulate(scenario, 4).filter(|record| record.event_ms > START_MS + 100_000) {
        let address = &record.headers.iter().find(|(name, _)| *name == header::ADDRESS).unwrap().1;
        let is_bad = address.starts_with("192.0.2.") || address.starts_with("2001:db8:1:");
        decode(&record, &mut |beacon| {
            if matches!(beacon.event, Event::BufferStart | Event::Error) {
                counts[usize::from(is_bad)] += 1;
            }
        });
    }
    // The others are twice as many.
    assert!(counts[1] > counts[0] * 3, "{counts:?}");
}
