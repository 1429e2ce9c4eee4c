//! One CMCD record being read: members go in, the keys of an event come out.
//!
//! R1  A member that is wrong is dropped and counted; the other members are untouched.
//! R2  Of a key that comes several times the last usable value counts.
//! R3  The version decides nothing before all members are read (it may be the last of them); only a version above 2 rejects the record.
//! R4  Keys of event mode are dropped from a request.

use crate::model::cmcd::{Event, EventKind, Keys, Mode, Warning};
use crate::model::{EventTime, Reason};

use super::key::{self, Key, KeySet};
use super::limits;
use super::member::{Form, Member, Members, Value, Wrong};
use super::number::Number;
use super::tally::Tally;

/// The newest version that this decoder knows.
const NEWEST_VERSION: i64 = 2;

/// Shapes whose legality depends on the version, by count of members.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// Single values on keys that are lists in version 2.
    pub(super) scalars: u32,
    /// Lists, which version 1 does not have.
    pub(super) lists: u32,
    /// `?0` and `?1`, which version 1 does not have.
    pub(super) booleans: u32,
}

/// The state of one record's reading.
#[derive(Debug)]
pub(super) struct Reading<'t> {
    pub(super) tally: &'t mut Tally,
    pub(super) event_kind: Option<EventKind>,
    pub(super) shapes: Shapes,
    pub(super) rejected: u32,
    named: KeySet,
    members_seen: usize,
}

impl<'t> Reading<'t> {
    /// Starts with an empty record.
    pub(super) fn new(tally: &'t mut Tally) -> Self {
        let shapes = Shapes::default();
        Self { tally, event_kind: None, shapes, rejected: 0, named: KeySet::default(), members_seen: 0 }
    }

    /// Reads a payload, or one of the parts of which a record consists (the four headers).
    pub(super) fn payload<'a>(&mut self, payload: &'a str, keys: &mut Keys<'a>) -> Result<(), Reason> {
        if payload.len() > limits::PAYLOAD_BYTES {
            return Err(Reason::TooLarge);
        }
        let mut members = Members::of(payload);
        while members.has_next() && self.may_go_on() {
            match members.next_usual() {
                Some((key, value)) => self.known(key, value, keys),
                None => self.member(members.next(), keys),
            }
        }
        Ok(())
    }

    /// Reads a payload that the log has cut off: its last member may look whole and is not, so it is dropped.
    pub(super) fn cut_payload<'a>(&mut self, payload: &'a str, keys: &mut Keys<'a>) -> Result<(), Reason> {
        if payload.len() > limits::PAYLOAD_BYTES {
            return Err(Reason::TooLarge);
        }
        self.tally.warn(Warning::Truncated);
        let mut members = Members::of(payload);
        while members.has_next() {
            let member = members.next();
            if !members.has_next() {
                self.rejected += 1;
                break;
            }
            if !self.may_go_on() {
                break;
            }
            self.member(member, keys);
        }
        Ok(())
    }

    /// Whether any key of the specification was named, with a usable value or not.
    pub(super) const fn has_keys(&self) -> bool {
        !self.named.is_empty()
    }

    fn may_go_on(&mut self) -> bool {
        self.members_seen += 1;
        if self.members_seen == limits::MEMBERS + 1 {
            self.tally.warn(Warning::TooLong);
        }
        self.members_seen <= limits::MEMBERS
    }

    fn member<'a>(&mut self, member: Member<'a>, keys: &mut Keys<'a>) {
        match member {
            Member::Known { key, value } => self.known(key, value, keys),
            Member::Unknown { name, value } => self.unknown(name, value),
            Member::Wrong { key } => {
                self.rejected += 1;
                if let Some(key) = key {
                    self.named.insert(key);
                }
            }
            Member::Empty => self.tally.warn(Warning::EmptyMember),
        }
    }

    #[inline(always)]
    fn known<'a>(&mut self, key: Key, value: Value<'a>, keys: &mut Keys<'a>) {
        if !self.named.insert(key) {
            self.tally.warn(Warning::Repeated);
        }
        if let Err(Wrong) = self.assign(key, value, keys) {
            self.rejected += 1;
        }
    }

    /// A custom key, a key of a draft or of a later version: passed over, unless it is misspelled.
    #[cold]
    fn unknown(&mut self, name: &str, value: Value<'_>) {
        if !key::is_well_formed(name) {
            self.rejected += 1;
            return;
        }
        let is_custom = name.contains('-');
        let is_number = value.form == Form::Bare && Number::parse(value.text).is_some();
        if is_custom && is_number {
            // The specification gives custom keys strings and tokens only.
            self.tally.warn(Warning::Quoting);
        }
    }

    /// Ends a record that came on a request, and gives it away.
    pub(super) fn finish_request(
        mut self,
        event: &mut Event<'_>,
        each: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), Reason> {
        self.judge_version(&mut event.keys)?;
        self.drop_event_keys(&mut event.keys);
        event.members_rejected = self.rejected;
        each(event);
        Ok(())
    }

    /// Ends a record that a player reported, and gives it away.
    pub(super) fn finish_report(
        mut self,
        event: &mut Event<'_>,
        each: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), Reason> {
        self.judge_version(&mut event.keys)?;
        self.warn_missing(&event.keys);
        event.mode = Mode::Event(self.event_kind.unwrap_or(EventKind::Unknown));
        event.time = event.keys.ts.map(EventTime::from_millis);
        event.members_rejected = self.rejected;
        each(event);
        Ok(())
    }

    fn judge_version(&mut self, keys: &mut Keys<'_>) -> Result<(), Reason> {
        let version = keys.v.unwrap_or(1);
        if version > NEWEST_VERSION {
            return Err(Reason::Version);
        }
        if version == 1 {
            self.tally.warn_times(Warning::VersionMismatch, self.shapes.lists);
            self.tally.warn_times(Warning::Boolean, self.shapes.booleans);
            return Ok(());
        }
        self.tally.warn_times(Warning::VersionMismatch, self.shapes.scalars);
        if keys.nrr.take().is_some() {
            self.tally.warn(Warning::VersionMismatch);
        }
        Ok(())
    }

    fn drop_event_keys(&mut self, keys: &mut Keys<'_>) {
        let misplaced = self.named.intersection(Key::EVENT_ONLY);
        if misplaced.is_empty() {
            return;
        }
        self.tally.warn_times(Warning::WrongMode, misplaced.len());
        (keys.cen, keys.cmsdd, keys.cmsds, keys.h, keys.smrt, keys.url) = (None, None, None, None, None, None);
        (keys.rc, keys.ts, keys.ttfb, keys.ttfbb, keys.ttlb) = (None, None, None, None, None);
    }

    /// Counts the keys that the record's event must carry and does not (CTA-5004-B, the table of events).
    fn warn_missing(&mut self, keys: &Keys<'_>) {
        let mut missing = u32::from(keys.ts.is_none());
        missing += match self.event_kind {
            None => u32::from(!self.named.contains(Key::E)),
            Some(EventKind::PlayState) => u32::from(keys.sta.is_none()),
            Some(EventKind::Error) => u32::from(keys.ec.is_empty()),
            Some(EventKind::ResponseReceived) => u32::from(keys.url.is_none()),
            Some(EventKind::Host) => u32::from(keys.h.is_none()),
            Some(EventKind::Custom) => u32::from(keys.cen.is_none()),
            Some(_) => 0,
        };
        self.tally.warn_times(Warning::MissingKey, missing);
    }
}
