#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;
use streamgauge::decode::cmcd::Carrier;

fuzz_target!(|value: &[u8]| support::decode(Carrier::Body, value));
