//! The row types of CMCD, declared once: names, definitions, and where each value comes from.

use super::counters::{Extreme, Sum, Totals};
use crate::model::{Field, FieldKind, Schema, Tag};

/// Where the value of a field comes from.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Sum(Sum),
    Extreme(Extreme),
    MediaMs,
    StarvationCount,
    /// Needs what the session's past tells, which is not carried across windows yet: always 0, with its count 0.
    NeedsCarry,
}

struct Declared {
    field: Field,
    measure: Measure,
}

const fn integer(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Integer, help }
}

const fn text(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Text, help }
}

const fn sum(name: &'static str, sum: Sum, help: &'static str) -> Declared {
    Declared { field: integer(name, help), measure: Measure::Sum(sum) }
}

const fn extreme(name: &'static str, extreme: Extreme, help: &'static str) -> Declared {
    Declared { field: integer(name, help), measure: Measure::Extreme(extreme) }
}

const fn needs_carry(name: &'static str, help: &'static str) -> Declared {
    Declared { field: integer(name, help), measure: Measure::NeedsCarry }
}

/// How many measurements session rows and edge rows share.
pub(crate) const SHARED: usize = 54;

/// The measurements of session rows and edge rows.
const DECLARED: [Declared; SHARED] = [
    sum(
        "requests_count",
        Sum::Requests,
        "Requests: log lines, queries and header sets, of any object type; not event-mode records.",
    ),
    sum("media_requests_count", Sum::MediaRequests, "Requests whose object type (`ot`) is v, a or av."),
    sum("bytes", Sum::Bytes, "Response bytes of the log."),
    sum("errors_4xx_count", Sum::Errors4xx, "Requests answered 4xx; for event-mode `rr` records, `rc` 400 to 499."),
    sum("errors_5xx_count", Sum::Errors5xx, "Requests answered 5xx; for event-mode `rr` records, `rc` 500 to 599."),
    sum(
        "aborted_count",
        Sum::Aborted,
        "Requests that got no answer: status 000 in the log, `rc=0` in an `rr` record. Not errors.",
    ),
    sum(
        "cache_hits_count",
        Sum::CacheHits,
        "Requests served from a cache, by the carrier's table of results (CloudFront: Hit, RefreshHit, OriginShieldHit).",
    ),
    sum("cache_known_count", Sum::CacheKnown, "Requests whose cache result is known."),
    sum("ttfb_ms_sum", Sum::TtfbMs, "Sum of the times to first byte of the log, whole ms."),
    sum("ttfb_ms_count", Sum::TtfbCount, "Requests with a time to first byte."),
    extreme("ttfb_ms_max", Extreme::TtfbMax, "Longest time to first byte, ms."),
    sum("time_taken_ms_sum", Sum::TimeTakenMs, "Sum of the times from request to last byte of the log, whole ms."),
    sum("time_taken_ms_count", Sum::TimeTakenCount, "Requests with a time taken."),
    extreme("time_taken_ms_max", Extreme::TimeTakenMax, "Longest time taken, ms."),
    sum(
        "video_bitrate_weighted_sum",
        Sum::VideoWeighted,
        "Sum of encoded bitrate (bit/s) × duration (ms) over video requests with both `br` and `d`, bit/s·ms.",
    ),
    sum(
        "video_bitrate_weight_ms",
        Sum::VideoWeightMs,
        "Sum of `d` over the same requests, ms: the divisor of the weighted mean.",
    ),
    sum("video_bitrate_bps_sum", Sum::VideoBitrate, "Sum of encoded bitrates over video requests with `br`, bit/s."),
    sum("video_bitrate_count", Sum::VideoBitrateCount, "Video requests with `br`."),
    sum("audio_bitrate_weighted_sum", Sum::AudioWeighted, "As video_bitrate_weighted_sum, for audio requests."),
    sum("audio_bitrate_weight_ms", Sum::AudioWeightMs, "As video_bitrate_weight_ms, for audio requests."),
    sum("audio_bitrate_bps_sum", Sum::AudioBitrate, "As video_bitrate_bps_sum, for audio requests."),
    sum("audio_bitrate_count", Sum::AudioBitrateCount, "As video_bitrate_count, for audio requests."),
    sum(
        "muxed_bitrate_weighted_sum",
        Sum::MuxedWeighted,
        "As video_bitrate_weighted_sum, for muxed requests (`ot` av).",
    ),
    sum("muxed_bitrate_weight_ms", Sum::MuxedWeightMs, "As video_bitrate_weight_ms, for muxed requests."),
    sum("muxed_bitrate_bps_sum", Sum::MuxedBitrate, "As video_bitrate_bps_sum, for muxed requests."),
    sum("muxed_bitrate_count", Sum::MuxedBitrateCount, "As video_bitrate_count, for muxed requests."),
    sum(
        "top_bitrate_ms",
        Sum::TopBitrateMs,
        "Sum of `d` over video and muxed requests at the top rendition: br·1000 ≥ tb·999.",
    ),
    sum(
        "top_bitrate_known_ms",
        Sum::TopBitrateKnownMs,
        "Sum of `d` over video and muxed requests with `br`, `tb` and `d`.",
    ),
    sum(
        "mtp_bps_sum",
        Sum::Throughput,
        "Sum of the measured throughputs (`mtp`) of all records with one, bit/s; 0 is absent, above 10 Gbit/s is capped.",
    ),
    sum("mtp_bps_count", Sum::ThroughputCount, "Records with a measured throughput."),
    extreme("mtp_bps_min", Extreme::ThroughputMin, "Lowest measured throughput, bit/s."),
    sum("buffer_ms_sum", Sum::BufferMs, "Sum of the buffer lengths (`bl`) of media requests without `su`, ms."),
    sum("buffer_ms_count", Sum::BufferCount, "Media requests without `su` that have `bl`."),
    extreme("buffer_ms_min", Extreme::BufferMin, "Shortest buffer length, ms."),
    sum("startup_requests_count", Sum::StartupRequests, "Records with `su`."),
    sum("starved_requests_count", Sum::StarvedRequests, "Records with `bs`."),
    Declared {
        field: integer(
            "starvation_count",
            "Starvations: clusters of records with `bs` of one session, in order of (event time, request id, bytes); a record opens a cluster if it comes more than max(2000, 2·d of the one before) ms after the one before. At an edge: those whose opening record was at this edge. Inside one window until the session's carry exists.",
        ),
        measure: Measure::StarvationCount,
    },
    sum(
        "deadline_late_count",
        Sum::DeadlineLate,
        "Of the requests in deadline_known_count, those whose time taken is longer than `dl`.",
    ),
    sum("deadline_known_count", Sum::DeadlineKnown, "Media requests with `dl` > 0, no `su` and a known time taken."),
    Declared {
        field: integer(
            "media_ms",
            "Sum of `d` over the session's video requests in the window, else its muxed, else its audio requests, ms. At an edge: the part of it that this edge delivered; records without a session, and sessions beyond the cap, add nothing.",
        ),
        measure: Measure::MediaMs,
    },
    sum("rr_count", Sum::ResponsesReceived, "Event-mode records `rr` (response received)."),
    needs_carry("play_ms", "Time spent playing, ms."),
    needs_carry("stall_ms", "Time spent stalled after playback began, ms."),
    needs_carry("stall_count", "Stalls after playback began."),
    needs_carry("startup_ms_sum", "Sum of startup times, ms."),
    needs_carry("startup_ms_count", "Startups with a known time."),
    needs_carry("seek_ms", "Time spent seeking, ms."),
    needs_carry("dropped_frames_count", "Dropped frames."),
    needs_carry("sn_lost_count", "Reports lost on the way, by gaps in the sequence numbers of event mode."),
    needs_carry("player_errors_count", "Errors that players reported."),
    sum(
        "records_late_count",
        Sum::RecordsLate,
        "Records that came after their window was final. They count here and nowhere else: in the window that holds their append time, at their own session and edge.",
    ),
    sum(
        "records_clamped_count",
        Sum::RecordsClamped,
        "Records whose own time was out of bounds and was moved to the nearest bound.",
    ),
    sum(
        "members_rejected_count",
        Sum::MembersRejected,
        "Members of CMCD records that were dropped because they are wrong.",
    ),
    sum(
        "duplicates_count",
        Sum::Duplicates,
        "Records with an id that the window had already seen; they count nowhere else.",
    ),
];

/// The shared measurements of a row, in the order of the declaration; bitrates in bit/s.
pub(crate) fn shared_values(totals: &Totals) -> [i64; SHARED] {
    let mut values = [0; SHARED];
    for (value, declared) in values.iter_mut().zip(&DECLARED) {
        *value = match declared.measure {
            Measure::Sum(sum) => totals.get(sum).saturating_mul(sum.scale()),
            Measure::Extreme(extreme) => totals.extreme_value(extreme).saturating_mul(extreme.scale()),
            Measure::MediaMs => totals.media_ms,
            Measure::StarvationCount => totals.starvation_count,
            Measure::NeedsCarry => 0,
        };
    }
    values
}

const SESSION_FIELDS: [Field; SHARED + 2] = {
    let mut fields = [text("session_id", "The CMCD session id (`sid`)."); SHARED + 2];
    fields[1] = text(
        "content_id",
        "The content id (`cid`) of the session's latest record that has one, by (event time, then text); `unknown` when none has.",
    );
    let mut index = 0;
    while index < SHARED {
        fields[index + 2] = DECLARED[index].field;
        index += 1;
    }
    fields
};

/// One row for each session and window.
pub static SESSION_WINDOW: Schema = Schema {
    measurement: "session_window",
    help: "One row for each session and window. The timestamp is the window's start plus hash(session id) (XXH3-64, seed 0) mod the window's length in nanoseconds; ties inside a partition are moved by 1 ns each, in order of session id, wrapping at the window's length. Truncate it to the window.",
    tags: &[
        Tag {
            name: "edge",
            help: "The edge with most requests of this session in the window (ties by name); `unknown` if none, `other` if it is beyond the cap.",
        },
        Tag { name: "shard", help: "The source partition, as text." },
        Tag { name: "source", help: "The name of the source in the topology." },
        Tag { name: "tenant", help: "The record header `qoe-tenant`, else `default`." },
    ],
    fields: &SESSION_FIELDS,
};

/// How many fields only edge rows have.
pub(crate) const EDGE_ONLY_COUNT: usize = 21;

/// The fields that only edge rows have, after the shared ones.
const EDGE_ONLY: [Field; EDGE_ONLY_COUNT] = [
    integer("buffer_low_count", "Of the requests in buffer_ms_count, those below 1 s."),
    integer(
        "sessions_count",
        "Distinct sessions with a request at this edge in the window, without those beyond the cap. Exact in a row of the shortest window; in a longer one it is sessions_estimate, because a session can be in several of its windows.",
    ),
    integer(
        "sessions_peak",
        "The most sessions (exact) that one of the shortest windows had at this edge: how many there were at once. In a row of the shortest window it is sessions_count.",
    ),
    integer(
        "sessions_estimate",
        "Distinct sessions as sessions_count has them, by HyperLogLog (4096 registers; XXH3-64, seed 0, of tenant, a zero byte and session id; Ertl's estimator of 2017): standard error 1.04/√4096 = 1.6 %, by nearly nothing for a few hundred. At every window length.",
    ),
    integer(
        "sessions_starved_count",
        "Of these, those with at least one starvation that began at this edge. Exact in a row of the shortest window, by HyperLogLog in a longer one.",
    ),
    integer(
        "partitions_missing_count",
        "Source partitions that lagged by more than `max_skew_ms` when the row was made, so that their part is not in it; 0 = the row is complete. In a row of a longer window, the most that were missing when it or a window in it was closed.",
    ),
    integer("ttfb_ms_p50", "Median time to first byte, whole ms (DDSketch, 1 % relative error)."),
    integer("ttfb_ms_p90", "90th percentile of the time to first byte, ms."),
    integer("ttfb_ms_p95", "95th percentile of the time to first byte, ms."),
    integer("ttfb_ms_p99", "99th percentile of the time to first byte, ms."),
    integer("time_taken_ms_p50", "Median time taken, whole ms (DDSketch, 1 % relative error)."),
    integer("time_taken_ms_p90", "90th percentile of the time taken, ms."),
    integer("time_taken_ms_p95", "95th percentile of the time taken, ms."),
    integer("time_taken_ms_p99", "99th percentile of the time taken, ms."),
    integer("mtp_bps_p50", "Median measured throughput, bit/s (DDSketch, 1 % relative error)."),
    integer("mtp_bps_p90", "90th percentile of the measured throughput, bit/s."),
    integer("mtp_bps_p95", "95th percentile of the measured throughput, bit/s."),
    integer("mtp_bps_p99", "99th percentile of the measured throughput, bit/s."),
    text(
        "ttfb_ms_sketch",
        "The sketch of the times to first byte, base64 of DDSketch's Java-compatible encoding; merges over any range.",
    ),
    text("time_taken_ms_sketch", "The sketch of the times taken, base64."),
    text("mtp_bps_sketch", "The sketch of the measured throughputs, base64."),
];

const EDGE_FIELDS: [Field; SHARED + EDGE_ONLY_COUNT] = {
    let mut fields = [EDGE_ONLY[0]; SHARED + EDGE_ONLY_COUNT];
    let mut index = 0;
    while index < fields.len() {
        fields[index] = if index < SHARED { DECLARED[index].field } else { EDGE_ONLY[index - SHARED] };
        index += 1;
    }
    fields
};

/// One row for each roll-up key (source, tenant, edge, CDN, streaming format, stream type) and window.
pub static EDGE_WINDOW: Schema = Schema {
    measurement: "edge_window",
    help: "One row for each source, tenant, edge, CDN, streaming format, stream type and window, over all partitions, at three window lengths. A row of 1 min or 1 h is its shorter windows put together: sums add, extremes and sketches merge, percentiles come from the merged sketches. The timestamp is the window's start.",
    tags: &[
        Tag { name: "cdn", help: "The CDN that the topology declares for the source." },
        Tag {
            name: "edge",
            help: "The record's own point of presence (the rightmost of a chain), else the header `qoe-edge`, else `unknown`; `other` for keys beyond the cap.",
        },
        Tag { name: "source", help: "The name of the source in the topology." },
        Tag { name: "stream_type", help: "CMCD `st`: vod, live, low_latency_live, unknown." },
        Tag { name: "streaming_format", help: "CMCD `sf`: dash, hls, hesp, smooth, other, unknown." },
        Tag { name: "tenant", help: "The record header `qoe-tenant`, else `default`." },
        Tag {
            name: "window",
            help: "The window's length: `10s`, `1m`, `1h`. Rows of one length hold everything; never add two lengths up.",
        },
    ],
    fields: &EDGE_FIELDS,
};
