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
//! There is no `connection_duration_seconds`: of sessions that are over an edge row has the number, and no single durations
//! (`session` rows have them). Nor `prefetch_operations_total` and `prefetch_latency_ms`: WebRTC media is not fetched ahead.

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
