//! A place in JSON text: what is wanted is taken, everything else is stepped over without being built.
//!
//! R1  Each byte is looked at once, save that a value may be read again from a place kept: time is linear.
//! R2  Nothing recurses; nesting is counted, and bounded.
//! R3  Valid JSON is never refused. What is stepped over is only checked as far as its end must be found: strings that close, brackets that balance.

use crate::model::Reason;

use super::number::{Parts, number_length};
use super::word::{HIGH, ONES};

/// A string as it was sent, without its quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    pub(crate) text: &'a str,
    /// Whether it has a backslash.
    pub(crate) escaped: bool,
}

/// A value, read as far as its first bytes say what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// A string.
    Text(Raw<'a>),
    /// A number, and how it was written.
    Number(Parts, &'a str),
    /// `true` or `false`.
    Flag(bool),
    /// `null`.
    Null,
    /// `NaN`, `Infinity` or `-Infinity`.
    NotANumber,
    /// An object or an array, stepped over.
    Nested,
}

/// Which bracket a container has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// `{`
    Object,
    /// `[`
    Array,
}

/// Where reading goes on.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    most_depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`.
    pub(crate) const fn new(text: &'a str, most_depth: usize) -> Self {
        Self { text, at: 0, depth: 0, most_depth }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is not blank.
    #[inline(always)]
    pub(crate) fn next_byte(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Result<(), Reason> {
        if self.next_byte().is_none() { Ok(()) } else { Err(Reason::Json) }
    }

    /// Steps into an object or array, if that is the value here.
    pub(crate) fn open(&mut self) -> Result<Option<Container>, Reason> {
        let container = match self.next_byte() {
            Some(b'{') => Container::Object,
            Some(b'[') => Container::Array,
            Some(_) => return Ok(None),
            None => return Err(Reason::Json),
        };
        self.at += 1;
        self.deeper()?;
        Ok(Some(container))
    }

    /// Steps into an object, if that is the value here.
    pub(crate) fn open_object(&mut self) -> Result<bool, Reason> {
        if self.next_byte() != Some(b'{') {
            return Ok(false);
        }
        self.open().map(|container| container.is_some())
    }

    /// At the start of a text that stands inside this one, with the same bound.
    pub(crate) const fn inside<'b>(&self, text: &'b str) -> Cursor<'b> {
        Cursor::new(text, self.most_depth)
    }

    fn deeper(&mut self) -> Result<(), Reason> {
        self.depth += 1;
        if self.depth > self.most_depth { Err(Reason::TooDeep) } else { Ok(()) }
    }

    /// The name of the next member, its value next; `None` = the object is closed.
    #[inline(always)]
    pub(crate) fn name(&mut self, first: bool) -> Result<Option<Raw<'a>>, Reason> {
        match self.next_byte() {
            Some(b'}') => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                return Ok(None);
            }
            Some(b',') if !first => self.at += 1,
            Some(_) if first => {}
            _ => return Err(Reason::Json),
        }
        if self.next_byte() != Some(b'"') {
            return Err(Reason::Json);
        }
        let name = self.string()?;
        if self.next_byte() != Some(b':') {
            return Err(Reason::Json);
        }
        self.at += 1;
        Ok(Some(name))
    }

    /// Whether the array has one more item; if not, it is closed.
    pub(crate) fn item(&mut self, first: bool) -> Result<bool, Reason> {
        match self.next_byte() {
            Some(b']') => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                // A value must follow: `]` here would be taken for the end.
                if self.next_byte() == Some(b']') { Err(Reason::Json) } else { Ok(true) }
            }
            Some(_) if first => Ok(true),
            _ => Err(Reason::Json),
        }
    }

    /// A string; its opening quote is next.
    #[inline(always)]
    fn string(&mut self) -> Result<Raw<'a>, Reason> {
        let start = self.at + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(end..).unwrap_or_default();
            let distance = quote_or_backslash(rest).ok_or(Reason::Json)?;
            end += distance;
            if rest.get(distance) == Some(&b'"') {
                break;
            }
            escaped = true;
            end += 2;
        }
        self.at = end + 1;
        Ok(Raw { text: self.text.get(start..end).ok_or(Reason::Json)?, escaped })
    }

    /// The number here, if the value is one.
    #[inline(always)]
    pub(crate) fn plain_number(&mut self) -> Result<Option<Parts>, Reason> {
        if !matches!(self.next_byte(), Some(b'0'..=b'9')) {
            return Ok(None);
        }
        let (parts, length) = Parts::read(self.rest()).ok_or(Reason::Json)?;
        self.at += length;
        self.end_of_value()?;
        Ok(Some(parts))
    }

    /// The number here as it was written, if the value is one without a sign.
    #[inline(always)]
    pub(crate) fn number_text(&mut self) -> Result<Option<&'a str>, Reason> {
        if !matches!(self.next_byte(), Some(b'0'..=b'9')) {
            return Ok(None);
        }
        let start = self.at;
        self.at += number_length(self.rest()).ok_or(Reason::Json)?;
        self.end_of_value()?;
        Ok(self.text.get(start..self.at))
    }

    /// The string here, if the value is one.
    #[inline(always)]
    pub(crate) fn plain_text(&mut self) -> Result<Option<Raw<'a>>, Reason> {
        if self.next_byte() != Some(b'"') {
            return Ok(None);
        }
        self.string().map(Some)
    }

    /// The value here, as a token.
    #[inline(never)]
    pub(crate) fn token(&mut self) -> Result<Token<'a>, Reason> {
        match self.next_byte() {
            Some(b'0'..=b'9') => self.number(),
            Some(b'"') => Ok(Token::Text(self.string()?)),
            Some(b'-') if !self.rest().starts_with(b"-I") => self.number(),
            Some(b'{' | b'[') => self.skip().map(|()| Token::Nested),
            Some(b't') => self.word("true", Token::Flag(true)),
            Some(b'f') => self.word("false", Token::Flag(false)),
            Some(b'n') => self.word("null", Token::Null),
            Some(b'N') => self.word("NaN", Token::NotANumber),
            Some(b'I') => self.word("Infinity", Token::NotANumber),
            Some(b'-') => self.word("-Infinity", Token::NotANumber),
            _ => Err(Reason::Json),
        }
    }

    fn number(&mut self) -> Result<Token<'a>, Reason> {
        let (parts, length) = Parts::read(self.rest()).ok_or(Reason::Json)?;
        let start = self.at;
        self.at += length;
        self.end_of_value()?;
        Ok(Token::Number(parts, self.text.get(start..start + length).unwrap_or_default()))
    }

    /// After a number or a word: what separates values, or the end.
    fn end_of_value(&self) -> Result<(), Reason> {
        match self.peek() {
            None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') => Ok(()),
            Some(_) => Err(Reason::Json),
        }
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, Reason> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(Reason::Json);
        }
        self.at += word.len();
        self.end_of_value()?;
        Ok(token)
    }

    /// Steps over the value here.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Result<(), Reason> {
        match self.next_byte() {
            Some(b'{' | b'[') => {
                self.at += 1;
                self.deeper()?;
                self.leave(self.depth - 1)
            }
            Some(b'"') => self.string().map(drop),
            _ => self.skip_scalar(),
        }
    }

    /// Steps over a number or a word, whatever it is: something that lasts until values are parted.
    fn skip_scalar(&mut self) -> Result<(), Reason> {
        let start = self.at;
        while !matches!(
            self.peek(),
            None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b':' | b'{' | b'[')
        ) {
            self.at += 1;
        }
        if self.at == start { Err(Reason::Json) } else { self.end_of_value() }
    }

    /// Steps over what is left of the innermost container that was entered.
    pub(crate) fn skip_rest(&mut self) -> Result<(), Reason> {
        self.leave(self.depth.saturating_sub(1))
    }

    /// Goes on until nesting is down to `depth`. Which kind of bracket closes is not asked.
    fn leave(&mut self, depth: usize) -> Result<(), Reason> {
        while self.depth > depth {
            let distance = self.rest().iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'));
            self.at += distance.ok_or(Reason::Json)?;
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => self.deeper()?,
                _ => self.depth -= 1,
            }
            self.at += 1;
        }
        Ok(())
    }
}

/// How far it is to the next quote or backslash, eight bytes at a time: most names and texts are so short that a call would cost more.
#[inline(always)]
fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return Some(index * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let distance = tail.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(words.len() * 8 + distance)
}

/// The high bit of each byte that is zero; above the lowest of them there may be more than there should.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}
