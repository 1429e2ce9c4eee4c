//! Moments, as timestamps of every unit tell them.

use crate::decode::common::{Parts, Places};

/// A moment, as a timestamp tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Microseconds since the Unix epoch.
    Epoch(i64),
    /// Microseconds since a moment that only the client knows.
    Own(i64),
}

impl Moment {
    /// As a timestamp. Its magnitude tells the unit: from 1e17 nanoseconds since the epoch, from 1e14 microseconds, from 1e11 milliseconds,
    /// from 1e9 seconds; below, and wherever `monotonic` is declared below 1e11, milliseconds of a clock of its own. `None` = no moment.
    #[inline(always)]
    pub(super) fn of(parts: Parts, monotonic: bool) -> Option<Self> {
        if !parts.is_positive() {
            return None;
        }
        let whole = parts.whole();
        Some(match whole {
            u64::MAX => return None,
            100_000_000_000_000_000.. => Self::Epoch(i64::try_from(whole / 1_000).ok()?),
            100_000_000_000_000.. => Self::Epoch(i64::try_from(whole).ok()?),
            100_000_000_000.. => Self::Epoch(parts.scaled(Places::Three)?),
            1_000_000_000.. if !monotonic => Self::Epoch(parts.scaled(Places::Six)?),
            _ => Self::Own(parts.scaled(Places::Three)?),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Moment, Parts};

    #[test]
    fn the_magnitude_of_a_timestamp_tells_its_unit() {
        let moment = |text| Moment::of(Parts::parse(text).unwrap(), false);
        assert_eq!(moment("1795243667800306"), Some(Moment::Epoch(1_795_243_667_800_306)));
        assert_eq!(moment("1795243667800306000"), Some(Moment::Epoch(1_795_243_667_800_306)));
        assert_eq!(moment("1795243667.8"), Some(Moment::Epoch(1_795_243_667_800_000)));
        assert_eq!(moment("1795243667800"), Some(Moment::Epoch(1_795_243_667_800_000)));
        assert_eq!(moment("83412"), Some(Moment::Own(83_412_000)));
        // 2e9 ms = 23 days of uptime, which only a declared clock tells from a time in seconds.
        assert_eq!(moment("2000000000"), Some(Moment::Epoch(2_000_000_000_000_000)));
        assert_eq!(Moment::of(Parts::parse("2000000000").unwrap(), true), Some(Moment::Own(2_000_000_000_000)));
        assert_eq!((moment("0"), moment("-5"), moment("99999999999999999999")), (None, None, None));
    }
}
