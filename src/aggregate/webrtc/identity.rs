//! The name of a session: `app|call|participant`, each part escaped, so that no two sessions share it and it can stand anywhere.

use crate::model::hash::stable_hash;
use crate::model::webrtc::Report;

/// Longer parts are cut, in bytes, and told apart by their hash.
const PART_MAX: usize = 128;

/// Writes the session's key into `out`: the tenant, a zero byte, the session's id.
pub(super) fn write_key(out: &mut String, tenant: &str, report: &Report<'_>) {
    out.clear();
    out.push_str(tenant);
    out.push('\0');
    write_part(out, &report.app);
    out.push('|');
    write_part(out, &report.call);
    out.push('|');
    write_part(out, &report.participant);
}

/// The escaped call of a session's id.
pub(super) fn call_of(id: &str) -> &str {
    id.split('|').nth(1).unwrap_or_default()
}

/// Writes text with `%`, `|` and control characters as `%` and two hexadecimal digits for each byte. Of longer text the first 128 bytes (of
/// whole characters), then `~` and the published hash of it all.
fn write_part(out: &mut String, text: &str) {
    let end = (0..=text.len().min(PART_MAX)).rev().find(|end| text.is_char_boundary(*end));
    let kept = text.get(..end.unwrap_or(0)).unwrap_or_default();
    for character in kept.chars() {
        if character == '%' || character == '|' || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(character);
        }
    }
    if kept.len() < text.len() {
        out.push_str(&format!("~{:016x}", stable_hash(text.as_bytes())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> String {
        let mut out = String::new();
        write_part(&mut out, text);
        out
    }

    #[test]
    fn hostile_names_are_escaped_and_cut() {
        for (text, expected) in [
            ("p-114", "p-114"),
            ("a|b", "a%7Cb"),
            ("a%7Cb", "a%257Cb"),
            ("x,y\nz", "x,y%0Az"),
            ("\0\u{85}", "%00%C2%85"),
            ("🦀..", "🦀.."),
            ("", ""),
        ] {
            assert_eq!(part(text), expected);
        }
        let (long, other) = ("é".repeat(5_000), format!("{}x", "é".repeat(5_000)));
        assert_eq!(part(&long).len(), PART_MAX + 17);
        assert!(part(&long).starts_with(&"é".repeat(64)));
        assert_ne!(part(&long), part(&other), "what is cut off still tells them apart");
        assert_eq!(call_of("a|b%7C|c"), "b%7C");
    }
}
