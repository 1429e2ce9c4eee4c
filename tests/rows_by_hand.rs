//! Rows worked out by hand from the definitions of the reference page, field by field, for records of every kind. A field that is not
//! named in an expected row must be 0 (or `unknown` for the content id).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use streamgauge::aggregate::Caps;
use streamgauge::aggregate::Sketch;
use streamgauge::aggregate::cmcd::{EDGE_WINDOW, SESSION_WINDOW};
use streamgauge::decode::cmcd::{Carriers, ColumnPlan};
use streamgauge::engine::Rules;
use streamgauge::fold::{Clock, Decoding, SourceSettings};
use streamgauge::model::record::header;
use streamgauge::model::{FieldKind, Schema};
use streamgauge::replay::dump::DumpRecord;
use streamgauge::replay::{Oracle, Summary};
use streamgauge::simulate::CLOUDFRONT_FIELDS;

use support::records::{Build, LogLine, body, query, record, tick};
use support::{PlainRow, plain_rows};

/// A window's start: all times below are given from here, in ms.
const T: i64 = 1_767_600_000_000;
const MILLION: i64 = 1_000_000;

fn settings(source: &str, clock: Clock) -> SourceSettings {
    SourceSettings {
        source: source.to_owned(),
        cdn: "cf".to_owned(),
        clock,
        rules: Rules { window_ms: 10_000, grace_ms: 10_000, disorder_bound_ms: 5_000 },
        max_delay_ms: 0,
        deduplicate: clock == Clock::Log,
        caps: Caps { sessions: 100, rollup_keys: 100, facts: 64 },
    }
}

/// The rows of a log of one partition, number 3 of 4 whose others are silent but for the tick that every partition gets at the end.
fn rows_of(settings: SourceSettings, records: Vec<DumpRecord>) -> (Vec<PlainRow>, Summary) {
    let columns = ColumnPlan::new(&CLOUDFRONT_FIELDS).unwrap();
    let mut oracle = Oracle::new(settings, Decoding::Cmcd(Arc::new(Carriers::mixed(Some(columns), []))));
    let mut rows = Vec::new();
    for (offset, record) in (0..).zip(records) {
        let record = DumpRecord { offset, ..record };
        oracle.push(3, &record.as_record(), &mut |closed| rows.extend(plain_rows(closed)));
    }
    for partition in 0..4 {
        let last = DumpRecord { offset: 1_000, ..tick().appended(T + 60_000) };
        oracle.push(partition, &last.as_record(), &mut |closed| rows.extend(plain_rows(closed)));
    }
    let summary = oracle.finish(4, &mut |closed| rows.extend(plain_rows(closed)));
    rows.sort();
    (rows, summary)
}

/// The row of a session with these fields.
fn session(timestamp_ns: i64, tags: [&str; 4], content: &str, id: &str, fields: &[(&'static str, i64)]) -> PlainRow {
    let mut row = row(&SESSION_WINDOW, timestamp_ns, &tags, fields);
    row.fields.insert("session_id", id.to_owned());
    row.fields.insert("content_id", content.to_owned());
    row
}

fn row(schema: &'static Schema, timestamp_ns: i64, tags: &[&str], fields: &[(&'static str, i64)]) -> PlainRow {
    let zero = |kind| if kind == FieldKind::Integer { "0".to_owned() } else { String::new() };
    let mut all: BTreeMap<_, _> = schema.fields.iter().map(|field| (field.name, zero(field.kind))).collect();
    for (name, value) in fields {
        let field = all.get_mut(name).unwrap_or_else(|| panic!("{name} is no field of {}", schema.measurement));
        *field = value.to_string();
    }
    // In one window the most sessions at once are its sessions, and so few of them are estimated exactly.
    if let Some(sessions) = all.get("sessions_count").cloned() {
        all.extend([("sessions_peak", sessions.clone()), ("sessions_estimate", sessions)]);
    }
    let tags = schema.tags.iter().zip(tags).map(|(tag, value)| (tag.name, (*value).to_owned()));
    PlainRow { measurement: schema.measurement, timestamp_ns, tags: tags.collect(), fields: all }
}

/// An edge row with these fields; its samples are checked on their own.
struct Edge {
    row: PlainRow,
    ttfb_ms: Vec<i64>,
    time_taken_ms: Vec<i64>,
    mtp_bps: Vec<i64>,
}

fn compare(found: &[PlainRow], sessions: &[PlainRow], edges: &[Edge]) {
    let (found_edges, found_sessions): (Vec<PlainRow>, Vec<PlainRow>) =
        found.iter().cloned().partition(|row| row.measurement == "edge_window");
    let mut sessions = sessions.to_vec();
    sessions.sort();
    for (found, expected) in found_sessions.iter().zip(&sessions) {
        assert_same(found, expected);
    }
    assert_eq!(found_sessions.len(), sessions.len(), "session rows");
    for expected in edges {
        let found = found_edges
            .iter()
            .find(|row| row.timestamp_ns == expected.row.timestamp_ns && row.tags == expected.row.tags)
            .unwrap_or_else(|| panic!("no row for {:?}", expected.row.tags));
        let mut found = found.clone();
        take_samples(&mut found, "ttfb_ms", &expected.ttfb_ms);
        take_samples(&mut found, "time_taken_ms", &expected.time_taken_ms);
        take_samples(&mut found, "mtp_bps", &expected.mtp_bps);
        assert_same(&found, &expected.row);
    }
    assert_eq!(found_edges.len(), edges.len(), "edge rows: {found_edges:#?}");
}

fn assert_same(found: &PlainRow, expected: &PlainRow) {
    let name = (&expected.timestamp_ns, &expected.tags, expected.fields.get("session_id"));
    assert_eq!((found.timestamp_ns, &found.tags), (expected.timestamp_ns, &expected.tags), "{name:?}");
    for (field, value) in &expected.fields {
        assert_eq!(found.fields.get(field), Some(value), "{field} of {name:?}");
    }
    assert_eq!(found.fields.len(), expected.fields.len());
}

/// Checks percentiles and sketch against the samples, and sets them to what a row without samples has. A percentile is the sample at rank
/// floor(q·(n − 1)), within 1 %, as a whole number.
fn take_samples(row: &mut PlainRow, name: &str, samples: &[i64]) {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    for (suffix, hundredths) in [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)] {
        let rank = sorted.len().saturating_sub(1) * hundredths / 100;
        let exact = sorted.get(rank).copied().unwrap_or(0);
        let field = row.fields.get_mut(format!("{name}_{suffix}").as_str()).expect("the percentile is a field");
        let stored: i64 = field.parse().unwrap();
        assert!(
            (stored - exact).abs() * 100 <= exact + 50,
            "{name}_{suffix} of {:?}: {stored}, exact {exact}",
            row.tags
        );
        *field = "0".to_owned();
    }
    let field = row.fields.get_mut(format!("{name}_sketch").as_str()).expect("the sketch is a field");
    let sketch = Sketch::from_bytes(&STANDARD.decode(&*field).unwrap()).unwrap();
    assert_eq!(sketch.count(), samples.len(), "{name}_sketch");
    field.clear();
}

// ---- Delivery logs -----------------------------------------------------------------------------------------------------------------

const PLAIN: LogLine<'_> = LogLine {
    start_ms: T,
    taken_ms: 0,
    ttfb_ms: 0,
    status: "200",
    bytes: 0,
    edge: "FRA",
    request_id: "-",
    result: "Hit",
    payload: "",
};

/// Lines of session s-1: a start-up, a stall that spans two edges and one after it, errors, and one line that came twice.
fn lines_of_the_first_session() -> Vec<DumpRecord> {
    let video = |members: &str| format!("{members},ot=v,sf=d,sid=\"s-1\",st=v");
    let start_up = video("bl=0,br=3000,cid=\"film\",d=4000,mtp=12000,su,tb=6000");
    let deadline_missed = video("bl=900,br=5999,d=4000,dl=5000,mtp=8000,tb=6000");
    let audio = "bl=2000,br=128,d=4000,dl=5000,mtp=8000,ot=a,sf=d,sid=\"s-1\",st=v,tb=128";
    let starved = video("bl=0,br=3000,bs,d=1500,mtp=0");
    let starved_manifest = "bs,ot=m,sf=d,sid=\"s-1\",st=v";
    let starved_again = video("bl=1500,br=6000,bs,cid=\"film-2\",d=4000,tb=6000");
    let nothing_known = "ot=v,sf=d,sid=\"s-1\",st=v";
    let wrong_duration = video("bl=3000,br=3000,d=-4000");
    let at = |start_ms: i64, taken_ms: i64, ttfb_ms: i64, payload| LogLine {
        start_ms: T + start_ms,
        taken_ms,
        ttfb_ms,
        payload,
        ..PLAIN
    };
    let lines = [
        LogLine { bytes: 1_000_000, request_id: "r1", ..at(100, 250, 40, &start_up) },
        LogLine {
            status: "206",
            bytes: 2_000_000,
            request_id: "r2",
            result: "Miss",
            ..at(1_000, 5_200, 60, &deadline_missed)
        },
        LogLine { bytes: 50_000, request_id: "r3", result: "RefreshHit", ..at(1_500, 100, 30, audio) },
        LogLine { bytes: 50_000, request_id: "r3", result: "RefreshHit", ..at(1_500, 100, 30, audio) },
        LogLine { bytes: 1_500_000, request_id: "r4", result: "Miss", ..at(2_000, 300, 200, &starved) },
        LogLine {
            status: "404",
            bytes: 300,
            edge: "LHR",
            request_id: "r5",
            result: "Error",
            ..at(4_900, 20, 10, starved_manifest)
        },
        LogLine {
            bytes: 1_200_000,
            edge: "LHR",
            request_id: "r6",
            result: "OriginShieldHit",
            ..at(6_901, 400, 90, &starved_again)
        },
        LogLine { status: "000", edge: "LHR", request_id: "r7", result: "Error", ..at(8_000, 30, 0, nothing_known) },
        // The last millisecond of the window, by the start of the request.
        LogLine {
            status: "503",
            bytes: 500,
            edge: "LHR",
            request_id: "r8",
            result: "Error",
            ..at(9_999, 50, 5, &wrong_duration)
        },
    ];
    lines.map(|line| line.record().keyed("s-1").appended(T + 11_000)).to_vec()
}

/// Session s-2 (muxed video, and audio that must not count beside it), lines without a session, and without CMCD.
fn other_lines() -> Vec<DumpRecord> {
    let muxed = LogLine {
        start_ms: T + 3_000,
        taken_ms: 80,
        ttfb_ms: 15,
        bytes: 700_000,
        request_id: "r20",
        payload: "bl=3993.83,br=4000,cid=\"news\",d=6006,mtp=20000000,ot=av,sf=h,sid=\"s-2\",st=l,tb=4000",
        ..PLAIN
    };
    let audio = LogLine {
        start_ms: T + 5_000,
        taken_ms: 60,
        ttfb_ms: 12,
        bytes: 90_000,
        request_id: "r21",
        result: "Miss",
        payload: "d=6000,ot=a,sf=h,sid=\"s-2\",st=l",
        ..PLAIN
    };
    let without_sid = LogLine {
        start_ms: T + 4_000,
        taken_ms: 10,
        ttfb_ms: 4,
        bytes: 2_000,
        request_id: "r30",
        payload: "ot=m,sf=d,st=v",
        ..PLAIN
    };
    let without_cmcd = LogLine {
        start_ms: T + 4_500,
        taken_ms: 15,
        ttfb_ms: 5,
        status: "304",
        bytes: 150,
        request_id: "r31",
        result: "-",
        ..PLAIN
    };
    let append_ms = T + 11_500;
    vec![
        muxed.record().keyed("s-2").appended(append_ms),
        audio.record().keyed("s-2").appended(append_ms),
        without_sid.record().appended(append_ms),
        without_cmcd.record().appended(append_ms),
    ]
}

/// A line that closes the first window (end 10,000 + grace 10,000 + disorder bound 5,000), then one of s-1 that comes too late for it.
fn line_that_closes_and_late_line() -> Vec<DumpRecord> {
    let closing = LogLine {
        start_ms: T + 25_000,
        taken_ms: 10,
        ttfb_ms: 1,
        bytes: 100,
        request_id: "r40",
        payload: "ot=m,sf=d,sid=\"s-3\",st=v",
        ..PLAIN
    };
    let late = LogLine {
        start_ms: T + 9_000,
        request_id: "r41",
        payload: "bs,br=1,d=1,ot=v,sf=d,sid=\"s-1\",st=v",
        ..closing
    };
    vec![closing.record().keyed("s-3").appended(T + 25_100), late.record().keyed("s-1").appended(T + 25_500)]
}

/// Time stamps: XXH3-64 of the id modulo 10^10, from an independent implementation (the Python package xxhash).
fn expected_sessions_of_logs() -> Vec<PlainRow> {
    let start_ns = T * MILLION;
    let first = [
        ("requests_count", 8),
        ("media_requests_count", 7), // all but the manifest
        ("bytes", 1_000_000 + 2_000_000 + 50_000 + 1_500_000 + 300 + 1_200_000 + 500),
        ("errors_4xx_count", 1),
        ("errors_5xx_count", 1),
        ("aborted_count", 1),     // status 000
        ("cache_hits_count", 3),  // Hit, RefreshHit, OriginShieldHit
        ("cache_known_count", 8), // Error is a result too
        ("ttfb_ms_sum", 40 + 60 + 30 + 200 + 10 + 90 + 5),
        ("ttfb_ms_count", 8),
        ("ttfb_ms_max", 200),
        ("time_taken_ms_sum", 250 + 5_200 + 100 + 300 + 20 + 400 + 30 + 50),
        ("time_taken_ms_count", 8),
        ("time_taken_ms_max", 5_200),
        // r1, r2, r4, r6; r8 has no duration that can be used
        (
            "video_bitrate_weighted_sum",
            3 * MILLION * 4_000 + 5_999_000 * 4_000 + 3 * MILLION * 1_500 + 6 * MILLION * 4_000,
        ),
        ("video_bitrate_weight_ms", 4_000 + 4_000 + 1_500 + 4_000),
        ("video_bitrate_bps_sum", 3 * MILLION + 5_999_000 + 3 * MILLION + 6 * MILLION + 3 * MILLION),
        ("video_bitrate_count", 5),
        ("audio_bitrate_weighted_sum", 128_000 * 4_000),
        ("audio_bitrate_weight_ms", 4_000),
        ("audio_bitrate_bps_sum", 128_000),
        ("audio_bitrate_count", 1),
        ("top_bitrate_ms", 4_000 + 4_000), // r2: 5999·1000 ≥ 6000·999 (dash.js rounds down); r6
        ("top_bitrate_known_ms", 4_000 + 4_000 + 4_000), // and r1; r4 has no tb, r3 is audio
        ("mtp_bps_sum", 12 * MILLION + 8 * MILLION + 8 * MILLION), // r4 has 0, which is absent
        ("mtp_bps_count", 3),
        ("mtp_bps_min", 8 * MILLION),
        ("buffer_ms_sum", 900 + 2_000 + 1_500 + 3_000), // r4 has 0; r1 has su
        ("buffer_ms_count", 5),
        ("startup_requests_count", 1),
        ("starved_requests_count", 3),
        // r4 at 2000 with d 1500: until 5000. r5 at 4900 belongs to it; without d it lasts 2000 ms more: until 6900. r6 at 6901 opens.
        ("starvation_count", 2),
        ("deadline_late_count", 1), // r2: 5200 > 5000
        ("deadline_known_count", 2),
        ("media_ms", 4_000 + 4_000 + 1_500 + 4_000), // video counts, audio beside it does not
        ("members_rejected_count", 1),
        ("duplicates_count", 1),
        // From r1, which is urgent, to r2: the first media request that is not.
        ("startup_approx_ms_sum", 900),
        ("startup_approx_ms_count", 1),
    ];
    let second = [
        ("requests_count", 2),
        ("media_requests_count", 2),
        ("bytes", 790_000),
        ("cache_hits_count", 1),
        ("cache_known_count", 2),
        ("ttfb_ms_sum", 27),
        ("ttfb_ms_count", 2),
        ("ttfb_ms_max", 15),
        ("time_taken_ms_sum", 140),
        ("time_taken_ms_count", 2),
        ("time_taken_ms_max", 80),
        ("muxed_bitrate_weighted_sum", 4 * MILLION * 6_006),
        ("muxed_bitrate_weight_ms", 6_006),
        ("muxed_bitrate_bps_sum", 4 * MILLION),
        ("muxed_bitrate_count", 1),
        ("top_bitrate_ms", 6_006),
        ("top_bitrate_known_ms", 6_006),
        ("mtp_bps_sum", 10_000 * MILLION), // 20 Gbit/s is capped
        ("mtp_bps_count", 1),
        ("mtp_bps_min", 10_000 * MILLION),
        ("buffer_ms_sum", 3_994), // 3993.83, rounded
        ("buffer_ms_count", 1),
        ("buffer_ms_min", 3_994),
        ("media_ms", 6_006),
    ];
    let third = [
        ("requests_count", 1),
        ("bytes", 100),
        ("cache_hits_count", 1),
        ("cache_known_count", 1),
        ("ttfb_ms_sum", 1),
        ("ttfb_ms_count", 1),
        ("ttfb_ms_max", 1),
        ("time_taken_ms_sum", 10),
        ("time_taken_ms_count", 1),
        ("time_taken_ms_max", 10),
    ];
    let later_ns = start_ns + 20_000 * MILLION;
    vec![
        // Four requests at each edge: the first by name.
        session(start_ns + 6_226_828_315, ["FRA", "3", "logs", "default"], "film-2", "s-1", &first),
        session(start_ns + 528_346_604, ["FRA", "3", "logs", "default"], "news", "s-2", &second),
        session(later_ns + 9_531_572_357, ["FRA", "3", "logs", "default"], "unknown", "s-3", &third),
        // The late line counts as late, in the window of its append time, and as nothing else.
        session(
            later_ns + 6_226_828_315,
            ["unknown", "3", "logs", "default"],
            "unknown",
            "s-1",
            &[("records_late_count", 1)],
        ),
    ]
}

/// The edges of the first session: where it was first, and where it went.
fn expected_edges_of_the_first_session() -> [Edge; 2] {
    let tags = |edge| ["cf", edge, "logs", "vod", "dash", "default", "10s"];
    let frankfurt = [
        ("requests_count", 4 + 1), // s-1's r1 to r4, and the line without sid
        ("media_requests_count", 4),
        ("bytes", 1_000_000 + 2_000_000 + 50_000 + 1_500_000 + 2_000),
        ("cache_hits_count", 2 + 1),
        ("cache_known_count", 4 + 1),
        ("ttfb_ms_sum", 40 + 60 + 30 + 200 + 4),
        ("ttfb_ms_count", 5),
        ("ttfb_ms_max", 200),
        ("time_taken_ms_sum", 250 + 5_200 + 100 + 300 + 10),
        ("time_taken_ms_count", 5),
        ("time_taken_ms_max", 5_200),
        ("video_bitrate_weighted_sum", 3 * MILLION * 4_000 + 5_999_000 * 4_000 + 3 * MILLION * 1_500),
        ("video_bitrate_weight_ms", 9_500),
        ("video_bitrate_bps_sum", 11_999_000),
        ("video_bitrate_count", 3),
        ("audio_bitrate_weighted_sum", 128_000 * 4_000),
        ("audio_bitrate_weight_ms", 4_000),
        ("audio_bitrate_bps_sum", 128_000),
        ("audio_bitrate_count", 1),
        ("top_bitrate_ms", 4_000),
        ("top_bitrate_known_ms", 8_000),
        ("mtp_bps_sum", 28 * MILLION),
        ("mtp_bps_count", 3),
        ("mtp_bps_min", 8 * MILLION),
        ("buffer_ms_sum", 2_900),
        ("buffer_ms_count", 3),
        ("buffer_low_count", 2), // 900 and 0
        ("startup_requests_count", 1),
        ("starved_requests_count", 1),
        ("starvation_count", 1), // opened here; that it went on in London does not count there
        ("deadline_late_count", 1),
        ("deadline_known_count", 2),
        ("media_ms", 9_500),
        ("duplicates_count", 1),
        ("sessions_count", 1),
        ("sessions_starved_count", 1),
    ];
    let london = [
        ("requests_count", 4),
        ("media_requests_count", 3),
        ("bytes", 300 + 1_200_000 + 500),
        ("errors_4xx_count", 1),
        ("errors_5xx_count", 1),
        ("aborted_count", 1),
        ("cache_hits_count", 1),
        ("cache_known_count", 4),
        ("ttfb_ms_sum", 10 + 90 + 5),
        ("ttfb_ms_count", 4),
        ("ttfb_ms_max", 90),
        ("time_taken_ms_sum", 20 + 400 + 30 + 50),
        ("time_taken_ms_count", 4),
        ("time_taken_ms_max", 400),
        ("video_bitrate_weighted_sum", 6 * MILLION * 4_000),
        ("video_bitrate_weight_ms", 4_000),
        ("video_bitrate_bps_sum", 9 * MILLION),
        ("video_bitrate_count", 2),
        ("top_bitrate_ms", 4_000),
        ("top_bitrate_known_ms", 4_000),
        ("buffer_ms_sum", 4_500),
        ("buffer_ms_count", 2),
        ("buffer_ms_min", 1_500),
        ("starved_requests_count", 2),
        ("starvation_count", 1), // r6
        ("media_ms", 4_000),
        ("members_rejected_count", 1),
        ("startup_approx_ms_sum", 900), // where the session was last seen
        ("startup_approx_ms_count", 1),
        ("sessions_count", 1),
        ("sessions_starved_count", 1),
    ];
    [
        Edge {
            row: row(&EDGE_WINDOW, T * MILLION, &tags("FRA"), &frankfurt),
            ttfb_ms: vec![40, 60, 30, 200, 4],
            time_taken_ms: vec![250, 5_200, 100, 300, 10],
            mtp_bps: vec![12 * MILLION, 8 * MILLION, 8 * MILLION],
        },
        Edge {
            row: row(&EDGE_WINDOW, T * MILLION, &tags("LHR"), &london),
            ttfb_ms: vec![10, 90, 0, 5],
            time_taken_ms: vec![20, 400, 30, 50],
            mtp_bps: vec![],
        },
    ]
}

fn other_expected_edges_of_logs() -> [Edge; 3] {
    let muxed = [
        ("requests_count", 2),
        ("media_requests_count", 2),
        ("bytes", 790_000),
        ("cache_hits_count", 1),
        ("cache_known_count", 2),
        ("ttfb_ms_sum", 27),
        ("ttfb_ms_count", 2),
        ("ttfb_ms_max", 15),
        ("time_taken_ms_sum", 140),
        ("time_taken_ms_count", 2),
        ("time_taken_ms_max", 80),
        ("muxed_bitrate_weighted_sum", 4 * MILLION * 6_006),
        ("muxed_bitrate_weight_ms", 6_006),
        ("muxed_bitrate_bps_sum", 4 * MILLION),
        ("muxed_bitrate_count", 1),
        ("top_bitrate_ms", 6_006),
        ("top_bitrate_known_ms", 6_006),
        ("mtp_bps_sum", 10_000 * MILLION),
        ("mtp_bps_count", 1),
        ("mtp_bps_min", 10_000 * MILLION),
        ("buffer_ms_sum", 3_994),
        ("buffer_ms_count", 1),
        ("buffer_ms_min", 3_994),
        ("media_ms", 6_006),
        ("sessions_count", 1),
    ];
    let without_cmcd = [
        ("requests_count", 1),
        ("bytes", 150),
        ("ttfb_ms_sum", 5),
        ("ttfb_ms_count", 1),
        ("ttfb_ms_max", 5),
        ("time_taken_ms_sum", 15),
        ("time_taken_ms_count", 1),
        ("time_taken_ms_max", 15),
    ];
    let later = [
        ("requests_count", 1),
        ("bytes", 100),
        ("cache_hits_count", 1),
        ("cache_known_count", 1),
        ("ttfb_ms_sum", 1),
        ("ttfb_ms_count", 1),
        ("ttfb_ms_max", 1),
        ("time_taken_ms_sum", 10),
        ("time_taken_ms_count", 1),
        ("time_taken_ms_max", 10),
        ("records_late_count", 1),
        ("sessions_count", 1), // s-3: s-1 made no request in this window
    ];
    let edge = |start, stream, format, fields| {
        row(&EDGE_WINDOW, (T + start) * MILLION, &["cf", "FRA", "logs", stream, format, "default", "10s"], fields)
    };
    [
        Edge {
            row: edge(0, "live", "hls", &muxed),
            ttfb_ms: vec![15, 12],
            time_taken_ms: vec![80, 60],
            mtp_bps: vec![10_000 * MILLION],
        },
        Edge {
            row: edge(0, "unknown", "unknown", &without_cmcd),
            ttfb_ms: vec![5],
            time_taken_ms: vec![15],
            mtp_bps: vec![],
        },
        Edge { row: edge(20_000, "vod", "dash", &later), ttfb_ms: vec![1], time_taken_ms: vec![10], mtp_bps: vec![] },
    ]
}

#[test]
fn delivery_logs_give_the_rows_worked_out_by_hand() {
    let mut records = lines_of_the_first_session();
    records.extend(other_lines());
    records.extend(line_that_closes_and_late_line());
    let (rows, summary) = rows_of(settings("logs", Clock::Log), records);
    let mut edges = Vec::from(expected_edges_of_the_first_session());
    edges.extend(other_expected_edges_of_logs());
    compare(&rows, &expected_sessions_of_logs(), &edges);
    assert_eq!((summary.records, summary.events), (15 + 4, 13), "the ticks are records");
    assert_eq!((summary.late, summary.duplicates, summary.dead_letters), (1, 1, 0));
    assert_eq!((summary.session_rows, summary.edge_rows), (4, 5));
}

// ---- Reports of players ------------------------------------------------------------------------------------------------------------

/// What players report themselves: version 1 and 2, request and event mode, one body posted twice, clocks that are wrong.
fn reports() -> Vec<DumpRecord> {
    let at_paris = |record: DumpRecord, received: i64| {
        record
            .keyed("p-1")
            .with(header::RECEIVED_MS, &(T + received).to_string())
            .with(header::EDGE, "PAR")
            .with(header::TENANT, "acme")
            .appended(T + received + 200)
    };
    let version1 = query("bl=1200,br=2500,cid=\"clip\",d=2000,dl=4000,mtp=9000,ot=v,sf=h,sid=\"p-1\",st=v,tb=2500");
    let version2 = record(
        "cmcd-headers",
        "CMCD-Object: br=(5000;v 128;a),d=4000,ot=v,tb=(5000;v)\n\
         cmcd-request: bl=(800;v 4000;a),mtp=(7000),sn=12\n\
         CMCD-Session: cid=\"clip\",sf=h,sid=\"p-1\",st=v,v=2\n\
         CMCD-Status: bs\n",
    );
    let without_type = query("mtp=(8000;v 500;a),sf=h,sid=\"p-1\",st=v,su=,bl=(3000),v=2");
    let event = |members: &str, at: i64| format!("{members},sf=h,sid=\"p-1\",st=v,ts={},v=2", T + at);
    let url = "url=\"https://cdn.example.com/seg-4.m4s\"";
    let posted = body(&[
        &event(&format!("e=rr,mtp=(6000),ot=v,rc=503,sn=4,ttfb=80,{url}"), 5_000),
        &event(&format!("e=rr,ot=v,rc=0,sn=5,{url}"), 5_200),
        &event("bs,e=ps,sn=6,sta=r", 5_500),
    ]);
    let an_hour_ahead = body(&[&event("e=t,sn=7,sta=p", 3_605_000)]);
    let a_year_behind = body(&[&format!("e=t,sid=\"p-2\",sn=1,ts={},v=2", T - 31_536_000_000)]);
    let mut keyless = at_paris(query("bl=500,d=2000,ot=v,sf=h,sid=\"p-9\",st=v"), 9_000);
    keyless.key = None;
    vec![
        at_paris(version1, 500),
        at_paris(version2, 2_500),
        at_paris(without_type, 4_000),
        at_paris(posted.clone(), 6_000),
        at_paris(posted, 6_900),
        at_paris(an_hour_ahead, 8_000),
        keyless,
        a_year_behind.keyed("p-2").with(header::RECEIVED_MS, &(T + 15_000).to_string()).appended(T + 15_100),
        record("cmcd-query", "a=b").appended(T + 15_200),
    ]
}

/// What session p-1 and its edge share.
const REPORTED: [(&str, i64); 20] = [
    // An event is not a request: `rr` records count on their own, and their outcome does.
    ("rr_count", 2),
    ("errors_5xx_count", 1),                                               // rc=503
    ("aborted_count", 1),                                                  // rc=0
    ("video_bitrate_weighted_sum", 2_500_000 * 2_000 + 5_000_000 * 4_000), // of the lists, the member labelled v
    ("video_bitrate_weight_ms", 6_000),
    ("video_bitrate_bps_sum", 7_500_000),
    ("video_bitrate_count", 2),
    ("top_bitrate_ms", 6_000),
    ("top_bitrate_known_ms", 6_000),
    // 9000 of the query, the unlabelled 7000 of the headers, 6000 of the event; without `ot` two members say nothing.
    ("mtp_bps_sum", 22_000_000),
    ("mtp_bps_count", 3),
    ("mtp_bps_min", 6_000_000),
    ("starved_requests_count", 2), // the headers and the event
    // Opened by the headers at 2500 with d 4000: the event at 5500 belongs to it.
    ("starvation_count", 1),
    ("media_ms", 6_000),
    // The clock an hour ahead: moved to the time of receipt. All else of the session is in bounds.
    ("records_clamped_count", 1),
    ("members_rejected_count", 1), // su=
    ("duplicates_count", 3),       // the body that was posted twice, once for each of its events
    // From r at 5500 to p at 8000. The first number is above 1: the session was under way, and has played before.
    ("stall_ms", 2_500),
    // No deadline: how long the requests took is not known.
    ("deadline_known_count", 0),
];

#[test]
fn reports_of_players_give_the_rows_worked_out_by_hand() {
    let (rows, summary) = rows_of(settings("players", Clock::Player), reports());
    let requests = [
        ("requests_count", 3),
        ("media_requests_count", 2),
        ("buffer_ms_sum", 1_200 + 800),
        ("buffer_ms_count", 2),
        ("buffer_ms_min", 800),
    ];
    let requests_and_keyless = [
        ("requests_count", 4),
        ("media_requests_count", 3),
        ("buffer_ms_sum", 1_200 + 800 + 500),
        ("buffer_ms_count", 3),
        ("buffer_ms_min", 500),
        ("buffer_low_count", 2),
        ("sessions_count", 1), // the record without a key belongs to no session, whatever its sid
        ("sessions_starved_count", 1),
    ];
    let clamped = [("records_clamped_count", 1)];
    let start_ns = T * MILLION;
    let sessions = [
        session(
            start_ns + 5_606_388_428,
            ["PAR", "3", "players", "acme"],
            "clip",
            "p-1",
            &[&REPORTED[..], &requests].concat(),
        ),
        // A year behind: moved to the time of receipt less the grace, T + 5,000.
        session(start_ns + 1_113_311_092, ["unknown", "3", "players", "default"], "unknown", "p-2", &clamped),
    ];
    let edges = [
        Edge {
            row: row(
                &EDGE_WINDOW,
                start_ns,
                &["cf", "PAR", "players", "vod", "hls", "acme", "10s"],
                &[&REPORTED[..], &requests_and_keyless].concat(),
            ),
            ttfb_ms: vec![],
            time_taken_ms: vec![],
            mtp_bps: vec![9_000_000, 7_000_000, 6_000_000],
        },
        Edge {
            row: row(
                &EDGE_WINDOW,
                start_ns,
                &["cf", "unknown", "players", "unknown", "unknown", "default", "10s"],
                &clamped,
            ),
            ttfb_ms: vec![],
            time_taken_ms: vec![],
            mtp_bps: vec![],
        },
    ];
    compare(&rows, &sessions, &edges);
    assert_eq!(
        (summary.records, summary.events),
        (9 + 4, 3 + 3 + 1 + 1 + 1),
        "requests, one body, wrong clocks, no key"
    );
    assert_eq!((summary.late, summary.duplicates, summary.dead_letters), (0, 3, 1));
    assert_eq!((summary.session_rows, summary.edge_rows), (2, 2));
}

// ---- Time stamps -------------------------------------------------------------------------------------------------------------------

/// The time stamps of sessions with these ids, in one window from `T` on, as ns after its start.
fn placed(ids: &[&str], window_ms: i64) -> Vec<(String, i64)> {
    let mut settings = settings("players", Clock::Player);
    settings.rules.window_ms = window_ms;
    let records = ids.iter().map(|id| query(&format!("sid=\"{id}\"")).keyed(id).appended(T));
    let (rows, _) = rows_of(settings, records.collect());
    let sessions = rows.iter().filter(|row| row.measurement == "session_window");
    sessions.map(|row| (row.fields["session_id"].clone(), row.timestamp_ns - T * MILLION)).collect()
}

/// The ids were found by trying `viewer-0`, `viewer-1` and so on with an independent implementation of XXH3.
#[test]
fn sessions_whose_time_stamps_meet_are_moved_apart() {
    // Both have 4,603,043,682 modulo 10^10: in order of id, whatever the order of arrival.
    let (first, second) = ("viewer-197736", "viewer-86108");
    let expected = [(first.to_owned(), 4_603_043_682), (second.to_owned(), 4_603_043_683)];
    assert_eq!(placed(&[second, first], 10_000), expected);
    assert_eq!(placed(&[first, second], 10_000), expected);

    // In windows of 1 ms, of 10^6 ns, two of them have the last place and one has the first: the second of the two goes round to the
    // first free place.
    let (last, goes_round, zero) = ("viewer-1729686", "viewer-892059", "viewer-1894114");
    let expected = [(zero.to_owned(), 0), (goes_round.to_owned(), 1), (last.to_owned(), 999_999)];
    assert_eq!(placed(&[goes_round, zero, last], 1), expected);
}
