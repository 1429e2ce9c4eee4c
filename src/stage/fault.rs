//! What can go wrong with a worker, and what may pass by itself.

use rdkafka::error::KafkaError;

use super::saved;
use crate::aggregate::rollup;
use crate::bus::{self, Abort, ends_reading, log_error};
use crate::engine::CarryError;

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bus.
    #[error(transparent)]
    Bus(#[from] bus::Error),
    /// What was saved does not fit.
    #[error("{topic}/{partition} cannot be taken over: {cause}")]
    Saved {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What does not fit.
        cause: saved::Error,
    },
    /// A carry does not fit.
    #[error("{topic}/{partition} cannot be taken over: {cause}")]
    Carry {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What does not fit.
        cause: CarryError,
    },
    /// A record has a meaning that only a newer program knows.
    #[error("{topic}/{partition} cannot be read on at offset {offset}: {cause}")]
    Newer {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Where the record is.
        offset: i64,
        /// What is newer.
        cause: rollup::Error,
    },
    /// The group's assignment could not be carried out.
    #[error("the assigned partitions could not be started: {0}")]
    Assignment(KafkaError),
    /// Another process goes by the same name.
    #[error(
        "another process has taken the place of {member}: give each a `workers.instance` of its own, or leave the place to the other"
    )]
    Replaced {
        /// The name.
        member: String,
    },
    /// What was read may not be counted yet.
    #[error("{0}")]
    HeldBack(String),
    /// The client does not read on.
    #[error("a partition cannot be read on ({0}): its next record is gone from the log, or the client ended")]
    Reading(KafkaError),
    /// Nobody knows whether the last commit came through.
    #[error("the last commit did not end: {0}")]
    Commit(Abort),
}

impl Error {
    /// Whether beginning again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Bus(cause) => cause.may_pass(),
            Self::Assignment(_) | Self::HeldBack(_) | Self::Reading(_) | Self::Commit(_) => true,
            Self::Saved { .. } | Self::Carry { .. } | Self::Newer { .. } | Self::Replaced { .. } => false,
        }
    }
}

/// An error in the place of records: most pass by themselves.
pub(super) fn judge(cause: KafkaError) -> Result<(), Error> {
    if ends_reading(&cause) {
        return Err(Error::Reading(cause));
    }
    log_error(&cause, "reading; the client goes on by itself");
    Ok(())
}
