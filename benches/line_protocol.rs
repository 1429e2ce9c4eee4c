//! What rendering and compressing rows costs, on rows shaped like `session_window`: 4 tags, 2 ids, 55 integers, most of them small or zero.
//!
//! `cargo bench --bench line_protocol`; prints ns per row, and bytes per second of text for the compression.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use streamgauge::model::{Field, FieldKind, Row, Schema, Tag, Value};
use streamgauge::sink::line_protocol::Renderer;

const INTEGERS: usize = 55;
const BATCH: usize = 5000;

const fn tag(name: &'static str) -> Tag {
    Tag { name, help: "" }
}

fn schema() -> &'static Schema {
    let id = |name| Field { name, kind: FieldKind::Text, help: "" };
    let integer =
        |number| Field { name: format!("some_measure_{number}_count").leak(), kind: FieldKind::Integer, help: "" };
    let fields = [id("session_id"), id("content_id")].into_iter().chain((0..INTEGERS).map(integer));
    let tags = vec![tag("edge"), tag("shard"), tag("source"), tag("tenant")].leak();
    Box::leak(Box::new(Schema {
        measurement: "session_window",
        dialect: "cmcd",
        help: "",
        tags,
        fields: fields.collect::<Vec<_>>().leak(),
    }))
}

/// Values that differ from row to row as measurements do: a third zeros, a third small, a third large.
fn integer(row: usize, field: usize) -> i64 {
    let mixed = (row * 64 + field).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    match field % 3 {
        0 => 0,
        1 => (mixed % 100) as i64,
        _ => (mixed % 10_000_000) as i64,
    }
}

fn render(schema: &'static Schema, renderer: &mut Renderer, ids: &[String], number: usize, out: &mut Vec<u8>) {
    let mut fields = [Value::Integer(0); INTEGERS + 2];
    fields[0] = Value::Text(&ids[number % ids.len()]);
    fields[1] = Value::Text("movie-4711");
    for (field, value) in fields.iter_mut().skip(2).enumerate() {
        *value = Value::Integer(integer(number, field));
    }
    let timestamp_ns = 1_700_000_000_000_000_000 + number as i64;
    renderer.render(
        &Row { schema, tags: &["FRA53-C1", "17", "cloudfront", "default"], fields: &fields, timestamp_ns },
        out,
    );
}

fn compress(text: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::new(level));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn line_protocol(criterion: &mut Criterion) {
    let schema = schema();
    let mut renderer = Renderer::new();
    let ids: Vec<String> =
        (0..BATCH).map(|number| format!("{:032x}", (number as u128).wrapping_mul(u128::MAX / 7))).collect();
    let mut batch = Vec::new();
    for number in 0..BATCH {
        render(schema, &mut renderer, &ids, number, &mut batch);
    }
    let mut group = criterion.benchmark_group("line_protocol");
    group.measurement_time(Duration::from_secs(4)).sample_size(20);

    group.throughput(Throughput::Elements(1));
    let mut out = Vec::with_capacity(batch.len());
    let mut number = 0;
    group.bench_function("render a row of 55 integers", |bencher| {
        bencher.iter(|| {
            if number % BATCH == 0 {
                out.clear();
            }
            render(schema, &mut renderer, &ids, number, black_box(&mut out));
            number += 1;
        });
    });

    group.throughput(Throughput::Bytes(batch.len() as u64));
    for level in [1, 6] {
        println!("gzip level {level}: {} bytes to {}", batch.len(), compress(&batch, level).len());
        group.bench_function(format!("gzip 5000 rows at level {level}"), |bencher| {
            bencher.iter_batched(|| (), |()| compress(black_box(&batch), level), BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, line_protocol);
criterion_main!(benches);
