//! Recorded logs: dump files, the input of the batch oracle.

pub mod dump;
mod oracle;

pub use oracle::{Oracle, Summary};
