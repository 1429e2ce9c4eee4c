//! `streamgauge demo`, run as a newcomer runs it: the edge and the region that it says will go bad stand out within 30 s, Kaltura's players
//! are there beside them, and it leaves quietly.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Streamgauge, eventually};

/// Edge and share of starved requests in percent of each line of a table of viewers.
fn starved_shares(table: &str) -> Vec<(String, f64)> {
    let rows = table.lines().filter(|line| line.starts_with("  ") || line.starts_with("> "));
    rows.filter_map(|row| {
        let mut cells = row.trim_start_matches('>').split_whitespace();
        let (edge, starved) = (cells.next()?, cells.nth(2)?);
        Some((edge.to_owned(), starved.parse().ok()?))
    })
    .collect()
}

/// Region, sessions and share of bad windows in percent of each line of a table of calls.
fn bad_shares(table: &str) -> Vec<(String, u32, f64)> {
    let rows = table.lines().filter_map(|line| line.get(2..).filter(|cells| cells.starts_with("sfu-")));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_end_matches(" %").split_whitespace().collect();
        (cells[1].to_owned(), cells[2].parse().unwrap(), cells[cells.len() - 1].parse().unwrap())
    })
    .collect()
}

/// Whether the verdict that begins like this names someone in any table.
fn is_told(text: &str, verdict: &str) -> bool {
    text.lines().any(|line| line.starts_with(verdict) && !line.contains("none stands out"))
}

#[test]
fn the_bad_edge_and_region_stand_out_within_30_s() {
    let began = Instant::now();
    let mut demo = Streamgauge::spawn(&["demo", "--duration", "33s"], &[]);
    eventually(Duration::from_secs(30), "an edge and a region are told to be the worst", || {
        is_told(&demo.stdout(), "worst edge: ") && is_told(&demo.stdout(), "worst region: ")
    });
    let shown_after = began.elapsed();
    let text = demo.stdout();
    let (_, rest) = text.split_once("the edge ").expect("it says which edge goes bad");
    let (bad_edge, _) = rest.split_once(" goes bad").unwrap();
    let windows: Vec<(&str, &str)> =
        text.split("\nwindow ").skip(1).filter_map(|window| window.split_once("\n\n")).collect();
    let (table, _) = windows.iter().find(|(table, _)| table.contains("\n> ")).expect("a table marks it");
    let shares = starved_shares(table);
    assert_eq!(shares.len(), 8, "{table}");
    let (bad, others): (Vec<_>, Vec<_>) = shares.iter().partition(|(edge, _)| edge == bad_edge);
    let mean_of_others = others.iter().map(|(_, share)| share).sum::<f64>() / others.len() as f64;
    assert!(bad[0].1 >= 2.0 && bad[0].1 > 4.0 * mean_of_others, "{table}");
    assert!(table.contains(&format!("worst edge: {bad_edge}, ")), "{table}");
    assert!(table.contains(&format!("\n> {bad_edge} ")), "{table}");

    let status = demo.wait(Duration::from_secs(15));
    assert!(status.success(), "{}", demo.stderr());
    assert!(demo.stdout().contains("streamgauge demo has ended: "), "{}", demo.stdout());
    assert_eq!(demo.stderr(), "", "shown after {shown_after:?}");
    assert!(!demo.stdout().contains('\x1b'), "no terminal, no colours");

    let text = demo.stdout();
    let (_, rest) = text.split_once("the SFUs of the region\n").expect("it says which region goes bad");
    let (bad_region, _) = rest.split_once(':').unwrap();
    // The last window lies wholly after the region went bad.
    let (_, calls) = text.rsplit_once("\n\n  SFU ").expect("a table of calls");
    assert!(calls.contains(&format!("worst region: {bad_region}, ")), "{calls}");
    let shares = bad_shares(calls);
    assert_eq!(shares.len(), 4, "{calls}");
    assert!(shares.iter().map(|(_, sessions, _)| sessions).sum::<u32>() > 30, "{calls}");
    for (region, _, bad) in shares {
        assert_eq!(bad > 25.0, region == bad_region, "{calls}");
    }
    let marked = calls.lines().filter(|line| line.starts_with("> sfu-") && line.contains(bad_region)).count();
    assert_eq!((marked, calls.matches("\n> ").count()), (2, 2), "{calls}");

    let (_, players) = calls.split_once("\n\n  entry ").expect("a table of Kaltura's players");
    let rows: Vec<&str> = players.lines().skip(1).take(3).collect();
    // Entry by its name, viewers, plays, …: the most watched first, and of devices there are two or more.
    assert!(rows.iter().all(|row| !row.starts_with("  0_") && !row.starts_with("  1_")), "{players}");
    let viewers: Vec<u32> = rows.iter().map(|row| row.get(16..24).unwrap().trim().parse().unwrap()).collect();
    assert!(viewers.is_sorted_by(|one, next| one >= next) && viewers.iter().sum::<u32>() > 10, "{players}");
    assert!(["phone", "computer"].iter().all(|device| players.contains(device)), "{players}");
}

#[test]
fn it_ends_within_two_seconds_of_a_signal() {
    let mut demo = Streamgauge::spawn(&["demo"], &[]);
    eventually(Duration::from_secs(25), "the first window is shown", || demo.stdout().contains("worst edge: "));
    let status = demo.stop(Duration::from_secs(2));
    assert!(status.success(), "{}", demo.stderr());
    assert!(demo.stdout().contains(" rows in "), "{}", demo.stdout());
    assert_eq!(demo.stderr(), "");
}

#[test]
fn a_reader_who_leaves_ends_it_quietly() {
    let mut command = Streamgauge::command(&["demo"], &[]);
    let mut demo = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first_line = String::new();
    BufReader::new(demo.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
    assert!(first_line.starts_with("streamgauge demo"), "{first_line}");
    let mut status = None;
    eventually(Duration::from_secs(25), "it notices at its next line", || {
        status = demo.try_wait().unwrap();
        status.is_some()
    });
    let mut said = String::new();
    demo.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.unwrap().success(), "{said}");
    assert_eq!(said, "");
}
