//! How often things came that players name as they like: flavours, codes of errors. A few are told apart, the rest is one number.
//!
//! R1  The [`MOST`] names with the smallest published hashes are told apart. Which these are depends on the set of names only, so whatever
//!     order counts come in, and however parts are merged, the same comes out.

use std::collections::BTreeMap;

use crate::aggregate::packed::{read, write};
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::hash::stable_hash;

/// As many names are told apart.
pub const MOST: usize = 64;
/// The name of all others.
const OTHER: &str = "other";

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedCounts {
    /// In order of hash and name.
    known: Vec<Named>,
    others: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    hash: u64,
    name: Box<str>,
    count: i64,
}

impl NamedCounts {
    /// Adds to the count of a name.
    pub fn add(&mut self, name: &str, count: i64) {
        if name == OTHER {
            self.others = self.others.saturating_add(count);
            return;
        }
        let hash = stable_hash(name.as_bytes());
        match self.known.binary_search_by(|known| (known.hash, &*known.name).cmp(&(hash, name))) {
            Ok(place) => {
                if let Some(known) = self.known.get_mut(place) {
                    known.count = known.count.saturating_add(count);
                }
            }
            Err(place) if place >= MOST => self.others = self.others.saturating_add(count),
            Err(place) => {
                self.known.insert(place, Named { hash, name: name.into(), count });
                if let Some(fallen) = self.known.get(MOST) {
                    self.others = self.others.saturating_add(fallen.count);
                    self.known.truncate(MOST);
                }
            }
        }
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        other.known.iter().for_each(|named| self.add(&named.name, named.count));
        self.others = self.others.saturating_add(other.others);
    }

    /// Whether nothing was counted.
    pub const fn is_empty(&self) -> bool {
        self.known.is_empty() && self.others == 0
    }

    /// Each name with its count, in order of name; what is not told apart is `other`.
    pub fn by_name(&self) -> BTreeMap<&str, i64> {
        let known = self.known.iter().map(|named| (&*named.name, named.count));
        known.chain((self.others > 0).then_some((OTHER, self.others))).collect()
    }

    /// A JSON object with [`Self::by_name`]; empty for nothing.
    pub fn to_text(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        serde_json::to_string(&self.by_name()).unwrap_or_default()
    }

    /// Reads what [`Self::to_text`] gave.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        let mut counts = Self::default();
        if !text.is_empty() {
            let by_name: BTreeMap<String, i64> = serde_json::from_str(text)?;
            by_name.iter().for_each(|(name, count)| counts.add(name, *count));
        }
        Ok(counts)
    }

    /// Writes them: how many, each with its count, all others.
    pub(super) fn write(&self, out: &mut Writer) {
        out.unsigned(self.known.len() as u64);
        for named in &self.known {
            out.text(&named.name);
            write(out, named.count);
        }
        write(out, self.others);
    }

    /// Reads what [`Self::write`] wrote.
    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let mut counts = Self::default();
        for _ in 0..input.unsigned()? {
            let name = input.text()?;
            counts.add(name, read(input)?);
        }
        counts.others = counts.others.saturating_add(read(input)?);
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn of(names: &[u8]) -> NamedCounts {
        let mut counts = NamedCounts::default();
        names.iter().for_each(|name| counts.add(&name.to_string(), 1));
        counts
    }

    #[test]
    fn counts_are_a_row_of_names() {
        let mut counts = NamedCounts::default();
        assert_eq!((counts.to_text().as_str(), counts.is_empty()), ("", true));
        for (name, count) in [("487041", 2), ("\"a,b", 1), ("487041", 3), ("other", 4)] {
            counts.add(name, count);
        }
        assert_eq!(counts.to_text(), r#"{"\"a,b":1,"487041":5,"other":4}"#);
        assert_eq!(NamedCounts::from_text(&counts.to_text()).unwrap(), counts);
        assert!(NamedCounts::from_text("{").is_err());
    }

    proptest! {
        /// Whatever the order, and however parts are merged: as many are told apart as there is room for, and none is lost.
        #[test]
        fn merged_or_not_the_same_comes_out(names in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..300) {
            let whole = of(&names);
            let (left, right) = names.split_at(at.min(names.len()));
            let mut merged = of(right);
            merged.merge(&of(left));
            prop_assert_eq!(&merged, &whole);
            let mut out = Writer::default();
            whole.write(&mut out);
            prop_assert_eq!(&NamedCounts::read(&mut Reader::new(out.as_bytes())).unwrap(), &whole);
            let by_name = whole.by_name();
            prop_assert_eq!(by_name.values().sum::<i64>(), names.len() as i64);
            prop_assert!(whole.known.len() <= MOST);
            for named in &whole.known {
                let count = names.iter().filter(|name| name.to_string() == *named.name).count();
                prop_assert_eq!(named.count, count as i64);
            }
        }
    }
}
