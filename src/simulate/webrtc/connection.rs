//! A peer connection below its media: the transport, the pair of candidates in use, and what names them.

use super::path::{Path, Stretch, ticks};
use crate::simulate::random::finish;

/// How often a connectivity check goes out.
const CHECK_US: i64 = 2_500_000;

/// What a peer connection's parts are named after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roots {
    /// Of its streams.
    pub(super) streams: u64,
    /// Of its candidates and certificates.
    pub(super) path: u64,
}

impl Roots {
    /// The SSRC of a stream, by its number.
    pub(super) fn ssrc(self, number: u64) -> u32 {
        ((finish(self.streams ^ number) >> 32) as u32).max(1)
    }
}

/// The state of a peer connection; all counters are of its life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    pub(super) roots: Roots,
    /// Up to when its counters and those of its media are carried on.
    pub(super) reached_us: i64,
    pub(super) sent_packets: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_packets: u64,
    pub(super) received_bytes: u64,
    /// Connectivity checks that were answered.
    pub(super) checks: u64,
    pub(super) rtt_ms: u64,
    pub(super) rtt_sum_ms: u64,
    /// The estimate of what gets through to the far end, bit/s.
    pub(super) available_bps: u64,
    next_check_us: i64,
}

/// What went over the wire in a stretch, headers included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent_packets: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_packets: u64,
    pub(super) received_bytes: u64,
}

impl Connection {
    pub(super) fn new(begins_us: i64, roots: Roots) -> Self {
        Self {
            roots,
            reached_us: begins_us,
            sent_packets: 0,
            sent_bytes: 0,
            received_packets: 0,
            received_bytes: 0,
            checks: 0,
            rtt_ms: 0,
            rtt_sum_ms: 0,
            available_bps: 300_000,
            next_check_us: begins_us,
        }
    }

    /// Books a stretch; feedback and connectivity checks come on top of the media.
    pub(super) fn advance(&mut self, stretch: Stretch, path: &Path, media: Traffic) {
        /// The mean size of a packet of RTCP with its encryption.
        const FEEDBACK_BYTES: u64 = 60;

        let checks = ticks(&mut self.next_check_us, CHECK_US, stretch.to_us);
        let feedback = stretch.span_us() / 100_000;
        // The engine measures checks in whole milliseconds.
        self.rtt_ms = path.rtt_us / 1000;
        self.rtt_sum_ms += self.rtt_ms * checks;
        self.checks += checks;
        self.sent_packets += media.sent_packets + feedback;
        self.sent_bytes += media.sent_bytes + feedback * FEEDBACK_BYTES;
        self.received_packets += media.received_packets + feedback;
        self.received_bytes += media.received_bytes + feedback * FEEDBACK_BYTES;
        self.reached_us = stretch.to_us;
    }
}
