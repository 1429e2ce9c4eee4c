//! The bus: consumers in a group, transactions, topics, and an in-process broker for the demo. It knows records and offsets, not video.

mod admin;
mod assignment;
mod batch;
mod client;
mod consumer;
mod in_process;
mod plain;
mod state;
mod transaction;

pub use admin::{Admin, TopicFacts, TopicSpec};
pub use assignment::{AssignedPartition, Change, LogEnd, TopicPartition};
pub use batch::{Batch, Fetched, TopicHandle};
pub use client::{Error, Properties, StartAt};
pub use consumer::{GroupConsumer, borrow_record, ends_reading};
pub use in_process::InProcessBroker;
pub use plain::{PlainProducer, await_transactions, read_topic, read_topic_from};
pub use state::{STATE_KEY, StateReader};
pub use transaction::{Abort, CommitOffset, LongestRecord, Outgoing, TransactionalProducer};
