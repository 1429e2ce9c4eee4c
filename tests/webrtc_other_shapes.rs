//! WebRTC statistics in other shapes come out as envelopes with the same counters, or not at all: recorded calls through each stateful
//! dialect, encoded here by the formats' own rules; adapters by hand; and what a hostile sender may try.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Map, Value, json};
use streamgauge::decode::webrtc::convert::{Converted, Converter, Counts, Dialect, Dropped, Error, Identity};

type Object = Map<String, Value>;

const CAPTURES: [(&str, &str); 4] = [
    ("restart", include_str!("data/webrtc/chromium147-restart.json")),
    ("loss8", include_str!("data/webrtc/chromium147-loss8.json")),
    ("bottleneck", include_str!("data/webrtc/chromium147-bottleneck.json")),
    ("firefox", include_str!("data/webrtc/firefox153.json")),
];
/// What is never in an envelope, although it is a number or a truth value, or what rtcstats leaves out itself.
const LEFT_OUT: [&str; 4] = ["port", "relatedPort", "isRemote", "writable"];

fn identity() -> Identity {
    let name = |name: &str| name.to_owned();
    Identity { app: name("app"), call: name("call"), participant: name("p"), connection: String::new() }
}

/// The samples of one connection of a capture: time, and objects by id.
fn samples(capture: &str, connection: &str) -> Vec<(f64, Object)> {
    let capture: Value = serde_json::from_str(capture).unwrap();
    let out = capture["out"].as_array().unwrap();
    out.iter().map(|sample| (sample["t"].as_f64().unwrap(), sample[connection].as_object().unwrap().clone())).collect()
}

fn push(converter: &mut Converter, message: &str) -> Vec<Value> {
    let mut envelopes = Vec::new();
    let mut each = |converted: Converted| {
        assert_eq!(converted.key, b"app|call|p");
        envelopes.push(serde_json::from_slice(&converted.value).unwrap());
    };
    converter.push(message.as_bytes(), 1_795_243_700_000, &mut each).unwrap();
    envelopes
}

/// The objects of an envelope by id.
fn objects(envelope: &Value) -> Object {
    let stats = envelope["stats"].as_array().unwrap();
    stats.iter().map(|object| (object["id"].as_str().unwrap().to_owned(), object.clone())).collect()
}

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

/// rtcstats-js, as `compression.js` describes it: what has changed, ids and references as numbers, some names as numbers.
#[derive(Default)]
struct ModernEncoder {
    before: Object,
    ids: Vec<String>,
}

impl ModernEncoder {
    fn short_id(&mut self, id: &str) -> String {
        let at = self.ids.iter().position(|known| known == id).unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.ids.len() - 1
        });
        at.to_string()
    }

    fn known_id(&self, id: &str) -> String {
        self.ids.iter().position(|known| known == id).map_or_else(|| "none".to_owned(), |at| at.to_string())
    }

    fn encode(&mut self, now: &Object) -> Value {
        let newest = now.values().filter_map(|object| object["timestamp"].as_f64()).fold(f64::MIN, f64::max);
        let told = now.iter().filter(|(_, object)| object["type"] != "certificate");
        let told: Vec<(String, Value)> = told.map(|(id, object)| (id.clone(), object.clone())).collect();
        for (id, _) in &told {
            self.short_id(id);
        }
        let mut delta = Object::new();
        for (id, object) in &told {
            let before = self.before.get(id).cloned().unwrap_or_else(|| json!({}));
            let change = self.change(&before, object.as_object().unwrap(), newest);
            if !change.is_empty() {
                delta.insert(self.known_id(id), Value::Object(change));
            }
        }
        for id in self.before.keys().filter(|id| !now.contains_key(*id) && self.ids.contains(*id)) {
            delta.insert(self.known_id(id), Value::Null);
        }
        delta.insert("t".to_owned(), json!(newest));
        self.before = now.clone();
        Value::Object(delta)
    }

    fn change(&self, before: &Value, object: &Object, newest: f64) -> Object {
        let mut change = Object::new();
        for (name, value) in object {
            let is_common_time = name == "timestamp" && value.as_f64() == Some(newest);
            let is_unneeded =
                ["id", "isRemote", "ip", "mediaType", "writable", "localCertificateId", "remoteCertificateId"]
                    .contains(&name.as_str());
            if before.get(name) == Some(value) || is_common_time || is_unneeded {
                continue;
            }
            let told = match value {
                Value::String(id) if name.ends_with("Id") => Value::from(self.known_id(id)),
                Value::String(kind) if name == "type" => type_number(kind),
                Value::Object(record) => record
                    .iter()
                    .filter(|(key, value)| before[name].get(*key) != Some(value))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
                other => other.clone(),
            };
            change.insert(short_name(name).to_owned(), told);
        }
        change
    }
}

fn type_number(name: &str) -> Value {
    let names =
        ["inbound-rtp", "outbound-rtp", "remote-inbound-rtp", "remote-outbound-rtp", "transport", "candidate-pair"];
    names.iter().position(|known| *known == name).map_or_else(|| Value::from(name), |at| Value::from(at + 1))
}

fn short_name(name: &str) -> &str {
    match name {
        "timestamp" => "t",
        "ssrc" => "10",
        "kind" => "11",
        "codecId" => "12",
        "packetsReceived" => "14",
        "packetsLost" => "15",
        "jitter" => "16",
        "framesDecoded" => "20",
        "bytesReceived" => "41",
        "jitterBufferDelay" => "47",
        "concealedSamples" => "52",
        "qualityLimitationDurations" => "96",
        other => other,
    }
}

/// Messages of both connections, with the report that each must give.
fn modern_messages(capture: &str) -> Vec<(String, String, Object, Vec<String>)> {
    let mut messages = Vec::new();
    let mut encoders = [("PC_0", "a", ModernEncoder::default()), ("PC_1", "b", ModernEncoder::default())];
    let connections = [samples(capture, "a"), samples(capture, "b")];
    let mut sent_ms = 0.0;
    for tick in 0..connections[0].len() {
        for ((name, _, encoder), samples) in encoders.iter_mut().zip(&connections) {
            let (time, original) = &samples[tick];
            let now = time.round() + 5.0;
            let message = json!(["g", name, encoder.encode(original), now - sent_ms]);
            sent_ms = now;
            messages.push(((*name).to_owned(), message.to_string(), original.clone(), encoder.ids.clone()));
        }
    }
    messages
}

fn position(ids: &[String]) -> impl Fn(&str) -> String + '_ {
    |id| ids.iter().position(|known| known == id).map_or_else(|| "none".to_owned(), |at| at.to_string())
}

#[test]
fn the_modern_dialect_gives_every_counter_of_every_report() {
    for (capture_name, capture) in CAPTURES {
        let mut converter = Converter::new(Dialect::Rtcstats, identity());
        for (index, (connection, message, original, ids)) in modern_messages(capture).into_iter().enumerate() {
            let envelopes = push(&mut converter, &message);
            let what = format!("{capture_name} message {index}");
            assert_eq!(envelopes.len(), 1, "{what}");
            assert_eq!(envelopes[0]["pc"], connection, "{what}");
            assert_same(&objects(&envelopes[0]), &original, position(&ids), &what);
        }
    }
}

/// Wrong members after the message with this index is lost, and changes that were left out.
fn wrong_after_loss(messages: &[(String, String, Object, Vec<String>)], lost: usize, is_told: bool) -> (usize, u64) {
    let mut converter = Converter::new(Dialect::Rtcstats, identity());
    let mut wrong = 0;
    for (index, (_, message, original, ids)) in messages.iter().enumerate() {
        if index != lost {
            let envelopes = push(&mut converter, message);
            wrong += envelopes
                .iter()
                .map(|envelope| wrong_members(&objects(envelope), original, position(ids)))
                .sum::<usize>();
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
    let (_, first, original, ids) = &messages[0];
    assert_eq!(push(&mut converter, first).len(), 1);
    assert!(converter.push(b"[\"g\",\"PC_0\",{\"0\":", 0, &mut |_| panic!()).is_err());
    assert_eq!(push(&mut converter, &messages[2].1), [] as [Value; 0]);
    assert_eq!(converter.take_counts().of(Dropped::Gap), 1);
    let created = push(&mut converter, "[39,\"PC_0\",{\"iceServers\":[]},3]");
    assert_eq!((created[0]["kind"].clone(), created[0]["event"].clone()), (json!("event"), json!("create")));
    assert_same(&objects(&push(&mut converter, first)[0]), original, position(ids), "after create");
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

/// Jitsi's rtcstats, as its `deltaCompression` describes it. Returns the stringified array.
fn encode_jitsi(connection: &str, before: &Object, now: &Object, sequence: u64) -> String {
    let newest = now.values().filter_map(|object| object["timestamp"].as_f64()).fold(f64::MIN, f64::max);
    let mut delta = Object::new();
    for (id, object) in now {
        let mut change = object.as_object().unwrap().clone();
        change.remove("id");
        if let Some(before) = before.get(id) {
            change.retain(|name, value| value.is_object() || before.get(name) != Some(value));
        }
        if change.get("timestamp").and_then(Value::as_f64) == Some(newest) {
            change.insert("timestamp".to_owned(), json!(0));
        }
        delta.insert(id.clone(), Value::Object(change));
    }
    delta.insert("timestamp".to_owned(), json!(newest));
    json!(["getstats", connection, delta, newest.ceil(), sequence]).to_string()
}

fn jitsi_messages(capture: &str) -> Vec<(String, Object)> {
    let mut messages = Vec::new();
    let mut before = [Object::new(), Object::new()];
    let connections = [samples(capture, "a"), samples(capture, "b")];
    for tick in 0..connections[0].len() {
        for (index, name) in ["PC_0", "PC_1"].into_iter().enumerate() {
            let now = &connections[index][tick].1;
            let sequence = u64::try_from(messages.len()).unwrap() + 1;
            let data = encode_jitsi(name, &before[index], now, sequence);
            let message = json!({"statsSessionId": "2b0c6f3e", "type": "stats-entry", "data": data});
            messages.push((message.to_string(), now.clone()));
            before[index] = now.clone();
        }
    }
    messages
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

/// A dump as webrtc-internals would have made of one connection of a capture.
fn internals_dump(capture: &str) -> Value {
    let mut stats = Object::new();
    for (_, objects) in samples(capture, "b") {
        for (id, object) in &objects {
            for (member, value) in
                object.as_object().unwrap().iter().filter(|(name, _)| !["id", "type"].contains(&name.as_str()))
            {
                let list = stats
                    .entry(format!("{id}-{member}"))
                    .or_insert_with(|| json!({"statsType": object["type"], "values": []}));
                list["values"].as_array_mut().unwrap().push(value.clone());
            }
        }
    }
    for list in stats.values_mut() {
        list["values"] = Value::from(list["values"].to_string());
    }
    stats.insert("T01-[bytesReceived_in_bits/s]".to_owned(), json!({"statsType": "transport", "values": "[1,2,3]"}));
    let log = json!([
        {"time": "11/21/2026, 6:47:47 AM", "timestamp": 1_795_244_327_273.2, "type": "oniceconnectionstatechange", "value": "\"connected\""},
        {"time": "11/21/2026, 6:47:47 AM", "type": "connectionstatechange", "value": "connected"},
        {"timestamp": 1_795_244_327_000.0, "type": "createOffer", "value": "v=0"},
    ]);
    json!({"UserAgent": "x", "getUserMedia": [], "PeerConnections": {"22058-3": {"url": "https://example.net", "updateLog": log, "stats": stats}}})
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
    let packets: std::collections::BTreeSet<String> = samples
        .iter()
        .flat_map(|(_, objects)| objects.values())
        .filter(|object| {
            object["type"].as_str().unwrap().starts_with("remote-") && object["type"] != "remote-candidate"
        })
        .map(|object| format!("{} {}", object["id"], object["timestamp"]))
        .collect();
    assert_eq!(rtcp_packets, packets.len());
}

/// The envelope of one message.
fn one(dialect: Dialect, message: &Value) -> (Value, Counts) {
    let mut converter = Converter::new(dialect, identity());
    let mut envelopes = push(&mut converter, &message.to_string());
    assert_eq!(envelopes.len(), 1);
    (envelopes.remove(0), converter.take_counts())
}

fn envelope(pc: &str, content: Value) -> Value {
    let mut members = json!({"v": 1, "kind": "getstats", "app": "app", "call": "call", "participant": "p", "pc": pc})
        .as_object()
        .unwrap()
        .clone();
    members.extend(content.as_object().unwrap().clone());
    Value::Object(members)
}

#[test]
fn peermetrics_rows_are_taken_apart() {
    let message = json!({"connectionId": "c-9", "delta": 40, "data": {
        "connection": {"id": "CP1", "type": "candidate-pair", "timestamp": 1_795_243_660_000_u64, "state": "succeeded", "currentRoundTripTime": 0.041,
            "dataChannelsOpened": 1,
            "local": {"id": "I1", "type": "local-candidate", "candidateType": "relay", "address": "192.0.2.7", "url": "turn:turn.example.net"}, "remote": {}},
        "audio": {"outbound": [], "inbound": [{"id": "IT01A7", "type": "inbound-rtp", "timestamp": 1_795_243_660_000_u64, "kind": "audio",
            "codecId": "CIT01_111", "packetsReceived": 640, "packetsLost": 3, "jitter": 0.004, "bitrate": 30000, "packetRate": 400,
            "clockRate": 48000, "mimeType": "audio/opus", "payloadType": 111, "track": {}}]},
        "video": {"inbound": [], "outbound": [{"id": "OT01V9", "type": "outbound-rtp", "timestamp": 1_795_243_660_000_u64, "kind": "video", "bytesSent": 900,
            "track": {"id": "SV2", "type": "media-source", "kind": "video", "frames": 81, "timestamp": 1_795_243_660_000_u64}}]},
    }});
    let time = 1_795_243_660_000_u64;
    let stats = json!([
        {"id": "CP1", "type": "candidate-pair", "timestamp": time, "state": "succeeded", "currentRoundTripTime": 0.041},
        {"id": "I1", "type": "local-candidate", "candidateType": "relay"},
        {"id": "CIT01_111", "type": "codec", "timestamp": time, "mimeType": "audio/opus", "clockRate": 48000, "payloadType": 111},
        {"id": "IT01A7", "type": "inbound-rtp", "timestamp": time, "kind": "audio", "codecId": "CIT01_111", "packetsReceived": 640, "packetsLost": 3, "jitter": 0.004},
        {"id": "SV2", "type": "media-source", "kind": "video", "frames": 81, "timestamp": time},
        {"id": "OT01V9", "type": "outbound-rtp", "timestamp": time, "kind": "video", "bytesSent": 900},
    ]);
    let (found, counts) = one(Dialect::Peermetrics, &message);
    assert_eq!(found, envelope("c-9", json!({"ts": time, "stats": stats})));
    assert_eq!(counts.of(Dropped::Withheld), 2);
}

#[test]
fn a_twilio_sample_gives_totals_in_seconds_and_nothing_of_the_last_second() {
    let message = json!({"timestamp": 1_795_243_660_000_u64, "rtt": 41, "jitter": 12.5, "mos": 4.2, "audioInputLevel": 3000, "audioOutputLevel": 1, "codecName": "opus",
        "packetsLost": 1, "packetsLostFraction": 3.5, "packetsReceived": 49, "packetsSent": 50, "bytesReceived": 4000, "bytesSent": 4100,
        "totals": {"packetsLost": 3, "packetsLostFraction": 0.46, "packetsReceived": 640, "packetsSent": 650, "bytesReceived": 51200, "bytesSent": 52000}});
    let time = 1_795_243_660_000_u64;
    let stats = json!([
        {"id": "inbound", "type": "inbound-rtp", "kind": "audio", "timestamp": time, "codecId": "codec", "jitter": 0.0125, "packetsReceived": 640, "packetsLost": 3, "bytesReceived": 51200},
        {"id": "outbound", "type": "outbound-rtp", "kind": "audio", "timestamp": time, "codecId": "codec", "remoteId": "remote-inbound", "packetsSent": 650, "bytesSent": 52000},
        {"id": "remote-inbound", "type": "remote-inbound-rtp", "kind": "audio", "timestamp": time, "localId": "outbound", "roundTripTime": 0.041},
        {"id": "codec", "type": "codec", "timestamp": time, "mimeType": "audio/opus", "clockRate": 48000},
    ]);
    assert_eq!(
        one(Dialect::Twilio, &message).0,
        envelope("0", json!({"ts": time, "interval_ms": 1000, "stats": stats}))
    );
}

#[test]
fn a_janus_event_is_in_microseconds_and_milliseconds() {
    let message = json!({"emitter": "j", "type": 32, "subtype": 3, "timestamp": 1_795_243_667_800_500_u64, "session_id": 77, "handle_id": 88, "opaque_id": "x",
        "event": {"mid": "1", "mindex": 1, "media": "video", "codec": "vp8", "base": 90000, "rtt": 41, "lost": 14, "lost-by-remote": 2, "jitter-local": 12, "jitter-remote": 8,
            "in-link-quality": 100, "packets-received": 5121, "packets-sent": 300, "bytes-received": 4_810_200, "bytes-sent": 9000, "bytes-received-lastsec": 120_000,
            "nacks-received": 1, "nacks-sent": 9, "retransmissions-received": 7}});
    let time = 1_795_243_667_800.5;
    let stats = json!([
        {"id": "inbound-1", "type": "inbound-rtp", "timestamp": time, "kind": "video", "mid": "1", "codecId": "codec-1", "packetsReceived": 5121, "bytesReceived": 4_810_200,
            "packetsLost": 14, "jitter": 0.012, "nackCount": 9, "retransmittedPacketsReceived": 7},
        {"id": "outbound-1", "type": "outbound-rtp", "timestamp": time, "kind": "video", "mid": "1", "codecId": "codec-1", "remoteId": "remote-inbound-1", "packetsSent": 300,
            "bytesSent": 9000, "nackCount": 1},
        {"id": "remote-inbound-1", "type": "remote-inbound-rtp", "timestamp": time, "kind": "video", "mid": "1", "localId": "outbound-1", "packetsLost": 2, "jitter": 0.008,
            "roundTripTime": 0.041},
        {"id": "codec-1", "type": "codec", "timestamp": time, "mimeType": "video/vp8", "clockRate": 90000},
    ]);
    assert_eq!(one(Dialect::Janus, &message).0, envelope("77-88", json!({"ts": time, "stats": stats})));

    // Other events are passed over; all media of a connection may be in one event; upper layers of a simulcast are streams of their own.
    let mut converter = Converter::new(Dialect::Janus, identity());
    assert!(push(&mut converter, r#"{"type":16,"subtype":1,"timestamp":1,"event":{"ice":"connected"}}"#).is_empty());
    assert!(
        push(&mut converter, r#"{"type":32,"subtype":1,"timestamp":1,"event":{"media":"audio","receiving":true}}"#)
            .is_empty()
    );
    assert_eq!(converter.take_counts().of(Dropped::Unrelated), 2);
    let combined = r#"[{"type":32,"subtype":3,"timestamp":1795243667800500,"session_id":1,"handle_id":2,"event":[
        {"media":"video","mid":"0","packets-received":5},{"media":"video-sim1","mid":"0","packets-received":6},{"media":"data","mid":"2","packets-received":4}]}]"#;
    let stats = objects(&push(&mut converter, combined)[0]);
    let packets = ["inbound-0", "inbound-0-sim1"].map(|id| stats[id]["packetsReceived"].clone());
    assert_eq!(packets, [json!(5), json!(6)]);
    assert_eq!(
        (stats["inbound-0-sim1"]["kind"].clone(), stats["data-2"]["messagesReceived"].clone()),
        (json!("video"), json!(4))
    );
}

#[test]
fn mediasoup_units_are_those_of_the_worker() {
    let message = json!([
        {"type": "webrtc-transport", "transportId": "t-1", "timestamp": 83412, "iceState": "completed", "iceRole": "controlled", "dtlsState": "connected",
            "iceSelectedTuple": {"localIp": "192.0.2.7", "remoteIp": "198.51.100.4"}, "bytesReceived": 9000, "bytesSent": 7000, "recvBitrate": 1, "availableOutgoingBitrate": 600_000},
        {"type": "inbound-rtp", "timestamp": 83412, "ssrc": 90, "kind": "video", "mimeType": "video/VP8", "packetsLost": 14, "fractionLost": 37, "jitter": 1080, "packetCount": 5121,
            "byteCount": 4_810_200, "packetsRepaired": 3, "packetsRetransmitted": 7, "nackCount": 9, "pliCount": 1, "firCount": 0, "score": 10, "bitrate": 100, "roundTripTime": 41},
        {"type": "outbound-rtp", "timestamp": 83412, "ssrc": 7, "rid": "h", "kind": "audio", "mimeType": "audio/opus", "packetsLost": 2, "fractionLost": 37, "packetCount": 640,
            "byteCount": 51200, "nackCount": 0, "pliCount": 0, "firCount": 0, "roundTripTime": 41},
    ]);
    // Jitter 1080 / 90000 s; 37 / 256; 41 ms.
    let stats = json!([
        {"id": "t-1", "type": "transport", "timestamp": 83412, "selectedCandidatePairId": "pair-t-1", "iceState": "completed", "iceRole": "controlled", "dtlsState": "connected",
            "bytesReceived": 9000, "bytesSent": 7000},
        {"id": "pair-t-1", "type": "candidate-pair", "timestamp": 83412, "transportId": "t-1", "state": "succeeded", "availableOutgoingBitrate": 600_000},
        {"id": "codec-video/vp8", "type": "codec", "timestamp": 83412, "mimeType": "video/VP8", "clockRate": 90000},
        {"id": "inbound-90", "type": "inbound-rtp", "timestamp": 83412, "kind": "video", "codecId": "codec-video/vp8", "ssrc": 90, "nackCount": 9, "pliCount": 1, "firCount": 0,
            "packetsReceived": 5121, "bytesReceived": 4_810_200, "packetsLost": 14, "retransmittedPacketsReceived": 7, "jitter": 0.012},
        {"id": "codec-audio/opus", "type": "codec", "timestamp": 83412, "mimeType": "audio/opus", "clockRate": 48000},
        {"id": "outbound-7-h", "type": "outbound-rtp", "timestamp": 83412, "kind": "audio", "rid": "h", "codecId": "codec-audio/opus", "ssrc": 7, "nackCount": 0, "pliCount": 0,
            "firCount": 0, "remoteId": "remote-inbound-7-h", "packetsSent": 640, "bytesSent": 51200},
        {"id": "remote-inbound-7-h", "type": "remote-inbound-rtp", "timestamp": 83412, "kind": "audio", "localId": "outbound-7-h", "ssrc": 7, "packetsLost": 2, "fractionLost": 0.14453125,
            "roundTripTime": 0.041},
    ]);
    let received_ms = 1_795_243_700_000_u64;
    assert_eq!(
        one(Dialect::Mediasoup, &message).0,
        envelope("t-1", json!({"ts": received_ms, "clock": "monotonic", "stats": stats}))
    );
}

/// What any dialect may be sent: every kind of value in every place.
fn hostile_messages() -> Vec<Vec<u8>> {
    let long = "x".repeat(1_000_000);
    let odd = [
        "null",
        "true",
        "-1",
        "1e300",
        "18446744073709551616",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{\"a\":1}",
        "\u{1f600}",
        "NaN",
        "",
        "\"\\ud800\"",
    ];
    let odd = odd.map(str::to_owned).into_iter().chain([format!("\"{long}\""), "[".repeat(200), "{\"a\":".repeat(200)]);
    let templates = [
        "@",
        "[@,\"PC_0\",{},1795243660000]",
        "[\"g\",@,{},1795243660000]",
        "[\"g\",\"PC_0\",@,1795243660000]",
        "[\"g\",\"PC_0\",{\"0\":@,\"t\":1},@]",
        "[\"g\",\"PC_0\",{\"0\":{\"type\":@,\"14\":@,\"t\":@},\"t\":@},5]",
        "[\"getstats\",\"PC_0\",{\"0\":{\"type\":\"inbound-rtp\",\"jitter\":@,\"timestamp\":@},\"timestamp\":@},1795243660000,@]",
        "{\"statsSessionId\":@,\"type\":@,\"data\":@}",
        "{\"statsSessionId\":\"s\",\"type\":\"stats-entry\",\"data\":@}",
        "{\"statsSessionId\":\"s\",\"type\":\"identity\",\"data\":{\"confName\":@}}",
        "{\"PeerConnections\":@}",
        "{\"PeerConnections\":{\"a\":@}}",
        "{\"PeerConnections\":{\"a\":{\"updateLog\":@,\"stats\":@}}}",
        "{\"PeerConnections\":{\"a\":{\"updateLog\":[{\"type\":@,\"timestamp\":@,\"value\":@}],\"stats\":{\"x-y\":@,\"x-timestamp\":{\"values\":@},\"-\":{\"values\":\"[1]\"}}}}}",
        "{\"connectionId\":@,\"delta\":@,\"data\":{\"connection\":@,\"audio\":@,\"remote\":@}}",
        "{\"data\":{\"connection\":{\"id\":@,\"type\":@,\"local\":@},\"audio\":{\"inbound\":[@,{\"id\":\"a\",\"type\":@,\"codecId\":@,\"track\":@}]}}}",
        "{\"timestamp\":@,\"rtt\":@,\"jitter\":@,\"codecName\":@,\"totals\":@}",
        "{\"type\":32,\"subtype\":3,\"timestamp\":@,\"session_id\":@,\"opaque_id\":@,\"event\":@}",
        "{\"type\":32,\"subtype\":3,\"timestamp\":1,\"event\":[@,{\"media\":@,\"mid\":@,\"base\":@,\"lost\":@}]}",
        "[@,{\"type\":\"inbound-rtp\",\"ssrc\":@,\"mimeType\":@,\"jitter\":@},{\"type\":\"webrtc-transport\",\"transportId\":@,\"iceState\":@}]",
    ];
    let odd: Vec<String> = odd.collect();
    templates.iter().flat_map(|template| odd.iter().map(|value| template.replace('@', value).into_bytes())).collect()
}

#[test]
fn no_message_makes_a_converter_panic_or_grow() {
    let messages = hostile_messages();
    for dialect in Dialect::ALL {
        let mut converter = Converter::new(dialect, identity());
        for message in &messages {
            let mut bytes = 0;
            // Whether it is refused does not matter here; what comes out is no longer than what went in, nearly.
            let outcome = converter.push(message, 1_795_243_700_000, &mut |converted| bytes += converted.value.len());
            assert!(bytes < 20_000 + message.len(), "{dialect} {outcome:?}");
        }
    }
}

#[test]
fn limits_refuse_messages_whole() {
    let refusal = |dialect: Dialect, message: &str| {
        let mut envelopes = 0;
        let refused = Converter::new(dialect, identity()).push(message.as_bytes(), 0, &mut |_| envelopes += 1);
        assert_eq!(envelopes, 0);
        refused.unwrap_err()
    };
    let objects: Vec<String> = (0..50_000).map(|index| format!("\"{index}\":{{\"type\":1}}")).collect();
    let many = format!("[\"g\",\"PC_0\",{{{}}},1795243660000]", objects.join(","));
    assert!(matches!(refusal(Dialect::Rtcstats, &many), Error::TooManyObjects { objects: 50_000, limit: 2_000 }));
    let text = format!("[\"g\",\"PC_0\",{{\"0\":{{\"type\":1,\"18\":\"{}\"}}}},1]", "x".repeat(1 << 20));
    assert!(matches!(refusal(Dialect::Rtcstats, &text), Error::TooLarge { limit: 1_048_576, .. }));
    let deep = format!("[\"g\",\"PC_0\",{}{},1]", "[".repeat(200), "]".repeat(200));
    assert!(matches!(refusal(Dialect::Rtcstats, &deep), Error::TooDeep { limit: 32 }));
    let members: Vec<String> = (0..40_000).map(|index| format!("\"m{index}\":1")).collect();
    let wide = format!("[\"g\",\"PC_0\",{{\"0\":{{\"type\":1,{}}}}},1]", members.join(","));
    assert!(matches!(refusal(Dialect::Rtcstats, &wide), Error::TooManyMembers { .. }));
    let inner = json!({"statsSessionId": "s", "type": "stats-entry", "data": format!("{}{}", "[".repeat(200), "]".repeat(200))});
    assert!(matches!(refusal(Dialect::RtcstatsJitsi, &inner.to_string()), Error::TooDeep { .. }));
}

#[test]
fn connections_that_never_close_are_forgotten_in_their_order() {
    let mut converter = Converter::new(Dialect::Rtcstats, identity());
    for index in 0..100 {
        let report =
            format!("[\"g\",\"PC_{index}\",{{\"0\":{{\"type\":1,\"14\":1}},\"t\":1795243660000}},1795243660000]");
        assert_eq!(push(&mut converter, &report).len(), 1);
    }
    assert_eq!(converter.take_counts().of(Dropped::OverCap), 68);
    let change = |index: u32| format!("[\"g\",\"PC_{index}\",{{\"0\":{{\"14\":2}},\"t\":1795243661000}},5]");
    assert_eq!(push(&mut converter, &change(99)).len(), 1);
    assert!(push(&mut converter, &change(10)).is_empty());
}

#[test]
fn names_of_dialects_are_read_back() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.as_str().parse::<Dialect>().unwrap(), dialect);
    }
    let message = "getstats".parse::<Dialect>().unwrap_err().to_string();
    assert!(message.contains("`getstats`") && message.contains("webrtc-internals"), "{message}");
}
