//! Retention curves that are pieced together from beacons are near the truth, whatever viewers do and also where beacons are lost.
//!
//! The viewers here know what they watched; a slow count of that is the truth. The bounds are those of a player that reports every ten
//! seconds: a viewer who leaves is known to have gone somewhere in the last of them.

#![allow(clippy::expect_used)]

use streamgauge::aggregate::kaltura::formulas::RetentionCurve;
use streamgauge::aggregate::kaltura::retention::{Audience, Beacons, DurationSource, Moment, Progress, Watched};
use streamgauge::model::bytes::{Reader, Writer};
use streamgauge::model::kaltura::{Event, Playback, Quartile};

const STEP_MS: i64 = 100;
const SESSIONS: u64 = 4_000;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// True once in `among` on average.
    fn once_in(&mut self, among: i64) -> bool {
        self.below(among) == 0
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound.max(1).unsigned_abs()).cast_signed()
    }
}

/// What a viewer did: what he really watched, and the beacons of his player.
#[derive(Default)]
struct Viewing {
    truth: Vec<(i64, i64)>,
    beacons: Vec<Moment>,
}

struct Viewer {
    chance: Chance,
    duration_ms: i64,
    time_ms: i64,
    position_ms: i64,
    speed_permille: i64,
    to_next_view_ms: i64,
    stalled_ms: i64,
    quartiles: usize,
    viewing: Viewing,
}

impl Viewer {
    fn send(&mut self, event: Event) {
        let buffer_ms = (event == Event::View).then(|| std::mem::take(&mut self.stalled_ms));
        self.viewing.beacons.push(Moment {
            time_ms: self.time_ms,
            event,
            position_ms: Some(self.position_ms),
            playback: Playback::Vod,
            speed_permille: Some(self.speed_permille),
            target_position_ms: (event == Event::Seek).then_some(self.position_ms),
            buffer_ms,
        });
    }

    fn plays_from_here(&mut self) {
        self.viewing.truth.push((self.position_ms, self.position_ms));
    }

    /// One step of playing; whether the end is reached.
    fn play(&mut self) -> bool {
        self.time_ms += STEP_MS;
        self.position_ms = (self.position_ms + STEP_MS * self.speed_permille / 1000).min(self.duration_ms);
        if let Some((_, until)) = self.viewing.truth.last_mut() {
            *until = self.position_ms;
        }
        self.tick();
        while let Some((quartile, percent)) = QUARTILES.get(self.quartiles).copied()
            && self.position_ms * 100 >= self.duration_ms * percent
        {
            self.quartiles += 1;
            self.send(Event::Reached(quartile));
        }
        self.position_ms >= self.duration_ms
    }

    fn tick(&mut self) {
        self.to_next_view_ms -= STEP_MS;
        if self.to_next_view_ms <= 0 {
            self.to_next_view_ms = 10_000;
            self.send(Event::View);
        }
    }

    fn stall(&mut self) {
        self.send(Event::BufferStart);
        for _ in 0..self.chance.below(40) {
            self.time_ms += STEP_MS;
            self.stalled_ms += STEP_MS;
            self.tick();
        }
        self.send(Event::BufferEnd);
    }

    fn seek(&mut self) {
        self.position_ms = self.chance.below(self.duration_ms * 9 / 10);
        self.send(Event::Seek);
        self.plays_from_here();
    }

    fn pause(&mut self) {
        self.send(Event::Pause);
        self.time_ms += self.chance.below(60_000);
        if self.chance.once_in(4) {
            self.position_ms = self.chance.below(self.duration_ms * 9 / 10);
            self.send(Event::Seek);
        }
        self.send(Event::Resume);
        self.plays_from_here();
    }
}

const QUARTILES: [(Quartile, i64); 5] = [
    (Quartile::First, 25),
    (Quartile::Second, 50),
    (Quartile::Third, 75),
    (Quartile::NineTenths, 90),
    (Quartile::Fourth, 100),
];

/// One session: it begins at the beginning, seeks, pauses, stalls, replays, and is over when the viewer leaves, without a word.
fn watch(seed: u64, duration_ms: i64) -> Viewing {
    let mut chance = Chance(seed);
    let speed_permille = if chance.once_in(10) { 1500 } else { 1000 };
    let time_ms = 1_800_000_000_000 + chance.below(10_000);
    let mut viewer = Viewer {
        chance,
        duration_ms,
        time_ms,
        position_ms: 0,
        speed_permille,
        to_next_view_ms: STEP_MS,
        stalled_ms: 0,
        quartiles: 0,
        viewing: Viewing::default(),
    };
    for event in [Event::Impression, Event::PlayRequest, Event::Play] {
        viewer.send(event);
        viewer.time_ms += viewer.chance.below(500);
    }
    viewer.plays_from_here();
    let steps = duration_ms / STEP_MS;
    loop {
        if viewer.play() {
            if !viewer.chance.once_in(10) {
                return viewer.viewing;
            }
            viewer.position_ms = 0;
            viewer.send(Event::Replay);
            viewer.plays_from_here();
        }
        if viewer.chance.once_in(steps) {
            return viewer.viewing;
        }
        if viewer.chance.once_in(steps) {
            viewer.seek();
        }
        if viewer.chance.once_in(steps) {
            viewer.pause();
        }
        if viewer.chance.once_in(steps) {
            viewer.stall();
        }
    }
}

/// What beacons tell, with some of them lost; the state goes through its encoding now and then, as it does from window to window.
fn pieced_together(beacons: &[Moment], mut is_lost: impl FnMut() -> bool, fed_ms: Option<i64>) -> (Audience, i64) {
    let (mut progress, mut watched, mut audience) = (Progress::default(), Watched::default(), Audience::default());
    let (mut percentiles, mut received) = (0, 0);
    for (index, beacon) in beacons.iter().enumerate() {
        if !is_lost() {
            received += 1;
            progress.step(beacon, fed_ms, &mut watched);
        }
        if index % 3 == 0 {
            audience.add(&watched);
            percentiles += watched.percentiles;
            watched.clear();
            progress = carried_on(&progress);
        }
    }
    let times = [beacons.first(), beacons.last()].map(|beacon| beacon.map_or(0, |beacon| beacon.time_ms));
    let expected = i64::try_from(beacons.len()).expect("they are few");
    progress.end(&Beacons { expected, received, lasted_ms: times[1] - times[0] }, &mut watched);
    audience.add(&watched);
    (audience, percentiles + watched.percentiles)
}

fn carried_on(progress: &Progress) -> Progress {
    let mut out = Writer::default();
    progress.encode(&mut out);
    let read = Progress::decode(&mut Reader::new(out.as_bytes())).expect("it was written whole");
    assert_eq!(&read, progress);
    read
}

/// Views and sessions at the middle of each percent: by definition.
fn true_curve(viewings: &[Viewing], duration_ms: i64) -> Vec<[i64; 2]> {
    let at = |percent: i64| {
        let middle = duration_ms * (2 * percent + 1) / 200;
        let views_of = |viewing: &Viewing| {
            viewing.truth.iter().filter(|(from, until)| (*from..*until).contains(&middle)).count() as i64
        };
        viewings.iter().map(views_of).fold([0, 0], |[views, sessions], more| [views + more, sessions + more.min(1)])
    };
    (0..100).map(at).collect()
}

/// The largest difference and the mean one, in percentage points of the sessions.
fn difference(found: &[[i64; 2]], truth: &[[i64; 2]], place: usize, sessions: usize) -> (f64, f64) {
    let differences: Vec<f64> = found
        .iter()
        .zip(truth)
        .map(|(found, truth)| (found[place] - truth[place]) as f64 * 100.0 / sessions as f64)
        .collect();
    let largest = differences.iter().fold(0.0_f64, |largest, one| largest.max(one.abs()));
    (largest, differences.iter().sum::<f64>() / differences.len() as f64)
}

#[test]
fn curves_are_near_the_truth() {
    // Duration, lost beacons in a hundred, and how far in percentage points of the sessions the curve may be off at most, and on average.
    let cases = [
        (60_000, 0, 9.3, 1.0),
        (60_000, 10, 9.5, 1.0),
        (300_000, 0, 2.3, 0.1),
        (300_000, 10, 2.1, 0.1),
        (1_800_000, 0, 0.35, 0.03),
        (1_800_000, 10, 0.5, 0.04),
        (7_200_000, 0, 0.15, 0.02),
        (7_200_000, 10, 0.18, 0.03),
    ];
    let mut wrong = Vec::new();
    for (duration_ms, lost_percent, most, mean) in cases {
        let viewings: Vec<Viewing> = (0..SESSIONS).map(|seed| watch(seed, duration_ms)).collect();
        let truth = true_curve(&viewings, duration_ms);
        let mut chance = Chance(7);
        let mut audience = Audience::default();
        for viewing in &viewings {
            audience.merge(&pieced_together(&viewing.beacons, || chance.below(100) < lost_percent, None).0);
        }
        assert_eq!(audience.duration().best(), Some((duration_ms, DurationSource::Learned)));
        let curve = RetentionCurve::of(&audience).expect("the duration is known");
        for place in [0, 1] {
            let (largest, average) = difference(&curve.points[..100], &truth, place, viewings.len());
            let told =
                format!("{duration_ms} ms, {lost_percent} % lost: off by {largest:.2}, on average {average:+.3}");
            println!("{told}");
            if largest > most || average.abs() > mean || largest > curve.error_bound_pp() {
                wrong.push(told);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn live_retention_is_by_minute_of_the_broadcast() {
    let (mut progress, mut watched, mut audience) = (Progress::default(), Watched::default(), Audience::default());
    // A minute begins at 0. He watches at the edge from 0:10 to 1:40, goes back by a minute, to 0:40, and leaves at 1:20, told by a view.
    let minute = 30_000_000;
    let begin_ms = minute * 60_000;
    let views = (1..=9).map(|view| (10_000 + view * 10_000, Event::View, 0));
    let back = [(100_000, Event::Seek, -60_000), (110_000, Event::View, -60_000), (120_000, Event::View, -60_000)];
    let last = [(130_000, Event::View, -60_000), (140_000, Event::Pause, -60_000)];
    for (at_ms, event, position_ms) in [(10_000, Event::Play, 0)].into_iter().chain(views).chain(back).chain(last) {
        let (time_ms, playback) = (begin_ms + at_ms, Playback::Live);
        let moment = Moment { time_ms, event, position_ms: Some(position_ms), playback, ..Moment::default() };
        progress.step(&moment, None, &mut watched);
    }
    progress.end(&Beacons::default(), &mut watched);
    audience.add(&watched);
    // 0:30 once; 1:30 once. What was behind the edge, 0:40 to 1:20, has the middle of no minute.
    assert_eq!(audience.minutes(), [(minute, [1, 1]), (minute + 1, [1, 1])]);
    // Once more from 0:20 to 0:50: 0:30 is a view again, and no other session.
    watched.clear();
    for (at_ms, event) in
        [(200_000, Event::Play), (210_000, Event::View), (220_000, Event::View), (230_000, Event::Pause)]
    {
        let (time_ms, playback) = (begin_ms + at_ms, Playback::Dvr);
        let moment = Moment { time_ms, event, position_ms: Some(-180_000), playback, ..Moment::default() };
        progress.step(&moment, None, &mut watched);
    }
    audience.add(&watched);
    assert_eq!(audience.minutes(), [(minute, [2, 1]), (minute + 1, [1, 1])]);
    assert_eq!(RetentionCurve::of(&audience), None, "a broadcast has no percentages");
}
