//! The tokenizer: a CMCD payload (a structured-field dictionary, RFC 8941 section 3.2) cut into members, one pass, no allocation.
//!
//! R1  A wrong member costs only itself: after it, reading goes on behind the next comma that separates members.
//! R2  A comma inside a closed string or a closed list separates nothing.
//! R3  A string that is never closed takes the rest of the payload with it: nothing behind it can be told apart.
//! R4  A list that is never closed (the end, or another `(`, comes before its `)`) costs only what stands before the next comma.
//! R5  Nothing recurses, and a member never looks at more than the rest of the payload, twice: with the limit of members, time is linear
//!     in bytes.

use crate::decode::common::{before_any, first_word, letters_in, plain_text, token_length};

use super::cursor::Cursor;
use super::key::Key;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A bare key: true.
    Flag,
    /// Anything unquoted: a number, a token, `?0`.
    Bare,
    /// A string of printable ASCII without an escape.
    PlainString,
    /// Any other string.
    String,
    /// An inner list: see [`super::items`].
    List,
}

/// The value of a member, or of a list item, with types still open: whether `300` is a number is the key's business.
///
/// Not an enum with contents: such a one is moved in other pieces than it was written in, and the processor waits each time until
/// the cache has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) form: Form,
    /// As sent, without the quotes of a string or the parentheses of a list; empty for a bare key.
    pub(super) text: &'a str,
}

impl<'a> Value<'a> {
    pub(super) const FLAG: Self = Self { form: Form::Flag, text: "" };

    pub(super) const fn bare(text: &'a str) -> Self {
        Self { form: Form::Bare, text }
    }
}

/// What the tokenizer found between two commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// A well-formed member with a key of the specification. Its own parameters are skipped.
    Known { key: Key, value: Value<'a> },
    /// A well-formed member with another name; how it is spelled is not yet checked.
    Unknown { name: &'a str, value: Value<'a> },
    /// Not well-formed; its key, if that could be read.
    Wrong { key: Option<Key> },
    /// Nothing: two commas in a row, or one at an end.
    Empty,
}

/// A part that is not well-formed, or a value that its key cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong;

/// The members of a payload, in order.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    cursor: Cursor<'a>,
    /// Whether something may follow: at the start, and after each comma.
    expects_more: bool,
}

impl<'a> Members<'a> {
    /// The members of `payload`.
    pub(super) fn of(payload: &'a str) -> Self {
        let mut cursor = Cursor::new(payload);
        cursor.skip_blanks();
        let expects_more = cursor.peek().is_some();
        Self { cursor, expects_more }
    }

    /// Whether there is another member: the one that was given last was ended by a comma, not by the end of the payload.
    pub(super) const fn has_next(&self) -> bool {
        self.expects_more
    }

    /// The next member if it is what nearly all are: a key of the specification and nothing, a number, a token, a plain string or a list
    /// without strings, and no blank. `None` = anything else, and nothing was stepped over.
    #[inline(always)]
    pub(super) fn next_usual(&mut self) -> Option<(Key, Value<'a>)> {
        let rest = self.cursor.rest();
        let word = first_word(rest);
        let letters = letters_in(word);
        let key = Key::from_word(word, letters)?;
        let (form, length) = usual_value(rest.get(letters..)?)?;
        // The sign, and what encloses the content.
        let (before, behind) = match form {
            Form::Flag => (0, 0),
            Form::Bare => (1, 0),
            Form::PlainString | Form::String | Form::List => (2, 1),
        };
        let start = self.cursor.at + letters;
        let end = start + length;
        let text = self.cursor.text.get(start + before..end - behind)?;
        self.expects_more = end < self.cursor.text.len();
        self.cursor.at = end + usize::from(self.expects_more);
        Some((key, Value { form, text }))
    }

    /// The next member, of whatever kind, part by part; [`Member::Empty`] when there is none.
    #[inline(never)]
    pub(super) fn next(&mut self) -> Member<'a> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            None => {
                self.expects_more = false;
                return Member::Empty;
            }
            Some(b',') => {
                self.cursor.at += 1;
                return Member::Empty;
            }
            Some(_) => {}
        }
        let name = self.cursor.key();
        let key = Key::from_name(name);
        let value = self.cursor.member_value();
        let good = value.and_then(|value| self.cursor.skip_parameters().map(|()| value));
        let good = good.and_then(|value| self.end_member().map(|()| value));
        match (good, key) {
            (Ok(value), Some(key)) => Member::Known { key, value },
            (Ok(value), None) => Member::Unknown { name, value },
            (Err(Wrong), key) => {
                self.resynchronise();
                Member::Wrong { key }
            }
        }
    }

    /// After a member: steps over the comma. Anything else there makes the member wrong.
    fn end_member(&mut self) -> Result<(), Wrong> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            None => self.expects_more = false,
            Some(b',') => self.cursor.at += 1,
            Some(_) => return Err(Wrong),
        }
        Ok(())
    }

    /// Goes on behind the next comma.
    fn resynchronise(&mut self) {
        match memchr::memchr(b',', self.cursor.rest()) {
            Some(distance) => self.cursor.at += distance + 1,
            None => {
                self.cursor.at = self.cursor.text.len();
                self.expects_more = false;
            }
        }
    }
}

/// The form of the usual value that `bytes` begin with, from its sign on, and how long it is with the sign; a comma or the end follows.
#[inline(always)]
fn usual_value(bytes: &[u8]) -> Option<(Form, usize)> {
    let (form, length) = match bytes {
        [] | [b',', ..] => (Form::Flag, 0),
        [b'=', b'"', string @ ..] => {
            let length = plain_text(string);
            if string.get(length) != Some(&b'"') {
                return None;
            }
            (Form::PlainString, length + 3)
        }
        [b'=', b'(', list @ ..] => {
            let length = before_any(list, [b')', b'(', b'"']);
            if list.get(length) != Some(&b')') {
                return None;
            }
            (Form::List, length + 3)
        }
        [b'=', value @ ..] => match token_length(value) {
            0 => return None,
            length => (Form::Bare, length + 1),
        },
        _ => return None,
    };
    match bytes.get(length) {
        None | Some(b',') => Some((form, length)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn usual_members_are_those_that_reading_part_by_part_finds(
            members in prop::collection::vec(
                ("bs|sid|br|nor|v|[a-z]{1,9}|x-y", "=|=|=|;|", concat!(
                    "[0-9]{1,20}|[a-z?.-]{0,9}|\"[ -~]{0,40}\"|\"\\PC{0,9}\"|\\([0-9;a ]{0,20}\\)",
                    "|\\(\"[)(, -~]{0,5}\"\\)|[(),;= \t\"\\\\a]{0,5}",
                ), ",|,|,|[, ;]{0,3}"), 0..12),
        ) {
            let payload: String = members.into_iter().map(|(key, sign, value, end)| key + &sign + &value + &end).collect();
            let (mut members, mut by_parts) = (Members::of(&payload), Members::of(&payload));
            while members.has_next() {
                let usual = members.next_usual().map(|(key, value)| Member::Known { key, value });
                prop_assert_eq!(usual.unwrap_or_else(|| members.next()), by_parts.next());
            }
            prop_assert!(!by_parts.has_next());
        }
    }
}
