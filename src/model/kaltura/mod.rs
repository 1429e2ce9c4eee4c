//! What a Kaltura beacon says, whichever client sent it and in whichever form it came: one event of one player, in integer units.
//!
//! Names are those of the player's analytics plug-in (playkit-js-kava), in the language of this house. What a beacon does not say, or says with
//! a value that cannot be, is absent and never zero: averages divide by how often a value was there.

mod entry;
mod event;
mod rollup;
mod warning;

use std::borrow::Cow;
use std::net::IpAddr;

pub use entry::{Entries, Entry};
pub use event::{Event, Quartile};
pub use rollup::Rollup;
pub use warning::Warning;

use super::write_session_id;

/// One event of one player. A beacon carries no time of the client: it counts when it was received.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beacon<'a> {
    /// What happened.
    pub event: Event,
    /// The account.
    pub partner: u64,
    /// What is played: 1 to 64 bytes, without control characters.
    pub entry: Cow<'a, str>,
    /// The player's session; it stays when the player begins to count anew.
    pub session: Option<Cow<'a, str>>,
    /// The number of the beacon since the player began to count, from 1; it grows with every attempt to send one. Events of the application
    /// are counted, too, and do not say their number.
    pub index: Option<u32>,
    /// Where in the media it happened, ms. Live and DVR: how far from the live edge, 0 or negative. A seek has its target here.
    pub position_ms: Option<i64>,
    /// What a seek aims at, ms.
    pub target_position_ms: Option<i64>,
    /// How it is played.
    pub playback: Playback,
    /// Speed in thousandths: 1000 is normal.
    pub speed_permille: Option<i64>,
    /// Media played since the player began to count, ms.
    pub play_sum_ms: Option<i64>,
    /// Stalled since the view before, ms.
    pub buffer_ms: Option<i64>,
    /// Stalled since the player began to count, ms.
    pub buffer_sum_ms: Option<i64>,
    /// From the wish to play to the first frame, ms.
    pub join_ms: Option<i64>,
    /// How long the player's code took to load, ms.
    pub player_load_ms: Option<i64>,
    /// Bit rate of what is played, bit/s.
    pub bitrate_bps: Option<i64>,
    /// The player's own average of it, bit/s.
    pub average_bitrate_bps: Option<i64>,
    /// What the network yields by the player's estimate, bit/s.
    pub bandwidth_bps: Option<i64>,
    /// The slowest manifest since the view before, ms.
    pub manifest_download_ms: Option<i64>,
    /// The slowest segment since the view before, ms.
    pub segment_download_ms: Option<i64>,
    /// Dropped frames over all, in millionths.
    pub dropped_frames_ppm: Option<i64>,
    /// The forward buffer over its target, in millionths.
    pub forward_buffer_ppm: Option<i64>,
    /// Behind the live edge in truth, ms; no known client sends it.
    pub latency_ms: Option<i64>,
    /// Whether sound is on.
    pub sound_on: Option<bool>,
    /// Whether the page has the focus.
    pub tab_focused: Option<bool>,
    /// Whether the player is in view.
    pub in_view: Option<bool>,
    /// Whether it fills the screen.
    pub full_screen: Option<bool>,
    /// The code of an error.
    pub error_code: Option<Cow<'a, str>>,
    /// When in a playback an error struck.
    pub error_phase: Option<ErrorPhase>,
    /// The flavour that is played.
    pub flavor: Option<Cow<'a, str>>,
    /// The three variables that the operator may use as he likes.
    pub custom: [Option<Cow<'a, str>>; 3],
    /// Host and path of the page, lower-case host, no scheme, user or query.
    pub page: Option<Cow<'a, str>>,
    /// The application that embeds the player.
    pub application: Option<Cow<'a, str>>,
    /// The category in which it is played.
    pub playback_context: Option<Cow<'a, str>>,
    /// The player's version.
    pub player_version: Option<Cow<'a, str>>,
    /// Who watches, as the operator names him.
    pub user: Option<Cow<'a, str>>,
    /// Who watches, as the browser remembers him.
    pub persistent_session: Option<Cow<'a, str>>,
    /// The browser's own name for itself, from the collector.
    pub user_agent: Option<Cow<'a, str>>,
    /// The viewer's address, from the collector: looked up and forgotten.
    pub address: Option<IpAddr>,
    /// Members left out because their value is wrong.
    pub members_rejected: u32,
}

impl Beacon<'_> {
    /// The host of the page.
    pub fn domain(&self) -> Option<&str> {
        let page = self.page.as_deref()?;
        page.get(..memchr::memchr(b'/', page.as_bytes()).unwrap_or(page.len()))
    }

    /// The key of its records on the bus, `partner|session`, each part escaped; `None` = it belongs to no session.
    pub fn session_key(&self) -> Option<String> {
        let session = self.session.as_deref().filter(|session| !session.is_empty())?;
        let mut key = String::new();
        write_session_id(&mut key, [&self.partner.to_string(), session]);
        Some(key)
    }

    /// By which name the viewer counts: the first of user, persistent session and session that is there.
    pub fn viewer(&self) -> Option<&str> {
        self.user.as_deref().or(self.persistent_session.as_deref()).or(self.session.as_deref())
    }
}

/// How an entry is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Playback {
    /// On demand.
    Vod,
    /// At the live edge.
    Live,
    /// Live, behind the edge.
    Dvr,
    /// A copy on the device.
    Offline,
    /// The player does not say, or says what is none of these.
    #[default]
    Unknown,
}

impl Playback {
    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vod => "vod",
            Self::Live => "live",
            Self::Dvr => "dvr",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        }
    }

    /// Whether positions count from the live edge.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Dvr)
    }
}

/// When in a playback an error strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorPhase {
    /// Before the wish to play.
    BeforePlayRequest,
    /// Between the wish to play and the first frame.
    BeforeFirstFrame,
    /// After the first frame.
    MidStream,
}
