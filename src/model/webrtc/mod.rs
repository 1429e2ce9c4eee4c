//! What a report of WebRTC statistics says, whatever shape it came in: the objects of one `getStats` call of one peer connection, or
//! something that happened to it.
//!
//! Names and units are those of the W3C's "Identifiers for WebRTC's Statistics API", with one change: every number is an integer, in the unit
//! that [`Unit`] gives, so that sums do not depend on their order.

mod member;
mod warning;

use std::borrow::Cow;

pub use member::{Member, Text, Unit};
pub use warning::Warning;

use super::EventTime;

/// One report of one peer connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<'a> {
    /// The application that the call belongs to; empty = unknown.
    pub app: Cow<'a, str>,
    /// The call (room, conference).
    pub call: Cow<'a, str>,
    /// Who takes part.
    pub participant: Cow<'a, str>,
    /// The peer connection, unique for the participant at one time only.
    pub connection: Cow<'a, str>,
    /// The SFU or other far end that serves it.
    pub edge: Option<Cow<'a, str>>,
    /// Where that is.
    pub region: Option<Cow<'a, str>>,
    /// The reporter's number of the report.
    pub sequence: Option<i64>,
    /// When the reporter made it, by its own clock, microseconds.
    pub time_us: Option<i64>,
    /// What that clock counts from.
    pub clock: Clock,
    /// How often the reporter reports, ms.
    pub interval_ms: Option<i64>,
    /// Its content.
    pub content: Content<'a>,
    /// Members that were left out because their value is wrong.
    pub members_rejected: u32,
    /// Objects of no known type, or without an id.
    pub objects_unknown: u32,
}

/// What a client's times count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The Unix epoch, as well as the device knows.
    #[default]
    Epoch,
    /// Some moment of its own: only differences mean something.
    Monotonic,
}

/// What a report has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<'a> {
    /// The objects of one `getStats` call.
    Stats(Vec<Object<'a>>),
    /// Something that happened: the name of the browser's event, or `join`, `leave`.
    Event {
        /// Its name, such as `iceconnectionstatechange`.
        name: Cow<'a, str>,
        /// What the state is now, such as `connected`; empty = it has none.
        value: Cow<'a, str>,
    },
}

/// The type of a statistics object; certificates are never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ObjectType {
    /// `codec`
    Codec,
    /// `inbound-rtp`
    InboundRtp,
    /// `outbound-rtp`
    OutboundRtp,
    /// `remote-inbound-rtp`
    RemoteInboundRtp,
    /// `remote-outbound-rtp`
    RemoteOutboundRtp,
    /// `media-source`
    MediaSource,
    /// `media-playout`
    MediaPlayout,
    /// `peer-connection`
    PeerConnection,
    /// `data-channel`
    DataChannel,
    /// `transport`
    Transport,
    /// `candidate-pair`
    CandidatePair,
    /// `local-candidate`
    LocalCandidate,
    /// `remote-candidate`
    RemoteCandidate,
}

/// One statistics object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object<'a> {
    /// What it describes.
    pub object_type: ObjectType,
    /// Its id: unique in its peer connection at one time only.
    pub id: Cow<'a, str>,
    /// When it was sampled, by the clock of the report, microseconds. For `remote-*` objects: when the RTCP packet arrived.
    pub time_us: Option<i64>,
    /// Its numbers, ascending by member; one of each.
    pub numbers: Vec<(Member, i64)>,
    /// Its texts, ascending by member; one of each.
    pub texts: Vec<(Text, Cow<'a, str>)>,
}

/// Kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MediaKind {
    /// `audio`
    Audio,
    /// `video`
    Video,
}

impl Report<'_> {
    /// The name of the session that it belongs to, which is also the key of its records on the bus.
    pub fn session_id(&self) -> String {
        let mut id = String::new();
        crate::model::write_session_id(&mut id, [&self.app, &self.call, &self.participant]);
        id
    }

    /// When the newest of its objects was sampled, or the report made when it has none with a time; `None` = the clock does not say.
    pub fn time(&self) -> Option<EventTime> {
        if self.clock == Clock::Monotonic {
            return None;
        }
        let sampled = match &self.content {
            Content::Stats(objects) => objects.iter().filter_map(|object| object.time_us).max(),
            Content::Event { .. } => None,
        };
        sampled.or(self.time_us).map(|micros| EventTime::from_millis(micros.div_euclid(1000)))
    }
}

impl Object<'_> {
    /// The value of a number, in its unit; `None` = absent.
    pub fn number(&self, member: Member) -> Option<i64> {
        let at = self.numbers.binary_search_by_key(&member, |(known, _)| *known).ok()?;
        self.numbers.get(at).map(|(_, value)| *value)
    }

    /// The value of a text; `None` = absent.
    pub fn text(&self, member: Text) -> Option<&str> {
        let at = self.texts.binary_search_by_key(&member, |(known, _)| *known).ok()?;
        self.texts.get(at).map(|(_, value)| &**value)
    }

    /// Whether it is of audio or of video.
    pub fn media_kind(&self) -> Option<MediaKind> {
        match self.text(Text::Kind)? {
            "audio" => Some(MediaKind::Audio),
            "video" => Some(MediaKind::Video),
            _ => None,
        }
    }
}

impl ObjectType {
    /// The type with this name of the specification.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "codec" => Self::Codec,
            "inbound-rtp" => Self::InboundRtp,
            "outbound-rtp" => Self::OutboundRtp,
            "remote-inbound-rtp" => Self::RemoteInboundRtp,
            "remote-outbound-rtp" => Self::RemoteOutboundRtp,
            "media-source" => Self::MediaSource,
            "media-playout" => Self::MediaPlayout,
            "peer-connection" => Self::PeerConnection,
            "data-channel" => Self::DataChannel,
            "transport" => Self::Transport,
            "candidate-pair" => Self::CandidatePair,
            "local-candidate" => Self::LocalCandidate,
            "remote-candidate" => Self::RemoteCandidate,
            _ => return None,
        })
    }
}
