//! Promise: who ran the single-process WebRTC monitor gives its settings to `run --compat-config`, finds its metrics by edge, and has its
//! thresholds decide what is recommended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The files and ports of a test are made in one place, and its records are of the present.
#![allow(clippy::disallowed_methods)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use streamgauge::model::EventTime;
use streamgauge::simulate::{CallScenario, Calls};
use support::{Influx, Kafka, Streamgauge, eventually, free_ports};

const PATIENCE: Duration = Duration::from_secs(60);
const DURATION_MS: i64 = 300_000;

const TOPOLOGY: &str = "rules = 1\n\
     [topics]\nstate_prefix = 'monitor.state.'\npartials = { name = 'monitor.partials', partitions = 1 }\n\
     dead_letters = { name = 'monitor.dlq', partitions = 1 }\nlate = { name = 'monitor.late', partitions = 1 }\n\
     recommendations = { name = 'monitor.recommendations', partitions = 1 }\n\
     [[source]]\nname = 'webrtc'\ntopic = 'monitor.webrtc'\ncarrier = 'webrtc'\nclock = 'player'\npartitions = 2\n";

/// The settings of the monitor, its keys all there: nothing is good enough for the thresholds, and frames are not wanted.
fn settings() -> Value {
    json!({
        "optimization": {
            "buffer_size_range": [15, 60], "prefetch_threshold_range": [0.2, 0.8],
            "quality_downgrade_threshold": 99, "quality_upgrade_threshold": 100, "buffer_underrun_threshold": 3,
            "network_sensitivity": 0.7, "cpu_sensitivity": 0.5, "memory_sensitivity": 0.3,
        },
        "metrics": {
            "collect_detailed_stats": true, "collect_frame_stats": false,
            "collect_resource_stats": true, "collect_quality_metrics": true,
        },
        "visualization": { "enabled": true },
        "reporting": { "enabled": true },
    })
}

/// Calls of the last minutes in which nothing is wrong.
fn produce(kafka: &Kafka) {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let scenario = CallScenario::steady(16, DURATION_MS);
    let producer: BaseProducer = kafka.client().create().unwrap();
    for record in Calls::new(scenario, 3, EventTime::from_millis(now_ms - DURATION_MS - 20_000)) {
        // Without it they would count when they are appended, all in one window.
        let received = record.append_ms.to_string();
        let headers = OwnedHeaders::new().insert(Header { key: "qoe-received-ms", value: Some(&received) });
        let key = record.key.as_deref().unwrap();
        producer
            .send(BaseRecord::to("monitor.webrtc").key(key).payload(&record.value).headers(headers))
            .map_err(|(cause, _)| cause)
            .unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The first committed recommendation of this for a session that is well.
fn recommendation(kafka: &Kafka, action: &str) -> Value {
    let mut client = kafka.client();
    client.set("group.id", "reader").set("isolation.level", "read_committed");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut start = TopicPartitionList::new();
    start.add_partition_offset("monitor.recommendations", 0, Offset::Beginning).unwrap();
    consumer.assign(&start).unwrap();
    loop {
        let message = consumer.poll(PATIENCE).expect("a recommendation").unwrap();
        let value: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        if value["action"] == action && value["health"].as_i64().unwrap() >= 60 {
            return value;
        }
    }
}

#[test]
fn its_settings_its_metrics_and_its_thresholds_are_there() {
    let (Some(kafka), Some(influx)) = (Kafka::shared(), Influx::start()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (topology, compat) = (write("topology.toml", TOPOLOGY), write("monitor.json", &settings().to_string()));
    let listen = format!("127.0.0.1:{}", free_ports(1));
    let environment = [
        ("STREAMGAUGE_TOPOLOGY", topology.as_str()),
        ("STREAMGAUGE_BUS__BROKERS", &kafka.address),
        ("STREAMGAUGE_BUS__GROUP_PREFIX", "monitor"),
        ("STREAMGAUGE_WORKERS__SESSION", "1"),
        ("STREAMGAUGE_COMMIT_INTERVAL_MS", "200"),
        ("STREAMGAUGE_HTTP__LISTEN", &listen),
        ("STREAMGAUGE_INFLUX__URL", &influx.url),
        ("STREAMGAUGE_INFLUX__ORG", &influx.organisation),
        ("STREAMGAUGE_INFLUX__BUCKET", &influx.bucket),
        ("STREAMGAUGE_INFLUX__TOKEN", &influx.token),
    ];
    Streamgauge::run(&["topics", "--apply"], &environment);
    produce(kafka);
    let mut running = Streamgauge::spawn(&["run", "--compat-config", &compat], &environment);

    let mut page = String::new();
    eventually(PATIENCE, "calls are over at an edge", || {
        if TcpStream::connect(&listen).is_ok() {
            page = metrics(&listen);
        }
        page.contains("webrtc_connection_duration_seconds_count{edge=")
    });
    for start in [
        "webrtc_active_connections{edge=\"",
        "webrtc_connections_total{edge=\"",
        "webrtc_latency_ms_bucket{edge=\"",
        "webrtc_bandwidth_kbps{edge=\"",
        "webrtc_video_quality_score{edge=\"",
        "webrtc_memory_usage_bytes ",
    ] {
        assert!(page.lines().any(|line| line.starts_with(start)), "{start} is not on the page:\n{page}");
    }
    assert!(!page.contains("webrtc_frames_received_total{"), "frames were not wanted:\n{page}");
    for key in ["optimization.memory_sensitivity", "visualization.enabled", "reporting.enabled"] {
        assert!(running.stderr().contains(key), "{key} has no effect, and nobody says so: {}", running.stderr());
    }

    // Health that is no reason for a step down by our own thresholds is one by these.
    let down = recommendation(kafka, "step_down");
    let health = down["health"].as_i64().unwrap();
    assert!((60..99).contains(&health) && down["session_id"].is_string(), "{down}");
    assert!(running.stop(PATIENCE).success(), "{}", running.stderr());
}
