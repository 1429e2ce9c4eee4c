//! The carries of one partition: what is known of the past at the boundary closed last, and what of it a commit has to save.
//!
//! R1  A carry changes only while a boundary is being closed. Each change is kept as of its boundary until a commit covers that, so that
//!     a commit saves the past as it was at its frontier, however far the windows have closed since.
//! R2  A carry falls due at a boundary that was known when it was written: event time alone decides, never the wall clock.
//! R3  A carry that has fallen due is gone, and what is saved says so: a ghost would be due again after a restart.
//! R4  Carries are kept and saved by the page, and the published hash of a key says in which. Sessions that are watched change at each
//!     boundary, all of a page together, so that memory and the bus bear one record for a dozen of them.
//! R5  A page is bounded: of more carries than it holds, those with the largest keys are let go, and counted. Only ids that were made for one page fill it.

use std::collections::{BTreeMap, VecDeque};

use super::page::{Draft, Entry, SavedPage};
use crate::model::hash::stable_hash;
use crate::model::{Boundary, Carries};

/// How many pages a store has: a dozen carries in each with as many sessions as a partition can serve on a core.
const PAGES: u16 = 2048;
const _: () = assert!(PAGES.is_power_of_two(), "the low bits of a hash say in which page");

/// Why a saved carry cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// A newer program wrote it.
    #[error("a carry has version {found}, and this program knows only {known}: finish the upgrade of all instances")]
    Version {
        /// Its first byte.
        found: u8,
        /// The newest version that this program knows.
        known: u8,
    },
    /// It cannot be read.
    #[error("a saved page of carries is damaged: it has {length} bytes")]
    Damaged {
        /// How long its value is.
        length: usize,
    },
}

/// A carry that has fallen due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    key: Box<[u8]>,
    value: Box<[u8]>,
}

impl Due {
    /// Its key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What was carried.
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

#[derive(Clone, Debug, Default)]
struct Page {
    saved: SavedPage,
    /// When the first of its carries falls due.
    first_due: Option<Boundary>,
    /// The queue in which it waits: at or before that.
    queued: Option<Boundary>,
    /// What was put since it was written: the last one, as an index.
    staged: Option<u32>,
    is_changed: bool,
}

/// A carry that is not in its page yet.
#[derive(Clone, Debug)]
struct Staged {
    key: std::ops::Range<usize>,
    carry: std::ops::Range<usize>,
    until: Boundary,
    /// The one before in the same page.
    before: Option<u32>,
}

/// The carries of one partition.
#[derive(Clone, Debug)]
pub struct CarryStore {
    /// Tells its records from those of other stores in the same partition of a state topic.
    name: Box<[u8]>,
    version: u8,
    window_ms: i64,
    /// None before the first carry.
    pages: Vec<Page>,
    count: usize,
    /// When to look at which pages. One that is written again stays where it waits, and is queued anew when its turn comes.
    queues: BTreeMap<Boundary, Vec<u16>>,
    /// The boundary that is being closed.
    closing: Option<Boundary>,
    staged: Vec<Staged>,
    /// The bytes of what is staged.
    staging: Vec<u8>,
    changed: Vec<u16>,
    /// Ascending by boundary; within one in order.
    changes: VecDeque<(Boundary, Vec<SavedPage>)>,
    draft: Draft,
    /// Carries for which their page had no room, since the last look.
    let_go: u64,
}

impl CarryStore {
    /// Without any carry. `version` is the first byte of each record; a carry falls due at a multiple of `window_ms`.
    pub fn new(version: u8, window_ms: i64) -> Self {
        Self::named(&[], version, window_ms)
    }

    /// The same with a name that each of its records' keys has before the number of the page.
    pub fn named(name: &[u8], version: u8, window_ms: i64) -> Self {
        Self {
            name: name.into(),
            version,
            window_ms,
            pages: Vec::new(),
            count: 0,
            queues: BTreeMap::new(),
            closing: None,
            staged: Vec::new(),
            staging: Vec::new(),
            changed: Vec::new(),
            changes: VecDeque::new(),
            draft: Draft::default(),
            let_go: 0,
        }
    }

    /// Takes in a record of the state topic, in order of offset: what stands in its key behind the name, and its value, `None` for a
    /// tombstone.
    ///
    /// # Errors
    /// When a newer program wrote it, or it is none.
    pub fn load(&mut self, number: &[u8], value: Option<&[u8]>) -> Result<(), CarryError> {
        let value = value.unwrap_or_default();
        let number = <[u8; 2]>::try_from(number).map(u16::from_be_bytes).ok().filter(|number| *number < PAGES);
        let number = number.ok_or(CarryError::Damaged { length: value.len() })?;
        self.draft.begin(&self.name, number);
        if !value.is_empty() {
            self.draft.load(value, self.version)?;
        }
        self.replace(number);
        Ok(())
    }

    /// How many carries were let go since the last call, because their page had no room (R5).
    pub fn take_let_go(&mut self) -> u64 {
        std::mem::take(&mut self.let_go)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The next boundary at which something may fall due.
    pub fn next_due(&self) -> Option<Boundary> {
        self.queues.first_key_value().map(|(boundary, _)| *boundary)
    }

    /// Begins to close `boundary`, and takes out what falls due there, in order of key. Boundaries come in ascending order.
    pub fn close(&mut self, boundary: Boundary) -> Vec<Due> {
        self.seal();
        self.closing = Some(boundary);
        let mut due = Vec::new();
        while let Some(queue) = self.queues.first_entry().filter(|queue| *queue.key() <= boundary) {
            let (queued, waiting) = queue.remove_entry();
            for number in waiting {
                self.take_turn(number, queued, boundary, &mut due);
            }
        }
        due.sort_unstable_by(|left: &Due, right| left.key.cmp(&right.key));
        due
    }

    /// Ends the boundary that is being closed: what was put is in its page from now on, and can be saved.
    pub fn seal(&mut self) {
        let Some(closing) = self.closing.filter(|_| !self.changed.is_empty()) else { return };
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        let mut order = Vec::new();
        let saved: Vec<SavedPage> = changed.drain(..).map(|number| self.write(number, closing, &mut order)).collect();
        self.changed = changed;
        // All partitions together would hold much more of these between two boundaries than one needs while it closes.
        (self.staged, self.staging) = (Vec::new(), Vec::new());
        match self.changes.back_mut() {
            Some((boundary, changes)) if *boundary == closing => changes.extend(saved),
            _ => self.changes.push_back((closing, saved)),
        }
    }

    /// What a commit with this frontier has to save, in the order in which it must be written. Only after [`Self::seal`].
    pub fn changes(&self, frontier: Option<Boundary>) -> impl Iterator<Item = &SavedPage> {
        debug_assert!(self.changed.is_empty(), "what was put is in its page");
        let covered = self.changes.iter().take_while(move |(boundary, _)| Some(*boundary) <= frontier);
        covered.flat_map(|(_, changes)| changes)
    }

    /// The commit with this frontier has succeeded.
    pub fn committed(&mut self, frontier: Option<Boundary>) {
        while self.changes.front().is_some_and(|(boundary, _)| Some(*boundary) <= frontier) {
            self.changes.pop_front();
        }
    }

    /// Gives everything up, for whoever begins anew: the tombstones of all that a commit may have saved, in order of key.
    pub fn into_tombstones(mut self) -> Vec<SavedPage> {
        self.seal();
        let present = self.pages.iter().map(|page| &page.saved);
        let changed = self.changes.iter().flat_map(|(_, changes)| changes);
        let keyed = present.chain(changed).filter(|page| !page.key().is_empty());
        let mut tombstones: Vec<SavedPage> = keyed.map(SavedPage::tombstone).collect();
        tombstones.sort_unstable_by(|left, right| left.key().cmp(right.key()));
        tombstones.dedup();
        tombstones
    }

    /// Looks at a page whose queue has come: some of it is due, or it waits on.
    fn take_turn(&mut self, number: u16, queued: Boundary, boundary: Boundary, due: &mut Vec<Due>) {
        let Some(page) = self.pages.get_mut(usize::from(number)) else { return };
        if page.queued != Some(queued) {
            // It waits in an earlier queue that came before this one.
            return;
        }
        page.queued = None;
        let Some(first_due) = page.first_due else { return };
        if first_due > boundary {
            page.queued = Some(first_due);
            self.queues.entry(first_due).or_default().push(number);
            return;
        }
        let over = page.saved.entries().filter(|entry| entry.until <= boundary);
        due.extend(over.map(|entry| Due { key: entry.key.into(), value: entry.carry.into() }));
        self.mark_changed(number);
    }

    fn mark_changed(&mut self, number: u16) {
        let Some(page) = self.pages.get_mut(usize::from(number)) else { return };
        if !std::mem::replace(&mut page.is_changed, true) {
            self.changed.push(number);
        }
    }

    /// Writes a page anew: what is not due by now, and what was put. `order` is memory to sort in.
    fn write(&mut self, number: u16, closing: Boundary, order: &mut Vec<u32>) -> SavedPage {
        let Self { pages, staged, staging, draft, name, version, let_go, .. } = self;
        let Some(page) = pages.get_mut(usize::from(number)) else { return SavedPage::default() };
        page.is_changed = false;
        order.clear();
        let mut next = page.staged.take();
        while let Some(one) = next.and_then(|index| staged.get(index as usize)) {
            order.extend(next);
            next = one.before;
        }
        let entry = |index: &u32| staged.get(*index as usize).map(|one| entry(staging, one));
        order.sort_unstable_by(|left, right| entry(left).map(|one| one.key).cmp(&entry(right).map(|one| one.key)));
        draft.begin(name, number);
        let mut add = |one| *let_go += u64::from(!draft.add(*version, one));
        let mut put = order.iter().filter_map(entry).peekable();
        for old in page.saved.entries().filter(|one| one.until > closing) {
            while let Some(new) = put.next_if(|new| new.key < old.key) {
                add(new);
            }
            // What was put takes its place.
            if put.peek().is_none_or(|new| new.key != old.key) {
                add(old);
            }
        }
        put.for_each(add);
        self.replace(number)
    }

    /// Puts the draft in the place of a page.
    fn replace(&mut self, number: u16) -> SavedPage {
        if self.pages.is_empty() {
            self.pages.resize_with(usize::from(PAGES), Page::default);
        }
        let (saved, first_due) = self.draft.finish();
        let Some(page) = self.pages.get_mut(usize::from(number)) else { return saved };
        self.count = self.count - page.saved.carries() + saved.carries();
        page.saved = if saved.carries() > 0 { saved.clone() } else { SavedPage::default() };
        page.first_due = first_due;
        if let Some(due) = first_due.filter(|due| page.queued.is_none_or(|queued| *due < queued)) {
            page.queued = Some(due);
            self.queues.entry(due).or_default().push(number);
        }
        saved
    }

    /// What was put under this key into a page at the boundary that is being closed.
    fn find_staged(&self, page: &Page, key: &[u8]) -> Option<u32> {
        let mut next = page.staged;
        while let Some((index, staged)) = next.and_then(|index| Some((index, self.staged.get(index as usize)?))) {
            if self.staging.get(staged.key.clone()) == Some(key) {
                return Some(index);
            }
            next = staged.before;
        }
        None
    }
}

impl Carries for CarryStore {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let page = self.pages.get(usize::from(page_of(key)))?;
        if let Some(staged) = self.find_staged(page, key).and_then(|index| self.staged.get(index as usize)) {
            return self.staging.get(staged.carry.clone());
        }
        let found = page.saved.entries().find(|entry| entry.key >= key).filter(|entry| entry.key == key);
        found.filter(|entry| Some(entry.until) > self.closing).map(|entry| entry.carry)
    }

    fn place(&self, key: &[u8]) -> u64 {
        // By page first.
        stable_hash(key).rotate_right(PAGES.trailing_zeros())
    }

    fn put(&mut self, key: &[u8], value: &[u8], until: Boundary) {
        let Some(closing) = self.closing else { return };
        if self.pages.is_empty() {
            self.pages.resize_with(usize::from(PAGES), Page::default);
        }
        // Never at a boundary that is closed already.
        let up = until.as_millis().saturating_add(self.window_ms - 1).div_euclid(self.window_ms);
        let until = Boundary::from_millis(up.saturating_mul(self.window_ms)).max(closing.plus(self.window_ms));
        let number = page_of(key);
        let Some(page) = self.pages.get(usize::from(number)) else { return };
        let again = self.find_staged(page, key);
        let carry = append(&mut self.staging, value);
        if let Some(staged) = again.and_then(|index| self.staged.get_mut(index as usize)) {
            (staged.carry, staged.until) = (carry, until);
            return;
        }
        let Ok(index) = u32::try_from(self.staged.len()) else { return };
        let key = append(&mut self.staging, key);
        if let Some(page) = self.pages.get_mut(usize::from(number)) {
            self.staged.push(Staged { key, carry, until, before: page.staged.replace(index) });
        }
        self.mark_changed(number);
    }
}

/// In which page a key is.
fn page_of(key: &[u8]) -> u16 {
    (stable_hash(key) % u64::from(PAGES)) as u16
}

fn append(staging: &mut Vec<u8>, bytes: &[u8]) -> std::ops::Range<usize> {
    let start = staging.len();
    staging.extend_from_slice(bytes);
    start..staging.len()
}

fn entry<'a>(staging: &'a [u8], staged: &Staged) -> Entry<'a> {
    let bytes = |range: &std::ops::Range<usize>| staging.get(range.clone()).unwrap_or_default();
    Entry { key: bytes(&staged.key), until: staged.until, carry: bytes(&staged.carry) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::CARRY_KEY;

    fn at(millis: i64) -> Boundary {
        Boundary::from_millis(millis)
    }

    fn texts(due: &[Due]) -> Vec<(&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        due.iter().map(|one| (text(one.key()), text(one.value()))).collect()
    }

    #[test]
    fn a_carry_falls_due_when_it_was_last_told_to() {
        let mut store = CarryStore::new(1, 10);
        assert_eq!(store.close(at(10)), []);
        store.put(b"a", b"1", at(31));
        store.put(b"b", b"1", at(20));
        assert_eq!(texts(&store.close(at(20))), [("b", "1")]);
        store.put(b"a", b"2", at(60));
        store.put(b"c", b"1", at(90));
        store.seal();
        assert_eq!(store.next_due(), Some(at(40)), "looked at, and found to wait on");
        assert_eq!(store.close(at(40)), []);
        store.put(b"c", b"2", at(50));
        assert_eq!(texts(&store.close(at(60))), [("a", "2"), ("c", "2")]);
        assert_eq!(store.get(b"a"), None);
        store.seal();
        assert!(store.is_empty());
        store.put(b"a", b"3", at(0));
        assert_eq!(store.get(b"a"), Some(b"3".as_slice()));
        store.seal();
        assert_eq!(store.next_due(), Some(at(70)), "never at a boundary that is closed");
        assert_eq!(store.close(at(90)).len(), 1, "what waited for c is stale");
    }

    #[test]
    fn a_commit_saves_the_past_as_it_was_at_its_frontier() {
        let mut store = CarryStore::new(1, 10);
        store.close(at(10));
        store.put(b"a", b"1", at(40));
        store.put(b"b", b"1", at(30));
        store.close(at(20));
        store.put(b"a", b"2", at(50));
        store.close(at(30));
        store.seal();
        let restored = |frontier| {
            let mut copy = CarryStore::new(1, 10);
            for change in store.changes(Some(frontier)) {
                copy.load(&change.key()[1..], change.value()).unwrap();
            }
            (copy.get(b"a").map(<[u8]>::to_vec), copy.get(b"b").map(<[u8]>::to_vec), copy.next_due())
        };
        let one = Some(b"1".to_vec());
        assert_eq!(restored(at(0)), (None, None, None));
        assert_eq!(restored(at(10)), (one.clone(), one.clone(), Some(at(30))));
        // Loading queues a carry under each version that it had; a stale turn does no harm.
        assert_eq!(restored(at(20)), (Some(b"2".to_vec()), one, Some(at(30))));
        assert_eq!(restored(at(30)).1, None, "a tombstone");
        store.committed(Some(at(20)));
        assert_eq!(store.changes(Some(at(30))).count(), 1);
        // b is saved until its tombstone is.
        let given_up = store.into_tombstones();
        assert!(given_up.iter().all(|one| one.value().is_none()));
        let mut pages = [b"a", b"b"].map(|key| [&[CARRY_KEY][..], &page_of(key).to_be_bytes()].concat());
        pages.sort();
        assert_eq!(given_up.iter().map(SavedPage::key).collect::<Vec<_>>(), pages);
    }

    /// Keys of one page.
    fn neighbours(count: usize) -> Vec<Vec<u8>> {
        let keys = (0_u32..).map(|number| number.to_string().into_bytes());
        keys.filter(|key| page_of(key) == 7).take(count).collect()
    }

    #[test]
    fn carries_of_one_page_are_saved_together_and_each_has_its_own_life() {
        let keys = neighbours(4);
        let mut store = CarryStore::named(b"name", 1, 10);
        store.close(at(10));
        keys.iter().rev().for_each(|key| store.put(key, key, at(50)));
        store.put(&keys[1], b"again", at(20));
        store.seal();
        assert_eq!((store.len(), store.changes(Some(at(10))).count()), (4, 1));
        assert_eq!(store.close(at(20)).iter().map(Due::value).collect::<Vec<_>>(), [b"again"]);
        store.put(&keys[2], b"changed", at(60));
        store.seal();
        let mut copy = CarryStore::named(b"name", 1, 10);
        for change in store.changes(Some(at(20))) {
            copy.load(change.key().strip_prefix(b"\x01name").unwrap(), change.value()).unwrap();
        }
        let found: Vec<_> = keys.iter().map(|key| copy.get(key)).collect();
        assert_eq!(found, [Some(&*keys[0]), None, Some(b"changed"), Some(&*keys[3])]);
        assert_eq!((copy.len(), store.len()), (3, 3));
        copy.close(at(30));
        assert_eq!(copy.close(at(60)).len(), 3);
    }

    #[test]
    fn a_page_that_is_full_lets_go_of_the_largest_keys() {
        let mut keys = neighbours(5);
        keys.sort();
        let mut store = CarryStore::new(1, 10);
        store.close(at(10));
        keys.iter().for_each(|key| store.put(key, &[7; 200 << 10], at(50)));
        store.seal();
        assert_eq!((store.len(), store.get(&keys[1]).is_some(), store.get(&keys[2])), (2, true, None));
        assert_eq!((store.take_let_go(), store.take_let_go()), (3, 0));
    }

    #[test]
    fn a_newer_or_damaged_carry_is_refused() {
        let mut store = CarryStore::new(1, 10);
        let newer = store.load(&[0, 1], Some(&[2, 0, 0, 0]));
        assert_eq!(newer, Err(CarryError::Version { found: 2, known: 1 }));
        for (number, value) in [([0, 1], [1, 9]), ([0xff, 1], [1, 0])] {
            assert_eq!(store.load(&number, Some(&value)), Err(CarryError::Damaged { length: 2 }));
        }
        assert!(store.is_empty());
    }
}
