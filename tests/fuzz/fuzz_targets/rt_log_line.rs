#![no_main]

mod support;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use streamgauge::decode::cmcd::{Carrier, ColumnPlan};

static PLAN: LazyLock<ColumnPlan> = LazyLock::new(|| {
    let fields = [
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
        "cs-headers",
        "cmcd-encoded-bitrate",
        "cmcd-session-id",
        "cmcd-startup",
    ];
    ColumnPlan::new(&fields).expect("these fields exist")
});

fuzz_target!(|value: &[u8]| support::decode(Carrier::CloudFrontRealTime(PLAN.clone()), value));
