//! Few texts with many uses, interned for one window.

use std::hash::BuildHasher;

use hashbrown::HashTable;

/// Texts by index. Index 0 is the text given at the start.
pub(super) struct Names {
    texts: Vec<Box<str>>,
    table: HashTable<u32>,
}

impl Names {
    pub(super) fn new(first: &str) -> Self {
        Self { texts: vec![first.into()], table: HashTable::new() }
    }

    pub(super) fn get(&self, index: u32) -> &str {
        self.texts.get(index as usize).map_or("", |text| text)
    }

    /// The index of `text`, entered when it is new.
    pub(super) fn intern(&mut self, hasher: &impl BuildHasher, text: &str) -> u32 {
        if self.get(0) == text {
            return 0;
        }
        let hash = hasher.hash_one(text);
        if let Some(index) = self.table.find(hash, |index| self.get(*index) == text) {
            return *index;
        }
        let Ok(index) = u32::try_from(self.texts.len()) else { return 0 };
        self.texts.push(text.into());
        let texts = &self.texts;
        self.table
            .insert_unique(hash, index, |index| texts.get(*index as usize).map_or(0, |text| hasher.hash_one(&**text)));
        index
    }
}
