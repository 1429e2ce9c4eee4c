//! Kaltura windows: what one partition saw of each player session of an entry, and the rows and roll-up parts that a closed window yields.
//!
//! R1  A session is one player session of one entry in one account and tenant; only records with a key belong to one (`identity`). In it,
//!     the player counts its beacons in runs (`run`): copies, losses and sums are those of a run.
//! R2  While a window is open it keeps what its beacons say, packed (`sample`), and each scene once (`scene`). When it closes, beacons are
//!     put in order, and only then is anything computed (`walk`): so nothing depends on arrival.
//! R3  A session is walked from its carry (`life`), and the walk knows nothing of windows: cut into others, it comes to the same totals.
//! R4  A beacon counts when it was received, and so does what its sums grew by.
//! R5  What is counted (`counts`) is given by session and scene (`facet`), for the roll-ups, and by session, for its row.
//! R6  A session is over 10 min after its last beacon, or when it is a day old; its carry becomes its last row (`finished`).

mod closed;
mod closing;
mod counts;
mod facet;
mod finished;
pub mod formulas;
mod identity;
mod life;
mod named;
pub mod retention;
mod rollup_schema;
mod rollups;
mod run;
mod sample;
mod scene;
mod schema;
mod totals;
mod walk;
mod window;

/// The version of what is carried of a session from window to window.
pub const CARRY_VERSION: u8 = 1;

pub use closed::{ClosedWindow, SessionRows};
pub use counts::{COUNTS, Counts};
pub use facet::{Device, Facet, Names, Part, Place};
pub use finished::{FinishedRows, FinishedSessions, finish_sessions};
pub use life::IDLE_MS;
pub use named::{MOST as MOST_NAMES, NamedCounts};
pub use rollup_schema::{
    CONTENT_WINDOW, CUSTOM_VARIABLE_WINDOW, DEVICE_WINDOW, DOMAIN_WINDOW, GEOGRAPHY_WINDOW, PLAYBACK_TYPE_WINDOW,
    schema_of,
};
pub use rollups::{BOT, Rollups};
pub use schema::{SESSION, SESSION_WINDOW};
pub use totals::{RollupTotals, RowError, Sums, Unique};
pub use window::{Context, Window};
