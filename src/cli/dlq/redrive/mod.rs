//! `streamgauge dlq redrive`: letters back into the topics they came from.
//!
//! R1  Without `--apply` nothing is written anywhere.
//! R2  A letter is put back once, however often the command is run, stopped or killed: what was put back is known by its mark.
//! R3  A copy lands in the partition that its record was in, with the same key, so that its session finds it.

mod plan;
mod report;
mod send;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use self::plan::{Choices, Fate, Plan, Tally};
use self::send::Sender;
use super::filter::FilterArgs;
use super::letter::{Letter, Place, counted};
use super::marks::{Marks, is_mark};
use super::reading::{Reading, topics_with};
use super::verdict::Desks;
use crate::bus::{Properties, await_transactions};
use crate::cli::dump::Progress;
use crate::cli::moment::now;
use crate::cli::run::Signals;
use crate::cli::{ConfigArgs, is_broken_pipe, start_logging};
use crate::replay::dump::DumpRecord;

const EXAMPLES: &str = "\
Examples:
  What would go where, and what stays and why; nothing is sent:
    streamgauge dlq redrive
  A mapping was missing in the topology, and is there now. Try ten, look at them, then the rest:
    streamgauge dlq redrive --reason carrier --apply --limit 10
    streamgauge dlq redrive --reason carrier --apply
  One letter of the list:
    streamgauge dlq redrive 1/42 --apply

What is put back: a record with the key, the value and the `qoe-*` headers that it had, in the topic and the partition that it came \
from, and a header `qoe-redriven` that says how often this has happened to it. It does not get its old place in the log.

When it counts: a report of a player counts at the time of the redrive (so its `qoe-received-ms` is left out), whatever it tells of. \
A log line keeps its own time: where its window is final, it only counts as late, and goes to the topic of late records.

Running it twice: letters are never deleted, but each that was put back is marked as such, in the same transaction, by a record in the \
topic of dead letters. So it can be run again at any time, also after it was stopped or killed in the middle, and puts each letter back \
once. --again puts back what is marked. A record that cannot be read again comes back as a new letter.

Permissions: those of `streamgauge run`, and the transactional id `<bus.group_prefix>.redrive`. Of several redrives at a time, the one \
begun last goes on and the others end. Ctrl-C ends it after the letters under way, and says how many were put back.";

/// The brokers undo what a killed redrive left open after this long, ms; until then, who reads the source topics waits.
const TRANSACTION_TIMEOUT: (&str, &str) = ("transaction.timeout.ms", "15000");
/// How long transactions of others may take to end, before the marks are read: the brokers undo what is abandoned within a minute, and
/// look for it every ten seconds.
const OTHERS: Duration = Duration::from_secs(90);

/// Put dead letters back into the topics they came from; without --apply, say what would go where
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct RedriveArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Only these, as `dlq list` names them
    #[arg(value_name = "PARTITION/OFFSET")]
    pub letters: Vec<Place>,
    /// Which letters.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Put back no more than so many, in order of partition and offset
    #[arg(long, value_name = "LETTERS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Put them back; without it nothing is sent
    #[arg(long)]
    pub apply: bool,
    /// Also those that were put back before
    #[arg(long)]
    pub again: bool,
    /// Also those that this program cannot read now: they become dead letters again
    #[arg(long)]
    pub even_unreadable: bool,
}

/// Puts back, until the first signal; false when one came.
pub(super) async fn run(args: &RedriveArgs) -> anyhow::Result<bool> {
    let mut signals = Signals::new()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (owned, seen) = (args.clone(), Arc::clone(&stop));
    let mut work = tokio::task::spawn_blocking(move || redrive(&owned, &seen));
    tokio::select! {
        outcome = &mut work => return outcome?,
        () = signals.next() => stop.store(true, Ordering::Relaxed),
    }
    // Whoever is gone need not read it.
    writeln!(io::stderr(), "stopping after the letters under way; a second signal ends at once").ok();
    tokio::select! {
        outcome = &mut work => outcome?,
        () = signals.next() => bail!(
            "ended at once: the brokers undo what was under way, and the next redrive finds out by the marks what was put back"
        ),
    }
}

fn redrive(args: &RedriveArgs, stop: &AtomicBool) -> anyhow::Result<bool> {
    let (settings, topology) = args.config.load()?;
    start_logging(&settings.log)?;
    let desks = Desks::new(&topology)?;
    let mut properties = settings.bus.client_properties();
    let (name, value) = TRANSACTION_TIMEOUT;
    properties.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    let properties = Properties::new(properties);
    let topic = &topology.topics.dead_letters.name;
    let present = topics_with(&properties, topic)?;
    let mut sender = None;
    if args.apply {
        // In this order: see the rules of `send`.
        let transactional_id = format!("{}.redrive", settings.bus.group_prefix);
        sender = Some(Sender::register(&properties, &transactional_id, topic)?);
        await_transactions(&properties, topic, OTHERS)?;
    }
    let reading = Reading { properties: &properties, topic, from: None };
    let mut progress = Progress::new();
    let log = Log::read(&reading, &mut progress, stop)?;
    let plan = Plan {
        desks,
        marks: log.marks,
        present,
        choices: Choices { again: args.again, even_unreadable: args.even_unreadable },
        now_ms: now()?.as_millis(),
        tally: Tally::default(),
    };
    let not_found = args.letters.iter().copied().collect();
    let mut redrive = Redrive { args, stop, ends: log.ends, not_found, plan, sender, progress };
    redrive.go_through(&reading)?;
    match report::print(&redrive) {
        // Whoever reads it has seen enough.
        Err(cause) if is_broken_pipe(&cause) => {}
        printed => printed?,
    }
    Ok(!redrive.is_stopped())
}

/// What the topic of dead letters holds when the redrive begins.
#[derive(Default)]
struct Log {
    marks: Marks,
    /// The last offset of each partition: what comes later, such as letters that come back, is not for this redrive.
    ends: BTreeMap<i32, i64>,
}

impl Log {
    fn read(reading: &Reading<'_>, progress: &mut Progress, stop: &AtomicBool) -> anyhow::Result<Self> {
        let mut log = Self::default();
        reading.visit(&mut |record| {
            progress.observe(format_args!("{} for marks", reading.topic));
            log.ends.insert(record.partition, record.offset);
            log.marks.take_in(&record)?;
            Ok(if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(log)
    }
}

/// One redrive.
struct Redrive<'a> {
    args: &'a RedriveArgs,
    stop: &'a AtomicBool,
    ends: BTreeMap<i32, i64>,
    /// Letters that were named and have not been met.
    not_found: BTreeSet<Place>,
    plan: Plan,
    /// `None` = only to say what would be done.
    sender: Option<Sender>,
    progress: Progress,
}

impl Redrive<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn has_enough(&self) -> bool {
        self.args.limit.is_some_and(|limit| self.plan.tally.total() >= limit)
    }

    fn sent(&self) -> u64 {
        self.sender.as_ref().map_or(0, Sender::sent)
    }

    fn go_through(&mut self, reading: &Reading<'_>) -> anyhow::Result<()> {
        let read = reading.visit(&mut |record| {
            if self.is_stopped() || self.has_enough() {
                return Ok(ControlFlow::Break(()));
            }
            self.take(record)?;
            Ok(ControlFlow::Continue(()))
        });
        let done = read.and_then(|()| self.sender.as_mut().map_or(Ok(()), Sender::send));
        self.progress.clear();
        done.with_context(|| {
            format!("{} put back; run this again, it puts none back twice", counted(self.sent(), "letter"))
        })
    }

    fn take(&mut self, record: DumpRecord) -> anyhow::Result<()> {
        self.progress.observe(format_args!("{}, {} put back", record.topic, self.sent()));
        let is_known = self.ends.get(&record.partition).is_some_and(|end| record.offset <= *end);
        if !is_known || is_mark(&record) {
            return Ok(());
        }
        let letter = Letter(record);
        let is_named = self.args.letters.is_empty() || self.args.letters.contains(&letter.place());
        self.not_found.remove(&letter.place());
        if !is_named || !self.args.filter.passes(&letter) {
            return Ok(());
        }
        match (self.plan.decide(&letter), &mut self.sender) {
            (Fate::Goes(copy), Some(sender)) => sender.put_back(letter.place(), copy),
            (Fate::Goes(_) | Fate::Stays(_), _) => Ok(()),
        }
    }
}
