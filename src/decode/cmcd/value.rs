//! Values of each kind, as leniently as loses nothing: what is clear is kept and counted as a warning, what is not is wrong.

use std::borrow::Cow;

use crate::decode::common::short_integer;
use crate::model::cmcd::{EventKind, Integers, Labelled, ObjectType, Texts, Warning};
use crate::model::hash::stable_hash;

use super::items::{Item, Items, push_plain_integers};
use super::limits;
use super::member::{Form, Value, Wrong};
use super::number::Number;
use super::reading::Reading;
use super::token;

/// How many characters of an id that is too long are kept before `~` and the 16 hexadecimal digits of its hash.
const HASH_ENDING_CHARACTERS: usize = 17;

impl Reading<'_> {
    /// A boolean: a bare key, `?1`, `?0`, and what players write instead.
    pub(super) fn boolean(&mut self, value: Value<'_>) -> Result<bool, Wrong> {
        match (value.form, value.text) {
            (Form::Flag, _) => return Ok(true),
            (Form::Bare, text @ ("?0" | "?1")) => {
                self.shapes.booleans += 1;
                return Ok(text == "?1");
            }
            _ => {}
        }
        let flag = match (value.form, value.text) {
            (Form::List, _) => return Err(Wrong),
            (_, "true") => true,
            (_, "false") => false,
            _ => return Err(Wrong),
        };
        self.tally.warn(Warning::Boolean);
        Ok(flag)
    }

    /// A number that is not negative, as an integer.
    pub(super) fn integer(&mut self, value: Value<'_>) -> Result<i64, Wrong> {
        let number = self.signed_integer(value)?;
        if number < 0 { Err(Wrong) } else { Ok(number) }
    }

    /// The same, of a key that senders shall round to hundreds; one that is not rounded is as good.
    pub(super) fn rounded_integer(&mut self, value: Value<'_>) -> Result<i64, Wrong> {
        let number = self.integer(value)?;
        if number % 100 != 0 {
            self.tally.warn(Warning::Rounding);
        }
        Ok(number)
    }

    /// A number as an integer.
    #[inline]
    pub(super) fn signed_integer(&mut self, value: Value<'_>) -> Result<i64, Wrong> {
        if value.form == Form::Bare
            && let Some(integer) = short_integer(value.text.as_bytes())
        {
            return Ok(integer.cast_signed());
        }
        self.unusual_integer(value)
    }

    #[inline(never)]
    fn unusual_integer(&mut self, value: Value<'_>) -> Result<i64, Wrong> {
        let number = self.number(value)?;
        if number.is_decimal() {
            self.tally.warn(Warning::Rounding);
        }
        Ok(number.rounded())
    }

    /// A decimal that is not negative, times 1000.
    pub(super) fn thousandths(&mut self, value: Value<'_>) -> Result<i64, Wrong> {
        let number = self.number(value)?;
        if number.is_beyond_thousandths() {
            self.tally.warn(Warning::Rounding);
        }
        let thousandths = number.in_thousandths();
        if thousandths < 0 { Err(Wrong) } else { Ok(thousandths) }
    }

    /// A version: 1 or more.
    pub(super) fn version(&mut self, value: Value<'_>) -> Result<i64, Wrong> {
        let version = self.integer(value)?;
        if version == 0 { Err(Wrong) } else { Ok(version) }
    }

    fn number(&mut self, value: Value<'_>) -> Result<Number, Wrong> {
        match value.form {
            Form::Bare => Number::parse(value.text).ok_or(Wrong),
            Form::PlainString | Form::String => {
                let number = Number::parse(value.text).ok_or(Wrong)?;
                self.tally.warn(Warning::Quoting);
                Ok(number)
            }
            Form::Flag | Form::List => Err(Wrong),
        }
    }

    /// A token of a closed vocabulary; `Ok(None)` = a token that the vocabulary does not have.
    pub(super) fn token<T>(
        &mut self,
        value: Value<'_>,
        vocabulary: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        match value.form {
            Form::Bare => {}
            Form::PlainString | Form::String if !value.text.is_empty() => self.tally.warn(Warning::Quoting),
            _ => return Err(Wrong),
        }
        let known = vocabulary(value.text);
        if known.is_none() {
            self.tally.warn(Warning::UnknownToken);
        }
        Ok(known)
    }

    /// `e`: not a key of the event but its kind.
    pub(super) fn event_token(&mut self, value: Value<'_>) -> Result<(), Wrong> {
        if value == Value::bare(token::DRAFT_BITRATE_CHANGE) {
            self.tally.warn(Warning::Draft);
            self.event_kind = Some(EventKind::BitrateChange);
            return Ok(());
        }
        let known = self.token(value, token::event_kind)?;
        self.event_kind = Some(known.unwrap_or(EventKind::Unknown));
        Ok(())
    }

    /// A list of integers; a single value is a list of one without a label. `Err` = the list is left as it was.
    pub(super) fn integers(&mut self, value: Value<'_>, list: &mut Integers) -> Result<(), Wrong> {
        if value.form != Form::List {
            let value = self.integer(value)?;
            self.shapes.scalars += 1;
            list.clear();
            list.push(Labelled { value, object_type: None });
            return Ok(());
        }
        if !list.is_empty() || !push_plain_integers(value.text, list) {
            *list = self.unusual_integers(value.text)?;
        }
        self.shapes.lists += 1;
        Ok(())
    }

    #[inline(never)]
    fn unusual_integers(&mut self, content: &str) -> Result<Integers, Wrong> {
        let mut list = Integers::new();
        for item in Items::of(content) {
            let item = item?;
            if self.is_full(list.len()) {
                break;
            }
            let value = self.integer(item.value)?;
            if let Ok(object_type) = self.label(&item) {
                list.push(Labelled { value, object_type });
            }
        }
        Ok(list)
    }

    /// The object type of an item. `Err` = one that the specification does not have: the item speaks of something unknown.
    fn label(&mut self, item: &Item<'_>) -> Result<Option<ObjectType>, Wrong> {
        let name = match (item.label, item.draft_label) {
            (Some(name), _) => name,
            (None, Some(name)) => {
                self.tally.warn(Warning::Draft);
                name
            }
            (None, None) => return Ok(None),
        };
        let object_type = ObjectType::from_token(name.as_bytes());
        if object_type.is_none() {
            self.tally.warn(Warning::UnknownToken);
            return Err(Wrong);
        }
        Ok(object_type)
    }

    /// A list of strings; a single one is a list of one.
    pub(super) fn texts<'a>(&mut self, value: Value<'a>, most_bytes: usize) -> Result<Texts<'a>, Wrong> {
        let mut list = Texts::new();
        if value.form != Form::List {
            list.push(self.text(value, most_bytes)?);
            self.shapes.scalars += 1;
            return Ok(list);
        }
        for item in Items::of(value.text) {
            let item = item?;
            if self.is_full(list.len()) {
                break;
            }
            list.push(self.text(item.value, most_bytes)?);
        }
        self.shapes.lists += 1;
        Ok(list)
    }

    fn is_full(&mut self, length: usize) -> bool {
        let is_full = length == limits::LIST_ITEMS;
        if is_full {
            self.tally.warn(Warning::TooLong);
        }
        is_full
    }

    /// A string that is not empty.
    pub(super) fn text<'a>(&mut self, value: Value<'a>, most_bytes: usize) -> Result<Cow<'a, str>, Wrong> {
        let text = match value.form {
            Form::PlainString => Cow::Borrowed(value.text),
            Form::String => self.unescape(value.text)?,
            Form::Bare => self.bare_text(value.text)?,
            Form::Flag | Form::List => return Err(Wrong),
        };
        if text.is_empty() || text.len() > most_bytes {
            return Err(Wrong);
        }
        Ok(text)
    }

    /// A string of at most so many characters, into its place; one that is longer is cut, and ends in its hash so that it stays distinct.
    pub(super) fn id<'a>(
        &mut self,
        value: Value<'a>,
        most_characters: usize,
        place: &mut Option<Cow<'a, str>>,
    ) -> Result<(), Wrong> {
        let is_usual = value.form == Form::PlainString && (1..=most_characters).contains(&value.text.len());
        *place = Some(if is_usual { Cow::Borrowed(value.text) } else { self.unusual_id(value, most_characters)? });
        Ok(())
    }

    #[inline(never)]
    fn unusual_id<'a>(&mut self, value: Value<'a>, most_characters: usize) -> Result<Cow<'a, str>, Wrong> {
        let text = self.text(value, limits::STRING_BYTES)?;
        if text.len() <= most_characters || text.chars().count() <= most_characters {
            return Ok(text);
        }
        self.tally.warn(Warning::TooLong);
        let kept: String = text.chars().take(most_characters - HASH_ENDING_CHARACTERS).collect();
        Ok(Cow::Owned(format!("{kept}~{:016x}", stable_hash(text.as_bytes()))))
    }

    #[cold]
    fn bare_text<'a>(&mut self, text: &'a str) -> Result<Cow<'a, str>, Wrong> {
        if text.contains(['"', '(', ')', '\\']) {
            return Err(Wrong);
        }
        self.tally.warn(Warning::Quoting);
        Ok(self.without_controls(text))
    }

    /// Undoes `\"` and `\\`; any other escape is wrong.
    #[cold]
    fn unescape<'a>(&mut self, content: &'a str) -> Result<Cow<'a, str>, Wrong> {
        if !content.contains('\\') {
            return Ok(self.without_controls(content));
        }
        let mut text = String::with_capacity(content.len());
        let mut characters = content.chars();
        while let Some(character) = characters.next() {
            if character != '\\' {
                text.push(character);
                continue;
            }
            match characters.next() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                _ => return Err(Wrong),
            }
        }
        Ok(Cow::Owned(self.without_controls(&text).into_owned()))
    }

    fn without_controls<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        if !text.contains(char::is_control) {
            return Cow::Borrowed(text);
        }
        self.tally.warn(Warning::Characters);
        Cow::Owned(text.chars().filter(|character| !character.is_control()).collect())
    }
}
