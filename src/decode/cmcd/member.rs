//! The tokenizer: a CMCD payload (a structured-field dictionary, RFC 8941 section 3.2) cut into members, one pass, no allocation.
//!
//! R1  A wrong member costs only itself: after it, reading goes on behind the next comma that separates members.
//! R2  A comma inside a closed string or a closed list separates nothing.
//! R3  A string that is never closed takes the rest of the payload with it: nothing behind it can be told apart.
//! R4  A list that is never closed (the end, or another `(`, comes before its `)`) costs only what stands before the next comma.
//! R5  Nothing recurses, and a member never looks further than the payload once: with the limit of members, time is linear in bytes.

use crate::decode::common::{before_any, letters_in, token_bytes_in};

/// The value of a member, or of a list item, with types still open: whether `300` is a number is the key's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A bare key: true.
    Flag,
    /// Anything unquoted: a number, a token, `?0`.
    Bare(&'a str),
    /// The content of a string, without its quotes and as sent. `plain` = printable ASCII without an escape.
    Quoted { content: &'a str, plain: bool },
    /// The content of an inner list, without its parentheses: see [`Items`].
    List(&'a str),
}

/// What the tokenizer found between two commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// A well-formed member. Its own parameters are skipped; the key is not yet checked.
    Good { key: &'a str, value: Value<'a> },
    /// Not well-formed; the key as far as it could be read.
    Wrong { key: &'a str },
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
        let mut cursor = Cursor { text: payload, at: 0 };
        cursor.skip_blanks();
        let expects_more = cursor.peek().is_some();
        Self { cursor, expects_more }
    }

    /// Whether the member that was given last was ended by the end of the payload, not by a comma.
    pub(super) const fn is_at_end(&self) -> bool {
        !self.expects_more
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

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        if !self.expects_more {
            return None;
        }
        if let Some((key, value)) = self.cursor.plain_member() {
            return Some(Member::Good { key, value });
        }
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            None => {
                self.expects_more = false;
                return Some(Member::Empty);
            }
            Some(b',') => {
                self.cursor.at += 1;
                return Some(Member::Empty);
            }
            Some(_) => {}
        }
        let key = self.cursor.key();
        let value = self.cursor.member_value();
        let good = value.and_then(|value| self.cursor.skip_parameters().map(|()| value));
        let good = good.and_then(|value| self.end_member().map(|()| value));
        match good {
            Ok(value) => Some(Member::Good { key, value }),
            Err(Wrong) => {
                self.resynchronise();
                Some(Member::Wrong { key })
            }
        }
    }
}

/// An item of an inner list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// Never a list, never a bare flag.
    pub(super) value: Value<'a>,
    /// The first parameter that is a bare key: the object type.
    pub(super) label: Option<&'a str>,
    /// The value of a parameter `ot`, as a draft of version 2 labelled items.
    pub(super) draft_label: Option<&'a str>,
}

/// The items of an inner list, in order; one that is not well-formed ends it.
#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Items<'a> {
    /// The items of the content of a list.
    pub(super) const fn of(content: &'a str) -> Self {
        Self { cursor: Cursor { text: content, at: 0 } }
    }

    fn item(&mut self) -> Result<Item<'a>, Wrong> {
        let value = self.cursor.item_value()?;
        let mut item = Item { value, label: None, draft_label: None };
        while self.cursor.peek() == Some(b';') {
            match self.cursor.parameter()? {
                (name, Value::Flag) => item.label = item.label.or(Some(name)),
                ("ot", Value::Bare(text) | Value::Quoted { content: text, .. }) => item.draft_label = Some(text),
                _ => {}
            }
        }
        match self.cursor.peek() {
            None | Some(b' ' | b'\t') => Ok(item),
            Some(_) => Err(Wrong),
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, Wrong>;

    fn next(&mut self) -> Option<Result<Item<'a>, Wrong>> {
        self.cursor.skip_blanks();
        self.cursor.peek()?;
        let item = self.item();
        if item.is_err() {
            self.cursor.at = self.cursor.text.len();
        }
        Some(item)
    }
}

/// A place in a payload. It only ever stands before or after an ASCII byte that it has seen, or at an end.
#[derive(Clone, Debug)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// A few letters, `=`, a short number or token, and the comma behind it: what most members are. Told apart in two steps; `None` =
    /// anything else, and nothing was stepped over.
    #[inline]
    fn plain_member(&mut self) -> Option<(&'a str, Value<'a>)> {
        let rest = self.rest();
        let letters = letters_in(*rest.first_chunk()?);
        let value = rest.get(letters + 1..)?;
        let length = token_bytes_in(*value.first_chunk()?);
        if length == 0 || rest.get(letters) != Some(&b'=') || value.get(length) != Some(&b',') {
            return None;
        }
        let sign = self.at + letters;
        let (key, end) = (self.text.get(self.at..sign)?, sign + 1 + length);
        let value = Value::Bare(self.text.get(sign + 1..end)?);
        self.at = end + 1;
        Some((key, value))
    }

    /// Everything up to a byte that can end a key: nearly always a few letters.
    fn key(&mut self) -> &'a str {
        let (start, rest) = (self.at, self.rest());
        let letters = rest.first_chunk().map_or(0, |word| letters_in(*word));
        self.at += match rest.get(letters) {
            Some(b'=' | b',' | b';') => letters,
            _ => before_any(rest, [b'=', b',', b';', b' ', b'\t']),
        };
        self.since(start)
    }

    fn member_value(&mut self) -> Result<Value<'a>, Wrong> {
        if self.peek() != Some(b'=') {
            return Ok(Value::Flag);
        }
        self.at += 1;
        match self.peek() {
            Some(b'(') => self.list(),
            _ => self.item_value(),
        }
    }

    fn item_value(&mut self) -> Result<Value<'a>, Wrong> {
        match self.peek() {
            Some(b'"') => self.string(),
            _ => self.bare(),
        }
    }

    fn bare(&mut self) -> Result<Value<'a>, Wrong> {
        let (start, rest) = (self.at, self.rest());
        let plain = rest.first_chunk().map_or(0, |word| token_bytes_in(*word));
        self.at += match rest.get(plain) {
            Some(b',' | b';') => plain,
            _ => before_any(rest, [b',', b';', b' ', b'\t']),
        };
        if self.at == start { Err(Wrong) } else { Ok(Value::Bare(self.since(start))) }
    }

    /// From the opening quote to behind the closing one; unclosed (R3): to the end.
    fn string(&mut self) -> Result<Value<'a>, Wrong> {
        self.at += 1;
        let start = self.at;
        let rest = self.rest();
        let end = memchr::memchr2(b'"', b'\\', rest).filter(|end| rest.get(*end) == Some(&b'"'));
        // All bytes, without stopping at the first that is not plain: so the compiler takes many at once.
        let plain = |end| rest.iter().take(end).fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
        match end {
            Some(end) if plain(end) => {
                self.at += end;
                let content = self.since(start);
                self.at += 1;
                Ok(Value::Quoted { content, plain: true })
            }
            _ => self.unusual_string(start),
        }
    }

    /// The same with an escape in it, or something that is not printable ASCII.
    #[cold]
    fn unusual_string(&mut self, start: usize) -> Result<Value<'a>, Wrong> {
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let content = self.since(start);
                    self.at += 1;
                    return Ok(Value::Quoted { content, plain: false });
                }
                b'\\' => {
                    self.at += 1;
                    // What is escaped is stepped over only when it could mislead: it may also be the first byte of several.
                    if let Some(b'"' | b'\\') = self.peek() {
                        self.at += 1;
                    }
                }
                _ => self.at += 1,
            }
        }
        Err(Wrong)
    }

    /// From the opening parenthesis to behind the closing one. Unclosed (R4): stays at the opening one.
    fn list(&mut self) -> Result<Value<'a>, Wrong> {
        let opening = self.at;
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b')' => {
                    let content = self.since(start);
                    self.at += 1;
                    // What is wrong inside is found when the items are read; what follows the list is safe by then (R2).
                    return Ok(Value::List(content));
                }
                b'(' => break,
                b'"' if self.string().is_err() => break,
                b'"' => {}
                _ => self.at += 1,
            }
        }
        self.at = opening;
        Err(Wrong)
    }

    /// From a semicolon to behind the parameter that it opens.
    fn parameter(&mut self) -> Result<(&'a str, Value<'a>), Wrong> {
        self.at += 1;
        self.skip_blanks();
        let name = self.key();
        if self.peek() != Some(b'=') {
            return Ok((name, Value::Flag));
        }
        self.at += 1;
        Ok((name, self.item_value()?))
    }

    fn skip_parameters(&mut self) -> Result<(), Wrong> {
        while self.peek() == Some(b';') {
            self.parameter()?;
        }
        Ok(())
    }
}
