//! The parameters of a request, gathered from its query and its body.
//!
//! R1  The first value of a name counts, and the query comes before the body: what comes later is looked at only to count it.
//! R2  Text is split at `&` and `=` before its percent-encoding is undone, and that is undone once: no value becomes a parameter.
//! R3  A parameter without a meaning here is stepped over, whatever it holds; secrets are among them.

use std::borrow::Cow;

use crate::decode::common::{Cursor, Plus, Raw, Token, percent_decode, places, unescaped};
use crate::model::Reason;
use crate::model::kaltura::Warning;

use super::limits;
use super::names::{Name, Names};
use super::tally::Tally;

/// How the text of a value was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// As it is.
    #[default]
    Plain,
    /// With the escapes of JSON.
    Escaped,
    /// With those of a form.
    Percent,
    /// It is no text but an object or array.
    Nested,
}

/// A value as it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Value<'a> {
    text: &'a str,
    form: Form,
}

impl<'a> Value<'a> {
    const fn plain(text: &'a str) -> Self {
        Self { text, form: Form::Plain }
    }

    /// Its text; `None` = it is none, or not UTF-8.
    #[inline]
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self.form {
            Form::Plain => Some(Cow::Borrowed(self.text)),
            Form::Escaped => Some(unescaped(Raw { text: self.text, escaped: true })),
            Form::Percent => String::from_utf8(form_decoded(self.text)).ok().map(Cow::Owned),
            Form::Nested => None,
        }
    }

    /// Its text, with what is not UTF-8 replaced.
    pub(super) fn text_replaced(self) -> Option<Cow<'a, str>> {
        match self.form {
            Form::Percent => Some(Cow::Owned(String::from_utf8_lossy(&form_decoded(self.text)).into_owned())),
            Form::Plain | Form::Escaped | Form::Nested => self.text(),
        }
    }
}

/// The value here; `None` = it is `null`.
#[inline]
fn json_value<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Value<'a>>, Reason> {
    if let Some(Raw { text, escaped }) = cursor.plain_text()? {
        return Ok(Some(Value { text, form: if escaped { Form::Escaped } else { Form::Plain } }));
    }
    if let Some(digits) = cursor.number_text()? {
        return Ok(Some(Value::plain(digits)));
    }
    Ok(Some(match cursor.token()? {
        Token::Number(_, digits) => Value::plain(digits),
        Token::Flag(value) => Value::plain(if value { "true" } else { "false" }),
        Token::NotANumber => Value::plain("NaN"),
        Token::Null => return Ok(None),
        Token::Text(_) | Token::Nested => Value { text: "", form: Form::Nested },
    }))
}

fn form_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    percent_decode(text.as_bytes(), Plus::Space, &mut bytes);
    bytes
}

/// A parameter of a form, as far as it was searched.
#[derive(Clone, Copy, Debug, Default)]
struct Parameter {
    /// Where it begins.
    start: usize,
    /// Where its first `=` is.
    sign: Option<usize>,
    is_name_encoded: bool,
    is_value_encoded: bool,
}

/// The parameters that mean something.
#[derive(Debug)]
pub(super) struct Members<'a> {
    values: [Value<'a>; Name::COUNT],
    /// A bit for each that is there.
    present: u64,
    /// Those that were there before the body.
    of_query: u64,
    parameters: usize,
    names: &'static Names,
}

const _: () = assert!(Name::COUNT <= 64, "a bit each");

impl<'a> Members<'a> {
    /// With nothing in it.
    pub(super) fn new() -> Self {
        let values = [Value::default(); Name::COUNT];
        Self { values, present: 0, of_query: 0, parameters: 0, names: Names::shared() }
    }

    /// The value of a parameter.
    #[inline]
    pub(super) fn get(&self, name: Name) -> Option<Value<'a>> {
        if self.present & (1 << name as u32) == 0 {
            return None;
        }
        self.values.get(name as usize).copied()
    }

    /// From here on, it is the body's parameters that come.
    pub(super) const fn begin_body(&mut self) {
        self.of_query = self.present;
    }

    /// Takes in a query or the text of a form.
    pub(super) fn add_form(&mut self, text: &'a str, tally: &mut Tally) -> Result<(), Reason> {
        let bytes = text.as_bytes();
        let has_plus = memchr::memchr(b'+', bytes).is_some();
        let mut parameter = Parameter::default();
        for at in places(bytes, [b'&', b'=', b'%']) {
            match bytes.get(at) {
                Some(b'&') => {
                    self.set(parameter, text, at, has_plus, tally)?;
                    parameter = Parameter { start: at + 1, ..Parameter::default() };
                }
                Some(b'=') => parameter.sign = parameter.sign.or(Some(at)),
                _ if parameter.sign.is_some() => parameter.is_value_encoded = true,
                _ => parameter.is_name_encoded = true,
            }
        }
        self.set(parameter, text, bytes.len(), has_plus, tally)
    }

    /// Takes in a JSON object. A member that is `null` says nothing.
    pub(super) fn add_json(&mut self, text: &'a str, tally: &mut Tally) -> Result<(), Reason> {
        let mut cursor = Cursor::new(text, limits::DEPTH);
        if !cursor.open_object()? {
            return Err(Reason::Json);
        }
        let mut first = true;
        while let Some(name) = cursor.name(first)? {
            first = false;
            self.count_parameter()?;
            let Some(value) = json_value(&mut cursor)? else { continue };
            match name.escaped {
                true => self.set_named(&unescaped(name), value, tally),
                false => self.set_named(name.text, value, tally),
            }
        }
        cursor.end()
    }

    fn count_parameter(&mut self) -> Result<(), Reason> {
        self.parameters += 1;
        if self.parameters > limits::PARAMETERS { Err(Reason::TooLarge) } else { Ok(()) }
    }

    /// Takes in the parameter that ends here; `has_plus`: whether there may be a `+` in it.
    #[inline]
    fn set(
        &mut self,
        parameter: Parameter,
        text: &'a str,
        end: usize,
        has_plus: bool,
        tally: &mut Tally,
    ) -> Result<(), Reason> {
        let Parameter { start, sign, is_name_encoded, is_value_encoded } = parameter;
        if start == end {
            return Ok(());
        }
        self.count_parameter()?;
        let sign = sign.unwrap_or(end);
        let (name, value) = (text.get(start..sign).unwrap_or_default(), text.get(sign + 1..end).unwrap_or_default());
        let is_encoded = |is_encoded: bool, text: &str| is_encoded || has_plus && text.contains('+');
        let form = if is_encoded(is_value_encoded, value) { Form::Percent } else { Form::Plain };
        let value = Value { text: value, form };
        if !is_encoded(is_name_encoded, name) {
            self.set_named(name, value, tally);
        } else if let Ok(name) = String::from_utf8(form_decoded(name)) {
            self.set_named(&name, value, tally);
        }
        Ok(())
    }

    #[inline]
    fn set_named(&mut self, name: &str, value: Value<'a>, tally: &mut Tally) {
        let Some(name) = self.names.get(name) else { return };
        let bit = 1 << name as u32;
        if self.present & bit != 0 {
            return self.count_again(name, value, tally);
        }
        if let Some(place) = self.values.get_mut(name as usize) {
            *place = value;
            self.present |= bit;
        }
    }

    #[cold]
    fn count_again(&self, name: Name, value: Value<'a>, tally: &mut Tally) {
        if self.of_query & (1 << name as u32) == 0 {
            tally.warn(Warning::Repeated);
        } else if self.get(name).and_then(Value::text) != value.text() {
            tally.warn(Warning::Conflict);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// What a form says by its parameters, cut out one after the other.
    fn said(form: &str) -> HashMap<u32, String> {
        let mut said = HashMap::new();
        for parameter in form.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let Ok(name) = String::from_utf8(form_decoded(name)) else { continue };
            let Some(name) = Names::shared().get(&name) else { continue };
            said.entry(name as u32).or_insert_with(|| String::from_utf8_lossy(&form_decoded(value)).into_owned());
        }
        said
    }

    proptest! {
        /// Wherever the signs stand in their words of eight bytes.
        #[test]
        fn a_form_is_split_as_one_would_by_hand(
            pieces in proptest::collection::vec(
                prop::sample::select(vec!["&", "=", "%", "+", "%3D", "position", "entryId", "%70osition", "service", "1", "é", "abc"]),
                0..24,
            ),
        ) {
            let form = pieces.concat();
            let mut members = Members::new();
            members.add_form(&form, &mut Tally::default()).unwrap();
            let said = said(&form);
            for (text, name) in Name::ALL {
                let found = members.get(*name).map(|value| value.text_replaced().unwrap().into_owned());
                prop_assert_eq!(found.as_ref(), said.get(&(*name as u32)), "{} of {}", text, form);
            }
        }
    }
}
