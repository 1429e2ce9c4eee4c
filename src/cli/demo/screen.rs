//! What the demo says: on a terminal the newest tables in the place of those before, elsewhere one window's tables after the other's.
//!
//! R1  No line of a table is wider than 80 columns: a line that wraps would not be where the next table is drawn over it.
//! R2  With the sizes that it has unless told otherwise, what is drawn on a terminal is less than 24 lines high, for the same reason.

use std::io::{self, Write};

use super::calls::{CallTable, SfuLine, Share};
use super::players::{PlayerLine, PlayerTable};
use super::scene::{BAD_FROM_MS, DELIVERY, FIRST_TABLE_MS, GRACE_MS, REGIONS, SFUS, WINDOW_MS};
use super::table::{EdgeLine, Table};

const WORST_ON: &str = "\x1b[1;31m";
const WORST_OFF: &str = "\x1b[0m";

/// What the first lines tell.
pub(super) struct Opening {
    pub(super) viewers: u32,
    pub(super) edges: u16,
    pub(super) bad_edge: String,
    pub(super) participants: u32,
    pub(super) bad_region: &'static str,
    pub(super) players: u32,
    /// Where the pages are, such as `http://127.0.0.1:9464`.
    pub(super) pages: String,
}

/// What the last line tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) records: u64,
    pub(super) sessions: usize,
    pub(super) participants: usize,
    pub(super) players: usize,
    pub(super) windows: u64,
    pub(super) rows: usize,
}

/// Where the demo speaks.
pub(super) struct Screen<W: Write> {
    out: W,
    is_terminal: bool,
    opening: Opening,
    /// How many lines the newest tables have, on a terminal.
    drawn: usize,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, is_terminal: bool, opening: Opening) -> Self {
        Self { out, is_terminal, opening, drawn: 0 }
    }

    /// What runs here, and what is going to happen.
    pub(super) fn open(&mut self) -> io::Result<()> {
        let Opening { viewers, edges, bad_edge, participants, bad_region, players, pages } = &self.opening;
        let sfus = REGIONS * SFUS;
        let (window_s, grace_s, bad_s) = (WINDOW_MS / 1000, GRACE_MS / 1000, BAD_FROM_MS / 1000);
        let first_s = FIRST_TABLE_MS / 1000;
        write!(
            self.out,
            "\
streamgauge demo: all in this one process, nothing is installed or kept.

  viewers    {viewers} simulated, at {edges} edges of two CDNs, with CMCD v1 and v2
  calls      {participants} participants simulated, at {sfus} SFUs in {REGIONS} regions, WebRTC
  players    {players} simulated viewers with Kaltura's player, its beacons
  bus        a Kafka broker in memory: delivery logs in qoe.cmcd.logs, what
             players report themselves in qoe.cmcd and qoe.kaltura, calls in
             qoe.webrtc
  processor  the stages of `streamgauge run`: windows of {window_s} s, {grace_s} s of grace
  store      SQLite in memory, where `streamgauge run` writes to InfluxDB
  pages      {pages}/metrics and {pages}/state

In {bad_s} s the edge {bad_edge} goes bad: it answers ten times slower, carries
too little for its viewers, and fails requests. So do the SFUs of the region
{bad_region}: they lose packets, and delay the rest. The first tables come in
about {first_s} s, the next ones every {window_s} s. Ctrl-C ends.

Look next: `streamgauge --help`, README.md for a real Kafka and InfluxDB,
REFERENCE.md for every row and metric.
"
        )?;
        writeln!(self.out)?;
        self.write_lines(&legend())?;
        if self.is_terminal {
            writeln!(self.out)?;
        }
        self.out.flush()
    }

    /// A window that has closed.
    pub(super) fn show(&mut self, table: &Table, calls: &CallTable, players: &PlayerTable) -> io::Result<()> {
        let mut lines = table_lines(table, self.is_terminal);
        lines.push(String::new());
        lines.extend(call_lines(calls, self.is_terminal));
        lines.push(String::new());
        lines.extend(player_lines(players));
        if self.is_terminal {
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
        let Totals { records, sessions, participants, players, windows, rows } = totals;
        writeln!(self.out, "\nstreamgauge demo has ended: {records} records of {sessions} sessions of viewers,")?;
        writeln!(self.out, "{participants} participants of calls and {players} of Kaltura's players")?;
        writeln!(self.out, "gave {rows} rows in {windows} windows.")?;
        self.out.flush()
    }

    fn write_lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }
}

fn legend() -> [String; 4] {
    [
        "starved: requests that report an empty buffer. late: reports after their window".to_owned(),
        format!("was final: counted, never applied. p95 TTFB and errors: from {DELIVERY} alone."),
        "audio, video: mean score of what is received, 1 to 5. bad: windows whose worst".to_owned(),
        "stream scores below 3.1. Percentiles are of merged sketches, never of others.".to_owned(),
    ]
}

fn table_lines(table: &Table, is_terminal: bool) -> Vec<String> {
    let (begin, end) = (clock(table.end_ms - WINDOW_MS), clock(table.end_ms));
    // What is drawn over what was there needs no line between.
    let mut lines = if is_terminal { Vec::new() } else { vec![String::new()] };
    lines.extend([
        format!("window {begin} to {end} UTC"),
        format!(
            "  {:<12}{:>9}{:>9}{:>9}{:>13}{:>10}{:>7}{:>6}",
            "edge", "sessions", "requests", "starved", "video Mbit/s", "p95 TTFB", "errors", "late"
        ),
    ]);
    let worst = table.worst();
    for (edge, line) in &table.edges {
        lines.push(marked(worst == Some(edge), &cells(edge, line), is_terminal));
    }
    lines.push(verdict(table));
    lines
}

/// The line of an edge or SFU.
fn marked(is_worst: bool, cells: &str, is_terminal: bool) -> String {
    match (is_worst, is_terminal) {
        (true, true) => format!("{WORST_ON}> {cells}{WORST_OFF}"),
        (true, false) => format!("> {cells}"),
        (false, _) => format!("  {cells}"),
    }
}

fn call_lines(calls: &CallTable, is_terminal: bool) -> Vec<String> {
    let mut lines = vec![format!(
        "  {:<11}{:<13}{:>8}{:>8}{:>8}{:>9}{:>7}{:>7}{:>7}",
        "SFU", "region", "sessions", "lost", "frozen", "p90 RTT", "audio", "video", "bad"
    )];
    let worst = calls.worst();
    for (sfu, line) in &calls.sfus {
        let is_worst = worst.is_some_and(|(region, _)| region == line.region);
        lines.push(marked(is_worst, &call_cells(sfu, line), is_terminal));
    }
    lines.push(match worst {
        Some((region, bad)) => format!("worst region: {region}, {:.0} % of its sessions' windows are bad", bad * 100.0),
        None => "worst region: none stands out".to_owned(),
    });
    lines
}

#[allow(clippy::cast_precision_loss)]
fn call_cells(sfu: &str, line: &SfuLine) -> String {
    let percent = |share: Share| or_dash(share.ratio().map(|ratio| format!("{:.1} %", ratio * 100.0)));
    let score = |milli: Share| or_dash(milli.ratio().map(|mean| format!("{:.1}", mean / 1000.0)));
    let rtt = or_dash(line.rtt_p90_us().map(|micros| format!("{:.0} ms", micros as f64 / 1000.0)));
    let bad = or_dash(line.bad.ratio().map(|ratio| format!("{:.0} %", ratio * 100.0)));
    let (lost, frozen) = (percent(line.lost), percent(line.frozen));
    let (audio, video) = (score(line.audio_milli), score(line.video_milli));
    let (region, sessions) = (&line.region, line.sessions);
    format!("{sfu:<11}{region:<13}{sessions:>8}{lost:>8}{frozen:>8}{rtt:>9}{audio:>7}{video:>7}{bad:>7}")
}

/// Entries on the left, devices on the right.
fn player_lines(players: &PlayerTable) -> Vec<String> {
    let mut lines = vec![format!(
        "  {:<14}{:>8}{:>7}{:>9}   {:<14}{:>8}{:>7}{:>8}",
        "entry", "viewers", "plays", "stalled", "device", "viewers", "plays", "stalled"
    )];
    let cells = |of: Option<&(String, PlayerLine)>| {
        let Some((name, line)) = of else { return Default::default() };
        let stalled = or_dash(line.stalled.ratio().map(|ratio| format!("{:.1} %", ratio * 100.0)));
        let name: String = name.chars().take(14).collect();
        [name, line.viewers.to_string(), line.plays.to_string(), stalled]
    };
    for number in 0..players.entries.len().max(players.devices.len()) {
        let [entry, viewers, plays, stalled] = cells(players.entries.get(number));
        let left = format!("  {entry:<14}{viewers:>8}{plays:>7}{stalled:>9}");
        let [device, viewers, plays, stalled] = cells(players.devices.get(number));
        lines.push(format!("{left}   {device:<14}{viewers:>8}{plays:>7}{stalled:>8}").trim_end().to_owned());
    }
    lines
}

/// What is not known is said to be so.
fn or_dash(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| "-".to_owned())
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
    let video = or_dash(line.video_bps().map(|bps| format!("{:.2}", bps as f64 / 1e6)));
    let ttfb = or_dash(line.ttfb_p95_ms().map(|millis| format!("{millis} ms")));
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

    use super::super::players::SHOWN;
    use super::*;

    fn screen(is_terminal: bool) -> Screen<Vec<u8>> {
        let opening = Opening {
            viewers: 2_000,
            edges: 10,
            bad_edge: "MAD50-P1".to_owned(),
            participants: 400,
            bad_region: "ap-southeast",
            players: 1_000,
            pages: "http://127.0.0.1:9464".to_owned(),
        };
        Screen::new(Vec::new(), is_terminal, opening)
    }

    /// So many edges, one of which stands out.
    fn table(count: usize) -> Table {
        let line = |starved| {
            let mut line = EdgeLine::default();
            (line.requests, line.starved, line.errors, line.late) = (10_000, starved, 999, 999);
            line
        };
        let edges = (0..count).map(|site| (format!("LHR{site}0-P{site}"), line(if site == 4 { 1_234 } else { 0 })));
        Table { end_ms: 1_767_600_005_000, edges: edges.collect() }
    }

    /// Two regions, one of which stands out; of the other, nothing is known but how many take part.
    fn calls() -> CallTable {
        let line = |region: &str, [bad, whole]: [i64; 2]| {
            let mut line = SfuLine::default();
            (line.region, line.sessions, line.bad) = (region.to_owned(), 200, Share { part: bad, whole });
            (line.lost, line.frozen) = (line.bad, line.bad);
            (line.audio_milli, line.video_milli) =
                (Share { part: bad * 2_500, whole }, Share { part: bad * 1_250, whole });
            line
        };
        let sfus = [
            ("sfu-iad-1", line("us-east", [0, 0])),
            ("sfu-iad-2", line("us-east", [0, 0])),
            ("sfu-sin-1", line("ap-southeast", [150, 200])),
            ("sfu-sin-2", line("ap-southeast", [200, 200])),
        ];
        CallTable { sfus: sfus.into_iter().map(|(sfu, line)| (sfu.to_owned(), line)).collect() }
    }

    /// As many of each as are shown, the last of them without a second of play.
    fn players() -> PlayerTable {
        let line = |part| PlayerLine { viewers: 1_000, plays: 999, stalled: Share { part, whole: 4 * part } };
        let lines = |name: &str| (0..SHOWN).map(|one| (format!("{name}{one}"), line(i64::from(one == 0)))).collect();
        PlayerTable { entries: lines("1_0a1b2c3d4e5f"), devices: lines("computer") }
    }

    #[test]
    fn on_a_terminal_a_table_is_drawn_over_the_one_before() {
        for (edges, lines) in [(8, 24), (10, 26)] {
            let mut screen = screen(true);
            screen.show(&table(edges), &calls(), &players()).unwrap();
            let first = String::from_utf8(std::mem::take(&mut screen.out)).unwrap();
            let drawn = first.matches('\n').count();
            assert!(drawn < lines, "{drawn} lines do not fit a terminal of {lines}");
            let plain = first.replace(WORST_ON, "").replace(WORST_OFF, "");
            assert!(plain.lines().all(|line| line.chars().count() <= 80), "{plain}");
            screen.show(&table(edges), &calls(), &players()).unwrap();
            let second = String::from_utf8(screen.out).unwrap();
            assert_eq!(second, format!("\x1b[{drawn}A\x1b[J{first}"));
        }
    }

    #[test]
    fn elsewhere_tables_follow_each_other_in_plain_text() {
        let mut screen = screen(false);
        screen.show(&table(10), &calls(), &players()).unwrap();
        screen.show(&table(10), &calls(), &players()).unwrap();
        let text = String::from_utf8(screen.out).unwrap();
        assert!(!text.contains('\x1b'));
        assert_eq!(text.matches("window 08:00:00 to 08:00:05 UTC\n").count(), 2);
        assert_eq!(text.matches("> LHR40-P4").count(), 2);
        assert_eq!(text.matches("worst edge: LHR40-P4, 12.3 % of its requests starved\n").count(), 2);
        assert_eq!(text.matches("> sfu-sin-").count(), 4, "both SFUs of the region, twice");
        assert_eq!(text.matches("worst region: ap-southeast, 88 % of its sessions' windows are bad\n").count(), 2);
        let unknown = "  sfu-iad-1  us-east           200       -       -        -      -      -      -\n";
        assert_eq!(text.matches(unknown).count(), 2, "{text}");
        let known = "> sfu-sin-1  ap-southeast      200  75.0 %  75.0 %        -    1.9    0.9   75 %\n";
        assert_eq!(text.matches(known).count(), 2, "{text}");
        let first = "  1_0a1b2c3d4e5f    1000    999   25.0 %   computer0         1000    999  25.0 %\n";
        assert_eq!(text.matches(first).count(), 2, "{text}");
        let last = "  1_0a1b2c3d4e5f    1000    999        -   computer2         1000    999       -\n";
        assert_eq!(text.matches(last).count(), 2, "{text}");
    }

    #[test]
    fn what_is_said_first_and_last_fits_a_narrow_terminal() {
        for is_terminal in [true, false] {
            let mut screen = screen(is_terminal);
            screen.open().unwrap();
            let most = Totals {
                records: 99_999_999,
                sessions: 999_999,
                participants: 99_999,
                players: 99_999,
                windows: 99_999,
                rows: 99_999_999,
            };
            screen.close(&most).unwrap();
            let text = String::from_utf8(screen.out).unwrap();
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(
                text.ends_with(
                    "99999999 records of 999999 sessions of viewers,\n\
                     99999 participants of calls and 99999 of Kaltura's players\n\
                     gave 99999999 rows in 99999 windows.\n"
                ),
                "{text}"
            );
        }
    }
}
