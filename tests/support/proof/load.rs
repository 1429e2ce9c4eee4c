//! Simulated viewers, put on the bus at the pace of real time while the processes go through a scenario.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use streamgauge::bus::{Outgoing, PlainProducer, Properties};
use streamgauge::cli::simulate::outgoing;
use streamgauge::model::EventTime;
use streamgauge::model::record::header;
use streamgauge::simulate::pace::Pace;
use streamgauge::simulate::{
    CallScenario, Calls, Fleet, Oddities, PlayerScenario, Players, Scenario, SimulatedRecord, Simulation, Situation,
    kaltura_catalogue,
};

use crate::support::eventually;

const PATIENCE: Duration = Duration::from_secs(300);
/// One in so many records cannot be read.
const UNREADABLE_EVERY: usize = 500;

/// Viewers who watch for a while.
pub struct Load {
    /// How many of a thousand parts of the time have passed; 1000 only when every record was handed over.
    passed: Arc<AtomicI64>,
    records: u64,
    thread: JoinHandle<()>,
}

impl Load {
    /// Starts now. The topics of the simulation are taken to be those that `topic` names for them.
    pub fn start(
        brokers: &str,
        (scenario, calls, players): (Scenario, CallScenario, PlayerScenario),
        seed: u64,
        topic: impl Fn(&str) -> String + Send + 'static,
    ) -> Self {
        // Back before the processes take an outage of the broker for silence of the viewers.
        let properties = [("bootstrap.servers", brokers), ("reconnect.backoff.max.ms", "100")];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let producer = PlainProducer::new(&Properties::new(properties.into())).unwrap();
        let start_ms = now_ms();
        let duration_ms = scenario.duration_ms;
        let start = EventTime::from_millis(start_ms);
        let fleet = Fleet::new(
            Some(Simulation::new(scenario, seed, start)),
            Some(Calls::new(calls, seed, start)),
            Some(Players::new(players, seed, start)),
        );
        let records: Vec<SimulatedRecord> =
            fleet.take_while(|record| record.append_ms < start_ms + duration_ms).collect();
        let count = records.len() as u64;
        let passed = Arc::new(AtomicI64::new(0));
        let passing = Arc::clone(&passed);
        let thread = std::thread::spawn(move || {
            let mut pace = Pace::new(NonZeroU32::MIN);
            pace.wait_until(start_ms);
            let mut editions = editions(start_ms, duration_ms).into_iter().peekable();
            for (number, record) in records.into_iter().enumerate() {
                while let Some(edition) = editions.next_if(|edition| edition.append_ms <= record.append_ms) {
                    let told = Outgoing { topic: topic(edition.topic), ..outgoing(&edition) };
                    producer.send(&told, None).unwrap();
                }
                pace.wait_until(record.append_ms);
                passing.store((record.append_ms - start_ms) * 1000 / duration_ms, Ordering::Relaxed);
                let mut record = outgoing(&record);
                record.topic = topic(&record.topic);
                if number % UNREADABLE_EVERY == 0 {
                    record.headers = vec![(header::CARRIER.to_owned(), b"cmcd-query".to_vec())];
                    record.value = b"no=CMCD".to_vec();
                }
                producer.send(&record, None).unwrap();
            }
            passing.store(1000, Ordering::Relaxed);
            assert_eq!(producer.flush(PATIENCE).unwrap(), 0, "every record is delivered");
        });
        Self { passed, records: count, thread }
    }

    /// Waits until so many percent of the time have passed: a moment of the scenario.
    pub fn await_percent(&self, percent: usize) {
        eventually(PATIENCE, "the load goes on", || {
            let passed = self.passed.load(Ordering::Relaxed);
            assert!(passed == 1000 || !self.thread.is_finished(), "the load has failed");
            passed >= percent as i64 * 10
        });
    }

    /// Waits until every record is delivered, and says how many there were.
    pub fn finish(self) -> u64 {
        self.thread.join().expect("the load does not panic");
        self.records
    }
}

/// The catalogue before the first viewer comes; and later in the trial each entry by another name, and shorter than it is, so that positions
/// lie beyond its end.
fn editions(start_ms: i64, duration_ms: i64) -> Vec<SimulatedRecord> {
    let mut editions = kaltura_catalogue(start_ms);
    for mut told in kaltura_catalogue(start_ms + duration_ms / 2) {
        let mut entry: serde_json::Value = serde_json::from_slice(&told.value).unwrap();
        let name = entry["name"].as_str().unwrap().to_owned();
        entry["name"] = format!("{name}, second edition").into();
        entry["msDuration"] = (entry["msDuration"].as_i64().unwrap() / 4).into();
        told.value = entry.to_string().into_bytes();
        editions.push(told);
    }
    editions
}

/// Every carrier, version 1 and 2, request and event mode, and all that goes wrong on the way; delays suit windows of a second.
pub fn scenario(viewers: u32, duration: Duration) -> Scenario {
    use Situation::{ClockSkew, Disorder, Duplicates};
    let steady = Scenario::steady(viewers, i64::try_from(duration.as_millis()).unwrap());
    let mut scenario = [ClockSkew, Disorder, Duplicates].into_iter().fold(steady, Scenario::with);
    scenario.ramp_ms = 2_000;
    scenario.delays.disorder_ms = 500;
    scenario.delays.log_grace_ms = 2_000;
    scenario.delays.report_grace_ms = 1_000;
    scenario.delays.late_permille = 20;
    scenario
}

/// Calls in which everything that is rare happens often, one region goes bad, and all goes wrong on the way.
pub fn calls(participants: u32, duration: Duration) -> CallScenario {
    use Situation::{BadEdge, ClockSkew, Disorder, Duplicates};
    let steady = CallScenario::steady(participants, i64::try_from(duration.as_millis()).unwrap());
    let mut calls = [BadEdge, ClockSkew, Disorder, Duplicates].into_iter().fold(steady, CallScenario::with);
    calls.ramp_ms = 2_000;
    calls.oddities = Oddities {
        mutes_permille: 30,
        reconnects_permille: 40,
        sleeps_permille: 5,
        inactive_permille: 40,
        late_packets_permille: 40,
        typeless_permille: 20,
    };
    calls.delays.disorder_ms = 500;
    calls.delays.report_grace_ms = 1_000;
    calls.delays.late_permille = 20;
    calls
}

/// The time by the system's clock.
#[allow(clippy::disallowed_methods, reason = "simulated viewers must live near the time at which the broker appends")]
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_millis()).unwrap()
}

/// Viewers with Kaltura's player, of whom some stall and fail; one beacon in ten is lost, and all goes wrong on the way.
pub fn players(viewers: u32, duration: Duration) -> PlayerScenario {
    use Situation::{BadEdge, Disorder, Duplicates};
    let steady = PlayerScenario::steady(viewers, i64::try_from(duration.as_millis()).unwrap());
    let mut players = [BadEdge, Disorder, Duplicates].into_iter().fold(steady, PlayerScenario::with);
    players.ramp_ms = 2_000;
    players.lost_permille = 100;
    players.delays.disorder_ms = 500;
    players.delays.report_grace_ms = 1_000;
    players.delays.late_permille = 20;
    players
}
