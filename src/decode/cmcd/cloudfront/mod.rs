//! CloudFront's access logs: real-time logs (one line a record) and standard logs (any number of lines, with `#` lines).
//!
//! R1  A line is a valid request with or without CMCD.
//! R2  Its time is the request's start: CloudFront stamps the end, so the time taken is subtracted where it is known.
//! R3  CMCD comes from `cs-headers` when a CMCD header is there, else from `cs-uri-query`, else from the query inside `cs-uri-stem`
//!     (real-time logs keep it there), else from the columns with a key each.
//! R4  Nothing is kept from one record to the next: a record decodes alike whenever it is read.

mod columns;
mod line;
mod standard;

pub use columns::{ColumnPlan, REAL_TIME_FIELDS};
pub(super) use line::{Log, decode as decode_line};
pub(super) use standard::decode as decode_standard;
