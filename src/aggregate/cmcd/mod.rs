//! CMCD windows: what one partition saw of each session and of each edge, and the rows and partials that a closed window yields.
//!
//! Each event is counted once, in the block of its session at its edge (`counters`). A session row is the sum of the session's
//! blocks, an edge row the sum of the edge's blocks over all sessions, plus what belongs to no session. What a session's row cannot say
//! without its past comes from its carry (`life`), which each window of the session reads and writes when it closes (`closing`); when its
//! time-out has passed, the carry becomes the session's last row (`finished`).

mod apply;
mod closed;
mod closing;
mod counters;
mod edge;
mod finished;
mod identity;
mod keys;
mod life;
mod names;
mod schema;
mod sessions;
mod smallest;
mod starvation;
mod window;

/// The version of what is carried of a session from window to window.
pub const CARRY_VERSION: u8 = 1;

pub use closed::{ClosedWindow, SessionRows};
pub use edge::{EdgeTotals, Viewers};
pub use finished::{FinishedRows, FinishedSessions, finish_sessions};
pub use keys::RollupKey;
pub use life::IDLE_MAX_MS;
pub use schema::{EDGE_WINDOW, SESSION, SESSION_WINDOW};
pub use window::{Context, Window};
