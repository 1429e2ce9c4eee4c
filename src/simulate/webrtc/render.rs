//! Drafts as records: the envelope, the key, the headers.

use super::facts::{Content, Draft, Header, Side};
use super::objects::{Stats, of_publisher, of_subscriber};
use super::world::World;
use crate::model::record::header;
use crate::simulate::{SimulatedRecord, write};

/// The value of the header `qoe-carrier`.
const CARRIER: &str = "webrtc";
const TOPIC: &str = "qoe.webrtc";
/// Room for all but simulcast with certificates.
const USUAL_BYTES: usize = 10 * 1024;

/// The record of a draft, as appended at `append_ms`.
pub(super) fn record(draft: &Draft, append_ms: i64, world: &World) -> SimulatedRecord {
    let identity = &draft.identity;
    let shown_us = draft.at_us.saturating_add(identity.clock_us);
    let mut value = Vec::with_capacity(if matches!(draft.content, Content::Event(..)) { 400 } else { USUAL_BYTES });
    match &draft.content {
        Content::Sent(state, about) => {
            begin(&mut value, "getstats", draft, Side::Publisher, world);
            measured(&mut value, draft, *about, shown_us);
            let mut stats = Stats::new(&mut value, identity.clock_us, about.typeless);
            of_publisher(&mut stats, identity, state, about.sequence);
            value.extend_from_slice(b"]}");
        }
        Content::Received(state, about) => {
            begin(&mut value, "getstats", draft, Side::Subscriber, world);
            measured(&mut value, draft, *about, shown_us);
            let mut stats = Stats::new(&mut value, identity.clock_us, about.typeless);
            of_subscriber(&mut stats, identity, state);
            value.extend_from_slice(b"]}");
        }
        Content::Event(side, event, state) => {
            begin(&mut value, "event", draft, *side, world);
            time(&mut value, shown_us);
            text(&mut value, "event", event);
            text(&mut value, "value", state);
            value.push(b'}');
        }
    }
    let headers = vec![(header::CARRIER, CARRIER.to_owned()), (header::RECEIVED_MS, draft.received_ms.to_string())];
    let event_ms = shown_us.div_euclid(1000);
    SimulatedRecord { topic: TOPIC, key: Some(key(draft)), headers, value, append_ms, event_ms }
}

fn key(draft: &Draft) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.extend_from_slice(draft.identity.app.as_bytes());
    key.push(b'|');
    call(&mut key, draft);
    key.push(b'|');
    participant(&mut key, draft);
    key
}

fn call(out: &mut Vec<u8>, draft: &Draft) {
    out.extend_from_slice(b"room-");
    write::hexadecimal(out, draft.identity.call >> 32, 8);
}

fn participant(out: &mut Vec<u8>, draft: &Draft) {
    out.extend_from_slice(b"p-");
    write::hexadecimal(out, draft.identity.number >> 16, 12);
}

/// The members that all envelopes begin with.
fn begin(out: &mut Vec<u8>, kind: &str, draft: &Draft, side: Side, world: &World) {
    out.extend_from_slice(b"{\"v\":1");
    text(out, "kind", kind);
    text(out, "app", draft.identity.app);
    out.extend_from_slice(b",\"call\":\"");
    call(out, draft);
    out.extend_from_slice(b"\",\"participant\":\"");
    participant(out, draft);
    out.push(b'"');
    text(out, "pc", side.connection());
    text(out, "role", side.role());
    text(out, "edge", world.edge(draft.identity.site));
    text(out, "region", world.region(draft.identity.site));
}

/// The members of a report, up to its objects.
fn measured(out: &mut Vec<u8>, draft: &Draft, about: Header, shown_us: i64) {
    out.extend_from_slice(b",\"seq\":");
    write::integer(out, u64::from(about.sequence));
    time(out, shown_us);
    out.extend_from_slice(b",\"interval_ms\":");
    write::integer(out, u64::from(about.interval_ms));
    text(out, "ua", draft.identity.client.user_agent());
    out.extend_from_slice(b",\"stats\":[");
}

fn time(out: &mut Vec<u8>, shown_us: i64) {
    out.extend_from_slice(b",\"ts\":");
    write::decimal(out, shown_us.max(0).cast_unsigned(), 3, true);
}

fn text(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
