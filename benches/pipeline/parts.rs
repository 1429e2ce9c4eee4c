//! The parts: produce, consume and discard, the session stage over what was produced, and the same over sessions in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use streamgauge::bus::{Admin, Outgoing, PlainProducer, Properties, StartAt, TopicSpec};
use streamgauge::model::{EventTime, Rows};
use streamgauge::observe::{LONGEST_SILENCE, Sink as ObservedSink, Status};
use streamgauge::service::{Service, Settings, find_topics, topic_names};
use streamgauge::simulate::{CLOUDFRONT_FIELDS, Carrier, Scenario, Simulation};
use streamgauge::sink::influx::{self, Influx};
use streamgauge::sink::{Health, Refused, Sink, Stopped};
use streamgauge::telemetry::Exporter;
use streamgauge::topology::Topology;

use crate::measure::{Figures, Stopwatch, WriteDelays, counter};
use crate::{Args, live};

/// So long that no commit comes.
pub(crate) const NO_COMMIT_MS: u64 = 3_600_000;

/// A part of the bench.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Part {
    Produce,
    Discard,
    Session,
    Play,
    Live,
}

impl Part {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Produce => "produce",
            Self::Discard => "discard",
            Self::Session => "session",
            Self::Play => "play",
            Self::Live => "live",
        }
    }
}

/// The fields of a lean log configuration: all that the rows need.
const LEAN_FIELDS: [&str; 9] = [
    "timestamp",
    "time-to-first-byte",
    "sc-status",
    "sc-bytes",
    "x-edge-location",
    "x-edge-request-id",
    "time-taken",
    "cs-uri-query",
    "x-edge-result-type",
];

pub(crate) fn run(part: Part, args: &Args) {
    let figures = match part {
        Part::Produce => produce(args),
        Part::Discard => discard(args),
        Part::Session => session(args, &|status| await_end(status, args, Instant::now())),
        Part::Play => live::play(args),
        Part::Live => live::work(args),
    };
    println!("{}", serde_json::to_string(&figures).expect("figures are JSON"));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn topology(args: &Args) -> Topology {
    let fields: Vec<&str> = if args.full_lines { CLOUDFRONT_FIELDS.to_vec() } else { LEAN_FIELDS.to_vec() };
    let text = format!(
        "window_ms = {}\n[topics]\nstate_prefix = \"{}\"\n[[source]]\nname = \"bench\"\ntopic = \"{}\"\ncarrier = \"cloudfront-rt\"\nclock = \"log\"\ngrace_ms = {}\npartitions = {}\ncloudfront_fields = {fields:?}\n",
        args.window_ms, args.state_prefix, args.topic, args.grace_ms, args.partitions
    );
    Topology::from_toml(&text, std::path::Path::new("bench.toml")).expect("the bench's topology is valid")
}

pub(crate) fn create_topics(args: &Args) {
    let properties = Properties::for_brokers(&args.brokers);
    let admin = Admin::new(&properties).expect("a client");
    let specs: Vec<TopicSpec> = topic_names(&topology(args))
        .into_iter()
        .map(|name| TopicSpec {
            settings: [("message.timestamp.type".to_owned(), "LogAppendTime".to_owned())].into(),
            partitions: args.partitions,
            name,
        })
        .collect();
    runtime().block_on(admin.create(&specs, 1)).expect("topics can be created");
}

/// Lines of simulated viewers, spread over as much event time as they take, which ends a minute ago.
fn produce(args: &Args) -> Figures {
    create_topics(args);
    let producer = PlainProducer::new(&Properties::for_brokers(&args.brokers)).expect("a client");
    // A viewer makes about 0.7 requests a second.
    let span_ms =
        i64::try_from(args.lines * 1000 / (u64::from(args.viewers) * 7 / 10).max(1)).expect("a sane number") + 10_000;
    let mut scenario = Scenario::steady(args.viewers, span_ms * 2);
    scenario.carriers = vec![(Carrier::CloudFrontRealTime, 1)];
    scenario.event_mode_permille = 0;
    let end = now_ms() - 60_000;
    let mut figures = Figures::default();
    let stopwatch = Stopwatch::start();
    for record in Simulation::new(scenario, 1, EventTime::from_millis(end - span_ms)) {
        if figures.events == args.lines {
            break;
        }
        let value = if args.full_lines { record.value } else { lean(&record.value) };
        figures.events += 1;
        figures.bytes += value.len() as u64;
        send(&producer, args, None, record.key, value);
    }
    // A line per partition that is late enough to close every window before it.
    for partition in 0..args.partitions {
        let last = format!("{}.000\t0.001\t200\t1\tEND\tend-{partition}\t0.001\t-\tHit", end / 1000 + 50);
        let last = if args.full_lines { full_last(end) } else { last };
        send(&producer, args, Some(partition), None, last.into_bytes());
    }
    producer.flush(Duration::from_secs(60)).expect("everything is delivered");
    stopwatch.stop(&mut figures);
    figures
}

fn full_last(end: i64) -> String {
    format!("{}.000\t0.001\t200\t1\tGET\thost\t/\tEND\tend\t0.001\t-\tHit\t-", end / 1000 + 50)
}

pub(crate) fn send(
    producer: &PlainProducer,
    args: &Args,
    partition: Option<i32>,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
) {
    let outgoing = Outgoing { topic: args.topic.clone(), partition, key, value, headers: Vec::new() };
    producer.send(&outgoing, None).expect("the broker takes it");
}

/// The lean selection of a full line; both are in canonical order.
fn lean(line: &[u8]) -> Vec<u8> {
    let mut chosen = Vec::with_capacity(line.len());
    for (name, column) in CLOUDFRONT_FIELDS.iter().zip(line.split(|byte| *byte == b'\t')) {
        if LEAN_FIELDS.contains(name) {
            if !chosen.is_empty() {
                chosen.push(b'\t');
            }
            chosen.extend_from_slice(column);
        }
    }
    chosen
}

#[allow(clippy::disallowed_methods, reason = "simulated viewers live in the present")]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292 million")
}

/// Polls every record and looks at nothing but its length.
fn discard(args: &Args) -> Figures {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("group.id", "bench.discard")
        .set("enable.auto.commit", "false")
        .set("queued.max.messages.kbytes", "32768")
        .set("fetch.queue.backoff.ms", "2")
        .create()
        .expect("a client");
    let mut remaining = 0;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..args.partitions {
        let (low, high) =
            consumer.fetch_watermarks(&args.topic, partition, Duration::from_secs(10)).expect("the topic is there");
        remaining += high - low;
        assignment.add_partition_offset(&args.topic, partition, Offset::Beginning).expect("a valid offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut figures = Figures::default();
    let stopwatch = Stopwatch::start();
    while remaining > 0 {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            figures.bytes += message.expect("the broker answers").payload_len() as u64;
            figures.events += 1;
            remaining -= 1;
        }
    }
    stopwatch.stop(&mut figures);
    figures
}

/// InfluxDB, or nothing in its place, with a count of the rows that were acknowledged.
struct Counting {
    inner: Influx,
    /// Rows are acknowledged and not written.
    nowhere: bool,
    rows: AtomicU64,
}

impl Sink for Counting {
    async fn write(&self, windows: &[Arc<dyn Rows>]) -> Result<Vec<Refused>, Stopped> {
        let refused = if self.nowhere { Vec::new() } else { self.inner.write(windows).await? };
        let rows: usize = windows.iter().map(|window| window.len()).sum();
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        Ok(refused)
    }

    fn health(&self) -> Health {
        self.inner.health()
    }
}

/// One worker with everything on: transactions, state, partials, metrics, rows to InfluxDB. `work` says when it is done.
pub(crate) fn session(args: &Args, work: &dyn Fn(&Status)) -> Figures {
    create_topics(args);
    let exporter = Exporter::install().expect("the first recorder");
    let runtime = runtime();
    let entered = runtime.enter();
    let (_running, stop) = tokio::sync::watch::channel(false);
    let mut words = args.influx.split(' ');
    let mut word = || words.next().expect("url, organization, bucket and token");
    let settings = influx::Settings::new(word(), word(), word());
    let inner = Influx::new(&settings, word(), stop).expect("valid settings");
    let sink = Arc::new(Counting { inner, nowhere: args.rows_nowhere, rows: AtomicU64::new(0) });
    let status = Arc::new(Status::new(LONGEST_SILENCE, || ObservedSink::Ok));
    let topology = topology(args);
    let properties = Properties::for_brokers(&args.brokers);
    let found = find_topics(&topology, &properties).expect("the topics are there");
    let settings = Settings {
        properties,
        // Of its own: a part that was ended without leaving its group would hold up the next one.
        group_prefix: format!("{}bench", args.state_prefix),
        instance: "bench".to_owned(),
        static_membership: false,
        start: StartAt::Earliest,
        commit_interval: Duration::from_millis(args.commit_ms),
        session_workers: 1,
        rollup_workers: 0,
        compat: None,
    };
    let mut figures = Figures::default();
    let stopwatch = Stopwatch::start();
    let service = Service::start(&topology, found, &settings, &sink, &status).expect("the service starts");
    work(&status);
    figures.events = read_so_far(&status);
    if args.commit_ms == NO_COMMIT_MS {
        // Stopping would commit everything at once.
        stopwatch.stop(&mut figures);
        println!("{}", serde_json::to_string(&figures).expect("figures are JSON"));
        #[allow(clippy::disallowed_methods, reason = "nothing of this part is needed any more")]
        std::process::exit(0);
    }
    runtime.block_on(service.stop()).expect("the service stops");
    stopwatch.stop(&mut figures);
    drop(entered);
    figures.rows = sink.rows.load(Ordering::Relaxed);
    let metrics = exporter.render(&status);
    figures.write_delays = WriteDelays::of(&metrics);
    figures.carries = counter(&metrics, "streamgauge_carries_saved_total");
    figures
}

fn read_so_far(status: &Status) -> u64 {
    let workers = status.workers();
    let positions = workers.iter().flat_map(|worker| &worker.snapshot.partitions).map(|partition| partition.position);
    u64::try_from(positions.sum::<i64>()).unwrap_or(0)
}

/// Waits until everything is read, written and acknowledged.
#[allow(clippy::disallowed_methods, reason = "looks at the state twice a second")]
fn await_end(status: &Status, args: &Args, started: Instant) {
    loop {
        let workers = status.workers();
        let partitions: Vec<_> = workers.iter().flat_map(|worker| &worker.snapshot.partitions).collect();
        let position = read_so_far(status);
        let unacknowledged: u64 = partitions.iter().map(|one| one.windows_unacknowledged).sum();
        let expected = args.lines + u64::from(args.partitions.unsigned_abs());
        if position >= expected && unacknowledged == 0 {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(600), "not done after ten minutes: {position} of {expected}");
        std::thread::sleep(Duration::from_millis(500));
    }
}
