//! What the integration tests share: real servers, the built binary, and waiting on conditions.
//!
//! R1  A test that needs a server which cannot be started here says so and is skipped; with `CI=true` in the environment it fails instead.
//! R2  Whatever a test starts, ends with it, however it ends: by `Drop`, and for a killed test by the watcher of the starter.
//! R3  Tests run at the same time without meeting: each server has ports and data of its own.

// Every test file compiles this module for itself and uses its own part of it.
#![allow(dead_code, unused_imports, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// This is where the tests' one polling loop sleeps, and where they ask whether they run in CI.
#![allow(clippy::disallowed_methods)]

pub mod chaos;
mod dice;
mod influx;
mod kafka;
mod plain_rows;
pub mod records;
pub mod settings;
mod starter;
mod streamgauge;
pub mod tcp_proxy;
pub mod world;

use std::io::Write;
use std::time::{Duration, Instant};

pub use dice::{Dice, seeds};
pub use influx::{Influx, Point};
pub use kafka::Kafka;
pub use plain_rows::{PlainRow, plain_row, plain_rows};
pub use starter::free_ports;
pub use streamgauge::Streamgauge;

/// R1: a line on the terminal, past the capture of test output, or a failure in CI. The caller returns after it.
///
/// # Panics
/// When `CI` is `true`: there, the servers are always installed, and a missing one is a fault.
pub fn skip_or_fail(needed: &str, hint: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{needed} must be there in CI: {hint}");
    writeln!(std::io::stderr(), "skipped: needs {needed}: {hint}").expect("standard error can be written");
}

/// Polls until the condition holds.
///
/// # Panics
/// When it does not hold after `timeout`, naming what was awaited.
pub fn eventually(timeout: Duration, awaited: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + timeout;
    while !condition() {
        assert!(Instant::now() < deadline, "after {timeout:?} still not: {awaited}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a future to its end on the calling thread, which must not belong to a runtime already.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
