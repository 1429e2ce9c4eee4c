//! `streamgauge replay`: a dump, or raw log files, to the rows that they must give (the batch oracle), or to the bus.

mod recorded;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{ArgGroup, Args};

use super::dump::Progress;
use super::moment::parse_start;
use super::{ConfigArgs, is_broken_pipe, start_logging};
use crate::aggregate::cmcd::IDLE_MAX_MS;
use crate::aggregate::rollup::LONGEST_WINDOW_MS;
use crate::bus::{Admin, Outgoing, PlainProducer, Properties};
use crate::catalogue::Position;
use crate::decode::webrtc::convert::Dialect;
use crate::model::partition::partition_of;
use crate::model::record::header;
use crate::model::{EventTime, Reason, Rows};
use crate::replay::dump::{DumpRecord, HeaderValue, Reader, decompressed};
use crate::replay::raw::{RawLog, RawRecord};
use crate::replay::{Oracle, RowFormat, RowWriter, Summary};
use crate::service::source_plan;
use crate::stage::SourcePlan;
use crate::topology::{Carrier, CatalogueSource, Clock, Source, Topology};

const EXAMPLES: &str = "\
Examples:
  The rows that a dump must give, to compare with what is stored:
    streamgauge replay night.jsonl.gz --to-rows night.lp
  The same as JSON, to look at:
    streamgauge replay night.jsonl.gz --to-rows - --format json | jq .fields
  A night's CloudFront logs, without a bus:
    streamgauge replay logs/*.gz --carrier cloudfront-std --to-rows -
  A call that chrome://webrtc-internals recorded:
    streamgauge replay dump.json --carrier webrtc-internals --session 'app|room-7|anna' --to-rows - --format json
  Onto the bus again:
    streamgauge replay night.jsonl.gz --to-bus --config test.toml

A dump gives exactly the windows that its records make final. After raw logs comes a tick late enough to make all of them final and to end all sessions.
Rows on the bus get new append times: events that are older than a source's clock allows are moved (and counted as such).";

/// How long the last records may take to be delivered.
const LAST_DELIVERIES: Duration = Duration::from_secs(60);
/// When raw records without a time of their own were appended, unless it is said.
const RAW_START_MS: i64 = 1_767_600_000_000;
/// The carrier of reports of WebRTC statistics.
const WEBRTC: &str = "webrtc";
/// The carrier of beacons of Kaltura players.
const KALTURA: &str = "kaltura";

/// Compute the rows of a dump or of raw logs, or put them on the bus
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("target").required(true).args(["to_rows", "to_bus"])))]
pub struct ReplayArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Dump files; with --carrier, raw log files (gzip is recognised)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write the rows to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub to_rows: Option<PathBuf>,
    /// Produce the records to the bus of the configuration, in order of their append times (a dump is held in memory for that)
    #[arg(long)]
    pub to_bus: bool,
    /// How the rows look
    #[arg(long, value_enum, default_value = "line-protocol")]
    pub format: RowFormat,
    /// The number of partitions of each topic: edge rows wait for all of them. Of a dump the highest in it, of raw logs the declared one, unless given
    #[arg(long)]
    pub partitions: Option<NonZeroU32>,
    /// The files are raw logs: cloudfront-rt, cloudfront-std, `json:MAPPING`, cmcd-query, cmcd-headers, cmcd-body, webrtc, kaltura; or recorded
    /// WebRTC statistics: rtcstats, rtcstats-jitsi, webrtc-internals, peermetrics, twilio, janus, mediasoup
    #[arg(long)]
    pub carrier: Option<String>,
    /// The source of the topology that raw logs belong to; the first with the right clock, unless given
    #[arg(long, requires = "carrier", value_name = "NAME")]
    pub source: Option<String>,
    /// Whose recorded WebRTC statistics these are, as `app|call|participant`; what is left empty is taken from the recording
    #[arg(long, requires = "carrier", value_name = "NAMES")]
    pub session: Option<String>,
    /// When raw records without a time of their own came, as RFC 3339 (2026-01-05T08:00:00Z unless given)
    #[arg(long, requires = "carrier", value_parser = parse_start)]
    pub start: Option<EventTime>,
    /// What is known of Kaltura's entries, as a CSV file, in place of the topology's catalogue
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// Do not close the last windows of raw logs
    #[arg(long, requires = "carrier")]
    pub no_flush: bool,
}

/// Replays.
///
/// # Errors
/// When a file cannot be read or does not fit the topology, the bus does not answer, or the rows cannot be written.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let (settings, mut topology) = args.config.load()?;
    start_logging(&settings.log)?;
    if let Some(path) = &args.catalogue {
        let players = topology.sources.iter_mut().filter(|source| source.carrier == Carrier::Kaltura);
        players.for_each(|source| source.catalogue = Some(CatalogueSource::File(path.clone())));
    }
    let Some(path) = &args.to_rows else {
        let properties = Properties::new(settings.bus.client_properties());
        return to_bus(args, &topology, &properties);
    };
    let output: Box<dyn Write> = match path.as_os_str() == "-" {
        true => Box::new(BufWriter::new(io::stdout().lock())),
        false => {
            let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
    };
    let outcome = to_rows(args, &topology, RowWriter::new(output, args.format));
    match outcome {
        // Whoever reads the rows has seen enough.
        Err(cause) if is_broken_pipe(&cause) => Ok(()),
        other => other,
    }
}

/// Calls `each` with every record of the files, raw or dumped.
fn visit(
    args: &ReplayArgs,
    topology: &Topology,
    each: &mut dyn FnMut(DumpRecord) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Some(carrier) = &args.carrier else { return visit_dumps(&args.files, each) };
    if let Ok(dialect) = carrier.parse::<Dialect>() {
        return recorded::visit(args, topology, dialect, each);
    }
    let source = raw_source(topology, args.source.as_deref(), carrier)?;
    let plan = source_plan(topology, source)?;
    let own_start = takes_start(carrier).then_some(args.start.map_or(RAW_START_MS, EventTime::as_millis));
    let mut raw = RawLog::new(carrier, &plan.decoding, own_start);
    let mut log = Log { topic: source.topic.clone(), headers: raw.headers(), next_offsets: Vec::new(), keyless: 0 };
    let partitions = args.partitions.unwrap_or_else(|| declared_partitions(source));
    log.next_offsets.resize(usize::try_from(partitions.get())?, 0);
    for path in &args.files {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let input = decompressed(BufReader::new(file)).with_context(|| format!("cannot read {}", path.display()))?;
        raw.read::<anyhow::Error>(input, &mut |record| each(log.append(record, partitions)))
            .with_context(|| format!("while reading {}", path.display()))?;
    }
    log.flush(args, &plan, raw.highest_ms(), each)
}

/// Whether records of this carrier may be without a time of their own.
fn takes_start(carrier: &str) -> bool {
    carrier.starts_with("cmcd-") || carrier == KALTURA
}

fn declared_partitions(source: &Source) -> NonZeroU32 {
    u32::try_from(source.partitions).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

/// Dumps must have each partition in order of offset, whichever file it is in.
fn visit_dumps(files: &[PathBuf], each: &mut dyn FnMut(DumpRecord) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut last: BTreeMap<(String, i32), i64> = BTreeMap::new();
    for path in files {
        for record in Reader::open(path)? {
            let record = record?;
            let place = (record.topic.clone(), record.partition);
            if let Some(before) = last.insert(place, record.offset) {
                ensure!(
                    before < record.offset,
                    "{}: offset {} of {}/{} comes after {before}: give the files in the order in which they were dumped, and each once",
                    path.display(),
                    record.offset,
                    record.topic,
                    record.partition
                );
            }
            each(record)?;
        }
    }
    Ok(())
}

/// The source that raw logs of a carrier belong to.
fn raw_source<'a>(topology: &'a Topology, name: Option<&str>, carrier: &str) -> anyhow::Result<&'a Source> {
    let is_report = carrier.starts_with("cmcd-") || [WEBRTC, KALTURA].contains(&carrier);
    let clock = if is_report { Clock::Player } else { Clock::Log };
    let source = match name {
        Some(name) => topology.source(name),
        None => topology.sources.iter().find(|source| source.clock == clock && takes(source, carrier)),
    };
    let names = || topology.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(source) = source else {
        match name {
            Some(name) => bail!("the topology has no source `{name}`: --source must be one of {}", names()),
            None => bail!(
                "no source of the topology takes `{carrier}`: --carrier must be cloudfront-rt, cloudfront-std, `json:MAPPING`, cmcd-query, cmcd-headers, cmcd-body, webrtc or kaltura, and a source must declare it ({})",
                names()
            ),
        }
    };
    ensure!(
        takes(source, carrier),
        "the source `{}` does not take `{carrier}`: declare it in the topology (`carrier`, `cloudfront_fields`, `mappings`), or choose another --source",
        source.name
    );
    Ok(source)
}

/// Whether a source can decode this carrier.
fn takes(source: &Source, carrier: &str) -> bool {
    let mapping = carrier.strip_prefix("json:");
    match &source.carrier {
        Carrier::Mixed => match (carrier, mapping) {
            ("cmcd-query" | "cmcd-headers" | "cmcd-body" | "cloudfront-std", _) => true,
            ("cloudfront-rt", _) => !source.cloudfront_fields.is_empty(),
            (_, Some(mapping)) => source.mappings.iter().any(|known| known.name == mapping),
            _ => false,
        },
        Carrier::Query => carrier == "cmcd-query",
        Carrier::Headers => carrier == "cmcd-headers",
        Carrier::Body => carrier == "cmcd-body",
        Carrier::CloudFrontRealTime => carrier == "cloudfront-rt",
        Carrier::CloudFrontStandard => carrier == "cloudfront-std",
        Carrier::Json(known) => mapping == Some(known.name.as_str()),
        Carrier::Webrtc => carrier == WEBRTC,
        Carrier::Kaltura => carrier == KALTURA,
    }
}

/// The topic that raw records would have been appended to.
struct Log {
    topic: String,
    headers: Vec<(String, HeaderValue)>,
    /// By partition.
    next_offsets: Vec<i64>,
    keyless: u32,
}

impl Log {
    /// Placed by murmur2 of the key; records without one go to the partitions in turn.
    fn append(&mut self, record: RawRecord, partitions: NonZeroU32) -> DumpRecord {
        let partition = match &record.key {
            Some(key) => partition_of(key, partitions).unsigned_abs(),
            None => {
                self.keyless = self.keyless.wrapping_add(1);
                self.keyless % partitions
            }
        };
        let RawRecord { key, value, append_ms } = record;
        self.place(partition, DumpRecord { key, value, headers: self.headers.clone(), ..self.empty(append_ms) })
    }

    /// Ends the log with a tick in each partition that comes after the end of every session, unless that is not wanted. The bus has a clock
    /// of its own, and the workers write their ticks.
    fn flush(
        &mut self,
        args: &ReplayArgs,
        plan: &SourcePlan,
        highest_ms: Option<i64>,
        each: &mut dyn FnMut(DumpRecord) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if args.no_flush || args.to_bus {
            return Ok(());
        }
        let rules = plan.settings.rules;
        let closed = rules.window_ms + rules.grace_ms + rules.disorder_bound_ms + plan.settings.max_delay_ms;
        // The last session is over then, and the hour that it ended in.
        let after_all = closed + IDLE_MAX_MS + rules.window_ms + LONGEST_WINDOW_MS;
        let append_ms = highest_ms.unwrap_or(RAW_START_MS).saturating_add(after_all);
        for partition in 0..u32::try_from(self.next_offsets.len())? {
            each(self.tick(partition, append_ms))?;
        }
        Ok(())
    }

    fn tick(&mut self, partition: u32, append_ms: i64) -> DumpRecord {
        let headers = vec![(header::TICK.to_owned(), HeaderValue::Text("1".to_owned()))];
        self.place(partition, DumpRecord { headers, ..self.empty(append_ms) })
    }

    fn empty(&self, append_ms: i64) -> DumpRecord {
        let (key, value, headers) = (None, Vec::new(), Vec::new());
        DumpRecord { topic: self.topic.clone(), partition: 0, offset: 0, append_ms, headers, key, value }
    }

    fn place(&mut self, partition: u32, record: DumpRecord) -> DumpRecord {
        let next = usize::try_from(partition).ok().and_then(|index| self.next_offsets.get_mut(index));
        let offset = next.map_or(0, |next| {
            *next += 1;
            *next - 1
        });
        DumpRecord { partition: partition.cast_signed(), offset, ..record }
    }
}

/// The oracles of the sources, each made when its first record comes.
struct Oracles<'a> {
    topology: &'a Topology,
    /// Dumps, in which catalogues are too.
    dumps: &'a [PathBuf],
    /// By topic, with the highest partition seen.
    running: BTreeMap<String, (Oracle, i32)>,
    /// Records of topics that no source reads, by topic.
    passed_over: BTreeMap<String, u64>,
}

impl Oracles<'_> {
    fn push(&mut self, record: &DumpRecord, rows: &mut dyn FnMut(&dyn Rows)) -> anyhow::Result<()> {
        if !self.running.contains_key(&record.topic) {
            let Some(source) = self.topology.source_of_topic(&record.topic) else {
                if !self.is_catalogue(&record.topic) {
                    *self.passed_over.entry(record.topic.clone()).or_default() += 1;
                }
                return Ok(());
            };
            let plan = source_plan(self.topology, source)?;
            self.read_catalogue(source, &plan)?;
            let oracle = Oracle::new(plan.settings, plan.decoding.clone());
            self.running.insert(record.topic.clone(), (oracle, 0));
        }
        if let Some((oracle, highest)) = self.running.get_mut(&record.topic) {
            *highest = record.partition.max(*highest);
            oracle.push(record.partition, &record.as_record(), rows);
        }
        Ok(())
    }

    fn is_catalogue(&self, topic: &str) -> bool {
        self.topology.catalogue_topics().iter().any(|own| own.name == topic)
    }

    /// Reads what the dumps hold of a source's catalogue, wherever it lies in them: what counts for a window is decided by append times.
    fn read_catalogue(&self, source: &Source, plan: &SourcePlan) -> anyhow::Result<()> {
        let (Some(topic), Some(catalogue)) = (source.catalogue_topic(), plan.catalogue()) else { return Ok(()) };
        visit_dumps(self.dumps, &mut |record| {
            let DumpRecord { append_ms, partition, offset, .. } = record;
            if record.topic == topic.name {
                let at = Position { append_ms, partition, offset };
                catalogue.tell_record(at, record.key.as_deref(), Some(&record.value));
            }
            Ok(())
        })
    }
}

fn to_rows(args: &ReplayArgs, topology: &Topology, mut writer: RowWriter<Box<dyn Write>>) -> anyhow::Result<()> {
    let dumps = if args.carrier.is_none() { args.files.as_slice() } else { &[] };
    let mut oracles = Oracles { topology, dumps, running: BTreeMap::new(), passed_over: BTreeMap::new() };
    let mut progress = Progress::new();
    let mut written: io::Result<()> = Ok(());
    let mut write = |rows: &dyn Rows| {
        if written.is_ok() {
            written = writer.write(rows);
        }
    };
    visit(args, topology, &mut |record| {
        progress.observe(&record.topic);
        oracles.push(&record, &mut write)
    })?;
    let mut summaries = Vec::new();
    for (topic, (oracle, highest)) in oracles.running {
        let partitions = args.partitions.map_or(Ok(highest + 1), |given| i32::try_from(given.get()))?;
        summaries.push((topic, oracle.finish(partitions, &mut write)));
    }
    written?;
    let rows = writer.rows();
    writer.finish()?;
    progress.finish(&format!("{rows} rows"));
    for (topic, summary) in summaries {
        say_summary(&topic, &summary)?;
    }
    for (topic, records) in oracles.passed_over {
        writeln!(io::stderr(), "{topic}: {records} records passed over: no source of the topology reads this topic")?;
    }
    Ok(())
}

fn say_summary(topic: &str, summary: &Summary) -> io::Result<()> {
    let Summary { records, events, late, duplicates, clamped, parts_rejected, dead_letters, .. } = summary;
    let Summary { session_rows, edge_rows, .. } = summary;
    let counts = Reason::ALL.iter().zip(summary.dead_letter_reasons).filter(|(_, count)| *count > 0);
    let reasons: Vec<String> = counts.map(|(reason, count)| format!("{reason} {count}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    writeln!(
        io::stderr(),
        "{topic}: {records} records, {events} events, {late} late, {duplicates} duplicates, {clamped} clamped, {parts_rejected} parts rejected, {dead_letters} dead letters{reasons}; {session_rows} session rows, {edge_rows} edge rows"
    )
}

fn to_bus(args: &ReplayArgs, topology: &Topology, properties: &Properties) -> anyhow::Result<()> {
    let mut records = Vec::new();
    visit(args, topology, &mut |record| {
        records.push(record);
        Ok(())
    })?;
    let present = Admin::new(properties)?.partitions()?;
    let keeps_partitions = args.carrier.is_none();
    for record in &records {
        let partitions = present.get(&record.topic).copied().unwrap_or(0);
        ensure!(
            partitions > if keeps_partitions { record.partition } else { 0 },
            "{}/{} is not on the bus: create the topic with at least {} partitions, or run `streamgauge topics --apply`",
            record.topic,
            record.partition,
            record.partition + 1
        );
    }
    in_order_of_append(&mut records);
    let producer = PlainProducer::new(properties)?;
    let mut progress = Progress::new();
    for record in records {
        progress.observe(&record.topic);
        let create_ms = record.append_ms;
        producer.send(&outgoing(record, keeps_partitions), Some(create_ms))?;
    }
    let lost = producer.flush(LAST_DELIVERIES)?;
    ensure!(lost == 0, "{lost} records were not delivered to {}: the log above says why", properties.brokers());
    progress.finish(&format!("the bus at {}", properties.brokers()));
    Ok(())
}

/// Sorts by append time, and keeps the order inside each partition whatever its append times are.
fn in_order_of_append(records: &mut Vec<DumpRecord>) {
    let mut latest: BTreeMap<(String, i32), i64> = BTreeMap::new();
    let mut keyed: Vec<(i64, DumpRecord)> = Vec::with_capacity(records.len());
    for record in records.drain(..) {
        let latest = latest.entry((record.topic.clone(), record.partition)).or_insert(record.append_ms);
        *latest = record.append_ms.max(*latest);
        keyed.push((*latest, record));
    }
    keyed.sort_by_key(|(append_ms, _)| *append_ms);
    records.extend(keyed.into_iter().map(|(_, record)| record));
}

fn outgoing(record: DumpRecord, keeps_partition: bool) -> Outgoing {
    let headers = record.headers.into_iter().map(|(name, value)| (name, value.as_bytes().to_vec()));
    Outgoing {
        topic: record.topic,
        partition: keeps_partition.then_some(record.partition),
        key: record.key,
        value: record.value,
        headers: headers.collect(),
    }
}
