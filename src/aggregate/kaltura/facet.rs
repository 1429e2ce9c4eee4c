//! Facets: what a session did in a window, split by all that roll-ups tell apart, so that each of them adds up the parts of its own keys.

use super::counts::Counts;
use crate::model::kaltura::Playback;

/// What roll-ups tell apart. Texts are never empty: `unknown` where nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facet {
    /// The tenant.
    pub tenant: Box<str>,
    /// What is played.
    pub entry: Box<str>,
    /// How it is played.
    pub playback: Playback,
    /// The host of the page.
    pub domain: Box<str>,
    /// The three variables that the operator may use as he likes; `None` = the beacon has none.
    pub custom: [Option<Box<str>>; 3],
    /// On what it is played.
    pub device: Device,
    /// Where the viewer is.
    pub place: Place,
}

/// On what something is played.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// The kind of device; `bot` for what is no viewer.
    pub device: Box<str>,
    /// The operating system.
    pub os: Box<str>,
    /// The browser.
    pub browser: Box<str>,
}

/// Where a viewer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// ISO 3166 code of the country.
    pub country: Box<str>,
    /// The region in it.
    pub region: Box<str>,
    /// The city in that.
    pub city: Box<str>,
}

/// What one session of one viewer did at one facet, in a window or at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// At which.
    pub facet: Facet,
    /// What it did there.
    pub counts: Counts,
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
