//! Bounds on what one record may ask of the decoder. Values are controlled by whoever calls the video URL, so every loop has one.

/// Bytes of a record's value, whatever the carrier; also the bound of a body.
pub(super) const VALUE_BYTES: usize = 1024 * 1024;
/// Bytes of one CMCD payload, with its transport encoding undone.
pub(super) const PAYLOAD_BYTES: usize = 16 * 1024;
/// CMCD records in one body.
pub(super) const BODY_RECORDS: usize = 2_000;
/// Members of one payload.
pub(super) const MEMBERS: usize = 64;
/// Members of one inner list.
pub(super) const LIST_ITEMS: usize = 64;
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 64;
/// Bytes of a string.
pub(super) const STRING_BYTES: usize = 4 * 1024;
/// Bytes of the strings that hold a URL or a trace (`nor`, `smrt`, `url`).
pub(super) const LONG_STRING_BYTES: usize = 8 * 1024;
/// Layers of percent-encoding that are undone on a query argument, the ordinary one included.
pub(super) const ENCODING_LAYERS: usize = 3;
