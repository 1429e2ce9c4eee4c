//! Decimal numbers, read from text straight into integer units: no float comes in between, so what is written is what counts.

use super::word::first_word;

/// The magnitude that no number here may exceed, in its unit.
const MOST: u64 = 9_000_000_000_000_000;
/// Digits of a fraction that are kept; the finest unit needs as many.
const PLACES: usize = 9;
/// More digits than these in front of the point overflow 64 bits.
const WHOLE_DIGITS: usize = 19;

/// A number as written: whole part, fraction, sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    negative: bool,
    /// Saturated when it does not fit.
    whole: u64,
    /// The first nine digits of the fraction.
    billionths: u64,
    /// Whether the tenth digit is 5 or more.
    rounds_up: bool,
}

/// How many decimal places an integer has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// Whole numbers.
    None,
    /// Thousandths.
    Three,
    /// Millionths.
    Six,
    /// Billionths.
    Nine,
}

impl Parts {
    /// Reads the number that `bytes` begin with, and tells its length.
    #[inline(always)]
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let negative = bytes.first() == Some(&b'-');
        let start = usize::from(negative);
        let (whole, whole_end) = digits(bytes, start);
        if whole_end == start {
            return None;
        }
        let mut parts = Self { negative, whole, billionths: 0, rounds_up: false };
        if whole_end - start > WHOLE_DIGITS {
            parts.whole = u64::MAX;
        }
        let mut end = whole_end;
        if bytes.get(end) == Some(&b'.') {
            end = parts.read_fraction(bytes, end + 1)?;
        }
        match bytes.get(end) {
            Some(b'e' | b'E') => read_exponent(bytes, start, end),
            _ => Some((parts, end)),
        }
    }

    /// The number that is the whole of `text`; blanks around it mean nothing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.trim_ascii().as_bytes();
        let (parts, length) = Self::read(bytes)?;
        if length == bytes.len() { Some(parts) } else { None }
    }

    #[inline(always)]
    fn read_fraction(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let (fraction, end) = digits(bytes, start);
        let length = end - start;
        match TENS.get(PLACES.wrapping_sub(length)) {
            Some(scale) if length > 0 => self.billionths = fraction * scale,
            Some(_) => return None,
            None => {
                // Of what is longer, the first ten digits count.
                self.billionths = digits(bytes.get(..start + PLACES)?, start).0;
                self.rounds_up = digit_at(bytes, start + PLACES) >= Some(5);
            }
        }
        Some(end)
    }

    /// Times ten to the power of these places, rounded half away from zero; `None` = beyond what any counter reaches.
    #[inline(always)]
    pub(crate) fn scaled(self, places: Places) -> Option<i64> {
        let (scale, fraction) = match places {
            Places::None => (1, (self.billionths + 500_000_000) / 1_000_000_000),
            Places::Three => (1_000, (self.billionths + 500_000) / 1_000_000),
            Places::Six => (1_000_000, (self.billionths + 500) / 1_000),
            Places::Nine => (1_000_000_000, self.billionths + u64::from(self.rounds_up)),
        };
        let magnitude = self.whole.checked_mul(scale)?.checked_add(fraction)?;
        if magnitude > MOST {
            return None;
        }
        let magnitude = magnitude.cast_signed();
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The whole part, without the sign; saturated when it does not fit.
    #[inline(always)]
    pub(crate) const fn whole(self) -> u64 {
        self.whole
    }

    /// Whether it is more than zero.
    #[inline(always)]
    pub(crate) const fn is_positive(self) -> bool {
        !self.negative && (self.whole > 0 || self.billionths > 0)
    }

    /// Whether it is −1, by which old interfaces say that they know nothing.
    pub(crate) const fn is_minus_one(self) -> bool {
        self.negative && self.whole == 1 && self.billionths == 0
    }
}

/// How long the number is that `bytes` begin with, where its value is not asked for: what [`Parts::read`] tells of one without a sign.
#[inline(always)]
pub(super) fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits_from = |start: usize| {
        let rest = bytes.get(start..).unwrap_or_default();
        let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        Some(start + count).filter(|end| *end > start)
    };
    let mut end = digits_from(0)?;
    if bytes.get(end) == Some(&b'.') {
        end = digits_from(end + 1)?;
    }
    if !matches!(bytes.get(end), Some(b'e' | b'E')) {
        return Some(end);
    }
    let is_signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
    digits_from(end + 1 + usize::from(is_signed))
}

fn digit_at(bytes: &[u8], at: usize) -> Option<u64> {
    let digit = bytes.get(at)?.wrapping_sub(b'0');
    if digit > 9 { None } else { Some(u64::from(digit)) }
}

/// Powers of ten.
pub(crate) const TENS: [u64; PLACES + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// The digits from `at` on as a number, and where they end. Wraps when there are too many of them.
#[inline(always)]
pub(crate) fn digits(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let mut number = 0_u64;
    // Eight at a time: numbers are of every length, so that a loop over single bytes ends where the processor did not expect it.
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (value, count) = digits_in(first_word(rest));
        number = number.wrapping_mul(TENS.get(count).copied().unwrap_or(1)).wrapping_add(value);
        at += count;
        if count < 8 {
            return (number, at);
        }
    }
}

/// The number that `bytes` are when they are nothing but one to eight digits, as most numbers are.
#[inline(always)]
pub(crate) fn short_integer(bytes: &[u8]) -> Option<u64> {
    let (value, count) = digits_in(first_word(bytes));
    if count > 0 && count == bytes.len() { Some(value) } else { None }
}

/// The number that the one to seven digits are that `bytes` begin with, and what is behind them.
#[inline(always)]
pub(crate) fn short_digits(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match digits_in(first_word(bytes)) {
        (_, 0 | 8..) => None,
        (value, count) => Some((value, bytes.get(count..)?)),
    }
}

/// The digits that the eight bytes of a word begin with as a number, and how many they are.
#[inline(always)]
const fn digits_in(word: u64) -> (u64, usize) {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let values = word ^ ZEROS;
    // The high bit of each byte that is no digit; behind the first of them perhaps of others.
    let others = (values.wrapping_add(0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080;
    let count = others.trailing_zeros() / 8;
    if count == 0 {
        return (0, 0);
    }
    // Zeros come before the digits instead of what stands behind them; then twos, fours and eights are put together.
    let digits = values << (64 - 8 * count);
    let twos = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let odd = (twos & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let even = ((twos >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    (odd.wrapping_add(even) >> 32, count as usize)
}

/// A number with an exponent: its digits once more, each at the place where the exponent moves it. `end` is where the exponent begins.
#[cold]
fn read_exponent(bytes: &[u8], start: usize, end: usize) -> Option<(Parts, usize)> {
    let sign = bytes.get(end + 1).copied();
    let exponent_start = end + 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
    let (exponent, exponent_end) = digits(bytes, exponent_start);
    if exponent_end == exponent_start {
        return None;
    }
    // So many digits, leading zeros aside, that the number overflows or vanishes whatever stands before them.
    let is_huge = exponent_end - exponent_start > WHOLE_DIGITS || exponent > 2_000_000;
    let exponent = if is_huge { 2_000_000 } else { i64::try_from(exponent).ok()? };
    let exponent = if sign == Some(b'-') { -exponent } else { exponent };
    let mantissa = bytes.get(start..end)?;
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let whole_digits = i64::try_from(point).ok()? + exponent;
    let mut parts = Parts { negative: start == 1, ..Parts::default() };
    let values = mantissa.iter().filter(|byte| **byte != b'.').map(|byte| u64::from(byte - b'0'));
    for (place, digit) in (0..).zip(values) {
        parts.add(whole_digits - 1 - place, digit);
    }
    Some((parts, exponent_end))
}

impl Parts {
    /// Adds a digit whose weight is ten to the power of `power`.
    fn add(&mut self, power: i64, digit: u64) {
        if digit == 0 {
            return;
        }
        match power {
            0..=18 => self.whole = self.whole.saturating_add(digit * 10_u64.pow(power as u32)),
            19.. => self.whole = u64::MAX,
            -9..=-1 => self.billionths += digit * 10_u64.pow((power + 9) as u32),
            -10 => self.rounds_up = digit >= 5,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Parts, Places, number_length};

    #[test]
    fn numbers_become_integers_of_their_unit() {
        let cases = [
            ("0", Places::None, Some(0)),
            ("-3", Places::None, Some(-3)),
            ("12.5", Places::None, Some(13)),
            ("-12.5", Places::None, Some(-13)),
            ("12.49999", Places::None, Some(12)),
            ("0.0005444444444444444", Places::Six, Some(544)),
            ("0.0000005", Places::Six, Some(1)),
            ("5e-7", Places::Six, Some(1)),
            ("4.9e-7", Places::Six, Some(0)),
            ("1.5977121019294447", Places::Nine, Some(1_597_712_102)),
            ("0.0000000005", Places::Nine, Some(1)),
            ("30.803080308030804", Places::Six, Some(30_803_080)),
            ("1795244333285.488", Places::Three, Some(1_795_244_333_285_488)),
            ("1.795244333285488E+12", Places::Three, Some(1_795_244_333_285_488)),
            ("9000000000000000", Places::None, Some(9_000_000_000_000_000)),
            ("9000000000000001", Places::None, None),
            ("18446744073709551616", Places::None, None),
            ("1e400", Places::None, None),
            ("0e99999999999999999999", Places::None, Some(0)),
            ("1e-99999999999999999999", Places::None, Some(0)),
            ("123456789e-9", Places::Six, Some(123_457)),
        ];
        for (text, places, expected) in cases {
            assert_eq!(Parts::parse(text).unwrap().scaled(places), expected, "{text}");
        }
    }

    #[test]
    fn the_length_of_a_number_is_told_without_its_value() {
        for text in ["0", "12.5", "5e-7", "1.79E+12", "1.", "1e", "1e+", ".5", "x", "", "12,3", "7}", "0x10", "1.2.3"] {
            assert_eq!(
                number_length(text.as_bytes()),
                Parts::read(text.as_bytes()).map(|(_, length)| length),
                "{text}"
            );
        }
    }

    #[test]
    fn digits_are_read_whatever_their_number_and_what_follows() {
        let text = "9081726354908172635490";
        for length in 0..text.len() {
            for behind in ["", "/", ":", ",234567", ".", "e", "\u{e9}\u{e9}\u{e9}\u{e9}"] {
                let digits = text.get(..length).unwrap();
                // Too many wrap.
                let value = digits
                    .bytes()
                    .fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
                let written = format!("-{digits}{behind}");
                assert_eq!(super::digits(written.as_bytes(), 1), (value, 1 + length), "{written}");
                let is_short = (1..=8).contains(&length) && behind.is_empty();
                assert_eq!(super::short_integer(&written.as_bytes()[1..]), is_short.then_some(value), "{written}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".5", "1.", "1e", "1e+", "+1", "0x10", "1.2.3", "--1", "NaN", "½", "1 2"] {
            assert_eq!(Parts::parse(text), None, "{text}");
        }
    }
}
