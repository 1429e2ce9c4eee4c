//! The items of an inner list.

use crate::decode::common::short_digits;
use crate::model::cmcd::{Integers, Labelled, ObjectType};

use super::cursor::Cursor;
use super::limits;
use super::member::{Form, Value, Wrong};

/// Fills an empty list from what nearly all look like, `21300;v 128;a`: short integers, each with a known label or without, a blank
/// between two. False = it is anything else, to be read item by item, and the list is still empty.
pub(super) fn push_plain_integers(content: &str, list: &mut Integers) -> bool {
    let is_plain = push_until_unusual(content.as_bytes(), list).is_some();
    if !is_plain {
        list.clear();
    }
    is_plain
}

fn push_until_unusual(mut rest: &[u8], list: &mut Integers) -> Option<()> {
    while list.len() < limits::LIST_ITEMS {
        let (value, behind) = short_digits(rest)?;
        let (object_type, behind) = match behind {
            [b';', label @ ..] => plain_label(label)?,
            _ => (None, behind),
        };
        list.push(Labelled { value: value.cast_signed(), object_type });
        match behind {
            [] => return Some(()),
            [b' ', next @ ..] => rest = next,
            _ => return None,
        }
    }
    None
}

/// The label of one or two letters that `bytes` begin with, and what is behind it.
fn plain_label(bytes: &[u8]) -> Option<(Option<ObjectType>, &[u8])> {
    let (label, behind) = match bytes {
        [_] | [_, b' ', ..] => bytes.split_at(1),
        [_, _] | [_, _, b' ', ..] => bytes.split_at(2),
        _ => return None,
    };
    Some((Some(ObjectType::from_token(label)?), behind))
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
        Self { cursor: Cursor::new(content) }
    }

    fn item(&mut self) -> Result<Item<'a>, Wrong> {
        let value = self.cursor.item_value()?;
        let mut item = Item { value, label: None, draft_label: None };
        while self.cursor.peek() == Some(b';') {
            match self.cursor.parameter()? {
                (name, Value { form: Form::Flag, .. }) => item.label = item.label.or(Some(name)),
                ("ot", value) => item.draft_label = Some(value.text),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::number::Number;
    use super::*;

    proptest! {
        #[test]
        fn plain_lists_hold_what_reading_item_by_item_finds(
            parts in prop::collection::vec("[0-9]{1,9}|[0-9]{1,7};(av|[acimov]|tt|x|ot=v)| |[;.-]", 0..9),
            separator in " {0,2}",
        ) {
            let content = parts.join(&separator);
            let mut plain = Integers::new();
            if !push_plain_integers(&content, &mut plain) {
                prop_assert!(plain.is_empty());
                return Ok(());
            }
            let by_items: Integers = Items::of(&content)
                .map(|item| {
                    let item = item.unwrap();
                    assert_eq!(item.value.form, Form::Bare);
                    let object_type = item.label.map(|label| ObjectType::from_token(label.as_bytes()).unwrap());
                    Labelled { value: Number::parse(item.value.text).unwrap().rounded(), object_type }
                })
                .collect();
            prop_assert_eq!(plain, by_items);
        }
    }

    #[test]
    fn usual_lists_are_plain() {
        for (content, length) in [("21300", 1), ("21300;v", 1), ("3200;v 128;a 96;tt", 3), ("0 1;av", 2)] {
            let mut list = Integers::new();
            assert!(push_plain_integers(content, &mut list), "{content}");
            assert_eq!(list.len(), length, "{content}");
        }
    }
}
