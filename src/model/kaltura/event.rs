//! What a beacon is about.

/// Which part of an entry was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Quartile {
    /// A quarter.
    First,
    /// A half.
    Second,
    /// Three quarters.
    Third,
    /// Nine tenths.
    NineTenths,
    /// The end.
    Fourth,
}

impl Quartile {
    /// Every one, ascending.
    pub const ALL: [Self; 5] = [Self::First, Self::Second, Self::Third, Self::NineTenths, Self::Fourth];
}

/// The event of a beacon. Numbers are those of `service=analytics`; the other service's are translated where they mean the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// 1: the player is ready for an entry.
    Impression,
    /// 2: the first wish to play.
    PlayRequest,
    /// 3: the first frame of the entry.
    Play,
    /// 4: playing again after a pause.
    Resume,
    /// 11 to 15.
    Reached(Quartile),
    /// 33.
    Pause,
    /// 34: from the beginning again.
    Replay,
    /// 35.
    Seek,
    /// 39: another quality, by hand.
    SourceSelected,
    /// 41: another speed.
    Speed,
    /// 43: another quality, by the player.
    FlavorSwitch,
    /// 45: a stall begins.
    BufferStart,
    /// 46: a stall is over.
    BufferEnd,
    /// 98, and the older 48.
    Error,
    /// 99: ten seconds of playing.
    View,
    /// What else a viewer does at a player (21 to 25, 31, 32, 36 to 38, 40, 42, …): a sign of life, by its number.
    Interaction(u16),
    /// An event of the application around the player (10002, 10003), by its number.
    Application(u16),
    /// A number without a meaning here.
    #[default]
    Unknown,
}
