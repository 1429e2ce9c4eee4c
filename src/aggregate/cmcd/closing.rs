//! Closing a window: its sessions count at their edges, and each lives on in its carry.
//!
//! R1  Sessions are closed in the order of their rows, so that nothing depends on arrival.
//! R2  A window with late records or copies alone neither opens a session nor keeps it alive; they count in its totals if it has a carry.
//! R3  A session is over at the first boundary at which its time-out lies before the window that ends there: a record before the
//!     time-out always finds it alive.

use super::counters::{LifeSum, Sum, Totals};
use super::edge::{EdgeTotals, SessionCount};
use super::keys::{RollupKey, Rollups};
use super::life::{Ledger, Life, PlaceKey, Seen};
use super::names::Names;
use super::sessions::{Part, Session};
use super::smallest::cut;
use super::starvation::Starved;
use crate::aggregate::source::UNKNOWN;
use crate::model::bytes::Writer;
use crate::model::hash::stable_hash;
use crate::model::{Boundary, Carries};

/// The parts of edge rows of a window that is closing.
pub(super) struct Edges {
    /// Under which index each roll-up key counts, by index.
    resolved: Vec<u32>,
    /// By index; those that fell out of the cap are `None`.
    kept: Vec<Option<EdgeTotals>>,
    /// The keys by index, as under which they count.
    pub(super) keys: Vec<RollupKey>,
}

impl Edges {
    /// With what belongs to no session.
    pub(super) fn new(rollups: Rollups) -> Self {
        let resolved: Vec<u32> = (0..rollups.len()).map(|index| rollups.resolve(index)).collect();
        let key = |index: &u32| rollups.get(*index).map_or_else(RollupKey::other, |rollup| rollup.key.clone());
        let keys = resolved.iter().map(key).collect();
        let kept = rollups.into_kept();
        let kept =
            kept.map(|kept| kept.map(|rollup| EdgeTotals::new(&rollup.sessionless, rollup.samples.finish()))).collect();
        Self { resolved, kept, keys }
    }

    /// The part of each edge row, in order of the key; without those where nothing was counted.
    pub(super) fn finish(self) -> (Vec<(RollupKey, EdgeTotals)>, Vec<RollupKey>) {
        let edges = self.keys.iter().zip(self.kept).filter_map(|(key, kept)| Some((key.clone(), kept?)));
        let mut edges: Vec<_> = edges.filter(|(_, totals)| !totals.is_empty()).collect();
        edges.sort_by(|left, right| left.0.cmp(&right.0));
        (edges, self.keys)
    }

    fn resolve(&self, key: u32) -> u32 {
        self.resolved.get(key as usize).copied().unwrap_or(0)
    }

    fn at(&mut self, key: u32) -> Option<&mut EdgeTotals> {
        let key = self.resolve(key);
        self.kept.get_mut(key as usize)?.as_mut()
    }
}

/// What all sessions of a closing window share.
pub(super) struct Closing<'w> {
    pub(super) start: Boundary,
    pub(super) length_ms: i64,
    /// The most facts of a session that count.
    pub(super) facts_cap: usize,
    pub(super) tenants: &'w Names,
    pub(super) contents: &'w Names,
}

/// Memory that is used again from session to session.
#[derive(Default)]
struct Scratch {
    key: Vec<u8>,
    carry: Writer,
    ledger: Ledger,
    /// The edges that have counted the session.
    mentioned: Vec<u32>,
}

impl Closing<'_> {
    /// Closes the sessions in this order. Returns how many carries were damaged, and begun anew.
    pub(super) fn close(
        &self,
        sessions: &mut [Session],
        order: impl Iterator<Item = u32>,
        edges: &mut Edges,
        carries: &mut dyn Carries,
    ) -> u64 {
        let mut scratch = Scratch::default();
        let place_keys: Vec<RollupKey> = edges.keys.clone();
        let places: Vec<PlaceKey<'_>> = place_keys.iter().map(PlaceKey::of).collect();
        let mut damaged = 0;
        for index in order {
            let Some(session) = sessions.get_mut(index as usize) else { continue };
            damaged += u64::from(self.close_one(session, &places, edges, carries, &mut scratch));
        }
        damaged
    }

    /// Returns whether the session's carry was damaged.
    fn close_one(
        &self,
        session: &mut Session,
        places: &[PlaceKey<'_>],
        edges: &mut Edges,
        carries: &mut dyn Carries,
        scratch: &mut Scratch,
    ) -> bool {
        scratch.ledger.clear();
        if let Some(rare) = &mut session.rare {
            rare.is_cut |= !cut(&mut rare.facts, self.facts_cap);
        }
        session.write_key(self.tenants, &mut scratch.key);
        let hash = stable_hash(&scratch.key);
        let mut totals = count_at_edges(session, hash, edges, &mut scratch.mentioned);
        let seen = self.seen(session);
        let (carried, is_damaged) = match carries.get(&scratch.key).map(Life::read) {
            Some(Ok(life)) => (Some(life), false),
            Some(Err(_)) => (None, true),
            None => (None, false),
        };
        let is_alive = session.signs.any();
        // Its facts count in the window's rows also when they open no session.
        let opens = carried.is_none();
        let Some(mut life) = carried.or_else(|| is_alive.then(|| Life::begin(&seen))) else { return is_damaged };
        count_starvations(life.starve(&seen), hash, edges, scratch);
        life.live(&seen, &mut scratch.ledger);
        for entry in scratch.ledger.entries() {
            totals.add_life(entry.sum, entry.amount);
            if let Some(edge) = edges.at(entry.key) {
                edge.totals.add_life(entry.sum, entry.amount);
            }
        }
        life.add(&totals);
        if is_alive {
            self.settle(session, places, &mut life);
        }
        if !(opens && seen.is_epilogue()) {
            let end = self.start.plus(self.length_ms);
            scratch.carry.clear();
            life.write(&mut scratch.carry, end.as_millis());
            let until = Boundary::from_millis(life.time_out_ms()).plus(self.length_ms);
            carries.put(&scratch.key, scratch.carry.as_bytes(), until);
        }
        session.settle(&scratch.ledger);
        is_damaged
    }

    fn seen<'s>(&'s self, session: &'s Session) -> Seen<'s> {
        let rare = session.rare.as_deref();
        let content = session.content.index;
        Seen {
            start_ms: self.start.as_millis(),
            signs: &session.signs,
            facts: rare.map_or(&[], |rare| &rare.facts),
            is_cut: rare.is_some_and(|rare| rare.is_cut),
            starved: session.starved(),
            content: (content != 0).then(|| self.contents.get(content)),
        }
    }

    /// Notes where the session was served from, and its further contents.
    fn settle<'p>(&self, session: &Session, places: &[PlaceKey<'p>], life: &mut Life<'p>) {
        let place = |key: u32| places.get(key as usize).copied();
        for part in session.parts() {
            let requests = part.counters.get(Sum::Requests);
            if let Some(key) = place(part.key).filter(|_| requests > 0) {
                life.places().add(key, requests);
            }
        }
        if let Some(latest) = place(session.signs.last_key) {
            life.places().settle(latest);
        }
        let others = session.rare.iter().flat_map(|rare| &rare.contents);
        others.for_each(|hash| life.note_content(*hash));
    }
}

/// Counts the starvations that began in the window, and the session once at each edge where one did.
fn count_starvations<'w>(
    openings: impl Iterator<Item = &'w Starved>,
    hash: u64,
    edges: &mut Edges,
    scratch: &mut Scratch,
) {
    for opening in openings {
        scratch.ledger.add(opening.key, LifeSum::Starvations, 1);
        let key = edges.resolve(opening.key);
        let Some(place) = scratch.mentioned.iter().position(|candidate| *candidate == key) else { continue };
        scratch.mentioned.swap_remove(place);
        if let Some(edge) = edges.at(key) {
            edge.add_sessions(SessionCount::Starved, 1);
            edge.seen.starved.add(hash);
        }
    }
}

/// Adds a session's blocks to its edges; `hash` tells it from others. Returns their sum, and leaves in `mentioned` the edges where it made a request.
fn count_at_edges(session: &Session, hash: u64, edges: &mut Edges, mentioned: &mut Vec<u32>) -> Totals {
    let mut totals = Totals::default();
    let class = media_class(session);
    mentioned.clear();
    for Part { key, counters } in session.parts() {
        totals.absorb(counters);
        totals.add_life(LifeSum::MediaMs, counters.get(class));
        let key = edges.resolve(*key);
        let Some(edge) = edges.at(key) else { continue };
        edge.totals.absorb(counters);
        edge.totals.add_life(LifeSum::MediaMs, counters.get(class));
        if counters.get(Sum::Requests) > 0 && !mentioned.contains(&key) {
            mentioned.push(key);
            edge.add_sessions(SessionCount::Seen, 1);
            edge.seen.all.add(hash);
        }
    }
    totals
}

/// The class whose durations count as this session's media time: video, else muxed, else audio.
pub(super) fn media_class(session: &Session) -> Sum {
    let has = |sum| session.parts().any(|part| part.counters.get(sum) > 0);
    if has(Sum::VideoMs) {
        Sum::VideoMs
    } else if has(Sum::MuxedMs) {
        Sum::MuxedMs
    } else {
        Sum::AudioMs
    }
}

/// The edge with most requests, ties by name; `unknown` without a request. `keys` are those under which the parts' keys count.
pub(super) fn main_edge<'k>(session: &Session, keys: &'k [RollupKey]) -> &'k str {
    let mut edges: Vec<(&str, i64)> = Vec::new();
    for part in session.parts() {
        let requests = part.counters.get(Sum::Requests);
        let name = keys.get(part.key as usize).map_or(UNKNOWN, |key| &key.edge);
        match edges.iter_mut().find(|(known, _)| *known == name) {
            Some((_, total)) => *total += requests,
            None => edges.push((name, requests)),
        }
    }
    edges.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
    match edges.first() {
        Some((name, requests)) if *requests > 0 => name,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::hash::RandomState;

    use super::*;
    use crate::aggregate::cmcd::{Context, Window, finish_sessions};
    use crate::aggregate::{Caps, Size, SourceLabels};
    use crate::model::cmcd::{Delivery, Event, Keys, Mode};
    use crate::model::{EventTime, Rows as _};

    #[derive(Default)]
    struct Kept(BTreeMap<Vec<u8>, (Vec<u8>, Boundary)>);

    impl Carries for Kept {
        fn get(&self, key: &[u8]) -> Option<&[u8]> {
            self.0.get(key).map(|(carry, _)| &**carry)
        }

        fn put(&mut self, key: &[u8], value: &[u8], until: Boundary) {
            self.0.insert(key.to_vec(), (value.to_vec(), until));
        }
    }

    #[test]
    fn a_damaged_carry_is_counted_and_the_session_begins_anew() {
        let labels = SourceLabels { source: "s".into(), shard: "0".into(), cdn: "c".into() };
        let caps = Caps { sessions: 9, rollup_keys: 9, facts: 9 };
        let mut carries = Kept::default();
        carries.put(b"default\0a", &[1, 2, 3], Boundary::from_millis(0));
        let start = Boundary::from_millis(20_000);
        let mut window = Window::new(start, 10_000, caps, Size::default(), RandomState::new());
        let (mode, keys, delivery) = (Mode::Request, Keys::default(), Delivery::default());
        let event = Event { mode, time: None, keys, delivery, members_rejected: 0 };
        let context = Context {
            time: EventTime::from_millis(21_000),
            clamped: false,
            tenant: "default",
            edge: "FRA",
            session: Some("a"),
            request_id: None,
            deduplicate: false,
        };
        window.absorb(&event, &context);
        assert_eq!(window.close(labels.clone(), &mut carries).carries_damaged, 1);
        let (key, (carry, until)) = carries.0.first_key_value().unwrap();
        assert_eq!(until.as_millis(), 21_000 + 60_000 + 10_000);
        let due = [(&**key, &**carry), (b"default\0b", &[0xff])];
        let finished = finish_sessions(due, *until, 10_000, &labels);
        assert_eq!((finished.rows.len(), finished.edges.len(), finished.carries_damaged), (1, 1, 1));
    }
}
