//! The JSON settings of the single-process WebRTC monitor that some come from (`--compat-config`), as far as they mean something here.
//!
//! R1  Every key of that file either has an effect, which its field says, or is refused with the reason; refused ones are returned, so that
//!     they can be shown, and change nothing.
//! R2  What is no key of that file, or has a value that it cannot have, is an error with the key, and all errors are given at once.

use std::path::Path;

use serde_json::{Map, Value};

use super::problem::{Error, Origin, Problem, list_of, nearest};

/// The settings that have an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compat {
    /// `optimization.quality_downgrade_threshold`: below this health (0 to 100) a step down is recommended.
    pub downgrade_below: f64,
    /// `optimization.quality_upgrade_threshold`: above this health a step up is recommended.
    pub upgrade_above: f64,
    /// `optimization.buffer_underrun_threshold`: so many freezes in a window recommend a step down at any health.
    pub underruns: u32,
    /// `optimization.network_sensitivity`, `cpu_sensitivity` (0 to 1): how much the signs of each side count when one is held to be at fault.
    pub sensitivity: Sensitivity,
    /// `metrics.collect_…`: which of the monitor's metrics are given.
    pub collect: Collect,
}

/// From 0, its signs are none, to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensitivity {
    /// Loss, freezes, bandwidth.
    pub network: f64,
    /// Encoding limited by the CPU, frames dropped.
    pub cpu: f64,
}

/// Which of the monitor's metrics are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collect {
    /// `collect_detailed_stats`: bandwidth, loss, delay, jitter, buffers, and the times that ICE takes.
    pub detailed: bool,
    /// `collect_frame_stats`: frames sent and received, their rate and size.
    pub frames: bool,
    /// `collect_resource_stats`: CPU and memory of this process.
    pub resources: bool,
    /// `collect_quality_metrics`: quality and health scores, and switches.
    pub quality: bool,
}

impl Default for Compat {
    fn default() -> Self {
        Self {
            downgrade_below: 50.0,
            upgrade_above: 80.0,
            underruns: 3,
            sensitivity: Sensitivity { network: 0.7, cpu: 0.5 },
            collect: Collect { detailed: true, frames: true, resources: true, quality: true },
        }
    }
}

/// A key that changes nothing, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The key with its section.
    pub key: &'static str,
    /// Why, and what to use instead.
    pub reason: &'static str,
}

const GRAPHS: &str = "graphs are drawn by what reads `/metrics` and InfluxDB, such as Grafana: nothing is drawn here";
const REPORTS: &str = "every window is a row in InfluxDB already: nothing is kept in memory to be written at the end";

/// The keys without an effect.
const REFUSED: [Refused; 12] = [
    Refused {
        key: "optimization.buffer_size_range",
        reason: "receivers size their jitter buffers themselves: the rows tell how large they are, and none is recommended",
    },
    Refused {
        key: "optimization.memory_sensitivity",
        reason: "WebRTC statistics say nothing of memory: no step could be put down to it",
    },
    Refused {
        key: "optimization.prefetch_threshold_range",
        reason: "WebRTC media is not fetched ahead: there is no threshold to move",
    },
    Refused { key: "visualization.enabled", reason: GRAPHS },
    Refused { key: "visualization.live_update", reason: GRAPHS },
    Refused { key: "visualization.dashboard_update_interval", reason: GRAPHS },
    Refused { key: "visualization.max_history_points", reason: GRAPHS },
    Refused { key: "visualization.plot_style", reason: GRAPHS },
    Refused { key: "reporting.enabled", reason: REPORTS },
    Refused {
        key: "reporting.save_raw_data",
        reason: "the records stay on the bus as long as its retention says: `streamgauge dump` writes them to a file",
    },
    Refused { key: "reporting.interval", reason: REPORTS },
    Refused { key: "reporting.formats", reason: REPORTS },
];

impl Compat {
    /// Reads such a file. The refused keys that it has come along.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn load(path: &Path) -> Result<(Self, Vec<Refused>), Error> {
        let shown = path.display().to_string();
        let fail = |problem| Error::new(shown.clone(), vec![problem]);
        let text = std::fs::read_to_string(path).map_err(|cause| {
            fail(Problem::Unreadable { path: shown.clone(), named_by: None, cause: cause.to_string() })
        })?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|cause| fail(Problem::contradiction(shown.clone(), format!("is not valid JSON: {cause}"))))?;
        let mut reader = Reader { path: shown.clone(), problems: Vec::new(), refused: Vec::new() };
        let compat = reader.read(&value);
        if reader.problems.is_empty() { Ok((compat, reader.refused)) } else { Err(Error::new(shown, reader.problems)) }
    }
}

struct Reader {
    path: String,
    problems: Vec<Problem>,
    refused: Vec<Refused>,
}

impl Reader {
    fn read(&mut self, value: &Value) -> Compat {
        let mut compat = Compat::default();
        let Some(sections) = self.object(value, "the file") else { return compat };
        for (section, content) in sections {
            if !["optimization", "metrics", "visualization", "reporting"].contains(&section.as_str()) {
                self.unknown(section, &["optimization", "metrics", "visualization", "reporting"]);
                continue;
            }
            let Some(keys) = self.object(content, section) else { continue };
            for (key, value) in keys {
                self.apply(&format!("{section}.{key}"), value, &mut compat);
            }
        }
        if compat.downgrade_below >= compat.upgrade_above {
            self.problems.push(Problem::contradiction(
                "optimization.quality_downgrade_threshold",
                "is not below `quality_upgrade_threshold`: every window would recommend both",
            ));
        }
        compat
    }

    fn apply(&mut self, key: &str, value: &Value, compat: &mut Compat) {
        const EFFECTIVE: [&str; 9] = [
            "optimization.quality_downgrade_threshold",
            "optimization.quality_upgrade_threshold",
            "optimization.buffer_underrun_threshold",
            "optimization.network_sensitivity",
            "optimization.cpu_sensitivity",
            "metrics.collect_detailed_stats",
            "metrics.collect_frame_stats",
            "metrics.collect_resource_stats",
            "metrics.collect_quality_metrics",
        ];
        match key {
            "optimization.quality_downgrade_threshold" => self.number(key, value, 100.0, &mut compat.downgrade_below),
            "optimization.quality_upgrade_threshold" => self.number(key, value, 100.0, &mut compat.upgrade_above),
            "optimization.buffer_underrun_threshold" => self.count(key, value, &mut compat.underruns),
            "optimization.network_sensitivity" => self.number(key, value, 1.0, &mut compat.sensitivity.network),
            "optimization.cpu_sensitivity" => self.number(key, value, 1.0, &mut compat.sensitivity.cpu),
            "metrics.collect_detailed_stats" => self.switch(key, value, &mut compat.collect.detailed),
            "metrics.collect_frame_stats" => self.switch(key, value, &mut compat.collect.frames),
            "metrics.collect_resource_stats" => self.switch(key, value, &mut compat.collect.resources),
            "metrics.collect_quality_metrics" => self.switch(key, value, &mut compat.collect.quality),
            key => match REFUSED.iter().find(|refused| refused.key == key) {
                Some(refused) => self.refused.push(*refused),
                None => {
                    let valid: Vec<&str> =
                        EFFECTIVE.into_iter().chain(REFUSED.iter().map(|refused| refused.key)).collect();
                    self.unknown(key, &valid);
                }
            },
        }
    }

    fn object<'v>(&mut self, value: &'v Value, name: &str) -> Option<&'v Map<String, Value>> {
        if value.as_object().is_none() {
            self.wrong(name, value, "an object");
        }
        value.as_object()
    }

    fn number(&mut self, key: &str, value: &Value, most: f64, into: &mut f64) {
        match value.as_f64().filter(|number| (0.0..=most).contains(number)) {
            Some(number) => *into = number,
            None => self.wrong(key, value, &format!("a number from 0 to {most}")),
        }
    }

    fn count(&mut self, key: &str, value: &Value, into: &mut u32) {
        match value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0) {
            Some(count) => *into = count,
            None => self.wrong(key, value, "a whole number from 1"),
        }
    }

    fn switch(&mut self, key: &str, value: &Value, into: &mut bool) {
        match value.as_bool() {
            Some(on) => *into = on,
            None => self.wrong(key, value, "true or false"),
        }
    }

    fn wrong(&mut self, key: &str, value: &Value, expected: &str) {
        let origin = Origin::File(self.path.clone());
        let (found, expected) = (value.to_string(), expected.to_owned());
        self.problems.push(Problem::Value { key: key.to_owned(), origin, found, expected });
    }

    fn unknown(&mut self, key: &str, valid: &[&str]) {
        let advice = match nearest(key, valid.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys are {}", list_of(valid.iter().copied())),
        };
        let origin = Origin::File(self.path.clone());
        self.problems.push(Problem::UnknownKey { key: key.to_owned(), origin, advice });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use super::*;

    fn load(text: &str) -> Result<(Compat, Vec<Refused>), Error> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Compat::load(file.path())
    }

    #[test]
    fn the_monitors_own_defaults_are_read_and_what_means_nothing_here_is_named() {
        let text = r#"{
            "optimization": {
                "buffer_size_range": [15, 60], "prefetch_threshold_range": [0.2, 0.8], "quality_downgrade_threshold": 50,
                "quality_upgrade_threshold": 80, "buffer_underrun_threshold": 3, "network_sensitivity": 0.7,
                "cpu_sensitivity": 0.5, "memory_sensitivity": 0.3
            },
            "metrics": {
                "collect_detailed_stats": true, "collect_frame_stats": true, "collect_resource_stats": true,
                "collect_quality_metrics": true
            },
            "visualization": {
                "enabled": true, "live_update": false, "dashboard_update_interval": 30, "max_history_points": 1000,
                "plot_style": "dark_background"
            },
            "reporting": {"enabled": true, "save_raw_data": true, "interval": 300, "formats": ["json", "html"]}
        }"#;
        let (compat, mut refused) = load(text).unwrap();
        assert_eq!(compat, Compat::default());
        let mut all = REFUSED;
        refused.sort_by_key(|one| one.key);
        all.sort_by_key(|one| one.key);
        assert_eq!(refused, all);
    }

    #[test]
    fn every_other_key_has_its_effect() {
        let text = r#"{"optimization": {"quality_downgrade_threshold": 40,
            "quality_upgrade_threshold": 90.5, "buffer_underrun_threshold": 1, "network_sensitivity": 1, "cpu_sensitivity": 0}, "metrics": {"collect_detailed_stats": false, "collect_frame_stats": false,
            "collect_resource_stats": false, "collect_quality_metrics": false}}"#;
        let expected = Compat {
            downgrade_below: 40.0,
            upgrade_above: 90.5,
            underruns: 1,
            sensitivity: Sensitivity { network: 1.0, cpu: 0.0 },
            collect: Collect { detailed: false, frames: false, resources: false, quality: false },
        };
        assert_eq!(load(text).unwrap(), (expected, vec![]));
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once() {
        let text = r#"{"optimization": {"quality_downgrade_limit": 50,
            "quality_upgrade_threshold": 101, "buffer_underrun_threshold": 0, "cpu_sensitivity": "high"},
            "metrics": {"collect_frame_stats": 1}, "reporting": [], "extras": {}}"#;
        let error = load(text).unwrap_err();
        let mut keys: Vec<&str> = error.problems().iter().map(Problem::key).collect();
        keys.sort_unstable();
        let expected = [
            "extras",
            "metrics.collect_frame_stats",
            "optimization.buffer_underrun_threshold",
            "optimization.cpu_sensitivity",
            "optimization.quality_downgrade_limit",
            "optimization.quality_upgrade_threshold",
            "reporting",
        ];
        assert_eq!(keys, expected);
        let told = error.to_string();
        assert!(told.contains("did you mean `optimization.quality_downgrade_threshold`?"), "{told}");
        assert!(load("{").unwrap_err().to_string().contains("is not valid JSON"));
        let both = r#"{"optimization": {"quality_downgrade_threshold": 80}}"#;
        assert!(load(both).unwrap_err().to_string().contains("would recommend both"));
    }
}
