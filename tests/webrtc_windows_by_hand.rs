//! WebRTC windows give the numbers worked out by hand: one test for each tricky input, the calculation beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/webrtc.rs"]
mod webrtc;

use streamgauge::aggregate::Outcome;
use streamgauge::model::webrtc::Member::*;
use streamgauge::model::webrtc::ObjectType::*;
use streamgauge::model::webrtc::Text;
use webrtc::{Run, START_MS, object, pair, report, stats};

/// Samples of a stream of audio received: ms after the start, packets, packets lost, bytes.
fn audio(run: &mut Run, samples: &[(i64, i64, i64, i64)]) {
    for (at_ms, packets, lost, bytes) in samples {
        let numbers = [(PacketsReceived, *packets), (PacketsLost, *lost), (BytesReceived, *bytes)];
        run.push(&report(*at_ms, stats([object(InboundRtp, "IA1", "audio", &numbers)])));
    }
}

#[test]
fn counters_that_fall_begin_anew() {
    let mut run = Run::new(10_000);
    audio(&mut run, &[(1_000, 100, 0, 900_000), (3_000, 150, 0, 950_000), (5_000, 10, 0, 120_000)]);
    audio(&mut run, &[(7_000, 60, 0, 170_000)]);
    let window = run.window(0);
    // 950,000 − 900,000 and 170,000 − 120,000, over 2 s each; nothing between 3 s and 5 s.
    assert_eq!(window.all(["audio_in_bytes", "bytes", "audio_in_packets_count"]), [100_000, 100_000, 100]);
    assert_eq!(window.all(["audio_in_covered_us", "counter_resets_count"]), [4_000_000, 1]);
}

#[test]
fn another_ssrc_under_the_same_id_begins_anew() {
    let mut run = Run::new(10_000);
    for (at_ms, ssrc, packets) in [(1_000, 7, 10), (3_000, 7, 20), (5_000, 8, 500), (7_000, 8, 505)] {
        let numbers = [(PacketsReceived, packets), (Ssrc, ssrc)];
        run.push(&report(at_ms, stats([object(InboundRtp, "IA1", "audio", &numbers)])));
    }
    assert_eq!(run.window(0).all(["audio_in_packets_count", "counter_resets_count"]), [15, 1]);
}

#[test]
fn packets_that_came_after_all_are_no_loss_and_no_reset() {
    let mut run = Run::new(10_000);
    audio(&mut run, &[(1_000, 100, 14, 1_000), (3_000, 200, 11, 2_000), (5_000, 300, -3, 3_000)]);
    audio(&mut run, &[(7_000, 400, 2, 4_000)]);
    // 14 → 11 → −3 are no growth; −3 → 2 are 5 of 5 + 300.
    let window = run.window(0);
    assert_eq!(window.all(["audio_in_packets_lost_count", "audio_in_packets_count"]), [5, 300]);
    assert_eq!(window.all(["counter_resets_count", "audio_in_covered_us"]), [0, 6_000_000]);
}

#[test]
fn a_wrong_clock_still_measures_durations() {
    let mut run = Run::new(10_000);
    // Three hours ahead; the reports arrived at 2 s and 4.3 s, and are 2 s apart.
    for (at_ms, arrived_ms, bytes) in [(0, 2_000, 1_000), (2_000, 4_300, 5_000)] {
        let numbers = [(BytesReceived, bytes)];
        let mut late = report(at_ms, stats([object(InboundRtp, "IA1", "audio", &numbers)]));
        webrtc::shift(&mut late, 3 * 3_600_000);
        run.push_at(&late, START_MS + arrived_ms, true);
    }
    let names = ["audio_in_bytes", "audio_in_covered_us", "records_clamped_count", "records_count"];
    assert_eq!(run.window(0).all(names), [4_000, 2_000_000, 2, 2]);
}

#[test]
fn the_same_report_twice_counts_once() {
    let mut run = Run::new(10_000);
    audio(&mut run, &[(1_000, 100, 0, 1_000), (3_000, 200, 0, 2_000)]);
    let again = report(
        3_000,
        stats([object(
            InboundRtp,
            "IA1",
            "audio",
            &[(PacketsReceived, 200), (PacketsLost, 0), (BytesReceived, 2_000)],
        )]),
    );
    assert_eq!(run.push(&again), Outcome::Duplicate);
    let names = ["records_count", "duplicates_count", "audio_in_bytes", "audio_in_covered_us"];
    assert_eq!(run.window(0).all(names), [2, 1, 1_000, 2_000_000]);
}

#[test]
fn what_the_far_end_said_once_counts_once() {
    let mut run = Run::new(10_000);
    // Reports each 2 s; the far end's came at 0.9 s and 4.9 s, and stands in the other reports again.
    for (at_ms, came_ms, sent, lost, total_us, count) in [
        (1_000, 900, 100, 2, 80_000, 2),
        (3_000, 900, 200, 2, 80_000, 2),
        (5_000, 4_900, 300, 6, 200_000, 4),
        (7_000, 4_900, 400, 6, 200_000, 4),
    ] {
        let sender = object(OutboundRtp, "OA1", "audio", &[(PacketsSent, sent)]);
        let mut far = object(
            RemoteInboundRtp,
            "ROA1",
            "audio",
            &[
                (PacketsLost, lost),
                (Jitter, 3_000),
                (RoundTripTime, 40_000),
                (TotalRoundTripTime, total_us),
                (RoundTripTimeMeasurements, count),
            ],
        );
        far.time_us = Some((START_MS + came_ms) * 1000);
        far.texts = vec![(Text::Kind, "audio".into()), (Text::LocalId, "OA1".into())];
        run.push(&report(at_ms, stats([sender, far])));
    }
    let window = run.window(0);
    // Lost 6 − 2, of 300 − 100 sent meanwhile. RTT: the first one as it is, then 120 ms in two; jitter twice.
    assert_eq!(window.all(["audio_out_remote_lost_count", "audio_out_remote_packets_count"]), [4, 200]);
    assert_eq!(window.all(["rtt_us_sum", "rtt_count", "rtt_us_max"]), [160_000, 3, 60_000]);
    assert_eq!(window.all(["audio_out_remote_jitter_us_sum", "audio_out_remote_jitter_count"]), [6_000, 2]);
}

#[test]
fn two_calls_with_the_same_names_inside_are_two_sessions() {
    let mut run = Run::new(10_000);
    for (call, bytes) in [("a", 100), ("b", 7)] {
        for (at_ms, factor) in [(1_000, 1), (3_000, 2)] {
            let mut one =
                report(at_ms, stats([object(InboundRtp, "IA1", "audio", &[(BytesReceived, bytes * factor)])]));
            one.call = call.into();
            run.push(&one);
        }
    }
    let rows = run.rows(0);
    let mut bytes: Vec<_> = rows.iter().map(|row| (row.text("session_id"), row.get("bytes"))).collect();
    bytes.sort();
    assert_eq!(bytes, [("app|a|p".to_owned(), 100), ("app|b|p".to_owned(), 7)]);
    assert_eq!(run.edge(0).get("sessions_count"), 2);
}

#[test]
fn a_connection_that_comes_back_under_its_name_is_another() {
    let mut run = Run::new(10_000);
    for (at_ms, wire, bytes) in [(1_000, 900, 600), (3_000, 1_900, 1_600), (5_000, 50, 40), (7_000, 1_050, 1_040)] {
        let transport = object(Transport, "T01", "", &[(BytesReceived, wire)]);
        let audio = object(InboundRtp, "IA1", "audio", &[(BytesReceived, bytes)]);
        run.push(&report(at_ms, stats([transport, audio])));
    }
    let window = run.window(0);
    assert_eq!(window.all(["audio_in_bytes", "reconnects_count", "counter_resets_count"]), [2_000, 1, 2]);
    let session = run.finish();
    assert_eq!(session.all(["connections_count", "reconnects_count", "audio_in_bytes"]), [1, 1, 2_000]);
    assert_eq!(session.text("end_reason"), "idle");
}

#[test]
fn of_two_pairs_the_one_in_use_counts_and_the_last_round_trip_is_kept_for_15_s() {
    let mut run = Run::new(60_000);
    let pairs = |rtt_us: i64, responses: i64| {
        [
            // Both nominated and succeeded; the second is not in use, and its numbers are wrong.
            pair(
                "CP1",
                &[(TotalRoundTripTime, rtt_us), (ResponsesReceived, responses), (AvailableOutgoingBitrate, 2_000_000)],
            ),
            pair(
                "CP2",
                &[(TotalRoundTripTime, 9 * rtt_us), (ResponsesReceived, responses), (AvailableOutgoingBitrate, 9)],
            ),
        ]
    };
    for (at_ms, rtt_us, responses) in [(1_000, 400_000, 10), (6_000, 430_000, 11)] {
        let [mut used, mut other] = pairs(rtt_us, responses);
        used.numbers.push((CurrentRoundTripTime, 30_000));
        other.numbers.push((CurrentRoundTripTime, 900_000));
        [&mut used, &mut other].into_iter().for_each(|pair| pair.numbers.sort());
        let mut transport = object(Transport, "T01", "", &[]);
        transport.texts = vec![(Text::SelectedCandidatePairId, "CP1".into())];
        run.push(&report(at_ms, stats([used, other, transport])));
    }
    // Then none, for 20 s: the last value (30 ms, at 6 s) counts at 11 s, 16 s and 21 s, not at 26 s.
    for at_ms in [11_000, 16_000, 21_000, 26_000] {
        run.push(&report(at_ms, stats([object(InboundRtp, "IA1", "audio", &[(BytesReceived, at_ms)])])));
    }
    let window = run.window(0);
    // 30 ms at the first sample, 430 − 400 for one response at the second, and three times 30.
    assert_eq!(window.all(["ice_rtt_us_sum", "ice_rtt_count", "ice_rtt_us_max"]), [150_000, 5, 30_000]);
    assert_eq!(
        window.all(["available_out_bps_sum", "available_out_count", "available_out_bps_min"]),
        [4_000_000, 2, 2_000_000]
    );
    // Media goes on: it began after the report at 6 s, so it grew from 0.
    assert_eq!(window.get("audio_in_bytes"), 26_000);
}

#[test]
fn a_layer_that_appears_adds_what_it_grew_by_and_no_more() {
    let layer = |id: &str, bytes: i64| object(OutboundRtp, id, "video", &[(BytesSent, bytes)]);
    let mut run = Run::new(20_000);
    run.push(&report(1_000, stats([layer("L1", 1_000), layer("L2", 5_000)])));
    // L3 is younger than the 5 s since the last report: it grew from 0.
    run.push(&report(6_000, stats([layer("L1", 2_000), layer("L2", 5_000), layer("L3", 700)])));
    run.push(&report(11_000, stats([layer("L1", 2_500), layer("L2", 5_000), layer("L3", 1_700)])));
    let window = run.window(0);
    // L1 1,000 + 500, L2 0, L3 700 + 1,000. L2 sent nothing and covers nothing.
    assert_eq!(window.all(["video_out_bytes", "video_out_covered_us"]), [3_200, 20_000_000]);
    // After a break of more than an interval nothing is known of when it began.
    let mut run = Run::new(60_000);
    run.push(&report(1_000, stats([layer("L1", 1_000)])));
    run.push(&report(13_000, stats([layer("L1", 2_000), layer("L3", 900_000)])));
    run.push(&report(18_000, stats([layer("L1", 3_000), layer("L3", 900_100)])));
    assert_eq!(run.window(0).get("video_out_bytes"), 2_100);
}

#[test]
fn what_grew_while_a_tab_slept_is_no_measurement() {
    let mut run = Run::new(10_000);
    audio(&mut run, &[(1_000, 100, 0, 1_000), (6_000, 200, 0, 2_000), (96_000, 300, 50, 9_000)]);
    audio(&mut run, &[(101_000, 400, 50, 10_000), (102_000, 500, 50, 11_000)]);
    assert_eq!(run.window(0).all(["audio_in_bytes", "gap_ms"]), [1_000, 0]);
    // Of the 5 s from 96 s to 101 s, four fifths lie before 100 s: 800 bytes.
    assert_eq!(run.window(90_000).all(["audio_in_bytes", "audio_in_packets_lost_count", "gap_ms"]), [800, 0, 90_000]);
    assert_eq!(run.window(100_000).get("audio_in_bytes"), 1_200);
    let session = run.finish();
    assert_eq!(session.all(["audio_in_bytes", "audio_in_packets_lost_count"]), [10_000, 50]);
    assert_eq!(session.all(["gap_ms", "audio_in_covered_us"]), [90_000, 101_000_000]);
}

#[test]
fn a_freeze_that_is_booked_late_lies_where_it_was() {
    let mut run = Run::new(5_000);
    for (at_ms, frames, freezes, frozen_us) in [
        (1_000, 30, 0, 0),
        (4_000, 60, 0, 0),
        (9_000, 60, 0, 0),
        (10_000, 61, 1, 7_000_000),
        (14_000, 181, 1, 7_000_000),
    ] {
        let numbers = [
            (BytesReceived, at_ms * 10),
            (FramesDecoded, frames),
            (FreezeCount, freezes),
            (TotalFreezesDuration, frozen_us),
        ];
        run.push(&report(at_ms, stats([object(InboundRtp, "IV1", "video", &numbers)])));
    }
    // The 7 s are booked at 10 s, by a report after 9 s: at the boundary of 10 s itself, so all of it in the window before.
    let frozen =
        |run: &Run, start_ms| run.window(start_ms).all(["video_in_freezes_count", "video_in_freeze_us", "stall_ms"]);
    assert_eq!(frozen(&run, 0), [0, 0, 0]);
    assert_eq!(frozen(&run, 5_000), [1, 7_000_000, 7_000]);
    assert_eq!(frozen(&run, 10_000), [0, 0, 0]);
    // Of the 5 s from 4 s to 9 s with bytes and without a frame, four lie after 5 s.
    assert_eq!(run.window(5_000).all(["play_ms", "video_in_stuck_us"]), [0, 4_000_000]);

    let mut run = Run::new(5_000);
    for (at_ms, frames, freezes, frozen_us) in [(1_000, 30, 0, 0), (4_000, 60, 0, 0), (9_800, 61, 1, 5_500_000)] {
        let numbers = [(FramesDecoded, frames), (FreezeCount, freezes), (TotalFreezesDuration, frozen_us)];
        run.push(&report(at_ms, stats([object(InboundRtp, "IV1", "video", &numbers)])));
    }
    // Of 5.5 s that are over at 9.8 s, 4.8 s at most lie after 5 s: 0.7 s lie before, where it began.
    assert_eq!(frozen(&run, 0), [1, 700_000, 700]);
    assert_eq!(frozen(&run, 5_000), [0, 4_800_000, 4_800]);
}

#[test]
fn quantisers_of_two_codecs_are_never_mixed() {
    let mut run = Run::new(20_000);
    for (at_ms, frames, quantiser, codec) in
        [(1_000, 0, 0, "VP8"), (4_000, 90, 900, "VP8"), (7_000, 180, 9_900, "AV1"), (10_000, 270, 18_900, "AV1")]
    {
        let mut mime = object(Codec, "C1", "", &[]);
        mime.texts = vec![(Text::MimeType, format!("video/{codec}").into())];
        let mut video = object(InboundRtp, "IV1", "video", &[(FramesDecoded, frames), (QpSum, quantiser)]);
        video.texts.push((Text::CodecId, "C1".into()));
        run.push(&report(at_ms, stats([mime, video])));
    }
    let window = run.window(0);
    // Between 4 s and 7 s it changed: those 90 frames count nowhere.
    assert_eq!(window.all(["video_in_qp_vp8_sum", "video_in_qp_vp8_count"]), [900, 90]);
    assert_eq!(window.all(["video_in_qp_av1_sum", "video_in_qp_av1_count"]), [9_000, 90]);
    assert_eq!(window.get("video_in_frames_decoded_count"), 270);
}

#[test]
fn a_series_that_was_gone_and_comes_back_lower_begins_anew() {
    let mut run = Run::new(20_000);
    let other = || object(InboundRtp, "IA2", "audio", &[(PacketsReceived, 1)]);
    let own = |packets| object(InboundRtp, "IA1", "audio", &[(PacketsReceived, packets)]);
    run.push(&report(1_000, stats([own(100), other()])));
    run.push(&report(4_000, stats([own(141), other()])));
    run.push(&report(7_000, stats([other()])));
    run.push(&report(10_000, stats([own(58), other()])));
    run.push(&report(13_000, stats([own(60), other()])));
    assert_eq!(run.window(0).all(["audio_in_packets_count", "counter_resets_count"]), [43, 1]);
}

#[test]
fn silence_has_no_score() {
    let names = ["audio_in_score_count", "audio_in_score_milli", "scored_windows_count", "audio_in_dry_us"];
    let scores = |packets: i64, bytes: i64| {
        let mut run = Run::new(10_000);
        for at_s in [1, 3, 5, 7] {
            run.push(&report(
                at_s * 1000,
                stats([object(
                    InboundRtp,
                    "IA1",
                    "audio",
                    &[
                        (PacketsReceived, packets * at_s),
                        (PacketsLost, 0),
                        (BytesReceived, bytes * at_s),
                        (TotalSamplesReceived, 48_000 * at_s),
                        (ConcealedSamples, 0),
                        (SilentConcealedSamples, 0),
                    ],
                )]),
            ));
        }
        run.window(0).all(names)
    };
    // Muted, or discontinuous transmission: a packet each second. Dry: none. Neither 1.0 nor 5.0.
    assert_eq!(scores(1, 10), [0, 0, 0, 0]);
    assert_eq!(scores(0, 0), [0, 0, 0, 6_000_000]);
    // R = 93.2 − 0.024 · 20 = 92.72: 1 + 0.035 · 92.72 + 7e-6 · 92.72 · 32.72 · 7.28 = 4.3998.
    assert_eq!(scores(50, 4_000), [1, 4_400, 1, 0]);
}

#[test]
fn the_estimate_of_a_pair_that_is_no_longer_in_use_is_ignored() {
    let mut run = Run::new(10_000);
    for (at_ms, used, first, second) in [(1_000, "CP1", 800, 700_000), (3_000, "CP2", 500_000, 600_000)] {
        let mut transport = object(Transport, "T01", "", &[]);
        transport.texts = vec![(Text::SelectedCandidatePairId, used.into())];
        let one = |id: &str, bitrate: i64| pair(id, &[(AvailableOutgoingBitrate, bitrate)]);
        run.push(&report(at_ms, stats([transport, one("CP1", first), one("CP2", second)])));
    }
    let names = ["available_out_bps_sum", "available_out_count", "available_out_bps_min"];
    assert_eq!(run.window(0).all(names), [600_800, 2, 800]);
}

#[test]
fn a_growth_over_a_boundary_is_split_and_its_sum_is_the_whole() {
    let mut run = Run::new(10_000);
    audio(&mut run, &[(2_000, 0, 0, 0), (7_000, 100, 0, 10_000), (12_000, 200, 10, 25_000), (17_000, 300, 10, 30_000)]);
    audio(&mut run, &[(22_000, 400, 10, 40_000)]);
    // Between 7 s and 12 s, three fifths of 15,000 lie before 10 s: 9,000; between 17 s and 22 s, of 10,000 6,000 before 20 s.
    let bytes: Vec<i64> = [0, 10_000, 20_000].map(|start| run.window(start).get("audio_in_bytes")).into();
    assert_eq!(bytes, [19_000, 17_000, 4_000]);
    let covered = [0, 10_000, 20_000].map(|start| run.window(start).get("audio_in_covered_us"));
    assert_eq!(covered, [8_000_000, 10_000_000, 2_000_000]);
    let lost = [0, 10_000, 20_000].map(|start| run.window(start).get("audio_in_packets_lost_count"));
    assert_eq!(lost, [6, 4, 0]);
    let session = run.finish();
    assert_eq!(session.all(["audio_in_bytes", "audio_in_packets_lost_count"]), [40_000, 10]);
}

#[test]
fn a_participant_who_leaves_ends_the_session() {
    let mut run = Run::new(10_000);
    audio(&mut run, &[(1_000, 0, 0, 0), (6_000, 100, 0, 500)]);
    run.push(&report(6_500, webrtc::event("leave", "")));
    let session = run.finish();
    assert_eq!((session.text("end_reason"), session.get("ended_ms")), ("leave".to_owned(), START_MS + 6_500));
    assert_eq!(session.all(["started_ms", "records_count"]), [START_MS + 1_000, 3]);
    assert_eq!(run.edge_of_finished().get("sessions_ended_count"), 1);
}

#[test]
fn connecting_takes_as_long_as_its_events_say() {
    let mut run = Run::new(10_000);
    for (at_ms, name, value) in [
        (9_000, "icegatheringstatechange", "gathering"),
        (9_400, "iceconnectionstatechange", "checking"),
        (11_000, "icegatheringstatechange", "complete"),
        (11_500, "iceconnectionstatechange", "connected"),
        (11_730, "connectionstatechange", "connected"),
        (12_000, "iceconnectionstatechange", "disconnected"),
    ] {
        run.push(&report(at_ms, webrtc::event(name, value)));
    }
    let window = run.window(10_000);
    assert_eq!(window.all(["ice_gathering_ms_sum", "ice_gathering_count"]), [2_000, 1]);
    assert_eq!(window.all(["ice_connection_ms_sum", "ice_connection_count"]), [2_100, 1]);
    assert_eq!(window.all(["dtls_ms_sum", "dtls_count", "ice_disconnects_count"]), [230, 1, 1]);
}

#[test]
fn from_the_last_offer_to_the_first_frame_it_takes_as_long_as_reports_tell() {
    let mut run = Run::new(10_000);
    let video = |frames| stats([object(InboundRtp, "V", "video", &[(Ssrc, 5), (FramesDecoded, frames)])]);
    let offer = || webrtc::event("signalingstatechange", "have-remote-offer");
    run.push(&report(1_000, offer()));
    run.push(&report(7_000, offer()));
    run.push(&report(8_000, video(0)));
    run.push(&report(13_000, video(2)));
    // Another one while video plays: a camera more, no start.
    run.push(&report(14_000, offer()));
    run.push(&report(18_000, video(150)));
    run.push(&report(23_000, video(300)));
    let found = [0, 10_000, 20_000].map(|start| run.window(start).all(["startup_ms_sum", "startup_ms_count"]));
    assert_eq!(found, [[0, 0], [6_000, 1], [0, 0]]);
}
