//! Whatever the bytes, the decoder of WebRTC statistics does not panic, and it finds well-formed what another reader of JSON does.
//!
//! It may take for well-formed what is not, inside of values that it steps over; never the reverse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use streamgauge::decode::webrtc::Decoder;
use streamgauge::model::{Headers, Reason, Record};

/// Names and words that mean something, so that more than unknown members is tried.
const WORDS: [&str; 41] = [
    "stats",
    "kind",
    "getstats",
    "event",
    "call",
    "participant",
    "app",
    "pc",
    "ts",
    "clock",
    "monotonic",
    "seq",
    "v",
    "value",
    "id",
    "type",
    "timestamp",
    "mediaType",
    "trackId",
    "track",
    "certificate",
    "inbound-rtp",
    "outbound-rtp",
    "candidate-pair",
    "codec",
    "packetsLost",
    "jitter",
    "nackCount",
    "discardedPackets",
    "nominated",
    "qualityLimitationDurations",
    "cpu",
    "codecId",
    "mid",
    "peerConnections",
    "peerConnectionId",
    "inboundRtps",
    "iceCandidates",
    "clientEvents",
    "payload",
    "CLIENT_JOINED",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(WORDS.as_slice()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2_i64..2_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 120, 12, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..12).prop_map(Value::from),
            vec((word(), inner), 0..12).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An envelope, so that the way inside is open.
fn record() -> impl Strategy<Value = Value> {
    let envelope = json()
        .prop_map(|stats| serde_json::json!({"call": "c", "participant": "p", "kind": "getstats", "stats": stats}));
    prop_oneof![json(), envelope]
}

/// Decodes twice with one decoder: the same outcome, no report with an error.
fn decode(decoder: &mut Decoder, value: &[u8]) -> (Result<(), Reason>, Vec<String>) {
    let record = Record { offset: 0, append_ms: 0, key: Some(b"a|c|p"), value, headers: Headers::default() };
    let mut once = || {
        let mut reports = Vec::new();
        let outcome = decoder.decode(&record, &mut |report| reports.push(format!("{report:?}")));
        (outcome, reports)
    };
    let first = once();
    assert!(first.0.is_ok() || first.1.is_empty(), "reports of a dead letter");
    assert_eq!(first, once(), "the decoder remembers something");
    first
}

/// The same JSON with every character of every string as an escape, and blanks wherever they may be.
fn spelled_out(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push_str(" [ ");
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "\t," } else { "" });
                spelled_out(item, text);
            }
            text.push_str("\r\n]");
        }
        Value::Object(members) => {
            text.push_str(" { ");
            for (index, (name, member)) in members.iter().enumerate() {
                text.push_str(if index > 0 { " ,\n" } else { "" });
                spell(name, text);
                text.push_str(" :");
                spelled_out(member, text);
            }
            text.push_str(" } ");
        }
        Value::String(string) => spell(string, text),
        scalar => write!(text, " {scalar} ").unwrap(),
    }
}

fn spell(string: &str, text: &mut String) {
    text.push('"');
    string.encode_utf16().for_each(|unit| write!(text, "\\u{unit:04x}").unwrap());
    text.push('"');
}

proptest! {
    #[test]
    fn well_formed_json_is_never_refused_as_json_and_its_spelling_means_nothing(value in record()) {
        let mut decoder = Decoder::default();
        let (outcome, reports) = decode(&mut decoder, value.to_string().as_bytes());
        prop_assert_ne!(outcome, Err(Reason::Json));
        let mut spelled = String::new();
        spelled_out(&value, &mut spelled);
        prop_assert!(serde_json::from_str::<Value>(&spelled).is_ok());
        prop_assert_eq!(decode(&mut decoder, spelled.as_bytes()), (outcome, reports));
    }

    #[test]
    fn what_is_cut_off_is_no_json(value in record(), place in any::<prop::sample::Index>()) {
        let value = if value.is_object() { value } else { serde_json::json!([value]) };
        let text = value.to_string();
        let (outcome, _) = decode(&mut Decoder::default(), text.get(..place.index(text.len())).unwrap_or("[").as_bytes());
        prop_assert!(matches!(outcome, Err(Reason::Json | Reason::Empty)), "{:?}", outcome);
    }

    #[test]
    fn changed_bytes_do_no_harm(
        value in record(),
        changes in vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\-0N.e".as_slice())]), 1..8),
    ) {
        let mut bytes = value.to_string().into_bytes();
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let (outcome, _) = decode(&mut Decoder::default(), &bytes);
        if serde_json::from_slice::<Value>(&bytes).is_ok() {
            prop_assert_ne!(outcome, Err(Reason::Json));
        }
    }

    #[test]
    fn bytes_do_no_harm(bytes in vec(any::<u8>(), 0..400)) {
        let (outcome, _) = decode(&mut Decoder::default(), &bytes);
        prop_assert!(outcome != Err(Reason::TooLarge));
    }
}
