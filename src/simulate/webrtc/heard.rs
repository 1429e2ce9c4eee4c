//! Sound that comes in: packets, concealment, the jitter buffer.
//!
//! Every 10 ms plays 480 samples, whatever comes: what was lost is concealed. A speaker who is muted sends a packet each 400 ms.

use super::connection::Traffic;
use super::control::{Progress, SenderReport};
use super::path::{Path, Stretch, ticks};
use crate::simulate::random::Random;

const PACKET_US: i64 = 20_000;
const SILENT_PACKET_US: i64 = 400_000;
const PLAYED_US: i64 = 10_000;
const SAMPLES_PER_PACKET: u64 = 960;
/// Samples in a millisecond.
pub(super) const SAMPLES_PER_MS: u64 = 48;
/// The header of an RTP packet with its extensions.
pub(super) const HEADER_BYTES: u64 = 28;
/// Between two sender or receiver reports.
pub(super) const REPORT_US: u64 = 5_000_000;

/// The counters of an `inbound-rtp` of audio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) is_muted: bool,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) lost: i64,
    pub(super) jitter_us: u64,
    /// Samples that were played, concealed ones included.
    pub(super) samples: u64,
    pub(super) concealed: u64,
    pub(super) silent_concealed: u64,
    pub(super) concealments: u64,
    pub(super) inserted: u64,
    pub(super) removed: u64,
    /// Samples that came out of the jitter buffer, and the sum of their delays, in µs.
    pub(super) emitted: u64,
    pub(super) delay_us: u64,
    pub(super) target_us: u64,
    pub(super) processing_us: u64,
    /// From 0 to 10,000.
    pub(super) level: u64,
    /// The sum of squared levels by time, in 1e-11 s.
    pub(super) energy: u64,
    pub(super) last_packet_us: i64,
    pub(super) report: SenderReport,
    sent_packets: u64,
    sent_bytes: u64,
    next_packet_us: i64,
    next_played_us: i64,
}

impl Heard {
    pub(super) fn new(begins_us: i64) -> Self {
        Self {
            is_muted: false,
            packets: 0,
            bytes: 0,
            lost: 0,
            jitter_us: 0,
            samples: 0,
            concealed: 0,
            silent_concealed: 0,
            concealments: 0,
            inserted: 0,
            removed: 0,
            emitted: 0,
            delay_us: 0,
            target_us: 0,
            processing_us: 0,
            level: 0,
            energy: 0,
            last_packet_us: begins_us,
            report: SenderReport::new(begins_us, REPORT_US),
            sent_packets: 0,
            sent_bytes: 0,
            next_packet_us: begins_us,
            next_played_us: begins_us,
        }
    }

    pub(super) fn advance(&mut self, random: &mut Random, stretch: Stretch, path: &Path) -> Traffic {
        let step_us = if self.is_muted { SILENT_PACKET_US } else { PACKET_US };
        let sent = ticks(&mut self.next_packet_us, step_us, stretch.to_us);
        let size = if self.is_muted { 6 } else { random.between(62, 92) };
        let lost = if self.is_muted { 0 } else { random.share(sent, path.loss_per_10_000) };
        let received = sent - lost;
        self.sent_packets += sent;
        self.sent_bytes += sent * size;
        self.packets += received;
        self.bytes += received * size;
        self.lost += lost.cast_signed();
        self.jitter_us = path.jitter_us;
        if received > 0 {
            self.last_packet_us = self.next_packet_us - step_us;
        }
        self.play(random, stretch, path, lost);
        let sent =
            Progress { packets: self.sent_packets, bytes: self.sent_bytes, new_packets: sent, new_bytes: sent * size };
        self.report.advance(random, stretch, sent);
        let received_bytes = received * (size + HEADER_BYTES);
        Traffic { received_packets: received, received_bytes, ..Traffic::default() }
    }

    /// What the jitter buffer makes of it.
    fn play(&mut self, random: &mut Random, stretch: Stretch, path: &Path, lost: u64) {
        let played = ticks(&mut self.next_played_us, PLAYED_US, stretch.to_us)
            * (PLAYED_US / 1000).cast_unsigned()
            * SAMPLES_PER_MS;
        // Of what is lost, redundancy repairs some; of what comes, jitter makes some too late.
        let late = if path.is_bad { random.share(played, 40) } else { 0 };
        let concealed = (lost * SAMPLES_PER_PACKET * 4 / 5 + late).min(played);
        self.samples += played;
        self.concealed += concealed;
        self.silent_concealed += concealed * random.between(20, 90) / 1000;
        self.concealments += concealed.div_ceil(SAMPLES_PER_PACKET * 3 / 2);
        let stretched = if path.is_bad { 60 } else { 4 };
        self.inserted += random.share(played, stretched);
        self.removed += random.share(played, stretched);
        let emitted = played - concealed;
        let delay_us = 38_000 + path.jitter_us * 3;
        self.emitted += emitted;
        self.delay_us += emitted * delay_us;
        self.target_us += emitted * (delay_us - 6_000);
        self.processing_us += emitted * (delay_us + 11_000);
        self.level = if self.is_muted { 0 } else { random.between(150, 4_200) };
        self.energy += self.level * self.level * (played / SAMPLES_PER_MS);
    }

    /// Packets that were counted as lost come after all.
    pub(super) fn find_late(&mut self, count: u64) {
        self.packets += count;
        self.lost -= count.cast_signed();
    }
}
