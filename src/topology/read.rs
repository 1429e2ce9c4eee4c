//! From the sections of a topology file to the typed topology. Whatever is wrong is noted at the reader.

use std::path::Path;

use super::carrier::{Carrier, Mapping};
use super::scores::scores;
use super::{Caps, CatalogueSource, Clock, DEFAULT, OwnTopic, OwnTopics, Source, Topology};
use crate::catalogue::SETTLE_MS;
use crate::config::{Layer, Problem, Reader, Section};
use crate::model::kaltura::Rollup;

/// More partitions than any topic here can need.
const MOST_PARTITIONS: i64 = 10_000;
/// The most of anything that a window may be allowed to hold.
const HIGHEST_CAP: i64 = 100_000_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// A catalogue is read on several times in as long.
const LEAST_SETTLE_MS: i64 = 1_000;

pub(super) fn topology(reader: &Reader) -> Topology {
    let mut root = reader.root();
    let topology = Topology {
        rules: u32::try_from(root.number("rules", 1..=i64::from(u32::MAX), 1)).unwrap_or(1),
        window_ms: root.number("window_ms", 1_000..=MINUTE_MS, 10_000),
        disorder_bound_ms: root.number("disorder_bound_ms", 0..=DAY_MS, 5_000),
        idle_timeout_ms: root.number("idle_timeout_ms", 100..=DAY_MS, 5_000),
        max_skew_ms: root.number("max_skew_ms", MINUTE_MS..=DAY_MS, 1_800_000),
        caps: caps(root.section("caps")),
        scores: scores(root.section("scores")),
        topics: own_topics(root.section("topics")),
        sources: sources(reader, &mut root),
    };
    root.finish();
    topology
}

fn caps(mut section: Section<'_>) -> Caps {
    let mut cap = |key, default| usize::try_from(section.number(key, 1..=HIGHEST_CAP, default)).unwrap_or(1);
    let caps = Caps {
        sessions_per_window: cap("sessions_per_window", 200_000),
        rollup_keys_per_window: cap("rollup_keys_per_window", 2_000),
        facts_per_session: cap("facts_per_session", 64),
    };
    section.finish();
    caps
}

fn own_topics(mut section: Section<'_>) -> OwnTopics {
    let topics = OwnTopics {
        state_prefix: section.text("state_prefix").unwrap_or_else(|| "qoe.state.".to_owned()),
        partials: own_topic(section.section("partials"), "qoe.partials", 12),
        dead_letters: own_topic(section.section("dead_letters"), "qoe.dlq", 3),
        late: own_topic(section.section("late"), "qoe.late", 3),
        recommendations: own_topic(section.section("recommendations"), "qoe.recommendations", 3),
    };
    section.finish();
    topics
}

fn own_topic(mut section: Section<'_>, name: &str, partitions: i64) -> OwnTopic {
    let topic = OwnTopic {
        name: section.text("name").unwrap_or_else(|| name.to_owned()),
        partitions: partition_count(&mut section, partitions),
    };
    section.finish();
    topic
}

fn partition_count(section: &mut Section<'_>, default: i64) -> i32 {
    i32::try_from(section.number("partitions", 1..=MOST_PARTITIONS, default)).unwrap_or(1)
}

/// The sources of the file, or the built-in ones when it declares none.
fn sources(reader: &Reader, root: &mut Section<'_>) -> Vec<Source> {
    let declared = root.sections("source");
    if !declared.is_empty() {
        return declared.into_iter().map(|section| source(reader, section)).collect();
    }
    let Ok(layer) = Layer::from_toml(DEFAULT, Path::new("topology/default.toml")) else { return Vec::new() };
    let built_in = Reader::new(figment::Figment::from(layer), std::collections::BTreeMap::new());
    let sections = built_in.root().sections("source");
    sections.into_iter().map(|section| source(&built_in, section)).collect()
}

fn source(reader: &Reader, mut section: Section<'_>) -> Source {
    let folder = section.folder();
    let name = required(reader, &mut section, "name", "it becomes the tag `source`");
    if !name.is_empty() {
        section.call(format!("source.{name}"));
    }
    let topic = required(reader, &mut section, "topic", "name the topic to read");
    let carrier = carrier(reader, &mut section, &folder);
    let is_kaltura = carrier == Carrier::Kaltura;
    let clocks = [("player", Clock::Player), ("log", Clock::Log)];
    let default_clock = if carrier.is_log() { Clock::Log } else { Clock::Player };
    let clock = section.choice("clock", &clocks).unwrap_or(default_clock);
    let source = Source {
        name,
        topic,
        carrier,
        clock,
        grace_ms: section.number("grace_ms", 0..=DAY_MS, clock.default_grace_ms()),
        max_delay_ms: section.number("max_delay_ms", 0..=DAY_MS, clock.default_max_delay_ms()),
        deduplicate: section.switch("deduplicate", clock == Clock::Log),
        cdn: section.text("cdn").unwrap_or_else(|| "unknown".to_owned()),
        cloudfront_fields: section.list("cloudfront_fields").unwrap_or_default(),
        mappings: mappings(reader, &mut section, &folder),
        rollups: rollups(&mut section, is_kaltura),
        places: section.text("places").map(|name| folder.join(name)),
        catalogue: catalogue(reader, &mut section, &folder),
        partitions: partition_count(&mut section, 12),
    };
    section.finish();
    source
}

fn required(reader: &Reader, section: &mut Section<'_>, key: &str, advice: &str) -> String {
    let was_given = section.has(key);
    let text = section.text(key);
    if text.is_none() && !was_given {
        reader.note(Problem::Missing { key: section.key(key), advice: advice.to_owned() });
    }
    text.unwrap_or_default()
}

fn carrier(reader: &Reader, section: &mut Section<'_>, folder: &Path) -> Carrier {
    let Some(name) = section.text("carrier") else { return Carrier::Mixed };
    Carrier::from_name(&name, folder).unwrap_or_else(|conflict| {
        reader.note(Problem::contradiction(section.key("carrier"), conflict));
        Carrier::Mixed
    })
}

/// The declared ones; of a source of beacons that declares none, the usual ones.
fn rollups(section: &mut Section<'_>, is_kaltura: bool) -> Vec<Rollup> {
    let choices = Rollup::ALL.map(|rollup| (rollup.as_str(), rollup));
    let usual = || if is_kaltura { Rollup::USUAL.to_vec() } else { Vec::new() };
    section.choices("rollups", &choices).unwrap_or_else(usual)
}

/// Topic or file; neither when nothing is declared.
fn catalogue(reader: &Reader, source: &mut Section<'_>, folder: &Path) -> Option<CatalogueSource> {
    if !source.has("catalogue") {
        return None;
    }
    let mut section = source.section("catalogue");
    let (file, topic) = (section.text("file"), section.text("topic"));
    let settle_ms = section.number("settle_ms", LEAST_SETTLE_MS..=DAY_MS, SETTLE_MS);
    let partitions = partition_count(&mut section, 1);
    let key = section.key("topic");
    section.finish();
    match (topic, file) {
        (Some(name), None) => {
            let topic = OwnTopic { name, partitions };
            Some(CatalogueSource::Topic { topic, settle_ms })
        }
        (None, Some(file)) => Some(CatalogueSource::File(folder.join(file))),
        (topic, _) => {
            let conflict = match topic {
                Some(_) => "is declared beside `file`: a catalogue is a topic or a file, remove one",
                None => "is missing: name the catalogue's topic, or its `file`",
            };
            reader.note(Problem::contradiction(key, conflict));
            None
        }
    }
}

fn mappings(reader: &Reader, section: &mut Section<'_>, folder: &Path) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    for name in section.list("mappings").unwrap_or_default() {
        match Mapping::from_name(&name, folder) {
            Ok(mapping) => mappings.push(mapping),
            Err(conflict) => reader.note(Problem::contradiction(section.key("mappings"), conflict)),
        }
    }
    mappings
}
