//! Recorded logs: dump files, the input of the batch oracle.

pub mod dump;
pub mod oracle;
