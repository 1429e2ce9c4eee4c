//! Every carrier gives the event that its log or report stands for; expected values are worked out by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use streamgauge::decode::cmcd::{Carrier, Carriers, ColumnPlan, Decoder, Error, Mapping};
use streamgauge::model::cmcd::{Cache, Delivery, Event, EventKind, Keys, Mode, ObjectType, Outcome, StreamingFormat};
use streamgauge::model::{Headers, Reason, Record};

const V1: &str = "CMCD=bl%3D8200%2Cbr%3D3200%2Cd%3D4004%2Cot%3Dv%2Csf%3Dh%2Csid%3D%22s-1%22%2Csu";
const V2: &str =
    "CMCD=bl%3D%288200%3Bv%29%2Cbr%3D%283200%3Bv%20128%3Ba%29%2Cot%3Dv%2Csid%3D%22s-1%22%2Csta%3Dp%2Cv%3D2";

fn decode_with(
    carriers: Carriers,
    headers: Headers<'_>,
    value: &str,
    each: &mut dyn FnMut(&Event<'_>),
) -> Result<(), Reason> {
    let record = Record { offset: 0, append_ms: 0, key: None, value: value.as_bytes(), headers };
    Decoder::new(Arc::new(carriers)).decode(&record, each)
}

fn decode(carrier: Carrier, value: &str, each: &mut dyn FnMut(&Event<'_>)) -> Result<(), Reason> {
    decode_with(Carriers::fixed(carrier), Headers::default(), value, each)
}

/// Decodes a value that holds one event.
fn one(carrier: Carrier, value: &str, check: impl Fn(&Event<'_>)) {
    let mut events = 0;
    let outcome = decode(carrier, value, &mut |event| {
        events += 1;
        check(event);
    });
    assert_eq!((outcome, events), (Ok(()), 1), "{value}");
}

fn failure(carrier: Carrier, value: &str) -> Reason {
    decode(carrier, value, &mut |event| panic!("an event from a dead letter: {event:?}")).unwrap_err()
}

fn is_v1(keys: &Keys<'_>) {
    assert_eq!((keys.bl[0].value, keys.br[0].value, keys.d), (8200, 3200, Some(4004)));
    assert_eq!((keys.br[0].object_type, keys.ot, keys.su), (None, Some(ObjectType::Video), Some(true)));
    assert_eq!((keys.sf, keys.sid.as_deref(), keys.v), (StreamingFormat::Hls, Some("s-1"), None));
}

fn is_v2(keys: &Keys<'_>) {
    assert_eq!((keys.br[0].value, keys.br[0].object_type), (3200, Some(ObjectType::Video)));
    assert_eq!((keys.br[1].value, keys.br[1].object_type), (128, Some(ObjectType::Audio)));
    assert_eq!((keys.sid.as_deref(), keys.v), (Some("s-1"), Some(2)));
}

fn real_time(fields: &[&str]) -> Carrier {
    Carrier::CloudFrontRealTime(ColumnPlan::new(fields).unwrap())
}

const SELECTED: [&str; 11] = [
    "cs-headers", // selected first, delivered last: the order here means nothing
    "timestamp",
    "time-to-first-byte",
    "sc-status",
    "sc-bytes",
    "cs-uri-stem",
    "x-edge-location",
    "x-edge-request-id",
    "time-taken",
    "cs-uri-query",
    "x-edge-result-type",
];

#[test]
fn a_real_time_line_tells_delivery_and_start() {
    for (query, check) in [(V1, is_v1 as fn(&Keys<'_>)), (V2, is_v2)] {
        let line = format!(
            "1767600123.417\t0.012\t206\t48211\t/vod/seg12.m4s\tMAD53-P2\tZx9==\t0.031\t{query}\tRefreshHit\tHost:cdn.example%0A\n"
        );
        one(real_time(&SELECTED), &line, |event| {
            assert_eq!(event.mode, Mode::Request);
            // 1767600123417 − 31
            assert_eq!(event.time.unwrap().as_millis(), 1_767_600_123_386);
            let expected = Delivery {
                outcome: Some(Outcome::Success),
                bytes: Some(48211),
                ttfb_ms: Some(12),
                time_taken_ms: Some(31),
                cache: Some(Cache::Hit),
                edge: Some("MAD53-P2"),
                request_id: Some("Zx9=="),
            };
            assert_eq!(event.delivery, expected);
            check(&event.keys);
        });
    }
}

#[test]
fn a_line_without_cmcd_is_a_request_all_the_same() {
    let line = "1767600123.417\t-\t000\t-\t/vod/seg12.m4s\tMAD53-P2\t-\t-\t-\tError\t-";
    one(real_time(&SELECTED), line, |event| {
        assert_eq!(event.keys, Keys::default());
        assert_eq!(event.time.unwrap().as_millis(), 1_767_600_123_417);
        let expected = Delivery {
            outcome: Some(Outcome::Aborted),
            cache: Some(Cache::Miss),
            edge: Some("MAD53-P2"),
            ..Delivery::default()
        };
        assert_eq!(event.delivery, expected);
    });
}

#[test]
fn cmcd_is_found_in_the_stem_and_in_the_columns() {
    let line = format!("1767600123.417\t0.012\t206\t1\t/vod/seg12.m4s?x=1&{V1}\tMAD\tZ\t0.031\t-\tHit\t-");
    one(real_time(&SELECTED), &line, |event| is_v1(&event.keys));

    let columns = [
        "timestamp",
        "cmcd-buffer-length",
        "cmcd-encoded-bitrate",
        "cmcd-object-duration",
        "cmcd-object-type",
        "cmcd-streaming-format",
        "cmcd-session-id",
        "cmcd-startup",
        "cmcd-buffer-starvation",
    ];
    // Canonical order: br, bl, bs, d, ot, sf, sid, su.
    for sid in ["s-1", "\"s-1\"", "%22s-1%22"] {
        let line = format!("1767600123.417\t3200\t8200\t-\t4004\tv\th\t{sid}\ttrue");
        one(real_time(&columns), &line, |event| {
            is_v1(&event.keys);
            assert_eq!((event.members_rejected, event.keys.bs), (0, None));
        });
    }
}

#[test]
fn a_line_that_does_not_fit_its_columns_is_refused() {
    let plan = || real_time(&["timestamp", "sc-status", "cs-uri-query"]);
    assert_eq!(failure(plan(), "1767600123.417\t200"), Reason::ColumnCount);
    assert_eq!(failure(plan(), "1767600123.417\t200\t-\t-"), Reason::ColumnCount);
    assert_eq!(failure(plan(), "-\t200\t-"), Reason::Timestamp);
    assert_eq!(failure(plan(), "1767600123.417\t200\tCMCD=v%3D3"), Reason::Version);
    assert_eq!(failure(plan(), "\n"), Reason::Empty);
}

#[test]
fn a_column_plan_names_what_is_wrong_with_it() {
    let unknown = ColumnPlan::new(&["timestamp", "x-edge-locaton"]).unwrap_err();
    assert!(matches!(unknown, Error::UnknownField { nearest: "x-edge-location", .. }), "{unknown}");
    assert!(matches!(ColumnPlan::new(&["timestamp", "timestamp"]), Err(Error::RepeatedField { .. })));
    assert!(matches!(ColumnPlan::new(&["sc-status"]), Err(Error::NoTimestamp)));
}

/// A line of 33 documented columns.
fn standard_line(second: u8, query: &str) -> String {
    let mut columns = vec!["-".to_owned(); 33];
    for (place, value) in [
        (0, "2026-01-05"),
        (1, &format!("09:22:{second:02}")),
        (2, "MAD53-P2"),
        (3, "48211"),
        (7, "/vod/seg12.m4s"),
        (8, "404"),
        (11, query),
        (13, "Error"),
        (14, "Zx9=="),
        (18, "1.250"),
        (27, "0.5"),
        (28, "OriginShieldHit"),
    ] {
        columns[place] = value.to_owned();
    }
    columns.join("\t")
}

#[test]
fn a_standard_log_has_a_layer_of_encoding_more() {
    for (query, check) in [(V1, is_v1 as fn(&Keys<'_>)), (V2, is_v2)] {
        let logged = query.replace('%', "%25");
        one(Carrier::CloudFrontStandard, &standard_line(3, &logged), |event| {
            // 2026-01-05 09:22:03 UTC = 1767604923 s; − 1250 ms
            assert_eq!(event.time.unwrap().as_millis(), 1_767_604_921_750);
            let expected = Delivery {
                outcome: Some(Outcome::ClientError),
                bytes: Some(48211),
                ttfb_ms: Some(500),
                time_taken_ms: Some(1250),
                cache: Some(Cache::Hit),
                edge: Some("MAD53-P2"),
                request_id: Some("Zx9=="),
            };
            assert_eq!(event.delivery, expected);
            check(&event.keys);
        });
    }
}

#[test]
fn a_fields_line_rules_the_rest_of_its_value_and_nothing_else() {
    let value = format!(
        "#Version: 1.0\n{}\nwrong\n#Fields: date time sc-status cs-uri-query\n2026-01-05\t09:22:04\t503\t-\n",
        standard_line(3, "-")
    );
    let mut decoder = Decoder::new(Arc::new(Carriers::fixed(Carrier::CloudFrontStandard)));
    let record = |value| Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
    for _ in 0..2 {
        let mut outcomes = Vec::new();
        decoder.decode(&record(value.as_bytes()), &mut |event| outcomes.push(event.delivery.outcome)).unwrap();
        assert_eq!(outcomes, [Some(Outcome::ClientError), Some(Outcome::ServerError)]);
        let rejected = decoder.take_rejected();
        assert_eq!((rejected[Reason::ColumnCount as usize], rejected.iter().sum::<u64>()), (1, 1));
    }
    let mut events = 0;
    decoder.decode(&record(b"#Version: 1.0\n#Fields: date time\n"), &mut |_| events += 1).unwrap();
    assert_eq!(events, 0);
}

fn json(mapping: &str) -> Carrier {
    Carrier::Json(Box::new(Mapping::ready_made(mapping).unwrap().unwrap()))
}

#[test]
fn each_ready_made_mapping_reads_its_log() {
    let fastly = format!(
        r#"{{"start_ms":"1767600123417","status":206,"bytes":48211,"ttfb_s":"0.012","elapsed_us":31499,"cache":"HIT-CLUSTER","pop":"MAD","url":"/seg.m4s?{V1}","cmcd_object":"","request_id":"r-1","other":{{"deep":[1,"}}"]}}}}"#
    );
    let nginx = r#"{"end":"1767600123.448","status":"206","bytes":"48211","taken":"0.031","cache":"HIT","edge":"MAD","uri":"/seg.m4s","id":"r-1","cmcd_object":"br=3200,d=4004,ot=v","cmcd_request":"bl=8200,su","cmcd_status":"","cmcd_session":"sf=h,sid=\"s-1\""}"#;
    let akamai = format!(
        r#"{{"reqTimeSec":"1767600123.417","statusCode":"206","totalBytes":"48211","turnAroundTimeMSec":"12","transferTimeMSec":"19","cacheStatus":"1","serverCountry":"MAD","reqId":"r-1","queryStr":"{V1}"}}"#
    );
    let google = format!(
        r#"{{"insertId":"r-1","timestamp":"2026-01-05T08:02:03.417Z","httpRequest":{{"requestUrl":"https://cdn.example/seg.m4s?{V1}","status":206,"responseSize":"48211","latency":"0.031s"}},"jsonPayload":{{"cacheId":"del-2, MAD","cacheStatus":"miss, hit"}}}}"#
    );
    let (known, unknown) = (Some(12), None);
    let cases = [
        ("fastly", fastly.as_str(), known),
        ("nginx", nginx, unknown),
        ("akamai-datastream2", &akamai, known),
        ("google-media-cdn", &google, unknown),
    ];
    assert!(cases.iter().map(|(name, ..)| *name).eq(Mapping::ready_made_names()));
    for (name, line, ttfb_ms) in cases {
        one(json(name), line, |event| {
            assert_eq!(event.time.unwrap().as_millis(), 1_767_600_123_417, "{name}");
            let expected = Delivery {
                outcome: Some(Outcome::Success),
                bytes: Some(48211),
                ttfb_ms,
                time_taken_ms: Some(31),
                cache: Some(Cache::Hit),
                edge: Some("MAD"),
                request_id: Some("r-1"),
            };
            assert_eq!(event.delivery, expected, "{name}");
            is_v1(&event.keys);
        });
    }
}

#[test]
fn json_lines_without_cmcd_are_requests_and_without_a_time_are_refused() {
    one(json("fastly"), r#"{"start_ms":1767600123417,"status":503,"cache":"HITPASS"}"#, |event| {
        assert_eq!(event.keys, Keys::default());
        let outcome = Some(Outcome::ServerError);
        assert_eq!(event.delivery, Delivery { outcome, cache: Some(Cache::Miss), ..Delivery::default() });
    });
    one(json("nginx"), r#"{"end":1767600123.417,"uri":null,"status":{"a":1}}"#, |event| {
        assert_eq!(event.time.unwrap().as_millis(), 1_767_600_123_417);
        assert_eq!(event.delivery, Delivery::default());
    });
    assert_eq!(failure(json("fastly"), r#"{"status":503}"#), Reason::Timestamp);
    assert_eq!(failure(json("fastly"), r#"{"start_ms":1767600123417"#), Reason::Json);
    assert_eq!(failure(json("fastly"), "[]"), Reason::Json);
    assert_eq!(failure(json("fastly"), r#"{"start_ms":1767600123417,"url":"/?CMCD=v%3D3"}"#), Reason::Version);
}

#[test]
fn a_mapping_that_contradicts_itself_says_where() {
    let time = "[time]\nmember = \"t\"\nunit = \"rfc3339\"\nstamp = \"start\"\n";
    for (text, message) in [
        (format!("status = \"t.status\"\n{time}"), "both as a value"),
        (format!("stauts = \"s\"\n{time}"), "stauts"),
        (format!("{time}[ttfb]\nmembers = []\nunit = \"seconds\"\n"), "give one or two"),
        (String::new(), "time"),
    ] {
        let error = Mapping::from_toml("mine", &text).unwrap_err().to_string();
        assert!(error.contains("`mine`") && error.contains(message), "{error}");
    }
}

#[test]
fn headers_queries_and_bodies_are_told_apart_by_the_record() {
    let carriers = || {
        Carriers::mixed(
            Some(ColumnPlan::new(&["timestamp", "cs-uri-query"]).unwrap()),
            [Mapping::ready_made("fastly").unwrap().unwrap()],
        )
    };
    let by = |carrier| Headers { carrier, ..Headers::default() };
    let cases = [
        (Some("cmcd-query"), V1.to_owned(), Mode::Request),
        (Some("cmcd-headers"), "CMCD-Session: sid=\"s-1\"\n".to_owned(), Mode::Request),
        (Some("cmcd-body"), "e=t,sid=\"s-1\",ts=5,v=2".to_owned(), Mode::Event(EventKind::TimeInterval)),
        (Some("cloudfront-rt"), format!("1767600123.417\t{V1}"), Mode::Request),
        (Some("cloudfront-std"), standard_line(3, &V1.replace('%', "%25")), Mode::Request),
        (Some("json:fastly"), format!(r#"{{"start_ms":1767600123417,"url":"/?{V1}"}}"#), Mode::Request),
    ];
    for (carrier, value, mode) in cases {
        let mut seen = Vec::new();
        let outcome = decode_with(carriers(), by(carrier), &value, &mut |event| {
            assert_eq!(event.keys.sid.as_deref(), Some("s-1"));
            seen.push(event.mode);
        });
        assert_eq!((outcome, seen), (Ok(()), vec![mode]), "{carrier:?}");
    }
    for carrier in [None, Some("json:nginx"), Some("json:"), Some("webrtc")] {
        let outcome = decode_with(carriers(), by(carrier), V1, &mut |_| panic!("an event without a carrier"));
        assert_eq!(outcome, Err(Reason::Carrier), "{carrier:?}");
    }
}

#[test]
fn what_is_too_large_or_empty_is_refused() {
    assert_eq!(failure(Carrier::Query, ""), Reason::Empty);
    assert_eq!(failure(Carrier::Query, "/seg.m4s?a=b"), Reason::Malformed);
    assert_eq!(failure(Carrier::Query, &format!("CMCD=sid=\"{}\"", "a".repeat(16 * 1024))), Reason::TooLarge);
    assert_eq!(failure(Carrier::Body, &"a\n".repeat(600 * 1024)), Reason::TooLarge);
    assert_eq!(failure(Carrier::Body, &"e=t,ts=5\n".repeat(2001)), Reason::TooLarge);
    // 64 members are read, the others are not; 64 items of a list likewise.
    let many = format!("CMCD={}br=5", "x=1,".repeat(63));
    one(Carrier::Query, &many, |event| assert_eq!(event.keys.br.len(), 1));
    assert_eq!(failure(Carrier::Query, &many.replace("br=5", "x=1,br=5")), Reason::Malformed);
    let items = format!("CMCD=br=({}),v=2", "1 ".repeat(70));
    one(Carrier::Query, &items, |event| assert_eq!(event.keys.br.len(), 64));
}
