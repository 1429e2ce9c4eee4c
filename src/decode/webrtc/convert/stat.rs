//! One statistics object on its way into an envelope.
//!
//! R1  Numbers and truth values pass, whatever their name, and so do texts that are a number, as the statistics of old browsers are.
//! R2  Of other texts only those in [`KEPT_TEXTS`] pass: ids, states and implementations. Addresses, certificates, credentials of ICE and
//!     free text never do, nor do ports.

use serde_json::{Map, Value};

use super::limits::{NAME_BYTES, RECORD_MEMBERS, TEXT_BYTES};
use super::tally::{Counts, Dropped};

/// A statistics object by the names of its members.
pub(super) type Object = Map<String, Value>;

/// R2: the texts that pass.
const KEPT_TEXTS: &[&str] = &[
    "candidateType",
    "codecId",
    "codecType",
    "contentType",
    "decoderImplementation",
    "dtlsRole",
    "dtlsState",
    "encoderImplementation",
    "iceRole",
    "iceState",
    "kind",
    "localCandidateId",
    "localId",
    "mediaSourceId",
    "mediaType",
    "mid",
    "mimeType",
    "networkType",
    "playoutId",
    "protocol",
    "qualityLimitationReason",
    "relayProtocol",
    "remoteCandidateId",
    "remoteId",
    "rid",
    "scalabilityMode",
    "sdpFmtpLine",
    "selectedCandidatePairId",
    "state",
    "tcpType",
    "trackId",
    "trackIdentifier",
    "transportId",
];

/// R2: members that never pass, even where they are a number.
const WITHHELD: &[&str] = &[
    "address",
    "fingerprint",
    "foundation",
    "iceLocalUsernameFragment",
    "ip",
    "ipAddress",
    "label",
    "port",
    "portNumber",
    "relatedAddress",
    "relatedPort",
    "url",
    "usernameFragment",
];

/// What to do with a member.
pub(super) enum Member {
    /// Keep this value.
    Is(Value),
    /// It says that there is none.
    Absent,
    /// Leave it out.
    Left(Dropped),
}

/// Decides on one member.
pub(super) fn admit(name: &str, value: Value) -> Member {
    if name.len() > NAME_BYTES {
        return Member::Left(Dropped::TooLong);
    }
    if WITHHELD.contains(&name) {
        return Member::Left(Dropped::Withheld);
    }
    match value {
        Value::Null => Member::Absent,
        Value::Bool(_) | Value::Number(_) => Member::Is(value),
        Value::String(text) if text.len() > TEXT_BYTES => Member::Left(Dropped::TooLong),
        Value::String(text) => match KEPT_TEXTS.contains(&name) || text.parse::<f64>().is_ok() {
            true => Member::Is(Value::String(text)),
            false => Member::Left(Dropped::Withheld),
        },
        Value::Object(record) => match is_record_of_numbers(&record) {
            true => Member::Is(Value::Object(record)),
            false => Member::Left(Dropped::WrongValue),
        },
        Value::Array(_) => Member::Left(Dropped::WrongValue),
    }
}

fn is_record_of_numbers(record: &Object) -> bool {
    let is_small = record.len() <= RECORD_MEMBERS;
    is_small && record.iter().all(|(name, value)| name.len() <= NAME_BYTES && value.is_number())
}

/// Whether objects of this type are kept from the bus.
pub(super) fn is_withheld_type(name: &str) -> bool {
    matches!(name, "certificate" | "googCertificate")
}

/// The object with what may pass of its members; `None` = it has no type or id, or may not pass at all.
pub(super) fn admit_object(id: &str, members: Object, counts: &mut Counts) -> Option<Object> {
    let Some(Value::String(type_name)) = members.get("type") else {
        counts.add(Dropped::UnknownType);
        return None;
    };
    if is_withheld_type(type_name) {
        counts.add(Dropped::Withheld);
        return None;
    }
    if id.is_empty() || id.len() > TEXT_BYTES || type_name.len() > NAME_BYTES {
        counts.add(Dropped::TooLong);
        return None;
    }
    let mut object = Object::new();
    object.insert("id".to_owned(), Value::String(id.to_owned()));
    object.insert("type".to_owned(), Value::String(type_name.clone()));
    for (name, value) in members {
        if name == "id" || name == "type" {
            continue;
        }
        match admit(&name, value) {
            Member::Is(value) => drop(object.insert(name, value)),
            Member::Absent => {}
            Member::Left(reason) => counts.add(reason),
        }
    }
    Some(object)
}

/// A number as JSON: whole ones without a decimal point.
pub(super) fn json_number(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.fract() == 0.0 && number.abs() < EXACT {
        true => Value::from(number as i64),
        false => Value::from(number),
    }
}

/// A number, also one written as text; `None` = none, or not finite.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A member as a number.
pub(super) fn number(members: &Object, name: &str) -> Option<f64> {
    members.get(name).and_then(number_of)
}

/// A member as a text that is neither empty nor too long.
pub(super) fn text<'a>(members: &'a Object, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty() && text.len() <= TEXT_BYTES)
}

/// A member that names something: a text or a whole number.
pub(super) fn name_of(members: &Object, name: &str) -> Option<String> {
    match members.get(name)? {
        Value::Number(number) => Some(number.to_string()),
        _ => text(members, name).map(str::to_owned),
    }
}

/// Puts together an object of an adapter, member by member.
pub(super) struct Stat(Object);

impl Stat {
    /// An object with the time at which it was sampled.
    pub(super) fn new(type_name: &str, id: String, timestamp: Option<f64>) -> Self {
        let mut object = Object::new();
        object.insert("id".to_owned(), Value::String(id));
        object.insert("type".to_owned(), Value::String(type_name.to_owned()));
        Self(object).number("timestamp", timestamp)
    }

    /// Adds a number if there is one.
    pub(super) fn number(mut self, name: &str, value: Option<f64>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), json_number(value));
        }
        self
    }

    /// Adds a text if there is one.
    pub(super) fn text(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), Value::String(value.to_owned()));
        }
        self
    }

    /// The object.
    pub(super) fn build(self) -> Object {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_certificates_and_free_text_are_withheld() {
        let mut counts = Counts::default();
        let candidate = json!({
            "type": "local-candidate", "address": "192.0.2.7", "ip": "192.0.2.7", "port": 50926, "relatedAddress": "198.51.100.3",
            "relatedPort": 9, "url": "turn:turn.example.net", "usernameFragment": "23858149", "candidateType": "relay",
            "foundation": "4", "priority": 9079290933572287000_u64, "tlsGroup": "X25519", "googRtt": "41", "flags": [1],
        });
        let object = admit_object("I1", candidate.as_object().unwrap().clone(), &mut counts).unwrap();
        let expected = json!({
            "id": "I1", "type": "local-candidate", "candidateType": "relay", "priority": 9079290933572287000_u64, "googRtt": "41",
        });
        assert_eq!(Value::Object(object), expected);
        assert_eq!((counts.of(Dropped::Withheld), counts.of(Dropped::WrongValue)), (9, 1));

        let certificate = json!({"type": "certificate", "fingerprint": "AA"});
        assert_eq!(admit_object("C1", certificate.as_object().unwrap().clone(), &mut counts), None);
    }
}
