//! One dead letter or late record, as it lies on the bus, and how its parts are put into text.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::record::header;
use crate::replay::dump::{DumpRecord, HeaderValue};

/// The headers that a record gets when it becomes a letter; all others are its own.
const ADDED: [&str; 7] = [
    header::REASON,
    header::ORIGIN_TOPIC,
    header::ORIGIN_PARTITION,
    header::ORIGIN_OFFSET,
    header::ORIGIN_APPEND_MS,
    header::ANSWER,
    header::WHOLE_BYTES,
];

/// Where a letter lies in its topic: `1/42` is offset 42 of partition 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The partition of the dead-letter topic.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}/{}", self.partition, self.offset))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(partition, offset)| {
            let partition = partition.parse().ok().filter(|partition| *partition >= 0)?;
            let offset = offset.parse().ok().filter(|offset| *offset >= 0)?;
            Some(Self { partition, offset })
        });
        numbers.ok_or_else(|| {
            format!("`{text}` is no letter: write PARTITION/OFFSET as `streamgauge dlq list` prints it, such as 1/42")
        })
    }
}

/// A dead letter or late record.
#[derive(Clone, Debug)]
pub(super) struct Letter(pub(super) DumpRecord);

impl Letter {
    pub(super) fn place(&self) -> Place {
        Place { partition: self.0.partition, offset: self.0.offset }
    }

    /// Why it is here, by name; `unknown` on a record that streamgauge did not put here.
    pub(super) fn reason(&self) -> &str {
        self.header(header::REASON).unwrap_or("unknown")
    }

    pub(super) fn origin_topic(&self) -> Option<&str> {
        self.header(header::ORIGIN_TOPIC)
    }

    pub(super) fn origin_partition(&self) -> Option<i32> {
        self.header(header::ORIGIN_PARTITION)?.parse().ok()
    }

    pub(super) fn origin_offset(&self) -> Option<i64> {
        self.header(header::ORIGIN_OFFSET)?.parse().ok()
    }

    pub(super) fn origin_append_ms(&self) -> Option<i64> {
        self.header(header::ORIGIN_APPEND_MS)?.parse().ok()
    }

    /// How many bytes its value had before it was cut; `None` = it is whole.
    pub(super) fn whole_bytes(&self) -> Option<&str> {
        self.header(header::WHOLE_BYTES)
    }

    /// How often its record had been put back before it became this letter.
    pub(super) fn redriven_before(&self) -> u32 {
        self.0.as_record().headers.redriven.unwrap_or(0)
    }

    /// The headers that the record itself had.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        let headers = self.0.headers.iter().map(|(name, value)| (name.as_str(), value));
        headers.filter(|(name, _)| !ADDED.contains(name))
    }

    /// `qoe.cmcd/3/4711`, as far as it is known.
    pub(super) fn origin(&self) -> String {
        let Some(topic) = self.origin_topic() else { return "unknown".to_owned() };
        let numbers = [self.origin_partition().map(i64::from), self.origin_offset()];
        numbers.into_iter().flatten().fold(printable(topic, usize::MAX), |text, number| format!("{text}/{number}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value.as_bytes()).ok()
    }
}

/// On one line and harmless to a terminal: what does not print is escaped; of longer text the first `most` characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut printed = String::new();
    for (count, character) in text.chars().enumerate() {
        if count >= most {
            printed.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => printed.push(character),
            _ => printed.extend(character.escape_debug()),
        }
    }
    printed
}

/// The same for bytes that may not be text.
pub(super) fn printable_bytes(bytes: &[u8], most: usize) -> String {
    // A character has four bytes at most.
    let head = bytes.get(..most.saturating_add(1).saturating_mul(4)).unwrap_or(bytes);
    printable(&String::from_utf8_lossy(head), most)
}

/// A moment as people write it; milliseconds are left out where there are none.
pub(super) fn moment(millis: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{millis} ms"))
}

/// `1 letter`, `2 letters`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_printed() {
        let place = Place { partition: 1, offset: 42 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["1", "1/", "/42", "-1/42", "1/-42", "1/42/3", "a/b"] {
            assert!(wrong.parse::<Place>().unwrap_err().contains("such as 1/42"), "{wrong}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_the_rest_stays() {
        // An escape sequence, a line end, and the mark that turns the direction of writing.
        assert_eq!(printable("a\x1b[2J\n\u{202e}\"é\\", 99), r#"a\u{1b}[2J\n\u{202e}"é\"#);
        assert_eq!(printable("abcd", 4), "abcd");
        assert_eq!(printable("abcde", 4), "abcd…");
        assert_eq!(printable_bytes(&[b'a', 0xff, b'b'], 9), "a\u{fffd}b");
        assert_eq!(printable_bytes("éééé".as_bytes(), 3), "ééé…");
    }

    #[test]
    fn moments_are_printed_as_the_filters_take_them() {
        assert_eq!(moment(1_767_600_000_000), "2026-01-05T08:00:00Z");
        assert_eq!(moment(1_767_600_000_123), "2026-01-05T08:00:00.123Z");
    }
}
