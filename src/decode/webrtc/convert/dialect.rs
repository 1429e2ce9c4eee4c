//! The shapes that are understood, by name.

use std::fmt;
use std::str::FromStr;

use super::Limits;

/// A shape in which WebRTC statistics are shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `rtcstats`: the messages of rtcstats-js (subprotocol `rtcstats#4` and `#5`), also line by line from a dump file.
    Rtcstats,
    /// `rtcstats-jitsi`: the messages of Jitsi's rtcstats (subprotocol `3.x_STANDARD`), also line by line from a dump file.
    RtcstatsJitsi,
    /// `webrtc-internals`: what Chromium's page `chrome://webrtc-internals` saves.
    WebrtcInternals,
    /// `peermetrics`: the body of a statistics POST.
    Peermetrics,
    /// `twilio`: an `RTCSample` of Twilio's voice SDK, or an array of them.
    Twilio,
    /// `janus`: an event handler's event, or an array of them.
    Janus,
    /// `mediasoup`: the array that `getStats()` of a transport, producer or consumer returns.
    Mediasoup,
}

/// The name of no dialect.
#[derive(Debug, thiserror::Error)]
#[error("there is no dialect `{name}`: it must be one of {}", Dialect::ALL.map(Dialect::as_str).join(", "))]
pub struct UnknownDialect {
    name: String,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Rtcstats,
        Self::RtcstatsJitsi,
        Self::WebrtcInternals,
        Self::Peermetrics,
        Self::Twilio,
        Self::Janus,
        Self::Mediasoup,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtcstats => "rtcstats",
            Self::RtcstatsJitsi => "rtcstats-jitsi",
            Self::WebrtcInternals => "webrtc-internals",
            Self::Peermetrics => "peermetrics",
            Self::Twilio => "twilio",
            Self::Janus => "janus",
            Self::Mediasoup => "mediasoup",
        }
    }

    /// What a message of it may be like, unless the caller says otherwise. A dump of webrtc-internals is a whole call, a thousand samples
    /// of each member.
    pub fn limits(self) -> Limits {
        match self {
            Self::WebrtcInternals => Limits { bytes: 64 * 1024 * 1024, ..Limits::default() },
            _ => Limits::default(),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        let found = Self::ALL.into_iter().find(|dialect| dialect.as_str() == name);
        found.ok_or_else(|| UnknownDialect { name: name.to_owned() })
    }
}
