//! One closed window of Kaltura's players as a table: the entries and the devices with most viewers.
//!
//! R1  Sums are added and divided last. Viewers of the rows of one device are others, whatever their system and browser: they add.
//! R2  What there is no measurement of is `None`, never 0.
//! R3  A row of a longer window, which begins at the same time, tells the same again and is left out.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::calls::Share;
use super::scene::WINDOW;
use crate::store::sqlite::StoredRow;

/// So many of each are shown.
pub(super) const SHOWN: usize = 3;

/// What viewers of one entry, or on one kind of device, saw in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PlayerLine {
    pub(super) viewers: i64,
    pub(super) plays: i64,
    /// Time in which media played or stalled, of it that in which it stalled.
    pub(super) stalled: Share,
}

/// One closed window.
#[derive(Default)]
pub(super) struct PlayerTable {
    /// The most watched, the first of them first.
    pub(super) entries: Vec<(String, PlayerLine)>,
    /// The same of devices.
    pub(super) devices: Vec<(String, PlayerLine)>,
}

impl PlayerTable {
    /// From all rows `content_window` and `device_window` that begin in a window.
    pub(super) fn combine(content_rows: &[StoredRow], device_rows: &[StoredRow]) -> Self {
        Self { entries: most_watched(content_rows, "entry"), devices: most_watched(device_rows, "device") }
    }
}

/// The lines of the values of a tag with most viewers; of as many, the first by it. An entry goes by its name, where it is known.
fn most_watched(rows: &[StoredRow], tag: &str) -> Vec<(String, PlayerLine)> {
    let mut lines: BTreeMap<&str, PlayerLine> = BTreeMap::new();
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.text("window") == Some(WINDOW)) {
        let integer = |name| row.integer(name).unwrap_or(0);
        let value = row.text(tag).unwrap_or("unknown");
        names.extend(row.text("entry_name").filter(|name| !name.is_empty()).map(|name| (value, name)));
        let line = lines.entry(value).or_default();
        line.viewers += integer("unique_viewers");
        line.plays += integer("plays_count");
        line.stalled.add(integer("stall_ms"), integer("stall_ms") + integer("play_ms"));
    }
    let name_of = |value: &str| names.get(value).copied().unwrap_or(value).to_owned();
    let mut lines: Vec<(String, PlayerLine)> =
        lines.into_iter().filter(|(_, line)| line.viewers > 0).map(|(value, line)| (name_of(value), line)).collect();
    lines.sort_by_key(|(_, line)| Reverse(line.viewers));
    lines.truncate(SHOWN);
    lines
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::sqlite::StoredValue;

    fn row(texts: [(&str, &str); 2], integers: [i64; 4]) -> StoredRow {
        let names = ["unique_viewers", "plays_count", "stall_ms", "play_ms"];
        let texts = texts.into_iter().chain([("source", "kaltura")]);
        let texts = texts.map(|(name, text)| (Arc::from(name), StoredValue::Text(text.to_owned())));
        let integers =
            names.into_iter().zip(integers).map(|(name, value)| (Arc::from(name), StoredValue::Integer(value)));
        StoredRow { timestamp_ns: 0, values: texts.chain(integers).collect() }
    }

    #[test]
    fn rows_of_a_device_are_added_and_the_most_watched_come_first() {
        let device = |name, window, integers| row([("device", name), ("window", window)], integers);
        let rows = [
            device("phone", WINDOW, [3, 1, 500, 9_000]),
            device("computer", WINDOW, [4, 0, 0, 20_000]),
            device("phone", WINDOW, [2, 0, 0, 500]),
            device("phone", "1m", [90, 9, 9, 9]),
            device("bot", WINDOW, [0, 0, 0, 0]),
            device("tv", WINDOW, [1, 0, 0, 0]),
            device("console", WINDOW, [1, 0, 0, 0]),
        ];
        let table = PlayerTable::combine(&[], &rows);
        let line = |viewers, plays, part, whole| PlayerLine { viewers, plays, stalled: Share { part, whole } };
        let expected =
            [("phone", line(5, 1, 500, 10_000)), ("computer", line(4, 0, 0, 20_000)), ("console", line(1, 0, 0, 0))];
        assert_eq!(table.devices, expected.map(|(name, line)| (name.to_owned(), line)));
        assert_eq!(table.devices.last().map(|(_, line)| line.stalled.ratio()), Some(None));
        assert_eq!(table.entries, []);
        let entry = |id, name| {
            let mut row = row([("entry", id), ("window", WINDOW)], [2, 0, 0, 0]);
            row.values.insert(Arc::from("entry_name"), StoredValue::Text(str::to_owned(name)));
            row
        };
        let table = PlayerTable::combine(&[entry("1_a", "Keynote"), entry("1_b", "")], &[]);
        let names: Vec<&str> = table.entries.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Keynote", "1_b"], "by its name where it has one");
    }
}
