//! Ticks: how silence becomes part of the log.
//!
//! R1  A tick is written when the owner of a partition has stood at its end for the idle time-out; the broker's append time dates it.
//! R2  Where ticks may not be written, windows wait for the next record, and the log says so once.

use std::time::{Duration, Instant};

use tracing::warn;

use crate::bus::{Outgoing, PlainProducer, TopicPartition};
use crate::model::record::header;
use crate::telemetry;

/// Watches for one partition's silence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// When it was last looked for and not found.
    since: Instant,
    /// Whether something came since then. Set for each record, so the clock is left alone there.
    broken: bool,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), broken: false }
    }

    /// A record came, or a tick was sent.
    pub(super) fn broken(&mut self) {
        self.broken = true;
    }

    /// Whether it has lasted for so long, to within the time between two looks.
    pub(super) fn lasts(&mut self, idle_timeout: Duration) -> bool {
        if std::mem::take(&mut self.broken) {
            self.since = Instant::now();
        }
        self.since.elapsed() >= idle_timeout
    }
}

/// Writes ticks.
pub(super) struct Ticker {
    producer: PlainProducer,
    idle_timeout: Duration,
    warned: bool,
}

impl Ticker {
    pub(super) fn new(producer: PlainProducer, idle_timeout: Duration) -> Self {
        Self { producer, idle_timeout, warned: false }
    }

    /// Hears what the bus says of earlier ticks.
    pub(super) fn listen(&self) {
        self.producer.listen();
    }

    /// Writes a tick into a partition that has been silent for long enough.
    pub(super) fn tick_if_silent(&mut self, name: &TopicPartition, silence: &mut Silence) {
        if !silence.lasts(self.idle_timeout) {
            return;
        }
        silence.broken();
        let tick = Outgoing {
            topic: name.topic.clone(),
            partition: Some(name.partition),
            key: None,
            value: Vec::new(),
            headers: vec![(header::TICK.to_owned(), b"1".to_vec())],
        };
        match self.producer.send(&tick, None) {
            Ok(()) => metrics::counter!(telemetry::TICKS.name, "source" => name.topic.clone()).increment(1),
            Err(cause) if !self.warned => {
                self.warned = true;
                warn!("silent partitions cannot be ticked, so their last windows wait for the next record: {cause}");
            }
            Err(_) => {}
        }
    }
}
