//! The captures of two browsers, wrapped into the envelope in which reports come by the bus.
#![allow(dead_code, unreachable_pub, reason = "each user takes what it needs")]
#![allow(clippy::expect_used)]

use serde_json::{Value, json};

/// Name and content of every capture; their form is in `tests/data/webrtc/README.md`.
pub const CAPTURES: [(&str, &str); 4] = [
    ("chromium147-bottleneck", include_str!("../data/webrtc/chromium147-bottleneck.json")),
    ("chromium147-loss8", include_str!("../data/webrtc/chromium147-loss8.json")),
    ("chromium147-restart", include_str!("../data/webrtc/chromium147-restart.json")),
    ("firefox153", include_str!("../data/webrtc/firefox153.json")),
];

/// One call of `getStats()` on one of the two connections.
pub struct Sample {
    /// `a` or `b`.
    pub connection: &'static str,
    /// Its number among those of the connection.
    pub sequence: usize,
    /// When it was asked for, ms.
    pub time_ms: Value,
    /// The objects by id.
    pub objects: Value,
}

/// The samples of a capture, in order.
pub fn samples(capture: &str) -> Vec<Sample> {
    let capture: Value = serde_json::from_str(capture).expect("a capture is JSON");
    let mut samples = Vec::new();
    for (sequence, sample) in capture["out"].as_array().expect("`out` is a list").iter().enumerate() {
        for connection in ["a", "b"] {
            let (time_ms, objects) = (sample["t"].clone(), sample[connection].clone());
            samples.push(Sample { connection, sequence, time_ms, objects });
        }
    }
    samples
}

impl Sample {
    /// The record of the sample, its statistics as a map by id.
    pub fn as_map(&self) -> String {
        self.envelope(self.objects.clone())
    }

    /// The record of the sample, its statistics as a list.
    pub fn as_list(&self) -> String {
        let objects = self.objects.as_object().expect("objects by id");
        self.envelope(objects.values().cloned().collect())
    }

    fn envelope(&self, stats: Value) -> String {
        let envelope = json!({
            "v": 1, "kind": "getstats", "app": "townhall", "call": "room-7f3a", "participant": "p-114", "pc": self.connection,
            "role": "subscriber", "edge": "sfu-fra-3", "region": "eu", "seq": self.sequence, "ts": self.time_ms, "interval_ms": 1000,
            "stats": stats,
        });
        envelope.to_string()
    }
}
