//! What the demo says: on a terminal the newest table in the place of the one before, elsewhere one table after the other.
//!
//! R1  No line of a table is wider than 80 columns: a line that wraps would not be where the next table is drawn over it.

use std::io::{self, Write};

use super::scene::{BAD_FROM_MS, DELIVERY, FIRST_TABLE_MS, GRACE_MS, WINDOW_MS};
use super::table::{EdgeLine, Table};

const WORST_ON: &str = "\x1b[1;31m";
const WORST_OFF: &str = "\x1b[0m";

/// What the first lines tell.
pub(super) struct Opening {
    pub(super) viewers: u32,
    pub(super) edges: u16,
    pub(super) bad_edge: String,
    /// Where the pages are, such as `http://127.0.0.1:9464`.
    pub(super) pages: String,
}

/// What the last line tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) records: u64,
    pub(super) sessions: usize,
    pub(super) windows: u64,
    pub(super) rows: usize,
}

/// Where the demo speaks.
pub(super) struct Screen<W: Write> {
    out: W,
    is_terminal: bool,
    opening: Opening,
    /// How many lines the newest table has, on a terminal.
    drawn: usize,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, is_terminal: bool, opening: Opening) -> Self {
        Self { out, is_terminal, opening, drawn: 0 }
    }

    /// What runs here, and what is going to happen.
    pub(super) fn open(&mut self) -> io::Result<()> {
        let Opening { viewers, edges, bad_edge, pages } = &self.opening;
        let (window_s, grace_s, bad_s) = (WINDOW_MS / 1000, GRACE_MS / 1000, BAD_FROM_MS / 1000);
        let first_s = FIRST_TABLE_MS / 1000;
        write!(
            self.out,
            "\
streamgauge demo: all in this one process, nothing is installed or kept.

  viewers    {viewers} simulated, at {edges} edges of two CDNs, with CMCD v1 and v2
  bus        a Kafka broker in memory: delivery logs in qoe.cmcd.logs, what
             players report themselves in qoe.cmcd
  processor  the stages of `streamgauge run`: windows of {window_s} s, {grace_s} s of grace
  store      SQLite in memory, where `streamgauge run` writes to InfluxDB
  pages      {pages}/metrics and {pages}/state

In {bad_s} s the edge {bad_edge} goes bad: it answers ten times slower, carries
too little for its viewers, and fails requests. The first table comes in about
{first_s} s, the next ones every {window_s} s. Ctrl-C ends.
"
        )?;
        if !self.is_terminal {
            writeln!(self.out)?;
            let next_steps = next_steps(pages);
            self.write_lines(&legend())?;
            self.write_lines(&next_steps)?;
        }
        self.out.flush()
    }

    /// A window that has closed.
    pub(super) fn show(&mut self, table: &Table) -> io::Result<()> {
        let mut lines = table_lines(table, self.is_terminal);
        if self.is_terminal {
            lines.push(String::new());
            lines.extend(legend());
            lines.extend(next_steps(&self.opening.pages));
            if self.drawn > 0 {
                write!(self.out, "\x1b[{}A\x1b[J", self.drawn)?;
            }
            self.drawn = lines.len();
        }
        self.write_lines(&lines)?;
        self.out.flush()
    }

    /// What it came to.
    pub(super) fn close(&mut self, totals: &Totals) -> io::Result<()> {
        let Totals { records, sessions, windows, rows } = totals;
        writeln!(self.out, "\nstreamgauge demo has ended: {records} records of {sessions} sessions")?;
        writeln!(self.out, "gave {rows} rows in {windows} windows.")?;
        self.out.flush()
    }

    fn write_lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }
}

fn legend() -> [String; 4] {
    [
        "starved: share of requests that report an empty buffer (CMCD bs). late: reports".to_owned(),
        "after their window was final, as of slow requests: counted here, applied never.".to_owned(),
        "Requests are from both sources, no request from two; p95 TTFB and errors from".to_owned(),
        format!("{DELIVERY} alone. Percentiles are of merged sketches, never of percentiles."),
    ]
}

fn next_steps(pages: &str) -> [String; 2] {
    [
        format!("Look next: {pages}/metrics while it runs, `streamgauge --help`,"),
        "README.md for a real Kafka and InfluxDB, REFERENCE.md for every row and metric.".to_owned(),
    ]
}

fn table_lines(table: &Table, is_terminal: bool) -> Vec<String> {
    let (begin, end) = (clock(table.end_ms - WINDOW_MS), clock(table.end_ms));
    let mut lines = vec![
        String::new(),
        format!("window {begin} to {end} UTC"),
        format!(
            "  {:<12}{:>9}{:>9}{:>9}{:>13}{:>10}{:>7}{:>6}",
            "edge", "sessions", "requests", "starved", "video Mbit/s", "p95 TTFB", "errors", "late"
        ),
    ];
    let worst = table.worst();
    for (edge, line) in &table.edges {
        let is_worst = worst == Some(edge);
        let text = format!("{} {}", if is_worst { '>' } else { ' ' }, cells(edge, line));
        lines.push(if is_worst && is_terminal { format!("{WORST_ON}{text}{WORST_OFF}") } else { text });
    }
    lines.push(verdict(table));
    lines
}

/// The line below a table.
fn verdict(table: &Table) -> String {
    if let Some((edge, line)) = table.worst().and_then(|edge| table.edges.get_key_value(edge)) {
        return format!("worst edge: {edge}, {:.1} % of its requests starved", line.starved_share() * 100.0);
    }
    match table.slow() {
        Some(edge) => format!("worst edge: none stands out by starvation yet, but {edge} answers slowly"),
        None => "worst edge: none stands out".to_owned(),
    }
}

#[allow(clippy::cast_precision_loss)]
fn cells(edge: &str, line: &EdgeLine) -> String {
    let starved = format!("{:.1} %", line.starved_share() * 100.0);
    let video = line.video_bps().map_or_else(|| "-".to_owned(), |bps| format!("{:.2}", bps as f64 / 1e6));
    let ttfb = line.ttfb_p95_ms().map_or_else(|| "-".to_owned(), |millis| format!("{millis} ms"));
    let (sessions, requests) = (line.sessions.len(), line.requests);
    format!("{edge:<12}{sessions:>9}{requests:>9}{starved:>9}{video:>13}{ttfb:>10}{:>7}{:>6}", line.errors, line.late)
}

/// The time of day in UTC.
fn clock(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn screen(is_terminal: bool) -> Screen<Vec<u8>> {
        let opening = Opening {
            viewers: 2_000,
            edges: 10,
            bad_edge: "MAD50-P1".to_owned(),
            pages: "http://127.0.0.1:9464".to_owned(),
        };
        Screen::new(Vec::new(), is_terminal, opening)
    }

    /// Ten edges, one of which stands out.
    fn table() -> Table {
        let line = |starved| {
            let mut line = EdgeLine::default();
            (line.requests, line.starved, line.errors, line.late) = (10_000, starved, 999, 999);
            line
        };
        let edges = (0..10).map(|site| (format!("LHR{site}0-P{site}"), line(if site == 4 { 1_234 } else { 0 })));
        Table { end_ms: 1_767_600_005_000, edges: edges.collect() }
    }

    #[test]
    fn on_a_terminal_a_table_is_drawn_over_the_one_before() {
        let mut screen = screen(true);
        screen.show(&table()).unwrap();
        let first = String::from_utf8(std::mem::take(&mut screen.out)).unwrap();
        let drawn = first.matches('\n').count();
        assert!(drawn < 24, "{drawn} lines do not fit a small terminal");
        let widest = first.replace(WORST_ON, "").replace(WORST_OFF, "").lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= 80, "{widest:?}");
        screen.show(&table()).unwrap();
        let second = String::from_utf8(screen.out).unwrap();
        assert_eq!(second, format!("\x1b[{drawn}A\x1b[J{first}"));
    }

    #[test]
    fn elsewhere_tables_follow_each_other_in_plain_text() {
        let mut screen = screen(false);
        screen.show(&table()).unwrap();
        screen.show(&table()).unwrap();
        let text = String::from_utf8(screen.out).unwrap();
        assert!(!text.contains('\x1b'));
        assert_eq!(text.matches("window 08:00:00 to 08:00:05 UTC\n").count(), 2);
        assert_eq!(text.matches("> LHR40-P4").count(), 2);
        assert_eq!(text.matches("worst edge: LHR40-P4, 12.3 % of its requests starved\n").count(), 2);
    }

    #[test]
    fn what_is_said_first_and_last_fits_a_narrow_terminal() {
        for is_terminal in [true, false] {
            let mut screen = screen(is_terminal);
            screen.open().unwrap();
            let most = Totals { records: 99_999_999, sessions: 999_999, windows: 99_999, rows: 99_999_999 };
            screen.close(&most).unwrap();
            let text = String::from_utf8(screen.out).unwrap();
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(
                text.ends_with("99999999 records of 999999 sessions\ngave 99999999 rows in 99999 windows.\n"),
                "{text}"
            );
        }
    }
}
