//! The name of a session of several parts: WebRTC's `app|call|participant`, Kaltura's `partner|session|entry`. Each part is escaped, so that
//! no two sessions share a name and it can stand anywhere.

use std::fmt::Write as _;

use crate::model::hash::stable_hash;

/// Longer parts are cut, in bytes, and told apart by their hash.
const PART_MAX: usize = 128;

/// Adds the name of a session to `out`, of its parts.
pub fn write_session_id<const N: usize>(out: &mut String, parts: [&str; N]) {
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            out.push('|');
        }
        write_part(out, part);
    }
}

/// Writes text with `%`, `|` and control characters as `%` and two hexadecimal digits for each byte. Of longer text the first 128 bytes (of
/// whole characters), then `~` and the published hash of it all.
fn write_part(out: &mut String, text: &str) {
    // Without a way out of the loop: that way many bytes are looked at at once.
    if text.len() <= PART_MAX && text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        out.push_str(text);
        return;
    }
    let end = (0..=PART_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let kept = text.get(..end).unwrap_or_default();
    for character in kept.chars() {
        if character == '%' || character == '|' || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing to a String cannot fail; the result says so in its type only.
                write!(out, "%{byte:02X}").unwrap_or_default();
            }
        } else {
            out.push(character);
        }
    }
    if kept.len() < text.len() {
        write!(out, "~{:016x}", stable_hash(text.as_bytes())).unwrap_or_default();
    }
}

/// Whether a byte stands for itself, whatever is around it.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_control() && byte != b'%' && byte != b'|'
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
    }
}
