//! Roll-up rows over all partitions: the records on the partials topic, the windows that merge them, and the longer windows that these are
//! put together to.

mod coarse;
mod record;
mod window;

pub use coarse::{ClosingBoundary, LONGEST_WINDOW_MS, close_boundary, longer_windows, source_of_carry};
pub use record::{Announcement, EdgeKey, Error, Partial, RollupRecord};
pub use window::{EdgeRows, EdgeWindow};
