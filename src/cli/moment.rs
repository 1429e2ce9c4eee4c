//! Moments and durations as people write them.

use std::time::SystemTime;

use anyhow::Context as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::EventTime;

/// The time by the system's clock: when a simulation in real time begins.
#[allow(clippy::disallowed_methods, reason = "viewers live in the present; no row is decided here")]
pub(super) fn now() -> anyhow::Result<EventTime> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since_epoch.context("the system clock is before 1970: set it")?.as_millis();
    Ok(EventTime::from_millis(i64::try_from(millis).context("the system clock is far in the future: set it")?))
}

/// Reads 90s, 10m or 2h as milliseconds.
pub(super) fn parse_duration_ms(text: &str) -> Result<i64, String> {
    let help = || format!("`{text}` is no duration: write 90s, 10m or 2h");
    let unit_at = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(help)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(help)?;
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(help()),
    };
    let number: i64 = number.parse().map_err(|_| help())?;
    number.checked_mul(unit_ms).filter(|millis| *millis > 0).ok_or_else(help)
}

pub(super) fn parse_start(text: &str) -> Result<EventTime, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|error| format!("`{text}` is no time ({error}): write 2026-01-05T08:00:00Z"))?;
    let millis = moment.unix_timestamp_nanos() / 1_000_000;
    i64::try_from(millis).map(EventTime::from_millis).map_err(|_| format!("`{text}` is out of range"))
}

/// Reads a moment, as milliseconds since 1970.
pub(super) fn parse_moment(text: &str) -> Result<i64, String> {
    if let Ok(millis) = text.parse() {
        return Ok(millis);
    }
    let span = text.strip_suffix("ago").unwrap_or(text).trim_end();
    if let Ok(span_ms) = parse_duration_ms(span) {
        let now = now().map_err(|cause| cause.to_string())?;
        return Ok(now.as_millis() - span_ms);
    }
    let moment = parse_start(text).map(|moment| moment.as_millis());
    moment.map_err(|_| format!("`{text}` is no time: write 2026-01-05T08:00:00Z, `2h ago`, or milliseconds since 1970"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn moments_are_taken_in_each_way_of_writing() {
        assert_eq!(parse_moment("1767600000000"), Ok(1_767_600_000_000));
        assert_eq!(parse_moment("2026-01-05T09:00:00+01:00"), Ok(1_767_600_000_000));
        let two_hours_ago = now().unwrap().as_millis() - 7_200_000;
        for text in ["2h ago", "2h", "120m ago"] {
            assert!((two_hours_ago..two_hours_ago + 60_000).contains(&parse_moment(text).unwrap()), "{text}");
        }
        assert!(parse_moment("yesterday").unwrap_err().contains("2h ago"));
    }
}
