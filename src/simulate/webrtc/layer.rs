//! One encoding of the camera's pictures: all of the video, or one of three layers.

use super::connection::Traffic;
use super::control::ReceiverReport;
use super::path::{Path, Stretch};
use super::seen::{HEADER_BYTES, PACKET_BYTES, REPORT_US};
use crate::simulate::random::Random;

/// Width, height and kbit/s of each layer; without simulcast they are the steps of the one encoding.
const SIZES: [(u32, u32, u64); 3] = [(320, 180, 150), (640, 360, 500), (1280, 720, 1_700)];

/// Why an encoder does less than it could, in the order of [`Layer::limited_us`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Bandwidth,
    Cpu,
    None,
    Other,
}

impl Reason {
    /// All of them; the engine writes them in alphabetical order.
    pub(super) const ALL: [Self; 4] = [Self::Bandwidth, Self::Cpu, Self::None, Self::Other];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bandwidth => "bandwidth",
            Self::Cpu => "cpu",
            Self::None => "none",
            Self::Other => "other",
        }
    }
}

/// What an encoder has to do with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// What the layers below have left.
    pub(super) available_kbps: u64,
    /// Whether the device is too slow.
    pub(super) is_slow: bool,
    pub(super) has_simulcast: bool,
}

/// The counters of an `outbound-rtp` of video.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub(super) number: u8,
    /// Whether it is sent at present; its counters stand still meanwhile.
    pub(super) is_active: bool,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) repeated_packets: u64,
    pub(super) repeated_bytes: u64,
    pub(super) nacks: u64,
    pub(super) key_frame_requests: u64,
    pub(super) frames: u64,
    pub(super) key_frames: u64,
    pub(super) frames_per_second: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) qp_sum: u64,
    pub(super) encode_us: u64,
    pub(super) send_delay_us: u64,
    pub(super) target_kbps: u64,
    pub(super) reason: Reason,
    /// How long it was limited, by reason; they add up to the time since it began.
    pub(super) limited_us: [u64; 4],
    pub(super) resolution_changes: u64,
    pub(super) report: ReceiverReport,
}

impl Layer {
    pub(super) fn new(begins_us: i64, number: u8) -> Self {
        Self {
            number,
            is_active: true,
            packets: 0,
            bytes: 0,
            repeated_packets: 0,
            repeated_bytes: 0,
            nacks: 0,
            key_frame_requests: 0,
            frames: 0,
            key_frames: 0,
            frames_per_second: 0,
            width: 0,
            height: 0,
            qp_sum: 0,
            encode_us: 0,
            send_delay_us: 0,
            target_kbps: 0,
            reason: Reason::None,
            limited_us: [0; 4],
            resolution_changes: 0,
            report: ReceiverReport::new(begins_us, REPORT_US),
        }
    }

    /// Carries its counters on; `captured` = frames that the camera gave.
    pub(super) fn advance(
        &mut self,
        random: &mut Random,
        stretch: Stretch,
        path: &Path,
        captured: u64,
        limit: Limit,
    ) -> Traffic {
        self.choose(limit);
        if let Some(limited_us) = self.limited_us.get_mut(self.reason as usize) {
            *limited_us += stretch.span_us();
        }
        if !self.is_active {
            self.target_kbps = 0;
            self.frames_per_second = 0;
            return Traffic::default();
        }
        self.encode(random, stretch, captured);
        self.send(random, stretch, path)
    }

    /// Decides on size, rate and whether to send at all.
    fn choose(&mut self, limit: Limit) {
        let own = usize::from(self.number);
        let fits = |(.., kbps): &(u32, u32, u64)| kbps * 4 / 5 <= limit.available_kbps;
        let place = if limit.has_simulcast { own } else { SIZES.iter().rposition(fits).unwrap_or(0) };
        let (width, height, kbps) = *SIZES.get(place).unwrap_or(&SIZES[0]);
        self.is_active = own == 0 || fits(&(width, height, kbps));
        self.target_kbps = kbps.min(limit.available_kbps);
        self.reason = match limit {
            Limit { is_slow: true, .. } => Reason::Cpu,
            _ if !self.is_active || self.target_kbps < kbps || (!limit.has_simulcast && place < 2) => Reason::Bandwidth,
            _ => Reason::None,
        };
        if self.height != 0 && self.height != height {
            self.resolution_changes += 1;
        }
        (self.width, self.height) = (width, height);
    }

    fn encode(&mut self, random: &mut Random, stretch: Stretch, captured: u64) {
        let (of_10_000, microseconds) = match self.reason {
            Reason::Cpu => (5_000, random.between(31_000, 44_000)),
            Reason::Bandwidth => (8_500, random.between(2_000, 5_000)),
            Reason::None | Reason::Other => (10_000, random.between(2_500, 6_500)),
        };
        let frames = random.share(captured, of_10_000).min(captured);
        let qp = if self.reason == Reason::Bandwidth { random.between(60, 90) } else { random.between(22, 40) };
        if self.frames == 0 && frames > 0 {
            self.key_frames += 1;
        }
        self.frames += frames;
        self.frames_per_second = frames * 1_000_000 / stretch.span_us();
        self.qp_sum += frames * qp;
        self.encode_us += frames * microseconds;
    }

    fn send(&mut self, random: &mut Random, stretch: Stretch, path: &Path) -> Traffic {
        let media_bytes = self.target_kbps * random.between(850, 1_000) / 1000 * stretch.span_us() / 8_000;
        let media_packets = media_bytes / PACKET_BYTES + stretch.span_us() / 100_000 + 1;
        let missed = random.share(media_packets, path.loss_per_10_000);
        let packets = media_packets + missed;
        let bytes = media_bytes + missed * PACKET_BYTES;
        self.packets += packets;
        self.bytes += bytes;
        self.repeated_packets += missed;
        self.repeated_bytes += missed * PACKET_BYTES;
        self.nacks += missed;
        if path.is_bad && random.permille(600) {
            self.key_frame_requests += 1;
            self.key_frames += 1;
        }
        self.send_delay_us +=
            packets * if path.is_bad { random.between(15_000, 60_000) } else { random.between(100, 900) };
        self.report.advance(random, stretch, path, media_packets, missed);
        Traffic { sent_packets: packets, sent_bytes: bytes + packets * HEADER_BYTES, ..Traffic::default() }
    }
}
