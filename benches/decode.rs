//! How long one record takes to decode, by carrier and source. The budget of a real-time log line is 0.8 µs, that of a WebRTC report of
//! 8 KB 8 µs.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/webrtc_captures.rs"]
mod captures;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use streamgauge::decode::cmcd::{Carrier, Carriers, ColumnPlan, Decoder, Mapping};
use streamgauge::decode::webrtc;
use streamgauge::model::{Headers, Record};

const FIELDS: [&str; 13] = [
    "timestamp",
    "c-ip",
    "time-to-first-byte",
    "sc-status",
    "sc-bytes",
    "cs-method",
    "cs-host",
    "x-edge-location",
    "x-edge-request-id",
    "time-taken",
    "cs-uri-query",
    "x-edge-result-type",
    "c-country",
];

const V1_QUERY: &str = "CMCD=bl%3D21300%2Cbr%3D3200%2Ccid%3D%22film-4711%22%2Cd%3D4004%2Cdl%3D18600%2Cmtp%3D25400%2Cnor%3D%22seg13.m4s%22%2Cot%3Dv%2Csf%3Dh%2Csid%3D%226e2fb550-c457-11e9-bb97-0800200c9a66%22%2Cst%3Dv%2Ctb%3D6000";

const V2_QUERY: &str = "CMCD=bl%3D%2821300%3Bv%29%2Cbr%3D%283200%3Bv%20128%3Ba%29%2Ccid%3D%22film-4711%22%2Cd%3D4004%2Cdl%3D18600%2Cmtp%3D%2825400%29%2Cot%3Dv%2Csf%3Dh%2Csid%3D%226e2fb550-c457-11e9-bb97-0800200c9a66%22%2Csn%3D17%2Cst%3Dv%2Csta%3Dp%2Ctb%3D%286000%3Bv%29%2Cv%3D2";

fn log_line(query: &str) -> String {
    format!(
        "1767600123.417\t203.0.113.9\t0.012\t206\t1601245\tGET\tcdn.example.com\tMAD53-P2\tZx9QmFhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3g==\t0.031\t{query}\tHit\tES\n"
    )
}

fn body() -> String {
    (0..10)
        .map(|sequence| {
            let ts = 1_767_600_123_417_i64 + sequence * 500;
            format!("bl=(21300;v),br=(3200;v 128;a),e=t,sid=\"6e2fb550-c457-11e9-bb97-0800200c9a66\",sn={sequence},sta=p,ts={ts},v=2\n")
        })
        .collect()
}

fn fastly_line() -> String {
    format!(
        r#"{{"start_ms":"1767600123417","status":206,"bytes":1601245,"ttfb_s":"0.012","elapsed_us":31000,"cache":"HIT-CLUSTER","pop":"MAD","url":"/vod/a1/seg12.m4s?{V1_QUERY}","cmcd_object":"","cmcd_request":"","cmcd_status":"","cmcd_session":"","request_id":"5e2fb550-c457-11e9-bb97-0800200c9a66","client_city":"madrid"}}"#
    )
}

fn decode(criterion: &mut Criterion) {
    let fastly = Mapping::ready_made("fastly").unwrap().unwrap();
    let real_time = || Carrier::CloudFrontRealTime(ColumnPlan::new(&FIELDS).unwrap());
    let cases = [
        ("real_time_line_v1", real_time(), log_line(V1_QUERY)),
        ("real_time_line_v2", real_time(), log_line(V2_QUERY)),
        ("bare_query", Carrier::Query, V1_QUERY.to_owned()),
        ("body_of_10", Carrier::Body, body()),
        ("fastly_json_line", Carrier::Json(Box::new(fastly)), fastly_line()),
    ];
    let mut group = criterion.benchmark_group("decode");
    for (name, carrier, value) in cases {
        let mut decoder = Decoder::new(Arc::new(Carriers::fixed(carrier)));
        let value = value.as_bytes();
        let record = Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
        group.throughput(Throughput::Bytes(value.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                decoder.decode(black_box(&record), &mut |event| {
                    black_box(event);
                })
            });
        });
    }
    group.finish();
}

/// All samples of a capture, one after the other; the throughput is that of one.
fn decode_webrtc(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_webrtc");
    for (name, capture) in captures::CAPTURES {
        let values: Vec<String> = captures::samples(capture).iter().map(captures::Sample::as_list).collect();
        let bytes: usize = values.iter().map(String::len).sum();
        let mut decoder = webrtc::Decoder::default();
        let mut values = values.iter().cycle();
        group.throughput(Throughput::ElementsAndBytes {
            elements: 1,
            bytes: bytes as u64 / captures::samples(capture).len() as u64,
        });
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let value = values.next().unwrap().as_bytes();
                let record = Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
                decoder.decode(black_box(&record), &mut |report| {
                    black_box(report);
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode, decode_webrtc);
criterion_main!(benches);
