//! What a session's next window must know of its past, as the rooms that close windows see it.

use super::Boundary;

/// The carries of one partition, while one of its boundaries is being closed.
///
/// A carry is bytes under a key: whoever closes windows writes and reads them, and whoever keeps them knows nothing of their meaning.
pub trait Carries {
    /// What is carried under `key`.
    fn get(&self, key: &[u8]) -> Option<&[u8]>;
    /// The page that holds what is carried under `key`: keys of one page, taken one after the other, are found near one another.
    fn page(&self, _: &[u8]) -> u16 {
        0
    }
    /// Carries `value` under `key` from this boundary on, in place of what was there. At the first boundary at or after `until` it falls due.
    fn put(&mut self, key: &[u8], value: &[u8], until: Boundary);
}
