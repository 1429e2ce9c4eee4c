//! What Kaltura's own plug-in sends means what its player did (`tests/data/kaltura/`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use streamgauge::decode::kaltura::Decoder;
use streamgauge::model::kaltura::{ErrorPhase, Event, Playback, Quartile, Warning};
use streamgauge::model::{Headers, Record};

const RECORDED: &str = include_str!("data/kaltura/beacons.jsonl");

/// A beacon, and what the player that sent it was doing.
#[derive(serde::Deserialize)]
struct Sent {
    player: String,
    position: f64,
    bandwidth: i64,
    query: String,
    body: String,
}

/// What of a beacon is compared.
#[derive(Debug, PartialEq)]
struct Seen {
    event: Event,
    index: Option<u32>,
    position_ms: Option<i64>,
    play_sum_ms: Option<i64>,
    buffer_sum_ms: Option<i64>,
    playback: Playback,
    /// Everything else, as text.
    rest: String,
}

/// The beacons of a player, each checked against what the player was doing.
fn beacons_of(player: &str) -> Vec<Seen> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    let sent = RECORDED.lines().map(|line| serde_json::from_str::<Sent>(line).unwrap());
    for Sent { position, bandwidth, query, body, .. } in sent.filter(|sent| sent.player == player) {
        let value = if body.is_empty() { query } else { format!("{query}\n{body}") };
        let record =
            Record { offset: 0, append_ms: 0, key: None, value: value.as_bytes(), headers: Headers::default() };
        let each = &mut |beacon: &streamgauge::model::kaltura::Beacon<'_>| {
            assert_eq!((beacon.partner, beacon.session.as_deref()), (1_234_567, Some(&*format!("{player}-session"))));
            assert!(beacon.bitrate_bps.is_none_or(|rate| rate == bandwidth), "{beacon:?}");
            let in_millis = (position * 1_000.0).round() as i64;
            assert!(beacon.position_ms.is_none_or(|position| position == in_millis), "{beacon:?}");
            let all = format!("{beacon:?}");
            assert!(!all.contains("K5K5K5") && !all.contains("T0KEN"), "{all}");
            assert_eq!(beacon.members_rejected, 0, "{value}");
            seen.push(Seen {
                event: beacon.event,
                index: beacon.index,
                position_ms: beacon.position_ms,
                play_sum_ms: beacon.play_sum_ms,
                buffer_sum_ms: beacon.buffer_sum_ms,
                playback: beacon.playback,
                rest: all.replace(&format!("{player}-session"), "session"),
            });
        };
        decoder.decode(&record, each).unwrap();
    }
    assert_eq!(decoder.take_warnings(), [0; Warning::ALL.len()]);
    seen
}

fn events(seen: &[Seen]) -> Vec<(Event, Option<u32>)> {
    seen.iter().map(|seen| (seen.event, seen.index)).collect()
}

#[test]
fn a_film_is_told_event_by_event() {
    let seen = beacons_of("post");
    let first = [
        Event::Impression,
        Event::PlayRequest,
        Event::Play,
        Event::View,
        Event::View,
        Event::BufferStart,
        Event::BufferEnd,
        Event::FlavorSwitch,
        Event::View,
        Event::Reached(Quartile::First),
        Event::Interaction(31),
        Event::Pause,
        Event::Resume,
        Event::Seek,
        Event::Speed,
        Event::View,
        Event::Reached(Quartile::Third),
        Event::Pause,
    ];
    // After the long pause the player counts anew; an event of the application is counted and does not say so.
    let second = [
        (Event::Resume, Some(1)),
        (Event::Interaction(21), Some(2)),
        (Event::Application(10_002), None),
        (Event::Reached(Quartile::NineTenths), Some(4)),
        (Event::Reached(Quartile::Fourth), Some(5)),
        (Event::Error, Some(6)),
    ];
    let expected: Vec<_> = first.into_iter().zip((1..).map(Some)).chain(second).collect();
    assert_eq!(events(&seen), expected);
    let sums: Vec<_> = seen.iter().filter_map(|seen| Some((seen.play_sum_ms?, seen.buffer_sum_ms?))).collect();
    // 11 s; 8 s more and 2 s of stall; 2 s, 6 s after the seek, and 2 s at one and a half times the speed.
    assert_eq!(sums, [(0, 0), (11_000, 0), (19_000, 2_000), (30_000, 2_000)]);
}

#[test]
fn both_methods_say_the_same() {
    assert_eq!(beacons_of("post"), beacons_of("get"));
}

#[test]
fn what_else_a_player_says_is_read() {
    let mut decoder = Decoder::default();
    let mut checked = 0;
    for line in RECORDED.lines().filter(|line| line.contains(r#""player":"get""#)) {
        let Sent { query, .. } = serde_json::from_str(line).unwrap();
        let record =
            Record { offset: 0, append_ms: 0, key: None, value: query.as_bytes(), headers: Headers::default() };
        let each = &mut |beacon: &streamgauge::model::kaltura::Beacon<'_>| match beacon.event {
            Event::Impression => assert_eq!(beacon.player_load_ms, Some(412)),
            Event::Play => assert_eq!(beacon.join_ms, Some(1_250)),
            Event::Seek => assert_eq!(beacon.target_position_ms, Some(50_000)),
            Event::Speed => assert_eq!(beacon.speed_permille, Some(1_500)),
            Event::Error => {
                assert_eq!(beacon.error_code.as_deref(), Some("1002"));
                assert_eq!(beacon.error_phase, Some(ErrorPhase::MidStream));
            }
            // A stall, a change of quality and 7 s of playing.
            Event::View if beacon.index == Some(9) => {
                let measures = [beacon.buffer_ms, beacon.segment_download_ms, beacon.manifest_download_ms];
                assert_eq!(measures, [Some(2_000), Some(850), None]);
                // A frame of 25 is dropped; 18 s of 30 are buffered; 3764.706 x 1024.
                let ratios = [beacon.dropped_frames_ppm, beacon.forward_buffer_ppm, beacon.bandwidth_bps];
                assert_eq!(ratios, [Some(40_000), Some(600_000), Some(3_855_059)]);
                let states = [beacon.sound_on, beacon.tab_focused, beacon.in_view, beacon.full_screen];
                assert_eq!(states, [Some(true), Some(true), Some(true), Some(false)]);
                assert_eq!(beacon.custom[0].as_deref(), Some("a & b=c"));
                assert_eq!(
                    (beacon.page.as_deref(), beacon.domain()),
                    (Some("www.example.com/watch/1"), Some("www.example.com"))
                );
                assert_eq!((beacon.viewer(), beacon.persistent_session.as_deref()), (Some("u-7"), Some("p-1")));
                assert_eq!(beacon.player_version.as_deref(), Some("3.17.77"));
            }
            _ => {}
        };
        let mut counting = |beacon: &streamgauge::model::kaltura::Beacon<'_>| {
            each(beacon);
            checked += 1;
        };
        decoder.decode(&record, &mut counting).unwrap();
    }
    assert_eq!(checked, 24);
}

#[test]
fn a_live_stream_counts_from_its_edge() {
    let seen = beacons_of("live");
    let live: Vec<_> =
        seen.iter().filter(|seen| seen.event == Event::View).map(|seen| (seen.position_ms, seen.playback)).collect();
    let expected = [
        (Some(0), Playback::Live),
        (Some(0), Playback::Live),
        (Some(0), Playback::Live),
        (Some(-7_500), Playback::Live),
        (Some(-150_000), Playback::Dvr),
        (Some(-150_000), Playback::Dvr),
    ];
    assert_eq!(live, expected);
}
