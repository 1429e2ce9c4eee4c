//! The names of the sink's metrics.

/// Counter: write requests, by `status` (`2xx`, `4xx`, `5xx`, …, `timeout`, `connection`).
pub const REQUESTS: &str = "streamgauge_sink_requests_total";
/// Counter: rows that the store took.
pub const ROWS: &str = "streamgauge_sink_rows_total";
/// Histogram: seconds from the start of a write to its acknowledgement, retries included.
pub const WRITE_SECONDS: &str = "streamgauge_sink_write_seconds";
/// Counter: requests that had to be sent again.
pub const RETRIES: &str = "streamgauge_sink_retries_total";
/// Counter: rows that the store refused for good.
pub const REFUSED_ROWS: &str = "streamgauge_sink_refused_rows_total";
