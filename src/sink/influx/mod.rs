//! The InfluxDB sink: line protocol over the `influxdb2` transport, with the rules of retry that keep every row.
//!
//! R1  Stored (2xx): done. Too large (413): sent again as halves.
//! R2  An outage (429, 5xx, a time-out, no connection): tried again for ever, after waits with full jitter.
//! R3  Wrong configuration (401, 403, 404, and any answer that InfluxDB would not give): tried again for ever too, but the sink's health names who must act.
//! R4  Refused (400, 422 in InfluxDB's own words): halved down to the bad lines, which are handed back; the good lines are written, some of them twice.
//! R5  The token is given to the transport and kept nowhere else.

mod client;
mod delivery;
mod probe;
mod problem;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use probe::{Probe, ProbeError, probe};
pub use problem::{Problem, SettingsError};

use crate::model::Rows;
use crate::sink::batch::{Batch, Batcher, Limits};
use crate::sink::{Health, Refused, Sink, Stopped};
use crate::telemetry;
use client::Client;
use delivery::Delivery;

/// How many rows are asked of a closed window at a time.
const ROWS_AT_A_TIME: usize = 256;

/// Where the rows go, and the patience of the sink. The token is not among it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `http://host:port` or `https://host:port`, without a path.
    pub url: String,
    /// The organization's name.
    pub org: String,
    /// The bucket's name.
    pub bucket: String,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long a request may take until its answer is read.
    pub request_timeout: Duration,
    /// The most lines in one request.
    pub batch_lines: usize,
    /// The most bytes in one request, before compression.
    pub batch_bytes: usize,
    /// How many requests of one write may be under way at once.
    pub in_flight: usize,
    /// The bound of the first wait before a retry; it doubles with each.
    pub retry_base: Duration,
    /// The longest wait before a retry.
    pub retry_cap: Duration,
}

impl Settings {
    /// The recommended patience and batch size for a server, organization and bucket.
    pub fn new(url: &str, org: &str, bucket: &str) -> Self {
        Self {
            url: url.to_owned(),
            org: org.to_owned(),
            bucket: bucket.to_owned(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            batch_lines: 5000,
            batch_bytes: 4 << 20,
            in_flight: 2,
            retry_base: Duration::from_millis(250),
            retry_cap: Duration::from_secs(30),
        }
    }
}

/// The sink that writes to InfluxDB 2.
#[derive(Debug)]
pub struct Influx {
    limits: Limits,
    in_flight: usize,
    delivery: Arc<Delivery>,
}

impl Influx {
    /// Checks the settings and makes the sink; nothing is sent yet. When `stop` becomes true, or its sender is dropped, writes end with [`Stopped`].
    ///
    /// # Errors
    /// [`SettingsError`] when the URL, the names or the token cannot be used.
    pub fn new(settings: &Settings, token: &str, stop: watch::Receiver<bool>) -> Result<Self, SettingsError> {
        let delivery = Delivery {
            client: Client::compressing(settings, token)?,
            health: Health::new("InfluxDB"),
            retry_base: settings.retry_base,
            retry_cap: settings.retry_cap,
            stop,
        };
        Ok(Self {
            limits: Limits { lines: settings.batch_lines, bytes: settings.batch_bytes },
            in_flight: settings.in_flight.max(1),
            delivery: Arc::new(delivery),
        })
    }
}

impl Sink for Influx {
    async fn write(&self, windows: &[Arc<dyn Rows>]) -> Result<Vec<Refused>, Stopped> {
        let started = Instant::now();
        let mut batcher = Batcher::new(self.limits);
        let mut requests = Requests::new(self);
        for (index, window) in windows.iter().enumerate() {
            let mut next = 0;
            while next < window.len() {
                let end = window.len().min(next + ROWS_AT_A_TIME);
                window.visit(next..end, &mut |row| batcher.push(index, row));
                next = end;
                while let Some(batch) = batcher.take_full() {
                    requests.start(batch, &mut batcher).await?;
                }
            }
        }
        if let Some(batch) = batcher.take_last() {
            requests.start(batch, &mut batcher).await?;
        }
        let refused = requests.finish(&mut batcher).await?;
        metrics::histogram!(telemetry::SINK_WRITE_DURATION.name).record(started.elapsed().as_secs_f64());
        Ok(refused)
    }

    fn health(&self) -> Health {
        self.delivery.health.clone()
    }
}

/// The requests of one write. Dropping it cancels those under way.
struct Requests<'a> {
    sink: &'a Influx,
    under_way: JoinSet<Result<(Batch, Vec<Refused>), Stopped>>,
    refused: Vec<Refused>,
}

impl<'a> Requests<'a> {
    fn new(sink: &'a Influx) -> Self {
        Self { sink, under_way: JoinSet::new(), refused: Vec::new() }
    }

    /// Starts sending `batch`, after waiting for a free place.
    async fn start(&mut self, batch: Batch, batcher: &mut Batcher) -> Result<(), Stopped> {
        while self.under_way.len() >= self.sink.in_flight {
            self.collect(batcher).await?;
        }
        let delivery = Arc::clone(&self.sink.delivery);
        self.under_way.spawn(async move {
            let refused = delivery.deliver(&batch).await?;
            Ok((batch, refused))
        });
        Ok(())
    }

    /// Waits for the rest and returns what was refused.
    async fn finish(mut self, batcher: &mut Batcher) -> Result<Vec<Refused>, Stopped> {
        while !self.under_way.is_empty() {
            self.collect(batcher).await?;
        }
        Ok(self.refused)
    }

    /// Waits for one request to end.
    async fn collect(&mut self, batcher: &mut Batcher) -> Result<(), Stopped> {
        let Some(ended) = self.under_way.join_next().await else { return Ok(()) };
        let (batch, refused) = match ended {
            Ok(outcome) => outcome?,
            Err(error) => match error.try_into_panic() {
                // A defect in the sink is a defect of whoever called it: it must not look like a write that was stored.
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(_) => return Err(Stopped),
            },
        };
        batcher.recycle(batch);
        self.refused.extend(refused);
        Ok(())
    }
}
