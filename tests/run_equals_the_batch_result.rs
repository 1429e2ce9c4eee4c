//! `streamgauge run`, on a real Kafka and a real InfluxDB, turns a million simulated events and recorded captures into exactly the rows
//! that the batch oracle computes from the topics: every row, every field, and none beside them.
//!
//! `STREAMGAUGE_TEST_EVENTS` says how many events are simulated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/proof/mod.rs"]
mod proof;
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use proof::load::now_ms;
use proof::{Table, compare};
use streamgauge::bus::{PlainProducer, Properties, read_topic};
use streamgauge::cli::simulate::outgoing;
use streamgauge::model::EventTime;
use streamgauge::model::record::header;
use streamgauge::replay::Summary;
use streamgauge::service::source_plans;
use streamgauge::simulate::{Scenario, SimulatedRecord, Simulation, Situation};
use streamgauge::topology::Topology;

use support::{Influx, Kafka, Streamgauge, eventually, free_ports};

const EVENTS: u32 = 1_000_000;
/// Simulated time.
const DURATION_MS: i64 = 240_000;
const MINUTE_MS: i64 = 60_000;
const PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(900);

/// The built-in topology with fewer partitions, and with a grace that lets the last windows close within half a minute.
const TOPOLOGY: &str = r#"
rules = 1
window_ms = 10000
disorder_bound_ms = 5000
idle_timeout_ms = 1000

[topics]
partials = { name = "qoe.partials", partitions = 4 }
dead_letters = { name = "qoe.dlq", partitions = 1 }
late = { name = "qoe.late", partitions = 1 }

[[source]]
name = "cmcd"
topic = "qoe.cmcd"
carrier = "mixed"
clock = "player"
grace_ms = 10000
partitions = 4

[[source]]
name = "cmcd-logs"
topic = "qoe.cmcd.logs"
carrier = "mixed"
clock = "log"
grace_ms = 10000
max_delay_ms = 1000
deduplicate = true
partitions = 4
cloudfront_fields = ["timestamp", "time-to-first-byte", "sc-status", "sc-bytes", "cs-method", "cs-host", "cs-uri-stem",
  "x-edge-location", "x-edge-request-id", "time-taken", "cs-uri-query", "x-edge-result-type", "cs-headers"]
mappings = ["fastly", "nginx", "akamai-datastream2", "google-media-cdn"]
"#;

#[test]
fn a_million_events_become_the_rows_of_the_batch_oracle() {
    let (Some(kafka), Some(influx)) = (Kafka::start(), Influx::start()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let topology_file = folder.path().join("topology.toml");
    std::fs::write(&topology_file, TOPOLOGY).unwrap();
    let topology = Topology::load(Some(&topology_file)).unwrap();
    let listen = format!("127.0.0.1:{}", free_ports(1));
    let environment = environment(&kafka, &influx, &topology_file, &listen);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();

    Streamgauge::run(&["topics", "--apply", "--replication", "1"], &environment);
    let mut processor = Streamgauge::spawn(&["run"], &environment);
    let began = Instant::now();
    let produced = produce(&kafka);
    report(&format!("{produced} records produced in {:.0} s", began.elapsed().as_secs_f64()));

    // Every append time so far lies before this boundary, where the last minute with a record ends; ticks carry the frontiers past it.
    let target_ms = (now_ms() / MINUTE_MS + 1) * MINUTE_MS;
    await_frontiers(&processor, &listen, target_ms);
    report(&format!("all windows closed and written after {:.0} s", began.elapsed().as_secs_f64()));
    let status = processor.stop(Duration::from_secs(60));
    assert!(status.success(), "streamgauge run ended with {status}:\n{}", processor.stderr());

    let mut expected = Table::default();
    let plans = source_plans(&topology).unwrap().into_iter();
    let summaries: Vec<Summary> = plans.map(|plan| expected.add_source(&kafka, plan, PARTITIONS, target_ms)).collect();
    let total = |count: fn(&Summary) -> u64| summaries.iter().map(count).sum::<u64>();
    let wanted = expected.len();
    let compared = compare(&influx, expected, target_ms);
    report(&format!(
        "{} events in {} records ({} late, {} duplicates, {} dead letters); {} rows, {} differ; {:.0} s in all",
        total(|summary| summary.events),
        total(|summary| summary.records),
        total(|summary| summary.late),
        total(|summary| summary.duplicates),
        total(|summary| summary.dead_letters),
        compared.row_count(),
        compared.differing,
        began.elapsed().as_secs_f64(),
    ));
    assert_eq!(compared.differing, 0, "rows that differ:\n{}", compared.examples);
    assert_eq!(compared.row_count(), wanted);
    // The log holds what it should: otherwise equality would say little.
    assert!(total(|summary| summary.events) >= u64::from(events()) * 9 / 10);
    assert!(total(|summary| summary.late) > 0 && total(|summary| summary.duplicates) > 0);
    let dead_letters = read_topic(&Properties::for_brokers(&kafka.address), "qoe.dlq", &mut |_| Ok(())).unwrap();
    assert_eq!(dead_letters, total(|summary| summary.dead_letters), "dead letters come exactly once");
    assert_eq!(dead_letters, UNREADABLE.len() as u64);
}

/// The tests' own switches; nothing of the product.
#[allow(clippy::disallowed_methods, reason = "the environment of the test run, not a setting of the product")]
fn events() -> u32 {
    std::env::var("STREAMGAUGE_TEST_EVENTS").map_or(EVENTS, |text| text.parse().expect("a whole number"))
}

fn report(line: &str) {
    eprintln!("run_equals_the_batch_result: {line}");
}

fn environment(kafka: &Kafka, influx: &Influx, topology: &Path, listen: &str) -> Vec<(&'static str, String)> {
    vec![
        ("STREAMGAUGE_BUS__BROKERS", kafka.address.clone()),
        ("STREAMGAUGE_INFLUX__URL", influx.url.clone()),
        ("STREAMGAUGE_INFLUX__ORG", influx.organisation.clone()),
        ("STREAMGAUGE_INFLUX__BUCKET", influx.bucket.clone()),
        ("STREAMGAUGE_INFLUX__TOKEN", influx.token.clone()),
        ("STREAMGAUGE_HTTP__LISTEN", listen.to_owned()),
        ("STREAMGAUGE_TOPOLOGY", topology.display().to_string()),
        ("STREAMGAUGE_WORKERS__INSTANCE", "test".to_owned()),
    ]
}

// ---- What is produced --------------------------------------------------------------------------------------------------------------

/// Records that cannot be read: a query without CMCD, a log line with a column too few, a later version, and JSON that is none.
const UNREADABLE: [(&str, &str); 4] = [
    ("cmcd-query", "a=b"),
    ("cloudfront-rt", "1767600000.000\t0.1\t200"),
    ("cmcd-query", "CMCD=v%3D3%2Csid%3D%22x%22"),
    ("json:nginx", "{"),
];

const BITMOVIN: &str = include_str!("data/cmcd/bitmovin-url.log");
const QUERIES: &str = include_str!("data/cmcd/players-queries.txt");
const HEADERS: &str = include_str!("data/cmcd/players-headers.txt");

/// Produces as fast as it goes. What is simulated ends now, so that no event lies ahead of the broker's clock.
fn produce(kafka: &Kafka) -> u64 {
    let producer = PlainProducer::new(&Properties::for_brokers(&kafka.address)).unwrap();
    let start_ms = now_ms() - DURATION_MS;
    let mut records = 0;
    for record in Simulation::new(scenario(), 3, EventTime::from_millis(start_ms)) {
        producer.send(&outgoing(&record), None).unwrap();
        records += 1;
    }
    for record in captures(start_ms).into_iter().chain(unreadable()) {
        producer.send(&outgoing(&record), None).unwrap();
        records += 1;
    }
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0, "every record is delivered");
    records
}

/// Every carrier, version 1 and 2, request and event mode, and all that goes wrong.
fn scenario() -> Scenario {
    use Situation::{BadEdge, ClockSkew, Disorder, Duplicates};
    let steady = Scenario::steady(0, DURATION_MS);
    let mut scenario = [BadEdge, ClockSkew, Disorder, Duplicates].into_iter().fold(steady, Scenario::with);
    scenario.delays.log_grace_ms = 10_000;
    scenario.viewers = scenario.viewers_for(events() / u32::try_from(DURATION_MS / 1_000).unwrap());
    scenario
}

/// What real players sent, a second apart, as a collector would have passed it on.
fn captures(start_ms: i64) -> Vec<SimulatedRecord> {
    let session = "6e2fb550-c457-11e9-bb97-0800200c9a66";
    let bitmovin = BITMOVIN.lines().skip(2).map(|line| ("cmcd-query", line, Some(session)));
    let queries = QUERIES.lines().map(|line| ("cmcd-query", line, None));
    let headers = HEADERS.split("\n\n").filter(|part| !part.trim().is_empty()).map(|part| ("cmcd-headers", part, None));
    let all = (0..).zip(bitmovin.chain(queries).chain(headers));
    let records = all.map(|(number, (carrier, value, key))| {
        let received_ms = start_ms + (number * 1_000) % DURATION_MS;
        SimulatedRecord {
            topic: "qoe.cmcd",
            key: key.map(|key| key.as_bytes().to_vec()),
            headers: vec![(header::CARRIER, carrier.to_owned()), (header::RECEIVED_MS, received_ms.to_string())],
            value: value.as_bytes().to_vec(),
            append_ms: received_ms,
            event_ms: received_ms,
        }
    });
    records.collect()
}

fn unreadable() -> impl Iterator<Item = SimulatedRecord> {
    UNREADABLE.into_iter().map(|(carrier, value)| SimulatedRecord {
        topic: "qoe.cmcd.logs",
        key: None,
        headers: vec![(header::CARRIER, carrier.to_owned())],
        value: value.as_bytes().to_vec(),
        append_ms: 0,
        event_ms: 0,
    })
}

// ---- Waiting -----------------------------------------------------------------------------------------------------------------------

/// Waits until the state page shows every partition of both stages at or past a boundary.
fn await_frontiers(processor: &Streamgauge, listen: &str, target_ms: i64) {
    // Two sources of four partitions, and both sources in each of the four partitions of partials.
    let wanted = usize::try_from(2 * PARTITIONS + 2 * PARTITIONS).unwrap();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    eventually(PATIENCE, "every frontier has passed the end of the log", || {
        let answer = support::block_on(async {
            client.get(format!("http://{listen}/state")).send().await.ok()?.text().await.ok()
        });
        let state: serde_json::Value = answer.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let workers = state["workers"].as_array().cloned().unwrap_or_default();
        assert!(!workers.is_empty() || processor.stderr().is_empty() || !processor.stderr().contains("ERROR"));
        let partitions = workers.iter().filter_map(|worker| worker["partitions"].as_array()).flatten();
        let passed = partitions.filter(|partition| partition["frontier_ms"].as_i64() >= Some(target_ms));
        passed.count() >= wanted
    });
}
