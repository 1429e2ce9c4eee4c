//! Marks: which letters were put back. A mark is a record of the dead-letter topic that is no letter; it lies in the partition of the
//! letters that it is about, behind them.

use std::collections::BTreeMap;

use anyhow::Context as _;

use super::letter::Place;
use crate::bus::Outgoing;
use crate::model::record::header;
use crate::replay::dump::DumpRecord;

/// The letters that were put back, by partition: ranges that do not touch, the first offset of each with its last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(BTreeMap<i32, BTreeMap<i64, i64>>);

/// Whether a record of the dead-letter topic is a mark and not a letter.
pub(super) fn is_mark(record: &DumpRecord) -> bool {
    text_of(record).is_some()
}

/// The record that marks letters of one partition; `offsets` ascend.
pub(super) fn mark(topic: &str, partition: i32, offsets: &[i64]) -> Outgoing {
    let mut marks = Marks::default();
    offsets.iter().for_each(|offset| marks.insert(partition, *offset, *offset));
    let ranges = marks.0.into_values().flatten();
    let ranges: Vec<String> = ranges.map(|(first, last)| range_text(first, last)).collect();
    Outgoing {
        topic: topic.to_owned(),
        partition: Some(partition),
        key: None,
        value: Vec::new(),
        headers: vec![(header::REDRIVEN_LETTERS.to_owned(), ranges.join(",").into_bytes())],
    }
}

impl Marks {
    /// Whether this letter was put back.
    pub(super) fn has(&self, place: Place) -> bool {
        let before = self.0.get(&place.partition).and_then(|ranges| ranges.range(..=place.offset).next_back());
        before.is_some_and(|(_, last)| place.offset <= *last)
    }

    /// Takes a mark in; false where the record is none.
    ///
    /// # Errors
    /// When it cannot be understood: what a newer version has marked must not be put back a second time.
    pub(super) fn take_in(&mut self, record: &DumpRecord) -> anyhow::Result<bool> {
        let Some(text) = text_of(record) else { return Ok(false) };
        for range in text.split(',') {
            let (first, last) = parse_range(range).with_context(|| {
                format!(
                    "{}/{} at offset {} says by the header {} which letters were put back, and `{range}` is no range of offsets: was it written by a newer version?",
                    record.topic,
                    record.partition,
                    record.offset,
                    header::REDRIVEN_LETTERS
                )
            })?;
            self.insert(record.partition, first, last);
        }
        Ok(true)
    }

    /// Joins what overlaps or touches, so that redriving in order, letter by letter, keeps one range.
    fn insert(&mut self, partition: i32, mut first: i64, mut last: i64) {
        let ranges = self.0.entry(partition).or_default();
        while let Some((start, end)) = ranges.range(..=last.saturating_add(1)).next_back().map(|(s, e)| (*s, *e)) {
            if end.saturating_add(1) < first {
                break;
            }
            ranges.remove(&start);
            first = first.min(start);
            last = last.max(end);
        }
        ranges.insert(first, last);
    }
}

fn text_of(record: &DumpRecord) -> Option<std::borrow::Cow<'_, str>> {
    let (_, value) = record.headers.iter().find(|(name, _)| name == header::REDRIVEN_LETTERS)?;
    Some(String::from_utf8_lossy(value.as_bytes()))
}

fn range_text(first: i64, last: i64) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn parse_range(text: &str) -> Option<(i64, i64)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 <= first && first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::replay::dump::HeaderValue;

    fn record(partition: i32, text: &str) -> DumpRecord {
        DumpRecord {
            topic: "qoe.dlq".to_owned(),
            partition,
            offset: 99,
            append_ms: 0,
            headers: vec![(header::REDRIVEN_LETTERS.to_owned(), HeaderValue::Text(text.to_owned()))],
            key: None,
            value: Vec::new(),
        }
    }

    #[test]
    fn a_mark_tells_its_letters_and_no_other() {
        let written = mark("qoe.dlq", 2, &[3, 4, 5, 9]);
        assert_eq!(written.headers, [(header::REDRIVEN_LETTERS.to_owned(), b"3-5,9".to_vec())]);
        assert_eq!((written.partition, written.topic.as_str()), (Some(2), "qoe.dlq"));
        let mut marks = Marks::default();
        assert!(marks.take_in(&record(2, "3-5,9")).unwrap());
        let found: Vec<i64> = (0..20).filter(|offset| marks.has(Place { partition: 2, offset: *offset })).collect();
        assert_eq!(found, [3, 4, 5, 9]);
        assert!(!marks.has(Place { partition: 1, offset: 3 }));
        assert!(!marks.take_in(&DumpRecord { headers: Vec::new(), ..record(2, "") }).unwrap(), "a letter");
    }

    #[test]
    fn ranges_are_joined_in_whatever_order_they_come() {
        for texts in [["1-3,10-12", "4-9"], ["4-9", "1-3,10-12"], ["2-11,12", "1-3"], ["1-12", "5"]] {
            let mut marks = Marks::default();
            texts.iter().for_each(|text| assert!(marks.take_in(&record(0, text)).unwrap()));
            assert_eq!(marks.0, BTreeMap::from([(0, BTreeMap::from([(1, 12)]))]), "{texts:?}");
        }
    }

    #[test]
    fn a_mark_that_is_not_understood_is_an_error() {
        for wrong in ["", "x", "5-", "7-5", "-3", "1,,2", "all"] {
            let message = Marks::default().take_in(&record(0, wrong)).unwrap_err().to_string();
            assert!(message.contains("qoe.dlq/0 at offset 99") && message.contains("newer version"), "{message}");
        }
    }
}
