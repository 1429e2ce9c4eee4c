//! The declared topics, sources, windows and caps: what is read, by which rules, and how much memory a window may take.
//!
//! R1  A topology that loads is free of contradictions; one that is not is refused with every problem at once.
//! R2  What a topology file leaves out has the values of the built-in one (`topology/default.toml`), but its sources stand alone.
//! R3  Rows depend on everything here except partition counts; [`Topology::rules`] is the number of this set of rules.

mod carrier;
mod check;
mod read;
mod scores;

use std::path::{Path, PathBuf};

use figment::Figment;

use crate::aggregate::webrtc::ScoreSettings;
use crate::config::{Error, Layer, Reader};
use crate::model::kaltura::Rollup;

pub use carrier::{Carrier, Mapping, READY_MAPPINGS};

/// The built-in topology, as text.
pub const DEFAULT: &str = include_str!("../../topology/default.toml");

/// Which clock the event times of a source come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Players' clocks: event time is clamped to [reference − grace, reference].
    Player,
    /// The clock of a delivery log: event time stays true, at most 24 h old, never ahead of the append time.
    Log,
}

impl Clock {
    /// The grace of a source that does not declare one, in ms.
    pub const fn default_grace_ms(self) -> i64 {
        match self {
            Self::Player => 10_000,
            Self::Log => 120_000,
        }
    }

    /// The delay of ticks of a source that does not declare one, in ms.
    pub const fn default_max_delay_ms(self) -> i64 {
        match self {
            Self::Player => 0,
            Self::Log => 60_000,
        }
    }
}

/// Where a catalogue of entries is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogueSource {
    /// A compacted topic.
    Topic {
        /// The topic.
        topic: OwnTopic,
        /// How long after its append a version of an entry counts, ms.
        settle_ms: i64,
    },
    /// A CSV file.
    File(PathBuf),
}

/// A topic that is read, and what its records mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Unique; the tag `source`.
    pub name: String,
    /// The topic.
    pub topic: String,
    /// What the values of its records are.
    pub carrier: Carrier,
    /// Which clock its event times come from.
    pub clock: Clock,
    /// How long a window waits after its end has been passed by the watermark, in ms.
    pub grace_ms: i64,
    /// A tick has its append time less this as its event time, in ms.
    pub max_delay_ms: i64,
    /// Whether a record with a request id that the window has seen is dropped and counted.
    pub deduplicate: bool,
    /// The tag `cdn`.
    pub cdn: String,
    /// The selected fields of CloudFront real-time logs, in any order; empty = such lines cannot be read.
    pub cloudfront_fields: Vec<String>,
    /// The mappings of JSON log lines that may be named.
    pub mappings: Vec<Mapping>,
    /// By what beacons of Kaltura players are added up; none for what is no such source.
    pub rollups: Vec<Rollup>,
    /// A file in MaxMind's format that tells where the addresses of beacons are; `None` = places are unknown.
    pub places: Option<PathBuf>,
    /// Where the names, owners and durations of Kaltura's entries are from; `None` = they are not known.
    pub catalogue: Option<CatalogueSource>,
    /// The declared number of partitions.
    pub partitions: i32,
}

impl Source {
    /// The topic of its catalogue, if it has one.
    pub fn catalogue_topic(&self) -> Option<&OwnTopic> {
        match &self.catalogue {
            Some(CatalogueSource::Topic { topic, .. }) => Some(topic),
            Some(CatalogueSource::File(_)) | None => None,
        }
    }
}

/// Bounds of what one window of one partition may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Sessions with a row of their own.
    pub sessions_per_window: usize,
    /// Roll-up keys with a row of their own.
    pub rollup_keys_per_window: usize,
    /// Facts kept in order for each session.
    pub facts_per_session: usize,
}

/// A topic that streamgauge writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTopic {
    /// Its name.
    pub name: String,
    /// The declared number of partitions.
    pub partitions: i32,
}

/// The topics that streamgauge writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTopics {
    /// Followed by the name of a source topic: the compacted topic of its state.
    pub state_prefix: String,
    /// Partial roll-ups and frontier markers, from the session stage to the rollup stage.
    pub partials: OwnTopic,
    /// Records that cannot be read, and rows that InfluxDB refuses.
    pub dead_letters: OwnTopic,
    /// Records whose window was closed.
    pub late: OwnTopic,
    /// What is recommended to whoever serves sessions of calls.
    pub recommendations: OwnTopic,
}

/// Everything that is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// The number of this set of rules, saved with frontiers.
    pub rules: u32,
    /// The length of a window, in ms; divides a minute.
    pub window_ms: i64,
    /// How far behind the highest event time a record may be and still be in order, in ms.
    pub disorder_bound_ms: i64,
    /// How long the end of a partition is silent before a tick is written, in ms.
    pub idle_timeout_ms: i64,
    /// How far a source partition may lag the furthest one before edge rows are made without it, in ms.
    pub max_skew_ms: i64,
    /// Bounds of memory.
    pub caps: Caps,
    /// The constants of the scores of calls.
    pub scores: ScoreSettings,
    /// The topics that streamgauge writes.
    pub topics: OwnTopics,
    /// The topics that it reads; at least one.
    pub sources: Vec<Source>,
}

impl Topology {
    /// Loads the file at `path`, or the built-in topology.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        let subject =
            path.map_or_else(|| "the built-in topology".to_owned(), |path| format!("the topology {}", path.display()));
        let layer = match path {
            Some(path) => Layer::from_file(path),
            None => Layer::from_toml(DEFAULT, Path::new("topology/default.toml")),
        };
        Self::from_layer(layer.map_err(|problem| Error::new(subject.as_str(), vec![problem]))?, &subject)
    }

    /// From TOML text; `path` is where it is said to come from, and the place of the files that it names.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, Error> {
        let subject = format!("the topology {}", path.display());
        let layer = Layer::from_toml(text, path).map_err(|problem| Error::new(subject.as_str(), vec![problem]))?;
        Self::from_layer(layer, &subject)
    }

    fn from_layer(layer: Layer, subject: &str) -> Result<Self, Error> {
        let reader = Reader::new(Figment::from(layer), std::collections::BTreeMap::new());
        let topology = read::topology(&reader);
        let mut problems = reader.into_problems();
        // A key that could not be read has a default by now: what that contradicts is no news.
        let unread: Vec<String> = problems.iter().map(|problem| problem.key().to_owned()).collect();
        let found = check::contradictions(&topology);
        problems.extend(found.into_iter().filter(|problem| !unread.iter().any(|key| key == problem.key())));
        if problems.is_empty() { Ok(topology) } else { Err(Error::new(subject, problems)) }
    }

    /// Checks a topology that was changed in code.
    pub fn check(&self) -> Result<(), Error> {
        let problems = check::contradictions(self);
        if problems.is_empty() { Ok(()) } else { Err(Error::new("the topology", problems)) }
    }

    /// The source with this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The source that reads this topic.
    pub fn source_of_topic(&self, topic: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.topic == topic)
    }

    /// The topics of catalogues, each once.
    pub fn catalogue_topics(&self) -> Vec<&OwnTopic> {
        let mut topics: Vec<&OwnTopic> = Vec::new();
        for topic in self.sources.iter().filter_map(Source::catalogue_topic) {
            if !topics.iter().any(|known| known.name == topic.name) {
                topics.push(topic);
            }
        }
        topics
    }

    /// The topic that keeps the state of a source: compacted, with the source topic's number of partitions.
    pub fn state_topic(&self, source: &Source) -> String {
        format!("{}{}", self.topics.state_prefix, source.topic)
    }
}
