//! Contradictions of a topology: values that are right one by one and wrong together.

use std::collections::BTreeMap;

use super::{Carrier, Clock, Source, Topology};
use crate::config::Problem;

const MINUTE_MS: i64 = 60_000;
/// Kafka's limit for the name of a topic.
const LONGEST_TOPIC: usize = 249;

/// Every contradiction, in the order of the file.
pub(super) fn contradictions(topology: &Topology) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    windows(topology, &mut found);
    caps(topology, &mut found);
    names(topology, &mut found);
    for source in &topology.sources {
        times(topology, source, &mut found);
        carriers(source, &mut found);
    }
    found.0
}

struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, key: impl Into<String>, conflict: impl Into<String>) {
        self.0.push(Problem::contradiction(key, conflict));
    }
}

fn key(source: &Source, name: &str) -> String {
    format!("source.{}.{name}", source.name)
}

fn windows(topology: &Topology, found: &mut Found) {
    let window = topology.window_ms;
    if window <= 0 || MINUTE_MS % window != 0 {
        found.add(
            "window_ms",
            format!("is {window}, which does not divide a minute: use 5000, 10000, 15000, 20000, 30000 or 60000"),
        );
    }
    if topology.rules == 0 {
        found.add("rules", "is 0: rules are numbered from 1");
    }
    if topology.sources.is_empty() {
        found.add("source", "is missing: declare at least one [[source]]");
    }
}

fn caps(topology: &Topology, found: &mut Found) {
    let caps = topology.caps;
    let named = [
        ("caps.sessions_per_window", caps.sessions_per_window),
        ("caps.rollup_keys_per_window", caps.rollup_keys_per_window),
        ("caps.facts_per_session", caps.facts_per_session),
    ];
    for (key, cap) in named {
        if cap == 0 {
            found.add(key, "is 0, so that nothing would have a row of its own: use at least 1");
        }
    }
}

/// Source names and topics must differ, and topics must be names that Kafka takes.
fn names(topology: &Topology, found: &mut Found) {
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    for source in topology.sources.iter().filter(|source| !source.name.is_empty()) {
        let count = sources.entry(source.name.as_str()).or_default();
        *count += 1;
        if *count == 2 {
            found.add(
                key(source, "name"),
                "is given to two sources: rows of both would have the same identity; rename one",
            );
        }
        if !source.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            found.add(key(source, "name"), "may have only letters, digits, `_` and `-`");
        }
    }
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for (topic, key) in all_topics(topology) {
        if let Some(problem) = wrong_topic(&topic) {
            found.add(key.as_str(), problem);
        }
        if let Some(owner) = owners.get(&topic) {
            found.add(key.as_str(), format!("is \"{topic}\", which `{owner}` uses too: give each a topic of its own"));
        } else {
            owners.insert(topic, key);
        }
    }
}

/// Every topic with the key that names it. Topics that could not be read are left out.
fn all_topics(topology: &Topology) -> Vec<(String, String)> {
    let own = &topology.topics;
    let mut topics = vec![
        (own.partials.name.clone(), "topics.partials.name".to_owned()),
        (own.dead_letters.name.clone(), "topics.dead_letters.name".to_owned()),
        (own.late.name.clone(), "topics.late.name".to_owned()),
        (own.recommendations.name.clone(), "topics.recommendations.name".to_owned()),
    ];
    let read = || topology.sources.iter().filter(|source| !source.topic.is_empty());
    topics.extend(read().map(|source| (source.topic.clone(), key(source, "topic"))));
    // Sources may share one.
    let mut catalogues: Vec<(String, String)> = Vec::new();
    for source in &topology.sources {
        if let Some(topic) = source.catalogue_topic()
            && !catalogues.iter().any(|(known, _)| *known == topic.name)
        {
            catalogues.push((topic.name.clone(), key(source, "catalogue.topic")));
        }
    }
    topics.extend(catalogues);
    // A topic that is wrong by itself, or read twice, is reported where it is named.
    let right = read().filter(|source| wrong_topic(&source.topic).is_none());
    let mut state: Vec<String> = right.map(|source| topology.state_topic(source)).collect();
    state.sort();
    state.dedup();
    topics.extend(state.into_iter().map(|topic| (topic, "topics.state_prefix".to_owned())));
    topics
}

fn wrong_topic(topic: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if topic == "." || topic == ".." || !topic.bytes().all(legal) {
        return Some(format!(
            "gives the topic \"{topic}\", which Kafka does not take: use letters, digits, `.`, `_` and `-`"
        ));
    }
    if topic.len() > LONGEST_TOPIC {
        return Some(format!("gives a topic of {} characters: Kafka takes at most {LONGEST_TOPIC}", topic.len()));
    }
    None
}

fn times(topology: &Topology, source: &Source, found: &mut Found) {
    if source.grace_ms < topology.disorder_bound_ms {
        let (grace, bound) = (source.grace_ms, topology.disorder_bound_ms);
        found.add(
            key(source, "grace_ms"),
            format!("is {grace}, less than `disorder_bound_ms` ({bound}): raise the grace or lower the bound"),
        );
    }
    match source.clock {
        Clock::Log if source.carrier.is_report() => {
            found.add(
                key(source, "clock"),
                "is \"log\", but the carrier is what players send, whose clocks are not to be trusted: use \"player\"",
            );
        }
        Clock::Player if source.carrier.is_log() => {
            found.add(
                key(source, "clock"),
                "is \"player\", but the carrier is a delivery log, whose times are true and minutes old: use \"log\"",
            );
        }
        Clock::Log | Clock::Player => {}
    }
}

fn carriers(source: &Source, found: &mut Found) {
    let fields = &source.cloudfront_fields;
    let takes_fields = matches!(source.carrier, Carrier::Mixed | Carrier::CloudFrontRealTime);
    if source.carrier == Carrier::CloudFrontRealTime && fields.is_empty() {
        found.add(
            key(source, "cloudfront_fields"),
            "is missing: list the fields that are selected in CloudFront's real-time log configuration",
        );
    }
    if !takes_fields && !fields.is_empty() {
        found.add(
            key(source, "cloudfront_fields"),
            "has no effect with this carrier: remove it, or use \"cloudfront-rt\" or \"mixed\"",
        );
    }
    if takes_fields && !fields.is_empty() {
        for needed in ["timestamp", "time-taken"] {
            if !fields.iter().any(|field| field == needed) {
                found.add(
                    key(source, "cloudfront_fields"),
                    format!(
                        "lacks `{needed}`, without which a request has no start: select it in CloudFront and list it"
                    ),
                );
            }
        }
    }
    if source.carrier != Carrier::Kaltura && source.places.is_some() {
        found.add(key(source, "places"), "has no effect with this carrier: remove it, or use \"kaltura\"");
    }
    if source.carrier != Carrier::Kaltura && !source.rollups.is_empty() {
        found.add(key(source, "rollups"), "has no effect with this carrier: remove it, or use \"kaltura\"");
    }
    if source.carrier != Carrier::Kaltura && source.catalogue.is_some() {
        found.add(key(source, "catalogue"), "has no effect with this carrier: remove it, or use \"kaltura\"");
    }
    for field in repeated(fields.iter().map(String::as_str)) {
        found.add(key(source, "cloudfront_fields"), format!("lists `{field}` twice: remove one"));
    }
    for mapping in repeated(source.mappings.iter().map(|mapping| mapping.name.as_str())) {
        found.add(key(source, "mappings"), format!("has two mappings named `{mapping}`: rename or remove one"));
    }
    if source.carrier != Carrier::Mixed && !source.mappings.is_empty() {
        found.add(
            key(source, "mappings"),
            "has no effect with this carrier: remove it; a single mapping is `carrier = \"json:<mapping>\"`",
        );
    }
}

/// The names that come more than once, each once.
fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}
