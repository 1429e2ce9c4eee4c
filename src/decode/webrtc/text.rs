//! Texts as they are kept: escapes undone, no control characters, at most [`TEXT_BYTES`] bytes.

use std::borrow::Cow;

use crate::decode::common::{Raw, shortened, unescaped};
use crate::model::webrtc::Warning;

use super::limits::TEXT_BYTES;
use super::tally::Tally;

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
    Cow::Owned(shortened(&text, TEXT_BYTES))
}
