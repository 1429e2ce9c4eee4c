//! Pages: several carries in one record of a state topic.
//!
//! The record's key is [`CARRY_KEY`], the name of the store, and the page's number in two bytes, the larger first. Its value is a version
//! byte, then of each carry, in order of key: the key, the boundary at which it falls due, and what is carried, as [`crate::model::bytes`]
//! writes them. An empty page is a tombstone.

use std::sync::Arc;

use super::CarryError;
use crate::model::Boundary;
use crate::model::bytes::{Reader, Short, Writer};

/// The first byte of every key in a state topic that belongs to a page of carries.
pub const CARRY_KEY: u8 = 1;

/// No page is larger, in bytes: the bus takes it, whatever it holds.
const LARGEST: usize = 512 << 10;

/// A page as its state topic has it: key and value in one piece of memory, shared with the commit that saves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedPage {
    bytes: Arc<[u8]>,
    /// Where the value begins.
    key_length: u32,
    carries: u32,
}

impl SavedPage {
    /// The record's key.
    pub fn key(&self) -> &[u8] {
        self.bytes.get(..self.key_length as usize).unwrap_or_default()
    }

    /// The record's value; `None` is a tombstone.
    pub fn value(&self) -> Option<&[u8]> {
        self.bytes.get(self.key_length as usize..).filter(|value| !value.is_empty())
    }

    /// How many carries it holds.
    pub fn carries(&self) -> usize {
        self.carries as usize
    }

    /// What takes it out of its state topic.
    pub(super) fn tombstone(&self) -> Self {
        Self { bytes: Arc::from(self.key()), key_length: self.key_length, carries: 0 }
    }

    /// Its carries, in order of key.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let value = self.bytes.get(self.key_length as usize..).unwrap_or_default();
        Entries::of(value).map_while(Result::ok)
    }
}

/// A carry in its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a [u8],
    /// When it falls due.
    pub(super) until: Boundary,
    pub(super) carry: &'a [u8],
}

/// The carries in a page's value.
struct Entries<'a>(Reader<'a>);

impl<'a> Entries<'a> {
    fn of(value: &'a [u8]) -> Self {
        Self(Reader::new(value.get(1..).unwrap_or_default()))
    }

    fn read(&mut self) -> Result<Entry<'a>, Short> {
        let key = self.0.bytes()?;
        let until = Boundary::from_millis(self.0.integer()?);
        Ok(Entry { key, until, carry: self.0.bytes()? })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Short>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| self.read())
    }
}

/// Keys and carries in the value of a page's record, as far as it can be read.
pub fn carries_in(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    Entries::of(value).map_while(Result::ok).map(|entry| (entry.key, entry.carry))
}

/// A page that is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    out: Writer,
    key_length: usize,
    carries: u32,
    /// When the first of its carries falls due.
    first_due: Option<Boundary>,
}

impl Draft {
    /// Begins the page of this number, in the memory of the one before.
    pub(super) fn begin(&mut self, store: &[u8], number: u16) {
        self.out.clear();
        self.out.byte(CARRY_KEY);
        store.iter().chain(&number.to_be_bytes()).for_each(|byte| self.out.byte(*byte));
        (self.key_length, self.carries, self.first_due) = (self.out.as_bytes().len(), 0, None);
    }

    /// Adds a carry; they come in order of key. Returns whether there was room for it.
    #[must_use]
    pub(super) fn add(&mut self, version: u8, entry: Entry<'_>) -> bool {
        if self.out.as_bytes().len() + entry.key.len() + entry.carry.len() > LARGEST {
            return false;
        }
        if self.carries == 0 {
            self.out.byte(version);
        }
        self.out.bytes(entry.key);
        self.out.integer(entry.until.as_millis());
        self.out.bytes(entry.carry);
        self.carries += 1;
        self.first_due = Some(self.first_due.map_or(entry.until, |due| due.min(entry.until)));
        true
    }

    /// The page, and when the first of its carries falls due; `None` = it is empty.
    pub(super) fn finish(&self) -> (SavedPage, Option<Boundary>) {
        let key_length = u32::try_from(self.key_length).unwrap_or(u32::MAX);
        (SavedPage { bytes: Arc::from(self.out.as_bytes()), key_length, carries: self.carries }, self.first_due)
    }

    /// Takes over the value of a page's record, where it can be read.
    pub(super) fn load(&mut self, value: &[u8], known: u8) -> Result<(), CarryError> {
        let damaged = CarryError::Damaged { length: value.len() };
        let Some(found) = value.first().copied() else { return Err(damaged) };
        if found > known {
            return Err(CarryError::Version { found, known });
        }
        for entry in Entries::of(value) {
            if !self.add(found, entry.map_err(|_| damaged)?) {
                return Err(damaged);
            }
        }
        Ok(())
    }
}
