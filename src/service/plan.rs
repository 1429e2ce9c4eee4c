//! From what the topology declares to what stages, replays and the oracle need.

use std::fs;
use std::sync::Arc;

use crate::aggregate::Caps;
use crate::aggregate::webrtc::{self, ControllerSettings};
use crate::catalogue::FileError;
use crate::config::Compat;
use crate::decode::cmcd::{self, Carriers, ColumnPlan};
use crate::engine::Rules;
use crate::fold::{Clock, Decoding, KalturaSettings, RollupSettings, SourceSettings};
use crate::stage::{RollupStage, SourcePlan};
use crate::surroundings::{self, Places};
use crate::topology::{Carrier, Clock as DeclaredClock, Mapping, Source, Topology};

/// Why a source cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its carrier.
    #[error("source `{source_name}`: {cause}")]
    Carrier {
        /// The source's name.
        source_name: String,
        /// What is wrong with its carrier.
        cause: cmcd::Error,
    },
    /// A mapping file.
    #[error("source `{source_name}`: the mapping file {file} cannot be read: {cause}")]
    MappingFile {
        /// The source's name.
        source_name: String,
        /// The file.
        file: String,
        /// The operating system's words.
        cause: std::io::Error,
    },
    /// A file of places.
    #[error("source `{source_name}`: the file of places {file} cannot be read: {cause}")]
    PlacesFile {
        /// The source's name.
        source_name: String,
        /// The file.
        file: String,
        /// The operating system's words.
        cause: std::io::Error,
    },
    /// A catalogue's file.
    #[error("source `{source_name}`: the catalogue's file {file} cannot be read: {cause}")]
    CatalogueFile {
        /// The source's name.
        source_name: String,
        /// The file.
        file: String,
        /// The operating system's words.
        cause: std::io::Error,
    },
    /// A file that is no catalogue.
    #[error("source `{source_name}`: {file} is no catalogue of entries: {cause}")]
    Catalogue {
        /// The source's name.
        source_name: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: FileError,
    },
    /// A file that is not one of places.
    #[error("source `{source_name}`: {file}: {cause}")]
    Places {
        /// The source's name.
        source_name: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: surroundings::Error,
    },
}

/// Every source of the topology, ready for the session stage.
pub fn source_plans(topology: &Topology) -> Result<Vec<SourcePlan>, Error> {
    topology.sources.iter().map(|source| source_plan(topology, source)).collect()
}

/// Recommends by the thresholds of these settings.
pub(super) fn steer_by(plan: &mut SourcePlan, compat: &Compat) {
    let Decoding::Webrtc(rules) = &mut plan.decoding else { return };
    let milli = |share: f64| (share * 1000.0).round() as i64;
    let controller = ControllerSettings {
        downgrade_below: compat.downgrade_below.round() as i64,
        upgrade_above: compat.upgrade_above.round() as i64,
        freezes: i64::from(compat.underruns),
        network_sensitivity_milli: milli(compat.sensitivity.network),
        cpu_sensitivity_milli: milli(compat.sensitivity.cpu),
        ..rules.controller
    };
    *rules = Arc::new(webrtc::Settings { controller, ..webrtc::Settings::clone(rules) });
}

/// One source of the topology.
pub fn source_plan(topology: &Topology, source: &Source) -> Result<SourcePlan, Error> {
    let decoding = decoding(topology, source)?;
    let (topic, state_topic) = (source.topic.clone(), topology.state_topic(source));
    Ok(SourcePlan { topic, state_topic, settings: settings(topology, source), decoding })
}

fn decoding(topology: &Topology, source: &Source) -> Result<Decoding, Error> {
    let named = |cause| Error::Carrier { source_name: source.name.clone(), cause };
    let columns = match source.cloudfront_fields.is_empty() {
        true => None,
        false => Some(ColumnPlan::new(&source.cloudfront_fields).map_err(named)?),
    };
    let carriers = match &source.carrier {
        Carrier::Mixed => {
            let mappings: Result<Vec<_>, Error> =
                source.mappings.iter().map(|mapping| load_mapping(source, mapping)).collect();
            Carriers::mixed(columns, mappings?)
        }
        Carrier::Query => Carriers::fixed(cmcd::Carrier::Query),
        Carrier::Headers => Carriers::fixed(cmcd::Carrier::Headers),
        Carrier::Body => Carriers::fixed(cmcd::Carrier::Body),
        Carrier::CloudFrontRealTime => {
            // Without a field there is no `timestamp`: the plan says so.
            let columns = columns.map_or_else(|| ColumnPlan::new(&source.cloudfront_fields).map_err(named), Ok)?;
            Carriers::fixed(cmcd::Carrier::CloudFrontRealTime(columns))
        }
        Carrier::CloudFrontStandard => Carriers::fixed(cmcd::Carrier::CloudFrontStandard),
        Carrier::Json(mapping) => Carriers::fixed(cmcd::Carrier::Json(Box::new(load_mapping(source, mapping)?))),
        Carrier::Webrtc => {
            let controller = ControllerSettings::default();
            return Ok(Decoding::Webrtc(Arc::new(webrtc::Settings { scores: topology.scores.clone(), controller })));
        }
        Carrier::Kaltura => {
            let (rollups, places) = (source.rollups.clone(), load_places(source)?);
            let catalogue = super::catalogue::of_source(source)?;
            return Ok(Decoding::Kaltura(Arc::new(KalturaSettings { rollups, places, catalogue })));
        }
    };
    Ok(Decoding::Cmcd(Arc::new(carriers)))
}

fn settings(topology: &Topology, source: &Source) -> SourceSettings {
    SourceSettings {
        source: source.name.clone(),
        cdn: source.cdn.clone(),
        clock: match source.clock {
            DeclaredClock::Player => Clock::Player,
            DeclaredClock::Log => Clock::Log,
        },
        rules: Rules {
            window_ms: topology.window_ms,
            grace_ms: source.grace_ms,
            disorder_bound_ms: topology.disorder_bound_ms,
        },
        max_delay_ms: source.max_delay_ms,
        deduplicate: source.deduplicate,
        caps: Caps {
            sessions: topology.caps.sessions_per_window,
            rollup_keys: topology.caps.rollup_keys_per_window,
            facts: topology.caps.facts_per_session,
        },
    }
}

/// The roll-up stage of the topology.
pub fn rollup_stage(topology: &Topology) -> RollupStage {
    let topics = &topology.topics;
    RollupStage {
        partials: topics.partials.name.clone(),
        state_topic: format!("{}{}", topics.state_prefix, topics.partials.name),
        dead_letters: topics.dead_letters.name.clone(),
        settings: RollupSettings {
            window_ms: topology.window_ms,
            max_skew_ms: topology.max_skew_ms,
            rules: i64::from(topology.rules),
        },
        compat: None,
    }
}

fn load_mapping(source: &Source, mapping: &Mapping) -> Result<cmcd::Mapping, Error> {
    let named = |cause| Error::Carrier { source_name: source.name.clone(), cause };
    let Some(file) = &mapping.file else {
        return match cmcd::Mapping::ready_made(&mapping.name) {
            Some(ready) => ready.map_err(named),
            None => Err(named(cmcd::Error::Mapping {
                name: mapping.name.clone(),
                message: "streamgauge has no mapping of this name; give the path of a file ending in .toml".to_owned(),
            })),
        };
    };
    let text = fs::read_to_string(file).map_err(|cause| Error::MappingFile {
        source_name: source.name.clone(),
        file: file.display().to_string(),
        cause,
    })?;
    cmcd::Mapping::from_toml(&mapping.name, &text).map_err(named)
}

/// The operator's file of places, if the source has one.
fn load_places(source: &Source) -> Result<Option<Arc<Places>>, Error> {
    let Some(path) = &source.places else { return Ok(None) };
    let (source_name, file) = (source.name.clone(), path.display().to_string());
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) => return Err(Error::PlacesFile { source_name, file, cause }),
    };
    match Places::from_bytes(bytes) {
        Ok(places) => Ok(Some(Arc::new(places))),
        Err(cause) => Err(Error::Places { source_name, file, cause }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::config::{Collect, Sensitivity};

    #[test]
    fn the_monitors_thresholds_decide_what_is_recommended() {
        let topology = Topology::load(None).unwrap();
        let mut plan = source_plan(&topology, topology.source("webrtc").unwrap()).unwrap();
        let collect = Collect { detailed: false, frames: false, resources: false, quality: false };
        let sensitivity = Sensitivity { network: 0.25, cpu: 1.0 };
        steer_by(&mut plan, &Compat { downgrade_below: 30.0, upgrade_above: 90.0, underruns: 7, sensitivity, collect });
        let Decoding::Webrtc(rules) = &plan.decoding else { panic!("a source of calls") };
        let expected = ControllerSettings {
            downgrade_below: 30,
            upgrade_above: 90,
            freezes: 7,
            network_sensitivity_milli: 250,
            cpu_sensitivity_milli: 1_000,
            ..ControllerSettings::default()
        };
        assert_eq!(rules.controller, expected);
    }

    #[test]
    fn the_declared_constants_make_the_scores() {
        let text = "[scores]\nbad_below = 2.5\n[scores.codecs.opus]\nimpairment = 7.0\n";
        let topology = Topology::from_toml(text, std::path::Path::new("topology.toml")).unwrap();
        let plan = source_plan(&topology, topology.source("webrtc").unwrap()).unwrap();
        let Decoding::Webrtc(rules) = &plan.decoding else { panic!("a source of calls") };
        assert_eq!(rules.scores, topology.scores);
        assert_eq!((rules.scores.bad_below, rules.scores.codec(webrtc::Codec::Opus).impairment), (2.5, 7.0));
    }

    #[test]
    fn the_monitors_defaults_are_ours() {
        let topology = Topology::load(None).unwrap();
        let mut plan = source_plan(&topology, topology.source("webrtc").unwrap()).unwrap();
        steer_by(&mut plan, &Compat::default());
        let Decoding::Webrtc(rules) = &plan.decoding else { panic!("a source of calls") };
        assert_eq!(rules.controller, ControllerSettings::default());
    }
}
