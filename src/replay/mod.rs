//! Recorded logs: dump files, the input of the batch oracle, and raw log files and recorded WebRTC
//! statistics as the records they would have been.

pub mod dump;
mod oracle;
pub mod raw;
mod row_writer;
pub mod webrtc;

pub use oracle::{Oracle, Summary};
pub use row_writer::{RowFormat, RowWriter};
