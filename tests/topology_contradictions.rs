//! A topology that contradicts itself is refused with every contradiction, each naming the source and the key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use streamgauge::aggregate::webrtc::{Codec, CodecConstants, ScoreSettings};
use streamgauge::topology::{Carrier, Clock, Mapping, Topology};

fn load(text: &str) -> Result<Topology, streamgauge::config::Error> {
    Topology::from_toml(text, Path::new("folder/topology.toml"))
}

/// One source with these lines added.
fn source(lines: &str) -> String {
    format!("[[source]]\nname = 'cmcd'\ntopic = 'qoe.cmcd'\n{lines}\n")
}

#[test]
fn every_contradiction_names_the_source_and_the_key() {
    let twice = source("") + &source("topic = 'qoe.other'").replacen("topic = 'qoe.cmcd'\n", "", 1);
    let same_topic = source("") + &source("").replace("'cmcd'", "'other'");
    let table: &[(String, &[&str])] = &[
        (twice, &["`source.cmcd.name` is given to two sources"]),
        (same_topic, &["`source.other.topic` is \"qoe.cmcd\", which `source.cmcd.topic` uses too"]),
        (
            source("").replace("'qoe.cmcd'", "'qoe.dlq'"),
            &["`source.cmcd.topic` is \"qoe.dlq\", which `topics.dead_letters.name` uses too"],
        ),
        (
            source("").replace("'qoe.cmcd'", "'qoe cmcd'"),
            &["`source.cmcd.topic` gives the topic \"qoe cmcd\", which Kafka does not take"],
        ),
        ("[[source]]\nname = 'cmcd'".to_owned(), &["`source.cmcd.topic` is not set"]),
        ("[[source]]\ntopic = 'a'".to_owned(), &["`source[0].name` is not set"]),
        ("window_ms = 7000".to_owned(), &["`window_ms` is 7000, which does not divide a minute"]),
        ("rules = 0".to_owned(), &["`rules` (", "is 0: it must be a whole number from 1"]),
        (source("grace_ms = 4999"), &["`source.cmcd.grace_ms` is 4999, less than `disorder_bound_ms` (5000)"]),
        (
            "[caps]\nsessions_per_window = 0".to_owned(),
            &["`caps.sessions_per_window` (", "is 0: it must be a whole number from 1"],
        ),
        ("[scores]\nbad_below = 31".to_owned(), &["`scores.bad_below` (", "is 31: it must be a number from 1 to 5"]),
        (
            "[scores.codecs.opis]\nimpairment = 1".to_owned(),
            &["`scores.codecs.opis` (", "did you mean `scores.codecs.opus`?"],
        ),
        (source("partitions = 0"), &["`source.cmcd.partitions` (", "from 1 to 10000"]),
        (
            source("carrier = 'cloudfront-rtl'"),
            &["`source.cmcd.carrier` is \"cloudfront-rtl\", which is no carrier: did you mean \"cloudfront-rt\"?"],
        ),
        (
            source("carrier = 'json:fasty'"),
            &["`source.cmcd.carrier` names the mapping \"fasty\"", "did you mean \"fastly\"?"],
        ),
        (source("mappings = ['squid']"), &["`source.cmcd.mappings` names the mapping \"squid\"", "`nginx`", ".toml"]),
        (
            source("carrier = 'cmcd-query'\nclock = 'log'"),
            &["`source.cmcd.clock` is \"log\", but the carrier is what players send"],
        ),
        (
            source("carrier = 'cloudfront-std'\nclock = 'player'"),
            &["`source.cmcd.clock` is \"player\", but the carrier is a delivery log"],
        ),
        (source("carrier = 'cloudfront-rt'"), &["`source.cmcd.cloudfront_fields` is missing"]),
        (
            source("carrier = 'cmcd-body'\ncloudfront_fields = ['timestamp']"),
            &["`source.cmcd.cloudfront_fields` has no effect"],
        ),
        (
            source("cloudfront_fields = ['timestamp', 'sc-status']"),
            &["`source.cmcd.cloudfront_fields` lacks `time-taken`"],
        ),
        (source("cloudfront_fields = ['timestamp', 'time-taken', 'timestamp']"), &["lists `timestamp` twice"]),
        (source("mappings = ['nginx', 'own/nginx.toml']"), &["`source.cmcd.mappings` has two mappings named `nginx`"]),
        (source("carrier = 'json:nginx'\nmappings = ['nginx']"), &["`source.cmcd.mappings` has no effect"]),
        (
            source("grace = 1"),
            &["`source.cmcd.grace` (folder/topology.toml) is unknown: did you mean `source.grace_ms`?"],
        ),
        ("[cap]\nsessions_per_window = 1".to_owned(), &["`cap` (", "did you mean `caps`?"]),
        (source("name = 'a b'").replacen("name = 'cmcd'\n", "", 1), &["`source.a b.name` may have only letters"]),
        ("source = 1".to_owned(), &["`source` (", "a list of tables: [[source]]"]),
    ];
    for (text, parts) in table {
        let message = load(text).expect_err(text).to_string();
        for part in *parts {
            assert!(message.contains(part), "{text}\nlacks {part:?}:\n{message}");
        }
        assert!(message.starts_with("1 problem in the topology folder/topology.toml:"), "{text}\n{message}");
    }
}

#[test]
fn all_contradictions_come_in_one_message() {
    let text =
        format!("window_ms = 7000\n{}{}", source("grace_ms = 1\nclok = 'log'"), source("carrier = 'cloudfront-rt'"));
    let error = load(&text).unwrap_err();
    let mut keys: Vec<&str> = error.problems().iter().map(|problem| problem.key()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "source.cmcd.clok",
            "source.cmcd.cloudfront_fields",
            "source.cmcd.grace_ms",
            "source.cmcd.name",
            "source.cmcd.topic",
            "window_ms"
        ]
    );
}

#[test]
fn the_built_in_topology_is_sound_and_what_files_leave_out() {
    let built_in = Topology::load(None).unwrap();
    assert_eq!(load("").unwrap(), built_in, "the defaults in code and in topology/default.toml differ");
    let names: Vec<&str> = built_in.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["cmcd", "cmcd-logs", "webrtc", "kaltura"]);
    let [players, logs, calls, beacons] = built_in.sources.as_slice() else { panic!("four sources") };
    assert_eq!(
        (players.clock, players.grace_ms, players.max_delay_ms, players.deduplicate),
        (Clock::Player, 10_000, 0, false)
    );
    assert_eq!((logs.clock, logs.grace_ms, logs.max_delay_ms, logs.deduplicate), (Clock::Log, 120_000, 60_000, true));
    assert_eq!((&calls.carrier, calls.clock, calls.grace_ms), (&Carrier::Webrtc, Clock::Player, 10_000));
    assert_eq!((&beacons.carrier, beacons.clock, beacons.grace_ms), (&Carrier::Kaltura, Clock::Player, 10_000));
    assert_eq!(built_in.state_topic(logs), "qoe.state.qoe.cmcd.logs");
    assert!(built_in.check().is_ok());
}

#[test]
fn the_clock_decides_what_a_source_leaves_out() {
    let topology = load(&source("carrier = 'json:maps/own.toml'")).unwrap();
    let [source] = topology.sources.as_slice() else { panic!("one source") };
    let mapping = Mapping { name: "own".to_owned(), file: Some("folder/maps/own.toml".into()) };
    assert_eq!(source.carrier, Carrier::Json(mapping));
    assert_eq!(
        (source.clock, source.grace_ms, source.max_delay_ms, source.deduplicate),
        (Clock::Log, 120_000, 60_000, true)
    );
    assert_eq!((source.cdn.as_str(), source.partitions), ("unknown", 12));
}

#[test]
fn what_a_file_leaves_out_of_the_scores_is_as_in_the_built_in_one() {
    let built_in = Topology::load(None).unwrap().scores;
    assert_eq!(built_in, ScoreSettings::default());
    let changed = load("[scores]\nfree_delay_ms = 100\n[scores.codecs.g711]\nrobustness = 4.3\n").unwrap().scores;
    assert_eq!(changed.codec(Codec::G711), CodecConstants { robustness: 4.3, ..built_in.codec(Codec::G711) });
    assert_eq!(changed.codec(Codec::Opus), built_in.codec(Codec::Opus));
    assert_eq!(ScoreSettings { codecs: built_in.codecs.clone(), free_delay_ms: 150.0, ..changed }, built_in);
}
