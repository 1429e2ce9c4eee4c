//! The whole session stage on a real Kafka and a real InfluxDB, next to *consume and discard* on the same topic in the same run.
//!
//! ```text
//! cargo bench --bench pipeline                                         4 M lines, then 10,000 sessions in real time
//! cargo bench --bench pipeline -- --lines 100000 --live-sessions 200000
//! cargo bench --bench pipeline -- --commit-cost --window-ms 30000     the same lines with a commit a second and without any, five times in turn
//! cargo bench --bench pipeline -- --carries 1000000                   how fast the saved lives of sessions are read back
//! ```
//!
//! Prints events per CPU-second of each (user + system time of the whole client process, the brokers' not included) and peak memory; and
//! in real time, how long rows took from the close of their window until InfluxDB had acknowledged them, from when on they can be read.
//! Each part is a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod live;
mod measure;
mod parts;
mod restore;
#[path = "../../tests/support/mod.rs"]
mod support;

use clap::Parser;
use measure::Figures;

/// What to run.
#[derive(Parser, Clone, Debug)]
pub struct Args {
    /// Log lines to produce
    #[arg(long, default_value_t = 4_000_000)]
    lines: u64,
    /// Viewers at a time; each makes about 7 requests in 10 s
    #[arg(long, default_value_t = 70_000)]
    viewers: u32,
    /// Partitions of the topic
    #[arg(long, default_value_t = 8)]
    partitions: i32,
    /// All thirteen fields of the built-in topology instead of the nine that the rows need
    #[arg(long)]
    full_lines: bool,
    /// Grace of the topic, ms
    #[arg(long, default_value_t = 10_000)]
    grace_ms: i64,
    /// Sessions in real time, after that, each with five lines in 10 s; 0 = none
    #[arg(long, default_value_t = 10_000)]
    live_sessions: u32,
    /// Acknowledge rows at once instead of writing them: memory with an InfluxDB that keeps up, where this machine's cannot
    #[arg(long)]
    rows_nowhere: bool,
    /// How long they last, seconds
    #[arg(long, default_value_t = 90)]
    live_seconds: u64,
    /// Length of a window, ms: with about 0.7 requests a second of each viewer, it says how many events there are for each carry
    #[arg(long, default_value_t = 10_000)]
    window_ms: i64,
    /// Only the session stage, with a commit a second and without any; rows go nowhere
    #[arg(long)]
    commit_cost: bool,
    /// How often each of the two runs for that
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Only the restore, of as many carries of 150 bytes; 0 = none
    #[arg(long, default_value_t = 0)]
    carries: u64,
    /// Between two commits, ms
    #[arg(long, hide = true, default_value_t = 1_000)]
    commit_ms: u64,
    /// Begins the names of state topics
    #[arg(long, hide = true, default_value = "qoe.state.")]
    state_prefix: String,
    /// A part, run in a process of its own
    #[arg(long, hide = true)]
    part: Option<parts::Part>,
    /// The broker of a part
    #[arg(long, hide = true, default_value = "")]
    brokers: String,
    /// The InfluxDB of a part: url, organization, bucket and token with blanks between
    #[arg(long, hide = true, default_value = "")]
    influx: String,
    /// The topic of a part
    #[arg(long, hide = true, default_value = "bench.cmcd.logs")]
    topic: String,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    if let Some(part) = args.part {
        parts::run(part, &args);
        return;
    }
    let (Some(kafka), Some(influx)) = (support::Kafka::start(), support::Influx::start()) else { return };
    let mut own = args.clone();
    own.brokers.clone_from(&kafka.address);
    if own.carries > 0 {
        restore::run(&own);
        return;
    }
    own.influx = [&*influx.url, &*influx.organisation, &*influx.bucket, &*influx.token].join(" ");
    let produced = measure::child(parts::Part::Produce, &own);
    println!(
        "{} lines of {} bytes on {} partitions, {} viewers",
        produced.events,
        produced.bytes / produced.events.max(1),
        own.partitions,
        own.viewers
    );
    let discarded = measure::child(parts::Part::Discard, &own);
    print_line("consume and discard", &discarded, &discarded);
    if own.commit_cost {
        print_commit_cost(&own, &discarded);
        return;
    }
    let staged = measure::child(parts::Part::Session, &own);
    print_line("session stage", &staged, &discarded);
    println!("  {} session rows, {:.1} events a row", staged.rows, staged.events as f64 / staged.rows.max(1) as f64);
    if own.live_sessions > 0 {
        "bench.live".clone_into(&mut own.topic);
        print_live(&own, &measure::child(parts::Part::Live, &own));
    }
}

/// The same lines without a commit and with one each second, in turn, so that a machine that swings does so for both.
fn print_commit_cost(own: &Args, discarded: &Figures) {
    let run = |name: &str, round: u32, commit_ms: u64| {
        let mut args = own.clone();
        (args.rows_nowhere, args.commit_ms) = (true, commit_ms);
        args.state_prefix = format!("bench.state.{commit_ms}.{round}.");
        let figures = measure::child(parts::Part::Session, &args);
        print_line(name, &figures, discarded);
        figures
    };
    let cost = |figures: &Figures| figures.cpu_seconds / figures.events.max(1) as f64;
    let (mut shares, mut rates) = (Vec::new(), Vec::new());
    for round in 0..own.rounds.max(1) {
        let without = || run("without a commit", round, parts::NO_COMMIT_MS);
        let with = || run("a commit a second", round, 1_000);
        let (with, without) = if round % 2 == 0 {
            let without = without();
            (with(), without)
        } else {
            (with(), without())
        };
        shares.push(100.0 * (1.0 - cost(&without) / cost(&with)));
        rates.push(with.carries as f64 / with.cpu_seconds);
    }
    shares.sort_by(f64::total_cmp);
    rates.sort_by(f64::total_cmp);
    let median = |sorted: &[f64]| sorted[sorted.len() / 2];
    println!(
        "{:.0} carries saved for each CPU-second; the commits cost {:.1} % of the throughput: the median of {} pairs of runs, from {:.1} to {:.1} %",
        median(&rates),
        median(&shares),
        shares.len(),
        shares[0],
        shares[shares.len() - 1]
    );
}

fn print_live(args: &Args, live: &Figures) {
    let delays = live.write_delays;
    println!(
        "{} sessions for {} s in real time: {:.0} events and {:.0} session rows a second, {:.2} of a core, peak {} MiB",
        args.live_sessions,
        args.live_seconds,
        live.events as f64 / live.wall_seconds,
        live.rows as f64 / live.wall_seconds,
        live.cpu_seconds / live.wall_seconds,
        live.peak_bytes >> 20
    );
    println!(
        "  rows readable after their window's close: half within {} s, 99 % within {} s ({} windows, each of one partition and {} sessions)",
        delays.median,
        delays.p99,
        delays.windows,
        live.rows / delays.windows.max(1)
    );
}

fn print_line(name: &str, figures: &Figures, baseline: &Figures) {
    let rate = |figures: &Figures| figures.events as f64 / figures.cpu_seconds.max(0.001);
    println!(
        "{name:<20} {:>9.0} events per CPU-second ({:>5.1} % of consume and discard), {:.1} s CPU, {:.1} s wall, peak {} MiB",
        rate(figures),
        100.0 * rate(figures) / rate(baseline),
        figures.cpu_seconds,
        figures.wall_seconds,
        figures.peak_bytes >> 20
    );
}
