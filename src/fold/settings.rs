//! What a partition of a source is made with: the rules of its source, and where it goes on.

use std::sync::Arc;

use super::clock::Clock;
use super::cmcd::Cmcd;
use super::kaltura::{BeaconReader, Kaltura, KalturaSettings, RollupRules};
use super::kind::Kind;
use super::partition::SourceFold;
use super::source::Fold;
use super::webrtc::Webrtc;
use crate::aggregate::Caps;
use crate::aggregate::webrtc::Settings;
use crate::decode::cmcd::{Carriers, Decoder};
use crate::decode::webrtc;
use crate::engine::{CarryStore, Rules};
use crate::model::{Boundary, EventTime};

/// What a source's records mean and how its windows behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// The source's name: the tag `source`.
    pub source: String,
    /// Its CDN: the tag `cdn`.
    pub cdn: String,
    /// Whose clock stamped the records.
    pub clock: Clock,
    /// Windows, grace and disorder bound.
    pub rules: Rules,
    /// How far a tick's event time lies before its append time, ms.
    pub max_delay_ms: i64,
    /// Whether requests with the same id in one window count once.
    pub deduplicate: bool,
    /// Bounds on what a window holds.
    pub caps: Caps,
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The next offset to be read.
    pub offset: i64,
    /// How far reading had come before: at or beyond `offset`.
    pub saved_position: i64,
    /// Every window ending at or before it is written; `None` = nothing is yet.
    pub frontier: Option<Boundary>,
    /// The watermark at `offset`, as the commit had it.
    pub watermark: Option<EventTime>,
    /// What ends at or before it is computed for the sake of what follows, and gives nothing; `None` = everything is given.
    pub silent_until: Option<Boundary>,
}

impl Resume {
    /// From here on, with nothing read before.
    pub fn afresh(offset: i64) -> Self {
        Self { offset, saved_position: offset, frontier: None, watermark: None, silent_until: None }
    }
}

/// How the values of a source's records are decoded: what kind of source it is.
#[derive(Clone, Debug)]
pub enum Decoding {
    /// CMCD that comes by these carriers.
    Cmcd(Arc<Carriers>),
    /// WebRTC statistics, whose windows are closed with these constants.
    Webrtc(Arc<Settings>),
    /// Kaltura beacons.
    Kaltura(Arc<KalturaSettings>),
}

impl Decoding {
    /// The carries of a partition of which nothing is known yet.
    pub fn no_carries(&self, settings: &SourceSettings) -> CarryStore {
        let version = match self {
            Self::Cmcd(_) => Cmcd::CARRY_VERSION,
            Self::Webrtc(_) => Webrtc::CARRY_VERSION,
            Self::Kaltura(_) => Kaltura::CARRY_VERSION,
        };
        CarryStore::new(version, settings.rules.window_ms)
    }

    /// A partition that goes on where a commit left off, with the carries that it saved.
    pub fn restore(
        &self,
        settings: SourceSettings,
        partition: i32,
        resume: Resume,
        carries: CarryStore,
    ) -> Box<dyn SourceFold> {
        match self {
            Self::Cmcd(carriers) => {
                let decoder = Decoder::new(Arc::clone(carriers));
                Box::new(Fold::<Cmcd>::restore(settings, (decoder, ()), partition, resume, carries))
            }
            Self::Webrtc(rules) => {
                let tools = (webrtc::Decoder::default(), Settings::clone(rules));
                Box::new(Fold::<Webrtc>::restore(settings, tools, partition, resume, carries))
            }
            Self::Kaltura(set_up) => {
                let (declared, catalogue) = (set_up.rollups.clone(), set_up.catalogue.clone());
                let rules = RollupRules { declared, keys: settings.caps.rollup_keys, catalogue };
                let tools = (BeaconReader::new(set_up.places.clone()), rules);
                Box::new(Fold::<Kaltura>::restore(settings, tools, partition, resume, carries))
            }
        }
    }

    /// A partition that begins at an offset of which nothing is known.
    pub fn afresh(&self, settings: SourceSettings, partition: i32, offset: i64) -> Box<dyn SourceFold> {
        let carries = self.no_carries(&settings);
        self.restore(settings, partition, Resume::afresh(offset), carries)
    }
}
