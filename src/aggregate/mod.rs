//! What a window holds, how it closes, and what its rows say. Pure: no clock, no IO.
//!
//! R1  What a window yields depends only on the set of its events, never on their order, batching or worker: integer sums,
//!     extremes, sketches of integers, and small sorted lists of facts where order matters.
//! R2  Caps keep the smallest by a published hash (or by time, for facts), so a replay keeps the same ones.

mod bounded;
pub mod cmcd;
mod distinct;
pub mod kaltura;
mod packed;
mod partial;
mod placing;
pub mod rollup;
mod seen;
mod sketch;
mod source;
mod uniques;
pub mod webrtc;

pub use distinct::{Distinct, Error as DistinctError};
pub use partial::PartialError;
pub(crate) use sketch::Filling;
pub use sketch::{Error as SketchError, Sketch};
pub use source::{Caps, Extent, Outcome, Size, SourceLabels};
pub(crate) use uniques::FillingUniques;
pub use uniques::{EXACT, STANDARD_ERROR_PPM, Uniques};
