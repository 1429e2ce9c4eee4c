//! Roll-up rows over all partitions: the records on the partials topic, and the windows that merge them.

mod record;
mod window;

pub use record::{Announcement, EdgeKey, Error, Partial, RollupRecord};
pub use window::{EdgeRows, EdgeWindow};
