//! Closing a window: what each of its sessions did, at which edge, and how it lives on.

use std::hash::BuildHasher;

use super::connection::{Added, Connected, of_connection};
use super::controller::Recommendation;
use super::edge::EdgeTotals;
use super::found::Path;
use super::keys::{Keys, RollupKey};
use super::layout::Class;
use super::life::{Life, Worst};
use super::measure::Measure;
use super::sample::Sample;
use super::scoring::{Reasons, Stream, keep_worst, score, worst_milli};
use super::session::Session;
use super::totals::Totals;
use super::window::{Settings, Window};
use crate::aggregate::source::UNKNOWN;
use crate::model::bytes::Writer;
use crate::model::hash::stable_hash;
use crate::model::{Boundary, Carries};

/// The parts of edge rows of a window that is closing, by index of their key.
pub(super) struct Edges {
    kept: Vec<(u32, EdgeTotals)>,
}

impl Edges {
    /// With what belongs to no session.
    pub(super) fn new(keys: &Keys) -> Self {
        let of = |entry: &super::keys::Entry| {
            let mut totals = EdgeTotals::default();
            entry.sessionless.count(&mut totals.totals);
            totals
        };
        Self { kept: keys.kept().map(|(index, entry)| (index, of(entry))).collect() }
    }

    fn at(&mut self, index: u32) -> Option<&mut EdgeTotals> {
        let place = self.kept.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.kept.get_mut(place).map(|(_, totals)| totals)
    }

    /// The part of each edge row, in order of the key; without those where nothing was counted.
    pub(super) fn finish(self, keys: &Keys) -> Vec<(RollupKey, EdgeTotals)> {
        let counted = self.kept.into_iter().filter(|(_, totals)| !totals.is_empty());
        let mut edges: Vec<_> =
            counted.filter_map(|(index, totals)| Some((keys.key(index)?.clone(), totals))).collect();
        edges.sort_by(|left, right| left.0.cmp(&right.0));
        edges
    }
}

/// What a session did at one roll-up key.
struct Block {
    key: u32,
    totals: Totals,
    streams: Vec<Stream>,
    gap_us: i64,
}

/// What a window has of a session.
pub(super) struct Closed {
    pub(super) totals: Totals,
    pub(super) path: Path,
    pub(super) reasons: Reasons,
    /// The index of the key with most reports.
    pub(super) key: u32,
}

/// What all sessions of a closing window share.
pub(super) struct Closing<'w, H> {
    pub(super) start: Boundary,
    pub(super) length_ms: i64,
    pub(super) samples_cap: usize,
    pub(super) settings: &'w Settings,
    pub(super) keys: &'w Keys,
    pub(super) next: Option<&'w Window<H>>,
}

/// Memory that is used again from session to session.
#[derive(Default)]
pub(super) struct Scratch {
    samples: Vec<Sample>,
    next: Vec<Sample>,
    carry: Writer,
    pub(super) carries_damaged: u64,
    pub(super) recommendations: Vec<Recommendation>,
}

impl<H: BuildHasher + Clone> Closing<'_, H> {
    /// Closes one session: counts it at its edges, and writes its carry.
    pub(super) fn close(
        &self,
        name: &str,
        session: &Session,
        edges: &mut Edges,
        carries: &mut dyn Carries,
        scratch: &mut Scratch,
    ) -> Closed {
        session.samples.sorted(self.start.as_millis() * 1000, self.samples_cap, &mut scratch.samples);
        scratch.next.clear();
        if let Some(next) = self.next
            && let Some(session) = next.sessions.get(name)
        {
            session.samples.sorted(next.start.as_millis() * 1000, next.samples_cap, &mut scratch.next);
        }
        let carried = match carries.get(name.as_bytes()).map(Life::read) {
            Some(Ok(life)) => Some(life),
            Some(Err(_)) => {
                scratch.carries_damaged += 1;
                None
            }
            None => None,
        };
        let is_alive = session.is_alive();
        let opens = carried.is_none();
        let mut life = carried.unwrap_or_else(|| Life::begin(self.start.as_millis()));
        let (mut blocks, beyond) = self.walk(scratch, &mut life, opens);
        for (key, tally) in &session.tallies {
            block_at(&mut blocks, self.keys.resolve(*key), |block| tally.count(&mut block.totals));
        }
        let closed = self.settle(&mut blocks, &mut life);
        let hash = stable_hash(name.as_bytes());
        for block in &blocks {
            if let Some(edge) = edges.at(block.key) {
                edge.add_session(&block.totals, hash, closed.path);
            }
        }
        if is_alive || !opens {
            life.totals.merge(&closed.totals);
            life.totals.merge(&beyond);
            self.note(&blocks, &closed, &mut life);
            scratch.recommendations.extend(self.recommend(name, &closed, &mut life));
            scratch.carry.clear();
            life.write(&mut scratch.carry);
            let until = Boundary::from_millis(life.time_out_ms()).plus(self.length_ms);
            carries.put(name.as_bytes(), scratch.carry.as_bytes(), until);
        }
        closed
    }

    /// Walks through the connections. Returns what each roll-up key has of them, and what only the session's life has.
    fn walk(&self, scratch: &Scratch, life: &mut Life<'_>, opens: bool) -> (Vec<Block>, Totals) {
        let mut blocks = Vec::new();
        let mut beyond = Totals::default();
        let mut path: Option<(i64, Path)> = None;
        let (mut first_us, mut last_us, mut left_us) = (i64::MAX, i64::MIN, None);
        let boundary_us = self.start.plus(self.length_ms).as_millis().saturating_mul(1000);
        for samples in scratch.samples.chunk_by(|left, right| left.connection == right.connection) {
            let Some(hash) = samples.first().map(|sample| sample.connection) else { continue };
            let (mut past, is_known) = life.take(hash);
            if let Some(connected) = Connected::new(samples, of_connection(&scratch.next, hash), boundary_us, &past) {
                let (first, last) = connected.span_us();
                (first_us, last_us) = (first_us.min(first), last_us.max(last));
                let added = connected.walk(&mut past, is_known);
                beyond.merge(&added.beyond);
                path = path.max(added.path);
                left_us = left_us.max(added.left_us);
                block_at(&mut blocks, self.keys.resolve(connected.key()), |block| block.add(added));
            }
            life.put_back(past);
        }
        if let Some((_, path)) = path {
            life.path = path;
        }
        if first_us <= last_us {
            let (first_ms, last_ms) = (first_us.div_euclid(1000), last_us.div_euclid(1000));
            if opens {
                (life.started_ms, life.last_ms) = (first_ms, last_ms);
            }
            life.last_ms = life.last_ms.max(last_ms);
            life.left_ms = left_us.filter(|left_us| *left_us >= last_us).map(|left_us| left_us.div_euclid(1000));
        }
        derive_beyond(&mut beyond);
        (blocks, beyond)
    }

    /// Scores the parts and puts them together.
    fn settle(&self, blocks: &mut [Block], life: &mut Life<'_>) -> Closed {
        blocks.sort_by(|left, right| self.keys.key(left.key).cmp(&self.keys.key(right.key)));
        let mut reasons = Reasons::default();
        for block in blocks.iter_mut() {
            block.derive(&mut life.left_over_us);
            reasons = score(&self.settings.scores, &block.streams, &mut block.totals);
        }
        let mut totals = Totals::default();
        blocks.iter().for_each(|block| totals.merge(&block.totals));
        if blocks.len() > 1 {
            let parts: Vec<&Totals> = blocks.iter().map(|block| &block.totals).collect();
            keep_worst(&mut totals, &parts);
            // Those of the worst part.
            let worst = blocks.iter().min_by_key(|block| worst_milli(&block.totals).unwrap_or(i64::MAX));
            if let Some(worst) = worst {
                reasons = score(&self.settings.scores, &worst.streams, &mut worst.totals.clone());
            }
        }
        let records = |block: &Block| block.totals.get(Measure::Records);
        let order = |block: &&Block| (records(block), std::cmp::Reverse(self.keys.key(block.key)));
        let key = blocks.iter().max_by(|left, right| order(left).cmp(&order(right))).map_or(0, |block| block.key);
        Closed { totals, path: life.path, reasons, key }
    }

    /// What is recommended for the session now, if there is anything to tell.
    fn recommend(&self, name: &str, closed: &Closed, life: &mut Life<'_>) -> Option<Recommendation> {
        let (score_milli, end) = (worst_milli(&closed.totals)?, self.start.plus(self.length_ms));
        let decision = life.steering.decide(&self.settings.controller, &closed.totals, score_milli, end.as_millis())?;
        let (tenant, session_id) = name.rsplit_once('\0')?;
        Some(Recommendation {
            tenant: tenant.into(),
            session_id: session_id.into(),
            edge: self.keys.key(closed.key).map_or(UNKNOWN.into(), |key| key.edge.clone()),
            time_ms: end.as_millis(),
            action: decision.action,
            fault: decision.fault,
            health: decision.health,
        })
    }

    /// Notes in the session's life where it was, and its worst window.
    fn note<'k>(&'k self, blocks: &[Block], closed: &Closed, life: &mut Life<'k>) {
        for block in blocks {
            let records = block.totals.get(Measure::Records);
            if let Some(key) = self.keys.key(block.key).filter(|_| records > 0) {
                life.add_place(&key.edge, &key.region, &key.app, records);
            }
        }
        if let Some(score_milli) = worst_milli(&closed.totals)
            && (life.worst.score_milli == 0 || score_milli < life.worst.score_milli)
        {
            life.worst = Worst { score_milli, start_ms: self.start.as_millis() };
        }
        life.settle(self.start.plus(self.length_ms).as_millis());
    }
}

/// Changes the block of a key, made when there is none yet.
fn block_at(blocks: &mut Vec<Block>, key: u32, change: impl FnOnce(&mut Block)) {
    match blocks.iter_mut().find(|block| block.key == key) {
        Some(block) => change(block),
        None => {
            let mut block = Block { key, totals: Totals::default(), streams: Vec::new(), gap_us: 0 };
            change(&mut block);
            blocks.push(block);
        }
    }
}

impl Block {
    fn add(&mut self, added: Added) {
        self.totals.merge(&added.totals);
        self.streams.extend(added.streams);
        self.gap_us = self.gap_us.saturating_add(added.gap_us);
    }

    /// Sets what follows from other measurements. Times in whole ms: what is left over goes to the next, so that nothing is lost.
    fn derive(&mut self, left_over_us: &mut [i64; 3]) {
        derive_sums(&mut self.totals);
        let video = self.streams.iter().filter(|stream| stream.class == Class::VideoIn);
        let played_us = video.map(|stream| played_us(&stream.totals)).fold(0, i64::saturating_add);
        let stalled_us = self.totals.get(Measure::VideoInFreezeUs);
        let amounts = [(Measure::PlayMs, played_us), (Measure::StallMs, stalled_us), (Measure::GapMs, self.gap_us)];
        for ((measure, amount_us), left_us) in amounts.into_iter().zip(left_over_us) {
            let all_us = left_us.saturating_add(amount_us);
            self.totals.set(measure, all_us.div_euclid(1000));
            *left_us = all_us.rem_euclid(1000);
        }
    }
}

/// Time of one stream, or of several together, that was not frozen.
fn played_us(totals: &Totals) -> i64 {
    totals.get(Measure::VideoInCoveredUs).saturating_sub(totals.get(Measure::VideoInFreezeUs)).max(0)
}

/// Sets the sums that sources share.
fn derive_sums(totals: &mut Totals) {
    let kinds = [Measure::AudioInBytes, Measure::VideoInBytes, Measure::AudioOutBytes, Measure::VideoOutBytes];
    totals.set(Measure::Bytes, kinds.iter().map(|kind| totals.get(*kind)).fold(0, i64::saturating_add));
    totals.set(Measure::Stalls, totals.get(Measure::VideoInFreezes));
}

/// Sets, of what only the session's life has, what follows from it.
fn derive_beyond(beyond: &mut Totals) {
    derive_sums(beyond);
    beyond.set(Measure::PlayMs, played_us(beyond) / 1000);
    beyond.set(Measure::StallMs, beyond.get(Measure::VideoInFreezeUs) / 1000);
}
