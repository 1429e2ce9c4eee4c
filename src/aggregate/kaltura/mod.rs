//! Kaltura windows: what one partition saw of each player session of an entry, and the rows and roll-up parts that a closed window yields.

mod counts;
mod facet;
pub mod retention;

pub use counts::{COUNTS, Counts};
pub use facet::{Device, Facet, Names, Part, Place};
