//! The session stage: a source's records in; session rows, partials, dead letters and late records out.
//!
//! R1  Everything that goes out with a commit is kept per partition until that commit has succeeded, and dropped when the partition goes.
//! R2  The partials of a window go out in the commit whose frontier covers it, so they are on the bus exactly once.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, error};

use super::recommendations;
use super::saved::{self, Frame, Saved};
use super::viewers::report_source;
use super::{Closed, Error, Prepared, ReadBack, Stage, StartOffset, WindowName, Work};
use crate::aggregate::rollup::{Announcement, EdgeKey, Partial, Totals};
use crate::bus::{Outgoing, TopicPartition};
use crate::catalogue::Catalogue;
use crate::engine::{CarryStore, CommitPoint, SavedPage};
use crate::fold::{DecodeCounts, Decoding, Resume, SavedSource, SideOutput, SourceFold, SourceSettings};
use crate::model::partition::partition_of;
use crate::model::record::header;
use crate::model::{Boundary, EventTime, Reason, Record};
use crate::observe::Partition as PartitionView;
use crate::sink::Refused;
use crate::telemetry;

/// A source, as the stage needs it.
#[derive(Clone)]
pub struct SourcePlan {
    /// The topic that is read.
    pub topic: String,
    /// Its state topic.
    pub state_topic: String,
    /// What its records mean.
    pub settings: SourceSettings,
    /// How its values are decoded.
    pub decoding: Decoding,
}

impl SourcePlan {
    /// What the operator tells of its entries, of a source of Kaltura beacons that has such a catalogue.
    pub fn catalogue(&self) -> Option<&Arc<Catalogue>> {
        match &self.decoding {
            Decoding::Kaltura(set_up) => set_up.catalogue.as_ref(),
            Decoding::Cmcd(_) | Decoding::Webrtc(_) => None,
        }
    }
}

/// The topics that the stage writes, beside state.
#[derive(Clone, Debug)]
pub struct SideTopics {
    /// Partials and markers, with its number of partitions.
    pub partials: (String, NonZeroU32),
    /// Dead letters.
    pub dead_letters: String,
    /// Late records.
    pub late: String,
    /// Recommendations.
    pub recommendations: String,
}

/// The session stage.
pub struct SessionStage {
    sources: Vec<SourcePlan>,
    topics: Arc<SideTopics>,
    rules: i64,
}

impl SessionStage {
    /// For these sources; `rules` is the topology's number.
    pub fn new(sources: Vec<SourcePlan>, topics: SideTopics, rules: i64) -> Self {
        Self { sources, topics: Arc::new(topics), rules }
    }
}

impl Stage for SessionStage {
    type Work = SessionWork;
    type Carries = CarryStore;

    fn name(&self) -> &'static str {
        "session"
    }

    fn rules(&self) -> i64 {
        self.rules
    }

    fn topics(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.topic.clone()).collect()
    }

    fn state_topic(&self, topic: &str) -> String {
        let source = self.sources.iter().find(|source| source.topic == topic);
        source.map_or_else(String::new, |source| source.state_topic.clone())
    }

    fn no_carries(&self, topic: &str) -> CarryStore {
        let source = self.sources.iter().find(|source| source.topic == topic);
        source.map_or_else(|| CarryStore::new(0, 1), |source| source.decoding.no_carries(&source.settings))
    }

    fn restore(
        &self,
        name: &TopicPartition,
        partitions: i32,
        saved: ReadBack<CarryStore>,
        start: StartOffset,
    ) -> Result<SessionWork, saved::Error> {
        let ReadBack { frontier, carries } = saved;
        let plan = self.sources.iter().find(|source| source.topic == name.topic);
        let plan = plan.ok_or_else(|| saved::Error::Unknown { topic: name.topic.clone() })?;
        let frame = Frame { rules: self.rules, partitions: i64::from(partitions) };
        let saved = frontier.map(|bytes| Saved::decode(&bytes, frame)).transpose()?;
        let source = plan.settings.source.clone();
        if saved.is_none() && start.committed {
            metrics::counter!(telemetry::FRONTIER_MISSING.name, "source" => source.clone()).increment(1);
            error!(
                topic = name.topic,
                partition = name.partition,
                "an offset is committed but no frontier is saved: windows that straddle the restart may be written with too little. Was the state topic deleted, or the offset set by other tools? They belong together"
            );
        }
        let epoch = saved.as_ref().and_then(|saved| saved.sources.get(source.as_str())).map_or(0, |saved| saved.epoch);
        let rules = plan.settings.rules;
        let resume = saved.map_or_else(
            || Resume::afresh(start.offset),
            |saved| {
                let saved = saved.for_windows_of(rules.window_ms);
                let frontier = saved.sources.get(source.as_str()).and_then(|saved| saved.frontier);
                // What a window of the old rules and one of the new ones both hold is late in the new one: counted and kept, not lost.
                let passed = frontier.map(|end| EventTime::from_millis(end.as_millis()).plus(rules.grace_ms));
                Resume {
                    offset: saved.counts_from(start.offset),
                    saved_position: saved.position.max(start.offset),
                    frontier,
                    watermark: saved.watermark.max(passed.filter(|_| saved.under_older_rules)),
                    silent_until: saved.silent_until,
                }
            },
        );
        Ok(SessionWork {
            fold: plan.decoding.restore(plan.settings.clone(), name.partition, resume, carries),
            topics: Arc::clone(&self.topics),
            name: name.clone(),
            frame,
            epoch,
            pending: VecDeque::new(),
            sides: Vec::new(),
            side_bytes: 0,
            dead_letters: 0,
            last_append_ms: 0,
            last_saved: None,
        })
    }

    fn ticks(&self) -> bool {
        true
    }

    fn held_back(&self) -> Option<String> {
        let now = Instant::now();
        let mut catalogues = self.sources.iter().filter_map(|plan| Some((plan, plan.catalogue()?)));
        catalogues.find_map(|(plan, catalogue)| {
            let why = catalogue.held_back(now)?;
            Some(format!(
                "{why}, and what source {} plays cannot be told without it: nothing is lost, it waits",
                plan.settings.source
            ))
        })
    }

    fn announces_to(&self) -> Option<&str> {
        Some(&self.topics.partials.0)
    }
}

/// What a commit of a source partition covers.
pub struct SessionPoint {
    point: CommitPoint,
    position: i64,
}

/// One partition of a source topic.
pub struct SessionWork {
    fold: Box<dyn SourceFold>,
    topics: Arc<SideTopics>,
    name: TopicPartition,
    frame: Frame,
    /// How often the source had been reset.
    epoch: i64,
    /// Partials and refused rows of closed windows, until a commit's frontier covers them.
    pending: VecDeque<(Boundary, Vec<Outgoing>)>,
    /// Dead letters and late records since the last commit.
    sides: Vec<Outgoing>,
    /// How large those are. What is pending does not count: it waits for the sink, and no commit helps it.
    side_bytes: usize,
    /// Records that could not be read, since they were last reported.
    dead_letters: u64,
    /// The append time of the record read last.
    last_append_ms: i64,
    /// What the last commit saved.
    last_saved: Option<(CommitPoint, i64)>,
}

impl SessionWork {
    fn keep_for(&mut self, end: Boundary, outgoing: Vec<Outgoing>) {
        match self.pending.iter_mut().find(|(known, _)| *known == end) {
            Some((_, records)) => records.extend(outgoing),
            None => self.pending.push_back((end, outgoing)),
        }
    }

    fn keep_side(&mut self, record: &Record<'_>, side: SideOutput) {
        let (topic, reason) = match side {
            SideOutput::DeadLetter(reason) => (&self.topics.dead_letters, reason.as_str()),
            SideOutput::Late(_) => (&self.topics.late, "late"),
        };
        if let SideOutput::DeadLetter(reason) = side {
            count_dead_letters(&self.fold.settings().source, reason, 1);
            self.dead_letters += 1;
            debug!(topic = self.name.topic, partition = self.name.partition, offset = record.offset, %reason, "dead letter");
        }
        let outgoing = Outgoing {
            topic: topic.clone(),
            partition: None,
            key: record.key.map(<[u8]>::to_vec),
            value: self.fold.kept(record.value).into_owned(),
            headers: origin_headers(&self.name, record, reason),
        };
        self.side_bytes += outgoing.size();
        self.sides.push(outgoing);
    }

    fn saved(&self, point: &CommitPoint) -> Saved {
        let source: Box<str> = self.fold.settings().source.as_str().into();
        let saved = SavedSource { epoch: self.epoch, frontier: point.frontier };
        Saved {
            position: self.fold.saved_position(),
            sources: BTreeMap::from([(source, saved)]),
            watermark: point.watermark,
            drained: self.fold.is_drained(),
            silent_until: self.fold.silent_until().filter(|until| Some(*until) > point.frontier),
            under_older_rules: false,
        }
    }

    fn partial(&self, end: Boundary, key: EdgeKey, totals: Totals) -> Outgoing {
        let (topic, partitions) = &self.topics.partials;
        let bytes = key.encode();
        Outgoing {
            topic: topic.clone(),
            partition: Some(partition_of(&bytes, *partitions)),
            key: Some(bytes),
            value: Partial { key, end, epoch: self.epoch, totals }.encode_value(),
            headers: Vec::new(),
        }
    }
}

impl Work for SessionWork {
    type Point = SessionPoint;

    fn push(&mut self, record: &Record<'_>) -> Result<(), Error> {
        if record.offset < self.position() {
            return Ok(());
        }
        self.last_append_ms = record.append_ms;
        if let Some(side) = self.fold.push(record) {
            self.keep_side(record, side);
        }
        Ok(())
    }

    fn next_closed(&mut self) -> Option<Closed> {
        let closed = self.fold.close_next()?;
        let source = self.fold.settings().source.clone();
        let edges = closed.edges.into_iter();
        let partials: Vec<Outgoing> = edges.map(|(key, totals)| self.partial(closed.end, key, totals)).collect();
        self.keep_for(closed.end, partials);
        let topic = &self.topics.recommendations;
        let recommended = closed.recommendations.iter().map(|one| recommendations::record(topic, &source, one));
        self.keep_for(closed.end, recommended.collect());
        let delay_ms = self.last_append_ms.saturating_sub(closed.end.as_millis()).max(0);
        metrics::histogram!(telemetry::WINDOW_CLOSE_DELAY.name, "source" => source.clone())
            .record(delay_ms as f64 / 1000.0);
        let name = WindowName { source: source.into(), end: closed.end };
        Some(Closed { name, rows: Arc::new(closed.rows) })
    }

    fn acknowledge(&mut self, window: &WindowName, refused: Vec<Refused>) {
        let rows = refused_rows(&self.topics.dead_letters, &self.name, &window.source, &refused);
        self.keep_for(window.end, rows);
        self.fold.acknowledge(window.end);
    }

    fn prepare(&self) -> Option<Prepared<SessionPoint>> {
        let point = self.fold.commit_point();
        let position = self.fold.saved_position();
        if self.last_saved == Some((point, position)) {
            return None;
        }
        let source: Box<str> = self.fold.settings().source.as_str().into();
        let announcement = point.frontier.filter(|frontier| Some(*frontier) > self.fold.frontier());
        let partitions = i32::try_from(self.frame.partitions).unwrap_or(i32::MAX);
        let announce =
            |frontier| Announcement { source, partitions, partition: self.name.partition, frontier, epoch: self.epoch };
        Some(Prepared {
            resume_offset: point.resume_offset(self.fold.position()),
            state: self.saved(&point).encode(self.frame),
            announcement: announcement.map(announce),
            point: SessionPoint { point, position },
        })
    }

    fn outgoing<'a>(&'a self, point: &'a SessionPoint) -> Box<dyn Iterator<Item = &'a Outgoing> + 'a> {
        let frontier = point.point.frontier;
        let covered = self.pending.iter().filter(move |(end, _)| Some(*end) <= frontier);
        Box::new(covered.flat_map(|(_, records)| records).chain(&self.sides))
    }

    fn carries<'a>(&'a self, point: &'a SessionPoint) -> Box<dyn Iterator<Item = &'a SavedPage> + 'a> {
        Box::new(self.fold.carries().changes(point.point.frontier))
    }

    fn committed(&mut self, point: SessionPoint) {
        let frontier = point.point.frontier;
        let written = self.pending.iter().filter(|(end, _)| Some(*end) <= frontier).flat_map(|(_, records)| records);
        let partials = written.filter(|record| record.topic == self.topics.partials.0).count();
        metrics::counter!(telemetry::PARTIALS.name, "stage" => "session").increment(partials as u64);
        self.pending.retain(|(end, _)| Some(*end) > frontier);
        self.sides.clear();
        self.side_bytes = 0;
        self.fold.committed(&point.point);
        self.last_saved = Some((self.fold.commit_point(), point.position));
    }

    fn position(&self) -> i64 {
        self.fold.position()
    }

    fn waiting_bytes(&self) -> usize {
        self.side_bytes
    }

    fn unacknowledged(&self) -> usize {
        self.fold.unacknowledged()
    }

    fn view(&self, name: &TopicPartition) -> Vec<PartitionView> {
        let (windows, sessions) = self.fold.open_windows();
        vec![PartitionView {
            source: self.fold.settings().source.clone(),
            topic: name.topic.clone(),
            partition: name.partition,
            watermark_ms: self.fold.watermark().map(|time| time.as_millis()),
            frontier_ms: self.fold.frontier().map(|frontier| frontier.as_millis()),
            position: self.fold.position(),
            resume_offset: self.fold.commit_point().resume_offset(self.fold.position()),
            log_end: None,
            windows_open: windows as u64,
            windows_unacknowledged: self.fold.unacknowledged() as u64,
            sessions_newest_window: sessions as u64,
            sessions_live: self.fold.carries().len() as u64,
            drained: self.fold.is_drained(),
        }]
    }

    fn report(&mut self, _: &TopicPartition) {
        let (counts, decoded) = (self.fold.take_counts(), self.fold.take_decode_counts());
        let source = self.fold.settings().source.as_str();
        report_source(source, &counts, std::mem::take(&mut self.dead_letters));
        let DecodeCounts { warnings, rejected, invalid_members, unknown_events } = decoded;
        for (kind, count) in warnings {
            let labels = [("source", source.to_owned()), ("kind", kind.to_owned())];
            metrics::counter!(telemetry::DECODE_WARNINGS.name, &labels).increment(count);
        }
        for (reason, count) in rejected {
            let labels = [("source", source.to_owned()), ("reason", reason.as_str().to_owned())];
            metrics::counter!(telemetry::PARTS_REJECTED.name, &labels).increment(count);
        }
        for (member, count) in invalid_members {
            let labels = [("source", source.to_owned()), ("member", member.to_owned())];
            metrics::counter!(telemetry::MEMBERS_INVALID.name, &labels).increment(count);
        }
        for (number, count) in unknown_events {
            let code = number.map_or_else(|| "other".to_owned(), |number| number.to_string());
            let labels = [("source", source.to_owned()), ("code", code)];
            metrics::counter!(telemetry::UNKNOWN_EVENTS.name, &labels).increment(count);
        }
    }
}

fn count_dead_letters(source: &str, reason: Reason, count: u64) {
    metrics::counter!(telemetry::DEAD_LETTERS.name, "source" => source.to_owned(), "reason" => reason.as_str())
        .increment(count);
}

/// Where a dead letter or late record came from, and why it is there; its own headers come along, so that it can be redriven.
fn origin_headers(name: &TopicPartition, record: &Record<'_>, reason: &str) -> Vec<(String, Vec<u8>)> {
    let mut headers = vec![
        (header::REASON.to_owned(), reason.as_bytes().to_vec()),
        (header::ORIGIN_TOPIC.to_owned(), name.topic.as_bytes().to_vec()),
        (header::ORIGIN_PARTITION.to_owned(), name.partition.to_string().into_bytes()),
        (header::ORIGIN_OFFSET.to_owned(), record.offset.to_string().into_bytes()),
        (header::ORIGIN_APPEND_MS.to_owned(), record.append_ms.to_string().into_bytes()),
    ];
    headers.extend(record.headers.iter().map(|(name, value)| (name.to_owned(), value.into_bytes())));
    headers
}

/// Rows that the sink refused, as dead letters, counted.
pub(super) fn refused_rows(topic: &str, name: &TopicPartition, source: &str, rows: &[Refused]) -> Vec<Outgoing> {
    if !rows.is_empty() {
        count_dead_letters(source, Reason::RowRefused, rows.len() as u64);
    }
    rows.iter().map(|row| refused_row(topic, name, row)).collect()
}

/// A row that the sink refused, as a dead letter: the line as value, the server's words as a header.
fn refused_row(topic: &str, name: &TopicPartition, row: &Refused) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        partition: None,
        key: None,
        value: row.line.clone().into_bytes(),
        headers: vec![
            (header::REASON.to_owned(), Reason::RowRefused.as_str().as_bytes().to_vec()),
            (header::ORIGIN_TOPIC.to_owned(), name.topic.as_bytes().to_vec()),
            (header::ORIGIN_PARTITION.to_owned(), name.partition.to_string().into_bytes()),
            (header::ANSWER.to_owned(), row.answer.clone().into_bytes()),
        ],
    }
}
