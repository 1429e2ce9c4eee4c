//! A `pub-0`: what a participant sends, and what the SFU says of it.

use super::connection::{Connection, Roots, Traffic};
use super::control::ReceiverReport;
use super::heard;
use super::layer::{Layer, Limit};
use super::path::{Path, Stretch, ticks};
use super::seen::FRAME_US;
use crate::simulate::random::Random;

const PACKET_US: i64 = 20_000;
const SILENT_PACKET_US: i64 = 400_000;

/// The microphone, and what is sent of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice {
    pub(super) is_muted: bool,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// From 0 to 10,000.
    pub(super) level: u64,
    /// The sum of squared levels by time, in 1e-11 s.
    pub(super) energy: u64,
    pub(super) captured_us: u64,
    pub(super) report: ReceiverReport,
    next_packet_us: i64,
}

impl Voice {
    fn new(begins_us: i64) -> Self {
        let report = ReceiverReport::new(begins_us, heard::REPORT_US);
        Self {
            is_muted: false,
            packets: 0,
            bytes: 0,
            level: 0,
            energy: 0,
            captured_us: 0,
            report,
            next_packet_us: begins_us,
        }
    }

    fn advance(&mut self, random: &mut Random, stretch: Stretch, path: &Path) -> Traffic {
        let step_us = if self.is_muted { SILENT_PACKET_US } else { PACKET_US };
        let sent = ticks(&mut self.next_packet_us, step_us, stretch.to_us);
        let size = if self.is_muted { 6 } else { random.between(62, 92) };
        self.packets += sent;
        self.bytes += sent * size;
        self.level = if self.is_muted { 0 } else { random.between(150, 4_200) };
        self.energy += self.level * self.level * (stretch.span_us() / 1000);
        self.captured_us += stretch.span_us();
        let missed = if self.is_muted { 0 } else { random.share(sent, path.loss_per_10_000) };
        self.report.advance(random, stretch, path, sent, missed);
        Traffic { sent_packets: sent, sent_bytes: sent * (size + heard::HEADER_BYTES), ..Traffic::default() }
    }
}

/// The state of a sending peer connection.
#[derive(Clone, Debug)]
pub(super) struct Publishing {
    pub(super) connection: Connection,
    pub(super) voice: Voice,
    /// Frames that the camera gave.
    pub(super) frames: u64,
    layers: [Layer; 3],
    layers_count: usize,
    is_slow: bool,
    next_frame_us: i64,
}

impl Publishing {
    pub(super) fn new(begins_us: i64, roots: Roots, has_simulcast: bool, is_slow: bool) -> Self {
        Self {
            connection: Connection::new(begins_us, roots),
            voice: Voice::new(begins_us),
            frames: 0,
            layers: [0, 1, 2].map(|number| Layer::new(begins_us, number)),
            layers_count: if has_simulcast { 3 } else { 1 },
            is_slow,
            next_frame_us: begins_us,
        }
    }

    /// The layers of the video that are listed in the report of this number: of simulcast, the first report has the lowest only.
    pub(super) fn layers(&self, sequence: u32) -> &[Layer] {
        let count = if sequence == 0 { 1 } else { self.layers_count };
        self.layers.get(..count).unwrap_or(&self.layers)
    }

    /// Whether the video is sent in several layers.
    pub(super) fn has_simulcast(&self) -> bool {
        self.layers_count > 1
    }

    /// Carries all counters on.
    pub(super) fn advance(&mut self, random: &mut Random, to_us: i64, path: &Path) {
        let stretch = Stretch { from_us: self.connection.reached_us, to_us };
        let mut traffic = self.voice.advance(random, stretch, path);
        let frames = ticks(&mut self.next_frame_us, FRAME_US.cast_signed(), to_us);
        self.frames += frames;
        let available_kbps = path.kbps * random.between(900, 1_000) / 1000;
        let mut left_kbps = available_kbps;
        for layer in self.layers.iter_mut().take(self.layers_count) {
            let limit =
                Limit { available_kbps: left_kbps, is_slow: self.is_slow, has_simulcast: self.layers_count > 1 };
            let sent = layer.advance(random, stretch, path, frames, limit);
            left_kbps = left_kbps.saturating_sub(layer.target_kbps);
            traffic.sent_packets += sent.sent_packets;
            traffic.sent_bytes += sent.sent_bytes;
        }
        self.connection.available_bps = available_kbps * 1000;
        self.connection.advance(stretch, path, traffic);
    }
}
