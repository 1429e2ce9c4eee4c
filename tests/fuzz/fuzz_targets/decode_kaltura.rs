#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::decode::kaltura::Decoder;
use streamgauge::model::kaltura::Beacon;
use streamgauge::model::{Headers, Record};

// Decodes one value twice with one decoder: no panic, the same outcome, no beacon with an error, nothing out of its bounds.
fuzz_target!(|value: &[u8]| {
    let mut decoder = Decoder::default();
    let record = Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
    let mut once = || {
        let mut beacons = Vec::new();
        let outcome = decoder.decode(&record, &mut |beacon: &Beacon<'_>| {
            check(beacon);
            beacons.push(format!("{beacon:?}"));
        });
        assert_eq!(beacons.len(), usize::from(outcome.is_ok()), "a beacon of a dead letter, or none");
        (outcome, beacons)
    };
    let first = once();
    assert_eq!(first, once(), "the decoder remembers something");
});

fn check(beacon: &Beacon<'_>) {
    let of_rate = [beacon.bitrate_bps, beacon.average_bitrate_bps, beacon.bandwidth_bps];
    assert!(of_rate.iter().flatten().all(|rate| (0..=1_000_000_000_000).contains(rate)));
    let durations = [beacon.buffer_ms, beacon.buffer_sum_ms, beacon.join_ms, beacon.player_load_ms, beacon.segment_download_ms];
    assert!(durations.iter().flatten().all(|millis| (0..=31_622_400_000).contains(millis)));
    assert!(beacon.playback.is_live() || beacon.position_ms.is_none_or(|position| position >= 0));
    assert!((1..=9_999_999_999).contains(&beacon.partner) && (1..=64).contains(&beacon.entry.len()));
    let texts = beacon.custom.iter().chain([
        &beacon.session, &beacon.error_code, &beacon.flavor, &beacon.application, &beacon.playback_context, &beacon.player_version,
        &beacon.user, &beacon.persistent_session,
    ]);
    for text in texts.flatten().chain([&beacon.entry]) {
        assert!((1..=128).contains(&text.len()) && !text.contains(char::is_control));
    }
    if let Some(page) = &beacon.page {
        let host = beacon.domain().unwrap_or_default();
        assert!(page.len() <= 256 && !page.contains(char::is_control) && !page.contains(['?', '#', ' ']), "{page}");
        assert!(!host.is_empty() && host.is_ascii() && !host.contains('@') && !host.bytes().any(|byte| byte.is_ascii_uppercase()), "{page}");
    }
}
