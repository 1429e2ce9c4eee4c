//! Rows of roll-ups of Kaltura beacons give the numbers worked out by hand, and caps depend on the set of keys alone.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;

use streamgauge::aggregate::kaltura::{
    BOT, Context, Counts, Device, Facet, Names, Part, Place, Rollups, Unique, Window,
};
use streamgauge::aggregate::rollup::{EdgeKey, EdgeRows, EdgeWindow, Partial, Totals};
use streamgauge::aggregate::{Caps, Size, SourceLabels};
use streamgauge::model::hash::stable_hash;
use streamgauge::model::kaltura::{Beacon, Event, Playback, Quartile, Rollup};
use streamgauge::model::{Boundary, Carries, EventTime, Rows, Value};

const START_MS: i64 = 1_767_600_000_000;
const WINDOW_MS: i64 = 10_000;

#[derive(Default)]
struct Kept(BTreeMap<Vec<u8>, Vec<u8>>);

impl Carries for Kept {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key).map(|value| &**value)
    }

    fn put(&mut self, key: &[u8], value: &[u8], _: Boundary) {
        self.0.insert(key.to_vec(), value.to_vec());
    }
}

/// The content row of each window, and of the minute, of one session: fields by name. Views are by one flavour for 20 s and by another one
/// then; the code of an error is its position.
fn content_rows(beacons: &[(i64, Event, i64)]) -> Vec<BTreeMap<String, String>> {
    let caps = Caps { sessions: 10, rollup_keys: 10, facts: 100 };
    let labels = SourceLabels { source: "kaltura".into(), shard: "0".into(), cdn: "unknown".into() };
    let (mut carries, mut minute, mut all) = (Kept::default(), EdgeWindow::default(), Vec::new());
    for start_ms in (0..60_000).step_by(10_000) {
        let start = Boundary::from_millis(START_MS + start_ms);
        let mut window = Window::new(start, WINDOW_MS, caps, Size::default(), RandomState::new());
        for ((at_ms, event, position_ms), index) in beacons.iter().zip(1..) {
            if (start_ms..start_ms + WINDOW_MS).contains(at_ms) {
                let beacon = Beacon {
                    event: *event,
                    partner: 812,
                    entry: "1_a".into(),
                    session: Some("s".into()),
                    index: Some(index),
                    position_ms: Some(*position_ms),
                    playback: Playback::Vod,
                    flavor: (*event == Event::View).then(|| if *at_ms < 20_000 { "487041" } else { "487051" }.into()),
                    error_code: (*event == Event::Error).then(|| position_ms.to_string().into()),
                    ..Beacon::default()
                };
                let time = EventTime::from_millis(START_MS + at_ms);
                let (device, place) = (Device::UNKNOWN, Place::UNKNOWN);
                window.absorb(&beacon, &Context { time, clamped: false, tenant: None, has_key: true, device, place });
            }
        }
        let mut rollups = Rollups::new(&[Rollup::Content], 10, &RandomState::new());
        window.close(labels.clone(), &(), &mut carries, &mut |part| rollups.add(part));
        let mut closed = EdgeWindow::default();
        for (key, totals) in rollups.finish("kaltura") {
            closed.absorb(Partial { key, end: start.plus(WINDOW_MS), epoch: 0, totals });
        }
        minute.append(&closed);
        all.extend(fields(&closed.close(start, WINDOW_MS)));
    }
    all.extend(fields(&minute.close_longer(Boundary::from_millis(START_MS), 60_000)));
    all
}

fn fields(rows: &EdgeRows) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    rows.visit(0..rows.len(), &mut |row| {
        assert_eq!((row.schema.measurement, row.schema.dialect), ("content_window", "kaltura"));
        let value = |value: &Value<'_>| match value {
            Value::Integer(value) => value.to_string(),
            Value::Text(text) => (*text).to_owned(),
        };
        let fields = row.schema.fields.iter().zip(row.fields).map(|(field, own)| (field.name.to_owned(), value(own)));
        all.push(fields.chain([("tags".to_owned(), row.tags.join(" "))]).collect());
    });
    all
}

#[test]
fn an_entry_has_its_retention() {
    // An entry of 60 s: he plays 21 s, seeks to 0:40, where the second quartile is told at once, and pauses at 0:51.
    let rows = content_rows(&[
        (100, Event::Impression, 0),
        (200, Event::PlayRequest, 0),
        (1_000, Event::Play, 0),
        (1_100, Event::View, 100),
        (11_100, Event::View, 10_100),
        (16_000, Event::Reached(Quartile::First), 15_000),
        (21_100, Event::View, 20_100),
        (22_000, Event::Seek, 40_000),
        (22_010, Event::Reached(Quartile::Second), 40_000),
        (27_000, Event::Reached(Quartile::Third), 45_000),
        (31_100, Event::View, 49_100),
        (33_000, Event::Pause, 51_000),
    ]);
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    // Windows at 0, 10, 20 and 30 s, then the minute.
    let tags = |window: &str| format!("1_a kaltura 812 {window}");
    assert_eq!(column("tags"), ["10s", "10s", "10s", "10s", "1m"].map(tags));
    assert_eq!(column("views_count"), ["1", "1", "1", "1", "4"]);
    assert_eq!(column("unique_viewers"), ["1", "1", "1", "1", "1"]);
    assert_eq!(column("unique_viewers_played"), ["1", "0", "0", "0", "1"]);
    let (low, high) = (r#"{"487041":1}"#, r#"{"487051":1}"#);
    assert_eq!(column("flavor_views"), [low, low, high, high, r#"{"487041":2,"487051":2}"#]);
    // The first quartile at 15 s tells of 60 s; the second, at 40 s, would leave 80 possible.
    assert_eq!(column("duration_ms"), ["0", "60000", "60000", "60000", "60000"]);
    assert_eq!(column("duration_source"), ["unknown", "learned", "learned", "learned", "learned"]);
    assert_eq!(column("retention_resolution_ms"), ["0", "10000", "10000", "10000", "10000"]);
    // Middles of percents are at 0.3 s + 0.6 s each: 25 lie before 15 s when that is told; then 10 more up to 21 s and 8 in 40 to 45 s;
    // then 10 up to 51 s.
    assert_eq!(column("completion_percent_sum"), ["0", "25", "18", "10", "53"]);
    let curve = |is_seen: &dyn Fn(i32) -> bool| {
        (0..=100).map(|percent| i32::from(is_seen(percent)).to_string()).collect::<Vec<_>>().join(",")
    };
    let whole = curve(&|percent| percent < 35 || (67..85).contains(&percent));
    assert_eq!((&rows[4]["retention_views"], &rows[4]["retention_sessions"]), (&whole, &whole));
    assert_eq!(rows[0]["retention_views"], "");
    assert_eq!(rows[3]["retention_views"], curve(&|percent| (75..85).contains(&percent)));
}

#[test]
fn sixty_four_codes_of_errors_are_told_apart() {
    // Codes 1 to 70 in the first window, and 1 again in the second one.
    let storm = (1..=70).map(|code| (100 + code, Event::Error, code));
    let rows = content_rows(&storm.chain([(11_000, Event::Error, 1)]).collect::<Vec<_>>());
    let mut codes: Vec<String> = (1..=70).map(|code: i64| code.to_string()).collect();
    codes.sort_by_key(|code| stable_hash(code.as_bytes()));
    let counts = |row: usize| serde_json::from_str::<BTreeMap<String, i64>>(&rows[row]["error_codes"]).unwrap();
    let mut expected: BTreeMap<String, i64> = codes[..64].iter().map(|code| (code.clone(), 1)).collect();
    expected.insert("other".into(), 6);
    assert_eq!(counts(0), expected);
    assert_eq!(counts(1), BTreeMap::from([("1".to_owned(), 1)]));
    let again = if codes[..64].contains(&"1".to_owned()) { "1" } else { "other" };
    *expected.get_mut(again).unwrap() += 1;
    assert_eq!((counts(2), &*rows[2]["player_errors_count"]), (expected, "71"));
    assert_eq!(rows[0]["flavor_views"], "");
}

/// Parts of 40 viewers of ten entries, each of whom played once.
fn parts<'a>(entries: &'a [String], counts: &'a Counts) -> Vec<Part<'a>> {
    let facet = |entry| Facet {
        tenant: "t",
        entry,
        playback: Playback::Vod,
        domain: "example.org",
        custom: [Some("x"), None, Some("y")],
        device: Device { device: "phone", os: "os", browser: "browser" },
        place: Place::UNKNOWN,
    };
    let names = |viewer| Some(Names { session: stable_hash(&[viewer]), viewer: stable_hash(&[viewer, viewer]) });
    let of = |viewer: u8| {
        let entry = &entries[usize::from(viewer) % entries.len()];
        Part {
            facet: facet(entry.as_str()),
            counts,
            flavors: &[],
            error_code: None,
            watched: None,
            known: None,
            names: names(viewer),
        }
    };
    (0..40).map(of).collect()
}

fn added_up<'a>(
    parts: impl IntoIterator<Item = &'a Part<'a>>,
    declared: &[Rollup],
    cap: usize,
) -> Vec<(EdgeKey, Totals)> {
    let mut rollups = Rollups::new(declared, cap, &RandomState::new());
    parts.into_iter().for_each(|part| rollups.add(part));
    rollups.finish("kaltura")
}

/// Of each key: plays and different viewers.
fn plays(added: &[(EdgeKey, Totals)]) -> BTreeMap<String, (i64, i64)> {
    let of = |(key, totals): &(EdgeKey, Totals)| {
        let Totals::Kaltura(totals) = totals else { panic!("not of Kaltura") };
        let name = format!("{} {} {}", key.tenant, key.edge, key.more.join(" "));
        (name, (totals.sums.counts.plays, totals.sums.unique(Unique::ViewersPlayed).count()))
    };
    added.iter().map(of).collect()
}

#[test]
fn beyond_the_cap_keys_count_as_other_by_their_hash() {
    let entries: Vec<String> = (0..10).map(|entry| format!("1_{entry}")).collect();
    let counts = Counts { records: 1, plays: 1, ..Counts::default() };
    let parts = parts(&entries, &counts);
    let mut by_hash: Vec<&String> = entries.iter().collect();
    by_hash.sort_by_key(|entry| stable_hash(format!("t\0{entry}").as_bytes()));
    let mut expected: BTreeMap<String, (i64, i64)> =
        by_hash.iter().take(3).map(|entry| (format!("t content {entry}"), (4, 4))).collect();
    expected.insert("other content other".to_owned(), (28, 28));
    let found = plays(&added_up(&parts, &[Rollup::Content], 3));
    assert_eq!(found, expected);
    assert_eq!(plays(&added_up(parts.iter().rev(), &[Rollup::Content], 3)), expected, "backwards");
}

#[test]
fn variables_count_each_and_bots_by_device_only() {
    let entries = ["1_a".to_owned()];
    let counts = Counts { records: 1, plays: 1, ..Counts::default() };
    let mut parts = parts(&entries, &counts);
    parts.iter_mut().take(10).for_each(|part| part.facet.device.device = BOT);
    let found = plays(&added_up(&parts, &Rollup::ALL, 100));
    let expected = [
        ("t content 1_a", 30),
        ("t geography unknown unknown unknown", 30),
        ("t device bot os browser", 10),
        ("t device phone os browser", 30),
        ("t domain example.org", 30),
        ("t playback_type vod", 30),
        ("t custom_variable 1 x", 30),
        ("t custom_variable 3 y", 30),
    ];
    let expected: BTreeSet<(String, i64)> = expected.into_iter().map(|(key, plays)| (key.to_owned(), plays)).collect();
    assert_eq!(found.into_iter().map(|(key, (plays, _))| (key, plays)).collect::<BTreeSet<_>>(), expected);
}
