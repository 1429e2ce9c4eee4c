//! Sources of CMCD.

use std::sync::Arc;

use foldhash::fast::RandomState;

use super::SourceSettings;
use super::kind::{Arrival, DecodeCounts, Kind, Yield};
use crate::aggregate::cmcd::{CARRY_VERSION, Context, EdgeTotals, RollupKey, Window, finish_sessions};
use crate::aggregate::rollup::{EdgeKey, Totals};
use crate::aggregate::{Outcome, Size, SourceLabels};
use crate::decode::cmcd::Decoder;
use crate::model::cmcd::{Event, Mode, Warning};
use crate::model::{Boundary, Carries, EventTime, Reason, Record};

/// CMCD, from every carrier.
pub struct Cmcd;

impl Kind for Cmcd {
    type Decoder = Decoder;
    type Event<'e> = Event<'e>;
    type Window = Window<RandomState>;
    type Rules = ();

    const CARRY_VERSION: u8 = CARRY_VERSION;

    fn decode(decoder: &mut Decoder, record: &Record<'_>, each: &mut dyn FnMut(&Event<'_>)) -> Result<(), Reason> {
        decoder.decode(record, each)
    }

    fn take_counts(decoder: &mut Decoder) -> DecodeCounts {
        let warnings = Warning::ALL.iter().map(|warning| warning.as_str()).zip(decoder.take_warnings());
        let rejected = Reason::ALL.into_iter().zip(decoder.take_rejected());
        DecodeCounts {
            warnings: warnings.filter(|(_, count)| *count > 0).collect(),
            rejected: rejected.filter(|(_, count)| *count > 0).collect(),
            ..DecodeCounts::default()
        }
    }

    fn forget_rejected(decoder: &mut Decoder) {
        decoder.take_rejected();
    }

    fn time(event: &Event<'_>) -> Option<EventTime> {
        event.time
    }

    fn members_rejected(event: &Event<'_>) -> u32 {
        event.members_rejected
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

    fn absorb(window: &mut Self::Window, event: &Event<'_>, arrival: &Arrival<'_>) -> Outcome {
        window.absorb(event, &context(event, arrival))
    }

    fn absorb_late(window: &mut Self::Window, event: &Event<'_>, arrival: &Arrival<'_>) {
        window.absorb_late(event, &context(event, arrival));
    }

    fn close(
        window: Self::Window,
        _: Option<&Self::Window>,
        (): &(),
        labels: &SourceLabels,
        carries: &mut dyn Carries,
    ) -> Yield {
        let closed = window.close(labels.clone(), carries);
        Yield {
            rows: Arc::new(closed.sessions),
            edges: over_all(closed.edges, labels),
            recommendations: Vec::new(),
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
pub(super) fn over_all(edges: Vec<(RollupKey, EdgeTotals)>, labels: &SourceLabels) -> Vec<(EdgeKey, Totals)> {
    let whole = |(key, totals): (RollupKey, EdgeTotals)| {
        let more = [&*labels.cdn, key.streaming_format, key.stream_type].map(Box::from).into();
        let source = labels.source.clone();
        (EdgeKey { source, tenant: key.tenant, edge: key.edge, more }, Totals::Cmcd(Box::new(totals)))
    };
    edges.into_iter().map(whole).collect()
}

fn context<'a>(event: &'a Event<'_>, arrival: &'a Arrival<'_>) -> Context<'a> {
    let record = arrival.record;
    Context {
        time: arrival.time,
        clamped: arrival.clamped,
        tenant: named(record.headers.tenant, "default"),
        edge: named(event.delivery.edge.or(record.headers.edge), "unknown"),
        session: event.keys.sid.as_deref().filter(|id| record.key.is_some() && !id.is_empty()),
        request_id: request_id(record, event),
        deduplicate: arrival.deduplicate,
    }
}

/// Text for a tag: never empty.
pub(super) fn named<'a>(text: Option<&'a str>, otherwise: &'a str) -> &'a str {
    text.filter(|text| !text.is_empty()).unwrap_or(otherwise)
}

/// The unique id of a request: the log's own, else the header's. A header speaks for the whole record, so it cannot tell the
/// event-mode reports of one body apart.
fn request_id<'a>(record: &'a Record<'_>, event: &'a Event<'_>) -> Option<&'a str> {
    let header = record.headers.request_id.filter(|_| event.mode == Mode::Request);
    event.delivery.request_id.or(header)
}
