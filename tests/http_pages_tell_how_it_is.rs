//! The pages over real HTTP: liveness does not depend on the sink, readiness says why not, metrics and state show the partitions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use streamgauge::http;
use streamgauge::observe::{LONGEST_SILENCE, Partition, Sink, Snapshot, Status};
use streamgauge::telemetry::{self, Exporter};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A process has one exporter; the tests of this file share it.
fn exporter() -> Exporter {
    static EXPORTER: OnceLock<Exporter> = OnceLock::new();
    EXPORTER.get_or_init(|| Exporter::install().unwrap()).clone()
}

struct Server {
    address: String,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(status: &Arc<Status>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { stopped.await.unwrap_or_default() };
        let served = tokio::spawn(http::serve(listener, Arc::clone(status), exporter(), shutdown));
        Self { address, stop, served }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("{}{path}", self.address)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

fn partition() -> Partition {
    Partition {
        source: "cmcd".to_owned(),
        topic: "qoe.cmcd".to_owned(),
        partition: 7,
        watermark_ms: Some(1_767_600_123_500),
        frontier_ms: Some(1_767_600_110_000),
        position: 1_000,
        resume_offset: 400,
        log_end: Some(1_250),
        windows_open: 2,
        windows_unacknowledged: 1,
        sessions_newest_window: 31,
        sessions_live: 5,
        drained: false,
    }
}

#[tokio::test]
async fn readiness_says_why_not_and_liveness_does_not_care() {
    let sink_is_down = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&sink_is_down);
    let status = Arc::new(Status::new(LONGEST_SILENCE, move || match seen.load(Ordering::SeqCst) {
        true => Sink::Retrying {
            since: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_600_000_000),
            needs_operator: false,
            message: "InfluxDB does not answer".to_owned(),
        },
        false => Sink::Ok,
    }));
    let server = Server::start(&status).await;
    let worker = status.worker("session-0");

    let (code, body) = server.get("/readyz").await;
    assert_eq!(code, 503);
    assert_eq!(
        body,
        "not ready:\n- session-0 has not joined its consumer group yet\n- rows wait for the sink: InfluxDB does not answer\n"
    );
    assert_eq!(server.get("/livez").await, (200, "alive\n".to_owned()));

    let state: serde_json::Value = serde_json::from_str(&server.get("/state").await.1).unwrap();
    let expected = serde_json::json!({
        "state": "retrying", "since_ms": 1_767_600_000_000_i64, "needs_operator": false, "message": "InfluxDB does not answer",
    });
    assert_eq!(state["sink"], expected);

    worker.publish(Snapshot { joined: true, ..Snapshot::default() });
    sink_is_down.store(false, Ordering::SeqCst);
    assert_eq!(server.get("/readyz").await, (200, "ready\n".to_owned()));

    status.stop();
    assert_eq!(server.get("/readyz").await, (503, "not ready:\n- the process is stopping\n".to_owned()));
    assert_eq!(server.get("/livez").await.0, 200);
}

#[tokio::test]
async fn a_silent_worker_fails_liveness() {
    let status = Arc::new(Status::new(Duration::ZERO, || Sink::Ok));
    let server = Server::start(&status).await;
    assert_eq!(server.get("/livez").await.0, 200, "no worker yet is no reason to restart");
    let worker = status.worker("rollup-0");
    let (code, body) = server.get("/livez").await;
    assert_eq!(code, 503);
    assert!(body.contains("rollup-0 has not looped for"), "{body}");
    worker.retire();
    assert_eq!(server.get("/livez").await.0, 200);
}

#[tokio::test]
async fn metrics_and_state_show_every_partition() {
    let status = Arc::new(Status::new(LONGEST_SILENCE, || Sink::Ok));
    let server = Server::start(&status).await;
    let worker = status.worker("session-0");
    worker.publish(Snapshot { joined: true, partitions: vec![partition()], ..Snapshot::default() });
    metrics::counter!(telemetry::EVENTS.name, "source" => "cmcd", "outcome" => "accepted").increment(5);
    metrics::histogram!(telemetry::QOE_TTFB.name, "source" => "cmcd", "edge" => "MAD53", "tenant" => "default")
        .record(0.15);

    let (code, text) = server.get("/metrics").await;
    assert_eq!(code, 200);
    let labels = r#"{source="cmcd",topic="qoe.cmcd",partition="7"}"#;
    for line in [
        "# TYPE streamgauge_events_total counter".to_owned(),
        format!("# HELP streamgauge_events_total {}", telemetry::EVENTS.help),
        r#"streamgauge_events_total{source="cmcd",outcome="accepted"} 5"#.to_owned(),
        format!("streamgauge_position_lag_records{labels} 250"),
        format!("streamgauge_resume_distance_records{labels} 600"),
        format!("streamgauge_watermark_seconds{labels} 1767600123.5"),
        format!("streamgauge_windows_unacknowledged{labels} 1"),
        // 0.15 s lies above the bound 0.1 and below 0.2.
        r#"qoe_ttfb_seconds_bucket{source="cmcd",edge="MAD53",tenant="default",le="0.1"} 0"#.to_owned(),
        r#"qoe_ttfb_seconds_bucket{source="cmcd",edge="MAD53",tenant="default",le="0.2"} 1"#.to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "lacks {line}:\n{text}");
    }

    let (code, text) = server.get("/state").await;
    assert_eq!(code, 200);
    let state: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(state["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(state["sink"], serde_json::json!({ "state": "ok" }));
    assert_eq!(state["workers"][0]["name"], "session-0");
    let expected = serde_json::json!({
        "source": "cmcd", "topic": "qoe.cmcd", "partition": 7, "watermark_ms": 1_767_600_123_500_i64,
        "frontier_ms": 1_767_600_110_000_i64, "position": 1_000, "resume_offset": 400, "log_end": 1_250, "lag": 250,
        "windows_open": 2, "windows_unacknowledged": 1, "sessions_newest_window": 31, "sessions_live": 5, "drained": false,
    });
    assert_eq!(state["workers"][0]["partitions"], serde_json::json!([expected]));
}

#[tokio::test]
async fn the_first_page_links_the_others_and_the_server_stops_when_told() {
    let status = Arc::new(Status::new(LONGEST_SILENCE, || Sink::Ok));
    let server = Server::start(&status).await;
    let (code, page) = server.get("/").await;
    assert_eq!(code, 200);
    for path in ["/livez", "/readyz", "/metrics", "/state"] {
        assert!(page.contains(&format!("href=\"{path}\"")), "no link to {path}");
        assert_ne!(server.get(path).await.0, 404, "{path}");
    }
    let (code, body) = server.get("/favicon.ico").await;
    assert_eq!((code, body.contains("/readyz")), (404, true));

    server.stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), server.served).await;
    ended.expect("the server stops").unwrap().unwrap();
    assert!(reqwest::get(format!("{}/livez", server.address)).await.is_err());
}

#[tokio::test]
async fn an_unfinished_request_does_not_hold_up_the_end() {
    let status = Arc::new(Status::new(LONGEST_SILENCE, || Sink::Ok));
    let server = Server::start(&status).await;
    let mut unfinished = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    unfinished.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").await.unwrap();
    // An answer on a later connection means that the earlier one was accepted.
    assert_eq!(server.get("/livez").await.0, 200);

    server.stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), server.served).await;
    ended.expect("the server stops").unwrap().unwrap();
}
