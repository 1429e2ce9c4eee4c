//! Recorded calls through the dialects that tell only what has changed, and through webrtc-internals.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use streamgauge::decode::webrtc::convert::{Converted, Converter, Dialect, Dropped, Identity};

use super::encoders::{ModernMessage, internals_dump, jitsi_messages, modern_messages, samples};
use super::{Object, identity, objects, push};

const CAPTURES: [(&str, &str); 4] = [
    ("restart", include_str!("../data/webrtc/chromium147-restart.json")),
    ("loss8", include_str!("../data/webrtc/chromium147-loss8.json")),
    ("bottleneck", include_str!("../data/webrtc/chromium147-bottleneck.json")),
    ("firefox", include_str!("../data/webrtc/firefox153.json")),
];
/// What is never in an envelope, although it is a number or a truth value, or what rtcstats leaves out itself.
const LEFT_OUT: [&str; 4] = ["port", "relatedPort", "isRemote", "writable"];

/// What an object may lose from one report to the next: a delta cannot say so, and it stays as it was. Nobody reads it off a candidate pair that
/// is no longer in use.
const LOST_UNSEEN: &str = "availableOutgoingBitrate";

/// Numbers and truth values of an object that must survive.
fn counters(object: &Value) -> Object {
    let members = object.as_object().unwrap().iter();
    let kept = members.filter(|(name, value)| {
        (value.is_number() || value.is_boolean() || value.is_object()) && !LEFT_OUT.contains(&name.as_str())
    });
    kept.map(|(name, value)| (name.clone(), as_float(value))).collect()
}

/// So that 1 and 1.0 are the same.
fn as_float(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Object(record) => record.iter().map(|(name, value)| (name.clone(), as_float(value))).collect(),
        other => other.clone(),
    }
}

/// The counters of a decoded object beside those of the original.
fn counters_of_both(decoded: &Value, original: &Value) -> (Object, Object) {
    let (mut decoded, original) = (counters(decoded), counters(original));
    if !original.contains_key(LOST_UNSEEN) {
        decoded.remove(LOST_UNSEEN);
    }
    (decoded, original)
}

/// Members that a decoded report has and the original has otherwise, or not.
fn wrong_members(decoded: &Object, original: &Object, new_id: impl Fn(&str) -> String) -> usize {
    let mut wrong = 0;
    for (id, object) in original {
        let Some(found) = decoded.get(&new_id(id)) else { continue };
        let (found, expected) = counters_of_both(found, object);
        wrong += found.iter().filter(|(name, value)| expected.get(*name) != Some(value)).count();
    }
    wrong
}

fn assert_same(decoded: &Object, original: &Object, new_id: impl Fn(&str) -> String, what: &str) {
    let told: Vec<(&String, &Value)> = original.iter().filter(|(_, object)| object["type"] != "certificate").collect();
    assert_eq!(decoded.len(), told.len(), "{what}");
    for (id, object) in told {
        let found = decoded.get(&new_id(id)).unwrap_or_else(|| panic!("{what}: no {id}"));
        assert_eq!(found["type"], object["type"], "{what} {id}");
        assert_eq!(found.get("kind"), object.get("kind"), "{what} {id}");
        let (found, expected) = counters_of_both(found, object);
        assert_eq!(found, expected, "{what} {id}");
    }
}

#[test]
fn the_modern_dialect_gives_every_counter_of_every_report() {
    for (capture_name, capture) in CAPTURES {
        let mut converter = Converter::new(Dialect::Rtcstats, identity());
        for (index, message) in modern_messages(capture).into_iter().enumerate() {
            let envelopes = push(&mut converter, &message.text);
            let what = format!("{capture_name} message {index}");
            assert_eq!(envelopes.len(), 1, "{what}");
            assert_eq!(envelopes[0]["pc"], message.connection, "{what}");
            assert_same(&objects(&envelopes[0]), &message.original, |id| message.new_id(id), &what);
        }
    }
}

/// Wrong members after the message with this index is lost, and changes that were left out.
fn wrong_after_loss(messages: &[ModernMessage], lost: usize, is_told: bool) -> (usize, u64) {
    let mut converter = Converter::new(Dialect::Rtcstats, identity());
    let mut wrong = 0;
    for (index, message) in messages.iter().enumerate() {
        if index != lost {
            for envelope in push(&mut converter, &message.text) {
                wrong += wrong_members(&objects(&envelope), &message.original, |id| message.new_id(id));
            }
        } else if is_told {
            converter.gap();
        }
    }
    (wrong, converter.take_counts().of(Dropped::WithoutBase))
}

#[test]
fn a_gap_in_the_modern_dialect_leaves_no_wrong_member() {
    let (_, capture) = CAPTURES[1];
    let messages = modern_messages(capture);
    let mut wrong_untold = 0;
    for lost in 2..messages.len() - 1 {
        let (wrong, left_out) = wrong_after_loss(&messages, lost, true);
        assert!(wrong == 0 && left_out > 0, "without {lost}: {wrong} wrong");
        wrong_untold += wrong_after_loss(&messages, lost, false).0;
    }
    // Without being told of the gap, members stay as they were before it: the comparison above would see it.
    assert!(wrong_untold > 0);

    // A message that is refused is a gap too, and a new connection starts over.
    let mut converter = Converter::new(Dialect::Rtcstats, identity());
    let first = &messages[0];
    assert_eq!(push(&mut converter, &first.text).len(), 1);
    assert!(converter.push(b"[\"g\",\"PC_0\",{\"0\":", 0, &mut |_| panic!()).is_err());
    assert!(push(&mut converter, &messages[2].text).is_empty());
    assert_eq!(converter.take_counts().of(Dropped::Gap), 1);
    let created = push(&mut converter, "[39,\"PC_0\",{\"iceServers\":[]},3]");
    assert_eq!((created[0]["kind"].clone(), created[0]["event"].clone()), (json!("event"), json!("create")));
    assert_same(
        &objects(&push(&mut converter, &first.text)[0]),
        &first.original,
        |id| first.new_id(id),
        "after create",
    );
}

#[test]
fn modern_removals_unknown_numbers_and_events() {
    let mut converter = Converter::new(Dialect::Rtcstats, identity());
    let first = r#"["g","PC_0",{"0":{"type":1,"14":500},"1":{"type":3,"15":2,"t":1795243659000},"2":{"type":99,"14":1},"t":1795243660000},1795243660010]"#;
    let stats = objects(&push(&mut converter, first)[0]);
    assert_eq!(
        stats["0"],
        json!({"id": "0", "type": "inbound-rtp", "packetsReceived": 500, "timestamp": 1_795_243_660_000_u64})
    );
    assert_eq!(stats["1"]["timestamp"], json!(1_795_243_659_000_u64));
    assert_eq!(stats.len(), 2);

    // An RTCP packet that was told before keeps its time; a number that nobody knows is left out; null is gone.
    let stats = objects(&push(&mut converter, r#"["g","PC_0",{"0":{"14":612,"40000":7},"t":1795243661001},1003]"#)[0]);
    assert_eq!(
        stats["0"],
        json!({"id": "0", "type": "inbound-rtp", "packetsReceived": 612, "timestamp": 1_795_243_661_001_u64})
    );
    assert_eq!(stats["1"]["timestamp"], json!(1_795_243_659_000_u64));
    let stats = objects(&push(&mut converter, r#"[1,"PC_0",{"0":null,"t":1795243662001},1000]"#)[0]);
    assert_eq!(stats.keys().collect::<Vec<_>>(), ["1"]);
    // The id is used again: what it had before does not come back.
    let stats = objects(&push(&mut converter, r#"["g","PC_0",{"0":{"type":1,"41":9},"t":1795243663001},1000]"#)[0]);
    assert_eq!(
        stats["0"],
        json!({"id": "0", "type": "inbound-rtp", "bytesReceived": 9, "timestamp": 1_795_243_663_001_u64})
    );

    let event = push(&mut converter, r#"[24,"PC_0","disconnected",250]"#);
    assert_eq!(event[0]["event"], "iceconnectionstatechange");
    assert_eq!(
        (event[0]["value"].clone(), event[0]["ts"].clone()),
        (json!("disconnected"), json!(1_795_243_663_263_u64))
    );
    assert!(push(&mut converter, r#"[6,"PC_0",{"type":"offer","sdp":"v=0"},1]"#).is_empty());
    let counts = converter.take_counts();
    let counted = [Dropped::UnknownMember, Dropped::UnknownType, Dropped::WithoutBase, Dropped::Unrelated]
        .map(|reason| counts.of(reason));
    assert_eq!(counted, [1, 1, 1, 1]);
}

#[test]
fn the_jitsi_dialect_gives_every_counter_of_every_report() {
    for (capture_name, capture) in CAPTURES {
        let mut converter = Converter::new(Dialect::RtcstatsJitsi, identity());
        for (index, (message, original)) in jitsi_messages(capture).into_iter().enumerate() {
            let envelopes = push(&mut converter, &message);
            let what = format!("{capture_name} message {index}");
            assert_eq!(envelopes.len(), 1, "{what}");
            assert_eq!(envelopes[0]["seq"], index + 1, "{what}");
            assert_eq!(envelopes[0]["pc"], ["2b0c6f3e.PC_0", "2b0c6f3e.PC_1"][index % 2], "{what}");
            assert_same(&objects(&envelopes[0]), &original, str::to_owned, &what);
        }
        // A client sends again what was not acknowledged.
        let (again, _) = &jitsi_messages(capture)[3];
        assert!(push(&mut converter, again).is_empty());
        assert_eq!(converter.take_counts().of(Dropped::Duplicate), 1);
    }
}

#[test]
fn a_gap_in_the_jitsi_dialect_is_seen_by_its_number_and_leaves_no_wrong_member() {
    for (capture_name, capture) in CAPTURES {
        for lost in [1, 6, 11] {
            let mut converter = Converter::new(Dialect::RtcstatsJitsi, identity());
            let mut told = 0;
            for (index, (message, original)) in jitsi_messages(capture).into_iter().enumerate() {
                if index == lost {
                    continue;
                }
                for envelope in push(&mut converter, &message) {
                    let wrong = wrong_members(&objects(&envelope), &original, str::to_owned);
                    assert_eq!(wrong, 0, "{capture_name} without {lost}, message {index}");
                    told += 1;
                }
            }
            let counts = converter.take_counts();
            assert!(counts.of(Dropped::Gap) == 1 && counts.of(Dropped::WithoutBase) > 0 && told >= lost, "{counts:?}");
        }
    }
}

/// What nobody may find on the bus, of the objects of a report.
fn secrets(report: &Object) -> Vec<String> {
    let names = ["address", "ip", "usernameFragment", "iceLocalUsernameFragment", "fingerprint", "base64Certificate"];
    let texts = report.values().flat_map(|object| names.iter().filter_map(|name| object.get(*name)?.as_str()));
    texts.filter(|text| text.len() >= 8).map(str::to_owned).collect()
}

#[test]
fn no_address_certificate_or_credential_of_a_recorded_call_is_in_an_envelope() {
    for (capture_name, capture) in CAPTURES {
        let mut modern = Converter::new(Dialect::Rtcstats, identity());
        let mut jitsi = Converter::new(Dialect::RtcstatsJitsi, identity());
        let mut looked_for = 0;
        for (message, (jitsi_text, original)) in modern_messages(capture).iter().zip(jitsi_messages(capture)) {
            let envelopes = [push(&mut modern, &message.text), push(&mut jitsi, &jitsi_text)];
            let text = format!("{envelopes:?}");
            for secret in secrets(&original) {
                looked_for += 1;
                assert!(!text.contains(&secret), "{capture_name}: {secret}");
            }
        }
        assert!(looked_for > 20, "{capture_name}");
    }
}

#[test]
fn a_jitsi_session_names_itself_where_the_identity_is_open() {
    let open = Identity { app: String::new(), call: String::new(), participant: String::new(), ..Identity::default() };
    let mut converter = Converter::new(Dialect::RtcstatsJitsi, open);
    let mut keys = Vec::new();
    let mut each = |converted: Converted| keys.push(String::from_utf8(converted.key).unwrap());
    let entry = |sequence: u64| {
        let data = json!(["getstats", "PC_0", {"I": {"type": "inbound-rtp", "packetsReceived": sequence, "timestamp": 0}, "timestamp": 1_795_243_661_001_u64}, 1_795_243_661_010_u64, sequence]);
        json!({"statsSessionId": "s|1", "type": "stats-entry", "data": data.to_string()}).to_string()
    };
    let identity = r#"{"statsSessionId":"s|1","type":"identity","data":{"applicationName":"Jitsi Meet","confName":"room","displayName":"Jane"}}"#;
    for message in [entry(1).as_str(), identity, entry(2).as_str(), r#"{"statsSessionId":"s|1","type":"keepalive"}"#] {
        converter.push(message.as_bytes(), 0, &mut each).unwrap();
    }
    assert_eq!(keys, ["Jitsi Meet|room|s%7C1"]);
    assert_eq!(converter.take_counts().of(Dropped::Unidentified), 1);
}

#[test]
fn a_dump_of_webrtc_internals_gives_the_reports_in_order_of_time() {
    let (_, capture) = CAPTURES[1];
    let mut converter = Converter::new(Dialect::WebrtcInternals, identity());
    let envelopes = push(&mut converter, &internals_dump(capture).to_string());
    assert_eq!(
        (envelopes[0]["event"].clone(), envelopes[0]["value"].clone()),
        (json!("iceconnectionstatechange"), json!("connected"))
    );
    assert_eq!(converter.take_counts().of(Dropped::WithoutTime), 1);
    let times: Vec<f64> = envelopes.iter().map(|envelope| envelope["ts"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");

    let reports: Vec<Object> = envelopes[1..].iter().map(objects).collect();
    let samples = samples(capture, "b");
    assert_eq!(reports.len(), samples.len());
    let mut rtcp_packets = 0;
    for (report, (_, original)) in reports.iter().zip(&samples) {
        for (id, object) in original {
            match object["type"].as_str().unwrap() {
                "certificate" => assert!(!report.contains_key(id)),
                // Once for each RTCP packet.
                "remote-outbound-rtp" | "remote-inbound-rtp" => rtcp_packets += usize::from(report.contains_key(id)),
                _ => assert_eq!(counters(&report[id]), counters(object), "{id}"),
            }
        }
    }
    let packets: BTreeSet<String> = samples
        .iter()
        .flat_map(|(_, objects)| objects.values())
        .filter(|object| {
            object["type"].as_str().unwrap().starts_with("remote-") && object["type"] != "remote-candidate"
        })
        .map(|object| format!("{} {}", object["id"], object["timestamp"]))
        .collect();
    assert_eq!(rtcp_packets, packets.len());
}
