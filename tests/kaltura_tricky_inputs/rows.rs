//! The rows of tables, and beacons in a line.

use std::borrow::Cow;
use std::fmt::Write as _;

use streamgauge::decode::kaltura::Decoder;
use streamgauge::model::kaltura::{Beacon, Warning};
use streamgauge::model::{Headers, Reason, Record};

/// What a record decodes to, and the kinds of warnings that it gave, each as often as it came.
pub(crate) type Decoded = (Result<String, Reason>, Vec<&'static str>);

pub(crate) fn decode_with(headers: Headers<'_>, value: &[u8]) -> Decoded {
    let mut decoder = Decoder::default();
    let record = Record { offset: 0, append_ms: 0, key: None, value, headers };
    let mut beacons = Vec::new();
    let outcome = decoder.decode(&record, &mut |beacon| beacons.push(written(beacon)));
    assert_eq!(beacons.len(), usize::from(outcome.is_ok()), "a beacon of a dead letter, or none");
    let counted = Warning::ALL.into_iter().zip(decoder.take_warnings());
    let warnings = counted.flat_map(|(warning, count)| vec![warning.as_str(); usize::try_from(count).unwrap()]);
    (outcome.map(|()| beacons.remove(0)), warnings.collect())
}

pub(crate) fn decode(value: &str) -> Decoded {
    decode_with(Headers::default(), value.as_bytes())
}

/// A beacon in a line: event, partner and entry, and every member that is there.
fn written(beacon: &Beacon<'_>) -> String {
    let mut line = format!("{:?} {} {}", beacon.event, beacon.partner, beacon.entry);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(line, " {name}={value}").unwrap();
        }
    };
    let number = |value: Option<i64>| value.map(|value| value.to_string());
    let text = |value: &Option<Cow<'_, str>>| value.as_deref().map(str::to_owned);
    let flag = |value: Option<bool>| value.map(|value| value.to_string());
    add("session", text(&beacon.session));
    add("index", beacon.index.map(|index| index.to_string()));
    add("playback", (beacon.playback.as_str() != "unknown").then(|| beacon.playback.as_str().to_owned()));
    add("position", number(beacon.position_ms));
    add("target", number(beacon.target_position_ms));
    add("speed", number(beacon.speed_permille));
    add("play_sum", number(beacon.play_sum_ms));
    add("buffer", number(beacon.buffer_ms));
    add("buffer_sum", number(beacon.buffer_sum_ms));
    add("join", number(beacon.join_ms));
    add("load", number(beacon.player_load_ms));
    add("bitrate", number(beacon.bitrate_bps));
    add("average", number(beacon.average_bitrate_bps));
    add("bandwidth", number(beacon.bandwidth_bps));
    add("manifest", number(beacon.manifest_download_ms));
    add("segment", number(beacon.segment_download_ms));
    add("dropped", number(beacon.dropped_frames_ppm));
    add("forward", number(beacon.forward_buffer_ppm));
    add("latency", number(beacon.latency_ms));
    add("sound", flag(beacon.sound_on));
    add("tab", flag(beacon.tab_focused));
    add("view", flag(beacon.in_view));
    add("screen", flag(beacon.full_screen));
    add("error", text(&beacon.error_code));
    add("phase", beacon.error_phase.map(|phase| format!("{phase:?}")));
    add("flavor", text(&beacon.flavor));
    beacon.custom.iter().zip(["cv1", "cv2", "cv3"]).for_each(|(value, name)| add(name, text(value)));
    add("page", text(&beacon.page));
    add("application", text(&beacon.application));
    add("context", text(&beacon.playback_context));
    add("version", text(&beacon.player_version));
    add("user", text(&beacon.user));
    add("persistent", text(&beacon.persistent_session));
    add("agent", text(&beacon.user_agent));
    add("address", beacon.address.map(|address| address.to_string()));
    add("rejected", Some(beacon.members_rejected).filter(|count| *count > 0).map(|count| count.to_string()));
    line
}

pub(crate) struct Row {
    number: &'static str,
    input: String,
    expected: Result<&'static str, Reason>,
    warnings: &'static [&'static str],
    why: &'static str,
}

pub(crate) fn row(
    number: &'static str,
    input: &str,
    expected: &'static str,
    warnings: &'static [&'static str],
    why: &'static str,
) -> Row {
    Row { number, input: input.to_owned(), expected: Ok(expected), warnings, why }
}

pub(crate) fn failing(number: &'static str, input: &str, reason: Reason, why: &'static str) -> Row {
    Row { number, input: input.to_owned(), expected: Err(reason), warnings: &[], why }
}

/// The rows hold for a query as they stand here; each parameter is part of a view of the partner 7 and the entry `e`.
pub(crate) fn view(parameters: &str) -> String {
    format!("eventType=99&partnerId=7&entryId=e&{parameters}")
}

pub(crate) fn check(rows: &[Row]) {
    for Row { number, input, expected, warnings, why } in rows {
        let (beacon, counted) = decode(input);
        assert_eq!(beacon.as_deref().map_err(|reason| *reason), *expected, "row {number}: {why}\n{input:.200}");
        assert_eq!(counted, *warnings, "row {number}: {why}\n{input:.200}");
    }
}
