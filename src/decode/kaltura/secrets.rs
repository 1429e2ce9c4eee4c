//! What must not be kept of a request: the secrets in it.
//!
//! A request that cannot be read, or comes too late, is kept as it came. A Kaltura session (`ks`) and whatever is named a secret are struck
//! out of it before: in queries, forms and JSON, also when all of that stands encoded in another parameter. Where it is not clear how far a
//! secret goes, more is struck out.

use std::borrow::Cow;

/// What stands in a secret's place.
const STRUCK_OUT: &[u8] = b"***";

/// The request without its secrets.
pub fn without_secrets(request: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Vec::new();
    let (mut at, mut kept_to) = (0, 0);
    while let Some(sign) = next_sign(request, at) {
        at = sign.end;
        if !is_secret(name_before(request.get(..sign.start).unwrap_or_default())) {
            continue;
        }
        let value = value_behind(request, &sign);
        if value.is_empty() {
            continue;
        }
        kept.extend_from_slice(request.get(kept_to..value.start).unwrap_or_default());
        kept.extend_from_slice(STRUCK_OUT);
        (at, kept_to) = (value.end, value.end);
    }
    if kept_to == 0 {
        return Cow::Borrowed(request);
    }
    kept.extend_from_slice(request.get(kept_to..).unwrap_or_default());
    Cow::Owned(kept)
}

/// The next `=` or `:` from here on, or either in percent-encoding.
fn next_sign(request: &[u8], from: usize) -> Option<std::ops::Range<usize>> {
    let rest = request.get(from..)?;
    rest.iter().zip(from..).find_map(|(byte, at)| match byte {
        b'=' | b':' => Some(at..at + 1),
        b'%' if is_encoded_sign(request.get(at + 1..at + 3)?) => Some(at..at + 3),
        _ => None,
    })
}

fn is_encoded_sign(digits: &[u8]) -> bool {
    digits.eq_ignore_ascii_case(b"3d") || digits.eq_ignore_ascii_case(b"3a")
}

/// The word that stands before a sign; quotes and blanks between them mean nothing.
fn name_before(before: &[u8]) -> &[u8] {
    let mut before = before;
    loop {
        before = match before {
            [rest @ .., b'"' | b'\'' | b'\\' | b' ' | b'\t' | b'\r' | b'\n'] | [rest @ .., b'%', b'2', b'2' | b'0'] => {
                rest
            }
            _ => break,
        };
    }
    let start = before.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let word = start.map_or(before, |start| before.get(start + 1..).unwrap_or_default());
    // Behind a percent sign come two digits of the character that ends the parameter before.
    match start.and_then(|start| before.get(start)) {
        Some(b'%') => word.get(2..).unwrap_or_default(),
        _ => word,
    }
}

fn is_secret(name: &[u8]) -> bool {
    let ending = name.len().checked_sub(b"secret".len()).and_then(|start| name.get(start..));
    name.eq_ignore_ascii_case(b"ks") || ending.is_some_and(|ending| ending.eq_ignore_ascii_case(b"secret"))
}

/// Where the value behind a sign is.
fn value_behind(request: &[u8], sign: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    let rest = request.get(sign.end..).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let (start, rest) = (sign.end + blanks, rest.get(blanks..).unwrap_or_default());
    let is_form = request.get(sign.start) == Some(&b'=');
    let length = match rest.first() {
        // What is nested goes on for nobody knows how long.
        Some(b'{' | b'[') if !is_form => rest.len(),
        Some(b'"') => {
            let within = rest.get(1..).unwrap_or_default();
            return start + 1..start + 1 + end_of_string(within);
        }
        _ if blanks > 0 && is_form => 0,
        _ => {
            let ends = |byte: &u8| {
                matches!(byte, b'&' | b'"' | b'#') || byte.is_ascii_whitespace() || !is_form && b",}]".contains(byte)
            };
            rest.iter().position(ends).unwrap_or(rest.len())
        }
    };
    start..start + length
}

/// How long a JSON string is whose opening quote has been read.
fn end_of_string(within: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = within.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.unwrap_or(within.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out_and_nothing_else_is() {
        let cases = [
            ("eventType=3&ks=djJ8ODEyfA-_=&entryId=1_a", "eventType=3&ks=***&entryId=1_a"),
            ("ks=a;b,c|d", "ks=***"),
            ("service=analytics?KS=x\n{\"entryId\":\"1_a\"}", "service=analytics?KS=***\n{\"entryId\":\"1_a\"}"),
            (
                "a=1\n{\"entryId\":\"1\", \"ks\" : \"s\\\"e\", \"b\":2}",
                "a=1\n{\"entryId\":\"1\", \"ks\" : \"***\", \"b\":2}",
            ),
            ("{\"ks\":12,\"b\":2}", "{\"ks\":***,\"b\":2}"),
            ("{\"ks\":[\"a\"],\"b\":2}", "{\"ks\":***"),
            ("{\"ks\":\"cut off", "{\"ks\":\"***"),
            ("event:ks=x&adminSecret=y&my_secret=z", "event:ks=***&adminSecret=***&my_secret=***"),
            ("referrer=https%3A%2F%2Fa%2F%3Fks%3Dx%26b%3Dy&c=1", "referrer=https%3A%2F%2Fa%2F%3Fks%3D***&c=1"),
            ("referrer=https://a/?b=1&ks=x#top", "referrer=https://a/?b=1&ks=***#top"),
            ("%7B%22ks%22%3A%22x%22%7D", "%7B%22ks%22%3A***"),
            ("tasks=1&books=2&secretary=3&ks=&entryId=ks", "tasks=1&books=2&secretary=3&ks=&entryId=ks"),
            ("", ""),
        ];
        for (request, kept) in cases {
            assert_eq!(String::from_utf8_lossy(&without_secrets(request.as_bytes())), kept, "{request}");
        }
        assert_eq!(*without_secrets(b"\xff&ks=\xff\xfe&b=1"), *b"\xff&ks=***&b=1");
        assert!(matches!(without_secrets(b"eventType=3"), Cow::Borrowed(_)));
    }
}
