//! One open window: reports in, sessions grow.

use std::hash::BuildHasher;

use super::closed::ClosedWindow;
use super::controller::ControllerSettings;
use super::identity::write_key;
use super::keys::{Keys, RollupKey};
use super::layout::Class;
use super::reading::read;
use super::sample::{Sample, places};
use super::score::ScoreSettings;
use super::session::{Session, Sessions};
use super::tally::Tally;
use crate::aggregate::seen::SeenIds;
use crate::aggregate::source::{Caps, Outcome, Size, SourceLabels, UNKNOWN};
use crate::model::hash::StableHasher;
use crate::model::webrtc::Report;
use crate::model::{Boundary, Carries, EventTime};

/// What is known of a report beside its content.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Its time, after clamping: inside this window, except for late records.
    pub time: EventTime,
    /// Whether clamping moved it.
    pub clamped: bool,
    /// The tenant.
    pub tenant: &'a str,
    /// The edge that served it: the record header's, else the report's own.
    pub edge: &'a str,
    /// Whether the record has a key: only then does it belong to a session.
    pub has_key: bool,
}

/// The constants with which windows are closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Those of the scores.
    pub scores: ScoreSettings,
    /// Those of the recommendations.
    pub controller: ControllerSettings,
}

/// What one partition saw of one window so far.
pub struct Window<H> {
    pub(super) start: Boundary,
    pub(super) length_ms: i64,
    pub(super) sessions: Sessions<H>,
    pub(super) keys: Keys,
    /// Published hashes of the reports seen, with all that is used of them.
    seen: SeenIds<H>,
    hasher: H,
    pub(super) samples_cap: usize,
    /// Memory that is used again from report to report.
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    key: String,
    samples: Vec<Sample>,
}

impl<H: BuildHasher + Clone> Window<H> {
    /// An empty window. `hasher` is for the tables only and should be keyed at random; `expected` sizes them.
    pub fn new(start: Boundary, length_ms: i64, caps: Caps, expected: Size, hasher: H) -> Self {
        Self {
            start,
            length_ms,
            sessions: Sessions::new(caps.sessions, expected.sessions, hasher.clone()),
            keys: Keys::new(caps.rollup_keys),
            seen: SeenIds::with_room(expected.ids, &hasher),
            hasher,
            samples_cap: caps.facts,
            scratch: Scratch::default(),
        }
    }

    /// How much it holds.
    pub fn size(&self) -> Size {
        Size { sessions: self.sessions.len(), ids: self.seen.len() }
    }

    /// Whether no report has come.
    pub fn is_empty(&self) -> bool {
        self.sessions.len() == 0 && self.keys.is_empty()
    }

    /// Counts a report.
    pub fn absorb(&mut self, report: &Report<'_>, context: &Context<'_>) -> Outcome {
        let (key, key_hash) = self.key(report, context);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.samples.clear();
        read(report, context.time, context.clamped, (key, key_hash), &mut |sample| {
            scratch.samples.push(sample.clone())
        });
        write_key(&mut scratch.key, context.tenant, report);
        let is_copy = !self.seen.insert(report_id(report, context, &scratch));
        let outcome = if is_copy { Outcome::Duplicate } else { Outcome::Counted };
        let tally = tally_of(report, context, is_copy);
        let start_us = self.start.as_millis().saturating_mul(1000);
        let samples_cap = self.samples_cap;
        match self.session(context, &scratch.key) {
            Some(session) => {
                session.count(key, &tally);
                if !is_copy {
                    let mut hint = 0;
                    let samples = &mut session.samples;
                    scratch.samples.iter().for_each(|one| samples.push(one, start_us, samples_cap, &mut hint));
                }
            }
            None => self.count_sessionless(key, &tally),
        }
        self.scratch = scratch;
        outcome
    }

    /// Counts a report whose own window is final already, and whose append time lies in this one.
    pub fn absorb_late(&mut self, report: &Report<'_>, context: &Context<'_>) {
        let (key, _) = self.key(report, context);
        let mut scratch = std::mem::take(&mut self.scratch);
        write_key(&mut scratch.key, context.tenant, report);
        let tally = Tally { late: 1, ..Tally::default() };
        match self.session(context, &scratch.key) {
            Some(session) => session.count(key, &tally),
            None => self.count_sessionless(key, &tally),
        }
        self.scratch = scratch;
    }

    /// Ends the window: each of its sessions lives on in its carry. `next` is the open window that begins where this one ends, if there
    /// is one: what lies between two samples of which it has the later is split at the boundary.
    pub fn close(self, next: Option<&Self>, labels: SourceLabels, carries: &mut dyn Carries) -> ClosedWindow {
        self.close_with(next, labels, carries, &Settings::default())
    }

    /// [`Self::close`], with other constants.
    pub fn close_with(
        self,
        next: Option<&Self>,
        labels: SourceLabels,
        carries: &mut dyn Carries,
        settings: &Settings,
    ) -> ClosedWindow {
        ClosedWindow::new(self, next, labels, carries, settings)
    }

    /// The session that a report belongs to, if it has one within the cap.
    fn session(&mut self, context: &Context<'_>, key: &str) -> Option<&mut Session> {
        if !context.has_key {
            return None;
        }
        let Self { sessions, keys, .. } = self;
        sessions.enter(key, |fallen| {
            for (key, tally) in &fallen.tallies {
                if let Some(entry) = keys.get_mut(*key) {
                    entry.sessionless.merge(tally);
                }
            }
        })
    }

    fn count_sessionless(&mut self, key: u32, tally: &Tally) {
        if let Some(entry) = self.keys.get_mut(key) {
            entry.sessionless.merge(tally);
        }
    }

    /// The index and the published hash of a report's roll-up key.
    fn key(&mut self, report: &Report<'_>, context: &Context<'_>) -> (u32, u64) {
        let region = named(report.region.as_deref());
        let app = named(Some(&report.app));
        let names = [context.tenant, context.edge, region, app];
        let hash = RollupKey::stable_hash(names);
        (self.keys.index_of(&self.hasher, hash, names), hash)
    }
}

/// Text for a tag: never empty.
fn named(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or(UNKNOWN)
}

fn tally_of(report: &Report<'_>, context: &Context<'_>, is_copy: bool) -> Tally {
    if is_copy {
        return Tally { duplicates: 1, ..Tally::default() };
    }
    Tally {
        records: 1,
        clamped: u32::from(context.clamped),
        members_rejected: report.members_rejected,
        objects_unknown: report.objects_unknown,
        ..Tally::default()
    }
}

/// What makes a report the same as another: its session, its number, and all that is used of it. A published hash, so that a replay
/// recognises the same ones. Since everything is in it, it makes no difference which of two copies counts.
fn report_id(report: &Report<'_>, context: &Context<'_>, scratch: &Scratch) -> u64 {
    let mut hasher = StableHasher::default();
    hasher.bytes(scratch.key.as_bytes());
    for name in [context.edge, report.region.as_deref().unwrap_or_default()] {
        hasher.bytes(name.as_bytes());
    }
    for number in [
        i64::from(context.has_key),
        i64::from(context.clamped),
        report.sequence.unwrap_or(-1),
        report.interval_ms.unwrap_or(-1),
        i64::from(report.members_rejected),
        i64::from(report.objects_unknown),
    ] {
        hasher.integer(number);
    }
    for sample in &scratch.samples {
        for number in [sample.series.cast_signed(), sample.device_us, sample.shift_us] {
            hasher.integer(number);
        }
        // The index of the roll-up key depends on what came before; the key itself is hashed above.
        if sample.class != Class::Report {
            places(sample.mask).for_each(|place| hasher.integer(place as i64));
            places(sample.mask).for_each(|place| hasher.integer(sample.get(place).unwrap_or(0)));
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::hash::RandomState;

    use super::*;
    use crate::decode::webrtc::Decoder;
    use crate::model::webrtc::Content;
    use crate::model::{Headers, Record};

    const START_MS: i64 = 1_767_600_000_000;
    const CAPTURE: &str = include_str!("../../../tests/data/webrtc/chromium147-loss8.json");

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

    /// Absorbs what a real browser said of a connection that receives audio and video, as if it had reported every 5 s.
    fn absorb_all(windows: &mut BTreeMap<i64, Window<RandomState>>) {
        let capture: serde_json::Value = serde_json::from_str(CAPTURE).unwrap();
        for (number, sample) in (0..).zip(capture["out"].as_array().unwrap()) {
            let at_ms = START_MS + number * 5_000;
            let record = serde_json::json!({
                "v": 1, "kind": "getstats", "app": "townhall", "call": "room-7f3a", "participant": "p-114", "pc": "sub-0",
                "edge": "sfu-fra-3", "seq": number, "ts": at_ms, "interval_ms": 5000, "stats": sample["b"],
            });
            let value = record.to_string();
            let headers = Headers::default();
            let record = Record { offset: 0, append_ms: 0, key: None, value: value.as_bytes(), headers };
            let absorb = &mut |report: &Report<'_>| {
                let mut report = report.clone();
                let Content::Stats(objects) = &mut report.content else { return };
                let newest_us = objects.iter().filter_map(|object| object.time_us).max().unwrap();
                let times = objects.iter_mut().filter_map(|object| object.time_us.as_mut());
                times.for_each(|time_us| *time_us += at_ms * 1000 - newest_us);
                let start = Boundary::at_or_before(EventTime::from_millis(at_ms), 10_000);
                let caps = Caps { sessions: 9, rollup_keys: 9, facts: 64 };
                let new = || Window::new(start, 10_000, caps, Size::default(), RandomState::new());
                let time = EventTime::from_millis(at_ms);
                let context = Context { time, clamped: false, tenant: "default", edge: "sfu-fra-3", has_key: true };
                windows.entry(start.as_millis()).or_insert_with(new).absorb(&report, &context);
            };
            Decoder::default().decode(&record, absorb).unwrap();
        }
    }

    #[test]
    fn a_connection_of_two_tracks_takes_less_than_4_kb() {
        let mut windows = BTreeMap::new();
        absorb_all(&mut windows);
        let mut carries = Kept::default();
        let labels = SourceLabels { source: "s".into(), shard: "0".into(), cdn: "c".into() };
        // With 10 s of grace and 5 s of disorder, windows of 25 s are open: two whole ones and a half, or three.
        while windows.len() > 3 {
            let (start_ms, window) = windows.pop_first().unwrap();
            window.close(windows.get(&(start_ms + 10_000)), labels.clone(), &mut carries);
        }
        let open: usize =
            windows.into_values().map(|window| window.sessions.memory(|session| session.samples.memory())).sum();
        let carried: usize = carries.0.iter().map(|(key, carry)| key.len() + carry.len()).sum();
        assert!(open + carried <= 4_096, "{open} bytes in windows, {carried} carried");
    }
}
