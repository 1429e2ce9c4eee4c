//! `streamgauge simulate`: simulated viewers and calls, to the bus or to a dump file.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::moment::{now, parse_duration_ms, parse_start};
use crate::bus::{Outgoing, PlainProducer, Properties};
use crate::catalogue::SETTLE_MS;
use crate::model::EventTime;
use crate::model::partition::partition_of;
use crate::replay::dump::{DumpRecord, HeaderValue, Writer};
use crate::simulate::pace::Pace;
use crate::simulate::{
    CallScenario, Calls, Carrier, Fleet, PlayerScenario, Players, Scenario, SimulatedRecord, Simulation, Situation,
    kaltura_catalogue,
};

const EXAMPLES: &str = "\
Examples:
  Ten minutes of 5,000 viewers, one edge of which goes bad, to a local bus in real time:
    streamgauge simulate --brokers localhost:9092 --viewers 5000 --duration 10m --scenario bad-edge
  20,000 records a second, all CloudFront real-time lines:
    streamgauge simulate --brokers localhost:9092 --rate 20000 --carriers cloudfront-rt=1 --event-mode 0
  A file for `streamgauge replay`, the same for everyone who uses this seed:
    streamgauge simulate --to-file night.jsonl.gz --seed 7 --scenario disorder,duplicates,clock-skew
  Video calls of 800 participants, the SFUs of one region of which go bad:
    streamgauge simulate --brokers localhost:9092 --source webrtc --participants 800 --duration 10m --scenario bad-edge
  Viewers and calls at once:
    streamgauge simulate --brokers localhost:9092 --source both --viewers 2000 --participants 400
  Viewers at Kaltura's players, and the catalogue of what they watch (on qoe.catalogue):
    streamgauge simulate --brokers localhost:9092 --source kaltura --viewers 1000 --duration 10m";

/// Where a file begins unless it is said: a fixed moment, so that a seed always gives the same file.
const FILE_START_MS: i64 = 1_767_600_000_000;

/// What is simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// Viewers of streams: CMCD, from players and CDN logs.
    #[default]
    Cmcd,
    /// Participants of calls: WebRTC statistics.
    Webrtc,
    /// Both.
    Both,
    /// Viewers at Kaltura's players: the beacons of its analytics.
    Kaltura,
    /// All three.
    All,
}

impl Source {
    const fn has_viewers(self) -> bool {
        matches!(self, Self::Cmcd | Self::Both | Self::All)
    }

    const fn has_calls(self) -> bool {
        matches!(self, Self::Webrtc | Self::Both | Self::All)
    }

    const fn has_players(self) -> bool {
        matches!(self, Self::Kaltura | Self::All)
    }

    /// How many sources that are.
    const fn count(self) -> u32 {
        match self {
            Self::Cmcd | Self::Webrtc | Self::Kaltura => 1,
            Self::Both => 2,
            Self::All => 3,
        }
    }
}

/// Simulate viewers and calls by seed and scenario, to the bus or to a file
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct SimulateArgs {
    /// Write a dump file (JSON lines; gzip if the name ends in .gz) as fast as it goes
    #[arg(long, value_name = "FILE", required_unless_present = "brokers", conflicts_with = "brokers")]
    pub to_file: Option<PathBuf>,
    /// Produce to this bus, in real time
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// What is simulated
    #[arg(long, value_enum, default_value = "cmcd")]
    pub source: Source,
    /// What happens; several at once, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "steady")]
    pub scenario: Vec<Situation>,
    /// Viewers at a time (cmcd, kaltura)
    #[arg(long, default_value_t = 1000, conflicts_with = "rate")]
    pub viewers: u32,
    /// Participants of calls at a time (webrtc)
    #[arg(long, default_value_t = 200, conflicts_with = "rate")]
    pub participants: u32,
    /// As many viewers as give about this many records a second; for webrtc participants, for both half of it each
    #[arg(long, value_name = "RECORDS_PER_SECOND")]
    pub rate: Option<u32>,
    /// Edges of each CDN, SFUs of each region
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub edges: u16,
    /// For how long: 90s, 10m, 2h
    #[arg(long, default_value = "5m", value_parser = parse_duration_ms)]
    pub duration: i64,
    /// The same seed gives the same viewers
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// When it begins, as RFC 3339; now, unless written to a file (2026-01-05T08:00:00Z)
    #[arg(long, value_parser = parse_start)]
    pub start: Option<EventTime>,
    /// Seconds of simulated time in a second (to the bus); more than 1 makes time stamps run ahead of the broker's clock
    #[arg(long, default_value = "1")]
    pub speed: NonZeroU32,
    /// Percentage of viewers with CMCD version 2
    #[arg(long, default_value_t = 35, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub version2: u32,
    /// Percentage of those that post event-mode reports too (carrier cmcd-body)
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub event_mode: u32,
    /// Carriers of requests with their weights: cloudfront-rt=5,json:fastly=1; a mix of all, unless given
    #[arg(long, value_delimiter = ',', value_name = "CARRIER=WEIGHT", value_parser = parse_share)]
    pub carriers: Vec<(Carrier, u32)>,
    /// Median delay of log lines after the end of their request, in ms (up to minutes)
    #[arg(long, default_value_t = 900, value_name = "MS", value_parser = clap::value_parser!(u32).range(0..=600_000))]
    pub log_delay: u32,
    /// Partitions of each topic in a file
    #[arg(long, default_value = "12")]
    pub partitions: NonZeroU32,
}

/// How long the last records may take to be delivered.
const LAST_DELIVERIES: Duration = Duration::from_secs(60);

/// What was simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Records written or produced.
    pub records: u64,
    /// The bytes of their values.
    pub bytes: u64,
}

impl SimulateArgs {
    /// The scenario that the arguments describe.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::steady(self.viewers, self.duration);
        scenario.edges = self.edges;
        scenario.version2_permille = self.version2 * 10;
        scenario.event_mode_permille = self.event_mode * 10;
        scenario.delays.log_least_ms = self.log_delay / 4;
        scenario.delays.log_median_ms = self.log_delay - self.log_delay / 4;
        if !self.carriers.is_empty() {
            scenario.carriers.clone_from(&self.carriers);
        }
        if let Some(rate) = self.rate {
            scenario.viewers = scenario.viewers_for(self.rate_of_one(rate));
        }
        self.scenario.iter().fold(scenario, |scenario, situation| scenario.with(*situation))
    }

    /// The scenario of the calls that the arguments describe.
    pub fn call_scenario(&self) -> CallScenario {
        let participants = match self.rate {
            Some(rate) => CallScenario::participants_for(self.rate_of_one(rate)),
            None => self.participants,
        };
        let scenario = CallScenario { edges: self.edges, ..CallScenario::steady(participants, self.duration) };
        self.scenario.iter().fold(scenario, |scenario, situation| scenario.with(*situation))
    }

    /// The scenario of Kaltura's players that the arguments describe.
    pub fn player_scenario(&self) -> PlayerScenario {
        let viewers = match self.rate {
            Some(rate) => PlayerScenario::viewers_for(self.rate_of_one(rate)),
            None => self.viewers,
        };
        let scenario = PlayerScenario::steady(viewers, self.duration);
        self.scenario.iter().fold(scenario, |scenario, situation| scenario.with(*situation))
    }

    /// What each source gives of a rate.
    fn rate_of_one(&self, rate: u32) -> u32 {
        rate.div_ceil(self.source.count())
    }

    /// What is known of the entries that Kaltura's players watch, as told at a moment.
    fn catalogue(&self, told: EventTime) -> Vec<SimulatedRecord> {
        if self.source.has_players() { kaltura_catalogue(told.as_millis()) } else { Vec::new() }
    }

    /// All that is simulated.
    fn fleet(&self, start: EventTime) -> Fleet {
        let viewers = self.source.has_viewers().then(|| Simulation::new(self.scenario(), self.seed, start));
        let calls = self.source.has_calls().then(|| Calls::new(self.call_scenario(), self.seed, start));
        let players = self.source.has_players().then(|| Players::new(self.player_scenario(), self.seed, start));
        Fleet::new(viewers, calls, players)
    }
}

/// Simulates to the file or the bus that the arguments name.
///
/// # Errors
/// When the file cannot be written, or the bus does not take the records.
pub fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    let Some(brokers) = &args.brokers else { return run_to_file(args).map(drop) };
    let producer = PlainProducer::new(&Properties::for_brokers(brokers))?;
    for record in args.catalogue(now()?) {
        producer.send(&outgoing(&record), Some(record.append_ms))?;
    }
    run_paced(args, &mut |record| {
        let create_ms = record.append_ms;
        Ok(producer.send(&outgoing(record), Some(create_ms))?)
    })?;
    match producer.flush(LAST_DELIVERIES)? {
        0 => Ok(()),
        lost => bail!("{lost} records were not delivered to {brokers}: the log above says why"),
    }
}

/// A simulated record as it is produced.
pub fn outgoing(record: &SimulatedRecord) -> Outgoing {
    let headers = record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes()));
    Outgoing {
        topic: record.topic.to_owned(),
        partition: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: headers.collect(),
    }
}

/// Writes the records to [`SimulateArgs::to_file`], placed and numbered as a broker would: by murmur2 of the key, records without a
/// key one partition after the other, offsets counted in each partition.
///
/// # Errors
/// When the file cannot be written, or no file is named.
pub fn run_to_file(args: &SimulateArgs) -> anyhow::Result<Summary> {
    let Some(path) = args.to_file.as_deref() else { bail!("no file to write: give --to-file FILE") };
    let start = args.start.unwrap_or(EventTime::from_millis(FILE_START_MS));
    let mut writer = Writer::create(path)?;
    let mut log = Log::new(args.partitions);
    let mut progress = Progress::new(start);
    // Told long enough before that it counts from the beginning.
    for record in args.catalogue(start.plus(-2 * SETTLE_MS)).into_iter().chain(args.fleet(start)) {
        progress.observe(&record);
        writer.write(&log.append(record))?;
    }
    writer.finish()?;
    Ok(progress.finish(&path_text(path)))
}

/// Hands the records to `publish` when they are due.
///
/// # Errors
/// What `publish` answers; the simulation stops there.
pub fn run_paced(
    args: &SimulateArgs,
    publish: &mut dyn FnMut(&SimulatedRecord) -> anyhow::Result<()>,
) -> anyhow::Result<Summary> {
    let start = match args.start {
        Some(start) => start,
        None => now()?,
    };
    let mut pace = Pace::new(args.speed);
    pace.wait_until(start.as_millis());
    let mut progress = Progress::new(start);
    for record in args.fleet(start) {
        pace.wait_until(record.append_ms);
        progress.observe(&record);
        publish(&record)?;
    }
    Ok(progress.finish("the bus"))
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// The partitions of a simulated log.
#[derive(Debug)]
pub struct Log {
    partitions: NonZeroU32,
    next_offsets: BTreeMap<(&'static str, i32), i64>,
    keyless: u32,
}

impl Log {
    /// An empty log with so many partitions a topic.
    pub fn new(partitions: NonZeroU32) -> Self {
        Self { partitions, next_offsets: BTreeMap::new(), keyless: 0 }
    }

    /// Gives a record its partition and offset.
    pub fn append(&mut self, record: SimulatedRecord) -> DumpRecord {
        let partition = match &record.key {
            Some(key) => partition_of(key, self.partitions),
            None => {
                self.keyless = self.keyless.wrapping_add(1);
                (self.keyless % self.partitions).cast_signed()
            }
        };
        let next_offset = self.next_offsets.entry((record.topic, partition)).or_default();
        let offset = *next_offset;
        *next_offset += 1;
        let headers = record.headers.into_iter().map(|(name, value)| (name.to_owned(), HeaderValue::Text(value)));
        DumpRecord {
            topic: record.topic.to_owned(),
            partition,
            offset,
            append_ms: record.append_ms,
            headers: headers.collect(),
            key: record.key,
            value: record.value,
        }
    }
}

/// A line on stderr while it works: once a second on a terminal, else once a minute.
struct Progress {
    start_ms: i64,
    began: Instant,
    said: Instant,
    said_records: u64,
    summary: Summary,
}

impl Progress {
    fn new(start: EventTime) -> Self {
        let began = Instant::now();
        let summary = Summary { records: 0, bytes: 0 };
        Self { start_ms: start.as_millis(), began, said: began, said_records: 0, summary }
    }

    fn observe(&mut self, record: &SimulatedRecord) {
        /// The clock is not asked for every record.
        const RECORDS_BETWEEN_LOOKS: u64 = 64;

        self.summary.records += 1;
        self.summary.bytes += record.value.len() as u64;
        if self.summary.records.is_multiple_of(RECORDS_BETWEEN_LOOKS) {
            self.say(record.append_ms);
        }
    }

    fn say(&mut self, append_ms: i64) {
        let is_terminal = std::io::stderr().is_terminal();
        let since = self.said.elapsed();
        if since < Duration::from_secs(if is_terminal { 1 } else { 60 }) {
            return;
        }
        let rate = (self.summary.records - self.said_records) as f64 / since.as_secs_f64();
        let (begin, end) = if is_terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        let simulated_s = (append_ms - self.start_ms) / 1000;
        let records = self.summary.records;
        // Progress that cannot be shown is no reason to stop.
        write!(std::io::stderr(), "{begin}{records} records, {rate:.0}/s, {simulated_s} s simulated{end}").ok();
        self.said = Instant::now();
        self.said_records = self.summary.records;
    }

    fn finish(self, target: &str) -> Summary {
        let Summary { records, bytes } = self.summary;
        let end = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
        let seconds = self.began.elapsed().as_secs_f64();
        writeln!(std::io::stderr(), "{end}{records} records ({bytes} bytes) to {target} in {seconds:.1} s").ok();
        self.summary
    }
}

fn parse_share(text: &str) -> Result<(Carrier, u32), String> {
    let (name, weight) = text.split_once('=').ok_or_else(|| format!("`{text}` has no weight: write {text}=1"))?;
    let requests = || Carrier::ALL.into_iter().filter(|carrier| *carrier != Carrier::Body);
    let carrier = requests().find(|carrier| carrier.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = requests().map(Carrier::as_str).collect();
        format!("`{name}` is no carrier of requests: one of {} (bodies: --event-mode)", names.join(", "))
    })?;
    let weight = weight.parse().map_err(|_| format!("`{weight}` is no weight: write a whole number"))?;
    Ok((carrier, weight))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use clap::Parser;

    use super::*;
    use crate::replay::dump::Reader;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        simulate: SimulateArgs,
    }

    fn args(text: &str) -> Result<SimulateArgs, clap::Error> {
        Cli::try_parse_from(std::iter::once("simulate").chain(text.split(' '))).map(|cli| cli.simulate)
    }

    #[test]
    fn a_file_holds_each_partition_in_order_without_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dump.jsonl.gz");
        let line = format!("--to-file {} --viewers 40 --duration 30s --partitions 3", path.display());
        let summary = run_to_file(&args(&line).unwrap()).unwrap();
        let mut next = BTreeMap::<(String, i32), i64>::new();
        let mut records = 0;
        for record in Reader::open(&path).unwrap().map(Result::unwrap) {
            let offset = next.entry((record.topic.clone(), record.partition)).or_default();
            assert_eq!(record.offset, *offset);
            *offset += 1;
            records += 1;
            if let Some(key) = &record.key {
                assert_eq!(record.partition, partition_of(key, NonZeroU32::new(3).unwrap()));
            }
        }
        assert_eq!(next.len(), 6, "two topics of three partitions");
        assert_eq!(summary.records, records);
    }

    #[test]
    fn arguments_make_the_scenario() {
        let args =
            args("--brokers b:1 --viewers 7 --duration 2m --scenario bad-edge,duplicates --carriers json:nginx=3")
                .unwrap();
        let scenario = args.scenario();
        assert_eq!((scenario.viewers, scenario.duration_ms), (7, 120_000));
        assert_eq!(scenario.bad_edge.unwrap().from_ms, 40_000);
        assert_eq!(scenario.duplicates_permille, 20);
        assert_eq!(scenario.carriers, [(Carrier::Nginx, 3)]);
    }

    #[test]
    fn a_source_gives_its_topics() {
        for (source, topics) in [
            ("cmcd", &["qoe.cmcd", "qoe.cmcd.logs"][..]),
            ("webrtc", &["qoe.webrtc"]),
            ("both", &["qoe.cmcd", "qoe.cmcd.logs", "qoe.webrtc"]),
            ("kaltura", &["qoe.kaltura"]),
            ("all", &["qoe.cmcd", "qoe.cmcd.logs", "qoe.kaltura", "qoe.webrtc"]),
        ] {
            let line = format!("--brokers b:1 --source {source} --viewers 40 --participants 9 --duration 30s");
            let fleet = args(&line).unwrap().fleet(EventTime::from_millis(FILE_START_MS));
            let found: BTreeMap<&str, i64> = fleet.map(|record| (record.topic, record.append_ms)).collect();
            assert_eq!(found.keys().copied().collect::<Vec<_>>(), topics);
            assert!(found.values().all(|last_ms| *last_ms > FILE_START_MS + 20_000), "{found:?}");
        }
    }

    #[test]
    fn all_sources_come_in_order_of_append_time() {
        let args = args("--brokers b:1 --source all --viewers 20 --participants 20 --duration 30s").unwrap();
        let times: Vec<i64> =
            args.fleet(EventTime::from_millis(FILE_START_MS)).map(|record| record.append_ms).collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn wrong_arguments_say_what_to_write() {
        for (text, part) in [
            ("--viewers 7", "--to-file"),
            ("--brokers b:1 --duration 5", "write 90s, 10m or 2h"),
            ("--brokers b:1 --carriers fastly=1", "json:fastly"),
            ("--brokers b:1 --carriers cmcd-body=1", "--event-mode"),
            ("--brokers b:1 --start yesterday", "2026-01-05T08:00:00Z"),
            ("--brokers b:1 --scenario good-edge", "bad-edge"),
            ("--brokers b:1 --source rtmp", "kaltura"),
        ] {
            let message = args(text).expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn a_rate_is_met_within_a_tenth() {
        for source in ["cmcd", "webrtc", "both", "kaltura", "all"] {
            let line = format!("--brokers b:1 --rate 400 --duration 3m --seed 9 --source {source}");
            let fleet = args(&line).unwrap().fleet(EventTime::from_millis(FILE_START_MS));
            let steady = (FILE_START_MS + 60_000)..(FILE_START_MS + 180_000);
            let records = fleet.filter(|record| steady.contains(&record.append_ms)).count();
            assert!((43_200..52_800).contains(&records), "{source}: {records} in 120 s");
        }
    }
}
