//! Health, metrics and state over HTTP, for probes, Prometheus and people.
//!
//! R1  `/livez` depends on the workers' heartbeats only: an outage of the bus or of InfluxDB must not restart the fleet.
//! R2  `/readyz` says why not.
//! R3  No page takes input, and none waits for anything.
//! R4  Nobody holds up the end of the process by keeping a connection open.

mod pages;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::observe::Status;
use crate::telemetry::Exporter;

/// How often histograms are folded when nobody scrapes.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// How long connections may stay open after the shutdown: more than any answer takes (R3), and far less than a process has to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the pages show.
#[derive(Clone)]
struct Pages {
    status: Arc<Status>,
    exporter: Exporter,
}

/// Serves the pages on `listener` until `shutdown` completes and open requests are answered, or a moment has passed (R4). Also keeps the
/// exporter tidy.
pub async fn serve(
    listener: TcpListener,
    status: Arc<Status>,
    exporter: Exporter,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .route("/", get(pages::index))
        .route("/livez", get(pages::alive))
        .route("/readyz", get(pages::ready))
        .route("/metrics", get(pages::metrics))
        .route("/state", get(pages::state))
        .fallback(pages::not_found)
        .with_state(Pages { status, exporter: exporter.clone() });
    let (stopping, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        drop(stopping);
    });
    let deadline = async {
        stopped.await.unwrap_or_default();
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        result = server => result,
        () = deadline => Ok(()),
        () = keep_tidy(&exporter) => Ok(()),
    }
}

/// Never completes.
async fn keep_tidy(exporter: &Exporter) {
    let mut interval = tokio::time::interval(TIDY_EVERY);
    loop {
        interval.tick().await;
        exporter.tidy();
    }
}
