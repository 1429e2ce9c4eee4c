//! What a report of WebRTC statistics costs from its bytes to the rows of its windows: decoded, kept, and computed when its window closes.
//!
//! `cargo bench --bench webrtc`, on one thread, with all rows rendered; the throughput is in reports and in bytes, and the mean size of a
//! report is printed first. `reports_to_rows`: two minutes of simulated calls in one partition, an iteration. `captured_reports_to_rows`:
//! what Chromium 147 said of one call of two tracks, certificates and all, as if so many had taken part at once.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/webrtc_captures.rs"]
mod captures;
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use streamgauge::aggregate::Caps;
use streamgauge::engine::Rules;
use streamgauge::fold::{Clock, Decoding, SourceFold, SourceSettings};
use streamgauge::model::EventTime;
use streamgauge::simulate::{CallScenario, Calls, SimulatedRecord};
use support::{Batch, read};

const START_MS: i64 = 1_767_600_000_000;
const PARTICIPANTS: u32 = 500;
const DURATION_MS: i64 = 120_000;

fn settings() -> SourceSettings {
    SourceSettings {
        source: "webrtc".to_owned(),
        cdn: "unknown".to_owned(),
        clock: Clock::Player,
        rules: Rules { window_ms: 10_000, grace_ms: 10_000, disorder_bound_ms: 5_000 },
        max_delay_ms: 0,
        deduplicate: false,
        caps: Caps { sessions: 200_000, rollup_keys: 2_000, facts: 64 },
    }
}

fn fold() -> Box<dyn SourceFold> {
    Decoding::Webrtc(Arc::default()).afresh(settings(), 0, 0)
}

/// The records of a captured call, once for each of the participants.
fn captured() -> Vec<SimulatedRecord> {
    let [_, (_, capture), ..] = captures::CAPTURES;
    let mut records = Vec::new();
    for sample in captures::samples(capture) {
        let (text, time_ms) = (sample.as_list(), sample.time_ms.as_f64().unwrap() as i64);
        for participant in 0..PARTICIPANTS {
            records.push(SimulatedRecord {
                topic: "qoe.webrtc",
                key: Some(format!("townhall|room-7f3a|p-{participant}").into_bytes()),
                headers: Vec::new(),
                value: text.replace("\"p-114\"", &format!("\"p-{participant}\"")).into_bytes(),
                append_ms: time_ms,
                event_ms: time_ms,
            });
        }
    }
    records
}

fn webrtc(criterion: &mut Criterion) {
    let scenario = CallScenario::steady(PARTICIPANTS, DURATION_MS);
    measure(
        criterion,
        "reports_to_rows",
        &Calls::new(scenario, 1, EventTime::from_millis(START_MS)).collect::<Vec<_>>(),
    );
    measure(criterion, "captured_reports_to_rows", &captured());
}

fn measure(criterion: &mut Criterion, name: &str, records: &[SimulatedRecord]) {
    let bytes: usize = records.iter().map(|record| record.value.len()).sum();
    let batch = Batch::new(records);
    let rows = read(&mut *fold(), &batch);
    println!("{name}: {} reports of {} bytes on average give {rows} rows", records.len(), bytes / records.len());
    let mut group = criterion.benchmark_group("webrtc");
    group.throughput(Throughput::ElementsAndBytes { elements: records.len() as u64, bytes: bytes as u64 });
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(fold, |fold| black_box(read(&mut **fold, &batch)), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, webrtc);
criterion_main!(benches);
