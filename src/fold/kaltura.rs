//! Sources of Kaltura beacons.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::SourceSettings;
use super::kind::{Arrival, DecodeCounts, Kind, Yield};
use crate::aggregate::kaltura::{self, CARRY_VERSION, Context, Rollups, Window, finish_sessions};
use crate::aggregate::{Outcome, Size, SourceLabels};
use crate::catalogue::{AsOf, Catalogue};
use crate::decode::kaltura::{Decoder, without_secrets};
use crate::model::kaltura::{Beacon, Entries, Entry, Rollup, Warning};
use crate::model::{Boundary, Carries, EventTime, Reason, Record};
use crate::surroundings::{Device, Place, Places, Surroundings};

/// How a source of beacons is set up.
#[derive(Clone, Debug, Default)]
pub struct KalturaSettings {
    /// By what its beacons are added up.
    pub rollups: Vec<Rollup>,
    /// The operator's file of places, if there is one.
    pub places: Option<Arc<Places>>,
    /// What the operator tells of entries, if he does.
    pub catalogue: Option<Arc<Catalogue>>,
}

/// By what a source's beacons are added up, and what is known of what they play.
pub struct RollupRules {
    /// The roll-ups that there are.
    pub declared: Vec<Rollup>,
    /// How many keys each of them keeps of a window; the rest counts as `other`.
    pub keys: usize,
    /// What the operator tells of entries.
    pub catalogue: Option<Arc<Catalogue>>,
}

impl RollupRules {
    fn rollups(&self) -> Rollups<RandomState> {
        Rollups::new(&self.declared, self.keys, &RandomState::default())
    }

    /// The catalogue as it counts for a window.
    fn known(&self, start: Boundary) -> Known<'_> {
        Known(self.catalogue.as_deref().map(|catalogue| catalogue.as_of(start)))
    }
}

/// The catalogue as it counts for a window, if there is one.
struct Known<'c>(Option<AsOf<'c>>);

impl Entries for Known<'_> {
    fn find(&self, partner: &str, entry: &str) -> Option<Arc<Entry>> {
        self.0.as_ref()?.find(partner, entry)
    }
}

/// Reads beacons, and finds where they came from.
pub struct BeaconReader {
    decoder: Decoder,
    surroundings: Surroundings,
}

impl BeaconReader {
    /// With the operator's file of places, if there is one.
    pub fn new(places: Option<Arc<Places>>) -> Self {
        Self { decoder: Decoder::default(), surroundings: Surroundings::new(places) }
    }
}

/// A beacon, and where it came from.
pub struct Located<'a> {
    beacon: &'a Beacon<'a>,
    device: Arc<Device>,
    place: Arc<Place>,
}

/// Kaltura beacons, in every form that travels on the bus.
pub struct Kaltura;

impl Kind for Kaltura {
    type Decoder = BeaconReader;
    type Event<'e> = Located<'e>;
    type Window = Window<RandomState>;
    type Rules = RollupRules;

    const CARRY_VERSION: u8 = CARRY_VERSION;

    fn decode(
        reader: &mut BeaconReader,
        record: &Record<'_>,
        each: &mut dyn FnMut(&Located<'_>),
    ) -> Result<(), Reason> {
        let BeaconReader { decoder, surroundings } = reader;
        decoder.decode(record, &mut |beacon| {
            let (device, place) = surroundings.of(beacon);
            each(&Located { beacon, device, place });
        })
    }

    fn take_counts(reader: &mut BeaconReader) -> DecodeCounts {
        let warnings = Warning::ALL.iter().map(|warning| warning.as_str()).zip(reader.decoder.take_warnings());
        let warnings = warnings.filter(|(_, count)| *count > 0).collect();
        // A record is one beacon: no part of it is left out.
        let invalid_members = reader.decoder.take_invalid();
        let unknown_events = reader.decoder.take_unknown_events();
        DecodeCounts { warnings, rejected: Vec::new(), invalid_members, unknown_events }
    }

    fn kept(value: &[u8]) -> Cow<'_, [u8]> {
        without_secrets(value)
    }

    fn forget_rejected(_: &mut BeaconReader) {}

    /// Players send none: a beacon counts when it was received.
    fn time(_: &Located<'_>) -> Option<EventTime> {
        None
    }

    fn members_rejected(located: &Located<'_>) -> u32 {
        located.beacon.members_rejected
    }

    fn window(settings: &SourceSettings, start: Boundary, expected: Size) -> Self::Window {
        Window::new(start, settings.rules.window_ms, settings.caps, expected, RandomState::default())
    }

    fn size(window: &Self::Window) -> Size {
        window.size()
    }

    fn is_empty(window: &Self::Window) -> bool {
        window.is_empty()
    }

    /// Copies are found when the window closes, so that here each beacon counts.
    fn absorb(window: &mut Self::Window, located: &Located<'_>, arrival: &Arrival<'_>) -> Outcome {
        window.absorb(located.beacon, &context(located, arrival));
        Outcome::Counted
    }

    fn absorb_late(window: &mut Self::Window, located: &Located<'_>, arrival: &Arrival<'_>) {
        window.absorb_late(located.beacon, &context(located, arrival));
    }

    fn close(
        window: Self::Window,
        _: Option<&Self::Window>,
        rules: &RollupRules,
        labels: &SourceLabels,
        carries: &mut dyn Carries,
    ) -> Yield {
        let mut rollups = rules.rollups();
        let known = rules.known(window.start());
        let closed = window.close(labels.clone(), &known, carries, &mut |part| rollups.add(part));
        Yield {
            rows: Arc::new(closed.sessions),
            edges: rollups.finish(&labels.source),
            recommendations: Vec::new(),
            carries_damaged: closed.carries_damaged,
        }
    }

    fn finish<'d>(
        due: &mut dyn Iterator<Item = (&'d [u8], &'d [u8])>,
        boundary: Boundary,
        settings: &SourceSettings,
        rules: &RollupRules,
        labels: &SourceLabels,
    ) -> Yield {
        let mut rollups = rules.rollups();
        let window_ms = settings.rules.window_ms;
        let known = rules.known(boundary.plus(-window_ms));
        let finished = finish_sessions(due, boundary, window_ms, labels, &known, &mut |part| rollups.add(part));
        Yield {
            rows: Arc::new(finished.rows),
            edges: rollups.finish(&labels.source),
            recommendations: Vec::new(),
            carries_damaged: finished.carries_damaged,
        }
    }
}

fn context<'a>(located: &'a Located<'_>, arrival: &'a Arrival<'_>) -> Context<'a> {
    let record = arrival.record;
    let Located { device, place, .. } = located;
    Context {
        time: arrival.time,
        clamped: arrival.clamped,
        tenant: record.headers.tenant.filter(|tenant| !tenant.is_empty()),
        has_key: record.key.is_some(),
        device: kaltura::Device { device: device.device, os: &device.os, browser: &device.browser },
        place: kaltura::Place { country: &place.country, region: &place.region, city: &place.city },
    }
}
