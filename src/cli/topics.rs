//! `streamgauge topics`: the topics that the topology declares, printed or created.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::Args;

use super::ConfigArgs;
use crate::bus::{Admin, Properties, TopicSpec};
use crate::topology::Topology;

const EXAMPLES: &str = "\
Examples:
  What would be created:            streamgauge topics
  Create what is missing:           streamgauge topics --apply
  On a cluster of three brokers:    streamgauge topics --apply --replication 3";

/// Print or create the topics that the topology declares
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct TopicsArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Create the topics that are missing; those that exist are left as they are
    #[arg(long)]
    pub apply: bool,
    /// Copies of each topic; -1 = what the brokers are set to
    #[arg(long, default_value_t = -1)]
    pub replication: i32,
}

/// Every topic of a topology, as it should be.
pub fn topic_specs(topology: &Topology) -> Vec<TopicSpec> {
    let topics = &topology.topics;
    let mut specs = Vec::new();
    for source in &topology.sources {
        specs.push(log_topic(&source.topic, source.partitions));
        specs.push(state_topic(topology.state_topic(source), source.partitions));
    }
    specs.push(log_topic(&topics.partials.name, topics.partials.partitions));
    let partials_state = format!("{}{}", topics.state_prefix, topics.partials.name);
    specs.push(state_topic(partials_state, topics.partials.partitions));
    specs.push(log_topic(&topics.dead_letters.name, topics.dead_letters.partitions));
    specs.push(log_topic(&topics.late.name, topics.late.partitions));
    specs
}

/// The broker's clock dates each record: a producer's clock may not move the watermark.
fn log_topic(name: &str, partitions: i32) -> TopicSpec {
    let settings = [("cleanup.policy", "delete"), ("message.timestamp.type", "LogAppendTime")];
    spec(name, partitions, &settings)
}

/// Compacted, in small segments, so that reading it at a take-over stays quick.
fn state_topic(name: String, partitions: i32) -> TopicSpec {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "67108864"),
        ("segment.ms", "3600000"),
        ("min.cleanable.dirty.ratio", "0.1"),
    ];
    spec(&name, partitions, &settings)
}

fn spec(name: &str, partitions: i32, settings: &[(&str, &str)]) -> TopicSpec {
    let settings: BTreeMap<_, _> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TopicSpec { name: name.to_owned(), partitions, settings }
}

/// Prints or creates.
pub async fn run(args: &TopicsArgs) -> anyhow::Result<()> {
    let (settings, topology) = args.config.load()?;
    let specs = topic_specs(&topology);
    let mut out = std::io::stdout().lock();
    if !args.apply {
        for spec in &specs {
            let settings: Vec<String> = spec.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
            writeln!(out, "{:<28} {:>3} partitions  {}", spec.name, spec.partitions, settings.join(" "))?;
        }
        writeln!(out, "\nNothing was changed: add --apply to create what is missing on {}.", settings.bus.brokers)?;
        return Ok(());
    }
    let admin = Admin::new(&Properties::new(settings.bus.client_properties()))?;
    let created = admin.create(&specs, args.replication).await?;
    for spec in &specs {
        let what = if created.contains(&spec.name) { "created" } else { "exists " };
        writeln!(out, "{what}  {}", spec.name)?;
    }
    Ok(())
}
