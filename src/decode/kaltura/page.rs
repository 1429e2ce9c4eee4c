//! The page that a player stands in: `host/path`, from the referrer that it sends.
//!
//! A referrer is an address, an address in Base64 (either alphabet), or host and path. Its user, port, query and fragment are dropped. It is
//! decoded once: one that is still encoded afterwards is no address.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::decode::common::beginning;

use super::limits::PAGE_BYTES;

/// Bytes of a host: what the domain name system allows.
const HOST_BYTES: usize = 253;
/// Bytes of what stands between its dots.
const LABEL_BYTES: usize = 63;
const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// Host and path of a referrer; `None` = it is no address.
pub(super) fn of_referrer<'a>(referrer: Cow<'a, str>) -> Option<Cow<'a, str>> {
    match referrer {
        Cow::Borrowed(text) => of_text(text),
        Cow::Owned(text) => of_text(&text).map(|page| Cow::Owned(page.into_owned())),
    }
}

fn of_text(text: &str) -> Option<Cow<'_, str>> {
    if let Some((scheme, behind)) = without_scheme(text) {
        return if is_scheme(scheme) { of_address(behind) } else { None };
    }
    if let Some(address) = from_base64(text) {
        let (scheme, behind) = address.split_once("://")?;
        return if is_scheme(scheme) { of_address(behind).map(|page| Cow::Owned(page.into_owned())) } else { None };
    }
    let host = text.split(['/', '?', '#']).next()?;
    if host.contains('.') { of_address(text) } else { None }
}

/// What is before the first `://`, and what is behind it.
fn without_scheme(text: &str) -> Option<(&str, &str)> {
    let is_mark = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with("://"));
    let end = memchr::memchr_iter(b':', text.as_bytes()).find(is_mark)?;
    Some((text.get(..end)?, text.get(end + 3..)?))
}

/// Text with an address in it.
fn from_base64(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?;
    String::from_utf8(bytes).ok().filter(|address| address.contains("://"))
}

fn is_scheme(scheme: &str) -> bool {
    !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// From what is behind the scheme.
fn of_address(address: &str) -> Option<Cow<'_, str>> {
    let end = memchr::memchr2(b'?', b'#', address.as_bytes()).unwrap_or(address.len());
    let address = address.get(..end)?;
    let (authority, path) = address.split_at_checked(memchr::memchr(b'/', address.as_bytes()).unwrap_or(end))?;
    // A page and its host are one page when nothing is behind the slash.
    let path = if path == "/" { "" } else { path };
    let is_plain = path.bytes().fold(true, |plain, byte| plain & matches!(byte, b'!'..=b'~'));
    if !is_plain && path.contains(|character: char| character.is_control() || character == ' ') {
        return None;
    }
    let written = host_of(authority);
    match canonical(written)? {
        Cow::Borrowed(_) if path.is_empty() => Some(Cow::Borrowed(written)),
        // Host and path stand together, unless there is a port between them.
        Cow::Borrowed(_) if authority.ends_with(written) => {
            let start = authority.len() - written.len();
            Some(Cow::Borrowed(beginning(address.get(start..)?, PAGE_BYTES)))
        }
        host => Some(Cow::Owned(beginning(&format!("{host}{path}"), PAGE_BYTES).to_owned())),
    }
}

/// The host of an authority, without user and port.
fn host_of(authority: &str) -> &str {
    let user = memchr::memrchr(b'@', authority.as_bytes()).map_or(0, |at| at + 1);
    let host = authority.get(user..).unwrap_or_default();
    if host.starts_with('[') {
        return host.split_inclusive(']').next().unwrap_or(host);
    }
    let end = memchr::memrchr(b':', host.as_bytes()).unwrap_or(host.len());
    host.get(..end).unwrap_or_default()
}

/// A host as it is written in lower case and ASCII; `None` = it cannot be one.
fn canonical(host: &str) -> Option<Cow<'_, str>> {
    if is_usual(host) { Some(Cow::Borrowed(host)) } else { unusual(host) }
}

/// The same for any host.
fn unusual(host: &str) -> Option<Cow<'_, str>> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    let is_plain = host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'));
    // What is encoded already has to be right.
    let is_encoded = memchr::memmem::find(host.as_bytes(), b"xn--").is_some();
    if is_plain && !is_encoded {
        return if has_labels(host) { Some(Cow::Borrowed(host)) } else { None };
    }
    let ascii = idna::domain_to_ascii(host).ok()?;
    let is_host = ascii.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if is_host && has_labels(&ascii) { Some(Cow::Owned(ascii)) } else { None }
}

/// Whether it is written as nearly all hosts are: labels in lower case with a letter among them, and nothing that may be encoded. One
/// look at each byte says so.
fn is_usual(host: &str) -> bool {
    let (mut label, mut has_letter, mut before) = (0, false, b'.');
    for byte in host.bytes() {
        match byte {
            b'a'..=b'z' => has_letter = true,
            b'0'..=b'9' => {}
            b'.' if before != b'.' => label = 0,
            b'-' if before != b'-' => {}
            _ => return false,
        }
        label += usize::from(byte != b'.');
        if label > LABEL_BYTES {
            return false;
        }
        before = byte;
    }
    has_letter && before != b'.' && host.len() <= HOST_BYTES
}

/// Whether it is made of labels of 1 to 63 bytes, or is an address of four numbers.
fn has_labels(host: &str) -> bool {
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let labels = host.strip_suffix('.').unwrap_or(host).as_bytes();
    host.len() <= HOST_BYTES && labels.split(|byte| *byte == b'.').all(|label| (1..=LABEL_BYTES).contains(&label.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_usual_host_stays_as_it_is(
            pieces in prop::collection::vec(
                prop::sample::select(vec![".", "-", "_", "0", "1", "a", "z", "xn--", "A", "[", "example", "{", "é"]),
                1..8,
            ),
            times in 1..40_usize,
        ) {
            let host = pieces.concat().repeat(times);
            if is_usual(&host) {
                let page = unusual(&host);
                prop_assert_eq!(page.as_deref(), Some(&*host));
            }
        }
    }

    #[test]
    fn a_page_is_host_and_path() {
        let cases = [
            ("https://Site.Example/Watch/1?ks=secret#t", Some("site.example/Watch/1")),
            ("https://site.example/watch", Some("site.example/watch")),
            ("https://site.example/", Some("site.example")),
            ("https://site.example", Some("site.example")),
            ("https://site.example?x=/y", Some("site.example")),
            ("https://u:p@a.example:8443/x", Some("a.example/x")),
            ("https://site.example:8443/", Some("site.example")),
            ("site.example/watch", Some("site.example/watch")),
            ("app://com.example.my_app", Some("com.example.my_app")),
            ("https://b\u{fc}cher.example/a", Some("xn--bcher-kva.example/a")),
            ("https://xn--bcher-kva.example/a", Some("xn--bcher-kva.example/a")),
            ("https://xn--a.example/", None),
            ("http://[2001:DB8::1]:80/x", Some("[2001:db8::1]/x")),
            ("http://192.0.2.7/x", Some("192.0.2.7/x")),
            ("http://1.2.3.4.5/x", None),
            ("aHR0cHM6Ly9zaXRlLmV4YW1wbGUvYT9iPWM=", Some("site.example/a")),
            ("aHR0cHM6Ly9zaXRlLmV4YW1wbGUvYT9iPWM", Some("site.example/a")),
            ("https%3A%2F%2Fsite.example%2Fa", None),
            ("https://site%2Eexample/a", None),
            ("https://a..example/", None),
            ("https:///path", None),
            ("about:blank", None),
            ("unknown", None),
            ("", None),
        ];
        for (referrer, page) in cases {
            assert_eq!(of_text(referrer).as_deref(), page, "{referrer}");
        }
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        let referrer = format!("https://site.example/{}", "\u{e9}".repeat(40_000));
        let page = of_text(&referrer);
        // 13 bytes of host and slash leave 243: 121 characters of two bytes, and one byte to spare.
        assert_eq!(page.as_deref(), Some(&*format!("site.example/{}", "\u{e9}".repeat(121))));
    }
}
