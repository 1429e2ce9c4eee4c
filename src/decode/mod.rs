//! Bytes to events, one folder a source. Pure: no IO, no clock, and no panic whatever the bytes.

pub mod cmcd;
pub(crate) mod common;
pub mod kaltura;
pub mod webrtc;
