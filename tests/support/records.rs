//! Records as they lie on the bus, made by hand.

use std::fmt::Write as _;

use streamgauge::model::record::header;
use streamgauge::replay::dump::{DumpRecord, HeaderValue};

/// A record with a carrier; the rest is set by the methods of [`Build`].
pub fn record(carrier: &str, value: impl Into<Vec<u8>>) -> DumpRecord {
    let record = DumpRecord {
        topic: "qoe.cmcd".to_owned(),
        partition: 0,
        offset: 0,
        append_ms: 0,
        headers: Vec::new(),
        key: None,
        value: value.into(),
    };
    record.with(header::CARRIER, carrier)
}

/// A query with this payload, every byte of it encoded that may be.
pub fn query(payload: &str) -> DumpRecord {
    record("cmcd-query", query_argument(payload))
}

/// An event-mode body with these records.
pub fn body(lines: &[&str]) -> DumpRecord {
    record("cmcd-body", lines.join("\n"))
}

/// A tick.
pub fn tick() -> DumpRecord {
    let mut tick = record("", "");
    tick.headers = vec![(header::TICK.to_owned(), HeaderValue::Text("1".to_owned()))];
    tick
}

/// Adds to a record.
pub trait Build {
    #[must_use]
    fn with(self, header: &str, value: &str) -> Self;
    #[must_use]
    fn keyed(self, key: &str) -> Self;
    #[must_use]
    fn appended(self, append_ms: i64) -> Self;
}

impl Build for DumpRecord {
    fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.push((header.to_owned(), HeaderValue::Text(value.to_owned())));
        self
    }

    fn keyed(mut self, key: &str) -> Self {
        self.key = Some(key.as_bytes().to_vec());
        self
    }

    fn appended(mut self, append_ms: i64) -> Self {
        self.append_ms = append_ms;
        self
    }
}

/// What a line of CloudFront's real-time log says, with the fields that the built-in topology selects.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// When the request began; the log has its end.
    pub start_ms: i64,
    pub taken_ms: i64,
    pub ttfb_ms: i64,
    pub status: &'a str,
    pub bytes: u64,
    pub edge: &'a str,
    pub request_id: &'a str,
    pub result: &'a str,
    /// The CMCD payload; empty = the request had none.
    pub payload: &'a str,
}

impl LogLine<'_> {
    pub fn record(&self) -> DumpRecord {
        let seconds = |millis: i64| format!("{}.{:03}", millis / 1000, millis % 1000);
        let query = if self.payload.is_empty() { "-".to_owned() } else { query_argument(self.payload) };
        let columns = [
            &seconds(self.start_ms + self.taken_ms),
            &seconds(self.ttfb_ms),
            self.status,
            &self.bytes.to_string(),
            "GET",
            "video.example.com",
            "/vod/1/seg-1.m4s",
            self.edge,
            self.request_id,
            &seconds(self.taken_ms),
            &query,
            self.result,
            "Host:video.example.com%0A",
        ];
        record("cloudfront-rt", columns.join("\t"))
    }
}

/// `CMCD=` and the payload, with everything encoded that is neither a letter nor a digit.
fn query_argument(payload: &str) -> String {
    let mut query = "CMCD=".to_owned();
    for byte in payload.bytes() {
        if byte.is_ascii_alphanumeric() {
            query.push(char::from(byte));
        } else {
            write!(query, "%{byte:02X}").expect("a string takes everything");
        }
    }
    query
}
