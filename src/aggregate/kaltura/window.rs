//! One open window: beacons in, sessions grow.

use std::hash::BuildHasher;

use super::closed::ClosedWindow;
use super::facet::{Device, Part, Place};
use super::identity::{viewer_hash, write_key};
use super::sample::{Flag, Sample, Samples};
use super::scene::{Interned, write_scene};
use crate::aggregate::bounded::Bounded;
use crate::aggregate::source::{Caps, Size, SourceLabels};
use crate::model::kaltura::Beacon;
use crate::model::{Boundary, Carries, EventTime};

/// What is known of a beacon beside its content.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Its time, after clamping: inside this window, except for late beacons.
    pub time: EventTime,
    /// Whether clamping moved it.
    pub clamped: bool,
    /// The tenant; `None` = the account stands for it.
    pub tenant: Option<&'a str>,
    /// Whether the record has a key: only then does it belong to a session.
    pub has_key: bool,
    /// On what the entry is played.
    pub device: Device<'a>,
    /// Where the viewer is.
    pub place: Place<'a>,
}

/// What one partition saw of one window so far.
pub struct Window<H> {
    pub(super) start: Boundary,
    pub(super) length_ms: i64,
    pub(super) sessions: Bounded<Samples, H>,
    pub(super) scenes: Interned,
    /// Beacons of sessions beyond the cap.
    pub(super) beyond: usize,
    hasher: H,
    pub(super) samples_cap: usize,
    /// Memory that is used again from beacon to beacon.
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    key: String,
    scene: String,
}

impl<H: BuildHasher + Clone> Window<H> {
    /// An empty window. `hasher` is for the tables only and should be keyed at random; `expected` sizes them.
    pub fn new(start: Boundary, length_ms: i64, caps: Caps, expected: Size, hasher: H) -> Self {
        Self {
            start,
            length_ms,
            sessions: Bounded::new(caps.sessions, expected.sessions, hasher.clone()),
            scenes: Interned::default(),
            beyond: 0,
            hasher,
            samples_cap: caps.facts,
            scratch: Scratch::default(),
        }
    }

    /// How much it holds.
    pub fn size(&self) -> Size {
        Size { sessions: self.sessions.len(), ids: 0 }
    }

    /// Whether no beacon has come.
    pub fn is_empty(&self) -> bool {
        self.sessions.len() == 0
    }

    /// Keeps a beacon. Copies are found when the window closes, among all that came.
    pub fn absorb(&mut self, beacon: &Beacon<'_>, context: &Context<'_>) {
        self.keep(beacon, context, false);
    }

    /// Keeps a beacon whose own window is final already, and whose append time lies in this one: it is counted as such.
    pub fn absorb_late(&mut self, beacon: &Beacon<'_>, context: &Context<'_>) {
        self.keep(beacon, context, true);
    }

    fn keep(&mut self, beacon: &Beacon<'_>, context: &Context<'_>, is_late: bool) {
        let Self { sessions, scenes, scratch, beyond, .. } = self;
        write_key(&mut scratch.key, context.tenant, beacon, context.has_key);
        write_scene(&mut scratch.scene, beacon, &context.device, &context.place);
        let Some(samples) = sessions.enter(&scratch.key, |fallen| *beyond += fallen.count) else {
            *beyond += 1;
            return;
        };
        let scene = scenes.index_of(&scratch.scene, &self.hasher);
        let mut sample = Sample::of(beacon, context.time.as_millis(), scene, viewer_hash(beacon));
        sample.set(Flag::Late, is_late);
        sample.set(Flag::Clamped, context.clamped);
        samples.push(&sample, self.start.as_millis(), self.samples_cap, scenes);
    }

    /// Ends the window: each of its sessions lives on in its carry. `parts` is handed what they did, for the roll-ups.
    pub fn close(
        self,
        labels: SourceLabels,
        carries: &mut dyn Carries,
        parts: &mut dyn FnMut(&Part<'_>),
    ) -> ClosedWindow {
        ClosedWindow::new(self, labels, carries, parts)
    }
}
