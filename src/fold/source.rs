//! One partition of a source topic: records in, closed windows and side outputs out.
//!
//! R1  Every event of a record counts in the window of its own time, or as late in the window that holds the append time.
//! R2  A record that cannot be read is a side output with its reason; it moves nothing.
//! R3  Side outputs are given, and left-out parts of records counted, only for offsets at or beyond the saved position, so that a replay
//!     does not repeat them.
//! R4  A tick counts in nothing; it moves the watermark and is a member of its window like any record.
//! R5  Boundaries close in ascending order. At each, the sessions that fall due there are final first; then the window that ends there
//!     closes, so that a record in it begins a new life of its session.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::clock::{Clock, clamp};
use crate::aggregate::cmcd::{
    CARRY_VERSION, Caps, Context, EdgeTotals, Outcome, RollupKey, Size, SourceLabels, Window, finish_sessions,
};
use crate::decode::cmcd::Decoder;
use crate::engine::{Accepted, CarryStore, ClosedBoundary, CommitPoint, Rules, SavedPage, Timeline};
use crate::model::cmcd::{Event, Mode};
use crate::model::{Boundary, EventTime, Reason, Record, Row, Rows};

/// What a source's records mean and how its windows behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// The source's name: the tag `source`.
    pub source: String,
    /// Its CDN: the tag `cdn`.
    pub cdn: String,
    /// Whose clock stamped the records.
    pub clock: Clock,
    /// Windows, grace and disorder bound.
    pub rules: Rules,
    /// How far a tick's event time lies before its append time, ms.
    pub max_delay_ms: i64,
    /// Whether requests with the same id in one window count once.
    pub deduplicate: bool,
    /// Bounds on what a window holds.
    pub caps: Caps,
}

/// A record that goes to another topic as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideOutput {
    /// It cannot be read.
    DeadLetter(Reason),
    /// This many of its events came after their windows were final.
    Late(u32),
}

/// What happened since the last look, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read, ticks included.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Events counted in a window.
    pub events: u64,
    /// Events that came too late.
    pub late: u64,
    /// Events whose time was moved to a bound.
    pub clamped: u64,
    /// Events seen before.
    pub duplicates: u64,
    /// Members that were dropped because they are wrong.
    pub members_rejected: u64,
    /// Ticks.
    pub ticks: u64,
    /// Carries that could not be read: their sessions began anew.
    pub carries_damaged: u64,
    /// Carries for which there was no room: their sessions begin anew, and what was known of them is in no row.
    pub carries_let_go: u64,
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The next offset to be read.
    pub offset: i64,
    /// How far reading had come before: at or beyond `offset`.
    pub saved_position: i64,
    /// Every window ending at or before it is written; `None` = nothing is yet.
    pub frontier: Option<Boundary>,
    /// The watermark at `offset`, as the commit had it.
    pub watermark: Option<EventTime>,
    /// What ends at or before it is computed for the sake of what follows, and gives nothing; `None` = everything is given.
    pub silent_until: Option<Boundary>,
}

impl Resume {
    /// From here on, with nothing read before.
    pub fn afresh(offset: i64) -> Self {
        Self { offset, saved_position: offset, frontier: None, watermark: None, silent_until: None }
    }
}

/// The carries of a partition of which nothing is known yet.
pub fn no_carries(settings: &SourceSettings) -> CarryStore {
    CarryStore::new(CARRY_VERSION, settings.rules.window_ms)
}

/// A boundary that has just closed.
pub struct ClosedSource {
    /// The boundary.
    pub end: Boundary,
    /// The rows of sessions that are final there, and of the window that ends there.
    pub rows: ClosedRows,
    /// The partition's part of the edge rows of the window that ends there; a key may come twice, and its parts add.
    pub edges: Vec<(RollupKey, EdgeTotals)>,
}

/// Rows of several kinds, one kind after the other.
#[derive(Clone, Default)]
pub struct ClosedRows(Vec<Arc<dyn Rows>>);

impl Rows for ClosedRows {
    fn len(&self) -> usize {
        self.0.iter().map(|rows| rows.len()).sum()
    }

    fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
        let mut begins = 0;
        for rows in &self.0 {
            let ends = begins + rows.len();
            let (from, to) = (range.start.clamp(begins, ends), range.end.clamp(begins, ends));
            rows.visit(from - begins..to - begins, each);
            begins = ends;
        }
    }
}

/// One partition of a source topic.
pub struct SourceFold {
    settings: SourceSettings,
    labels: SourceLabels,
    timeline: Timeline<Window<RandomState>>,
    carries: CarryStore,
    /// The next offset to be read.
    position: i64,
    /// Side outputs are new from this offset on.
    side_outputs_from: i64,
    silent_until: Option<Boundary>,
    /// How large recent windows became, to size the next one.
    recent: VecDeque<Size>,
    hasher: RandomState,
    counts: Counts,
}

impl SourceFold {
    /// Begins at an offset of which nothing is known.
    pub fn afresh(settings: SourceSettings, partition: i32, offset: i64) -> Self {
        let carries = no_carries(&settings);
        Self::restore(settings, partition, Resume::afresh(offset), carries)
    }

    /// Goes on where a commit left off, with the carries that it saved; side outputs are new from the saved position on.
    pub fn restore(settings: SourceSettings, partition: i32, resume: Resume, carries: CarryStore) -> Self {
        let labels = SourceLabels {
            source: settings.source.as_str().into(),
            shard: partition.to_string().into(),
            cdn: settings.cdn.as_str().into(),
        };
        Self {
            timeline: Timeline::restore(settings.rules, resume.frontier, resume.watermark),
            settings,
            labels,
            carries,
            position: resume.offset,
            side_outputs_from: resume.saved_position,
            silent_until: resume.silent_until,
            recent: VecDeque::new(),
            hasher: RandomState::default(),
            counts: Counts::default(),
        }
    }

    /// Takes in the next record. What goes to another topic is returned. Call [`Self::close_next`] afterwards. The decoder must be this
    /// partition's own: its counts are kept by R3.
    pub fn push(&mut self, record: &Record<'_>, decoder: &mut Decoder) -> Option<SideOutput> {
        self.position = record.offset + 1;
        self.counts.records += 1;
        self.counts.bytes += record.value.len() as u64;
        if record.headers.tick && record.value.is_empty() {
            self.push_tick(record);
            return None;
        }
        let mut late = 0;
        let decoded =
            decoder.decode(record, &mut |event| late += u32::from(self.push_event(record, event) == Pushed::Late));
        if record.offset < self.side_outputs_from {
            let _counted_before = decoder.take_rejected();
            return None;
        }
        match decoded {
            Err(reason) => Some(SideOutput::DeadLetter(reason)),
            Ok(()) if late > 0 => Some(SideOutput::Late(late)),
            Ok(()) => None,
        }
    }

    /// The oldest boundary that has become final and has something to give. Call until `None`, also before the first record; then
    /// acknowledge each when its rows are safe.
    pub fn close_next(&mut self) -> Option<ClosedSource> {
        let boundary = self.timeline.close_boundary(&mut self.carries)?;
        Some(self.close(boundary))
    }

    fn close(&mut self, boundary: ClosedBoundary<Window<RandomState>>) -> ClosedSource {
        let ClosedBoundary { end, due, window } = boundary;
        let mut closed = ClosedSource { end, rows: ClosedRows::default(), edges: Vec::new() };
        if !due.is_empty() {
            let window_ms = self.settings.rules.window_ms;
            let due = due.iter().map(|one| (one.key(), one.value()));
            let finished = finish_sessions(due, end, window_ms, &self.labels);
            self.counts.carries_damaged += finished.carries_damaged;
            closed.rows.0.push(Arc::new(finished.rows));
            closed.edges.extend(finished.edges);
        }
        if let Some(window) = window {
            self.recent.push_back(window.size());
            if self.recent.len() > 3 {
                self.recent.pop_front();
            }
            let window = window.close(self.labels.clone(), &mut self.carries);
            self.counts.carries_damaged += window.carries_damaged;
            closed.rows.0.push(Arc::new(window.sessions));
            closed.edges.extend(window.edges);
        }
        self.carries.seal();
        self.counts.carries_let_go += self.carries.take_let_go();
        if Some(end) <= self.silent_until {
            return ClosedSource { end, rows: ClosedRows::default(), edges: Vec::new() };
        }
        closed
    }

    /// The rows of the window ending at `end` are safe.
    pub fn acknowledge(&mut self, end: Boundary) {
        self.timeline.acknowledge(end);
    }

    /// What a commit may save now.
    pub fn commit_point(&self) -> CommitPoint {
        self.timeline.commit_point()
    }

    /// The commit that saved `point` has succeeded.
    pub fn committed(&mut self, point: &CommitPoint) {
        self.timeline.committed(point);
        self.carries.committed(point.frontier);
    }

    /// The carries that a commit of `point` has to save, in order.
    pub fn carry_changes(&self, point: &CommitPoint) -> impl Iterator<Item = &SavedPage> {
        self.carries.changes(point.frontier)
    }

    /// What ends at or before it gives nothing.
    pub fn silent_until(&self) -> Option<Boundary> {
        self.silent_until
    }

    /// Whether nothing is open but windows that hold nothing, of ticks.
    pub fn is_drained(&self) -> bool {
        self.carries.is_empty()
            && self.timeline.unacknowledged() == 0
            && self.timeline.open_windows().all(|(_, window)| window.is_empty())
    }

    /// How many sessions live on from window to window.
    pub fn live_sessions(&self) -> usize {
        self.carries.len()
    }

    /// The next offset to be read.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Side outputs were given for every offset before this one: the position, or that of a predecessor as long as records are read again
    /// (R3). This is what a commit has to save.
    pub fn saved_position(&self) -> i64 {
        self.position.max(self.side_outputs_from)
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &SourceSettings {
        &self.settings
    }

    /// The labels of its rows.
    pub fn labels(&self) -> &SourceLabels {
        &self.labels
    }

    /// The watermark; `None` before the first record.
    pub fn watermark(&self) -> Option<EventTime> {
        self.timeline.watermark()
    }

    /// The frontier of the last commit.
    pub fn frontier(&self) -> Option<Boundary> {
        self.timeline.frontier()
    }

    /// How many windows are open, and how many sessions the newest of them has.
    pub fn open_windows(&self) -> (usize, usize) {
        let mut windows = 0;
        let mut sessions = 0;
        for (_, window) in self.timeline.open_windows() {
            windows += 1;
            sessions = window.size().sessions;
        }
        (windows, sessions)
    }

    /// How many closed windows wait for their acknowledgement.
    pub fn unacknowledged(&self) -> usize {
        self.timeline.unacknowledged()
    }

    /// What happened since the last call.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn push_tick(&mut self, record: &Record<'_>) {
        self.counts.ticks += 1;
        let time = EventTime::from_millis(record.append_ms).plus(-self.settings.max_delay_ms);
        self.window_for(record.offset, time);
    }

    fn push_event(&mut self, record: &Record<'_>, event: &Event<'_>) -> Pushed {
        let settings = &self.settings;
        let received_ms = record.headers.received_ms;
        let (time, clamped) = clamp(settings.clock, event.time, received_ms, record.append_ms, settings.rules.grace_ms);
        let context = Context {
            time,
            clamped,
            tenant: named(record.headers.tenant, "default"),
            edge: named(event.delivery.edge.or(record.headers.edge), "unknown"),
            session: event.keys.sid.as_deref().filter(|id| record.key.is_some() && !id.is_empty()),
            request_id: request_id(record, event),
            deduplicate: settings.deduplicate,
        };
        self.counts.members_rejected += u64::from(event.members_rejected);
        self.counts.clamped += u64::from(clamped);
        let window = match self.window_for(record.offset, time) {
            Accepted::Member(window) => window,
            Accepted::Written => return Pushed::InTime,
            Accepted::Late => {
                self.note_late(record, event, &context);
                return Pushed::Late;
            }
        };
        match window.absorb(event, &context) {
            Outcome::Counted => self.counts.events += 1,
            Outcome::Duplicate => self.counts.duplicates += 1,
        }
        Pushed::InTime
    }

    /// The open window for a record; the watermark moves.
    fn window_for(&mut self, offset: i64, time: EventTime) -> Accepted<'_, Window<RandomState>> {
        let Self { timeline, settings, recent, hasher, .. } = self;
        timeline.accept(offset, time, |end| new_window(settings, recent, hasher, end))
    }

    /// A late event counts as such in the window that holds its append time. That one is still open: the watermark is behind
    /// every append time by at least the disorder bound.
    fn note_late(&mut self, record: &Record<'_>, event: &Event<'_>, context: &Context<'_>) {
        self.counts.late += u64::from(record.offset >= self.side_outputs_from);
        let Self { timeline, settings, recent, hasher, .. } = self;
        let end = timeline.window_end(EventTime::from_millis(record.append_ms));
        if let Some(window) = timeline.join(record.offset, end, |end| new_window(settings, recent, hasher, end)) {
            window.absorb_late(event, context);
        }
    }
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pushed {
    InTime,
    Late,
}

fn new_window(
    settings: &SourceSettings,
    recent: &VecDeque<Size>,
    hasher: &RandomState,
    end: Boundary,
) -> Window<RandomState> {
    let window_ms = settings.rules.window_ms;
    let with_room = |most: Option<usize>| most.map_or(0, |most| most + most / 8);
    let expected = Size {
        sessions: with_room(recent.iter().map(|size| size.sessions).max()),
        ids: with_room(recent.iter().map(|size| size.ids).max()),
    };
    Window::new(end.plus(-window_ms), window_ms, settings.caps, expected, hasher.clone())
}

/// Text for a tag: never empty.
fn named<'a>(text: Option<&'a str>, otherwise: &'a str) -> &'a str {
    text.filter(|text| !text.is_empty()).unwrap_or(otherwise)
}

/// The unique id of a request: the log's own, else the header's. A header speaks for the whole record, so it cannot tell the
/// event-mode reports of one body apart.
fn request_id<'a>(record: &'a Record<'_>, event: &'a Event<'_>) -> Option<&'a str> {
    let header = record.headers.request_id.filter(|_| event.mode == Mode::Request);
    event.delivery.request_id.or(header)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::decode::cmcd::{Carrier, Carriers};
    use crate::model::Headers;

    fn settings() -> SourceSettings {
        SourceSettings {
            source: "cmcd".to_owned(),
            cdn: "unknown".to_owned(),
            clock: Clock::Player,
            rules: Rules { window_ms: 10_000, grace_ms: 10_000, disorder_bound_ms: 5_000 },
            max_delay_ms: 0,
            deduplicate: false,
            caps: Caps { sessions: 10, rollup_keys: 10, facts: 10 },
        }
    }

    #[test]
    fn left_out_reports_are_counted_once_however_often_they_are_read() {
        let append_ms = 1_767_600_003_000;
        let body = b"e=t,sid=\"s\",ts=1767600000000,v=2\ne=t,sid=\"s\",ts=1767600001000,v=9\n";
        let at = |offset| Record { offset, append_ms, key: Some(b"s"), value: body, headers: Headers::default() };
        let mut decoder = Decoder::new(Arc::new(Carriers::fixed(Carrier::Body)));
        // Resumed at 5, after 6 had been read before.
        let resume = Resume { saved_position: 7, ..Resume::afresh(5) };
        let mut fold = SourceFold::restore(settings(), 0, resume, no_carries(&settings()));
        let rejected: Vec<u64> = (5..8)
            .map(|offset| {
                assert_eq!(fold.push(&at(offset), &mut decoder), None, "the other report counts: no dead letter");
                decoder.take_rejected()[Reason::Version as usize]
            })
            .collect();
        assert_eq!(rejected, [0, 0, 1]);
        assert_eq!(fold.take_counts().events, 3);
    }

    #[test]
    fn what_is_computed_in_silence_is_the_past_of_what_follows() {
        let start = 1_767_600_000_000;
        let append = |offset: i64| start + offset * 3_000;
        let given = |silent_until: Option<Boundary>| {
            let mut decoder = Decoder::new(Arc::new(Carriers::fixed(Carrier::Body)));
            let resume = Resume { silent_until, ..Resume::afresh(0) };
            let mut fold = SourceFold::restore(settings(), 0, resume, no_carries(&settings()));
            let mut rows = Vec::new();
            for offset in 0..60 {
                let append_ms = append(offset);
                let body = format!("e=t,sid=\"s\",sn={offset},sta=p,ts={append_ms},v=2");
                let (key, value) = (Some(b"s".as_slice()), body.as_bytes());
                fold.push(&Record { offset, append_ms, key, value, headers: Headers::default() }, &mut decoder);
                while let Some(closed) = fold.close_next() {
                    closed.rows.visit(0..closed.rows.len(), &mut |row| rows.push(format!("{row:?}")));
                    rows.extend(closed.edges.iter().map(|(key, _)| format!("{key:?} {}", closed.end)));
                }
            }
            rows
        };
        let all = given(None);
        let late = given(Some(Boundary::from_millis(start + 60_000)));
        assert!(late.len() > 10 && late.len() + 10 < all.len(), "{} of {}", late.len(), all.len());
        assert_eq!(all[all.len() - late.len()..], late, "the time spent playing before counts in the first row");
    }
}
