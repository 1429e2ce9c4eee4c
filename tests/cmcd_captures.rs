//! What real players sent is read to the last member: counts over the whole captures, and single records worked out by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use streamgauge::decode::cmcd::{Carrier, Carriers, Decoder};
use streamgauge::model::cmcd::{Event, Keys, ObjectType, StreamType, StreamingFormat, Warning};
use streamgauge::model::{Headers, Record};

const BITMOVIN: &str = include_str!("data/cmcd/bitmovin-url.log");
const QUERIES: &str = include_str!("data/cmcd/players-queries.txt");
const HEADERS: &str = include_str!("data/cmcd/players-headers.txt");

fn decoder(carrier: Carrier) -> Decoder {
    Decoder::new(Arc::new(Carriers::fixed(carrier)))
}

fn decode(decoder: &mut Decoder, value: &str, check: &mut dyn FnMut(&Event<'_>)) {
    let value = value.as_bytes();
    let record = Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
    let mut events = 0;
    let outcome = decoder.decode(&record, &mut |event| {
        events += 1;
        assert_eq!(event.members_rejected, 0, "{event:?}");
        check(event);
    });
    assert_eq!((outcome, events), (Ok(()), 1));
}

/// How many members of these keys an event has: all that the captures hold.
fn members(keys: &Keys<'_>) -> usize {
    let lists = [&keys.bl, &keys.br, &keys.mtp, &keys.tb].into_iter().filter(|list| !list.is_empty()).count();
    let integers = [keys.d, keys.dl, keys.rtp, keys.pr_thousandths].into_iter().flatten().count();
    let strings = [&keys.cid, &keys.sid].into_iter().flatten().count() + keys.nor.len();
    let booleans = [keys.su, keys.bs].into_iter().flatten().count();
    let formats = usize::from(keys.sf != StreamingFormat::Unknown) + usize::from(keys.st != StreamType::Unknown);
    lists + integers + strings + booleans + formats + usize::from(keys.ot.is_some())
}

#[test]
fn a_half_encoded_session_with_decimals_loses_no_member() {
    let mut decoder = decoder(Carrier::Query);
    let (mut records, mut decoded, mut sent) = (0, 0, 0);
    for line in BITMOVIN.lines().skip(2) {
        records += 1;
        // Commas part members and nothing else here: no string of this capture has one.
        sent += line.split(',').count();
        decode(&mut decoder, line, &mut |event| {
            decoded += members(&event.keys);
            assert_eq!(event.keys.sid.as_deref(), Some("6e2fb550-c457-11e9-bb97-0800200c9a66"));
        });
    }
    assert_eq!((records, decoded), (375, sent));
    let warnings = decoder.take_warnings();
    let warned: Vec<_> = Warning::ALL.into_iter().zip(warnings).filter(|(_, count)| *count > 0).collect();
    assert!(matches!(warned[..], [(Warning::Rounding, _)]), "{warned:?}");

    // bl=3961.2200000000003,br=14923,cid=…,dl=3961.2200000000003,mtp=115.26,ot=v,sf=h,sid=…,st=v,su,tb=14922.982
    decode(&mut decoder, BITMOVIN.lines().nth(10).unwrap(), &mut |event| {
        let keys = &event.keys;
        assert_eq!(
            (keys.bl[0].value, keys.br[0].value, keys.mtp[0].value, keys.tb[0].value),
            (3961, 14923, 115, 14923)
        );
        assert_eq!((keys.dl, keys.d, keys.su), (Some(3961), None, Some(true)));
        assert_eq!(keys.cid.as_deref(), Some("1111-111111-111111-11111"));
        assert_eq!((keys.ot, keys.sf, keys.st), (Some(ObjectType::Video), StreamingFormat::Hls, StreamType::Vod));
    });
}

#[test]
fn urls_with_an_encoded_query_lose_no_member() {
    let mut decoder = decoder(Carrier::Query);
    let (mut records, mut decoded, mut sent) = (0, 0, 0);
    for line in QUERIES.lines() {
        records += 1;
        sent += line.split("%2C").count();
        decode(&mut decoder, line, &mut |event| decoded += members(&event.keys));
    }
    assert_eq!((records, decoded), (20, sent));
    assert_eq!(decoder.take_warnings().iter().sum::<u64>(), 0);

    decode(&mut decoder, QUERIES.lines().nth(1).unwrap(), &mut |event| {
        let keys = &event.keys;
        assert_eq!(
            (keys.bl[0].value, keys.br[0].value, keys.mtp[0].value, keys.tb[0].value),
            (11500, 14931, 99300, 14932)
        );
        assert_eq!((keys.d, keys.dl, keys.rtp, keys.su), (Some(4000), Some(11500), Some(26000), None));
        assert_eq!(keys.nor[0], "bbb_30fps_3840x2160_12000k_3.m4v");
        assert_eq!(keys.cid.as_deref(), Some("21cf726cfe3d937b5f974f72bb5bd06a"));
        assert_eq!((keys.ot, keys.sf, keys.st), (Some(ObjectType::Video), StreamingFormat::Dash, StreamType::Vod));
    });
}

#[test]
fn requests_with_four_headers_lose_no_member() {
    let mut decoder = decoder(Carrier::Headers);
    let (mut records, mut decoded, mut sent) = (0, 0, 0);
    for request in HEADERS.split("\n\n").filter(|request| !request.trim().is_empty()) {
        records += 1;
        let lines = request.lines().filter(|line| line.starts_with("CMCD-"));
        sent += lines.map(|line| line.split(',').count()).sum::<usize>();
        decode(&mut decoder, request, &mut |event| decoded += members(&event.keys));
    }
    assert_eq!((records, decoded), (20, sent));

    decode(&mut decoder, HEADERS.split("\n\n").next().unwrap(), &mut |event| {
        let keys = &event.keys;
        assert_eq!((keys.bl[0].value, keys.br[0].value, keys.mtp[0].value, keys.tb[0].value), (31700, 67, 10600, 67));
        assert_eq!((keys.d, keys.dl, keys.rtp), (Some(4011), Some(31700), Some(100)));
        assert_eq!(keys.nor[0], "bbb_a64k_11.m4a");
        assert_eq!(keys.sid.as_deref(), Some("b62ac932-1967-4368-8e9a-31df70ef2bc5"));
        assert_eq!((keys.ot, keys.sf, keys.st), (Some(ObjectType::Audio), StreamingFormat::Dash, StreamType::Vod));
    });
}
