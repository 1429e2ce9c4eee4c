//! The commands, one file each.

pub mod check;
mod declared;
pub mod demo;
pub mod dlq;
pub mod dump;
mod moment;
pub mod replay;
pub mod reset;
pub mod run;
pub mod simulate;
pub mod topics;

use std::io;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat, Settings};
use crate::topology::Topology;

/// Quality-of-experience aggregates for streaming fleets
#[derive(Debug, Parser)]
#[command(name = "streamgauge", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it all in one process, with simulated viewers: nothing to install or set up
    Demo(demo::DemoArgs),
    /// Run the processor against a bus and InfluxDB
    Run(run::RunArgs),
    /// Validate the configuration, prove each connection, and say what to fix
    Check(check::CheckArgs),
    /// Print or create the topics that the topology declares
    Topics(topics::TopicsArgs),
    /// Simulate viewers and calls, to the bus or to a file
    Simulate(simulate::SimulateArgs),
    /// Write topics to a file, record by record
    Dump(dump::DumpArgs),
    /// Compute the rows of a dump or of raw logs, or put them on the bus
    Replay(replay::ReplayArgs),
    /// List, show and put back the records that could not be read
    Dlq(dlq::DlqArgs),
    /// Compute a source's rows again from a time on
    Reset(reset::ResetArgs),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Configuration file (TOML); environment variables STREAMGAUGE_… go over it
    #[arg(long, value_name = "FILE", env = "STREAMGAUGE_CONFIG")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Loads the settings and the topology that they name.
    pub fn load(&self) -> anyhow::Result<(Settings, Topology)> {
        let settings = Settings::load(self.config.as_deref())?;
        let topology = Topology::load(settings.topology.as_deref())?;
        Ok((settings, topology))
    }
}

/// Starts logging to standard error.
pub(crate) fn start_logging(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).with_context(|| {
        format!("`log.filter` is \"{}\", which is no filter: try \"info\" or \"streamgauge=debug\"", log.filter)
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Human => builder.with_ansi(is_terminal(&std::io::stderr)).with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|cause| anyhow::anyhow!("logging cannot be started: {cause}"))
}

/// Whether writing ended because nobody reads any more.
fn is_broken_pipe(cause: &anyhow::Error) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn is_terminal<'a>(writer: &'a impl MakeWriter<'a, Writer = std::io::Stderr>) -> bool {
    std::io::IsTerminal::is_terminal(&writer.make_writer())
}
