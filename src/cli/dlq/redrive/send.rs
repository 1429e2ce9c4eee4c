//! Putting letters back: in transactions of some hundred letters, each with the marks of its letters.
//!
//! R1  A letter's copy and its mark become visible together or not at all, so that whoever reads the marks knows what was put back.
//! R2  One sender at a time: registering ends another one's transaction and every later one of it. Registering comes before the marks are
//!     read, and the marks are read to the end that they have then.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::bus::{Abort, LongestRecord, Outgoing, Properties, TransactionalProducer};
use crate::cli::dlq::letter::{Place, counted};
use crate::cli::dlq::marks::mark;

/// How long the brokers have to register the transactional id: ending what an earlier redrive left open takes some seconds.
const REGISTRATION: Duration = Duration::from_secs(30);
/// A transaction holds up who reads the source topics, so it stays short: letters, and bytes of their values.
const LETTERS: usize = 500;
const BYTES: usize = 1 << 20;
/// How often a transaction that was undone is tried again, and the pause before each try.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Puts letters back.
pub(super) struct Sender {
    producer: TransactionalProducer,
    /// The topic of the letters.
    letters_topic: String,
    batch: Vec<Outgoing>,
    bytes: usize,
    /// The letters of the batch, by partition, in order.
    offsets: BTreeMap<i32, Vec<i64>>,
    sent: u64,
}

impl Sender {
    /// Registers; from here on no other sender gets anything through (R2).
    pub(super) fn register(
        properties: &Properties,
        transactional_id: &str,
        letters_topic: &str,
    ) -> anyhow::Result<Self> {
        let producer = TransactionalProducer::new(properties, transactional_id, LongestRecord::new(properties))?;
        producer.register(REGISTRATION)?;
        Ok(Self {
            producer,
            letters_topic: letters_topic.to_owned(),
            batch: Vec::new(),
            bytes: 0,
            offsets: BTreeMap::new(),
            sent: 0,
        })
    }

    /// How many letters were put back for good.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Takes the copy of a letter, and sends when there are enough.
    pub(super) fn put_back(&mut self, place: Place, copy: Outgoing) -> anyhow::Result<()> {
        self.bytes += copy.size();
        self.batch.push(copy);
        self.offsets.entry(place.partition).or_default().push(place.offset);
        if self.batch.len() >= LETTERS || self.bytes >= BYTES {
            self.send()?;
        }
        Ok(())
    }

    /// Sends what was taken, and waits until it is there.
    pub(super) fn send(&mut self) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let marks: Vec<Outgoing> =
            self.offsets.iter().map(|(partition, offsets)| mark(&self.letters_topic, *partition, offsets)).collect();
        let mut tries = 1;
        while let Err(abort) = self.producer.commit_records(self.batch.iter().chain(&marks).map(Outgoing::as_message)) {
            match abort {
                Abort::Again(_) if tries < TRIES => {
                    tries += 1;
                    std::thread::park_timeout(PAUSE);
                }
                Abort::Fatal(_) => bail!(
                    "{abort}, and whether the next {} were put back is not known yet (another redrive that was begun ends this one)",
                    counted(self.batch.len() as u64, "letter")
                ),
                _ => {
                    return Err(abort)
                        .with_context(|| format!("the next letters could not be put back in {TRIES} tries"));
                }
            }
        }
        self.sent += self.batch.len() as u64;
        self.batch.clear();
        self.offsets.clear();
        self.bytes = 0;
        Ok(())
    }
}
