//! Drafts as records: each client's own way of saying the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::audience::Client;
use super::event;
use super::facts::{Draft, Snapshot};
use crate::model::record::header;
use crate::simulate::SimulatedRecord;
use crate::simulate::write::{FORM, decimal, escaped, integer, json_text, uuid};

/// The value of the header `qoe-carrier`.
const CARRIER: &str = "kaltura";
const TOPIC: &str = "qoe.kaltura";
/// Room for all of a view.
const USUAL_BYTES: usize = 1_024;
/// The DVR window begins so far behind the edge.
const DVR_MS: i64 = 120_000;
/// What no beacon may let out.
const SECRET: &str = "djJ8MTczNDc2Mnzsimulated";

/// The record of a draft, as appended at `append_ms`.
pub(super) fn record(draft: &Draft, append_ms: i64) -> SimulatedRecord {
    let identity = &draft.identity;
    let mut value = Vec::with_capacity(USUAL_BYTES);
    request(&mut value, draft);
    let mut key = Vec::with_capacity(48);
    integer(&mut key, u64::from(identity.partner));
    key.push(b'|');
    key.extend_from_slice(&uuid(identity.session));
    let headers = vec![
        (header::CARRIER, CARRIER.to_owned()),
        (header::RECEIVED_MS, draft.received_ms.to_string()),
        (header::USER_AGENT, identity.user_agent.to_owned()),
        (header::ADDRESS, identity.address.to_string()),
    ];
    SimulatedRecord { topic: TOPIC, key: Some(key), headers, value, append_ms, event_ms: draft.received_ms }
}

fn request(out: &mut Vec<u8>, draft: &Draft) {
    let identity = &draft.identity;
    let mut query = Parameters { out, is_json: false, is_first: false };
    query.out.extend_from_slice(b"service=analytics&action=trackEvent");
    query.integer("eventType", u64::from(draft.snapshot.event));
    query.integer("partnerId", u64::from(identity.partner));
    query.name("entryId");
    identity.entry.write_id(query.out);
    query.name("sessionId");
    query.out.extend_from_slice(&uuid(identity.session));
    if identity.client != Client::Web {
        return parameters(&mut query, draft);
    }
    query.out.extend_from_slice(b"\n{");
    let mut body = Parameters { out: query.out, is_json: true, is_first: true };
    parameters(&mut body, draft);
    body.out.push(b'}');
}

/// All that is not always in the query.
fn parameters(to: &mut Parameters<'_>, draft: &Draft) {
    let Draft { identity, snapshot, .. } = draft;
    // An event of the application has little in common with the others.
    if snapshot.event == event::BUTTON_CLICKED {
        to.text("buttonName", "Share_embed_open");
        to.text("application", "video");
        to.text("ks", SECRET);
        return;
    }
    measures(to, draft);
    to.integer("eventIndex", u64::from(snapshot.index));
    match identity.client {
        Client::Web => to.text("referrer", identity.page),
        Client::Android => to.text("referrer", &STANDARD.encode("app://com.example.app")),
        Client::Apple => to.text("referrer", "app://com.example.ios"),
    }
    to.text("deliveryType", "hls");
    let is_dvr = snapshot.position_ms <= -DVR_MS;
    let playback = if !identity.entry.is_live() {
        "vod"
    } else if is_dvr {
        "dvr"
    } else {
        "live"
    };
    to.text("playbackType", playback);
    let (version, tag) = match identity.client {
        Client::Web => ("3.17.77", "html5:v3.17.77"),
        Client::Android => ("4.30.0", "playkit/android-4.30.0"),
        Client::Apple => ("3.30.0", "playkit/ios-3.30.0"),
    };
    to.text("clientVer", version);
    to.text("clientTag", tag);
    to.seconds("position", snapshot.position_ms);
    to.seconds("playbackSpeed", snapshot.speed_permille);
    to.text("ks", SECRET);
    if let Some(group) = identity.group {
        to.text("customVar1", group.encode_utf8(&mut [0; 4]));
    }
    if let Some(user) = identity.user {
        to.name("userId");
        to.quoted(|out| {
            out.extend_from_slice(b"user-");
            integer(out, u64::from(user));
        });
    }
}

/// What an event brings of its own.
fn measures(to: &mut Parameters<'_>, draft: &Draft) {
    let snapshot = &draft.snapshot;
    match snapshot.event {
        event::VIEW => view(to, draft),
        event::PLAY => {
            stalls(to, snapshot);
            to.bitrate("actualBitrate", snapshot.bitrate_kib, draft);
            to.seconds("joinTime", snapshot.join_ms);
        }
        event::RESUME => {
            stalls(to, snapshot);
            to.bitrate("actualBitrate", snapshot.bitrate_kib, draft);
        }
        event::FLAVOR_SWITCH => to.bitrate("actualBitrate", snapshot.bitrate_kib, draft),
        event::SEEK => to.seconds("targetPosition", snapshot.position_ms),
        event::ENTER_FULL_SCREEN => to.integer("screenMode", u64::from(snapshot.screen)),
        event::IMPRESSION if draft.identity.client == Client::Web => to.text("playerJSLoadTime", "412.346"),
        event::ERROR => {
            to.integer("errorCode", 1_002);
            to.text("errorDetails", "{\"url\":\"https://cdn.example/segment\"}");
            to.integer("errorPosition", u64::from(snapshot.error_position));
        }
        _ => {}
    }
}

fn stalls(to: &mut Parameters<'_>, snapshot: &Snapshot) {
    to.seconds("bufferTime", snapshot.buffer_ms);
    to.seconds("bufferTimeSum", snapshot.buffer_sum_ms);
}

fn view(to: &mut Parameters<'_>, draft: &Draft) {
    let Draft { identity, snapshot, .. } = draft;
    to.seconds("playTimeSum", snapshot.play_sum_ms);
    stalls(to, snapshot);
    to.bitrate("actualBitrate", snapshot.bitrate_kib, draft);
    to.bitrate("averageBitrate", snapshot.average_kib, draft);
    to.integer("soundMode", u64::from(snapshot.sound));
    to.integer("tabMode", u64::from(snapshot.tab));
    to.integer("screenMode", u64::from(snapshot.screen));
    match identity.client {
        Client::Web => {
            to.integer("viewabilityMode", u64::from(snapshot.tab));
            to.seconds("segmentDownloadTime", snapshot.segment_ms.cast_signed());
            to.bitrate("bandwidth", snapshot.bandwidth_kib, draft);
            to.seconds("droppedFramesRatio", snapshot.dropped_permille.cast_signed());
            to.text("audioLanguage", "en");
        }
        Client::Android => {
            to.integer("segmentDownloadTime", snapshot.segment_ms);
            to.name("bandwidth");
            let mark = if identity.has_commas { b',' } else { b'.' };
            integer(to.out, snapshot.bandwidth_kib);
            to.out.extend_from_slice(&[mark, b'5']);
        }
        Client::Apple => {}
    }
}

/// Parameters, appended as a query or as the members of a JSON object.
struct Parameters<'o> {
    out: &'o mut Vec<u8>,
    is_json: bool,
    is_first: bool,
}

impl Parameters<'_> {
    fn name(&mut self, name: &str) {
        if self.is_json {
            self.out.extend_from_slice(if self.is_first { b"\"" } else { b",\"" });
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"\":");
        } else {
            self.out.push(b'&');
            self.out.extend_from_slice(name.as_bytes());
            self.out.push(b'=');
        }
        self.is_first = false;
    }

    fn quoted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let quote: &[u8] = if self.is_json { b"\"" } else { b"" };
        self.out.extend_from_slice(quote);
        write(self.out);
        self.out.extend_from_slice(quote);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        let is_json = self.is_json;
        self.quoted(|out| match is_json {
            true => json_text(out, text.as_bytes()),
            false => escaped(out, text.as_bytes(), &FORM, true),
        });
    }

    fn integer(&mut self, name: &str, value: u64) {
        self.name(name);
        integer(self.out, value);
    }

    /// Thousandths, as the whole with a fraction.
    fn seconds(&mut self, name: &str, thousandths: i64) {
        self.name(name);
        if thousandths < 0 {
            self.out.push(b'-');
        }
        decimal(self.out, thousandths.unsigned_abs(), 3, true);
    }

    /// A bit rate in the client's unit.
    fn bitrate(&mut self, name: &str, kib: u64, draft: &Draft) {
        let factor = if draft.identity.client == Client::Apple { 1_024 } else { 1 };
        self.integer(name, kib * factor);
    }
}
