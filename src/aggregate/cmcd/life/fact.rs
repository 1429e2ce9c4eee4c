//! What one record says of its session's life, kept small and sorted until the window closes.

use crate::model::cmcd::{Event, EventKind, Keys, Labelled, Mode, ObjectType, PlayerState};
use crate::model::hash::stable_hash;

/// A number that may be missing, in four bytes. What does not fit is the largest that does; below 0 is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Maybe(u32);

impl Maybe {
    pub(crate) const NONE: Self = Self(u32::MAX);

    pub(crate) fn new(value: Option<i64>) -> Self {
        match value {
            Some(value) if value >= 0 => Self(u32::try_from(value).unwrap_or(u32::MAX).min(u32::MAX - 1)),
            _ => Self::NONE,
        }
    }

    pub(crate) fn get(self) -> Option<i64> {
        if self == Self::NONE { None } else { Some(i64::from(self.0)) }
    }
}

/// What a record says of its session's life. The order of the fields is the order of the facts: at the same moment requests
/// come first, because they say what was, and events say what is from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fact {
    /// Event time, ms after the window's start.
    pub(crate) after_start_ms: u32,
    pub(crate) is_event: bool,
    /// `sn`.
    pub(crate) number: Maybe,
    /// `None` = a request.
    pub(crate) kind: Option<EventKind>,
    pub(crate) state: Option<PlayerState>,
    /// Whether all players of the session are invisible; `None` = the record does not tell.
    pub(crate) is_hidden: Option<bool>,
    /// `bsa`, the largest member.
    pub(crate) starvations: Maybe,
    /// `bsda`, the largest member.
    pub(crate) starved_ms: Maybe,
    /// `bsd`, added up by object type, the largest sum.
    pub(crate) starvation_ms: Maybe,
    /// `dfa`.
    pub(crate) dropped_frames: Maybe,
    /// `msd`.
    pub(crate) start_delay_ms: Maybe,
    /// The hash of one code of `ec`.
    pub(crate) error: Maybe,
    /// The hash of `cid`.
    pub(crate) content: Maybe,
    /// The published hash of the record's roll-up key, so that the order does not depend on the index below.
    pub(crate) key_hash: u64,
    /// The roll-up key of the record, as an index into the window's keys.
    pub(crate) key: u32,
}

/// Whether a record has facts: requests of version 1 have none.
pub(crate) fn tells_of_life(event: &Event<'_>) -> bool {
    event.mode != Mode::Request || tells_of_state(&event.keys)
}

/// Calls `each` with the facts of a record: one, and another for each further code of `ec`.
///
/// Of a player that only fetches ahead (`nr`) the number counts alone. An `rr` is stamped with the start of its request and sent
/// after the response, so what it says of the player's state and of running counters is of another moment, and is left out.
pub(crate) fn facts_of(event: &Event<'_>, after_start_ms: u32, key_hash: u64, key: u32, each: &mut dyn FnMut(Fact)) {
    let keys = &event.keys;
    let kind = match event.mode {
        Mode::Event(kind) => Some(kind),
        Mode::Request if tells_of_state(keys) => None,
        Mode::Request => return,
    };
    let none = Maybe::NONE;
    let mut fact = Fact {
        after_start_ms,
        is_event: kind.is_some(),
        number: Maybe::new(keys.sn),
        kind,
        state: None,
        is_hidden: None,
        starvations: none,
        starved_ms: none,
        starvation_ms: none,
        dropped_frames: none,
        start_delay_ms: none,
        error: none,
        content: none,
        key_hash,
        key,
    };
    if keys.nr == Some(true) {
        fact.kind = kind.map(|_| EventKind::Unknown);
        if fact.is_event {
            each(fact);
        }
        return;
    }
    if kind != Some(EventKind::ResponseReceived) {
        fact.state = keys.sta;
        fact.is_hidden = Some(keys.bg == Some(true));
        fact.starvations = Maybe::new(largest(&keys.bsa));
        fact.starved_ms = Maybe::new(largest(&keys.bsda));
        fact.dropped_frames = Maybe::new(keys.dfa);
        fact.content = Maybe::new(keys.cid.as_deref().map(|content| i64::from(content_hash(content))));
    }
    fact.starvation_ms = Maybe::new(longest_of_a_type(&keys.bsd));
    fact.start_delay_ms = Maybe::new(keys.msd);
    let mut codes = keys.ec.iter().map(|code| Maybe::new(Some(i64::from(short_hash(code)))));
    fact.error = codes.next().unwrap_or(none);
    each(fact);
    let nothing_else = Fact {
        kind: kind.map(|_| EventKind::Unknown),
        state: None,
        starvations: none,
        starved_ms: none,
        starvation_ms: none,
        dropped_frames: none,
        start_delay_ms: none,
        content: none,
        ..fact
    };
    codes.for_each(|error| each(Fact { error, ..nothing_else }));
}

fn tells_of_state(keys: &Keys<'_>) -> bool {
    keys.sta.is_some()
        || keys.bg.is_some()
        || keys.dfa.is_some()
        || keys.msd.is_some()
        || !(keys.bsa.is_empty() && keys.bsda.is_empty() && keys.ec.is_empty())
}

fn largest(list: &[Labelled<i64>]) -> Option<i64> {
    list.iter().map(|member| member.value).max()
}

/// The same starvation may be told for video and for audio; several members of one type are several starvations.
fn longest_of_a_type(list: &[Labelled<i64>]) -> Option<i64> {
    let of_type = |wanted: Option<ObjectType>| {
        let same = list.iter().filter(|member| member.object_type == wanted);
        same.map(|member| member.value).fold(0, i64::saturating_add)
    };
    list.iter().map(|member| of_type(member.object_type)).max()
}

/// The hash by which a content id is told from others.
pub(crate) fn content_hash(content: &str) -> u32 {
    short_hash(content)
}

fn short_hash(text: &str) -> u32 {
    // Never the value that means none.
    ((stable_hash(text.as_bytes()) >> 32) as u32).min(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventTime;
    use crate::model::cmcd::Delivery;

    fn facts(mode: Mode, keys: Keys<'_>) -> Vec<Fact> {
        let event = Event {
            mode,
            time: Some(EventTime::from_millis(0)),
            keys,
            delivery: Delivery::default(),
            members_rejected: 0,
        };
        let mut facts = Vec::new();
        facts_of(&event, 5, 1, 2, &mut |fact| facts.push(fact));
        facts
    }

    fn labelled(value: i64, object_type: Option<ObjectType>) -> Labelled<i64> {
        Labelled { value, object_type }
    }

    #[test]
    fn a_request_of_version_1_has_no_fact_and_each_error_code_has_its_own() {
        let request = Keys { cid: Some("film".into()), bs: Some(true), d: Some(4000), ..Keys::default() };
        assert_eq!(facts(Mode::Request, request), []);
        let keys =
            Keys { ec: ["a".into(), "b".into()].into_iter().collect(), sn: Some(7), dfa: Some(3), ..Keys::default() };
        let told = facts(Mode::Event(EventKind::Error), keys);
        assert_eq!(told.iter().map(|fact| fact.dropped_frames.get()).collect::<Vec<_>>(), [Some(3), None]);
        assert_ne!(told[0].error, told[1].error);
        assert_eq!(std::mem::size_of::<Fact>(), 56);
    }

    #[test]
    fn a_response_tells_nothing_of_its_moment() {
        let (video, audio) = (Some(ObjectType::Video), Some(ObjectType::Audio));
        let keys = Keys {
            sta: Some(PlayerState::Playing),
            dfa: Some(3),
            bsd: [labelled(100, video), labelled(250, audio), labelled(200, video)].into_iter().collect(),
            sn: Some(1),
            ..Keys::default()
        };
        let [fact] = facts(Mode::Event(EventKind::ResponseReceived), keys)[..] else { return };
        assert_eq!((fact.state, fact.dropped_frames.get(), fact.starvation_ms.get()), (None, None, Some(300)));
    }

    #[test]
    fn numbers_that_do_not_fit_are_cut_and_never_missing() {
        assert_eq!(Maybe::new(Some(-1)).get(), None);
        assert_eq!(Maybe::new(None).get(), None);
        assert_eq!(Maybe::new(Some(i64::MAX)).get(), Some(4_294_967_294));
    }
}
