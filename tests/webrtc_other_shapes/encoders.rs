//! The senders' side of the formats, written from their descriptions.

use serde_json::{Value, json};

use super::Object;

/// The samples of one connection of a capture: time, and objects by id.
pub(super) fn samples(capture: &str, connection: &str) -> Vec<(f64, Object)> {
    let capture: Value = serde_json::from_str(capture).unwrap();
    let out = capture["out"].as_array().unwrap();
    out.iter().map(|sample| (sample["t"].as_f64().unwrap(), sample[connection].as_object().unwrap().clone())).collect()
}

/// The samples of both connections in turn: 0 or 1, time, objects.
fn turns(capture: &str) -> Vec<(usize, f64, Object)> {
    let pairs = samples(capture, "a").into_iter().zip(samples(capture, "b"));
    pairs.flat_map(|((time_a, a), (time_b, b))| [(0, time_a, a), (1, time_b, b)]).collect()
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

/// A message, and what it must give.
pub(super) struct ModernMessage {
    pub(super) connection: &'static str,
    pub(super) text: String,
    pub(super) original: Object,
    /// The original ids by the numbers that stand for them.
    ids: Vec<String>,
}

impl ModernMessage {
    /// The number that stands for an id.
    pub(super) fn new_id(&self, id: &str) -> String {
        self.ids.iter().position(|known| known == id).map_or_else(|| "none".to_owned(), |at| at.to_string())
    }
}

/// What both connections of a call send, in turn.
pub(super) fn modern_messages(capture: &str) -> Vec<ModernMessage> {
    let mut messages = Vec::new();
    let mut encoders = [ModernEncoder::default(), ModernEncoder::default()];
    let mut sent_ms = 0.0;
    for (connection, time, original) in turns(capture) {
        let encoder = &mut encoders[connection];
        let name = ["PC_0", "PC_1"][connection];
        let now = time.round() + 5.0;
        let text = json!(["g", name, encoder.encode(&original), now - sent_ms]).to_string();
        sent_ms = now;
        messages.push(ModernMessage { connection: name, text, original, ids: encoder.ids.clone() });
    }
    messages
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

/// What both connections of a call send, in turn, and what each message must give.
pub(super) fn jitsi_messages(capture: &str) -> Vec<(String, Object)> {
    let mut messages = Vec::new();
    let mut before = [Object::new(), Object::new()];
    for (connection, _, original) in turns(capture) {
        let sequence = u64::try_from(messages.len()).unwrap() + 1;
        let data = encode_jitsi(["PC_0", "PC_1"][connection], &before[connection], &original, sequence);
        let message = json!({"statsSessionId": "2b0c6f3e", "type": "stats-entry", "data": data});
        messages.push((message.to_string(), original.clone()));
        before[connection] = original;
    }
    messages
}

/// A dump as webrtc-internals would have made of one connection of a capture.
pub(super) fn internals_dump(capture: &str) -> Value {
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
