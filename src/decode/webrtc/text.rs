//! Texts as they are kept: escapes undone, no control characters, at most [`TEXT_BYTES`] bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::hash::stable_hash;
use crate::model::webrtc::Warning;

use super::cursor::Raw;
use super::limits::TEXT_BYTES;
use super::tally::Tally;

/// `~` and the 16 hexadecimal digits of a hash.
const HASH_ENDING_BYTES: usize = 17;

/// A text that may be kept.
#[inline]
pub(super) fn kept<'a>(raw: Raw<'a>, tally: &mut Tally) -> Cow<'a, str> {
    let is_plain = raw.text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    if is_plain && !raw.escaped && raw.text.len() <= TEXT_BYTES {
        return Cow::Borrowed(raw.text);
    }
    repaired(raw, tally)
}

#[cold]
fn repaired<'a>(raw: Raw<'a>, tally: &mut Tally) -> Cow<'a, str> {
    let text = unescaped(raw);
    let text = if text.contains(char::is_control) {
        tally.warn(Warning::Characters);
        Cow::Owned(text.chars().filter(|character| !character.is_control()).collect())
    } else {
        text
    };
    if text.len() <= TEXT_BYTES {
        return text;
    }
    tally.warn(Warning::TooLong);
    let hash = stable_hash(text.as_bytes());
    let most = TEXT_BYTES - HASH_ENDING_BYTES;
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut cut = text.get(..end).unwrap_or_default().to_owned();
    // Writing to a String cannot fail; the result says so in its type only.
    write!(cut, "~{hash:016x}").unwrap_or_default();
    Cow::Owned(cut)
}

/// The text that a string of JSON stands for. An escape that means nothing, half a surrogate pair among them, becomes U+FFFD.
pub(super) fn unescaped(raw: Raw<'_>) -> Cow<'_, str> {
    if !raw.escaped {
        return Cow::Borrowed(raw.text);
    }
    let mut text = String::with_capacity(raw.text.len());
    let mut rest = raw.text;
    while let Some((before, behind)) = rest.split_once('\\') {
        text.push_str(before);
        let mut characters = behind.chars();
        let character = match characters.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, behind) = code_point(characters.as_str());
                characters = behind.chars();
                character
            }
            Some(same @ ('"' | '\\' | '/')) => same,
            _ => char::REPLACEMENT_CHARACTER,
        };
        text.push(character);
        rest = characters.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character of the four hexadecimal digits behind `\u`, or of two such escapes that are a surrogate pair; and what follows.
fn code_point(text: &str) -> (char, &str) {
    let Some((high, behind)) = code_unit(text) else { return (char::REPLACEMENT_CHARACTER, text) };
    if let Some(character) = char::from_u32(high) {
        return (character, behind);
    }
    let low = behind.strip_prefix("\\u").and_then(code_unit);
    let pair = low.filter(|(low, _)| high < 0xdc00 && (0xdc00..0xe000).contains(low)).and_then(|(low, behind)| {
        let character = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
        Some((character, behind))
    });
    pair.unwrap_or((char::REPLACEMENT_CHARACTER, behind))
}

fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, behind) = text.split_at_checked(4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(digits, 16).ok()?, behind))
}
