//! Common Media Client Data as decoded: CTA-5004 version 1 (18 keys) and version 2 (49 keys) in one shape.
//!
//! Values borrow from the record or from the decoder's scratch memory. Bitrates are as sent, in **kbit/s**; the aggregates convert
//! them to bit/s. A key that is absent, or whose value is unusable, is `None` or an empty list: never zero.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::time::EventTime;

/// What a request is for (key `ot`); also the label of list members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectType {
    /// `m`: manifest or playlist.
    Manifest,
    /// `a`: audio only.
    Audio,
    /// `v`: video only.
    Video,
    /// `av`: muxed audio and video.
    Muxed,
    /// `i`: initialisation segment.
    Init,
    /// `c`: caption or subtitle.
    Caption,
    /// `tt`: timed-text track in ISO BMFF.
    TimedText,
    /// `k`: key, licence or certificate.
    Key,
    /// `o`: other.
    Other,
}

impl ObjectType {
    /// From the token of the specification.
    pub fn from_token(token: &[u8]) -> Option<Self> {
        Some(match token {
            b"m" => Self::Manifest,
            b"a" => Self::Audio,
            b"v" => Self::Video,
            b"av" => Self::Muxed,
            b"i" => Self::Init,
            b"c" => Self::Caption,
            b"tt" => Self::TimedText,
            b"k" => Self::Key,
            b"o" => Self::Other,
            _ => return None,
        })
    }

    /// Whether requests of this type are media requests: v, a or av.
    pub const fn is_media(self) -> bool {
        matches!(self, Self::Audio | Self::Video | Self::Muxed)
    }
}

/// Key `sf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StreamingFormat {
    /// `d`: MPEG-DASH.
    Dash,
    /// `h`: HTTP Live Streaming.
    Hls,
    /// `e`: HESP.
    Hesp,
    /// `s`: Smooth Streaming.
    Smooth,
    /// `o`: other.
    Other,
    /// Absent, or a token that the specification does not have.
    #[default]
    Unknown,
}

impl StreamingFormat {
    /// The tag value in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dash => "dash",
            Self::Hls => "hls",
            Self::Hesp => "hesp",
            Self::Smooth => "smooth",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// Key `st`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StreamType {
    /// `v`: video on demand.
    Vod,
    /// `l`: live.
    Live,
    /// `ll`: low-latency live (version 2).
    LowLatencyLive,
    /// Absent, or a token that the specification does not have.
    #[default]
    Unknown,
}

impl StreamType {
    /// The tag value in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vod => "vod",
            Self::Live => "live",
            Self::LowLatencyLive => "low_latency_live",
            Self::Unknown => "unknown",
        }
    }
}

/// Key `sta`: what the player is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlayerState {
    /// `s`: starting.
    Starting,
    /// `p`: playing.
    Playing,
    /// `k`: seeking.
    Seeking,
    /// `r`: rebuffering.
    Rebuffering,
    /// `a`: paused.
    Paused,
    /// `e`: ended.
    Ended,
    /// `f`: fatal error.
    FatalError,
    /// `q`: the viewer left before the end.
    Quit,
    /// `d`: preloading.
    Preloading,
    /// `w`: listed by the specification without a definition; players send it before playback starts.
    Waiting,
}

/// Key `e`: why an event-mode record was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// `ps`: the play state changed.
    PlayState,
    /// `t`: the interval passed.
    TimeInterval,
    /// `e`: an error.
    Error,
    /// `rr`: a response was received, or failed to come.
    ResponseReceived,
    /// `bc`: the bitrate changed.
    BitrateChange,
    /// `c`: the content id changed.
    ContentId,
    /// `h`: the host changed.
    Host,
    /// `pr`: the playback rate changed.
    PlaybackRate,
    /// `b`: the background state changed.
    Background,
    /// `m`: muted.
    Mute,
    /// `um`: unmuted.
    Unmute,
    /// `pe`: the player was expanded.
    PlayerExpand,
    /// `pc`: the player was collapsed.
    PlayerCollapse,
    /// `as`: an ad started.
    AdStart,
    /// `ae`: an ad ended.
    AdEnd,
    /// `abs`: an ad break started.
    AdBreakStart,
    /// `abe`: an ad break ended.
    AdBreakEnd,
    /// `sk`: the viewer skipped an ad.
    Skip,
    /// `ce`: a custom event.
    Custom,
    /// A token that the specification does not have.
    Unknown,
}

/// How a record came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// On a request for a media object: the record is a request.
    Request,
    /// Posted by the player on its own: the record is not a request.
    Event(EventKind),
}

/// A member of an inner list, with the object type that it is labelled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labelled<T> {
    /// The value, as sent (rates in kbit/s, times in ms), rounded half away from zero when a decimal came.
    pub value: T,
    /// The label; `None` for a version 1 scalar or an unlabelled member.
    pub object_type: Option<ObjectType>,
}

/// The members of a list of integers; almost always one or two.
pub type Integers = SmallVec<[Labelled<i64>; 2]>;
/// The members of a list of strings.
pub type Texts<'a> = SmallVec<[Cow<'a, str>; 1]>;

/// The value of a list key that counts for this record (rows: «which value of a record counts»): with an object type on the
/// record, the member labelled with it, else an unlabelled one, else none; without one, the sole member.
pub fn member_for(list: &[Labelled<i64>], object_type: Option<ObjectType>) -> Option<i64> {
    match (object_type, list) {
        (_, []) => None,
        (Some(wanted), _) => {
            let labelled = list.iter().find(|member| member.object_type == Some(wanted));
            labelled.or_else(|| list.iter().find(|member| member.object_type.is_none())).map(|member| member.value)
        }
        (None, [sole]) => Some(sole.value),
        (None, _) => None,
    }
}

/// The keys of one CMCD record. Names are those of the specification, because engineers know them by these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys<'a> {
    /// Aggregate encoded bitrate, kbit/s.
    pub ab: Integers,
    /// All players of the session are invisible.
    pub bg: Option<bool>,
    /// Buffer length, ms.
    pub bl: Integers,
    /// Encoded bitrate, kbit/s.
    pub br: Integers,
    /// Starved since the previous report.
    pub bs: Option<bool>,
    /// Running count of starvations.
    pub bsa: Integers,
    /// Durations of finished starvations, ms.
    pub bsd: Integers,
    /// Running total of starvation time, ms.
    pub bsda: Integers,
    /// Custom event name.
    pub cen: Option<Cow<'a, str>>,
    /// Content id.
    pub cid: Option<Cow<'a, str>>,
    /// Copy of the CMSD-Dynamic response header, Base64.
    pub cmsdd: Option<Cow<'a, str>>,
    /// Copy of the CMSD-Static response header, Base64.
    pub cmsds: Option<Cow<'a, str>>,
    /// Content signature.
    pub cs: Option<Cow<'a, str>>,
    /// Object duration, ms.
    pub d: Option<i64>,
    /// Running count of dropped frames.
    pub dfa: Option<i64>,
    /// Deadline, ms.
    pub dl: Option<i64>,
    /// Application error codes.
    pub ec: Texts<'a>,
    /// The host that the player fetches from.
    pub h: Option<Cow<'a, str>>,
    /// Lowest aggregate bitrate, kbit/s.
    pub lab: Integers,
    /// Lowest rendition bitrate, kbit/s.
    pub lb: Integers,
    /// Live latency, ms; may be negative.
    pub ltc: Option<i64>,
    /// Media start delay, ms.
    pub msd: Option<i64>,
    /// Measured throughput, kbit/s.
    pub mtp: Integers,
    /// Next objects, as sent (not percent-decoded).
    pub nor: Texts<'a>,
    /// This player fetches without rendering.
    pub nr: Option<bool>,
    /// Next range (version 1).
    pub nrr: Option<Cow<'a, str>>,
    /// Object type.
    pub ot: Option<ObjectType>,
    /// Bitrate on screen, kbit/s.
    pub pb: Integers,
    /// Playback rate × 1000; absent = real time.
    pub pr_thousandths: Option<i64>,
    /// Playhead, ms; may be negative.
    pub pt: Option<i64>,
    /// Response code after redirects; 0 = no response.
    pub rc: Option<i64>,
    /// Requested maximum throughput, kbit/s.
    pub rtp: Option<i64>,
    /// Streaming format.
    pub sf: StreamingFormat,
    /// Session id, cut to 64 characters with a hash as ending when longer.
    pub sid: Option<Cow<'a, str>>,
    /// Copy of request-tracing data, Base64.
    pub smrt: Option<Cow<'a, str>>,
    /// Sequence number.
    pub sn: Option<i64>,
    /// Stream type.
    pub st: StreamType,
    /// Player state.
    pub sta: Option<PlayerState>,
    /// Urgent: startup, seek or recovery.
    pub su: Option<bool>,
    /// Top aggregate bitrate, kbit/s.
    pub tab: Integers,
    /// Top rendition bitrate, kbit/s.
    pub tb: Integers,
    /// Target buffer length, ms.
    pub tbl: Integers,
    /// Highest playable rendition, kbit/s.
    pub tpb: Integers,
    /// Event time, ms since the Unix epoch.
    pub ts: Option<i64>,
    /// Time to first byte, ms.
    pub ttfb: Option<i64>,
    /// Time to first body byte, ms.
    pub ttfbb: Option<i64>,
    /// Time to last byte, ms.
    pub ttlb: Option<i64>,
    /// Requested URL.
    pub url: Option<Cow<'a, str>>,
    /// Version; absent = 1.
    pub v: Option<i64>,
}

/// How the CDN answered, as far as the cache is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cache {
    /// Served from a cache.
    Hit,
    /// Any other result.
    Miss,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A status below 400.
    Success,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
    /// No response was given: status 000.
    Aborted,
}

impl Outcome {
    /// From an HTTP status as logged; `None` for numbers that mean nothing.
    pub const fn from_status(status: u16) -> Option<Self> {
        match status {
            0 => Some(Self::Aborted),
            100..=399 => Some(Self::Success),
            400..=499 => Some(Self::ClientError),
            500..=599 => Some(Self::ServerError),
            _ => None,
        }
    }
}

/// What a delivery log knows beside the CMCD; all absent for what players report themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// How the request ended.
    pub outcome: Option<Outcome>,
    /// Bytes of the response, headers included.
    pub bytes: Option<u64>,
    /// Time to first byte, whole ms.
    pub ttfb_ms: Option<u64>,
    /// From request to the last byte, whole ms.
    pub time_taken_ms: Option<u64>,
    /// The cache's part in it.
    pub cache: Option<Cache>,
    /// The point of presence: the rightmost of a chain.
    pub edge: Option<&'a str>,
    /// The log's unique id of the request.
    pub request_id: Option<&'a str>,
}

/// One decoded record: a request, or an event that a player reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Request or event mode.
    pub mode: Mode,
    /// Its own time: request start for logs, `ts` for event mode; `None` = it has none, use the receive time.
    pub time: Option<EventTime>,
    /// The CMCD keys; all absent for a log line without CMCD.
    pub keys: Keys<'a>,
    /// What the log says of the delivery.
    pub delivery: Delivery<'a>,
    /// Members that were dropped because they are wrong.
    pub members_rejected: u32,
}

/// A departure from the specification that does not cost a value. A closed set: it is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// A token where a string belongs, or the reverse.
    Quoting,
    /// A value that needed rounding: a decimal on an integer key, or a number that the specification wants rounded.
    Rounding,
    /// A version 1 shape in a version 2 record, or the reverse.
    VersionMismatch,
    /// `true`, `false` or `?0` where the specification has a bare key or its absence.
    Boolean,
    /// A key, or the query argument, came more than once: the last counts.
    Repeated,
    /// A layer of percent-encoding too many.
    ExtraDecode,
    /// An empty member, or a comma too many.
    EmptyMember,
    /// Longer than the specification allows: cut.
    TooLong,
    /// Characters that do not belong there: removed or replaced.
    Characters,
    /// Names of an earlier draft.
    Draft,
    /// A key that this event should have had is not there.
    MissingKey,
    /// An event-mode key on a request: dropped.
    WrongMode,
    /// A token that the specification does not have.
    UnknownToken,
    /// The log cut the value off.
    Truncated,
}

impl Warning {
    /// Every warning, in the order of declaration.
    pub const ALL: [Self; 14] = [
        Self::Quoting,
        Self::Rounding,
        Self::VersionMismatch,
        Self::Boolean,
        Self::Repeated,
        Self::ExtraDecode,
        Self::EmptyMember,
        Self::TooLong,
        Self::Characters,
        Self::Draft,
        Self::MissingKey,
        Self::WrongMode,
        Self::UnknownToken,
        Self::Truncated,
    ];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quoting => "quoting",
            Self::Rounding => "rounding",
            Self::VersionMismatch => "version_mismatch",
            Self::Boolean => "boolean",
            Self::Repeated => "repeated",
            Self::ExtraDecode => "extra_decode",
            Self::EmptyMember => "empty_member",
            Self::TooLong => "too_long",
            Self::Characters => "characters",
            Self::Draft => "draft",
            Self::MissingKey => "missing_key",
            Self::WrongMode => "wrong_mode",
            Self::UnknownToken => "unknown_token",
            Self::Truncated => "truncated",
        }
    }
}
