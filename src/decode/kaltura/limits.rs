//! Bounds on what one record may ask of the decoder.

/// Bytes of a record's value. A query may hold an address of 64 KiB beside everything else.
pub(super) const VALUE_BYTES: usize = 192 * 1024;
/// Bytes of a body.
pub(super) const BODY_BYTES: usize = 64 * 1024;
/// Parameters of query and body together, those that mean nothing included.
pub(super) const PARAMETERS: usize = 256;
/// Objects and arrays inside each other, the outermost included.
pub(super) const DEPTH: usize = 32;
/// Bytes of what names an entry.
pub(super) const ENTRY_BYTES: usize = 64;
/// Bytes of any other text; one that is longer is cut, and ends in its hash so that it stays distinct.
pub(super) const TEXT_BYTES: usize = 128;
/// Bytes of a browser's name for itself.
pub(super) const USER_AGENT_BYTES: usize = 512;
/// Bytes of a page.
pub(super) const PAGE_BYTES: usize = 256;
