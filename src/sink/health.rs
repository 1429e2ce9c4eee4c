//! How a sink does, for readiness and for the person on call.
//!
//! R1  A sink is well when no write of it is waiting to try again.
//! R2  Trouble is logged once when it begins or changes, then every minute, and once when it is over; never once per try.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often lasting trouble is logged again.
const REMINDER: Duration = Duration::from_secs(60);

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody: it passes when the server is back.
    Outage,
    /// The operator: it lasts until the configuration or the server's set-up is changed. The service is not ready.
    Configuration,
}

/// What a sink says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing waits to be tried again.
    Ok,
    /// At least one write is being tried again.
    Retrying {
        /// When the first of the writes now waiting failed.
        since: SystemTime,
        /// Who must act.
        fault: Fault,
        /// What is wrong and what to do.
        message: String,
    },
}

/// A handle on a sink's status: cheap to clone, always current.
#[derive(Clone, Debug)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// The name of the store in the log.
    store: &'static str,
    /// Writes that wait to try again.
    waiting: usize,
    /// When `waiting` last rose from zero.
    since: SystemTime,
    fault: Fault,
    /// What is wrong, without the server's words, which may differ from try to try.
    problem: String,
    message: String,
    logged_at: Option<Instant>,
}

impl Health {
    /// A sink on `store` that is well.
    pub(crate) fn new(store: &'static str) -> Self {
        let state = State {
            store,
            waiting: 0,
            since: SystemTime::UNIX_EPOCH,
            fault: Fault::Outage,
            problem: String::new(),
            message: String::new(),
            logged_at: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// What the sink says of itself now.
    pub fn status(&self) -> Status {
        let state = self.lock();
        if state.waiting == 0 {
            return Status::Ok;
        }
        Status::Retrying { since: state.since, fault: state.fault, message: state.message.clone() }
    }

    /// For one write, from its start: it is well until it reports otherwise.
    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch { health: self, waiting: false }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One write's share in the health of its sink. Dropping it takes its trouble back without a word: the write was given up.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    health: &'a Health,
    waiting: bool,
}

impl Watch<'_> {
    /// The write failed and will be tried again. `problem` says what is wrong and what to do, `words` what the server said.
    #[allow(clippy::disallowed_methods, reason = "the wall clock is shown to people and decides nothing")]
    pub(crate) fn failed(&mut self, fault: Fault, problem: &str, words: &str) {
        let mut state = self.health.lock();
        if !self.waiting {
            self.waiting = true;
            state.waiting += 1;
            if state.waiting == 1 {
                state.since = SystemTime::now();
                state.logged_at = None;
            }
        }
        let is_new = state.problem != problem;
        let is_due = state.logged_at.is_none_or(|at| at.elapsed() >= REMINDER);
        state.fault = fault;
        state.problem = problem.to_owned();
        state.message = if words.is_empty() { problem.to_owned() } else { format!("{problem} (answer: {words})") };
        if !is_new && !is_due {
            return;
        }
        state.logged_at = Some(Instant::now());
        match fault {
            Fault::Outage => tracing::warn!(store = state.store, "rows wait: {}", state.message),
            Fault::Configuration => tracing::error!(store = state.store, "rows wait: {}", state.message),
        }
    }

    /// The store answered this write.
    pub(crate) fn answered(&mut self) {
        if !self.waiting {
            return;
        }
        self.waiting = false;
        let mut state = self.health.lock();
        state.waiting -= 1;
        if state.waiting == 0 {
            let seconds = state.since.elapsed().unwrap_or_default().as_secs();
            tracing::info!(store = state.store, seconds, "rows are taken again");
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.waiting {
            self.health.lock().waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_sink_is_well_again_only_when_the_last_waiting_write_was_answered() {
        let health = Health::new("test");
        let mut first = health.watch();
        let mut second = health.watch();
        first.failed(Fault::Outage, "down", "");
        second.failed(Fault::Configuration, "set the token", "unauthorized");
        first.answered();
        let Status::Retrying { fault, message, .. } = health.status() else { panic!("the second still waits") };
        assert_eq!((fault, message.as_str()), (Fault::Configuration, "set the token (answer: unauthorized)"));
        drop(second);
        assert_eq!(health.status(), Status::Ok);
    }
}
