//! One viewer: a player with a buffer, a network that comes and goes, a choice of bitrate, and a person who seeks, pauses and leaves.
//!
//! A viewer acts at a moment, says what comes of it (requests with their answers, reports), and when to call again. Nothing that an
//! action yields happened before that action, and actions of a viewer come in order of time.

use super::audience::{self, Surroundings};
use super::facts::{Condition, Draft, Identity, Object, Player, Report, Reports, Request, State, Trigger};
use super::random::Random;
use super::world::{AUDIO_KBPS, Cdn, Programme, next_episode, programme_at};

/// What a player on demand fills its buffer to.
const TARGET_ON_DEMAND_MS: u32 = 20_000;
/// A live player stays this many segments behind.
const TARGET_LIVE_SEGMENTS: u32 = 3;
/// No player waits longer than this for an object.
const GIVE_UP_MS: u64 = 10_000;
/// Failed requests in a row after which a player gives up for good.
const FAILURES_MAX: u32 = 6;
/// Of so many in 1000 posts nothing arrives.
const LOST_PERMILLE: u32 = 3;
/// The default interval of event mode.
const INTERVAL_MS: i64 = 30_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Away,
    Opening,
    Watching,
}

/// The state of one viewer.
#[derive(Debug)]
pub(super) struct Viewer {
    random: Random,
    identity: Identity,
    phase: Phase,
    state: State,
    is_of_the_crowd: bool,
    is_urgent: bool,
    has_started: bool,
    /// Whether the next video, and the next audio request must say that the player starved.
    tells_starved: [bool; 2],
    rung: u8,
    /// Segments for which the network stays faded.
    fade_left: u8,
    failures: u32,
    segment: u32,
    requests: u32,
    reports: u32,
    buffer_ms: u32,
    link_kbps: u32,
    /// The player's estimate of its throughput; 0 = none yet.
    estimate_kbps: u32,
    starvations: u32,
    starvations_ms: u32,
    dropped_frames: u32,
    starvation_to_tell_ms: Option<u32>,
    start_delay_to_tell_ms: Option<u32>,
    joined_ms: i64,
    leaves_ms: i64,
    buffer_at_ms: i64,
    stalled_at_ms: i64,
    next_interval_ms: i64,
}

impl Viewer {
    /// A viewer who is not there yet; `number` is theirs alone.
    pub(super) fn new(seed: u64, number: u64, is_of_the_crowd: bool) -> Self {
        let mut random = Random::branch(seed, number);
        Self {
            identity: audience::nobody(),
            phase: Phase::Away,
            state: State::Starting,
            is_of_the_crowd,
            is_urgent: true,
            has_started: false,
            tells_starved: [false; 2],
            rung: 0,
            fade_left: 0,
            failures: 0,
            segment: 0,
            requests: 0,
            reports: 0,
            buffer_ms: 0,
            link_kbps: random.spread(25_000) as u32,
            estimate_kbps: 0,
            starvations: 0,
            starvations_ms: 0,
            dropped_frames: 0,
            starvation_to_tell_ms: None,
            start_delay_to_tell_ms: None,
            joined_ms: 0,
            leaves_ms: 0,
            buffer_at_ms: 0,
            stalled_at_ms: 0,
            next_interval_ms: 0,
            random,
        }
    }

    /// Acts at `now_ms`; what comes of it goes to `drafts`. Returns when to act next; `None` = never.
    pub(super) fn act(&mut self, now_ms: i64, around: &Surroundings<'_>, drafts: &mut Vec<Draft>) -> Option<i64> {
        match self.phase {
            Phase::Away => Some(self.join(now_ms, around, drafts)),
            Phase::Opening => Some(self.open(now_ms, around, drafts)),
            Phase::Watching if now_ms >= self.leaves_ms => self.leave(now_ms, around, drafts),
            Phase::Watching => self.watch(now_ms, around, drafts),
        }
    }

    fn programme(&self) -> &'static Programme {
        programme_at(self.identity.programme)
    }

    /// A new session: the manifest first. A player in event mode reports at once.
    fn join(&mut self, now_ms: i64, around: &Surroundings<'_>, drafts: &mut Vec<Draft>) -> i64 {
        let (number, is_of_the_crowd) = (self.random.bits(), self.is_of_the_crowd);
        *self = Self::new(number, 0, is_of_the_crowd);
        self.identity = audience::identity(&mut self.random, around.scenario, is_of_the_crowd);
        self.link_kbps = audience::link_kbps(&mut self.random);
        self.joined_ms = now_ms;
        self.buffer_at_ms = now_ms;
        self.leaves_ms = now_ms + audience::stay_ms(&mut self.random);
        self.next_interval_ms = now_ms + INTERVAL_MS;
        self.rung = 1;
        self.segment = self.random.below(if self.programme().is_live { 40_000 } else { 40 }) as u32;
        self.phase = Phase::Opening;

        let manifest = self.request(now_ms, Object::Manifest, around);
        drafts.push(self.as_draft(manifest));
        let mut reports = Reports::default();
        self.report(&mut reports, Trigger::Interval, now_ms);
        self.report(&mut reports, Trigger::PlayState, now_ms);
        self.post(manifest, reports, drafts);
        manifest.end_ms() + self.random.between(5, 30).cast_signed()
    }

    /// The initialisation segments.
    fn open(&mut self, now_ms: i64, around: &Surroundings<'_>, drafts: &mut Vec<Draft>) -> i64 {
        let video = self.request(now_ms, Object::Init, around);
        drafts.push(self.as_draft(video));
        let mut end_ms = video.end_ms();
        if !self.programme().is_muxed {
            let audio = self.request(now_ms + 1, Object::Init, around);
            drafts.push(self.as_draft(audio));
            end_ms = end_ms.max(audio.end_ms());
        }
        self.phase = Phase::Watching;
        end_ms + self.random.between(1, 10).cast_signed()
    }

    /// One more segment, with what happens to the buffer meanwhile.
    fn watch(&mut self, now_ms: i64, around: &Surroundings<'_>, drafts: &mut Vec<Draft>) -> Option<i64> {
        let mut reports = Reports::default();
        self.drain(now_ms);
        if self.state == State::Paused {
            self.enter(State::Playing, now_ms, &mut reports);
        }
        if self.next_interval_ms <= now_ms {
            self.next_interval_ms = now_ms + INTERVAL_MS;
            self.report(&mut reports, Trigger::Interval, now_ms);
        }
        let rung = self.choose_rung();
        if rung != self.rung {
            self.rung = rung;
            self.report(&mut reports, Trigger::BitrateChange, now_ms);
        }
        if self.programme().is_live {
            let manifest = self.request(now_ms, Object::Manifest, around);
            drafts.push(self.as_draft(manifest));
        }
        let is_muxed = self.programme().is_muxed;
        let main = self.request(now_ms, if is_muxed { Object::Muxed } else { Object::Video }, around);
        drafts.push(self.as_draft(main));
        let mut end_ms = main.end_ms();
        if !is_muxed {
            let after_ms = self.random.between(1, 8).cast_signed();
            let audio = self.request(now_ms + after_ms, Object::Audio, around);
            drafts.push(self.as_draft(audio));
            // A player waits for the slower of the two, but not for an audio segment that failed: it asks again with the next one.
            if audio.is_success() {
                end_ms = end_ms.max(audio.end_ms());
            }
        }
        self.tell_once(&main);
        self.report(&mut reports, Trigger::Response, now_ms);
        self.starve_until(end_ms, &mut reports);
        if main.is_success() {
            self.append_segment(&main, end_ms, &mut reports);
        } else if self.fail(&main, end_ms, &mut reports) {
            self.post(main, reports, drafts);
            return self.come_back(end_ms, around);
        }
        let next_ms = self.next_action_ms(&main, end_ms, &mut reports);
        self.post(main, reports, drafts);
        Some(next_ms)
    }

    /// Lets the buffer play out until `now_ms`.
    fn drain(&mut self, now_ms: i64) {
        if self.state == State::Playing {
            let wall_ms = now_ms.saturating_sub(self.buffer_at_ms).max(0).cast_unsigned();
            let played_ms = wall_ms * u64::from(self.identity.playback_rate) / 1000;
            self.buffer_ms = u64::from(self.buffer_ms).saturating_sub(played_ms) as u32;
            if self.random.permille(20) {
                self.dropped_frames += self.random.between(1, 5) as u32;
            }
        }
        self.buffer_at_ms = now_ms;
    }

    /// Lets the buffer play out until `end_ms`; if it runs dry before that, playback stands still.
    fn starve_until(&mut self, end_ms: i64, reports: &mut Reports) {
        if self.state == State::Playing {
            let lasts_ms = u64::from(self.buffer_ms) * 1000 / u64::from(self.identity.playback_rate.max(1));
            let dry_ms = self.buffer_at_ms + lasts_ms.cast_signed();
            if dry_ms < end_ms {
                self.stalled_at_ms = dry_ms;
                self.starvations += 1;
                self.is_urgent = true;
                self.tells_starved = [true; 2];
                self.buffer_ms = 0;
                self.enter(State::Rebuffering, dry_ms, reports);
            }
        }
        self.drain(end_ms);
    }

    /// A segment came: it is in the buffer, and playback goes on if it stood still.
    fn append_segment(&mut self, main: &Request, end_ms: i64, reports: &mut Reports) {
        let segment_ms = self.programme().segment_ms;
        self.failures = 0;
        self.segment += 1;
        self.buffer_ms += segment_ms;
        let sample_kbps = (u64::from(main.bytes) * 8 / u64::from(main.taken_ms.max(1))) as u32;
        self.estimate_kbps = if self.estimate_kbps == 0 {
            sample_kbps
        } else {
            (self.estimate_kbps / 4 * 3).saturating_add(sample_kbps / 4)
        };
        match self.state {
            State::Starting => {
                // Once in a session: not for a further episode.
                if !self.has_started {
                    self.start_delay_to_tell_ms = Some((end_ms - self.joined_ms) as u32);
                }
                self.has_started = true;
                self.enter(State::Playing, end_ms, reports);
            }
            State::Rebuffering => {
                let stalled_ms = (end_ms - self.stalled_at_ms) as u32;
                self.starvations_ms += stalled_ms;
                self.starvation_to_tell_ms = Some(stalled_ms);
                self.enter(State::Playing, end_ms, reports);
            }
            State::Seeking => self.enter(State::Playing, end_ms, reports),
            _ => {}
        }
        if self.buffer_ms >= segment_ms * 2 {
            self.is_urgent = false;
        }
    }

    /// A segment did not come. Returns whether the player gives up for good.
    fn fail(&mut self, main: &Request, end_ms: i64, reports: &mut Reports) -> bool {
        self.failures += 1;
        if self.failures == 1 {
            self.report(reports, Trigger::Error, end_ms);
        }
        if main.status == 0 {
            self.estimate_kbps /= 3;
        }
        let gives_up = self.failures >= FAILURES_MAX;
        if gives_up {
            self.report(reports, Trigger::Error, end_ms);
            self.enter(State::Failed, end_ms, reports);
        }
        gives_up
    }

    /// When the next segment is asked for; before that the viewer may seek or pause.
    fn next_action_ms(&mut self, main: &Request, end_ms: i64, reports: &mut Reports) -> i64 {
        let think_ms = self.random.between(3, 20).cast_signed();
        if !main.is_success() {
            return end_ms + think_ms + 400 * i64::from(self.failures);
        }
        let programme = self.programme();
        if !programme.is_live && self.state == State::Playing && self.random.permille(5) {
            self.segment = self.random.below(900) as u32;
            self.buffer_ms = 0;
            self.is_urgent = true;
            // dash.js takes every seek for a starvation.
            self.tells_starved = [self.identity.player == Player::DashJs; 2];
            self.enter(State::Seeking, end_ms, reports);
            return end_ms + think_ms;
        }
        let target_ms =
            if programme.is_live { programme.segment_ms * TARGET_LIVE_SEGMENTS } else { TARGET_ON_DEMAND_MS };
        let Some(ahead_ms) = self.buffer_ms.checked_sub(target_ms) else { return end_ms + think_ms };
        if self.state == State::Playing && self.random.permille(4) {
            self.enter(State::Paused, end_ms, reports);
            return end_ms + self.random.spread(15_000).cast_signed();
        }
        end_ms + think_ms + i64::from(ahead_ms) * 1000 / i64::from(self.identity.playback_rate.max(1))
    }

    fn leave(&mut self, now_ms: i64, around: &Surroundings<'_>, drafts: &mut Vec<Draft>) -> Option<i64> {
        self.drain(now_ms);
        let mut reports = Reports::default();
        let has_ended = self.random.permille(200);
        self.enter(if has_ended { State::Ended } else { State::Quit }, now_ms, &mut reports);
        let nothing = Request::nothing(now_ms, self.segment, self.requests, self.condition(Object::Video));
        self.post(nothing, reports, drafts);
        match next_episode(self.identity.programme).filter(|_| has_ended) {
            Some(programme) => Some(self.go_on(programme, now_ms, drafts)),
            None => self.come_back(now_ms, around),
        }
    }

    /// The next episode, in the same session. hls.js begins to number its reports anew.
    fn go_on(&mut self, programme: u8, now_ms: i64, drafts: &mut Vec<Draft>) -> i64 {
        self.identity.programme = programme;
        if self.identity.player == Player::HlsJs {
            self.reports = 0;
        }
        (self.segment, self.buffer_ms, self.is_urgent) = (0, 0, true);
        self.rung = self.rung.min(1);
        self.leaves_ms = now_ms + audience::stay_ms(&mut self.random);
        self.phase = Phase::Opening;
        let starts_ms = now_ms + self.random.between(300, 4_000).cast_signed();
        self.state = State::Starting;
        let mut reports = Reports::default();
        self.report(&mut reports, Trigger::ContentId, starts_ms);
        self.report(&mut reports, Trigger::PlayState, starts_ms);
        let nothing = Request::nothing(starts_ms, self.segment, self.requests, self.condition(Object::Video));
        self.post(nothing, reports, drafts);
        starts_ms
    }

    /// The next session of this viewer's place. Who came with the crowd does not come back.
    fn come_back(&mut self, now_ms: i64, around: &Surroundings<'_>) -> Option<i64> {
        self.phase = Phase::Away;
        let next_ms = now_ms + self.random.spread(5_000).cast_signed();
        (!self.is_of_the_crowd && next_ms < around.end_ms).then_some(next_ms)
    }

    /// The highest rung that four fifths of the estimate carry; up one at a time and only with something in the buffer.
    fn choose_rung(&self) -> u8 {
        if self.estimate_kbps == 0 {
            return self.rung;
        }
        let programme = self.programme();
        let usable_kbps = self.estimate_kbps / 5 * 4;
        let affordable = programme.ladder.iter().filter(|kbps| **kbps <= usable_kbps).count().saturating_sub(1) as u8;
        if affordable <= self.rung {
            return affordable;
        }
        if self.buffer_ms >= programme.segment_ms * 2 { self.rung + 1 } else { self.rung }
    }

    fn condition(&self, object: Object) -> Condition {
        let segment_ms = self.programme().segment_ms;
        let has_told_starved = match object {
            Object::Video | Object::Muxed => self.tells_starved[0],
            // Media3 says it on both, the others on video alone.
            Object::Audio => self.tells_starved[1] && self.identity.player == Player::Media3,
            Object::Manifest | Object::Init => false,
        };
        Condition {
            state: self.state,
            buffer_ms: self.buffer_ms,
            throughput_kbps: self.estimate_kbps,
            rung: self.rung,
            is_urgent: self.is_urgent,
            is_starved: has_told_starved,
            start_delay_ms: self.start_delay_to_tell_ms,
            starvation_ms: self.starvation_to_tell_ms,
            starvations: self.starvations,
            starvations_ms: self.starvations_ms,
            dropped_frames: self.dropped_frames,
            latency_ms: self.programme().is_live.then(|| segment_ms + self.buffer_ms + 800),
        }
    }

    /// What a request has told needs no telling again.
    fn tell_once(&mut self, main: &Request) {
        self.tells_starved = [false; 2];
        if main.condition.start_delay_ms.is_some() {
            self.start_delay_to_tell_ms = None;
        }
        if main.condition.starvation_ms.is_some() {
            self.starvation_to_tell_ms = None;
        }
    }

    /// Asks for an object, and has it answered by the edge and carried by the network.
    fn request(&mut self, at_ms: i64, object: Object, around: &Surroundings<'_>) -> Request {
        let condition = self.condition(object);
        let is_bad = around.world.is_bad(Cdn::of(self.identity.carrier), self.identity.site, at_ms);
        let number = self.requests;
        self.requests += 1;
        let is_hit = self.random.permille(930);
        let mut ttfb_ms = self.random.spread(if is_hit { 30 } else { 150 });
        let mut kbps = self.network_kbps(object);
        if is_bad {
            ttfb_ms *= 10;
            kbps = kbps.min(self.random.spread(500));
        }
        let mut request = Request {
            start_ms: at_ms,
            object,
            segment: self.segment,
            number,
            status: if self.identity.player == Player::Apple && object.is_media() { 206 } else { 200 },
            is_hit,
            bytes: self.object_bytes(object),
            ttfb_ms: ttfb_ms as u32,
            taken_ms: 0,
            condition,
        };
        let dice = self.random.below(1000);
        if dice < if is_bad { 80 } else { 1 } {
            request.status = if dice % 4 == 3 { 502 } else { 503 };
            request.bytes = 512;
            request.is_hit = false;
        } else if dice == 999 {
            request.status = 404;
            request.bytes = 480;
        }
        let taken_ms = ttfb_ms + u64::from(request.bytes) * 8 / kbps.max(1);
        request.taken_ms = taken_ms.min(GIVE_UP_MS) as u32;
        if taken_ms > GIVE_UP_MS {
            request = Request { status: 0, bytes: 0, ttfb_ms: request.taken_ms, is_hit: false, ..request };
        }
        request
    }

    /// What the viewer's network gives this time. Once in a while it fades for some segments.
    fn network_kbps(&mut self, object: Object) -> u64 {
        if self.fade_left == 0 && self.random.permille(2) {
            self.fade_left = self.random.between(2, 6) as u8;
        }
        let kbps = self.random.spread(u64::from(self.link_kbps));
        if self.fade_left == 0 {
            return kbps;
        }
        if object.is_media() {
            self.fade_left -= 1;
        }
        kbps / 12
    }

    fn object_bytes(&mut self, object: Object) -> u32 {
        let programme = self.programme();
        let kbps = match object {
            Object::Manifest => return self.random.between(1_800, 9_000) as u32,
            Object::Init => return self.random.between(900, 1_400) as u32,
            Object::Audio => AUDIO_KBPS,
            Object::Video | Object::Muxed => programme.ladder.get(usize::from(self.rung)).copied().unwrap_or(400),
        };
        // The declared bitrate is the peak; kbit/s times ms are bits.
        let fullness = self.random.between(780, 1000);
        (u64::from(kbps) * u64::from(programme.segment_ms) / 8 * fullness / 1000) as u32 + 350
    }

    fn enter(&mut self, state: State, at_ms: i64, reports: &mut Reports) {
        self.state = state;
        self.report(reports, Trigger::PlayState, at_ms);
    }

    fn report(&mut self, reports: &mut Reports, trigger: Trigger, at_ms: i64) {
        if self.identity.has_event_mode {
            reports.push(Report { trigger, at_ms, state: self.state, number: self.reports });
            self.reports += 1;
        }
    }

    fn as_draft(&mut self, request: Request) -> Draft {
        // What a player tells of its request is passed on at once; a log line is made when the request has ended.
        let received_ms = if self.identity.carrier.is_log() {
            request.end_ms()
        } else {
            request.start_ms + self.random.between(10, 120).cast_signed()
        };
        Draft { identity: self.identity, request, reports: Reports::default(), received_ms }
    }

    /// Posts the reports of this action in one body, after the last of them.
    fn post(&mut self, request: Request, reports: Reports, drafts: &mut Vec<Draft>) {
        // Some are lost on the way.
        if reports.is_empty() || self.random.permille(LOST_PERMILLE) {
            return;
        }
        let last_ms = reports.iter().map(|report| report.at_ms).max().unwrap_or(request.start_ms);
        let ready_ms = last_ms.max(request.end_ms());
        let received_ms = ready_ms + self.random.between(30, 250).cast_signed();
        drafts.push(Draft { identity: self.identity, request, reports, received_ms });
    }
}
