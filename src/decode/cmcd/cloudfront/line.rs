//! One line of either log.

use crate::model::cmcd::{Cache, Delivery, Event, Outcome};
use crate::model::{EventTime, Reason};

use super::super::clock::{self, DurationUnit, TimeUnit};
use super::super::headers::CmcdHeaders;
use super::super::percent::{self, Buffer};
use super::super::reading::Reading;
use super::super::tally::Tally;
use super::super::{Buffers, query, request, rightmost};
use super::columns::{CMCD_COLUMNS, CmcdColumn, Column, ColumnPlan, Fields};

/// Where `cs-headers` is cut, in bytes. A percent-escape is not split, so a cut column may be up to two bytes shorter.
const HEADERS_CUT_BYTES: usize = 800;

/// Which of the two logs a line is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Log {
    /// The query is as requested.
    RealTime,
    /// The logger has encoded the query once more.
    Standard,
}

/// Decodes one line.
pub(in super::super) fn decode(
    line: &str,
    log: Log,
    plan: &ColumnPlan,
    buffers: &mut Buffers,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Event<'_>),
) -> Result<(), Reason> {
    let mut fields = Fields::new();
    plan.split(line, &mut fields)?;
    let delivery = delivery(&fields);
    let end = end_millis(&fields).ok_or(Reason::Timestamp)?;
    let time = EventTime::from_millis(clock::start(end, delivery.time_taken_ms));

    let raw_headers = fields.get(Column::Headers);
    if mentions_cmcd_header(raw_headers) {
        let text = percent::logger_layer(raw_headers, &mut buffers.logger, tally);
        let is_cut = raw_headers.len() > HEADERS_CUT_BYTES - 3 && !text.ends_with('\n');
        let headers = CmcdHeaders::among(text, is_cut);
        if !headers.is_empty() {
            let mut event = request(Some(time), delivery);
            let mut reading = Reading::new(tally);
            headers.read(&mut reading, &mut event.keys)?;
            return reading.finish_request(&mut event, each);
        }
    }
    let mut event = request(Some(time), delivery);
    let payload = payload(&fields, log, plan, buffers, tally);
    let mut reading = Reading::new(tally);
    reading.payload(payload, &mut event.keys)?;
    reading.finish_request(&mut event, each)
}

/// The payload when no header has it; empty when nothing has it.
fn payload<'a>(
    fields: &Fields<'a>,
    log: Log,
    plan: &ColumnPlan,
    buffers: &'a mut Buffers,
    tally: &mut Tally,
) -> &'a str {
    let Buffers { logger, payload } = buffers;
    let raw_query = fields.get(Column::UriQuery);
    let in_query = match log {
        Log::RealTime => query::argument(raw_query, tally),
        Log::Standard => query::argument(percent::logger_layer(raw_query, logger, tally), tally),
    };
    let argument = in_query.or_else(|| query::argument(fields.get(Column::UriStem), tally));
    match argument {
        Some(argument) => percent::query_argument(argument, payload, tally),
        None if plan.has_cmcd_columns() => keys_in_columns(fields, payload, tally),
        None => "",
    }
}

#[inline(always)]
fn delivery<'a>(fields: &Fields<'a>) -> Delivery<'a> {
    let status = fields.get(Column::Status).parse().ok();
    let millis = |column| clock::duration_millis(fields.get(column), DurationUnit::Seconds);
    let request_id = fields.get(Column::RequestId);
    Delivery {
        outcome: status.and_then(Outcome::from_status),
        bytes: fields.get(Column::Bytes).parse().ok(),
        ttfb_ms: millis(Column::TimeToFirstByte),
        time_taken_ms: millis(Column::TimeTaken),
        cache: cache(fields),
        edge: rightmost(fields.get(Column::EdgeLocation)),
        request_id: if request_id.is_empty() { None } else { Some(request_id) },
    }
}

/// A hit when any of the three result types says so: the plain one becomes `Error` when the viewer leaves, and only the detailed one
/// knows the origin shield.
fn cache(fields: &Fields<'_>) -> Option<Cache> {
    let mut known = None;
    for column in [Column::ResultType, Column::DetailedResultType, Column::ResponseResultType] {
        match fields.get(column) {
            "" => {}
            "Hit" | "RefreshHit" | "OriginShieldHit" => return Some(Cache::Hit),
            _ => known = Some(Cache::Miss),
        }
    }
    known
}

/// When the response was finished.
fn end_millis(fields: &Fields<'_>) -> Option<i64> {
    let timestamp = fields.get(Column::Timestamp);
    if !timestamp.is_empty() {
        return clock::epoch_millis(timestamp, TimeUnit::EpochSeconds);
    }
    let millis = fields.get(Column::TimestampMillis);
    if !millis.is_empty() {
        return clock::epoch_millis(millis, TimeUnit::EpochMilliseconds);
    }
    clock::date_and_time_millis(fields.get(Column::Date), fields.get(Column::Time))
}

/// Whether the text could hold a CMCD header. HTTP/2 has lower-case names, HTTP/1 any case.
fn mentions_cmcd_header(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'-', bytes).any(|dash| {
        let before = dash.checked_sub(4).and_then(|start| bytes.get(start..dash));
        before.is_some_and(|name| name.eq_ignore_ascii_case(b"cmcd"))
    })
}

/// The columns that hold one key each, written out as the payload that they came from.
fn keys_in_columns<'a>(fields: &Fields<'_>, buffer: &'a mut Buffer, tally: &mut Tally) -> &'a str {
    buffer.clear();
    for (index, (_, key, is_string)) in CMCD_COLUMNS.iter().enumerate() {
        let value = fields.get(Column::Cmcd(CmcdColumn(index)));
        match (*key, value) {
            (_, "") | ("bs" | "su", "false" | "0") => continue,
            _ => {}
        }
        if !buffer.is_empty() {
            buffer.push(",");
        }
        buffer.push(key);
        match (*key, value) {
            ("bs" | "su", "true" | "1" | "bs" | "su") => continue,
            _ => buffer.push("="),
        }
        if value.starts_with("%22") {
            buffer.push_percent_decoded(value);
        } else if *is_string && !value.starts_with('"') {
            buffer.push_quoted(value);
        } else {
            buffer.push(value);
        }
    }
    buffer.as_text(tally)
}
