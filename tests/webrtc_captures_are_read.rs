//! What real browsers report is read to the last number: every one of them, in its integer unit, is what another reader of JSON finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/webrtc_captures.rs"]
mod captures;

use serde_json::Value;
use streamgauge::decode::webrtc::Decoder;
use streamgauge::model::webrtc::{Clock, Content, Member, Object, ObjectType, Report, Text, Warning};
use streamgauge::model::{Headers, Record};

use captures::{CAPTURES, Sample, samples};

fn decode(decoder: &mut Decoder, value: &str, check: &mut dyn FnMut(&Report<'_>)) {
    let value = value.as_bytes();
    let record = Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
    let mut reports = 0;
    let outcome = decoder.decode(&record, &mut |report| {
        reports += 1;
        check(report);
    });
    assert_eq!((outcome, reports), (Ok(()), 1));
}

fn objects<'r, 'a>(report: &'r Report<'a>) -> &'r [Object<'a>] {
    match &report.content {
        Content::Stats(objects) => objects,
        Content::Event { .. } => panic!("an event"),
    }
}

/// How many of a number's integer unit are one of the specification's, by the member's name alone.
fn scale(name: &str) -> f64 {
    match name {
        "totalSquaredInterFrameDelay" | "totalAudioEnergy" => 1e9,
        "framesPerSecond" | "audioLevel" | "fractionLost" => 1e6,
        name if name.ends_with("Timestamp") => 1e3,
        name if name.contains("Delay") || name.contains("Time") || name.contains("Duration") => {
            if name.ends_with("Measurements") { 1.0 } else { 1e6 }
        }
        "jitter" => 1e6,
        _ => 1.0,
    }
}

/// The numbers of an object that are wanted, by another way: name by name, through floats.
fn expected(object: &Value) -> Vec<(Member, i64)> {
    let mut numbers = Vec::new();
    let mut add = |name: &str, value: &Value| {
        let Some(member) = Member::ALL.iter().find(|member| member.name() == name) else { return };
        let value =
            value.as_f64().unwrap_or_else(|| f64::from(u8::from(value.as_bool().expect("a number or a truth value"))));
        let since_1900 = name == "estimatedPlayoutTimestamp" && value > 3.5e12;
        let value = if since_1900 { value - 2_208_988_800_000.0 } else { value };
        numbers.push((*member, (value * scale(name)).round() as i64));
    };
    for (name, value) in object.as_object().unwrap() {
        match value {
            Value::Object(entries) => entries.iter().for_each(|(key, value)| add(&format!("{name}.{key}"), value)),
            value if value.is_string() => {}
            value => add(name, value),
        }
    }
    numbers.sort_unstable();
    numbers
}

/// Compares every object of a report, and gives the count of its numbers.
fn compare(sample: &Sample, report: &Report<'_>, context: &str) -> usize {
    let wanted = sample.objects.as_object().unwrap().values().filter(|object| object["type"] != "certificate");
    assert_eq!(
        (objects(report).len(), report.members_rejected, report.objects_unknown),
        (wanted.clone().count(), 0, 0)
    );
    let mut numbers = 0;
    for sent in wanted {
        let id = sent["id"].as_str().unwrap();
        let read = objects(report).iter().find(|object| object.id == id).unwrap();
        assert_eq!(read.object_type, ObjectType::named(sent["type"].as_str().unwrap()).unwrap());
        assert_eq!(read.numbers, expected(sent), "{context} {id}");
        assert_eq!(read.time_us, Some((sent["timestamp"].as_f64().unwrap() * 1e3).round() as i64));
        for text in Text::ALL {
            let sent = sent[text.name()].as_str().filter(|sent| !sent.is_empty());
            let sent = sent.map(|sent| if sent == "cancelled" { "failed" } else { sent });
            assert_eq!(read.text(*text), sent, "{context} {id} {}", text.name());
        }
        numbers += read.numbers.len();
    }
    numbers
}

#[test]
fn every_number_of_every_sample_is_read() {
    let mut decoder = Decoder::default();
    let mut counts = Vec::new();
    for (name, capture) in CAPTURES {
        let (mut reports, mut numbers) = (0, 0);
        for sample in samples(capture) {
            let context = format!("{name} {} {}", sample.connection, sample.sequence);
            for record in [sample.as_map(), sample.as_list()] {
                decode(&mut decoder, &record, &mut |report| {
                    assert_eq!((&*report.call, &*report.participant), ("room-7f3a", "p-114"));
                    assert_eq!((&*report.connection, report.clock), (sample.connection, Clock::Epoch));
                    assert_eq!(
                        (report.sequence, report.interval_ms),
                        (i64::try_from(sample.sequence).ok(), Some(1000))
                    );
                    reports += 1;
                    numbers += compare(&sample, report, &context);
                });
            }
        }
        counts.push((name, reports, numbers));
    }
    // Reports (each as a map and as a list) and numbers: nothing was passed over.
    let expected = [
        ("chromium147-bottleneck", 56, 5306),
        ("chromium147-loss8", 56, 5302),
        ("chromium147-restart", 32, 3502),
        ("firefox153", 36, 2662),
    ];
    assert_eq!(counts, expected);
    let warnings = decoder.take_warnings();
    let warned: Vec<_> = Warning::ALL.into_iter().zip(warnings).filter(|(_, count)| *count > 0).collect();
    assert!(matches!(warned[..], [(Warning::LegacyName, _)]), "only Firefox's cancelled pairs: {warned:?}");
}

#[test]
fn an_inbound_stream_with_loss_by_hand() {
    let (_, capture) = CAPTURES[1];
    let sample = samples(capture).into_iter().find(|sample| sample.sequence == 5 && sample.connection == "b").unwrap();
    decode(&mut Decoder::default(), &sample.as_map(), &mut |report| {
        let audio = objects(report).iter().find(|object| object.id == "IT01A923948039").unwrap();
        // "jitterBufferDelay":7315.2, s; "totalAudioEnergy":1.5977121019294447, 1e-9; "totalSamplesDuration":6.019999999999916, s
        assert_eq!(audio.number(Member::JitterBufferDelay), Some(7_315_200_000));
        assert_eq!(audio.number(Member::TotalAudioEnergy), Some(1_597_712_102));
        assert_eq!(audio.number(Member::TotalSamplesDuration), Some(6_020_000));
        // "estimatedPlayoutTimestamp":4004233133233 counts from 1900: − 2208988800000 = 1795244333233 ms.
        assert_eq!(audio.number(Member::EstimatedPlayoutTimestamp), Some(1_795_244_333_233_000));
        assert_eq!(audio.number(Member::PacketsLost), Some(27));
        assert_eq!(audio.number(Member::SilentConcealedSamples), Some(960));
        assert_eq!((audio.text(Text::Kind), audio.text(Text::PlayoutId)), (Some("audio"), Some("AP")));
        assert_eq!((audio.object_type, audio.time_us), (ObjectType::InboundRtp, Some(1_795_244_333_294_327)));
        // The report is as old as its newest object, not as its reception reports.
        assert_eq!(report.time().map(streamgauge::model::EventTime::as_millis), Some(1_795_244_333_294));
    });
}
