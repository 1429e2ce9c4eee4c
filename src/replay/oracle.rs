//! The batch oracle: a stretch of the log, whole, to the rows that any run over it must end with.
//!
//! R1  It has no commits, no restarts and no acknowledgements: each partition is read once, in order of offset, and every window that its
//!     log makes final is written.
//! R2  Edge rows are merged by window from all partitions, and given when the slowest partition has passed the window's end. Those of a
//!     minute and of an hour are merged from their windows, all at once.

use std::collections::BTreeMap;

use crate::aggregate::rollup::{EdgeRows, EdgeWindow, Partial, longer_windows};
use crate::fold::{Counts, Decoding, SideOutput, SourceFold, SourceSettings};
use crate::model::{Boundary, Reason, Record, Rows};

/// What a replay saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records read.
    pub records: u64,
    /// Events that count in a window.
    pub events: u64,
    /// Events that came too late.
    pub late: u64,
    /// Events seen before.
    pub duplicates: u64,
    /// Records that cannot be read.
    pub dead_letters: u64,
    /// Of these, those with each reason, in the order of [`Reason::ALL`].
    pub dead_letter_reasons: [u64; Reason::ALL.len()],
    /// Reports of bodies and lines of log files that were left out while the rest of their record counts.
    pub parts_rejected: u64,
    /// Events whose own time was out of bounds and was moved.
    pub clamped: u64,
    /// Session rows given.
    pub session_rows: u64,
    /// Edge rows given.
    pub edge_rows: u64,
}

/// The batch computation over one source topic.
pub struct Oracle {
    settings: SourceSettings,
    decoding: Decoding,
    partitions: BTreeMap<i32, Box<dyn SourceFold>>,
    edges: BTreeMap<Boundary, EdgeWindow>,
    summary: Summary,
}

impl Oracle {
    /// For a source with these settings.
    pub fn new(settings: SourceSettings, decoding: Decoding) -> Self {
        Self { settings, decoding, partitions: BTreeMap::new(), edges: BTreeMap::new(), summary: Summary::default() }
    }

    /// Takes in the next record of a partition, in order of offset, and gives the session rows of windows that it closes.
    pub fn push(&mut self, partition: i32, record: &Record<'_>, rows: &mut dyn FnMut(&dyn Rows)) {
        let Self { settings, decoding, partitions, edges, summary } = self;
        let fold = partitions.entry(partition).or_insert_with(|| decoding.afresh(settings.clone(), partition, 0));
        summary.records += 1;
        if let Some(SideOutput::DeadLetter(reason)) = fold.push(record) {
            summary.dead_letters += 1;
            let counts = Reason::ALL.iter().zip(&mut summary.dead_letter_reasons);
            counts.filter(|(known, _)| **known == reason).for_each(|(_, count)| *count += 1);
        }
        summary.parts_rejected += fold.take_decode_counts().rejected.iter().map(|(_, count)| count).sum::<u64>();
        while let Some(closed) = fold.close_next() {
            fold.acknowledge(closed.end);
            let point = fold.commit_point();
            fold.committed(&point);
            summary.session_rows += closed.rows.len() as u64;
            rows(&closed.rows);
            let merged = edges.entry(closed.end).or_default();
            for (key, totals) in closed.edges {
                merged.absorb(Partial { key, end: closed.end, epoch: 0, totals });
            }
        }
        let counts: Counts = fold.take_counts();
        summary.events += counts.events;
        summary.late += counts.late;
        summary.clamped += counts.clamped;
        summary.duplicates += counts.duplicates;
    }

    /// Ends the log: gives the edge rows that all of the topic's `partitions` have passed.
    pub fn finish(mut self, partitions: i32, rows: &mut dyn FnMut(&dyn Rows)) -> Summary {
        let passed = |partition: i32| self.partitions.get(&partition).and_then(|fold| fold.commit_point().frontier);
        let slowest = (0..partitions).map(passed).min().flatten();
        let window_ms = self.settings.rules.window_ms;
        let mut give = |closed: EdgeRows| {
            self.summary.edge_rows += closed.len() as u64;
            rows(&closed);
        };
        let mut longer = BTreeMap::<(i64, Boundary), EdgeWindow>::new();
        for (end, window) in self.edges.into_iter().filter(|(end, _)| Some(*end) <= slowest) {
            for whole in longer_windows(end, window_ms).filter(|(_, end)| Some(*end) <= slowest) {
                longer.entry(whole).or_default().append(&window);
            }
            give(window.close(end.plus(-window_ms), window_ms));
        }
        for ((length_ms, end), window) in longer {
            give(window.close_longer(end.plus(-length_ms), length_ms));
        }
        self.summary
    }
}
