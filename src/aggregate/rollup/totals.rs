//! The totals of a roll-up key, of whichever kind its source is.
//!
//! The kinds share nothing but what is here: how totals of one key come together, how they travel, and which row they become. A source
//! is of one kind as long as the topology is the same, so totals of two kinds never meet under one key; should they (a source was given
//! another carrier, and the rules their old number), the first that came stay.

use crate::aggregate::cmcd::{self, Extent, PartialError, Viewers};
use crate::model::bytes::{Reader, Writer};
use crate::model::{Schema, Value};

/// What is known of one roll-up key.
#[derive(Clone)]
pub enum Totals {
    /// Of a source of CMCD.
    Cmcd(Box<cmcd::EdgeTotals>),
}

impl Totals {
    /// Adds the part of another partition of the same window.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Cmcd(own), Self::Cmcd(other)) => own.merge(other),
        }
    }

    /// Adds another window, or several put together already.
    pub fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Cmcd(own), Self::Cmcd(other)) => own.append(other),
        }
    }

    /// Writes them. Those of CMCD begin with their version, a small number; others with a letter before it.
    pub fn encode(&self, out: &mut Writer) {
        match self {
            Self::Cmcd(totals) => totals.encode(out),
        }
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, PartialError> {
        Ok(Self::Cmcd(Box::new(cmcd::EdgeTotals::decode(input)?)))
    }

    /// The row that they become.
    pub(super) fn schema(&self) -> &'static Schema {
        match self {
            Self::Cmcd(_) => &cmcd::EDGE_WINDOW,
        }
    }

    /// The names of the tags that the roll-up key gives beside source, tenant and edge, in the key's order.
    pub(super) fn more_tags(&self) -> &'static [&'static str] {
        match self {
            Self::Cmcd(_) => &cmcd::RollupKey::MORE_TAGS,
        }
    }

    /// Calls `each` with the values of the row's fields, in their declared order.
    pub(super) fn visit_fields(&self, extent: Extent, each: impl FnOnce(&[Value<'_>])) {
        match self {
            Self::Cmcd(totals) => totals.visit_fields(extent, each),
        }
    }

    /// What viewers experienced, for the metrics page.
    pub fn viewers(&self) -> Viewers<'_> {
        match self {
            Self::Cmcd(totals) => totals.viewers(),
        }
    }
}
