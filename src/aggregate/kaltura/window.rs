//! One open window: beacons in, sessions grow.

use std::hash::BuildHasher;

use super::closed::ClosedWindow;
use super::facet::{Device, Part, Place};
use super::identity::{viewer_hash, write_key};
use super::sample::{Flag, Sample, Samples};
use super::scene::{Interned, write_scene};
use crate::aggregate::bounded::Bounded;
use crate::aggregate::source::{Caps, Size, SourceLabels};
use crate::model::kaltura::{Beacon, Entries};
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
    viewer: String,
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

    /// Where it begins.
    pub const fn start(&self) -> Boundary {
        self.start
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
        let viewer = viewer_hash(&mut scratch.viewer, beacon);
        let mut sample = Sample::of(beacon, context.time.as_millis(), scene, viewer);
        // Names of flavours stand among the scenes: none looks like one.
        sample.flavor = beacon.flavor.as_deref().map(|flavor| scenes.index_of(flavor, &self.hasher));
        sample.set(Flag::Late, is_late);
        sample.set(Flag::Clamped, context.clamped);
        samples.push(&sample, self.start.as_millis(), self.samples_cap, scenes);
    }

    /// Ends the window: each of its sessions lives on in its carry. `known` is the catalogue as it counts for this window; `parts` is handed
    /// what sessions did, for the roll-ups.
    pub fn close(
        self,
        labels: SourceLabels,
        known: &dyn Entries,
        carries: &mut dyn Carries,
        parts: &mut dyn FnMut(&Part<'_>),
    ) -> ClosedWindow {
        ClosedWindow::new(self, labels, known, carries, parts)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::hash::RandomState;

    use super::*;
    use crate::model::kaltura::{Event, Playback};

    const START_MS: i64 = 1_767_600_000_000;

    #[derive(Default)]
    struct Kept(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Carries for Kept {
        fn get(&self, key: &[u8]) -> Option<&[u8]> {
            self.0.get(key).map(|carry| &**carry)
        }

        fn put(&mut self, key: &[u8], value: &[u8], _: Boundary) {
            self.0.insert(key.to_vec(), value.to_vec());
        }
    }

    /// A beacon as a player sends it every 10 s, with all that it may say.
    fn view(session: usize, number: u32) -> Beacon<'static> {
        Beacon {
            event: Event::View,
            partner: 1_234_567,
            entry: "1_abcd1234".into(),
            session: Some(format!("6f1c7d0e-8d1c-4bb5-9f3c-{session:012}").into()),
            index: Some(number + 1),
            position_ms: Some(i64::from(number) * 10_000),
            playback: Playback::Vod,
            speed_permille: Some(1_000),
            play_sum_ms: Some(i64::from(number) * 10_000),
            buffer_ms: Some(120),
            buffer_sum_ms: Some(i64::from(number) * 120),
            bitrate_bps: Some(3_500_032),
            bandwidth_bps: Some(9_801_728),
            manifest_download_ms: Some(85),
            segment_download_ms: Some(412),
            dropped_frames_ppm: Some(120),
            sound_on: Some(true),
            tab_focused: Some(true),
            page: Some("www.example.org/watch".into()),
            player_version: Some("3.17.58".into()),
            ..Beacon::default()
        }
    }

    /// Of 500 sessions that play for two minutes, with windows of 25 s open.
    #[test]
    fn a_session_takes_less_than_1_kb() {
        const SESSIONS: usize = 500;
        let mut windows = BTreeMap::new();
        let caps = Caps { sessions: 1_000, rollup_keys: 9, facts: 64 };
        for number in 0..12 {
            let start = Boundary::from_millis(START_MS + i64::from(number) * 10_000);
            let expected = Size { sessions: SESSIONS, ids: 0 };
            let mut window = Window::new(start, 10_000, caps, expected, RandomState::new());
            for session in 0..SESSIONS {
                let (device, place) = (Device::UNKNOWN, Place::UNKNOWN);
                let time = EventTime::from_millis(start.as_millis() + session as i64);
                let context = Context { time, clamped: false, tenant: None, has_key: true, device, place };
                window.absorb(&view(session, number), &context);
            }
            windows.insert(start, window);
        }
        let mut carries = Kept::default();
        let labels = SourceLabels { source: "s".into(), shard: "0".into(), cdn: "c".into() };
        while windows.len() > 3 {
            let (_, window) = windows.pop_first().unwrap();
            window.close(labels.clone(), &(), &mut carries, &mut |_| {});
        }
        let open: usize = windows.values().map(|window| window.sessions.memory(Samples::memory)).sum();
        let carried: usize = carries.0.iter().map(|(key, carry)| key.len() + carry.len()).sum();
        let (open, carried) = (open / SESSIONS, carried / SESSIONS);
        assert!(open + carried <= 1_024, "{open} bytes in windows, {carried} carried");
    }
}
