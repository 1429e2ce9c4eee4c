//! Other shapes of WebRTC statistics as envelopes for `qoe.webrtc`: bytes in, JSON bytes with their bus key out.
//!
//! R1  Nothing is read but what the caller passes: no IO and no clock. The same messages give the same envelopes.
//! R2  Units are those of the declared [`Dialect`], never guessed from a value. A member comes out under its W3C name and in its W3C unit,
//!     or not at all: what "the last second" counted is nothing that adds up, so it is left out.
//! R3  A shape that tells only what has changed is remembered, within [`Limits`]. When a message is missing or refused, all that is
//!     remembered is forgotten, and an object stays out until it is told whole again: a gap costs reports, it never gives wrong members.
//! R4  Certificates, session descriptions, addresses and free text are not in any envelope.
//! R5  What is left out while the rest is kept is counted by reason ([`Converter::take_counts`]).
//!
//! Outside the hot path: this serves the collector and `replay`, and prefers plain code to speed.

mod dialect;
mod envelope;
mod internals;
mod janus;
mod limits;
mod mediasoup;
mod peermetrics;
mod rtcstats;
mod stat;
mod tally;
mod twilio;

pub use dialect::{Dialect, UnknownDialect};
pub use limits::Limits;
pub use mediasoup::clock_ms as mediasoup_clock_ms;
pub use tally::{Counts, Dropped};

use envelope::Output;

/// Why a message was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More bytes than one message may have.
    #[error("the message has {bytes} bytes, the limit is {limit}: report more often, or fewer objects at a time")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The most it may have.
        limit: usize,
    },
    /// Objects and arrays nested deeper than statistics ever are.
    #[error(
        "the message is nested deeper than {limit}: no statistics are, it was not made by a client of this dialect"
    )]
    TooDeep {
        /// The deepest that is taken.
        limit: usize,
    },
    /// More statistics objects than one peer connection may have.
    #[error("the report has {objects} objects, the limit is {limit}: leave out those that are not needed")]
    TooManyObjects {
        /// How many there are.
        objects: usize,
        /// The most there may be.
        limit: usize,
    },
    /// More members than are remembered of one sender.
    #[error("the statistics of one peer connection have more than {limit} members: no client's are that long")]
    TooManyMembers {
        /// The most there may be.
        limit: usize,
    },
    /// No JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON of another shape.
    #[error(
        "the message is not of the dialect `{dialect}`: expected {expected}; check which dialect the sender speaks"
    )]
    Shape {
        /// The declared dialect.
        dialect: Dialect,
        /// What should have been there.
        expected: &'static str,
    },
}

/// Whose statistics these are. An empty component is taken from the message, where its shape has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The application; may stay empty.
    pub app: String,
    /// The call (room, conference).
    pub call: String,
    /// Who takes part.
    pub participant: String,
    /// The peer connection; only for shapes that name none.
    pub connection: String,
}

/// One record for `qoe.webrtc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The bus key: `app|call|participant`, escaped.
    pub key: Vec<u8>,
    /// The envelope, as JSON.
    pub value: Vec<u8>,
    /// Event time by the sender's clock, in milliseconds since the Unix epoch.
    pub time_ms: i64,
}

/// Converts the messages of one sender: one socket, one file, or any number of messages of a shape without memory.
#[derive(Debug)]
pub struct Converter {
    shape: Shape,
    identity: Identity,
    limits: Limits,
    counts: Counts,
}

/// How messages of the dialect are read.
#[derive(Debug)]
enum Shape {
    /// With what is remembered between messages (R3).
    Rtcstats(rtcstats::Modern),
    /// The same.
    Jitsi(rtcstats::Jitsi),
    /// Each message by itself: the message, when it came, what it may be like, where to leave what is found.
    Adapter(fn(&[u8], f64, &Limits, &mut Output<'_>) -> Result<(), Error>),
}

impl Converter {
    /// With the limits that belong to the dialect.
    pub fn new(dialect: Dialect, identity: Identity) -> Self {
        Self::with_limits(dialect, identity, dialect.limits())
    }

    /// With limits of the caller.
    pub fn with_limits(dialect: Dialect, identity: Identity, limits: Limits) -> Self {
        let shape = match dialect {
            Dialect::Rtcstats => Shape::Rtcstats(rtcstats::Modern::default()),
            Dialect::RtcstatsJitsi => Shape::Jitsi(rtcstats::Jitsi::default()),
            Dialect::WebrtcInternals => Shape::Adapter(internals::convert),
            Dialect::Peermetrics => Shape::Adapter(peermetrics::convert),
            Dialect::Twilio => Shape::Adapter(twilio::convert),
            Dialect::Janus => Shape::Adapter(janus::convert),
            Dialect::Mediasoup => Shape::Adapter(mediasoup::convert),
        };
        Self { shape, identity, limits, counts: Counts::default() }
    }

    /// Reads one message, in the order in which they were sent, and calls `each` with every envelope that it makes. `received_ms` is when
    /// it came, in milliseconds since the Unix epoch; it stands in where a message has no time of its own.
    ///
    /// # Errors
    /// When the message is refused whole. The next one may be pushed: what the refused one may have changed is forgotten (R3).
    pub fn push(&mut self, message: &[u8], received_ms: i64, each: &mut dyn FnMut(Converted)) -> Result<(), Error> {
        let outcome = self.read(message.trim_ascii(), received_ms, each);
        if outcome.is_err() {
            self.gap();
        }
        outcome
    }

    /// Says that messages are missing between the last one and the next (R3).
    pub fn gap(&mut self) {
        let had_any = match &mut self.shape {
            Shape::Rtcstats(modern) => modern.forget(),
            Shape::Jitsi(jitsi) => jitsi.forget(),
            Shape::Adapter(_) => false,
        };
        if had_any {
            self.counts.add(Dropped::Gap);
        }
    }

    /// What was left out since this was asked last.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn read(&mut self, message: &[u8], received_ms: i64, each: &mut dyn FnMut(Converted)) -> Result<(), Error> {
        self.limits.check(message)?;
        let received_ms = received_ms as f64;
        let limits = &self.limits;
        let mut output = Output { identity: &self.identity, counts: &mut self.counts, each };
        match &mut self.shape {
            Shape::Rtcstats(modern) => modern.push(message, received_ms, limits, &mut output),
            Shape::Jitsi(jitsi) => jitsi.push(message, received_ms, limits, &mut output),
            Shape::Adapter(convert) => convert(message, received_ms, limits, &mut output),
        }
    }
}
