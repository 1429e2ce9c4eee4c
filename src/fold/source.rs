//! One partition of a source topic: records in, closed windows and side outputs out.
//!
//! R1  Every event of a record counts in the window of its own time, or as late in the window that holds the append time.
//! R2  A record that cannot be read is a side output with its reason; it moves nothing.
//! R3  Side outputs are given, and left-out parts of records counted, only for offsets at or beyond the saved position, so that a replay
//!     does not repeat them.
//! R4  A tick counts in nothing; it moves the watermark and is a member of its window like any record.
//! R5  Boundaries close in ascending order. At each, the sessions that fall due there are final first; then the window that ends there
//!     closes, so that a record in it begins a new life of its session.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::clock::clamp;
use super::kind::{Arrival, DecodeCounts, Kind};
use super::partition::{ClosedSource, Counts, SideOutput, SourceFold};
use super::settings::{Resume, SourceSettings};
use crate::aggregate::{Outcome, Size, SourceLabels};
use crate::engine::{Accepted, CarryStore, ClosedBoundary, CommitPoint, Timeline};
use crate::model::{Boundary, EventTime, Record};

/// One partition of a source topic.
pub struct Fold<K: Kind> {
    decoder: K::Decoder,
    state: State<K>,
}

/// All of it but the decoder, which lends out what it reads.
struct State<K: Kind> {
    settings: SourceSettings,
    labels: SourceLabels,
    timeline: Timeline<K::Window>,
    carries: CarryStore,
    rules: K::Rules,
    /// The next offset to be read.
    position: i64,
    /// Side outputs are new from this offset on.
    side_outputs_from: i64,
    silent_until: Option<Boundary>,
    /// How large recent windows became, to size the next one.
    recent: VecDeque<Size>,
    counts: Counts,
}

impl<K: Kind> Fold<K> {
    /// Goes on where a commit left off, with the carries that it saved; side outputs are new from the saved position on.
    pub fn restore(
        settings: SourceSettings,
        (decoder, rules): (K::Decoder, K::Rules),
        partition: i32,
        resume: Resume,
        carries: CarryStore,
    ) -> Self {
        let labels = SourceLabels {
            source: settings.source.as_str().into(),
            shard: partition.to_string().into(),
            cdn: settings.cdn.as_str().into(),
        };
        let state = State {
            timeline: Timeline::restore(settings.rules, resume.frontier, resume.watermark),
            settings,
            labels,
            carries,
            rules,
            position: resume.offset,
            side_outputs_from: resume.saved_position,
            silent_until: resume.silent_until,
            recent: VecDeque::new(),
            counts: Counts::default(),
        };
        Self { decoder, state }
    }
}

impl<K: Kind> SourceFold for Fold<K> {
    fn push(&mut self, record: &Record<'_>) -> Option<SideOutput> {
        let Self { decoder, state } = self;
        state.position = record.offset + 1;
        state.counts.records += 1;
        state.counts.bytes += record.value.len() as u64;
        if record.headers.tick && record.value.is_empty() {
            state.push_tick(record);
            return None;
        }
        let mut late = 0;
        let decoded = K::decode(decoder, record, &mut |event| {
            late += u32::from(state.push_event(record, event) == Pushed::Late);
        });
        if record.offset < state.side_outputs_from {
            K::forget_rejected(decoder);
            return None;
        }
        match decoded {
            Err(reason) => Some(SideOutput::DeadLetter(reason)),
            Ok(()) if late > 0 => Some(SideOutput::Late(late)),
            Ok(()) => None,
        }
    }

    fn close_next(&mut self) -> Option<ClosedSource> {
        let state = &mut self.state;
        let boundary = state.timeline.close_boundary(&mut state.carries)?;
        Some(state.close(boundary))
    }

    fn acknowledge(&mut self, end: Boundary) {
        self.state.timeline.acknowledge(end);
    }

    fn commit_point(&self) -> CommitPoint {
        self.state.timeline.commit_point()
    }

    fn committed(&mut self, point: &CommitPoint) {
        self.state.timeline.committed(point);
        self.state.carries.committed(point.frontier);
    }

    fn carries(&self) -> &CarryStore {
        &self.state.carries
    }

    fn silent_until(&self) -> Option<Boundary> {
        self.state.silent_until
    }

    fn is_drained(&self) -> bool {
        let State { carries, timeline, .. } = &self.state;
        carries.is_empty()
            && timeline.unacknowledged() == 0
            && timeline.open_windows().all(|(_, window)| K::is_empty(window))
    }

    fn position(&self) -> i64 {
        self.state.position
    }

    fn saved_position(&self) -> i64 {
        self.state.position.max(self.state.side_outputs_from)
    }

    fn settings(&self) -> &SourceSettings {
        &self.state.settings
    }

    fn labels(&self) -> &SourceLabels {
        &self.state.labels
    }

    fn watermark(&self) -> Option<EventTime> {
        self.state.timeline.watermark()
    }

    fn frontier(&self) -> Option<Boundary> {
        self.state.timeline.frontier()
    }

    fn open_windows(&self) -> (usize, usize) {
        let mut windows = 0;
        let mut sessions = 0;
        for (_, window) in self.state.timeline.open_windows() {
            windows += 1;
            sessions = K::size(window).sessions;
        }
        (windows, sessions)
    }

    fn unacknowledged(&self) -> usize {
        self.state.timeline.unacknowledged()
    }

    fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.state.counts)
    }

    fn kept<'v>(&self, value: &'v [u8]) -> Cow<'v, [u8]> {
        K::kept(value)
    }

    fn take_decode_counts(&mut self) -> DecodeCounts {
        K::take_counts(&mut self.decoder)
    }
}

impl<K: Kind> State<K> {
    fn close(&mut self, boundary: ClosedBoundary<K::Window>) -> ClosedSource {
        let ClosedBoundary { end, due, window } = boundary;
        let Self { settings, labels, timeline, carries, rules, recent, counts, .. } = self;
        let mut closed = ClosedSource::empty(end);
        if !due.is_empty() {
            let mut due = due.iter().map(|one| (one.key(), one.value()));
            closed.add(K::finish(&mut due, end, settings, rules, labels), counts);
        }
        if let Some(window) = window {
            recent.push_back(K::size(&window));
            if recent.len() > 3 {
                recent.pop_front();
            }
            let next_end = end.plus(settings.rules.window_ms);
            let next = timeline.open_windows().find(|(end, _)| *end == next_end).map(|(_, window)| window);
            closed.add(K::close(window, next, rules, labels, carries), counts);
        }
        carries.seal();
        counts.carries_let_go += carries.take_let_go();
        if Some(end) <= self.silent_until {
            return ClosedSource::empty(end);
        }
        closed
    }

    fn push_tick(&mut self, record: &Record<'_>) {
        self.counts.ticks += 1;
        let time = EventTime::from_millis(record.append_ms).plus(-self.settings.max_delay_ms);
        self.window_for(record.offset, time);
    }

    fn push_event(&mut self, record: &Record<'_>, event: &K::Event<'_>) -> Pushed {
        let settings = &self.settings;
        let received_ms = record.headers.received_ms;
        let (time, clamped) =
            clamp(settings.clock, K::time(event), received_ms, record.append_ms, settings.rules.grace_ms);
        let arrival = Arrival { record, time, clamped, deduplicate: settings.deduplicate };
        self.counts.members_rejected += u64::from(K::members_rejected(event));
        self.counts.clamped += u64::from(clamped);
        let window = match self.window_for(record.offset, time) {
            Accepted::Member(window) => window,
            Accepted::Written => return Pushed::InTime,
            Accepted::Late => {
                self.note_late(event, &arrival);
                return Pushed::Late;
            }
        };
        match K::absorb(window, event, &arrival) {
            Outcome::Counted => self.counts.events += 1,
            Outcome::Duplicate => self.counts.duplicates += 1,
        }
        Pushed::InTime
    }

    /// The open window for a record; the watermark moves.
    fn window_for(&mut self, offset: i64, time: EventTime) -> Accepted<'_, K::Window> {
        let Self { timeline, settings, recent, .. } = self;
        timeline.accept(offset, time, |end| new_window::<K>(settings, recent, end))
    }

    /// A late event counts as such in the window that holds its append time. That one is still open: the watermark is behind
    /// every append time by at least the disorder bound.
    fn note_late(&mut self, event: &K::Event<'_>, arrival: &Arrival<'_>) {
        let record = arrival.record;
        self.counts.late += u64::from(record.offset >= self.side_outputs_from);
        let Self { timeline, settings, recent, .. } = self;
        let end = timeline.window_end(EventTime::from_millis(record.append_ms));
        if let Some(window) = timeline.join(record.offset, end, |end| new_window::<K>(settings, recent, end)) {
            K::absorb_late(window, event, arrival);
        }
    }
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pushed {
    InTime,
    Late,
}

fn new_window<K: Kind>(settings: &SourceSettings, recent: &VecDeque<Size>, end: Boundary) -> K::Window {
    let with_room = |most: Option<usize>| most.map_or(0, |most| most + most / 8);
    let expected = Size {
        sessions: with_room(recent.iter().map(|size| size.sessions).max()),
        ids: with_room(recent.iter().map(|size| size.ids).max()),
    };
    K::window(settings, end.plus(-settings.rules.window_ms), expected)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::aggregate::Caps;
    use crate::decode::cmcd::{Carrier, Carriers};
    use crate::engine::Rules;
    use crate::fold::{Clock, Decoding};
    use crate::model::{Headers, Reason, Rows};

    /// A partition of bodies that goes on here.
    fn resumed(resume: Resume) -> Box<dyn SourceFold> {
        let decoding = Decoding::Cmcd(Arc::new(Carriers::fixed(Carrier::Body)));
        decoding.restore(settings(), 0, resume, decoding.no_carries(&settings()))
    }

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
        // Resumed at 5, after 6 had been read before.
        let resume = Resume { saved_position: 7, ..Resume::afresh(5) };
        let mut fold = resumed(resume);
        let rejected: Vec<_> = (5..8)
            .map(|offset| {
                assert_eq!(fold.push(&at(offset)), None, "the other report counts: no dead letter");
                fold.take_decode_counts().rejected
            })
            .collect();
        assert_eq!(rejected, [vec![], vec![], vec![(Reason::Version, 1)]]);
        assert_eq!(fold.take_counts().events, 3);
    }

    #[test]
    fn what_is_computed_in_silence_is_the_past_of_what_follows() {
        let start = 1_767_600_000_000;
        let append = |offset: i64| start + offset * 3_000;
        let given = |silent_until: Option<Boundary>| {
            let mut fold = resumed(Resume { silent_until, ..Resume::afresh(0) });
            let mut rows = Vec::new();
            for offset in 0..60 {
                let append_ms = append(offset);
                let body = format!("e=t,sid=\"s\",sn={offset},sta=p,ts={append_ms},v=2");
                let (key, value) = (Some(b"s".as_slice()), body.as_bytes());
                fold.push(&Record { offset, append_ms, key, value, headers: Headers::default() });
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
