//! Every metric: its name, labels and help are declared once in [`METRICS`], for describing, for buckets and for the reference page.
//!
//! R1  No id is ever a label: labels are closed sets, sources, partitions, or roll-up keys (bounded by the cap).
//! R2  Durations are in seconds and sizes in bytes, as Prometheus wants them; bitrates are in bits per second.

mod exporter;
mod process;
mod table;

pub use exporter::{Error, Exporter};
pub use table::*;

/// What a metric does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, and begins at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The name that Prometheus has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// One metric. Use it as `metrics::counter!(EVENTS.name, "source" => …, "outcome" => …)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The name, with its unit as the ending.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// All of its labels.
    pub labels: &'static [&'static str],
    /// What it counts, in one or two sentences.
    pub help: &'static str,
}
