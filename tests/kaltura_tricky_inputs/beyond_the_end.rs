//! Row 3, the half that the window decides: a position beyond the entry's end is left out where the catalogue tells how long the entry is.

use std::collections::BTreeMap;
use std::sync::Arc;

use streamgauge::catalogue::Catalogue;
use streamgauge::fold::{Decoding, KalturaSettings};
use streamgauge::model::kaltura::Rollup;
use streamgauge::model::record::header;
use streamgauge::model::{Headers, Record, Value};
use streamgauge::replay::Oracle;

use crate::settings;

const START_MS: i64 = 1_767_600_000_000;

/// The fields of the minute's row of the entry `e`, of one session with these beacons: when each came, and what it says.
fn minute(catalogue: &str, beacons: &[(i64, &str)]) -> BTreeMap<&'static str, String> {
    let catalogue = Some(Arc::new(Catalogue::from_file(catalogue.as_bytes().to_vec()).unwrap()));
    let set_up = KalturaSettings { rollups: vec![Rollup::Content], places: None, catalogue };
    let mut oracle = Oracle::new(settings::players("kaltura", "unknown"), Decoding::Kaltura(Arc::new(set_up)));
    let mut push = |offset, append_ms, value: &str, headers| {
        let record = Record { offset, append_ms, key: Some(b"7|s"), value: value.as_bytes(), headers };
        oracle.push(0, &record, &mut |_| {});
    };
    for (offset, (at_ms, says)) in (0..).zip(beacons) {
        let value = format!("partnerId=7&entryId=e&sessionId=s&eventIndex={}&{says}", offset + 1);
        push(offset, START_MS + at_ms, &value, Headers::default());
    }
    let mut tick = Headers::default();
    tick.set(header::TICK, b"1");
    push(99, START_MS + 5_000_000, "", tick);
    let mut minutes = Vec::new();
    oracle.finish(1, &mut |rows| {
        rows.visit(0..rows.len(), &mut |row| {
            let text = |value: &Value<'_>| match value {
                Value::Integer(value) => value.to_string(),
                Value::Text(text) => (*text).to_owned(),
            };
            let fields = row.schema.fields.iter().zip(row.fields).map(|(field, value)| (field.name, text(value)));
            if row.tags.contains(&"1m") && row.timestamp_ns == START_MS * 1_000_000 {
                minutes.push(fields.collect());
            }
        });
    });
    assert_eq!(minutes.len(), 1);
    minutes.remove(0)
}

/// 10 s from the beginning, then a position in milliseconds; one at the bound (126 s of 120 s), and one just beyond it, with an error.
const BEACONS: [(i64, &str); 5] = [
    (1_000, "eventType=3&playbackType=vod&position=0&playTimeSum=0"),
    (11_000, "eventType=99&playbackType=vod&position=10&playTimeSum=10"),
    (21_000, "eventType=99&playbackType=vod&position=20000&playTimeSum=20&clientTag=html5:v3&actualBitrate=1000"),
    (31_000, "eventType=99&playbackType=vod&position=126&playTimeSum=30"),
    (41_000, "eventType=98&playbackType=vod&position=126.001&errorCode=1"),
];

#[test]
fn row_3_a_position_beyond_the_told_end_is_absent_and_all_else_kept() {
    let row = minute("partnerId,id,name,userId,msDuration\n7,e,Opening,anna,120000\n", &BEACONS);
    for (name, value) in [
        ("positions_rejected_count", "2"),
        ("records_count", "5"),
        ("views_count", "3"),
        ("play_ms", "30000"),
        ("bitrate_bps_sum", "1024000"),
        ("errors_no_position_count", "1"),
        ("duration_ms", "120000"),
        ("duration_source", "catalogue"),
        ("entry_name", "Opening"),
        ("entry_owner", "anna"),
        ("entry_since_ms", "0"),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    // By hand: 0 to 10 s was played, and at most the 10 s before 126 s, so before the end of 120 s: percents whose middle is in 0 to 10 s
    // (0.6 s, 1.8 s, …: 8) or in 116 to 120 s (116.4 s, 117.6 s, 118.8 s, …).
    let played: Vec<&str> = row["retention_views"].split(',').collect();
    assert!(played[..8].iter().all(|views| *views == "1"), "{played:?}");
    assert!(played[9..96].iter().all(|views| *views == "0"), "{played:?}");
    assert!(played[98..100].iter().all(|views| *views == "1"), "{played:?}");
}

#[test]
fn row_3_without_a_told_end_nothing_is_rejected() {
    // The end was learned at 60 s; what lies beyond may be right.
    let mut beacons = BEACONS.to_vec();
    beacons.insert(2, (12_000, "eventType=14&playbackType=vod&position=60"));
    for catalogue in ["partnerId,id,msDuration\n7,other,120000\n", "partnerId,id,msDuration\n7,e,0\n"] {
        let row = minute(catalogue, &beacons);
        assert_eq!((row["positions_rejected_count"].as_str(), row["duration_source"].as_str()), ("0", "learned"));
        assert_eq!(row["entry_name"], "");
    }
    // Live, positions are offsets from the edge.
    let live = BEACONS.map(|(at_ms, says)| (at_ms, says.replace("vod", "live").replace("=20000&", "=-200&")));
    let live: Vec<(i64, &str)> = live.iter().map(|(at_ms, says)| (*at_ms, says.as_str())).collect();
    let row = minute("partnerId,id,msDuration\n7,e,100000\n", &live);
    assert_eq!(row["positions_rejected_count"], "0");
}
