//! Promise: whatever is wrong around a process, it says so in one clear message with its remedy, shows it in a metric, and loses nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The files and ports of a test are made in one place, and not every test looks at all of them.
#![allow(clippy::disallowed_methods)]

mod support;

use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use support::tcp_proxy::{COMMIT_OFFSETS, TcpProxy, Weather};
use support::{Influx, Kafka, Streamgauge, block_on, eventually, free_ports};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(120);

/// Windows of a second and short waits, on topics of the test's own.
fn topology(name: &str) -> String {
    format!(
        "rules = 1\nwindow_ms = 1000\ndisorder_bound_ms = 500\nidle_timeout_ms = 500\n\
         [topics]\nstate_prefix = '{name}.state.'\npartials = {{ name = '{name}.partials', partitions = 2 }}\n\
         dead_letters = {{ name = '{name}.dlq', partitions = 1 }}\nlate = {{ name = '{name}.late', partitions = 1 }}\n\
         [[source]]\nname = 'cmcd'\ntopic = '{name}.cmcd'\nclock = 'player'\ngrace_ms = 500\npartitions = 2\n\
         [[source]]\nname = 'logs'\ntopic = '{name}.logs'\ncarrier = 'cloudfront-rt'\ngrace_ms = 1000\nmax_delay_ms = 0\n\
         partitions = 1\ncloudfront_fields = ['timestamp', 'sc-status', 'sc-bytes', 'x-edge-location', 'time-taken', 'cs-uri-query']\n"
    )
}

/// The surroundings of one process: its topology, brokers, InfluxDB and port.
struct Surroundings {
    name: &'static str,
    folder: TempDir,
    variables: Vec<(String, String)>,
    http: u16,
}

impl Surroundings {
    fn new(name: &'static str, brokers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let http = free_ports(1);
        let mut surroundings = Self { name, folder, variables: Vec::new(), http };
        surroundings.write_topology(&topology(name));
        let topology = surroundings.topology_path();
        for (key, value) in [
            ("TOPOLOGY", topology.as_str()),
            ("BUS__BROKERS", brokers),
            ("BUS__GROUP_PREFIX", name),
            // A worker that left without a word, because no broker was there, is waited for so long. Not shorter: for as long a worker
            // keeps its partitions when the broker goes, which a test needs.
            ("BUS__PROPERTIES__SESSION_TIMEOUT_MS", "20000"),
            ("WORKERS__SESSION", "1"),
            ("WORKERS__INSTANCE", "test"),
            ("COMMIT_INTERVAL_MS", "200"),
            ("HTTP__LISTEN", &format!("127.0.0.1:{http}")),
            ("INFLUX__URL", "http://127.0.0.1:1"),
            ("INFLUX__TOKEN", "no-token"),
        ] {
            surroundings.set(key, value);
        }
        surroundings
    }

    fn with_influx(mut self, influx: &Influx) -> Self {
        self.set("INFLUX__URL", &influx.url);
        self.set("INFLUX__ORG", &influx.organisation);
        self.set("INFLUX__BUCKET", &influx.bucket);
        self.set("INFLUX__TOKEN", &influx.token);
        self
    }

    fn set(&mut self, key: &str, value: &str) {
        let variable = format!("STREAMGAUGE_{key}");
        self.variables.retain(|(known, _)| *known != variable);
        self.variables.push((variable, value.to_owned()));
    }

    fn topology_path(&self) -> String {
        self.folder.path().join("topology.toml").display().to_string()
    }

    fn write_topology(&self, text: &str) {
        std::fs::write(self.topology_path(), text).unwrap();
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn run(&self) -> Streamgauge {
        Streamgauge::spawn(&["run"], &self.environment())
    }

    /// A command that ends by itself.
    fn command(&self, arguments: &[&str]) -> Output {
        Streamgauge::command(arguments, &self.environment()).output().unwrap()
    }

    fn apply_topics(&self) {
        let output = self.command(&["topics", "--apply"]);
        assert!(output.status.success(), "{}", said(&output));
    }

    /// Status and body of a page; 0 while nobody listens.
    fn page(&self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        block_on(async {
            match reqwest::get(url).await {
                Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap()),
                Err(_) => (0, String::new()),
            }
        })
    }

    fn await_not_ready(&self, part: &str) {
        eventually(PATIENCE, &format!("/readyz says: {part}"), || {
            let (status, body) = self.page("/readyz");
            status == 503 && body.contains(part)
        });
        assert_eq!(self.page("/livez").0, 200, "what is wrong outside must not restart the process");
    }

    fn await_ready(&self) {
        eventually(PATIENCE, "/readyz says ready", || self.page("/readyz").0 == 200);
    }

    /// The value of a metric, by the begin of its line.
    fn metric(&self, series: &str) -> f64 {
        let (_, body) = self.page("/metrics");
        let line = body.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    fn topic(&self, kind: &str) -> String {
        format!("{}.{kind}", self.name)
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Produces values with a carrier header, keyed by `key`.
fn produce(kafka: &Kafka, topic: &str, key: Option<&str>, carrier: &str, values: &[&str]) {
    let producer: BaseProducer = kafka.client().create().unwrap();
    for value in values {
        let headers = OwnedHeaders::new().insert(Header { key: "qoe-carrier", value: Some(carrier) });
        let mut record = BaseRecord::<str, str>::to(topic).payload(value).headers(headers);
        if let Some(key) = key {
            record = record.key(key);
        }
        producer.send(record).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

const QUERY: &str = "CMCD=bl%3D2000%2Cbr%3D3000%2Cot%3Dv%2Csid%3D%22s-1%22";

fn produce_queries(kafka: &Kafka, surroundings: &Surroundings, count: usize) {
    produce(kafka, &surroundings.topic("cmcd"), Some("s-1"), "cmcd-query", &vec![QUERY; count]);
}

/// A broker of the test's own with its topics, and an InfluxDB.
fn servers(name: &'static str) -> Option<(Kafka, Influx, Surroundings)> {
    let (kafka, influx) = (Kafka::start()?, Influx::start()?);
    let surroundings = Surroundings::new(name, &kafka.address).with_influx(&influx);
    surroundings.apply_topics();
    Some((kafka, influx, surroundings))
}

/// The same with a proxy before the broker, through which the process goes.
fn servers_behind_proxy(name: &'static str) -> Option<(Kafka, Influx, TcpProxy, Surroundings)> {
    let ((kafka, port, listener), influx) = (Kafka::start_behind_proxy()?, Influx::start()?);
    let bus = TcpProxy::before_kafka(port, listener);
    let mut surroundings = Surroundings::new(name, &kafka.address).with_influx(&influx);
    surroundings.apply_topics();
    surroundings.set("BUS__BROKERS", &bus.address.to_string());
    Some((kafka, influx, bus, surroundings))
}

#[test]
fn a_broker_that_is_down_at_the_start_or_later_is_waited_for() {
    let Some((kafka, influx, bus, surroundings)) = servers_behind_proxy("down") else { return };
    kafka.stop();
    let mut running = surroundings.run();
    surroundings.await_not_ready(&format!("no broker answers at {}", bus.address));
    surroundings.await_not_ready("check `bus.brokers`");

    kafka.start_again();
    surroundings.await_ready();
    produce_queries(&kafka, &surroundings, 3);
    influx.await_requests("cmcd", 3, PATIENCE);

    // While there is something to commit: that commit cannot end, and the worker begins again. Not in a transaction: see Kafka::crash.
    bus.hold();
    produce_queries(&kafka, &surroundings, 2);
    eventually(PATIENCE, "no transaction is open", || bus.is_at_rest() && kafka.has_marked_all_ends());
    kafka.stop();
    bus.release();
    eventually(PATIENCE, "the metric counts lost connections", || {
        surroundings.metric("streamgauge_bus_errors_total{kind=\"connection\"}") > 0.0
    });
    kafka.start_again();
    produce_queries(&kafka, &surroundings, 4);
    influx.await_requests("cmcd", 9, PATIENCE);
    surroundings.await_ready();
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());
}

/// The worst moment: librdkafka waits without end for the answer to a commit's last request but one.
#[test]
fn a_commit_that_never_ends_is_no_end_of_the_process() {
    let Some((kafka, influx, bus, surroundings)) = servers_behind_proxy("commit") else { return };
    let mut running = surroundings.run();
    surroundings.await_ready();
    bus.trap(COMMIT_OFFSETS, ".session.test.");
    produce_queries(&kafka, &surroundings, 5);
    eventually(PATIENCE, "a commit is under way", || bus.has_caught());
    bus.weather(Weather::Closed);
    surroundings.await_not_ready("session-0: the last commit did not end");
    surroundings.await_not_ready("the worker begins again from what was committed");
    assert!(surroundings.metric("streamgauge_worker_restarts_total{stage=\"session\"}") > 0.0);
    bus.weather(Weather::Fair);
    influx.await_requests("cmcd", 5, PATIENCE);
    surroundings.await_ready();
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());
}

#[test]
fn topics_that_are_missing_end_the_process_with_their_names() {
    let Some(kafka) = Kafka::shared() else { return };
    let surroundings = Surroundings::new("missing", &kafka.address);
    let output = surroundings.command(&["run"]);
    assert!(!output.status.success());
    let said = said(&output);
    for part in ["`missing.cmcd`", "`missing.state.missing.logs`", "streamgauge topics --apply"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn wrong_credentials_are_named_and_not_taken_for_an_outage() {
    let Some(kafka) = Kafka::shared() else { return };
    let mut surroundings = Surroundings::new("credentials", &kafka.sasl_address);
    surroundings.set("BUS__USERNAME", "bob");
    surroundings.set("BUS__PASSWORD", "not-bobs-secret");
    surroundings.set("BUS__MECHANISM", "SCRAM-SHA-256");
    let running = surroundings.run();
    surroundings.await_not_ready("refuse the credentials");
    surroundings.await_not_ready("check `bus.username`, the password and `bus.mechanism`");
    assert!(surroundings.metric("streamgauge_bus_errors_total{kind=\"credentials\"}") > 0.0);
    assert!(!running.stderr().contains("not-bobs-secret"));

    let refused = surroundings.command(&["check"]);
    assert!(!refused.status.success() && said(&refused).contains("FAIL  bus: the brokers at"), "{}", said(&refused));
    surroundings.set("BUS__PASSWORD", "bob-secret");
    let accepted = said(&surroundings.command(&["check"]));
    assert!(accepted.contains("ok    bus:") && accepted.contains("ok    transactions:"), "{accepted}");
}

#[test]
fn rows_wait_for_an_influxdb_that_is_down() {
    let Some((kafka, influx, surroundings)) = servers("influx") else { return };
    influx.stop();
    let mut running = surroundings.run();
    surroundings.await_not_ready("cannot be reached: is it running");
    produce_queries(&kafka, &surroundings, 7);
    eventually(PATIENCE, "a row waits for the sink", || {
        surroundings.metric("streamgauge_sink_requests_total{status=\"connection\"}") > 1.0
            && surroundings.metric("streamgauge_sink_healthy") == 0.0
    });
    influx.start_again();
    influx.await_requests("cmcd", 7, PATIENCE);
    surroundings.await_ready();
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());
}

#[test]
fn a_wrong_token_or_bucket_is_named_and_costs_no_row() {
    let Some((kafka, influx, mut surroundings)) = servers("token") else { return };
    produce_queries(&kafka, &surroundings, 6);
    let wrong = [
        ("INFLUX__TOKEN", "wrong", influx.token.clone(), "refuses the token (401): set STREAMGAUGE_INFLUX__TOKEN"),
        ("INFLUX__BUCKET", "nowhere", influx.bucket.clone(), "no bucket `nowhere` in it (404): create the bucket"),
    ];
    for (key, value, right, part) in wrong {
        surroundings.set(key, value);
        let mut running = surroundings.run();
        surroundings.await_not_ready(part);
        eventually(PATIENCE, "the metric counts the refusals", || {
            surroundings.metric("streamgauge_sink_requests_total{status=\"4xx\"}") > 0.0
        });
        let checked = surroundings.command(&["check"]);
        assert!(!checked.status.success() && said(&checked).contains(part), "{}", said(&checked));
        running.stop(PATIENCE);
        surroundings.set(key, &right);
    }
    assert!(influx.rows("session_window").is_empty());
    let _running = surroundings.run();
    influx.await_requests("cmcd", 6, PATIENCE);
}

#[test]
fn a_topology_that_contradicts_itself_is_refused_at_once() {
    let surroundings = Surroundings::new("contradiction", "127.0.0.1:1");
    let text = topology("contradiction").replace("window_ms = 1000", "window_ms = 7000");
    surroundings.write_topology(&text.replace("grace_ms = 500", "grace_ms = 400"));
    for command in ["run", "check", "topics", "replay"] {
        let arguments: &[&str] = if command == "replay" { &["replay", "x", "--to-rows", "-"] } else { &[command] };
        let output = surroundings.command(arguments);
        let said = said(&output);
        assert!(!output.status.success(), "{command}");
        for part in ["`window_ms` is 7000, which does not divide a minute", "`source.cmcd.grace_ms` is 400"] {
            assert!(said.contains(part), "{command}: {said}");
        }
    }
    // What only shows when a file is opened.
    let mapped = topology("contradiction").replace("'cloudfront-rt'", "'json:own.toml'");
    let without_fields: Vec<&str> =
        mapped.lines().map(|line| line.split("cloudfront_fields").next().unwrap()).collect();
    surroundings.write_topology(&without_fields.join("\n"));
    for command in ["run", "check"] {
        let said = said(&surroundings.command(&[command]));
        assert!(said.contains("source `logs`: the mapping file") && said.contains("own.toml"), "{command}: {said}");
    }
}

#[test]
fn check_says_ok_for_sound_surroundings_and_names_what_is_not() {
    let Some((kafka, _influx, surroundings)) = servers("sound") else { return };
    let sound = surroundings.command(&["check"]);
    let text = said(&sound);
    assert!(sound.status.success() && text.contains("ready to run: 0 faults"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("ok    topic ")).count(), 9, "{text}");

    let other = Surroundings::new("unsound", &kafka.address);
    kafka.create_topic("unsound.cmcd", 3, &[("message.timestamp.type", "CreateTime"), ("retention.ms", "60000")]);
    kafka.create_topic("unsound.state.unsound.cmcd", 2, &[]);
    let applied = other.command(&["topics", "--apply"]);
    assert!(!applied.status.success());
    let (applied, checked) = (said(&applied), said(&other.command(&["check"])));
    for part in [
        "message.timestamp.type=CreateTime, so that a producer's clock could close windows",
        "keeps records for 60 s only",
        "set `partitions = 3` for source cmcd",
        "has 2 partitions and must have as many as unsound.cmcd, 3",
        "cleanup.policy=delete, which deletes what a restart needs",
    ] {
        assert!(applied.contains(part) && checked.contains(part), "{part}:\n{applied}\n{checked}");
    }
    assert!(checked.contains("FAIL  influx: InfluxDB at http://127.0.0.1:1 cannot be reached"), "{checked}");
}

/// A line of the source `logs`, now.
fn log_line(status: &str) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    format!("{seconds:.3}\t{status}\t1000\tFRA60-P1\t0.050\t{QUERY}")
}

/// Requests answered with 4xx, over all edge rows.
fn client_errors(influx: &Influx) -> i64 {
    let rows = influx.rows_of_windows("edge_window");
    rows.iter().filter_map(|row| row.columns.get("errors_4xx_count")?.as_i64()).sum()
}

#[test]
fn a_line_with_a_column_too_many_is_a_dead_letter_and_the_next_line_counts() {
    let Some((kafka, influx, surroundings)) = servers("columns") else { return };
    let bad = format!("{}\textra \u{fffd} column", log_line("200"));
    let topic = surroundings.topic("logs");
    produce(&kafka, &topic, Some("s-1"), "cloudfront-rt", &[&log_line("200"), &bad, &log_line("404")]);
    let mut running = surroundings.run();
    influx.await_requests("logs", 2, PATIENCE);
    eventually(PATIENCE, "the line after the bad one counts", || client_errors(&influx) == 1);

    let letter = read_one(&kafka, &surroundings.topic("dlq"));
    assert_eq!(letter.payload().unwrap(), bad.as_bytes(), "the bytes are untouched");
    assert_eq!(letter.key().unwrap(), b"s-1");
    for (name, value) in [
        ("qoe-reason", "column_count"),
        ("qoe-origin-topic", topic.as_str()),
        ("qoe-origin-partition", "0"),
        ("qoe-origin-offset", "1"),
        ("qoe-carrier", "cloudfront-rt"),
    ] {
        let headers = letter.headers().unwrap();
        let found = headers.iter().find(|header| header.key == name).and_then(|header| header.value);
        assert_eq!(found, Some(value.as_bytes()), "{name}");
    }
    let series = "streamgauge_dead_letters_total{source=\"logs\",reason=\"column_count\"}";
    assert_eq!(surroundings.metric(series), 1.0, "{}", surroundings.page("/metrics").1);
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());
}

#[test]
fn a_report_that_cannot_be_read_costs_only_itself_and_is_counted() {
    let Some(kafka) = Kafka::shared() else { return };
    let surroundings = Surroundings::new("body", &kafka.address);
    surroundings.apply_topics();
    let body = "e=t,sid=\"s-1\",ts=1767600000000,v=2\ne=t,sid=\"s-1\",ts=1767600001000,v=9\ne=t,sid=\"s-1\",ts=1767600002000,v=2\n";
    produce(kafka, &surroundings.topic("cmcd"), Some("s-1"), "cmcd-body", &[body, "no report at all, in no line"]);
    let _running = surroundings.run();
    for (series, count) in [
        ("streamgauge_events_total{source=\"cmcd\",outcome=\"accepted\"}", 2.0),
        ("streamgauge_parts_rejected_total{source=\"cmcd\",reason=\"version\"}", 1.0),
        ("streamgauge_events_total{source=\"cmcd\",outcome=\"dead_letter\"}", 1.0),
        ("streamgauge_dead_letters_total{source=\"cmcd\",reason=\"malformed\"}", 1.0),
    ] {
        eventually(PATIENCE, &format!("{series} is {count}"), || surroundings.metric(series) == count);
    }
    let letter = read_one(kafka, &surroundings.topic("dlq"));
    assert_eq!(
        letter.payload().unwrap(),
        b"no report at all, in no line",
        "the body of which two reports count is no dead letter"
    );
}

#[test]
fn records_that_retention_deletes_before_they_are_read_are_reported_and_reading_goes_on() {
    let Some((kafka, influx, surroundings)) = servers("retention") else { return };
    let topic = surroundings.topic("logs");
    let mut running = surroundings.run();
    produce(&kafka, &topic, Some("s-1"), "cloudfront-rt", &[&log_line("200")]);
    influx.await_requests("logs", 1, PATIENCE);
    running.halt();
    // The first of these may have been on their way to it already; the next cannot.
    for _ in 0..2 {
        produce(&kafka, &topic, Some("s-1"), "cloudfront-rt", &[log_line("200").as_str(); 5]);
        kafka.delete_before(&topic, 0, log_end(&kafka, &topic));
    }
    running.resume();
    surroundings.await_not_ready("cannot be read on");
    surroundings.await_ready();
    produce(&kafka, &topic, Some("s-1"), "cloudfront-rt", &[&log_line("404")]);
    eventually(PATIENCE, "what came after the loss counts", || client_errors(&influx) == 1);
    let lost = format!("streamgauge_offsets_lost_total{{source=\"{topic}\"}}");
    assert!(surroundings.metric(&lost) > 0.0, "{}", surroundings.page("/metrics").1);
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());
}

/// Where the only partition of a topic ends.
fn log_end(kafka: &Kafka, topic: &str) -> i64 {
    let consumer: BaseConsumer = kafka.client().set("group.id", "reader").create().unwrap();
    consumer.fetch_watermarks(topic, 0, PATIENCE).unwrap().1
}

#[test]
fn a_record_too_large_for_the_dead_letters_is_cut_and_holds_up_nothing() {
    let Some(kafka) = Kafka::shared() else { return };
    let surroundings = Surroundings::new("large", &kafka.address);
    kafka.create_topic("large.dlq", 1, &[("max.message.bytes", "100000"), ("retention.ms", "86400000")]);
    eventually(PATIENCE, "the limit of the dead letters is named", || {
        said(&surroundings.command(&["topics", "--apply"])).contains("takes messages up to 100000 bytes only")
    });
    // The first is too large for the client by its headers, the second for the topic. What repeats is compressed, so this does not.
    let mut letters = 0x1234_5678_9abc_def0_u64;
    let mut noise = || {
        letters = letters.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_add(1);
        char::from(b"abcdefghijklmnopqrstuvwxyz0123456789+/-_"[(letters >> 40) as usize % 40])
    };
    let (first, second): (String, String) =
        ((0..999_700).map(|_| noise()).collect(), (0..300_000).map(|_| noise()).collect());
    let topic = surroundings.topic("logs");
    // One after the other: together, a retry of the first would put it behind the second.
    produce(kafka, &topic, Some("s-1"), "cloudfront-rt", &[&first]);
    produce(kafka, &topic, Some("s-1"), "cloudfront-rt", &[&second]);
    let _running = surroundings.run();
    eventually(PATIENCE, "the broker refuses", || {
        surroundings.metric("streamgauge_worker_restarts_total{stage=\"session\"}") > 0.0
    });
    for (letter, value) in read_first(kafka, "large.dlq", 2).iter().zip([first, second]) {
        let kept = letter.payload().unwrap();
        let headers = letter.headers().unwrap();
        assert!(
            kept.len() > 10_000 && value.as_bytes().starts_with(kept),
            "{} bytes are kept: {headers:?}",
            kept.len()
        );
        let whole = headers.iter().find(|header| header.key == "qoe-whole-bytes").and_then(|header| header.value);
        assert_eq!(whole, Some(value.len().to_string().as_bytes()));
    }
}

/// The first committed record of a topic with one partition.
fn read_one(kafka: &Kafka, topic: &str) -> OwnedMessage {
    read_first(kafka, topic, 1).remove(0)
}

/// The first committed records of a topic with one partition.
fn read_first(kafka: &Kafka, topic: &str, count: usize) -> Vec<OwnedMessage> {
    let mut client = kafka.client();
    let consumer: BaseConsumer =
        client.set("group.id", "reader").set("auto.offset.reset", "earliest").create().unwrap();
    let mut start = TopicPartitionList::new();
    start.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&start).unwrap();
    let mut found = Vec::new();
    eventually(PATIENCE, "the records are there", || {
        found.extend(consumer.poll(Duration::from_millis(100)).map(|message| message.unwrap().detach()));
        found.len() >= count
    });
    found
}
