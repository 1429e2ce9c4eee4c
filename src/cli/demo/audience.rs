//! The viewers and the participants of calls: they play their scenarios to the bus, in real time, on a thread that may block. What is known
//! of the entries that are watched comes first.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context as _;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::bus::{Error, PlainProducer, Properties};
use crate::cli::simulate::outgoing;
use crate::model::EventTime;
use crate::simulate::pace::Pace;
use crate::simulate::{Fleet, kaltura_catalogue};

/// Between two looks at the stop signal, in simulated time, which is real time here.
const LOOK_MS: i64 = 50;

/// All of them, at play.
pub(super) struct Audience {
    playing: JoinHandle<Result<(), Error>>,
    stop: Arc<AtomicBool>,
    /// How many records they have given.
    pub(super) records: Arc<AtomicU64>,
}

impl Audience {
    /// Lets them begin; `start` is the start of the simulation, and now.
    pub(super) fn start(fleet: Fleet, start: EventTime, properties: Properties) -> Self {
        let (stop, records) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&records));
        let play = move || play(fleet, start.as_millis(), &properties, &stopped, &counted);
        Self { playing: spawn_blocking(play), stop, records }
    }

    /// Waits until they have left by themselves, which only an error makes them do while the demo lasts.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        let played = (&mut self.playing).await.context("the thread of the simulated audience")?;
        played.context("the simulated audience cannot reach the broker")
    }

    /// Sends them home.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn play(
    fleet: Fleet,
    start_ms: i64,
    properties: &Properties,
    stop: &AtomicBool,
    records: &AtomicU64,
) -> Result<(), Error> {
    let producer = PlainProducer::new(properties)?;
    let mut pace = Pace::new(NonZeroU32::MIN);
    let mut reached_ms = start_ms;
    pace.wait_until(reached_ms);
    for record in kaltura_catalogue(start_ms) {
        producer.send(&outgoing(&record), Some(record.append_ms))?;
    }
    for record in fleet {
        while reached_ms < record.append_ms {
            reached_ms = record.append_ms.min(reached_ms + LOOK_MS);
            pace.wait_until(reached_ms);
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        producer.send(&outgoing(&record), Some(record.append_ms))?;
        records.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
