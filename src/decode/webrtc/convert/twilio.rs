//! `RTCSample` of Twilio's voice SDK, one or an array of them: one audio call, a sample a second.
//!
//! Facts of the format, from `twilio/twilio-voice.js` (`lib/twilio/rtc/sample.ts`, `lib/twilio/rtc/stats.ts`, `lib/twilio/statsMonitor.ts`).
//!
//! R1  `rtt` and `jitter` are in milliseconds. Counters come from `totals` only: those beside it are of the last second.
//! R2  `mos` and the levels (0 to 32767, a logarithmic scale) have no W3C member. `packetsLostFraction` is in per cent of the last second, and
//!     what it would say follows from the counters.

use serde_json::Value;

use super::envelope::{Named, Output, Report, newest};
use super::stat::{Object, Stat, number, text};
use super::{Dialect, Dropped, Error, Limits};

/// How often the SDK samples.
const INTERVAL_MS: u32 = 1_000;

/// Reads one message.
pub(super) fn convert(message: &[u8], received_ms: f64, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let samples = match serde_json::from_slice(message)? {
        Value::Array(samples) => samples,
        sample @ Value::Object(_) => vec![sample],
        _ => return Err(Error::Shape { dialect: Dialect::Twilio, expected: "an RTCSample or an array of them" }),
    };
    limits.check_objects(samples.len())?;
    for sample in &samples {
        let Value::Object(sample) = sample else {
            output.counts.add(Dropped::WrongValue);
            continue;
        };
        let objects = objects(sample);
        let time_ms = newest(&objects).unwrap_or(received_ms);
        let report = Report { interval_ms: Some(INTERVAL_MS), ..Report::new(&objects, time_ms) };
        output.report(Named::default(), &report);
    }
    Ok(())
}

fn objects(sample: &Object) -> Vec<Object> {
    let timestamp = number(sample, "timestamp");
    let total = |name| sample.get("totals").and_then(Value::as_object).and_then(|totals| number(totals, name));
    let seconds = |name| number(sample, name).map(|milliseconds| milliseconds / 1000.0);
    let audio = |type_name, id: &str| Stat::new(type_name, id.to_owned(), timestamp).text("kind", Some("audio"));

    let codec_name = text(sample, "codecName").map(str::to_ascii_lowercase);
    let codec_id = codec_name.as_ref().map(|_| "codec");
    let inbound = audio("inbound-rtp", "inbound")
        .text("codecId", codec_id)
        .number("jitter", seconds("jitter"))
        .number("packetsReceived", total("packetsReceived"))
        .number("packetsLost", total("packetsLost"))
        .number("bytesReceived", total("bytesReceived"));
    let outbound = audio("outbound-rtp", "outbound")
        .text("codecId", codec_id)
        .text("remoteId", Some("remote-inbound"))
        .number("packetsSent", total("packetsSent"))
        .number("bytesSent", total("bytesSent"));
    let far_end = audio("remote-inbound-rtp", "remote-inbound")
        .text("localId", Some("outbound"))
        .number("roundTripTime", seconds("rtt"));
    let mut objects = vec![inbound.build(), outbound.build(), far_end.build()];
    if let Some(name) = codec_name {
        let codec = Stat::new("codec", "codec".to_owned(), timestamp).text("mimeType", Some(&format!("audio/{name}")));
        let clock_rate = match name.as_str() {
            "opus" => Some(48_000.0),
            "pcmu" => Some(8_000.0),
            _ => None,
        };
        objects.push(codec.number("clockRate", clock_rate).build());
    }
    objects
}
