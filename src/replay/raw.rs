//! Raw log files as the records that would have been on the bus: what a shipper and the re-keying of records without a key make of them.
//!
//! R1  A record's key is the session id that is decoded from it; what has none, or cannot be read, has no key and is kept as it is.
//! R2  A record's append time is the highest event time so far, so that the log's own order stands for the order of arrival.
//! R3  Queries and log lines are one record a line; header sets and event-mode bodies are parted by blank lines.
//! R4  The `#` lines of a standard log are no records: the last `#Fields:` line travels with each line after it.

use std::io::{self, BufRead};

use crate::fold::{Decoding, Reader};
use crate::model::record::header;
use crate::model::{Headers, Record};

use super::dump::HeaderValue;

/// A record made of raw input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// The session id (R1).
    pub key: Option<Vec<u8>>,
    /// The line or block, without its line end.
    pub value: Vec<u8>,
    /// R2; in milliseconds since the Unix epoch.
    pub append_ms: i64,
}

/// Which parts of a file are records (R3, R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Lines,
    LinesWithFields,
    Blocks,
}

/// Reads raw logs of one carrier, file after file.
#[derive(Debug)]
pub struct RawLog {
    carrier: String,
    framing: Framing,
    reader: Reader,
    /// The highest event time so far.
    highest_ms: i64,
    /// The `#Fields:` line in force.
    fields: Vec<u8>,
}

impl RawLog {
    /// For a carrier by its name in the header `qoe-carrier`, decoded as the source is. `start_ms` is when the records were appended
    /// that have no time of their own, as long as none before them has one.
    pub fn new(carrier: &str, decoding: &Decoding, start_ms: Option<i64>) -> Self {
        let framing = match carrier {
            "cloudfront-std" => Framing::LinesWithFields,
            "cmcd-headers" | "cmcd-body" => Framing::Blocks,
            _ => Framing::Lines,
        };
        let highest_ms = start_ms.unwrap_or(i64::MIN);
        Self { carrier: carrier.to_owned(), framing, reader: Reader::new(decoding), highest_ms, fields: Vec::new() }
    }

    /// The headers of every record.
    pub fn headers(&self) -> Vec<(String, HeaderValue)> {
        vec![(header::CARRIER.to_owned(), HeaderValue::Text(self.carrier.clone()))]
    }

    /// The highest event time so far, in milliseconds since the Unix epoch; `None` before the first.
    pub fn highest_ms(&self) -> Option<i64> {
        (self.highest_ms != i64::MIN).then_some(self.highest_ms)
    }

    /// Reads one file to its end and calls `each` with every record of it.
    ///
    /// # Errors
    /// What reading or `each` answers.
    pub fn read<E: From<io::Error>>(
        &mut self,
        mut input: impl BufRead,
        each: &mut dyn FnMut(RawRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        self.fields.clear();
        let mut line = Vec::new();
        let mut block = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            let text = line.trim_ascii_end();
            match self.framing {
                Framing::Lines if !text.is_empty() => each(self.record(text.to_vec()))?,
                Framing::LinesWithFields if text.starts_with(b"#") => self.note(text),
                Framing::LinesWithFields if !text.is_empty() => {
                    let value = [self.fields.as_slice(), text].concat();
                    each(self.record(value))?;
                }
                Framing::Blocks if text.is_empty() => {
                    if !block.is_empty() {
                        each(self.record(std::mem::take(&mut block)))?;
                    }
                }
                Framing::Blocks => {
                    if !block.is_empty() {
                        block.push(b'\n');
                    }
                    block.extend_from_slice(text);
                }
                Framing::Lines | Framing::LinesWithFields => {}
            }
            line.clear();
        }
        if !block.is_empty() {
            each(self.record(block))?;
        }
        Ok(())
    }

    /// A `#` line of a standard log.
    fn note(&mut self, text: &[u8]) {
        if text.starts_with(b"#Fields:") {
            self.fields = [text, b"\n"].concat();
        }
    }

    fn record(&mut self, value: Vec<u8>) -> RawRecord {
        let headers = Headers { carrier: Some(&self.carrier), ..Headers::default() };
        let record = Record { offset: 0, append_ms: 0, key: None, value: &value, headers };
        let mut key: Option<Vec<u8>> = None;
        let mut highest_ms = self.highest_ms;
        let outcome = self.reader.read(&record, &mut |event| {
            if let Some(time) = event.time {
                highest_ms = highest_ms.max(time.as_millis());
            }
            if key.is_none() {
                key = event.session.map(|session| session.as_bytes().to_vec());
            }
        });
        // What cannot be read goes to the dead letters, as it would from the bus: it has no key and no time.
        if outcome.is_ok() {
            self.highest_ms = highest_ms;
        }
        RawRecord { key, value, append_ms: self.highest_ms.max(0) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::sync::Arc;

    use crate::decode::cmcd::{Carrier, Carriers};

    /// Key, value and append time of each record.
    fn read(carrier: &str, fixed: Carrier, text: &str) -> Vec<(Option<String>, String, i64)> {
        let mut log = RawLog::new(carrier, &Decoding::Cmcd(Arc::new(Carriers::fixed(fixed))), Some(1_000));
        let text_of = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let mut records = Vec::new();
        log.read::<io::Error>(text.as_bytes(), &mut |record| {
            records.push((record.key.map(text_of), text_of(record.value), record.append_ms));
            Ok(())
        })
        .unwrap();
        records
    }

    #[test]
    fn queries_are_lines_keyed_by_their_session() {
        let records = read("cmcd-query", Carrier::Query, "CMCD=sid%3D%22a%22%2Csu\r\n\nCMCD=bl%3D100\nbanner\n");
        let expected = [
            (Some("a".to_owned()), "CMCD=sid%3D%22a%22%2Csu".to_owned(), 1_000),
            (None, "CMCD=bl%3D100".to_owned(), 1_000),
            (None, "banner".to_owned(), 1_000),
        ];
        assert_eq!(records, expected);
    }

    #[test]
    fn bodies_are_blocks_appended_when_their_latest_event_happened() {
        let text = "sid=\"a\",e=ps,sta=p,ts=5000,v=2\nsid=\"a\",e=t,ts=7000,v=2\n\n\nsid=\"b\",e=t,ts=6000,v=2";
        let records = read("cmcd-body", Carrier::Body, text);
        let (first, second) = text.split_once("\n\n\n").unwrap();
        assert_eq!(records[0], (Some("a".to_owned()), first.to_owned(), 7_000));
        assert_eq!(records[1], (Some("b".to_owned()), second.to_owned(), 7_000));
        assert_eq!(records.len(), 2);
    }

    #[test]
    fn the_fields_of_a_standard_log_travel_with_each_line() {
        let fields = "#Fields: date time x-edge-location cs-uri-query time-taken";
        let lines = ["2026-01-05\t08:00:01\tFRA\tCMCD=sid%3D%22a%22\t0.500", "2026-01-05\t08:00:00\tFRA\t-\t0.250"];
        let text = format!("#Version: 1.0\n{fields}\n{}\n{}\n", lines[0], lines[1]);
        let records = read("cloudfront-std", Carrier::CloudFrontStandard, &text);
        // 2026-01-05T08:00:01Z less half a second; the second line is older and moves nothing.
        let append_ms = 1_767_600_000_500;
        assert_eq!(records[0], (Some("a".to_owned()), format!("{fields}\n{}", lines[0]), append_ms));
        assert_eq!(records[1], (None, format!("{fields}\n{}", lines[1]), append_ms));
    }
}
