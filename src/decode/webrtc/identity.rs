//! Whose report it is, by the key of its record: `app|call|participant`, each percent-escaped.

use std::borrow::Cow;

use crate::decode::common::Raw;
use crate::model::webrtc::Warning;

use super::tally::Tally;
use super::text::kept;

/// The parts of a key, as they may be kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) app: String,
    pub(super) call: String,
    pub(super) participant: String,
}

impl Identity {
    /// Reads a key; `None` = it has another form.
    pub(super) fn of_key(key: Option<&[u8]>, tally: &mut Tally) -> Option<Self> {
        let mut parts = std::str::from_utf8(key?).ok()?.split('|');
        let mut part = || Some(unescaped(parts.next()?, tally));
        let identity = Self { app: part()?, call: part()?, participant: part()? };
        let is_whole = parts.next().is_none() && !identity.call.is_empty() && !identity.participant.is_empty();
        if is_whole { Some(identity) } else { None }
    }
}

/// With `%41` as `A`; what is no escape stays as it is, what is no UTF-8 is replaced.
fn unescaped(part: &str, tally: &mut Tally) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [byte, behind @ ..] = rest {
        let escaped = match (byte, behind) {
            (b'%', [high, low, behind @ ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, behind)),
            _ => None,
        };
        let (byte, behind) = escaped.unwrap_or((*byte, behind));
        bytes.push(byte);
        rest = behind;
    }
    let text = String::from_utf8_lossy(&bytes);
    if matches!(text, Cow::Owned(_)) {
        tally.warn(Warning::Characters);
    }
    kept(Raw { text: &text, escaped: false }, tally).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
