//! Promise: a broker that crashes, and a network that is slow, silent or broken, leave the rows of the batch computation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/proof/mod.rs"]
mod proof;
mod support;

use std::time::Duration;

use proof::{Trial, system_seeds};
use support::tcp_proxy::{TcpProxy, Weather};
use support::{Dice, Kafka, eventually};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_broker_crashes_and_comes_back() {
    let Some((kafka, port, listener)) = Kafka::start_behind_proxy() else { return };
    let bus = TcpProxy::before_kafka(port, listener);
    for seed in system_seeds() {
        let Some(mut trial) = Trial::begin("broker crashes", seed, &kafka) else { return };
        trial.set("BUS__BROKERS", bus.address.to_string());
        let mut dice = Dice::new(seed);
        let fleet = trial.fleet(&["a", "b", "c"]);
        let load = trial.load();
        for part in [20, 60] {
            load.await_percent(part + dice.below(15));
            // Between transactions: see Kafka::crash.
            bus.hold();
            eventually(PATIENCE, "no transaction is open", || bus.is_at_rest() && kafka.has_marked_all_ends());
            kafka.crash();
            bus.release();
            kafka.start_again();
        }
        trial.finish(fleet, load);
    }
}

#[test]
fn the_network_is_slow_silent_or_broken() {
    let Some((kafka, port, listener)) = Kafka::start_behind_proxy() else { return };
    let bus = TcpProxy::before_kafka(port, listener);
    for seed in system_seeds() {
        let Some(mut trial) = Trial::begin("bad network", seed, &kafka) else { return };
        let mut dice = Dice::new(seed);
        let sink = TcpProxy::before(trial.sink.address);
        trial.set("BUS__BROKERS", bus.address.to_string());
        trial.set("INFLUX__URL", format!("http://{}", sink.address));
        let fleet = trial.fleet(&["a", "b", "c"]);
        let load = trial.load();
        load.await_percent(10);
        bus.weather(Weather::Slow(Duration::from_millis(300)));
        // Each lasts eight seconds of forty: longer than the session time-out, and than a request to InfluxDB may take.
        let mut spells =
            [(&bus, Weather::Hole), (&bus, Weather::Mute), (&sink, Weather::Mute), (&sink, Weather::Closed)];
        dice.shuffle(&mut spells);
        for (part, (proxy, weather)) in [20, 40, 60, 80].into_iter().zip(spells) {
            load.await_percent(part);
            bus.weather(Weather::Fair);
            sink.weather(Weather::Fair);
            if dice.percent(50) {
                proxy.reset();
            }
            proxy.weather(weather);
            load.await_percent(part + dice.below(20));
            proxy.reset();
        }
        load.await_percent(100);
        bus.weather(Weather::Fair);
        sink.weather(Weather::Fair);
        trial.finish(fleet, load);
    }
}
