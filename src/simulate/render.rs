//! Drafts as records: the value in its carrier's form, the key, the headers.

use super::SimulatedRecord;
use super::cmcd::{self, Header, Members, Texts};
use super::facts::{Draft, Object, Player, Transport};
use super::log_line;
use super::random::finish;
use super::scenario::Carrier;
use super::world::{Cdn, World, programme_at};
use super::write::{self, FORM, HALF};
use crate::model::record::header;

/// The parts of a request that carriers put together, each in its plain form.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// `/vod/p3/v5/seg-124.m4s`.
    pub(super) path: Vec<u8>,
    /// `CMCD=…`, URL-encoded as the player does it; empty when the CMCD is elsewhere.
    pub(super) query: Vec<u8>,
    /// The values of the four CMCD headers, in the order of [`Header::ALL`]; empty = not sent.
    pub(super) headers: [Vec<u8>; 4],
    /// The log's unique id of the request.
    pub(super) request_id: Vec<u8>,
}

/// Writes records; holds the memory that they are put together in.
#[derive(Debug, Default)]
pub(super) struct Renderer {
    texts: Texts,
    plain: Vec<u8>,
    parts: Parts,
}

impl Renderer {
    /// The record of a draft, as appended at `append_ms`.
    pub(super) fn render(&mut self, draft: &Draft, append_ms: i64, world: &World) -> SimulatedRecord {
        let carrier = draft.carrier();
        let edge = world.edge(Cdn::of(draft.identity.carrier), draft.identity.site);
        self.fill_texts(draft);
        let mut headers = vec![(header::CARRIER, carrier.as_str().to_owned())];
        if !carrier.is_log() {
            headers.push((header::RECEIVED_MS, draft.received_ms.to_string()));
            headers.push((header::EDGE, edge.to_owned()));
        }
        let mut value = Vec::with_capacity(900);
        let event_ms = if carrier == Carrier::Body {
            self.write_body(draft, &mut value)
        } else {
            self.write_request(draft, edge, &mut headers, &mut value)
        };
        let is_seen = carrier == Carrier::Body || draft.identity.transport != Transport::Unseen;
        let key = is_seen.then(|| self.texts.session.as_bytes().to_vec());
        SimulatedRecord { topic: carrier.topic(), key, headers, value, append_ms, event_ms }
    }

    /// Event-mode records, one a line; the Common Media Library ends the last one with a line feed too.
    fn write_body(&mut self, draft: &Draft, value: &mut Vec<u8>) -> i64 {
        let mut first_ms = None;
        for report in draft.reports.iter() {
            first_ms.get_or_insert(report.at_ms.saturating_add(draft.identity.clock_skew_ms));
            cmcd::of_report(draft, report, &self.texts).write(value);
            value.push(b'\n');
        }
        first_ms.unwrap_or(draft.received_ms)
    }

    fn write_request(
        &mut self,
        draft: &Draft,
        edge: &str,
        headers: &mut Vec<(&'static str, String)>,
        value: &mut Vec<u8>,
    ) -> i64 {
        self.fill_parts(draft);
        let (request, parts) = (&draft.request, &self.parts);
        match draft.identity.carrier {
            Carrier::CloudFrontRealTime => log_line::cloudfront_real_time(draft, edge, parts, value),
            Carrier::CloudFrontStandard => log_line::cloudfront_standard(draft, edge, parts, value),
            Carrier::Fastly => log_line::fastly(draft, edge, parts, value),
            Carrier::Nginx => log_line::nginx(draft, edge, parts, value),
            Carrier::Akamai => log_line::akamai(draft, edge, parts, value),
            Carrier::Google => log_line::google(draft, edge, parts, value),
            Carrier::Query | Carrier::Body => {
                value.extend_from_slice(&parts.query);
                headers.push((header::REQUEST_ID, String::from_utf8_lossy(&parts.request_id).into_owned()));
                return draft.received_ms;
            }
            Carrier::Headers => {
                for (name, text) in Header::ALL.iter().zip(&parts.headers).filter(|(_, text)| !text.is_empty()) {
                    value.extend_from_slice(name.name().as_bytes());
                    value.extend_from_slice(b": ");
                    value.extend_from_slice(text);
                    value.push(b'\n');
                }
                headers.push((header::REQUEST_ID, String::from_utf8_lossy(&parts.request_id).into_owned()));
                return draft.received_ms;
            }
        }
        match draft.identity.carrier {
            // These have whole seconds for the end of the request.
            Carrier::CloudFrontStandard => request.end_ms().div_euclid(1000) * 1000 - i64::from(request.taken_ms),
            _ => request.start_ms,
        }
    }

    fn fill_texts(&mut self, draft: &Draft) {
        let Texts { session, next, url } = &mut self.texts;
        session.clear();
        session.push_str(&String::from_utf8_lossy(&write::uuid(draft.identity.session_id)));
        next.clear();
        // Media3 percent-encodes inside the string, as version 1 says; the Common Media Library does not.
        next.push_str(if draft.identity.player == Player::Media3 { "..%2Fv%2Fseg-" } else { "seg-" });
        next.push_str(itoa::Buffer::new().format(draft.request.segment + 1));
        next.push_str(".m4s");
        url.clear();
        if !draft.reports.is_empty() {
            self.plain.clear();
            write_path(&mut self.plain, draft);
            url.push_str("https://");
            url.push_str(Cdn::of(draft.identity.carrier).host());
            url.push_str(&String::from_utf8_lossy(&self.plain));
        }
    }

    fn fill_parts(&mut self, draft: &Draft) {
        let Parts { path, query, headers, request_id } = &mut self.parts;
        path.clear();
        write_path(path, draft);
        request_id.clear();
        write_request_id(request_id, draft);
        query.clear();
        headers.iter_mut().for_each(Vec::clear);
        let members = cmcd::of_request(draft, &self.texts);
        match draft.identity.transport {
            Transport::Query => {
                self.plain.clear();
                members.write(&mut self.plain);
                query.extend_from_slice(b"CMCD=");
                let (keep, plus) =
                    if draft.identity.player == Player::Bitmovin { (&HALF, false) } else { (&FORM, true) };
                write::escaped(query, &self.plain, keep, plus);
            }
            Transport::Headers => fill_headers(&members, headers),
            Transport::Unseen => {}
        }
    }
}

fn fill_headers(members: &Members<'_>, headers: &mut [Vec<u8>; 4]) {
    for (name, text) in Header::ALL.into_iter().zip(headers) {
        members.write_header(name, text);
    }
}

fn write_path(out: &mut Vec<u8>, draft: &Draft) {
    let (identity, request) = (&draft.identity, &draft.request);
    let is_live = programme_at(identity.programme).is_live;
    out.extend_from_slice(if is_live { b"/live/p" } else { b"/vod/p" });
    write::integer(out, u64::from(identity.programme));
    let rung = u64::from(request.condition.rung);
    match request.object {
        Object::Manifest => {
            let is_hls = matches!(identity.player, Player::HlsJs | Player::Apple | Player::Bitmovin);
            out.extend_from_slice(if is_hls { b"/index.m3u8" } else { b"/index.mpd" });
            return;
        }
        Object::Audio => out.extend_from_slice(b"/a/"),
        Object::Init | Object::Video | Object::Muxed => {
            out.extend_from_slice(b"/v");
            write::integer(out, rung);
            out.push(b'/');
        }
    }
    if request.object == Object::Init {
        out.extend_from_slice(b"init.mp4");
        return;
    }
    out.extend_from_slice(b"seg-");
    write::integer(out, u64::from(request.segment));
    out.extend_from_slice(b".m4s");
}

/// 54 characters and `==`, as CloudFront has them; unique per session and request.
fn write_request_id(out: &mut Vec<u8>, draft: &Draft) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let [high, low] = draft.identity.session_id;
    let mut bits = finish(high ^ finish(low ^ u64::from(draft.request.number)));
    for _ in 0..6 {
        let mut rest = bits;
        for _ in 0..9 {
            out.push(LETTERS[(rest & 63) as usize]);
            rest >>= 6;
        }
        bits = finish(bits);
    }
    out.extend_from_slice(b"==");
}
