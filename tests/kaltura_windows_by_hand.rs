//! Kaltura windows give the numbers worked out by hand: one test for each tricky input, the calculation beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/kaltura_windows.rs"]
mod kaltura_windows;

use kaltura_windows::{CAPS, Outcome, START_MS, beacon, view};
use streamgauge::aggregate::Caps;
use streamgauge::model::kaltura::{Beacon, ErrorPhase, Event, Playback, Quartile};

fn outcome(beacons: &[(i64, Beacon<'static>)]) -> Outcome {
    kaltura_windows::outcome(beacons, 10_000, CAPS)
}

/// A session that plays 40 s: index and seconds after the start.
fn plain() -> Vec<(i64, Beacon<'static>)> {
    vec![
        (0, beacon(1, Event::Impression)),
        (100, beacon(2, Event::PlayRequest)),
        (1_000, Beacon { join_ms: Some(900), ..beacon(3, Event::Play) }),
        (1_100, view(4, 0)),
        (11_100, view(5, 10)),
        (21_100, view(6, 20)),
        (31_100, view(7, 30)),
        (41_100, view(8, 40)),
    ]
}

#[test]
fn a_session_is_counted() {
    let outcome = outcome(&plain());
    let first = outcome.window(0);
    assert_eq!(first.text("session_id"), "812|s");
    assert_eq!(
        [first.text("content_id"), first.text("playback_type"), first.text("country")],
        ["1_a", "vod", "unknown"]
    );
    assert_eq!([first.text("tag tenant"), first.text("tag shard"), first.text("tag source")], ["812", "3", "kaltura"]);
    assert_eq!(first.all(["impressions_count", "play_requests_count", "plays_count", "views_count"]), [1, 1, 1, 1]);
    assert_eq!(first.all(["startup_ms_sum", "startup_count", "records_count", "play_ms"]), [900, 1, 4, 0]);
    assert_eq!(
        outcome.window(10_000).all(["play_ms", "play_vod_ms", "view_time_ms", "plays_count"]),
        [10_000, 10_000, 10_000, 0]
    );
    let session = outcome.session();
    assert_eq!(session.all(["play_ms", "views_count", "view_time_ms", "records_count"]), [40_000, 5, 50_000, 8]);
    assert_eq!(session.all(["beacons_expected_count", "beacons_received_count", "sums_clamped_count"]), [8, 8, 0]);
    assert_eq!(session.all(["started_ms", "ended_ms"]), [START_MS, START_MS + 41_100]);
    assert_eq!(session.text("end_reason"), "idle");
}

#[test]
fn beacons_out_of_order_come_to_the_same_totals() {
    let ordered = outcome(&plain());
    // 7 comes after 8, in the next window even; 4 before 3.
    let mut beacons = plain();
    beacons[6].0 = 41_300;
    (beacons[2].0, beacons[3].0) = (1_100, 1_000);
    let swapped = outcome(&beacons);
    let counts = |outcome: &Outcome| outcome.session().counts();
    assert_eq!(counts(&swapped), counts(&ordered));
    // Nothing at 31.1 s; then 40 - 20 s at once, of which 20 s had passed.
    assert_eq!(swapped.window(40_000).all(["play_ms", "views_count", "beacons_expected_count"]), [20_000, 2, 2]);
}

#[test]
fn lost_beacons_are_counted_and_cost_no_time() {
    let mut beacons = plain();
    beacons.drain(4..7);
    let outcome = outcome(&beacons);
    // 5, 6 and 7 are missing: 8 steps on by 4.
    assert_eq!(outcome.window(40_000).all(["beacons_expected_count", "beacons_received_count"]), [4, 1]);
    let session = outcome.session();
    assert_eq!(
        session.all(["beacons_expected_count", "beacons_received_count", "play_ms", "views_count"]),
        [8, 5, 40_000, 2]
    );
}

#[test]
fn a_player_that_counts_anew_is_the_same_session() {
    let mut beacons = plain();
    // A pause of 45 s, then from 1 again.
    beacons.push((42_000, beacon(9, Event::Pause)));
    beacons.push((87_000, beacon(1, Event::Resume)));
    beacons.push((87_100, view(2, 0)));
    beacons.push((97_100, view(3, 10)));
    let whole = outcome(&beacons);
    let session = whole.session();
    assert_eq!(session.all(["restarts_count", "duplicates_count", "play_ms", "sums_clamped_count"]), [1, 0, 50_000, 0]);
    assert_eq!(session.all(["beacons_expected_count", "beacons_received_count"]), [12, 12]);
    // Without a pause, by another beacon under the same index.
    let mut beacons = plain();
    beacons.push((44_000, beacon(1, Event::Resume)));
    beacons.push((44_100, view(2, 0)));
    beacons.push((54_100, view(3, 10)));
    // The last one of the run before was overtaken.
    beacons.push((44_050, beacon(9, Event::Seek)));
    let session = outcome(&beacons).session().clone();
    assert_eq!(session.all(["restarts_count", "duplicates_count", "play_ms", "seeks_count"]), [1, 0, 50_000, 1]);
    assert_eq!(session.all(["beacons_expected_count", "beacons_received_count"]), [12, 12]);
}

#[test]
fn copies_count_once() {
    let mut beacons = plain();
    // The same 3 s later, in the same window and in the next; and the first of all, much later.
    beacons.push((4_000, beacon(2, Event::PlayRequest)));
    beacons.push((11_150, view(4, 0)));
    beacons.push((41_200, beacon(1, Event::Impression)));
    let session = outcome(&beacons).session().clone();
    assert_eq!(session.all(["duplicates_count", "records_count", "restarts_count"]), [3, 8, 0]);
    assert_eq!(session.all(["play_requests_count", "views_count", "impressions_count", "play_ms"]), [1, 5, 1, 40_000]);
    assert_eq!(session.all(["beacons_expected_count", "beacons_received_count"]), [8, 8]);
}

#[test]
fn entries_of_one_session_are_apart() {
    let other = |mut beacon: Beacon<'static>| {
        beacon.entry = "1_b".into();
        beacon
    };
    let beacons = [
        (0, beacon(1, Event::Impression)),
        (1_000, view(2, 0)),
        (2_000, other(view(1, 0))),
        (8_000, view(3, 7)),
        (9_000, other(view(2, 5))),
    ];
    let outcome = outcome(&beacons);
    let mut rows: Vec<_> = outcome.sessions.iter().map(|row| (row.text("content_id"), row.get("play_ms"))).collect();
    rows.sort();
    assert_eq!(rows, [("1_a".to_owned(), 7_000), ("1_b".to_owned(), 5_000)]);
    assert!(outcome.sessions.iter().all(|row| row.get("sessions_reused_count") == 0));
}

#[test]
fn a_session_id_for_everybody_is_told() {
    let entry = |number: usize| Beacon { entry: format!("1_{number}").into(), ..beacon(1, Event::Impression) };
    let reused = |beacons: &[(i64, Beacon<'static>)]| {
        outcome(beacons).windows.iter().map(|(_, row)| row.get("sessions_reused_count")).collect::<Vec<_>>()
    };
    let beacons: Vec<_> = (0..21).map(|number| (5, entry(number))).collect();
    assert_eq!(reused(&beacons), [1; 21]);
    assert_eq!(reused(&beacons[..20]), [0; 20]);
    assert_eq!(reused(&[(0, entry(1)), (1, Beacon { partner: 7, ..entry(1) })]), [1; 2]);
}

#[test]
fn sums_that_cannot_be_count_as_far_as_they_can() {
    // The first 12 s are believed, more are not.
    let opened = |first_s: i64| outcome(&[(0, view(3, first_s))]).session().all(["play_ms", "sums_clamped_count"]);
    assert_eq!((opened(12), opened(13), opened(-3)), ([12_000, 0], [0, 0], [0, 0]));
    let run = |sums: [i64; 4], speed: Option<i64>| {
        let at = |place: i64, sum| (place * 10_000, Beacon { speed_permille: speed, ..view(4 + place as u32, sum) });
        let beacons: Vec<_> = (0..).zip(sums).map(|(place, sum)| at(place, sum)).collect();
        outcome(&beacons).session().all(["play_ms", "sums_clamped_count"])
    };
    // 10, then from 50 to 20, then from 20 to 30.
    assert_eq!(run([0, 10, 20, 30], None), [30_000, 0]);
    assert_eq!(run([0, 12, 2, 12], None), [12_000 + 10_000, 1]);
    // 5,000 s in 10 s: 10 + 2 s; at double speed 20 + 2 s.
    assert_eq!(run([0, 10, 5_000, 5_010], None), [10_000 + 12_000 + 10_000, 1]);
    assert_eq!(run([0, 20, 5_000, 5_020], Some(2_000)), [20_000 + 22_000 + 20_000, 1]);
    assert_eq!(run([0, 20, 40, 60], None), [3 * 12_000, 3]);
}

#[test]
fn a_session_is_cut_after_a_day() {
    let views = (0..9_000_u32).map(|number| (i64::from(number) * 10_000, view(number + 1, i64::from(number) * 10)));
    let outcome = outcome(&views.collect::<Vec<_>>());
    let told: Vec<_> = outcome
        .sessions
        .iter()
        .map(|row| (row.text("end_reason"), row.get("views_count"), row.get("play_ms")))
        .collect();
    // 24 h are 8,640 views after the first. What follows begins anew, without the sum before it.
    assert_eq!(told, [("cut".to_owned(), 8_641, 86_400_000), ("idle".to_owned(), 359, 3_580_000)]);
}

#[test]
fn parts_are_reached_once_a_play() {
    let reached = |index, part| beacon(index, Event::Reached(part));
    let mut beacons = plain();
    // The end before a quarter, all of them by a seek, and again.
    for (place, part) in
        (0..).zip([Quartile::Fourth, Quartile::First, Quartile::Second, Quartile::Third, Quartile::First])
    {
        beacons.push((42_000 + place, reached(9 + place as u32, part)));
    }
    let names = ["plays_count", "reached_25_count", "reached_50_count", "reached_75_count", "reached_100_count"];
    let session = outcome(&beacons).session().clone();
    assert_eq!((session.all(names), session.get("reached_again_count")), ([1; 5], 1));
    // After a replay they could count again, but there was one play only.
    beacons.push((50_000, beacon(14, Event::Replay)));
    beacons.push((51_000, reached(15, Quartile::Fourth)));
    beacons.push((52_000, beacon(16, Event::Play)));
    beacons.push((53_000, reached(17, Quartile::Fourth)));
    beacons.push((54_000, reached(18, Quartile::NineTenths)));
    let session = outcome(&beacons).session().clone();
    assert_eq!((session.all(names), session.get("reached_again_count")), ([2, 1, 1, 1, 2], 2));
    assert_eq!(session.get("reached_90_count"), 1);
    // Without a play nothing was played through.
    assert_eq!(
        outcome(&[(0, reached(5, Quartile::Fourth))]).session().all(["reached_100_count", "reached_again_count"]),
        [0, 1]
    );
}

#[test]
fn stalls_without_an_end_and_ends_without_a_stall() {
    let stalled =
        |index, sum_ms, own_ms| Beacon { buffer_sum_ms: Some(sum_ms), buffer_ms: Some(own_ms), ..view(index, 0) };
    let beacons = [
        (0, stalled(1, 0, 0)),
        (1_000, beacon(2, Event::BufferEnd)),
        (2_000, beacon(3, Event::BufferStart)),
        (3_500, beacon(4, Event::BufferEnd)),
        (4_000, beacon(5, Event::BufferStart)),
        (11_000, stalled(6, 3_500, 3_500)),
        // One view was lost: what it said of its own stall is in the sum.
        (31_000, stalled(8, 9_500, 2_000)),
    ];
    let session = outcome(&beacons).session().clone();
    assert_eq!(session.all(["stall_count", "stall_ms", "view_stall_ms"]), [2, 9_500, 5_500]);
    // From 2 s to 3.5 s; the other has no end.
    assert_eq!(session.all(["stall_pairs_ms", "views_buffering_count", "views_count"]), [1_500, 2, 3]);
}

#[test]
fn errors_are_told_apart_and_a_storm_is_one_session() {
    let error = |index, phase, position_ms| Beacon { error_phase: phase, position_ms, ..beacon(index, Event::Error) };
    let beacons = [
        (0, beacon(1, Event::PlayRequest)),
        (100, error(2, Some(ErrorPhase::BeforePlayRequest), None)),
        (200, error(3, Some(ErrorPhase::BeforeFirstFrame), Some(0))),
        (300, error(4, Some(ErrorPhase::MidStream), Some(7_000))),
        (12_000, error(5, None, Some(7_000))),
    ];
    let once = outcome(&beacons);
    let session = once.session();
    let phases = ["errors_before_request_count", "errors_before_start_count", "errors_mid_stream_count"];
    assert_eq!(session.all(phases), [1, 1, 1]);
    assert_eq!(
        session.all(["player_errors_count", "errors_no_position_count", "sessions_with_error_count"]),
        [4, 2, 1]
    );
    assert_eq!(once.window(10_000).get("sessions_with_error_count"), 0);
    assert_eq!(session.get("exits_before_start_count"), 0, "it ended with an error");
    // 500 errors a second: of each window the first 64 beacons count, and the rest are beacons.
    let storm: Vec<_> = (0..1_000).map(|place| (i64::from(place) * 2, error(place + 1, None, None))).collect();
    let session = outcome(&storm).session().clone();
    assert_eq!(session.all(["player_errors_count", "sessions_with_error_count", "records_count"]), [64, 1, 1_000]);
}

#[test]
fn who_leaves_before_the_first_frame_is_counted_at_the_end() {
    let left = outcome(&[(0, beacon(1, Event::Impression)), (500, beacon(2, Event::PlayRequest))]);
    assert_eq!(left.session().get("exits_before_start_count"), 1);
    assert_eq!(left.window(0).get("exits_before_start_count"), 0);
    let last = left.parts.last().unwrap();
    assert_eq!((last.counts.exits_before_start, last.counts.records, last.has_names), (1, 0, true));
    assert_eq!(outcome(&plain()).session().get("exits_before_start_count"), 0);
}

#[test]
fn views_without_a_play_have_no_denominator() {
    let outcome = outcome(&[(0, view(40, 400)), (10_000, view(41, 410))]);
    let session = outcome.session();
    assert_eq!(
        session.all(["plays_count", "startup_count", "bitrate_count", "views_count", "play_ms"]),
        [0, 0, 0, 2, 10_000]
    );
    // Nobody knows what was lost before the first that came.
    assert_eq!(session.all(["beacons_expected_count", "beacons_received_count"]), [2, 2]);
}

#[test]
fn what_changes_in_a_session_counts_where_it_was() {
    let live =
        |index, sum, playback| Beacon { playback, sound_on: Some(true), tab_focused: Some(true), ..view(index, sum) };
    let beacons = [
        (0, live(1, 0, Playback::Live)),
        (10_000, live(2, 10, Playback::Live)),
        (15_000, live(3, 14, Playback::Dvr)),
        (19_000, Beacon { tab_focused: Some(false), ..live(4, 17, Playback::Unknown) }),
    ];
    let outcome = outcome(&beacons);
    let session = outcome.session();
    let names = ["play_ms", "play_live_ms", "play_vod_ms", "play_engaged_ms", "play_live_engaged_ms"];
    assert_eq!(session.all(names), [17_000, 14_000, 0, 14_000, 14_000]);
    let views = ["views_live_count", "views_dvr_count", "views_engaged_good_count", "views_engaged_fair_count"];
    assert_eq!(session.all(views), [3, 1, 3, 1]);
    let parts: Vec<_> = outcome.parts.iter().map(|part| (part.end_ms, part.playback, part.counts.play_ms)).collect();
    let expected = [
        (10_000, Playback::Live, 0),
        (20_000, Playback::Live, 10_000),
        (20_000, Playback::Dvr, 4_000),
        (20_000, Playback::Unknown, 3_000),
    ];
    assert_eq!(parts, expected);
}

#[test]
fn beacons_of_no_session_count_by_themselves() {
    let alone = |sum| Beacon { session: None, ..view(4, sum) };
    let outcome = outcome(&[(0, alone(5)), (1, alone(5)), (2, alone(300))]);
    assert_eq!((outcome.windows.len(), outcome.sessions.len()), (0, 0));
    let parts: Vec<_> =
        outcome.parts.iter().map(|part| (part.counts.views, part.counts.play_ms, part.has_names)).collect();
    assert_eq!(parts, [(1, 5_000, false), (1, 5_000, false), (1, 0, false)]);
}

#[test]
fn sessions_beyond_the_cap_are_beacons_at_other() {
    let of = |session: &'static str| Beacon { session: Some(session.into()), ..beacon(1, Event::Play) };
    let caps = Caps { sessions: 1, ..CAPS };
    let given = kaltura_windows::outcome(&[(0, of("a")), (1, of("b")), (2, of("c")), (3, of("c"))], 10_000, caps);
    assert_eq!(given.windows.len(), 1);
    let other = given.parts.iter().find(|part| part.entry == "other").unwrap();
    let kept: i64 = given.parts.iter().map(|part| part.counts.records + part.counts.duplicates).sum();
    assert_eq!((other.tenant.as_str(), kept, other.counts.plays), ("other", 4, 0));
}
