//! The query argument `CMCD`: in a bare query, or in the query of a URL.

use crate::model::cmcd::Warning;

use super::tally::Tally;

/// The name and its sign; names are case-sensitive (CTA-5004, section 3.2).
const ARGUMENT: &str = "CMCD=";

/// The value of the argument `CMCD` in a query (with or without `?`) or a URL, still encoded. When it is there several times the last
/// counts: a player that retries appends the fresher one.
pub(super) fn argument<'a>(text: &'a str, tally: &mut Tally) -> Option<&'a str> {
    let query = query_of(text);
    let mut found = None;
    let mut start = 0;
    for end in memchr::memchr_iter(b'&', query.as_bytes()).chain(std::iter::once(query.len())) {
        let argument = query.get(start..end).unwrap_or_default();
        start = end + 1;
        if let Some(value) = argument.strip_prefix(ARGUMENT) {
            if found.is_some() {
                tally.warn(Warning::Repeated);
            }
            found = Some(value);
        }
    }
    found
}

/// The query of a URL, or the text itself when it is a query. A `?` inside a payload does not make a query a URL.
fn query_of(text: &str) -> &str {
    let Some(mark) = memchr::memchr(b'?', text.as_bytes()) else { return text };
    let (head, query) = (text.get(..mark).unwrap_or_default(), text.get(mark + 1..).unwrap_or_default());
    let is_query = head.starts_with(ARGUMENT) || (!head.starts_with('/') && head.contains("&CMCD="));
    if is_query { text } else { query }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Tally, argument};

    #[test]
    fn the_argument_is_found_wherever_a_query_can_stand() {
        let cases = [
            ("CMCD=su", Some("su")),
            ("?a=b&CMCD=su&c=d", Some("su")),
            ("https://cdn.example/a=b/seg.m4s?x=1&CMCD=su", Some("su")),
            ("seg.m4s?CMCD=su", Some("su")),
            ("a=1&CMCD=nor=\"x?y\"", Some("nor=\"x?y\"")),
            ("CMCD=nor=\"x?CMCD=y\"", Some("nor=\"x?CMCD=y\"")),
            ("/seg.m4s", None),
            ("cmcd=su&XCMCD=su&CMCD", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(argument(text, &mut Tally::default()), expected, "{text}");
        }
    }
}
