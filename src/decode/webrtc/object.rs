//! One statistics object: its wanted members, gathered in any order and given out in theirs.

use crate::decode::common::{Cursor, Raw, Token, unescaped};
use crate::model::Reason;
use crate::model::webrtc::{Member, Object, ObjectType, Text, Warning};

use super::infer;
use super::moment::Moment;
use super::names::{InMillis, Name, Names};
use super::tally::Tally;
use super::text::kept;
use super::value::{Wrong, counted, current_word, moment, odd_number, plain_moment};

/// What an object is, as far as it says so itself or its place does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// One of the specification's types.
    Of(ObjectType),
    /// A candidate whose side is not told.
    Candidate,
    /// A `track` of an earlier draft, which has what is part of `inbound-rtp` now.
    Track,
    /// A stream of the old interface with callbacks: the direction is at the end of its id.
    LegacyStream,
    /// Known, and without anything that is wanted: certificates above all.
    Unwanted,
}

impl Sort {
    /// By the name of a type; `None` = not known.
    fn named(name: &str) -> Option<Self> {
        if let Some(object_type) = ObjectType::named(name) {
            return Some(Self::Of(object_type));
        }
        Some(match name {
            "certificate" | "stream" | "sender" | "receiver" | "transceiver" | "csrc" | "sctp-transport"
            | "ice-server" => Self::Unwanted,
            "track" => Self::Track,
            "datachannel" => Self::Of(ObjectType::DataChannel),
            "ssrc" => Self::LegacyStream,
            "googCandidatePair" => Self::Of(ObjectType::CandidatePair),
            "localcandidate" => Self::Of(ObjectType::LocalCandidate),
            "remotecandidate" => Self::Of(ObjectType::RemoteCandidate),
            "VideoBwe" | "googCertificate" | "googComponent" | "googLibjingleSession" | "googTrack" => Self::Unwanted,
            _ => return None,
        })
    }
}

/// What came of an object.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// It is in the object that was given; with it come its sort and the id of its track, if it names one.
    Object(Sort, Option<Raw<'a>>),
    /// It is of a known type that is not wanted.
    Unwanted,
    /// It is of no known type, or has no id.
    Unknown,
}

/// The members of the object that is being read. Kept from object to object, since it is a kilobyte.
#[derive(Debug)]
pub(super) struct Scratch<'a> {
    numbers: [i64; Member::ALL.len()],
    /// A bit for each number that is there.
    has_numbers: u128,
    texts: [Raw<'a>; Text::ALL.len()],
    /// A bit for each text that is there.
    has_texts: u32,
    id: Option<Raw<'a>>,
    media_type: Option<Raw<'a>>,
    track_id: Option<Raw<'a>>,
    is_remote: bool,
    time: Option<Moment>,
    /// What the report declares of its clock.
    pub(super) monotonic: bool,
    /// Members of the report that were left out because their value is wrong.
    pub(super) rejected: u32,
    /// Whether the times of some object so far count from the epoch; from something else.
    pub(super) clocks: (bool, bool),
    names: &'static Names,
}

const _: () = assert!(Member::ALL.len() <= 128 && Text::ALL.len() <= 32, "a bit each");

impl<'a> Scratch<'a> {
    /// With nothing in it.
    pub(super) fn new(monotonic: bool) -> Self {
        Self {
            numbers: [0; Member::ALL.len()],
            has_numbers: 0,
            texts: [Raw::default(); Text::ALL.len()],
            has_texts: 0,
            id: None,
            media_type: None,
            track_id: None,
            is_remote: false,
            time: None,
            monotonic,
            rejected: 0,
            clocks: (false, false),
            names: Names::shared(),
        }
    }

    /// Reads the object that was just entered. `id` is the name under which it stands in a map, and `assumed` what it is by its place.
    pub(super) fn read(
        &mut self,
        cursor: &mut Cursor<'a>,
        id: Option<Raw<'a>>,
        assumed: Option<Sort>,
        object: &mut Object<'a>,
        tally: &mut Tally,
    ) -> Result<Read<'a>, Reason> {
        self.clear(id);
        let mut sort = assumed;
        let mut first = true;
        while let Some(name) = cursor.name(first)? {
            first = false;
            let meaning = if name.escaped { self.names.get(&unescaped(name)) } else { self.names.get(name.text) };
            let Some(meaning) = meaning else {
                cursor.skip()?;
                continue;
            };
            if meaning != Name::Type || assumed.is_some() {
                self.member(meaning, cursor, tally)?;
                continue;
            }
            let Some(type_name) = cursor.plain_text()? else {
                self.rejected += 1;
                cursor.skip()?;
                continue;
            };
            match Sort::named(&unescaped(type_name)) {
                Some(Sort::Unwanted) => return cursor.skip_rest().map(|()| Read::Unwanted),
                Some(known) => sort = Some(known),
                None => return cursor.skip_rest().map(|()| Read::Unknown),
            }
        }
        let Some(sort) = sort.or_else(|| self.infer(tally)) else { return Ok(Read::Unknown) };
        let Some(id) = self.id else { return Ok(Read::Unknown) };
        self.give(sort, id, object, tally);
        Ok(Read::Object(sort, self.track_id))
    }

    fn clear(&mut self, id: Option<Raw<'a>>) {
        (self.has_numbers, self.has_texts) = (0, 0);
        (self.id, self.media_type, self.track_id, self.time) = (id, None, None, None);
        self.is_remote = false;
    }

    #[inline(always)]
    fn member(&mut self, name: Name, cursor: &mut Cursor<'a>, tally: &mut Tally) -> Result<(), Reason> {
        match name {
            Name::Number(member) => match cursor.plain_number()? {
                Some(parts) => self.set_number(member, counted(member, parts, false, tally)),
                None => {
                    let token = cursor.token()?;
                    self.number(member, token, false, tally);
                }
            },
            Name::Text(text) => match cursor.plain_text()? {
                Some(raw) => self.set_text(text, raw),
                None => {
                    let token = cursor.token()?;
                    self.text(text, token, tally);
                }
            },
            Name::Timestamp => {
                self.time = match cursor.plain_number()? {
                    Some(parts) => plain_moment(parts, self.monotonic, &mut self.rejected),
                    None => moment(cursor.token()?, self.monotonic, &mut self.rejected, tally),
                }
            }
            Name::Id => self.id = self.name(cursor, tally)?.or(self.id),
            Name::MediaType => self.media_type = self.name(cursor, tally)?,
            Name::TrackId => self.track_id = self.name(cursor, tally)?,
            Name::Durations => self.durations(cursor, tally)?,
            rare => {
                let token = cursor.token()?;
                self.rare(rare, token, tally);
            }
        }
        Ok(())
    }

    fn rare(&mut self, name: Name, token: Token<'a>, tally: &mut Tally) {
        match name {
            Name::IsRemote => self.is_remote = token == Token::Flag(true),
            Name::LegacyNumber(member, in_millis) => self.legacy_number(member, token, in_millis, tally),
            Name::LegacyText(text) => {
                tally.warn(Warning::LegacyName);
                self.text(text, token, tally);
            }
            _ => {}
        }
    }

    /// A text that is not empty, by which something is named.
    #[inline(always)]
    fn name(&mut self, cursor: &mut Cursor<'a>, tally: &mut Tally) -> Result<Option<Raw<'a>>, Reason> {
        match cursor.plain_text()? {
            Some(raw) => Ok(if raw.text.is_empty() { None } else { Some(raw) }),
            None => cursor.token().map(|token| self.raw(token, tally)),
        }
    }

    fn number(&mut self, member: Member, token: Token<'a>, in_millis: InMillis, tally: &mut Tally) {
        let value = match token {
            Token::Number(parts, _) => counted(member, parts, in_millis, tally),
            other => odd_number(member, other, in_millis, tally),
        };
        self.set_number(member, value);
    }

    /// Of a member that comes twice, the last counts, even where that is wrong.
    #[inline(always)]
    fn set_number(&mut self, member: Member, value: Result<Option<i64>, Wrong>) {
        let bit = 1_u128 << member as u32;
        match value {
            Ok(Some(value)) => {
                if let Some(place) = self.numbers.get_mut(member as usize) {
                    *place = value;
                    self.has_numbers |= bit;
                }
            }
            Ok(None) => self.has_numbers &= !bit,
            Err(Wrong) => {
                self.has_numbers &= !bit;
                self.rejected += 1;
            }
        }
    }

    /// A number under an old name, unless it is there under its own.
    fn legacy_number(&mut self, member: Member, token: Token<'a>, in_millis: InMillis, tally: &mut Tally) {
        if self.has_number(member) {
            return;
        }
        tally.warn(Warning::LegacyName);
        self.number(member, token, in_millis, tally);
    }

    fn text(&mut self, text: Text, token: Token<'a>, tally: &mut Tally) {
        let raw = self.raw(token, tally).unwrap_or_default();
        self.set_text(text, raw);
    }

    /// An empty text is none.
    #[inline(always)]
    fn set_text(&mut self, text: Text, raw: Raw<'a>) {
        let bit = 1_u32 << text as u32;
        self.has_texts &= !bit;
        if !raw.text.is_empty()
            && let Some(place) = self.texts.get_mut(text as usize)
        {
            *place = raw;
            self.has_texts |= bit;
        }
    }

    /// A whole number that is not negative and that no unit has.
    pub(super) fn whole(&mut self, token: Token<'a>, tally: &mut Tally) -> Option<i64> {
        // Any counter will do: what it may be is the same.
        let value = match token {
            Token::Number(parts, _) => counted(Member::PacketsSent, parts, false, tally),
            other => odd_number(Member::PacketsSent, other, false, tally),
        };
        value.unwrap_or_else(|Wrong| {
            self.rejected += 1;
            None
        })
    }

    /// A text that is not empty; a number stands for its digits.
    pub(super) fn raw(&mut self, token: Token<'a>, tally: &mut Tally) -> Option<Raw<'a>> {
        match token {
            Token::Text(Raw { text: "", .. }) => None,
            Token::Text(raw) => Some(raw),
            Token::Number(_, digits) => Some(Raw { text: digits, escaped: false }),
            Token::Flag(_) | Token::Null | Token::NotANumber | Token::Nested => {
                if token == Token::NotANumber {
                    tally.warn(Warning::BareNan);
                }
                self.rejected += 1;
                None
            }
        }
    }

    /// `qualityLimitationDurations`: a record of seconds by reason.
    fn durations(&mut self, cursor: &mut Cursor<'a>, tally: &mut Tally) -> Result<(), Reason> {
        if !cursor.open_object()? {
            self.rejected += 1;
            return cursor.skip();
        }
        let mut first = true;
        while let Some(name) = cursor.name(first)? {
            first = false;
            let member = match &*unescaped(name) {
                "none" => Member::QualityLimitationNone,
                "cpu" => Member::QualityLimitationCpu,
                "bandwidth" => Member::QualityLimitationBandwidth,
                "other" => Member::QualityLimitationOther,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            let token = cursor.token()?;
            self.number(member, token, false, tally);
        }
        Ok(())
    }

    /// Whether a number is there.
    pub(super) fn has_number(&self, member: Member) -> bool {
        self.has_numbers & (1 << member as u32) != 0
    }

    /// Whether a text is there.
    pub(super) fn has_text(&self, text: Text) -> bool {
        self.has_texts & (1 << text as u32) != 0
    }

    #[cold]
    fn infer(&self, tally: &mut Tally) -> Option<Sort> {
        let sort = infer::sort(self, self.is_remote)?;
        tally.warn(Warning::TypeInferred);
        Some(sort)
    }

    /// Writes what was gathered into `object`, which is empty.
    fn give(&mut self, sort: Sort, id: Raw<'a>, object: &mut Object<'a>, tally: &mut Tally) {
        if !self.has_text(Text::Kind) {
            self.take_media_type(sort, tally);
        }
        object.object_type = match sort {
            Sort::Of(object_type) => object_type,
            Sort::Candidate => ObjectType::LocalCandidate,
            Sort::LegacyStream => infer::direction(id.text),
            Sort::Track | Sort::Unwanted => ObjectType::InboundRtp,
        };
        object.id = kept(id, tally);
        object.time_us = self.time.map(|moment| match moment {
            Moment::Epoch(micros) => {
                self.clocks.0 = true;
                micros
            }
            Moment::Own(micros) => {
                self.clocks.1 = true;
                micros
            }
        });
        object.numbers.reserve(self.has_numbers.count_ones() as usize);
        for index in bits(self.has_numbers as u64, 0).chain(bits((self.has_numbers >> 64) as u64, 64)) {
            if let (Some(member), Some(value)) = (Member::ALL.get(index), self.numbers.get(index)) {
                object.numbers.push((*member, *value));
            }
        }
        object.texts.reserve(self.has_texts.count_ones() as usize);
        for index in bits(u64::from(self.has_texts), 0) {
            if let (Some(text), Some(raw)) = (Text::ALL.get(index), self.texts.get(index)) {
                object.texts.push((*text, current_word(*text, kept(*raw, tally), tally)));
            }
        }
    }

    /// `mediaType` was the name of `kind`.
    fn take_media_type(&mut self, sort: Sort, tally: &mut Tally) {
        let Some(media_type) = self.media_type else { return };
        tally.warn(Warning::LegacyName);
        if sort != Sort::Unwanted
            && let Some(place) = self.texts.get_mut(Text::Kind as usize)
        {
            *place = media_type;
            self.has_texts |= 1 << Text::Kind as u32;
        }
    }
}

/// The places of the bits of a word, ascending, counted from `base`.
fn bits(mut word: u64, base: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let at = word.trailing_zeros() as usize;
        word &= word - 1;
        Some(base + at)
    })
}
