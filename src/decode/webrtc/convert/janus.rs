//! Events of Janus' event handlers, one or an array of them: of type 32 (media) the statistics, subtype 3.
//!
//! Facts of the format, from `meetecho/janus-gateway` (`src/ice.c`, `src/rtcp.c`, `src/events/eventhandler.h`).
//!
//! R1  `timestamp` is in microseconds since the Unix epoch, `rtt` and the jitters in milliseconds; an `rtt` of 0 is none. `base` is the clock
//!     rate of the codec.
//! R2  An event is of one medium, or of all in an array. What Janus receives is inbound; `…-by-remote`, `…-remote` and `rtt` are what the far
//!     end says of what Janus sends. The layers of a simulcast are streams of their own.
//! R3  Left out: the link qualities and `remb-bitrate`, which have no W3C member, and `…-lastsec`. Bytes include the headers of RTP.
//! R4  The connection is `session_id-handle_id`; where the identity leaves the participant open, `opaque_id` is, or the session.

use serde_json::Value;

use super::envelope::{Named, Output, Report};
use super::stat::{Object, Stat, name_of, number, text};
use super::{Dialect, Dropped, Error, Limits};

const TYPE_MEDIA: f64 = 32.0;
const SUBTYPE_STATS: f64 = 3.0;

/// Reads one message.
pub(super) fn convert(message: &[u8], received_ms: f64, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let events = match serde_json::from_slice(message)? {
        Value::Array(events) => events,
        event @ Value::Object(_) => vec![event],
        _ => return Err(Error::Shape { dialect: Dialect::Janus, expected: "an event or an array of them" }),
    };
    for event in &events {
        match event.as_object().and_then(|event| Some((event, event.get("event")?))) {
            Some((event, body)) if is_stats(event, body) => report(event, body, received_ms, limits, output)?,
            Some(_) => output.counts.add(Dropped::Unrelated),
            None => output.counts.add(Dropped::WrongValue),
        }
    }
    Ok(())
}

/// Versions without subtypes are told by what is in the event.
fn is_stats(event: &Object, body: &Value) -> bool {
    let has_counters = body.is_array() || body.get("packets-received").is_some();
    number(event, "type") == Some(TYPE_MEDIA)
        && number(event, "subtype").map_or(has_counters, |subtype| subtype == SUBTYPE_STATS)
}

fn report(
    event: &Object,
    body: &Value,
    received_ms: f64,
    limits: &Limits,
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let time_ms = number(event, "timestamp").map(|micros| micros / 1000.0);
    let media = match body {
        Value::Array(media) => media.iter().collect(),
        one => vec![one],
    };
    limits.check_objects(media.len())?;
    let mut objects = Vec::new();
    for medium in media {
        match medium.as_object().map(|medium| (medium, text(medium, "media"))) {
            Some((medium, Some("data"))) => objects.push(data_channel(medium, time_ms)),
            Some((medium, Some(media))) => streams(medium, media, time_ms, &mut objects),
            _ => output.counts.add(Dropped::WrongValue),
        }
    }
    limits.check_objects(objects.len())?;
    let session = name_of(event, "session_id");
    let handle = name_of(event, "handle_id");
    let connection = [session.as_deref(), handle.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("-");
    let named = Named {
        participant: text(event, "opaque_id").or(session.as_deref()),
        connection: (!connection.is_empty()).then_some(&connection),
        ..Named::default()
    };
    output.report(named, &Report::new(&objects, time_ms.unwrap_or(received_ms)));
    Ok(())
}

/// R2: one stream in, one out, and what the far end says of the latter.
fn streams(medium: &Object, media: &str, time_ms: Option<f64>, objects: &mut Vec<Object>) {
    // `video-sim1` and `video-sim2` are the upper layers of a simulcast.
    let (kind, layer) = media.split_once('-').unwrap_or((media, ""));
    let mid = text(medium, "mid");
    let mut name = mid.unwrap_or(kind).to_owned();
    if !layer.is_empty() {
        name = format!("{name}-{layer}");
    }
    let codec_id = format!("codec-{name}");
    let outbound_id = format!("outbound-{name}");
    let far_end_id = format!("remote-inbound-{name}");
    let stat =
        |type_name, id: &str| Stat::new(type_name, id.to_owned(), time_ms).text("kind", Some(kind)).text("mid", mid);
    let count = |name| number(medium, name);
    let seconds = |name| number(medium, name).map(|milliseconds| milliseconds / 1000.0);

    let inbound = stat("inbound-rtp", &format!("inbound-{name}"))
        .text("codecId", Some(&codec_id))
        .number("packetsReceived", count("packets-received"))
        .number("bytesReceived", count("bytes-received"))
        .number("packetsLost", count("lost"))
        .number("jitter", seconds("jitter-local"))
        .number("nackCount", count("nacks-sent"))
        .number("retransmittedPacketsReceived", count("retransmissions-received"));
    let outbound = stat("outbound-rtp", &outbound_id)
        .text("codecId", Some(&codec_id))
        .text("remoteId", Some(&far_end_id))
        .number("packetsSent", count("packets-sent"))
        .number("bytesSent", count("bytes-sent"))
        .number("nackCount", count("nacks-received"));
    let far_end = stat("remote-inbound-rtp", &far_end_id)
        .text("localId", Some(&outbound_id))
        .number("packetsLost", count("lost-by-remote"))
        .number("jitter", seconds("jitter-remote"))
        .number("roundTripTime", seconds("rtt").filter(|seconds| *seconds > 0.0));
    let mime_type = text(medium, "codec").map(|codec| format!("{kind}/{codec}"));
    let codec = Stat::new("codec", codec_id.clone(), time_ms)
        .text("mimeType", mime_type.as_deref())
        .number("clockRate", count("base"));
    objects.extend([inbound, outbound, far_end, codec].map(Stat::build));
}

fn data_channel(medium: &Object, time_ms: Option<f64>) -> Object {
    let name = text(medium, "mid").unwrap_or("data");
    Stat::new("data-channel", format!("data-{name}"), time_ms)
        .number("messagesReceived", number(medium, "packets-received"))
        .number("messagesSent", number(medium, "packets-sent"))
        .number("bytesReceived", number(medium, "bytes-received"))
        .number("bytesSent", number(medium, "bytes-sent"))
        .build()
}
