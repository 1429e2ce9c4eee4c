//! Facets: what a session did in a window, split by all that roll-ups tell apart, so that each of them adds up the parts of its own keys.
//!
//! Parts are lent out one after the other while a window closes: there are as many as sessions, and they never exist all at once.

use super::counts::Counts;
use super::retention::Watched;
use crate::aggregate::source::UNKNOWN;
use crate::model::kaltura::{Entry, Playback};

/// What roll-ups tell apart. Texts are never empty: `unknown` where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facet<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// What is played.
    pub entry: &'a str,
    /// How it is played.
    pub playback: Playback,
    /// The host of the page.
    pub domain: &'a str,
    /// The three variables that the operator may use as he likes; `None` = the beacon has none.
    pub custom: [Option<&'a str>; 3],
    /// On what it is played.
    pub device: Device<'a>,
    /// Where the viewer is.
    pub place: Place<'a>,
}

/// On what something is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device<'a> {
    /// The kind of device; `bot` for what is no viewer.
    pub device: &'a str,
    /// The operating system.
    pub os: &'a str,
    /// The browser.
    pub browser: &'a str,
}

impl Device<'_> {
    /// Of which nothing is known.
    pub const UNKNOWN: Self = Self { device: UNKNOWN, os: UNKNOWN, browser: UNKNOWN };
}

/// Where a viewer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<'a> {
    /// ISO 3166 code of the country.
    pub country: &'a str,
    /// The region in it.
    pub region: &'a str,
    /// The city in that.
    pub city: &'a str,
}

impl Place<'_> {
    /// Of which nothing is known.
    pub const UNKNOWN: Self = Self { country: UNKNOWN, region: UNKNOWN, city: UNKNOWN };
}

/// What one session of one viewer did at one facet, in a window or at its end. A session can have several parts at one facet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// At which.
    pub facet: Facet<'a>,
    /// What it did there.
    pub counts: &'a Counts,
    /// By which flavour views were, and how many by each.
    pub flavors: &'a [(&'a str, i64)],
    /// The code of the errors among them.
    pub error_code: Option<&'a str>,
    /// What the session watched of the entry, wherever: given with one of its parts in a window. `None` = with another, or nothing.
    pub watched: Option<&'a Watched>,
    /// What the catalogue tells of the entry, as it counts for this window.
    pub known: Option<&'a Entry>,
    /// By which it counts among unique sessions and viewers; `None` = beacons without a session.
    pub names: Option<Names>,
}

/// The published hashes of a session and its viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Names {
    /// Of the account, a zero byte, and the player's session: the same for all of its entries.
    pub session: u64,
    /// Of the account, a zero byte, and the viewer ([`crate::model::kaltura::Beacon::viewer`]).
    pub viewer: u64,
}
