//! Lives of sessions, worked out by hand: what each of their windows adds, what their last row says, and where it counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use streamgauge::decode::cmcd::{Carriers, ColumnPlan};
use streamgauge::fold::Decoding;
use streamgauge::model::record::header;
use streamgauge::replay::Oracle;
use streamgauge::replay::dump::DumpRecord;
use streamgauge::simulate::CLOUDFRONT_FIELDS;

use support::records::{Build, body, query, tick};
use support::{PlainRow, plain_rows, settings};

/// A window's start: all times below are given from here, in ms.
const T: i64 = 1_767_600_000_000;
/// The topic's last record closes all that ends up to 15 s before it: grace and disorder bound.
const LAST: i64 = 200_000;

/// A row without what is 0 or empty: measurement, window, then fields.
type Told = (&'static str, i64, BTreeMap<&'static str, String>);

/// The rows of a log of one partition with these records, those of edges with their edge as a field.
fn rows_of(records: Vec<DumpRecord>) -> Vec<PlainRow> {
    let columns = ColumnPlan::new(&CLOUDFRONT_FIELDS).unwrap();
    let mut oracle =
        Oracle::new(settings::players("players", "cf"), Decoding::Cmcd(Arc::new(Carriers::mixed(Some(columns), []))));
    let mut rows = Vec::new();
    for (offset, record) in (0..).zip(records.into_iter().chain([tick().appended(T + LAST)])) {
        let record = DumpRecord { offset, ..record };
        oracle.push(0, &record.as_record(), &mut |closed| rows.extend(plain_rows(closed)));
    }
    oracle.finish(1, &mut |closed| rows.extend(plain_rows(closed)));
    rows
}

/// What rows of the shortest window tell, in order of window, without what samples and estimates give.
fn told(rows: &[PlainRow]) -> Vec<Told> {
    let samples = ["_sketch", "_p50", "_p90", "_p95", "_p99", "_peak", "_estimate"];
    let is_sample = |name: &str| samples.iter().any(|suffix| name.ends_with(suffix));
    let mut told: Vec<Told> = rows
        .iter()
        .filter(|row| row.tags.get("window").is_none_or(|window| window == "10s"))
        .map(|row| {
            let window = row.timestamp_ns / 1_000_000 - T;
            let mut fields = row.fields.clone();
            fields.retain(|name, value| value != "0" && value != "unknown" && !is_sample(name));
            if row.measurement != "session_window" {
                fields.insert("edge", row.tags["edge"].clone());
            }
            (row.measurement, window - window % 10_000, fields)
        })
        .collect();
    told.sort();
    told
}

fn fields<'a>(fields: impl IntoIterator<Item = (&'static str, &'a str)>) -> BTreeMap<&'static str, String> {
    fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// Reports in bodies of their own, each appended when it was made.
fn reports(session: &str, edge: &str, lines: &[(i64, &str)]) -> Vec<DumpRecord> {
    let report = |(at, members): &(i64, &str)| {
        let line = format!("{members},sid=\"{session}\",ts={},v=2", T + at);
        body(&[&line]).keyed(session).with(header::EDGE, edge).appended(T + at)
    };
    lines.iter().map(report).collect()
}

fn request(session: &str, edge: &str, at: i64, members: &str) -> DumpRecord {
    let received = (T + at).to_string();
    let record = query(&format!("{members},sid=\"{session}\"")).keyed(session).with(header::EDGE, edge);
    record.with(header::RECEIVED_MS, &received).appended(T + at)
}

fn in_order(mut records: Vec<DumpRecord>) -> Vec<DumpRecord> {
    records.sort_by_key(|record| record.append_ms);
    records
}

#[test]
fn a_session_that_stalls_seeks_and_ends() {
    let mut records = reports(
        "q-1",
        "AMS",
        &[
            (500, "cid=\"a\",e=ps,sn=0,sta=s"),
            (2_500, "cid=\"a\",e=ps,msd=1900,sn=1,sta=p"),
            (9_000, "dfa=3,e=t,sn=2,sta=p"),
            (12_000, "bs,e=ps,sn=3,sta=r"),
            (13_500, "e=ps,sn=5,sta=p"), // 4 is lost
            (14_000, "e=e,ec=(\"x\"),sn=6"),
            (15_000, "e=e,ec=(\"x\"),sn=7"),
            (15_500, "bs,e=t,sn=8,sta=p"), // more than 2 s after the first, so another starvation
            (21_000, "dfa=10,e=ps,sn=9,sta=k"),
            (21_400, "e=ps,sn=10,sta=p"),
            (26_000, "cid=\"b\",e=ps,sn=11,sta=e"),
            (29_000, "e=t,sn=12,sta=e"),
        ],
    );
    records.push(request("q-1", "AMS", 800, "cid=\"a\",ot=m,sn=0,sta=s,v=2"));
    // After the last row, the open page goes on reporting: no session.
    records.extend(reports("q-1", "AMS", &[(90_000, "e=t,sn=13,sta=e"), (120_000, "e=t,sn=14,sta=e")]));
    let rows = told(&rows_of(in_order(records)));

    let first =
        [("play_ms", "6500"), ("startup_ms_count", "1"), ("startup_ms_sum", "1900"), ("dropped_frames_count", "3")];
    let second = [
        ("play_ms", "5000"), // 10 to 12 with 9 to 10 before it, 13.5 to 15.5
        ("stall_ms", "1500"),
        ("stall_count", "1"),
        ("player_errors_count", "1"),
        ("starved_requests_count", "2"),
        ("starvation_count", "2"),
    ];
    // 15.5 to 21, 21.4 to 26.
    let third = [("play_ms", "10100"), ("seek_ms", "400"), ("dropped_frames_count", "7"), ("sn_lost_count", "1")];
    let asked = ("requests_count", "1");
    let in_the_window = |content: Option<&'static str>| {
        [("session_id", "q-1")].into_iter().chain(content.map(|content| ("content_id", content)))
    };
    let at_edge = ("edge", "AMS");
    let last = [
        ("session_id", "q-1"),
        ("content_id", "b"),
        ("started_ms", "1767600000500"),
        ("ended_ms", "1767600029000"),
        ("end_reason", "ended"),
        ("plays_count", "1"),
        ("contents_count", "2"),
        asked,
        ("play_ms", "21600"),
        ("stall_ms", "1500"),
        ("stall_count", "1"),
        ("seek_ms", "400"),
        ("startup_ms_sum", "1900"),
        ("startup_ms_count", "1"),
        ("dropped_frames_count", "10"),
        ("sn_lost_count", "1"),
        ("player_errors_count", "1"),
        ("starved_requests_count", "2"),
        ("starvation_count", "2"),
        at_edge,
    ];
    let seen = ("sessions_count", "1");
    // e at 26 s, and 30 s, lie in the window that ends at 60 s: the next one begins without the session.
    let expected = [
        ("edge_window", 0, fields(first.into_iter().chain([asked, seen, at_edge]))),
        ("edge_window", 10_000, fields(second.into_iter().chain([at_edge]))),
        ("edge_window", 20_000, fields(third.into_iter().chain([at_edge]))),
        ("edge_window", 60_000, fields([("sessions_ended_count", "1"), at_edge])),
        ("session", 70_000, fields(last)),
        ("session_window", 0, fields(first.into_iter().chain([asked]).chain(in_the_window(Some("a"))))),
        ("session_window", 10_000, fields(second.into_iter().chain(in_the_window(None)))),
        ("session_window", 20_000, fields(third.into_iter().chain(in_the_window(Some("b"))))),
        ("session_window", 90_000, fields(in_the_window(None))),
        ("session_window", 120_000, fields(in_the_window(None))),
    ];
    for (found, expected) in rows.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(rows.len(), expected.len(), "{rows:#?}");
}

/// The last rows, without what they have in common.
fn last_rows(records: Vec<DumpRecord>) -> Vec<Told> {
    let mut rows = told(&rows_of(in_order(records)));
    rows.retain(|(measurement, _, _)| *measurement == "session");
    rows.iter_mut().for_each(|(_, _, fields)| fields.retain(|name, _| *name != "started_ms" && *name != "ended_ms"));
    rows
}

#[test]
fn each_session_ends_in_its_own_way() {
    let mut records = Vec::new();
    // Given up: q at 3 s, and 30 s.
    records.extend(reports("quit", "AMS", &[(1_000, "e=ps,sn=0,sta=s"), (3_000, "e=ps,sn=1,sta=q")]));
    // A start failure in one play, a failure in the next one.
    let failed = [
        (1_000, "e=ps,sn=0,sta=s"),
        (2_000, "e=ps,sn=1,sta=f"),
        (12_000, "e=ps,sn=2,sta=s"),
        (12_700, "e=ps,sn=3,sta=p"),
        (13_000, "e=ps,sn=4,sta=f"),
    ];
    records.extend(reports("failed", "AMS", &failed));
    // Version 1: silent for 60 s after 3.1 s. Most requests at LHR.
    for (at, edge, members) in
        [(100, "AMS", "ot=m,su"), (600, "LHR", "bl=0,d=4000,ot=v,su"), (3_100, "LHR", "bl=4000,d=4000,ot=v")]
    {
        records.push(request("old", edge, at, members));
    }
    // With 20 s of video in the buffer and segments of 20 s it may be silent for 80 s.
    records.push(request("deep", "AMS", 5_000, "bl=20000,d=20000,ot=v"));
    let rows = last_rows(records);
    let expected = [
        (
            40_000, // 33 s, and a window
            vec![("session_id", "quit"), ("end_reason", "quit"), ("exits_before_start_count", "1"), ("edge", "AMS")],
            "50000",
        ),
        (
            50_000,
            vec![
                ("session_id", "failed"),
                ("end_reason", "failed"),
                ("start_failures_count", "1"),
                ("play_failures_count", "1"),
                ("plays_count", "2"),
                ("play_ms", "300"),
                ("startup_ms_sum", "700"),
                ("startup_ms_count", "1"),
                ("edge", "AMS"),
            ],
            "60000",
        ),
        (
            70_000,
            vec![
                ("session_id", "old"),
                ("end_reason", "idle"),
                ("requests_count", "3"),
                ("media_requests_count", "2"),
                ("startup_requests_count", "2"),
                ("startup_approx_ms_sum", "3000"),
                ("startup_approx_ms_count", "1"),
                ("media_ms", "8000"),
                ("buffer_ms_sum", "4000"),
                ("buffer_ms_count", "1"),
                ("buffer_ms_min", "4000"),
                ("edge", "LHR"),
            ],
            "80000",
        ),
        (
            90_000,
            vec![
                ("session_id", "deep"),
                ("end_reason", "idle"),
                ("requests_count", "1"),
                ("media_requests_count", "1"),
                ("media_ms", "20000"),
                ("buffer_ms_sum", "20000"),
                ("buffer_ms_count", "1"),
                ("buffer_ms_min", "20000"),
                ("edge", "AMS"),
            ],
            "100000",
        ),
    ];
    assert_eq!(rows.len(), expected.len(), "{rows:#?}");
    for ((_, boundary, found), (_, mut own, expected_boundary)) in rows.iter().zip(expected) {
        if !own.iter().any(|(name, _)| *name == "plays_count") {
            own.push(("plays_count", "1"));
        }
        assert_eq!(found, &fields(own));
        assert_eq!(boundary.to_string(), expected_boundary);
    }
}

#[test]
fn a_record_after_the_last_row_begins_another_session() {
    let request = |at| request("twice", "AMS", at, "ot=m");
    // 5 s and 60 s are 65 s: the session is alive at 64 s, and at 65 s until its window is over.
    let [one] = &last_rows(vec![request(5_000), request(64_000)])[..] else { panic!("one session") };
    assert_eq!((one.1, &*one.2["requests_count"]), (140_000, "2"), "64 + 60 s, and a window");
    let rows = last_rows(vec![request(5_000), request(70_000)]);
    let boundaries: Vec<i64> = rows.iter().map(|(_, boundary, _)| *boundary).collect();
    assert_eq!(boundaries, [80_000, 140_000], "65 s, and 130 s, and a window");
}

#[test]
fn a_late_record_neither_opens_a_session_nor_keeps_it_alive() {
    let live = || request("s", "AMS", 5_000, "ot=m");
    // Its time is 7 s, and the watermark is far ahead: it counts where its append time lies.
    let late = |session: &str| {
        let record = body(&[&format!("e=t,sid=\"{session}\",sn=0,ts={},v=2", T + 7_000)]);
        record.keyed(session).with(header::RECEIVED_MS, &(T + 16_000).to_string()).appended(T + 40_000)
    };
    let others = request("o", "AMS", 39_000, "ot=m");
    let rows = last_rows(vec![live(), others, late("s"), late("n")]);
    let of = |id: &str| rows.iter().find(|(_, _, fields)| fields["session_id"] == id);
    let (_, boundary, fields) = of("s").expect("it has a row");
    assert_eq!((*boundary, &*fields["records_late_count"]), (80_000, "1"), "5 s and 60 s, and a window");
    assert!(of("n").is_none() && of("o").is_some());
}
