//! The row types of CMCD, declared once: names, definitions, and where each value comes from.

use super::counters::{Extreme, LifeSum, Sum, Totals};
use crate::model::{Field, FieldKind, Schema, Tag};

/// Where the value of a field comes from.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Sum(Sum),
    Extreme(Extreme),
    Life(LifeSum),
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

const fn life(name: &'static str, sum: LifeSum, help: &'static str) -> Declared {
    Declared { field: integer(name, help), measure: Measure::Life(sum) }
}

/// How many measurements session rows and edge rows share.
pub(crate) const SHARED: usize = 56;

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
    life(
        "starvation_count",
        LifeSum::Starvations,
        "Starvations: clusters of records with `bs` of one session, in order of (event time, request id, bytes); a record opens a cluster if it comes more than max(2000, 2·d of the one before) ms after the one before, which may lie in an earlier window. At an edge: those whose opening record was at this edge.",
    ),
    sum(
        "deadline_late_count",
        Sum::DeadlineLate,
        "Of the requests in deadline_known_count, those whose time taken is longer than `dl`.",
    ),
    sum("deadline_known_count", Sum::DeadlineKnown, "Media requests with `dl` > 0, no `su` and a known time taken."),
    life(
        "media_ms",
        LifeSum::MediaMs,
        "Sum of `d` over the session's video requests in the window, else its muxed, else its audio requests, ms. At an edge: the part of it that this edge delivered; records without a session, and sessions beyond the cap, add nothing.",
    ),
    sum("rr_count", Sum::ResponsesReceived, "Event-mode records `rr` (response received)."),
    life(
        "play_ms",
        LifeSum::PlayMs,
        "Time spent playing (`sta` p), ms. The time between two signs of life of a session (records of any kind) belongs to the state that held, and counts when the second confirms it, at that one's edge: what a player does after its last sign of life adds nothing. States come from event-mode records, except `rr`; until the first of these, from requests. 0 for sessions without `sta`: see media_ms.",
    ),
    life(
        "stall_ms",
        LifeSum::StallMs,
        "Time spent rebuffering (`sta` r) after the play's first p, ms, as play_ms. Of sessions that have not sent `sta` yet: the growth of `bsda`, else the sum of the `bsd` of event mode.",
    ),
    life(
        "stall_count",
        LifeSum::Stalls,
        "Changes from playing to rebuffering. Of sessions that have not sent `sta` yet: the growth of `bsa`.",
    ),
    life(
        "startup_ms_sum",
        LifeSum::StartupMs,
        "Sum of the startup times of plays, ms: of a session's first play `msd` (from 50 ms to 10 min) if it comes at most 5 s after the first p, else the time from the first s, w or r to the first p; of further plays that time. Up to 10 min. Preloading (d) does not count.",
    ),
    life("startup_ms_count", LifeSum::Startups, "Plays in startup_ms_sum."),
    life(
        "startup_approx_ms_sum",
        LifeSum::StartupApproxMs,
        "Sum over sessions without `sta` of the time from the first request to the first media request without `su`, if requests with `su` came before it, ms, up to 10 min: an upper bound of the startup time.",
    ),
    life("startup_approx_ms_count", LifeSum::StartupsApprox, "Sessions in startup_approx_ms_sum; each counts once."),
    life("seek_ms", LifeSum::SeekMs, "Time spent seeking (`sta` k), ms, as play_ms."),
    life(
        "dropped_frames_count",
        LifeSum::DroppedFrames,
        "Dropped frames: the growth of `dfa`. A value smaller than the one before it is a counter that began again at 0. Of event mode and requests, the one that told of more counts. `rr` records do not count: they are stamped with the start of their request.",
    ),
    life(
        "sn_lost_count",
        LifeSum::ReportsLost,
        "Reports lost on the way: numbers missing in the `sn` of event mode after one more window in which the session reported. A number of 0 or 1 after higher ones begins a new sequence. Reports that came late count here too. Gaps in the `sn` of requests are no loss.",
    ),
    life(
        "player_errors_count",
        LifeSum::PlayerErrors,
        "Errors that players reported: each code of `ec` once in a sequence of `sn` (players repeat them), and each event-mode record `e` without a code.",
    ),
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
            Measure::Life(sum) => totals.life(sum),
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
    dialect: "cmcd",
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

/// How many fields only `session` rows have, before the shared ones.
pub(crate) const FINISHED_ONLY_COUNT: usize = 10;

/// The fields that only `session` rows have.
const FINISHED_ONLY: [Field; FINISHED_ONLY_COUNT] = [
    text("session_id", "The CMCD session id (`sid`)."),
    text("content_id", "The content id (`cid`) of the session's latest record that has one; `unknown` when none has."),
    integer("started_ms", "Event time of the session's first record, ms since the Unix epoch."),
    integer("ended_ms", "Event time of its last record, its last sign of life."),
    text(
        "end_reason",
        "`ended` (`sta` e), `failed` (f), `quit` (q): the player said so, 30 s before; `idle`: nothing came for long enough; `rolled_over`: it lasted for 24 h, and goes on as another session.",
    ),
    integer(
        "plays_count",
        "Plays: 1, and one more for each new state after e, f or q, and for each change of `cid` that comes within 10 s of a new s or of a new sequence of `sn`.",
    ),
    integer("contents_count", "Distinct content ids, up to 16."),
    integer("start_failures_count", "Plays that failed before the first p: by `sta` f, or given up after an `ec`."),
    integer("play_failures_count", "Plays that failed (`sta` f) after the first p."),
    integer("exits_before_start_count", "Plays with s or w that were given up before the first p, without an error."),
];

const FINISHED_FIELDS: [Field; SHARED + FINISHED_ONLY_COUNT] = {
    let mut fields = [FINISHED_ONLY[0]; SHARED + FINISHED_ONLY_COUNT];
    let mut index = 0;
    while index < fields.len() {
        let own = index < FINISHED_ONLY_COUNT;
        fields[index] = if own { FINISHED_ONLY[index] } else { DECLARED[index - FINISHED_ONLY_COUNT].field };
        index += 1;
    }
    fields
};

/// One row for each session that is over.
pub static SESSION: Schema = Schema {
    measurement: "session",
    dialect: "cmcd",
    help: "One row for each session that is over, with the totals of its whole life: those of its `session_window` rows, and what only the end can tell (sn_lost_count of the last reports, a startup of the last 5 s). A session is over 30 s after `sta` e, f or q. Otherwise it is idle when nothing came for 30 min if it is paused or in the background; else for the longer of: with requests, 60 s, or the largest bl + 3·d of its last window with media (at most 30 min); with event mode, 3 times the shortest time of at least 10 s between two records `t` (90 s if there is none; at most 30 min). Late records do not keep it alive. The first record after that opens another session with the same id; reports that only repeat that playback is over open none. The row belongs to the first boundary with the time-out before the window that ends there; the timestamp is that boundary plus hash(session id) as in `session_window`.",
    tags: &[
        Tag {
            name: "edge",
            help: "The edge with most requests of the session (ties by name); without requests, that of its last record. Of 8 edges, those with most requests, the rest is forgotten at the end of a window.",
        },
        Tag { name: "shard", help: "The source partition, as text." },
        Tag { name: "source", help: "The name of the source in the topology." },
        Tag { name: "tenant", help: "The record header `qoe-tenant`, else `default`." },
    ],
    fields: &FINISHED_FIELDS,
};

/// How many fields only edge rows have.
pub(crate) const EDGE_ONLY_COUNT: usize = 25;

/// The fields that only edge rows have, after the shared ones.
const EDGE_ONLY: [Field; EDGE_ONLY_COUNT] = [
    integer("buffer_low_count", "Of the requests in buffer_ms_count, those below 1 s."),
    integer(
        "sessions_count",
        "Distinct sessions with a request at this edge in the window, without those beyond the cap. Exact in a row of the shortest window; in a longer one it is sessions_estimate, because a session can be in several of its windows.",
    ),
    integer(
        "sessions_starved_count",
        "Of these, those with at least one starvation that began at this edge. Exact in a row of the shortest window, by HyperLogLog in a longer one.",
    ),
    integer(
        "sessions_ended_count",
        "Sessions that became final at the window's end (rows of `session`), at the roll-up key with most requests of the session.",
    ),
    integer("start_failures_count", "Of the plays of these sessions, those that failed before the first p."),
    integer("play_failures_count", "Of the plays of these sessions, those that failed after the first p."),
    integer(
        "exits_before_start_count",
        "Of the plays of these sessions, those that were given up before the first p, without an error.",
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
    dialect: "cmcd",
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
