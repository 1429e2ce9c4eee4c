//! Inputs that reporters really send and should not: each row is one that a decoder is likely to get wrong.
//!
//! Rows are numbered; a letter tells the variants of one row apart. Rows about series, windows and scores (1, 5 to 8, 12, 15 to 19, 22, 23)
//! are tested with the aggregates and converters; of 2, 11 and 13 the half that decoding decides is here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;

use streamgauge::decode::webrtc::{Decoder, Limits};
use streamgauge::model::hash::stable_hash;
use streamgauge::model::webrtc::{Clock, Content, Object, Report, Warning};
use streamgauge::model::{Headers, Reason, Record};

/// What a record decodes to, and the kinds of warnings that it gave.
type Decoded = (Result<Vec<String>, Reason>, Vec<&'static str>);

fn decode(limits: Limits, key: Option<&str>, value: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(limits);
    let record = Record { offset: 0, append_ms: 0, key: key.map(str::as_bytes), value, headers: Headers::default() };
    let mut reports = Vec::new();
    let outcome = decoder.decode(&record, &mut |report| reports.push(written(report)));
    assert!(outcome.is_ok() || reports.is_empty(), "reports of a dead letter");
    let warnings = Warning::ALL.into_iter().zip(decoder.take_warnings()).filter(|(_, count)| *count > 0);
    (outcome.map(|()| reports), warnings.map(|(warning, _)| warning.as_str()).collect())
}

/// A report in a line: identity, time, what was left out, and each object with its type, id, time and members by name.
fn written(report: &Report<'_>) -> String {
    let mut line = format!("{}|{}|{}|{}", report.app, report.call, report.participant, report.connection);
    let clock = if report.clock == Clock::Monotonic { "monotonic " } else { "" };
    write!(line, " {clock}{}", report.time_us.map_or("-".to_owned(), |time| time.to_string())).unwrap();
    if (report.members_rejected, report.objects_unknown) != (0, 0) {
        write!(line, " rejected={} unknown={}", report.members_rejected, report.objects_unknown).unwrap();
    }
    match &report.content {
        Content::Stats(objects) => objects.iter().for_each(|object| line.push_str(&written_object(object))),
        Content::Event { name, value } => write!(line, " {name}={value}").unwrap(),
    }
    line
}

fn written_object(object: &Object<'_>) -> String {
    let time = object.time_us.map_or(String::new(), |time| format!("@{time}"));
    let mut line = format!("; {:?} {}{time}", object.object_type, object.id);
    object.numbers.iter().for_each(|(member, value)| write!(line, " {}={value}", member.name()).unwrap());
    object.texts.iter().for_each(|(text, value)| write!(line, " {}={value}", text.name()).unwrap());
    line
}

/// An envelope around these objects.
fn envelope(stats: &str) -> String {
    format!(r#"{{"v":1,"kind":"getstats","app":"a","call":"c","participant":"p","pc":"PC_0","stats":[{stats}]}}"#)
}

/// An inbound stream with these members, in an envelope.
fn inbound(members: &str) -> String {
    envelope(&format!(r#"{{"type":"inbound-rtp","id":"I","kind":"audio",{members}}}"#))
}

struct Row {
    number: &'static str,
    input: String,
    expected: Result<Vec<String>, Reason>,
    warnings: &'static [&'static str],
    why: &'static str,
}

/// A record that gives one report.
fn row(
    number: &'static str,
    input: String,
    expected: &str,
    warnings: &'static [&'static str],
    why: &'static str,
) -> Row {
    Row { number, input, expected: Ok(vec![expected.to_owned()]), warnings, why }
}

fn failing(number: &'static str, input: &str, reason: Reason, why: &'static str) -> Row {
    Row { number, input: input.to_owned(), expected: Err(reason), warnings: &[], why }
}

fn check(rows: &[Row]) {
    for row in rows {
        let (outcome, warnings) = decode(Limits::default(), None, row.input.as_bytes());
        assert_eq!(outcome, row.expected, "row {}: {}\n{}", row.number, row.why, row.input);
        assert_eq!(warnings, row.warnings, "row {}: {}", row.number, row.why);
    }
}

#[test]
fn numbers() {
    let none = "a|c|p|PC_0 - rejected=1 unknown=0; InboundRtp I kind=audio";
    let nan = &["bare_nan"];
    let range = &["number_out_of_range"];
    check(&[
        row(
            "2a",
            inbound(r#""packetsLost":-3"#),
            "a|c|p|PC_0 -; InboundRtp I packetsLost=-3 kind=audio",
            &[],
            "may be negative",
        ),
        row(
            "2b",
            inbound(r#""packetsLost":-1"#),
            "a|c|p|PC_0 -; InboundRtp I packetsLost=-1 kind=audio",
            &[],
            "even −1",
        ),
        row("10a", inbound(r#""nackCount":NaN"#), none, nan, "a bare NaN"),
        row("10b", inbound(r#""jitter":-Infinity"#), none, nan, "a bare infinity"),
        row("10c", inbound(r#""nackCount":null"#), none, &[], "null"),
        row("10d", inbound(r#""nackCount":true"#), none, &[], "a truth value"),
        row("10e", inbound(r#""nackCount":"NaN""#), none, &[], "NaN in quotes"),
        row("10f", inbound(r#""nackCount":{"a":[1]}"#), none, &[], "something nested"),
        row(
            "10g",
            inbound(r#""jitter":"12.5""#),
            "a|c|p|PC_0 -; InboundRtp I jitter=12500000 kind=audio",
            &[],
            "seconds in quotes",
        ),
        row("10h", inbound(r#""nackCount":-1"#), "a|c|p|PC_0 -; InboundRtp I kind=audio", &[], "−1 = not known"),
        row("10i", inbound(r#""jitter":-1.0"#), "a|c|p|PC_0 -; InboundRtp I kind=audio", &[], "also as a decimal"),
        row("10j", inbound(r#""nackCount":-2"#), none, range, "no counter is negative"),
        row("10k", inbound(r#""bytesReceived":9000000000000001"#), none, range, "9e15 and one more"),
        row("10l", inbound(r#""bytesReceived":1e300"#), none, range, "far beyond"),
        row(
            "10m",
            inbound(r#""jitter":5e-7"#),
            "a|c|p|PC_0 -; InboundRtp I jitter=1 kind=audio",
            &[],
            "half a microsecond",
        ),
        row(
            "10n",
            inbound(r#""jitter":0.000000499"#),
            "a|c|p|PC_0 -; InboundRtp I jitter=0 kind=audio",
            &[],
            "less than half",
        ),
        row(
            "10o",
            envelope(
                r#"{"type":"candidate-pair","id":"C","nominated":true,"selected":"false","priority":18446744073709551616}"#,
            ),
            "a|c|p|PC_0 -; CandidatePair C nominated=1 selected=0",
            &[],
            "flags; a priority beyond 2^53 is nobody's",
        ),
        row("24a", inbound(r#""fractionLost":37"#), none, range, "of 255: its source must say so"),
        row("24b", inbound(r#""fractionLost":3.5"#), none, range, "percent: its source must say so"),
        row(
            "24c",
            inbound(r#""fractionLost":0.14453125"#),
            "a|c|p|PC_0 -; InboundRtp I fractionLost=144531 kind=audio",
            &[],
            "37/256",
        ),
        row(
            "10p",
            inbound(r#""nackCount":1,"nackCount":2,"pliCount":3,"pliCount":null"#),
            "a|c|p|PC_0 - rejected=1 unknown=0; InboundRtp I nackCount=2 kind=audio",
            &[],
            "the last of two counts",
        ),
    ]);
}

#[test]
fn times() {
    let moment = "a|c|p|PC_0 -; InboundRtp I@1795243667800306 kind=audio";
    let millis = "a|c|p|PC_0 -; InboundRtp I@1795243667800000 kind=audio";
    let own = "a|c|p|PC_0 monotonic -; InboundRtp I@83412000 kind=audio";
    let with_time = |head: &str, stats: &str| {
        format!(r#"{{"call":"c","participant":"p","kind":"getstats",{head}"stats":[{stats}]}}"#)
    };
    let at = |id: &str, time: &str| format!(r#"{{"type":"codec","id":"{id}","timestamp":{time}}}"#);
    check(&[
        row("3a", inbound(r#""timestamp":1795243667800306"#), moment, &[], "microseconds"),
        row("3b", inbound(r#""timestamp":1795243667800306000"#), moment, &[], "nanoseconds"),
        row("3c", inbound(r#""timestamp":1795243667.8"#), millis, &[], "seconds"),
        row("3d", inbound(r#""timestamp":"2026-11-21T06:47:47.800Z""#), millis, &[], "date and time"),
        row("3e", inbound(r#""timestamp":"1795243667800""#), millis, &[], "in quotes"),
        row("3f", inbound(r#""timestamp":1795243667800.3062"#), moment, &[], "milliseconds with a fraction"),
        row(
            "3g",
            inbound(r#""timestamp":"soon""#),
            "a|c|p|PC_0 - rejected=1 unknown=0; InboundRtp I kind=audio",
            &[],
            "no time",
        ),
        row("4a", inbound(r#""timestamp":83412"#), own, &[], "milliseconds since the start"),
        row(
            "4b",
            with_time(r#""ts":1795243667800,"#, &at("C", "83412")),
            "|c|p| monotonic -; Codec C@83412000",
            &[],
            "when the report was made is the time of another clock",
        ),
        row(
            "4c",
            with_time("", &at("C", "2000000000")).replace("]}", r#"],"clock":"monotonic"}"#),
            "|c|p| monotonic -; Codec C@2000000000000",
            &[],
            "23 days of uptime, declared behind the statistics",
        ),
        row(
            "4d",
            with_time("", &format!("{},{}", at("C", "83412"), at("D", "1795243667800"))),
            "|c|p| - rejected=1 unknown=0; Codec C; Codec D@1795243667800000",
            &["mixed_clocks"],
            "of two clocks in one report the epoch's counts",
        ),
        row("4e", with_time(r#""ts":83412.5,"#, ""), "|c|p| monotonic 83412500", &[], "no object has a time"),
    ]);
}

#[test]
fn types_and_kinds() {
    let inferred = &["type_inferred"];
    check(&[
        row(
            "9a",
            envelope(r#"{"id":"V","kind":"video","framesDecoded":3},{"id":"A","kind":"audio","concealedSamples":2}"#),
            "a|c|p|PC_0 -; InboundRtp V framesDecoded=3 kind=video; InboundRtp A concealedSamples=2 kind=audio",
            inferred,
            "only receivers decode and conceal",
        ),
        row(
            "9b",
            envelope(r#"{"id":"O","framesEncoded":3},{"id":"S","ssrc":7,"packetsSent":9,"kind":"audio"}"#),
            "a|c|p|PC_0 -; OutboundRtp O framesEncoded=3 kind=video; OutboundRtp S packetsSent=9 ssrc=7 kind=audio",
            &["type_inferred", "kind_inferred"],
            "only senders encode",
        ),
        row(
            "9c",
            envelope(
                r#"{"id":"L","candidateType":"host"},{"id":"R","candidateType":"relay"},{"id":"Q","candidateType":"host","isRemote":true},
                   {"id":"P","currentRoundTripTime":0.041,"localCandidateId":"L","remoteCandidateId":"R"},
                   {"id":"T","selectedCandidatePairId":"P"}"#,
            ),
            "a|c|p|PC_0 -; LocalCandidate L candidateType=host; RemoteCandidate R candidateType=relay; \
             RemoteCandidate Q candidateType=host; CandidatePair P currentRoundTripTime=41000 localCandidateId=L remoteCandidateId=R; \
             Transport T selectedCandidatePairId=P",
            inferred,
            "the pair tells the sides of its candidates",
        ),
        row(
            "9d",
            envelope(
                r#"{"id":"X","label":"?"},{"id":"Y","type":"quantum"},7,{"type":"codec","id":"C"},{"type":"codec"}"#,
            ),
            "a|c|p|PC_0 - rejected=0 unknown=4; Codec C",
            &["unknown_object"],
            "an unknown object, one without an id, and none at all cost only themselves",
        ),
        row(
            "9e",
            envelope(
                r#"{"type":"inbound-rtp","id":"A","codecId":"C","packetsReceived":1},{"type":"codec","id":"C","mimeType":"audio/opus"}"#,
            ),
            "a|c|p|PC_0 -; InboundRtp A packetsReceived=1 kind=audio codecId=C; Codec C mimeType=audio/opus",
            &["kind_inferred"],
            "the codec tells the kind",
        ),
        row(
            "9g",
            envelope(r#"{"id":"V","type":null,"kind":"video","framesDecoded":3}"#),
            "a|c|p|PC_0 - rejected=1 unknown=0; InboundRtp V framesDecoded=3 kind=video",
            inferred,
            "a type that is none is missing",
        ),
        row(
            "9f",
            envelope(r#"{"framesDecoded":4,"kind":"video","id":"V","type":"inbound-rtp"}"#),
            "a|c|p|PC_0 -; InboundRtp V framesDecoded=4 kind=video",
            &[],
            "the type may come last",
        ),
    ]);
}

#[test]
fn earlier_names() {
    let legacy = &["legacy_name"];
    check(&[
        row(
            "legacy-a",
            envelope(r#"{"type":"inbound-rtp","id":"A","mediaType":"audio","discardedPackets":4}"#),
            "a|c|p|PC_0 -; InboundRtp A packetsDiscarded=4 kind=audio",
            legacy,
            "both under their names of today",
        ),
        row(
            "legacy-b",
            inbound(r#""packetsDiscarded":5,"discardedPackets":4,"mediaType":"audio""#),
            "a|c|p|PC_0 -; InboundRtp I packetsDiscarded=5 kind=audio",
            &[],
            "where both are there, the name of today counts",
        ),
        row(
            "13",
            envelope(
                r#"{"type":"candidate-pair","id":"P","state":"cancelled"},{"type":"candidate-pair","id":"Q","state":"inprogress"}"#,
            ),
            "a|c|p|PC_0 -; CandidatePair P state=failed; CandidatePair Q state=in-progress",
            legacy,
            "Firefox's states",
        ),
        row(
            "legacy-c",
            envelope(
                r#"{"type":"track","id":"T","kind":"video","trackIdentifier":"cam","freezeCount":2,"totalFreezesDuration":1.5,"framesDecoded":8},
                   {"type":"inbound-rtp","id":"V","kind":"video","trackId":"T","framesDecoded":9},{"type":"stream","id":"S"}"#,
            ),
            "a|c|p|PC_0 -; InboundRtp V framesDecoded=9 freezeCount=2 totalFreezesDuration=1500000 kind=video trackIdentifier=cam",
            legacy,
            "a track's freezes are its stream's; what the stream says itself counts",
        ),
        row(
            "legacy-d",
            envelope(
                r#"{"type":"ssrc","id":"ssrc_7_recv","ssrc":"7","mediaType":"video","googFrameRateReceived":"30","googJitterReceived":"12",
                    "packetsLost":"-1","timestamp":"2026-11-21T06:47:47.800Z"},
                   {"type":"ssrc","id":"ssrc_8_send","mediaType":"audio","packetsSent":"11","googNacksReceived":"3"},
                   {"type":"googCandidatePair","id":"P","googRtt":"41","googActiveConnection":"true"}"#,
            ),
            "a|c|p|PC_0 -; InboundRtp ssrc_7_recv@1795243667800000 packetsLost=-1 jitter=12000 framesPerSecond=30000000 ssrc=7 kind=video; \
             OutboundRtp ssrc_8_send packetsSent=11 nackCount=3 kind=audio; CandidatePair P selected=1 currentRoundTripTime=41000",
            legacy,
            "the old interface with callbacks: text, and milliseconds",
        ),
        row(
            "legacy-e",
            inbound(r#""trackIdentifier":"{7e0e644c}","estimatedPlayoutTimestamp":4004233133233"#),
            "a|c|p|PC_0 -; InboundRtp I estimatedPlayoutTimestamp=1795244333233000 kind=audio trackIdentifier={7e0e644c}",
            &[],
            "braces stay; a time since 1900",
        ),
    ]);
}

#[test]
fn texts_and_what_is_never_read() {
    let long = "é".repeat(5_000);
    // 111 bytes are left beside `~` and 16 digits; an é has two, so 55 of them.
    let cut = format!("{}~{:016x}", "é".repeat(55), stable_hash(long.as_bytes()));
    let hostile = r#"{"kind":"event","call":"a|b,c d","participant":"\ud83d\ude00 p=1\n\u0000..","event":"join"}"#;
    let private = r#"{"type":"local-candidate","id":"L","candidateType":"srflx","address":"203.0.113.9","ip":"203.0.113.9",
        "relatedAddress":"10.0.0.1","url":"turn:turn.example.net","usernameFragment":"x","protocol":"udp","port":9},
        {"type":"certificate","id":"CF","base64Certificate":"MIIB}{][","fingerprint":"0A:99","timestamp":"?"},
        {"base64Certificate":"MIIB","id":"CG","type":"certificate"}"#;
    check(&[
        row(
            "20a",
            hostile.to_owned(),
            "|a|b,c d|\u{1f600} p=1..| - join=",
            &["characters"],
            "kept as they are, without controls",
        ),
        row(
            "20b",
            inbound(&format!(r#""mid":"{long}""#)),
            &format!("a|c|p|PC_0 -; InboundRtp I kind=audio mid={cut}"),
            &["too_long"],
            "cut",
        ),
        row(
            "20c",
            inbound(r#""mid":"\ud83d \u00zz \q""#),
            "a|c|p|PC_0 -; InboundRtp I kind=audio mid=\u{fffd} \u{fffd}00zz \u{fffd}",
            &[],
            "wrong escapes",
        ),
        row(
            "20d",
            inbound(r#""mid":7,"rid":"""#),
            "a|c|p|PC_0 -; InboundRtp I kind=audio mid=7",
            &[],
            "a number as a text; an empty one",
        ),
        row(
            "21",
            envelope(private),
            "a|c|p|PC_0 -; LocalCandidate L candidateType=srflx protocol=udp",
            &[],
            "no address, no URL, no certificate",
        ),
    ]);
    let (outcome, warnings) = decode(
        Limits::default(),
        None,
        b"{\"kind\":\"event\",\"call\":\"c\xff\",\"participant\":\"p\",\"event\":\"leave\"}",
    );
    assert_eq!((outcome, warnings), (Ok(vec!["|c\u{fffd}|p| - leave=".to_owned()]), vec!["characters"]), "no UTF-8");
}

#[test]
fn caps() {
    let codecs = |count: usize| envelope(&vec![r#"{"type":"codec","id":"C"}"#; count].join(","));
    let nested = |depth: usize| inbound(&format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth)));
    // The envelope, `stats` and the object are three levels.
    assert!(decode(Limits::default(), None, codecs(2_000).as_bytes()).0.is_ok());
    assert!(decode(Limits::default(), None, nested(29).as_bytes()).0.is_ok());
    check(&[
        failing("14a", &codecs(2_001), Reason::TooManyObjects, "more objects than allowed"),
        failing("14b", &codecs(25_000), Reason::TooManyObjects, "far more"),
        failing("14c", &nested(30), Reason::TooDeep, "33 levels"),
        failing("14d", &nested(200), Reason::TooDeep, "200 and more"),
        failing(
            "14e",
            &inbound(&format!(r#""x":"{}""#, "y".repeat(1024 * 1024))),
            Reason::TooLarge,
            "a text of a megabyte",
        ),
        failing("14f", &format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)), Reason::TooDeep, "a tower"),
        failing("14g", "", Reason::Empty, "nothing"),
        failing("14h", " \n", Reason::Empty, "blanks"),
    ]);
    let small = Limits { value_bytes: 150, objects: 1, depth: 3 };
    assert!(decode(small, None, codecs(1).as_bytes()).0.is_ok());
    assert_eq!(decode(small, None, codecs(2).as_bytes()).0, Err(Reason::TooManyObjects));
    assert_eq!(decode(Limits { value_bytes: 100, ..small }, None, codecs(1).as_bytes()).0, Err(Reason::TooLarge));
}

#[test]
fn shapes() {
    let sample = r#"{"timestamp":1795243668000,"peerConnections":[{"peerConnectionId":"sub-0","score":4.1,
          "inboundRtps":[{"timestamp":1795243667990,"id":"IA","ssrc":7,"kind":"audio","packetsLost":3,"concealedSamples":2880}],
          "iceCandidates":[{"id":"L","candidateType":"host"},{"id":"R","candidateType":"prflx"}],
          "iceCandidatePairs":[{"id":"CP","state":"inProgress","remoteCandidateId":"R"}],
          "certificates":[{"id":"CF"}],"inboundTracks":[{"id":"t"}]},{"peerConnectionId":"sub-1","codecs":[{"id":"C","clockRate":90000}]}],
        "clientEvents":[{"type":"CLIENT_JOINED","timestamp":1795243660000},
          {"type":"ICE_CONNECTION_STATE_CHANGED","payload":"{\"peerConnectionId\":\"sub-0\",\"iceConnectionState\":\"connected\"}"},
          {"type":"MEDIA_TRACK_MUTED"},{"type":"PEER_CONNECTION_CLOSED","payload":{"peerConnectionId":"sub-1"}}],
        "clientIssues":[{"type":"freezed-video-track"}],"callId":"c","clientId":"p"}"#;
    let reports = [
        "|c|p| 1795243660000000 join=",
        "|c|p|sub-0 1795243668000000 iceconnectionstatechange=connected",
        "|c|p|sub-1 1795243668000000 connectionstatechange=closed",
        "|c|p|sub-0 1795243668000000; InboundRtp IA@1795243667990000 packetsLost=3 concealedSamples=2880 ssrc=7 kind=audio; \
         LocalCandidate L candidateType=host; RemoteCandidate R candidateType=prflx; CandidatePair CP state=in-progress remoteCandidateId=R",
        "|c|p|sub-1 1795243668000000; Codec C clockRate=90000",
    ];
    let several = |number, input: &str, reports: &[&str], warnings, why| Row {
        number,
        input: input.to_owned(),
        expected: Ok(reports.iter().map(|report| (*report).to_owned()).collect()),
        warnings,
        why,
    };
    let map = r#"{"kind":"getstats","call":"c","participant":"p","pc":"PC_0","seq":4,"part":1,"of":2,
        "stats":{"T01":{"type":"transport","iceState":"connected"},"X":{"id":"P","type":"peer-connection","dataChannelsOpened":1}}}"#;
    check(&[
        several("sample", sample, &reports, &["legacy_name"], "each connection and each event is a report"),
        several("sample-empty", r#"{"callId":"c","clientId":"p","clientIssues":[]}"#, &[], &[], "nothing in it that is read"),
        row(
            "11",
            map.to_owned(),
            "|c|p|PC_0 -; Transport T01 iceState=connected; PeerConnection P dataChannelsOpened=1",
            &[],
            "a map by id; the object's own id counts more; the whole identity is there",
        ),
        row(
            "event",
            r#"{"event":"iceconnectionstatechange","value":"connected","ts":1795243667800,"pc":"PC_0","participant":"p","call":"c","v":1}"#.into(),
            "|c|p|PC_0 1795243667800000 iceconnectionstatechange=connected",
            &[],
            "members in any order",
        ),
        failing("version", r#"{"v":2,"kind":"event","call":"c","participant":"p","event":"join"}"#, Reason::Version, "of another time"),
        failing("kind", r#"{"kind":"poem","call":"c","participant":"p","stats":[]}"#, Reason::Malformed, "another kind"),
        failing("no-event", r#"{"kind":"event","call":"c","participant":"p"}"#, Reason::Malformed, "an event without a name"),
        failing("no-stats", r#"{"kind":"getstats","call":"c","participant":"p","stats":5}"#, Reason::Malformed, "no statistics"),
        failing("nobody", r#"{"kind":"getstats","call":"c","stats":[]}"#, Reason::Malformed, "whose is it?"),
        failing("nothing", r#"{"a":1}"#, Reason::Malformed, "another record altogether"),
        failing("scalar", "17", Reason::Malformed, "JSON, but nothing"),
        failing("text", "CMCD=br%3D300", Reason::Json, "no JSON"),
        failing("rest", r#"{"kind":"event","call":"c","participant":"p","event":"join"} x"#, Reason::Json, "something behind it"),
        failing("cut", r#"{"kind":"event","call":"c","participant":"p","event":"join""#, Reason::Json, "its end is missing"),
    ]);
}

#[test]
fn the_key_tells_what_the_record_does_not() {
    let list = r#"[{"type":"transport","id":"T01","timestamp":1795243667800}]"#;
    let map = r#"{"T01":{"type":"transport","timestamp":1795243667800}}"#;
    let named = |key| decode(Limits::default(), Some(key), list.as_bytes()).0;
    let expected = |identity: &str| Ok(vec![format!("{identity}| -; Transport T01@1795243667800000")]);
    assert_eq!(named("a|c|p"), expected("a|c|p"));
    assert_eq!(named("|room%7C1|p%25%C3%A9%zz"), expected("|room|1|p%é%zz"));
    assert_eq!(decode(Limits::default(), Some("a|c|p"), map.as_bytes()).0, expected("a|c|p"), "a bare map");
    for key in ["a|c", "a|c|p|q", "a||p", "a|c|", "c"] {
        assert_eq!(named(key), Err(Reason::Malformed), "{key}");
    }
    let incomplete = r#"{"kind":"event","call":"own","event":"join"}"#;
    let (outcome, _) = decode(Limits::default(), Some("a|c|p"), incomplete.as_bytes());
    assert_eq!(outcome, Ok(vec!["a|own|p| - join=".to_owned()]), "what the record says counts more");
    for nothing in ["[]", "{}", r#"{"x":{"y":1}}"#, r#"[{"type":"certificate","id":"CF"}]"#] {
        assert_eq!(decode(Limits::default(), Some("a|c|p"), nothing.as_bytes()).0, Err(Reason::Malformed), "{nothing}");
    }
}
