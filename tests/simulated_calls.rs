//! The simulator's promises for calls: the same bytes from the same seed, reports as Chromium writes them, counters of one course of events, and
//! situations that show in them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fingerprint.rs"]
mod fingerprint;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};
use streamgauge::model::EventTime;
use streamgauge::simulate::{CallScenario, Calls, Oddities, SimulatedRecord, Situation};

use fingerprint::fingerprint;

const START_MS: i64 = 1_767_600_000_000;

type Stat = Map<String, Value>;

fn simulate(scenario: CallScenario, seed: u64) -> Calls {
    Calls::new(scenario, seed, EventTime::from_millis(START_MS))
}

fn without_oddities(participants: u32, duration_ms: i64) -> CallScenario {
    CallScenario { oddities: Oddities::NONE, ..CallScenario::steady(participants, duration_ms) }
}

fn everything() -> CallScenario {
    use Situation::{BadEdge, ClockSkew, Disorder, Duplicates, FlashCrowd};
    let steady = CallScenario::steady(300, 120_000);
    [BadEdge, FlashCrowd, ClockSkew, Duplicates, Disorder].into_iter().fold(steady, CallScenario::with)
}

fn envelope(record: &SimulatedRecord) -> Value {
    serde_json::from_slice(&record.value).unwrap()
}

/// One peer connection of one participant.
fn connection(record: &SimulatedRecord, envelope: &Value) -> (Vec<u8>, String) {
    (record.key.clone().unwrap(), envelope["pc"].as_str().unwrap().to_owned())
}

fn stats(envelope: &Value) -> impl Iterator<Item = &Stat> {
    envelope["stats"].as_array().into_iter().flatten().map(|stat| stat.as_object().unwrap())
}

fn of_type<'a>(envelope: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Stat> {
    stats(envelope).filter(move |stat| stat.get("type").and_then(Value::as_str) == Some(name))
}

fn number(stat: &Stat, member: &str) -> f64 {
    stat.get(member).and_then(Value::as_f64).unwrap_or_else(|| panic!("{member} of {stat:?}"))
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let first = fingerprint(simulate(everything(), 7).take(20_000));
    // A change of this number is a change of every recorded figure that names a seed: say so in the change log.
    assert_eq!(first, 10_104_862_573_179_684_039);
    assert_ne!(first, fingerprint(simulate(everything(), 8).take(20_000)));
}

#[test]
fn records_come_in_order_of_append_time_and_after_what_they_tell_of() {
    let mut last_ms = START_MS;
    let clocks_are_right = CallScenario { skewed_clocks_permille: 0, ..everything() };
    for record in simulate(clocks_are_right, 3) {
        assert!(record.append_ms >= last_ms);
        assert!(record.append_ms > record.event_ms);
        last_ms = record.append_ms;
    }
}

/// The members that Chromium 156 gives these objects, in the captures beside the decoder's tests; but for what only a page with two ends, a
/// data channel or a debug build has, and the members of an encoder or a layer that stands still.
#[test]
fn reports_have_chromiums_objects_members_and_size() {
    let captured: Value =
        serde_json::from_str(&std::fs::read_to_string("tests/data/webrtc/chromium-clean.json").unwrap()).unwrap();
    let mut expected: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let last = captured["out"].as_array().unwrap().last().unwrap();
    for stat in [&last["a"], &last["b"]].into_iter().flat_map(|side| side.as_object().unwrap().values()) {
        let members = expected.entry(stat["type"].as_str().unwrap()).or_default();
        members.extend(stat.as_object().unwrap().keys().map(String::as_str));
    }
    let absent: BTreeSet<&str> =
        ["googTimingFrameInfo", "echoReturnLoss", "echoReturnLossEnhancement", "tcpType", "roundTripTime"].into();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut sizes = Vec::new();
    for record in simulate(without_oddities(100, 60_000), 1) {
        let envelope = envelope(&record);
        let text = std::str::from_utf8(&record.key.as_ref().unwrap()[..]).unwrap().to_owned();
        let parts = ["app", "call", "participant"].map(|part| envelope[part].as_str().unwrap());
        assert_eq!(text, parts.join("|"));
        assert_eq!((record.topic, record.headers[0].1.as_str()), ("qoe.webrtc", "webrtc"));
        if envelope["kind"] == "event" {
            continue;
        }
        for stat in stats(&envelope) {
            let members = found.entry(stat["type"].as_str().unwrap().to_owned()).or_default();
            members.extend(stat.keys().cloned());
        }
        let has_layers = of_type(&envelope, "outbound-rtp").count() > 2;
        if !has_layers && envelope["seq"].as_u64() > Some(1) {
            sizes.push(record.value.len());
        }
    }
    for (name, members) in &expected {
        let written: BTreeSet<&str> = found[*name].iter().map(String::as_str).collect();
        let missing: Vec<&&str> = members.difference(&written).filter(|member| !absent.contains(**member)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
    sizes.sort_unstable();
    let (least, median, most) = (sizes[0], sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    assert!(least > 5_000 && most < 10_000 && (6_000..9_000).contains(&median), "{least}, {median}, {most}");
}

/// Counters, of which only `packetsLost` may fall.
fn is_counter(member: &str) -> bool {
    let counted = ["Sent", "Received", "Count", "Decoded", "Encoded", "Dropped", "Samples", "Events", "Measurements"];
    member.starts_with("total")
        || member.starts_with("frames") && member != "framesPerSecond"
        || counted.iter().any(|end| member.ends_with(end))
        || matches!(member, "qpSum" | "freezeCount" | "packetsLost")
}

/// How often counters fell, by type of object and member, where the object was in the report before.
fn falls(scenario: CallScenario, seed: u64) -> BTreeMap<(String, String), u32> {
    let mut before: HashMap<(Vec<u8>, String), HashMap<String, Stat>> = HashMap::new();
    let mut falls = BTreeMap::new();
    for record in simulate(scenario, seed) {
        let envelope = envelope(&record);
        if envelope["kind"] == "event" {
            continue;
        }
        let now: HashMap<String, Stat> =
            stats(&envelope).map(|stat| (stat["id"].as_str().unwrap().to_owned(), stat.clone())).collect();
        let earlier = before.insert(connection(&record, &envelope), now.clone()).unwrap_or_default();
        for (id, stat) in &now {
            let Some(old) = earlier.get(id) else { continue };
            for (member, value) in stat.iter().filter(|(member, _)| is_counter(member)) {
                if value.as_f64() < old.get(member).and_then(Value::as_f64) {
                    let kind = stat.get("type").and_then(Value::as_str).unwrap_or("none").to_owned();
                    *falls.entry((kind, member.clone())).or_default() += 1;
                }
            }
        }
    }
    falls
}

#[test]
fn counters_never_fall_but_for_what_is_odd() {
    let bad = without_oddities(60, 150_000).with(Situation::BadEdge);
    assert_eq!(falls(bad, 5), BTreeMap::new());
    let late = CallScenario {
        oddities: Oddities { late_packets_permille: 100, ..Oddities::NONE },
        ..CallScenario::steady(60, 150_000)
    };
    let fallen = falls(late, 5);
    let members: BTreeSet<&str> = fallen.keys().map(|(_, member)| member.as_str()).collect();
    assert_eq!(members, BTreeSet::from(["packetsLost"]), "{fallen:?}");
    let lost = CallScenario {
        oddities: Oddities { reconnects_permille: 60, ..Oddities::NONE },
        ..CallScenario::steady(60, 150_000)
    };
    let fallen = falls(lost, 5);
    for (kind, member) in
        [("inbound-rtp", "packetsReceived"), ("outbound-rtp", "bytesSent"), ("transport", "packetsSent")]
    {
        assert!(fallen.contains_key(&(kind.to_owned(), member.to_owned())), "{kind} {member}: {fallen:?}");
    }
}

#[test]
fn counters_tell_one_course_of_events() {
    let mut first_render: HashMap<(Vec<u8>, String), f64> = HashMap::new();
    let mut is_checked = [0_u32; 3];
    for record in simulate(without_oddities(60, 150_000).with(Situation::BadEdge), 6) {
        let envelope = envelope(&record);
        for stat in of_type(&envelope, "inbound-rtp").filter(|stat| stat["kind"] == "video") {
            let (sum, squares) = (number(stat, "totalInterFrameDelay"), number(stat, "totalSquaredInterFrameDelay"));
            let (decoded, frozen) = (number(stat, "framesDecoded"), number(stat, "totalFreezesDuration"));
            // The mean of squares is not below the square of the mean; a freeze is part of the delays, and at least 150 ms longer than a frame.
            assert!(squares * (decoded - 1.0) >= sum * sum * 0.999_999, "{stat:?}");
            assert!(frozen <= sum && frozen >= number(stat, "freezeCount") * 0.183, "{stat:?}");
            assert_eq!(decoded + number(stat, "framesDropped"), number(stat, "framesReceived"));
            assert_eq!(decoded, number(stat, "jitterBufferEmittedCount"));
            // All delays together are the time from the first frame to the last, which is now or at most one freeze ago.
            let key = connection(&record, &envelope);
            let began = number(stat, "timestamp") - sum * 1000.0;
            let least = first_render.entry(key).or_insert(began);
            *least = least.min(began);
            assert!((0.0..8_000.0).contains(&(began - *least)), "{began} after {least}: {stat:?}");
            is_checked[0] += 1;
        }
        for stat in of_type(&envelope, "inbound-rtp").filter(|stat| stat["kind"] == "audio") {
            let (all, concealed) = (number(stat, "totalSamplesReceived"), number(stat, "concealedSamples"));
            assert_eq!(all - concealed, number(stat, "jitterBufferEmittedCount"));
            assert_eq!(all / 48_000.0, number(stat, "totalSamplesDuration"));
            assert!(number(stat, "silentConcealedSamples") <= concealed);
            is_checked[1] += 1;
        }
        for stat in of_type(&envelope, "outbound-rtp").filter(|stat| stat["kind"] == "video") {
            let limited: f64 =
                stat["qualityLimitationDurations"].as_object().unwrap().values().map(|s| s.as_f64().unwrap()).sum();
            assert!(number(stat, "framesEncoded") <= limited * 30.5 + 1.0, "{stat:?}");
            assert!(number(stat, "packetsSent") >= number(stat, "retransmittedPacketsSent"));
            is_checked[2] += 1;
        }
    }
    assert!(is_checked.iter().all(|count| *count > 1_000), "{is_checked:?}");
}

/// Of each connection's latest report: what it lost, and how it was.
#[derive(Default)]
struct Seen {
    streams: f64,
    lost_share: f64,
    frozen_s: f64,
    concealed_share: f64,
    rtt_s: f64,
    limited: f64,
}

#[test]
fn the_bad_region_is_bad_and_the_others_are_not() {
    let scenario = without_oddities(320, 180_000).with(Situation::BadEdge);
    let onset_ms = START_MS + scenario.bad_region.unwrap().from_ms;
    let calls = simulate(scenario, 11);
    let bad_region = calls.bad_region().unwrap();
    // [in the bad region, elsewhere]; of connections that began after the onset, so that counters are of this time alone.
    let mut seen = [Seen::default(), Seen::default()];
    let mut began = HashSet::new();
    let mut edges = BTreeSet::new();
    for record in calls.filter(|record| record.event_ms >= onset_ms) {
        let envelope = envelope(&record);
        if envelope["event"] == "connectionstatechange" && envelope["value"] == "connected" {
            began.insert(connection(&record, &envelope));
        }
        if envelope["kind"] == "event" || !began.contains(&connection(&record, &envelope)) {
            continue;
        }
        if envelope["region"] == bad_region {
            edges.insert(envelope["edge"].as_str().unwrap().to_owned());
        }
        let row = &mut seen[usize::from(envelope["region"] != bad_region)];
        for stat in of_type(&envelope, "inbound-rtp") {
            row.streams += 1.0;
            let (lost, received) = (number(stat, "packetsLost"), number(stat, "packetsReceived"));
            row.lost_share += lost / (lost + received);
            match stat["kind"].as_str() {
                Some("audio") => {
                    row.concealed_share += number(stat, "concealedSamples") / number(stat, "totalSamplesReceived");
                }
                _ => {
                    row.frozen_s += number(stat, "totalFreezesDuration") / number(stat, "totalInterFrameDelay").max(1.0)
                }
            }
        }
        for stat in of_type(&envelope, "candidate-pair") {
            row.rtt_s += number(stat, "currentRoundTripTime");
        }
        for stat in of_type(&envelope, "outbound-rtp") {
            row.limited += f64::from(u8::from(stat.get("qualityLimitationReason") == Some(&"bandwidth".into())));
        }
    }
    assert_eq!(edges, ["sfu-fra-1", "sfu-fra-2"].map(str::to_owned).into());
    let [bad, good] = seen;
    assert!(bad.streams > 200.0 && good.streams > 200.0, "{} and {}", bad.streams, good.streams);
    for (what, bad_sum, good_sum, factor) in [
        ("loss", bad.lost_share, good.lost_share, 20.0),
        ("freezes", bad.frozen_s, good.frozen_s, 20.0),
        ("concealment", bad.concealed_share, good.concealed_share, 20.0),
        ("round-trip time", bad.rtt_s, good.rtt_s, 4.0),
        ("limits", bad.limited, good.limited, 1.5),
    ] {
        let (bad_mean, good_mean) = (bad_sum / bad.streams, good_sum / good.streams);
        assert!(bad_mean > factor * good_mean && good_mean > 0.0, "{what}: {bad_mean} against {good_mean}");
    }
}

#[test]
fn what_is_odd_is_there() {
    let odd = Oddities {
        mutes_permille: 40,
        reconnects_permille: 10,
        sleeps_permille: 10,
        inactive_permille: 20,
        late_packets_permille: 50,
        typeless_permille: 20,
    };
    let mut last: HashMap<(Vec<u8>, String), (i64, Value)> = HashMap::new();
    let mut last_video: HashMap<Vec<u8>, Stat> = HashMap::new();
    let mut found = BTreeMap::<&str, u32>::new();
    for record in simulate(CallScenario { oddities: odd, ..CallScenario::steady(150, 240_000) }, 4) {
        let now = envelope(&record);
        if now["kind"] == "event" {
            let value = now["value"].as_str().unwrap();
            *found.entry(if value == "failed" { "lost connection" } else { "event" }).or_default() += 1;
            continue;
        }
        let mut see = |what, is_so: bool| *found.entry(what).or_default() += u32::from(is_so);
        see("no type", stats(&now).any(|stat| !stat.contains_key("type")));
        see("muted", of_type(&now, "inbound-rtp").any(|stat| stat.get("audioLevel") == Some(&0.into())));
        see("late", of_type(&now, "inbound-rtp").any(|stat| number(stat, "packetsLost") < 0.0));
        let video = |of: &Value| of_type(of, "inbound-rtp").find(|stat| stat["kind"] == "video").cloned();
        let restarts = |old: &Stat, new: &Stat| number(old, "framesDecoded") > number(new, "framesDecoded");
        let key = connection(&record, &now);
        if let Some((last_ms, before)) = last.get(&key) {
            see("asleep", (85_000..95_000).contains(&(record.event_ms - last_ms)));
            if let (None, Some(new), Some(old)) = (video(before), video(&now), last_video.get(&key.0)) {
                see("returned from 0", old["id"] == new["id"] && restarts(old, &new));
            }
            if let (Some(old), Some(new)) = (video(before), video(&now)) {
                see("restarted with the same SSRC", old["ssrc"] == new["ssrc"] && restarts(&old, &new));
                see("restarted with another SSRC", old["ssrc"] != new["ssrc"] && restarts(&old, &new));
            }
            see("loaded again", now["seq"] == 0 && before["seq"] != 0);
            let is_whole = stats(&now).chain(stats(before)).all(|stat| stat.contains_key("type"));
            see("video gone", is_whole && now["pc"] == "sub-0" && video(&now).is_none() && video(before).is_some());
        }
        if let Some(video) = video(&now) {
            last_video.insert(key.0.clone(), video);
        }
        last.insert(key, (record.event_ms, now));
    }
    assert_eq!(found.len(), 11, "{found:?}");
    assert!(found.values().all(|count| *count >= 5), "{found:?}");
}

#[test]
fn clocks_are_off_as_asked_and_some_count_from_their_start() {
    let offs = |scenario: CallScenario| -> Vec<i64> {
        let offs = simulate(scenario, 4).map(|record| record.event_ms - record.append_ms);
        offs.filter(|off_ms| off_ms.abs() > 30_000).collect()
    };
    let skewed = offs(CallScenario::steady(300, 60_000).with(Situation::ClockSkew));
    let year_ms = 365 * 86_400_000;
    for (what, is_there) in [
        ("minutes ahead", skewed.iter().any(|off_ms| (60_000..1_900_000).contains(off_ms))),
        ("years ahead", skewed.iter().any(|off_ms| *off_ms > year_ms - 60_000)),
        ("years behind", skewed.iter().any(|off_ms| (-11 * year_ms..-year_ms).contains(off_ms))),
        (
            "from its start",
            skewed.iter().any(|off_ms| (START_MS - 8 * 86_400_000..START_MS + 86_400_000).contains(&-off_ms)),
        ),
    ] {
        assert!(is_there, "none is {what}");
    }
    assert!(offs(CallScenario::steady(300, 60_000)).is_empty());
}

#[test]
fn duplicates_and_late_records_come_as_often_as_asked() {
    let scenario = without_oddities(400, 240_000).with(Situation::Duplicates).with(Situation::Disorder);
    let grace_ms = i64::from(scenario.delays.report_grace_ms);
    let mut values = HashSet::new();
    let (mut records, mut again, mut late) = (0, 0, 0);
    for record in simulate(scenario, 5) {
        records += 1;
        late += u32::from(record.append_ms - record.event_ms > grace_ms);
        again += u32::from(!values.insert(record.value));
    }
    // 20 in 1000 drafts come twice, so 20 in 1020 records are the second; 5 in 1000 are late.
    let per_1000 = |count: u32| f64::from(count) * 1000.0 / f64::from(records);
    assert!((17.6..21.6).contains(&per_1000(again)), "{again} of {records}");
    assert!((4.0..6.0).contains(&per_1000(late)), "{late} of {records}");
}

#[test]
fn a_crowd_comes_to_one_call_and_only_looks_on() {
    let scenario = without_oddities(100, 120_000).with(Situation::FlashCrowd);
    let mut looks_on: HashMap<Vec<u8>, (String, bool)> = HashMap::new();
    for record in simulate(scenario, 2) {
        let envelope = envelope(&record);
        let call = envelope["call"].as_str().unwrap().to_owned();
        let (_, sends) = looks_on.entry(record.key.unwrap()).or_insert((call, false));
        *sends |= envelope["pc"] == "pub-0";
    }
    let crowd = || looks_on.values().filter(|(_, sends)| !sends).map(|(call, _)| call);
    assert!(crowd().count() >= 290, "{}", crowd().count());
    assert_eq!(crowd().collect::<HashSet<_>>().len(), 1);
}
