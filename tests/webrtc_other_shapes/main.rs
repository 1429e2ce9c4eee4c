//! WebRTC statistics in other shapes come out as envelopes with the same counters, or not at all: recorded calls through each stateful
//! dialect, encoded here by the formats' own rules; adapters by hand; and what a hostile sender may try.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adapters;
mod encoders;
mod hostile;
mod recorded;

use serde_json::{Map, Value};
use streamgauge::decode::webrtc::convert::{Converted, Converter, Dialect, Identity};

type Object = Map<String, Value>;

fn identity() -> Identity {
    let name = |name: &str| name.to_owned();
    Identity { app: name("app"), call: name("call"), participant: name("p"), connection: String::new() }
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

#[test]
fn names_of_dialects_are_read_back() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.as_str().parse::<Dialect>().unwrap(), dialect);
    }
    let message = "getstats".parse::<Dialect>().unwrap_err().to_string();
    assert!(message.contains("`getstats`") && message.contains("webrtc-internals"), "{message}");
}
