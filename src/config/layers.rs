//! The layers of settings: a TOML file, and environment variables over it.
//!
//! R1  A variable `STREAMGAUGE_A__B` sets the key `a.b`; its value stays text until a reader knows the type, so that no password is taken for a number.
//! R2  Every variable with the prefix must name a key, except those of [`is_not_a_setting`].
//! R3  Below `bus.properties` every name is one librdkafka property: a dotted TOML key is joined, and `_` in a variable stands for `.`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::problem::Problem;

/// The prefix of the environment variables that set keys.
pub const PREFIX: &str = "STREAMGAUGE_";

/// What a process knows of its surroundings; passed in, so that loading is a function of its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Environment variables, name and value.
    pub variables: Vec<(String, String)>,
    /// The host's name, when it is known.
    pub host_name: Option<String>,
    /// How many cores this process may use; at least 1.
    pub cores: usize,
}

impl Environment {
    /// Of this process. Variables that are not UTF-8 are passed over.
    pub fn of_this_process() -> Self {
        let as_text = |text: std::ffi::OsString| text.into_string().ok();
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((as_text(name)?, as_text(value)?)));
        Self {
            variables: variables.collect(),
            host_name: as_text(gethostname::gethostname()).filter(|name| !name.is_empty()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// One layer: a tree of values, and the name by which its origin is reported.
pub(crate) struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Layer {
    /// Reads a TOML file.
    pub(crate) fn from_file(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(path).map_err(|cause| Problem::Unreadable {
            path: path.display().to_string(),
            named_by: None,
            cause: cause.to_string(),
        })?;
        Self::from_toml(&text, path)
    }

    /// From TOML text that is said to come from `path`.
    pub(crate) fn from_toml(text: &str, path: &Path) -> Result<Self, Problem> {
        let syntax =
            |cause: figment::Error| Problem::Syntax { path: path.display().to_string(), cause: cause.to_string() };
        // Not through a Figment: that would mark the values as its own, and their origin would be lost.
        let mut values = Toml::string(text).data().map_err(syntax)?.remove(&Profile::Default).unwrap_or_default();
        flatten_properties(&mut values);
        let metadata = Metadata::from(path.display().to_string(), path);
        Ok(Self { metadata, values })
    }

    /// From environment variables; also gives the name of the variable behind each key.
    pub(crate) fn from_variables(variables: &[(String, String)]) -> (Self, BTreeMap<String, String>) {
        let mut values = Dict::new();
        let mut names = BTreeMap::new();
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(PREFIX).filter(|name| !is_not_a_setting(name)) else { continue };
            let name = name.to_lowercase();
            let keys: Vec<String> = match name.strip_prefix("bus__properties__") {
                Some(property) => vec!["bus".to_owned(), "properties".to_owned(), property.replace('_', ".")],
                None => name.split("__").map(str::to_owned).collect(),
            };
            names.insert(keys.join("."), variable.clone());
            insert(&mut values, &keys, value);
        }
        (Self { metadata: Metadata::named("environment"), values }, names)
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// The path of the file behind `metadata`; `None` for the environment.
pub(crate) fn file_of(metadata: &Metadata) -> Option<PathBuf> {
    metadata.source.as_ref()?.file_path().map(Path::to_path_buf)
}

/// Variables with our prefix that set no key: `CONFIG` (the path of the configuration file), those of the project's own scripts and tests,
/// and what Kubernetes adds for every service whose name begins with `streamgauge` (`…_SERVICE_HOST`, `…_SERVICE_PORT`,
/// `…_PORT`, `…_PORT_9464_TCP_ADDR`), which would otherwise stop the process.
fn is_not_a_setting(name: &str) -> bool {
    let ours = name == "CONFIG" || name == "CACHE" || name.starts_with("TEST_");
    let service_link = name == "SERVICE_HOST"
        || name.starts_with("SERVICE_PORT")
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name == "PORT"
        || name.ends_with("_PORT")
        || format!("_{name}")
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    ours || service_link
}

/// Puts `value` at the path `keys`. What already stands in the way stays: reading the section then reports it.
fn insert(values: &mut Dict, keys: &[String], value: &str) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        values.insert(first.clone(), Value::from(value));
        return;
    }
    let entry = values.entry(first.clone()).or_insert_with(|| Value::from(Dict::new()));
    if let Value::Dict(_, inner) = entry {
        insert(inner, rest, value);
    }
}

/// Joins nested tables below `bus.properties` into dotted names (R3).
fn flatten_properties(values: &mut Dict) {
    let Some(Value::Dict(_, bus)) = values.get_mut("bus") else { return };
    let Some(Value::Dict(_, properties)) = bus.get_mut("properties") else { return };
    let mut flat = Dict::new();
    flatten(std::mem::take(properties), "", &mut flat);
    *properties = flat;
}

fn flatten(values: Dict, prefix: &str, flat: &mut Dict) {
    for (name, value) in values {
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) => flatten(inner, &name, flat),
            value => {
                flat.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_not_a_setting;

    #[test]
    fn what_kubernetes_adds_for_services_is_no_setting() {
        for name in [
            "SERVICE_HOST",
            "SERVICE_PORT_HTTP",
            "PORT",
            "PORT_9464_TCP_ADDR",
            "SESSION_SERVICE_PORT",
            "SESSION_PORT_9464_TCP",
        ] {
            assert!(is_not_a_setting(name), "{name}");
        }
        for name in ["INFLUX_TOKEN", "BUS__BROKERS", "HTTP__LISTEN", "BUS__PROPERTIES__SOCKET_PORT_REUSE", "IMPORT"] {
            assert!(!is_not_a_setting(name), "{name}");
        }
    }
}
