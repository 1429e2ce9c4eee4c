//! `streamgauge dlq show`: everything about one letter, and what this program says of it now.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use anyhow::Context as _;
use clap::Args;

use super::letter::{Letter, Place, counted, moment, printable, printable_bytes};
use super::marks::{Marks, is_mark};
use super::reading::{Reading, topics_with};
use super::verdict::{Desks, Verdict};
use crate::bus::Properties;
use crate::cli::{ConfigArgs, is_broken_pipe, start_logging};
use crate::model::Reason;
use crate::model::record::header;

const EXAMPLES: &str = "\
Examples:
  A letter of the list, by its partition and offset:
    streamgauge dlq show 1/42
  Its value, byte by byte as it came:
    streamgauge dlq show 1/42 --raw > letter.bin
  A row that InfluxDB refused, written after its cause is mended:
    streamgauge dlq show 0/7 --raw | influx write --bucket qoe --precision ns

The last line says whether this program can read the letter with the topology as it is now, that is, whether a redrive helps.";

/// How much of a value is shown.
const VALUE_BYTES: usize = 16 * 1024;
/// Bytes of a hex dump's line.
const HEX_LINE: usize = 16;

/// Everything about one dead letter, and whether this program can read it now
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which one, as `dlq list` names it
    #[arg(value_name = "PARTITION/OFFSET")]
    pub letter: Place,
    /// A record that came too late, in place of a dead letter
    #[arg(long)]
    pub late: bool,
    /// Write the bytes of its value to standard output, and nothing else
    #[arg(long)]
    pub raw: bool,
}

/// Shows.
///
/// # Errors
/// When the bus does not answer, or there is no such letter.
pub fn run(args: &ShowArgs) -> anyhow::Result<()> {
    let (settings, topology) = args.config.load()?;
    start_logging(&settings.log)?;
    let properties = Properties::new(settings.bus.client_properties());
    let topic = if args.late { &topology.topics.late.name } else { &topology.topics.dead_letters.name };
    topics_with(&properties, topic)?;
    let reading = Reading { properties: &properties, topic, from: Some(args.letter) };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if args.raw {
        let (letter, _) = find(&reading, args.letter, false)?;
        out.write_all(&letter.0.value)
    } else {
        let mut desks = Desks::new(&topology)?;
        let (letter, marked_ms) = find(&reading, args.letter, true)?;
        let now = match args.late {
            true => {
                "it counts as late, in the window of the time when it came; there is nothing to put back".to_owned()
            }
            false => advice(&letter, desks.read(&letter), marked_ms.is_some()),
        };
        write_facts(&mut out, &letter, marked_ms, args.late)
            .and_then(|()| write_value(&mut out, &letter.0.value))
            .and_then(|()| writeln!(out, "now       {now}"))
    };
    match written.and_then(|()| out.flush()).map_err(anyhow::Error::from) {
        // Whoever reads it has seen enough.
        Err(cause) if is_broken_pipe(&cause) => Ok(()),
        other => other,
    }
}

/// The letter at this place, and when it was put back, if `with_marks` and it was.
fn find(reading: &Reading<'_>, place: Place, with_marks: bool) -> anyhow::Result<(Letter, Option<i64>)> {
    let mut found: Option<Letter> = None;
    let mut marked_ms = None;
    reading.visit(&mut |record| {
        match &found {
            None if record.offset == place.offset && !is_mark(&record) => found = Some(Letter(record)),
            // Where the offset is, there is something else, or nothing any more.
            None => return Ok(ControlFlow::Break(())),
            Some(_) => {
                let mut marks = Marks::default();
                if marks.take_in(&record)? && marks.has(place) {
                    marked_ms = Some(record.append_ms);
                }
            }
        }
        Ok(if with_marks { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    let letter = found.with_context(|| {
        format!(
            "there is no letter {place} in {}: it may be gone by the topic's retention; `streamgauge dlq list` says which there are",
            reading.topic
        )
    })?;
    Ok((letter, marked_ms))
}

fn write_facts(out: &mut impl Write, letter: &Letter, marked_ms: Option<i64>, is_late: bool) -> io::Result<()> {
    let record = &letter.0;
    writeln!(out, "letter    {} in {}, came at {}", letter.place(), record.topic, moment(record.append_ms))?;
    writeln!(out, "reason    {}", reason_words(letter))?;
    let append = letter.origin_append_ms().map(|millis| format!(", appended at {}", moment(millis)));
    writeln!(out, "origin    {}{}", letter.origin(), append.unwrap_or_default())?;
    match &record.key {
        Some(key) => writeln!(out, "key       {}", printable_bytes(key, usize::MAX))?,
        None => writeln!(out, "key       none")?,
    }
    for (at, (name, value)) in record.headers.iter().enumerate() {
        let title = if at == 0 { "headers" } else { "" };
        writeln!(out, "{title:<9} {}: {}", printable(name, 99), printable_bytes(value.as_bytes(), usize::MAX))?;
    }
    if is_late {
        return Ok(());
    }
    match marked_ms {
        Some(millis) => writeln!(out, "redriven  put back at {}", moment(millis))?,
        None => writeln!(out, "redriven  no")?,
    }
    match letter.redriven_before() {
        0 => Ok(()),
        times => writeln!(
            out,
            "          its record had been put back {} before, and came back",
            counted(times.into(), "time")
        ),
    }
}

fn reason_words(letter: &Letter) -> String {
    let name = printable(letter.reason(), 99);
    let words = match Reason::named(letter.reason()) {
        Some(reason) => reason.words(),
        None if name == "late" => "it came after its window was final",
        None => "not a reason that this version knows",
    };
    format!("{name}: {words}")
}

/// As text where it is text, else as a hex dump.
fn write_value(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    let shown = value.get(..VALUE_BYTES).unwrap_or(value);
    let cut = if shown.len() < value.len() {
        format!(", the first {VALUE_BYTES} of them here (--raw writes all)")
    } else {
        String::new()
    };
    // A character that the end of what is shown cuts in two makes no text a binary.
    let text = match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() && shown.len() < value.len() => {
            shown.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    };
    let kind = if text.is_some() { "text" } else { "no text" };
    writeln!(out, "value     {}, {kind}{cut}", counted(value.len() as u64, "byte"))?;
    match text {
        Some(text) => text.lines().try_for_each(|line| writeln!(out, "  {}", printable(line, usize::MAX))),
        None => shown.chunks(HEX_LINE).enumerate().try_for_each(|(at, bytes)| write_hex(out, at * HEX_LINE, bytes)),
    }
}

/// `00000010  71 6f 65 …  qoe…`
fn write_hex(out: &mut impl Write, at: usize, bytes: &[u8]) -> io::Result<()> {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String =
        bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
    writeln!(out, "  {at:08x}  {:<width$}  {text}", hex.join(" "), width = HEX_LINE * 3 - 1)
}

/// What this program can make of it now, and what to do.
fn advice(letter: &Letter, verdict: Verdict, is_marked: bool) -> String {
    let place = letter.place();
    if Reason::named(letter.reason()) == Some(Reason::RowRefused) {
        return format!(
            "this is a line for InfluxDB and no record, so it cannot be redriven: mend what `{}` says (a field that another writer has given another type, say), then write the line: streamgauge dlq show {place} --raw | influx write --bucket BUCKET --precision ns",
            header::ANSWER
        );
    }
    if let Some(bytes) = letter.whole_bytes() {
        return format!(
            "the bus would not take it whole: of the {} bytes of its value these are the first, so it cannot be redriven; the record itself is at its origin as long as that keeps it",
            printable(bytes, 20)
        );
    }
    match verdict {
        Verdict::Readable { events, .. } if is_marked => {
            format!("readable, as {}, and put back already", counted(events.into(), "event"))
        }
        Verdict::Readable { events, .. } => format!(
            "readable, as {}: `streamgauge dlq redrive {place}` says what putting it back would do",
            counted(events.into(), "event")
        ),
        Verdict::Unreadable(reason) => {
            format!("still unreadable ({reason}: {}): put back, it would become a dead letter again", reason.words())
        }
        Verdict::NoSource => {
            "no source of the topology reads the topic that it came from, so it cannot be redriven".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(value: &[u8]) -> String {
        let mut out = Vec::new();
        write_value(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_shown_line_by_line_and_anything_else_as_hex() {
        assert_eq!(written("a\té\nb".as_bytes()), "value     6 bytes, text\n  a\\té\n  b\n");
        let hex = "  00000000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................\n  00000010  71 ff                                            q.\n";
        let bytes: Vec<u8> = (0..16).chain([b'q', 0xff]).collect();
        assert_eq!(written(&bytes), format!("value     18 bytes, no text\n{hex}"));
        assert_eq!(written(b"x"), "value     1 byte, text\n  x\n");
    }

    #[test]
    fn long_text_is_cut_between_characters_and_stays_text() {
        let long = format!("x{}", "é".repeat(VALUE_BYTES));
        let shown = written(long.as_bytes());
        assert!(shown.starts_with("value     32769 bytes, text, the first 16384 of them here"), "{shown}");
        // The x, and as many whole characters of two bytes as fit behind it.
        assert_eq!(shown.lines().nth(1).unwrap().trim().chars().count(), 1 + (VALUE_BYTES - 1) / 2);
    }
}
