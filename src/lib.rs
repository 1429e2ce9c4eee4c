//! streamgauge: quality-of-experience aggregates for streaming fleets.
//!
//! The way of the data is the way of the modules: decode → [`aggregate`] → [`engine`] → `stage` (with `bus` and `sink`).

pub mod aggregate;
pub mod engine;
pub mod model;
pub mod sink;
pub mod store;
