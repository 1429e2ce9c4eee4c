//! Memory that goes from record to record, so that an ordinary report costs no allocation once it has grown.
//!
//! Nothing borrowed survives in it: what goes back is emptied first.

use std::borrow::Cow;

use crate::model::webrtc::{Object, ObjectType};

/// Objects kept at most: two dozen tracks. A record with more of them has its memory for itself.
const MOST_OBJECTS: usize = 128;

/// Emptied objects, and an emptied list of them.
#[derive(Debug, Default)]
pub(super) struct Pool {
    spare: Vec<Object<'static>>,
    list: Vec<Object<'static>>,
}

impl Pool {
    /// An empty list.
    pub(super) fn list<'a>(&mut self) -> Vec<Object<'a>> {
        std::mem::take(&mut self.list)
    }

    /// An object with nothing in it.
    pub(super) fn object<'a>(&mut self) -> Object<'a> {
        self.spare.pop().unwrap_or_else(|| Object {
            object_type: ObjectType::Codec,
            id: Cow::Borrowed(""),
            time_us: None,
            numbers: Vec::new(),
            texts: Vec::new(),
        })
    }

    /// Takes one object back.
    pub(super) fn give_back(&mut self, object: Object<'_>) {
        if self.spare.len() < MOST_OBJECTS {
            self.spare.push(emptied(object));
        }
    }

    /// Takes a list and its objects back.
    pub(super) fn give_back_all(&mut self, mut objects: Vec<Object<'_>>) {
        objects.drain(..).for_each(|object| self.give_back(object));
        if objects.capacity() <= MOST_OBJECTS {
            self.list = relabelled(objects, emptied);
        }
    }
}

fn emptied(mut object: Object<'_>) -> Object<'static> {
    object.numbers.clear();
    object.texts.clear();
    let texts = relabelled(object.texts, |(text, _)| (text, Cow::Borrowed("")));
    Object { object_type: object.object_type, id: Cow::Borrowed(""), time_us: None, numbers: object.numbers, texts }
}

/// An empty list as one of another type of the same size: the standard library collects into the memory that it iterates over.
fn relabelled<A, B>(empty: Vec<A>, as_other: impl Fn(A) -> B) -> Vec<B> {
    empty.into_iter().map(as_other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_empty_and_as_large_as_it_was() {
        let mut pool = Pool::default();
        let mut object = pool.object();
        let id = String::from("IT01");
        object.id = Cow::Borrowed(&id);
        object.texts = Vec::with_capacity(7);
        let mut list = pool.list();
        list.reserve_exact(9);
        list.push(object);
        pool.give_back_all(list);
        let again = pool.object();
        assert_eq!((&*again.id, again.texts.capacity(), pool.list().capacity()), ("", 7, 9));
    }
}
