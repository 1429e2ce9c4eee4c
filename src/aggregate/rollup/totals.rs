//! The totals of a roll-up key, of whichever kind its source is.
//!
//! The kinds share nothing but what is here: how totals of one key come together, how they travel, and which row they become. A source
//! is of one kind as long as the topology is the same, so totals of two kinds never meet under one key; should they (a source was given
//! another carrier, and the rules their old number), the first that came stay.

use crate::aggregate::{Extent, PartialError, cmcd, kaltura, webrtc};
use crate::model::bytes::{Reader, Writer};
use crate::model::{Schema, Value};

/// What is known of one roll-up key.
#[derive(Clone)]
pub enum Totals {
    /// Of a source of CMCD.
    Cmcd(Box<cmcd::EdgeTotals>),
    /// Of a source of WebRTC statistics.
    Webrtc(Box<webrtc::EdgeTotals>),
    /// Of a source of Kaltura beacons.
    Kaltura(Box<kaltura::RollupTotals>),
}

/// The first byte of those of WebRTC.
const WEBRTC: u8 = b'W';
/// The first byte of those of Kaltura beacons.
const KALTURA: u8 = b'K';

impl Totals {
    /// Adds the part of another partition of the same window.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Cmcd(own), Self::Cmcd(other)) => own.merge(other),
            (Self::Webrtc(own), Self::Webrtc(other)) => own.merge(other),
            (Self::Kaltura(own), Self::Kaltura(other)) => own.merge(other),
            (Self::Cmcd(_), _) | (Self::Webrtc(_), _) | (Self::Kaltura(_), _) => {}
        }
    }

    /// Adds another window, or several put together already.
    pub fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Cmcd(own), Self::Cmcd(other)) => own.append(other),
            (Self::Webrtc(own), Self::Webrtc(other)) => own.append(other),
            // What they count of several windows is the same sums and sets.
            (Self::Kaltura(own), Self::Kaltura(other)) => own.merge(other),
            (Self::Cmcd(_), _) | (Self::Webrtc(_), _) | (Self::Kaltura(_), _) => {}
        }
    }

    /// Writes them. Those of CMCD begin with their version, a small number; others with a letter before it.
    pub fn encode(&self, out: &mut Writer) {
        match self {
            Self::Cmcd(totals) => totals.encode(out),
            Self::Webrtc(totals) => {
                out.byte(WEBRTC);
                totals.encode(out);
            }
            Self::Kaltura(totals) => {
                out.byte(KALTURA);
                totals.encode(out);
            }
        }
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, PartialError> {
        match input.clone().byte()? {
            WEBRTC => {
                input.byte()?;
                Ok(Self::Webrtc(Box::new(webrtc::EdgeTotals::decode(input)?)))
            }
            KALTURA => {
                input.byte()?;
                Ok(Self::Kaltura(Box::new(kaltura::RollupTotals::decode(input)?)))
            }
            _ => Ok(Self::Cmcd(Box::new(cmcd::EdgeTotals::decode(input)?))),
        }
    }

    /// The row that they become.
    pub(super) fn schema(&self) -> &'static Schema {
        match self {
            Self::Cmcd(_) => &cmcd::EDGE_WINDOW,
            Self::Webrtc(_) => &webrtc::EDGE_WINDOW,
            Self::Kaltura(totals) => totals.schema(),
        }
    }

    /// The names of the tags that the roll-up key gives beside source, tenant and edge, in the key's order.
    pub(super) fn more_tags(&self) -> &'static [&'static str] {
        match self {
            Self::Cmcd(_) => &cmcd::RollupKey::MORE_TAGS,
            Self::Webrtc(_) => &webrtc::RollupKey::MORE_TAGS,
            Self::Kaltura(totals) => totals.rollup().tags(),
        }
    }

    /// Calls `each` with the values of the row's fields, in their declared order.
    pub(super) fn visit_fields(&self, extent: Extent, each: impl FnOnce(&[Value<'_>])) {
        match self {
            Self::Cmcd(totals) => totals.visit_fields(extent, each),
            Self::Webrtc(totals) => totals.visit_fields(extent, each),
            Self::Kaltura(totals) => totals.visit_fields(extent, each),
        }
    }
}
