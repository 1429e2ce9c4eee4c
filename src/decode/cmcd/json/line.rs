//! One JSON log line: a request, with or without CMCD.

use crate::model::cmcd::{Cache, Delivery, Event, Outcome};
use crate::model::{EventTime, Reason};

use super::super::clock::{self, DurationUnit, TimeUnit};
use super::super::headers::{CmcdHeaders, Header};
use super::super::reading::Reading;
use super::super::tally::Tally;
use super::super::{Buffers, percent, query, request, rightmost};
use super::mapping::{CacheMember, DurationMember, Mapping, Stamp};
use super::members::{Member, Scalar, Values};

/// Decodes one line by its mapping. CMCD comes from the header members when one of them is there, else from the query, else from the
/// query of the URL.
pub(in super::super) fn decode(
    line: &str,
    mapping: &Mapping,
    buffers: &mut Buffers,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Event<'_>),
) -> Result<(), Reason> {
    let values = mapping.tree.read(line).map_err(|_| Reason::Json)?;
    let delivery = delivery(&values, mapping);
    let time = time(&values, mapping, delivery.time_taken_ms).ok_or(Reason::Timestamp)?;
    let mut event = request(Some(time), delivery);
    let mut reading;
    let headers = headers(&values);
    if headers.is_empty() {
        let argument = query::argument(values.text(Member::Query), tally)
            .or_else(|| query::argument(values.text(Member::Url), tally))
            .unwrap_or_default();
        let payload = percent::query_argument(argument, &mut buffers.payload, tally);
        reading = Reading::new(tally);
        reading.payload(payload, &mut event.keys)?;
    } else {
        reading = Reading::new(tally);
        headers.read(&mut reading, &mut event.keys)?;
    }
    reading.finish_request(&mut event, each)
}

fn headers<'v>(values: &'v Values<'_>) -> CmcdHeaders<'v> {
    let members = [Member::HeaderObject, Member::HeaderRequest, Member::HeaderStatus, Member::HeaderSession];
    let mut headers = CmcdHeaders::default();
    for (header, member) in Header::ALL.into_iter().zip(members) {
        let value = values.text(member);
        if !value.is_empty() {
            headers.add(header, value);
        }
    }
    headers
}

fn delivery<'v>(values: &'v Values<'_>, mapping: &Mapping) -> Delivery<'v> {
    let declared = &mapping.declared;
    let ttfb = [Member::TimeToFirstByte, Member::TimeToFirstByteRest];
    let taken = [Member::TimeTaken, Member::TimeTakenRest];
    let request_id = values.text(Member::RequestId);
    Delivery {
        outcome: whole(values.get(Member::Status)).and_then(Outcome::from_status),
        bytes: whole(values.get(Member::Bytes)),
        ttfb_ms: declared.ttfb.as_ref().and_then(|duration| total(values, duration, ttfb)),
        time_taken_ms: declared.time_taken.as_ref().and_then(|duration| total(values, duration, taken)),
        cache: declared.cache.as_ref().and_then(|cache| judge_cache(values.get(Member::Cache), cache)),
        edge: rightmost(values.text(Member::Edge)),
        request_id: if request_id.is_empty() { None } else { Some(request_id) },
    }
}

fn time(values: &Values<'_>, mapping: &Mapping, taken_ms: Option<u64>) -> Option<EventTime> {
    let declared = &mapping.declared.time;
    let stamp = match (values.get(Member::Time), declared.unit) {
        (Scalar::Text(text), unit) => clock::epoch_millis(text, unit)?,
        (Scalar::Integer(seconds), TimeUnit::EpochSeconds) => seconds.checked_mul(1000)?,
        (Scalar::Integer(millis), TimeUnit::EpochMilliseconds) => *millis,
        (Scalar::Float(seconds), TimeUnit::EpochSeconds) => rounded(seconds * 1000.0)?,
        (Scalar::Float(millis), TimeUnit::EpochMilliseconds) => rounded(*millis)?,
        (Scalar::Absent, _) | (_, TimeUnit::Rfc3339) => return None,
    };
    if stamp <= 0 {
        return None;
    }
    let start = match declared.stamp {
        Stamp::Start => stamp,
        Stamp::End => clock::start(stamp, taken_ms),
    };
    Some(EventTime::from_millis(start))
}

/// The sum of a duration's members.
fn total(values: &Values<'_>, duration: &DurationMember, members: [Member; 2]) -> Option<u64> {
    let mut sum = 0_u64;
    for (_, member) in duration.members.iter().zip(members) {
        sum = sum.checked_add(millis(values.get(member), duration.unit)?)?;
    }
    Some(sum)
}

fn millis(value: &Scalar<'_>, unit: DurationUnit) -> Option<u64> {
    let number = match value {
        Scalar::Absent => return None,
        Scalar::Text(text) => return clock::duration_millis(text, unit),
        Scalar::Integer(number) => *number as f64,
        Scalar::Float(number) => *number,
    };
    let millis = match unit {
        DurationUnit::Seconds => number * 1000.0,
        DurationUnit::Milliseconds => number,
        DurationUnit::Microseconds => number / 1000.0,
    };
    rounded(millis).and_then(|millis| u64::try_from(millis).ok())
}

/// To the nearest whole number, half away from zero; `None` beyond what a 64-bit float counts exactly.
fn rounded(number: f64) -> Option<i64> {
    let rounded = number.round();
    if rounded.abs() < 9_007_199_254_740_992.0 { Some(rounded as i64) } else { None }
}

fn whole<T: TryFrom<i64> + std::str::FromStr>(value: &Scalar<'_>) -> Option<T> {
    match value {
        Scalar::Absent => None,
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Integer(number) => T::try_from(*number).ok(),
        Scalar::Float(number) => rounded(*number).and_then(|number| T::try_from(number).ok()),
    }
}

fn judge_cache(value: &Scalar<'_>, cache: &CacheMember) -> Option<Cache> {
    let is_hit = match value {
        Scalar::Absent | Scalar::Float(_) => return None,
        Scalar::Integer(number) => cache.hits.iter().any(|hit| hit.parse() == Ok(*number)),
        Scalar::Text(chain) => {
            let result = rightmost(chain)?;
            cache.hits.iter().any(|hit| match hit.strip_suffix('*') {
                Some(start) => result.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)),
                None => result.eq_ignore_ascii_case(hit),
            })
        }
    };
    Some(if is_hit { Cache::Hit } else { Cache::Miss })
}
