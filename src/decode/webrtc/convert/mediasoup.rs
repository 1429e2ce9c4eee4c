//! The arrays that `getStats()` of mediasoup's transports, producers and consumers returns.
//!
//! Facts of the format, from `versatica/mediasoup` (`node/src/RtpStream.ts`, `node/src/Transport.ts`, `worker/src/RTC/RtpStream*.cpp`).
//!
//! R1  `timestamp` is the worker's monotonic clock: it stays on the objects, and the envelope says so (`clock`); the report's own time is
//!     when it came.
//! R2  `jitter` is in units of the codec's clock, `roundTripTime` in milliseconds, `fractionLost` in parts of 256.
//! R3  What the worker receives is inbound. Of what it sends, loss and round trip are what the far end says (`remote-inbound-rtp`); the loss
//!     fraction of what it receives follows from the counters.
//! R4  A transport has one candidate pair, which is in use; its addresses (`iceSelectedTuple`) are left out. Bitrates and scores have no W3C
//!     member, `packetsRepaired` and the counters of RTX neither. Bytes include the headers of RTP.
//! R5  The connection is the transport, in arrays that name it.

use serde_json::Value;

use super::envelope::{Named, Output, Report};
use super::stat::{Object, Stat, name_of, number, text};
use super::{Dialect, Dropped, Error, Limits};

/// Reads one array.
pub(super) fn convert(message: &[u8], received_ms: f64, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let entries = entries(message)?;
    limits.check_objects(entries.len())?;
    let mut objects = Vec::new();
    let mut connection = None;
    for entry in &entries {
        let Value::Object(entry) = entry else {
            output.counts.add(Dropped::WrongValue);
            continue;
        };
        match text(entry, "type") {
            Some("inbound-rtp") => received_stream(entry, &mut objects),
            Some("outbound-rtp") => sent_stream(entry, &mut objects),
            Some("webrtc-transport") => {
                connection = name_of(entry, "transportId");
                transport(entry, &mut objects);
            }
            _ => output.counts.add(Dropped::UnknownType),
        }
    }
    limits.check_objects(objects.len())?;
    let named = Named { connection: connection.as_deref(), ..Named::default() };
    output.report(named, &Report { is_monotonic: true, ..Report::new(&objects, received_ms) });
    Ok(())
}

/// The time of the worker's clock in an array, in milliseconds: recorded arrays have no other.
///
/// # Errors
/// When the message is no array of objects.
pub fn clock_ms(message: &[u8]) -> Result<Option<f64>, Error> {
    let entries = entries(message)?;
    Ok(entries.iter().filter_map(Value::as_object).find_map(|entry| number(entry, "timestamp")))
}

fn entries(message: &[u8]) -> Result<Vec<Value>, Error> {
    match serde_json::from_slice(message)? {
        Value::Array(entries) => Ok(entries),
        _ => Err(Error::Shape { dialect: Dialect::Mediasoup, expected: "the array that `getStats()` returns" }),
    }
}

/// A stream's name in its connection. Without an SSRC there is nothing to tell streams apart by.
fn stream_name(entry: &Object) -> Option<String> {
    let ssrc = name_of(entry, "ssrc")?;
    Some(text(entry, "rid").map_or(ssrc.clone(), |rid| format!("{ssrc}-{rid}")))
}

/// The members that both directions share, and the codec.
fn stream(type_name: &str, id: String, entry: &Object, objects: &mut Vec<Object>) -> Stat {
    let mime_type = text(entry, "mimeType");
    let codec_id = mime_type.map(|name| format!("codec-{}", name.to_ascii_lowercase()));
    if let Some(id) = &codec_id
        && !objects.iter().any(|known| text(known, "id") == Some(id))
    {
        let codec = Stat::new("codec", id.clone(), number(entry, "timestamp"));
        objects.push(codec.text("mimeType", mime_type).number("clockRate", clock_rate(entry)).build());
    }
    Stat::new(type_name, id, number(entry, "timestamp"))
        .text("kind", text(entry, "kind"))
        .text("rid", text(entry, "rid"))
        .text("codecId", codec_id.as_deref())
        .number("ssrc", number(entry, "ssrc"))
        .number("nackCount", number(entry, "nackCount"))
        .number("pliCount", number(entry, "pliCount"))
        .number("firCount", number(entry, "firCount"))
}

fn received_stream(entry: &Object, objects: &mut Vec<Object>) {
    let Some(name) = stream_name(entry) else { return };
    let jitter = number(entry, "jitter").zip(clock_rate(entry)).map(|(units, rate)| units / rate);
    let inbound = stream("inbound-rtp", format!("inbound-{name}"), entry, objects)
        .number("packetsReceived", number(entry, "packetCount"))
        .number("bytesReceived", number(entry, "byteCount"))
        .number("packetsLost", number(entry, "packetsLost"))
        .number("packetsDiscarded", number(entry, "packetsDiscarded"))
        .number("retransmittedPacketsReceived", number(entry, "packetsRetransmitted"))
        .number("jitter", jitter);
    objects.push(inbound.build());
}

/// R3
fn sent_stream(entry: &Object, objects: &mut Vec<Object>) {
    let Some(name) = stream_name(entry) else { return };
    let (id, far_end_id) = (format!("outbound-{name}"), format!("remote-inbound-{name}"));
    let outbound = stream("outbound-rtp", id.clone(), entry, objects)
        .text("remoteId", Some(&far_end_id))
        .number("packetsSent", number(entry, "packetCount"))
        .number("bytesSent", number(entry, "byteCount"))
        .number("retransmittedPacketsSent", number(entry, "packetsRetransmitted"));
    let round_trip = number(entry, "roundTripTime").filter(|milliseconds| *milliseconds > 0.0);
    let far_end = Stat::new("remote-inbound-rtp", far_end_id, number(entry, "timestamp"))
        .text("kind", text(entry, "kind"))
        .text("localId", Some(&id))
        .number("ssrc", number(entry, "ssrc"))
        .number("packetsLost", number(entry, "packetsLost"))
        .number("fractionLost", number(entry, "fractionLost").map(|parts| parts / 256.0))
        .number("roundTripTime", round_trip.map(|milliseconds| milliseconds / 1000.0));
    objects.extend([outbound, far_end].map(Stat::build));
}

/// R4
fn transport(entry: &Object, objects: &mut Vec<Object>) {
    let id = name_of(entry, "transportId").unwrap_or_else(|| "transport".to_owned());
    let pair_id = format!("pair-{id}");
    let is_connected = matches!(text(entry, "iceState"), Some("connected" | "completed"));
    let transport = Stat::new("transport", id.clone(), number(entry, "timestamp"))
        .text("selectedCandidatePairId", is_connected.then_some(&pair_id))
        .text("iceState", text(entry, "iceState"))
        .text("iceRole", text(entry, "iceRole"))
        .text("dtlsState", text(entry, "dtlsState"))
        .number("bytesReceived", number(entry, "bytesReceived"))
        .number("bytesSent", number(entry, "bytesSent"));
    objects.push(transport.build());
    if is_connected {
        let pair = Stat::new("candidate-pair", pair_id, number(entry, "timestamp"))
            .text("transportId", Some(&id))
            .text("state", Some("succeeded"))
            .number("availableOutgoingBitrate", number(entry, "availableOutgoingBitrate"))
            .number("availableIncomingBitrate", number(entry, "availableIncomingBitrate"));
        objects.push(pair.build());
    }
}

/// The rate of the codec's clock: of video always 90 kHz; of audio by the codec, as RFC 3551 and RFC 7587 say.
fn clock_rate(entry: &Object) -> Option<f64> {
    let mime_type = text(entry, "mimeType")?.to_ascii_lowercase();
    match mime_type.as_str() {
        "audio/opus" | "audio/multiopus" => Some(48_000.0),
        "audio/pcmu" | "audio/pcma" | "audio/g722" => Some(8_000.0),
        name if name.starts_with("video/") => Some(90_000.0),
        _ => None,
    }
}
