//! What happened, as plain numbers. A record becomes bytes only when it is appended: what waits for its delivery stays small.

use super::scenario::Carrier;

/// The players that are simulated, each with the quirks of its kind (see `cmcd.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Player {
    HlsJs,
    DashJs,
    Shaka,
    Media3,
    /// AVPlayer.
    Apple,
    Bitmovin,
}

/// How the CMCD rides on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Query,
    Headers,
    /// The carrier cannot see it.
    Unseen,
}

/// Who a viewer is: fixed for the life of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) session_id: [u64; 2],
    /// How far this client's clock is ahead, in ms.
    pub(super) clock_skew_ms: i64,
    pub(super) player: Player,
    pub(super) is_version2: bool,
    /// Whether event-mode reports are posted.
    pub(super) has_event_mode: bool,
    pub(super) transport: Transport,
    pub(super) carrier: Carrier,
    pub(super) site: u16,
    pub(super) programme: u8,
    /// In thousandths.
    pub(super) playback_rate: u32,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Manifest,
    Init,
    Video,
    Audio,
    Muxed,
}

impl Object {
    /// The token of key `ot`.
    pub(super) const fn token(self) -> &'static str {
        match self {
            Self::Manifest => "m",
            Self::Init => "i",
            Self::Video => "v",
            Self::Audio => "a",
            Self::Muxed => "av",
        }
    }

    /// Whether it holds media that plays.
    pub(super) const fn is_media(self) -> bool {
        matches!(self, Self::Video | Self::Audio | Self::Muxed)
    }
}

/// The states of a player that it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Starting,
    Playing,
    Seeking,
    Rebuffering,
    Paused,
    Ended,
    Failed,
    Quit,
}

impl State {
    /// The token of key `sta`.
    pub(super) const fn token(self) -> &'static str {
        match self {
            Self::Starting => "s",
            Self::Playing => "p",
            Self::Seeking => "k",
            Self::Rebuffering => "r",
            Self::Paused => "a",
            Self::Ended => "e",
            Self::Failed => "f",
            Self::Quit => "q",
        }
    }
}

/// What a player knows of itself when it asks or reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition {
    pub(super) state: State,
    pub(super) buffer_ms: u32,
    pub(super) throughput_kbps: u32,
    /// The rung of the ladder that is selected.
    pub(super) rung: u8,
    pub(super) is_urgent: bool,
    /// Starved since the previous request.
    pub(super) is_starved: bool,
    /// The delay from play to the first picture, where it is to be reported.
    pub(super) start_delay_ms: Option<u32>,
    /// The duration of a starvation that has ended and is to be reported.
    pub(super) starvation_ms: Option<u32>,
    pub(super) starvations: u32,
    pub(super) starvations_ms: u32,
    pub(super) dropped_frames: u32,
    /// Behind the live edge; `None` for programmes on demand.
    pub(super) latency_ms: Option<u32>,
}

/// One request and how it was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) start_ms: i64,
    pub(super) object: Object,
    pub(super) segment: u32,
    /// Counted per session: part of the request id, and the sequence number of version 2.
    pub(super) number: u32,
    /// HTTP status; 0 = the viewer gave up before any response.
    pub(super) status: u16,
    pub(super) is_hit: bool,
    pub(super) bytes: u32,
    pub(super) ttfb_ms: u32,
    pub(super) taken_ms: u32,
    pub(super) condition: Condition,
}

impl Request {
    /// What a player says when it asks for nothing comes with what it knows: this request is never written as such.
    pub(super) const fn nothing(at_ms: i64, segment: u32, number: u32, condition: Condition) -> Self {
        Self {
            start_ms: at_ms,
            object: Object::Video,
            segment,
            number,
            status: 0,
            is_hit: false,
            bytes: 0,
            ttfb_ms: 0,
            taken_ms: 0,
            condition,
        }
    }

    /// When the last byte was sent.
    pub(super) fn end_ms(&self) -> i64 {
        self.start_ms + i64::from(self.taken_ms)
    }

    /// Whether the object came.
    pub(super) const fn is_success(&self) -> bool {
        self.status != 0 && self.status < 400
    }
}

/// Why an event-mode record is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    PlayState,
    Interval,
    Response,
    BitrateChange,
    ContentId,
    Error,
}

/// One event-mode record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) trigger: Trigger,
    pub(super) at_ms: i64,
    pub(super) state: State,
    pub(super) number: u32,
}

/// The most reports that one body holds here.
pub(super) const REPORTS_MAX: usize = 6;

/// The reports of one body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reports {
    slots: [Option<Report>; REPORTS_MAX],
    count: usize,
}

impl Reports {
    /// Adds one; beyond [`REPORTS_MAX`] it is dropped, as a player under pressure does (its number is missing then).
    pub(super) fn push(&mut self, report: Report) {
        if let Some(slot) = self.slots.get_mut(self.count) {
            *slot = Some(report);
            self.count += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Report> {
        self.slots.iter().flatten()
    }
}

/// A record before it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) identity: Identity,
    /// The request, or for reports the latest media request: its condition is the player's.
    pub(super) request: Request,
    /// Empty for a request.
    pub(super) reports: Reports,
    /// When the collector got it (reports), or the request ended (log lines).
    pub(super) received_ms: i64,
}

impl Draft {
    /// What this record comes by.
    pub(super) fn carrier(&self) -> Carrier {
        if self.reports.is_empty() { self.identity.carrier } else { Carrier::Body }
    }
}
