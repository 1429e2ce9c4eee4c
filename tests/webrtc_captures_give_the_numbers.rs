//! What two browsers really said gives the numbers that a hand calculation over the first and the last report gives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/webrtc_captures.rs"]
mod captures;
#[path = "support/webrtc.rs"]
mod webrtc;

use captures::{CAPTURES, samples};
use serde_json::Value;
use streamgauge::decode::webrtc::Decoder;
use streamgauge::model::{Headers, Record};
use webrtc::{Fields, Run};

fn capture(name: &str) -> &'static str {
    CAPTURES.iter().find(|(known, _)| *known == name).unwrap().1
}

/// The only row of a capture, in one window that holds it all.
fn row(name: &str) -> Fields {
    let mut run = Run::new(3_600_000);
    let mut decoder = Decoder::default();
    for sample in samples(capture(name)) {
        let value = sample.as_map();
        let record =
            Record { offset: 0, append_ms: 0, key: None, value: value.as_bytes(), headers: Headers::default() };
        decoder.decode(&record, &mut |report| _ = run.push(report)).unwrap();
    }
    let (windows, _) = run.closed();
    assert_eq!(windows.len(), 1);
    windows.values().next().unwrap().rows[0].clone()
}

/// By how much a member of the receiver's stream of `kind` grew from the first sample that has it to the last, as JSON has it.
fn grown(name: &str, kind: &str, member: &str) -> f64 {
    let values: Vec<f64> = samples(capture(name))
        .iter()
        .filter_map(|sample| {
            let of_kind = |one: &&Value| one["type"] == "inbound-rtp" && one["kind"] == kind && one[member].is_number();
            sample.objects.as_object().unwrap().values().find(of_kind).map(|one| one[member].as_f64().unwrap())
        })
        .collect();
    values.last().unwrap() - values.first().unwrap()
}

fn share(row: &Fields, part: &[&str], whole: &[&str]) -> f64 {
    let sum = |names: &[&str]| names.iter().map(|name| row.get(name)).sum::<i64>() as f64;
    sum(part) / sum(whole)
}

#[track_caller]
fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
}

#[test]
fn sums_are_the_growth_from_the_first_to_the_last_sample() {
    for name in ["chromium147-loss8", "chromium147-bottleneck", "chromium147-restart", "firefox153"] {
        let row = row(name);
        for (kind, member, field, scale) in [
            ("audio", "bytesReceived", "audio_in_bytes", 1.0),
            ("audio", "concealedSamples", "audio_in_concealed_samples_count", 1.0),
            ("audio", "jitterBufferDelay", "audio_in_jitter_buffer_us_sum", 1e6),
            ("video", "packetsReceived", "video_in_packets_count", 1.0),
            ("video", "framesDecoded", "video_in_frames_decoded_count", 1.0),
            ("video", "totalSquaredInterFrameDelay", "video_in_inter_frame_squared_nanos_sum", 1e9),
            ("video", "totalFreezesDuration", "video_in_freeze_us", 1e6),
            ("video", "timestamp", "video_in_covered_us", 1e3),
        ] {
            let expected = grown(name, kind, member) * scale;
            assert!(
                (row.get(field) as f64 - expected).abs() < 2.0,
                "{name} {field}: {} is not {expected}",
                row.get(field)
            );
        }
        assert_eq!(
            row.all(["counter_resets_count", "reconnects_count", "duplicates_count", "gap_ms"]),
            [0; 4],
            "{name}"
        );
    }
}

#[test]
fn loss_is_heard_less_than_it_is_counted() {
    // Eight of a hundred packets were dropped. By hand over the 13 s between the first and the last sample: 38,035 samples concealed in
    // the whole call, audible 4.89 %; harmonic rate 17.77 of 19.90 frames a second.
    let row = row("chromium147-loss8");
    let audible = row.get("audio_in_concealed_samples_count") - row.get("audio_in_silent_concealed_samples_count");
    near(audible as f64 / row.get("audio_in_samples_count") as f64, 0.048_88, 0.000_01);
    let rate = 1e6 * share(&row, &["video_in_frames_decoded_count"], &["video_in_covered_us"]);
    near(rate, 19.90, 0.01);
    let sums = ["video_in_inter_frame_us_sum", "video_in_inter_frame_squared_nanos_sum"];
    near(1e3 * share(&row, &sums[..1], &sums[1..]), 17.77, 0.01);
    // R = 93.2 − 0.024 · 91 − 95 · 4.888 / (4.888 + 20) = 72.4: MOS 3.71. By the packets lost (7.4 %) it would be 3.1.
    near(row.get("audio_in_score_milli") as f64, 3_715.0, 10.0);
    assert!(row.text("in_score_reasons").contains("audio_concealment:-"));
    assert_eq!((row.text("connection_class"), row.get("video_in_freezes_count")), ("host".to_owned(), 0));
}

#[test]
fn a_bottleneck_shows_in_freezes_and_in_the_harmonic_frame_rate() {
    // Two freezes of 0.98 s together in 13.01 s. Mean 20.06 frames a second, and harmonic 11.26; standard deviation 44 ms.
    let row = row("chromium147-bottleneck");
    assert_eq!(row.get("video_in_freezes_count"), 2);
    near(share(&row, &["video_in_freeze_us"], &["video_in_covered_us"]), 0.0755, 0.0001);
    let sums = ["video_in_inter_frame_us_sum", "video_in_inter_frame_squared_nanos_sum"];
    near(1e3 * share(&row, &sums[..1], &sums[1..]), 11.26, 0.01);
    let (sum, squares) = (row.get(sums[0]) as f64 / 1e6, row.get(sums[1]) as f64 / 1e9);
    let frames = row.get("video_in_inter_frame_count") as f64;
    near(1e3 * ((squares - sum * sum / frames) / frames).sqrt(), 44.03, 0.05);
    // Fluidity = 5 − 4 · 0.0755 / 0.25 − (1 − 11.26 / 30) = 3.167.
    near(row.get("video_in_score_milli") as f64, 3_167.0, 2.0);
    assert!(row.text("in_score_reasons").starts_with("video_freeze:-1209,video_frame_rate:-625,"));
    assert_eq!(row.get("available_out_bps_min"), 222_481);
}
