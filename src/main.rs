//! The command line of streamgauge.

use std::process::ExitCode;

use clap::Parser as _;
use streamgauge::cli::{Cli, Command, check, demo, dlq, dump, replay, reset, run, simulate, topics};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(&cli.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(cause) => {
            eprintln!("streamgauge: {cause:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well; an error is still to be told, `false` was told already.
fn dispatch(command: &Command) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = match command {
        Command::Demo(args) => runtime.block_on(demo::run(args)).map(|()| true),
        Command::Run(args) => runtime.block_on(run::run(args)).map(|()| true),
        Command::Check(args) => runtime.block_on(check::run(args)),
        Command::Topics(args) => runtime.block_on(topics::run(args)),
        Command::Simulate(args) => simulate::run(args).map(|()| true),
        Command::Dump(args) => dump::run(args).map(|()| true),
        Command::Replay(args) => replay::run(args).map(|()| true),
        Command::Reset(args) => reset::run(args).map(|()| true),
        Command::Dlq(args) => runtime.block_on(dlq::run(args)),
    };
    // Neither a question to brokers that do not answer nor a thread that still holds on may hold up the end.
    runtime.shutdown_background();
    outcome
}
