//! streamgauge: quality-of-experience aggregates for streaming fleets.
//!
//! The way of the data is the way of the modules: decode → [`aggregate`] → [`engine`] → fold → stage (with bus and sink).

pub mod aggregate;
pub mod cli;
pub mod engine;
pub mod model;
pub mod replay;
pub mod simulate;
pub mod sink;
pub mod store;
