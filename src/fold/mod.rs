//! Record in, closed windows out: decoder, clock rules, engine and aggregates put together for one partition.
//! Pure, so that the workers on the bus and the batch oracle (`replay`) are the same code.

mod clock;
mod rollup;
mod source;

pub use clock::{Clock, clamp};
pub use rollup::{
    ClosedEdges, RollupCarries, RollupCommit, RollupPartition, RollupResume, RollupSettings, SavedSource, SourceCommit,
};
pub use source::{ClosedRows, ClosedSource, Counts, Resume, SideOutput, SourceFold, SourceSettings, no_carries};
