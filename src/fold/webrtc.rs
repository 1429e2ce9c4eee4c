//! Sources of WebRTC statistics.

use std::sync::Arc;

use foldhash::fast::RandomState;

use super::SourceSettings;
use super::cmcd::named;
use super::kind::{Arrival, DecodeCounts, Kind, Yield};
use crate::aggregate::rollup::{EdgeKey, Totals};
use crate::aggregate::webrtc::{CARRY_VERSION, Context, EdgeTotals, RollupKey, Settings, Window, finish_sessions};
use crate::aggregate::{Outcome, Size, SourceLabels};
use crate::decode::webrtc::Decoder;
use crate::model::webrtc::{Report, Warning};
use crate::model::{Boundary, Carries, EventTime, Reason, Record};

/// WebRTC statistics, in every shape that travels on the bus.
pub struct Webrtc;

impl Kind for Webrtc {
    type Decoder = Decoder;
    type Event<'e> = Report<'e>;
    type Window = Window<RandomState>;
    type Rules = Settings;

    const CARRY_VERSION: u8 = CARRY_VERSION;

    fn decode(decoder: &mut Decoder, record: &Record<'_>, each: &mut dyn FnMut(&Report<'_>)) -> Result<(), Reason> {
        decoder.decode(record, each)
    }

    fn take_counts(decoder: &mut Decoder) -> DecodeCounts {
        let warnings = Warning::ALL.iter().map(|warning| warning.as_str()).zip(decoder.take_warnings());
        // A record is one report of each of its peer connections, and they are read or left out together.
        DecodeCounts { warnings: warnings.filter(|(_, count)| *count > 0).collect(), ..DecodeCounts::default() }
    }

    fn forget_rejected(_: &mut Decoder) {}

    fn time(report: &Report<'_>) -> Option<EventTime> {
        report.time()
    }

    fn members_rejected(report: &Report<'_>) -> u32 {
        report.members_rejected
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

    fn absorb(window: &mut Self::Window, report: &Report<'_>, arrival: &Arrival<'_>) -> Outcome {
        window.absorb(report, &context(report, arrival))
    }

    fn absorb_late(window: &mut Self::Window, report: &Report<'_>, arrival: &Arrival<'_>) {
        window.absorb_late(report, &context(report, arrival));
    }

    fn close(
        window: Self::Window,
        next: Option<&Self::Window>,
        rules: &Settings,
        labels: &SourceLabels,
        carries: &mut dyn Carries,
    ) -> Yield {
        let closed = window.close_with(next, labels.clone(), carries, rules);
        Yield {
            rows: Arc::new(closed.sessions),
            edges: over_all(closed.edges, labels),
            recommendations: closed.recommendations,
            carries_damaged: closed.carries_damaged,
        }
    }

    fn finish<'d>(
        due: &mut dyn Iterator<Item = (&'d [u8], &'d [u8])>,
        boundary: Boundary,
        settings: &SourceSettings,
        _: &Self::Rules,
        labels: &SourceLabels,
    ) -> Yield {
        let finished = finish_sessions(due, boundary, settings.rules.window_ms, labels);
        Yield {
            rows: Arc::new(finished.rows),
            edges: over_all(finished.edges, labels),
            recommendations: Vec::new(),
            carries_damaged: finished.carries_damaged,
        }
    }
}

/// The keys of a source, seen over all sources.
fn over_all(edges: Vec<(RollupKey, EdgeTotals)>, labels: &SourceLabels) -> Vec<(EdgeKey, Totals)> {
    let whole = |(key, totals): (RollupKey, EdgeTotals)| {
        let RollupKey { tenant, edge, region, app } = key;
        let key = EdgeKey { source: labels.source.clone(), tenant, edge, more: vec![region, app] };
        (key, Totals::Webrtc(Box::new(totals)))
    };
    edges.into_iter().map(whole).collect()
}

fn context<'a>(report: &'a Report<'_>, arrival: &'a Arrival<'_>) -> Context<'a> {
    let record = arrival.record;
    Context {
        time: arrival.time,
        clamped: arrival.clamped,
        tenant: named(record.headers.tenant, "default"),
        edge: named(record.headers.edge.or(report.edge.as_deref()), "unknown"),
        has_key: record.key.is_some(),
    }
}
