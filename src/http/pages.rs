//! The bodies of the pages.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse};
use serde::Serialize;

use super::Pages;
use crate::observe::{Partition, Sink, WorkerView};

const INDEX: &str = concat!(
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>streamgauge</title>\n",
    "<h1>streamgauge ",
    env!("CARGO_PKG_VERSION"),
    "</h1>\n<ul>\n",
    "<li><a href=\"/livez\">/livez</a>: whether the workers are running</li>\n",
    "<li><a href=\"/readyz\">/readyz</a>: whether it does its work, and if not, why</li>\n",
    "<li><a href=\"/metrics\">/metrics</a>: for Prometheus</li>\n",
    "<li><a href=\"/state\">/state</a>: workers, partitions and sink, as JSON</li>\n",
    "</ul>\n</html>\n",
);

/// The content type of Prometheus' text format 0.0.4.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn index() -> Html<&'static str> {
    Html(INDEX)
}

pub(super) async fn alive(State(pages): State<Pages>) -> impl IntoResponse {
    verdict("alive", "stuck", &pages.status.why_stuck())
}

pub(super) async fn ready(State(pages): State<Pages>) -> impl IntoResponse {
    verdict("ready", "not ready", &pages.status.why_not_ready())
}

/// 200 when there is no reason against it, else 503 and a line for each reason.
fn verdict(good: &str, bad: &str, reasons: &[String]) -> (StatusCode, String) {
    if reasons.is_empty() {
        return (StatusCode::OK, format!("{good}\n"));
    }
    let lines: String = reasons.iter().map(|reason| format!("- {reason}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, format!("{bad}:\n{lines}"))
}

pub(super) async fn metrics(State(pages): State<Pages>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], pages.exporter.render(&pages.status))
}

#[derive(Serialize)]
struct StatePage {
    version: &'static str,
    running_for_seconds: u64,
    stopping: bool,
    sink: Sink,
    workers: Vec<WorkerState>,
}

#[derive(Serialize)]
struct WorkerState {
    name: String,
    silent_for_ms: u128,
    joined: bool,
    problem: Option<String>,
    partitions: Vec<PartitionState>,
}

#[derive(Serialize)]
struct PartitionState {
    #[serde(flatten)]
    partition: Partition,
    lag: Option<i64>,
}

pub(super) async fn state(State(pages): State<Pages>) -> impl IntoResponse {
    let status = &pages.status;
    Json(StatePage {
        version: env!("CARGO_PKG_VERSION"),
        running_for_seconds: status.running_for().as_secs(),
        stopping: status.is_stopping(),
        sink: status.sink(),
        workers: status.workers().into_iter().map(worker_state).collect(),
    })
}

fn worker_state(worker: WorkerView) -> WorkerState {
    let partition_state = |partition: Partition| PartitionState { lag: partition.lag(), partition };
    WorkerState {
        name: worker.name,
        silent_for_ms: worker.silent_for.as_millis(),
        joined: worker.snapshot.joined,
        problem: worker.snapshot.problem,
        partitions: worker.snapshot.partitions.into_iter().map(partition_state).collect(),
    }
}

pub(super) async fn not_found(uri: Uri) -> impl IntoResponse {
    (StatusCode::NOT_FOUND, format!("there is no page {}: see /, /livez, /readyz, /metrics, /state\n", uri.path()))
}
