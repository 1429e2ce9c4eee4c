//! One viewer: comes, waits, plays, does what viewers do, leaves, and makes room for the next.
//!
//! From the first frame on, a viewer acts every second, as the plug-in's timer does.

use super::audience::Identity;
use super::catalogue::LIVE_WINDOW_MS;
use super::event;
use super::facts::{Draft, Snapshot};
use super::plugin::{Plugin, Tick};
use crate::simulate::audience::stay_ms;
use crate::simulate::random::Random;

const SECOND_MS: i64 = 1_000;
/// Bit rates of a film, in 1024 bit/s.
const RATES_KIB: [u64; 5] = [400, 800, 1_600, 3_200, 4_800];
/// Parts of a film in hundredths, and the events of having reached them.
const REACHED: [(i64, u16); 5] = [
    (25, event::REACHED_END - 3),
    (50, event::REACHED_END - 2),
    (75, event::REACHED_END - 1),
    (90, event::REACHED_NINE_TENTHS),
    (100, event::REACHED_END),
];

/// What a viewer's actions depend on beside the viewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) lost_permille: u32,
    /// Whether the bad network is bad now.
    pub(super) is_bad: bool,
    pub(super) now_ms: i64,
}

/// What a viewer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Not there yet.
    Away,
    /// Looking at the first picture of the page.
    Looking,
    /// Waiting for the first frame since then.
    Waiting(i64),
    /// Playing.
    Playing,
    /// Stalled for so many seconds more.
    Stalled(u32),
    /// Paused for so many seconds more.
    Paused(u32),
}

/// The state of one viewer.
#[derive(Debug)]
pub(super) struct Viewer {
    random: Random,
    is_of_the_crowd: bool,
    identity: Identity,
    doing: Doing,
    plugin: Plugin,
    leaves_ms: i64,
    /// In the film; live: how far behind the edge.
    position_ms: i64,
    speed_permille: i64,
    rate: usize,
    /// How many of [`REACHED`] were told.
    reached: usize,
    is_muted: bool,
    is_full_screen: bool,
    is_hidden: bool,
}

impl Viewer {
    /// A viewer who is not there yet; `number` is theirs alone.
    pub(super) fn new(seed: u64, number: u64, is_of_the_crowd: bool) -> Self {
        Self {
            random: Random::branch(seed, number),
            is_of_the_crowd,
            identity: Identity::nobody(),
            doing: Doing::Away,
            plugin: Plugin::new(),
            leaves_ms: 0,
            position_ms: 0,
            speed_permille: 1_000,
            rate: 2,
            reached: 0,
            is_muted: false,
            is_full_screen: false,
            is_hidden: false,
        }
    }

    /// Acts; what comes of it goes to `drafts`. Returns when to act next.
    pub(super) fn act(&mut self, around: &Around, drafts: &mut Vec<Draft>) -> Option<i64> {
        let mut player = Sending { around: *around, drafts };
        let pause_ms = match self.doing {
            Doing::Away => self.come(&mut player),
            Doing::Looking => self.ask(&mut player),
            Doing::Waiting(since_ms) => self.begin(since_ms, &mut player),
            Doing::Playing | Doing::Stalled(_) | Doing::Paused(_) => self.second(&mut player),
        };
        Some(around.now_ms + pause_ms)
    }

    fn come(&mut self, player: &mut Sending<'_>) -> i64 {
        let fresh = Self::new(0, 0, self.is_of_the_crowd);
        let random = self.random;
        *self = Self { random, ..fresh };
        self.identity = Identity::draw(&mut self.random, self.is_of_the_crowd);
        self.leaves_ms = player.around.now_ms + stay_ms(&mut self.random);
        self.rate = self.random.below(RATES_KIB.len() as u64) as usize;
        self.is_muted = self.random.permille(150);
        self.is_hidden = self.random.permille(80);
        self.send(event::IMPRESSION, player);
        self.doing = Doing::Looking;
        self.random.between(200, 4_000).cast_signed()
    }

    /// Most want to play what they look at; something may fail before.
    fn ask(&mut self, player: &mut Sending<'_>) -> i64 {
        if self.random.permille(100) {
            return self.leave();
        }
        if self.random.permille(5) {
            return self.fail(3, player);
        }
        self.send(event::PLAY_REQUEST, player);
        self.doing = Doing::Waiting(player.around.now_ms);
        let median_ms = if self.has_it_bad(player) { 5_000 } else { 900 };
        self.random.spread(median_ms).cast_signed()
    }

    /// The first frame, unless the viewer gives up or the player fails before it.
    fn begin(&mut self, since_ms: i64, player: &mut Sending<'_>) -> i64 {
        let join_ms = player.around.now_ms - since_ms;
        if self.random.permille(if join_ms > 4_000 { 250 } else { 15 }) {
            return self.leave();
        }
        if self.random.permille(8) {
            return self.fail(1, player);
        }
        self.doing = Doing::Playing;
        self.send_with(event::PLAY, player, |snapshot| snapshot.join_ms = join_ms);
        self.report(player);
        SECOND_MS
    }

    fn second(&mut self, player: &mut Sending<'_>) -> i64 {
        if player.around.now_ms >= self.leaves_ms {
            return self.leave();
        }
        let is_paused = matches!(self.doing, Doing::Paused(_));
        match self.doing {
            Doing::Paused(0) => {
                self.plugin.resume();
                self.doing = Doing::Playing;
                self.send(event::RESUME, player);
            }
            Doing::Paused(left_s) => {
                self.plugin.paused_second();
                self.doing = Doing::Paused(left_s - 1);
            }
            Doing::Stalled(0) => {
                self.doing = Doing::Playing;
                self.send(event::BUFFER_END, player);
            }
            Doing::Stalled(left_s) => {
                self.plugin.stalled(SECOND_MS);
                if self.identity.entry.is_live() {
                    self.position_ms = (self.position_ms + SECOND_MS).min(LIVE_WINDOW_MS);
                }
                self.doing = Doing::Stalled(left_s - 1);
            }
            _ => {
                if let Some(pause_ms) = self.play_on(player) {
                    return pause_ms;
                }
            }
        }
        if !is_paused && self.plugin.second(self.bitrate_kib()) == Tick::View {
            self.report(player);
        }
        SECOND_MS
    }

    /// A second of playing. Returns when to act next if that was the end.
    fn play_on(&mut self, player: &mut Sending<'_>) -> Option<i64> {
        if !self.identity.entry.is_live() {
            let length_ms = self.identity.entry.length_ms();
            let before_ms = self.position_ms;
            self.position_ms = (before_ms + self.speed_permille).min(length_ms);
            self.plugin.play_sum_ms += self.position_ms - before_ms;
            self.tell_reached(player);
            if self.position_ms == length_ms {
                return Some(self.end(player));
            }
        }
        self.do_something(player)
    }

    fn tell_reached(&mut self, player: &mut Sending<'_>) {
        let length_ms = self.identity.entry.length_ms();
        while let Some((hundredths, number)) = REACHED.get(self.reached)
            && self.position_ms * 100 >= length_ms * hundredths
        {
            self.reached += 1;
            self.send(*number, player);
        }
    }

    /// The end of a film: some see it again.
    fn end(&mut self, player: &mut Sending<'_>) -> i64 {
        if !self.random.permille(100) {
            return self.leave();
        }
        self.position_ms = 0;
        self.send(event::REPLAY, player);
        SECOND_MS
    }

    /// What comes up in a second, hardly ever two things at once.
    fn do_something(&mut self, player: &mut Sending<'_>) -> Option<i64> {
        let has_it_bad = self.has_it_bad(player);
        if self.random.permille(if has_it_bad { 50 } else { 4 }) {
            self.send(event::BUFFER_START, player);
            let most_s = if has_it_bad { 9 } else { 3 };
            self.doing = Doing::Stalled(self.random.between(1, most_s) as u32);
            return None;
        }
        match self.random.below(2_000) {
            0..10 => self.switch(player),
            10..18 => self.pause(player),
            18..26 => self.seek(player),
            26..29 => {
                self.is_full_screen = true;
                self.send(event::ENTER_FULL_SCREEN, player);
            }
            29..31 if !self.identity.entry.is_live() => {
                self.speed_permille = if self.speed_permille == 1_000 { 1_500 } else { 1_000 };
                self.send(event::SPEED, player);
            }
            31..33 => self.send(event::BUTTON_CLICKED, player),
            33..35 => self.is_hidden = !self.is_hidden,
            35 => return Some(self.fail(2, player)),
            36..40 if has_it_bad => return Some(self.fail(2, player)),
            _ => {}
        }
        None
    }

    fn switch(&mut self, player: &mut Sending<'_>) {
        self.rate = self.random.below(RATES_KIB.len() as u64) as usize;
        self.send(event::FLAVOR_SWITCH, player);
    }

    /// Some pause so long that the plug-in counts anew.
    fn pause(&mut self, player: &mut Sending<'_>) {
        self.send(event::PAUSE, player);
        let seconds = if self.random.permille(250) { self.random.between(31, 90) } else { self.random.between(1, 20) };
        self.doing = Doing::Paused(seconds as u32);
    }

    fn seek(&mut self, player: &mut Sending<'_>) {
        let within = if self.identity.entry.is_live() { LIVE_WINDOW_MS } else { self.identity.entry.length_ms() };
        self.position_ms = self.random.below(within.cast_unsigned()).cast_signed();
        self.send(event::SEEK, player);
    }

    /// Fails for good; the viewer leaves.
    fn fail(&mut self, error_position: u8, player: &mut Sending<'_>) -> i64 {
        self.send_with(event::ERROR, player, |snapshot| snapshot.error_position = error_position);
        self.leave()
    }

    /// Makes room; returns when the next one comes.
    fn leave(&mut self) -> i64 {
        self.doing = Doing::Away;
        self.random.between(500, 3_000).cast_signed()
    }

    fn report(&mut self, player: &mut Sending<'_>) {
        if self.identity.entry.is_live() {
            self.plugin.count_live();
        }
        if self.plugin.has_played() {
            self.send(event::VIEW, player);
        }
        self.plugin.buffer_ms = 0;
    }

    fn has_it_bad(&self, player: &Sending<'_>) -> bool {
        player.around.is_bad && self.identity.is_in_bad_network()
    }

    fn bitrate_kib(&self) -> u64 {
        RATES_KIB.get(self.rate).copied().unwrap_or(400)
    }

    fn send(&mut self, number: u16, player: &mut Sending<'_>) {
        self.send_with(number, player, |_| {});
    }

    fn send_with(&mut self, number: u16, player: &mut Sending<'_>, add: impl FnOnce(&mut Snapshot)) {
        let is_live = self.identity.entry.is_live();
        let state = |is_on: bool| if is_on { 2 } else { 1 };
        let bitrate_kib = self.bitrate_kib();
        let mut snapshot = Snapshot {
            event: number,
            index: self.plugin.number(),
            position_ms: if is_live { -self.position_ms } else { self.position_ms },
            play_sum_ms: self.plugin.play_sum_ms,
            buffer_ms: self.plugin.buffer_ms,
            buffer_sum_ms: self.plugin.buffer_sum_ms,
            speed_permille: self.speed_permille,
            bitrate_kib,
            average_kib: self.plugin.average(),
            bandwidth_kib: self.random.spread(bitrate_kib * 2),
            segment_ms: self.random.spread(if self.has_it_bad(player) { 2_500 } else { 350 }),
            dropped_permille: self.random.below(4),
            join_ms: 0,
            sound: state(!self.is_muted),
            tab: state(!self.is_hidden),
            screen: state(self.is_full_screen),
            error_position: 0,
        };
        add(&mut snapshot);
        let received_ms = player.around.now_ms + self.random.spread(60).cast_signed();
        if !self.random.permille(player.around.lost_permille) {
            player.drafts.push(Draft { identity: self.identity, snapshot, received_ms });
        }
    }
}

/// Where beacons go.
struct Sending<'a> {
    around: Around,
    drafts: &'a mut Vec<Draft>,
}
