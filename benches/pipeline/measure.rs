//! A process's own account of its time and memory, and what a part hands to its parent.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::Args;
use crate::parts::Part;

/// What a part measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) rows: u64,
    pub(crate) write_delays: WriteDelays,
    /// Carries that commits have saved.
    pub(crate) carries: u64,
}

/// How long windows took from their close until InfluxDB had acknowledged their rows, as upper bounds in seconds from a histogram.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WriteDelays {
    pub(crate) windows: u64,
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

impl WriteDelays {
    /// Reads the Prometheus text; a quantile is the bound of the bucket that it falls into.
    pub(crate) fn of(metrics: &str) -> Self {
        let mut buckets: Vec<(f64, u64)> = Vec::new();
        for line in metrics.lines() {
            let Some(rest) = line.strip_prefix("streamgauge_window_write_delay_seconds_bucket{") else { continue };
            let bound = rest.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::parse);
            let count = rest.rsplit(' ').next().map(str::parse);
            if let (Some(Ok(bound)), Some(Ok(count))) = (bound, count) {
                buckets.push((bound, count));
            }
        }
        let windows = buckets.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let quantile = |share: f64| {
            let rank = (windows as f64 * share).ceil() as u64;
            buckets.iter().find(|(_, count)| *count >= rank).map_or(f64::MAX, |(bound, _)| bound.min(f64::MAX))
        };
        Self { windows, median: quantile(0.5), p99: quantile(0.99) }
    }
}

/// The value of a counter in the Prometheus text, over all labels.
pub(crate) fn counter(metrics: &str, name: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
}

/// Runs a part in a process of its own; its last line of output is its figures.
pub(crate) fn child(part: Part, args: &Args) -> Figures {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--topic", &args.topic, "--live-sessions", &args.live_sessions.to_string()]);
    command.args(["--live-seconds", &args.live_seconds.to_string()]);
    command.args(["--part", part.name(), "--brokers", &args.brokers, "--influx", &args.influx]);
    command.args(["--lines", &args.lines.to_string(), "--viewers", &args.viewers.to_string()]);
    command.args(["--partitions", &args.partitions.to_string(), "--grace-ms", &args.grace_ms.to_string()]);
    command.args(["--window-ms", &args.window_ms.to_string(), "--commit-ms", &args.commit_ms.to_string()]);
    command.args(["--state-prefix", &args.state_prefix]);
    if args.rows_nowhere {
        command.arg("--rows-nowhere");
    }
    if args.full_lines {
        command.arg("--full-lines");
    }
    let output = command.stderr(Stdio::inherit()).output().expect("this program can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{} ended without figures: {text}", part.name()))
}

/// CPU time since the start of the process, wall time since then.
pub(crate) struct Stopwatch {
    cpu_before: f64,
    started: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { cpu_before: cpu_seconds(), started: Instant::now() }
    }

    pub(crate) fn stop(&self, figures: &mut Figures) {
        figures.cpu_seconds = cpu_seconds() - self.cpu_before;
        figures.wall_seconds = self.started.elapsed().as_secs_f64();
        figures.peak_bytes = peak_bytes();
    }
}

/// User and system time of all threads, from `/proc/self/stat` (in ticks of 10 ms).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this bench needs Linux");
    let after_name = stat.rsplit_once(')').expect("the name ends with a parenthesis").1;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    ticks as f64 / 100.0
}

/// The most memory that was ever resident.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this bench needs Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}
