//! What is known of an entry beside what its players say.

use std::sync::Arc;

/// What the operator's catalogue tells of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Since when the catalogue says so, ms since the Unix epoch; 0 = from the beginning.
    pub since_ms: i64,
    /// Its name; empty = not told.
    pub name: Box<str>,
    /// Who owns it; empty = not told.
    pub owner: Box<str>,
    /// How long it is, ms; at least 1.
    pub duration_ms: Option<i64>,
}

/// The catalogue as it counts for one window.
pub trait Entries {
    /// What it tells of an entry of an account; both as keys of sessions have them.
    fn find(&self, partner: &str, entry: &str) -> Option<Arc<Entry>>;
}

/// No catalogue.
impl Entries for () {
    fn find(&self, _: &str, _: &str) -> Option<Arc<Entry>> {
        None
    }
}
