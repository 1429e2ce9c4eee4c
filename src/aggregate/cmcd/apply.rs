//! Which measurements one event adds to. The definitions are those of the reference page, field by field.

use super::counters::{Counters, Extreme, Sum};
use super::keys::Samples;
use crate::model::cmcd::{Cache, Delivery, Event, EventKind, Keys, Mode, ObjectType, Outcome, member_for};

/// Above this a measured throughput is capped: 10 Gbit/s, in kbit/s.
const THROUGHPUT_CAP_KBPS: u64 = 10_000_000;
/// A buffer below this is low, ms.
const LOW_BUFFER_MS: u64 = 1000;

/// Counts `event` in the block of its session at its edge (or of the edge alone), and its samples in the edge's samples.
pub(super) fn apply(event: &Event<'_>, counters: &mut Counters, samples: &mut Samples) {
    let keys = &event.keys;
    counters.add(Sum::MembersRejected, u64::from(event.members_rejected));
    match event.mode {
        Mode::Request => apply_request(event, counters, samples),
        Mode::Event(EventKind::ResponseReceived) => {
            counters.count(Sum::ResponsesReceived);
            let status = keys.rc.and_then(|code| u16::try_from(code).ok());
            apply_outcome(status.and_then(Outcome::from_status), counters);
        }
        Mode::Event(_) => {}
    }
    if let Some(throughput) = positive(member_for(&keys.mtp, keys.ot)) {
        let throughput = throughput.min(THROUGHPUT_CAP_KBPS);
        counters.extreme(Extreme::ThroughputMin, throughput);
        counters.add(Sum::Throughput, throughput);
        counters.count(Sum::ThroughputCount);
        samples.throughput_bps.add(throughput * 1000);
    }
    if keys.su == Some(true) {
        counters.count(Sum::StartupRequests);
    }
    if keys.bs == Some(true) {
        counters.count(Sum::StarvedRequests);
    }
}

fn apply_request(event: &Event<'_>, counters: &mut Counters, samples: &mut Samples) {
    counters.count(Sum::Requests);
    apply_delivery(&event.delivery, counters, samples);
    let Some(object_type) = event.keys.ot else { return };
    if !object_type.is_media() {
        return;
    }
    counters.count(Sum::MediaRequests);
    apply_bitrate(&event.keys, object_type, counters);
    if event.keys.su == Some(true) {
        return;
    }
    if let Some(buffer) = member_for(&event.keys.bl, Some(object_type)).and_then(|value| u64::try_from(value).ok()) {
        counters.extreme(Extreme::BufferMin, buffer);
        counters.add(Sum::BufferMs, buffer);
        counters.count(Sum::BufferCount);
        if buffer < LOW_BUFFER_MS {
            counters.count(Sum::BufferLow);
        }
    }
    if let (Some(deadline), Some(taken)) = (positive(event.keys.dl), event.delivery.time_taken_ms) {
        counters.count(Sum::DeadlineKnown);
        if taken > deadline {
            counters.count(Sum::DeadlineLate);
        }
    }
}

fn apply_delivery(delivery: &Delivery<'_>, counters: &mut Counters, samples: &mut Samples) {
    if let Some(bytes) = delivery.bytes {
        counters.add(Sum::Bytes, bytes);
    }
    apply_outcome(delivery.outcome, counters);
    if let Some(cache) = delivery.cache {
        counters.count(Sum::CacheKnown);
        if cache == Cache::Hit {
            counters.count(Sum::CacheHits);
        }
    }
    if let Some(ttfb) = delivery.ttfb_ms {
        counters.extreme(Extreme::TtfbMax, ttfb);
        counters.add(Sum::TtfbMs, ttfb);
        counters.count(Sum::TtfbCount);
        samples.ttfb_ms.add(ttfb);
    }
    if let Some(taken) = delivery.time_taken_ms {
        counters.extreme(Extreme::TimeTakenMax, taken);
        counters.add(Sum::TimeTakenMs, taken);
        counters.count(Sum::TimeTakenCount);
        samples.time_taken_ms.add(taken);
    }
}

fn apply_outcome(outcome: Option<Outcome>, counters: &mut Counters) {
    match outcome {
        Some(Outcome::ClientError) => counters.count(Sum::Errors4xx),
        Some(Outcome::ServerError) => counters.count(Sum::Errors5xx),
        Some(Outcome::Aborted) => counters.count(Sum::Aborted),
        Some(Outcome::Success) | None => {}
    }
}

/// The sums of one class of media.
struct ClassSums {
    weighted: Sum,
    weight_ms: Sum,
    bitrate: Sum,
    bitrate_count: Sum,
    duration_ms: Sum,
}

const VIDEO: ClassSums = ClassSums {
    weighted: Sum::VideoWeighted,
    weight_ms: Sum::VideoWeightMs,
    bitrate: Sum::VideoBitrate,
    bitrate_count: Sum::VideoBitrateCount,
    duration_ms: Sum::VideoMs,
};
const AUDIO: ClassSums = ClassSums {
    weighted: Sum::AudioWeighted,
    weight_ms: Sum::AudioWeightMs,
    bitrate: Sum::AudioBitrate,
    bitrate_count: Sum::AudioBitrateCount,
    duration_ms: Sum::AudioMs,
};
const MUXED: ClassSums = ClassSums {
    weighted: Sum::MuxedWeighted,
    weight_ms: Sum::MuxedWeightMs,
    bitrate: Sum::MuxedBitrate,
    bitrate_count: Sum::MuxedBitrateCount,
    duration_ms: Sum::MuxedMs,
};

fn apply_bitrate(keys: &Keys<'_>, object_type: ObjectType, counters: &mut Counters) {
    let class = match object_type {
        ObjectType::Video => &VIDEO,
        ObjectType::Audio => &AUDIO,
        _ => &MUXED,
    };
    let bitrate = positive(member_for(&keys.br, Some(object_type)));
    let duration = positive(keys.d);
    if let Some(duration) = duration {
        counters.add(class.duration_ms, duration);
    }
    let Some(bitrate) = bitrate else { return };
    counters.add(class.bitrate, bitrate);
    counters.count(class.bitrate_count);
    let Some(duration) = duration else { return };
    counters.add(class.weighted, bitrate.saturating_mul(duration));
    counters.add(class.weight_ms, duration);
    if object_type == ObjectType::Audio {
        return;
    }
    if let Some(top) = positive(member_for(&keys.tb, Some(object_type))) {
        counters.add(Sum::TopBitrateKnownMs, duration);
        // dash.js rounds one of the two down and not the other.
        if bitrate.saturating_mul(1000) >= top.saturating_mul(999) {
            counters.add(Sum::TopBitrateMs, duration);
        }
    }
}

/// Zero and below are absent.
fn positive(value: Option<i64>) -> Option<u64> {
    value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0)
}
