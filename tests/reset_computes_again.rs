//! Promise: `reset` has a source computed again from a time on, as if nothing had been; side outputs do not come again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/proof/mod.rs"]
mod proof;
mod support;

use proof::{Trial, system_seeds};
use support::Kafka;

#[test]
fn rows_that_were_lost_come_back() {
    for seed in system_seeds() {
        let Some(trial) = Kafka::shared().and_then(|kafka| Trial::begin("reset", seed, kafka)) else { return };
        let fleet = trial.fleet(&["a", "b"]);
        let load = trial.load();
        load.await_percent(50);
        let refused = trial.refused(&["reset", "--source", "cmcd", "--from", "1h ago", "--apply"]);
        assert!(refused.contains("members: stop every process"), "{refused}");
        let records = load.finish();
        trial.finish_after(fleet, records);

        trial.influx().delete_all();
        for source in ["cmcd", "cmcd-logs", "webrtc", "kaltura"] {
            // An hour that begins well before the load: everything is given out.
            let arguments = ["reset", "--source", source, "--from", "1h ago", "--lead", "1h"];
            let plan = trial.command(&arguments);
            assert!(plan.contains("Nothing was changed") && plan.contains(&format!("{source}: rows from")), "{plan}");
            let done = trial.command(&[&arguments[..], &["--apply"]].concat());
            assert!(done.contains("as epoch 1"), "{done}");
        }
        let fleet = trial.fleet(&["a"]);
        trial.finish_after(fleet, records);
    }
}
