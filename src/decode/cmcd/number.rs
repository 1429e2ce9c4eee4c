//! Decimal numbers as structured fields write them (RFC 8941, section 3.3), read by hand.
//!
//! Stricter than a float parser: no exponent, no bare point, at most 15 integer digits. More lenient than the RFC: any number of
//! fraction digits, because players send `bl=3993.8321995464853`.

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
    /// Reads the whole of `text`; `None` when it is not a number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            all => (false, all),
        };
        let mut whole = 0_i64;
        let mut length = 0_usize;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            length += 1;
            if length > INTEGER_DIGITS {
                return None;
            }
            whole = whole * 10 + i64::from(digit);
        }
        if length == 0 {
            return None;
        }
        let number = Self { negative, whole, thousandths: 0, fourth_rounds_up: false, fraction_digits: 0 };
        match digits.get(length..) {
            None | Some([]) => Some(number),
            Some([b'.', fraction @ ..]) => number.with_fraction(fraction),
            Some(_) => None,
        }
    }

    fn with_fraction(mut self, fraction: &[u8]) -> Option<Self> {
        if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut weight = 100;
        for &byte in fraction.iter().take(3) {
            self.thousandths += i64::from(byte - b'0') * weight;
            weight /= 10;
        }
        self.fourth_rounds_up = fraction.get(3).is_some_and(|&byte| byte >= b'5');
        self.fraction_digits = fraction.len();
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
