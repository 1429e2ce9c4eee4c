//! One line of a delivery log in each of the carriers' forms.
//!
//! CloudFront's are documented by AWS ("Real-time logs", "Standard log file format"); the JSON ones are those that the ready-made
//! mappings in `topology/mappings/` describe.

use super::cmcd::Header;
use super::facts::{Draft, Player, Request};
use super::render::Parts;
use super::world::Cdn;
use super::write::{self, CLOUDFRONT};

/// The columns of the simulated real-time lines, in CloudFront's own order; the default topology selects the same.
pub const CLOUDFRONT_FIELDS: [&str; 13] = [
    "timestamp",
    "time-to-first-byte",
    "sc-status",
    "sc-bytes",
    "cs-method",
    "cs-host",
    "cs-uri-stem",
    "x-edge-location",
    "x-edge-request-id",
    "time-taken",
    "cs-uri-query",
    "x-edge-result-type",
    "cs-headers",
];

/// CloudFront cuts the column `cs-headers` here.
const HEADERS_COLUMN_MAX: usize = 800;

/// TAB-separated [`CLOUDFRONT_FIELDS`]. The time is the end of the request; `cs-uri-stem` holds the query too.
pub(super) fn cloudfront_real_time(draft: &Draft, edge: &str, parts: &Parts, out: &mut Vec<u8>) {
    let request = &draft.request;
    write::seconds(out, request.end_ms());
    tab(out);
    write::seconds(out, i64::from(request.ttfb_ms));
    tab(out);
    write::padded(out, u64::from(request.status), 3);
    tab(out);
    write::integer(out, u64::from(request.bytes));
    text_column(out, b"GET");
    text_column(out, host(draft).as_bytes());
    tab(out);
    write_url(out, parts);
    text_column(out, edge.as_bytes());
    text_column(out, &parts.request_id);
    tab(out);
    write::seconds(out, i64::from(request.taken_ms));
    text_column(out, &parts.query);
    text_column(out, cloudfront_result(request));
    tab(out);
    write_headers_column(out, draft, parts);
}

/// The 33 columns of the standard log. What the request had percent-encoded is encoded once more.
pub(super) fn cloudfront_standard(draft: &Draft, edge: &str, parts: &Parts, out: &mut Vec<u8>) {
    let request = &draft.request;
    write::date_time(out, request.end_ms(), b'\t');
    text_column(out, edge.as_bytes());
    tab(out);
    write::integer(out, u64::from(request.bytes));
    text_column(out, b"203.0.113.9");
    text_column(out, b"GET");
    text_column(out, host(draft).as_bytes());
    text_column(out, &parts.path);
    tab(out);
    write::padded(out, u64::from(request.status), 3);
    text_column(out, b"-");
    tab(out);
    write::escaped(out, user_agent(draft.identity.player).as_bytes(), &CLOUDFRONT, false);
    tab(out);
    if parts.query.is_empty() {
        out.push(b'-');
    } else {
        write::escaped(out, &parts.query, &CLOUDFRONT, false);
    }
    text_column(out, b"-");
    text_column(out, cloudfront_result(request));
    text_column(out, &parts.request_id);
    text_column(out, host(draft).as_bytes());
    text_column(out, b"https");
    text_column(out, b"412");
    tab(out);
    write::seconds(out, i64::from(request.taken_ms));
    text_column(out, b"-\tTLSv1.3\tTLS_AES_128_GCM_SHA256");
    text_column(out, cloudfront_result(request));
    text_column(out, b"HTTP/2.0\t-\t-\t49153");
    tab(out);
    write::seconds(out, i64::from(request.ttfb_ms));
    text_column(out, cloudfront_result(request));
    text_column(out, b"video/mp4");
    tab(out);
    write::integer(out, u64::from(request.bytes.saturating_sub(350)));
    text_column(out, b"-\t-");
}

fn tab(out: &mut Vec<u8>) {
    out.push(b'\t');
}

/// One more column; `-` when it is empty.
fn text_column(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'\t');
    out.extend_from_slice(if text.is_empty() { b"-" } else { text });
}

fn write_url(out: &mut Vec<u8>, parts: &Parts) {
    out.extend_from_slice(&parts.path);
    if !parts.query.is_empty() {
        out.push(b'?');
        out.extend_from_slice(&parts.query);
    }
}

/// `Name:value` lines, URL-encoded and cut.
fn write_headers_column(out: &mut Vec<u8>, draft: &Draft, parts: &Parts) {
    const LINE_END: &[u8] = b"%0A";
    let start = out.len();
    out.extend_from_slice(b"Host:");
    out.extend_from_slice(host(draft).as_bytes());
    out.extend_from_slice(LINE_END);
    out.extend_from_slice(b"User-Agent:");
    write::escaped(out, user_agent(draft.identity.player).as_bytes(), &CLOUDFRONT, false);
    out.extend_from_slice(LINE_END);
    for (name, text) in Header::ALL.iter().zip(&parts.headers).filter(|(_, text)| !text.is_empty()) {
        out.extend_from_slice(name.name().as_bytes());
        out.push(b':');
        write::escaped(out, text, &CLOUDFRONT, false);
        out.extend_from_slice(LINE_END);
    }
    out.truncate(start + HEADERS_COLUMN_MAX);
}

const fn cloudfront_result(request: &Request) -> &'static [u8] {
    match (request.is_success(), request.is_hit, request.number % 16) {
        (false, _, _) => b"Error",
        (true, true, 15) => b"RefreshHit",
        (true, true, _) => b"Hit",
        (true, false, _) => b"Miss",
    }
}

const fn host(draft: &Draft) -> &'static str {
    Cdn::of(draft.identity.carrier).host()
}

const fn user_agent(player: Player) -> &'static str {
    match player {
        Player::HlsJs | Player::DashJs => {
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
        }
        Player::Shaka | Player::Bitmovin => {
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
        }
        Player::Media3 => "ExoPlayer/1.8.0 (Linux; Android 15) AndroidXMedia3/1.8.0",
        Player::Apple => "AppleCoreMedia/1.0.0 (iPhone; U; CPU OS 18_6 like Mac OS X; en_us)",
    }
}

/// Members of a JSON object, one after the other.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_first: true }
    }

    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn text(&mut self, name: &str, text: &[u8]) {
        self.quoted(name, |out| write::json_text(out, text));
    }

    fn integer(&mut self, name: &str, value: u64) {
        write::integer(self.name(name), value);
    }

    /// A value that `write` makes, in quotes.
    fn quoted(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let out = self.name(name);
        out.push(b'"');
        write(out);
        out.push(b'"');
    }

    /// Path and query, after `origin`.
    fn url(&mut self, name: &str, origin: &[&str], parts: &Parts) {
        self.quoted(name, |out| {
            origin.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
            out.extend_from_slice(&parts.path);
            if !parts.query.is_empty() {
                out.push(b'?');
                // Browsers leave a backslash in a query alone, JSON does not.
                write::json_text(out, &parts.query);
            }
        });
    }

    fn cmcd_headers(&mut self, names: [&str; 4], parts: &Parts) {
        for (name, text) in names.into_iter().zip(&parts.headers) {
            self.text(name, text);
        }
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

/// Names of the CMCD headers in Fastly's and nginx's lines, in the order of [`Header::ALL`].
const HEADER_MEMBERS: [&str; 4] = ["cmcd_object", "cmcd_request", "cmcd_status", "cmcd_session"];

/// Fastly: the start of the request in ms; text in quotes, as VCL gives it.
pub(super) fn fastly(draft: &Draft, edge: &str, parts: &Parts, out: &mut Vec<u8>) {
    let request = &draft.request;
    let mut line = Object::begin(out);
    line.quoted("start_ms", |out| write::signed(out, request.start_ms));
    line.integer("status", u64::from(request.status));
    line.quoted("bytes", |out| write::integer(out, u64::from(request.bytes)));
    line.quoted("ttfb_s", |out| write::seconds(out, i64::from(request.ttfb_ms)));
    line.integer("elapsed_us", u64::from(request.taken_ms) * 1000);
    let hit: &[u8] = if request.number % 4 == 3 { b"HIT" } else { b"HIT-CLUSTER" };
    line.text("cache", if request.is_hit { hit } else { b"MISS-CLUSTER" });
    line.text("pop", edge.as_bytes());
    line.url("url", &[], parts);
    line.cmcd_headers(HEADER_MEMBERS, parts);
    line.text("request_id", &parts.request_id);
    line.end();
}

/// nginx: the end of the request, no time to first byte; 499 where the viewer gave up.
pub(super) fn nginx(draft: &Draft, edge: &str, parts: &Parts, out: &mut Vec<u8>) {
    let request = &draft.request;
    let status = if request.status == 0 { 499 } else { request.status };
    let mut line = Object::begin(out);
    line.quoted("end", |out| write::seconds(out, request.end_ms()));
    line.quoted("status", |out| write::integer(out, u64::from(status)));
    line.quoted("bytes", |out| write::integer(out, u64::from(request.bytes)));
    line.quoted("taken", |out| write::seconds(out, i64::from(request.taken_ms)));
    line.text("cache", if request.is_hit { b"HIT" } else { b"MISS" });
    line.text("edge", edge.as_bytes());
    line.url("uri", &[], parts);
    line.text("id", &parts.request_id);
    line.cmcd_headers(HEADER_MEMBERS, parts);
    line.end();
}

/// Akamai DataStream 2: values are strings, an absent one is `-`. No point of presence: the country of the server stands for it.
pub(super) fn akamai(draft: &Draft, edge: &str, parts: &Parts, out: &mut Vec<u8>) {
    let request = &draft.request;
    let mut line = Object::begin(out);
    line.text("reqId", &parts.request_id);
    line.quoted("reqTimeSec", |out| write::seconds(out, request.start_ms));
    line.quoted("statusCode", |out| write::padded(out, u64::from(request.status), 3));
    line.quoted("totalBytes", |out| write::integer(out, u64::from(request.bytes)));
    line.text("queryStr", if parts.query.is_empty() { b"-" } else { &parts.query });
    line.text("cacheStatus", if request.is_hit { b"1" } else { b"0" });
    line.text("serverCountry", edge.as_bytes());
    line.quoted("turnAroundTimeMSec", |out| write::integer(out, u64::from(request.ttfb_ms)));
    line.quoted("transferTimeMSec", |out| {
        write::integer(out, u64::from(request.taken_ms.saturating_sub(request.ttfb_ms)));
    });
    line.end();
}

/// Google Media CDN: a Cloud Logging entry. Its time stamp is the start of the request, its latency the whole of it.
pub(super) fn google(draft: &Draft, edge: &str, parts: &Parts, out: &mut Vec<u8>) {
    let request = &draft.request;
    let mut entry = Object::begin(out);
    entry.text("insertId", &parts.request_id);
    let mut http = Object::begin(entry.name("httpRequest"));
    http.text("requestMethod", b"GET");
    http.url("requestUrl", &["https://", host(draft)], parts);
    http.integer("status", u64::from(request.status));
    http.quoted("responseSize", |out| write::integer(out, u64::from(request.bytes)));
    http.quoted("latency", |out| {
        write::seconds(out, i64::from(request.taken_ms));
        out.push(b's');
    });
    http.end();
    let mut payload = Object::begin(entry.name("jsonPayload"));
    payload.text("cacheId", edge.as_bytes());
    payload.text("cacheStatus", if request.is_hit { b"hit" } else { b"miss" });
    payload.end();
    entry.quoted("timestamp", |out| write::rfc3339(out, request.start_ms));
    entry.end();
}
