//! What the value of a record is made of: query and body, each of them there or not.

use crate::model::Reason;

use super::limits;
use super::members::Members;
use super::tally::Tally;

/// Reads a value into `members`, which has nothing in it: a JSON object; query or form text; or the request as it came, which is query
/// text, a newline, and a body of either form.
pub(super) fn read<'a>(value: &'a str, members: &mut Members<'a>, tally: &mut Tally) -> Result<(), Reason> {
    let (query, body) = parts(value);
    if body.len() > limits::BODY_BYTES {
        return Err(Reason::TooLarge);
    }
    members.add_form(query, tally)?;
    members.begin_body();
    if body.starts_with(['{', '[']) { members.add_json(body, tally) } else { members.add_form(body, tally) }
}

fn parts(value: &str) -> (&str, &str) {
    let value = value.trim_ascii();
    if value.starts_with(['{', '[']) {
        return ("", value);
    }
    let end = memchr::memchr(b'\n', value.as_bytes()).unwrap_or(value.len());
    let (query, body) = (value.get(..end).unwrap_or_default(), value.get(end..).unwrap_or_default());
    (without_path(query.trim_ascii()), body.trim_ascii())
}

/// A query also where it is still behind its `?`, or behind the path and that.
fn without_path(query: &str) -> &str {
    let Some(end) = memchr::memchr3(b'?', b'=', b'&', query.as_bytes()) else { return query };
    if query.as_bytes().get(end) == Some(&b'?') { query.get(end + 1..).unwrap_or_default() } else { query }
}
