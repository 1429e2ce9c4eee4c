#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::decode::webrtc::Decoder;
use streamgauge::model::webrtc::{Content, Report};
use streamgauge::model::{Headers, Record};

// Decodes one value twice with one decoder: no panic, the same outcome, no report with an error, nothing out of its bounds.
fuzz_target!(|value: &[u8]| {
    let mut decoder = Decoder::default();
    let record = Record { offset: 0, append_ms: 0, key: Some(b"a|c|p"), value, headers: Headers::default() };
    let mut once = || {
        let mut reports = Vec::new();
        let outcome = decoder.decode(&record, &mut |report: &Report<'_>| {
            check(report);
            reports.push(format!("{report:?}"));
        });
        assert!(outcome.is_ok() || reports.is_empty(), "reports of a record that is a dead letter");
        (outcome, reports)
    };
    let first = once();
    assert_eq!(first, once(), "the decoder remembers something");
});

fn check(report: &Report<'_>) {
    let Content::Stats(objects) = &report.content else { return };
    assert!(objects.len() <= 2_000);
    for object in objects {
        assert!(object.numbers.is_sorted_by(|left, right| left.0 < right.0) && object.texts.is_sorted_by(|left, right| left.0 < right.0));
        assert!(object.numbers.iter().all(|(_, value)| value.abs() <= 9_000_000_000_000_000));
        let texts = object.texts.iter().map(|(_, text)| text).chain([&object.id]);
        texts.for_each(|text| assert!(text.len() <= 128 && !text.contains(char::is_control)));
    }
}
