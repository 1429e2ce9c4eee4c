//! Time stamps and durations as logs write them, in whole milliseconds.

use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::number::Number;

/// How a log writes a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimeUnit {
    /// Seconds since the Unix epoch, with decimals.
    EpochSeconds,
    /// Milliseconds since the Unix epoch.
    EpochMilliseconds,
    /// Date and time as in RFC 3339.
    Rfc3339,
}

/// How a log writes a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DurationUnit {
    /// Seconds with decimals; an `s` behind them means nothing.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// A moment after the Unix epoch, in milliseconds since.
pub(super) fn epoch_millis(text: &str, unit: TimeUnit) -> Option<i64> {
    let millis = match unit {
        TimeUnit::EpochSeconds => Number::parse(text)?.in_thousandths(),
        TimeUnit::EpochMilliseconds => Number::parse(text)?.rounded(),
        TimeUnit::Rfc3339 => {
            let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            moment.unix_timestamp().checked_mul(1000)?.checked_add(i64::from(moment.millisecond()))?
        }
    };
    if millis > 0 { Some(millis) } else { None }
}

/// `2026-01-05` and `09:22:03`, in UTC.
pub(super) fn date_and_time_millis(date: &str, time: &str) -> Option<i64> {
    let [year, month, day] = parts(date, '-')?;
    let [hour, minute, second] = parts(time, ':')?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let time = Time::from_hms(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, u8::try_from(second).ok()?).ok()?;
    let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
    if seconds > 0 { seconds.checked_mul(1000) } else { None }
}

fn parts(text: &str, separator: char) -> Option<[u16; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let three = [parts.next()??, parts.next()??, parts.next()??];
    if parts.next().is_some() { None } else { Some(three) }
}

/// A duration that is not negative.
pub(super) fn duration_millis(text: &str, unit: DurationUnit) -> Option<u64> {
    let millis = match unit {
        DurationUnit::Seconds => Number::parse(text.strip_suffix('s').unwrap_or(text))?.in_thousandths(),
        DurationUnit::Milliseconds => Number::parse(text)?.rounded(),
        DurationUnit::Microseconds => Number::parse(text)?.rounded().checked_add(500)?.div_euclid(1000),
    };
    u64::try_from(millis).ok()
}

/// The start of what ended at `end_ms`; the end itself when the duration is unknown.
pub(super) fn start(end_ms: i64, taken_ms: Option<u64>) -> i64 {
    end_ms.saturating_sub_unsigned(taken_ms.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{DurationUnit, TimeUnit, date_and_time_millis, duration_millis, epoch_millis};

    #[test]
    fn moments_of_every_unit_agree() {
        let expected = Some(1_767_604_923_417); // 2026-01-05 09:22:03.417 UTC: 20,458 days, 33,723.417 s
        assert_eq!(epoch_millis("1767604923.417", TimeUnit::EpochSeconds), expected);
        assert_eq!(epoch_millis("1767604923417", TimeUnit::EpochMilliseconds), expected);
        assert_eq!(epoch_millis("2026-01-05T09:22:03.417Z", TimeUnit::Rfc3339), expected);
        assert_eq!(epoch_millis("2026-01-05T10:22:03.417999+01:00", TimeUnit::Rfc3339), expected);
        assert_eq!(date_and_time_millis("2026-01-05", "09:22:03"), Some(1_767_604_923_000));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for (date, time) in [("2026-02-30", "09:22:03"), ("2026-01-05", "24:00:00"), ("2026-01", "09:22:03"), ("", "")]
        {
            assert_eq!(date_and_time_millis(date, time), None, "{date} {time}");
        }
        for text in ["", "-", "-5", "0", "soon"] {
            assert_eq!(epoch_millis(text, TimeUnit::EpochSeconds), None, "{text}");
        }
    }

    #[test]
    fn durations_round_to_whole_milliseconds() {
        assert_eq!(duration_millis("0.0315", DurationUnit::Seconds), Some(32));
        assert_eq!(duration_millis("0.031s", DurationUnit::Seconds), Some(31));
        assert_eq!(duration_millis("1499", DurationUnit::Microseconds), Some(1));
        assert_eq!(duration_millis("-0.5", DurationUnit::Seconds), None);
    }
}
