//! CMCD as the simulated players write it, with the habits of each kind (collected from the players' sources and issue trackers).
//!
//! Keys come in alphabetical order. What the specification wants rounded is rounded, except where a player does not.

use smallvec::SmallVec;

use super::facts::{Draft, Object, Player, Report, Request, State, Trigger};
use super::world::{AUDIO_KBPS, Programme, programme_at};
use super::write;

/// The header that a key rides in, in the order in which the headers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Object,
    Request,
    Status,
    Session,
}

impl Header {
    pub(super) const ALL: [Self; 4] = [Self::Object, Self::Request, Self::Status, Self::Session];

    /// The header's name as players send it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Object => "CMCD-Object",
            Self::Request => "CMCD-Request",
            Self::Status => "CMCD-Status",
            Self::Session => "CMCD-Session",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    True,
    Integer(u64),
    Signed(i64),
    /// A decimal, in thousandths.
    Thousandths(u64),
    /// A decimal, in hundredths, always with both digits.
    Hundredths(u64),
    Token(&'static str),
    /// A string, escaped.
    Text(&'a str),
    /// A string whose quotes are not escaped.
    TextAsIs(&'a str),
    /// An inner list with one labelled member.
    List(u64, &'static str),
    /// An inner list for video and audio.
    Pair(u64, u64),
    /// An inner list with one string.
    Texts(&'a str),
}

#[derive(Clone, Copy, Debug)]
struct Member<'a> {
    key: &'static str,
    header: Header,
    value: Value<'a>,
}

/// The strings that the members of one record borrow.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The session id, in the form of a UUID.
    pub(super) session: String,
    /// The next object, relative to this one.
    pub(super) next: String,
    /// The object's URL.
    pub(super) url: String,
}

/// The members of one record, in alphabetical order.
pub(super) struct Members<'a> {
    list: SmallVec<[Member<'a>; 28]>,
}

impl<'a> Members<'a> {
    /// All of them as one dictionary.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_dictionary(out, self.list.iter());
    }

    /// Those of one header; false = there is none, and nothing was written.
    pub(super) fn write_header(&self, header: Header, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        write_dictionary(out, self.list.iter().filter(|member| member.header == header));
        out.len() > before
    }

    fn push(&mut self, key: &'static str, header: Header, value: Value<'a>) {
        self.list.push(Member { key, header, value });
    }

    fn push_if(&mut self, condition: bool, key: &'static str, header: Header, value: Value<'a>) {
        if condition {
            self.push(key, header, value);
        }
    }
}

/// The CMCD of a request.
pub(super) fn of_request<'a>(draft: &Draft, texts: &'a Texts) -> Members<'a> {
    let mut members = Members { list: SmallVec::new() };
    let speaker = Speaker::of(draft);
    let (request, condition) = (&draft.request, &draft.request.condition);
    let (player, is_version2) = (draft.identity.player, draft.identity.is_version2);
    let (is_media, programme) = (request.object.is_media(), speaker.programme);
    let knows_rate = is_media && condition.throughput_kbps > 0;
    let kbps = speaker.kbps(request);
    let top_kbps = speaker.top_kbps(request.object);
    let (has_d, has_next) = (player != Player::Bitmovin, player != Player::Bitmovin && player != Player::Apple);
    let tells_durations = is_version2 && player != Player::HlsJs;

    members.push_if(
        is_media && is_version2 && player == Player::DashJs,
        "ab",
        Header::Object,
        speaker.list(kbps, request),
    );
    members.push_if(is_media, "bl", Header::Request, speaker.buffer(request));
    members.push_if(is_media, "br", Header::Object, speaker.list(kbps, request));
    members.push_if(condition.is_starved && player != Player::Bitmovin, "bs", Header::Status, Value::True);
    if tells_durations && is_media {
        members.push("bsa", Header::Status, speaker.list(u64::from(condition.starvations), request));
        if let Some(starved_ms) = condition.starvation_ms {
            members.push("bsd", Header::Status, speaker.list(u64::from(starved_ms), request));
        }
        members.push("bsda", Header::Status, speaker.list(u64::from(condition.starvations_ms), request));
    }
    members.push_if(player != Player::Apple, "cid", Header::Session, speaker.content());
    members.push_if(is_media && has_d, "d", Header::Object, Value::Integer(u64::from(programme.segment_ms)));
    let counts_frames = is_version2 && player != Player::DashJs && request.object == Object::Video;
    members.push_if(counts_frames, "dfa", Header::Request, Value::Integer(u64::from(condition.dropped_frames)));
    members.push_if(is_media && has_d, "dl", Header::Request, speaker.deadline(request));
    if let (true, Some(latency_ms)) = (is_version2 && is_media, condition.latency_ms) {
        let thousandths = u64::from(latency_ms) * 1000 + u64::from(request.number % 1000);
        members.push("ltc", Header::Request, Value::Thousandths(thousandths));
    }
    if let (true, Some(delay_ms)) = (tells_durations && is_media, condition.start_delay_ms) {
        members.push("msd", Header::Session, speaker.start_delay(delay_ms));
    }
    members.push_if(knows_rate, "mtp", Header::Request, speaker.throughput(request));
    let next = if is_version2 { Value::Texts(&texts.next) } else { Value::Text(&texts.next) };
    members.push_if(is_media && has_next, "nor", Header::Request, next);
    members.push_if(player != Player::Apple || is_media, "ot", Header::Object, Value::Token(request.object.token()));
    if draft.identity.playback_rate != 1000 {
        let (header, value) = speaker.playback_rate();
        members.push("pr", header, value);
    }
    let asks_rate = player == Player::DashJs && request.object == Object::Video;
    members.push_if(asks_rate, "rtp", Header::Status, Value::Integer(round_100(kbps * 4)));
    members.push("sf", Header::Session, speaker.format());
    members.push("sid", Header::Session, Value::Text(&texts.session));
    members.push_if(is_version2, "sn", Header::Request, Value::Integer(u64::from(request.number)));
    members.push("st", Header::Session, speaker.stream_type());
    members.push_if(is_version2, "sta", Header::Request, speaker.state(condition.state));
    members.push_if(condition.is_urgent, "su", Header::Request, Value::True);
    members.push_if(is_media, "tb", Header::Object, speaker.list(top_kbps, request));
    members.push_if(is_version2, "v", Header::Session, Value::Integer(2));
    members
}

/// One event-mode record (version 2).
pub(super) fn of_report<'a>(draft: &Draft, report: &Report, texts: &'a Texts) -> Members<'a> {
    let mut members = Members { list: SmallVec::new() };
    let speaker = Speaker::of(draft);
    let (request, condition) = (&draft.request, &draft.request.condition);
    let is_response = report.trigger == Trigger::Response;
    let has_buffer = report.state != State::Starting;
    let told_ms = report.at_ms.saturating_add(draft.identity.clock_skew_ms);

    // The headers mean nothing in a body.
    let header = Header::Session;
    members.push_if(has_buffer, "bl", header, speaker.buffer(request));
    members.push("br", header, speaker.selected(request));
    members.push("bsa", header, speaker.list(u64::from(condition.starvations), request));
    members.push("bsda", header, speaker.list(u64::from(condition.starvations_ms), request));
    members.push("cid", header, speaker.content());
    members.push_if(is_response, "d", header, Value::Integer(u64::from(speaker.programme.segment_ms)));
    let counts_frames = draft.identity.player != Player::DashJs;
    members.push_if(counts_frames, "dfa", header, Value::Integer(u64::from(condition.dropped_frames)));
    members.push("e", header, Value::Token(trigger_token(report.trigger)));
    if report.trigger == Trigger::Error && draft.identity.player != Player::Shaka {
        // dash.js sends a bare integer where a list of strings belongs.
        let is_dash = draft.identity.player == Player::DashJs;
        members.push("ec", header, if is_dash { Value::Integer(27) } else { Value::Texts("fragLoadError") });
    }
    if let (true, Some(delay_ms)) = (is_response, condition.start_delay_ms) {
        members.push("msd", header, speaker.start_delay(delay_ms));
    }
    members.push_if(condition.throughput_kbps > 0, "mtp", header, speaker.throughput(request));
    members.push_if(is_response, "ot", header, Value::Token(request.object.token()));
    members.push_if(is_response, "rc", header, Value::Integer(u64::from(request.status)));
    members.push("sf", header, speaker.format());
    members.push("sid", header, Value::Text(&texts.session));
    members.push("sn", header, Value::Integer(u64::from(report.number)));
    members.push("st", header, speaker.stream_type());
    members.push("sta", header, speaker.state(report.state));
    members.push("ts", header, Value::Signed(told_ms));
    if is_response {
        let has_answer = request.status != 0;
        members.push_if(has_answer, "ttfb", header, Value::Integer(u64::from(request.ttfb_ms)));
        members.push_if(has_answer, "ttlb", header, Value::Integer(u64::from(request.taken_ms)));
        members.push("url", header, Value::Text(&texts.url));
    }
    members.push("v", header, Value::Integer(2));
    members
}

const fn trigger_token(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::PlayState => "ps",
        Trigger::Interval => "t",
        Trigger::Response => "rr",
        Trigger::BitrateChange => "bc",
        Trigger::ContentId => "c",
        Trigger::Error => "e",
    }
}

/// How this session's player puts things.
struct Speaker {
    player: Player,
    is_version2: bool,
    playback_rate: u32,
    programme: &'static Programme,
}

impl Speaker {
    fn of(draft: &Draft) -> Self {
        Self {
            player: draft.identity.player,
            is_version2: draft.identity.is_version2,
            playback_rate: draft.identity.playback_rate,
            programme: programme_at(draft.identity.programme),
        }
    }

    fn kbps(&self, request: &Request) -> u64 {
        match request.object {
            Object::Audio => u64::from(AUDIO_KBPS),
            _ => u64::from(self.programme.ladder.get(usize::from(request.condition.rung)).copied().unwrap_or(0)),
        }
    }

    /// dash.js floors the bitrate and not the top, or the other way round: its top is never reached.
    fn top_kbps(&self, object: Object) -> u64 {
        let top = match object {
            Object::Audio => AUDIO_KBPS,
            _ => self.programme.ladder.last().copied().unwrap_or(0),
        };
        u64::from(top) + u64::from(self.player == Player::DashJs)
    }

    /// A list key: a scalar in version 1, and from Shaka also in version 2.
    fn list(&self, value: u64, request: &Request) -> Value<'static> {
        let is_scalar = !self.is_version2 || self.player == Player::Shaka;
        if is_scalar { Value::Integer(value) } else { Value::List(value, request.object.token()) }
    }

    /// The selected bitrates in event mode.
    fn selected(&self, request: &Request) -> Value<'static> {
        let kbps = self.programme.ladder.get(usize::from(request.condition.rung)).copied().unwrap_or(0);
        match (self.player, self.programme.is_muxed) {
            (Player::Shaka, _) => Value::Integer(u64::from(kbps)),
            (_, true) => Value::List(u64::from(kbps), "av"),
            (_, false) => Value::Pair(u64::from(kbps), u64::from(AUDIO_KBPS)),
        }
    }

    fn rounded(&self, value: u64) -> u64 {
        if self.player == Player::DashJs { value / 100 * 100 } else { round_100(value) }
    }

    fn buffer(&self, request: &Request) -> Value<'static> {
        let buffer_ms = u64::from(request.condition.buffer_ms);
        if self.player == Player::Bitmovin {
            return Value::Hundredths(buffer_ms * 100 + u64::from(request.number) * 7 % 100);
        }
        self.list(self.rounded(buffer_ms), request)
    }

    fn deadline(&self, request: &Request) -> Value<'static> {
        let wall_ms = u64::from(request.condition.buffer_ms) * 1000 / u64::from(self.playback_rate.max(1));
        Value::Integer(self.rounded(wall_ms))
    }

    /// dash.js measures from the wrong start.
    fn start_delay(&self, delay_ms: u32) -> Value<'static> {
        Value::Integer(u64::from(if self.player == Player::DashJs { delay_ms % 40 } else { delay_ms }))
    }

    fn throughput(&self, request: &Request) -> Value<'static> {
        let kbps = u64::from(request.condition.throughput_kbps);
        if self.player == Player::Bitmovin {
            return Value::Hundredths(kbps * 100 + u64::from(request.number) * 13 % 100);
        }
        self.list(self.rounded(kbps).max(100), request)
    }

    /// The Common Media Library puts the rate into CMCD-Status in version 1 too; Media3 gives two decimals.
    fn playback_rate(&self) -> (Header, Value<'static>) {
        if self.player == Player::Media3 {
            return (Header::Session, Value::Hundredths(u64::from(self.playback_rate / 10)));
        }
        (Header::Status, Value::Thousandths(u64::from(self.playback_rate)))
    }

    /// Media3 does not escape what it quotes.
    fn content(&self) -> Value<'static> {
        let name = self.programme.name;
        if self.player == Player::Media3 { Value::TextAsIs(name) } else { Value::Text(name) }
    }

    fn format(&self) -> Value<'static> {
        Value::Token(match self.player {
            Player::HlsJs | Player::Apple | Player::Bitmovin => "h",
            Player::DashJs | Player::Shaka | Player::Media3 => "d",
        })
    }

    fn stream_type(&self) -> Value<'static> {
        let is_low_latency = self.is_version2 && self.player != Player::DashJs && self.programme.segment_ms == 2000;
        Value::Token(match (self.programme.is_live, is_low_latency) {
            (false, _) => "v",
            (true, false) => "l",
            (true, true) => "ll",
        })
    }

    /// Shaka has no starting state: it calls that rebuffering. dash.js waits instead.
    fn state(&self, state: State) -> Value<'static> {
        Value::Token(match (self.player, state) {
            (Player::Shaka, State::Starting) => "r",
            (Player::DashJs, State::Starting) => "w",
            (_, state) => state.token(),
        })
    }
}

const fn round_100(value: u64) -> u64 {
    (value + 50) / 100 * 100
}

fn write_dictionary<'m, 'a: 'm>(out: &mut Vec<u8>, members: impl Iterator<Item = &'m Member<'a>>) {
    let start = out.len();
    for member in members {
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(member.key.as_bytes());
        if !matches!(member.value, Value::True) {
            out.push(b'=');
            write_value(out, &member.value);
        }
    }
}

fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match *value {
        Value::True => {}
        Value::Integer(value) => write::integer(out, value),
        Value::Signed(value) => write::signed(out, value),
        Value::Thousandths(value) => write::decimal(out, value, 3, true),
        Value::Hundredths(value) => write::decimal(out, value, 2, false),
        Value::Token(token) => out.extend_from_slice(token.as_bytes()),
        Value::Text(text) => write_text(out, text, true),
        Value::TextAsIs(text) => write_text(out, text, false),
        Value::List(value, label) => {
            out.push(b'(');
            write_labelled(out, value, label);
            out.push(b')');
        }
        Value::Pair(video, audio) => {
            out.push(b'(');
            write_labelled(out, video, "v");
            out.push(b' ');
            write_labelled(out, audio, "a");
            out.push(b')');
        }
        Value::Texts(text) => {
            out.push(b'(');
            write_text(out, text, true);
            out.push(b')');
        }
    }
}

fn write_labelled(out: &mut Vec<u8>, value: u64, label: &str) {
    write::integer(out, value);
    out.push(b';');
    out.extend_from_slice(label.as_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str, escapes: bool) {
    out.push(b'"');
    for byte in text.bytes() {
        if escapes && (byte == b'"' || byte == b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}
