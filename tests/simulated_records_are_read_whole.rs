//! Promise: what the simulator writes, the built-in topology reads: every record, every member, and without complaint but for the habits of
//! the players that it imitates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use streamgauge::decode::cmcd::Decoder;
use streamgauge::decode::webrtc::Decoder as CallDecoder;
use streamgauge::fold::Decoding;
use streamgauge::model::cmcd::Warning;
use streamgauge::model::webrtc::{Content, Warning as CallWarning};
use streamgauge::model::{EventTime, Headers, Reason, Record};
use streamgauge::service::source_plans;
use streamgauge::simulate::{CLOUDFRONT_FIELDS, CallScenario, Calls, Carrier, Scenario, SimulatedRecord, Simulation};
use streamgauge::topology::Topology;

#[test]
fn the_simulated_log_columns_are_those_of_the_built_in_topology() {
    let topology = Topology::load(None).unwrap();
    let sources = topology.sources.iter().filter(|source| !source.cloudfront_fields.is_empty());
    let declared: Vec<_> = sources.map(|source| (source.topic.as_str(), source.cloudfront_fields.as_slice())).collect();
    let simulated = CLOUDFRONT_FIELDS.map(str::to_owned);
    assert_eq!(declared, [("qoe.cmcd.logs", simulated.as_slice())]);
}

/// The players' known habits: Bitmovin's and the latency's decimals on integer keys, Shaka's scalars where version 2 has lists, dash.js's
/// integers where error codes are strings, and Shaka's errors without a code.
const HABITS: [Warning; 4] = [Warning::Rounding, Warning::VersionMismatch, Warning::Quoting, Warning::MissingKey];

#[test]
fn every_simulated_record_is_read_whole() {
    let plans = source_plans(&Topology::load(None).unwrap()).unwrap();
    let mut decoders = BTreeMap::new();
    for plan in &plans {
        let Decoding::Cmcd(carriers) = &plan.decoding else { continue };
        decoders.insert(plan.topic.as_str(), Decoder::new(Arc::clone(carriers)));
    }
    let mut carriers = BTreeSet::new();
    for seed in 1..=6 {
        let start = EventTime::from_millis(1_767_600_000_000);
        for simulated in Simulation::new(Scenario::steady(400, 120_000), seed, start) {
            carriers.insert(simulated.headers[0].1.clone());
            read_whole(&simulated, decoders.get_mut(simulated.topic).unwrap());
        }
    }
    let all: BTreeSet<String> = Carrier::ALL.iter().map(|carrier| carrier.as_str().to_owned()).collect();
    assert_eq!(carriers, all);
}

fn read_whole(simulated: &SimulatedRecord, decoder: &mut Decoder) {
    let text = std::str::from_utf8(&simulated.value).unwrap();
    let mut headers = Headers::default();
    for (name, value) in &simulated.headers {
        headers.set(name, value.as_bytes());
    }
    let (append_ms, key) = (simulated.append_ms, simulated.key.as_deref());
    let record = Record { offset: 0, append_ms, key, value: &simulated.value, headers };
    let mut events = 0;
    let decoded = decoder.decode(&record, &mut |event| {
        events += 1;
        assert_eq!(event.keys.sid.as_deref().map(str::as_bytes), key, "{text}");
        // Media3 does not escape the quotes in one programme's name.
        let is_misquoted = event.keys.cid.is_none() && text.contains("short");
        assert_eq!(event.members_rejected, u32::from(is_misquoted), "{text}");
    });
    assert_eq!(decoded, Ok(()), "{text}");
    assert_eq!(events, if headers.carrier == Some("cmcd-body") { text.lines().count() } else { 1 }, "{text}");
    assert_eq!(decoder.take_rejected(), [0; Reason::ALL.len()], "{text}");
    for (warning, count) in Warning::ALL.into_iter().zip(decoder.take_warnings()) {
        assert!(count == 0 || HABITS.contains(&warning), "{}: {text}", warning.as_str());
    }
}

/// An object without a type is what the simulation means it to be.
const CALL_HABITS: [CallWarning; 1] = [CallWarning::TypeInferred];

#[test]
fn every_simulated_report_of_a_call_is_read_whole() {
    let mut decoder = CallDecoder::default();
    let (mut reports, mut events) = (0, 0);
    for seed in 1..=3 {
        let start = EventTime::from_millis(1_767_600_000_000);
        for simulated in Calls::new(CallScenario::steady(60, 240_000), seed, start) {
            let text = std::str::from_utf8(&simulated.value).unwrap();
            let (append_ms, key) = (simulated.append_ms, simulated.key.as_deref());
            let headers = Headers::default();
            let record = Record { offset: 0, append_ms, key, value: &simulated.value, headers };
            let mut read = 0;
            let decoded = decoder.decode(&record, &mut |report| {
                read += 1;
                assert_eq!(Some(report.session_id().as_bytes()), key, "{text}");
                assert_eq!((report.members_rejected, report.objects_unknown), (0, 0), "{text}");
                match &report.content {
                    Content::Stats(objects) => reports += usize::from(!objects.is_empty()),
                    Content::Event { .. } => events += 1,
                }
            });
            assert_eq!((decoded, read), (Ok(()), 1), "{text}");
            for (warning, count) in CallWarning::ALL.into_iter().zip(decoder.take_warnings()) {
                assert!(count == 0 || CALL_HABITS.contains(&warning), "{}: {text}", warning.as_str());
            }
        }
    }
    assert!(reports > 10_000 && events > 100, "{reports} reports, {events} events");
}
