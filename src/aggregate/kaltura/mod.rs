//! Kaltura windows: what one partition saw of each player session of an entry, and the rows and roll-up parts that a closed window yields.

mod counts;
mod facet;
pub mod formulas;
pub mod retention;
mod rollup_schema;
mod rollups;
mod totals;

pub use counts::{COUNTS, Counts};
pub use facet::{Device, Facet, Names, Part, Place};
pub use rollup_schema::{
    CONTENT_WINDOW, CUSTOM_VARIABLE_WINDOW, DEVICE_WINDOW, DOMAIN_WINDOW, GEOGRAPHY_WINDOW, PLAYBACK_TYPE_WINDOW,
    schema_of,
};
pub use rollups::{BOT, Rollups};
pub use totals::{RollupTotals, RowError, Sums, Unique};
