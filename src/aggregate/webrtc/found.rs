//! What objects of one report say about one another: the codec of a stream, the path in use and its kind, what was sent when the far end
//! reported.

use crate::model::webrtc::{Member, Object, ObjectType, Text};

macro_rules! codes {
    ($(#[$help:meta])* $name:ident { $($(#[$of:meta])* $one:ident = $text:literal,)* }) => {
        $(#[$help])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$of])* $one,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$one,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$one => $text,)* }
            }

            pub(super) fn numbered(number: i64) -> Option<Self> {
                usize::try_from(number).ok().and_then(|number| Self::ALL.get(number)).copied()
            }
        }
    };
}

codes! {
    /// A codec, as far as scores and quantisers depend on it.
    Codec {
        /// The report does not say.
        Unknown = "unknown",
        /// Opus with error correction in band.
        Opus = "opus",
        /// Opus that was negotiated without it.
        OpusWithoutFec = "opus_without_fec",
        /// Opus with whole packets repeated (RED).
        Red = "red",
        /// G.711.
        G711 = "g711",
        /// G.722.
        G722 = "g722",
        /// G.729.
        G729 = "g729",
        /// VP8.
        Vp8 = "vp8",
        /// VP9.
        Vp9 = "vp9",
        /// H.264.
        H264 = "h264",
        /// AV1.
        Av1 = "av1",
        /// Any other.
        Other = "other",
    }
}

codes! {
    /// How a client is connected: the kind of its candidate on the path in use.
    Path {
        /// No path is known to be in use.
        Unknown = "unknown",
        /// Its own address.
        Host = "host",
        /// An address that a server or the far end saw (`srflx`, `prflx`).
        Reflexive = "reflexive",
        /// Its own or a reflexive address, over TCP.
        Tcp = "tcp",
        /// A relay, reached over UDP.
        RelayUdp = "relay_udp",
        /// A relay, reached over TCP.
        RelayTcp = "relay_tcp",
        /// A relay, reached over TLS.
        RelayTls = "relay_tls",
    }
}

impl Codec {
    fn of(object: &Object<'_>) -> Self {
        let mime = object.text(Text::MimeType).unwrap_or_default();
        let name = mime.rsplit('/').next().unwrap_or_default();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let parameters = object.text(Text::SdpFmtpLine);
        match name {
            _ if is("opus") && parameters.is_some_and(|line| !line.contains("useinbandfec=1")) => Self::OpusWithoutFec,
            _ if is("opus") => Self::Opus,
            _ if is("red") => Self::Red,
            _ if is("PCMU") || is("PCMA") => Self::G711,
            _ if is("G722") => Self::G722,
            _ if is("G729") => Self::G729,
            _ if is("VP8") => Self::Vp8,
            _ if is("VP9") => Self::Vp9,
            _ if is("H264") => Self::H264,
            _ if is("AV1") => Self::Av1,
            "" => Self::Unknown,
            _ => Self::Other,
        }
    }
}

impl Path {
    fn of(local: Option<&Object<'_>>) -> Self {
        let Some(local) = local else { return Self::Unknown };
        let is_tcp = local.text(Text::Protocol) == Some("tcp");
        match (local.text(Text::CandidateType), local.text(Text::RelayProtocol)) {
            (Some("relay"), Some("tcp")) => Self::RelayTcp,
            (Some("relay"), Some("tls")) => Self::RelayTls,
            (Some("relay"), _) => Self::RelayUdp,
            (Some("host" | "srflx" | "prflx"), _) if is_tcp => Self::Tcp,
            (Some("host"), _) => Self::Host,
            (Some("srflx" | "prflx"), _) => Self::Reflexive,
            _ => Self::Unknown,
        }
    }
}

/// What is found out once for a report.
pub(super) struct Found<'r, 'a> {
    objects: &'r [Object<'a>],
    codecs: Vec<(&'r str, Codec)>,
    /// The pairs in use, by id.
    active: Vec<&'r str>,
}

impl<'r, 'a> Found<'r, 'a> {
    pub(super) fn new(objects: &'r [Object<'a>]) -> Self {
        let codecs = of_type(objects, ObjectType::Codec).map(|codec| (&*codec.id, Codec::of(codec))).collect();
        Self { objects, codecs, active: active_pairs(objects) }
    }

    /// Whether a pair is in use.
    pub(super) fn has_path(&self) -> bool {
        !self.active.is_empty()
    }

    /// The codec of a stream.
    pub(super) fn codec(&self, stream: &Object<'_>) -> Codec {
        let Some(id) = stream.text(Text::CodecId) else { return Codec::Unknown };
        let found = self.codecs.iter().find(|(known, _)| *known == id);
        found.map_or(Codec::Unknown, |(_, codec)| *codec)
    }

    /// The path of a pair that is in use.
    pub(super) fn path(&self, pair: &Object<'_>) -> Option<Path> {
        if !self.active.contains(&&*pair.id) {
            return None;
        }
        let id = pair.text(Text::LocalCandidateId);
        Some(Path::of(of_type(self.objects, ObjectType::LocalCandidate).find(|local| Some(&*local.id) == id)))
    }

    /// How many packets had been sent of the stream that the far end speaks of.
    pub(super) fn packets_sent(&self, remote: &Object<'_>) -> Option<i64> {
        let (id, ssrc) = (remote.text(Text::LocalId), remote.number(Member::Ssrc));
        let mut sent = of_type(self.objects, ObjectType::OutboundRtp);
        let is_meant = |stream: &&Object<'_>| match id {
            Some(id) => *stream.id == *id,
            None => ssrc.is_some() && stream.number(Member::Ssrc) == ssrc,
        };
        sent.find(is_meant)?.number(Member::PacketsSent)
    }
}

fn of_type<'r, 'a>(objects: &'r [Object<'a>], wanted: ObjectType) -> impl Iterator<Item = &'r Object<'a>> {
    objects.iter().filter(move |object| object.object_type == wanted)
}

/// The pairs in use: those that the transports name; else those that Firefox marks; else, of those nominated and succeeded, the one with the
/// latest packet (several can be both at once).
fn active_pairs<'r>(objects: &'r [Object<'_>]) -> Vec<&'r str> {
    let named = of_type(objects, ObjectType::Transport).filter_map(|one| one.text(Text::SelectedCandidatePairId));
    let named: Vec<&str> = named.filter(|id| !id.is_empty()).collect();
    if !named.is_empty() {
        return named;
    }
    let pairs = || of_type(objects, ObjectType::CandidatePair);
    let flag = |pair: &Object<'_>, member| pair.number(member) == Some(1);
    let marked: Vec<&str> = pairs().filter(|pair| flag(pair, Member::Selected)).map(|pair| &*pair.id).collect();
    if !marked.is_empty() {
        return marked;
    }
    let latest = |pair: &Object<'_>| {
        let times = [Member::LastPacketReceivedTimestamp, Member::LastPacketSentTimestamp];
        times.iter().filter_map(|member| pair.number(*member)).max()
    };
    let works = pairs().filter(|pair| flag(pair, Member::Nominated) && pair.text(Text::State) == Some("succeeded"));
    let chosen = works.max_by(|left, right| latest(left).cmp(&latest(right)).then_with(|| right.id.cmp(&left.id)));
    chosen.map(|pair| &*pair.id).into_iter().collect()
}
