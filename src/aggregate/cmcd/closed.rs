//! A closed window of one partition: its session rows, made on demand, and its part of each edge row.

use std::ops::Range;

use super::counters::{Sum, Totals};
use super::edge::EdgeTotals;
use super::keys::{RollupKey, Rollups};
use super::names::Names;
use super::schema::{SESSION_WINDOW, SHARED, shared_values};
use super::sessions::{Part, Session};
use super::starvation::openings;
use super::window::{SourceLabels, UNKNOWN, Window};
use crate::model::hash::stable_hash;
use crate::model::{Boundary, Carries, Row, Rows, Schema, Value};

const NANOS_PER_MILLI: i64 = 1_000_000;

/// What a closed window yields: rows for the store, and partials for the roll-up stage.
pub struct ClosedWindow {
    /// The rows of its sessions.
    pub sessions: SessionRows,
    /// The partition's part of each edge row, in order of the key.
    pub edges: Vec<(RollupKey, EdgeTotals)>,
}

impl ClosedWindow {
    pub(super) fn new<H>(window: Window<H>, labels: SourceLabels, _carries: &mut dyn Carries) -> Self {
        let Window { start, length_ms, sessions, rollups, tenants, contents, .. } = window;
        let entries = sessions.into_entries();
        let (edges, edge_names) = summarise(&entries, &tenants, rollups);
        let placed = place(&entries, &tenants, start, length_ms);
        let sessions = SessionRows { labels, entries, placed, tenants, contents, edge_names };
        Self { sessions, edges }
    }
}

/// The rows of one closed window's sessions, in order of time stamp.
pub struct SessionRows {
    labels: SourceLabels,
    entries: Vec<Session>,
    /// Index of the session and time stamp of its row.
    placed: Vec<(u32, i64)>,
    tenants: Names,
    contents: Names,
    /// The edge under which each roll-up key counts, by index.
    edge_names: Vec<Box<str>>,
}

impl Rows for SessionRows {
    fn len(&self) -> usize {
        self.placed.len()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        for (index, timestamp_ns) in self.placed.get(range).unwrap_or_default() {
            if let Some(session) = self.entries.get(*index as usize) {
                self.visit_session(session, *timestamp_ns, each);
            }
        }
    }
}

impl SessionRows {
    fn visit_session(&self, session: &Session, timestamp_ns: i64, each: &mut dyn FnMut(&Row<'_>)) {
        let mut totals = Totals::default();
        for part in session.parts() {
            totals.absorb(&part.counters);
        }
        totals.media_ms = totals.get(media_class(session));
        totals.starvation_count = i64::try_from(openings(session.starved()).count()).unwrap_or(i64::MAX);
        let tags =
            [self.main_edge(session), &*self.labels.shard, &*self.labels.source, self.tenants.get(session.tenant)];
        let mut fields = [Value::Integer(0); SHARED + 2];
        let texts = [session.id.as_str(), self.contents.get(session.content.index)];
        let integers = shared_values(&totals);
        let values = texts.into_iter().map(Value::Text).chain(integers.into_iter().map(Value::Integer));
        for (field, value) in fields.iter_mut().zip(values) {
            *field = value;
        }
        let schema: &'static Schema = &SESSION_WINDOW;
        each(&Row { schema, tags: &tags, fields: &fields, timestamp_ns });
    }

    /// The edge with most requests, ties by name; `unknown` without a request.
    fn main_edge(&self, session: &Session) -> &str {
        let mut edges: Vec<(&str, i64)> = Vec::new();
        for part in session.parts() {
            let requests = part.counters.get(Sum::Requests);
            let name = self.edge_names.get(part.key as usize).map_or(UNKNOWN, |name| name);
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
}

/// The class whose durations count as this session's media time: video, else muxed, else audio.
fn media_class(session: &Session) -> Sum {
    let has = |sum| session.parts().any(|part| part.counters.get(sum) > 0);
    if has(Sum::VideoMs) {
        Sum::VideoMs
    } else if has(Sum::MuxedMs) {
        Sum::MuxedMs
    } else {
        Sum::AudioMs
    }
}

/// The part of each edge row, by key, and the edge name under which each key index counts.
fn summarise(sessions: &[Session], tenants: &Names, rollups: Rollups) -> (Vec<(RollupKey, EdgeTotals)>, Vec<Box<str>>) {
    let resolved: Vec<u32> = (0..rollups.len()).map(|index| rollups.resolve(index)).collect();
    let mut edges: Vec<Option<(RollupKey, EdgeTotals)>> = rollups
        .into_kept()
        .map(|kept| kept.map(|rollup| (rollup.key, EdgeTotals::new(&rollup.sessionless, rollup.sketches))))
        .collect();
    let mut mentioned = Vec::new();
    for session in sessions {
        count_session(session, session.stable_hash(tenants), &resolved, &mut edges, &mut mentioned);
    }
    let name = |index: &u32| match edges.get(*index as usize) {
        Some(Some((key, _))) => key.edge.clone(),
        _ => UNKNOWN.into(),
    };
    let edge_names = resolved.iter().map(name).collect();
    let mut edges: Vec<_> = edges.into_iter().flatten().filter(|(_, totals)| !totals.is_empty()).collect();
    edges.sort_by(|left, right| left.0.cmp(&right.0));
    (edges, edge_names)
}

/// Adds one session to its edges. `hash` tells it from others; `mentioned` is scratch memory.
fn count_session(
    session: &Session,
    hash: u64,
    resolved: &[u32],
    edges: &mut [Option<(RollupKey, EdgeTotals)>],
    mentioned: &mut Vec<u32>,
) {
    let class = media_class(session);
    let resolve = |key: u32| resolved.get(key as usize).copied().unwrap_or(0);
    mentioned.clear();
    for Part { key, counters } in session.parts() {
        let key = resolve(*key);
        let Some(Some((_, edge))) = edges.get_mut(key as usize) else { continue };
        edge.totals.absorb(counters);
        edge.totals.media_ms = edge.totals.media_ms.saturating_add(counters.get(class));
        if counters.get(Sum::Requests) > 0 && !mentioned.contains(&key) {
            mentioned.push(key);
            edge.sessions += 1;
            edge.seen.all.add(hash);
        }
    }
    for opening in openings(session.starved()) {
        let key = resolve(opening.key);
        let Some(Some((_, edge))) = edges.get_mut(key as usize) else { continue };
        edge.totals.starvation_count += 1;
        // Taken out of `mentioned`, so that the session is counted once at this edge.
        if let Some(place) = mentioned.iter().position(|candidate| *candidate == key) {
            mentioned.swap_remove(place);
            edge.sessions_starved += 1;
            edge.seen.starved.add(hash);
        }
    }
}

/// The time stamp of each session's row: start + hash(id) mod length, ties moved on by 1 ns in order of id, wrapping at the length.
fn place(sessions: &[Session], tenants: &Names, start: Boundary, length_ms: i64) -> Vec<(u32, i64)> {
    let length_ns = length_ms.saturating_mul(NANOS_PER_MILLI);
    let start_ns = start.as_millis().saturating_mul(NANOS_PER_MILLI);
    let mut wanted: Vec<(i64, u32)> = sessions
        .iter()
        .zip(0_u32..)
        .map(|(session, index)| {
            let hash = stable_hash(session.id.as_bytes()) % length_ns.unsigned_abs().max(1);
            (i64::try_from(hash).unwrap_or(0), index)
        })
        .collect();
    let identity = |index: u32| {
        let session = sessions.get(index as usize);
        session.map(|session| (session.id.as_bytes(), tenants.get(session.tenant)))
    };
    wanted.sort_unstable_by(|left, right| left.0.cmp(&right.0).then_with(|| identity(left.1).cmp(&identity(right.1))));
    let mut placed = Vec::with_capacity(wanted.len());
    let mut wrapped = Vec::new();
    let mut next_free = 0;
    for (offset, index) in wanted {
        let offset = offset.max(next_free);
        if offset >= length_ns {
            wrapped.push(index);
            continue;
        }
        next_free = offset + 1;
        placed.push((index, start_ns + offset));
    }
    wrap_around(&mut placed, &wrapped, start_ns);
    placed
}

/// Those that ran over the end of the window take the first free places from its start.
fn wrap_around(placed: &mut Vec<(u32, i64)>, wrapped: &[u32], start_ns: i64) {
    let mut candidate = start_ns;
    let mut at = 0;
    for index in wrapped {
        while placed.get(at).is_some_and(|(_, taken)| *taken == candidate) {
            candidate += 1;
            at += 1;
        }
        placed.insert(at, (*index, candidate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_run_over_the_end_take_the_first_free_places() {
        let mut placed = vec![(0, 100), (1, 101), (2, 103)];
        wrap_around(&mut placed, &[7, 8], 100);
        assert_eq!(placed, [(0, 100), (1, 101), (7, 102), (2, 103), (8, 104)]);
    }
}
