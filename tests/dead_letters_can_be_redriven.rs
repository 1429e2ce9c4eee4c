//! Promise: an operator sees what could not be read and why, and what can be read now is put back and counted, each letter once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The files and ports of a test are made in one place, and its records are of the present.
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use streamgauge::model::partition::partition_of;
use support::{Influx, Kafka, Streamgauge, eventually, free_ports};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const PARTITIONS: i32 = 2;

/// Windows of a second and short waits, on topics of the test's own; `mappings` as TOML.
fn topology(name: &str, mappings: &str) -> String {
    format!(
        "rules = 1\nwindow_ms = 1000\ndisorder_bound_ms = 500\nidle_timeout_ms = 500\n\
         [topics]\nstate_prefix = '{name}.state.'\npartials = {{ name = '{name}.partials', partitions = 1 }}\n\
         dead_letters = {{ name = '{name}.dlq', partitions = 2 }}\nlate = {{ name = '{name}.late', partitions = 1 }}\n\
         [[source]]\nname = 'cmcd'\ntopic = '{name}.cmcd'\nclock = 'player'\ngrace_ms = 500\npartitions = {PARTITIONS}\n\
         mappings = {mappings}\n\
         [[source]]\nname = 'logs'\ntopic = '{name}.logs'\nclock = 'log'\ngrace_ms = 1000\nmax_delay_ms = 0\npartitions = 1\n\
         mappings = {mappings}\n"
    )
}

/// An operator's shell: a topology, and the variables that name it and the servers.
struct Shell {
    name: &'static str,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Shell {
    fn new(name: &'static str, kafka: &Kafka) -> Self {
        let mut shell = Self { name, folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        shell.declare("[]");
        let path = shell.folder.path().join("topology.toml").display().to_string();
        let listen = format!("127.0.0.1:{}", free_ports(1));
        for (key, value) in [
            ("TOPOLOGY", path.as_str()),
            ("BUS__BROKERS", &kafka.address),
            ("BUS__GROUP_PREFIX", name),
            ("WORKERS__SESSION", "1"),
            ("COMMIT_INTERVAL_MS", "200"),
            ("HTTP__LISTEN", &listen),
            ("INFLUX__TOKEN", "no-token"),
        ] {
            shell.set(key, value);
        }
        shell.say(&["topics", "--apply"]);
        shell
    }

    fn set(&mut self, key: &str, value: &str) {
        self.variables.push((format!("STREAMGAUGE_{key}"), value.to_owned()));
    }

    fn declare(&self, mappings: &str) {
        std::fs::write(self.folder.path().join("topology.toml"), topology(self.name, mappings)).unwrap();
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn spawn(&self, arguments: &[&str]) -> Streamgauge {
        Streamgauge::spawn(arguments, &self.environment())
    }

    /// What a command that must succeed prints on standard output.
    fn say(&self, arguments: &[&str]) -> String {
        Streamgauge::run(arguments, &self.environment())
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Streamgauge::command(arguments, &self.environment()).output().unwrap()
    }

    /// The letters that `dlq list --json` prints with these further arguments.
    fn letters(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.say(&[&["dlq", "list", "--json"], arguments].concat());
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn topic(&self, kind: &str) -> String {
        format!("{}.{kind}", self.name)
    }
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A record to produce.
struct Sent<'a> {
    topic: String,
    partition: i32,
    key: Option<&'a str>,
    value: String,
    headers: Vec<(&'a str, String)>,
}

fn produce(kafka: &Kafka, records: &[Sent<'_>]) {
    let producer: BaseProducer = kafka.client().set("queue.buffering.max.messages", "1000000").create().unwrap();
    for Sent { topic, partition, key, value, headers } in records {
        let native = headers
            .iter()
            .fold(OwnedHeaders::new(), |native, (key, value)| native.insert(Header { key, value: Some(value) }));
        let mut record = BaseRecord::<str, str>::to(topic).partition(*partition).payload(value).headers(native);
        if let Some(key) = key {
            record = record.key(*key);
        }
        producer.send(record).map_err(|(cause, _)| cause).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

/// A line of an nginx log (`topology/mappings/nginx.toml`).
fn nginx_line(end_ms: i64, request_id: &str) -> String {
    format!(
        r#"{{"end":"{}.{:03}","status":"200","bytes":"1000","taken":"0.050","cache":"HIT","edge":"FRA","uri":"/v.m4s","id":"{request_id}","cmcd_object":"br=3000,ot=v","cmcd_request":"bl=2000","cmcd_status":"","cmcd_session":"sid=\"s-1\""}}"#,
        end_ms / 1000,
        end_ms % 1000
    )
}

/// The committed records of a partition, in order.
fn read(kafka: &Kafka, topic: &str, partition: i32) -> Vec<OwnedMessage> {
    let mut client = kafka.client();
    client.set("group.id", "reader").set("enable.partition.eof", "true").set("fetch.wait.max.ms", "20");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut start = TopicPartitionList::new();
    start.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    consumer.assign(&start).unwrap();
    let mut found = Vec::new();
    loop {
        match consumer.poll(PATIENCE).expect("a record or the end") {
            Ok(message) => found.push(message.detach()),
            Err(KafkaError::PartitionEOF(_)) => return found,
            Err(cause) => panic!("{topic}/{partition}: {cause}"),
        }
    }
}

fn log_end(kafka: &Kafka, topic: &str, partition: i32) -> i64 {
    let consumer: BaseConsumer = kafka.client().set("group.id", "reader").create().unwrap();
    consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap().1
}

fn headers_of(message: &OwnedMessage) -> Vec<(String, String)> {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap_or_default().to_vec()).unwrap();
    headers.map(|header| (header.key.to_owned(), text(header.value))).collect()
}

fn was_redriven(message: &OwnedMessage) -> bool {
    headers_of(message).iter().any(|(name, _)| name == "qoe-redriven")
}

fn place(letter: &Value) -> String {
    format!("{}/{}", letter["partition"], letter["offset"])
}

#[test]
fn letters_of_a_mapping_that_was_missing_are_counted_once_when_it_is_there() {
    let (Some(kafka), Some(influx)) = (Kafka::shared(), Influx::start()) else { return };
    let mut shell = Shell::new("mapping", kafka);
    for (key, value) in [
        ("INFLUX__URL", &influx.url),
        ("INFLUX__ORG", &influx.organisation),
        ("INFLUX__BUCKET", &influx.bucket),
        ("INFLUX__TOKEN", &influx.token),
    ] {
        shell.set(key, value);
    }
    // Not where the key would place them: a redrive must keep the partition all the same.
    let other = 1 - partition_of(b"s-1", NonZeroU32::new(2).unwrap());
    let hour_ago = now_ms() - 3_600_000;
    let sent = |kind: &str, partition, carrier: &str, value: String| Sent {
        topic: shell.topic(kind),
        partition,
        key: Some("s-1"),
        value,
        headers: vec![("qoe-carrier", carrier.to_owned()), ("qoe-received-ms", hour_ago.to_string())],
    };
    let lines: Vec<String> = (0..3).map(|number| nginx_line(hour_ago + number, &format!("r-{number}"))).collect();
    let mut records: Vec<Sent<'_>> = lines.iter().map(|line| sent("cmcd", other, "json:nginx", line.clone())).collect();
    records.push(sent("logs", 0, "json:nginx", nginx_line(hour_ago, "r-9")));
    records.push(sent("cmcd", 0, "cmcd-body", "no report at all".to_owned()));
    // Without a time of its own it counts when it is appended: from then on a line of an hour ago is late.
    records.push(sent("logs", 0, "cmcd-query", QUERY.to_owned()));
    produce(kafka, &records);
    let mut running = shell.spawn(&["run"]);
    eventually(PATIENCE, "five letters", || shell.letters(&[]).len() == 5);
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());

    let listed = shell.say(&["dlq", "list"]);
    assert!(listed.ends_with("5 dead letters in mapping.dlq: carrier 4, malformed 1\n"), "{listed}");
    let origin = format!("mapping.cmcd/{other}/0");
    let row = listed.lines().find(|line| line.contains(&format!("{origin} "))).unwrap();
    assert!(row.contains(" carrier ") && row.contains(r#"{"end":""#) && row.ends_with('…'), "{row}");
    let newest = shell.letters(&["--reason", "carrier", "--topic", "mapping.cmcd", "--since", "1h", "--limit", "2"]);
    let offsets: Vec<&Value> = newest.iter().map(|letter| &letter["origin_offset"]).collect();
    assert_eq!(offsets, [1, 2], "the newest last");
    assert_eq!(
        shell.say(&["dlq", "list", "--until", "1h ago"]),
        "no dead letters in mapping.dlq that the filters let through\n"
    );

    let letter = place(&newest[0]);
    let shown = shell.say(&["dlq", "show", &letter]);
    for part in
        ["carrier: the header qoe-carrier", &format!("mapping.cmcd/{other}/1, appended at"), "key       s-1", &lines[1]]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains("now       still unreadable (carrier:"), "{shown}");
    assert_eq!(shell.say(&["dlq", "show", &letter, "--raw"]), lines[1]);
    let refused = shell.say(&["dlq", "redrive", "--apply"]);
    assert!(
        refused.contains("put back: 0 letters") && refused.contains("4  carrier       still unreadable, carrier"),
        "{refused}"
    );

    shell.declare("['nginx']");
    assert!(shell.say(&["dlq", "show", &letter]).contains("now       readable, as 1 event"));
    let ends = || {
        ["cmcd", "logs", "dlq"]
            .map(|kind| log_end(kafka, &shell.topic(kind), 0) + log_end(kafka, &shell.topic("cmcd"), other))
    };
    let before = ends();
    let dry = shell.say(&["dlq", "redrive"]);
    for part in [
        "would be put back: 4 letters\n        3  carrier       to mapping.cmcd\n        1  carrier       to mapping.logs\n",
        "would stay: 1 letter\n        1  malformed     still unreadable, malformed",
        "mapping.cmcd: reports of players count at the time of the redrive",
        "mapping.logs: log lines keep their own time, and 1 of 1 are older",
        "Nothing was sent: add --apply",
    ] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!(ends(), before, "a dry run sends nothing");

    let mut running = shell.spawn(&["run"]);
    let applied = shell.say(&["dlq", "redrive", "--apply"]);
    assert!(applied.starts_with("put back: 4 letters\n"), "{applied}");
    influx.await_requests("cmcd", 3, PATIENCE);
    let again = shell.say(&["dlq", "redrive", "--apply"]);
    assert!(again.starts_with("put back: 0 letters\n") && again.contains("put back before (--again"), "{again}");

    let copies: Vec<OwnedMessage> = read(kafka, &shell.topic("cmcd"), other).into_iter().filter(was_redriven).collect();
    let values: Vec<&[u8]> = copies.iter().map(|copy| copy.payload().unwrap()).collect();
    assert_eq!(values, lines.iter().map(String::as_bytes).collect::<Vec<_>>());
    for copy in &copies {
        assert_eq!(copy.key().unwrap(), b"s-1");
        let expected = [("qoe-carrier", "json:nginx"), ("qoe-redriven", "1")];
        assert_eq!(headers_of(copy), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    eventually(PATIENCE, "the old log line is late", || shell.letters(&["--late"]).len() == 1);
    assert_eq!(shell.letters(&["--late"])[0]["origin_topic"], "mapping.logs");

    let forced = shell.say(&["dlq", "redrive", "--even-unreadable", "--apply"]);
    assert!(forced.contains("to mapping.cmcd, of which 1 still cannot be read and come back"), "{forced}");
    eventually(PATIENCE, "it has come back", || shell.letters(&["--reason", "malformed"]).len() == 2);
    let malformed = shell.letters(&["--reason", "malformed"]);
    let facts: Vec<_> = malformed.iter().map(|letter| (&letter["redriven"], &letter["redriven_before"])).collect();
    assert_eq!(facts, [(&Value::Bool(true), &Value::from(0)), (&Value::Bool(false), &Value::from(1))]);

    // Whatever else had been put into this partition would be counted before this one.
    let last = sent("cmcd", other, "json:nginx", nginx_line(now_ms(), "r-last"));
    produce(kafka, &[Sent { headers: vec![("qoe-carrier", "json:nginx".to_owned())], ..last }]);
    influx.await_requests("cmcd", 4, PATIENCE);
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());
}

/// A letter as the session stage makes it.
fn letter<'a>(dlq: &str, reason: &str, origin: (&str, i32), value: &str, more: &[(&'a str, &str)]) -> Sent<'a> {
    let mut headers = vec![
        ("qoe-reason", reason.to_owned()),
        ("qoe-origin-topic", origin.0.to_owned()),
        ("qoe-origin-partition", origin.1.to_string()),
        ("qoe-origin-offset", "7".to_owned()),
        ("qoe-origin-append-ms", "1767600000000".to_owned()),
    ];
    headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Sent { topic: dlq.to_owned(), partition: 0, key: Some("s-1"), value: value.to_owned(), headers }
}

const QUERY: &str = "CMCD=bl%3D2000%2Csid%3D%22s-1%22";
const CARRIER: (&str, &str) = ("qoe-carrier", "cmcd-query");

#[test]
fn what_cannot_be_put_back_stays_and_the_report_says_why() {
    let Some(kafka) = Kafka::shared() else { return };
    let shell = Shell::new("stays", kafka);
    let (dlq, cmcd) = (shell.topic("dlq"), shell.topic("cmcd"));
    let row = "session_window,source=cmcd requests_count=1i 1767600000000000000";
    let of_cmcd = |reason: &str, partition, value: &str, more: &[(&'static str, &str)]| {
        letter(&dlq, reason, (&cmcd, partition), value, more)
    };
    produce(
        kafka,
        &[
            letter(&dlq, "row_refused", ("stays.partials", 0), row, &[("qoe-answer", "field type conflict")]),
            of_cmcd("too_large", 0, QUERY, &[CARRIER, ("qoe-whole-bytes", "2000000")]),
            letter(&dlq, "json", ("elsewhere", 0), QUERY, &[CARRIER]),
            of_cmcd("json", 7, QUERY, &[CARRIER]),
            of_cmcd("malformed", 0, "no report", &[CARRIER]),
            of_cmcd("carrier", 1, QUERY, &[CARRIER, ("qoe-edge", "FRA"), ("qoe-redriven", "1")]),
            Sent { topic: dlq.clone(), partition: 0, key: None, value: "?".to_owned(), headers: Vec::new() },
        ],
    );
    let dry = shell.say(&["dlq", "redrive"]);
    for part in [
        "1  row_refused   a line for InfluxDB and no record",
        "1  too_large     cut, because the bus would not take it whole",
        "1  json          no source of the topology reads elsewhere",
        "1  json          stays.cmcd has no partition 7 on this bus",
        "1  malformed     still unreadable, malformed (--even-unreadable",
        "1  unknown       no header says where it came from",
        "would be put back: 1 letter\n        1  carrier       to stays.cmcd\n",
    ] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!(shell.say(&["dlq", "show", "0/0", "--raw"]), row);
    let shown = shell.say(&["dlq", "show", "0/0"]);
    assert!(shown.contains("qoe-answer: field type conflict") && shown.contains("--raw | influx write"), "{shown}");
    assert!(shell.say(&["dlq", "show", "0/1"]).contains("of the 2000000 bytes of its value these are the first"));

    for absent in [["dlq", "show", "1/999"], ["dlq", "redrive", "1/999"]] {
        let output = shell.output(&absent);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("there is no letter 1/999"), "{said}");
    }
    assert!(shell.say(&["dlq", "redrive", "0/4", "--apply"]).starts_with("put back: 0 letters"));
    assert!(shell.say(&["dlq", "redrive", "0/5", "--apply"]).starts_with("put back: 1 letter\n"));
    assert!(shell.say(&["dlq", "show", "0/5"]).contains("redriven  put back at "));
    assert!(shell.say(&["dlq", "redrive", "--apply"]).starts_with("put back: 0 letters"));
    assert!(shell.say(&["dlq", "redrive", "--apply", "--again"]).starts_with("put back: 1 letter\n"));
    assert_eq!(read(kafka, &cmcd, 0).len(), 0);
    let copies = read(kafka, &cmcd, 1);
    assert_eq!(copies.len(), 2);
    let expected = [CARRIER, ("qoe-edge", "FRA"), ("qoe-redriven", "2")];
    assert_eq!(headers_of(&copies[0]), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_redrive_that_is_killed_or_stopped_or_overtaken_puts_no_letter_back_twice() {
    const LETTERS: usize = 40_000;

    let Some(kafka) = Kafka::shared() else { return };
    let shell = Shell::new("killed", kafka);
    let (dlq, cmcd) = (shell.topic("dlq"), shell.topic("cmcd"));
    let number = |number: usize| format!("{QUERY}&n={number}");
    let letters: Vec<Sent<'_>> = (0..LETTERS)
        .map(|at| Sent {
            partition: (at % 2) as i32,
            ..letter(&dlq, "carrier", (&cmcd, (at % 2) as i32), &number(at), &[CARRIER])
        })
        .collect();
    produce(kafka, &letters);
    // One that is in the middle: it has appended letters, and maybe not committed them yet.
    let reader: BaseConsumer =
        kafka.client().set("group.id", "reader").set("isolation.level", "read_uncommitted").create().unwrap();
    let appended = || (0..PARTITIONS).map(|at| reader.fetch_watermarks(&cmcd, at, PATIENCE).unwrap().1).sum::<i64>();
    let redrive_begun = || {
        let before = appended();
        let running = shell.spawn(&["dlq", "redrive", "--apply"]);
        eventually(PATIENCE, "letters are put back", || appended() > before);
        running
    };
    redrive_begun().kill_nine();
    let mut stopped = redrive_begun();
    assert!(!stopped.stop(PATIENCE).success(), "it has not put back all");
    assert!(stopped.stdout().contains("Stopped before all letters were looked at"), "{}", stopped.stdout());
    let mut overtaken = redrive_begun();
    overtaken.halt();
    let last = shell.say(&["dlq", "redrive", "--apply"]);
    assert!(last.starts_with("put back: ") && !last.starts_with("put back: 0 "), "{last}");
    overtaken.resume();
    assert!(!overtaken.wait(PATIENCE).success(), "{}", overtaken.stdout());
    assert!(overtaken.stderr().contains("another redrive that was begun ends this one"), "{}", overtaken.stderr());

    let mut times: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for copy in read(kafka, &cmcd, partition) {
            *times.entry(copy.payload().unwrap().to_vec()).or_default() += 1;
        }
    }
    let expected: BTreeMap<Vec<u8>, usize> = (0..LETTERS).map(|at| (number(at).into_bytes(), 1)).collect();
    assert!(times == expected, "{} of {LETTERS} letters, most often {:?}", times.len(), times.values().max());
}
