//! What the peer connections of one sender said last, object by object.
//!
//! R1  An object is known from the message that told it whole, which is the one with its type. Changes of an object that is not known are
//!     left out and counted: so nothing that is known was ever put together over a gap.
//! R2  Bounded: this many connections, of each this many objects, of all together this many members. What does not fit makes the
//!     connection that was silent the longest be forgotten first.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::limits::{CONNECTIONS, KNOWN_MEMBERS, Limits, RECORD_MEMBERS};
use super::super::stat::{self, Member, Object, admit};
use super::super::{Counts, Dropped, Error};

/// What is known of one peer connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    objects: BTreeMap<String, Object>,
    last_used: u64,
}

impl Connection {
    /// All objects, ascending by id.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// All objects, to be changed.
    pub(super) fn objects_mut(&mut self) -> impl Iterator<Item = (&String, &mut Object)> {
        self.objects.iter_mut()
    }

    /// An object is gone.
    pub(super) fn remove(&mut self, id: &str) {
        self.objects.remove(id);
    }

    /// Only objects that `keep` says yes to stay.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.objects.retain(|id, _| keep(id));
    }

    /// Takes over what a message says of an object (R1). Members of a record, such as `qualityLimitationDurations`, are taken over one
    /// by one.
    pub(super) fn change(&mut self, id: &str, members: Object, counts: &mut Counts) {
        let Some(object) = self.objects.get_mut(id) else {
            match members.contains_key("type") {
                true => {
                    self.objects.extend(stat::admit_object(id, members, counts).map(|object| (id.to_owned(), object)))
                }
                false => counts.add(Dropped::WithoutBase),
            }
            return;
        };
        for (name, value) in members {
            if name == "id" || name == "type" {
                continue;
            }
            match admit(&name, value) {
                Member::Is(value) => put(object, name, value),
                Member::Absent => drop(object.remove(&name)),
                Member::Left(reason) => {
                    object.remove(&name);
                    counts.add(reason);
                }
            }
        }
    }

    fn members(&self) -> usize {
        self.objects.values().map(Object::len).sum()
    }
}

fn put(object: &mut Object, name: String, value: Value) {
    match (object.get_mut(&name), value) {
        (Some(Value::Object(known)), Value::Object(changed)) if known.len() + changed.len() <= 2 * RECORD_MEMBERS => {
            known.extend(changed);
        }
        (_, value) => drop(object.insert(name, value)),
    }
}

/// What is known of all peer connections of a sender, by their names.
#[derive(Debug, Default)]
pub(super) struct Connections {
    by_name: BTreeMap<String, Connection>,
    uses: u64,
}

impl Connections {
    /// Changes what is known of a connection, of a new one when there is none with this name (R2).
    pub(super) fn change(
        &mut self,
        name: &str,
        limits: &Limits,
        counts: &mut Counts,
        change: impl FnOnce(&mut Connection, &mut Counts),
    ) -> Result<&Connection, Error> {
        if !self.by_name.contains_key(name) && self.by_name.len() >= CONNECTIONS {
            self.forget_oldest(name, counts);
        }
        self.uses += 1;
        let connection = self.by_name.entry(name.to_owned()).or_default();
        connection.last_used = self.uses;
        change(connection, counts);
        limits.check_objects(connection.objects.len())?;
        if connection.members() > KNOWN_MEMBERS {
            return Err(Error::TooManyMembers { limit: KNOWN_MEMBERS });
        }
        while self.by_name.values().map(Connection::members).sum::<usize>() > KNOWN_MEMBERS {
            self.forget_oldest(name, counts);
        }
        Ok(self.by_name.entry(name.to_owned()).or_default())
    }

    /// Forgets one connection: it is new, or over.
    pub(super) fn end(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// Forgets everything; says whether there was anything.
    pub(super) fn forget(&mut self) -> bool {
        let had_any = self.by_name.values().any(|connection| !connection.objects.is_empty());
        self.by_name.clear();
        had_any
    }

    fn forget_oldest(&mut self, current: &str, counts: &mut Counts) {
        let others = self.by_name.iter().filter(|(name, _)| *name != current);
        let oldest = others.min_by_key(|(_, connection)| connection.last_used).map(|(name, _)| name.clone());
        if let Some(name) = oldest {
            self.by_name.remove(&name);
            counts.add(Dropped::OverCap);
        }
    }
}
