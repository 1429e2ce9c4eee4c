//! The Prometheus exporter: collects what the process counts, and renders it for our own `/metrics`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{KeyName, Recorder, SharedString};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use super::process::{Process, resident_memory};
use super::{
    BUILD_INFO, FRONTIER, Kind, LIVE_SESSIONS, LOG_END, METRICS, POSITION_LAG, RESIDENT_MEMORY, RESUME_DISTANCE,
    SINK_HEALTHY, WATERMARK, WINDOWS_OPEN, WINDOWS_UNACKNOWLEDGED, WORKER_SILENCE, WORKERS_JOINED,
};
use crate::observe::{Partition, Sink, Status};

/// How long a gauge that nobody sets any more is shown: longer than any window, so that `qoe_sessions` does not flicker, and short enough
/// that a partition that went to another process does not count twice for long.
const GAUGE_LIFE: Duration = Duration::from_secs(120);

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process has a recorder already, or a declaration in the table is unusable.
    #[error("cannot set up metrics: {0}; set them up once, before anything is counted")]
    Build(#[from] BuildError),
}

/// The collected metrics of this process.
#[derive(Clone)]
pub struct Exporter {
    handle: PrometheusHandle,
    process: Option<Arc<Mutex<Process>>>,
}

impl Exporter {
    /// Makes this exporter the one that the `metrics` macros report to. Once per process, before anything is counted.
    pub fn install() -> Result<Self, Error> {
        let mut builder = PrometheusBuilder::new().idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_LIFE));
        for metric in METRICS {
            if let Kind::Histogram(buckets) = metric.kind {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
            }
        }
        let recorder = builder.build_recorder();
        describe(&recorder);
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(BuildError::from)?;
        Ok(Self { handle, process: None })
    }

    /// Also tells what the process itself uses, under the names of the WebRTC monitor.
    #[must_use]
    pub fn with_process(self) -> Self {
        Self { process: Some(Arc::default()), ..self }
    }

    /// Folds what histograms have gathered into their buckets; without it they grow. Also measures the process, when that is asked for. [`crate::http::serve`] calls it every few seconds.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
        if let Some(process) = &self.process {
            process.lock().unwrap_or_else(PoisonError::into_inner).report();
        }
    }

    /// The text of `/metrics`: what was counted, and the gauges that `status` tells at this moment.
    pub fn render(&self, status: &Status) -> String {
        set_gauges(status);
        self.handle.render()
    }
}

fn describe(recorder: &impl Recorder) {
    for metric in METRICS {
        let (name, help) = (KeyName::from_const_str(metric.name), SharedString::const_str(metric.help));
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
        }
    }
}

/// Gauges that say how things stand are set when someone looks, so that a partition that was revoked is not set again.
fn set_gauges(status: &Status) {
    metrics::gauge!(BUILD_INFO.name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    if let Some(bytes) = resident_memory() {
        metrics::gauge!(RESIDENT_MEMORY.name).set(bytes as f64);
    }
    let healthy = matches!(status.sink(), Sink::Ok);
    metrics::gauge!(SINK_HEALTHY.name).set(f64::from(u8::from(healthy)));
    let workers = status.workers();
    let joined = workers.iter().filter(|worker| worker.snapshot.joined).count();
    metrics::gauge!(WORKERS_JOINED.name).set(joined as f64);
    for worker in workers {
        metrics::gauge!(WORKER_SILENCE.name, "worker" => worker.name).set(worker.silent_for.as_secs_f64());
        worker.snapshot.partitions.iter().for_each(set_partition_gauges);
    }
}

fn set_partition_gauges(partition: &Partition) {
    let set = |name: &'static str, value: f64| {
        let labels = [
            ("source", partition.source.clone()),
            ("topic", partition.topic.clone()),
            ("partition", partition.partition.to_string()),
        ];
        metrics::gauge!(name, &labels).set(value);
    };
    let seconds = |millis: i64| millis as f64 / 1_000.0;
    set(WINDOWS_OPEN.name, partition.windows_open as f64);
    set(LIVE_SESSIONS.name, partition.sessions_live as f64);
    set(WINDOWS_UNACKNOWLEDGED.name, partition.windows_unacknowledged as f64);
    set(RESUME_DISTANCE.name, partition.position.saturating_sub(partition.resume_offset) as f64);
    partition.watermark_ms.into_iter().for_each(|watermark| set(WATERMARK.name, seconds(watermark)));
    partition.frontier_ms.into_iter().for_each(|frontier| set(FRONTIER.name, seconds(frontier)));
    partition.log_end.into_iter().for_each(|end| set(LOG_END.name, end as f64));
    partition.lag().into_iter().for_each(|lag| set(POSITION_LAG.name, lag as f64));
}
