//! Inputs that players really send and senders should not: each row is one that a decoder has been seen to get wrong.
//!
//! Rows are numbered; a letter tells the variants of one row apart. Row 47 (an event posted twice counts once) is about counting, not
//! about decoding, and is tested with the aggregates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::string_slice)]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use streamgauge::decode::cmcd::{Carrier, Carriers, ColumnPlan, Decoder, Mapping};
use streamgauge::model::cmcd::ObjectType::{Audio, Video};
use streamgauge::model::cmcd::{
    Event, EventKind, Integers, Keys, Labelled, Mode, ObjectType, PlayerState, StreamType, StreamingFormat, Texts,
    Warning,
};
use streamgauge::model::hash::stable_hash;
use streamgauge::model::{EventTime, Headers, Reason, Record};

/// How a row's text reaches the decoder.
enum By {
    /// As the payload of a query, which the test encodes.
    Payload,
    /// As the value of a `cmcd-query` record, as it is.
    Query,
    /// As header lines.
    Headers,
    /// As a body.
    Body,
    /// As a body where JSON is allowed.
    JsonBody,
}

struct Row {
    number: &'static str,
    by: By,
    input: String,
    expected: Result<Vec<Seen>, Reason>,
    warnings: Vec<(Warning, u64)>,
    why: &'static str,
}

/// What a row gives, in full: keys that are not named are absent.
#[derive(Debug, PartialEq)]
struct Seen {
    mode: Mode,
    time: Option<EventTime>,
    keys: Keys<'static>,
    members_rejected: u32,
}

fn none() -> Keys<'static> {
    Keys::default()
}

fn list(members: &[(i64, Option<ObjectType>)]) -> Integers {
    members.iter().map(|&(value, object_type)| Labelled { value, object_type }).collect()
}

fn one(value: i64) -> Integers {
    list(&[(value, None)])
}

fn texts(texts: &[&'static str]) -> Texts<'static> {
    texts.iter().map(|&text| Cow::Borrowed(text)).collect()
}

fn text(text: &'static str) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(text))
}

fn request(keys: Keys<'static>) -> Seen {
    Seen { mode: Mode::Request, time: None, keys, members_rejected: 0 }
}

fn event(kind: EventKind, ts: Option<i64>, keys: Keys<'static>) -> Seen {
    let time = ts.map(EventTime::from_millis);
    Seen { mode: Mode::Event(kind), time, keys: Keys { ts, ..keys }, members_rejected: 0 }
}

impl Seen {
    fn rejecting(mut self, members: u32) -> Self {
        self.members_rejected = members;
        self
    }
}

fn row(
    number: &'static str,
    by: By,
    input: impl Into<String>,
    expected: Seen,
    warnings: &[(Warning, u64)],
    why: &'static str,
) -> Row {
    Row { number, by, input: input.into(), expected: Ok(vec![expected]), warnings: warnings.to_vec(), why }
}

fn failing(number: &'static str, by: By, input: &str, reason: Reason, why: &'static str) -> Row {
    Row { number, by, input: input.to_owned(), expected: Err(reason), warnings: Vec::new(), why }
}

/// Encodes every byte that is not a letter or a digit, so that the decoder sees exactly this payload.
fn encode(payload: &str) -> String {
    let mut query = "CMCD=".to_owned();
    for byte in payload.bytes() {
        if byte.is_ascii_alphanumeric() {
            query.push(char::from(byte));
        } else {
            write!(query, "%{byte:02X}").unwrap();
        }
    }
    query
}

/// What a value decodes to, and the warnings that it gave.
type Decoded = (Result<Vec<Seen>, Reason>, Vec<(Warning, u64)>);

fn decode(carriers: Carriers, value: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(Arc::new(carriers));
    let record = Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
    let mut seen = Vec::new();
    let result = decoder.decode(&record, &mut |event: &Event<'_>| {
        let keys = owned(&event.keys);
        seen.push(Seen { mode: event.mode, time: event.time, keys, members_rejected: event.members_rejected });
    });
    let counts = decoder.take_warnings();
    let warnings = Warning::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect();
    (result.map(|()| seen), warnings)
}

fn owned(keys: &Keys<'_>) -> Keys<'static> {
    let own = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| Cow::Owned(text.to_string()));
    let own_all = |texts: &Texts<'_>| texts.iter().map(|text| Cow::Owned(text.to_string())).collect();
    let keys = keys.clone();
    Keys {
        cen: own(&keys.cen),
        cid: own(&keys.cid),
        cmsdd: own(&keys.cmsdd),
        cmsds: own(&keys.cmsds),
        cs: own(&keys.cs),
        ec: own_all(&keys.ec),
        h: own(&keys.h),
        nor: own_all(&keys.nor),
        nrr: own(&keys.nrr),
        sid: own(&keys.sid),
        smrt: own(&keys.smrt),
        url: own(&keys.url),
        ab: keys.ab,
        bg: keys.bg,
        bl: keys.bl,
        br: keys.br,
        bs: keys.bs,
        bsa: keys.bsa,
        bsd: keys.bsd,
        bsda: keys.bsda,
        d: keys.d,
        dfa: keys.dfa,
        dl: keys.dl,
        lab: keys.lab,
        lb: keys.lb,
        ltc: keys.ltc,
        msd: keys.msd,
        mtp: keys.mtp,
        nr: keys.nr,
        ot: keys.ot,
        pb: keys.pb,
        pr_thousandths: keys.pr_thousandths,
        pt: keys.pt,
        rc: keys.rc,
        rtp: keys.rtp,
        sf: keys.sf,
        sn: keys.sn,
        st: keys.st,
        sta: keys.sta,
        su: keys.su,
        tab: keys.tab,
        tb: keys.tb,
        tbl: keys.tbl,
        tpb: keys.tpb,
        ts: keys.ts,
        ttfb: keys.ttfb,
        ttfbb: keys.ttfbb,
        ttlb: keys.ttlb,
        v: keys.v,
    }
}

fn check(rows: Vec<Row>) {
    for Row { number, by, input, expected, warnings, why } in rows {
        let (carrier, value) = match by {
            By::Payload => (Carrier::Query, encode(&input)),
            By::Query => (Carrier::Query, input.clone()),
            By::Headers => (Carrier::Headers, input.clone()),
            By::Body | By::JsonBody => (Carrier::Body, input.clone()),
        };
        let carriers = Carriers::fixed(carrier).with_json_bodies(matches!(by, By::JsonBody));
        let (seen, warned) = decode(carriers, value.as_bytes());
        assert_eq!(seen, expected, "row {number}: {input}\n{why}");
        if seen.is_ok() {
            assert_eq!(warned, warnings, "warnings of row {number}: {input}\n{why}");
        }
    }
}

#[test]
#[rustfmt::skip] // a table
fn values_in_the_wrong_clothes_are_kept_with_a_warning() {
    use Warning::{Boolean, Draft, Quoting, Rounding, VersionMismatch};
    check(vec![
        row("1", By::Payload, "sid=abc,v=2",
            request(Keys { sid: text("abc"), v: Some(2), ..none() }), &[(Quoting, 1)], "unquoted string"),
        row("2", By::Payload, "su=,bl=(3000),v=2",
            request(Keys { bl: one(3000), v: Some(2), ..none() }).rejecting(1), &[], "an empty value is none"),
        row("3", By::Payload, "su=true,bs=false",
            request(Keys { su: Some(true), bs: Some(false), ..none() }), &[(Boolean, 2)], "words for booleans"),
        row("4a", By::Payload, "bs=?0,su=?1",
            request(Keys { bs: Some(false), su: Some(true), ..none() }), &[(Boolean, 2)], "not in version 1"),
        row("4b", By::Payload, "bs=?0,su=?1,v=2",
            request(Keys { bs: Some(false), su: Some(true), v: Some(2), ..none() }), &[], "legal in version 2"),
        row("5a", By::Payload, "mtp=12345",
            request(Keys { mtp: one(12345), ..none() }), &[(Rounding, 1)], "should be rounded to 100"),
        row("5b", By::Payload, "mtp=(12345;v),v=2",
            request(Keys { mtp: list(&[(12345, Some(Video))]), v: Some(2), ..none() }), &[(Rounding, 1)], "the same in a list"),
        row("6", By::Payload, "br=5000,bl=1200,v=2",
            request(Keys { br: one(5000), bl: one(1200), v: Some(2), ..none() }), &[(VersionMismatch, 2)], "scalars in version 2 are promoted"),
        row("7", By::Payload, "br=(5000;v 128;a),v=2",
            request(Keys { br: list(&[(5000, Some(Video)), (128, Some(Audio))]), v: Some(2), ..none() }), &[], "the ordinary list"),
        row("9", By::Payload, "br=(5000;ot=v)",
            request(Keys { br: list(&[(5000, Some(Video))]), ..none() }), &[(VersionMismatch, 1), (Draft, 1)], "label as a parameter's value"),
        row("10a", By::Payload, "br=(  5000;v   128;a ),v=2",
            request(Keys { br: list(&[(5000, Some(Video)), (128, Some(Audio))]), v: Some(2), ..none() }), &[], "blanks in a list"),
        row("10b", By::Payload, "br=(),v=2", request(Keys { v: Some(2), ..none() }), &[], "an empty list is absent"),
        row("11", By::Payload, "br=(5000;v)",
            request(Keys { br: list(&[(5000, Some(Video))]), ..none() }), &[(VersionMismatch, 1)], "a list without v"),
        row("26", By::Payload, "ot=\"v\",sf=\"d\"",
            request(Keys { ot: Some(Video), sf: StreamingFormat::Dash, ..none() }), &[(Quoting, 2)], "quoted tokens"),
        row("28", By::Payload, "ec=27",
            request(Keys { ec: texts(&["27"]), ..none() }), &[(Quoting, 1)], "a bare number as error code"),
        row("31", By::Payload, "v=\"2\"", request(Keys { v: Some(2), ..none() }), &[(Quoting, 1)], "quoted version"),
        row("34", By::Payload, "lb=(246.44;v),ltc=3214.124",
            request(Keys { lb: list(&[(246, Some(Video))]), ltc: Some(3214), ..none() }), &[(Rounding, 2), (VersionMismatch, 1)], "decimals on integers"),
        row("35a", By::Payload, "ltc=3214.1239",
            request(Keys { ltc: Some(3214), ..none() }), &[(Rounding, 1)], "four decimals"),
        row("44", By::Payload, "bs;v",
            request(Keys { bs: Some(true), ..none() }), &[], "a parameter on a boolean is ignored"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn a_wrong_member_costs_only_itself() {
    use Warning::{EmptyMember, Quoting, Repeated, UnknownToken, VersionMismatch};
    check(vec![
        row("8a", By::Payload, "br=(5000;v,128;a),bl=(300),v=2",
            request(Keys { bl: one(300), v: Some(2), ..none() }).rejecting(1), &[], "comma in a list"),
        row("8b", By::Payload, "br=(5000;v,tb=(6000;v),bl=(300),v=2",
            request(Keys { tb: list(&[(6000, Some(Video))]), bl: one(300), v: Some(2), ..none() }).rejecting(1), &[], "list never closed"),
        row("12", By::Payload, "br=1000,br=2000",
            request(Keys { br: one(2000), ..none() }), &[(Repeated, 1)], "the last wins"),
        row("13", By::Payload, "BR=5000,bl=400",
            request(Keys { bl: one(400), ..none() }).rejecting(1), &[], "keys are case-sensitive"),
        row("21", By::Payload, "cid=\"a,b=c\",br=(100;a)",
            request(Keys { cid: text("a,b=c"), br: list(&[(100, Some(Audio))]), ..none() }), &[(VersionMismatch, 1)], "comma in a string is data"),
        row("22a", By::Payload, "cid=\"a\\\"b\\\\c\"",
            request(Keys { cid: text("a\"b\\c"), ..none() }), &[], "the two legal escapes"),
        row("22b", By::Payload, "cid=\"a\\nb\",bl=400",
            request(Keys { bl: one(400), ..none() }).rejecting(1), &[], "any other escape"),
        row("22c", By::Payload, "cid=\"a\"b\",bl=400",
            request(Keys { bl: one(400), ..none() }).rejecting(1), &[], "a quote that was not escaped"),
        row("23", By::Payload, "tb=500,sid=\"unterminated,br=3",
            request(Keys { tb: one(500), ..none() }).rejecting(1), &[], "nothing behind an open string can be read"),
        row("27a", By::Payload, "sf=lh,bl=400",
            request(Keys { bl: one(400), ..none() }), &[(UnknownToken, 1)], "unknown token"),
        row("27b", By::Payload, "br=(5000;v 900;zz),v=2",
            request(Keys { br: list(&[(5000, Some(Video))]), v: Some(2), ..none() }), &[(UnknownToken, 1)], "an unknown label never counts for another type"),
        row("32a", By::Payload, "br=300,",
            request(Keys { br: one(300), ..none() }), &[(EmptyMember, 1)], "comma at the end"),
        row("32b", By::Payload, "br=300,,bl=400",
            request(Keys { br: one(300), bl: one(400), ..none() }), &[(EmptyMember, 1)], "two commas"),
        row("35b", By::Payload, "pr=.5,bl=400",
            request(Keys { bl: one(400), ..none() }).rejecting(1), &[], "bare point"),
        row("35c", By::Payload, "pr=1.,bl=400",
            request(Keys { bl: one(400), ..none() }).rejecting(1), &[], "point at the end"),
        row("35d", By::Payload, "d=4e3,bl=400", request(Keys { bl: one(400), ..none() }).rejecting(1), &[], "exponent"),
        row("37", By::Payload, "br=-5,bl=(-100),ltc=-5,pt=-7",
            request(Keys { ltc: Some(-5), pt: Some(-7), ..none() }).rejecting(2), &[], "negative, where it can be and where not"),
        row("43", By::Payload, "com.example-x=1,com.example-X=\"y\",foo=bar,sid=\"s\"",
            request(Keys { sid: text("s"), ..none() }).rejecting(1), &[(Quoting, 1)], "custom, misspelled and unknown keys"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn versions_that_are_not_known_reject_the_record() {
    check(vec![
        failing("30a", By::Payload, "v=3,br=(5000;v)", Reason::Version, "whole record"),
        failing("30b", By::Body, "e=t,ts=1,v=3", Reason::Version, "no record of the body is left"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn query_arguments_are_decoded_as_often_as_they_were_encoded() {
    use Warning::{ExtraDecode, Repeated};
    let both = || request(Keys { br: one(300), bl: one(400), ..none() });
    check(vec![
        row("14a", By::Query, "CMCD=br%3D300%2cbl%3D400", both(), &[], "lower-case hexadecimal"),
        row("14b", By::Query, "CMCD=br%3d300%2Cbl%3d400", both(), &[], "and mixed"),
        row("15a", By::Query, "CMCD=br%253D300%252Cbl%253D400", both(), &[(ExtraDecode, 1)], "encoded twice"),
        row("15b", By::Query, "CMCD=br%25253D300%25252cbl%25253d400",
            both(), &[(ExtraDecode, 2)], "three times is the most"),
        failing("15c", By::Query, "CMCD=br%2525253D300", Reason::Malformed, "four times is too much"),
        row("16", By::Query, "CMCD=br=300,bl=400,sid=%22x%22",
            request(Keys { br: one(300), bl: one(400), sid: text("x"), ..none() }), &[], "half encoded"),
        failing("17", By::Query, "cmcd=br%3D300", Reason::Malformed, "the name is case-sensitive"),
        row("18", By::Query, "/seg.m4s?CMCD=br%3D100&x=1&CMCD=br%3D300%2Cbl%3D400",
            both(), &[(Repeated, 1)], "the last is the fresher"),
        row("24", By::Payload, "nor=\"..%2F300kbps%2Fs4.m4v\"",
            request(Keys { nor: texts(&["..%2F300kbps%2Fs4.m4v"]), ..none() }), &[], "the inner encoding is content"),
        row("25", By::Query, "CMCD=nor%3D(%22a%2Bb.mp4%22%3Br%3D%220-99%22)%2Cv%3D2",
            request(Keys { nor: texts(&["a+b.mp4"]), v: Some(2), ..none() }), &[], "an encoded plus is a plus"),
        row("46", By::Query, "CMCD=cid%3D%22a+b%22",
            request(Keys { cid: text("a b"), ..none() }), &[], "a bare plus is a blank"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn headers_are_merged_wherever_a_key_stands() {
    use Warning::{Repeated, VersionMismatch};
    check(vec![
        row("20a", By::Headers, "CMCD-Request: br=400\nCMCD-Object: br=300",
            request(Keys { br: one(400), ..none() }), &[(Repeated, 1)], "object, then request"),
        row("20b", By::Headers, "cmcd-session: sid=\"x\"\r\nCMCD-STATUS: \r\nCMCD-Session: pr=1.5,ot=a\r\n",
            request(Keys { sid: text("x"), pr_thousandths: Some(1500), ot: Some(Audio), ..none() }), &[], "twice, empty, misplaced, any case"),
        row("20c", By::Headers, "CMCD-Object: br=300\nCMCD-Request: br=oops,su",
            request(Keys { br: one(300), su: Some(true), ..none() }).rejecting(1), &[(Repeated, 1)], "a wrong one does not win"),
        row("20d", By::Headers, "CMCD-Object:br=(300;v)\nHost: x",
            request(Keys { br: list(&[(300, Some(Video))]), ..none() }), &[(VersionMismatch, 1)], "no blank behind the colon"),
        failing("20e", By::Headers, "CMCD-Object:\nHost: x", Reason::Malformed, "no keys at all"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn strings_are_cut_and_cleaned() {
    let long = "a".repeat(65);
    let cut: Cow<'static, str> = Cow::Owned(format!("{}~{:016x}", &long[..47], stable_hash(long.as_bytes())));
    let with_cut = Keys { sid: Some(cut), ..none() };
    check(vec![
        row("29a", By::Payload, format!("sid=\"{long}\""),
            request(with_cut), &[(Warning::TooLong, 1)], "65 characters"),
        row("29b", By::Payload, "sid=\"a\u{81}b\"",
            request(Keys { sid: text("ab"), ..none() }), &[(Warning::Characters, 1)], "a control character"),
        row("29c", By::Payload, "cid=\"caf\u{e9}\"",
            request(Keys { cid: text("caf\u{e9}"), ..none() }), &[], "UTF-8 is accepted"),
        row("29d", By::Query, "CMCD=cid=%22a%FFb%22",
            request(Keys { cid: text("a\u{fffd}b"), ..none() }), &[(Warning::Characters, 1)], "what is not UTF-8 is replaced"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn events_miss_keys_and_are_kept() {
    use EventKind::{Background, BitrateChange, Error, Host, PlayState, ResponseReceived, TimeInterval};
    use Warning::{Draft, MissingKey, WrongMode};
    let v2 = || Keys { v: Some(2), ..none() };
    check(vec![
        row("36", By::Body, "e=t,ts=1234567890123456,v=2",
            event(TimeInterval, None, v2()).rejecting(1), &[(MissingKey, 1)], "16 digits"),
        row("38", By::Body, "e=br,ts=1,v=2", event(BitrateChange, Some(1), v2()), &[(Draft, 1)], "the draft's name"),
        row("39", By::Body, "e=b,ts=7,v=2", event(Background, Some(7), v2()), &[], "without bg: left the background"),
        row("40a", By::Body, "e=rr,ts=7,ttfb=12,v=2",
            event(ResponseReceived, Some(7), Keys { ttfb: Some(12), ..v2() }), &[(MissingKey, 1)], "rr without url"),
        row("40b", By::Body, "e=ps,ts=7,v=2", event(PlayState, Some(7), v2()), &[(MissingKey, 1)], "ps without sta"),
        row("40c", By::Body, "e=e,ts=7,v=2", event(Error, Some(7), v2()), &[(MissingKey, 1)], "e without ec"),
        row("41", By::Body, "e=h,h=\"edge.example\",ts=5,v=2",
            event(Host, Some(5), Keys { h: text("edge.example"), ..v2() }), &[], "valid"),
        row("42a", By::Body, "e=ps,sta=p,v=2",
            event(PlayState, None, Keys { sta: Some(PlayerState::Playing), ..v2() }), &[(MissingKey, 1)], "without ts"),
        row("42b", By::Payload, "e=ps,ts=5,sta=p,sid=\"x\",url=\"/a\",v=2",
            request(Keys { sta: Some(PlayerState::Playing), sid: text("x"), ..v2() }), &[(WrongMode, 3)], "event keys on a request"),
        row("42c", By::Body, "sid=\"x\",ts=5,v=2",
            event(EventKind::Unknown, Some(5), Keys { sid: text("x"), ..v2() }), &[(MissingKey, 1)], "without e"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn bodies_are_cut_at_line_feeds_and_blanks_mean_nothing() {
    let tick = |ts| event(EventKind::TimeInterval, Some(ts), Keys { v: Some(2), ..none() });
    let two = |number, input: &str, why| Row {
        number,
        by: By::Body,
        input: input.to_owned(),
        expected: Ok(vec![tick(1), tick(2)]),
        warnings: Vec::new(),
        why,
    };
    check(vec![
        two("33a", "e=t,ts=1,v=2\ne=t,ts=2,v=2\n", "line feed at the end"),
        two("33b", "e=t,ts=1,v=2\r\ne=t,ts=2,v=2\r\n", "CRLF"),
        two("33c", "\n \n  e=t,ts=1,v=2 \t\n\n\te=t,ts=2,v=2\n\n", "blank lines and blanks"),
        two("33d", "e=t,ts=1,v=2\ne=t,ts=9,v=3\nhello\ne=t,ts=2,v=2", "wrong records cost only themselves"),
    ]);
}

#[test]
#[rustfmt::skip] // a table
fn json_bodies_are_read_only_where_they_are_allowed() {
    let keys = || Keys { br: one(3200), sid: text("s-1"), su: Some(true), ..none() };
    let json = "[{\"br\":3200,\"sid\":\"s-1\",\"su\":true}]";
    check(vec![
        row("45a", By::JsonBody, json,
            event(EventKind::Unknown, None, keys()), &[(Warning::MissingKey, 2)], "an array"),
        row("45b", By::JsonBody, "{\"e\":\"t\",\"ts\":5,\"br\":[1,2],\"st\":\"l\",\"v\":2}",
            event(EventKind::TimeInterval, Some(5), Keys { br: list(&[(1, None), (2, None)]), st: StreamType::Live, v: Some(2), ..none() }), &[], "an object"),
        failing("45c", By::Body, json, Reason::Malformed, "not switched on"),
        failing("45d", By::JsonBody, "[{\"br\":3200", Reason::Json, "cut off"),
    ]);
}

#[test]
fn headers_beat_the_query_of_a_log_line() {
    let plan = ColumnPlan::new(&["timestamp", "cs-uri-query", "cs-headers"]).unwrap();
    let line = "1767600123.417\tCMCD=br%3D1%2Cbl%3D400\tHost:a%0ACMCD-Object:br=2%0A";
    let (seen, _) = decode(Carriers::fixed(Carrier::CloudFrontRealTime(plan)), line.as_bytes());
    assert_eq!(seen.unwrap()[0].keys, Keys { br: one(2), ..none() }, "row 19, CloudFront");

    let mapping = Mapping::ready_made("nginx").unwrap().unwrap();
    let line = r#"{"end":"1767600123.417","uri":"/a?CMCD=br%3D1%2Cbl%3D400","cmcd_object":"br=2"}"#;
    let (seen, _) = decode(Carriers::fixed(Carrier::Json(Box::new(mapping))), line.as_bytes());
    assert_eq!(seen.unwrap()[0].keys, Keys { br: one(2), ..none() }, "row 19, JSON");
}

#[test]
fn a_header_that_the_log_cut_off_loses_its_last_member_only() {
    let plan = ColumnPlan::new(&["timestamp", "cs-headers"]).unwrap();
    let cases = [
        ("%0ACMCD-Session:sf=h,sid=%22abc", "an open string"),
        ("%0ACMCD-Session:sf=h,br=32", "a number that may have been longer"),
    ];
    for (ending, why) in cases {
        let padding = "p".repeat(800 - "X:".len() - ending.len());
        let line = format!("1767600123.417\tX:{padding}{ending}");
        let (seen, warned) = decode(Carriers::fixed(Carrier::CloudFrontRealTime(plan.clone())), line.as_bytes());
        let seen = seen.unwrap();
        assert_eq!(seen[0].keys, Keys { sf: StreamingFormat::Hls, ..none() }, "row 48, {why}");
        assert_eq!(seen[0].members_rejected, 1, "row 48, {why}");
        assert_eq!(warned, [(Warning::Truncated, 1)], "row 48, {why}");
    }
}
