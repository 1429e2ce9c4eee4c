//! The 50 key names: the 49 of CTA-5004-A and -B (wire version 2), and `nrr` of version 1.

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
        Some(match name {
            "ab" => Self::Ab,
            "bg" => Self::Bg,
            "bl" => Self::Bl,
            "br" => Self::Br,
            "bs" => Self::Bs,
            "bsa" => Self::Bsa,
            "bsd" => Self::Bsd,
            "bsda" => Self::Bsda,
            "cen" => Self::Cen,
            "cid" => Self::Cid,
            "cmsdd" => Self::Cmsdd,
            "cmsds" => Self::Cmsds,
            "cs" => Self::Cs,
            "d" => Self::D,
            "dfa" => Self::Dfa,
            "dl" => Self::Dl,
            "e" => Self::E,
            "ec" => Self::Ec,
            "h" => Self::H,
            "lab" => Self::Lab,
            "lb" => Self::Lb,
            "ltc" => Self::Ltc,
            "msd" => Self::Msd,
            "mtp" => Self::Mtp,
            "nor" => Self::Nor,
            "nr" => Self::Nr,
            "nrr" => Self::Nrr,
            "ot" => Self::Ot,
            "pb" => Self::Pb,
            "pr" => Self::Pr,
            "pt" => Self::Pt,
            "rc" => Self::Rc,
            "rtp" => Self::Rtp,
            "sf" => Self::Sf,
            "sid" => Self::Sid,
            "smrt" => Self::Smrt,
            "sn" => Self::Sn,
            "st" => Self::St,
            "sta" => Self::Sta,
            "su" => Self::Su,
            "tab" => Self::Tab,
            "tb" => Self::Tb,
            "tbl" => Self::Tbl,
            "tpb" => Self::Tpb,
            "ts" => Self::Ts,
            "ttfb" => Self::Ttfb,
            "ttfbb" => Self::Ttfbb,
            "ttlb" => Self::Ttlb,
            "url" => Self::Url,
            "v" => Self::V,
            _ => return None,
        })
    }
}

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
