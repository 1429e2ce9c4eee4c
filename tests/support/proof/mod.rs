//! The proof that rows are right: several `streamgauge run` on a real Kafka and a real InfluxDB go through a scenario under load, and what
//! they leave behind is compared with the batch computation over the same log, row by row and field by field.
//!
//! R1  Each trial has topics, a group and an InfluxDB of its own, and a seed that repeats its load and its moments.
//! R2  At the end no row differs, no row was ever stored with other fields than it has now, and each unreadable record and refused row
//!     is among the dead letters once.
//! R3  Each trial prints what it did: events in, rows out, rows that differ, rows that were stored more than once, and how long after the
//!     last record everything was written.

// Every test file compiles this module for itself and uses its own part of it.
#![allow(dead_code, unused_imports, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::string_slice)]

mod fleet;
pub mod influx_proxy;
pub mod line;
pub mod load;
mod table;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::message::{Headers as _, Message};
use streamgauge::bus::{Properties, read_topic};
use streamgauge::replay::Summary;
use streamgauge::service::source_plans;
use streamgauge::topology::Topology;
use tempfile::TempDir;

use crate::support::{Influx, Kafka, Streamgauge};
pub use fleet::{Fleet, Place};
use influx_proxy::{Book, InfluxProxy, Refused};
pub use load::Load;
pub use table::{Compared, Table, compare};

/// How long a process may be silent before the group gives its partitions to others. As short as a busy machine with two cores bears.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// How long a transaction of a lost process may stay open.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Who give about a thousand events a second.
const VIEWERS: u32 = 1_000;
/// Who give about forty reports of calls a second.
const PARTICIPANTS: u32 = 100;
/// Viewers with Kaltura's player, beside them.
const PLAYERS: u32 = 200;
const WINDOW_MS: i64 = 1_000;
const PARTITIONS: i32 = 4;
const SOURCES: usize = 4;
/// So soon a version of the catalogue counts: every trial has windows before and after each. Nobody is held back for half of it.
const SETTLE_MS: i64 = 8_000;
/// The partitions of the sources, and all sources in each of the partitions of partials.
const PLACES: usize = 2 * SOURCES * PARTITIONS as usize;

/// The seeds that each scenario is tried with: `STREAMGAUGE_TEST_SEEDS` many (`20`), or those from one to before another (`5..7`); only 0
/// unless it is set.
#[allow(clippy::disallowed_methods, reason = "a switch of the tests, not a setting of the product")]
pub fn system_seeds() -> Range<u64> {
    let Ok(seeds) = std::env::var("STREAMGAUGE_TEST_SEEDS") else { return 0..1 };
    let (first, behind) = seeds.split_once("..").unwrap_or(("0", &seeds));
    let number = |text: &str| text.parse().expect("STREAMGAUGE_TEST_SEEDS is a whole number, or a range like 5..7");
    number(first)..number(behind)
}

/// How long viewers watch in a trial: 40 s, or as many as `STREAMGAUGE_TEST_SECONDS` says. Faults come, and last, in proportion.
#[allow(clippy::disallowed_methods, reason = "a switch of the tests, not a setting of the product")]
pub fn watching() -> Duration {
    let seconds = std::env::var("STREAMGAUGE_TEST_SECONDS");
    Duration::from_secs(seconds.map_or(40, |text| text.parse().expect("STREAMGAUGE_TEST_SECONDS is a whole number")))
}

/// One run through a scenario.
pub struct Trial<'a> {
    scenario: &'static str,
    seed: u64,
    began: Instant,
    kafka: &'a Kafka,
    influx: Influx,
    /// Between the processes and InfluxDB.
    pub sink: InfluxProxy,
    topology: Topology,
    environment: Vec<(String, String)>,
    // Removed with it.
    _folder: TempDir,
}

impl<'a> Trial<'a> {
    /// Makes the topics; nothing runs yet. `None`: InfluxDB is missing, and the test is skipped.
    pub fn begin(scenario: &'static str, seed: u64, kafka: &'a Kafka) -> Option<Self> {
        let influx = Influx::start()?;
        let sink = InfluxProxy::start(&influx.url);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("topology.toml");
        let prefix = prefix(scenario, seed);
        std::fs::write(&file, topology_text(&prefix)).unwrap();
        let topology = Topology::load(Some(&file)).unwrap();
        assert_eq!(topology.sources.len(), SOURCES, "as many frontiers are awaited");
        let mut trial = Self {
            scenario,
            seed,
            began: Instant::now(),
            kafka,
            influx,
            sink,
            topology,
            environment: Vec::new(),
            _folder: folder,
        };
        let millis = |duration: Duration| duration.as_millis().to_string();
        for (name, value) in [
            ("TOPOLOGY", file.display().to_string()),
            ("BUS__BROKERS", kafka.address.clone()),
            ("BUS__GROUP_PREFIX", prefix),
            ("BUS__PROPERTIES__SESSION_TIMEOUT_MS", millis(SESSION_TIMEOUT)),
            ("BUS__PROPERTIES__HEARTBEAT_INTERVAL_MS", "1000".to_owned()),
            ("BUS__PROPERTIES__TRANSACTION_TIMEOUT_MS", millis(TRANSACTION_TIMEOUT)),
            ("WORKERS__SESSION", "1".to_owned()),
            ("COMMIT_INTERVAL_MS", "300".to_owned()),
            ("INFLUX__URL", format!("http://{}", trial.sink.address)),
            ("INFLUX__ORG", trial.influx.organisation.clone()),
            ("INFLUX__BUCKET", trial.influx.bucket.clone()),
            ("INFLUX__TOKEN", trial.influx.token.clone()),
            // Shorter than any fault, so that a request that hangs is given up while the fault lasts.
            ("INFLUX__TIMEOUT_MS", "3000".to_owned()),
        ] {
            trial.set(name, value);
        }
        let environment: Vec<(&str, &str)> =
            trial.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Streamgauge::run(&["topics", "--apply", "--replication", "1"], &environment);
        Some(trial)
    }

    /// Sets a setting for all processes that are started from now on.
    pub fn set(&mut self, name: &str, value: String) {
        let variable = format!("STREAMGAUGE_{name}");
        self.environment.retain(|(known, _)| *known != variable);
        self.environment.push((variable, value));
    }

    /// Where the topology is.
    pub fn topology_file(&self) -> String {
        let is_it = |(name, _): &&(String, String)| name == "STREAMGAUGE_TOPOLOGY";
        self.environment.iter().find(is_it).expect("it is set").1.clone()
    }

    /// Starts these processes.
    pub fn fleet(&self, names: &[&str]) -> Fleet {
        let mut fleet = Fleet::new(self.environment.clone());
        names.iter().for_each(|name| fleet.start(name));
        fleet
    }

    /// Viewers begin to watch; their records go straight to the broker.
    pub fn load(&self) -> Load {
        let prefix = prefix(self.scenario, self.seed);
        let topic = move |name: &str| name.replacen("qoe", &prefix, 1);
        let scenarios = (
            load::scenario(VIEWERS, watching()),
            load::calls(PARTICIPANTS, watching()),
            load::players(PLAYERS, watching()),
        );
        Load::start(&self.kafka.address, scenarios, self.seed, topic)
    }

    /// Runs a command of the program to its end, and returns what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Streamgauge::run(arguments, &environment)
    }

    /// What a command says that must fail.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let output = Streamgauge::command(arguments, &environment).output().expect("the binary can be started");
        assert!(!output.status.success(), "streamgauge {arguments:?} should have failed");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// The database behind the proxy.
    pub fn influx(&self) -> &Influx {
        &self.influx
    }

    /// Waits until all is written, ends the processes, and holds the rows against the batch computation (R2, R3).
    pub fn finish(&self, fleet: Fleet, load: Load) {
        let records = load.finish();
        self.finish_after(fleet, records);
    }

    /// The same when all of these records are on the bus already.
    pub fn finish_after(&self, mut fleet: Fleet, records: u64) {
        let ended = Instant::now();
        // Every append time so far lies before this boundary; ticks carry the frontiers past it.
        let target_ms = (load::now_ms() / WINDOW_MS + 1) * WINDOW_MS;
        fleet.await_target(target_ms);
        let caught_up = ended.elapsed();
        let stopping = Instant::now();
        fleet.stop_all();
        let stopped = stopping.elapsed();
        self.sink.await_quiet();
        let mut expected = Table::default();
        let plans = source_plans(&self.topology).unwrap().into_iter();
        let plans = plans.inspect(|plan| table::read_catalogue(self.kafka, plan, self.catalogue_topic()));
        let summaries: Vec<Summary> =
            plans.map(|plan| expected.add_source(self.kafka, plan, PARTITIONS, target_ms)).collect();
        assert!(summaries.iter().all(|one| one.session_rows > 0 && one.edge_rows > 0), "every source gives rows");
        let book = self.sink.book();
        for Refused { row, .. } in book.refused.values().filter(|refused| !refused.is_stored) {
            assert!(
                expected.refused(&row.measurement, row.timestamp_ns, &row.tags),
                "{row:?} was refused and not expected"
            );
        }
        let wanted = expected.len();
        let compared = compare(&self.influx, expected, target_ms);
        self.report(records, (caught_up, stopped), &summaries, &compared, &book);
        assert_eq!(compared.differing, 0, "rows that differ:\n{}", compared.examples);
        assert_eq!(compared.row_count(), wanted);
        assert_eq!(book.changed, 0, "a row was stored with other fields than before");
        let dead = summaries.iter().map(|summary| summary.dead_letters).sum::<u64>() + book.refused.len() as u64;
        assert_eq!(self.side_records(&self.topology.topics.dead_letters.name), dead, "dead letters come once each");
        self.side_records(&self.topology.topics.late.name);
        // The log holds what it should: otherwise equality would say little.
        assert!(summaries.iter().map(|summary| summary.late).sum::<u64>() > 0, "nothing was late");
        assert!(records > 0 && wanted > records / 10, "{records} records gave {wanted} rows");
    }

    /// R3, past the capture of test output.
    fn report(
        &self,
        records: u64,
        (caught_up, stopped): (Duration, Duration),
        summaries: &[Summary],
        compared: &Compared,
        book: &Book,
    ) {
        let total = |count: fn(&Summary) -> u64| summaries.iter().map(count).sum::<u64>();
        let line = format!(
            "{}, seed {}: {} events in ({records} records, {} late), {} rows out {:?}, {} differ; \
             seen by a proxy before InfluxDB: {} rows stored again, {} of them with other fields, {} refused, {} requests \
             not passed on; caught up {:.1} s after the last record, stopped in {:.1} s; {:.0} s in all",
            self.scenario,
            self.seed,
            total(|summary| summary.events),
            total(|summary| summary.late),
            compared.row_count(),
            compared.rows,
            compared.differing,
            book.again,
            book.changed,
            book.refused.len(),
            book.not_passed,
            caught_up.as_secs_f64(),
            stopped.as_secs_f64(),
            self.began.elapsed().as_secs_f64(),
        );
        say(&line);
    }

    /// The topic of the only catalogue.
    fn catalogue_topic(&self) -> &str {
        let topics = self.topology.catalogue_topics();
        &topics.first().expect("a catalogue is declared").name
    }

    /// How many records a side topic holds; each must be there once, by its origin or, for a refused row, by itself.
    fn side_records(&self, topic: &str) -> u64 {
        let mut seen = BTreeMap::new();
        let mut twice = Vec::new();
        let count = read_topic(&Properties::for_brokers(&self.kafka.address), topic, &mut |message| {
            let header = |name: &str| {
                let mut headers = message.headers().expect("side records have headers").iter();
                headers.find(|header| header.key == name).and_then(|header| header.value).map(<[u8]>::to_vec)
            };
            let origin = ["qoe-origin-topic", "qoe-origin-partition", "qoe-origin-offset"].map(header);
            let row = origin[2].is_none().then(|| message.payload().map(<[u8]>::to_vec));
            let place = (message.offset(), message.timestamp().to_millis());
            if let Some(before) = seen.insert((origin.clone(), row), place) {
                let text =
                    |part: &Option<Vec<u8>>| part.as_deref().map(|part| String::from_utf8_lossy(part).into_owned());
                twice.push((origin.each_ref().map(text), before, place));
            }
            Ok(())
        });
        assert!(twice.is_empty(), "{topic} holds records twice (origin, offset and time of each): {twice:#?}");
        count.unwrap()
    }
}

/// A line on the terminal, past the capture of test output.
pub fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error can be written");
}

/// Names the topics and groups of a trial.
fn prefix(scenario: &str, seed: u64) -> String {
    let words: String = scenario.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' }).collect();
    format!("{words}-{seed}")
}

/// The built-in topology with windows of a second and little patience, so that much happens in little time.
fn topology_text(prefix: &str) -> String {
    format!(
        r#"
rules = 1
window_ms = {WINDOW_MS}
disorder_bound_ms = 500
idle_timeout_ms = 500

[topics]
state_prefix = "{prefix}.state."
partials = {{ name = "{prefix}.partials", partitions = {PARTITIONS} }}
dead_letters = {{ name = "{prefix}.dlq", partitions = 1 }}
late = {{ name = "{prefix}.late", partitions = 1 }}
recommendations = {{ name = "{prefix}.recommendations", partitions = 1 }}

[[source]]
name = "cmcd"
topic = "{prefix}.cmcd"
carrier = "mixed"
clock = "player"
grace_ms = 1000
partitions = {PARTITIONS}

[[source]]
name = "cmcd-logs"
topic = "{prefix}.cmcd.logs"
carrier = "mixed"
clock = "log"
grace_ms = 2000
max_delay_ms = 1000
deduplicate = true
partitions = {PARTITIONS}
cloudfront_fields = ["timestamp", "time-to-first-byte", "sc-status", "sc-bytes", "cs-method", "cs-host", "cs-uri-stem",
  "x-edge-location", "x-edge-request-id", "time-taken", "cs-uri-query", "x-edge-result-type", "cs-headers"]
mappings = ["fastly", "nginx", "akamai-datastream2", "google-media-cdn"]

[[source]]
name = "webrtc"
topic = "{prefix}.webrtc"
carrier = "webrtc"
clock = "player"
grace_ms = 1000
partitions = {PARTITIONS}

[[source]]
name = "kaltura"
topic = "{prefix}.kaltura"
carrier = "kaltura"
clock = "player"
grace_ms = 1000
partitions = {PARTITIONS}
rollups = ["content", "geography", "device", "domain", "playback_type", "custom_variable"]
catalogue = {{ topic = "{prefix}.catalogue", settle_ms = {SETTLE_MS} }}
"#
    )
}
