//! Files of recorded WebRTC statistics as the records that they would have been on the bus.
//!
//! R1  A dump of webrtc-internals is one message; of every other dialect each line is one. gzip is recognised by its first bytes.
//! R2  The same file gives the same records: where a message has no time, the newest event time before it stands in, and before the first of
//!     all the start that the caller gives.
//! R3  A clock that only measures differences (mediasoup) counts from that start on.
//! R4  A line that cannot be read costs that line, and of a dialect that tells only what has changed what the line changed: see
//!     [`Converter`], R3.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use crate::decode::webrtc::convert::{self, Converted, Converter, Counts, Dialect, Identity, mediasoup_clock_ms};

use super::dump::decompressed;

/// What can go wrong with a file of recorded statistics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open {file}: {source}")]
    Open {
        /// The path as given.
        file: String,
        /// The operating system's words.
        source: io::Error,
    },
    /// Reading stopped: a disk error, or a gzip stream cut short.
    #[error("cannot read {file} after line {line}: {source}; if the file was cut short, copy it again")]
    Read {
        /// The path as given.
        file: String,
        /// The last line that was read whole.
        line: u64,
        /// What the operating system or the decompressor says.
        source: io::Error,
    },
    /// A message that was refused.
    #[error("{file} line {line}: {source}")]
    Message {
        /// The path as given.
        file: String,
        /// Counted from 1.
        line: u64,
        /// Why.
        source: convert::Error,
    },
}

/// Reads a file record by record. After an error of kind [`Error::Read`] it ends; a refused message costs that message alone.
pub struct Recording {
    file: String,
    input: Box<dyn BufRead + Send>,
    dialect: Dialect,
    converter: Converter,
    /// What the last message gave and was not asked for yet.
    ready: VecDeque<Converted>,
    lines_read: u64,
    ended: bool,
    /// R2: when the next message came.
    received_ms: i64,
    start_ms: i64,
    /// R3: what the clock said first.
    first_clock_ms: Option<f64>,
}

impl Recording {
    /// Opens a file. `start_ms` is when it begins, for what has no time of its own, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`Error::Open`], or [`Error::Read`] when the first bytes cannot be read.
    pub fn open(path: &Path, dialect: Dialect, identity: Identity, start_ms: i64) -> Result<Self, Error> {
        let file = path.display().to_string();
        let opened = File::open(path).map_err(|source| Error::Open { file: file.clone(), source })?;
        let input = decompressed(BufReader::with_capacity(1 << 16, opened)).map_err(|source| Error::Read {
            file: file.clone(),
            line: 0,
            source,
        })?;
        Ok(Self {
            file,
            input,
            dialect,
            converter: Converter::new(dialect, identity),
            ready: VecDeque::new(),
            lines_read: 0,
            ended: false,
            received_ms: start_ms,
            start_ms,
            first_clock_ms: None,
        })
    }

    /// What was left out of the records so far, by reason, since this was asked last.
    pub fn take_counts(&mut self) -> Counts {
        self.converter.take_counts()
    }

    /// Reads the next message into `message` (R1); `false` = there is none.
    fn read(&mut self, message: &mut Vec<u8>) -> io::Result<bool> {
        let read = match self.dialect {
            Dialect::WebrtcInternals => self.input.read_to_end(message)?,
            _ => self.input.read_until(b'\n', message)?,
        };
        self.lines_read += 1;
        Ok(read > 0)
    }

    fn convert(&mut self, message: &[u8]) -> Result<(), convert::Error> {
        if self.dialect == Dialect::Mediasoup {
            self.follow_clock(message)?;
        }
        let ready = &mut self.ready;
        let mut newest = self.received_ms;
        self.converter.push(message, self.received_ms, &mut |converted| {
            newest = newest.max(converted.time_ms);
            ready.push_back(converted);
        })?;
        self.received_ms = newest;
        Ok(())
    }

    /// R3
    fn follow_clock(&mut self, message: &[u8]) -> Result<(), convert::Error> {
        if let Some(clock_ms) = mediasoup_clock_ms(message)? {
            let first = *self.first_clock_ms.get_or_insert(clock_ms);
            self.received_ms = self.start_ms.saturating_add((clock_ms - first) as i64);
        }
        Ok(())
    }
}

impl Iterator for Recording {
    type Item = Result<Converted, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut message = Vec::new();
        loop {
            if let Some(converted) = self.ready.pop_front() {
                return Some(Ok(converted));
            }
            if self.ended {
                return None;
            }
            message.clear();
            match self.read(&mut message) {
                Ok(is_more) => self.ended = !is_more,
                Err(source) => {
                    self.ended = true;
                    return Some(Err(Error::Read { file: self.file.clone(), line: self.lines_read, source }));
                }
            }
            if message.trim_ascii().is_empty() {
                continue;
            }
            if let Err(source) = self.convert(&message) {
                return Some(Err(Error::Message { file: self.file.clone(), line: self.lines_read, source }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::{Value, json};

    const DUMP: &[u8] = include_bytes!("../../tests/data/webrtc/rtcstats.jsonl");

    fn identity() -> Identity {
        let named = |name: &str| name.to_owned();
        Identity {
            app: named("townhall"),
            call: named("room-7f3a"),
            participant: named("p-114"),
            ..Identity::default()
        }
    }

    /// The records of a file with this content, and the lines that were refused.
    fn read(content: &[u8], dialect: Dialect) -> (Vec<(Value, i64)>, Vec<u64>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let (mut records, mut refused) = (Vec::new(), Vec::new());
        for record in Recording::open(file.path(), dialect, identity(), 1_795_243_000_000).unwrap() {
            match record {
                Ok(converted) => {
                    assert_eq!(converted.key, b"townhall|room-7f3a|p-114");
                    records.push((serde_json::from_slice(&converted.value).unwrap(), converted.time_ms));
                }
                Err(Error::Message { line, .. }) => refused.push(line),
                Err(other) => panic!("{other}"),
            }
        }
        (records, refused)
    }

    #[test]
    fn a_dump_file_gives_its_events_and_reports() {
        let (records, refused) = read(DUMP, Dialect::Rtcstats);
        let base = json!({"v": 1, "app": "townhall", "call": "room-7f3a", "participant": "p-114", "pc": "PC_0"});
        let envelope = |content: Value| {
            let mut members = base.as_object().unwrap().clone();
            members.extend(content.as_object().unwrap().clone());
            Value::Object(members)
        };
        // Messages at 59.100, +400, +20, +460, +30 and +1003 ms; the reports' own event times are those of their objects.
        let inbound = |packets, lost, bytes, time: u64| {
            json!({"id": "0", "type": "inbound-rtp", "transportId": "1", "ssrc": 90, "kind": "video", "packetsReceived": packets,
                "packetsLost": lost, "bytesReceived": bytes, "timestamp": time})
        };
        let transport = |time: u64| json!({"id": "1", "type": "transport", "dtlsState": "connected", "selectedCandidatePairId": "2", "timestamp": time});
        let pair = |rtt: f64, time: u64| json!({"id": "2", "type": "candidate-pair", "state": "succeeded", "nominated": true, "currentRoundTripTime": rtt, "timestamp": time});
        let candidate =
            json!({"id": "3", "type": "local-candidate", "candidateType": "host", "timestamp": 1_795_243_660_000_u64});
        let (first, second) = (1_795_243_660_000, 1_795_243_661_001);
        let expected = [
            (envelope(json!({"kind": "event", "ts": 1_795_243_659_500_u64, "event": "create"})), 1_795_243_659_500),
            (
                envelope(
                    json!({"kind": "event", "ts": 1_795_243_659_980_u64, "event": "iceconnectionstatechange", "value": "connected"}),
                ),
                1_795_243_659_980,
            ),
            (
                envelope(json!({"kind": "getstats", "ts": 1_795_243_660_010_u64,
                    "stats": [inbound(500, 0, 480_000, first), transport(first), pair(0.041, first), candidate]})),
                1_795_243_660_000,
            ),
            (
                envelope(json!({"kind": "getstats", "ts": 1_795_243_661_013_u64,
                    "stats": [inbound(612, 2, 590_210, second), transport(second), pair(0.05, second)]})),
                1_795_243_661_001,
            ),
        ];
        assert_eq!(records, expected);
        assert_eq!(refused, Vec::<u64>::new());

        let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
        compressed.write_all(DUMP).unwrap();
        assert_eq!(read(&compressed.finish().unwrap(), Dialect::Rtcstats), (records, refused));
    }

    #[test]
    fn a_broken_line_is_named_and_its_changes_are_not_guessed() {
        let text = String::from_utf8(DUMP.to_vec()).unwrap();
        let broken = text.replace("\"connected-0\",30]", "\"connected-0\",");
        let (records, refused) = read(broken.as_bytes(), Dialect::Rtcstats);
        assert_eq!(refused, [7]);
        // The second report has changes only, of objects that were never seen whole.
        assert_eq!(records.len(), 2);
    }

    #[test]
    fn a_monotonic_clock_counts_from_the_start() {
        let line = |time: u64| {
            format!(
                "[{{\"type\":\"inbound-rtp\",\"ssrc\":7,\"kind\":\"audio\",\"packetCount\":1,\"timestamp\":{time}}}]\n"
            )
        };
        let (records, _) = read([line(83_412), line(84_412), line(86_000)].concat().as_bytes(), Dialect::Mediasoup);
        let times: Vec<i64> = records.iter().map(|(_, time_ms)| *time_ms).collect();
        assert_eq!(times, [1_795_243_000_000, 1_795_243_001_000, 1_795_243_002_588]);
    }
}
