//! What is known of a participant, and of a report before it is written.

use super::publishing::Publishing;
use super::subscribing::Subscribing;
use super::world::Site;

/// What a participant reports with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// All of `getStats`, as Chromium gives it.
    Browser,
    /// The same without certificates.
    FilteringBrowser,
    /// A recorder on an SFU's host, which has no certificates either.
    Recorder,
}

impl Client {
    /// The user agent.
    pub(super) const fn user_agent(self) -> &'static str {
        match self {
            Self::Browser => {
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
            }
            Self::FilteringBrowser => {
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"
            }
            Self::Recorder => "GStreamer webrtcbin/1.26",
        }
    }
}

/// Who takes part: fixed from joining to leaving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    /// The participant's id, as a number.
    pub(super) number: u64,
    pub(super) call: u64,
    pub(super) app: &'static str,
    pub(super) site: Site,
    pub(super) client: Client,
    /// How far this client's clock is ahead. That of a recorder counts from its start, so that it is far behind.
    pub(super) clock_us: i64,
    /// Whether there is a `pub-0`: the crowd only looks on.
    pub(super) has_camera: bool,
    pub(super) has_simulcast: bool,
    /// Whether the device is too slow for what it encodes.
    pub(super) is_slow: bool,
    pub(super) interface: Interface,
}

/// How a participant is connected to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    Direct,
    /// Behind an address translation that the STUN server sees through.
    Translated,
    /// Through a TURN server, because nothing else gets out.
    Relayed,
}

/// A peer connection of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Publisher,
    Subscriber,
}

impl Side {
    /// Its name in envelopes.
    pub(super) const fn connection(self) -> &'static str {
        match self {
            Self::Publisher => "pub-0",
            Self::Subscriber => "sub-0",
        }
    }

    /// What the participant is in it.
    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Subscriber => "subscriber",
        }
    }
}

/// What an envelope holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Sent(Box<Publishing>, Header),
    Received(Box<Subscribing>, Header),
    /// A state that has changed to a value, or (without one) that someone came or went.
    Event(Side, &'static str, &'static str),
}

/// What a report says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) sequence: u32,
    /// How often the connection is reported.
    pub(super) interval_ms: u32,
    /// The type whose first object has none.
    pub(super) typeless: Option<&'static str>,
}

/// A record before it is written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) identity: Identity,
    pub(super) content: Content,
    /// When it was made, in true time.
    pub(super) at_us: i64,
    /// When the collector got it.
    pub(super) received_ms: i64,
}
