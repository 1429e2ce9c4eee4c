//! What a session has seen already, as stretches that neither meet nor overlap.

use smallvec::SmallVec;

use crate::aggregate::packed::{read, read_signed, write};
use crate::model::bytes::{Reader, Short, Writer};

/// As many stretches are kept apart; beyond, the two with the shortest gap between them become one.
const MOST: usize = 32;

/// Stretches, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(SmallVec<[(i64, i64); 2]>);

impl Seen {
    /// Adds a stretch, and calls `fresh` with each part of it that was not there, ascending.
    pub fn add(&mut self, from: i64, until: i64, mut fresh: impl FnMut(i64, i64)) {
        if from >= until {
            return;
        }
        // Those that meet or overlap it.
        let first = self.0.partition_point(|(_, end)| *end < from);
        let last = self.0.partition_point(|(start, _)| *start <= until).max(first);
        let mut at = from;
        let (mut start, mut end) = (from, until);
        for (known_from, known_until) in self.0.drain(first..last) {
            if at < known_from {
                fresh(at, known_from);
            }
            at = at.max(known_until);
            (start, end) = (start.min(known_from), end.max(known_until));
        }
        if at < until {
            fresh(at, until);
        }
        self.0.insert(first, (start, end));
        if self.0.len() > MOST {
            self.close_shortest_gap();
        }
    }

    /// Whether a point was seen.
    pub fn contains(&self, point: i64) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= point);
        after.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|(_, end)| point < *end)
    }

    /// How many percent of a duration were seen, each by its middle.
    pub fn percent_of(&self, duration_ms: i64) -> i64 {
        // How many middles, which are at (2 percent + 1) / 200 of the duration, lie before a point.
        let before = |point: i64| {
            let twice = point.saturating_mul(200).saturating_sub(duration_ms);
            twice.saturating_add(2 * duration_ms - 1).div_euclid((2 * duration_ms).max(1)).clamp(0, 100)
        };
        self.0.iter().map(|(from, until)| before(*until) - before(*from)).sum()
    }

    /// The first of the shortest.
    fn close_shortest_gap(&mut self) {
        let gaps = self.0.windows(2).map(|pair| match pair {
            [(_, end), (start, _)] => start - end,
            _ => i64::MAX,
        });
        let Some((_, index)) = gaps.zip(0..).min() else { return };
        let (_, end) = self.0.remove(index + 1);
        self.0.iter_mut().skip(index).take(1).for_each(|stretch| stretch.1 = end);
    }

    /// Writes them: how many, where the first begins, then lengths and gaps.
    pub fn write(&self, out: &mut Writer) {
        out.unsigned(self.0.len() as u64);
        let mut at = None;
        for (start, end) in &self.0 {
            match at {
                None => out.integer(*start),
                Some(at) => write(out, start - at),
            }
            write(out, end - start);
            at = Some(*end);
        }
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let count = input.unsigned()?;
        let mut seen = Self::default();
        let mut at = None;
        for _ in 0..count {
            let start = match at {
                None => read_signed(input)?,
                Some(at) => read(input)?.saturating_add(at),
            };
            let end = start.saturating_add(read(input)?);
            seen.add(start, end, |_, _| {});
            at = Some(end);
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fresh(seen: &mut Seen, from: i64, until: i64) -> Vec<(i64, i64)> {
        let mut parts = Vec::new();
        seen.add(from, until, |from, until| parts.push((from, until)));
        parts
    }

    #[test]
    fn only_what_was_not_seen_is_fresh() {
        let mut seen = Seen::default();
        assert_eq!(fresh(&mut seen, 10, 20), [(10, 20)]);
        assert_eq!(fresh(&mut seen, 40, 50), [(40, 50)]);
        assert_eq!(fresh(&mut seen, 0, 60), [(0, 10), (20, 40), (50, 60)]);
        assert_eq!(fresh(&mut seen, 0, 60), []);
        assert_eq!(fresh(&mut seen, 60, 61), [(60, 61)]);
        assert_eq!(seen, Seen(smallvec::smallvec![(0, 61)]), "stretches that meet are one");
        assert_eq!(fresh(&mut seen, 5, 5), []);
        assert!(seen.contains(0) && seen.contains(60) && !seen.contains(61) && !seen.contains(-1));
    }

    #[test]
    fn a_percent_is_seen_when_its_middle_is() {
        let mut seen = Seen::default();
        // Middles are at 50, 150, …, 9 950.
        for (from, until, percent) in [(50, 51, 1), (51, 150, 1), (150, 151, 2), (151, 351, 4), (9_949, 12_000, 5)] {
            seen.add(from, until, |_, _| {});
            assert_eq!(seen.percent_of(10_000), percent, "until {until}");
        }
        seen.add(0, 12_000, |_, _| {});
        assert_eq!(seen.percent_of(10_000), 100);
    }

    #[test]
    fn beyond_the_cap_the_shortest_gap_closes() {
        let mut seen = Seen::default();
        for index in 0..=MOST as i64 {
            // Gaps of 10, but one of 4 before the sixth.
            let start = index * 20 - if index == 5 { 6 } else { 0 };
            seen.add(start, index * 20 + 10, |_, _| {});
        }
        assert_eq!(seen.0.len(), MOST);
        assert!(seen.contains(92) && !seen.contains(75));
        let mut out = Writer::default();
        seen.write(&mut out);
        assert_eq!(Seen::read(&mut Reader::new(out.as_bytes())).unwrap(), seen);
    }
}
