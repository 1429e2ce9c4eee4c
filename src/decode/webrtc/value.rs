//! What a value may be where it stands: numbers that a member can have, moments, and words as the specification has them now.

use std::borrow::Cow;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::decode::common::{Parts, Places, Token, unescaped};
use crate::model::webrtc::{Member, Text, Unit, Warning};

use super::moment::Moment;
use super::names::InMillis;
use super::tally::Tally;

/// Seconds between the epoch of NTP (1900) and that of Unix, in microseconds.
const NTP_EPOCH_US: i64 = 2_208_988_800_000_000;
/// From here on, microseconds can only count from the epoch of NTP.
const NTP_SURELY_US: i64 = 3_500_000_000_000_000;

/// A value that a member cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong;

/// A number that this member can have; `None` = it says that nothing is known.
#[inline(always)]
pub(super) fn counted(
    member: Member,
    parts: Parts,
    in_millis: InMillis,
    tally: &mut Tally,
) -> Result<Option<i64>, Wrong> {
    let unit = match (member.unit(), in_millis) {
        (Unit::Seconds, true) => Unit::Time,
        (unit, _) => unit,
    };
    let Some(value) = parts.scaled(places(unit)) else {
        tally.warn(Warning::NumberOutOfRange);
        return Err(Wrong);
    };
    let is_possible = match member {
        // Duplicates and late arrivals make the far end's balance negative.
        Member::PacketsLost => true,
        Member::FractionLost => (0..=1_000_000).contains(&value),
        Member::EstimatedPlayoutTimestamp if value >= NTP_SURELY_US => return Ok(Some(value - NTP_EPOCH_US)),
        _ if unit == Unit::Flag => (0..=1).contains(&value),
        _ => value >= 0,
    };
    if is_possible {
        return Ok(Some(value));
    }
    if parts.is_minus_one() {
        return Ok(None);
    }
    tally.warn(Warning::NumberOutOfRange);
    Err(Wrong)
}

/// The places of an integer of this unit.
#[inline(always)]
const fn places(unit: Unit) -> Places {
    match unit {
        Unit::Count | Unit::Flag => Places::None,
        Unit::Time => Places::Three,
        Unit::Seconds | Unit::Ratio => Places::Six,
        Unit::Squared => Places::Nine,
    }
}

/// What stands where a number should: text with a number in it, a truth value, or nothing that helps.
pub(super) fn odd_number(
    member: Member,
    token: Token<'_>,
    in_millis: InMillis,
    tally: &mut Tally,
) -> Result<Option<i64>, Wrong> {
    let is_flag = member.unit() == Unit::Flag;
    match token {
        Token::Flag(value) if is_flag => Ok(Some(i64::from(value))),
        Token::Text(raw) => match &*unescaped(raw) {
            "true" if is_flag => Ok(Some(1)),
            "false" if is_flag => Ok(Some(0)),
            text => counted(member, Parts::parse(text).ok_or(Wrong)?, in_millis, tally),
        },
        Token::NotANumber => {
            tally.warn(Warning::BareNan);
            Err(Wrong)
        }
        Token::Number(..) | Token::Flag(_) | Token::Null | Token::Nested => Err(Wrong),
    }
}

/// A timestamp; one that is wrong is counted, `0` says nothing.
pub(super) fn moment(token: Token<'_>, monotonic: bool, rejected: &mut u32, tally: &mut Tally) -> Option<Moment> {
    let moment = match token {
        Token::Number(parts, _) => return plain_moment(parts, monotonic, rejected),
        Token::Text(raw) => written_moment(&unescaped(raw), monotonic),
        Token::NotANumber => {
            tally.warn(Warning::BareNan);
            None
        }
        Token::Flag(_) | Token::Null | Token::Nested => None,
    };
    *rejected += u32::from(moment.is_none());
    moment
}

/// A timestamp that is a number.
#[inline(always)]
pub(super) fn plain_moment(parts: Parts, monotonic: bool, rejected: &mut u32) -> Option<Moment> {
    let moment = Moment::of(parts, monotonic);
    *rejected += u32::from(moment.is_none() && parts != Parts::default());
    moment
}

/// A moment that stands in quotes: a number, or date and time as in RFC 3339.
fn written_moment(text: &str, monotonic: bool) -> Option<Moment> {
    if let Some(parts) = Parts::parse(text) {
        return Moment::of(parts, monotonic);
    }
    let moment = OffsetDateTime::parse(text.trim_ascii(), &Rfc3339).ok()?;
    let micros = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).ok()?;
    if micros > 0 { Some(Moment::Epoch(micros)) } else { None }
}

/// A word of an enumeration as the specification has it now.
pub(super) fn current_word<'a>(text: Text, word: Cow<'a, str>, tally: &mut Tally) -> Cow<'a, str> {
    let current = match (text, &*word) {
        (Text::State, "cancelled") => "failed",
        (Text::State, "inprogress" | "inProgress") => "in-progress",
        (Text::CandidateType, "serverreflexive") => "srflx",
        (Text::CandidateType, "peerreflexive") => "prflx",
        (Text::CandidateType, "relayed") => "relay",
        _ => return word,
    };
    tally.warn(Warning::LegacyName);
    Cow::Borrowed(current)
}
