//! streamgauge: quality-of-experience aggregates for streaming fleets.
//!
//! The way of the data is the way of the modules: [`decode`] → [`aggregate`] → [`engine`] → [`fold`] → `stage` (with `bus` and `sink`).

pub mod model;
pub mod sink;
pub mod store;
