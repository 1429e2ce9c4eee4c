//! The names of members, found by one look into a table: of the three hundred members of a report most are wanted.

use std::sync::LazyLock;

use crate::decode::common::Key;
use crate::model::webrtc::{Member, Text};

/// What a member of a statistics object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A number.
    Number(Member),
    /// A text.
    Text(Text),
    /// A number under a name that it no longer has; the ones of `goog…` are in milliseconds where this is true.
    LegacyNumber(Member, InMillis),
    /// A text under a name that it no longer has.
    LegacyText(Text),
    /// `id`
    Id,
    /// `type`
    Type,
    /// `timestamp`
    Timestamp,
    /// `mediaType`, which stands beside `kind` in every browser.
    MediaType,
    /// `trackId`
    TrackId,
    /// `isRemote`
    IsRemote,
    /// `qualityLimitationDurations`
    Durations,
}

/// Whether a number is in milliseconds where its unit has seconds.
pub(super) type InMillis = bool;

const OTHERS: [(&str, Name); 24] = [
    ("id", Name::Id),
    ("type", Name::Type),
    ("timestamp", Name::Timestamp),
    ("mediaType", Name::MediaType),
    ("trackId", Name::TrackId),
    ("isRemote", Name::IsRemote),
    ("qualityLimitationDurations", Name::Durations),
    ("discardedPackets", Name::LegacyNumber(Member::PacketsDiscarded, false)),
    ("googTrackId", Name::LegacyText(Text::TrackIdentifier)),
    ("googActiveConnection", Name::LegacyNumber(Member::Selected, false)),
    ("googRtt", Name::LegacyNumber(Member::CurrentRoundTripTime, true)),
    ("googJitterReceived", Name::LegacyNumber(Member::Jitter, true)),
    ("googFrameRateReceived", Name::LegacyNumber(Member::FramesPerSecond, false)),
    ("googFrameRateSent", Name::LegacyNumber(Member::FramesPerSecond, false)),
    ("googFrameWidthReceived", Name::LegacyNumber(Member::FrameWidth, false)),
    ("googFrameWidthSent", Name::LegacyNumber(Member::FrameWidth, false)),
    ("googFrameHeightReceived", Name::LegacyNumber(Member::FrameHeight, false)),
    ("googFrameHeightSent", Name::LegacyNumber(Member::FrameHeight, false)),
    ("googNacksReceived", Name::LegacyNumber(Member::NackCount, false)),
    ("googNacksSent", Name::LegacyNumber(Member::NackCount, false)),
    ("googPlisReceived", Name::LegacyNumber(Member::PliCount, false)),
    ("googPlisSent", Name::LegacyNumber(Member::PliCount, false)),
    ("googFirsReceived", Name::LegacyNumber(Member::FirCount, false)),
    ("googFirsSent", Name::LegacyNumber(Member::FirCount, false)),
];

const SLOTS: usize = 512;

/// The table. A name that is not found in the few places after its own is not there.
#[derive(Debug)]
pub(super) struct Names {
    slots: Vec<Option<Slot>>,
}

/// A known name, and what it means.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key: Key,
    name: &'static str,
    meaning: Name,
}

static NAMES: LazyLock<Names> = LazyLock::new(Names::build);

impl Names {
    /// The one table.
    pub(super) fn shared() -> &'static Self {
        &NAMES
    }

    fn build() -> Self {
        let mut names = Self { slots: vec![None; SLOTS] };
        let numbers = Member::ALL.iter().map(|member| (member.name(), Name::Number(*member)));
        let texts = Text::ALL.iter().map(|text| (text.name(), Name::Text(*text)));
        for (name, meaning) in numbers.chain(texts).chain(OTHERS) {
            let key = Key::of(name);
            let mut at = place(key);
            while names.slots.get(at).is_some_and(Option::is_some) {
                at = (at + 1) % SLOTS;
            }
            if let Some(slot) = names.slots.get_mut(at) {
                *slot = Some(Slot { key, name, meaning });
            }
        }
        names
    }

    /// What a name means; `None` = nothing here.
    #[inline(always)]
    pub(super) fn get(&self, name: &str) -> Option<Name> {
        let key = Key::of(name);
        let mut at = place(key);
        while let Some(slot) = self.slots.get(at)?.as_ref() {
            if slot.key == key && (key.is_all() || slot.name == name) {
                return Some(slot.meaning);
            }
            at = (at + 1) % SLOTS;
        }
        None
    }
}

/// Where in the table a name belongs.
#[inline(always)]
const fn place(key: Key) -> usize {
    let mixed = key.first ^ key.last.rotate_left(23) ^ key.length as u64;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize
}

#[cfg(test)]
mod tests {
    use super::{Key, Member, Name, Names, OTHERS, Text, place};

    #[test]
    fn every_name_is_found_near_its_place() {
        let names = Names::shared();
        assert!(Member::ALL.iter().all(|member| names.get(member.name()) == Some(Name::Number(*member))));
        assert!(Text::ALL.iter().all(|text| names.get(text.name()) == Some(Name::Text(*text))));
        assert!(OTHERS.iter().all(|(name, meaning)| names.get(name) == Some(*meaning)));
        for unknown in ["", "i", "writable", "address", "packetsReceivedd", "PacketsReceived", "\u{1f600}\u{1f600}"] {
            assert_eq!(names.get(unknown), None, "{unknown}");
        }
        let longest = Member::ALL.iter().map(|member| {
            let found = names.slots.iter().position(|slot| slot.is_some_and(|slot| slot.name == member.name()));
            (found.unwrap_or_default() + super::SLOTS - place(Key::of(member.name()))) % super::SLOTS
        });
        assert!(longest.max() < Some(6));
    }
}
