//! A worker's commits: one transaction over everything that has changed since the last one.
//!
//! R1  What a partition wants to send stays with it until the commit has succeeded, and is gathered anew for each try: nothing of a
//!     partition that was given back since can be in it.
//! R2  Each error has its class. *Abort*: nothing happened, the next commit tries again. *Not a member*: the same, without having begun.
//!     *Fatal*: nobody knows, so the worker begins again from what is saved.

use std::cell::Cell;
use std::time::Instant;

use tracing::warn;

use super::{Error, Worker};
use crate::aggregate::rollup::RollupRecord;
use crate::bus::{Abort, CommitOffset, Message, Outgoing, STATE_KEY};
use crate::stage::{Prepared, Stage, Work};
use crate::telemetry;

impl<S: Stage> Worker<'_, S> {
    /// Commits what has changed.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        self.last_commit = Instant::now();
        let prepared: Vec<_> =
            self.slots.iter().enumerate().filter_map(|(at, slot)| Some((at, slot.work.prepare()?))).collect();
        if prepared.is_empty() {
            return Ok(());
        }
        let own: Vec<Outgoing> = self.own_records(&prepared);
        let carries_sent = Cell::new(0_u64);
        let mut offsets = Vec::with_capacity(prepared.len());
        let mut payload: Box<dyn Iterator<Item = Message<'_>>> = Box::new(std::iter::empty());
        for (at, one) in &prepared {
            let Some(slot) = self.slots.get(*at) else { continue };
            let (topic, partition) = (slot.name.topic.as_str(), slot.name.partition);
            offsets.push(CommitOffset { topic, partition, offset: one.resume_offset });
            let count = &carries_sent;
            let carries = slot.work.carries(&one.point).map(move |page| {
                count.set(count.get() + page.carries() as u64);
                Message {
                    topic: &slot.state_topic,
                    partition: Some(partition),
                    key: Some(page.key()),
                    value: page.value(),
                    headers: &[],
                }
            });
            payload = Box::new(payload.chain(slot.work.outgoing(&one.point).map(Outgoing::as_message)).chain(carries));
        }
        let own = own.iter().map(Outgoing::as_message);
        let outcome = self.producer.commit(&self.consumer, payload.chain(own), &offsets);
        metrics::histogram!(telemetry::COMMIT_DURATION.name, "stage" => self.stage.name())
            .record(self.last_commit.elapsed().as_secs_f64());
        match outcome {
            Ok(()) => {
                metrics::counter!(telemetry::CARRIES_SAVED.name, "stage" => self.stage.name())
                    .increment(carries_sent.get());
                for (at, one) in prepared {
                    if let Some(slot) = self.slots.get_mut(at) {
                        slot.work.committed(one.point);
                    }
                }
                Ok(())
            }
            Err(abort) => self.after_abort(abort),
        }
    }

    /// State records and markers of a commit.
    fn own_records<P>(&self, prepared: &[(usize, Prepared<P>)]) -> Vec<Outgoing> {
        let mut records = Vec::new();
        let mut announcements = Vec::new();
        for (at, one) in prepared {
            let Some(slot) = self.slots.get(*at) else { continue };
            records.push(Outgoing {
                topic: slot.state_topic.clone(),
                partition: Some(slot.name.partition),
                key: Some(STATE_KEY.to_vec()),
                value: one.state.clone(),
                headers: Vec::new(),
            });
            announcements.extend(one.announcement.clone());
        }
        if let (Some(topic), false) = (self.stage.announces_to(), announcements.is_empty()) {
            let value = RollupRecord::encode_marker(self.stage.rules(), &announcements);
            for partition in 0..self.announce_partitions {
                records.push(Outgoing {
                    topic: topic.to_owned(),
                    partition: Some(partition),
                    key: None,
                    value: value.clone(),
                    headers: Vec::new(),
                });
            }
        }
        records
    }

    fn after_abort(&self, abort: Abort) -> Result<(), Error> {
        metrics::counter!(telemetry::COMMIT_FAILURES.name, "stage" => self.stage.name(), "class" => abort.class())
            .increment(1);
        match abort {
            Abort::Again(_) | Abort::NotMember => {
                warn!(stage = self.stage.name(), "commit: {abort}");
                Ok(())
            }
            Abort::Fatal(_) => Err(Error::Commit(abort)),
        }
    }
}
