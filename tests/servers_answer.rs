//! Promise: the servers that the other tests rely on start, keep what they are given, and end; two brokers live side by side.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use support::{Influx, Kafka, eventually};

const PATIENCE: Duration = Duration::from_secs(60);

fn produce(kafka: &Kafka, topic: &str, value: &str) {
    let producer: BaseProducer = kafka.client().create().unwrap();
    producer.send(BaseRecord::<str, str>::to(topic).key("session").payload(value)).unwrap();
    producer.flush(PATIENCE).unwrap();
}

/// Everything in the topic so far, in order; waits until there are `count` records.
fn consume(kafka: &Kafka, topic: &str, count: usize) -> Vec<String> {
    let consumer: BaseConsumer =
        kafka.client().set("group.id", "servers-answer").set("auto.offset.reset", "earliest").create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let mut values = Vec::new();
    eventually(PATIENCE, "every record is consumed", || {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            values.push(message.unwrap().payload_view::<str>().unwrap().unwrap().to_owned());
        }
        values.len() >= count
    });
    values
}

#[test]
fn kafka_gives_back_what_was_produced_also_after_a_restart() {
    let (Some(shared), Some(own)) = (Kafka::shared(), Kafka::start()) else { return };
    assert_ne!(shared.address, own.address);
    for kafka in [shared, &own] {
        kafka.create_topic("restart", 1, &[("message.timestamp.type", "LogAppendTime")]);
        produce(kafka, "restart", &kafka.address);
    }

    own.stop();
    assert_eq!(
        consume(shared, "restart", 1),
        std::slice::from_ref(&shared.address),
        "one broker stopped, the other serves on"
    );
    own.start_again();

    produce(&own, "restart", "after");
    assert_eq!(consume(&own, "restart", 2), [own.address.clone(), "after".to_owned()]);
}

#[test]
fn a_topic_has_the_settings_it_was_created_with() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.create_topic("settings", 3, &[("message.timestamp.type", "LogAppendTime")]);

    let consumer: BaseConsumer = kafka.client().set("group.id", "settings").create().unwrap();
    let metadata = consumer.fetch_metadata(Some("settings"), PATIENCE).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 3);

    // A record's own time of 1970 gives way to the broker's clock.
    let producer: BaseProducer = kafka.client().create().unwrap();
    producer.send(BaseRecord::<str, str>::to("settings").partition(0).payload("old").timestamp(1)).unwrap();
    producer.flush(PATIENCE).unwrap();
    let mut assignment = rdkafka::TopicPartitionList::new();
    assignment.add_partition_offset("settings", 0, rdkafka::Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let message = consumer.poll(PATIENCE).unwrap().unwrap();
    assert!(matches!(message.timestamp(), rdkafka::Timestamp::LogAppendTime(at) if at > 1_600_000_000_000));
}

#[test]
fn influx_gives_back_what_was_written_also_after_a_restart() {
    let Some(influx) = Influx::start() else { return };
    assert!(influx.rows("edge_window").is_empty(), "the bucket is new");

    let lines = "edge_window,edge=fra-1,window=10s requests_count=3i,share=0.5,open=true,note=\"a \\\"b\\\", c\" 1700000000000000001\n\
                 edge_window,edge=ams-1,window=10s requests_count=0i 1700000000000000001\n\
                 edge_window,edge=fra-1,window=10s requests_count=-9223372036854775808i 1700000010000000000\n\
                 session_window,shard=0 requests_count=7i 1700000000000000000";
    assert_eq!(influx.write(lines), (204, String::new()));
    influx.stop();
    influx.start_again();

    let rows = influx.rows("edge_window");
    let found: Vec<_> = rows.iter().map(|row| (row.timestamp_ns, json!(row.columns))).collect();
    assert_eq!(
        found,
        [
            (1_700_000_000_000_000_001, json!({ "edge": "ams-1", "window": "10s", "requests_count": 0 })),
            (
                1_700_000_000_000_000_001,
                json!({ "edge": "fra-1", "window": "10s", "requests_count": 3, "share": 0.5, "open": true, "note": "a \"b\", c" })
            ),
            (1_700_000_010_000_000_000, json!({ "edge": "fra-1", "window": "10s", "requests_count": i64::MIN })),
        ]
    );
}

#[test]
fn influx_refuses_a_bad_line_with_its_reason() {
    let Some(influx) = Influx::start() else { return };
    let (status, answer) =
        influx.write("edge_window,edge=a requests_count=1i 1\nedge_window,edge= requests_count=1i 1");
    assert_eq!(status, 400);
    assert!(answer.contains("missing tag value"), "{answer}");
}
