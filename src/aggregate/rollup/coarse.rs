//! The rows of a minute and of an hour: windows put together one after the other, in what is carried from window to window.
//!
//! R1  A window counts in its minute, and a minute in its hour, at the boundary that ends it: once, because boundaries close once, in
//!     ascending order, from what was carried as of the frontier.
//! R2  What is carried of a minute or an hour falls due at its end, and becomes rows there together with what ends there too. So it is
//!     not carried at all where it begins and ends at the same boundary.
//! R3  Of the partitions that lacked in any part of it, the whole tells the most, for all of its rows: which keys they would have had is
//!     not known.

use std::collections::BTreeMap;

use super::record::EdgeKey;
use super::totals::Totals;
use super::window::{EdgeRows, EdgeWindow};
use crate::aggregate::{Extent, PartialError};
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::{Boundary, Carries};

/// A window length beside the shortest.
#[derive(Clone, Copy)]
struct Resolution {
    /// The first byte of the keys of its carries.
    code: u8,
    length_ms: i64,
}

/// The length of the longest window, ms.
pub const LONGEST_WINDOW_MS: i64 = 3_600_000;

/// Shortest first; each is a multiple of the one before.
const RESOLUTIONS: [Resolution; 2] =
    [Resolution { code: 1, length_ms: 60_000 }, Resolution { code: 2, length_ms: LONGEST_WINDOW_MS }];

fn longer_than(window_ms: i64) -> impl Iterator<Item = Resolution> {
    RESOLUTIONS.into_iter().filter(move |one| one.length_ms > window_ms)
}

/// The lengths of the longer windows, and for each the end of the one that holds the window which ends at `end`.
pub fn longer_windows(end: Boundary, window_ms: i64) -> impl Iterator<Item = (i64, Boundary)> {
    longer_than(window_ms).map(move |one| (one.length_ms, whole_end(end, one.length_ms)))
}

/// What has closed at a boundary, for one window length, and how many partitions lack in it.
#[derive(Default)]
struct Stretch {
    window: EdgeWindow,
    partitions_missing: i64,
}

/// A carry, read.
enum Carried {
    Edge(Totals),
    /// Under the key of the source as a whole.
    PartitionsMissing(i64),
}

/// A boundary of one source that is being closed.
pub struct ClosingBoundary<'a> {
    /// Where it is.
    pub end: Boundary,
    /// The source's name.
    pub source: &'a str,
    /// The length of its windows.
    pub window_ms: i64,
    /// The window that ends there; empty if none has records.
    pub window: EdgeWindow,
    /// How many of the source's partitions lack in it.
    pub partitions_missing: i64,
}

/// Closes a boundary with what falls due there: gives the rows of every length that end there, and carries the rest. `due` and `carries`
/// hold no others than the source's own.
pub fn close_boundary<'a>(
    boundary: ClosingBoundary<'_>,
    due: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    carries: &mut dyn Carries,
) -> EdgeRows {
    let ClosingBoundary { end, source, window_ms, window, partitions_missing } = boundary;
    let mut due = by_resolution(due);
    let mut rows = EdgeRows::default();
    let mut closed = Stretch { window, partitions_missing };
    let mut closed_ms = window_ms;
    for resolution in longer_than(window_ms) {
        let whole_end = whole_end(end, resolution.length_ms);
        if whole_end > end {
            carry_on(resolution, source, whole_end, &closed, carries);
            break;
        }
        let mut whole = due.remove(&resolution.code).unwrap_or_default();
        whole.append(&closed);
        closed.give(end, closed_ms, window_ms, &mut rows);
        (closed, closed_ms) = (whole, resolution.length_ms);
    }
    closed.give(end, closed_ms, window_ms, &mut rows);
    rows
}

/// Whether a carry is whole.
///
/// # Errors
/// When it is damaged, or a newer program wrote it.
pub fn check_carry(name: &[u8], value: &[u8]) -> Result<(), PartialError> {
    let (_, key) = read_name(name)?;
    read_value(&key, value).map(|_| ())
}

impl Stretch {
    fn append(&mut self, part: &Self) {
        self.partitions_missing = self.partitions_missing.max(part.partitions_missing);
        self.window.append(&part.window);
    }

    fn give(self, end: Boundary, length_ms: i64, window_ms: i64, rows: &mut EdgeRows) {
        let extent = Extent { one_window: length_ms == window_ms, partitions_missing: self.partitions_missing };
        rows.push(end.plus(-length_ms), length_ms, extent, self.window);
    }
}

/// Adds what has closed to what is carried of the whole that ends at `until`.
fn carry_on(resolution: Resolution, source: &str, until: Boundary, closed: &Stretch, carries: &mut dyn Carries) {
    let mut carry = |key: &EdgeKey, add: &dyn Fn(Option<Carried>) -> Carried| {
        let name = carry_name(resolution, key);
        // What was carried is whole: this process wrote it, or looked at it when it read it back.
        let before = carries.get(&name).and_then(|value| read_value(key, value).ok());
        carries.put(&name, &add(before).encode(), until);
    };
    for (key, totals) in closed.window.edges() {
        carry(key, &|before| match before {
            Some(Carried::Edge(mut whole)) => {
                whole.append(totals);
                Carried::Edge(whole)
            }
            _ => Carried::Edge(totals.clone()),
        });
    }
    let missing = closed.partitions_missing;
    if missing > 0 {
        carry(&EdgeKey::of_source(source), &|before| match before {
            Some(Carried::PartitionsMissing(most)) => Carried::PartitionsMissing(missing.max(most)),
            _ => Carried::PartitionsMissing(missing),
        });
    }
}

/// What falls due, by the code of its resolution.
fn by_resolution<'a>(due: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> BTreeMap<u8, Stretch> {
    let mut stretches = BTreeMap::<u8, Stretch>::new();
    for (name, value) in due {
        let Ok((code, key)) = read_name(name) else { continue };
        let stretch = stretches.entry(code).or_default();
        match read_value(&key, value) {
            Ok(Carried::Edge(totals)) => stretch.window.insert(key, totals),
            Ok(Carried::PartitionsMissing(most)) => stretch.partitions_missing = most,
            Err(_) => {}
        }
    }
    stretches
}

impl Carried {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Edge(totals) => totals.encode(&mut out),
            Self::PartitionsMissing(most) => out.integer(*most),
        }
        out.into_bytes()
    }
}

/// The key of a carry: the code of its resolution, then the edge's key.
fn carry_name(resolution: Resolution, key: &EdgeKey) -> Vec<u8> {
    let mut name = vec![resolution.code];
    name.extend_from_slice(&key.encode());
    name
}

fn read_name(name: &[u8]) -> Result<(u8, EdgeKey), Short> {
    let code = Reader::new(name).byte()?;
    Ok((code, EdgeKey::decode(name.get(1..).unwrap_or_default())?))
}

fn read_value(key: &EdgeKey, value: &[u8]) -> Result<Carried, PartialError> {
    let mut input = Reader::new(value);
    if key.is_of_source() {
        return Ok(Carried::PartitionsMissing(input.integer()?));
    }
    Ok(Carried::Edge(Totals::decode(&mut input)?))
}

/// The first multiple of the length at or after the boundary.
fn whole_end(boundary: Boundary, length_ms: i64) -> Boundary {
    let beyond = boundary.as_millis().rem_euclid(length_ms);
    boundary.plus(if beyond == 0 { 0 } else { length_ms - beyond })
}
