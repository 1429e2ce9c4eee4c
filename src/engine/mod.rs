//! Watermark, windows, frontier and commit point of one partition. Pure: no clock, no IO; time comes in with the records.
//! It knows nothing of video: a window holds whatever `W` is.
//!
//! R1  The watermark is a function of the log prefix and never falls.
//! R2  A window is final at the first record after which `end + grace <= watermark`; a record for a final window is late and changes nothing in it.
//! R3  Windows close in ascending order, so that what one carries is ready for the next.
//! R4  The frontier is the largest boundary such that every window ending at or before it is closed and acknowledged. It never moves back.
//! R5  The resume offset covers every window that ends after the frontier, whether open, closed or already acknowledged.
//! R6  Restored, the watermark is what it was at the resume offset, so every record is judged as it was the first time: late then, late now.
//!     A window at or before the frontier is written and takes nothing; one after it is rebuilt from all its records.
//! R7  What a window's successors must know of it is carried by key and saved as of the frontier; what falls due closes in the same order.
//!
//! Why leaving out any of these goes wrong is shown by the recovery model that ARCHITECTURE.md describes.

mod carry;
mod page;
mod timeline;

pub use carry::{CarryError, CarryStore, Due};
pub use page::{CARRY_KEY, SavedPage, carries_in};
pub use timeline::{Accepted, Closed, ClosedBoundary, CommitPoint, Timeline};

/// What decides where windows begin and when they are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Length of a window, ms.
    pub window_ms: i64,
    /// How long after its end a window still takes records, ms of event time.
    pub grace_ms: i64,
    /// How far the watermark stays behind the highest event time, ms.
    pub disorder_bound_ms: i64,
}
