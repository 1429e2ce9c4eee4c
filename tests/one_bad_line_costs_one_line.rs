//! Promise: a row that InfluxDB refuses costs that row, and its neighbours in the batch are readable. Against a real InfluxDB.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::string_slice)]

#[path = "support/rows.rs"]
mod rows;
mod support;
#[path = "support/within.rs"]
mod within;

use std::collections::BTreeSet;

use rows::{OwnedRow, OwnedValue, schema, window};
use streamgauge::model::{FieldKind, Schema};
use streamgauge::sink::influx::{Influx, Probe, Settings, probe};
use streamgauge::sink::{Fault, Health, Sink, Status, Stopped};
use support::block_on;
use tokio::sync::watch;
use within::within;

const START_NS: i64 = 1_700_000_000_000_000_000;

fn settings(server: &support::Influx) -> Settings {
    Settings::new(&server.url, &server.organisation, &server.bucket)
}

fn sink(server: &support::Influx) -> (Influx, watch::Sender<bool>) {
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

fn stored_numbers(server: &support::Influx, measurement: &str) -> BTreeSet<i64> {
    server.rows(measurement).iter().map(|row| row.columns["f"].as_i64().expect("an integer")).collect()
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
#[test]
fn a_field_of_another_type_costs_one_row() {
    let Some(server) = support::Influx::start() else { return };
    let measurement = "conflict";
    let right = schema(measurement, &["edge"], &[("f", FieldKind::Integer)]);
    let wrong = schema(measurement, &["edge"], &[("f", FieldKind::Text)]);
    let (sink, _owner) = sink(&server);
    let first = [window(vec![integer_row(right, "e", 0)])];
    assert_eq!(block_on(within(sink.write(&first))), Ok(vec![]));
    let mut rows: Vec<OwnedRow> = (1..=300).map(|number| integer_row(right, "e", number)).collect();
    let bad = OwnedRow {
        schema: wrong,
        tags: vec!["e".into()],
        fields: vec![OwnedValue::Text("x".into())],
        timestamp_ns: START_NS + 900,
    };
    rows.insert(123, bad);
    let refused = block_on(within(sink.write(&[window(rows)]))).unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].line, format!("{measurement},edge=e f=\"x\" {}", START_NS + 900));
    assert!(refused[0].answer.contains("field type conflict"), "{}", refused[0].answer);
    assert_eq!(stored_numbers(&server, measurement), (0..=300).collect());
}

/// 400: nothing of the request is written at first. A tag beyond 64 KiB is what the renderer can be made to write that InfluxDB cannot read.
#[test]
fn a_line_that_cannot_be_read_costs_one_row() {
    let Some(server) = support::Influx::start() else { return };
    let measurement = "malformed";
    let schema = schema(measurement, &["edge"], &[("f", FieldKind::Integer)]);
    let (sink, _owner) = sink(&server);
    let mut rows: Vec<OwnedRow> = (1..=100).map(|number| integer_row(schema, "e", number)).collect();
    rows.insert(50, integer_row(schema, &"x".repeat(70_000), 900));
    let refused = block_on(within(sink.write(&[window(rows)]))).unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].line.contains("xxxx") && refused[0].answer.contains("max key length"), "{}", refused[0].answer);
    assert_eq!(stored_numbers(&server, measurement), (1..=100).collect());
}

#[test]
fn a_wrong_token_or_bucket_is_named_and_nothing_is_acknowledged() {
    let Some(server) = support::Influx::start() else { return };
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
    let measurement = "unacknowledged";
    let schema = schema(measurement, &["edge"], &[("f", FieldKind::Integer)]);
    block_on(async {
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
    });
    assert_eq!(stored_numbers(&server, measurement), BTreeSet::new());
    assert_eq!(block_on(probe(&right, &server.token)).unwrap(), Probe { retention_seconds: Some(0) });
}
