//! Where final rows go: rows to line protocol, InfluxDB with its rules of retry, and the embedded store behind the same trait.
//!
//! R1  A row is acknowledged only when it is durably stored, or refused for good and handed back with the server's words. Nothing is ever dropped.
//! R2  What may pass (an outage, a wrong token) is retried for ever; only the owner's stop signal ends a write, and then nothing of it is acknowledged.
//! R3  One bad row costs one row: its neighbours in the batch are written.
//! R4  Memory is bounded by a few batches, however large the windows are: rows are rendered a range at a time.
//! R5  Writing the same rows again leaves the store as it was (rows have a fixed identity and always their full set of fields).

mod backoff;
mod batch;
mod health;
pub mod influx;
pub mod line_protocol;
pub mod sqlite;

use std::future::Future;
use std::sync::Arc;

pub use health::{Fault, Health, Status};

use crate::model::Rows;

/// A place for final rows.
pub trait Sink: Send + Sync + 'static {
    /// Writes the rows of one or several closed windows, and returns when each is durably stored or refused for good (R1).
    ///
    /// Dropping the future gives up as the stop signal does: some rows may be stored, none is acknowledged, and writing them again is harmless.
    ///
    /// # Errors
    /// [`Stopped`] when the sink's stop signal came first; nothing of this write may be counted as stored.
    fn write(&self, windows: &[Arc<dyn Rows>]) -> impl Future<Output = Result<Vec<Refused>, Stopped>> + Send;

    /// How the sink does; the handle is cheap to clone and stays current.
    fn health(&self) -> Health;
}

/// A row that the store will never take. It belongs in the dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which of the windows of its write it is from, counted from 0.
    pub window: usize,
    /// The row in line protocol, without the newline.
    pub line: String,
    /// The server's words.
    pub answer: String,
}

/// The owner's stop signal ended a write before everything was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped before every row was stored: they are not acknowledged and will be written again")]
pub struct Stopped;
