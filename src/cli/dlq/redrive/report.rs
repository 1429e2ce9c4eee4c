//! What a redrive did, or would do, in words.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use anyhow::ensure;

use super::Redrive;
use super::plan::{Going, Tally};
use crate::cli::dlq::letter::{counted, moment, printable};
use crate::topology::Clock;

/// Prints it.
///
/// # Errors
/// When a letter that was named is not there, after all else was said.
pub(super) fn print(redrive: &Redrive<'_>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let is_applied = redrive.sender.is_some();
    write_tally(&mut out, &redrive.plan.tally, is_applied)?;
    for (topic, going) in by_topic(&redrive.plan.tally) {
        if let Some(words) = redrive.plan.desks.clock(topic).and_then(|clock| words_on_time(clock, going)) {
            writeln!(out, "\n{}: {words}.", printable(topic, 250))?;
        }
    }
    if redrive.is_stopped() {
        writeln!(out, "\nStopped before all letters were looked at; run it again, it goes on there.")?;
    } else if redrive.has_enough() {
        writeln!(out, "\nThat was as many as --limit lets; there may be more.")?;
    }
    match (is_applied, redrive.plan.tally.total()) {
        (true, 0) => writeln!(out, "\nThere was nothing to put back.")?,
        (true, _) => writeln!(out, "\nThey are marked as put back: running this again puts none of them back twice.")?,
        (false, 0) => writeln!(out, "\nThere is nothing to put back.")?,
        (false, _) => writeln!(out, "\nNothing was sent: add --apply to put them back.")?,
    }
    out.flush()?;
    let missing: Vec<String> = redrive.not_found.iter().map(ToString::to_string).collect();
    let looked_at_all = !redrive.is_stopped() && !redrive.has_enough();
    ensure!(
        missing.is_empty() || !looked_at_all,
        "there is no letter {}: it may be gone by the topic's retention; `streamgauge dlq list` says which there are",
        missing.join(", ")
    );
    Ok(())
}

fn write_tally(out: &mut impl Write, tally: &Tally, is_applied: bool) -> io::Result<()> {
    let title = if is_applied { "put back" } else { "would be put back" };
    writeln!(out, "{title}: {}", counted(tally.total(), "letter"))?;
    for ((topic, reason), going) in &tally.going {
        let come_back = match going.unreadable {
            0 => String::new(),
            count => format!(", of which {count} still cannot be read and come back"),
        };
        write_line(out, going.count, reason, &format!("to {}{come_back}", printable(topic, 250)))?;
    }
    let staying: u64 = tally.staying.values().sum();
    if staying > 0 {
        writeln!(out, "{}: {}", if is_applied { "stayed" } else { "would stay" }, counted(staying, "letter"))?;
    }
    tally.staying.iter().try_for_each(|((stays, reason), count)| {
        write_line(out, *count, reason, &printable(&stays.to_string(), usize::MAX))
    })
}

fn write_line(out: &mut impl Write, count: u64, reason: &str, words: &str) -> io::Result<()> {
    writeln!(out, "{count:>9}  {:<12}  {words}", printable(reason, 48))
}

/// Over all reasons.
fn by_topic(tally: &Tally) -> BTreeMap<&str, Going> {
    let mut topics: BTreeMap<&str, Going> = BTreeMap::new();
    for ((topic, _), going) in &tally.going {
        let sum = topics.entry(topic).or_default();
        sum.count += going.count;
        sum.late += going.late;
        sum.oldest_ms = [sum.oldest_ms, going.oldest_ms].into_iter().flatten().min();
    }
    topics
}

/// When these records count. `None` when all is as one would think.
fn words_on_time(clock: Clock, going: Going) -> Option<String> {
    match clock {
        Clock::Player => {
            let oldest = going.oldest_ms.map(|millis| format!("; the oldest of these came at {}", moment(millis)));
            Some(format!(
                "reports of players count at the time of the redrive, whatever time they tell of{}",
                oldest.unwrap_or_default()
            ))
        }
        Clock::Log if going.late == 0 => None,
        Clock::Log => Some(format!(
            "log lines keep their own time, and {} of {} are older than the windows that are still open: they only count as late, and go to the topic of late records",
            going.late, going.count
        )),
    }
}
