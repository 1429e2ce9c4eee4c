//! Closing a window: what each of its sessions did, and how it lives on.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::counts::Counts;
use super::facet::{Names, Part};
use super::identity::Key;
use super::life::Life;
use super::sample::{Sample, Samples};
use super::scene::{Scene, Scenes};
use super::walk::{Block, Walk, Walked};
use crate::model::bytes::Writer;
use crate::model::kaltura::{Entries, Entry};
use crate::model::{Boundary, Carries};

/// What all sessions of a closing window share.
pub(super) struct Closing<'w> {
    start: Boundary,
    length_ms: i64,
    samples_cap: usize,
    texts: &'w Vec<Box<str>>,
    /// The same scenes, taken apart.
    scenes: Vec<Scene<'w>>,
    /// The catalogue.
    known: &'w dyn Entries,
    pub(super) carries_damaged: u64,
    /// Memory that is used again from session to session.
    samples: Vec<Sample>,
    walked: Walked,
    carry: Writer,
}

/// A session of a closing window.
pub(super) struct Session<'a> {
    pub(super) name: &'a str,
    /// Its name taken apart.
    pub(super) key: Key<'a>,
    pub(super) samples: &'a Samples,
    /// Whether more than one player uses its id.
    pub(super) is_reused: bool,
}

impl<'w> Closing<'w> {
    pub(super) fn new(
        start: Boundary,
        length_ms: i64,
        samples_cap: usize,
        texts: &'w Vec<Box<str>>,
        known: &'w dyn Entries,
    ) -> Self {
        let scenes = texts.iter().map(|text| Scene::of(text)).collect();
        let (samples, walked, carry) = (Vec::new(), Walked::default(), Writer::default());
        Self { start, length_ms, samples_cap, texts, scenes, known, carries_damaged: 0, samples, walked, carry }
    }

    /// Closes one session: hands out what it did, writes that for its row, and its carry. Returns the scene with most of its beacons.
    pub(super) fn close(
        &mut self,
        session: &Session<'_>,
        carries: &mut dyn Carries,
        parts: &mut dyn FnMut(&Part<'_>),
        row: &mut Writer,
    ) -> u32 {
        let Session { name, key, samples, is_reused } = *session;
        samples.sorted(self.start.as_millis(), self.samples_cap, self.texts, &mut self.samples);
        let first_ms = self.samples.first().map_or(self.start.as_millis(), |sample| sample.time_ms);
        let mut life = Life::begin(first_ms);
        let carried = carries.get(name.as_bytes()).map(|carry| life.load(carry));
        let opens = carried != Some(Ok(()));
        if let Some(Err(_)) = carried {
            self.carries_damaged += 1;
            life = Life::begin(first_ms);
        }
        let known = self.known.find(key.partner, key.entry);
        let known = known.as_deref();
        let is_alive = self.walk(&mut life, known);
        // What is beyond the cap was a beacon, and nothing more is known of it.
        let beyond = i64::try_from(samples.count.saturating_sub(self.samples.len())).unwrap_or(i64::MAX);
        if let Some(block) = self.walked.blocks.first_mut() {
            block.counts.records = block.counts.records.saturating_add(beyond);
            block.counts.sessions_reused += i64::from(is_reused);
        }
        let blocks = &self.walked.blocks;
        let (scene, totals) = put_together(blocks, self.texts);
        totals.write(row);
        self.hand_out((&key, known), scene, parts);
        if is_alive || !opens {
            life.totals.merge(&totals);
            blocks.iter().for_each(|block| life.add_scene(self.texts.text(block.scene), block.counts.records));
            life.settle(self.start.plus(self.length_ms).as_millis());
            self.carry.clear();
            life.write(&mut self.carry);
            let until = Boundary::from_millis(life.time_out_ms()).plus(self.length_ms);
            carries.put(name.as_bytes(), self.carry.as_bytes(), until);
        }
        scene
    }

    /// Counts the samples of a session; returns whether any of them counts.
    fn walk(&mut self, life: &mut Life<'_>, known: Option<&Entry>) -> bool {
        let mut walk = Walk::new(life, known, &mut self.walked);
        for sample in &self.samples {
            walk.count(sample, self.scenes.get(sample.scene as usize).map(|scene| scene.playback).unwrap_or_default());
        }
        walk.is_alive()
    }

    /// Hands out the parts; what was watched goes with the first one in the main scene.
    fn hand_out(&self, (key, known): (&Key<'_>, Option<&Entry>), main: u32, parts: &mut dyn FnMut(&Part<'_>)) {
        let session = key.session_hash();
        let mut watched = Some(&self.walked.watched);
        for block in &self.walked.blocks {
            let Some(scene) = self.scenes.get(block.scene as usize) else { continue };
            let names = Some(Names { session, viewer: block.viewer });
            let watched = if block.scene == main { watched.take() } else { None };
            let facet = scene.facet(key.tenant, key.entry);
            let flavors = self.flavors_of(block);
            let (counts, flavors, error_code) = (&block.counts, flavors.as_slice(), scene.error_code());
            parts(&Part { facet, counts, flavors, error_code, watched, known, names });
        }
    }

    /// Views by the name of their flavour.
    fn flavors_of(&self, block: &Block) -> SmallVec<[(&'w str, i64); 2]> {
        let texts = self.texts;
        block.flavors.iter().map(|(flavor, count)| (texts.text(*flavor), *count)).collect()
    }

    /// Hands out what beacons of no session did: each for itself.
    pub(super) fn count_each(&mut self, key: &Key<'_>, samples: &Samples, parts: &mut dyn FnMut(&Part<'_>)) {
        let known = self.known.find(key.partner, key.entry);
        let known = known.as_deref();
        samples.sorted(self.start.as_millis(), self.samples_cap, self.texts, &mut self.samples);
        for sample in &self.samples {
            let Some(scene) = self.scenes.get(sample.scene as usize) else { continue };
            let mut life = Life::begin(sample.time_ms);
            Walk::new(&mut life, known, &mut self.walked).count(sample, scene.playback);
            for block in &self.walked.blocks {
                let facet = scene.facet(key.tenant, key.entry);
                let flavors = self.flavors_of(block);
                let (counts, flavors, error_code) = (&block.counts, flavors.as_slice(), scene.error_code());
                parts(&Part { facet, counts, flavors, error_code, watched: None, known, names: None });
            }
        }
    }
}

/// All blocks together, and the scene with most beacons (ties by its text).
fn put_together<'b>(blocks: &'b [Block], scenes: &impl Scenes) -> (u32, Cow<'b, Counts>) {
    if let [block] = blocks {
        return (block.scene, Cow::Borrowed(&block.counts));
    }
    let mut totals = Counts::default();
    blocks.iter().for_each(|block| totals.merge(&block.counts));
    let text = |block: &Block| scenes.text(block.scene);
    let main = blocks
        .iter()
        .max_by(|left, right| left.counts.records.cmp(&right.counts.records).then_with(|| text(right).cmp(text(left))));
    (main.map_or(0, |block| block.scene), Cow::Owned(totals))
}
