//! What a hostile sender may try.

use serde_json::json;
use streamgauge::decode::webrtc::convert::{Converter, Dialect, Dropped, Error};

use super::{identity, push};

/// What any dialect may be sent: every kind of value in every place.
fn hostile_messages() -> Vec<Vec<u8>> {
    let long = "x".repeat(1_000_000);
    let odd = [
        "null",
        "true",
        "-1",
        "1e300",
        "18446744073709551616",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{\"a\":1}",
        "\u{1f600}",
        "NaN",
        "",
        "\"\\ud800\"",
    ];
    let odd = odd.map(str::to_owned).into_iter().chain([format!("\"{long}\""), "[".repeat(200), "{\"a\":".repeat(200)]);
    let templates = [
        "@",
        "[@,\"PC_0\",{},1795243660000]",
        "[\"g\",@,{},1795243660000]",
        "[\"g\",\"PC_0\",@,1795243660000]",
        "[\"g\",\"PC_0\",{\"0\":@,\"t\":1},@]",
        "[\"g\",\"PC_0\",{\"0\":{\"type\":@,\"14\":@,\"t\":@},\"t\":@},5]",
        "[\"getstats\",\"PC_0\",{\"0\":{\"type\":\"inbound-rtp\",\"jitter\":@,\"timestamp\":@},\"timestamp\":@},1795243660000,@]",
        "{\"statsSessionId\":@,\"type\":@,\"data\":@}",
        "{\"statsSessionId\":\"s\",\"type\":\"stats-entry\",\"data\":@}",
        "{\"statsSessionId\":\"s\",\"type\":\"identity\",\"data\":{\"confName\":@}}",
        "{\"PeerConnections\":@}",
        "{\"PeerConnections\":{\"a\":@}}",
        "{\"PeerConnections\":{\"a\":{\"updateLog\":@,\"stats\":@}}}",
        "{\"PeerConnections\":{\"a\":{\"updateLog\":[{\"type\":@,\"timestamp\":@,\"value\":@}],\"stats\":{\"x-y\":@,\"x-timestamp\":{\"values\":@},\"-\":{\"values\":\"[1]\"}}}}}",
        "{\"connectionId\":@,\"delta\":@,\"data\":{\"connection\":@,\"audio\":@,\"remote\":@}}",
        "{\"data\":{\"connection\":{\"id\":@,\"type\":@,\"local\":@},\"audio\":{\"inbound\":[@,{\"id\":\"a\",\"type\":@,\"codecId\":@,\"track\":@}]}}}",
        "{\"timestamp\":@,\"rtt\":@,\"jitter\":@,\"codecName\":@,\"totals\":@}",
        "{\"type\":32,\"subtype\":3,\"timestamp\":@,\"session_id\":@,\"opaque_id\":@,\"event\":@}",
        "{\"type\":32,\"subtype\":3,\"timestamp\":1,\"event\":[@,{\"media\":@,\"mid\":@,\"base\":@,\"lost\":@}]}",
        "[@,{\"type\":\"inbound-rtp\",\"ssrc\":@,\"mimeType\":@,\"jitter\":@},{\"type\":\"webrtc-transport\",\"transportId\":@,\"iceState\":@}]",
    ];
    let odd: Vec<String> = odd.collect();
    templates.iter().flat_map(|template| odd.iter().map(|value| template.replace('@', value).into_bytes())).collect()
}

#[test]
fn no_message_makes_a_converter_panic_or_grow() {
    let messages = hostile_messages();
    for dialect in Dialect::ALL {
        let mut converter = Converter::new(dialect, identity());
        for message in &messages {
            let mut bytes = 0;
            // Whether it is refused does not matter here; what comes out is no longer than what went in, nearly.
            let outcome = converter.push(message, 1_795_243_700_000, &mut |converted| bytes += converted.value.len());
            assert!(bytes < 20_000 + message.len(), "{dialect} {outcome:?}");
        }
    }
}

#[test]
fn limits_refuse_messages_whole() {
    let refusal = |dialect: Dialect, message: &str| {
        let mut envelopes = 0;
        let refused = Converter::new(dialect, identity()).push(message.as_bytes(), 0, &mut |_| envelopes += 1);
        assert_eq!(envelopes, 0);
        refused.unwrap_err()
    };
    let objects: Vec<String> = (0..50_000).map(|index| format!("\"{index}\":{{\"type\":1}}")).collect();
    let many = format!("[\"g\",\"PC_0\",{{{}}},1795243660000]", objects.join(","));
    assert!(matches!(refusal(Dialect::Rtcstats, &many), Error::TooManyObjects { objects: 50_000, limit: 2_000 }));
    let rows: Vec<String> = (0..20_000).map(|index| format!("{{\"id\":\"{index}\",\"type\":\"codec\"}}")).collect();
    let rows = format!("{{\"data\":{{\"audio\":{{\"inbound\":[{}]}}}}}}", rows.join(","));
    assert!(matches!(refusal(Dialect::Peermetrics, &rows), Error::TooManyObjects { limit: 2_000, .. }));
    let text = format!("[\"g\",\"PC_0\",{{\"0\":{{\"type\":1,\"18\":\"{}\"}}}},1]", "x".repeat(1 << 20));
    assert!(matches!(refusal(Dialect::Rtcstats, &text), Error::TooLarge { limit: 1_048_576, .. }));
    let deep = format!("[\"g\",\"PC_0\",{}{},1]", "[".repeat(200), "]".repeat(200));
    assert!(matches!(refusal(Dialect::Rtcstats, &deep), Error::TooDeep { limit: 32 }));
    let members: Vec<String> = (0..40_000).map(|index| format!("\"m{index}\":1")).collect();
    let wide = format!("[\"g\",\"PC_0\",{{\"0\":{{\"type\":1,{}}}}},1]", members.join(","));
    assert!(matches!(refusal(Dialect::Rtcstats, &wide), Error::TooManyMembers { .. }));
    let inner = json!({"statsSessionId": "s", "type": "stats-entry", "data": format!("{}{}", "[".repeat(200), "]".repeat(200))});
    assert!(matches!(refusal(Dialect::RtcstatsJitsi, &inner.to_string()), Error::TooDeep { .. }));
}

#[test]
fn connections_that_never_close_are_forgotten_in_their_order() {
    let mut converter = Converter::new(Dialect::Rtcstats, identity());
    for index in 0..100 {
        let report =
            format!("[\"g\",\"PC_{index}\",{{\"0\":{{\"type\":1,\"14\":1}},\"t\":1795243660000}},1795243660000]");
        assert_eq!(push(&mut converter, &report).len(), 1);
    }
    assert_eq!(converter.take_counts().of(Dropped::OverCap), 68);
    let change = |index: u32| format!("[\"g\",\"PC_{index}\",{{\"0\":{{\"14\":2}},\"t\":1795243661000}},5]");
    assert_eq!(push(&mut converter, &change(99)).len(), 1);
    assert!(push(&mut converter, &change(10)).is_empty());
}
