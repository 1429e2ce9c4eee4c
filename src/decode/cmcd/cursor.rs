//! Steps through a payload: each takes one part of a member and stands behind it. The rules are those of `member`.

use crate::decode::common::{before_any, plain_text};

use super::member::{Form, Value, Wrong};

/// A place in a payload. It only ever stands before or after an ASCII byte that it has seen, or at an end.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`.
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Everything up to a byte that can end a key.
    pub(super) fn key(&mut self) -> &'a str {
        let start = self.at;
        self.at += before_any(self.rest(), [b'=', b',', b';', b' ', b'\t']);
        self.since(start)
    }

    pub(super) fn member_value(&mut self) -> Result<Value<'a>, Wrong> {
        if self.peek() != Some(b'=') {
            return Ok(Value::FLAG);
        }
        self.at += 1;
        match self.peek() {
            Some(b'(') => self.list(),
            _ => self.item_value(),
        }
    }

    pub(super) fn item_value(&mut self) -> Result<Value<'a>, Wrong> {
        match self.peek() {
            Some(b'"') => self.string(),
            _ => self.bare(),
        }
    }

    fn bare(&mut self) -> Result<Value<'a>, Wrong> {
        let start = self.at;
        self.at += before_any(self.rest(), [b',', b';', b' ', b'\t']);
        if self.at == start { Err(Wrong) } else { Ok(Value::bare(self.since(start))) }
    }

    /// From the opening quote to behind the closing one; unclosed (R3): to the end.
    fn string(&mut self) -> Result<Value<'a>, Wrong> {
        self.at += 1;
        let start = self.at;
        let rest = self.rest();
        let length = plain_text(rest);
        if rest.get(length) != Some(&b'"') {
            return self.unusual_string(start);
        }
        self.at += length;
        let text = self.since(start);
        self.at += 1;
        Ok(Value { form: Form::PlainString, text })
    }

    /// The same with an escape in it, or something that is not printable ASCII.
    #[cold]
    fn unusual_string(&mut self, start: usize) -> Result<Value<'a>, Wrong> {
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let text = self.since(start);
                    self.at += 1;
                    return Ok(Value { form: Form::String, text });
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
                    let text = self.since(start);
                    self.at += 1;
                    // What is wrong inside is found when the items are read; what follows the list is safe by then (R2).
                    return Ok(Value { form: Form::List, text });
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
    pub(super) fn parameter(&mut self) -> Result<(&'a str, Value<'a>), Wrong> {
        self.at += 1;
        self.skip_blanks();
        let name = self.key();
        if self.peek() != Some(b'=') {
            return Ok((name, Value::FLAG));
        }
        self.at += 1;
        Ok((name, self.item_value()?))
    }

    pub(super) fn skip_parameters(&mut self) -> Result<(), Wrong> {
        while self.peek() == Some(b';') {
            self.parameter()?;
        }
        Ok(())
    }
}
