//! What a converter counts beside the envelopes: what it left out, and why.

/// Why something was left out while the rest was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dropped {
    /// A message or event that says nothing of quality: descriptions, candidates, devices.
    Unrelated,
    /// A member whose number is in no table.
    UnknownMember,
    /// An object whose type is missing or in no table.
    UnknownType,
    /// A change of an object that was never seen whole, or not since messages were lost.
    WithoutBase,
    /// A stretch of messages that is missing: all that was known by then was forgotten.
    Gap,
    /// A message that was there before.
    Duplicate,
    /// A member that is kept from the bus: certificates, addresses, free text.
    Withheld,
    /// A value of the wrong type.
    WrongValue,
    /// An id, name or text that is too long.
    TooLong,
    /// A peer connection or session that was forgotten because there are too many.
    OverCap,
    /// A report or event of no call or no participant.
    Unidentified,
    /// An event without a time.
    WithoutTime,
}

impl Dropped {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::Unrelated,
        Self::UnknownMember,
        Self::UnknownType,
        Self::WithoutBase,
        Self::Gap,
        Self::Duplicate,
        Self::Withheld,
        Self::WrongValue,
        Self::TooLong,
        Self::OverCap,
        Self::Unidentified,
        Self::WithoutTime,
    ];

    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unrelated => "unrelated",
            Self::UnknownMember => "unknown_member",
            Self::UnknownType => "unknown_type",
            Self::WithoutBase => "without_base",
            Self::Gap => "gap",
            Self::Duplicate => "duplicate",
            Self::Withheld => "withheld",
            Self::WrongValue => "wrong_value",
            Self::TooLong => "too_long",
            Self::OverCap => "over_cap",
            Self::Unidentified => "unidentified",
            Self::WithoutTime => "without_time",
        }
    }
}

/// Counts since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Dropped::ALL.len()]);

impl Counts {
    /// How often something was left out for this reason.
    pub fn of(&self, reason: Dropped) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// Every reason that came up, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Dropped, u64)> + '_ {
        Dropped::ALL.into_iter().map(|reason| (reason, self.of(reason))).filter(|(_, count)| *count > 0)
    }

    /// Counts one.
    pub(super) fn add(&mut self, reason: Dropped) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += 1;
        }
    }
}
