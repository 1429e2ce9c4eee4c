//! The numbers of events. The two services number them differently: `service` decides which numbering it is, never the number.

use crate::model::Reason;
use crate::model::kaltura::{Event, Quartile};

/// Who numbers the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// `analytics.trackEvent`
    Analytics,
    /// `stats.collect`
    Stats,
}

impl Service {
    /// By its name. `None` = another one, whose numbers mean something else again.
    pub(super) fn named(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("analytics") {
            Some(Self::Analytics)
        } else if is("stats") {
            Some(Self::Stats)
        } else {
            None
        }
    }

    /// What this number means.
    pub(super) const fn event(self, number: i64) -> Event {
        match self {
            Self::Analytics => analytics(number),
            Self::Stats => stats(number),
        }
    }
}

/// Reads an event's number; what has more digits than any number is none that is known.
pub(super) fn number(text: &str) -> Result<i64, Reason> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::EventType);
    }
    Ok(text.parse().unwrap_or(i64::MAX))
}

const fn analytics(number: i64) -> Event {
    match number {
        1 => Event::Impression,
        2 => Event::PlayRequest,
        3 => Event::Play,
        4 => Event::Resume,
        11 => Event::Reached(Quartile::First),
        12 => Event::Reached(Quartile::Second),
        13 => Event::Reached(Quartile::Third),
        14 => Event::Reached(Quartile::Fourth),
        15 => Event::Reached(Quartile::NineTenths),
        21..=25 | 31 | 32 | 36..=38 | 40 | 42 => Event::Interaction(number as u16),
        33 => Event::Pause,
        34 => Event::Replay,
        35 => Event::Seek,
        39 => Event::SourceSelected,
        41 => Event::Speed,
        43 => Event::FlavorSwitch,
        45 => Event::BufferStart,
        46 => Event::BufferEnd,
        48 | 98 => Event::Error,
        99 => Event::View,
        10_002 | 10_003 | 10_005 | 30_001 => Event::Application(number as u16),
        _ => Event::Unknown,
    }
}

/// Interactions have the numbers of the other service.
const fn stats(number: i64) -> Event {
    match number {
        2 => Event::Impression,
        3 => Event::Play,
        4 => Event::Reached(Quartile::First),
        5 => Event::Reached(Quartile::Second),
        6 => Event::Reached(Quartile::Third),
        7 => Event::Reached(Quartile::Fourth),
        9 => Event::Interaction(22),
        10 => Event::Interaction(23),
        11 => Event::Interaction(25),
        12 => Event::BufferStart,
        13 => Event::BufferEnd,
        14 => Event::Interaction(31),
        15 => Event::Interaction(32),
        16 => Event::Replay,
        17 => Event::Seek,
        _ => Event::Unknown,
    }
}
