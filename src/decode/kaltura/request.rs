//! What the value of a record is made of: query and body, each of them there or not.

use crate::model::Reason;

use super::limits;
use super::members::Members;
use super::tally::Tally;

/// Reads a value: a JSON object; query or form text; or the request as it came, which is query text, a newline, and a body of either form.
pub(super) fn read<'a>(value: &'a str, tally: &mut Tally) -> Result<Members<'a>, Reason> {
    let (query, body) = parts(value);
    if body.len() > limits::BODY_BYTES {
        return Err(Reason::TooLarge);
    }
    let mut members = Members::new();
    members.add_form(query, tally)?;
    members.begin_body();
    if body.starts_with(['{', '[']) {
        members.add_json(body, tally)?;
    } else {
        members.add_form(body, tally)?;
    }
    Ok(members)
}

fn parts(value: &str) -> (&str, &str) {
    let value = value.trim_ascii();
    if value.starts_with(['{', '[']) {
        return ("", value);
    }
    let (query, body) = value.split_once('\n').unwrap_or((value, ""));
    (without_path(query.trim_ascii()), body.trim_ascii())
}

/// A query also where it is still behind its `?`, or behind the path and that.
fn without_path(query: &str) -> &str {
    match query.split_once('?') {
        Some((path, behind)) if !path.contains(['=', '&']) => behind,
        _ => query,
    }
}
