//! Pictures that come in: packets and their repair, frames, freezes.
//!
//! Every delay between two rendered frames is counted once, so that they add up to the time from the first frame to the last. A frame that comes
//! too late ends a freeze; the freeze is booked then, however long ago it began.

use super::connection::Traffic;
use super::control::{Progress, SenderReport};
use super::path::{Path, Stretch};
use crate::simulate::random::Random;

/// Between two frames.
pub(super) const FRAME_US: u64 = 33_333;
/// The payload of a full packet.
pub(super) const PACKET_BYTES: u64 = 1_120;
/// The header of an RTP packet with its extensions.
pub(super) const HEADER_BYTES: u64 = 26;
/// Between two sender or receiver reports.
pub(super) const REPORT_US: u64 = 1_000_000;

/// The layers that an SFU chooses from: width, height, kbit/s.
const LAYERS: [(u32, u32, u64); 3] = [(320, 180, 150), (640, 360, 480), (1280, 720, 1_350)];

/// The counters of an `inbound-rtp` of video.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) lost: i64,
    pub(super) repaired_packets: u64,
    pub(super) repaired_bytes: u64,
    pub(super) jitter_us: u64,
    pub(super) nacks: u64,
    pub(super) key_frame_requests: u64,
    pub(super) frames_received: u64,
    pub(super) frames_decoded: u64,
    pub(super) key_frames: u64,
    pub(super) frames_dropped: u64,
    pub(super) frames_assembled: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames_per_second: u64,
    pub(super) qp_sum: u64,
    pub(super) decode_us: u64,
    pub(super) assembly_us: u64,
    pub(super) delay_us: u64,
    pub(super) target_us: u64,
    pub(super) minimum_us: u64,
    pub(super) inter_frame_us: u64,
    /// Of squared delays, in µs².
    pub(super) inter_frame_squared: u64,
    pub(super) freezes: u64,
    pub(super) frozen_us: u64,
    pub(super) last_packet_us: i64,
    pub(super) report: SenderReport,
    sent_packets: u64,
    sent_bytes: u64,
    /// When the latest frame was rendered; `None` = none was yet.
    rendered_us: Option<i64>,
    /// Frozen until then.
    thaws_us: Option<i64>,
}

impl Seen {
    pub(super) fn new(begins_us: i64) -> Self {
        Self {
            packets: 0,
            bytes: 0,
            lost: 0,
            repaired_packets: 0,
            repaired_bytes: 0,
            jitter_us: 0,
            nacks: 0,
            key_frame_requests: 0,
            frames_received: 0,
            frames_decoded: 0,
            key_frames: 0,
            frames_dropped: 0,
            frames_assembled: 0,
            width: 0,
            height: 0,
            frames_per_second: 0,
            qp_sum: 0,
            decode_us: 0,
            assembly_us: 0,
            delay_us: 0,
            target_us: 0,
            minimum_us: 0,
            inter_frame_us: 0,
            inter_frame_squared: 0,
            freezes: 0,
            frozen_us: 0,
            last_packet_us: begins_us,
            report: SenderReport::new(begins_us, REPORT_US),
            sent_packets: 0,
            sent_bytes: 0,
            rendered_us: None,
            thaws_us: None,
        }
    }

    pub(super) fn advance(&mut self, random: &mut Random, stretch: Stretch, path: &Path) -> Traffic {
        let fits = LAYERS.iter().rev().find(|(.., kbps)| kbps + kbps / 8 <= path.kbps);
        let (width, height, kbps) = *fits.unwrap_or(&LAYERS[0]);
        (self.width, self.height) = (width, height);
        let media_bytes = kbps * random.between(820, 1_000) / 1000 * stretch.span_us() / 8_000;
        let sent = media_bytes / PACKET_BYTES + stretch.span_us() / FRAME_US / 2 + 1;
        let lost = random.share(sent, path.loss_per_10_000);
        let repaired = lost * random.between(80, 95) / 100;
        let arrived_bytes = media_bytes * (sent - lost) / sent;
        let new_packets = sent - lost + repaired;
        let new_bytes = arrived_bytes + repaired * PACKET_BYTES;
        self.packets += new_packets;
        self.bytes += new_bytes;
        self.lost += lost.cast_signed();
        self.repaired_packets += repaired;
        self.repaired_bytes += repaired * PACKET_BYTES;
        self.nacks += lost;
        self.jitter_us = path.jitter_us;
        self.last_packet_us = stretch.to_us - random.below(30_000).cast_signed();
        self.sent_packets += sent;
        self.sent_bytes += media_bytes;

        let decoded_before = self.frames_decoded;
        self.render(random, stretch, path);
        self.decode(random, stretch, path, self.frames_decoded - decoded_before);
        let sent =
            Progress { packets: self.sent_packets, bytes: self.sent_bytes, new_packets: sent, new_bytes: media_bytes };
        self.report.advance(random, stretch, sent);
        let received_bytes = new_bytes + new_packets * HEADER_BYTES;
        Traffic { received_packets: new_packets, received_bytes, ..Traffic::default() }
    }

    /// Packets that were counted as lost come after all.
    pub(super) fn find_late(&mut self, count: u64) {
        self.packets += count;
        self.lost -= count.cast_signed();
    }

    /// Lets frames and freezes follow each other up to the end of the stretch.
    fn render(&mut self, random: &mut Random, stretch: Stretch, path: &Path) {
        if self.rendered_us.is_none() {
            // The first frame is a key frame.
            let first_us = stretch.from_us + random.between(60_000, 240_000).cast_signed();
            self.rendered_us = Some(first_us.min(stretch.to_us));
            self.show(1);
            self.key_frames += 1;
            self.key_frame_requests += 1;
        }
        let freezes = if path.is_bad { random.below(path.most_freezes + 1) } else { u64::from(random.permille(6)) };
        for _ in 0..freezes {
            if !self.thaw(stretch.to_us) {
                return;
            }
            let from_us = self.rendered_us.unwrap_or(stretch.from_us);
            let left_us = stretch.to_us.saturating_sub(from_us).max(0).cast_unsigned();
            let freezes_us = from_us + random.below(left_us).cast_signed();
            self.run(random, freezes_us, path);
            self.freeze(random, path);
        }
        if self.thaw(stretch.to_us) {
            self.run(random, stretch.to_us, path);
        }
    }

    /// Frames at their pace, up to and with `until_us`.
    fn run(&mut self, random: &mut Random, until_us: i64, path: &Path) {
        let Some(rendered_us) = self.rendered_us else { return };
        let frames = until_us.saturating_sub(rendered_us).max(0).cast_unsigned() / FRAME_US;
        let deviation_us = if path.is_bad { random.between(6_000, 14_000) } else { random.between(1_000, 4_000) };
        self.rendered_us = Some(rendered_us + (frames * FRAME_US).cast_signed());
        self.inter_frame_us += frames * FRAME_US;
        self.inter_frame_squared += frames * (FRAME_US * FRAME_US + deviation_us * deviation_us);
        self.show(frames);
    }

    /// No frame for a while: mostly part of a second, rarely longer than a report's interval.
    fn freeze(&mut self, random: &mut Random, path: &Path) {
        let is_long = path.is_bad && random.permille(40);
        let lasts_us = if is_long { random.between(5_000_000, 7_500_000) } else { random.spread(650_000) };
        self.thaws_us = self.rendered_us.map(|rendered_us| rendered_us + lasts_us.cast_signed());
        self.key_frame_requests += 1;
    }

    /// Ends a freeze, if it ends up to `until_us`. Returns whether frames run.
    fn thaw(&mut self, until_us: i64) -> bool {
        let (Some(rendered_us), Some(thaws_us)) = (self.rendered_us, self.thaws_us) else { return true };
        if thaws_us > until_us {
            return false;
        }
        let lasted_us = thaws_us.saturating_sub(rendered_us).max(0).cast_unsigned();
        self.inter_frame_us += lasted_us;
        self.inter_frame_squared += lasted_us * lasted_us;
        self.freezes += 1;
        self.frozen_us += lasted_us;
        self.rendered_us = Some(thaws_us);
        self.thaws_us = None;
        // Of the frames in between, half came whole, but could not be decoded without those that did not.
        let unseen = (lasted_us / FRAME_US).saturating_sub(1) / 2;
        self.frames_received += unseen;
        self.frames_dropped += unseen;
        self.show(1);
        self.key_frames += 1;
        true
    }

    fn show(&mut self, frames: u64) {
        self.frames_received += frames;
        self.frames_decoded += frames;
    }

    /// What decoding these frames took.
    fn decode(&mut self, random: &mut Random, stretch: Stretch, path: &Path, frames: u64) {
        let delay_us = 45_000 + path.jitter_us * 3;
        let qp = if path.is_bad { random.between(58, 84) } else { random.between(22, 38) };
        self.qp_sum += frames * qp;
        self.decode_us += frames * random.between(1_800, 3_400);
        self.frames_assembled += if self.width > 320 { frames } else { frames / 3 };
        self.assembly_us += frames * random.between(300, 900);
        self.delay_us += frames * delay_us;
        self.target_us += frames * (delay_us + 4_000);
        self.minimum_us += frames * (delay_us - 9_000);
        self.frames_per_second = frames * 1_000_000 / stretch.span_us();
    }

    /// From first to last, the sum of all that the frames took in the receiver.
    pub(super) fn processing_us(&self) -> u64 {
        self.delay_us + self.decode_us
    }
}
