//! Promise: after a process is lost, another goes on within ten seconds of the session time-out, within 25 s of it when the process was lost
//! inside a commit, within 5 s of its restart when it is a static member; and nothing of it shows in the rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/proof/mod.rs"]
mod proof;
mod support;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use proof::load::now_ms;
use proof::{Fleet, SESSION_TIMEOUT, TRANSACTION_TIMEOUT, Trial, say, system_seeds};
use support::tcp_proxy::{BEGIN_TRANSACTION, END_TRANSACTION, TcpProxy};
use support::{Kafka, eventually};

const PATIENCE: Duration = Duration::from_secs(60);
/// Much longer than a successor of the same name may take.
const STATIC_SESSION_TIMEOUT: Duration = Duration::from_secs(20);

/// Held by who measures: two at once would measure each other.
static ALONE: Mutex<()> = Mutex::new(());

/// How a process is lost.
struct Loss {
    words: &'static str,
    /// The request that the last one is stopped at.
    at: i16,
    /// Whether a successor takes its slot at once.
    is_restarted: bool,
    /// Beyond the session time-out.
    most: Duration,
}

const LOSSES: [Loss; 4] = [
    Loss { words: "between commits", at: BEGIN_TRANSACTION, is_restarted: false, most: Duration::from_secs(10) },
    Loss { words: "between commits", at: BEGIN_TRANSACTION, is_restarted: true, most: Duration::from_secs(10) },
    Loss { words: "inside a commit", at: END_TRANSACTION, is_restarted: false, most: Duration::from_secs(25) },
    Loss { words: "inside a commit", at: END_TRANSACTION, is_restarted: true, most: Duration::from_secs(25) },
];

#[test]
fn within_seconds_of_the_session_time_out() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((kafka, port, listener)) = Kafka::start_behind_proxy() else { return };
    let bus = TcpProxy::before_kafka(port, listener);
    for seed in system_seeds() {
        let Some(mut trial) = Trial::begin("others take over", seed, &kafka) else { return };
        trial.set("BUS__BROKERS", bus.address.to_string());
        let mut fleet = trial.fleet(&["a", "b"]);
        let load = trial.load();
        for loss in LOSSES {
            eventually(PATIENCE, "both processes have partitions", || fleet.all_have_places());
            fleet.await_past(&fleet.frontiers());
            let taken = lose(&mut fleet, &bus, &loss);
            let (session, transaction) = (SESSION_TIMEOUT.as_secs(), TRANSACTION_TIMEOUT.as_secs());
            say(&format!(
                "others take over, seed {seed}: lost {}, {}restarted at once: every partition has come further after {:.1} s \
                 (time-outs: session {session} s, transaction {transaction} s)",
                loss.words,
                if loss.is_restarted { "" } else { "not " },
                taken.as_secs_f64(),
            ));
            assert!(taken <= SESSION_TIMEOUT + loss.most, "{taken:?}");
            if !loss.is_restarted {
                fleet.start("a");
            }
        }
        trial.finish(fleet, load);
    }
}

/// A static member has its partitions again without waiting for anyone.
#[test]
fn back_under_its_name_within_five_seconds() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((kafka, port, listener)) = Kafka::start_behind_proxy() else { return };
    let bus = TcpProxy::before_kafka(port, listener);
    for seed in system_seeds() {
        let Some(mut trial) = Trial::begin("back under its name", seed, &kafka) else { return };
        trial.set("BUS__BROKERS", bus.address.to_string());
        trial.set("BUS__PROPERTIES__SESSION_TIMEOUT_MS", STATIC_SESSION_TIMEOUT.as_millis().to_string());
        trial.set("WORKERS__MEMBERSHIP", "static".to_owned());
        let mut fleet = trial.fleet(&["a", "b"]);
        let load = trial.load();
        for loss in LOSSES.iter().filter(|loss| loss.is_restarted) {
            eventually(PATIENCE, "both processes have partitions", || fleet.all_have_places());
            // What piled up while they and the servers started is worked off: only the loss is measured.
            fleet.await_target(now_ms());
            let taken = lose(&mut fleet, &bus, loss);
            say(&format!(
                "back under its name, seed {seed}: lost {}, restarted at once: every partition has come further after {:.1} s \
                 (session time-out {} s)",
                loss.words,
                taken.as_secs_f64(),
                STATIC_SESSION_TIMEOUT.as_secs(),
            ));
            assert!(taken <= Duration::from_secs(5), "{taken:?}");
        }
        trial.finish(fleet, load);
    }
}

/// Kills `a`, when both of its workers are about to begin or to end a transaction; says how long it takes until every place has come
/// further than it was.
fn lose(fleet: &mut Fleet, bus: &TcpProxy, loss: &Loss) -> Duration {
    for worker in [".session.a.", ".rollup.a."] {
        bus.trap(loss.at, worker);
    }
    eventually(PATIENCE, "both workers are where they are to be lost", || bus.has_caught());
    let before = fleet.frontiers();
    fleet.kill_nine("a");
    if loss.is_restarted {
        fleet.start("a");
    }
    fleet.await_past(&before)
}
