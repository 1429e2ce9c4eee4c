//! Whoever writes a wrong setting is told the key, where it was set, and what to write instead; and is told of all mistakes at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use streamgauge::config::{EXAMPLE, Environment, Error, LogFormat, Role, Settings, Start};

/// A folder with a file `gauge.toml` of this text.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gauge.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("gauge.toml")
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { variables, host_name: Some("gauge-0".to_owned()), cores: 3 }
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Settings, Error> {
    Settings::from_layers(Some(&File::new(text).path()), &environment(variables))
}

/// The text of the file, the variables, and what the message must have in it.
type Mistake = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn every_mistake_names_its_key_and_what_to_do() {
    let table: &[Mistake] = &[
        // Unknown keys: the nearest neighbour, and the place.
        ("[bus]\nbroker = 'a:1'", &[], &["`bus.broker` (", "gauge.toml) is unknown: did you mean `bus.brokers`?"]),
        ("[buss]\nbrokers = 'a:1'", &[], &["`buss` (", "did you mean `bus`?"]),
        (
            "",
            &[("STREAMGAUGE_BUS__BROKER", "a:1")],
            &["`bus.broker` (STREAMGAUGE_BUS__BROKER)", "did you mean `STREAMGAUGE_BUS__BROKERS`?"],
        ),
        // One underscore where two belong is the usual slip.
        (
            "",
            &[("STREAMGAUGE_INFLUX_TOKEN", "t")],
            &["`influx_token` (STREAMGAUGE_INFLUX_TOKEN)", "did you mean `STREAMGAUGE_INFLUX__TOKEN`?"],
        ),
        ("", &[("STREAMGAUGE_BUSS__TLS", "true")], &["`buss` (STREAMGAUGE_BUSS__TLS)", "`STREAMGAUGE_BUS`"]),
        // The right key in the wrong section.
        ("listen = '0.0.0.0:1'", &[], &["`listen` (", "did you mean `http.listen`?"]),
        // Nothing is near: what is valid there.
        ("[http]\nzzz = 1", &[], &["`http.zzz` (", "valid here: `listen`"]),
        // Types and ranges.
        (
            "commit_interval_ms = 'soon'",
            &[],
            &["`commit_interval_ms` (", "is \"soon\": it must be a whole number from 100 to 60000"],
        ),
        (
            "",
            &[("STREAMGAUGE_COMMIT_INTERVAL_MS", "5")],
            &["(STREAMGAUGE_COMMIT_INTERVAL_MS) is \"5\"", "from 100 to 60000"],
        ),
        ("commit_interval_ms = 1.5", &[], &["`commit_interval_ms` (", "is 1.5"]),
        ("[workers]\nsession = 0", &[], &["`workers.session` (", "is 0: it must be a whole number from 1"]),
        ("[bus]\ntls = 'yes'", &[], &["`bus.tls` (", "true or false"]),
        ("[influx]\norg = ''", &[], &["`influx.org` (", "is empty: it must be text"]),
        ("[influx]\nurl = 'influx:8086'", &[], &["`influx.url` is \"influx:8086\"", "http:// or https://"]),
        ("[http]\nlisten = 'localhost'", &[], &["`http.listen` is \"localhost\"", "127.0.0.1:9464"]),
        ("[bus]\nstart = 'begin'", &[], &["`bus.start` (", "is \"begin\": it must be `earliest` or `latest`"]),
        ("roles = ['session', 'collect']", &[], &["`roles` (", "`session` or `rollup`"]),
        ("roles = []", &[], &["`roles` (", "at least one of"]),
        ("bus = 'a:1'", &[], &["`bus` (", "a section: keys below `bus`"]),
        ("", &[("STREAMGAUGE_BUS", "a:1")], &["`bus` (STREAMGAUGE_BUS)", "a section"]),
        // Properties of the engine, and those that settings write.
        (
            "[bus.properties]\n'group.id' = 'mine'",
            &[],
            &["`bus.properties.group.id` may not be set", "bus.group_prefix"],
        ),
        ("[bus.properties]\nenable.auto.commit = true", &[], &["`bus.properties.enable.auto.commit` may not be set"]),
        (
            "",
            &[("STREAMGAUGE_BUS__PROPERTIES__TRANSACTIONAL_ID", "x")],
            &["`bus.properties.transactional.id` may not be set", "workers.instance"],
        ),
        (
            "[bus]\ntls = true\nproperties = { 'security.protocol' = 'ssl' }",
            &[],
            &["`bus.properties.security.protocol` contradicts `bus.tls`"],
        ),
        // Credentials that are half there.
        ("[bus]\nusername = 'u'", &[], &["`bus.password` is not set", "STREAMGAUGE_BUS__PASSWORD"]),
        ("", &[("STREAMGAUGE_BUS__PASSWORD", "p")], &["`bus.username` is not set"]),
        ("[bus]\nmechanism = 'PLAIN'", &[], &["`bus.mechanism` has no effect"]),
        ("[influx]\ntoken_file = 'absent'", &[], &["absent (named by `influx.token_file`)", "No such file"]),
        (
            "[influx]\ntoken_file = 'gauge.toml'",
            &[("STREAMGAUGE_INFLUX__TOKEN", "t")],
            &["`influx.token` and `influx.token_file` are both set"],
        ),
        ("bus =", &[], &["gauge.toml is not valid TOML", "line 1"]),
    ];
    for (text, variables, parts) in table {
        let message = load(text, variables).expect_err(text).to_string();
        for part in *parts {
            assert!(message.contains(part), "{text:?} {variables:?}\nlacks {part:?}:\n{message}");
        }
        assert!(message.starts_with("1 problem in the configuration:"), "{text:?} {variables:?}:\n{message}");
    }
}

#[test]
fn all_mistakes_come_in_one_message() {
    let text = "rolls = ['session']\n[bus]\nbroker = 'a:1'\nstart = 'begin'\n[influx]\ntimeout_ms = -1";
    let error = load(text, &[("STREAMGAUGE_LOG__FORMAT", "xml")]).unwrap_err();
    let mut keys: Vec<&str> = error.problems().iter().map(|problem| problem.key()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["bus.broker", "bus.start", "influx.timeout_ms", "log.format", "rolls"]);
}

#[test]
fn an_absent_file_is_named() {
    let message =
        Settings::from_layers(Some("nowhere/gauge.toml".as_ref()), &environment(&[])).unwrap_err().to_string();
    assert!(message.contains("cannot read nowhere/gauge.toml") && message.contains("check the path"), "{message}");
}

#[test]
fn no_secret_is_ever_in_a_message() {
    let variables =
        [("STREAMGAUGE_INFLUX__TOKEN", "hunter2"), ("STREAMGAUGE_BUS__PROPERTIES__SASL_PASSWORD", "hunter3")];
    let settings = load("", &variables).unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    let message = load("[influx]\ntoken = 4711", &[("STREAMGAUGE_BUS__PASSWORD", "hunter4")]).unwrap_err().to_string();
    assert!(!message.contains("4711") && !message.contains("hunter"), "{message}");
}

#[test]
fn the_environment_beats_the_file_and_the_file_beats_the_defaults() {
    let text =
        "commit_interval_ms = 2000\n[bus]\nbrokers = 'file:1'\nproperties = { fetch.min.bytes = 1, client.rack = 'a' }";
    let variables = [
        ("STREAMGAUGE_BUS__BROKERS", "variable:2"),
        ("STREAMGAUGE_BUS__PROPERTIES__FETCH_MIN_BYTES", "65536"),
        ("STREAMGAUGE_ROLES", "rollup"),
        // What Kubernetes adds for a service of that name, and what the command line takes, are no settings.
        ("STREAMGAUGE_PORT_9464_TCP_ADDR", "10.0.0.1"),
        ("STREAMGAUGE_SERVICE_HOST", "10.0.0.1"),
        ("STREAMGAUGE_CONFIG", "gauge.toml"),
    ];
    let settings = load(text, &variables).unwrap();
    assert_eq!(settings.bus.brokers, "variable:2");
    assert_eq!(settings.commit_interval, Duration::from_secs(2));
    assert_eq!(settings.roles, [Role::Rollup]);
    assert_eq!(settings.bus.start, Start::Earliest);
    assert_eq!(settings.workers.session, 3);
    assert_eq!(settings.workers.instance, "gauge-0");
    let properties = settings.bus.client_properties();
    let expected = [("bootstrap.servers", "variable:2"), ("client.rack", "a"), ("fetch.min.bytes", "65536")];
    assert!(properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected), "{properties:?}");
}

#[test]
fn a_secret_may_be_a_file_next_to_the_configuration() {
    let file = File::new(
        "[influx]\ntoken_file = 'token'\n[bus]\nusername = 'gauge'\npassword_file = 'token'\ntls = true\nmechanism = 'PLAIN'",
    );
    std::fs::write(file.folder.path().join("token"), "0123\n").unwrap();
    let settings = Settings::from_layers(Some(&file.path()), &environment(&[])).unwrap();
    assert_eq!(settings.influx.token.as_ref().unwrap().expose(), "0123");
    let properties = settings.bus.client_properties();
    let property = |name: &str| properties.get(name).map(String::as_str);
    assert_eq!(property("security.protocol"), Some("sasl_ssl"));
    assert_eq!(property("sasl.mechanism"), Some("PLAIN"));
    assert_eq!(property("sasl.password"), Some("0123"));
}

#[test]
fn a_password_that_looks_like_a_number_stays_as_it_is() {
    let settings = load("", &[("STREAMGAUGE_INFLUX__TOKEN", "007")]).unwrap();
    assert_eq!(settings.influx.token.unwrap().expose(), "007");
}

#[test]
fn the_example_is_the_defaults() {
    let example = load(EXAMPLE, &[]).unwrap();
    assert_eq!(example, Settings::from_layers(None, &environment(&[])).unwrap());
    assert_eq!(example.log.format, LogFormat::Human);
    // Every key that is commented out is valid too.
    let uncommented: Vec<&str> = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .collect();
    let error = load(&uncommented.join("\n"), &[]).unwrap_err();
    let keys: Vec<&str> = error.problems().iter().map(|problem| problem.key()).collect();
    assert_eq!(
        keys,
        ["bus.password_file", "bus.password", "influx.token_file"],
        "only the files may be missing:\n{error}"
    );
}

#[test]
fn a_missing_token_says_how_to_set_it() {
    let message = load("", &[]).unwrap().influx.required_token().unwrap_err().to_string();
    assert!(message.contains("STREAMGAUGE_INFLUX__TOKEN") && message.contains("influx.token_file"), "{message}");
}
