//! Promise: raw logs and dumps become the rows that they must give, without a bus and without a store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use support::Streamgauge;

/// What `streamgauge replay` with these arguments prints: rows, and what it says of them.
fn replay(arguments: &[&str]) -> (bool, Vec<Value>, String) {
    let arguments: Vec<&str> = ["replay"].into_iter().chain(arguments.iter().copied()).collect();
    let output = Streamgauge::command(&arguments, &[]).output().unwrap();
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.success(), rows, String::from_utf8(output.stderr).unwrap())
}

fn assert_fields(row: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&row["fields"][name], value, "{name}");
    }
}

/// The sums were worked out from the capture with an independent reader of its members.
#[test]
fn a_recorded_session_of_twenty_requests_becomes_rows_of_every_kind() {
    let arguments = ["tests/data/cmcd/players-queries.txt", "--carrier", "cmcd-query", "--to-rows", "-"];
    let (_, rows, said) = replay(&[arguments.as_slice(), &["--format", "json"]].concat());
    let kinds: Vec<String> =
        rows.iter().map(|row| format!("{} {}", row["measurement"], row["tags"]["window"])).collect();
    // Of each length of edge windows but the longest one that the requests came in and one that the session ended in.
    let edges = ["10s", "10s", "1m", "1m", "1h"].map(|window| format!("\"edge_window\" \"{window}\""));
    let sessions = ["\"session_window\" null", "\"session\" null"].map(str::to_owned);
    assert_eq!(kinds, [&sessions[..], &edges[..]].concat());
    let (session, life, edge, hour) = (&rows[0], &rows[1], &rows[2], &rows[6]);
    let shared = json!({
        "requests_count": 20, "media_requests_count": 17, "startup_requests_count": 3, "starved_requests_count": 0,
        "buffer_ms_sum": 164_600, "buffer_ms_count": 17, "mtp_bps_sum": 768_800_000, "mtp_bps_count": 17,
        "video_bitrate_bps_sum": 119_133_000, "video_bitrate_count": 12,
        "video_bitrate_weighted_sum": 476_532_000_000_i64, "video_bitrate_weight_ms": 48_000,
        "audio_bitrate_weighted_sum": 1_343_685_000, "audio_bitrate_weight_ms": 20_055,
        "top_bitrate_ms": 12_000, "top_bitrate_known_ms": 48_000, "media_ms": 48_000,
    });
    assert_fields(session, &shared);
    for row in [life, edge, hour] {
        assert_fields(row, &shared);
    }
    assert_fields(life, &json!({ "end_reason": "idle", "plays_count": 1, "contents_count": 1 }));
    assert_fields(hour, &json!({ "sessions_ended_count": 1, "sessions_estimate": 1 }));
    assert_fields(session, &json!({ "session_id": "b248658d-1d1a-4039-91d0-8c08ba597da5" }));
    assert_fields(edge, &json!({ "sessions_count": 1 }));
    assert_eq!(edge["tags"]["streaming_format"], "dash");
    // 2026-01-05T08:00:00Z, when raw records without a time came unless it is said.
    assert_eq!(edge["timestamp_ns"], 1_767_600_000_000_000_000_i64);
    assert!(said.contains("20 events, 0 late"), "{said}");
}

#[test]
fn lines_that_are_no_records_are_dead_letters_and_cost_nothing_else() {
    let arguments = ["tests/data/cmcd/bitmovin-url.log", "--carrier", "cmcd-query", "--to-rows", "-"];
    let (_, rows, said) = replay(&[arguments.as_slice(), &["--format", "json"]].concat());
    assert_fields(
        &rows[0],
        &json!({ "requests_count": 375, "media_requests_count": 373, "mtp_bps_sum": 1_484_334_000, "video_bitrate_bps_sum": 2_324_446_000_i64 }),
    );
    assert!(said.contains("2 dead letters (malformed 2)"), "{said}");
}

#[test]
fn header_sets_are_parted_by_blank_lines() {
    let (_, rows, said) = replay(&[
        "tests/data/cmcd/players-headers.txt",
        "--carrier",
        "cmcd-headers",
        "--to-rows",
        "-",
        "--format",
        "json",
    ]);
    assert_fields(&rows[0], &json!({ "session_id": "b62ac932-1967-4368-8e9a-31df70ef2bc5", "requests_count": 20 }));
    assert!(said.contains("20 events"), "{said}");
}

/// The same log, record by record as it was appended and partition by partition as `dump` writes it.
#[test]
fn a_dump_gives_the_same_rows_whichever_way_its_partitions_lie_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (appended, dumped) = (path("appended.jsonl"), path("dumped.jsonl"));
    let arguments = ["simulate", "--to-file", &appended, "--viewers", "60", "--duration", "5m", "--partitions", "3"];
    assert!(Streamgauge::command(&arguments, &[]).output().unwrap().status.success());
    let text = std::fs::read_to_string(&appended).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        (record["topic"].to_string(), record["partition"].as_i64(), record["offset"].as_i64())
    });
    std::fs::write(&dumped, lines.join("\n")).unwrap();

    let rows = |dump: &str, rows: &str| {
        let (success, _, said) = replay(&[dump, "--to-rows", &path(rows)]);
        assert!(success, "{said}");
        let text = std::fs::read_to_string(path(rows)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let expected = rows(&appended, "appended.lp");
    assert_eq!(rows(&dumped, "dumped.lp"), expected);
    // Two minutes of grace leave three of five minutes of log lines final.
    for (measurement, source) in
        [("session_window", "cmcd-logs"), ("edge_window", "cmcd-logs"), ("edge_window", "cmcd")]
    {
        let source = format!(",source={source},");
        let of = expected.iter().filter(|row| row.starts_with(measurement) && row.contains(&source)).count();
        assert!(of > 15, "{measurement} {source} {of}");
    }

    let (success, _, said) = replay(&[&dumped, &dumped, "--to-rows", &path("twice.lp")]);
    assert!(
        !success && said.contains("give the files in the order in which they were dumped, and each once"),
        "{said}"
    );
}

/// The dump has a connection that is made, two reports of it with 612 packets and 590,210 bytes at the end, and a stream that is gone in the
/// second.
#[test]
fn a_call_that_rtcstats_recorded_becomes_rows() {
    let file = ["tests/data/webrtc/rtcstats.jsonl", "--carrier", "rtcstats", "--to-rows", "-", "--format", "json"];
    let (success, rows, said) = replay(&[file.as_slice(), &["--session", "|room-7|anna"]].concat());
    assert!(success, "{said}");
    let session = rows.iter().find(|row| row["measurement"] == "session").expect("the session is over");
    let expected = json!({
        "session_id": "|room-7|anna", "records_count": 4, "bytes": 590_210, "video_in_bytes": 590_210,
        "video_in_packets_count": 612, "video_in_packets_lost_count": 2, "audio_in_bytes": 0,
    });
    assert_fields(session, &expected);
    let (success, rows, said) = replay(&file);
    assert!(!success && rows.is_empty() && said.contains("--session 'app|call|participant'"), "{said}");
}

#[test]
fn what_does_not_fit_the_topology_is_refused_with_a_remedy() {
    let file = "tests/data/cmcd/players-queries.txt";
    for (arguments, part) in [
        (
            ["--carrier", "cmcd-question", "--to-rows", "-"].as_slice(),
            "--carrier must be cloudfront-rt, cloudfront-std",
        ),
        (&["--carrier", "json:squid", "--to-rows", "-"], "a source must declare it (cmcd, cmcd-logs, webrtc, kaltura)"),
        (
            &["--carrier", "cmcd-query", "--source", "logs", "--to-rows", "-"],
            "must be one of cmcd, cmcd-logs, webrtc, kaltura",
        ),
        (&["--to-rows", "-"], "line 1 is not a dump record"),
        (&["--to-rows", "-", "--to-bus"], "cannot be used with"),
        (&[], "required"),
    ] {
        let (success, rows, said) = replay(&[&[file], arguments].concat());
        assert!(!success && rows.is_empty() && said.contains(part), "{arguments:?}: {said}");
    }
}
