//! Why one partition's part of a row cannot be read, whatever the source.

use super::{DistinctError, SketchError};
use crate::model::bytes::Short;

/// Why a partial cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// It was written by a newer version.
    #[error(
        "a partial has version {found}, and this program knows only version {known}: finish the upgrade of all instances"
    )]
    Version {
        /// Its version.
        found: u8,
        /// The newest that this program knows.
        known: u8,
    },
    /// It ends too early.
    #[error("a partial is cut off: {0}")]
    Short(#[from] Short),
    /// One of its sketches is not one.
    #[error(transparent)]
    Sketch(#[from] SketchError),
    /// One of its counts of distinct sessions is none.
    #[error(transparent)]
    Distinct(#[from] DistinctError),
}
