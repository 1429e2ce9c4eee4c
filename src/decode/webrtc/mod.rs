//! WebRTC statistics.

pub mod convert;
