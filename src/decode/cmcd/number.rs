//! Decimal numbers as structured fields write them (RFC 8941, section 3.3), read by hand.
//!
//! Stricter than a float parser: no exponent, no bare point, at most 15 integer digits. More lenient than the RFC: any number of
//! fraction digits, because players send `bl=3993.8321995464853`.

use crate::decode::common::{TENS, digits};

/// The most integer digits: with three decimals more, a value still fits in 64 bits.
const INTEGER_DIGITS: usize = 15;

/// A parsed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    whole: i64,
    /// The first three fraction digits.
    thousandths: i64,
    /// Whether the fourth fraction digit is 5 or more.
    fourth_rounds_up: bool,
    fraction_digits: usize,
}

impl Number {
    const ZERO: Self = Self { negative: false, whole: 0, thousandths: 0, fourth_rounds_up: false, fraction_digits: 0 };

    /// Reads the whole of `text`; `None` when it is not a number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let negative = bytes.first() == Some(&b'-');
        let start = usize::from(negative);
        let (whole, end) = digits(bytes, start);
        if !(1..=INTEGER_DIGITS).contains(&(end - start)) {
            return None;
        }
        let whole = whole.cast_signed();
        let number = Self { negative, whole, ..Self::ZERO };
        match bytes.get(end..) {
            None | Some([]) => Some(number),
            Some([b'.', fraction @ ..]) => number.with_fraction(fraction),
            Some(_) => None,
        }
    }

    fn with_fraction(mut self, fraction: &[u8]) -> Option<Self> {
        let (value, length) = digits(fraction, 0);
        if length == 0 || length < fraction.len() {
            return None;
        }
        self.fraction_digits = length;
        match TENS.get(3_usize.wrapping_sub(length)) {
            Some(scale) => self.thousandths = (value * scale).cast_signed(),
            None => {
                let (first_four, _) = digits(fraction.get(..4)?, 0);
                self.thousandths = (first_four / 10).cast_signed();
                self.fourth_rounds_up = first_four % 10 >= 5;
            }
        }
        Some(self)
    }

    /// Whether it was written with a fraction.
    pub(super) const fn is_decimal(&self) -> bool {
        self.fraction_digits > 0
    }

    /// Whether it was written with more than three fraction digits.
    pub(super) const fn is_beyond_thousandths(&self) -> bool {
        self.fraction_digits > 3
    }

    /// As an integer, rounded half away from zero.
    pub(super) const fn rounded(&self) -> i64 {
        let magnitude = self.whole + if self.thousandths >= 500 { 1 } else { 0 };
        if self.negative { -magnitude } else { magnitude }
    }

    /// Multiplied by 1000 and rounded half away from zero: seconds become milliseconds.
    pub(super) const fn in_thousandths(&self) -> i64 {
        let magnitude = self.whole * 1000 + self.thousandths + if self.fourth_rounds_up { 1 } else { 0 };
        if self.negative { -magnitude } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Number;

    #[test]
    fn integers_and_decimals_round_half_away_from_zero() {
        let cases = [
            ("0", 0, 0),
            ("-0", 0, 0),
            ("3000", 3000, 3_000_000),
            ("999999999999999", 999_999_999_999_999, 999_999_999_999_999_000),
            ("3993.8321995464853", 3994, 3_993_832),
            ("2.5", 3, 2500),
            ("-2.5", -3, -2500),
            ("2.4999", 2, 2500),
            ("0.0005", 0, 1),
            ("1767600123.417", 1_767_600_123, 1_767_600_123_417),
        ];
        for (text, rounded, thousandths) in cases {
            let number = Number::parse(text).unwrap();
            assert_eq!((number.rounded(), number.in_thousandths()), (rounded, thousandths), "{text}");
        }
    }

    #[test]
    fn what_structured_fields_do_not_allow_is_no_number() {
        for text in ["", "-", ".5", "1.", "4e3", "+1", "1 ", "0x10", "1.2.3", "--1", "1234567890123456", "½"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
