//! `streamgauge run`: the processor against a real bus and InfluxDB.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::{ConfigArgs, start_logging};
use crate::bus::{Properties, StartAt};
use crate::config::{Compat, Influx as InfluxSettings, Membership, Refused, Role, Settings, Start};
use crate::observe::{self, Status};
use crate::service::{self, Service, TopicsFound, find_topics};
use crate::sink::influx::{self, Influx};
use crate::sink::{Fault, Health, Sink as _, Status as SinkStatus};
use crate::telemetry::Exporter;
use crate::topology::Topology;
use crate::{bus, http};

const EXAMPLES: &str = "\
Examples:
  With a local bus and InfluxDB:
    STREAMGAUGE_INFLUX__TOKEN=… streamgauge run
  With a file, and a secret from the environment:
    STREAMGAUGE_BUS__PASSWORD=… streamgauge run --config /etc/streamgauge.toml
  Prove the connections first:
    streamgauge check --config /etc/streamgauge.toml

Stops on SIGTERM or Ctrl-C: it finishes what is closed, commits and leaves; open windows are taken up by the next owner.
A second signal ends it at once and loses nothing.";

/// How long between two tries to reach the bus at the start.
const RETRY: Duration = Duration::from_secs(2);

/// Run the processor against a bus and InfluxDB
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The JSON settings of a single-process WebRTC monitor: gives its metrics (`compat.webrtc_monitor`), those that they choose
    #[arg(long, value_name = "FILE")]
    pub compat_config: Option<PathBuf>,
}

/// Runs until a signal comes or a worker fails.
pub async fn run(args: &RunArgs) -> anyhow::Result<()> {
    let (settings, topology) = args.config.load()?;
    start_logging(&settings.log)?;
    // What is wrong with a mapping file or a list of fields shows at once, not when the bus has answered.
    service::source_plans(&topology)?;
    let compat = compat(&settings, args.compat_config.as_deref())?;
    let exporter = Exporter::install()?;
    let exporter =
        if compat.is_some_and(|compat| compat.collect.resources) { exporter.with_process() } else { exporter };
    let (stop_sender, stop_receiver) = watch::channel(false);
    let token = settings.influx.required_token()?.expose();
    let sink = Arc::new(Influx::new(&influx_settings(&settings.influx), token, stop_receiver.clone())?);
    let health = sink.health();
    let status = Arc::new(Status::new(observe::LONGEST_SILENCE, move || observed(&health)));

    let listener = TcpListener::bind(settings.http.listen)
        .await
        .with_context(|| format!("cannot listen on {}: set `http.listen` to a free address", settings.http.listen))?;
    info!(address = %listener.local_addr()?, "serving /livez, /readyz, /metrics and /state");
    let mut stopped = stop_receiver.clone();
    let until_stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
    let pages = tokio::spawn(http::serve(listener, Arc::clone(&status), exporter, until_stopped));

    let outcome = work(&settings, compat, &topology, &sink, &status).await;
    status.stop();
    stop_sender.send_replace(true);
    pages.await??;
    outcome
}

/// The settings of the WebRTC monitor: its own file, else their defaults when the switch is on. Those that mean nothing here are told.
fn compat(settings: &Settings, compat_config: Option<&Path>) -> anyhow::Result<Option<Compat>> {
    let Some(path) = compat_config else {
        return Ok(settings.webrtc_monitor.then(Compat::default));
    };
    let (compat, refused) = Compat::load(path)?;
    for Refused { key, reason } in refused {
        warn!(file = %path.display(), key, "has no effect: {reason}");
    }
    Ok(Some(compat))
}

/// Waits for the bus, starts the processor, and runs it until a signal comes or a worker fails.
async fn work(
    settings: &Settings,
    compat: Option<Compat>,
    topology: &Topology,
    sink: &Arc<Influx>,
    status: &Arc<Status>,
) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let service_settings = service_settings(settings, compat);
    // Ends with the runtime when the process stops first.
    drop(tokio::spawn(prove_sink(settings.influx.clone(), Arc::clone(status))));
    let found = tokio::select! {
        found = await_topics(topology, &service_settings.properties, status) => found?,
        () = signals.next() => return Ok(()),
    };
    let mut service = Service::start(topology, found, &service_settings, sink, status)?;
    info!(brokers = settings.bus.brokers, influx = settings.influx.url, "running");
    tokio::select! {
        () = signals.next() => info!("stopping: finishing what is closed; a second signal ends at once"),
        () = service.ended() => {}
    }
    status.stop();
    tokio::select! {
        outcome = service.stop() => Ok(outcome?),
        () = signals.next() => {
            warn!("ended at once; what was not committed will be computed again");
            Ok(())
        }
    }
}

/// Asks the brokers until they answer. A topic that is missing is an error: waiting would not make it.
async fn await_topics(
    topology: &Topology,
    properties: &Properties,
    status: &Status,
) -> Result<TopicsFound, service::Error> {
    let obstacle = status.obstacle(format!("no broker has answered yet at {}", properties.brokers()));
    loop {
        let (topology, asked) = (topology.clone(), properties.clone());
        let asked = tokio::task::spawn_blocking(move || find_topics(&topology, &asked)).await;
        match asked {
            Ok(Err(service::Error::Bus(cause @ (bus::Error::Unreachable { .. } | bus::Error::Refused { .. })))) => {
                if obstacle.describe(cause.to_string()) {
                    error!("{cause}; trying until it does");
                }
            }
            Ok(answer) => return answer,
            Err(_) => return Err(service::Error::Panicked { worker: "looking for topics".to_owned() }),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Holds up readiness until InfluxDB has taken an empty write, so that a wrong token shows before the first window closes.
/// The workers do not wait for it: what they close waits for the sink.
async fn prove_sink(settings: InfluxSettings, status: Arc<Status>) -> anyhow::Result<()> {
    let obstacle = status.obstacle(format!("InfluxDB has not answered yet at {}", settings.url));
    let token = settings.required_token()?.expose();
    while let Err(cause) = influx::probe(&influx_settings(&settings), token).await {
        if obstacle.describe(cause.to_string()) {
            error!("{cause}; trying until it does");
        }
        tokio::time::sleep(RETRY).await;
    }
    Ok(())
}

fn service_settings(settings: &Settings, compat: Option<Compat>) -> service::Settings {
    let has = |role| settings.roles.contains(&role);
    service::Settings {
        properties: Properties::new(settings.bus.client_properties()),
        group_prefix: settings.bus.group_prefix.clone(),
        instance: settings.workers.instance.clone(),
        static_membership: settings.workers.membership == Membership::Static,
        start: match settings.bus.start {
            Start::Earliest => StartAt::Earliest,
            Start::Latest => StartAt::Latest,
        },
        commit_interval: settings.commit_interval,
        session_workers: if has(Role::Session) { settings.workers.session } else { 0 },
        rollup_workers: usize::from(has(Role::Rollup)),
        compat,
    }
}

/// The sink's own settings, from those of the configuration.
pub(super) fn influx_settings(settings: &InfluxSettings) -> influx::Settings {
    influx::Settings {
        request_timeout: settings.timeout,
        ..influx::Settings::new(&settings.url, &settings.org, &settings.bucket)
    }
}

/// The sink's health, as the state page shows it.
pub(super) fn observed(health: &Health) -> observe::Sink {
    match health.status() {
        SinkStatus::Ok => observe::Sink::Ok,
        SinkStatus::Retrying { since, fault, message } => {
            observe::Sink::Retrying { since, needs_operator: fault == Fault::Configuration, message }
        }
    }
}

/// SIGTERM and Ctrl-C, one after the other.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
