//! streamgauge: quality-of-experience aggregates for streaming fleets.

pub mod aggregate;
pub mod cli;
pub mod config;
pub mod decode;
pub mod engine;
pub mod http;
pub mod model;
pub mod observe;
pub mod reference;
pub mod replay;
pub mod simulate;
pub mod sink;
pub mod store;
pub mod telemetry;
pub mod topology;
