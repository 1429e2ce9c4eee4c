//! Texts: what JSON escapes, and what is too long.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::hash::stable_hash;

use super::cursor::Raw;

/// `~` and the 16 hexadecimal digits of a hash.
const HASH_ENDING_BYTES: usize = 17;

/// The beginning of a text, and its hash so that it stays distinct: at most `most` bytes.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let hash = stable_hash(text.as_bytes());
    let most = most.saturating_sub(HASH_ENDING_BYTES);
    let mut cut = beginning(text, most).to_owned();
    // Writing to a String cannot fail; the result says so in its type only.
    write!(cut, "~{hash:016x}").unwrap_or_default();
    cut
}

/// As many whole characters as fit into `most` bytes.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The text that a string of JSON stands for. An escape that means nothing, half a surrogate pair among them, becomes U+FFFD.
pub(crate) fn unescaped(raw: Raw<'_>) -> Cow<'_, str> {
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
