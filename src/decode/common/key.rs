//! Names that are compared by two words of eight bytes.

/// The length of a name, and its first and last eight bytes: all of it when it has no more than sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) length: usize,
}

impl Key {
    #[inline(always)]
    pub(crate) fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => (bytes.iter().fold(0, |packed, byte| packed << 8 | u64::from(*byte)), 0),
        };
        Self { first, last, length: bytes.len() }
    }

    /// Whether names with this key are the same.
    #[inline(always)]
    pub(crate) const fn is_all(self) -> bool {
        self.length <= 16
    }
}
