//! Partitions that come and go.
//!
//! R1  What was saved of a partition is read back before its first record is processed.
//! R2  Before a partition goes, what its worker has is committed, within a budget that leaves the group time; then nothing of it goes out
//!     any more.

use std::time::{Duration, Instant};

use tracing::{error, info};

use super::{Error, Slot, Worker, hand_over};
use crate::bus::{AssignedPartition, Change, TopicPartition};
use crate::stage::ticks::Silence;
use crate::stage::watchdog::Progress;
use crate::stage::{Past, ReadBack, Stage, StartOffset, Work};
use crate::telemetry;

/// How long a partition that goes waits for the sink's answer about what is closed already: each answer that comes in time saves the next
/// owner a window to compute again. The group waits as long.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// Between two lines in the log about a long restore.
const PROGRESS: Duration = Duration::from_secs(5);

impl<S: Stage> Worker<'_, S> {
    /// Carries out what the group has changed.
    pub(super) fn take_changes(&mut self) -> Result<(), Error> {
        for change in self.consumer.take_changes() {
            self.joined = true;
            metrics::counter!(telemetry::REBALANCES.name, "stage" => self.stage.name()).increment(1);
            match change {
                Change::Assigned(partitions) => self.take_over(&partitions)?,
                Change::Revoked(names) => self.give_back(&names)?,
                Change::Failed(cause) => return Err(Error::Assignment(cause)),
            }
            self.places.clear();
            self.last_place = None;
        }
        Ok(())
    }

    fn take_over(&mut self, partitions: &[AssignedPartition]) -> Result<(), Error> {
        let saved = self.read_back(partitions)?;
        for (one, saved) in partitions.iter().zip(saved) {
            let count = self.consumer.partition_count(&one.name.topic)?;
            self.report_loss(one);
            let start = StartOffset { offset: one.resume_offset, committed: one.committed.is_some() };
            let restored = self.stage.restore(&one.name, count, saved, start);
            let work = restored.map_err(|cause| Error::Saved {
                topic: one.name.topic.clone(),
                partition: one.name.partition,
                cause,
            })?;
            self.assignments += 1;
            let progress = Progress::new(work.position(), Instant::now());
            let mut slot = Slot {
                name: one.name.clone(),
                state_topic: self.stage.state_topic(&one.name.topic),
                assignment: self.assignments,
                work,
                silence: Silence::new(),
                log_end: None,
                progress,
            };
            // What fell due before the restart and was not acknowledged: no record may come that would bring it out.
            if self.held_back.is_none() {
                self.held_back = self.stage.held_back();
            }
            if self.held_back.is_none() {
                hand_over(&mut slot, self.outbox, &self.acknowledgements.0);
            }
            self.slots.push(slot);
        }
        info!(stage = self.stage.name(), partitions = partitions.len(), "took partitions over");
        Ok(())
    }

    /// What the state topics say of these partitions, in their order.
    fn read_back(&self, partitions: &[AssignedPartition]) -> Result<Vec<ReadBack<S::Carries>>, Error> {
        let state_name = |one: &AssignedPartition| TopicPartition {
            topic: self.stage.state_topic(&one.name.topic),
            partition: one.name.partition,
        };
        let wanted: Vec<TopicPartition> = partitions.iter().map(state_name).collect();
        let nothing = |one: &AssignedPartition| ReadBack::nothing(self.stage.no_carries(&one.name.topic));
        let mut saved: Vec<ReadBack<S::Carries>> = partitions.iter().map(nothing).collect();
        let began = Instant::now();
        let said = std::cell::Cell::new(began);
        let progress = |records: u64, about: u64| {
            self.observed.beat();
            metrics::gauge!(telemetry::RESTORE_REMAINING.name, "stage" => self.stage.name())
                .set(about.saturating_sub(records) as f64);
            if said.get().elapsed() >= PROGRESS {
                said.set(Instant::now());
                info!(stage = self.stage.name(), records, about, "reading back what was saved");
            }
        };
        let outcome = self.state.read(
            &wanted,
            &mut |record| {
                let Some((one, saved)) = partitions.get(record.partition).zip(saved.get_mut(record.partition)) else {
                    return Ok(());
                };
                let TopicPartition { topic, partition } = &one.name;
                saved.load(record).map_err(|cause| Error::Carry { topic: topic.clone(), partition: *partition, cause })
            },
            &progress,
        );
        progress(0, 0);
        outcome?;
        let carries: usize = saved.iter().map(|one| one.carries.count()).sum();
        metrics::counter!(telemetry::CARRIES_RESTORED.name, "stage" => self.stage.name()).increment(carries as u64);
        metrics::histogram!(telemetry::RESTORE_DURATION.name, "stage" => self.stage.name())
            .record(began.elapsed().as_secs_f64());
        Ok(saved)
    }

    fn give_back(&mut self, names: &[TopicPartition]) -> Result<(), Error> {
        let deadline = Instant::now() + LAST_ANSWERS;
        let waits = |slot: &Slot<S::Work>| names.contains(&slot.name) && slot.work.unacknowledged() > 0;
        while self.slots.iter().any(waits) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.await_acknowledgement(left);
        }
        self.take_acknowledgements();
        // When they were lost, the group does not take this: the next owner has begun from the commit before.
        self.commit()?;
        self.slots.retain(|slot| !names.contains(&slot.name));
        self.consumer.release(names)?;
        info!(stage = self.stage.name(), partitions = names.len(), "gave partitions back");
        Ok(())
    }

    fn report_loss(&self, one: &AssignedPartition) {
        if one.lost > 0 {
            metrics::counter!(telemetry::OFFSETS_LOST.name, "source" => one.name.topic.clone()).increment(1);
            error!(
                topic = one.name.topic,
                partition = one.name.partition,
                records = one.lost,
                "retention deleted records before they were read: their windows are lost or too small; lengthen the topic's retention beyond the longest outage"
            );
        }
    }
}
