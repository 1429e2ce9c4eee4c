//! Promise: Kaltura beacons as a collector puts them on the bus become the rows of sessions and of every declared roll-up, over partitions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;

use streamgauge::fold::{Decoding, KalturaSettings};
use streamgauge::model::kaltura::Rollup;
use streamgauge::model::{Headers, Record};
use streamgauge::replay::Oracle;
use streamgauge::surroundings::Places;
use support::{PlainRow, plain_rows, settings};

const START_MS: i64 = 1_767_600_000_000;
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
/// A file with invented places, of which one is 192.0.2.0/25.
const PLACES: &[u8] = include_bytes!("data/kaltura/places.mmdb");

/// A request of the web player as it came: query, newline, body.
fn request(session: &str, index: u32, event: u32, more: &str) -> String {
    format!(
        "service=analytics&action=trackEvent&eventType={event}&partnerId=812&entryId=1_abc&sessionId={session}\n\
         {{\"eventIndex\":{index},\"playbackType\":\"vod\",\"clientTag\":\"html5:v3.17.0\",\"referrer\":\"https://www.example.org/watch?secret=1\",\
         \"customVar1\":\"spring\",\"soundMode\":2,\"tabMode\":2,\"ks\":\"djJ8secret\"{more}}}"
    )
}

/// Two sessions in two partitions: the first plays 20 s and its beacons come to the bus late, the second goes before the first frame.
fn rows() -> Vec<PlainRow> {
    let places = Some(Arc::new(Places::from_bytes(PLACES.to_vec()).unwrap()));
    let rollups = Rollup::ALL.to_vec();
    let mut oracle = Oracle::new(
        settings::players("kaltura", "unknown"),
        Decoding::Kaltura(Arc::new(KalturaSettings { rollups, places, catalogue: None })),
    );
    let first = [
        (0, request("s-1", 1, 1, "")),
        (50, request("s-1", 2, 2, "")),
        (900, request("s-1", 3, 3, ",\"joinTime\":0.85,\"position\":0")),
        (1_000, request("s-1", 4, 99, ",\"playTimeSum\":0,\"position\":0,\"actualBitrate\":3418")),
        (
            11_000,
            request(
                "s-1",
                5,
                99,
                ",\"playTimeSum\":10,\"position\":10,\"actualBitrate\":3418,\"bufferTime\":0.5,\"bufferTimeSum\":0.5",
            ),
        ),
        (21_000, request("s-1", 6, 99, ",\"playTimeSum\":19.5,\"position\":19.5")),
    ];
    let second = [(2_000, request("s-2", 1, 1, "")), (2_100, request("s-2", 2, 2, ""))];
    let mut rows = Vec::new();
    for (partition, requests) in [(0, &first[..]), (1, &second[..])] {
        let tick = (5_000_000, String::new());
        for (offset, (at_ms, value)) in (0..).zip(requests.iter().chain([&tick])) {
            let is_tick = value.is_empty();
            let headers = Headers {
                received_ms: (!is_tick).then_some(START_MS + at_ms),
                user_agent: Some(IPHONE),
                address: Some("192.0.2.7"),
                tick: is_tick,
                ..Headers::default()
            };
            let key: Option<&[u8]> = if is_tick { None } else { Some(b"812|s") };
            let record = Record { offset, append_ms: START_MS + at_ms + 3_000, key, value: value.as_bytes(), headers };
            oracle.push(partition, &record, &mut |given| rows.extend(plain_rows(given)));
        }
    }
    let summary = oracle.finish(2, &mut |given| rows.extend(plain_rows(given)));
    assert_eq!((summary.events, summary.late, summary.dead_letters), (8, 0, 0));
    rows
}

fn of<'r>(rows: &'r [PlainRow], measurement: &str, window: &str) -> Vec<&'r PlainRow> {
    let is_window = |row: &&PlainRow| row.tags.get("window").is_none_or(|own| own == window);
    rows.iter().filter(|row| row.measurement == measurement).filter(is_window).collect()
}

#[test]
fn beacons_become_rows_of_sessions_and_roll_ups() {
    let rows = rows();
    let sessions = of(&rows, "session", "");
    let mut told: Vec<_> = sessions
        .iter()
        .map(|row| [&row.fields["session_id"], &row.fields["play_ms"], &row.fields["exits_before_start_count"]])
        .collect();
    told.sort();
    assert_eq!(told, [["812|s-1", "19500", "0"], ["812|s-2", "0", "1"]]);
    for name in ["device", "os", "browser", "country", "region", "city", "domain", "custom_1"].iter().zip([
        "phone",
        "iOS",
        "Safari",
        "DE",
        "Bavaria",
        "Munich",
        "www.example.org",
        "spring",
    ]) {
        assert!(sessions.iter().all(|row| row.fields[name.0] == name.1), "{}", name.0);
    }
    assert_eq!(of(&rows, "session_window", "").len(), 4);
    // One minute with all of both sessions but the exit, which counts when it is certain.
    let keys = [
        ("content_window", vec![("entry", "1_abc")]),
        ("geography_window", vec![("city", "Munich"), ("country", "DE"), ("region", "Bavaria")]),
        ("device_window", vec![("browser", "Safari"), ("device", "phone"), ("os", "iOS")]),
        ("domain_window", vec![("domain", "www.example.org")]),
        ("playback_type_window", vec![("playback_type", "vod")]),
        ("custom_variable_window", vec![("value", "spring"), ("variable", "1")]),
    ];
    for (measurement, key) in keys {
        let minutes = of(&rows, measurement, "1m");
        let minute = minutes.iter().find(|row| row.timestamp_ns == START_MS * 1_000_000).unwrap();
        for (tag, value) in [("source", "kaltura"), ("tenant", "812")].iter().chain(&key) {
            assert_eq!(minute.tags[tag], *value, "{measurement}");
        }
        let expected = [
            ("impressions_count", "2"),
            ("play_requests_count", "2"),
            ("plays_count", "1"),
            ("views_count", "3"),
            ("play_ms", "19500"),
            ("stall_ms", "500"),
            ("bitrate_bps_sum", "7000064"),
            ("bitrate_count", "2"),
            ("startup_ms_sum", "850"),
            ("unique_viewers", "2"),
            ("unique_viewers_viewed", "1"),
            ("exits_before_start_count", "0"),
        ];
        for (name, value) in expected {
            assert_eq!(minute.fields[name], value, "{measurement} {name}");
        }
        let hour: Vec<_> =
            of(&rows, measurement, "1h").iter().map(|row| row.fields["exits_before_start_count"].clone()).collect();
        assert_eq!(hour, ["1"], "{measurement}");
    }
}

#[test]
fn no_secret_and_no_address_is_in_a_row() {
    let text = format!("{:?}", rows());
    for secret in ["djJ8", "secret", "192.0.2.7", "iPhone OS 18"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
