//! The families of clients, which do not agree on units: told by `clientTag` and never by the size of a number.

use crate::decode::common::{Parts, Places};

/// Who sent a beacon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Players in a browser: bit rates in 1024 bit/s, download times in seconds.
    Web,
    /// Apps for Android: bit rates in 1024 bit/s, download times in milliseconds.
    Android,
    /// Apps for iOS and tvOS: bit rates in bit/s; they send no download times.
    Apple,
    /// Not told.
    Unknown,
}

/// No link is faster, bit/s.
const MOST_BPS: i128 = 1_000_000_000_000;
const KIBIBIT: i128 = 1_024;
const MILLION: i128 = 1_000_000;

impl Family {
    /// By the beacon's `clientTag`.
    pub(super) fn of_tag(tag: &str) -> Self {
        let begins = |with: &str| tag.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        if begins("html5") {
            Self::Web
        } else if begins("playkit/android") {
            Self::Android
        } else if begins("playkit/ios") || begins("playkit/tvos") {
            Self::Apple
        } else {
            Self::Unknown
        }
    }

    /// A bit rate in bit/s; `Err` = no link is that fast, or it is negative.
    pub(super) fn bitrate(self, parts: Parts) -> Result<Option<i64>, OutOfRange> {
        let millionths = i128::from(parts.scaled(Places::Six).ok_or(OutOfRange)?);
        let rate = match self {
            Self::Web | Self::Android => (millionths * KIBIBIT + MILLION / 2) / MILLION,
            Self::Apple => (millionths + MILLION / 2) / MILLION,
            Self::Unknown => return Ok(None),
        };
        if (0..=MOST_BPS).contains(&rate) {
            i64::try_from(rate).map(Some).map_err(|_| OutOfRange)
        } else {
            Err(OutOfRange)
        }
    }

    /// How many places turn a download time into milliseconds; `None` = nobody knows.
    pub(super) const fn download_places(self) -> Option<Places> {
        match self {
            Self::Web => Some(Places::Three),
            Self::Android => Some(Places::None),
            Self::Apple | Self::Unknown => None,
        }
    }
}

/// A number that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfRange;
