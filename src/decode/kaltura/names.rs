//! The names of parameters: of the sixty that a player may send, those that are read.

use std::sync::LazyLock;

use crate::decode::common::Key;

/// Declares the names; the enum's discriminant is a place in [`super::members::Members`].
macro_rules! names {
    ($($variant:ident $text:literal,)*) => {
        /// A parameter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Name { $($variant,)* }

        impl Name {
            /// All of them, as they are written.
            pub(super) const ALL: &[(&'static str, Self)] = &[$(($text, Self::$variant),)*];

            /// How many there are.
            pub(super) const COUNT: usize = Self::ALL.len();
        }
    };
}

names! {
    Service "service",
    EventType "eventType",
    PartnerId "partnerId",
    EntryId "entryId",
    SessionId "sessionId",
    EventIndex "eventIndex",
    Referrer "referrer",
    PlaybackType "playbackType",
    ClientVer "clientVer",
    ClientTag "clientTag",
    Position "position",
    TargetPosition "targetPosition",
    PlaybackSpeed "playbackSpeed",
    PlayTimeSum "playTimeSum",
    BufferTime "bufferTime",
    BufferTimeSum "bufferTimeSum",
    JoinTime "joinTime",
    PlayerJsLoadTime "playerJSLoadTime",
    ActualBitrate "actualBitrate",
    AverageBitrate "averageBitrate",
    Bandwidth "bandwidth",
    ManifestDownloadTime "manifestDownloadTime",
    SegmentDownloadTime "segmentDownloadTime",
    DroppedFramesRatio "droppedFramesRatio",
    ForwardBufferHealth "forwardBufferHealth",
    SoundMode "soundMode",
    TabMode "tabMode",
    ViewabilityMode "viewabilityMode",
    ScreenMode "screenMode",
    ErrorCode "errorCode",
    ErrorPosition "errorPosition",
    FlavorParamsId "flavorParamsId",
    CustomVar1 "customVar1",
    CustomVar2 "customVar2",
    CustomVar3 "customVar3",
    Application "application",
    PlaybackContext "playbackContext",
    UserId "userId",
    PersistentSessionId "persistentSessionId",
}

/// What the older players put before every name.
const OLDER_PREFIX: &str = "event:";
/// Names are no longer than this.
const LONGEST: usize = 20;

/// The names by their length.
#[derive(Debug)]
pub(super) struct Names {
    by_length: [Vec<(Key, &'static str, Name)>; LONGEST + 1],
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let with_key = |(text, name): &(&'static str, Name)| (Key::of(text), *text, *name);
    let of_length = |length| Name::ALL.iter().filter(|(text, _)| text.len() == length).map(with_key).collect();
    Names { by_length: std::array::from_fn(of_length) }
});

impl Names {
    /// The one table.
    pub(super) fn shared() -> &'static Self {
        &NAMES
    }

    /// What a name means; `None` = nothing here.
    #[inline]
    pub(super) fn get(&self, name: &str) -> Option<Name> {
        let name = if name.as_bytes().get(5) == Some(&b':') { without_prefix(name) } else { name };
        let key = Key::of(name);
        let of_length = self.by_length.get(key.length)?;
        let is_it = |(known, text, _): &&(Key, &str, Name)| *known == key && (key.is_all() || *text == name);
        of_length.iter().find(is_it).map(|(.., meaning)| *meaning)
    }
}

#[cold]
fn without_prefix(name: &str) -> &str {
    name.strip_prefix(OLDER_PREFIX).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Name, Names};

    #[test]
    fn every_name_is_found_with_and_without_the_older_prefix() {
        let names = Names::shared();
        for (text, meaning) in Name::ALL {
            assert_eq!(names.get(text), Some(*meaning), "{text}");
            assert_eq!(names.get(&format!("event:{text}")), Some(*meaning), "{text}");
        }
        for unknown in ["", "event:", "ks", "EntryId", "entryid", "customVar4", "customVar1[]", "__proto__", "é"] {
            assert_eq!(names.get(unknown), None, "{unknown}");
        }
    }
}
