//! Numbers, times and escapes as bytes. Everything appends to a buffer.

use time::OffsetDateTime;

/// Which bytes stay as they are.
pub(super) type Unescaped = [bool; 256];

/// What a form-urlencoded query leaves alone; a space becomes `+`.
pub(super) const FORM: Unescaped = unescaped(b"*-._", true);
/// What Bitmovin leaves alone: only quotes, spaces and controls are encoded.
pub(super) const HALF: Unescaped = except(b" \"%#<>");
/// What CloudFront leaves alone when it logs.
pub(super) const CLOUDFRONT: Unescaped = except(b" \"'%#<>[]{}|\\^~`");

const HEX: &[u8; 16] = b"0123456789abcdef";

const fn unescaped(others: &[u8], alphanumeric: bool) -> Unescaped {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = alphanumeric && (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < others.len() {
        table[others[index] as usize] = true;
        index += 1;
    }
    table
}

/// All printable ASCII but `escaped`.
const fn except(escaped: &[u8]) -> Unescaped {
    let mut table = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        table[byte] = true;
        byte += 1;
    }
    let mut index = 0;
    while index < escaped.len() {
        table[escaped[index] as usize] = false;
        index += 1;
    }
    table
}

/// Percent-encodes `bytes`; `plus` is for spaces, where the encoding has its own sign for them.
pub(super) fn escaped(out: &mut Vec<u8>, bytes: &[u8], keep: &Unescaped, plus: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len() * 3);
    for byte in bytes {
        if keep[usize::from(*byte)] {
            out.push(*byte);
        } else if plus && *byte == b' ' {
            out.push(b'+');
        } else {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'%', high, low]);
        }
    }
}

/// What goes between the quotes of a JSON string. The input is ASCII.
pub(super) fn json_text(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(*byte),
        }
    }
}

pub(super) fn integer(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn signed(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `value` divided by 10 to the power `digits`; `trims` leaves out zeros at the end, and the point with them.
pub(super) fn decimal(out: &mut Vec<u8>, value: u64, digits: u32, trims: bool) {
    let unit = 10_u64.pow(digits);
    integer(out, value / unit);
    let mut fraction = value % unit;
    let mut width = digits;
    while trims && width > 0 && fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    if width > 0 {
        out.push(b'.');
        padded(out, fraction, width);
    }
}

/// Milliseconds as seconds with three decimals.
pub(super) fn seconds(out: &mut Vec<u8>, millis: i64) {
    decimal(out, millis.max(0).cast_unsigned(), 3, false);
}

/// `value` with zeros in front up to `width` digits.
pub(super) fn padded(out: &mut Vec<u8>, value: u64, width: u32) {
    let mut unit = 10_u64.pow(width.saturating_sub(1));
    while unit > 0 {
        out.push(b'0' + (value / unit % 10) as u8);
        unit /= 10;
    }
}

/// The lowest `digits` hexadecimal digits of `value`.
pub(super) fn hexadecimal(out: &mut Vec<u8>, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(HEX[(value >> (4 * place)) as usize & 15]);
    }
}

/// A random UUID, version 4.
pub(super) fn uuid([high, low]: [u64; 2]) -> [u8; 36] {
    let bits = (u128::from((high & !0xf000) | 0x4000) << 64) | u128::from((low >> 2) | (1 << 63));
    let mut text = [b'-'; 36];
    let mut shift = 128;
    for (place, letter) in text.iter_mut().enumerate() {
        if !matches!(place, 8 | 13 | 18 | 23) {
            shift -= 4;
            *letter = HEX[(bits >> shift) as usize & 15];
        }
    }
    text
}

/// Date and time of a moment in UTC, with `between` between them: `2026-01-05` … `09:22:03`.
pub(super) fn date_time(out: &mut Vec<u8>, millis: i64, between: u8) {
    let moment = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    padded(out, u64::from(moment.year().max(0).cast_unsigned()), 4);
    out.push(b'-');
    padded(out, u64::from(u8::from(moment.month())), 2);
    out.push(b'-');
    padded(out, u64::from(moment.day()), 2);
    out.push(between);
    padded(out, u64::from(moment.hour()), 2);
    out.push(b':');
    padded(out, u64::from(moment.minute()), 2);
    out.push(b':');
    padded(out, u64::from(moment.second()), 2);
}

/// A moment as RFC 3339 with milliseconds, in UTC.
pub(super) fn rfc3339(out: &mut Vec<u8>, millis: i64) {
    date_time(out, millis, b'T');
    out.push(b'.');
    padded(out, millis.rem_euclid(1000).cast_unsigned(), 3);
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn numbers_and_times() {
        assert_eq!(written(|out| decimal(out, 1500, 3, true)), "1.5");
        assert_eq!(written(|out| decimal(out, 2000, 3, true)), "2");
        assert_eq!(written(|out| decimal(out, 399_305, 2, false)), "3993.05");
        assert_eq!(written(|out| seconds(out, 1_767_600_123_017)), "1767600123.017");
        assert_eq!(written(|out| hexadecimal(out, 0xfab_c0de, 6)), "abc0de");
        assert_eq!(uuid([u64::MAX, 0]), *b"ffffffff-ffff-4fff-8000-000000000000");
        assert_eq!(written(|out| rfc3339(out, 1_767_604_923_004)), "2026-01-05T09:22:03.004Z");
    }

    #[test]
    fn escapes() {
        assert_eq!(written(|out| escaped(out, b"a=\"b c\",(5;v)", &FORM, true)), "a%3D%22b+c%22%2C%285%3Bv%29");
        assert_eq!(written(|out| escaped(out, b"a=\"b c\",(5;v)", &HALF, false)), "a=%22b%20c%22,(5;v)");
        assert_eq!(written(|out| escaped(out, b"CMCD=bl%3D1\n", &CLOUDFRONT, false)), "CMCD=bl%253D1%0A");
        assert_eq!(written(|out| json_text(out, b"a\"\\\n")), r#"a\"\\\n"#);
    }
}
