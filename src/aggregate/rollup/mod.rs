//! Roll-up rows over all partitions: the records on the partials topic, the windows that merge them, and the longer windows that these are
//! put together to.

mod coarse;
mod record;
mod totals;
mod window;

pub use coarse::{ClosingBoundary, LONGEST_WINDOW_MS, check_carry, close_boundary, longer_windows};
pub use record::{Announcement, EdgeKey, Error, Partial, RollupRecord};
pub use totals::Totals;
pub use window::{EdgeRows, EdgeWindow};
