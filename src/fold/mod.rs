//! Record in, closed windows out: decoder, clock rules, engine and aggregates put together for one partition.
//! Pure, so that the workers on the bus and the batch oracle (`replay`) are the same code.

mod clock;
mod cmcd;
mod kaltura;
mod kind;
mod partition;
mod reader;
mod rollup;
mod settings;
mod source;
mod webrtc;

pub use clock::{Clock, clamp};
pub use cmcd::Cmcd;
pub use kaltura::{Kaltura, KalturaSettings};
pub use kind::{Arrival, DecodeCounts, Kind, Yield};
pub use partition::{ClosedRows, ClosedSource, Counts, SideOutput, SourceFold};
pub use reader::{Reader, Seen};
pub use rollup::{
    ClosedEdges, RollupCarries, RollupCommit, RollupPartition, RollupResume, RollupSettings, SavedSource, SourceCommit,
};
pub use settings::{Decoding, Resume, SourceSettings};
pub use source::Fold;
pub use webrtc::Webrtc;
