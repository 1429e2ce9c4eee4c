//! What a worker thread does: records in from the bus, closed windows out to the sink, and one commit for all of it.
//!
//! `worker` is the loop that both stages share; `session` folds a source's records into session rows and partials, `rollup` folds
//! partials into edge rows; `viewers`, `calls` and `compat` tell the metrics page what is in them. `outbox` carries closed windows to the sink and acknowledgements back, `past` reads back what was saved.

mod calls;
mod compat;
mod fault;
mod outbox;
mod past;
mod recommendations;
mod reset;
mod rollup;
mod saved;
mod session;
mod ticks;
mod viewers;
mod watchdog;
mod worker;

pub use fault::Error;
pub use outbox::{Outbox, deliver};
pub use past::{Past, ReadBack};
pub use reset::{ResetSource, epoch_of};
pub use rollup::RollupStage;
pub use session::{SessionStage, SideTopics, SourcePlan};
pub use worker::{Options, work};

use std::sync::Arc;

use crate::aggregate::rollup::Announcement;
use crate::bus::{Outgoing, TopicPartition};
use crate::engine::SavedPage;
use crate::model::{Boundary, Record, Rows};
use crate::observe::Partition as PartitionView;
use crate::sink::Refused;

/// A closed window's name inside its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowName {
    /// The source, where a partition holds several.
    pub source: Box<str>,
    /// Where the window ends.
    pub end: Boundary,
}

/// A window that has closed: its rows wait to be written.
pub struct Closed {
    /// Its name.
    pub name: WindowName,
    /// Its rows.
    pub rows: Arc<dyn Rows>,
}

/// What a commit saves for one partition.
pub struct Prepared<P> {
    /// The offset to resume from.
    pub resume_offset: i64,
    /// The value of the partition's record in its state topic.
    pub state: Vec<u8>,
    /// What other stages learn from it.
    pub announcement: Option<Announcement>,
    /// What [`Work::outgoing`] and [`Work::committed`] go by.
    pub point: P,
}

/// The work of one partition.
pub trait Work {
    /// What a commit covers.
    type Point;

    /// Takes in the next record; one below the position counts in nothing. It was read under older rules, or the client hands it out
    /// again: when the group changes in the moment in which a read ends, the client goes back by what that read has returned, also in the
    /// partitions that stay.
    ///
    /// # Errors
    /// When it was written by a newer program, whose meaning this one does not know.
    fn push(&mut self, record: &Record<'_>) -> Result<(), Error>;
    /// The oldest window that has become final. Called until `None`.
    fn next_closed(&mut self) -> Option<Closed>;
    /// The rows of a window are safe, but for those that the sink refused for good.
    fn acknowledge(&mut self, window: &WindowName, refused: Vec<Refused>);
    /// What a commit would save now; `None` when nothing has changed since the last one.
    fn prepare(&self) -> Option<Prepared<Self::Point>>;
    /// What goes out in that commit's transaction.
    fn outgoing<'a>(&'a self, point: &'a Self::Point) -> Box<dyn Iterator<Item = &'a Outgoing> + 'a>;
    /// The carries that the commit saves, by the page, in the order in which they must be written.
    fn carries<'a>(&'a self, point: &'a Self::Point) -> Box<dyn Iterator<Item = &'a SavedPage> + 'a>;
    /// The commit has succeeded.
    fn committed(&mut self, point: Self::Point);
    /// The next offset to be read.
    fn position(&self) -> i64;
    /// Memory that the next commit will free, whatever the sink does, in bytes: too much of it hastens the commit.
    fn waiting_bytes(&self) -> usize;
    /// How many closed windows wait for their acknowledgement.
    fn unacknowledged(&self) -> usize;
    /// What the state page shows; the log end is filled in by the worker.
    fn view(&self, name: &TopicPartition) -> Vec<PartitionView>;
    /// Hands what was counted since the last call to the metrics.
    fn report(&mut self, name: &TopicPartition);
}

/// How a kind of worker begins the work of a partition.
pub trait Stage {
    /// The work of one of its partitions.
    type Work: Work;
    /// The carries of one of its partitions.
    type Carries: Past;

    /// The name in metrics and in the group's name.
    fn name(&self) -> &'static str;
    /// The topology's rules number.
    fn rules(&self) -> i64;
    /// The topics it reads.
    fn topics(&self) -> Vec<String>;
    /// The state topic that belongs to a topic it reads.
    fn state_topic(&self, topic: &str) -> String;
    /// The carries of a partition of this topic, before any is read back.
    fn no_carries(&self, topic: &str) -> Self::Carries;
    /// Begins the work of a partition, given what was saved of it and the number of partitions of its topic.
    fn restore(
        &self,
        name: &TopicPartition,
        partitions: i32,
        saved: ReadBack<Self::Carries>,
        start: StartOffset,
    ) -> Result<Self::Work, saved::Error>;
    /// Whether silence in a topic it reads is ended by ticks.
    fn ticks(&self) -> bool;
    /// Why no window may close now, if so: nothing is read until it is over.
    fn held_back(&self) -> Option<String> {
        None
    }
    /// The topic to which announcements go, to every partition; `None` = nobody listens.
    fn announces_to(&self) -> Option<&str>;
}

/// Where a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartOffset {
    /// The next offset to be read.
    pub offset: i64,
    /// Whether the group had committed it.
    pub committed: bool,
}
