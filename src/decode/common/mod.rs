//! What the decoders of several sources share: a place in JSON text, decimal numbers, percent-encoding, texts.

mod cursor;
mod key;
mod number;
mod percent;
mod scan;
mod text;
mod word;

pub(crate) use cursor::{Container, Cursor, Raw, Token};
pub(crate) use key::Key;
pub(crate) use number::{Parts, Places, TENS, digits, short_digits, short_integer};
pub(crate) use percent::{Plus, percent_decode};
pub(crate) use scan::{before_any, places, plain_text};
pub(crate) use text::{beginning, shortened, unescaped};
pub(crate) use word::{first_word, letters_in, token_length};
