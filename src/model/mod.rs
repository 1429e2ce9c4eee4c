//! The vocabulary that every room shares: records on the bus, decoded events, time, rows. No behaviour beyond what the words mean.

pub mod bytes;
pub mod carry;
pub mod cmcd;
pub mod hash;
pub mod kaltura;
pub mod partition;
pub mod record;
pub mod row;
mod session;
pub mod time;
pub mod webrtc;

pub use carry::Carries;
pub use record::{Headers, Reason, Record};
pub use row::{Field, FieldKind, Row, Rows, Schema, Tag, Value};
pub use session::write_session_id;
pub use time::{Boundary, EventTime};
