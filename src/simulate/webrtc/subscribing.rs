//! A `sub-0`: what a participant receives, the sound of the call and the picture of whoever speaks.

use super::connection::{Connection, Roots};
use super::heard::Heard;
use super::path::{Path, Stretch};
use super::seen::Seen;
use crate::simulate::random::Random;

/// The state of a receiving peer connection.
#[derive(Clone, Debug)]
pub(super) struct Subscribing {
    pub(super) connection: Connection,
    pub(super) heard: Heard,
    seen: Seen,
    /// The video is inactive until then.
    returns_us: Option<i64>,
}

impl Subscribing {
    pub(super) fn new(begins_us: i64, roots: Roots) -> Self {
        let connection = Connection::new(begins_us, roots);
        Self { connection, heard: Heard::new(begins_us), seen: Seen::new(begins_us), returns_us: None }
    }

    /// The video; `None` while it is inactive.
    pub(super) fn seen(&self) -> Option<&Seen> {
        self.returns_us.is_none().then_some(&self.seen)
    }

    /// Takes the video away for a while.
    pub(super) fn hide_video(&mut self, returns_us: i64) {
        self.returns_us = Some(returns_us);
    }

    /// Packets that were counted as lost come after all.
    pub(super) fn find_late(&mut self, count: u64) {
        self.heard.find_late(count);
        self.seen.find_late(count);
    }

    /// Carries all counters on.
    pub(super) fn advance(&mut self, random: &mut Random, to_us: i64, path: &Path) {
        let stretch = Stretch { from_us: self.connection.reached_us, to_us };
        let mut traffic = self.heard.advance(random, stretch, path);
        if let Some(video) = self.shown(stretch) {
            let seen = self.seen.advance(random, video, path);
            traffic.received_packets += seen.received_packets;
            traffic.received_bytes += seen.received_bytes;
        }
        self.connection.advance(stretch, path, traffic);
    }

    /// The part of the stretch in which there is video; it begins anew when it returns.
    fn shown(&mut self, stretch: Stretch) -> Option<Stretch> {
        let Some(returns_us) = self.returns_us else { return Some(stretch) };
        if returns_us > stretch.to_us {
            return None;
        }
        self.returns_us = None;
        self.seen = Seen::new(returns_us);
        Some(Stretch { from_us: returns_us.max(stretch.from_us), to_us: stretch.to_us })
    }
}
