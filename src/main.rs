//! The command line of streamgauge.

use std::process::ExitCode;

use clap::Parser as _;
use streamgauge::cli::{Cli, Command, demo, run, simulate, topics};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("streamgauge: {cause:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = match command {
        Command::Demo(args) => runtime.block_on(demo::run(args)),
        Command::Run(args) => runtime.block_on(run::run(args)),
        Command::Topics(args) => runtime.block_on(topics::run(args)),
        Command::Simulate(args) => simulate::run(args),
    };
    // Who was told to end at once must not wait for threads that still hold on.
    runtime.shutdown_background();
    outcome
}
