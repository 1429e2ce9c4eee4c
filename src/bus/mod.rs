//! The bus: consumers in a group, transactions, topics, and an in-process broker for the demo. It knows records and offsets, not video.

mod admin;
mod assignment;
mod at_rest;
mod client;
mod consumer;
mod follower;
mod in_process;
mod native;
mod plain;
mod state;
mod transaction;

pub use admin::{Admin, TopicFacts, TopicSpec};
pub use assignment::{AssignedPartition, Change, LogEnd, TopicPartition};
pub use at_rest::{Found, GroupAtRest};
pub(crate) use client::log_error;
pub use client::{Error, Properties, StartAt};
pub use consumer::{GroupConsumer, Member, borrow_record, ends_reading};
pub use follower::Follower;
pub use in_process::InProcessBroker;
pub use native::{Batch, Fetched, TopicHandle};
pub use plain::{PlainProducer, await_transactions, read_topic, read_topic_from};
pub use state::{STATE_KEY, StateReader, StateRecord};
pub use transaction::{Abort, CommitOffset, LongestRecord, Message, Outgoing, TransactionalProducer};
