//! What participants of calls experienced at an edge, on the metrics page: for each closed window, from the totals behind its edge row.

use super::viewers::{EdgeLabels, spread};
use crate::aggregate::webrtc::{Calls, Measure};
use crate::telemetry as names;

/// Adds one window of one roll-up key.
pub(super) fn report_calls(calls: Calls<'_>, labels: &EdgeLabels) {
    let counters = [
        (names::QOE_WEBRTC_REPORTS, Measure::Records),
        (names::QOE_WEBRTC_DUPLICATES, Measure::Duplicates),
        (names::QOE_WEBRTC_COUNTER_RESETS, Measure::CounterResets),
        (names::QOE_WEBRTC_FREEZES, Measure::VideoInFreezes),
        (names::QOE_WEBRTC_CONCEALED_SAMPLES, Measure::AudioInConcealed),
        (names::QOE_WEBRTC_SAMPLES, Measure::AudioInSamples),
    ];
    for (metric, measure) in counters {
        metrics::counter!(metric.name, labels).increment(calls.sum(measure));
    }
    let requests = [
        (names::QOE_WEBRTC_NACKS, "in", [Measure::AudioInNacks, Measure::VideoInNacks].as_slice()),
        (names::QOE_WEBRTC_NACKS, "out", &[Measure::AudioOutNacks, Measure::VideoOutNacks]),
        (names::QOE_WEBRTC_PLIS, "in", &[Measure::VideoInPlis]),
        (names::QOE_WEBRTC_PLIS, "out", &[Measure::VideoOutPlis]),
    ];
    for (metric, direction, measures) in requests {
        let count = measures.iter().map(|measure| calls.sum(*measure)).sum();
        metrics::counter!(metric.name, &and(labels, "direction", direction)).increment(count);
    }
    let histograms = [
        (names::QOE_WEBRTC_RTT, calls.rtt_us, 1e6),
        (names::QOE_WEBRTC_ICE_RTT, calls.ice_rtt_us, 1e6),
        (names::QOE_WEBRTC_JITTER, calls.jitter_us, 1e6),
        (names::QOE_WEBRTC_LOSS, calls.loss_ppm, 1e6),
        (names::QOE_WEBRTC_FREEZE, calls.freeze_ppm, 1e6),
    ];
    for (metric, sketch, divisor) in histograms {
        spread(sketch, |value, count| {
            metrics::histogram!(metric.name, labels).record_many(value / divisor, count);
        });
    }
    for (kind, sketch) in [("audio", calls.audio_score_milli), ("video", calls.video_score_milli)] {
        let labels = and(labels, "kind", kind);
        spread(sketch, |milli, count| {
            metrics::histogram!(names::QOE_WEBRTC_MOS.name, &labels).record_many(milli / 1000.0, count);
        });
    }
}

fn and(labels: &EdgeLabels, name: &'static str, value: &str) -> [(&'static str, String); 4] {
    let [source, edge, tenant] = labels.clone();
    [source, edge, tenant, (name, value.to_owned())]
}
