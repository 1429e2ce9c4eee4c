//! `streamgauge topics`: the topics that the topology declares, printed or created.

use std::io::Write as _;

use clap::Args;

use super::ConfigArgs;
use super::declared::{DeclaredTopic, declared_topics};
use crate::bus::{Admin, Properties, TopicSpec};

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
    /// Create the topics that are missing; those that exist are left as they are, and what is wrong with them is said
    #[arg(long)]
    pub apply: bool,
    /// Copies of each topic; -1 = what the brokers are set to
    #[arg(long, default_value_t = -1)]
    pub replication: i32,
}

/// Prints or creates; false when a topic that exists is not as it must be.
pub async fn run(args: &TopicsArgs) -> anyhow::Result<bool> {
    let (settings, topology) = args.config.load()?;
    let declared = declared_topics(&topology);
    if !args.apply {
        let mut out = std::io::stdout().lock();
        for DeclaredTopic { spec, .. } in &declared {
            let settings: Vec<String> = spec.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
            writeln!(out, "{:<28} {:>3} partitions  {}", spec.name, spec.partitions, settings.join(" "))?;
        }
        writeln!(out, "\nNothing was changed: add --apply to create what is missing on {}.", settings.bus.brokers)?;
        return Ok(true);
    }
    let admin = Admin::new(&Properties::new(settings.bus.client_properties()))?;
    let specs: Vec<TopicSpec> = declared.iter().map(|topic| topic.spec.clone()).collect();
    let created = admin.create(&specs, args.replication).await?;
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let facts = admin.facts(&names).await?;
    let mut out = std::io::stdout().lock();
    let mut fits = true;
    for topic in &declared {
        let name = &topic.spec.name;
        if created.contains(name) {
            writeln!(out, "created  {name}")?;
            continue;
        }
        let differences = topic.differences(&facts);
        let what = if differences.is_empty() { "exists" } else { "differs" };
        writeln!(out, "{what:<8} {name}")?;
        for difference in differences {
            writeln!(out, "         {}", difference.advice)?;
            fits &= !difference.is_fault;
        }
    }
    Ok(fits)
}
