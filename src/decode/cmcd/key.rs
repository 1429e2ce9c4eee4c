//! The 50 key names: the 49 of CTA-5004-A and -B (wire version 2), and `nrr` of version 1.

use crate::decode::common::first_word;

/// A key of the specification. Variants are named as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Ab,
    Bg,
    Bl,
    Br,
    Bs,
    Bsa,
    Bsd,
    Bsda,
    Cen,
    Cid,
    Cmsdd,
    Cmsds,
    Cs,
    D,
    Dfa,
    Dl,
    E,
    Ec,
    H,
    Lab,
    Lb,
    Ltc,
    Msd,
    Mtp,
    Nor,
    Nr,
    Nrr,
    Ot,
    Pb,
    Pr,
    Pt,
    Rc,
    Rtp,
    Sf,
    Sid,
    Smrt,
    Sn,
    St,
    Sta,
    Su,
    Tab,
    Tb,
    Tbl,
    Tpb,
    Ts,
    Ttfb,
    Ttfbb,
    Ttlb,
    Url,
    V,
}

impl Key {
    /// Keys that only an event-mode record may have.
    pub(super) const EVENT_ONLY: KeySet = KeySet::of(&[
        Self::Cen,
        Self::Cmsdd,
        Self::Cmsds,
        Self::E,
        Self::H,
        Self::Rc,
        Self::Smrt,
        Self::Ts,
        Self::Ttfb,
        Self::Ttfbb,
        Self::Ttlb,
        Self::Url,
    ]);

    /// The key with this name; names are case-sensitive.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::from_word(first_word(name.as_bytes()), name.len())
    }

    /// The key whose name is the first `length` bytes of `word`, the lowest first.
    #[inline(always)]
    pub(super) fn from_word(word: u64, length: usize) -> Option<Self> {
        if length >= NAME_ROOM {
            return None;
        }
        let name = packed(word & ((1 << (8 * length)) - 1), length);
        let slot = SLOTS.get(slot_of(name))?;
        if slot.name == name { Some(slot.key) } else { None }
    }
}

/// No name is as long: there is room for seven bytes in a word, and the length above them.
const NAME_ROOM: usize = 8;

/// A name and its length as one word.
const fn packed(bytes: u64, length: usize) -> u64 {
    bytes | (length as u64) << 56
}

/// Where a name is looked up. The factor was found by trying: it gives each name a place of its own, which is checked when the table is built.
const fn slot_of(name: u64) -> usize {
    (name.wrapping_mul(0x4f6e_2038_202a_cc2d) >> (u64::BITS - SLOT_BITS)) as usize
}

const SLOT_BITS: u32 = 7;

/// A place of the table of names.
#[derive(Clone, Copy)]
struct Slot {
    /// Packed; all ones where no name is.
    name: u64,
    key: Key,
}

static SLOTS: [Slot; 1 << SLOT_BITS] = {
    let mut slots = [Slot { name: u64::MAX, key: Key::V }; 1 << SLOT_BITS];
    let mut rest = NAMES.as_slice();
    while let [(name, key), others @ ..] = rest {
        let (mut bytes, mut at) = (0, name.len());
        while at > 0 {
            at -= 1;
            bytes = bytes << 8 | name.as_bytes()[at] as u64;
        }
        let name = packed(bytes, name.len());
        let slot = &mut slots[slot_of(name)];
        assert!(slot.name == u64::MAX, "two names have one place: another factor is needed");
        *slot = Slot { name, key: *key };
        rest = others;
    }
    slots
};

const NAMES: [(&str, Key); 50] = [
    ("ab", Key::Ab),
    ("bg", Key::Bg),
    ("bl", Key::Bl),
    ("br", Key::Br),
    ("bs", Key::Bs),
    ("bsa", Key::Bsa),
    ("bsd", Key::Bsd),
    ("bsda", Key::Bsda),
    ("cen", Key::Cen),
    ("cid", Key::Cid),
    ("cmsdd", Key::Cmsdd),
    ("cmsds", Key::Cmsds),
    ("cs", Key::Cs),
    ("d", Key::D),
    ("dfa", Key::Dfa),
    ("dl", Key::Dl),
    ("e", Key::E),
    ("ec", Key::Ec),
    ("h", Key::H),
    ("lab", Key::Lab),
    ("lb", Key::Lb),
    ("ltc", Key::Ltc),
    ("msd", Key::Msd),
    ("mtp", Key::Mtp),
    ("nor", Key::Nor),
    ("nr", Key::Nr),
    ("nrr", Key::Nrr),
    ("ot", Key::Ot),
    ("pb", Key::Pb),
    ("pr", Key::Pr),
    ("pt", Key::Pt),
    ("rc", Key::Rc),
    ("rtp", Key::Rtp),
    ("sf", Key::Sf),
    ("sid", Key::Sid),
    ("smrt", Key::Smrt),
    ("sn", Key::Sn),
    ("st", Key::St),
    ("sta", Key::Sta),
    ("su", Key::Su),
    ("tab", Key::Tab),
    ("tb", Key::Tb),
    ("tbl", Key::Tbl),
    ("tpb", Key::Tpb),
    ("ts", Key::Ts),
    ("ttfb", Key::Ttfb),
    ("ttfbb", Key::Ttfbb),
    ("ttlb", Key::Ttlb),
    ("url", Key::Url),
    ("v", Key::V),
];

/// A set of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet(u64);

impl KeySet {
    const fn of(keys: &[Key]) -> Self {
        let mut set = 0;
        let mut rest = keys;
        while let [first, others @ ..] = rest {
            set |= 1 << *first as u64;
            rest = others;
        }
        Self(set)
    }

    /// Adds a key; whether it was new.
    pub(super) const fn insert(&mut self, key: Key) -> bool {
        let bit = 1 << key as u64;
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new
    }

    /// Whether a key is in it.
    pub(super) const fn contains(self, key: Key) -> bool {
        self.0 & (1 << key as u64) != 0
    }

    /// What is in both.
    pub(super) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// How many keys are in it.
    pub(super) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether no key is in it.
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Whether `name` is spelled as a key may be (RFC 8941, section 3.1.2), within our limit of length.
pub(super) fn is_well_formed(name: &str) -> bool {
    let bytes = name.as_bytes();
    let starts_well = matches!(bytes.first(), Some(b'a'..=b'z' | b'*'));
    let goes_on_well = bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
    starts_well && goes_on_well && bytes.len() <= super::limits::KEY_BYTES
}

#[cfg(test)]
mod tests {
    use super::{Key, NAMES};

    #[test]
    fn each_name_is_its_key_and_nothing_near_it_is() {
        for (name, key) in NAMES {
            assert_eq!(Key::from_name(name), Some(key), "{name}");
            for other in [format!("{name}\0"), name.to_uppercase(), format!("{name}zzzzzzzz"), format!("\0{name}")] {
                assert_eq!(Key::from_name(&other), None, "{other:?}");
            }
        }
        assert_eq!(Key::from_name(""), None);
    }
}
