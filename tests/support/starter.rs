//! Calls the starters in `tests/servers/`, and finds ports for what they start.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;

/// Below the range from which the system takes ports for outgoing connections, so that a port found free stays so.
const FIRST_PORT: u16 = 20_000;
const LAST_PORT: u16 = 32_000;

/// The next port to try; test processes start at different places.
static NEXT_PORT: Mutex<Option<u16>> = Mutex::new(None);

/// The first of `count` neighbouring ports that nobody listens on and that no other caller of this process was given.
pub fn free_ports(count: u16) -> u16 {
    let mut next = NEXT_PORT.lock().expect("no test panicked while it held the lock");
    let mut port = next.unwrap_or_else(|| FIRST_PORT + (std::process::id() % 1_000) as u16 * 12);
    for _ in FIRST_PORT..LAST_PORT {
        if port + count > LAST_PORT {
            port = FIRST_PORT;
        }
        if (port..port + count).all(|candidate| TcpListener::bind(("127.0.0.1", candidate)).is_ok()) {
            *next = Some(port + count);
            return port;
        }
        port += 1;
    }
    panic!("no {count} neighbouring ports are free between {FIRST_PORT} and {LAST_PORT}");
}

/// One of the scripts, at one port.
pub struct Starter {
    script: &'static str,
    pub port: u16,
}

impl Starter {
    pub const fn new(script: &'static str, port: u16) -> Self {
        Self { script, port }
    }

    /// What is missing to start the server here, if anything.
    pub fn missing(&self) -> Option<String> {
        let output = self.run(&["check"], &[]);
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// Starts the server for the life of this process, or until [`Self::down`]; returns what the script printed.
    pub fn up(&self, options: &[&str], environment: &[(&str, &str)]) -> String {
        let owner = std::process::id().to_string();
        let mut arguments = vec!["--owner", &owner];
        arguments.extend_from_slice(options);
        arguments.push("up");
        self.run_well(&arguments, environment)
    }

    pub fn down(&self, options: &[&str]) {
        let mut arguments = options.to_vec();
        arguments.push("down");
        self.run_well(&arguments, &[]);
    }

    /// Kills the server and keeps what it holds.
    pub fn crash(&self) {
        self.run_well(&["crash"], &[]);
    }

    fn run_well(&self, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let output = self.run(arguments, environment);
        assert!(
            output.status.success(),
            "{} {arguments:?} failed:\n{}",
            self.script,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("the starters print UTF-8")
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(self.script);
        Command::new(&path)
            .args(["--port", &self.port.to_string()])
            .args(arguments)
            .envs(environment.iter().copied())
            .output()
            .unwrap_or_else(|error| panic!("{} cannot be run: {error}", path.display()))
    }
}
