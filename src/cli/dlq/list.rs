//! `streamgauge dlq list`: the newest letters as a table or as JSON, and how many there are by reason.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use clap::Args;
use serde::Serialize;

use super::filter::FilterArgs;
use super::letter::{Letter, Place, counted, moment, printable_bytes};
use super::marks::{Marks, is_mark};
use super::reading::{Reading, topics_with};
use crate::bus::Properties;
use crate::cli::dump::Progress;
use crate::cli::{ConfigArgs, is_broken_pipe, start_logging};

const EXAMPLES: &str = "\
Examples:
  What is wrong?
    streamgauge dlq list
  What came in the last two hours from the CDNs:
    streamgauge dlq list --topic qoe.cmcd.logs --since '2h ago'
  Everything, for other tools:
    streamgauge dlq list --limit 1000000 --json | jq -r .reason | sort | uniq -c
  Records that came after their window was final:
    streamgauge dlq list --late

The column `redriven` says `yes` of a letter that was put back, and `back 1x` of one whose record had been put back once and could not be
read again. The whole bytes: `streamgauge dlq show`, or `streamgauge dump --topic qoe.dlq`.";

/// So many characters of a value are shown.
const VALUE_CHARACTERS: usize = 48;

/// A table of the newest dead letters, and how many there are by reason
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which letters.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How many to print, counted from the newest; all are counted
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    /// The records that came too late, in place of the dead letters
    #[arg(long)]
    pub late: bool,
    /// One JSON line for each letter; the counts go to standard error
    #[arg(long)]
    pub json: bool,
}

/// Lists.
///
/// # Errors
/// When the bus does not answer, or the topic does not exist.
pub fn run(args: &ListArgs) -> anyhow::Result<()> {
    let (settings, topology) = args.config.load()?;
    start_logging(&settings.log)?;
    let properties = Properties::new(settings.bus.client_properties());
    let (topic, noun) = match args.late {
        true => (&topology.topics.late.name, "late record"),
        false => (&topology.topics.dead_letters.name, "dead letter"),
    };
    topics_with(&properties, topic)?;
    let reading = Reading { properties: &properties, topic, from: None };
    let found = Found::read(&reading, &args.filter, args.limit)?;
    let printed = found.print(args.json).and_then(|()| {
        let summary = found.summary(topic, noun, args.filter.is_empty());
        match args.json {
            true => writeln!(io::stderr(), "{summary}"),
            false => writeln!(io::stdout(), "{summary}"),
        }
    });
    match printed.map_err(anyhow::Error::from) {
        // Whoever reads it has seen enough.
        Err(cause) if is_broken_pipe(&cause) => Ok(()),
        other => other,
    }
}

/// The newest letters, and the counts of all.
#[derive(Default)]
struct Found {
    /// By the time when they came, so that partitions are merged.
    newest: BTreeMap<(i64, Place), Letter>,
    by_reason: BTreeMap<String, u64>,
    marks: Marks,
    /// Letters that passed the filter and were put back.
    redriven: u64,
}

impl Found {
    /// Reads the topic twice, because a mark lies behind its letters.
    fn read(reading: &Reading<'_>, filter: &FilterArgs, limit: usize) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let mut progress = Progress::new();
        reading.visit(&mut |record| {
            progress.observe(format_args!("{} for marks", reading.topic));
            found.marks.take_in(&record)?;
            Ok(ControlFlow::Continue(()))
        })?;
        reading.visit(&mut |record| {
            progress.observe(reading.topic);
            if is_mark(&record) {
                return Ok(ControlFlow::Continue(()));
            }
            let letter = Letter(record);
            if filter.passes(&letter) {
                found.keep(letter, limit);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        progress.clear();
        Ok(found)
    }

    fn keep(&mut self, letter: Letter, limit: usize) {
        match self.by_reason.get_mut(letter.reason()) {
            Some(count) => *count += 1,
            None => drop(self.by_reason.insert(letter.reason().to_owned(), 1)),
        }
        self.redriven += u64::from(self.marks.has(letter.place()));
        self.newest.insert((letter.0.append_ms, letter.place()), letter);
        if self.newest.len() > limit {
            self.newest.pop_first();
        }
    }

    fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        if as_json {
            for letter in self.newest.values() {
                serde_json::to_writer(&mut out, &Line::of(letter, self.marks.has(letter.place())))?;
                writeln!(out)?;
            }
            return out.flush();
        }
        let rows: Vec<[String; 7]> = self.newest.values().map(|letter| self.row(letter)).collect();
        if !rows.is_empty() {
            print_table(&mut out, &rows)?;
        }
        out.flush()
    }

    fn row(&self, letter: &Letter) -> [String; 7] {
        let redriven = match (self.marks.has(letter.place()), letter.redriven_before()) {
            (true, _) => "yes".to_owned(),
            (false, 0) => String::new(),
            (false, times) => format!("back {times}x"),
        };
        let seconds = letter.0.append_ms.div_euclid(1000) * 1000;
        [
            letter.place().to_string(),
            moment(seconds),
            letter.origin(),
            printable_bytes(letter.reason().as_bytes(), VALUE_CHARACTERS),
            letter.0.value.len().to_string(),
            redriven,
            printable_bytes(&letter.0.value, VALUE_CHARACTERS),
        ]
    }

    fn summary(&self, topic: &str, noun: &str, is_unfiltered: bool) -> String {
        let total: u64 = self.by_reason.values().sum();
        let passing = if is_unfiltered { "" } else { " that the filters let through" };
        if total == 0 {
            return format!("no {noun}s in {topic}{passing}");
        }
        let mut reasons: Vec<(&String, &u64)> = self.by_reason.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| format!("{} {count}", printable_bytes(reason.as_bytes(), 48)))
            .collect();
        let mut summary = format!("{} in {topic}{passing}: {}", counted(total, noun), reasons.join(", "));
        if self.redriven > 0 {
            summary.push_str(&format!("; {} put back already", self.redriven));
        }
        if (self.newest.len() as u64) < total {
            summary.push_str(&format!("; the newest {} are shown (--limit)", self.newest.len()));
        }
        summary
    }
}

/// Columns as wide as their widest cell; the last one is not padded, the sizes stand to the right.
fn print_table(out: &mut impl Write, rows: &[[String; 7]]) -> io::Result<()> {
    const SIZE: usize = 4;
    let head = ["letter", "came", "origin", "reason", "bytes", "redriven", "value"].map(str::to_owned);
    let mut widths = [0; 7];
    for row in std::iter::once(&head).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            match column {
                SIZE => line.push_str(&format!("{cell:>width$}  ")),
                _ => line.push_str(&format!("{cell:<width$}  ")),
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A letter as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    partition: i32,
    offset: i64,
    append_ms: i64,
    reason: &'a str,
    origin_topic: Option<&'a str>,
    origin_partition: Option<i32>,
    origin_offset: Option<i64>,
    origin_append_ms: Option<i64>,
    /// Of the value as it is here.
    bytes: usize,
    /// Of the value before it was cut.
    whole_bytes: Option<u64>,
    /// Whether this letter was put back.
    redriven: bool,
    /// How often its record had been put back before.
    redriven_before: u32,
    key: Option<String>,
    value_start: String,
}

impl<'a> Line<'a> {
    fn of(letter: &'a Letter, redriven: bool) -> Self {
        Self {
            partition: letter.0.partition,
            offset: letter.0.offset,
            append_ms: letter.0.append_ms,
            reason: letter.reason(),
            origin_topic: letter.origin_topic(),
            origin_partition: letter.origin_partition(),
            origin_offset: letter.origin_offset(),
            origin_append_ms: letter.origin_append_ms(),
            bytes: letter.0.value.len(),
            whole_bytes: letter.whole_bytes().and_then(|bytes| bytes.parse().ok()),
            redriven,
            redriven_before: letter.redriven_before(),
            key: letter.0.key.as_deref().map(|key| printable_bytes(key, usize::MAX)),
            value_start: printable_bytes(&letter.0.value, VALUE_CHARACTERS),
        }
    }
}
