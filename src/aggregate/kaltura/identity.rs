//! The names of sessions and viewers: keys in windows and carries, and published hashes.
//!
//! R1  A session is one player session of one entry in one account; its key is the tenant, a zero byte, and `partner|session|entry`, escaped.
//! R2  Beacons of no session are kept under a key with an empty session; each of them stands for itself.

use smallvec::SmallVec;

use crate::aggregate::placing::Named;
use crate::model::hash::stable_hash;
use crate::model::kaltura::Beacon;
use crate::model::write_session_id;

/// Writes the key of a beacon's session (R1, R2). Without a tenant the account stands for it.
pub(super) fn write_key(out: &mut String, tenant: Option<&str>, beacon: &Beacon<'_>, has_key: bool) {
    let mut digits = itoa::Buffer::new();
    let partner = digits.format(beacon.partner);
    out.clear();
    out.push_str(tenant.unwrap_or(partner));
    out.push('\0');
    out.push_str(partner);
    out.push('|');
    let session = beacon.session.as_deref().filter(|_| has_key).unwrap_or_default();
    write_session_id(out, [session, &beacon.entry]);
}

/// The published hash of a beacon's viewer: of the account, a zero byte, and the viewer. `scratch` is memory to be used again.
pub(super) fn viewer_hash(scratch: &mut String, beacon: &Beacon<'_>) -> u64 {
    scratch.clear();
    scratch.push_str(itoa::Buffer::new().format(beacon.partner));
    scratch.push('\0');
    scratch.push_str(beacon.viewer().unwrap_or_default());
    stable_hash(scratch.as_bytes())
}

/// A session's key, in its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) tenant: &'a str,
    /// `partner|session|entry`.
    pub(super) id: &'a str,
    pub(super) partner: &'a str,
    pub(super) session: &'a str,
    pub(super) entry: &'a str,
}

impl<'a> Key<'a> {
    /// From what [`write_key`] wrote.
    pub(super) fn of(key: &'a str) -> Self {
        // All of this is read several times for each session of a window: hence by the means that look at many bytes at once.
        let end = memchr::memrchr(b'\0', key.as_bytes());
        let (tenant, id) = end.and_then(|end| Some((key.get(..end)?, key.get(end + 1..)?))).unwrap_or_default();
        let (partner, rest) = cut(id, b'|');
        let (session, rest) = cut(rest, b'|');
        Self { tenant, id, partner, session, entry: cut(rest, b'|').0 }
    }

    /// The session as rows are placed.
    pub(super) const fn named(&self) -> Named<'a> {
        Named { id: self.id.as_bytes(), tenant: self.tenant }
    }

    /// The name of the player's session, of all of its entries: `partner|session`. It is the key of its records on the bus.
    pub(super) fn player_session(&self) -> &'a str {
        self.id.rsplit_once('|').map_or(self.id, |(session, _)| session)
    }

    /// The published hash of it: of the account, a zero byte, and the session, as the key has them.
    pub(super) fn session_hash(&self) -> u64 {
        let mut name = SmallVec::<[u8; 128]>::from_slice(self.partner.as_bytes());
        name.push(0);
        name.extend_from_slice(self.session.as_bytes());
        stable_hash(&name)
    }
}

/// Whether a session's key is that of beacons without a session (R2): nothing stands between the account and the entry.
pub(super) fn is_of_no_session(key: &str) -> bool {
    let entry = memchr::memrchr(b'|', key.as_bytes());
    entry.and_then(|at| key.as_bytes().get(at.checked_sub(1)?)).is_none_or(|before| *before == b'|')
}

/// What is before a byte, and what is behind it: nothing if it is not there.
fn cut(text: &str, at: u8) -> (&str, &str) {
    let end = memchr::memchr(at, text.as_bytes()).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_in_their_parts() {
        let beacon = Beacon { partner: 812, session: Some("a|b".into()), entry: "1_x y".into(), ..Beacon::default() };
        let mut key = String::new();
        write_key(&mut key, None, &beacon, true);
        let read = Key::of(&key);
        assert_eq!((read.tenant, read.player_session(), read.entry), ("812", "812|a%7Cb", "1_x y"));
        assert_eq!((read.partner, read.session), ("812", "a%7Cb"));
        write_key(&mut key, Some("t"), &beacon, false);
        assert_eq!((Key::of(&key).tenant, Key::of(&key).id), ("t", "812||1_x y"));
        assert!(is_of_no_session(&key) && !is_of_no_session("812\0812|a%7Cb|1_x y"));
    }
}
