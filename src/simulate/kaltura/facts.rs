//! A beacon before it is written.

use super::audience::Identity;

/// What the player was doing when it sent a beacon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    pub(super) event: u16,
    /// Its number; an event of the application does not say it.
    pub(super) index: u32,
    /// In the film, or behind the live edge (then 0 or negative), ms.
    pub(super) position_ms: i64,
    pub(super) play_sum_ms: i64,
    pub(super) buffer_ms: i64,
    pub(super) buffer_sum_ms: i64,
    pub(super) speed_permille: i64,
    /// In 1024 bit/s, as browsers count it.
    pub(super) bitrate_kib: u64,
    pub(super) average_kib: u64,
    pub(super) bandwidth_kib: u64,
    pub(super) segment_ms: u64,
    pub(super) dropped_permille: u64,
    pub(super) join_ms: i64,
    /// 1 off, 2 on.
    pub(super) sound: u8,
    pub(super) tab: u8,
    pub(super) screen: u8,
    /// When an error struck, as players number it.
    pub(super) error_position: u8,
}

/// A record before it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) identity: Identity,
    pub(super) snapshot: Snapshot,
    /// When the collector got it.
    pub(super) received_ms: i64,
}
