//! One open window: events in, sessions and roll-ups grow.

use std::hash::BuildHasher;

use super::apply::apply;
use super::closed::ClosedWindow;
use super::counters::{Counters, Sum};
use super::keys::{KeyParts, Rollups, Samples};
use super::life::{CONTENTS_MAX, Signs, content_hash, facts_of, tells_of_life};
use super::names::Names;
use super::sessions::{Content, Found, Session, Sessions};
use super::smallest::{gather, keep};
use super::starvation::Starved;
use crate::aggregate::seen::SeenIds;
use crate::aggregate::source::{Caps, Outcome, Size, SourceLabels, UNKNOWN};
use crate::model::cmcd::{Event, Mode, member_for};
use crate::model::hash::stable_hash;
use crate::model::{Boundary, Carries, EventTime};

/// What is known of an event beside its content.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Its time, after clamping: inside this window, except for late records.
    pub time: EventTime,
    /// Whether clamping moved it.
    pub clamped: bool,
    /// The tenant.
    pub tenant: &'a str,
    /// The edge that served it.
    pub edge: &'a str,
    /// The session; `None` = the event belongs to none.
    pub session: Option<&'a str>,
    /// The unique id of the request, if there is one.
    pub request_id: Option<&'a str>,
    /// Whether requests with the same id count once.
    pub deduplicate: bool,
}

/// What one partition saw of one window so far.
pub struct Window<H> {
    pub(super) start: Boundary,
    pub(super) length_ms: i64,
    pub(super) sessions: Sessions,
    pub(super) rollups: Rollups,
    pub(super) tenants: Names,
    pub(super) contents: Names,
    /// Published hashes of the ids seen.
    seen: SeenIds<H>,
    hasher: H,
    pub(super) facts_cap: usize,
}

impl<H: BuildHasher + Clone> Window<H> {
    /// An empty window. `hasher` is for the tables only and should be keyed at random; `expected` sizes them.
    pub fn new(start: Boundary, length_ms: i64, caps: Caps, expected: Size, hasher: H) -> Self {
        Self {
            start,
            length_ms,
            sessions: Sessions::new(caps.sessions, expected.sessions),
            rollups: Rollups::new(caps.rollup_keys),
            tenants: Names::new("default"),
            contents: Names::new(UNKNOWN),
            seen: SeenIds::with_room(expected.ids, &hasher),
            hasher,
            facts_cap: caps.facts,
        }
    }

    /// How much it holds.
    pub fn size(&self) -> Size {
        Size { sessions: self.sessions.len(), ids: self.seen.len() }
    }

    /// Whether no event has come.
    pub fn is_empty(&self) -> bool {
        self.rollups.is_empty()
    }

    /// Counts an event.
    pub fn absorb(&mut self, event: &Event<'_>, context: &Context<'_>) -> Outcome {
        let duplicate = event_id(event, context).is_some_and(|id| !self.seen.insert(id));
        let (session, key) = self.place(event, context);
        if !duplicate && let Some(index) = session {
            self.note_facts(index, key, event, context);
        }
        let (sessions, rollups) = (&mut self.sessions, &mut self.rollups);
        let Some((counters, samples)) = block(sessions, rollups, session, key) else { return Outcome::Counted };
        if duplicate {
            counters.count(Sum::Duplicates);
            return Outcome::Duplicate;
        }
        if context.clamped {
            counters.count(Sum::RecordsClamped);
        }
        apply(event, counters, samples);
        Outcome::Counted
    }

    /// Counts an event whose own window is final already, and whose append time lies in this one.
    pub fn absorb_late(&mut self, event: &Event<'_>, context: &Context<'_>) {
        let (session, key) = self.place(event, context);
        if let Some((counters, _)) = block(&mut self.sessions, &mut self.rollups, session, key) {
            counters.count(Sum::RecordsLate);
        }
    }

    /// Ends the window: each of its sessions lives on in its carry.
    pub fn close(self, labels: SourceLabels, carries: &mut dyn Carries) -> ClosedWindow {
        ClosedWindow::new(self, labels, carries)
    }

    /// Where an event counts: its session (`None` when it has none, or its session is beyond the cap) and its roll-up key.
    fn place(&mut self, event: &Event<'_>, context: &Context<'_>) -> (Option<usize>, u32) {
        let parts = key_parts(event, context);
        let Some(id) = context.session else { return (None, self.key_index(&parts)) };
        let tenant = self.tenants.intern(&self.hasher, context.tenant);
        let hash = self.hasher.hash_one(id.as_bytes());
        if let Some((index, first_key)) = self.sessions.find(hash, id, tenant) {
            // Nearly always a session stays with its first roll-up key, so that need not be looked up.
            let key = if self.rollups.is(first_key, &parts) { first_key } else { self.key_index(&parts) };
            return (Some(index), key);
        }
        let key = self.key_index(&parts);
        match self.sessions.insert(&self.hasher, &self.tenants, hash, Session::new(id, tenant, key)) {
            Found::At(index) => (Some(index), key),
            Found::InsteadOf(index, fallen) => {
                self.count_sessionless(&fallen);
                (Some(index), key)
            }
            Found::BeyondCap => (None, key),
        }
    }

    fn key_index(&mut self, parts: &KeyParts<'_>) -> u32 {
        let names = (parts.edge, parts.tenant, parts.streaming_format, parts.stream_type);
        self.rollups.index_of(self.hasher.hash_one(names), parts)
    }

    /// A session that fell out of the cap counts at its edges only.
    fn count_sessionless(&mut self, fallen: &Session) {
        for part in fallen.parts() {
            let key = self.rollups.resolve(part.key);
            if let Some(rollup) = self.rollups.get_mut(key) {
                rollup.sessionless.merge(&part.counters);
            }
        }
    }

    fn note_facts(&mut self, index: usize, key: u32, event: &Event<'_>, context: &Context<'_>) {
        let Self { sessions, rollups, contents, hasher, start, facts_cap, .. } = self;
        let Some(session) = sessions.get_mut(index) else { return };
        let after_start_ms = u32::try_from(context.time.as_millis().saturating_sub(start.as_millis())).unwrap_or(0);
        note_signs(&mut session.signs, event, after_start_ms, key, rollups);
        if let Some(content) = event.keys.cid.as_deref().filter(|content| *content != UNKNOWN) {
            note_content(session, contents, hasher, content, after_start_ms);
        }
        // Of the record's own names: whether its key is beyond the cap may change while the window is open.
        let key_hash = || if key == 0 { key_parts(event, context).stable_hash() } else { rollups.stable_hash(key) };
        if tells_of_life(event) {
            facts_of(event, after_start_ms, key_hash(), key, &mut |fact| {
                let rare = session.rare.get_or_insert_default();
                rare.is_cut |= !gather(&mut rare.facts, fact, *facts_cap);
            });
        }
        if event.keys.bs == Some(true) {
            let fact = Starved {
                time_ms: context.time.as_millis(),
                request_id: context.request_id.unwrap_or_default().into(),
                bytes: event.delivery.bytes.unwrap_or(0),
                duration_ms: event.keys.d.unwrap_or(0).max(0),
                key_hash: key_hash(),
                key,
            };
            keep(&mut session.rare.get_or_insert_default().starved, fact, *facts_cap);
        }
    }
}

/// A counted record is a sign of life.
fn note_signs(signs: &mut Signs, event: &Event<'_>, after_start_ms: u32, key: u32, rollups: &Rollups) {
    // At the same moment the smaller hash decides, so that the order of arrival does not matter.
    let is_latest = !signs.any()
        || after_start_ms > signs.last_ms
        || after_start_ms == signs.last_ms
            && key != signs.last_key
            && rollups.stable_hash(key) < rollups.stable_hash(signs.last_key);
    if is_latest {
        (signs.last_ms, signs.last_key) = (after_start_ms, key);
    }
    signs.first_ms = signs.first_ms.min(after_start_ms);
    if event.mode != Mode::Request {
        return;
    }
    signs.first_request_ms = signs.first_request_ms.min(after_start_ms);
    let is_urgent = event.keys.su == Some(true);
    if is_urgent {
        signs.first_urgent_ms = signs.first_urgent_ms.min(after_start_ms);
    }
    if let Some(object_type) = event.keys.ot.filter(|object_type| object_type.is_media()) {
        if !is_urgent {
            signs.first_calm_ms = signs.first_calm_ms.min(after_start_ms);
        }
        let buffer_ms = member_for(&event.keys.bl, Some(object_type)).unwrap_or(0).max(0);
        let buffered_ms = buffer_ms.saturating_add(event.keys.d.unwrap_or(0).max(0).saturating_mul(3));
        signs.buffered_ms = signs.buffered_ms.max(u32::try_from(buffered_ms).unwrap_or(u32::MAX));
    }
}

/// The names of the roll-up key that an event counts at.
fn key_parts<'a>(event: &Event<'_>, context: &Context<'a>) -> KeyParts<'a> {
    KeyParts { tenant: context.tenant, edge: context.edge, streaming_format: event.keys.sf, stream_type: event.keys.st }
}

/// The block that an event counts in, and the samples of its edge.
fn block<'a>(
    sessions: &'a mut Sessions,
    rollups: &'a mut Rollups,
    session: Option<usize>,
    key: u32,
) -> Option<(&'a mut Counters, &'a mut Samples)> {
    let rollup = rollups.get_mut(key)?;
    let counters = match session {
        Some(index) => sessions.get_mut(index)?.counters(key),
        None => &mut rollup.sessionless,
    };
    Some((counters, &mut rollup.samples))
}

/// The latest content id counts, by (event time, text): so the order of arrival does not matter.
fn note_content(
    session: &mut Session,
    contents: &mut Names,
    hasher: &impl BuildHasher,
    content: &str,
    after_start_ms: u32,
) {
    let current = session.content;
    let known = contents.get(current.index);
    if current.index != 0 && known == content {
        session.content.after_start_ms = current.after_start_ms.max(after_start_ms);
        return;
    }
    let newer = current.index == 0 || (current.after_start_ms, known) < (after_start_ms, content);
    let other = if newer { known } else { content };
    if current.index != 0 {
        let (hash, others) = (content_hash(other), &mut session.rare.get_or_insert_default().contents);
        if !others.contains(&hash) {
            keep(others, hash, CONTENTS_MAX);
        }
    }
    if newer {
        session.content = Content { after_start_ms, index: contents.intern(hasher, content) };
    }
}

/// What makes a record the same as another: the request id of a log; in event mode, what a player repeats when it sends a
/// report again (session, sequence number, event, time). Published hashes, so that a replay recognises the same ones.
fn event_id(event: &Event<'_>, context: &Context<'_>) -> Option<u64> {
    let Mode::Event(kind) = event.mode else {
        return context.request_id.filter(|_| context.deduplicate).map(|id| stable_hash(id.as_bytes()));
    };
    let (session, number, time) = (context.session?, event.keys.sn?, event.keys.ts?);
    let mut bytes = Vec::with_capacity(96);
    for text in [context.tenant, session] {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes.push(kind as u8);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&time.to_le_bytes());
    Some(stable_hash(&bytes))
}
