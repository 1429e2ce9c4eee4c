//! The whole session stage on a real Kafka and a real InfluxDB, next to *consume and discard* on the same topic in the same run.
//!
//! ```text
//! cargo bench --bench pipeline                       4 M lines, 70,000 viewers
//! cargo bench --bench pipeline -- --viewers 285000   200,000 sessions in a window
//! ```
//!
//! Prints events per CPU-second of each (user + system time of the whole client process, the brokers' not included), peak memory, and how
//! long rows took from the close of their window until InfluxDB had acknowledged them. Each part is a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod measure;
mod parts;
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
    /// A part, run in a process of its own
    #[arg(long, hide = true)]
    part: Option<parts::Part>,
    /// The broker of a part
    #[arg(long, hide = true, default_value = "")]
    brokers: String,
    /// The InfluxDB of a part: url, organization, bucket and token with blanks between
    #[arg(long, hide = true, default_value = "")]
    influx: String,
    /// The consumer groups of a part begin with it: a new one reads from the start
    #[arg(long, hide = true, default_value = "bench")]
    group: String,
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
    let staged = measure::child(parts::Part::Session, &own);
    print_line("session stage", &staged, &discarded);
    println!(
        "  {} session rows, {:.1} events a row; rows acknowledged within 1 s of their window's close: {:.2} %, slowest {:.2} s",
        staged.rows,
        staged.events as f64 / staged.rows.max(1) as f64,
        staged.within_a_second * 100.0,
        staged.slowest_seconds
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
