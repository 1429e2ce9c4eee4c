//! streamgauge: quality-of-experience aggregates for streaming fleets.
//!
//! The way of the data is the way of the modules: [`decode`] → [`aggregate`] → [`engine`] → [`fold`] → [`stage`] (with [`bus`] and [`sink`]),
//! put together by [`service`].

pub mod aggregate;
pub mod bus;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod decode;
pub mod engine;
pub mod fold;
pub mod http;
pub mod model;
pub mod observe;
pub mod reference;
pub mod replay;
pub mod service;
pub mod simulate;
pub mod sink;
pub mod stage;
pub mod store;
pub mod surroundings;
pub mod telemetry;
pub mod topology;
