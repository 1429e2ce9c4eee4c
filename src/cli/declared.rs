//! The topics that a topology declares, as they should be, and what is wrong with them as they are.
//!
//! R1  A difference that would make rows wrong, or stop a worker, is a fault; any other is worth a look.

use std::collections::BTreeMap;

use crate::bus::{TopicFacts, TopicSpec};
use crate::catalogue::{KEEP_MS, SETTLE_MS};
use crate::topology::{OwnTopic, Topology};

/// The largest message that our producers send (librdkafka's default for `message.max.bytes`): topics that we write must take it.
const LARGEST_MESSAGE_BYTES: i64 = 1_000_000;
/// Shorter retention than this hardly outlasts a restart, ms.
const SHORT_RETENTION_MS: i64 = 3_600_000;
/// As long a catalogue must keep a version of an entry that was replaced.
const LEAST_COMPACTION_LAG_MS: i64 = KEEP_MS + SETTLE_MS;

/// What a topic is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    /// It is read, as this source.
    Source(String),
    /// It keeps the state of another topic, with as many partitions.
    State { of: String },
    /// From the session stage to the rollup stage.
    Partials,
    /// Dead letters or late records.
    Side,
    /// What the operator tells of entries.
    Catalogue,
}

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeclaredTopic {
    /// Name, partitions and settings.
    pub(super) spec: TopicSpec,
    purpose: Purpose,
}

/// Something about a topic that is not as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Whether it makes rows wrong or stops a worker (R1).
    pub(super) is_fault: bool,
    /// What it is, and what to do.
    pub(super) advice: String,
}

/// Every topic of a topology, as it should be.
pub(super) fn declared_topics(topology: &Topology) -> Vec<DeclaredTopic> {
    let topics = &topology.topics;
    let mut declared = Vec::new();
    for source in &topology.sources {
        declared.push(log_topic(&source.topic, source.partitions, Purpose::Source(source.name.clone())));
        declared.push(state_topic(topology.state_topic(source), source.partitions, &source.topic));
    }
    declared.extend(topology.catalogue_topics().into_iter().map(catalogue_topic));
    declared.push(log_topic(&topics.partials.name, topics.partials.partitions, Purpose::Partials));
    let partials_state = format!("{}{}", topics.state_prefix, topics.partials.name);
    declared.push(state_topic(partials_state, topics.partials.partitions, &topics.partials.name));
    declared.push(log_topic(&topics.dead_letters.name, topics.dead_letters.partitions, Purpose::Side));
    declared.push(log_topic(&topics.late.name, topics.late.partitions, Purpose::Side));
    declared.push(log_topic(&topics.recommendations.name, topics.recommendations.partitions, Purpose::Side));
    declared
}

/// The broker's clock dates each record: a producer's clock may not move the watermark.
fn log_topic(name: &str, partitions: i32, purpose: Purpose) -> DeclaredTopic {
    let settings = [("cleanup.policy", "delete"), ("message.timestamp.type", "LogAppendTime")];
    DeclaredTopic { spec: spec(name, partitions, &settings), purpose }
}

/// Compacted, in small segments, so that reading it at a take-over stays quick.
fn state_topic(name: String, partitions: i32, of: &str) -> DeclaredTopic {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "67108864"),
        ("segment.ms", "3600000"),
        ("min.cleanable.dirty.ratio", "0.1"),
    ];
    DeclaredTopic { spec: spec(&name, partitions, &settings), purpose: Purpose::State { of: of.to_owned() } }
}

/// Compacted too, but not before all windows are closed that need a version which has been replaced.
fn catalogue_topic(topic: &OwnTopic) -> DeclaredTopic {
    let lag_ms = LEAST_COMPACTION_LAG_MS.to_string();
    let settings = [
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "LogAppendTime"),
        ("min.compaction.lag.ms", lag_ms.as_str()),
        ("segment.ms", "86400000"),
    ];
    DeclaredTopic { spec: spec(&topic.name, topic.partitions, &settings), purpose: Purpose::Catalogue }
}

fn spec(name: &str, partitions: i32, settings: &[(&str, &str)]) -> TopicSpec {
    let settings: BTreeMap<_, _> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TopicSpec { name: name.to_owned(), partitions, settings }
}

impl DeclaredTopic {
    /// What is not as it should be, given all topics as they are.
    pub(super) fn differences(&self, facts: &BTreeMap<String, TopicFacts>) -> Vec<Difference> {
        let Some(own) = facts.get(&self.spec.name) else {
            let advice = "does not exist: create it with `streamgauge topics --apply`, or correct the topology";
            return vec![fault(advice.to_owned())];
        };
        let mut found = Vec::new();
        found.extend(self.partition_difference(own.partitions, facts));
        if own.settings.is_empty() {
            found.push(remark(
                "its settings cannot be read: allow DescribeConfigs on it, or look at them yourself".to_owned(),
            ));
            return found;
        }
        found.extend(self.cleanup_difference(own));
        found.extend(self.time_difference(own));
        found.extend(self.lag_difference(own));
        found.extend(self.retention_difference(own));
        found.extend(self.size_difference(own));
        found
    }

    fn partition_difference(&self, present: i32, facts: &BTreeMap<String, TopicFacts>) -> Option<Difference> {
        let declared = self.spec.partitions;
        match &self.purpose {
            Purpose::State { of } => {
                let needed = facts.get(of).map_or(declared, |read| read.partitions);
                (present != needed).then(|| {
                    fault(format!(
                        "has {present} partitions and must have as many as {of}, {needed}: if nothing was saved in it yet, delete it and run `streamgauge topics --apply`"
                    ))
                })
            }
            _ if present == declared => None,
            Purpose::Source(source) => Some(remark(format!(
                "has {present} partitions and the topology declares {declared}: set `partitions = {present}` for source {source}"
            ))),
            Purpose::Partials => Some(fault(format!(
                "has {present} partitions and the topology declares {declared}: set `topics.partials.partitions` to {present}; the number must not change once there is state"
            ))),
            Purpose::Side | Purpose::Catalogue => {
                Some(remark(format!("has {present} partitions and the topology declares {declared}: correct either")))
            }
        }
    }

    fn cleanup_difference(&self, own: &TopicFacts) -> Option<Difference> {
        let policy = own.settings.get("cleanup.policy")?;
        let compacts = policy.split(',').any(|one| one.trim() == "compact");
        match (&self.purpose, compacts) {
            (Purpose::State { .. } | Purpose::Catalogue, false) => Some(fault(format!(
                "has cleanup.policy={policy}, which deletes what a restart needs: {}",
                self.alter("cleanup.policy=compact")
            ))),
            (Purpose::Source(_) | Purpose::Partials, true) => Some(fault(format!(
                "has cleanup.policy={policy}, which deletes all but the last record of a session: {}",
                self.alter("cleanup.policy=delete")
            ))),
            _ => None,
        }
    }

    fn time_difference(&self, own: &TopicFacts) -> Option<Difference> {
        let stamped_by = own.settings.get("message.timestamp.type")?;
        let consequence = match &self.purpose {
            Purpose::Source(_) => "close windows",
            Purpose::Catalogue => "decide what counts for a window",
            _ => return None,
        };
        (stamped_by != "LogAppendTime").then(|| {
            fault(format!(
                "has message.timestamp.type={stamped_by}, so that a producer's clock could {consequence}: {}",
                self.alter("message.timestamp.type=LogAppendTime")
            ))
        })
    }

    fn lag_difference(&self, own: &TopicFacts) -> Option<Difference> {
        let lag_ms: i64 = own.settings.get("min.compaction.lag.ms")?.parse().ok()?;
        (self.purpose == Purpose::Catalogue && lag_ms < LEAST_COMPACTION_LAG_MS).then(|| {
            fault(format!(
                "may lose a version of an entry {} s after it was replaced, while windows need it that are computed again: {}",
                lag_ms / 1000,
                self.alter(&format!("min.compaction.lag.ms={LEAST_COMPACTION_LAG_MS}"))
            ))
        })
    }

    fn retention_difference(&self, own: &TopicFacts) -> Option<Difference> {
        let retention_ms: i64 = own.settings.get("retention.ms")?.parse().ok()?;
        let matters = matches!(self.purpose, Purpose::Source(_) | Purpose::Partials);
        (matters && (0..SHORT_RETENTION_MS).contains(&retention_ms)).then(|| {
            remark(format!(
                "keeps records for {} s only: a longer outage loses what was not read; {}",
                retention_ms / 1000,
                self.alter("retention.ms=86400000")
            ))
        })
    }

    fn size_difference(&self, own: &TopicFacts) -> Option<Difference> {
        let most: i64 = own.settings.get("max.message.bytes")?.parse().ok()?;
        let is_written = !matches!(self.purpose, Purpose::Source(_) | Purpose::Catalogue);
        (is_written && most < LARGEST_MESSAGE_BYTES).then(|| {
            fault(format!(
                "takes messages up to {most} bytes only, so that a larger one would hold up every commit: {}",
                self.alter("max.message.bytes=1048588")
            ))
        })
    }

    /// How to change a setting with Kafka's own tool.
    fn alter(&self, setting: &str) -> String {
        format!("kafka-configs.sh --alter --topic {} --add-config {setting}", self.spec.name)
    }
}

fn fault(advice: String) -> Difference {
    Difference { is_fault: true, advice }
}

fn remark(advice: String) -> Difference {
    Difference { is_fault: false, advice }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// The built-in topics as they should be, with what brokers add.
    fn sound() -> (Vec<DeclaredTopic>, BTreeMap<String, TopicFacts>) {
        let declared = declared_topics(&Topology::load(None).unwrap());
        let mut facts = BTreeMap::new();
        for topic in &declared {
            let mut settings = topic.spec.settings.clone();
            settings.insert("retention.ms".to_owned(), "604800000".to_owned());
            settings.insert("max.message.bytes".to_owned(), "1048588".to_owned());
            facts.insert(topic.spec.name.clone(), TopicFacts { partitions: topic.spec.partitions, settings });
        }
        (declared, facts)
    }

    fn all(declared: &[DeclaredTopic], facts: &BTreeMap<String, TopicFacts>) -> Vec<(String, bool, String)> {
        let of = |topic: &DeclaredTopic| {
            let name = topic.spec.name.clone();
            topic.differences(facts).into_iter().map(move |found| (name.clone(), found.is_fault, found.advice))
        };
        declared.iter().flat_map(of).collect()
    }

    #[test]
    fn topics_as_declared_have_no_difference() {
        let (declared, facts) = sound();
        assert_eq!(declared.len(), 14);
        assert_eq!(all(&declared, &facts), []);
    }

    #[test]
    fn each_difference_is_named_with_its_remedy() {
        // (topic, setting, value, is a fault, part of the advice)
        let table = [
            ("qoe.cmcd", "message.timestamp.type", "CreateTime", true, "message.timestamp.type=LogAppendTime"),
            ("qoe.cmcd", "cleanup.policy", "compact,delete", true, "cleanup.policy=delete"),
            ("qoe.cmcd", "retention.ms", "60000", false, "keeps records for 60 s only"),
            ("qoe.state.qoe.cmcd", "cleanup.policy", "delete", true, "--topic qoe.state.qoe.cmcd"),
            ("qoe.catalogue", "cleanup.policy", "delete", true, "cleanup.policy=compact"),
            ("qoe.catalogue", "message.timestamp.type", "CreateTime", true, "decide what counts"),
            ("qoe.catalogue", "min.compaction.lag.ms", "0", true, "min.compaction.lag.ms=86460000"),
            ("qoe.dlq", "max.message.bytes", "999999", true, "hold up every commit"),
        ];
        for (topic, setting, value, is_fault, part) in table {
            let (declared, mut facts) = sound();
            facts.get_mut(topic).unwrap().settings.insert(setting.to_owned(), value.to_owned());
            let found = all(&declared, &facts);
            let [(name, fault, advice)] = found.as_slice() else { unreachable!("{setting}: {found:?}") };
            assert_eq!((name.as_str(), *fault), (topic, is_fault), "{advice}");
            assert!(advice.contains(part), "{advice}");
        }
    }

    #[test]
    fn partitions_must_fit_together_and_missing_topics_are_faults() {
        let (declared, mut facts) = sound();
        facts.get_mut("qoe.cmcd").unwrap().partitions = 4;
        facts.get_mut("qoe.partials").unwrap().partitions = 24;
        facts.remove("qoe.late");
        let found = all(&declared, &facts);
        let expected = [
            ("qoe.cmcd", false, "`partitions = 4` for source cmcd"),
            ("qoe.state.qoe.cmcd", true, "as many as qoe.cmcd, 4"),
            ("qoe.partials", true, "`topics.partials.partitions` to 24"),
            ("qoe.state.qoe.partials", true, "as many as qoe.partials, 24"),
            ("qoe.late", true, "topics --apply"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((name, is_fault, advice), (topic, expected_fault, part)) in found.iter().zip(expected) {
            assert_eq!((name.as_str(), *is_fault), (topic, expected_fault), "{advice}");
            assert!(advice.contains(part), "{advice}");
        }
    }
}
