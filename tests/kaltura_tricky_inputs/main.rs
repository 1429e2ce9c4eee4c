//! Beacons that players, proxies and people really send and should not: each row is one that a decoder is likely to get wrong.
//!
//! Rows are numbered; a letter tells the variants of one row apart. Rows about sessions, windows and roll-ups (5 to 10, 21 to 26) are tested
//! with the aggregates; of 4, 7 and 13 the half that decoding decides is here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beyond_the_end;
mod rows;
#[path = "../support/settings.rs"]
#[allow(unreachable_pub, reason = "another kind of test has it in its shared module")]
mod settings;

use streamgauge::decode::kaltura::Decoder;
use streamgauge::model::{Headers, Reason, Record};

use rows::{check, decode, decode_with, failing, row, view};

#[test]
fn a_beacon_without_what_it_needs_is_a_dead_letter() {
    let entry = |number, rest: &str| {
        failing(number, &format!("eventType=3&partnerId=7{rest}"), Reason::MissingEntry, "no entry")
    };
    check(&[
        entry("1a", ""),
        entry("1b", "&entryId="),
        entry("1c", "&entryId=undefined"),
        entry("1d", "&entryId=null"),
        failing("1e", r#"{"eventType":3,"partnerId":7,"entryId":null}"#, Reason::MissingEntry, "null says nothing"),
        failing("1f", r#"{"eventType":3,"partnerId":7,"entryId":{"id":"e"}}"#, Reason::MissingEntry, "no text"),
        failing("1g", "eventType=3&entryId=e", Reason::MissingPartner, "no partner"),
        failing("1h", "eventType=3&entryId=e&partnerId=12345678901", Reason::MissingPartner, "eleven digits"),
        failing("1i", "partnerId=7&entryId=e", Reason::EventType, "no event"),
        failing("1j", " \n ", Reason::Empty, "blanks"),
        failing("1k", "eventType=3&partnerId=7\n[{}]", Reason::Json, "a list is no beacon"),
        failing("1l", "eventType=3&partnerId=7\n{\"entryId\":\"e\"", Reason::Json, "cut off"),
    ]);
}

#[test]
fn a_number_that_is_none_costs_itself() {
    let invalid = |number, value: &str| {
        row(number, &view(&format!("bufferTime={value}")), "View 7 e rejected=1", &["field_invalid"], "no number")
    };
    check(&[
        row("2a", &view("bufferTime=12,5"), "View 7 e buffer=12500", &["decimal_comma"], "the device's language"),
        row("2b", &view("bufferTime=1e3"), "View 7 e buffer=1000000", &[], "an exponent"),
        row("2c", &view("bufferTime=%207%20"), "View 7 e buffer=7000", &[], "blanks around it"),
        row("2d", &view("bufferTime=+7+"), "View 7 e buffer=7000", &[], "a plus is a blank in a form"),
        invalid("2e", "0x10"),
        invalid("2f", "NaN"),
        invalid("2g", "Infinity"),
        invalid("2h", ""),
        invalid("2i", "1,2,3"),
        invalid("2j", "1,234.5"),
        invalid("2k", "-1"),
        invalid("2l", "1e30"),
        row(
            "2m",
            r#"{"eventType":"99","partnerId":"7","entryId":"e","bufferTime":"1.5"}"#,
            "View 7 e buffer=1500",
            &[],
            "numbers as texts",
        ),
        row(
            "2n",
            r#"{"eventType":99,"partnerId":7,"entryId":"e","bufferTime":null}"#,
            "View 7 e",
            &[],
            "what JSON has for NaN",
        ),
        row(
            "2o",
            r#"{"eventType":99,"partnerId":7,"entryId":"e","bufferTime":[1]}"#,
            "View 7 e rejected=1",
            &["field_invalid"],
            "a list",
        ),
        row(
            "2p",
            r#"{"eventType":99,"partnerId":7,"entryId":"e","bufferTime":NaN}"#,
            "View 7 e rejected=1",
            &["field_invalid"],
            "not JSON, and sent",
        ),
    ]);
}

#[test]
fn a_position_has_the_sign_of_how_it_is_played() {
    check(&[
        row(
            "3",
            &view("position=93000&playbackType=vod"),
            "View 7 e playback=vod position=93000000",
            &[],
            "no guess at units: what is beyond the media shows where its length is known",
        ),
        row(
            "4a",
            &view("position=-12.5&playbackType=live"),
            "View 7 e playback=live position=-12500",
            &[],
            "behind the edge",
        ),
        row(
            "4b",
            &view("position=-300&playbackType=dvr"),
            "View 7 e playback=dvr position=-300000",
            &[],
            "behind the edge",
        ),
        row(
            "4c",
            &view("position=-1&playbackType=vod"),
            "View 7 e playback=vod rejected=1",
            &["field_invalid"],
            "before the media",
        ),
        row(
            "4d",
            &view("position=1700000000&playbackType=live"),
            "View 7 e playback=live rejected=1",
            &["field_invalid"],
            "a raw time is no offset",
        ),
        row(
            "4e",
            &view("position=0&playbackType=live&targetPosition=-3"),
            "View 7 e playback=live position=0 target=-3000",
            &[],
            "at the edge",
        ),
    ]);
}

#[test]
fn what_is_unknown_is_absent_and_never_zero() {
    let web = "clientTag=html5:v3.17.77";
    check(&[
        row("11a", &view(&format!("{web}&actualBitrate=-1&bufferTime=0")), "View 7 e buffer=0", &[], "-1 = not known"),
        row("11b", &view(&format!("{web}&averageBitrate=NaN")), "View 7 e rejected=1", &["field_invalid"], "no number"),
        row("11c", &view("droppedFramesRatio=-1"), "View 7 e", &[], "not supported"),
        row("11d", &view("droppedFramesRatio=1.7"), "View 7 e rejected=1", &["field_invalid"], "more than all"),
        row("11e", &view("droppedFramesRatio=0.0125"), "View 7 e dropped=12500", &[], "millionths"),
        row("11f", &view(&format!("{web}&averageBitrate=0")), "View 7 e", &[], "no samples yet"),
        row(
            "14a",
            &view("screenMode=0&tabMode=3&soundMode=on&viewabilityMode=2"),
            "View 7 e view=true rejected=3",
            &["field_invalid"; 3],
            "never engaged by mistake",
        ),
        row(
            "14b",
            &view("screenMode=1&tabMode=2&soundMode=2"),
            "View 7 e sound=true tab=true screen=false",
            &[],
            "1 is off, 2 is on",
        ),
    ]);
}

#[test]
fn units_are_those_of_the_client() {
    let rates = "actualBitrate=3418&bandwidth=7.5";
    let times = "segmentDownloadTime=0.85&manifestDownloadTime=0.1204";
    check(&[
        // 3418 x 1024, 7.5 x 1024.
        row(
            "12a",
            &view(&format!("clientTag=html5:v3.17.77&{rates}")),
            "View 7 e bitrate=3500032 bandwidth=7680",
            &[],
            "kibibit",
        ),
        row(
            "12b",
            &view(&format!("clientTag=playkit/android-4.30.0&{rates}")),
            "View 7 e bitrate=3500032 bandwidth=7680",
            &[],
            "kibibit",
        ),
        row(
            "12c",
            &view("clientTag=playkit/ios-3.30.0&actualBitrate=3500000&averageBitrate=3499999.6"),
            "View 7 e bitrate=3500000 average=3500000",
            &[],
            "bits",
        ),
        row(
            "12d",
            &view(&format!("clientTag=roku:1.0&{rates}&{times}")),
            "View 7 e",
            &["unit_unknown"],
            "nobody knows which",
        ),
        row(
            "12e",
            &view(&format!("{rates}&bufferTime=1")),
            "View 7 e buffer=1000",
            &["unit_unknown"],
            "no client at all",
        ),
        row(
            "12f",
            &view("clientTag=playkit/android-4.30.0&bandwidth=12,5"),
            "View 7 e bandwidth=12800",
            &["decimal_comma"],
            "the device's language",
        ),
        row(
            "12g",
            &view("clientTag=html5:v3.17.77&bandwidth=1e12"),
            "View 7 e rejected=1",
            &["field_invalid"],
            "no link is that fast",
        ),
        row(
            "13a",
            &view(&format!("clientTag=HTML5:v3.17.77&{times}")),
            "View 7 e manifest=120 segment=850",
            &[],
            "seconds",
        ),
        row(
            "13b",
            &view("clientTag=playkit/android-4.30.0&segmentDownloadTime=850"),
            "View 7 e segment=850",
            &[],
            "milliseconds",
        ),
        row(
            "13c",
            &view("clientTag=playkit/ios-3.30.0&segmentDownloadTime=850"),
            "View 7 e",
            &["unit_unknown"],
            "they send none",
        ),
    ]);
}

#[test]
fn the_first_value_counts_and_what_is_too_much_is_refused() {
    let many = |count: usize| format!("eventType=3&partnerId=7&entryId=e{}", "&x=1".repeat(count - 3));
    check(&[
        row("15a", &view("customVar1[]=a&customVar1[]=b"), "View 7 e", &[], "brackets are part of an unknown name"),
        row(
            "15b",
            &view("customVar1=a&customVar1=b&customVar1=c"),
            "View 7 e cv1=a",
            &["repeated"; 2],
            "the first of a repeated name",
        ),
        row("15c", &view("__proto__=1&constructor=2&customVar2=b"), "View 7 e cv2=b", &[], "names of a language"),
        row(
            "15d",
            r#"{"eventType":3,"eventType":99,"partnerId":7,"entryId":"e"}"#,
            "Play 7 e",
            &["repeated"],
            "the same in JSON",
        ),
        row("15e", &many(256), "Play 7 e", &[], "as many as may be"),
        failing("15f", &many(257), Reason::TooLarge, "one more"),
        failing(
            "15g",
            &format!("{}\n{{\"a\":\"{}\"}}", view(""), "x".repeat(64 * 1024)),
            Reason::TooLarge,
            "a body of more than 64 KiB",
        ),
        row("15h", &view("=1&&x&event:customVar3=c"), "View 7 e cv3=c", &[], "odd pieces, and the older prefix"),
        failing("15i", &format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40)), Reason::TooDeep, "nested"),
    ]);
}

#[test]
fn query_and_body_are_merged_and_the_query_wins() {
    let with_body = |body: &str| {
        format!("service=analytics&action=trackEvent&eventType=99&partnerId=7&entryId=e&sessionId=s\n{body}")
    };
    check(&[
        row(
            "16a",
            &with_body(r#"{"eventType":3,"eventIndex":4}"#),
            "View 7 e session=s index=4",
            &["conflict"],
            "another value",
        ),
        row(
            "16b",
            &with_body(r#"{"eventType":"99","partnerId":7,"eventIndex":4}"#),
            "View 7 e session=s index=4",
            &[],
            "the same value, written otherwise",
        ),
        row("16c", &with_body("entryId=f&eventIndex=4"), "View 7 e session=s index=4", &["conflict"], "a form"),
        row("16d", &with_body(""), "View 7 e session=s", &[], "no body"),
        row("16e", "?eventType=99&partnerId=7&entryId=e\r\n{}\r\n", "View 7 e", &[], "line ends, and a question mark"),
        row("16f", "/api_v3/index.php?eventType=99&partnerId=7&entryId=e", "View 7 e", &[], "the path before it"),
        row("16g", "event%3AeventType=99&event:partnerId=7&event:entryId=e", "View 7 e", &[], "an encoded name"),
        row("16h", "\n{\"eventType\":99,\"partnerId\":7,\"entryId\":\"\\u0065\"}", "View 7 e", &[], "only a body"),
    ]);
}

#[test]
fn of_a_referrer_only_host_and_path_are_kept() {
    let page =
        |number, referrer: &str, expected, why| row(number, &view(&format!("referrer={referrer}")), expected, &[], why);
    let invalid = |number, referrer: &str, why| {
        row(number, &view(&format!("referrer={referrer}")), "View 7 e rejected=1", &["page_invalid"], why)
    };
    let long = format!("https%3A%2F%2Fsite.example%2F{}", "a".repeat(64 * 1024));
    check(&[
        page(
            "17a",
            "https%3A%2F%2FU:p%40Site.Example%3A81%2Fa%3Fb%3Dc%26eventType%3D3%23d",
            "View 7 e page=site.example/a",
            "no parameter comes out of a value",
        ),
        page("17b", "aHR0cHM6Ly9zaXRlLmV4YW1wbGUvYT9rcz1zZWNyZXQ%3D", "View 7 e page=site.example/a", "Base64"),
        invalid("17c", "https%253A%252F%252Fsite.example%252Fa", "encoded twice: decoded once"),
        invalid("17d", "https%3A%2F%2F%FF%FE", "not UTF-8"),
        page(
            "17h",
            "https%3A%2F%2Fsite.example%2Fw%E9",
            "View 7 e page=site.example/w\u{fffd}",
            "a path in another encoding",
        ),
        invalid("17e", "https%3A%2F%2Fsite%00.example%2F", "a NUL in the host"),
        page(
            "17f",
            "http%3A%2F%2Fb%C3%BCcher.example",
            "View 7 e page=xn--bcher-kva.example",
            "as the domain name system has it",
        ),
    ]);
    let (beacon, warnings) = decode(&view(&format!("referrer={long}")));
    // 13 bytes of host and slash, and 243 of path.
    assert_eq!(
        (beacon, warnings),
        (Ok(format!("View 7 e page=site.example/{}", "a".repeat(243))), vec![]),
        "row 17g: 64 KiB"
    );
}

#[test]
fn texts_are_kept_as_they_are_unless_they_control_something() {
    check(&[
        row(
            "18a",
            "eventType=3&partnerId=7&entryId=a%3Bb,c|d%22e%E2%80%8F",
            "Play 7 a;b,c|d\"e\u{200f}",
            &[],
            "marks and a direction",
        ),
        row(
            "18b",
            r#"{"eventType":3,"partnerId":7,"entryId":"a\"b;|","customVar1":"\u00fc,x"}"#,
            "Play 7 a\"b;| cv1=\u{fc},x",
            &[],
            "the same in JSON",
        ),
        failing("18c", "eventType=3&partnerId=7&entryId=a%00b", Reason::MissingEntry, "a NUL names nothing"),
        failing(
            "18d",
            r#"{"eventType":3,"partnerId":7,"entryId":"a\nb"}"#,
            Reason::MissingEntry,
            "a line end names nothing",
        ),
        row(
            "18e",
            &view("customVar1=a%0Ab&customVar2=c"),
            "View 7 e cv2=c rejected=1",
            &["text"],
            "a line end in a variable",
        ),
        row("18f", &view("customVar1=%FF"), "View 7 e rejected=1", &["text"], "not UTF-8"),
        row(
            "18g",
            &view("sessionId=undefined&userId=null&customVar3="),
            "View 7 e",
            &[],
            "what a script writes where it has nothing",
        ),
    ]);
}

/// Long names stay distinct, and of one length.
#[test]
fn what_is_too_long_is_cut_and_stays_distinct() {
    let of = |last: &str| decode(&format!("eventType=3&partnerId=7&entryId={}{last}", "x".repeat(64)));
    let (one, other) = (of("1"), of("2"));
    let (one, other) = (one.0.unwrap(), other.0.unwrap());
    assert_eq!((one.len(), other.len()), ("Play 7 ".len() + 64, "Play 7 ".len() + 64));
    assert!(one != other && one.as_bytes()[..54] == other.as_bytes()[..54], "{one} {other}");
    assert_eq!(of("").0.unwrap(), format!("Play 7 {}", "x".repeat(64)), "64 bytes are not too long");
}

#[test]
fn numbers_of_events_mean_what_their_service_says() {
    let event = |number, code: &str, expected, warnings| {
        row(
            number,
            &format!("eventType={code}&partnerId=7&entryId=e"),
            expected,
            warnings,
            "a number of the players' service",
        )
    };
    let stats = |number, code: &str, expected, warnings| {
        row(
            number,
            &format!("service=stats&action=collect&eventType={code}&partnerId=7&entryId=e"),
            expected,
            warnings,
            "a number of the older service",
        )
    };
    let (unknown, older) = (&["unknown_event"], &["older_service"]);
    check(&[
        event("19a", "15", "Reached(NineTenths) 7 e", &[]),
        event("19b", "14", "Reached(Fourth) 7 e", &[]),
        event("19c", "0", "Unknown 7 e", unknown),
        event("19d", "5", "Unknown 7 e", unknown),
        event("19e", "44", "Unknown 7 e", unknown),
        event("19f", "47", "Unknown 7 e", unknown),
        event("19g", "10001", "Unknown 7 e", unknown),
        event("19h", "-1", "Unknown 7 e", unknown),
        event("19i", "4294967296", "Unknown 7 e", unknown),
        event("19j", "99999999999999999999999999", "Unknown 7 e", unknown),
        event("19k", "10002", "Application(10002) 7 e", &[]),
        event("19l", "36", "Interaction(36) 7 e", &[]),
        failing("19m", "eventType=play&partnerId=7&entryId=e", Reason::EventType, "no number"),
        failing("19n", "eventType=9.9&partnerId=7&entryId=e", Reason::EventType, "no whole number"),
        stats("20a", "3", "Play 7 e", older),
        stats("20b", "4", "Reached(First) 7 e", older),
        stats("20c", "7", "Reached(Fourth) 7 e", older),
        stats("20d", "12", "BufferStart 7 e", older),
        stats("20e", "1", "Unknown 7 e", &["unknown_event", "older_service"]),
        event("20f", "4", "Resume 7 e", &[]),
        failing(
            "20g",
            "service=liveStats&action=collect&eventType=1&partnerId=7&entryId=e",
            Reason::Service,
            "numbered otherwise again",
        ),
    ]);
}

#[test]
fn playback_is_a_word_in_any_case() {
    check(&[
        row("27a", &view("playbackType=LIVE"), "View 7 e playback=live", &[], "capitals"),
        row("27b", &view("playbackType=unknown"), "View 7 e", &[], "the player does not know"),
        row("27c", &view("playbackType=simulive"), "View 7 e", &[], "a word that is none of these"),
        row(
            "27d",
            &view("playbackType=Offline&position=1"),
            "View 7 e playback=offline position=1000",
            &[],
            "on the device",
        ),
    ]);
}

/// Whatever a beacon brings that is secret, none of it is in what comes out.
#[test]
fn secrets_do_not_leave_the_decoder() {
    let secrets =
        "ks=S3CRET&adminSecret=S3CRET&secret=S3CRET&userSecret=S3CRET&adminKs=S3CRET&sig=S3CRET&event:ks=S3CRET";
    let json = r#"{"ks":"S3CRET","adminSecret":"S3CRET","clientTag":"html5:v1","errorDetails":"{\"ks\":\"S3CRET\"}"}"#;
    let inputs = [
        view(secrets),
        format!("{}\n{json}", view("referrer=https%3A%2F%2FS3CRET%40a.example%2Fx%3Fks%3DS3CRET")),
        format!("{}\n{json}", view("referrer=https%3A%2F%2Fa.example%2F%23S3CRET")),
    ];
    for input in inputs {
        let mut decoder = Decoder::default();
        let record =
            Record { offset: 0, append_ms: 0, key: None, value: input.as_bytes(), headers: Headers::default() };
        let mut all = String::new();
        decoder.decode(&record, &mut |beacon| all = format!("{beacon:?}")).unwrap();
        assert!(all.contains("View") && !all.contains("S3CRET"), "row 28: {all}");
    }
}

#[test]
fn what_only_the_collector_knows_comes_in_headers() {
    let headers =
        |user_agent, address| Headers { user_agent: Some(user_agent), address: Some(address), ..Headers::default() };
    let decoded = |agent, address| decode_with(headers(agent, address), view("").as_bytes()).0.unwrap();
    assert_eq!(decoded("Mozilla/5.0 (X11)", "2001:DB8::1"), "View 7 e agent=Mozilla/5.0 (X11) address=2001:db8::1");
    assert_eq!(decoded(" ", "10.0.0.1, 192.0.2.1"), "View 7 e", "a chain of addresses is none");
}

/// What every client sends, in the forms in which it comes, is one and the same beacon.
#[test]
fn the_forms_of_a_beacon_say_the_same() {
    let json = r#"{"eventType":99,"partnerId":7,"entryId":"1_abc","sessionId":"s-1","eventIndex":12,"position":110.25,
        "playbackType":"vod","playbackSpeed":1.5,"playTimeSum":100.1,"bufferTime":0.25,"bufferTimeSum":1.75,"clientTag":"html5:v3.17.77",
        "actualBitrate":2048,"soundMode":2,"customVar1":"a b","referrer":"https://site.example/w"}"#;
    let query = "eventType=99&partnerId=7&entryId=1_abc&sessionId=s-1&eventIndex=12&position=110.25&playbackType=vod&playbackSpeed=1.5\
        &playTimeSum=100.1&bufferTime=0.25&bufferTimeSum=1.75&clientTag=html5%3Av3.17.77&actualBitrate=2048&soundMode=2&customVar1=a+b\
        &referrer=https%3A%2F%2Fsite.example%2Fw";
    let (first, rest) = query.split_once("&eventIndex").unwrap();
    let expected = "View 7 1_abc session=s-1 index=12 playback=vod position=110250 speed=1500 play_sum=100100 buffer=250 buffer_sum=1750 \
        bitrate=2097152 sound=true cv1=a b page=site.example/w";
    let inputs = [json.to_owned(), query.to_owned(), format!("{first}\neventIndex{rest}"), format!("{first}\n{json}")];
    for input in inputs {
        assert_eq!(decode(&input), (Ok(expected.to_owned()), vec![]), "{input}");
    }
}
