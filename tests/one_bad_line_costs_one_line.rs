//! Promise: a row that InfluxDB refuses costs that row, and its neighbours in the batch are readable. Against a real InfluxDB.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::string_slice)]

#[path = "support/influxdb.rs"]
mod influxdb;
#[path = "support/rows.rs"]
mod rows;
#[path = "support/within.rs"]
mod within;

use std::collections::BTreeSet;

use influxdb::Server;
use rows::{OwnedRow, OwnedValue, schema, window};
use streamgauge::model::{FieldKind, Schema};
use streamgauge::sink::influx::{Influx, Probe, Settings, probe};
use streamgauge::sink::{Fault, Health, Sink, Status, Stopped};
use tokio::sync::watch;
use within::within;

const START_NS: i64 = 1_700_000_000_000_000_000;

fn settings(server: &Server) -> Settings {
    Settings::new(&server.url, &server.org, &server.bucket)
}

fn sink(server: &Server) -> (Influx, watch::Sender<bool>) {
    let (owner, stop) = watch::channel(false);
    (Influx::new(&settings(server), &server.token, stop).unwrap(), owner)
}

fn integer_row(schema: &'static Schema, edge: &str, number: i64) -> OwnedRow {
    OwnedRow {
        schema,
        tags: vec![edge.to_owned()],
        fields: vec![OwnedValue::Integer(number)],
        timestamp_ns: START_NS + number,
    }
}

async fn stored_numbers(server: &Server, measurement: &str) -> BTreeSet<i64> {
    let stored = server.select(&["f"], measurement).await;
    stored.iter().map(|row| row[1].as_i64().expect("an integer")).collect()
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

/// 422: the type of a field is settled by its first write.
#[tokio::test]
async fn a_field_of_another_type_costs_one_row() {
    let Some(server) = influxdb::server() else { return };
    let measurement = influxdb::unique("conflict");
    let right = schema(&measurement, &["edge"], &[("f", FieldKind::Integer)]);
    let wrong = schema(&measurement, &["edge"], &[("f", FieldKind::Text)]);
    let (sink, _owner) = sink(&server);
    assert_eq!(within(sink.write(&[window(vec![integer_row(right, "e", 0)])])).await, Ok(vec![]));
    let mut rows: Vec<OwnedRow> = (1..=300).map(|number| integer_row(right, "e", number)).collect();
    let bad = OwnedRow {
        schema: wrong,
        tags: vec!["e".into()],
        fields: vec![OwnedValue::Text("x".into())],
        timestamp_ns: START_NS + 900,
    };
    rows.insert(123, bad);
    let refused = within(sink.write(&[window(rows)])).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].line, format!("{measurement},edge=e f=\"x\" {}", START_NS + 900));
    assert!(refused[0].answer.contains("field type conflict"), "{}", refused[0].answer);
    assert_eq!(stored_numbers(&server, &measurement).await, (0..=300).collect());
}

/// 400: nothing of the request is written at first. A tag beyond 64 KiB is what the renderer can be made to write that InfluxDB cannot read.
#[tokio::test]
async fn a_line_that_cannot_be_read_costs_one_row() {
    let Some(server) = influxdb::server() else { return };
    let measurement = influxdb::unique("malformed");
    let schema = schema(&measurement, &["edge"], &[("f", FieldKind::Integer)]);
    let (sink, _owner) = sink(&server);
    let mut rows: Vec<OwnedRow> = (1..=100).map(|number| integer_row(schema, "e", number)).collect();
    rows.insert(50, integer_row(schema, &"x".repeat(70_000), 900));
    let refused = within(sink.write(&[window(rows)])).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].line.contains("xxxx") && refused[0].answer.contains("max key length"), "{}", refused[0].answer);
    assert_eq!(stored_numbers(&server, &measurement).await, (1..=100).collect());
}

#[tokio::test]
async fn a_wrong_token_or_bucket_is_named_and_nothing_is_acknowledged() {
    let Some(server) = influxdb::server() else { return };
    let right = settings(&server);
    let cases = [
        (right.clone(), "wrong-token", "STREAMGAUGE_INFLUX__TOKEN"),
        (
            Settings { bucket: "no-such-bucket".into(), ..right.clone() },
            server.token.as_str(),
            "STREAMGAUGE_INFLUX__BUCKET",
        ),
        (Settings { org: "no-such-org".into(), ..right.clone() }, server.token.as_str(), "STREAMGAUGE_INFLUX__ORG"),
    ];
    let measurement = influxdb::unique("unacknowledged");
    let schema = schema(&measurement, &["edge"], &[("f", FieldKind::Integer)]);
    for (settings, token, expected) in cases {
        let message = probe(&settings, token).await.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        let (owner, stop) = watch::channel(false);
        let sink = Influx::new(&settings, token, stop).unwrap();
        let health = sink.health();
        let write = tokio::spawn(async move { sink.write(&[window(vec![integer_row(schema, "e", 1)])]).await });
        let (fault, message) = within(trouble(&health)).await;
        assert_eq!(fault, Fault::Configuration);
        assert!(message.contains(expected), "{message}");
        owner.send(true).unwrap();
        assert_eq!(within(write).await.unwrap(), Err(Stopped));
    }
    assert_eq!(stored_numbers(&server, &measurement).await, BTreeSet::new());
    assert_eq!(probe(&right, &server.token).await.unwrap(), Probe { retention_seconds: Some(0) });
}
