//! Bounds on what one record may ask of the decoder.

/// How much one record may hold; more makes it a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its value.
    pub value_bytes: usize,
    /// Statistics objects in it, those that are not read included.
    pub objects: usize,
    /// Objects and arrays inside each other, the outermost included.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { value_bytes: 1024 * 1024, objects: 2_000, depth: 32 }
    }
}

/// Bytes of a text; one that is longer is cut, and ends in its hash so that it stays distinct.
pub(super) const TEXT_BYTES: usize = 128;
