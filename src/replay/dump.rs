//! Dump files: a stretch of the log, one JSON line a record, plain or gzip.
//!
//! ```json
//! {"topic":"qoe.cmcd","partition":3,"offset":41,"append_ms":1767600123417,"headers":[["qoe-carrier","cmcd-query"]],"key":"cy0x","value":"Q01DRD1ic..."}
//! ```
//!
//! R1  A dump holds all that the fold may look at; what is read back equals what was written, byte for byte.
//! R2  `headers` is a list of pairs in the order of the record, because Kafka headers may repeat. The value of a header is text, or
//!     `{"base64": "..."}` where its bytes are not UTF-8.
//! R3  `key` and `value` are standard base64; a key of `null` is no key. Members beside these seven are an error: the file is of
//!     another kind, or of a later version.
//! R4  An error names the file and the line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::model::{Headers, Record};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What can go wrong with a dump file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open dump file {file}: {source}")]
    Open {
        /// The path as given.
        file: String,
        /// The operating system's words.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot create dump file {file}: {source}")]
    Create {
        /// The path as given.
        file: String,
        /// The operating system's words.
        source: io::Error,
    },
    /// Reading stopped: a disk error, a gzip stream cut short, or text that is not UTF-8.
    #[error("cannot read {file} after line {line}: {source}; if the file was cut short, dump it again")]
    Read {
        /// The path as given.
        file: String,
        /// The last line that was read whole.
        line: u64,
        /// What the operating system or the decompressor says.
        source: io::Error,
    },
    /// A line that is no dump record.
    #[error("{file} line {line} is not a dump record: {source}")]
    Line {
        /// The path as given.
        file: String,
        /// Counted from 1.
        line: u64,
        /// What is wrong with the JSON.
        source: serde_json::Error,
    },
    /// Writing stopped.
    #[error("cannot write dump record {record}: {source}; check the space left on the disk")]
    Write {
        /// The record, counted from 1.
        record: u64,
        /// The operating system's words.
        source: io::Error,
    },
}

/// One record of the log with its place in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DumpRecord {
    /// The topic's name.
    pub topic: String,
    /// The partition, from 0.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// When the broker appended it, in milliseconds since the Unix epoch.
    pub append_ms: i64,
    /// Name and value, in the order of the record; names may repeat.
    pub headers: Vec<(String, HeaderValue)>,
    /// `None` = the record has no key.
    #[serde(with = "optional_base64")]
    pub key: Option<Vec<u8>>,
    /// The record's value; empty for a tick.
    #[serde(with = "plain_base64")]
    pub value: Vec<u8>,
}

impl DumpRecord {
    /// This record as the decoders and the engine take it.
    pub fn as_record(&self) -> Record<'_> {
        let mut headers = Headers::default();
        for (name, value) in &self.headers {
            headers.set(name, value.as_bytes());
        }
        Record { offset: self.offset, append_ms: self.append_ms, key: self.key.as_deref(), value: &self.value, headers }
    }
}

/// The value of a record header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeaderValue {
    /// The usual case.
    Text(String),
    /// Bytes that are not UTF-8.
    Bytes {
        /// The bytes; base64 in the file.
        #[serde(with = "plain_base64")]
        base64: Vec<u8>,
    },
}

impl HeaderValue {
    /// From the bytes on the bus.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes { base64: bytes.to_owned() },
        }
    }

    /// The bytes on the bus.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes { base64 } => base64,
        }
    }
}

/// Reads a dump, record by record. After an error of kind [`Error::Read`] it ends; a wrong line costs that line alone.
pub struct Reader {
    input: Box<dyn BufRead + Send>,
    file: String,
    lines_read: u64,
    line: String,
    ended: bool,
}

impl Reader {
    /// Opens a dump file; gzip is recognised by its first bytes, whatever the name.
    ///
    /// # Errors
    /// [`Error::Open`], or [`Error::Read`] when the first bytes cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = path.display().to_string();
        match File::open(path) {
            Ok(input) => Self::new(BufReader::with_capacity(1 << 16, input), file),
            Err(source) => Err(Error::Open { file, source }),
        }
    }

    /// Reads from any source; `file` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Read`] when the first bytes cannot be read.
    pub fn new(input: impl BufRead + Send + 'static, file: String) -> Result<Self, Error> {
        let input = match decompressed(input) {
            Ok(input) => input,
            Err(source) => return Err(Error::Read { file, line: 0, source }),
        };
        Ok(Self { input, file, lines_read: 0, line: String::new(), ended: false })
    }
}

/// The text of `input`, gzip (recognised by its first bytes) or plain.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn decompressed(mut input: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    if input.fill_buf()?.starts_with(&GZIP_MAGIC) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(input))));
    }
    Ok(Box::new(input))
}

impl Iterator for Reader {
    type Item = Result<DumpRecord, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            self.line.clear();
            match self.input.read_line(&mut self.line) {
                Ok(0) => self.ended = true,
                Ok(_) => {
                    self.lines_read += 1;
                    if self.line.trim().is_empty() {
                        continue;
                    }
                    let parsed = serde_json::from_str(&self.line);
                    return Some(parsed.map_err(|source| Error::Line {
                        file: self.file.clone(),
                        line: self.lines_read,
                        source,
                    }));
                }
                Err(source) => {
                    self.ended = true;
                    return Some(Err(Error::Read { file: self.file.clone(), line: self.lines_read, source }));
                }
            }
        }
        None
    }
}

/// Writes a dump. [`Writer::finish`] must be called: a gzip stream without its end cannot be read back whole.
pub struct Writer<W: Write> {
    output: Output<W>,
    records_written: u64,
}

enum Output<W: Write> {
    Plain(W),
    Gzip(Box<GzEncoder<W>>),
}

impl Writer<BufWriter<File>> {
    /// Makes (or replaces) a dump file; a name that ends in `.gz` is compressed.
    ///
    /// # Errors
    /// [`Error::Create`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        let output = match File::create(path) {
            Ok(file) => BufWriter::with_capacity(1 << 16, file),
            Err(source) => return Err(Error::Create { file: path.display().to_string(), source }),
        };
        let is_gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        Ok(if is_gzip { Self::gzip(output) } else { Self::plain(output) })
    }
}

impl<W: Write> Writer<W> {
    /// Writes plain lines.
    pub fn plain(output: W) -> Self {
        Self { output: Output::Plain(output), records_written: 0 }
    }

    /// Writes lines compressed with gzip.
    pub fn gzip(output: W) -> Self {
        Self { output: Output::Gzip(Box::new(GzEncoder::new(output, Compression::fast()))), records_written: 0 }
    }

    /// Writes one record.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&mut self, record: &DumpRecord) -> Result<(), Error> {
        self.records_written += 1;
        let written = match &mut self.output {
            Output::Plain(output) => write_line(output, record),
            Output::Gzip(output) => write_line(output, record),
        };
        written.map_err(|source| Error::Write { record: self.records_written, source })
    }

    /// Ends the stream and hands back what it was written to.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self) -> Result<W, Error> {
        let record = self.records_written;
        let finished = match self.output {
            Output::Plain(output) => Ok(output),
            Output::Gzip(output) => output.finish(),
        };
        let flushed = finished.and_then(|mut output| output.flush().map(|()| output));
        flushed.map_err(|source| Error::Write { record, source })
    }
}

fn write_line(output: &mut impl Write, record: &DumpRecord) -> io::Result<()> {
    serde_json::to_writer(&mut *output, record)?;
    output.write_all(b"\n")
}

mod plain_base64 {
    use base64::Engine as _;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::STANDARD;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}

mod optional_base64 {
    use base64::Engine as _;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::STANDARD;

    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::io::Cursor;

    use super::*;

    fn records() -> Vec<DumpRecord> {
        let headers = vec![
            ("qoe-carrier".to_owned(), HeaderValue::from_bytes(b"cmcd-query")),
            ("qoe-edge".to_owned(), HeaderValue::from_bytes(b"MAD53-P2")),
            ("other".to_owned(), HeaderValue::from_bytes(&[0xff, 0x00])),
            ("qoe-edge".to_owned(), HeaderValue::from_bytes(b"LHR61-C1")),
        ];
        let keyed = DumpRecord {
            topic: "qoe.cmcd".to_owned(),
            partition: 3,
            offset: 41,
            append_ms: 1_767_600_123_417,
            headers,
            key: Some(b"s-1".to_vec()),
            value: vec![0, 159, 146, 150, b'\n'],
        };
        let tick = DumpRecord {
            headers: vec![("qoe-tick".to_owned(), HeaderValue::from_bytes(b""))],
            key: None,
            value: Vec::new(),
            offset: 42,
            ..keyed.clone()
        };
        vec![keyed, tick]
    }

    fn read_all(bytes: Vec<u8>) -> Vec<DumpRecord> {
        Reader::new(Cursor::new(bytes), "test".to_owned()).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn what_is_read_equals_what_was_written() {
        for mut writer in [Writer::plain(Vec::new()), Writer::gzip(Vec::new())] {
            for record in records() {
                writer.write(&record).unwrap();
            }
            assert_eq!(read_all(writer.finish().unwrap()), records());
        }
    }

    #[test]
    fn the_format_is_the_documented_one() {
        let line = r#"{"topic":"t","partition":0,"offset":7,"append_ms":9,"headers":[["a","x"],["a",{"base64":"/w=="}]],"key":null,"value":"cy0x"}"#;
        let read = read_all(line.as_bytes().to_vec());
        assert_eq!(read[0].value, b"s-1");
        assert_eq!(read[0].headers[1].1.as_bytes(), [0xff]);
        assert_eq!(serde_json::to_string(&read[0]).unwrap(), line);
    }

    #[test]
    fn the_last_of_repeated_headers_counts_and_bytes_that_are_not_text_are_passed_over() {
        let dumped = records();
        let record = dumped[0].as_record();
        assert_eq!(record.headers.edge, Some("LHR61-C1"));
        assert_eq!(record.headers.carrier, Some("cmcd-query"));
        assert_eq!(record.key, Some(&b"s-1"[..]));
        assert!(dumped[1].as_record().headers.tick);
    }

    #[test]
    fn a_wrong_line_is_named_and_costs_itself_alone() {
        let good = serde_json::to_string(&records()[0]).unwrap();
        let text = format!("{good}\n\n{{\"topic\":1}}\n{good}");
        let mut reader = Reader::new(Cursor::new(text.into_bytes()), "night.jsonl".to_owned()).unwrap();
        assert!(reader.next().unwrap().is_ok());
        let message = reader.next().unwrap().unwrap_err().to_string();
        assert!(message.starts_with("night.jsonl line 3 is not a dump record"), "{message}");
        assert!(reader.next().unwrap().is_ok());
        assert!(reader.next().is_none());
    }

    #[test]
    fn a_gzip_stream_cut_short_is_an_error_not_an_end() {
        let mut writer = Writer::gzip(Vec::new());
        writer.write(&records()[0]).unwrap();
        let mut bytes = writer.finish().unwrap();
        bytes.truncate(bytes.len() - 9);
        let last = Reader::new(Cursor::new(bytes), "cut.gz".to_owned()).unwrap().last().unwrap();
        assert!(matches!(last, Err(Error::Read { .. })), "{last:?}");
    }
}
