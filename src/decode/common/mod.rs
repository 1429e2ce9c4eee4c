//! What the decoders of several sources share: a place in JSON text, decimal numbers, percent-encoding, texts.

mod cursor;
mod key;
mod number;
mod percent;
mod scan;
mod text;

pub(crate) use cursor::{Container, Cursor, Raw, Token};
pub(crate) use key::Key;
pub(crate) use number::{Parts, Places, TENS, digits, short_integer};
pub(crate) use percent::{Plus, percent_decode};
pub(crate) use scan::{before_any, letters_in, places, token_bytes_in};
pub(crate) use text::{beginning, shortened, unescaped};
