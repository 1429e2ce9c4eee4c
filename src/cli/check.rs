//! `streamgauge check`: is the configuration sound, and does each connection work? One line for each thing that was looked at.
//!
//! R1  Everything is looked at that can be: a fault in one place does not hide the next.
//! R2  Nothing is changed but one record: the brokers remember the transactional id that proves that transactions work.

use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use clap::Args;

use super::ConfigArgs;
use super::declared::declared_topics;
use super::run::influx_settings;
use crate::bus::{Admin, LongestRecord, Properties, TransactionalProducer};
use crate::config::{self, Influx as InfluxSettings, Settings};
use crate::service::{self, source_plan};
use crate::sink::influx;
use crate::topology::Topology;

const EXAMPLES: &str = "\
Examples:
  With the defaults (a local bus and InfluxDB):
    STREAMGAUGE_INFLUX__TOKEN=… streamgauge check
  With a file:
    streamgauge check --config /etc/streamgauge.toml
  In a start script, so that nothing runs with a fault:
    streamgauge check --config /etc/streamgauge.toml && streamgauge run --config /etc/streamgauge.toml

Each line begins with ok, warn (worth a look) or FAIL (will not work, or gives wrong rows), and says what to do.
The exit code is 0 when nothing failed, else 1.";

/// How long the brokers have to register a transactional id: the first one ever makes them create a topic of their own.
const REGISTRATION: Duration = Duration::from_secs(15);
/// A bucket that keeps rows for less than this is hardly meant, seconds.
const SHORT_RETENTION_SECONDS: u64 = 86_400;

/// Validate the configuration, prove each connection, and say what to fix
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

/// Prints lines as they are found, and keeps count.
#[derive(Default)]
struct Report {
    warnings: u32,
    faults: u32,
}

impl Report {
    fn say(&mut self, verdict: Verdict, item: &str, words: impl fmt::Display) -> anyhow::Result<()> {
        match verdict {
            Verdict::Ok => {}
            Verdict::Warn => self.warnings += 1,
            Verdict::Fail => self.faults += 1,
        }
        writeln!(std::io::stdout(), "{verdict:<5} {item}: {words}")?;
        Ok(())
    }

    /// One line for each problem.
    fn say_problems(&mut self, item: &str, error: &config::Error) -> anyhow::Result<()> {
        error.problems().iter().try_for_each(|problem| self.say(Verdict::Fail, item, problem))
    }
}

/// Looks at everything; true when nothing failed.
pub async fn run(args: &CheckArgs) -> anyhow::Result<bool> {
    let mut report = Report::default();
    match Settings::load(args.config.config.as_deref()) {
        Ok(settings) => {
            report.say(Verdict::Ok, "configuration", "every key is known and every value fits")?;
            let topology = topology(&settings, &mut report)?;
            bus(&settings, topology.as_ref(), &mut report).await?;
            sink(&settings.influx, &mut report).await?;
        }
        Err(error) => report.say_problems("configuration", &error)?,
    }
    let Report { warnings, faults } = report;
    let plural = |count: u32, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let verdict = if faults == 0 { "ready to run" } else { "not ready to run" };
    writeln!(std::io::stdout(), "\n{verdict}: {}, {}", plural(faults, "fault"), plural(warnings, "warning"))?;
    Ok(faults == 0)
}

/// The topology, when it can be loaded and all its sources can be set up.
fn topology(settings: &Settings, report: &mut Report) -> anyhow::Result<Option<Topology>> {
    let topology = match Topology::load(settings.topology.as_deref()) {
        Ok(topology) => topology,
        Err(error) => {
            report.say_problems("topology", &error)?;
            return Ok(None);
        }
    };
    let mut sound = true;
    for source in &topology.sources {
        if let Err(error) = source_plan(&topology, source) {
            sound = false;
            report.say(Verdict::Fail, "topology", error)?;
        }
    }
    if sound {
        let sources: Vec<&str> = topology.sources.iter().map(|source| source.name.as_str()).collect();
        report.say(
            Verdict::Ok,
            "topology",
            format!("rules number {}, sources {}", topology.rules, sources.join(", ")),
        )?;
    }
    Ok(Some(topology))
}

async fn bus(settings: &Settings, topology: Option<&Topology>, report: &mut Report) -> anyhow::Result<()> {
    let brokers = &settings.bus.brokers;
    let properties = Properties::new(settings.bus.client_properties());
    let admin = match Admin::new(&properties).and_then(|admin| Ok((admin.partitions()?, admin))) {
        Ok((present, admin)) => {
            report.say(Verdict::Ok, "bus", format!("{brokers} answers, with {} topics", present.len()))?;
            admin
        }
        Err(error) => return report.say(Verdict::Fail, "bus", error),
    };
    if let Some(topology) = topology {
        topics(&admin, topology, report).await?;
    }
    let id = format!("{}.check.{}", settings.bus.group_prefix, settings.workers.instance);
    match TransactionalProducer::new(&properties, &id, LongestRecord::new(&properties)).and_then(|producer| producer.register(REGISTRATION)) {
        Ok(()) => report.say(Verdict::Ok, "transactions", "the brokers register a transactional id"),
        Err(error) => report.say(
            Verdict::Fail,
            "transactions",
            format!(
                "{error}; transactions need permission (Write on transactional ids that begin with `{}`), and a broker setting transaction.state.log.replication.factor of at most the number of brokers",
                settings.bus.group_prefix
            ),
        ),
    }
}

async fn topics(admin: &Admin, topology: &Topology, report: &mut Report) -> anyhow::Result<()> {
    let names = service::topic_names(topology);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let facts = match admin.facts(&names).await {
        Ok(facts) => facts,
        Err(error) => return report.say(Verdict::Fail, "topics", error),
    };
    for topic in declared_topics(topology) {
        let item = format!("topic {}", topic.spec.name);
        let differences = topic.differences(&facts);
        if differences.is_empty() {
            let partitions = facts.get(&topic.spec.name).map_or(0, |facts| facts.partitions);
            report.say(Verdict::Ok, &item, format!("{partitions} partitions"))?;
        }
        for difference in differences {
            let verdict = if difference.is_fault { Verdict::Fail } else { Verdict::Warn };
            report.say(verdict, &item, difference.advice)?;
        }
    }
    Ok(())
}

async fn sink(settings: &InfluxSettings, report: &mut Report) -> anyhow::Result<()> {
    let token = match settings.required_token() {
        Ok(token) => token.expose(),
        Err(error) => return report.say_problems("influx", &error),
    };
    let (url, bucket) = (&settings.url, &settings.bucket);
    match influx::probe(&influx_settings(settings), token).await {
        Err(error) => report.say(Verdict::Fail, "influx", error),
        Ok(influx::Probe { retention_seconds: Some(seconds) }) if seconds != 0 && seconds < SHORT_RETENTION_SECONDS => {
            let words = format!(
                "bucket `{bucket}` at {url} keeps rows for {seconds} s only: lengthen it with `influx bucket update --retention`"
            );
            report.say(Verdict::Warn, "influx", words)
        }
        Ok(influx::Probe { retention_seconds }) => {
            let kept = match retention_seconds {
                Some(0) => "keeps rows for ever".to_owned(),
                Some(seconds) => format!("keeps rows for {} days", seconds / 86_400),
                None => "does not tell this token how long it keeps rows".to_owned(),
            };
            report.say(Verdict::Ok, "influx", format!("bucket `{bucket}` at {url} takes rows, and {kept}"))
        }
    }
}
