//! `streamgauge demo`: the whole way of the data in one process, with simulated viewers, calls and Kaltura's players, and tables of what
//! they see and hear.
//!
//! R1  Nothing is installed, asked for or kept: the broker and the store live in this process's memory.
//! R2  The stages are those of `streamgauge run`; only the bus, the sink and the topology's times and partitions differ.
//! R3  A window is shown once, when the roll-up stage's frontier has passed it for every source: it is final, and all of its rows are stored.
//! R4  It ends within two seconds of a signal, and quietly when nobody reads any more.

mod audience;
mod calls;
mod players;
mod scene;
mod screen;
mod table;
mod watch;

use std::io::{ErrorKind, IsTerminal as _, stdout};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::watch as signal;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::declared::declared_topics;
use super::moment::{now, parse_duration_ms};
use super::run::{Signals, observed};
use super::start_logging;
use crate::bus::{InProcessBroker, StartAt};
use crate::config::{Log, LogFormat};
use crate::http;
use crate::observe::{self, Status};
use crate::service::{self, Service, find_topics};
use crate::simulate::{Calls, Fleet, Players, Simulation};
use crate::sink::Sink as _;
use crate::sink::sqlite::Sqlite;
use crate::store::sqlite::Store;
use crate::telemetry::Exporter;
use crate::topology::Topology;

use audience::Audience;
use screen::{Opening, Screen};
use watch::Watch;

/// Where the pages are, unless someone else is there.
const FIRST_PORT: u16 = 9464;
const PORTS: u16 = 10;
/// Rows show sooner than with the default of a second.
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);
/// How long the stages have to finish what is closed; nothing of it is kept.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long the last lines may take: whoever reads them may have stopped.
const LAST_WORDS: Duration = Duration::from_millis(300);

const EXAMPLES: &str = "\
Examples:
  Until Ctrl-C:                       streamgauge demo
  A larger audience, other viewers:   streamgauge demo --viewers 2000 --participants 200 --seed 7
  Half a minute, to a file:           streamgauge demo --duration 35s > demo.txt";

/// Show it all in one process, with simulated viewers and calls
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Viewers at a time
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub viewers: u32,
    /// Participants of calls at a time
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=400))]
    pub participants: u32,
    /// Viewers with Kaltura's player at a time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub players: u32,
    /// Edges of each of the two CDNs; with 5, the tables need a terminal of 26 lines
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=5))]
    pub edges: u16,
    /// The same seed gives the same viewers and calls
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// It ends by itself after this long (90s, 10m, 2h), because all rows stay in memory
    #[arg(long, default_value = "30m", value_parser = parse_duration_ms)]
    pub duration: i64,
}

/// Runs until a signal comes, the time is over, or nobody reads any more.
///
/// # Errors
/// When a part cannot be started, or ends by itself.
pub async fn run(args: &DemoArgs) -> anyhow::Result<()> {
    // The table has the screen: only what needs someone is logged, and the broker in memory has nothing to say that does.
    start_logging(&Log { format: LogFormat::Human, filter: "warn,streamgauge::bus=off".to_owned() })?;
    let exporter = Exporter::install()?;
    let mut signals = Signals::new()?;
    let mut processor = Processor::start(exporter).await?;
    let start = now()?;
    let simulation = Simulation::new(scene::scenario(args), args.seed, start);
    let calls = Calls::new(scene::call_scenario(args), args.seed, start);
    let players = Players::new(scene::player_scenario(args), args.seed, start);
    let opening = Opening {
        viewers: args.viewers,
        edges: args.edges * 2,
        bad_edge: simulation.bad_edge().unwrap_or_default().to_owned(),
        participants: args.participants,
        bad_region: calls.bad_region().unwrap_or_default(),
        players: args.players,
        pages: processor.pages.clone(),
    };
    let fleet = Fleet::new(Some(simulation), Some(calls), Some(players));
    let mut audience = Audience::start(fleet, start, processor.broker.properties());
    let mut show = Show::start(&processor, start.as_millis(), opening);

    let mut nobody_reads = None;
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        () = tokio::time::sleep(Duration::from_millis(args.duration.unsigned_abs())) => Ok(()),
        () = processor.service.ended() => Ok(()),
        ended = audience.ended() => ended,
        ended = &mut show.watching => {
            nobody_reads = Some(ended?.map(drop));
            Ok(())
        }
    };
    audience.stop();
    let stopped = processor.stop().await;
    let said = match nobody_reads {
        Some(ended) => ended,
        None => show.close(audience.records.load(Ordering::Relaxed)).await,
    };
    outcome.and(stopped).and(quietly(said))
}

/// The processor with its broker, its store and its pages.
struct Processor {
    service: Service,
    status: Arc<Status>,
    store: Store,
    sources: usize,
    pages: String,
    /// Ends the sink and the pages.
    stop: signal::Sender<bool>,
    broker: InProcessBroker,
}

impl Processor {
    async fn start(exporter: Exporter) -> anyhow::Result<Self> {
        let topology = scene::topology()?;
        let declared = declared_topics(&topology);
        let named: Vec<(&str, i32)> =
            declared.iter().map(|topic| (topic.spec.name.as_str(), topic.spec.partitions)).collect();
        let broker = InProcessBroker::start(&named)?;
        let store = Store::in_memory()?;
        let (stop, stopped) = signal::channel(false);
        let sink = Arc::new(Sqlite::new(&store, stopped.clone()));
        let health = sink.health();
        let status = Arc::new(Status::new(observe::LONGEST_SILENCE, move || observed(&health)));
        let listener = listen().await?;
        let pages = format!("http://{}", listener.local_addr()?);
        let mut stopped = stopped;
        let until_stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
        tokio::spawn(http::serve(listener, Arc::clone(&status), exporter, until_stopped));
        let service = start_service(&topology, &broker, &sink, &status).await?;
        Ok(Self { service, status, store, sources: topology.sources.len(), pages, stop, broker })
    }

    /// Lets the stages finish what is closed, for a moment.
    async fn stop(self) -> anyhow::Result<()> {
        self.status.stop();
        let stopped = timeout(PATIENCE, self.service.stop()).await;
        self.stop.send_replace(true);
        match stopped {
            Ok(outcome) => Ok(outcome?),
            // What they still hold would not outlive this process anyway.
            Err(_) => Ok(()),
        }
    }
}

async fn start_service(
    topology: &Topology,
    broker: &InProcessBroker,
    sink: &Arc<Sqlite>,
    status: &Arc<Status>,
) -> anyhow::Result<Service> {
    let settings = service::Settings {
        properties: broker.properties(),
        group_prefix: "streamgauge".to_owned(),
        instance: "demo".to_owned(),
        static_membership: false,
        start: StartAt::Earliest,
        commit_interval: COMMIT_INTERVAL,
        session_workers: 1,
        rollup_workers: 1,
        compat: None,
    };
    let (asked, properties) = (topology.clone(), broker.properties());
    let found = spawn_blocking(move || find_topics(&asked, &properties)).await??;
    Ok(Service::start(topology, found, &settings, sink, status)?)
}

/// On the usual port, or on the next one that is free.
async fn listen() -> anyhow::Result<TcpListener> {
    for port in FIRST_PORT..FIRST_PORT + PORTS {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Err(cause) if cause.kind() == ErrorKind::AddrInUse => {}
            bound => return bound.with_context(|| format!("cannot listen on 127.0.0.1:{port}")),
        }
    }
    Err(anyhow!("the ports {FIRST_PORT} to {} are all in use: end what holds one of them", FIRST_PORT + PORTS - 1))
}

/// The thread that shows windows as they close.
struct Show {
    watching: JoinHandle<anyhow::Result<Watch>>,
    /// Dropped, it ends the thread.
    end: SyncSender<()>,
}

impl Show {
    fn start(processor: &Processor, start_ms: i64, opening: Opening) -> Self {
        let screen = Screen::new(stdout(), stdout().is_terminal(), opening);
        let (store, status) = (processor.store.clone(), Arc::clone(&processor.status));
        let watch = Watch::new(screen, store, status, processor.sources, start_ms);
        let (end, ended) = sync_channel(1);
        Self { watching: spawn_blocking(move || watch.run(&ended)), end }
    }

    /// The last lines.
    async fn close(self, records: u64) -> anyhow::Result<()> {
        drop(self.end);
        let last_words = async {
            match self.watching.await? {
                Ok(watch) => spawn_blocking(move || watch.close(records)).await?,
                Err(cause) => Err(cause),
            }
        };
        // A reader who has stopped reading misses them.
        timeout(LAST_WORDS, last_words).await.unwrap_or(Ok(()))
    }
}

/// A reader who has left is no error.
fn quietly(said: anyhow::Result<()>) -> anyhow::Result<()> {
    match said {
        Err(cause)
            if cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        said => said,
    }
}
