//! What RTCP brings from the far end: sender reports of what comes in, receiver reports of what goes out.
//!
//! Reports come at uneven times, about every second for video and every five for audio, and tell of the moment at which they were sent. What
//! they count is taken from the stretch of time in which that moment lies, evenly.

use super::path::{Path, Stretch};
use crate::simulate::random::Random;

/// The way of a report to us, about.
const WAY_US: i64 = 18_000;

/// When reports come.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    next_us: i64,
    period_us: u64,
}

impl Schedule {
    fn new(begins_us: i64, period_us: u64) -> Self {
        Self { next_us: begins_us + (period_us / 2).cast_signed(), period_us }
    }

    /// The latest report up to `to_us`, and how many there were.
    fn latest(&mut self, random: &mut Random, to_us: i64) -> Option<(i64, u64)> {
        let mut latest = None;
        let mut count = 0;
        while self.next_us <= to_us {
            latest = Some(self.next_us);
            count += 1;
            self.next_us += (self.period_us * random.between(500, 1_500) / 1000).cast_signed();
        }
        latest.map(|at_us| (at_us, count))
    }
}

/// Packets and bytes so far, and how many of them came in the latest stretch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) new_packets: u64,
    pub(super) new_bytes: u64,
}

/// What the far end says it has sent: `remote-outbound-rtp`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderReport {
    schedule: Schedule,
    /// When it arrived.
    pub(super) at_us: i64,
    /// When it was sent, by the SFU's clock, which is right.
    pub(super) sent_us: i64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// How many there were; 0 = the rest means nothing.
    pub(super) count: u64,
}

impl SenderReport {
    pub(super) fn new(begins_us: i64, period_us: u64) -> Self {
        let schedule = Schedule::new(begins_us, period_us);
        Self { schedule, at_us: 0, sent_us: 0, packets: 0, bytes: 0, count: 0 }
    }

    pub(super) fn advance(&mut self, random: &mut Random, stretch: Stretch, sent: Progress) {
        let Some((at_us, count)) = self.schedule.latest(random, stretch.to_us) else { return };
        let since_us = (stretch.to_us - at_us).min(stretch.span_us().cast_signed()).cast_unsigned();
        let later = |new: u64| new * since_us / stretch.span_us();
        self.at_us = at_us;
        self.sent_us = at_us - WAY_US;
        self.packets = sent.packets - later(sent.new_packets);
        self.bytes = sent.bytes - later(sent.new_bytes);
        self.count += count;
    }
}

/// What the far end says it has received of us: `remote-inbound-rtp`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiverReport {
    schedule: Schedule,
    /// When it arrived.
    pub(super) at_us: i64,
    pub(super) lost: u64,
    /// In 1/256.
    pub(super) fraction_lost: u64,
    pub(super) jitter_us: u64,
    pub(super) rtt_us: u64,
    pub(super) rtt_sum_us: u64,
    /// How many gave a round-trip time.
    pub(super) rtt_count: u64,
    /// How many there were; 0 = the rest means nothing.
    pub(super) count: u64,
    /// Packets that the far end missed so far.
    missed: u64,
}

impl ReceiverReport {
    pub(super) fn new(begins_us: i64, period_us: u64) -> Self {
        let schedule = Schedule::new(begins_us, period_us);
        Self {
            schedule,
            at_us: 0,
            lost: 0,
            fraction_lost: 0,
            jitter_us: 0,
            rtt_us: 0,
            rtt_sum_us: 0,
            rtt_count: 0,
            count: 0,
            missed: 0,
        }
    }

    /// `sent` packets went out in this stretch, of which `missed` did not arrive.
    pub(super) fn advance(&mut self, random: &mut Random, stretch: Stretch, path: &Path, sent: u64, missed: u64) {
        self.missed += missed;
        let Some((at_us, count)) = self.schedule.latest(random, stretch.to_us) else { return };
        // The first report comes before the far end has a sender report to answer to.
        let timed = if self.count == 0 { count - 1 } else { count };
        self.at_us = at_us;
        self.fraction_lost = if sent == 0 { 0 } else { (self.missed - self.lost).min(sent) * 256 / (sent + 1) };
        self.lost = self.missed;
        self.jitter_us = path.jitter_us;
        self.rtt_us = path.rtt_us * random.between(950, 1_100) / 1000;
        self.rtt_sum_us += self.rtt_us * timed;
        self.rtt_count += timed;
        self.count += count;
    }
}
