//! The metrics of the single-process WebRTC monitor, behind `compat.webrtc_monitor`, from the totals behind edge rows.
//!
//! Its label `connection_id`, and `server_id`, is `edge` here: what belongs to one connection is in the rows. Everything of an edge in a
//! window is put together, whatever its tenant, region and application, but for what two partitions of the partials topic, or two
//! sources, have of it: gauges tell what closed last.
//!
//! R1  What a window has no measurement of is not set: absent is not 0.
//! R2  The switches of that monitor's settings leave groups out; connections are always given.
//!
//! | metric (`webrtc_…`) | formula, by the fields of the edge row | switch |
//! |---|---|---|
//! | `connections_total` | `sessions_ended_count` | |
//! | `connection_duration_seconds` | `session_duration_ms_sketch` | |
//! | `active_connections` | `sessions_count` | |
//! | `frames_sent_total`, `frames_received_total` | `video_out_frames_encoded_count`, `video_in_frames_decoded_count` | frames |
//! | `frame_rate` | `video_in_frames_decoded_count` / `video_in_covered_us` | frames |
//! | `frame_size_bytes` | `video_in_bytes` / `video_in_frames_decoded_count`, once for each window | frames |
//! | `buffer_level_seconds` | `…_in_jitter_buffer_us_sum` / `…_count` | detailed |
//! | `buffer_level_frames` | that of video * `frame_rate` | detailed |
//! | `buffer_underruns_total` | `video_in_freezes_count`, `audio_in_concealments_count` | detailed |
//! | `bandwidth_kbps` | 8 * (`audio_…_bytes` + `video_…_bytes`) / window | detailed |
//! | `packet_loss_percent` in | `…_in_packets_lost_count` / (that + `…_in_packets_count`), audio and video | detailed |
//! | `packet_loss_percent` out | `…_out_remote_lost_count` / `…_out_remote_packets_count`, else the mean of `…_out_fraction_lost_ppm` | detailed |
//! | `latency_ms` | each of `rtt_us_sketch` / 2 + the larger mean of the two jitter buffers + `playout_delay_us_sum` / `…_count` | detailed |
//! | `jitter_ms` | `…_in_jitter_us_sum` / `…_count` | detailed |
//! | `ice_gathering_time_ms`, `ice_connection_time_ms` | `ice_gathering_ms_sum`, `ice_connection_ms_sum`, where the count is 1 | detailed |
//! | `video_quality_score` | 25 * (mean of `video_in_score_milli` / 1000 - 1) | quality |
//! | `stream_health_score` | the same of the lowest mean of the six scores | quality |
//! | `quality_switches_total`, `abr_switches_total` | `video_out_resolution_changes_count` | quality |
//! | `cpu_usage_percent`, `memory_usage_bytes` | of this process (`telemetry`) | resources |
//!
//! There are no `prefetch_operations_total` and `prefetch_latency_ms`: WebRTC media is not fetched ahead.

use std::collections::BTreeMap;

use super::viewers::spread;
use crate::aggregate::rollup::{EdgeRows, Totals};
use crate::aggregate::webrtc::{Calls, EdgeTotals, Measure};
use crate::config::Collect;
use crate::telemetry::{self as names, Metric};

/// Adds one window.
pub(super) fn report_as_monitor(rows: &EdgeRows, collect: Collect, window_ms: i64) {
    let mut edges: BTreeMap<&str, EdgeTotals> = BTreeMap::new();
    for (key, totals) in rows.of_the_window() {
        if let Totals::Webrtc(totals) = totals {
            edges.entry(&key.edge).or_default().merge(totals);
        }
    }
    for (name, totals) in &edges {
        let edge = Edge { name, calls: totals.calls() };
        edge.report_connections();
        if collect.detailed {
            edge.report_buffers();
            edge.report_network(window_ms);
            edge.report_latency();
            edge.report_ice();
        }
        if collect.frames {
            edge.report_frames();
        }
        if collect.quality {
            edge.report_quality();
        }
    }
}

/// One edge in one window.
struct Edge<'a> {
    name: &'a str,
    calls: Calls<'a>,
}

impl Edge<'_> {
    fn count(&self, metric: Metric, more: Option<(&'static str, &'static str)>, amount: u64) {
        metrics::counter!(metric.name, &self.labels(more)).increment(amount);
    }

    /// Sets a gauge, if there is a value.
    fn set(&self, metric: Metric, more: Option<(&'static str, &'static str)>, value: Option<f64>) {
        if let Some(value) = value {
            metrics::gauge!(metric.name, &self.labels(more)).set(value);
        }
    }

    fn labels(&self, more: Option<(&'static str, &'static str)>) -> Vec<(&'static str, String)> {
        let edge = ("edge", self.name.to_owned());
        std::iter::once(edge).chain(more.map(|(name, value)| (name, value.to_owned()))).collect()
    }

    fn report_connections(&self) {
        self.count(names::WEBRTC_CONNECTIONS, None, self.calls.sessions_ended);
        self.set(names::WEBRTC_ACTIVE, None, Some(self.calls.sessions as f64));
        let labels = self.labels(None);
        spread(self.calls.duration_ms, |millis, count| {
            metrics::histogram!(names::WEBRTC_DURATION.name, &labels).record_many(millis / 1000.0, count);
        });
    }

    fn report_frames(&self) {
        if self.calls.sum(Measure::VideoOutCoveredUs) > 0 {
            self.count(names::WEBRTC_FRAMES_SENT, VIDEO, self.calls.sum(Measure::VideoOutFrames));
        }
        if self.calls.sum(Measure::VideoInCoveredUs) > 0 {
            self.count(names::WEBRTC_FRAMES_RECEIVED, VIDEO, self.calls.sum(Measure::VideoInFrames));
        }
        self.set(names::WEBRTC_FRAME_RATE, VIDEO, self.frame_rate());
        if let Some(bytes) = self.calls.mean(Measure::VideoInBytes, Measure::VideoInFrames) {
            metrics::histogram!(names::WEBRTC_FRAME_SIZE.name, &self.labels(VIDEO)).record(bytes);
        }
    }

    fn frame_rate(&self) -> Option<f64> {
        Some(1e6 * self.calls.mean(Measure::VideoInFrames, Measure::VideoInCoveredUs)?)
    }

    /// Mean delays of the jitter buffers, microseconds: of audio, of video.
    fn buffers_us(&self) -> [Option<f64>; 2] {
        [
            self.calls.mean(Measure::AudioInBuffer, Measure::AudioInBufferCount),
            self.calls.mean(Measure::VideoInBuffer, Measure::VideoInBufferCount),
        ]
    }

    fn report_buffers(&self) {
        let [audio_s, video_s] = self.buffers_us().map(|delay_us| Some(delay_us? / 1e6));
        self.set(names::WEBRTC_BUFFER_SECONDS, AUDIO, audio_s);
        self.set(names::WEBRTC_BUFFER_SECONDS, VIDEO, video_s);
        let frames = video_s.zip(self.frame_rate()).map(|(seconds, rate)| seconds * rate);
        self.set(names::WEBRTC_BUFFER_FRAMES, VIDEO, frames);
        let underruns = [
            (AUDIO, Measure::AudioInCoveredUs, Measure::AudioInConcealments),
            (VIDEO, Measure::VideoInCoveredUs, Measure::VideoInFreezes),
        ];
        for (kind, covered, underruns) in underruns {
            if self.calls.sum(covered) > 0 {
                self.count(names::WEBRTC_UNDERRUNS, kind, self.calls.sum(underruns));
            }
        }
    }

    fn report_network(&self, window_ms: i64) {
        use Measure::{AudioInBytes, AudioInCoveredUs, VideoInBytes, VideoInCoveredUs};
        use Measure::{AudioOutBytes, AudioOutCoveredUs, VideoOutBytes, VideoOutCoveredUs};
        let flows = [
            (IN, [AudioInBytes, VideoInBytes], [AudioInCoveredUs, VideoInCoveredUs]),
            (OUT, [AudioOutBytes, VideoOutBytes], [AudioOutCoveredUs, VideoOutCoveredUs]),
        ];
        for (direction, bytes, covered) in flows {
            // Bits in a millisecond are kbit/s.
            let kbps = 8.0 * self.both(bytes) as f64 / window_ms.max(1) as f64;
            self.set(names::WEBRTC_BANDWIDTH, direction, (self.both(covered) > 0).then_some(kbps));
        }
        self.set(names::WEBRTC_LOSS, IN, self.loss_in());
        self.set(names::WEBRTC_LOSS, OUT, self.loss_out());
        let jitters = [
            (AUDIO, Measure::AudioInJitter, Measure::AudioInJitterCount),
            (VIDEO, Measure::VideoInJitter, Measure::VideoInJitterCount),
        ];
        for (kind, sum, count) in jitters {
            self.set(names::WEBRTC_JITTER, kind, self.calls.mean(sum, count).map(|mean_us| mean_us / 1000.0));
        }
    }

    fn both(&self, measures: [Measure; 2]) -> u64 {
        measures.iter().map(|measure| self.calls.sum(*measure)).fold(0, u64::saturating_add)
    }

    fn loss_in(&self) -> Option<f64> {
        let lost = self.both([Measure::AudioInLost, Measure::VideoInLost]);
        let all = lost.saturating_add(self.both([Measure::AudioInPackets, Measure::VideoInPackets]));
        (all > 0).then(|| 100.0 * lost as f64 / all as f64)
    }

    fn loss_out(&self) -> Option<f64> {
        let all = self.both([Measure::AudioOutRemotePackets, Measure::VideoOutRemotePackets]);
        if all > 0 {
            return Some(
                100.0 * self.both([Measure::AudioOutRemoteLost, Measure::VideoOutRemoteLost]) as f64 / all as f64,
            );
        }
        let count = self.both([Measure::AudioOutFractionLostCount, Measure::VideoOutFractionLostCount]);
        let sum_ppm = self.both([Measure::AudioOutFractionLost, Measure::VideoOutFractionLost]);
        (count > 0).then(|| sum_ppm as f64 / count as f64 / 10_000.0)
    }

    fn report_latency(&self) {
        // Audio and video are played together: whichever waits longer.
        let Some(buffer_us) = self.buffers_us().into_iter().flatten().reduce(f64::max) else { return };
        let playout_us = self.calls.mean(Measure::PlayoutDelay, Measure::PlayoutDelayCount).unwrap_or(0.0);
        let labels = self.labels(Some(("type", "media")));
        spread(self.calls.rtt_us, |rtt_us, count| {
            let delay_ms = (rtt_us / 2.0 + buffer_us + playout_us) / 1000.0;
            metrics::histogram!(names::WEBRTC_LATENCY.name, &labels).record_many(delay_ms, count);
        });
    }

    /// A histogram holds single values, and of several only the sum is known.
    fn report_ice(&self) {
        let times = [
            (names::WEBRTC_ICE_GATHERING, Measure::Gathering, Measure::GatheringCount),
            (names::WEBRTC_ICE_CONNECTION, Measure::Connecting, Measure::ConnectingCount),
        ];
        for (metric, sum, count) in times {
            if self.calls.sum(count) == 1 {
                metrics::histogram!(metric.name, &self.labels(None)).record(self.calls.sum(sum) as f64);
            }
        }
    }

    fn report_quality(&self) {
        use Measure::{AudioInScore, AudioInScoreCount, ConnectionInScore, ConnectionInScoreCount};
        use Measure::{AudioOutScore, AudioOutScoreCount, ConnectionOutScore, ConnectionOutScoreCount};
        use Measure::{VideoInScore, VideoInScoreCount, VideoOutScore, VideoOutScoreCount};
        let scores = [
            (AudioInScore, AudioInScoreCount),
            (VideoInScore, VideoInScoreCount),
            (ConnectionInScore, ConnectionInScoreCount),
            (AudioOutScore, AudioOutScoreCount),
            (VideoOutScore, VideoOutScoreCount),
            (ConnectionOutScore, ConnectionOutScoreCount),
        ];
        let lowest = scores.iter().filter_map(|(sum, count)| self.calls.mean(*sum, *count)).reduce(f64::min);
        self.set(names::WEBRTC_HEALTH, None, lowest.map(of_a_hundred));
        let video = self.calls.mean(VideoInScore, VideoInScoreCount);
        self.set(names::WEBRTC_VIDEO_QUALITY, None, video.map(of_a_hundred));
        if self.calls.sum(Measure::VideoOutCoveredUs) > 0 {
            let switches = self.calls.sum(Measure::VideoOutResolutionChanges);
            self.count(names::WEBRTC_QUALITY_SWITCHES, None, switches);
            self.count(names::WEBRTC_ABR_SWITCHES, Some(("reason", self.limit())), switches);
        }
    }

    /// What limited the quality of what was sent.
    fn limit(&self) -> &'static str {
        let limits = [
            ("cpu", Measure::VideoOutCpuUs),
            ("bandwidth", Measure::VideoOutBandwidthUs),
            ("other", Measure::VideoOutOtherUs),
        ];
        let mut found = limits.iter().filter(|(_, time)| self.calls.sum(*time) > 0);
        match (found.next(), found.next()) {
            (None, _) => "unknown",
            (Some((one, _)), None) => one,
            (Some(_), Some(_)) => "several",
        }
    }
}

const AUDIO: Option<(&str, &str)> = Some(("type", "audio"));
const VIDEO: Option<(&str, &str)> = Some(("type", "video"));
const IN: Option<(&str, &str)> = Some(("direction", "in"));
const OUT: Option<(&str, &str)> = Some(("direction", "out"));

/// A score, MOS * 1000, from 0 to 100.
fn of_a_hundred(score_milli: f64) -> f64 {
    (25.0 * (score_milli / 1000.0 - 1.0)).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::collections::BTreeSet;

    use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

    use super::*;
    use crate::aggregate::Extent;
    use crate::aggregate::rollup::{EdgeWindow, Partial};
    use crate::aggregate::webrtc::EDGE_WINDOW;
    use crate::model::{EventTime, Headers, Record, Value};
    use crate::service::source_plan;
    use crate::simulate::{CallScenario, Calls as SimulatedCalls, SimulatedRecord};
    use crate::telemetry::Kind;
    use crate::topology::Topology;

    const ALL: Collect = Collect { detailed: true, frames: true, resources: true, quality: true };
    const NONE: Collect = Collect { detailed: false, frames: false, resources: false, quality: false };
    const WINDOW_MS: i64 = 10_000;

    const DETAILED: [Metric; 9] = [
        names::WEBRTC_BUFFER_FRAMES,
        names::WEBRTC_BUFFER_SECONDS,
        names::WEBRTC_UNDERRUNS,
        names::WEBRTC_BANDWIDTH,
        names::WEBRTC_LOSS,
        names::WEBRTC_LATENCY,
        names::WEBRTC_JITTER,
        names::WEBRTC_ICE_GATHERING,
        names::WEBRTC_ICE_CONNECTION,
    ];
    const FRAMES: [Metric; 4] =
        [names::WEBRTC_FRAMES_SENT, names::WEBRTC_FRAMES_RECEIVED, names::WEBRTC_FRAME_RATE, names::WEBRTC_FRAME_SIZE];
    const QUALITY: [Metric; 4] =
        [names::WEBRTC_VIDEO_QUALITY, names::WEBRTC_HEALTH, names::WEBRTC_QUALITY_SWITCHES, names::WEBRTC_ABR_SWITCHES];
    const CONNECTIONS: [Metric; 3] = [names::WEBRTC_CONNECTIONS, names::WEBRTC_DURATION, names::WEBRTC_ACTIVE];

    /// The edge windows of simulated calls.
    fn windows() -> Vec<EdgeRows> {
        let topology = Topology::load(None).unwrap();
        let source = topology.sources.iter().find(|source| source.name == "webrtc").unwrap();
        let plan = source_plan(&topology, source).unwrap();
        let mut fold = plan.decoding.afresh(plan.settings, 0, 0);
        let start = EventTime::from_millis(1_767_600_000_000);
        let mut windows = Vec::new();
        let simulated = SimulatedCalls::new(CallScenario::steady(24, 240_000), 5, start);
        for (record, offset) in ice_events(start.as_millis()).into_iter().chain(simulated).zip(0..) {
            let mut headers = Headers::default();
            record.headers.iter().for_each(|(name, value)| headers.set(name, value.as_bytes()));
            let key = record.key.as_deref();
            let _ = fold.push(&Record { offset, append_ms: record.append_ms, key, value: &record.value, headers });
            while let Some(closed) = fold.close_next() {
                fold.acknowledge(closed.end);
                let mut window = EdgeWindow::default();
                for (key, totals) in closed.edges {
                    window.absorb(Partial { key, end: closed.end, epoch: 0, totals });
                }
                windows.push(window.close(closed.end.plus(-WINDOW_MS), WINDOW_MS));
            }
        }
        windows
    }

    /// What one more participant tells of gathering candidates and of finding a path, which simulated ones do not.
    fn ice_events(start_ms: i64) -> Vec<SimulatedRecord> {
        let events = [
            ("icegatheringstatechange", "gathering"),
            ("icegatheringstatechange", "complete"),
            ("iceconnectionstatechange", "checking"),
            ("iceconnectionstatechange", "connected"),
        ];
        let record = |((event, value), after_ms): ((&str, &str), i64)| {
            let event_ms = start_ms + 100 * after_ms;
            let envelope = format!(
                r#"{{"v":1,"kind":"event","app":"a","call":"c","participant":"p","pc":"0","edge":"sfu","ts":{event_ms},"event":"{event}","value":"{value}"}}"#
            );
            SimulatedRecord {
                topic: "qoe.webrtc",
                key: Some(b"a|c|p".to_vec()),
                headers: vec![("qoe-carrier", "webrtc".to_owned())],
                value: envelope.into_bytes(),
                append_ms: event_ms,
                event_ms,
            }
        };
        events.into_iter().zip(0..).map(record).collect()
    }

    /// The metrics page after `report`.
    fn page(report: impl FnOnce()) -> String {
        let mut builder = PrometheusBuilder::new();
        for metric in names::METRICS {
            if let Kind::Histogram(buckets) = metric.kind {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets).unwrap();
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, report);
        handle.render()
    }

    /// Each metric on the page with its type and the names of its labels.
    fn found(page: &str) -> BTreeSet<(String, String, Vec<String>)> {
        let mut all = BTreeSet::new();
        for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            for sample in page
                .lines()
                .filter(|line| line.split_once('{').is_some_and(|(at, _)| at == name || at == format!("{name}_count")))
            {
                let (_, labels) = sample.split_once('{').unwrap();
                let labels = labels.split_once('}').unwrap().0;
                let labels = labels.split(',').map(|label| label.split_once('=').unwrap().0.to_owned()).collect();
                all.insert((name.to_owned(), kind.to_owned(), labels));
            }
        }
        all
    }

    fn declared(metrics: &[&[Metric]]) -> BTreeSet<(String, String, Vec<String>)> {
        let entry = |metric: &Metric| {
            let labels = metric.labels.iter().map(|label| (*label).to_owned()).collect();
            (metric.name.to_owned(), metric.kind.as_str().to_owned(), labels)
        };
        metrics.iter().flat_map(|group| group.iter().map(entry)).collect()
    }

    #[test]
    fn every_name_is_there_with_its_type_and_labels_and_each_switch_takes_its_group_away() {
        let windows = windows();
        let given =
            |collect| found(&page(|| windows.iter().for_each(|rows| report_as_monitor(rows, collect, WINDOW_MS))));
        assert_eq!(given(ALL), declared(&[&CONNECTIONS, &DETAILED, &FRAMES, &QUALITY]));
        assert_eq!(given(Collect { detailed: false, ..ALL }), declared(&[&CONNECTIONS, &FRAMES, &QUALITY]));
        assert_eq!(given(Collect { frames: false, ..ALL }), declared(&[&CONNECTIONS, &DETAILED, &QUALITY]));
        assert_eq!(given(Collect { quality: false, ..ALL }), declared(&[&CONNECTIONS, &DETAILED, &FRAMES]));
        assert_eq!(given(NONE), declared(&[&CONNECTIONS]));
        // Without the switch only our own are given.
        let own = found(&page(|| windows.iter().for_each(crate::stage::viewers::report_edges)));
        let expected: Vec<Metric> =
            names::METRICS.iter().filter(|metric| metric.name.starts_with("qoe_webrtc_")).copied().collect();
        assert_eq!(own, declared(&[&expected]));
    }

    #[test]
    fn values_follow_from_the_fields_of_the_row() {
        let windows = windows();
        let rows = windows.get(windows.len() / 2).unwrap();
        let page = page(|| report_as_monitor(rows, ALL, WINDOW_MS));
        // All that is checked is a sum over the roll-up keys of an edge.
        let mut edges: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
        for (key, totals) in rows.of_the_window() {
            let Totals::Webrtc(totals) = totals else { panic!("a source of calls") };
            let fields = edges.entry(&key.edge).or_default();
            totals.visit_fields(Extent { one_window: true, partitions_missing: 0 }, |values| {
                for (field, value) in EDGE_WINDOW.fields.iter().zip(values) {
                    if let Value::Integer(value) = value {
                        *fields.entry(field.name).or_default() += *value as f64;
                    }
                }
            });
        }
        let mut checked = 0;
        for (edge, fields) in &edges {
            let field = |name: &str| *fields.get(name).unwrap();
            let mut check = |start: &str, labels: &str, expected: f64| {
                let start = format!("{start}{{edge=\"{edge}\"{labels}}} ");
                let line = page.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{start}"));
                let value: f64 = line.parse().unwrap();
                assert!((value - expected).abs() <= 1e-9 * expected.abs(), "{start}: {value}, not {expected}");
                checked += 1;
            };
            check("webrtc_active_connections", "", field("sessions_count"));
            let seconds = field("video_in_covered_us") / 1e6;
            check("webrtc_frame_rate", ",type=\"video\"", field("video_in_frames_decoded_count") / seconds);
            let bytes = field("audio_in_bytes") + field("video_in_bytes");
            check("webrtc_bandwidth_kbps", ",direction=\"in\"", bytes * 8.0 / 10.0 / 1000.0);
            let lost = field("audio_in_packets_lost_count") + field("video_in_packets_lost_count");
            let packets = field("audio_in_packets_count") + field("video_in_packets_count");
            check("webrtc_packet_loss_percent", ",direction=\"in\"", 100.0 * lost / (lost + packets));
            let jitter_ms = field("audio_in_jitter_us_sum") / field("audio_in_jitter_count") / 1000.0;
            check("webrtc_jitter_ms", ",type=\"audio\"", jitter_ms);
            let score = field("video_in_score_milli") / field("video_in_score_count") / 1000.0;
            check("webrtc_video_quality_score", "", 25.0 * (score - 1.0));
            check("webrtc_buffer_underruns_total", ",type=\"video\"", field("video_in_freezes_count"));
            check("webrtc_frames_sent_total", ",type=\"video\"", field("video_out_frames_encoded_count"));
        }
        assert!(checked >= 3 * 8, "{checked}");
    }
}
