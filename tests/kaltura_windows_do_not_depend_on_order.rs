//! What Kaltura windows yield depends on the set of their beacons alone: taken in any order, they give the same rows and parts, also where
//! caps leave something out. And however time is cut into windows, a session comes to the same totals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/kaltura_windows.rs"]
mod kaltura_windows;

use kaltura_windows::{CAPS, Outcome, beacon, outcome};
use proptest::prelude::*;
use streamgauge::aggregate::Caps;
use streamgauge::model::kaltura::{Beacon, Event, Playback, Quartile};

const TIGHT: Caps = Caps { sessions: 2, rollup_keys: 1, facts: 3 };

const EVENTS: [Event; 12] = [
    Event::Impression,
    Event::PlayRequest,
    Event::Play,
    Event::View,
    Event::View,
    Event::Resume,
    Event::Pause,
    Event::BufferStart,
    Event::BufferEnd,
    Event::Reached(Quartile::Second),
    Event::Error,
    Event::Interaction(21),
];

/// A beacon as the dice make it: few values of each, so that ties, copies, losses and restarts are frequent.
fn drawn() -> impl Strategy<Value = (i64, Beacon<'static>)> {
    let times =
        prop::sample::select(vec![0_i64, 900, 1_000, 2_500, 9_999, 10_000, 10_001, 19_000, 29_999, 61_000, 95_000]);
    let index = prop_oneof![1 => Just(None), 9 => (1..12_u32).prop_map(Some)];
    let sum = prop::option::of(0..7_i64);
    let who = (0..3_usize, 0..3_usize, 0..3_usize);
    (times, index, prop::sample::select(&EVENTS[..]), sum, who).prop_map(|(at_ms, index, event, sum, who)| {
        let made = Beacon {
            index,
            session: [Some("s"), Some("t"), None][who.0].map(Into::into),
            entry: ["1_a", "1_b", "1_c"][who.1].into(),
            playback: [Playback::Vod, Playback::Live, Playback::Dvr][who.2],
            play_sum_ms: sum.map(|sum| sum * 4_000),
            buffer_sum_ms: sum.map(|sum| sum * 300),
            buffer_ms: sum.map(|sum| sum * 100),
            ..beacon(1, event)
        };
        (at_ms, made)
    })
}

/// What each session came to, whenever its last row was due.
fn totals(outcome: &Outcome) -> Vec<(String, String, Vec<i64>)> {
    let sessions = outcome.sessions.iter();
    let mut totals: Vec<_> =
        sessions.map(|row| (row.text("session_id"), row.text("content_id"), row.counts())).collect();
    totals.sort();
    totals
}

/// The sums of all windows of each session.
fn summed(outcome: &Outcome) -> Vec<(String, String, Vec<i64>)> {
    let mut summed: std::collections::BTreeMap<(String, String), Vec<i64>> = std::collections::BTreeMap::new();
    for (_, row) in &outcome.windows {
        let sums = summed.entry((row.text("session_id"), row.text("content_id"))).or_default();
        let counts = row.counts();
        sums.resize(counts.len(), 0);
        sums.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
    }
    summed.into_iter().map(|((session, entry), sums)| (session, entry, sums)).collect()
}

proptest! {
    #[test]
    fn any_order_gives_the_same(
        (beacons, shuffled) in prop::collection::vec(drawn(), 1..40)
            .prop_flat_map(|beacons| (Just(beacons.clone()), Just(beacons).prop_shuffle())),
        is_tight in any::<bool>(),
    ) {
        let caps = if is_tight { TIGHT } else { CAPS };
        prop_assert_eq!(outcome(&beacons, 10_000, caps), outcome(&shuffled, 10_000, caps));
    }

    #[test]
    fn any_cut_gives_the_same(beacons in prop::collection::vec(drawn(), 1..40)) {
        let whole = outcome(&beacons, 600_000, CAPS);
        for length_ms in [1_000, 10_000, 30_000] {
            let cut = outcome(&beacons, length_ms, CAPS);
            prop_assert_eq!(totals(&cut), totals(&whole), "{} ms", length_ms);
        }
        // What is counted at the end is in no window.
        let end = streamgauge::aggregate::kaltura::Counts::FIELDS.iter().position(|field| field.name == "exits_before_start_count").unwrap();
        let mut told = totals(&whole);
        told.iter_mut().for_each(|(_, _, counts)| counts[end] = 0);
        prop_assert_eq!(summed(&outcome(&beacons, 10_000, CAPS)), told);
    }

    /// Numbers and times that make no sense cost only their own measurements.
    #[test]
    fn nothing_overflows(drawn in prop::collection::vec((any::<[i64; 15]>(), any::<Option<u32>>(), 0..12_usize, 0..30_000_i64), 1..12)) {
        let beacons = drawn.iter().map(|(values, index, event, at_ms)| {
            let [position, target, speed, play, stall, stalls, join, load, bitrate, bandwidth, segment, manifest, latency, frames, buffer] =
                values.map(Some);
            let made = Beacon {
                index: *index,
                position_ms: position,
                target_position_ms: target,
                speed_permille: speed,
                play_sum_ms: play,
                buffer_ms: stall,
                buffer_sum_ms: stalls.filter(|sum| sum % 3 != 0),
                join_ms: join,
                player_load_ms: load,
                bitrate_bps: bitrate,
                bandwidth_bps: bandwidth,
                segment_download_ms: segment,
                manifest_download_ms: manifest,
                latency_ms: latency,
                dropped_frames_ppm: frames,
                forward_buffer_ppm: buffer,
                ..beacon(1, EVENTS[*event])
            };
            (*at_ms, made)
        });
        let beacons: Vec<_> = beacons.collect();
        prop_assert_eq!(outcome(&beacons, 10_000, CAPS).sessions.len(), 1);
    }
}
