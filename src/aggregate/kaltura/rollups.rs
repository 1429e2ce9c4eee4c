//! Adding up what the sessions of a closing window did, by the keys of the declared roll-ups.
//!
//! R1  Of each roll-up the keys with the smallest published hashes are kept, up to the cap; the rest counts as `other`, in its sums as in
//!     who is counted once each. Which are kept depends on the set of keys only.
//! R2  What bots do counts in the roll-up by device, as `bot`, and in no other.

use std::hash::BuildHasher;

use super::facet::{Facet, Part};
use super::rollup_schema::has_retention;
use super::totals::{FillingSums, RollupTotals};
use crate::aggregate::bounded::Bounded;
use crate::aggregate::rollup::{EdgeKey, Totals};
use crate::model::kaltura::Rollup;

/// The kind of device of what is no viewer.
pub const BOT: &str = "bot";
/// The name of everything beyond the cap.
const OTHER: &str = "other";
/// The names of the custom variables.
const VARIABLES: [&str; 3] = ["1", "2", "3"];
/// Between the parts of a key: nothing in a beacon has control characters.
const BETWEEN: char = '\0';

/// The roll-ups of one window of one partition.
pub struct Rollups<H> {
    kinds: Vec<Keys<H>>,
    /// Where keys are put together.
    key: String,
}

/// The keys of one roll-up.
struct Keys<H> {
    rollup: Rollup,
    kept: Bounded<FillingSums, H>,
    other: FillingSums,
}

impl<H: BuildHasher + Clone> Rollups<H> {
    /// Of these kinds, with this many keys of each.
    pub fn new(declared: &[Rollup], cap: usize, hasher: &H) -> Self {
        let keys = |rollup: &Rollup| Keys {
            rollup: *rollup,
            kept: Bounded::new(cap, 0, hasher.clone()),
            other: FillingSums::default(),
        };
        Self { kinds: declared.iter().map(keys).collect(), key: String::new() }
    }

    /// Adds what a session did at a facet, to the sums of each key that it has.
    pub fn add(&mut self, part: &Part<'_>) {
        let facet = &part.facet;
        let is_bot = facet.device.device == BOT;
        let counts = part.counts.sparse();
        for keys in &mut self.kinds {
            if is_bot && keys.rollup != Rollup::Device {
                continue;
            }
            let (rollup, key) = (keys.rollup, &mut self.key);
            for_each_key(rollup, facet, |values| {
                put_together(key, facet.tenant, values);
                keys.sums_of(key).add_part(part, &counts, has_retention(rollup));
            });
        }
    }

    /// The partition's part of each row, in order of the key.
    pub fn finish(self, source: &str) -> Vec<(EdgeKey, Totals)> {
        let mut parts = Vec::new();
        for Keys { rollup, kept, mut other } in self.kinds {
            other.forget_known();
            let kept =
                kept.into_entries().into_iter().map(|(key, sums)| (taken_apart(source, rollup, &key), sums.finish()));
            let other = [(key_of_other(source, rollup), other.finish())];
            let totals = |(key, sums)| (key, Totals::Kaltura(Box::new(RollupTotals::new(rollup, sums))));
            parts.extend(kept.chain(other).filter(|(_, sums)| !sums.is_empty()).map(totals));
        }
        parts.sort_by(|left: &(EdgeKey, Totals), right| left.0.cmp(&right.0));
        parts
    }
}

impl<H: BuildHasher> Keys<H> {
    fn sums_of(&mut self, key: &str) -> &mut FillingSums {
        let other = &mut self.other;
        match self.kept.enter(key, |fallen| other.merge(fallen)) {
            Some(sums) => sums,
            None => other,
        }
    }
}

/// Calls `each` with the values of each of the facet's keys in this roll-up.
fn for_each_key(rollup: Rollup, facet: &Facet<'_>, mut each: impl FnMut(&[&str])) {
    match rollup {
        Rollup::Content => each(&[facet.entry]),
        Rollup::Geography => each(&[facet.place.country, facet.place.region, facet.place.city]),
        Rollup::Device => each(&[facet.device.device, facet.device.os, facet.device.browser]),
        Rollup::Domain => each(&[facet.domain]),
        Rollup::PlaybackType => each(&[facet.playback.as_str()]),
        Rollup::CustomVariable => {
            for (variable, value) in VARIABLES.into_iter().zip(facet.custom) {
                if let Some(value) = value {
                    each(&[variable, value]);
                }
            }
        }
    }
}

/// The tenant, then each value, with zero bytes between.
fn put_together(key: &mut String, tenant: &str, values: &[&str]) {
    key.clear();
    key.push_str(tenant);
    for value in values {
        key.push(BETWEEN);
        key.push_str(value);
    }
}

fn taken_apart(source: &str, rollup: Rollup, key: &str) -> EdgeKey {
    // From the right: what a tenant has in it is not known.
    let mut values: Vec<Box<str>> = key.rsplitn(rollup.tags().len() + 1, BETWEEN).map(Box::from).collect();
    let tenant = values.pop().unwrap_or_default();
    values.reverse();
    EdgeKey { source: source.into(), tenant, edge: rollup.as_str().into(), more: values }
}

fn key_of_other(source: &str, rollup: Rollup) -> EdgeKey {
    let more = vec![OTHER.into(); rollup.tags().len()];
    EdgeKey { source: source.into(), tenant: OTHER.into(), edge: rollup.as_str().into(), more }
}
