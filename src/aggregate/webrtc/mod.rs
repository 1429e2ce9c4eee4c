//! WebRTC windows: what one partition saw of each participant of a call and of each edge, and the rows and partials that a closed window
//! yields.
//!
//! R1  A session is one participant of one call, in one application and tenant, with all of its peer connections; only records with a key
//!     belong to one (`identity`). A series is one statistics object of one connection; an epoch is a stretch of it in which its counters
//!     grow without a break (`walk`).
//! R2  While a window is open it keeps the samples of each session, packed (`sample`). When it closes they are put in order, by series and
//!     time, and only then is anything computed: so nothing depends on arrival.
//! R3  What grew between two samples counts in the window by its time: a growth that spans a boundary is split there, if the next window
//!     has the later sample already; what is carried is where the split was made. Nothing counts twice, and nothing is lost.
//! R4  A value that is no counter is seen once each time it was sampled, however often it is reported.
//! R5  Sums of sessions are sums over streams and simulcast layers, each of which grows by itself.
//! R6  Copies of a report count once (`window`). Reports, connections, series and samples beyond a cap are left out by hash and time, not
//!     by arrival.
//! R7  Scores come from the window's own measurements, by pure functions (`score`); where one would be a guess there is none (`scoring`).
//! R8  What is recommended for a session is decided when a window closes, from that window and the carry (`controller`).
//! R9  A session lives on in its carry (`life`), which each of its windows reads and writes when it closes (`closing`); 120 s after its last
//!     report, or when its participant has left, the carry becomes its last row (`finished`).

mod closed;
mod closing;
mod connection;
mod controller;
mod edge;
mod finished;
mod found;
mod happening;
mod identity;
mod keys;
mod layout;
mod life;
mod measure;
mod reading;
mod sample;
mod schema;
mod score;
mod scoring;
mod session;
mod stretch;
mod tally;
mod totals;
mod walk;
mod window;

/// The version of what is carried of a session from window to window.
pub const CARRY_VERSION: u8 = 1;

pub use closed::{ClosedWindow, SessionRows};
pub use controller::{Action, ControllerSettings, Fault, Recommendation};
pub(crate) use edge::Calls;
pub use edge::EdgeTotals;
pub use finished::{FinishedRows, FinishedSessions, finish_sessions};
pub use found::{Codec, Path};
pub use keys::RollupKey;
pub use life::IDLE_MS;
pub(crate) use measure::Measure;
pub use schema::{EDGE_WINDOW, SESSION, SESSION_WINDOW};
pub use score::{CodecConstants, ScoreSettings};
pub use window::{Context, Settings, Window};
