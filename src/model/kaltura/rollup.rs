//! By what beacons can be added up over sessions.

/// A kind of roll-up: what its rows tell apart, beside source and tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rollup {
    /// What is played.
    Content,
    /// Where viewers are.
    Geography,
    /// On what they watch.
    Device,
    /// On which sites.
    Domain,
    /// How it is played: on demand, live, behind the live edge.
    PlaybackType,
    /// The variables that operators may use as they like; a beacon counts once for each that it has.
    CustomVariable,
}

impl Rollup {
    /// Every one, in the order of declaration, which is that of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Content, Self::Geography, Self::Device, Self::Domain, Self::PlaybackType, Self::CustomVariable];

    /// Those of a source that declares none: variables mean nothing where operators do not use them.
    pub const USUAL: [Self; 5] = [Self::Content, Self::Geography, Self::Device, Self::Domain, Self::PlaybackType];

    /// The name in the topology and in roll-up keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Geography => "geography",
            Self::Device => "device",
            Self::Domain => "domain",
            Self::PlaybackType => "playback_type",
            Self::CustomVariable => "custom_variable",
        }
    }

    /// The names of the tags that are its own, in the order of its keys.
    pub const fn tags(self) -> &'static [&'static str] {
        match self {
            Self::Content => &["entry"],
            Self::Geography => &["country", "region", "city"],
            Self::Device => &["device", "os", "browser"],
            Self::Domain => &["domain"],
            Self::PlaybackType => &["playback_type"],
            Self::CustomVariable => &["variable", "value"],
        }
    }
}
