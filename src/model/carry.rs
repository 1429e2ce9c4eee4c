//! What a session's next window must know of its past, as the rooms that close windows see it.

use super::Boundary;
use super::hash::stable_hash;

/// The carries of one partition, while one of its boundaries is being closed.
///
/// A carry is bytes under a key: whoever closes windows writes and reads them, and whoever keeps them knows nothing of their meaning.
pub trait Carries {
    /// What is carried under `key`.
    fn get(&self, key: &[u8]) -> Option<&[u8]>;
    /// Where what is carried under `key` lies: keys that are taken in the order of this number are found near one another. It is the same
    /// number each time.
    fn place(&self, key: &[u8]) -> u64 {
        stable_hash(key)
    }
    /// Carries `value` under `key` from this boundary on, in place of what was there. At the first boundary at or after `until` it falls due.
    fn put(&mut self, key: &[u8], value: &[u8], until: Boundary);
}
