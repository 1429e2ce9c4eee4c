//! A record of the catalogue's topic: key `partnerId|entryId`, value what Kaltura's `media.list` says of the entry, or nothing (null, or no
//! bytes): it is gone.

use serde::Deserialize;
use serde_json::Value;

use super::{EntryId, Reject};
use crate::decode::common::{Parts, Places, beginning};
use crate::model::write_session_id;

/// A name is cut to as many bytes.
const LONGEST_NAME: usize = 256;
/// An owner is cut to as many bytes.
const LONGEST_OWNER: usize = 128;
/// The longest duration that can be, ms: a week.
const LONGEST_MS: i64 = 7 * 86_400_000;

/// What a record or a line tells of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its name, without control characters, of at most 256 bytes; empty = not told.
    pub name: Box<str>,
    /// Who owns it, likewise, of at most 128 bytes.
    pub owner: Box<str>,
    /// How long it is, ms: at least 1, at most a week.
    pub duration_ms: Option<i64>,
}

/// The members of an entry that mean something here, as they come.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Members {
    partner_id: Value,
    id: Value,
    entry_id: Value,
    name: Value,
    user_id: Value,
    ms_duration: Value,
    duration: Value,
}

/// Reads a record: which entry it is of, what it tells (`None` = the entry is gone), and whether all of it could be read.
///
/// # Errors
/// Why nothing of it can be used.
pub fn read_record(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(EntryId, Option<Told>, bool), Reject> {
    let key = key.and_then(|key| std::str::from_utf8(key).ok()).ok_or(Reject::Key)?;
    let (partner, entry) = key.split_once('|').ok_or(Reject::Key)?;
    let id = entry_id(partner, entry)?;
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok((id, None, true)) };
    // A list would be read as the members of an object, in order.
    let is_object = value.trim_ascii_start().first() == Some(&b'{');
    let members: Members = serde_json::from_slice(value).ok().filter(|_| is_object).ok_or(Reject::Value)?;
    let says_otherwise = |member: &Value, own: &str| text_of(member).is_some_and(|text| text.trim() != own);
    if says_otherwise(&members.partner_id, partner.trim())
        || says_otherwise(&members.id, entry)
        || says_otherwise(&members.entry_id, entry)
    {
        return Err(Reject::Conflict);
    }
    let [name, owner, ms, seconds] =
        [&members.name, &members.user_id, &members.ms_duration, &members.duration].map(text_of);
    let (told, is_whole) =
        told(&name.unwrap_or_default(), &owner.unwrap_or_default(), ms.as_deref(), seconds.as_deref());
    Ok((id, Some(told), is_whole))
}

/// A text, or a number as one.
fn text_of(member: &Value) -> Option<String> {
    match member {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Which entry these name.
pub(super) fn entry_id(partner: &str, entry: &str) -> Result<EntryId, Reject> {
    let (partner, entry) = (partner.trim(), entry.trim());
    let partner: u64 = partner.parse().map_err(|_| Reject::Key)?;
    if entry.is_empty() {
        return Err(Reject::Key);
    }
    let mut escaped = String::new();
    write_session_id(&mut escaped, [entry]);
    Ok(EntryId::of(&partner.to_string(), &escaped))
}

/// What these tell, and whether the duration could be read. Milliseconds speak before seconds; 0 says nothing (live streams have it).
pub(super) fn told(name: &str, owner: &str, ms: Option<&str>, seconds: Option<&str>) -> (Told, bool) {
    let mut is_whole = true;
    let mut read = |text: Option<&str>, places| {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        let value = Parts::parse(text).and_then(|parts| parts.scaled(places));
        is_whole &= value.is_some_and(|ms| (0..=LONGEST_MS).contains(&ms));
        value.filter(|ms| (1..=LONGEST_MS).contains(ms))
    };
    let (ms, seconds) = (read(ms, Places::None), read(seconds, Places::Three));
    let told =
        Told { name: cleaned(name, LONGEST_NAME), owner: cleaned(owner, LONGEST_OWNER), duration_ms: ms.or(seconds) };
    (told, is_whole)
}

/// Without control characters and blanks around it, as many whole characters as fit.
fn cleaned(text: &str, most: usize) -> Box<str> {
    let visible: String = text.chars().filter(|character| !character.is_control()).collect();
    beginning(visible.trim(), most).trim_end().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What is told, and whether all of it could be read.
    type Read = Result<(Told, bool), Reject>;

    fn read(key: &str, value: &str) -> Read {
        let (id, told, is_whole) = read_record(Some(key.as_bytes()), Some(value.as_bytes()))?;
        let (gone, nothing, _) = read_record(Some(key.as_bytes()), None)?;
        assert_eq!((gone, nothing), (id, None), "a tombstone is of the same entry");
        Ok((told.unwrap(), is_whole))
    }

    fn entry(name: &str, owner: &str, duration_ms: Option<i64>) -> Told {
        Told { name: name.into(), owner: owner.into(), duration_ms }
    }

    #[test]
    fn records_are_read_as_media_list_writes_them() {
        let long = "é".repeat(200);
        let cut = "é".repeat(128);
        let table: &[(&str, &str, Read)] = &[
            (
                "812|1_abc",
                r#"{"id":"1_abc","partnerId":812,"name":"Opening, \"live\"","userId":"anna","msDuration":93120,"duration":93,"mediaType":1}"#,
                Ok((entry("Opening, \"live\"", "anna", Some(93_120)), true)),
            ),
            ("812|1_abc", r#"{"entryId":"1_abc","duration":"93.5"}"#, Ok((entry("", "", Some(93_500)), true))),
            ("812|1_abc", "{}", Ok((Told::default(), true))),
            // A live stream; an image.
            ("812|1_abc", r#"{"msDuration":0,"duration":0,"userId":17}"#, Ok((entry("", "17", None), true))),
            ("812|1_abc", r#"{"msDuration":0,"duration":12}"#, Ok((entry("", "", Some(12_000)), true))),
            ("812|1_abc", r#"{"msDuration":null,"name":["x"],"userId":null}"#, Ok((Told::default(), true))),
            ("812|1_abc", r#"{"name":"n","msDuration":-5}"#, Ok((entry("n", "", None), false))),
            ("812|1_abc", r#"{"name":"n","msDuration":604800001}"#, Ok((entry("n", "", None), false))),
            ("812|1_abc", r#"{"name":"n","duration":"long"}"#, Ok((entry("n", "", None), false))),
            ("812|1_abc", "{\"name\":\" a\\u0000b\\n \\u009fc \"}", Ok((entry("ab c", "", None), true))),
            ("812|1_abc", &format!("{{\"name\":\"{long}\"}}"), Ok((entry(&cut, "", None), true))),
            ("812|1_abc", r#"{"id":"1_xyz"}"#, Err(Reject::Conflict)),
            ("812|1_abc", r#"{"partnerId":"813"}"#, Err(Reject::Conflict)),
            ("812|1_abc", " ", Err(Reject::Value)),
            ("812|1_abc", "null", Err(Reject::Value)),
            ("812|1_abc", r#"["812","1_abc"]"#, Err(Reject::Value)),
            ("812|1_abc", "{\"name\":", Err(Reject::Value)),
            ("1_abc", "{}", Err(Reject::Key)),
            ("812|", "{}", Err(Reject::Key)),
            ("x|1_abc", "{}", Err(Reject::Key)),
        ];
        for (key, value, expected) in table {
            assert_eq!(read(key, value), *expected, "{key} {value}");
        }
        assert_eq!(read_record(None, Some(b"{}")), Err(Reject::Key));
        assert_eq!(read_record(Some(b"812|\xff"), Some(b"{}")), Err(Reject::Key));
    }

    #[test]
    fn an_entry_is_found_as_keys_of_sessions_name_it() {
        assert_eq!(entry_id("812", "a|b"), Ok(EntryId::of("812", "a%7Cb")));
        assert_eq!(entry_id(" 0812 ", "1_abc "), Ok(EntryId::of("812", "1_abc")));
    }
}
