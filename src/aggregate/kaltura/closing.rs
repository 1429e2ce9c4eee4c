//! Closing a window: what each of its sessions did, and how it lives on.

use super::counts::Counts;
use super::facet::{Names, Part};
use super::identity::Key;
use super::life::Life;
use super::retention::Watched;
use super::sample::{Sample, Samples};
use super::scene::{Scene, Scenes};
use super::walk::{Block, Blocks, Walk};
use crate::model::bytes::Writer;
use crate::model::kaltura::{Entries, Entry};
use crate::model::{Boundary, Carries};

/// What all sessions of a closing window share.
pub(super) struct Closing<'w> {
    start: Boundary,
    length_ms: i64,
    samples_cap: usize,
    scenes: &'w Vec<Box<str>>,
    known: &'w dyn Entries,
    samples: Vec<Sample>,
    carry: Writer,
    pub(super) carries_damaged: u64,
}

impl<'w> Closing<'w> {
    pub(super) fn new(
        start: Boundary,
        length_ms: i64,
        samples_cap: usize,
        scenes: &'w Vec<Box<str>>,
        known: &'w dyn Entries,
    ) -> Self {
        let (samples, carry) = (Vec::new(), Writer::default());
        Self { start, length_ms, samples_cap, scenes, known, samples, carry, carries_damaged: 0 }
    }

    /// Closes one session: hands out what it did, and writes its carry. Returns the scene with most of its beacons, and all it did.
    pub(super) fn close(
        &mut self,
        name: &str,
        samples: &Samples,
        is_reused: bool,
        carries: &mut dyn Carries,
        parts: &mut dyn FnMut(&Part<'_>),
    ) -> (u32, Counts) {
        let Self { start, length_ms, samples_cap, scenes, known, samples: sorted, carry: out, carries_damaged } = self;
        let key = Key::of(name);
        let known = known.find(key.partner, key.entry);
        samples.sorted(start.as_millis(), *samples_cap, *scenes, sorted);
        let carried = carries.get(name.as_bytes()).map(Life::read);
        *carries_damaged += u64::from(matches!(carried, Some(Err(_))));
        let carried = carried.and_then(Result::ok);
        let opens = carried.is_none();
        let first_ms = sorted.first().map_or(start.as_millis(), |sample| sample.time_ms);
        let mut life = carried.unwrap_or_else(|| Life::begin(first_ms));
        let mut walk = Walk::new(&mut life, known.as_deref().and_then(|known| known.duration_ms));
        sorted.iter().for_each(|sample| walk.count(sample, Scene::of(scenes.text(sample.scene)).playback));
        let is_alive = walk.is_alive;
        let (mut blocks, watched) = walk.finish();
        // What is beyond the cap was a beacon, and nothing more is known of it.
        let beyond = i64::try_from(samples.count.saturating_sub(sorted.len())).unwrap_or(i64::MAX);
        if let Some(block) = blocks.first_mut() {
            block.counts.records = block.counts.records.saturating_add(beyond);
            block.counts.sessions_reused += i64::from(is_reused);
        }
        let (scene, totals) = put_together(&blocks, *scenes);
        let whole = Whole { key, blocks: &blocks, main: scene, watched: &watched, known: known.as_deref() };
        whole.hand_out(*scenes, parts);
        if is_alive || !opens {
            life.totals.merge(&totals);
            blocks.iter().for_each(|block| life.add_scene(scenes.text(block.scene), block.counts.records));
            life.settle(start.plus(*length_ms).as_millis());
            out.clear();
            life.write(out);
            let until = Boundary::from_millis(life.time_out_ms()).plus(*length_ms);
            carries.put(name.as_bytes(), out.as_bytes(), until);
        }
        (scene, totals)
    }

    /// Hands out what beacons of no session did: each for itself.
    pub(super) fn count_each(&mut self, key: Key<'_>, samples: &Samples, parts: &mut dyn FnMut(&Part<'_>)) {
        let Self { start, samples_cap, scenes, known, samples: sorted, .. } = self;
        let known = known.find(key.partner, key.entry);
        let known = known.as_deref();
        samples.sorted(start.as_millis(), *samples_cap, *scenes, sorted);
        for sample in sorted.iter() {
            let mut life = Life::begin(sample.time_ms);
            let mut walk = Walk::new(&mut life, known.and_then(|known| known.duration_ms));
            walk.count(sample, Scene::of(scenes.text(sample.scene)).playback);
            for block in &walk.finish().0 {
                let facet = Scene::of(scenes.text(block.scene)).facet(key.tenant, key.entry);
                parts(&Part { facet, counts: &block.counts, watched: None, known, names: None });
            }
        }
    }
}

/// All blocks together, and the scene with most beacons (ties by its text).
fn put_together(blocks: &Blocks, scenes: &impl Scenes) -> (u32, Counts) {
    let mut totals = Counts::default();
    blocks.iter().for_each(|block| totals.merge(&block.counts));
    let text = |block: &Block| scenes.text(block.scene);
    let main = blocks
        .iter()
        .max_by(|left, right| left.counts.records.cmp(&right.counts.records).then_with(|| text(right).cmp(text(left))));
    (main.map_or(0, |block| block.scene), totals)
}

/// What a session did in a window.
struct Whole<'a> {
    key: Key<'a>,
    blocks: &'a Blocks,
    /// The scene with most beacons.
    main: u32,
    watched: &'a Watched,
    known: Option<&'a Entry>,
}

impl Whole<'_> {
    /// Hands out the parts; what was watched goes with the first one in the main scene.
    fn hand_out(&self, scenes: &impl Scenes, parts: &mut dyn FnMut(&Part<'_>)) {
        let session = self.key.session_hash();
        let mut watched = Some(self.watched);
        for block in self.blocks {
            let facet = Scene::of(scenes.text(block.scene)).facet(self.key.tenant, self.key.entry);
            let names = Some(Names { session, viewer: block.viewer });
            let watched = if block.scene == self.main { watched.take() } else { None };
            parts(&Part { facet, counts: &block.counts, watched, known: self.known, names });
        }
    }
}
