//! One participant: joins, reports, mutes, loses the connection, sleeps, leaves, and makes room for the next.
//!
//! Nothing that an action yields happened before that action, but what its counters sum up; actions of a participant come in order of time.

use super::attendance::{self, Surroundings};
use super::connection::Roots;
use super::facts::{Content, Draft, Header, Identity, Side};
use super::path::Link;
use super::publishing::Publishing;
use super::subscribing::Subscribing;
use crate::simulate::audience::stay_ms;
use crate::simulate::random::Random;

/// Of so many in 1000 reports nothing arrives.
const LOST_PERMILLE: u32 = 3;
/// How long a tab sleeps.
const SLEEP_MS: i64 = 90_000;
/// The network is as it is for so long at most.
const PIECE_US: i64 = 6_000_000;
/// Of a thousand reports of one who is muted, so many come with the first word again.
const SPEAKS_AGAIN_PERMILLE: u32 = 150;
/// Objects whose type may be missing.
const TYPES: [&str; 4] = ["inbound-rtp", "outbound-rtp", "candidate-pair", "transport"];

/// The two peer connections of a participant.
#[derive(Debug)]
struct Connections {
    /// `None` for those who only look on.
    publishing: Option<Publishing>,
    subscribing: Subscribing,
}

/// The state of one participant.
#[derive(Debug)]
pub(super) struct Participant {
    random: Random,
    /// The place in the calls that this participant takes.
    place: u32,
    is_of_the_crowd: bool,
    identity: Identity,
    link: Link,
    /// `None` while nobody is there.
    connections: Option<Connections>,
    /// How many reports each connection has made.
    sequence: u32,
    leaves_ms: i64,
}

impl Participant {
    /// A participant who is not there yet; `number` is theirs alone.
    pub(super) fn new(seed: u64, number: u64, place: u32, is_of_the_crowd: bool) -> Self {
        Self {
            random: Random::branch(seed, number),
            place,
            is_of_the_crowd,
            identity: attendance::nobody(),
            link: Link::default(),
            connections: None,
            sequence: 0,
            leaves_ms: 0,
        }
    }

    /// Acts at `now_ms`; what comes of it goes to `drafts`. Returns when to act next; `None` = never.
    pub(super) fn act(&mut self, now_ms: i64, around: &Surroundings<'_>, drafts: &mut Vec<Draft>) -> Option<i64> {
        match self.connections.take() {
            None => Some(self.join(now_ms, around, drafts)),
            Some(connections) if now_ms >= self.leaves_ms => self.leave(&connections, now_ms, around, drafts),
            Some(connections) => Some(self.report(connections, now_ms, around, drafts)),
        }
    }

    fn join(&mut self, now_ms: i64, around: &Surroundings<'_>, drafts: &mut Vec<Draft>) -> i64 {
        self.identity = attendance::identity(&mut self.random, around, self.place, self.is_of_the_crowd);
        self.link = Link::draw(&mut self.random);
        self.leaves_ms = now_ms + stay_ms(&mut self.random);
        self.sequence = 0;
        self.tell(Side::Subscriber, "join", "", now_ms * 1000, drafts);
        let roots = Roots { streams: self.random.bits(), path: self.random.bits() };
        self.connect(now_ms, roots, true, around, drafts)
    }

    /// Makes both peer connections anew. Returns when they report first.
    fn connect(
        &mut self,
        now_ms: i64,
        roots: Roots,
        tells: bool,
        around: &Surroundings<'_>,
        drafts: &mut Vec<Draft>,
    ) -> i64 {
        let identity = self.identity;
        let begins_us = now_ms * 1000 + self.random.between(150_000, 450_000).cast_signed();
        let publishing =
            identity.has_camera.then(|| Publishing::new(begins_us, roots, identity.has_simulcast, identity.is_slow));
        // The streams of the two connections have nothing to do with each other.
        let heard = Roots { streams: !roots.streams, path: !roots.path };
        let connections = Connections { publishing, subscribing: Subscribing::new(begins_us, heard) };
        if tells {
            for side in connections.sides() {
                self.tell(side, "iceconnectionstatechange", "checking", begins_us - 90_000, drafts);
                self.tell(side, "iceconnectionstatechange", "connected", begins_us - 40_000, drafts);
                self.tell(side, "connectionstatechange", "connected", begins_us, drafts);
            }
        }
        self.connections = Some(connections);
        begins_us / 1000 + i64::from(around.scenario.interval_ms)
    }

    fn report(
        &mut self,
        mut connections: Connections,
        now_ms: i64,
        around: &Surroundings<'_>,
        drafts: &mut Vec<Draft>,
    ) -> i64 {
        let oddities = &around.scenario.oddities;
        let at_us = now_ms * 1000 + self.random.below(1_000).cast_signed();
        self.carry_on(&mut connections, at_us, around);
        if self.random.permille(oddities.late_packets_permille) {
            connections.subscribing.find_late(self.random.between(1, 3));
        }
        let is_typeless = self.random.permille(oddities.typeless_permille);
        let typeless = is_typeless.then(|| TYPES.get(self.random.below(4) as usize).copied()).flatten();
        let header = Header { sequence: self.sequence, interval_ms: around.scenario.interval_ms, typeless };
        self.sequence += 1;
        if let Some(publishing) = &connections.publishing {
            let content = Content::Sent(Box::new(publishing.clone()), header);
            self.post(content, publishing.connection.reached_us, drafts);
        }
        let content = Content::Received(Box::new(connections.subscribing.clone()), header);
        self.post(content, connections.subscribing.connection.reached_us, drafts);

        self.mute(&mut connections, oddities.mutes_permille);
        if self.random.permille(oddities.reconnects_permille) {
            return self.reconnect(&connections, now_ms, around, drafts);
        }
        if self.random.permille(oddities.inactive_permille) {
            let returns_us = at_us + self.random.between(4_000_000, 14_000_000).cast_signed();
            connections.subscribing.hide_video(returns_us);
        }
        self.connections = Some(connections);
        let sleeps = self.random.permille(oddities.sleeps_permille);
        now_ms
            + if sleeps { SLEEP_MS } else { i64::from(around.scenario.interval_ms) }
            + self.random.below(9).cast_signed()
    }

    /// Brings all counters up to a time; the receiving connection is asked a moment after the sending one.
    fn carry_on(&mut self, connections: &mut Connections, at_us: i64, around: &Surroundings<'_>) {
        let mut from_us = connections.subscribing.connection.reached_us;
        while from_us < at_us {
            let to_us = at_us.min(from_us.saturating_add(PIECE_US));
            let is_bad = around.world.is_bad(self.identity.site, to_us);
            let path = self.link.path(&mut self.random, is_bad, around.scenario.interval_ms);
            if let Some(publishing) = &mut connections.publishing {
                publishing.advance(&mut self.random, to_us, &path);
            }
            let a_moment_us = if to_us == at_us { self.random.between(300, 700).cast_signed() } else { 0 };
            connections.subscribing.advance(&mut self.random, to_us + a_moment_us, &path);
            from_us = to_us;
        }
    }

    /// The participant, or who is heard, falls silent or speaks again.
    fn mute(&mut self, connections: &mut Connections, mutes_permille: u32) {
        let heard = &mut connections.subscribing.heard;
        let own = connections.publishing.as_mut().map(|publishing| &mut publishing.voice.is_muted);
        for is_muted in own.into_iter().chain([&mut heard.is_muted]) {
            let turns = if *is_muted { SPEAKS_AGAIN_PERMILLE } else { mutes_permille };
            if self.random.permille(turns) {
                *is_muted = !*is_muted;
            }
        }
    }

    /// Loses both connections and makes them anew; see [`super::Oddities::reconnects_permille`].
    fn reconnect(
        &mut self,
        lost: &Connections,
        now_ms: i64,
        around: &Surroundings<'_>,
        drafts: &mut Vec<Draft>,
    ) -> i64 {
        let loads_again = self.random.permille(333);
        if loads_again {
            self.sequence = 0;
        } else {
            for side in lost.sides() {
                self.tell(side, "iceconnectionstatechange", "disconnected", now_ms * 1000 + 1_500_000, drafts);
                self.tell(side, "connectionstatechange", "failed", now_ms * 1000 + 3_000_000, drafts);
            }
        }
        let old = lost.subscribing.connection.roots;
        let keeps_streams = self.random.permille(500);
        let streams = if keeps_streams { !old.streams } else { self.random.bits() };
        let roots = Roots { streams, path: self.random.bits() };
        self.connect(now_ms + 4_000, roots, !loads_again, around, drafts)
    }

    /// Most say good-bye. Returns when somebody takes the place.
    fn leave(
        &mut self,
        connections: &Connections,
        now_ms: i64,
        around: &Surroundings<'_>,
        drafts: &mut Vec<Draft>,
    ) -> Option<i64> {
        if self.random.permille(750) {
            for side in connections.sides() {
                self.tell(side, "connectionstatechange", "closed", now_ms * 1000, drafts);
            }
            self.tell(Side::Subscriber, "leave", "", now_ms * 1000 + 1_000, drafts);
        }
        let back_ms = now_ms + self.random.between(500, 6_000).cast_signed();
        (!self.is_of_the_crowd && back_ms < around.end_ms).then_some(back_ms)
    }

    fn tell(&mut self, side: Side, event: &'static str, value: &'static str, at_us: i64, drafts: &mut Vec<Draft>) {
        self.post(Content::Event(side, event, value), at_us, drafts);
    }

    fn post(&mut self, content: Content, at_us: i64, drafts: &mut Vec<Draft>) {
        if self.random.permille(LOST_PERMILLE) {
            return;
        }
        let received_ms = at_us.div_euclid(1000) + self.random.between(20, 180).cast_signed();
        drafts.push(Draft { identity: self.identity, content, at_us, received_ms });
    }
}

impl Connections {
    fn sides(&self) -> impl Iterator<Item = Side> + use<> {
        self.publishing.is_some().then_some(Side::Publisher).into_iter().chain([Side::Subscriber])
    }
}
