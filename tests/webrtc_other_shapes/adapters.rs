//! Messages of the adapters, each with the envelope that it must give.

use serde_json::{Value, json};
use streamgauge::decode::webrtc::convert::{Converter, Counts, Dialect, Dropped};

use super::{identity, objects, push};

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
