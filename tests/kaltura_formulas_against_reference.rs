//! Every metric is what its definition says of the beacons themselves: random sessions go through windows, roll-ups, the bus, rows and back,
//! and a slow reference counts the same beacons one by one.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::RandomState;

use streamgauge::aggregate::kaltura::formulas::{METRICS, engagement_ranking, metric, viewers};
use streamgauge::aggregate::kaltura::{BOT, Context, Device, Place, RollupTotals, Rollups, Sums, Window};
use streamgauge::aggregate::rollup::{EdgeWindow, Partial, RollupRecord};
use streamgauge::aggregate::{Caps, Size, SourceLabels};
use streamgauge::model::kaltura::{Beacon, Event, Playback, Quartile, Rollup};
use streamgauge::model::{Boundary, Carries, EventTime, Row, Rows};

const START_MS: i64 = 1_767_600_000_000;
const WINDOW_MS: i64 = 10_000;
const CAPS: Caps = Caps { sessions: 1_000, rollup_keys: 1_000, facts: 1_000 };
const PARTITIONS: usize = 3;
const SESSIONS: usize = 400;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % bound.unsigned_abs()).cast_signed()
    }

    fn once_in(&mut self, among: i64) -> bool {
        self.below(among) == 0
    }

    fn sometimes(&mut self, bound: i64) -> Option<i64> {
        let value = self.below(bound);
        (!self.once_in(3)).then_some(value)
    }
}

/// One beacon, where and when it was received.
#[derive(Clone)]
struct Sent {
    at_ms: i64,
    beacon: Beacon<'static>,
    device: &'static str,
    country: &'static str,
    partition: usize,
}

/// A session as it is made up.
struct Maker {
    chance: Chance,
    now: Sent,
    index: u32,
    sent: Vec<Sent>,
}

impl Maker {
    fn send(&mut self, event: Event, change: impl FnOnce(&mut Beacon<'static>)) {
        self.now.at_ms += 1 + self.chance.below(400);
        self.index += 1;
        let mut sent = self.now.clone();
        (sent.beacon.event, sent.beacon.index) = (event, Some(self.index));
        change(&mut sent.beacon);
        self.sent.push(sent);
    }

    fn view(&mut self, play_sum_ms: i64) {
        let chance = &mut self.chance;
        let values = [100_000_000, 90_000_000, 5_000, 4_000, 3_000, 1_000_000].map(|bound| chance.sometimes(bound));
        let [bitrate, bandwidth, segment, manifest, latency, dropped] = values;
        let [sound, focus, full] = [0; 3].map(|_| chance.sometimes(2).map(|value| value == 1));
        let stalled = chance.sometimes(3).map(|tenths| tenths * 100);
        self.send(Event::View, |beacon| {
            (beacon.play_sum_ms, beacon.buffer_ms) = (Some(play_sum_ms), stalled);
            (beacon.bitrate_bps, beacon.bandwidth_bps) = (bitrate, bandwidth);
            (beacon.segment_download_ms, beacon.manifest_download_ms) = (segment, manifest);
            (beacon.latency_ms, beacon.dropped_frames_ppm) = (latency, dropped);
            (beacon.sound_on, beacon.tab_focused, beacon.full_screen) = (sound, focus, full);
        });
    }

    fn error(&mut self) {
        let position_ms = self.chance.sometimes(3).map(|seconds| seconds * 1_000);
        self.send(Event::Error, |beacon| beacon.position_ms = position_ms);
    }

    fn play(&mut self) {
        let join_ms = self.chance.sometimes(4_000);
        self.send(Event::Play, |beacon| beacon.join_ms = join_ms);
        let mut play_sum_ms = 0;
        self.view(0);
        for quartile in [Quartile::First, Quartile::Second, Quartile::Third, Quartile::NineTenths, Quartile::Fourth] {
            let played_ms = self.chance.below(9_000);
            self.now.at_ms += 9_000;
            play_sum_ms += played_ms;
            if self.now.beacon.playback.is_live() && self.chance.once_in(3) {
                self.now.beacon.playback = Playback::Dvr;
            }
            self.view(play_sum_ms);
            self.send(Event::Reached(quartile), |_| {});
            if self.chance.once_in(6) {
                self.error();
            }
            if self.chance.once_in(4) {
                break;
            }
        }
        if self.chance.once_in(5) {
            self.send(Event::Replay, |_| {});
        }
    }
}

fn session(number: usize) -> Vec<Sent> {
    let mut chance = Chance(number as u64 * 77 + 5);
    let pick = |chance: &mut Chance, names: &[&'static str]| names[chance.below(names.len() as i64) as usize];
    let beacon = Beacon {
        partner: 800 + chance.below(2).unsigned_abs(),
        entry: pick(&mut chance, &["1_a", "1_b", "1_c"]).into(),
        session: Some(format!("s{number}").into()),
        user: chance.sometimes(120).map(|user| format!("u{user}").into()),
        playback: [Playback::Vod, Playback::Live, Playback::Unknown][chance.below(3) as usize],
        page: Some(pick(&mut chance, &["example.org/x", "example.com"]).into()),
        custom: [chance.sometimes(3).map(|value| format!("c{value}").into()), None, Some("always".into())],
        ..Beacon::default()
    };
    let now = Sent {
        at_ms: START_MS + chance.below(40_000),
        beacon,
        device: pick(&mut chance, &["desktop", "phone", BOT]),
        country: pick(&mut chance, &["FI", "PT"]),
        partition: number % PARTITIONS,
    };
    let mut maker = Maker { chance, now, index: 0, sent: Vec::new() };
    maker.send(Event::Impression, |_| {});
    if maker.chance.once_in(8) {
        maker.error();
    }
    if !maker.chance.once_in(6) {
        maker.send(Event::PlayRequest, |_| {});
        if !maker.chance.once_in(5) {
            maker.play();
        }
    }
    maker.sent
}

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

fn context(sent: &Sent) -> Context<'_> {
    Context {
        time: EventTime::from_millis(sent.at_ms),
        clamped: false,
        tenant: None,
        has_key: true,
        device: Device { device: sent.device, os: "os", browser: "browser" },
        place: Place { country: sent.country, region: "region", city: "city" },
    }
}

/// The rows of every window, over all partitions.
fn windows_of(sent: &[Sent]) -> BTreeMap<Boundary, EdgeWindow> {
    let mut windows: BTreeMap<(usize, Boundary), Window<RandomState>> = BTreeMap::new();
    for one in sent {
        let start = Boundary::at_or_before(EventTime::from_millis(one.at_ms), WINDOW_MS);
        let new = || Window::new(start, WINDOW_MS, CAPS, Size::default(), RandomState::new());
        windows.entry((one.partition, start)).or_insert_with(new).absorb(&one.beacon, &context(one));
    }
    let labels = SourceLabels { source: "kaltura".into(), shard: "0".into(), cdn: "unknown".into() };
    let mut carries: Vec<Kept> = (0..PARTITIONS).map(|_| Kept::default()).collect();
    let mut merged: BTreeMap<Boundary, EdgeWindow> = BTreeMap::new();
    for ((partition, start), window) in windows {
        let mut rollups = Rollups::new(&Rollup::ALL, CAPS.rollup_keys, &RandomState::new());
        window.close(labels.clone(), &(), &mut carries[partition], &mut |part| rollups.add(part));
        for (key, totals) in rollups.finish("kaltura") {
            let partial = Partial { key, end: start.plus(WINDOW_MS), epoch: 0, totals };
            let RollupRecord::Partial(read) =
                RollupRecord::decode(Some(&partial.key.encode()), &partial.encode_value()).unwrap()
            else {
                panic!("not a partial")
            };
            merged.entry(start).or_default().absorb(*read);
        }
    }
    merged
}

type Key = (Rollup, Vec<String>);

/// A row's key (its tags without source and window, in the schema's order), and its totals.
fn read_row(row: &Row<'_>) -> (Key, RollupTotals) {
    let kind = |rollup: &Rollup| format!("{}_window", rollup.as_str()) == row.schema.measurement;
    let rollup = Rollup::ALL.into_iter().find(kind).unwrap();
    assert_eq!((row.fields.len(), row.tags.len()), (row.schema.fields.len(), row.schema.tags.len()));
    let tags = row.schema.tags.iter().zip(row.tags).filter(|(tag, _)| !["source", "window"].contains(&tag.name));
    let key = tags.map(|(tag, value)| format!("{}={value}", tag.name)).collect();
    let field = |name: &str| {
        let place = row.schema.fields.iter().position(|field| field.name == name)?;
        row.fields.get(place).copied()
    };
    ((rollup, key), RollupTotals::from_row(rollup, field).unwrap())
}

/// All windows of a key put together from their rows.
fn from_rows(sent: &[Sent]) -> BTreeMap<Key, RollupTotals> {
    let mut all = BTreeMap::new();
    for (start, window) in windows_of(sent) {
        let rows = window.close(start, WINDOW_MS);
        rows.visit(0..rows.len(), &mut |row| {
            let (key, totals) = read_row(row);
            match all.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(totals);
                }
                Entry::Occupied(mut entry) => entry.get_mut().merge(&totals),
            }
        });
    }
    all
}

/// The keys at which a beacon counts.
fn keys_of(sent: &Sent) -> Vec<Key> {
    let beacon = &sent.beacon;
    let tenant = format!("tenant={}", beacon.partner);
    let mut keys = vec![(
        Rollup::Device,
        vec!["browser=browser".into(), format!("device={}", sent.device), "os=os".into(), tenant.clone()],
    )];
    if sent.device == BOT {
        return keys;
    }
    keys.push((Rollup::Content, vec![format!("entry={}", beacon.entry), tenant.clone()]));
    let place = ["city=city".into(), format!("country={}", sent.country), "region=region".into(), tenant.clone()];
    keys.push((Rollup::Geography, place.into()));
    keys.push((Rollup::Domain, vec![format!("domain={}", beacon.domain().unwrap()), tenant.clone()]));
    keys.push((Rollup::PlaybackType, vec![format!("playback_type={}", beacon.playback.as_str()), tenant.clone()]));
    for (variable, value) in (1..).zip(&beacon.custom) {
        if let Some(value) = value {
            let key = [tenant.clone(), format!("value={value}"), format!("variable={variable}")];
            keys.push((Rollup::CustomVariable, key.into()));
        }
    }
    keys
}

/// The definitions, over the beacons of one key; with each, by how much its player's sum grew.
struct Reference<'a>(Vec<(&'a Beacon<'static>, i64)>);

impl Reference<'_> {
    fn those(&self, is: impl Fn(&Beacon<'_>) -> bool) -> f64 {
        self.0.iter().filter(|(beacon, _)| is(beacon)).count() as f64
    }

    fn events(&self, event: Event) -> f64 {
        self.those(|beacon| beacon.event == event)
    }

    fn views(&self, is: impl Fn(&Beacon<'_>) -> bool) -> f64 {
        self.those(|beacon| beacon.event == Event::View && is(beacon))
    }

    fn played(&self, is: impl Fn(&Beacon<'_>) -> bool) -> f64 {
        self.0.iter().filter(|(beacon, _)| is(beacon)).map(|(_, grown)| *grown as f64).sum()
    }

    fn mean(&self, value: impl Fn(&Beacon<'_>) -> Option<i64>) -> Option<f64> {
        let values: Vec<f64> =
            self.0.iter().filter_map(|(beacon, _)| value(beacon)).map(|value| value as f64).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn users(&self, is: impl Fn(&Beacon<'_>) -> bool) -> f64 {
        let named = self.0.iter().filter(|(beacon, _)| is(beacon)).map(|(beacon, _)| (beacon.partner, beacon.viewer()));
        named.collect::<HashSet<_>>().len() as f64
    }

    fn sessions(&self, is: impl Fn(&Beacon<'_>) -> bool) -> f64 {
        let named = self.0.iter().filter(|(beacon, _)| is(beacon));
        named.map(|(beacon, _)| (beacon.partner, beacon.session.clone())).collect::<HashSet<_>>().len() as f64
    }

    fn metric(&self, name: &str) -> Option<f64> {
        let over = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        let plays = self.events(Event::Play);
        let views = self.views(|_| true);
        let reached = |quartile| self.events(Event::Reached(quartile));
        let engaged = |beacon: &Beacon<'_>| beacon.sound_on == Some(true) && beacon.tab_focused == Some(true);
        let live = |beacon: &Beacon<'_>| matches!(beacon.playback, Playback::Live | Playback::Dvr);
        let stalled = |beacon: &Beacon<'_>| beacon.buffer_ms.unwrap_or(0) > 0;
        let is_view = |beacon: &Beacon<'_>| beacon.event == Event::View;
        let is_error = |beacon: &Beacon<'_>| beacon.event == Event::Error;
        let unknown_errors = self.those(|beacon| is_error(beacon) && beacon.position_ms.unwrap_or(0) == 0);
        let exits = (self.events(Event::PlayRequest) - plays - unknown_errors).max(0.0);
        let minutes = self.played(|_| true) / 60_000.0;
        match name {
            "count_loads" => Some(self.events(Event::Impression)),
            "count_play_requested" => Some(self.events(Event::PlayRequest)),
            "count_plays" => Some(plays),
            "count_plays_25" => Some(reached(Quartile::First)),
            "count_plays_50" => Some(reached(Quartile::Second)),
            "count_plays_75" => Some(reached(Quartile::Third)),
            "count_plays_90" => Some(reached(Quartile::NineTenths)),
            "count_plays_100" => Some(reached(Quartile::Fourth)),
            "load_play_ratio" => over(plays, self.events(Event::Impression)),
            "play_through_ratio" => over(reached(Quartile::Fourth), plays),
            "avg_view_drop_off" => {
                let four = [Quartile::First, Quartile::Second, Quartile::Third, Quartile::Fourth].map(reached);
                over(four.iter().sum::<f64>() / 4.0, plays)
            }
            "sum_time_viewed" | "sum_view_period" => Some(minutes),
            "avg_time_viewed" | "avg_view_period_time" => over(minutes, plays),
            "sum_live_view_period" => Some(self.played(live) / 60_000.0),
            "sum_vod_view_period" => Some(self.played(|beacon| beacon.playback == Playback::Vod) / 60_000.0),
            "sum_view_time" => Some(views * 10.0),
            "avg_view_play_time_sec" => over(views * 10.0, plays),
            "view_buffer_time_ratio" => {
                let stalls =
                    self.0.iter().filter(|(beacon, _)| is_view(beacon)).filter_map(|(beacon, _)| beacon.buffer_ms);
                over(stalls.map(|ms| ms as f64 / 1_000.0).sum(), views * 10.0)
            }
            "avg_view_buffering" => over(self.views(stalled), views),
            "avg_view_engagement" => over(self.views(engaged), views),
            "avg_view_dvr" => over(self.views(|beacon| beacon.playback == Playback::Dvr), views),
            "avg_bitrate" | "avg_view_bitrate" => self.mean(|beacon| beacon.bitrate_bps),
            "avg_view_downstream_bandwidth" => self.mean(|beacon| beacon.bandwidth_bps),
            "avg_view_segment_download_time_sec" => self.mean(|beacon| beacon.segment_download_ms).map(|ms| ms / 1e3),
            "avg_view_manifest_download_time_sec" => self.mean(|beacon| beacon.manifest_download_ms).map(|ms| ms / 1e3),
            "avg_view_live_latency" => self.mean(|beacon| beacon.latency_ms).map(|ms| ms / 1e3),
            "avg_view_dropped_frames_ratio" => self.mean(|beacon| beacon.dropped_frames_ppm).map(|ppm| ppm / 1e6),
            "avg_join_time" => self.mean(|beacon| beacon.join_ms).map(|ms| ms / 1e3),
            "unique_viewers" => Some(self.users(|beacon| beacon.event == Event::Play)),
            "unique_known_users" => Some(self.users(|_| true)),
            "view_unique_audience" => Some(self.users(is_view)),
            "view_unique_engaged_users" => Some(self.users(|beacon| is_view(beacon) && engaged(beacon))),
            "view_unique_buffering_users" => Some(self.users(|beacon| is_view(beacon) && stalled(beacon))),
            "view_unique_audience_dvr" => {
                Some(self.users(|beacon| is_view(beacon) && beacon.playback == Playback::Dvr))
            }
            "view_unique_sessions" => Some(self.sessions(is_view)),
            "avg_view_session_error_rate" => over(self.sessions(is_error), self.sessions(is_view)),
            "error_unknown_position_count" => Some(unknown_errors),
            "error_position_count" => Some(self.those(is_error) - unknown_errors),
            "count_ebvs" => Some(exits),
            "ebvs_ratio" => over(exits, self.events(Event::PlayRequest)),
            "live_engaged_users_play_time_ratio" => {
                over(self.played(|beacon| live(beacon) && engaged(beacon)), self.played(live))
            }
            "beacon_loss_ratio" => over(0.0, self.0.len() as f64),
            "avg_buffer_time" => over(0.0, self.played(|_| true)),
            // Nobody tells a position here.
            "avg_completion_rate" => over(0.0, plays),
            "total_completion_rate" => None,
            name => panic!("the reference does not know {name}"),
        }
    }
}

/// How much each beacon's sum of media played grew over the one before in its session.
fn growths(sessions: &[Vec<Sent>]) -> Vec<(&Sent, i64)> {
    let mut all = Vec::new();
    for session in sessions {
        let mut before = 0;
        for sent in session {
            let sum = sent.beacon.play_sum_ms.unwrap_or(before);
            all.push((sent, sum - before));
            before = sum;
        }
    }
    all
}

#[test]
fn metrics_are_what_they_are_defined_to_be() {
    let sessions: Vec<Vec<Sent>> = (0..SESSIONS).map(session).collect();
    let mut sent: Vec<Sent> = sessions.iter().flatten().cloned().collect();
    // In another order: windows put them in theirs.
    let mut chance = Chance(3);
    for place in (1..sent.len()).rev() {
        sent.swap(place, chance.below(place as i64 + 1) as usize);
    }
    let found = from_rows(&sent);
    let mut expected: BTreeMap<Key, Vec<(&Beacon<'static>, i64)>> = BTreeMap::new();
    let growths = growths(&sessions);
    for (sent, grown) in &growths {
        for key in keys_of(sent) {
            expected.entry(key).or_default().push((&sent.beacon, *grown));
        }
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let mut values = HashMap::<&str, usize>::new();
    for (key, beacons) in expected {
        let (reference, totals) = (Reference(beacons), &found[&key]);
        for metric in METRICS {
            let (value, right) = ((metric.value)(&totals.sums), reference.metric(metric.name));
            let near = match (value, right) {
                (Some(value), Some(right)) => (value - right).abs() <= 1e-9 * right.abs().max(1.0),
                (None, None) => true,
                _ => false,
            };
            assert!(near, "{} of {key:?} is {value:?} and should be {right:?}", metric.name);
            *values.entry(metric.name).or_default() += usize::from(right.is_some_and(|right| right > 0.0));
        }
    }
    let nothing = ["beacon_loss_ratio", "avg_buffer_time", "avg_completion_rate", "total_completion_rate"];
    for metric in METRICS.iter().filter(|metric| !nothing.contains(&metric.name)) {
        assert!(values[metric.name] > 3, "{} is compared with nothing but 0", metric.name);
    }
}

#[test]
fn without_anything_to_divide_by_there_is_no_value() {
    let totals = RollupTotals::new(Rollup::Domain, Sums::default());
    for metric in METRICS {
        let value = (metric.value)(&totals.sums);
        let is_sum = ["count", "min", "s"].contains(&metric.unit) && !metric.name.starts_with("avg_");
        assert_eq!(value, is_sum.then_some(0.0), "{}", metric.name);
    }
    assert!(metric("play_through_ratio").is_some() && metric("nothing").is_none());
    // Of nothing, 60 s in at most 3 points of 20 s: 7 views are 3.5, so 4 viewers; with points for each 10 s, 7.
    assert_eq!([viewers(0, 60_000, 3), viewers(7, 60_000, 3), viewers(7, 60_000, 100), viewers(7, 0, 0)], [0, 4, 7, 7]);
    assert_eq!(engagement_ranking(&[&totals.sums]), [None]);
}
