//! Promise: whatever the server does, every row is stored or handed back with the server's words, and nothing is acknowledged before.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::string_slice)]

#[path = "support/rows.rs"]
mod rows;
#[path = "support/scripted_influx.rs"]
mod scripted_influx;
#[path = "support/within.rs"]
mod within;

use std::sync::Arc;
use std::time::Duration;

use rows::{OwnedRow, OwnedValue, schema, window};
use scripted_influx::{Reply, ScriptedInflux, refusal};
use streamgauge::model::{FieldKind, Rows};
use streamgauge::sink::influx::{Influx, ProbeError, Settings, probe};
use streamgauge::sink::{Fault, Health, Sink, Status, Stopped};
use tokio::net::TcpListener;
use tokio::sync::watch;
use within::within;

const TOKEN: &str = "token-of-the-test";

/// Patience short enough for a test.
fn settings(url: &str) -> Settings {
    Settings {
        request_timeout: Duration::from_millis(300),
        retry_base: Duration::from_millis(2),
        retry_cap: Duration::from_millis(20),
        ..Settings::new(url, "org", "a bucket")
    }
}

fn sink(settings: &Settings) -> (Arc<Influx>, watch::Sender<bool>) {
    let (owner, stop) = watch::channel(false);
    (Arc::new(Influx::new(settings, TOKEN, stop).unwrap()), owner)
}

/// A window of `count` rows, and their lines written by hand.
fn rows(count: i64) -> (Arc<dyn Rows>, Vec<String>) {
    let schema = schema("m", &["edge"], &[("f", FieldKind::Integer)]);
    let row = |number| OwnedRow {
        schema,
        tags: vec!["e".into()],
        fields: vec![OwnedValue::Integer(number)],
        timestamp_ns: number,
    };
    let lines = (0..count).map(|number| format!("m,edge=e f={number}i {number}")).collect();
    (window((0..count).map(row).collect()), lines)
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Waits until the sink is in trouble.
async fn trouble(health: &Health) -> (Fault, String) {
    loop {
        if let Status::Retrying { fault, message, .. } = health.status() {
            return (fault, message);
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until the server has had `count` requests.
async fn requests(server: &ScriptedInflux, count: usize) {
    while server.requests().len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn overload_failures_and_silence_are_waited_out() {
    let script =
        [refusal(429, "slow down"), refusal(503, "busy"), Reply::Hang, refusal(500, "internal"), Reply::Accept];
    let mut script = script.into_iter();
    let server =
        ScriptedInflux::start(move |_| script.next().expect("no request after the first that was accepted")).await;
    let (sink, _owner) = sink(&settings(&server.url()));
    let (window, lines) = rows(7);
    assert_eq!(within(sink.write(&[window])).await, Ok(vec![]));
    let requests = server.requests();
    assert_eq!(requests.len(), 5);
    for (request, _) in requests {
        assert_eq!(request.lines, lines);
        assert_eq!(request.query, "bucket=a+bucket&org=org&precision=ns");
        assert_eq!(request.authorization, format!("Token {TOKEN}"));
    }
    assert_eq!(sink.health().status(), Status::Ok);
}

#[tokio::test]
async fn a_server_that_is_down_is_named_and_waited_for() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let (sink, _owner) = sink(&settings(&url));
    let (window, lines) = rows(3);
    let write = tokio::spawn({
        let sink = Arc::clone(&sink);
        async move { sink.write(&[window]).await }
    });
    let (fault, message) = within(trouble(&sink.health())).await;
    assert_eq!(fault, Fault::Outage);
    assert!(message.contains(&url) && message.contains("STREAMGAUGE_INFLUX__URL"), "{message}");
    assert!(!write.is_finished());
    let server = ScriptedInflux::start_on(TcpListener::bind(address).await.unwrap(), |_| Reply::Accept);
    assert_eq!(within(write).await.unwrap(), Ok(vec![]));
    assert_eq!(server.accepted_lines(), lines);
    assert_eq!(sink.health().status(), Status::Ok);
}

#[tokio::test]
async fn what_is_too_large_is_sent_in_halves() {
    let decide = |request: &scripted_influx::Request| match request.lines.len() {
        0..=10 => Reply::Accept,
        _ => Reply::Status(413, String::new()),
    };
    let server = ScriptedInflux::start(decide).await;
    let (sink, _owner) = sink(&settings(&server.url()));
    let (window, lines) = rows(100);
    assert_eq!(within(sink.write(&[window])).await, Ok(vec![]));
    // Exactly once each, and in order.
    assert_eq!(server.accepted_lines(), lines);
}

#[tokio::test]
async fn batches_keep_to_the_limit_and_windows_share_them() {
    let server = ScriptedInflux::start(|_| Reply::Accept).await;
    let (sink, _owner) = sink(&Settings { batch_lines: 40, ..settings(&server.url()) });
    let (first, first_lines) = rows(90);
    let (empty, _) = rows(0);
    let (second, second_lines) = rows(10);
    assert_eq!(within(sink.write(&[first, empty, second])).await, Ok(vec![]));
    assert_eq!(sorted(server.accepted_lines()), sorted([first_lines, second_lines].concat()));
    let mut sizes: Vec<usize> = server.requests().iter().map(|(request, _)| request.lines.len()).collect();
    sizes.sort();
    assert_eq!(sizes, [20, 40, 40]);
    assert_eq!(within(sink.write(&[])).await, Ok(vec![]));
    assert_eq!(server.requests().len(), 3, "nothing to write, nothing sent");
}

/// 400 as InfluxDB gives it: the whole request is refused, every bad line is named.
#[tokio::test]
async fn a_malformed_line_costs_one_line() {
    let bad = ["m,edge=e f=13i 13", "m,edge=e f=77i 77"];
    let decide = move |request: &scripted_influx::Request| {
        let named: Vec<String> = request
            .lines
            .iter()
            .filter(|line| bad.contains(&line.as_str()))
            .map(|line| format!("unable to parse '{line}'"))
            .collect();
        if named.is_empty() { Reply::Accept } else { refusal(400, &named.join("\n")) }
    };
    let server = ScriptedInflux::start(decide).await;
    let (sink, _owner) = sink(&settings(&server.url()));
    let (window, mut lines) = rows(100);
    let refused = within(sink.write(&[window])).await.unwrap();
    let found: Vec<(&str, &str)> = refused.iter().map(|row| (row.line.as_str(), row.answer.as_str())).collect();
    assert_eq!(
        found,
        [(bad[0], "unable to parse 'm,edge=e f=13i 13'"), (bad[1], "unable to parse 'm,edge=e f=77i 77'")]
    );
    lines.retain(|line| !bad.contains(&line.as_str()));
    assert_eq!(server.accepted_lines(), lines);
    assert_eq!(sink.health().status(), Status::Ok);
}

/// 422 as InfluxDB gives it when the retention has passed for the whole batch: one request is enough.
#[tokio::test]
async fn a_window_that_is_dropped_as_a_whole_is_handed_back_at_once() {
    let decide = |request: &scripted_influx::Request| {
        refusal(
            422,
            &format!(
                "partial write: dropped {0} points outside retention policy dropped={0} for database: x",
                request.lines.len()
            ),
        )
    };
    let server = ScriptedInflux::start(decide).await;
    let (sink, _owner) = sink(&settings(&server.url()));
    let (window, lines) = rows(50);
    let refused = within(sink.write(&[window])).await.unwrap();
    assert_eq!(refused.into_iter().map(|row| row.line).collect::<Vec<_>>(), lines);
    assert_eq!(server.requests().len(), 1);
}

/// Reply, and what the message must name.
#[tokio::test]
async fn wrong_configuration_is_named_and_nothing_is_acknowledged() {
    let elsewhere = ScriptedInflux::start(|_| Reply::Status(200, String::new())).await;
    let cases = [
        (refusal(401, "unauthorized access"), "STREAMGAUGE_INFLUX__TOKEN"),
        (refusal(403, "insufficient permissions for write"), "bucket `a bucket`"),
        (refusal(404, "bucket not found"), "STREAMGAUGE_INFLUX__BUCKET"),
        (Reply::Status(400, "Client sent an HTTP request to an HTTPS server.\n".into()), "STREAMGAUGE_INFLUX__URL"),
        (Reply::Redirect(elsewhere.url()), "STREAMGAUGE_INFLUX__URL"),
    ];
    for (reply, expected) in cases {
        let shown = format!("{reply:?}");
        let server = ScriptedInflux::start(move |_| reply.clone()).await;
        let settings = settings(&server.url());
        let (sink, owner) = sink(&settings);
        let (window, _) = rows(3);
        let write = tokio::spawn({
            let sink = Arc::clone(&sink);
            async move { sink.write(&[window]).await }
        });
        let (fault, message) = within(trouble(&sink.health())).await;
        assert_eq!(fault, Fault::Configuration, "{shown}");
        assert!(message.contains(expected) && !message.contains(TOKEN), "{shown}: {message}");
        within(requests(&server, 4)).await;
        assert!(!write.is_finished(), "{shown}: it is tried again, never given up");
        owner.send(true).unwrap();
        assert_eq!(within(write).await.unwrap(), Err(Stopped), "{shown}");
        assert_eq!(sink.health().status(), Status::Ok, "{shown}: a write that was given up waits no more");
        let Err(ProbeError::Server { problem, .. }) = probe(&settings, TOKEN).await else { panic!("{shown}") };
        assert!(problem.to_string().contains(expected), "{shown}: {problem}");
    }
    assert!(elsewhere.requests().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn a_request_under_way_does_not_hold_up_the_stop() {
    let server = ScriptedInflux::start(|_| Reply::Hang).await;
    let (sink, owner) = sink(&Settings { request_timeout: Duration::from_secs(3600), ..settings(&server.url()) });
    let (window, _) = rows(3);
    let write = tokio::spawn({
        let sink = Arc::clone(&sink);
        async move { sink.write(&[window]).await }
    });
    within(requests(&server, 1)).await;
    owner.send(true).unwrap();
    assert_eq!(within(write).await.unwrap(), Err(Stopped));
}
