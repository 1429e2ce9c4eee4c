//! What a beacon of Kaltura's players costs from its bytes to the rows of its windows: decoded, placed, kept, and added up by entry, place,
//! device, site and way of playing when its window closes.
//!
//! `cargo bench --bench kaltura`, on one thread. An iteration is three minutes of simulated players in one partition; the throughput is in
//! beacons and in bytes. Once up to the closed windows with four roll-ups, once with all that the built-in topology declares and with the
//! rows of sessions rendered.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use streamgauge::fold::{Decoding, KalturaSettings, SourceFold};
use streamgauge::model::EventTime;
use streamgauge::model::kaltura::Rollup;
use streamgauge::service::source_plan;
use streamgauge::simulate::{PlayerScenario, Players, SimulatedRecord};
use streamgauge::topology::Topology;
use support::{Batch, read, read_and};

const START_MS: i64 = 1_767_600_000_000;
const VIEWERS: u32 = 10_000;
const DURATION_MS: i64 = 180_000;

/// The roll-ups with which speed is promised.
const FOUR: [Rollup; 4] = [Rollup::Content, Rollup::Geography, Rollup::Device, Rollup::Domain];

/// A partition of the built-in source, with these roll-ups or all that it declares.
fn fold(rollups: Option<&[Rollup]>) -> Box<dyn SourceFold> {
    let topology = Topology::load(None).unwrap();
    let plan = source_plan(&topology, topology.source("kaltura").unwrap()).unwrap();
    let decoding = match (&plan.decoding, rollups) {
        (Decoding::Kaltura(declared), Some(rollups)) => {
            let settings = KalturaSettings { rollups: rollups.to_vec(), ..KalturaSettings::clone(declared) };
            Decoding::Kaltura(Arc::new(settings))
        }
        (declared, _) => declared.clone(),
    };
    decoding.afresh(plan.settings, 0, 0)
}

fn kaltura(criterion: &mut Criterion) {
    let scenario = PlayerScenario::steady(VIEWERS, DURATION_MS);
    let records: Vec<SimulatedRecord> = Players::new(scenario, 1, EventTime::from_millis(START_MS)).collect();
    let bytes: usize = records.iter().map(|record| record.value.len()).sum();
    let batch = Batch::new(&records);
    let rows = read(&mut *fold(None), &batch);
    println!(
        "{} beacons of {} bytes on average give {rows} rows and parts of rows",
        records.len(),
        bytes / records.len()
    );
    let mut group = criterion.benchmark_group("kaltura");
    group.throughput(Throughput::ElementsAndBytes { elements: records.len() as u64, bytes: bytes as u64 });
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("beacons_to_windows_with_four_rollups", |bencher| {
        let close = |fold: &mut Box<dyn SourceFold>| {
            read_and(&mut **fold, &batch, &mut |rows| {
                black_box(rows.len());
            })
        };
        bencher.iter_batched_ref(|| fold(Some(&FOUR)), close, BatchSize::PerIteration);
    });
    group.bench_function("beacons_to_rows", |bencher| {
        bencher.iter_batched_ref(|| fold(None), |fold| black_box(read(&mut **fold, &batch)), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, kaltura);
criterion_main!(benches);
