//! One layer of percent-encoding, undone: a `%` that two hexadecimal digits do not follow stays as it is (WHATWG URL).

use super::scan::before_any_in;

/// What `+` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// In a form-encoded query.
    Space,
    /// Anywhere else.
    Plus,
}

/// Appends `raw` with one layer undone.
pub(crate) fn percent_decode(raw: &[u8], plus: Plus, out: &mut Vec<u8>) {
    let mut written = out.len();
    // What is decoded is never longer: room is made once, and what is left of it is given back.
    out.resize(written + raw.len(), 0);
    let mut rest = raw;
    while let (Some(word), Some(places)) = (rest.first_chunk(), out.get_mut(written..written + 8)) {
        places.copy_from_slice(word);
        let plain = plus.before_special(*word);
        written += plain;
        rest = rest.get(plain..).unwrap_or_default();
        if plain < 8 {
            rest = plus.undo(rest, out, &mut written);
        }
    }
    while !rest.is_empty() {
        rest = plus.undo(rest, out, &mut written);
    }
    out.truncate(written);
}

impl Plus {
    /// How many of eight bytes stand for themselves, up to the first that may not.
    fn before_special(self, bytes: [u8; 8]) -> usize {
        match self {
            Self::Space => before_any_in(bytes, [b'%', b'+']),
            Self::Plus => before_any_in(bytes, [b'%']),
        }
    }

    /// Writes the byte that `rest` begins with, and returns what is behind it.
    fn undo<'r>(self, rest: &'r [u8], out: &mut [u8], written: &mut usize) -> &'r [u8] {
        let Some((first, after)) = rest.split_first() else { return rest };
        let (mut byte, mut behind) = (*first, after);
        if byte == b'%' {
            if let [high, low, beyond @ ..] = after {
                let (high, low) = (HEXADECIMAL[usize::from(*high)], HEXADECIMAL[usize::from(*low)]);
                if high | low < 16 {
                    (byte, behind) = (high << 4 | low, beyond);
                }
            }
        } else if byte == b'+' && self == Self::Space {
            byte = b' ';
        }
        if let Some(place) = out.get_mut(*written) {
            *place = byte;
        }
        *written += 1;
        behind
    }
}

/// The value of each byte as a hexadecimal digit; 255 = it is none.
const HEXADECIMAL: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte.
    fn slowly(raw: &[u8], plus: Plus) -> Vec<u8> {
        let (mut out, mut at) = (Vec::new(), 0);
        let digit = |at: usize| char::from(*raw.get(at)?).to_digit(16);
        while let Some(byte) = raw.get(at) {
            match (byte, digit(at + 1), digit(at + 2)) {
                (b'%', Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                (b'+', ..) if plus == Plus::Space => out.push(b' '),
                _ => out.push(*byte),
            }
            at += 1;
        }
        out
    }

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_give_what_single_bytes_do(parts in prop::collection::vec("%|[+]|%[0-9a-fA-F]{2}|%.|[a-z]{1,11}|\\PC", 0..30)) {
            let raw = parts.concat();
            for plus in [Plus::Space, Plus::Plus] {
                let mut out = b"before".to_vec();
                percent_decode(raw.as_bytes(), plus, &mut out);
                prop_assert_eq!(&out[6..], &slowly(raw.as_bytes(), plus));
            }
        }
    }
}
