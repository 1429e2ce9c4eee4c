//! Events of a connection: which of them mean something.

/// What happened to a peer connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Happening {
    /// The connection was made: it has no past.
    Created,
    /// The participant left: the session is over.
    Left,
    GatheringBegan,
    GatheringEnded,
    ChecksBegan,
    PathFound,
    PathLost,
    PathFailed,
    Connected,
    Failed,
    /// An offer was made or came.
    Offered,
    /// A sample tells of decoded frames: no event says so.
    FramesSeen,
}

/// Those that events tell, by their number in samples.
const ALL: [Happening; 11] = [
    Happening::Created,
    Happening::Left,
    Happening::GatheringBegan,
    Happening::GatheringEnded,
    Happening::ChecksBegan,
    Happening::PathFound,
    Happening::PathLost,
    Happening::PathFailed,
    Happening::Connected,
    Happening::Failed,
    Happening::Offered,
];

impl Happening {
    /// What the browser's event `name` with `value` means.
    pub(super) fn named(name: &str, value: &str) -> Option<Self> {
        Some(match (name.trim_start_matches("on"), value) {
            ("create" | "join", _) => Self::Created,
            ("leave", _) => Self::Left,
            ("icegatheringstatechange", "gathering") => Self::GatheringBegan,
            ("icegatheringstatechange", "complete") => Self::GatheringEnded,
            ("iceconnectionstatechange", "checking") => Self::ChecksBegan,
            ("iceconnectionstatechange", "connected" | "completed") => Self::PathFound,
            ("iceconnectionstatechange", "disconnected") => Self::PathLost,
            ("iceconnectionstatechange", "failed") => Self::PathFailed,
            ("connectionstatechange", "connected") => Self::Connected,
            ("connectionstatechange", "failed") => Self::Failed,
            ("signalingstatechange", "have-local-offer" | "have-remote-offer") => Self::Offered,
            _ => return None,
        })
    }

    pub(super) fn numbered(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|number| ALL.get(number)).copied()
    }
}
