//! The row types of WebRTC statistics: the measurements, and what only some rows have.

use super::found::Path;
use super::measure::{FIELDS, MEASURES};
use crate::model::{Field, FieldKind, Schema, Tag};

const fn integer(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Integer, help }
}

const fn text(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Text, help }
}

const SOURCE: Tag = Tag { name: "source", help: "The name of the source in the topology." };
const TENANT: Tag = Tag { name: "tenant", help: "The record header `qoe-tenant`, else `default`." };
const SHARD: Tag = Tag { name: "shard", help: "The source partition, as text." };

const SESSION_ID: Field = text(
    "session_id",
    "`app|call|participant`, each with `%`, `|` and control characters percent-escaped; of a part longer than 128 bytes its beginning, `~` and its XXH3-64.",
);
const CONTENT_ID: Field = text("content_id", "The call, as it is in session_id.");
const PATH: Field = text(
    "connection_class",
    "How the client was connected last: `host`, `reflexive` (server or peer reflexive), `tcp` (either over TCP), `relay_udp`, `relay_tcp`, `relay_tls`, `unknown`.",
);

/// How many fields only `session_window` rows have, before the measurements.
pub(super) const WINDOW_ONLY_COUNT: usize = 5;

const WINDOW_ONLY: [Field; WINDOW_ONLY_COUNT] = [
    SESSION_ID,
    CONTENT_ID,
    PATH,
    text(
        "in_score_reasons",
        "What the scores of the worst streams received lost, MOS * 1000, the most first: `audio_concealment:-630,audio_delay:-120`. Audio loses by `concealment` (or `loss`), `delay`, `codec`; video by `freeze`, `frame_rate`, `compression`, `delay`. Empty = nothing, or no score.",
    ),
    text("out_score_reasons", "The same for those sent."),
];

/// How many fields only `session` rows have, before the measurements.
pub(super) const FINISHED_ONLY_COUNT: usize = 9;

const FINISHED_ONLY: [Field; FINISHED_ONLY_COUNT] = [
    SESSION_ID,
    CONTENT_ID,
    PATH,
    integer("started_ms", "Event time of the session's first report, ms since the Unix epoch."),
    integer("ended_ms", "Event time of its last report."),
    text("end_reason", "`leave`: the participant left; `idle`: nothing came for 120 s."),
    integer(
        "connections_count",
        "Peer connections; one that began anew under its name counts in reconnects_count instead.",
    ),
    integer("worst_score_milli", "The score of its worst window, MOS * 1000; 0 = none has a score."),
    integer("worst_window_ms", "When that window began, ms since the Unix epoch."),
];

/// The sketches, each with how it is measured.
pub(super) const SKETCHES: usize = 8;
/// The percentiles of each sketch.
pub(super) const QUANTILES: [f64; 5] = [0.05, 0.10, 0.50, 0.90, 0.99];

macro_rules! sketched {
    ($($name:literal $over:literal $help:literal;)*) => {
        const PERCENTILES: &[Field] = &[$(
            integer(concat!($name, "_p05"), concat!("5th percentile over ", $over, ": ", $help)),
            integer(concat!($name, "_p10"), concat!("10th percentile over ", $over, ": ", $help)),
            integer(concat!($name, "_p50"), concat!("Median over ", $over, ": ", $help)),
            integer(concat!($name, "_p90"), concat!("90th percentile over ", $over, ": ", $help)),
            integer(concat!($name, "_p99"), concat!("99th percentile over ", $over, ": ", $help)),
        )*];
        const ENCODED: &[Field] = &[$(
            text(concat!($name, "_sketch"), concat!("The sketch behind ", $name, "_p50, base64 of DDSketch's Java-compatible encoding; merges over any range.")),
        )*];
    };
}

sketched! {
    "rtt_us" "windows of sessions" "the mean round trip time by RTCP, microseconds (DDSketch, 1 % relative error; 0 when there is none).";
    "ice_rtt_us" "windows of sessions" "the mean round trip time by ICE, microseconds.";
    "jitter_us" "windows of sessions" "the mean jitter of what is received, microseconds.";
    "loss_ppm" "windows of sessions" "the share of packets that did not arrive, 1e-6.";
    "audio_in_score_milli" "windows of sessions" "the score of audio received, MOS * 1000.";
    "video_in_score_milli" "windows of sessions" "the score of video received, MOS * 1000.";
    "freeze_ppm" "windows of sessions" "the share of time that video received was frozen, 1e-6.";
    "session_duration_ms" "sessions that became final (sessions_ended_count)" "the time from first to last report, ms.";
}

const COUNTS: [Field; Path::ALL.len() + 5] = [
    integer(
        "sessions_count",
        "Distinct sessions with a report at this edge in the window, without those beyond the cap. Exact in a row of the shortest window; in a longer one it is sessions_estimate.",
    ),
    integer(
        "sessions_ended_count",
        "Sessions that became final at the window's end (rows of `session`), at the roll-up key with most reports of the session.",
    ),
    integer(
        "sessions_unknown_count",
        "Sessions of which no path was known to be in use. In rows of longer windows these seven count a session once for each of its shortest windows.",
    ),
    integer("sessions_host_count", "Sessions connected from their own address."),
    integer("sessions_reflexive_count", "Sessions connected from an address that a server or the far end saw."),
    integer("sessions_tcp_count", "Either of these, over TCP."),
    integer("sessions_relay_udp_count", "Sessions connected by a relay, reached over UDP."),
    integer("sessions_relay_tcp_count", "Sessions connected by a relay, reached over TCP."),
    integer("sessions_relay_tls_count", "Sessions connected by a relay, reached over TLS."),
    integer("sessions_peak", "The most sessions (exact) that one of the shortest windows had at this edge."),
    integer(
        "sessions_estimate",
        "Distinct sessions by HyperLogLog (4096 registers; XXH3-64, seed 0, of tenant, a zero byte and session id): standard error 1.6 %.",
    ),
    integer(
        "partitions_missing_count",
        "Source partitions that lagged by more than `max_skew_ms` when the row was made, so that their part is not in it; 0 = the row is complete.",
    ),
];

/// How many fields only edge rows have, after the measurements.
pub(super) const EDGE_ONLY_COUNT: usize = COUNTS.len() + PERCENTILES.len() + ENCODED.len();

/// One list of fields after the other.
const fn joined<const N: usize>(lists: &[&[Field]]) -> [Field; N] {
    let mut fields = [SESSION_ID; N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            fields[at] = lists[list][index];
            index += 1;
            at += 1;
        }
        list += 1;
    }
    fields
}

/// The fields of `session_window` rows.
pub(super) const WINDOW_FIELDS: usize = WINDOW_ONLY_COUNT + MEASURES;
/// The fields of `session` rows.
pub(super) const FINISHED_FIELDS: usize = FINISHED_ONLY_COUNT + MEASURES;

/// One row for each session and window.
pub static SESSION_WINDOW: Schema = Schema {
    measurement: "session_window",
    dialect: "webrtc",
    help: "WebRTC: one row for each participant of a call (all of its peer connections together) and window. What grew between two reports counts in the window; over a boundary it is split by time. The timestamp is the window's start plus hash(session id) (XXH3-64, seed 0) mod the window's length in nanoseconds, as for other sources.",
    tags: &[
        Tag {
            name: "edge",
            help: "The edge with most reports of this session in the window (ties by name); `other` if it is beyond the cap.",
        },
        SHARD,
        SOURCE,
        TENANT,
    ],
    fields: &joined::<WINDOW_FIELDS>(&[&WINDOW_ONLY, &FIELDS]),
};

/// One row for each session that is over.
pub static SESSION: Schema = Schema {
    measurement: "session",
    dialect: "webrtc",
    help: "WebRTC: one row for each participant of a call who left or of whom nothing came for 120 s, with the totals of the whole session: those of its windows, and what grew over gaps. It belongs to the first boundary with that time before the window that ends there; the timestamp is that boundary plus hash(session id) as in `session_window`.",
    tags: &[
        Tag {
            name: "edge",
            help: "The edge with most reports of the session (ties by name), of the 8 that are remembered.",
        },
        SHARD,
        SOURCE,
        TENANT,
    ],
    fields: &joined::<FINISHED_FIELDS>(&[&FINISHED_ONLY, &FIELDS]),
};

/// One row for each roll-up key (source, tenant, edge, region, app) and window.
pub static EDGE_WINDOW: Schema = Schema {
    measurement: "edge_window",
    dialect: "webrtc",
    help: "WebRTC: one row for each source, tenant, edge, region, app and window, over all partitions, at three window lengths: the sums of the windows of the sessions there, and percentiles over them. The timestamp is the window's start.",
    tags: &[
        Tag { name: "app", help: "The application; `unknown` if the report does not say." },
        Tag {
            name: "edge",
            help: "The record header `qoe-edge`, else the report's own (the SFU), else `unknown`; `other` for keys beyond the cap.",
        },
        Tag { name: "region", help: "Where that is, by the report; `unknown` if it does not say." },
        SOURCE,
        TENANT,
        Tag {
            name: "window",
            help: "The window's length: `10s`, `1m`, `1h`. Rows of one length hold everything; never add two lengths up.",
        },
    ],
    fields: &joined::<{ MEASURES + EDGE_ONLY_COUNT }>(&[&FIELDS, &COUNTS, PERCENTILES, ENCODED]),
};
