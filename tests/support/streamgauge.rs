//! The built binary, run as an operator runs it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::eventually;

/// A running `streamgauge`. It is killed on drop.
pub struct Streamgauge {
    child: Child,
    stdout: Captured,
    stderr: Captured,
}

impl Streamgauge {
    /// The binary with arguments and environment, not started yet: for commands that end by themselves. It sees no `STREAMGAUGE_` variable of
    /// the shell that runs the tests.
    pub fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STREAMGAUGE_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end and returns what it printed on standard output.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let output = Self::command(arguments, environment).output().expect("the binary can be started");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "streamgauge {arguments:?} failed:\n{stdout}{stderr}");
        stdout.into_owned()
    }

    /// Starts the binary and collects what it prints.
    pub fn spawn(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Self::command(arguments, environment)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let stdout = Captured::start(child.stdout.take().expect("piped"));
        let stderr = Captured::start(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr }
    }

    /// What it has printed on standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has printed on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it is still running after `timeout`.
    pub fn stop(&mut self, timeout: Duration) -> ExitStatus {
        self.signal("-TERM");
        self.wait(timeout)
    }

    /// Waits until it ends by itself; everything it printed is collected then.
    ///
    /// # Panics
    /// When it is still running after `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let mut status = None;
        eventually(timeout, "streamgauge has ended", || {
            status = self.child.try_wait().expect("the process can be asked");
            status.is_some()
        });
        self.stdout.finish();
        self.stderr.finish();
        status.expect("it has ended")
    }

    /// Ends it as a crash or a lost machine would (SIGKILL).
    pub fn kill_nine(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// Halts it as a machine that hangs would (SIGSTOP), until [`Self::resume`].
    pub fn halt(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`Self::halt`].
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    // The standard library can only kill; the command `kill` sends the signal without unsafe code.
    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill is there");
        assert!(status.success(), "streamgauge had ended before the signal {signal}:\n{}", self.stderr());
    }
}

impl Drop for Streamgauge {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill_nine();
        }
        if std::thread::panicking() {
            eprintln!("streamgauge had said:\n{}", self.stderr());
        }
    }
}

/// The text that a pipe has delivered, read by a thread so that the writer never blocks.
struct Captured {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn start(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let collected = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                collected.lock().expect("no holder panics").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("no holder panics").clone()
    }

    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
    }
}
