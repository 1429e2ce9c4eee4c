//! The roll-up stage: partials in, edge rows out.

use std::sync::Arc;

use tracing::{debug, error};

use super::compat::report_as_monitor;
use super::saved::{self, Frame, Saved};
use super::session::refused_rows;
use super::viewers::report_edges;
use super::{Closed, Error, Prepared, ReadBack, Stage, StartOffset, WindowName, Work};
use crate::bus::{Outgoing, TopicPartition};
use crate::config::Collect;
use crate::engine::SavedPage;
use crate::fold::{RollupCarries, RollupCommit, RollupPartition, RollupResume, RollupSettings};
use crate::model::Record;
use crate::observe::Partition as PartitionView;
use crate::sink::Refused;
use crate::telemetry;

/// The roll-up stage.
#[derive(Clone, Debug)]
pub struct RollupStage {
    /// The topic of partials.
    pub partials: String,
    /// Its state topic.
    pub state_topic: String,
    /// The topic of dead letters.
    pub dead_letters: String,
    /// How its windows behave.
    pub settings: RollupSettings,
    /// Which metrics of the WebRTC monitor are given, if any.
    pub compat: Option<Collect>,
}

impl Stage for RollupStage {
    type Work = RollupWork;
    type Carries = RollupCarries;

    fn name(&self) -> &'static str {
        "rollup"
    }

    fn rules(&self) -> i64 {
        self.settings.rules
    }

    fn topics(&self) -> Vec<String> {
        vec![self.partials.clone()]
    }

    fn state_topic(&self, _: &str) -> String {
        self.state_topic.clone()
    }

    fn no_carries(&self, _: &str) -> RollupCarries {
        RollupCarries::new(self.settings.window_ms)
    }

    fn restore(
        &self,
        name: &TopicPartition,
        partitions: i32,
        saved: ReadBack<RollupCarries>,
        start: StartOffset,
    ) -> Result<RollupWork, saved::Error> {
        let frame = Frame { rules: self.settings.rules, partitions: i64::from(partitions) };
        let ReadBack { frontier, carries } = saved;
        let saved = frontier.map(|bytes| Saved::decode(&bytes, frame)).transpose()?;
        if saved.is_none() && start.committed {
            metrics::counter!(telemetry::FRONTIER_MISSING.name, "source" => "partials").increment(1);
            error!(
                topic = name.topic,
                partition = name.partition,
                "an offset is committed but no frontier is saved: edge rows that straddle the restart may be written with too little"
            );
        }
        let resume = match saved {
            None => RollupResume::afresh(self.settings, start.offset),
            Some(saved) => RollupResume {
                offset: saved.counts_from(start.offset),
                saved_position: saved.position.max(start.offset),
                sources: saved.for_windows_of(self.settings.window_ms).sources,
                carries,
            },
        };
        Ok(RollupWork {
            partition: RollupPartition::restore(self.settings, resume),
            dead_letters: self.dead_letters.clone(),
            window_ms: self.settings.window_ms,
            compat: self.compat,
            name: name.clone(),
            frame,
            refused: Vec::new(),
            partials_read: 0,
            last_saved: None,
        })
    }

    fn ticks(&self) -> bool {
        false
    }

    fn announces_to(&self) -> Option<&str> {
        None
    }
}

/// One partition of the partials topic.
pub struct RollupWork {
    partition: RollupPartition,
    dead_letters: String,
    window_ms: i64,
    compat: Option<Collect>,
    name: TopicPartition,
    frame: Frame,
    /// Rows of windows that the sink refused, until a commit's frontier covers them.
    refused: Vec<(WindowName, Vec<Outgoing>)>,
    partials_read: u64,
    last_saved: Option<(RollupCommit, i64)>,
}

impl Work for RollupWork {
    type Point = (RollupCommit, i64);

    fn push(&mut self, record: &Record<'_>) -> Result<(), Error> {
        if record.offset < self.position() {
            return Ok(());
        }
        match self.partition.push(record.offset, record.key, record.value) {
            Ok(()) => self.partials_read += u64::from(record.key.is_some()),
            Err(cause) if cause.has_meaning() => {
                let TopicPartition { topic, partition } = self.name.clone();
                return Err(Error::Newer { topic, partition, offset: record.offset, cause });
            }
            Err(reason) => {
                error!(
                    topic = self.name.topic,
                    partition = self.name.partition,
                    offset = record.offset,
                    "passed over: {reason}"
                );
            }
        }
        Ok(())
    }

    fn next_closed(&mut self) -> Option<Closed> {
        let closed = self.partition.close_next()?;
        report_edges(&closed.rows);
        if let Some(collect) = self.compat {
            report_as_monitor(&closed.rows, collect, self.window_ms);
        }
        debug!(source = &*closed.source, end = %closed.end, "edge window complete");
        Some(Closed { name: WindowName { source: closed.source, end: closed.end }, rows: Arc::new(closed.rows) })
    }

    fn acknowledge(&mut self, window: &WindowName, refused: Vec<Refused>) {
        if !refused.is_empty() {
            let rows = refused_rows(&self.dead_letters, &self.name, &window.source, &refused);
            self.refused.push((window.clone(), rows));
        }
        self.partition.acknowledge(&window.source, window.end);
    }

    fn prepare(&self) -> Option<Prepared<Self::Point>> {
        let commit = self.partition.commit_point();
        let position = self.partition.saved_position();
        if self.last_saved.as_ref().is_some_and(|(saved, at)| *saved == commit && *at == position) {
            return None;
        }
        Some(Prepared {
            resume_offset: commit.resume_offset(self.partition.position()),
            state: Saved {
                position,
                sources: commit.saved_sources(),
                drained: self.partition.is_drained(),
                ..Saved::default()
            }
            .encode(self.frame),
            announcement: None,
            point: (commit, position),
        })
    }

    fn outgoing<'a>(&'a self, (commit, _): &'a Self::Point) -> Box<dyn Iterator<Item = &'a Outgoing> + 'a> {
        let covered = self.refused.iter().filter(|(window, _)| commit.covers(&window.source, window.end));
        Box::new(covered.flat_map(|(_, rows)| rows))
    }

    fn carries<'a>(&'a self, (commit, _): &'a Self::Point) -> Box<dyn Iterator<Item = &'a SavedPage> + 'a> {
        Box::new(self.partition.carry_changes(commit))
    }

    fn committed(&mut self, (commit, position): Self::Point) {
        self.refused.retain(|(window, _)| !commit.covers(&window.source, window.end));
        self.partition.committed(&commit);
        self.last_saved = Some((self.partition.commit_point(), position));
    }

    fn position(&self) -> i64 {
        self.partition.position()
    }

    fn waiting_bytes(&self) -> usize {
        self.refused.iter().flat_map(|(_, rows)| rows).map(Outgoing::size).sum()
    }

    fn unacknowledged(&self) -> usize {
        self.partition.unacknowledged()
    }

    fn view(&self, name: &TopicPartition) -> Vec<PartitionView> {
        let position = self.partition.position();
        let resume_offset = self.partition.commit_point().resume_offset(position);
        let view = |(source, watermark, frontier, windows): (&str, Option<_>, Option<_>, usize)| PartitionView {
            source: source.to_owned(),
            topic: name.topic.clone(),
            partition: name.partition,
            watermark_ms: watermark.map(crate::model::EventTime::as_millis),
            frontier_ms: frontier.map(crate::model::Boundary::as_millis),
            position,
            resume_offset,
            windows_open: windows as u64,
            windows_unacknowledged: self.partition.unacknowledged() as u64,
            drained: self.partition.is_drained(),
            ..PartitionView::default()
        };
        self.partition.progress().map(view).collect()
    }

    fn report(&mut self, _: &TopicPartition) {
        let read = std::mem::take(&mut self.partials_read);
        metrics::counter!(telemetry::PARTIALS.name, "stage" => "rollup").increment(read);
        for (source, late) in self.partition.take_late().filter(|(_, late)| *late > 0) {
            metrics::counter!(telemetry::PARTIALS_LATE.name, "source" => source.to_owned()).increment(late);
        }
        for (source, count) in self.partition.take_let_go().filter(|(_, count)| *count > 0) {
            metrics::counter!(telemetry::CARRIES_LET_GO.name, "source" => source.to_owned()).increment(count);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::aggregate::rollup::RollupRecord;
    use crate::model::Headers;

    #[test]
    fn a_newer_programs_record_is_not_passed_over_and_a_strangers_is() {
        let stage = RollupStage {
            partials: "partials".to_owned(),
            state_topic: "state".to_owned(),
            dead_letters: "letters".to_owned(),
            settings: RollupSettings { window_ms: 10_000, max_skew_ms: 1_800_000, rules: 1 },
            compat: None,
        };
        let name = TopicPartition { topic: "partials".to_owned(), partition: 0 };
        let start = StartOffset { offset: 0, committed: false };
        let nothing = ReadBack::nothing(stage.no_carries("partials"));
        let mut work = stage.restore(&name, 1, nothing, start).unwrap();
        let known = RollupRecord::encode_marker(1, &[]);
        let newer: Vec<u8> = known.iter().zip(0..).map(|(byte, at)| if at == 1 { byte + 1 } else { *byte }).collect();
        let mut push = |offset, value: &[u8]| {
            let record = Record { offset, append_ms: 0, key: None, value, headers: Headers::default() };
            work.push(&record)
        };
        assert!(push(5, &known).is_ok() && push(6, b"a stranger's").is_ok());
        let cause = push(7, &newer).unwrap_err();
        assert!(!cause.may_pass(), "beginning again would meet it again");
        let said = cause.to_string();
        assert!(
            said.contains("partials/0") && said.contains("offset 7") && said.contains("finish the upgrade"),
            "{said}"
        );
    }
}
