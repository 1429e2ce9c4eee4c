//! Which kind of value each key has, and where it goes.

use crate::model::cmcd::{Integers, Keys, Warning};

use super::key::Key;
use super::limits;
use super::member::{Value, Wrong};
use super::reading::Reading;
use super::token;

/// Characters of `cid` and `h` (version 2; version 1 has 64 for `cid`).
const CONTENT_ID_CHARACTERS: usize = 128;
/// Characters of `sid` and `cen`.
const ID_CHARACTERS: usize = 64;

impl Reading<'_> {
    /// Gives a key its value. `Err` = the value is not one that the key can have, and the key keeps what it had.
    pub(super) fn assign<'a>(&mut self, key: Key, value: Value<'a>, keys: &mut Keys<'a>) -> Result<(), Wrong> {
        match key {
            Key::Bl | Key::Br | Key::Mtp | Key::Tb => self.assign_list(key, value, keys),
            Key::Bg => self.boolean(value).map(|flag| keys.bg = Some(flag)),
            Key::Bs => self.boolean(value).map(|flag| keys.bs = Some(flag)),
            Key::Nr => self.boolean(value).map(|flag| keys.nr = Some(flag)),
            Key::Su => self.boolean(value).map(|flag| keys.su = Some(flag)),
            Key::D => self.integer(value).map(|number| keys.d = Some(number)),
            Key::Dfa => self.integer(value).map(|number| keys.dfa = Some(number)),
            Key::Dl => self.rounded_integer(value).map(|number| keys.dl = Some(number)),
            Key::Ltc => self.signed_integer(value).map(|number| keys.ltc = Some(number)),
            Key::Msd => self.integer(value).map(|number| keys.msd = Some(number)),
            Key::Pt => self.signed_integer(value).map(|number| keys.pt = Some(number)),
            Key::Pr => self.thousandths(value).map(|number| keys.pr_thousandths = Some(number)),
            Key::Rc => self.integer(value).map(|number| keys.rc = Some(number)),
            Key::Rtp => self.rounded_integer(value).map(|number| keys.rtp = Some(number)),
            Key::Sn => self.integer(value).map(|number| keys.sn = Some(number)),
            Key::Ts => self.integer(value).map(|number| keys.ts = Some(number)),
            Key::Ttfb => self.integer(value).map(|number| keys.ttfb = Some(number)),
            Key::Ttfbb => self.integer(value).map(|number| keys.ttfbb = Some(number)),
            Key::Ttlb => self.integer(value).map(|number| keys.ttlb = Some(number)),
            Key::V => self.version(value).map(|number| keys.v = Some(number)),
            Key::E => self.event_token(value),
            Key::Ot => self.token(value, token::object_type).map(|known| keys.ot = known),
            Key::Sf => self.token(value, token::streaming_format).map(|known| keys.sf = known.unwrap_or_default()),
            Key::St => self.token(value, token::stream_type).map(|known| keys.st = known.unwrap_or_default()),
            Key::Sta => self.token(value, token::player_state).map(|known| keys.sta = known),
            _ => self.assign_rare(key, value, keys),
        }
    }

    /// Strings, and the lists that only version 2 has.
    fn assign_rare<'a>(&mut self, key: Key, value: Value<'a>, keys: &mut Keys<'a>) -> Result<(), Wrong> {
        let (ordinary, long) = (limits::STRING_BYTES, limits::LONG_STRING_BYTES);
        match key {
            Key::Sid => self.id(value, ID_CHARACTERS, &mut keys.sid),
            Key::Cid => self.id(value, CONTENT_ID_CHARACTERS, &mut keys.cid),
            Key::Cen => self.id(value, ID_CHARACTERS, &mut keys.cen),
            Key::H => self.id(value, CONTENT_ID_CHARACTERS, &mut keys.h),
            Key::Cmsdd => self.text(value, ordinary).map(|text| keys.cmsdd = Some(text)),
            Key::Cmsds => self.text(value, ordinary).map(|text| keys.cmsds = Some(text)),
            Key::Cs => self.text(value, ordinary).map(|text| keys.cs = Some(text)),
            Key::Nrr => self.text(value, ordinary).map(|text| keys.nrr = Some(text)),
            Key::Smrt => self.text(value, long).map(|text| keys.smrt = Some(text)),
            Key::Url => self.text(value, long).map(|text| keys.url = Some(text)),
            Key::Ec => self.texts(value, ordinary).map(|list| keys.ec = list),
            Key::Nor => self.texts(value, long).map(|list| keys.nor = list),
            _ => self.assign_list(key, value, keys),
        }
    }

    fn assign_list(&mut self, key: Key, value: Value<'_>, keys: &mut Keys<'_>) -> Result<(), Wrong> {
        let Some(list) = integer_list(key, keys) else { return Err(Wrong) };
        self.integers(value, list)?;
        if matches!(key, Key::Bl | Key::Mtp | Key::Tbl) && list.iter().any(|member| member.value % 100 != 0) {
            self.tally.warn(Warning::Rounding);
        }
        Ok(())
    }
}

fn integer_list<'k>(key: Key, keys: &'k mut Keys<'_>) -> Option<&'k mut Integers> {
    Some(match key {
        Key::Ab => &mut keys.ab,
        Key::Bl => &mut keys.bl,
        Key::Br => &mut keys.br,
        Key::Bsa => &mut keys.bsa,
        Key::Bsd => &mut keys.bsd,
        Key::Bsda => &mut keys.bsda,
        Key::Lab => &mut keys.lab,
        Key::Lb => &mut keys.lb,
        Key::Mtp => &mut keys.mtp,
        Key::Pb => &mut keys.pb,
        Key::Tab => &mut keys.tab,
        Key::Tb => &mut keys.tb,
        Key::Tbl => &mut keys.tbl,
        Key::Tpb => &mut keys.tpb,
        _ => return None,
    })
}
