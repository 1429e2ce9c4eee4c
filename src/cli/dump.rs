//! `streamgauge dump`: topics of the bus to a file of records, each with its place in the log and its append time.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use super::{ConfigArgs, start_logging};
use crate::bus::{Admin, Error as BusError, Properties, read_topic};
use crate::replay::dump::{DumpRecord, HeaderValue, Writer};

const EXAMPLES: &str = "\
Examples:
  All source topics and catalogues of the topology, compressed:
    streamgauge dump --to night.jsonl.gz
  The dead letters:
    streamgauge dump --topic qoe.dlq --to dlq.jsonl
  The rows that this stretch of the log must give:
    streamgauge dump --to night.jsonl.gz && streamgauge replay night.jsonl.gz --to-rows rows.lp

What is committed when the reading of a partition begins is written, partition by partition in order of offset.";

/// Write topics to a file, record by record
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DumpArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// A topic; may be given several times. Without it, all source topics of the topology, and those of catalogues
    #[arg(long, value_name = "TOPIC")]
    pub topic: Vec<String>,
    /// The file to write, one JSON line a record (gzip if the name ends in .gz)
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

/// Dumps.
///
/// # Errors
/// When the bus does not answer, a topic does not exist, or the file cannot be written.
pub fn run(args: &DumpArgs) -> anyhow::Result<()> {
    let (settings, topology) = args.config.load()?;
    start_logging(&settings.log)?;
    let mut topics = args.topic.clone();
    if topics.is_empty() {
        topics.extend(topology.sources.iter().map(|source| source.topic.clone()));
        topics.extend(topology.catalogue_topics().into_iter().map(|topic| topic.name.clone()));
    }
    let properties = Properties::new(settings.bus.client_properties());
    let present = Admin::new(&properties)?.partitions()?;
    if let Some(missing) = topics.iter().find(|topic| !present.contains_key(*topic)) {
        bail!(BusError::NoTopic { topic: missing.clone() });
    }
    let mut writer = Writer::create(&args.to)?;
    let mut progress = Progress::new();
    for topic in &topics {
        read_topic(&properties, topic, &mut |message| {
            progress.observe(topic);
            writer.write(&dump_record(message)).map_err(io::Error::other)
        })
        .with_context(|| format!("{} is not whole", args.to.display()))?;
    }
    writer.finish()?;
    progress.finish(&format!("{} of {}", args.to.display(), topics.join(", ")));
    Ok(())
}

/// A message of the bus as a dump holds it: all its headers, in order. A header without a value has an empty one.
pub fn dump_record(message: &BorrowedMessage<'_>) -> DumpRecord {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let headers =
        headers.map(|header| (header.key.to_owned(), HeaderValue::from_bytes(header.value.unwrap_or_default())));
    DumpRecord {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        append_ms: message.timestamp().to_millis().unwrap_or(0),
        headers: headers.collect(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}

/// A line on stderr while it works, when someone looks on, and a summary at the end.
pub(super) struct Progress {
    began: Instant,
    said: Instant,
    records: u64,
    is_watched: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let began = Instant::now();
        Self { began, said: began, records: 0, is_watched: io::stderr().is_terminal() }
    }

    /// One more record, of `what`.
    pub(super) fn observe(&mut self, what: impl fmt::Display) {
        /// The clock is not asked for every record.
        const RECORDS_BETWEEN_LOOKS: u64 = 256;

        self.records += 1;
        if !self.is_watched || !self.records.is_multiple_of(RECORDS_BETWEEN_LOOKS) {
            return;
        }
        if self.said.elapsed() >= Duration::from_secs(1) {
            self.said = Instant::now();
            // Progress that cannot be shown is no reason to stop.
            write!(io::stderr(), "\r{} records, {what}\x1b[K", self.records).ok();
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if self.is_watched {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }

    /// `did`: the file, and what was written to it.
    pub(super) fn finish(&self, did: &str) {
        self.clear();
        let seconds = self.began.elapsed().as_secs_f64();
        writeln!(io::stderr(), "{} records to {did} in {seconds:.1} s", self.records).ok();
    }
}
