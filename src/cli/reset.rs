//! `streamgauge reset`: a source's rows computed again from a time on.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context as _, bail};
use clap::Args;

use super::moment::{parse_duration_ms, parse_moment};
use super::{ConfigArgs, start_logging};
use crate::aggregate::rollup::LONGEST_WINDOW_MS;
use crate::bus::{
    Admin, CommitOffset, Found, GroupAtRest, Message, Properties, STATE_KEY, StateReader, TopicPartition,
};
use crate::engine::{CARRY_KEY, carries_in};
use crate::model::{Boundary, EventTime};
use crate::stage::{ResetSource, epoch_of};
use crate::topology::Source;

const EXAMPLES: &str = "\
Examples:
  What would happen, with every process of the session stage stopped:
    streamgauge reset --source cmcd --from 2026-01-05T08:00:00Z
  Do it, then start the processes again:
    streamgauge reset --source cmcd --from 2026-01-05T08:00:00Z --apply
  Where no session is longer than two hours, less has to be read:
    streamgauge reset --source cmcd --from '6h ago' --lead 2h --apply

What is computed again replaces the rows that are there: they have the same identity. Rows that the old computation had and the new one
has not stay; delete the range first (`influx delete`) if that can be, after a change of rules for example. Reading begins one --lead
before --from, so that sessions which were alive then have their past; what lies before --from is computed and not written. The roll-up
stage may go on running: it forgets what it has of this source when the first record of the new epoch comes.";

/// Compute a source's rows again from a time on
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ResetArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The source, by its name in the topology
    #[arg(long, value_name = "NAME")]
    pub source: String,
    /// Rows from this time on are written again: 2026-01-05T08:00:00Z, `2h ago`, or milliseconds since 1970; taken down to a whole hour
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub from: i64,
    /// How much earlier reading begins: as long as a session may last
    #[arg(long, default_value = "24h", value_parser = parse_duration_ms)]
    pub lead: i64,
    /// Do it; without, only say what would be done
    #[arg(long)]
    pub apply: bool,
}

/// What is saved of one partition, and where reading will begin.
struct Partition {
    state: TopicPartition,
    frontier: Option<Vec<u8>>,
    /// Keys of its pages of carries, and how many those hold.
    pages: BTreeMap<Vec<u8>, usize>,
    committed: Option<i64>,
    found: Found,
}

/// Says what would be done, or does it.
///
/// # Errors
/// When the source does not exist, its group has members, or the bus does not answer.
pub fn run(args: &ResetArgs) -> anyhow::Result<()> {
    let (settings, topology) = args.config.load()?;
    start_logging(&settings.log)?;
    let Some(source) = topology.sources.iter().find(|source| source.name == args.source) else {
        let names: Vec<&str> = topology.sources.iter().map(|source| source.name.as_str()).collect();
        bail!("the topology has no source `{}`; it has {}", args.source, names.join(", "));
    };
    let properties = Properties::new(settings.bus.client_properties());
    let present = Admin::new(&properties)?.partitions()?;
    let count = present.get(&source.topic).copied().with_context(|| {
        format!("the topic `{}` does not exist: create it with `streamgauge topics --apply`", source.topic)
    })?;
    let group = GroupAtRest::find(&properties, &format!("{}.session", settings.bus.group_prefix))?;
    // Where the longest roll-up row begins, or it would be written with a part of its events.
    let silent_until = Boundary::at_or_before(EventTime::from_millis(args.from), LONGEST_WINDOW_MS);
    let begin_ms = silent_until.as_millis().saturating_sub(args.lead);
    let partitions = look(&properties, &group, source, &topology.state_topic(source), count, begin_ms)?;

    let mut epoch = 0;
    for one in &partitions {
        epoch = epoch.max(epoch_of(one.frontier.as_deref(), &source.name)?);
    }
    let reset = ResetSource {
        source: &source.name,
        rules: i64::from(topology.rules),
        partitions: count,
        epoch: epoch + 1,
        silent_until,
    };
    tell(source, silent_until, &partitions)?;
    if !args.apply {
        writeln!(std::io::stdout(), "\nNothing was changed: add --apply to do it.")?;
        return Ok(());
    }
    apply(&group, source, &reset, &partitions)?;
    writeln!(std::io::stdout(), "\nDone, as epoch {}. Start the session stage again.", reset.epoch)?;
    Ok(())
}

fn look(
    properties: &Properties,
    group: &GroupAtRest,
    source: &Source,
    state_topic: &str,
    count: i32,
    begin_ms: i64,
) -> anyhow::Result<Vec<Partition>> {
    // The offsets first: an answer means that no transaction of a crashed process is open any more.
    let committed = group.committed(&source.topic, count)?;
    let found = group.offsets_at(&source.topic, count, begin_ms)?;
    let state = |partition| TopicPartition { topic: state_topic.to_owned(), partition };
    let mut partitions: Vec<Partition> = (0..count)
        .zip(committed.into_iter().zip(found))
        .map(|(number, (committed, found))| Partition {
            state: state(number),
            frontier: None,
            pages: BTreeMap::new(),
            committed,
            found,
        })
        .collect();
    let names: Vec<TopicPartition> = partitions.iter().map(|one| one.state.clone()).collect();
    let reader = StateReader::new(properties)?;
    reader.read::<crate::bus::Error>(
        &names,
        &mut |record| {
            let Some(one) = partitions.get_mut(record.partition) else { return Ok(()) };
            match record.value {
                value if record.key == STATE_KEY => one.frontier = value.map(<[u8]>::to_vec),
                Some(value) if record.key.first() == Some(&CARRY_KEY) => {
                    one.pages.insert(record.key.to_vec(), carries_in(value).count());
                }
                _ => drop(one.pages.remove(record.key)),
            }
            Ok(())
        },
        &|_, _| {},
    )?;
    Ok(partitions)
}

fn tell(source: &Source, silent_until: Boundary, partitions: &[Partition]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let from = time::OffsetDateTime::from_unix_timestamp(silent_until.as_millis() / 1000)
        .context("--from is out of range")?
        .format(&time::format_description::well_known::Rfc3339)?;
    writeln!(out, "{}: rows from {from} on are computed again from {}", source.name, source.topic)?;
    writeln!(
        out,
        "{:>9}  {:>14}  {:>14}  {:>14}  {:>10}",
        "partition", "committed", "begins at", "to read", "carries"
    )?;
    let mut cut = 0;
    for one in partitions {
        let committed = one.committed.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
        let Found { offset, low, high } = one.found;
        let number = one.state.partition;
        let (to_read, carries) = (high - offset, one.pages.values().sum::<usize>());
        writeln!(out, "{number:>9}  {committed:>14}  {offset:>14}  {to_read:>14}  {carries:>10}")?;
        cut += usize::from(offset == low && low > 0);
    }
    if cut > 0 {
        writeln!(
            out,
            "{cut} partitions begin where retention has cut the log: sessions that began before then lack their past. Take a later --from, or a shorter --lead if no session is as long"
        )?;
    }
    Ok(())
}

fn apply(
    group: &GroupAtRest,
    source: &Source,
    reset: &ResetSource<'_>,
    partitions: &[Partition],
) -> anyhow::Result<()> {
    let mut states = Vec::new();
    let mut offsets = Vec::new();
    for one in partitions {
        states.push(reset.state(one.frontier.as_deref(), one.found.offset)?);
        offsets.push(CommitOffset { topic: &source.topic, partition: one.state.partition, offset: one.found.offset });
    }
    let record = |one: &'_ Partition, key, value| (one.state.partition, key, value);
    let tombstones = partitions.iter().flat_map(|one| one.pages.keys().map(move |key| record(one, &**key, None)));
    let frontiers = partitions.iter().zip(&states).map(|(one, state)| record(one, STATE_KEY, Some(&**state)));
    let topic = partitions.first().map_or("", |one| &*one.state.topic);
    let messages = tombstones.chain(frontiers).map(|(partition, key, value): (i32, &[u8], Option<&[u8]>)| Message {
        topic,
        partition: Some(partition),
        key: Some(key),
        value,
        headers: &[],
    });
    group.rewrite(messages, &offsets)?;
    Ok(())
}
