//! Settings of a process: defaults < a TOML file (`--config`) < environment variables `STREAMGAUGE_…` (`__` goes down one section).
//!
//! R1  An unknown key is an error that names the key, where it was set, and the key that was probably meant.
//! R2  All problems are reported at once.
//! R3  Secrets come from the environment or from files of their own, and are never printed.
//!
//! [`EXAMPLE`] is a file with every key at its default.

mod bus;
mod compat;
mod layers;
mod problem;
mod secret;
mod section;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;

pub use bus::{Bus, Credentials, Mechanism, OWNED, Owned, Properties, Start};
pub use compat::{Collect, Compat, Refused, Sensitivity};
pub(crate) use layers::Layer;
pub use layers::{Environment, PREFIX};
pub use problem::{Error, Origin, Problem};
pub(crate) use problem::{list_of, nearest};
pub use secret::Secret;
pub(crate) use section::{Reader, Section};

use section::variable_for;

/// A configuration file with every key at its default, commented.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The section `influx`: where rows go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Influx {
    /// `url` of InfluxDB 2. Default `http://127.0.0.1:8086`.
    pub url: String,
    /// `org`, by name. Default `streamgauge`.
    pub org: String,
    /// `bucket`, by name. Default `qoe`.
    pub bucket: String,
    /// `token` or the text of `token_file`; must be allowed to write to the bucket.
    pub token: Option<Secret>,
    /// `timeout_ms`: how long one request may take. Default 10 s.
    pub timeout: Duration,
}

impl Influx {
    /// The token, or the error that says how to set it; for the commands that write or read rows.
    pub fn required_token(&self) -> Result<&Secret, Error> {
        let missing = || {
            let advice = format!(
                "InfluxDB at {} answers nobody without a token: set {} or `influx.token_file`",
                self.url,
                variable_for("influx.token")
            );
            Error::new(SUBJECT, vec![Problem::Missing { key: "influx.token".to_owned(), advice }])
        };
        self.token.as_ref().ok_or_else(missing)
    }
}

/// The section `http`: health, metrics and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// `listen`. Default `127.0.0.1:9464`: the port at which Prometheus exporters are looked for, and nobody else's machine can reach it
    /// until that is asked for (in a container: `0.0.0.0:9464`).
    pub listen: SocketAddr,
}

/// The section `workers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workers {
    /// `session`: threads of the session stage. Default: the cores that this process may use.
    pub session: usize,
    /// `instance`: the name of this process among its group, the same after a restart, for transactional ids. Default: the host's name.
    pub instance: String,
    /// `membership`: how the group treats a process that is gone.
    pub membership: Membership,
}

/// How the group treats a process that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Its partitions go to others: at once when it stops, after the session time-out when it is lost. The default.
    Dynamic,
    /// Its partitions wait for it until the session time-out, and are its own again at once when it is back under the same `instance`: for a
    /// StatefulSet.
    Static,
}

/// A stage that this process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Source topics to session rows and partials.
    Session,
    /// Partials to roll-up rows.
    Rollup,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line, for collectors of logs.
    Json,
}

/// The section `log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `format`. Default human.
    pub format: LogFormat,
    /// `filter`: what is logged, in the syntax of tracing's `EnvFilter`. Default `info`.
    pub filter: String,
}

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How to reach the bus.
    pub bus: Bus,
    /// Where rows go.
    pub influx: Influx,
    /// Health, metrics and state.
    pub http: Http,
    /// Threads and names.
    pub workers: Workers,
    /// `commit_interval_ms`: how often results and offsets are committed. Default 1 s.
    pub commit_interval: Duration,
    /// `roles`: the stages that this process runs. Default both.
    pub roles: Vec<Role>,
    /// `topology`: a topology file; `None` = the built-in one.
    pub topology: Option<PathBuf>,
    /// Log lines.
    pub log: Log,
    /// `compat.webrtc_monitor`: whether `/metrics` also has the metrics of the single-process WebRTC monitor. Default no.
    pub webrtc_monitor: bool,
}

const SUBJECT: &str = "the configuration";

impl Settings {
    /// Loads the settings of this process.
    pub fn load(config: Option<&Path>) -> Result<Self, Error> {
        Self::from_layers(config, &Environment::of_this_process())
    }

    /// Loads settings from the file `config` and from `environment`, and from nothing else (but files that these name).
    pub fn from_layers(config: Option<&Path>, environment: &Environment) -> Result<Self, Error> {
        let mut figment = Figment::new();
        let mut unreadable = None;
        match config.map(Layer::from_file) {
            Some(Ok(layer)) => figment = figment.merge(layer),
            Some(Err(problem)) => unreadable = Some(problem),
            None => {}
        }
        let (layer, variables) = Layer::from_variables(&environment.variables);
        let reader = Reader::new(figment.merge(layer), variables);
        unreadable.into_iter().for_each(|problem| reader.note(problem));
        let settings = Self::read(&reader, environment);
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(settings) } else { Err(Error::new(SUBJECT, problems)) }
    }

    fn read(reader: &Reader, environment: &Environment) -> Self {
        const ROLES: [(&str, Role); 2] = [("session", Role::Session), ("rollup", Role::Rollup)];
        let mut root = reader.root();
        let settings = Self {
            bus: Bus::read(reader, root.section("bus")),
            influx: read_influx(reader, root.section("influx")),
            http: read_http(reader, root.section("http")),
            workers: read_workers(reader, root.section("workers"), environment),
            commit_interval: millis(root.number("commit_interval_ms", 100..=60_000, 1_000)),
            roles: root.choices("roles", &ROLES).unwrap_or_else(|| vec![Role::Session, Role::Rollup]),
            topology: root.path("topology"),
            log: read_log(root.section("log")),
            webrtc_monitor: read_compat(root.section("compat")),
        };
        root.finish();
        settings
    }
}

fn millis(number: i64) -> Duration {
    Duration::from_millis(number.unsigned_abs())
}

fn read_influx(reader: &Reader, mut section: Section<'_>) -> Influx {
    let influx = Influx {
        url: section.text("url").unwrap_or_else(|| "http://127.0.0.1:8086".to_owned()),
        org: section.text("org").unwrap_or_else(|| "streamgauge".to_owned()),
        bucket: section.text("bucket").unwrap_or_else(|| "qoe".to_owned()),
        token: section.secret("token"),
        timeout: millis(section.number("timeout_ms", 100..=600_000, 10_000)),
    };
    if !["http://", "https://"].iter().any(|scheme| influx.url.starts_with(scheme)) {
        let conflict = format!("is \"{}\": it must begin with http:// or https://", influx.url);
        reader.note(Problem::contradiction("influx.url", conflict));
    }
    section.finish();
    influx
}

fn read_http(reader: &Reader, mut section: Section<'_>) -> Http {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 9464));
    let listen = section.text("listen").map_or(default, |text| {
        text.parse().unwrap_or_else(|_| {
            let conflict =
                format!("is \"{text}\": it must be an address and a port, such as 127.0.0.1:9464 or [::]:9464");
            reader.note(Problem::contradiction("http.listen", conflict));
            default
        })
    });
    section.finish();
    Http { listen }
}

fn read_workers(reader: &Reader, mut section: Section<'_>, environment: &Environment) -> Workers {
    const MOST: i64 = 1_024;
    let cores = i64::try_from(environment.cores).unwrap_or(MOST).clamp(1, MOST);
    let session = usize::try_from(section.number("session", 1..=MOST, cores)).unwrap_or(1);
    let instance = section.text("instance").or_else(|| environment.host_name.clone()).unwrap_or_else(|| {
        let advice = format!(
            "this host tells no name; set {} to one that stays the same after a restart",
            variable_for("workers.instance")
        );
        reader.note(Problem::Missing { key: "workers.instance".to_owned(), advice });
        String::new()
    });
    let kinds = [("dynamic", Membership::Dynamic), ("static", Membership::Static)];
    let membership = section.choice("membership", &kinds).unwrap_or(Membership::Dynamic);
    section.finish();
    Workers { session, instance, membership }
}

fn read_compat(mut section: Section<'_>) -> bool {
    let webrtc_monitor = section.switch("webrtc_monitor", false);
    section.finish();
    webrtc_monitor
}

fn read_log(mut section: Section<'_>) -> Log {
    let formats = [("human", LogFormat::Human), ("json", LogFormat::Json)];
    let log = Log {
        format: section.choice("format", &formats).unwrap_or(LogFormat::Human),
        filter: section.text("filter").unwrap_or_else(|| "info".to_owned()),
    };
    section.finish();
    log
}
