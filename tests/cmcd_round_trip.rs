//! Any valid record, written by a slow encoder of the tests' own, is read back to the same values; and no bytes at all make the decoder panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use proptest::prelude::*;
use streamgauge::decode::cmcd::{Carrier, Carriers, ColumnPlan, Decoder, Mapping};
use streamgauge::model::cmcd::{Event, EventKind, Keys, Labelled, Mode, ObjectType, PlayerState};
use streamgauge::model::{Headers, Reason, Record};

const LABELS: [(&str, ObjectType); 9] = [
    ("m", ObjectType::Manifest),
    ("a", ObjectType::Audio),
    ("v", ObjectType::Video),
    ("av", ObjectType::Muxed),
    ("i", ObjectType::Init),
    ("c", ObjectType::Caption),
    ("tt", ObjectType::TimedText),
    ("k", ObjectType::Key),
    ("o", ObjectType::Other),
];

/// A member as the encoder writes it, with what it must be read as.
#[derive(Clone, Debug)]
enum Sent {
    Integer(i64),
    Flag(bool),
    String(String),
    /// Values with the index of their label.
    List(Vec<(i64, Option<usize>)>),
    Strings(Vec<String>),
    Thousandths(i64),
    Label(usize),
}

impl Sent {
    /// The value in the notation of RFC 8941, by its text, character by character.
    fn encode(&self) -> String {
        let quote = |text: &String| {
            let escaped: String =
                text.chars().map(|c| if matches!(c, '"' | '\\') { format!("\\{c}") } else { c.to_string() }).collect();
            format!("\"{escaped}\"")
        };
        match self {
            Self::Integer(number) => format!("={number}"),
            Self::Flag(true) => String::new(),
            Self::Flag(false) => "=?0".to_owned(),
            Self::String(text) => format!("={}", quote(text)),
            Self::Strings(texts) => format!("=({})", texts.iter().map(quote).collect::<Vec<_>>().join(" ")),
            Self::Thousandths(number) => format!("={}.{:03}", number / 1000, number % 1000),
            Self::Label(index) => format!("={}", LABELS[*index].0),
            Self::List(items) => {
                let items = items.iter().map(|(value, label)| match label {
                    Some(index) => format!("{value};{}", LABELS[*index].0),
                    None => value.to_string(),
                });
                format!("=({})", items.collect::<Vec<_>>().join(" "))
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    // Printable ASCII, what needs escapes and what separates members among it, and letters beyond.
    "[ -~äß漢]{1,40}"
}

fn list() -> impl Strategy<Value = Sent> {
    prop::collection::vec((0..1_000_000_000_i64, prop::option::of(0..LABELS.len())), 1..6).prop_map(Sent::List)
}

fn member() -> impl Strategy<Value = (&'static str, Sent)> {
    let integers =
        prop::sample::select(vec!["d", "dfa", "dl", "msd", "rtp", "sn", "rc", "ttfb", "ttfbb", "ttlb", "ts"]);
    let signed = prop::sample::select(vec!["ltc", "pt"]);
    let lists = prop::sample::select(vec![
        "ab", "bl", "br", "bsa", "bsd", "bsda", "lab", "lb", "mtp", "pb", "tab", "tb", "tbl", "tpb",
    ]);
    let strings = prop::sample::select(vec!["cen", "cid", "cmsdd", "cmsds", "cs", "h", "sid", "smrt", "url"]);
    prop_oneof![
        (integers, (0..1_000_000_000_000_000_i64).prop_map(Sent::Integer)),
        (signed, (-999_999_999_999_999..1_000_000_000_000_000_i64).prop_map(Sent::Integer)),
        (lists, list()),
        (strings, text().prop_map(Sent::String)),
        (prop::sample::select(vec!["bg", "bs", "nr", "su"]), any::<bool>().prop_map(Sent::Flag)),
        (prop::sample::select(vec!["ec", "nor"]), prop::collection::vec(text(), 1..4).prop_map(Sent::Strings)),
        (Just("pr"), (0..100_000_i64).prop_map(Sent::Thousandths)),
        (Just("ot"), (0..LABELS.len()).prop_map(Sent::Label)),
    ]
}

/// Looks a value up by the name that it was sent under: the slow and independent way round.
fn read(keys: &Keys<'_>, name: &str) -> Option<Sent> {
    let integer = |number: Option<i64>| number.map(Sent::Integer);
    let flag = |flag: Option<bool>| flag.map(Sent::Flag);
    let string = |text: &Option<std::borrow::Cow<'_, str>>| text.as_ref().map(|text| Sent::String(text.to_string()));
    let list = |list: &[Labelled<i64>]| {
        let label = |wanted: ObjectType| LABELS.iter().position(|(_, label)| *label == wanted).unwrap();
        Some(Sent::List(list.iter().map(|member| (member.value, member.object_type.map(label))).collect()))
    };
    let strings =
        |texts: &[std::borrow::Cow<'_, str>]| Some(Sent::Strings(texts.iter().map(ToString::to_string).collect()));
    match name {
        "d" => integer(keys.d),
        "dfa" => integer(keys.dfa),
        "dl" => integer(keys.dl),
        "msd" => integer(keys.msd),
        "rtp" => integer(keys.rtp),
        "sn" => integer(keys.sn),
        "rc" => integer(keys.rc),
        "ttfb" => integer(keys.ttfb),
        "ttfbb" => integer(keys.ttfbb),
        "ttlb" => integer(keys.ttlb),
        "ts" => integer(keys.ts),
        "ltc" => integer(keys.ltc),
        "pt" => integer(keys.pt),
        "ab" => list(&keys.ab),
        "bl" => list(&keys.bl),
        "br" => list(&keys.br),
        "bsa" => list(&keys.bsa),
        "bsd" => list(&keys.bsd),
        "bsda" => list(&keys.bsda),
        "lab" => list(&keys.lab),
        "lb" => list(&keys.lb),
        "mtp" => list(&keys.mtp),
        "pb" => list(&keys.pb),
        "tab" => list(&keys.tab),
        "tb" => list(&keys.tb),
        "tbl" => list(&keys.tbl),
        "tpb" => list(&keys.tpb),
        "cen" => string(&keys.cen),
        "cid" => string(&keys.cid),
        "cmsdd" => string(&keys.cmsdd),
        "cmsds" => string(&keys.cmsds),
        "cs" => string(&keys.cs),
        "h" => string(&keys.h),
        "sid" => string(&keys.sid),
        "smrt" => string(&keys.smrt),
        "url" => string(&keys.url),
        "bg" => flag(keys.bg),
        "bs" => flag(keys.bs),
        "nr" => flag(keys.nr),
        "su" => flag(keys.su),
        "ec" => strings(&keys.ec),
        "nor" => strings(&keys.nor),
        "pr" => keys.pr_thousandths.map(Sent::Thousandths),
        "ot" => keys.ot.map(|wanted| Sent::Label(LABELS.iter().position(|(_, label)| *label == wanted).unwrap())),
        other => panic!("no key {other}"),
    }
}

fn record(value: &[u8]) -> Record<'_> {
    Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() }
}

proptest! {
    #[test]
    fn a_valid_record_is_read_back_to_the_same_values(
        members in prop::collection::hash_map("[a-z]", member(), 1..20),
    ) {
        // One member a key, as a valid dictionary has it.
        let members: std::collections::HashMap<_, _> = members.into_values().collect();
        let written: Vec<_> = members.iter().map(|(key, value)| format!("{key}{}", value.encode())).collect();
        let body = format!("e=ps,sta=q,{},v=2", written.join(","));
        let mut decoder = Decoder::new(Arc::new(Carriers::fixed(Carrier::Body)));
        let mut seen = 0;
        let outcome = decoder.decode(&record(body.as_bytes()), &mut |event: &Event<'_>| {
            seen += 1;
            assert_eq!((event.members_rejected, event.mode), (0, Mode::Event(EventKind::PlayState)), "{body}");
            assert_eq!((event.keys.sta, event.keys.v), (Some(PlayerState::Quit), Some(2)));
            for (key, sent) in &members {
                assert_eq!(format!("{:?}", read(&event.keys, key)), format!("{:?}", Some(sent)), "{key} of {body}");
            }
        });
        prop_assert_eq!((outcome, seen), (Ok(()), 1));
    }

    #[test]
    fn no_bytes_make_any_carrier_panic(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            // Bytes that mean something, far more often than chance would have them.
            "(CMCD=|CMCD-Object:|#Fields: |[a-z]{1,3}=|[0-9.-]{1,4}|[(),;\"\\\\%&\t\n ]|%[0-9A-F]{2}|é|\\{\"url\":\"){0,60}".prop_map(String::into_bytes),
        ],
    ) {
        let plan = ColumnPlan::new(&["timestamp", "cs-uri-query"]).unwrap();
        let carriers = [
            Carrier::Query,
            Carrier::Headers,
            Carrier::Body,
            Carrier::CloudFrontRealTime(plan),
            Carrier::CloudFrontStandard,
            Carrier::Json(Box::new(Mapping::ready_made("fastly").unwrap().unwrap())),
        ];
        for carrier in carriers {
            let mut decoder = Decoder::new(Arc::new(Carriers::fixed(carrier.clone()).with_json_bodies(true)));
            let mut events = 0;
            let outcome = decoder.decode(&record(&bytes), &mut |_| events += 1);
            prop_assert!(outcome.is_ok() || events == 0);
            prop_assert_ne!(outcome, Err(Reason::Carrier));
        }
    }
}
