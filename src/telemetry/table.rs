//! The table of all metrics.

use super::Kind::{Counter, Gauge, Histogram};
use super::Metric;

/// Seconds that something inside this process or a request to a server takes.
const SHORT_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds that a window may wait.
const DELAY_SECONDS: &[f64] = &[1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 900.0, 3600.0];
/// Seconds to the first byte, as viewers see them.
const TTFB_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0];
/// Bits per second, along the usual bitrate ladders.
const BPS: &[f64] = &[250e3, 500e3, 1e6, 1.5e6, 2.5e6, 4e6, 6e6, 8e6, 12e6, 16e6, 25e6, 50e6, 100e6, 250e6, 1e9];

/// Seconds that a packet takes there and back, or by which its delay varies.
const NETWORK_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0];
/// Shares of a whole.
const SHARES: &[f64] = &[0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];
/// Mean opinion scores; below 3.1 is bad.
const MOS: &[f64] = &[1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.2, 4.3, 4.4, 4.5];
/// The WebRTC monitor's own buckets.
const MONITOR_LATENCY_MS: &[f64] = &[10.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 500.0, 1000.0];
const MONITOR_FRAME_BYTES: &[f64] = &[1_024.0, 5_120.0, 10_240.0, 51_200.0, 102_400.0, 512_000.0, 1_048_576.0];
const MONITOR_DURATION_SECONDS: &[f64] = &[5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
const MONITOR_ICE_MS: &[f64] = &[50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0];

/// Declares each metric once: a constant of that name, and its line in [`METRICS`].
macro_rules! metrics {
    ($($constant:ident = $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };
        )*

        /// Every metric, in the order of the reference page.
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    EVENTS = Counter, "streamgauge_events_total", ["source", "outcome"],
        "Records read, by what became of them: accepted, late, duplicate, dead_letter or tick.";
    DECODE_WARNINGS = Counter, "streamgauge_decode_warnings_total", ["source", "kind"],
        "Departures from the specification that cost no value.";
    UNKNOWN_EVENTS = Counter, "streamgauge_unknown_events_total", ["source", "code"],
        "Kaltura beacons by the number of an event that means nothing here: they count as a sign of life only. Each partition tells 32 numbers apart; the rest is `other`.";
    CATALOGUE_ENTRIES = Gauge, "streamgauge_catalogue_entries", ["source"],
        "Entries that the catalogue tells of.";
    CATALOGUE_AGE = Gauge, "streamgauge_catalogue_age_seconds", ["source"],
        "How long ago everything in the catalogue's topic was known; 0 for a file. Beyond half of `settle_ms` reading stops until it is read on.";
    CATALOGUE_REJECTED = Counter, "streamgauge_catalogue_rejected_total", ["source", "reason"],
        "What was left out of the catalogue: `key` (not `partnerId|entryId`), `value` (no JSON object, no line of CSV), `conflict` (another entry than the key's), `duration` (the rest of the entry counts), `room` (beyond a million entries, or 64 versions of one).";
    MEMBERS_REJECTED = Counter, "streamgauge_members_rejected_total", ["source"],
        "Members of reports that were dropped because they are wrong; the rest of the report counts.";
    MEMBERS_INVALID = Counter, "streamgauge_members_invalid_total", ["source", "member"],
        "Members of Kaltura beacons that were left out because their value cannot be, by the name of the parameter.";
    PARTS_REJECTED = Counter, "streamgauge_parts_rejected_total", ["source", "reason"],
        "Reports of a body and lines of a log file that cannot be read and were left out; the rest of their record counts. A record of which nothing can be read is a dead letter instead.";
    DEAD_LETTERS = Counter, "streamgauge_dead_letters_total", ["source", "reason"],
        "Records and rows that went to the dead letters.";
    LATE_RECORDS = Counter, "streamgauge_late_records_total", ["source"],
        "Records whose window was closed when they came: kept in the topic of late records, never applied.";
    CLAMPED_RECORDS = Counter, "streamgauge_clamped_records_total", ["source"],
        "Records whose own time was outside what the clock of their source allows, and was moved.";
    DUPLICATE_RECORDS = Counter, "streamgauge_duplicate_records_total", ["source"],
        "Records with a request id that their window had seen.";
    TICKS = Counter, "streamgauge_ticks_total", ["source"],
        "Ticks written to silent partitions.";
    WINDOWS_CLOSED = Counter, "streamgauge_windows_closed_total", ["source"],
        "Windows closed.";
    WINDOW_CLOSE_DELAY = Histogram(DELAY_SECONDS), "streamgauge_window_close_delay_seconds", ["source"],
        "From the end of a window to its close, by the clock of the broker.";
    WINDOW_WRITE_DELAY = Histogram(SHORT_SECONDS), "streamgauge_window_write_delay_seconds", [],
        "From the close of a window until the sink has acknowledged its rows.";
    WINDOWS_OPEN = Gauge, "streamgauge_windows_open", ["source", "topic", "partition"],
        "Windows that still take records.";
    WINDOWS_UNACKNOWLEDGED = Gauge, "streamgauge_windows_unacknowledged", ["source", "topic", "partition"],
        "Windows that are closed and not yet acknowledged by the sink.";
    WATERMARK = Gauge, "streamgauge_watermark_seconds", ["source", "topic", "partition"],
        "Highest event time so far less the disorder bound, since the Unix epoch: time() minus this is the delay.";
    FRONTIER = Gauge, "streamgauge_frontier_seconds", ["source", "topic", "partition"],
        "Every window ending at or before this time since the Unix epoch is final, written and acknowledged.";
    POSITION_LAG = Gauge, "streamgauge_position_lag_records", ["source", "topic", "partition"],
        "Records that are in the log and were not read yet. The committed offset is held back on purpose and is no measure of lag.";
    RESUME_DISTANCE = Gauge, "streamgauge_resume_distance_records", ["source", "topic", "partition"],
        "Records that a successor would read again to rebuild what is open.";
    LOG_END = Gauge, "streamgauge_log_end_offset", ["source", "topic", "partition"],
        "The offset behind the newest record.";
    COMMIT_DURATION = Histogram(SHORT_SECONDS), "streamgauge_commit_seconds", ["stage"],
        "How long a commit took, from its begin to the broker's answer.";
    COMMIT_FAILURES = Counter, "streamgauge_commit_failures_total", ["stage", "class"],
        "Commits that failed, by class: abort (nothing happened, the next one tries again), not_member (the group does not know the worker at present), fatal (the worker begins again from what was saved). Nothing is lost by any of them.";
    RESTORE_DURATION = Histogram(SHORT_SECONDS), "streamgauge_restore_seconds", ["stage"],
        "How long it took to read back what was saved of the partitions of an assignment.";
    RESTORE_REMAINING = Gauge, "streamgauge_restore_remaining_records", ["stage"],
        "Records of the state topics that are still to be read back, at most; 0 when no restore is going on.";
    CARRIES_SAVED = Counter, "streamgauge_carries_saved_total", ["stage"],
        "Carries in the pages that commits have saved.";
    CARRIES_DAMAGED = Counter, "streamgauge_carries_damaged_total", ["source"],
        "Saved lives of sessions that could not be read: these sessions began anew. Anything above 0 is a defect.";
    RECOMMENDATIONS = Counter, "streamgauge_recommendations_total", ["source", "action", "fault"],
        "Recommendations for sessions of calls: a step down or up in quality, or to hold after a step, and the side that is at its limit. Counted when decided: after a crash some are decided, and counted, again.";
    CARRIES_LET_GO = Counter, "streamgauge_carries_let_go_total", ["source"],
        "Carries for which their page of 512 KiB had no room: these sessions, or minutes and hours of an edge, began anew. Above 0 somebody makes ids that fall into one page.";
    CARRIES_RESTORED = Counter, "streamgauge_carries_restored_total", ["stage"],
        "Carries that were read back when partitions were taken over.";
    LIVE_SESSIONS = Gauge, "streamgauge_live_sessions", ["source", "topic", "partition"],
        "Sessions that live on from window to window.";
    FRONTIER_MISSING = Counter, "streamgauge_frontier_missing_total", ["source"],
        "Partitions taken over with a committed offset but no saved frontier: from there on at-least-once.";
    OFFSETS_LOST = Counter, "streamgauge_offsets_lost_total", ["source"],
        "Partitions whose committed offset retention had deleted: records were lost before they were read.";
    REBALANCES = Counter, "streamgauge_rebalances_total", ["stage"],
        "Assignments and revocations of partitions.";
    PARTITIONS_STUCK = Gauge, "streamgauge_partitions_stuck", ["stage"],
        "Partitions that have not advanced for two minutes although they have records, the sink keeps up and the bus answers. Above 0 the process is not alive: restart it.";
    BUS_ERRORS = Counter, "streamgauge_bus_errors_total", ["kind"],
        "Errors that the bus clients reported: credentials (refused), connection (no broker reached), other. They go on by themselves.";
    WORKER_RESTARTS = Counter, "streamgauge_worker_restarts_total", ["stage"],
        "Times a worker dropped everything and began again from what was committed, after a fault of the bus.";
    PARTIALS = Counter, "streamgauge_partials_total", ["stage"],
        "Partials written (stage session) or read (stage rollup).";
    PARTIALS_LATE = Counter, "streamgauge_partials_late_total", ["source"],
        "Partials that came after their window had closed without their partition, which had lagged by more than max_skew_ms; not in any row.";
    SINK_REQUESTS = Counter, "streamgauge_sink_requests_total", ["status"],
        "Requests to the sink, by class of status (2xx, 4xx, 5xx) or kind of failure (timeout, connection).";
    SINK_ROWS = Counter, "streamgauge_sink_rows_total", [],
        "Rows acknowledged by the sink.";
    SINK_RETRIES = Counter, "streamgauge_sink_retries_total", [],
        "Requests that were tried again.";
    SINK_REFUSED_ROWS = Counter, "streamgauge_sink_refused_rows_total", [],
        "Rows that the sink refused for good; they are in the dead letters with its words.";
    SINK_WRITE_DURATION = Histogram(SHORT_SECONDS), "streamgauge_sink_write_seconds", [],
        "From the begin of a write to its acknowledgement, retries included.";
    SINK_HEALTHY = Gauge, "streamgauge_sink_healthy", [],
        "1 while the sink takes rows, 0 while they wait for it.";
    WORKER_SILENCE = Gauge, "streamgauge_worker_silence_seconds", ["worker"],
        "How long ago the worker last told that it is alive.";
    WORKERS_JOINED = Gauge, "streamgauge_workers_joined", [],
        "Workers that have been assigned partitions, possibly none.";
    RESIDENT_MEMORY = Gauge, "streamgauge_resident_memory_bytes", [],
        "Memory of the process that is in RAM; absent where the system does not tell.";
    BUILD_INFO = Gauge, "streamgauge_build_info", ["version"],
        "Always 1; the label tells the version.";

    QOE_REQUESTS = Counter, "qoe_requests_total", ["source", "edge", "tenant"],
        "Requests of viewers, of any kind.";
    QOE_MEDIA_REQUESTS = Counter, "qoe_media_requests_total", ["source", "edge", "tenant"],
        "Requests for video, audio or both.";
    QOE_BYTES = Counter, "qoe_bytes_total", ["source", "edge", "tenant"],
        "Bytes delivered, by the logs.";
    QOE_ERRORS = Counter, "qoe_errors_total", ["source", "edge", "tenant", "class"],
        "Requests that failed: 4xx, 5xx or aborted.";
    QOE_CACHE_HITS = Counter, "qoe_cache_hits_total", ["source", "edge", "tenant"],
        "Requests answered from a cache.";
    QOE_CACHE_KNOWN = Counter, "qoe_cache_known_total", ["source", "edge", "tenant"],
        "Requests of which the cache's part is known: the denominator of the hit ratio.";
    QOE_STARVED_REQUESTS = Counter, "qoe_starved_requests_total", ["source", "edge", "tenant"],
        "Requests that report an empty buffer since the one before.";
    QOE_STARVATIONS = Counter, "qoe_starvations_total", ["source", "edge", "tenant"],
        "Starvations: starved requests of a session that lie close together count once.";
    QOE_STARTUP_REQUESTS = Counter, "qoe_startup_requests_total", ["source", "edge", "tenant"],
        "Requests made urgently, at a start, a seek or after a starvation.";
    QOE_SESSIONS = Gauge, "qoe_sessions", ["source", "edge", "tenant"],
        "Distinct sessions in the window that closed last.";
    QOE_STARVED_SESSIONS = Gauge, "qoe_sessions_starved", ["source", "edge", "tenant"],
        "Distinct sessions with at least one starvation in the window that closed last.";
    QOE_TTFB = Histogram(TTFB_SECONDS), "qoe_ttfb_seconds", ["source", "edge", "tenant"],
        "Time to the first byte, by the logs.";
    QOE_THROUGHPUT = Histogram(BPS), "qoe_throughput_bps", ["source", "edge", "tenant"],
        "Throughput as players measured it, in bits per second.";

    QOE_WEBRTC_REPORTS = Counter, "qoe_webrtc_reports_total", ["source", "edge", "tenant"],
        "Reports of participants of calls, each once.";
    QOE_WEBRTC_DUPLICATES = Counter, "qoe_webrtc_duplicates_total", ["source", "edge", "tenant"],
        "Reports that came again.";
    QOE_WEBRTC_COUNTER_RESETS = Counter, "qoe_webrtc_counter_resets_total", ["source", "edge", "tenant"],
        "Statistics objects whose counters began anew.";
    QOE_WEBRTC_FREEZES = Counter, "qoe_webrtc_freezes_total", ["source", "edge", "tenant"],
        "Freezes of video received.";
    QOE_WEBRTC_CONCEALED_SAMPLES = Counter, "qoe_webrtc_concealed_samples_total", ["source", "edge", "tenant"],
        "Samples of audio that were made up, audible or not.";
    QOE_WEBRTC_SAMPLES = Counter, "qoe_webrtc_samples_total", ["source", "edge", "tenant"],
        "Samples of audio played, concealed ones included. Concealed seconds in a second of audio = concealed samples / this, whatever the clock rate.";
    QOE_WEBRTC_NACKS = Counter, "qoe_webrtc_nacks_total", ["source", "edge", "tenant", "direction"],
        "Requests to send packets again: for what participants receive (in) and for what they send (out).";
    QOE_WEBRTC_PLIS = Counter, "qoe_webrtc_plis_total", ["source", "edge", "tenant", "direction"],
        "Requests for a key frame after a loss, in and out.";
    QOE_WEBRTC_RTT = Histogram(NETWORK_SECONDS), "qoe_webrtc_rtt_seconds", ["source", "edge", "tenant"],
        "Round trip time by RTCP, the mean of each session and window.";
    QOE_WEBRTC_ICE_RTT = Histogram(NETWORK_SECONDS), "qoe_webrtc_ice_rtt_seconds", ["source", "edge", "tenant"],
        "Round trip time by ICE checks on the path in use, the mean of each session and window. Behind an SFU it is another path than RTCP's.";
    QOE_WEBRTC_JITTER = Histogram(NETWORK_SECONDS), "qoe_webrtc_jitter_seconds", ["source", "edge", "tenant"],
        "Jitter of what is received (RFC 3550), the mean of each session and window.";
    QOE_WEBRTC_LOSS = Histogram(SHARES), "qoe_webrtc_loss_ratio", ["source", "edge", "tenant"],
        "Share of packets that did not arrive, of each session and window.";
    QOE_WEBRTC_FREEZE = Histogram(SHARES), "qoe_webrtc_freeze_ratio", ["source", "edge", "tenant"],
        "Share of time that video received was frozen, of each session and window.";
    QOE_WEBRTC_MOS = Histogram(MOS), "qoe_webrtc_mos", ["source", "edge", "tenant", "kind"],
        "Score of what is received (1 to 5), kind audio or video, of each session and window that has one.";

    WEBRTC_CONNECTIONS = Counter, "webrtc_connections_total", ["edge"],
        "Behind compat.webrtc_monitor, as all below: sessions (participants of a call), counted when they are over.";
    WEBRTC_DURATION = Histogram(MONITOR_DURATION_SECONDS), "webrtc_connection_duration_seconds", ["edge"],
        "From first to last report of each session that is over (DDSketch, 1 % relative error).";
    WEBRTC_ACTIVE = Gauge, "webrtc_active_connections", ["edge"],
        "Distinct sessions in the window that closed last.";
    WEBRTC_FRAMES_SENT = Counter, "webrtc_frames_sent_total", ["edge", "type"],
        "Frames of video encoded, all layers.";
    WEBRTC_FRAMES_RECEIVED = Counter, "webrtc_frames_received_total", ["edge", "type"],
        "Frames of video decoded.";
    WEBRTC_FRAME_RATE = Gauge, "webrtc_frame_rate", ["edge", "type"],
        "Frames per second of a stream of video received: frames decoded / covered time.";
    WEBRTC_FRAME_SIZE = Histogram(MONITOR_FRAME_BYTES), "webrtc_frame_size_bytes", ["edge", "type"],
        "Bytes / frames of video received: one value for each window, no single frame's.";
    WEBRTC_BUFFER_FRAMES = Gauge, "webrtc_buffer_level_frames", ["edge", "type"],
        "Frames in the jitter buffer of video: its delay * the frame rate.";
    WEBRTC_BUFFER_SECONDS = Gauge, "webrtc_buffer_level_seconds", ["edge", "type"],
        "Mean delay of the jitter buffer.";
    WEBRTC_UNDERRUNS = Counter, "webrtc_buffer_underruns_total", ["edge", "type"],
        "Freezes of video, and times that concealment of audio began.";
    WEBRTC_BANDWIDTH = Gauge, "webrtc_bandwidth_kbps", ["edge", "direction"],
        "Payload of all sessions together in the window that closed last, kbit/s.";
    WEBRTC_LOSS = Gauge, "webrtc_packet_loss_percent", ["edge", "direction"],
        "Lost / all packets: in by the receivers, out by the reports of the far ends.";
    WEBRTC_LATENCY = Histogram(MONITOR_LATENCY_MS), "webrtc_latency_ms", ["edge", "type"],
        "Delay of media: half of each session's round trip time by RTCP, plus the jitter buffer's and the playout device's mean delay of all sessions in the window.";
    WEBRTC_JITTER = Gauge, "webrtc_jitter_ms", ["edge", "type"],
        "Mean jitter of what is received.";
    WEBRTC_VIDEO_QUALITY = Gauge, "webrtc_video_quality_score", ["edge"],
        "25 * (mean score of video received - 1): 0 to 100.";
    WEBRTC_HEALTH = Gauge, "webrtc_stream_health_score", ["edge"],
        "25 * (the lowest of the mean scores of audio, video and connection, in and out - 1): 0 to 100.";
    WEBRTC_QUALITY_SWITCHES = Counter, "webrtc_quality_switches_total", ["edge"],
        "Changes of the resolution sent because of limits, up and down.";
    WEBRTC_ABR_SWITCHES = Counter, "webrtc_abr_switches_total", ["edge", "reason"],
        "The same, by what limited the quality at that edge in the window: cpu, bandwidth, other; several when more than one did, unknown when none is told.";
    WEBRTC_CPU = Gauge, "webrtc_cpu_usage_percent", [],
        "CPU time of this process in the last 5 s, 100 = one core; Linux only.";
    WEBRTC_MEMORY = Gauge, "webrtc_memory_usage_bytes", [],
        "Memory of this process that is in RAM; Linux only.";
    WEBRTC_ICE_GATHERING = Histogram(MONITOR_ICE_MS), "webrtc_ice_gathering_time_ms", ["edge"],
        "Time from the start of gathering candidates to its end. Only of windows in which one connection did so at the edge: of more, their sum alone is known (ice_gathering_ms_sum in edge rows).";
    WEBRTC_ICE_CONNECTION = Histogram(MONITOR_ICE_MS), "webrtc_ice_connection_time_ms", ["edge"],
        "Time from the first ICE check to a working path, of the same kind of windows.";
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::METRICS;

    #[test]
    fn names_follow_the_conventions_and_differ() {
        let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len(), "two metrics have one name");
        for metric in METRICS {
            let prefixes = ["streamgauge_", "qoe_", "webrtc_"];
            let ours = prefixes.iter().any(|prefix| metric.name.starts_with(prefix));
            assert!(ours, "{}: prefix", metric.name);
            assert_eq!(
                metric.name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{}: only counters end in _total",
                metric.name
            );
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(buckets.is_sorted_by(|left, right| left < right), "{}: buckets must rise", metric.name);
            }
        }
    }
}
