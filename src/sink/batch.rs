//! Lines gathered into batches of a bounded size, and pieces of a batch, for halving.

use std::ops::Range;

use crate::model::Row;
use crate::sink::line_protocol::Renderer;

/// The most that one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) lines: usize,
    /// Before compression. A single line that is longer is a batch of its own.
    pub(crate) bytes: usize,
}

/// Rows as lines, in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    text: Vec<u8>,
    /// For each line the position just behind its newline.
    ends: Vec<usize>,
    /// The first line of each window, and which window that is.
    windows: Vec<(usize, usize)>,
}

impl Batch {
    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The lines of `range`, each with its newline.
    pub(crate) fn lines(&self, range: Range<usize>) -> &[u8] {
        let end_of = |lines: usize| lines.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        self.text.get(end_of(range.start)..end_of(range.end)).unwrap_or_default()
    }

    /// The window that a line is from.
    pub(crate) fn window(&self, line: usize) -> usize {
        let behind = self.windows.partition_point(|(first, _)| *first <= line);
        behind.checked_sub(1).and_then(|at| self.windows.get(at)).map_or(0, |(_, window)| *window)
    }

    /// One line, without its newline.
    pub(crate) fn line(&self, index: usize) -> String {
        let bytes = self.lines(index..index + 1);
        String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(bytes)).into_owned()
    }

    /// Ends the line that was added to the text.
    fn end_line(&mut self, window: usize) {
        if self.windows.last().is_none_or(|(_, last)| *last != window) {
            self.windows.push((self.ends.len(), window));
        }
        self.ends.push(self.text.len());
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.windows.clear();
    }
}

/// Fills batches with rows. Buffers that are handed back are used again.
#[derive(Debug)]
pub(crate) struct Batcher {
    limits: Limits,
    renderer: Renderer,
    filling: Batch,
    full: Vec<Batch>,
    spare: Vec<Batch>,
}

impl Batcher {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, renderer: Renderer::new(), filling: Batch::default(), full: Vec::new(), spare: Vec::new() }
    }

    /// Takes in one row of a window.
    pub(crate) fn push(&mut self, window: usize, row: &Row<'_>) {
        let start = self.filling.text.len();
        self.renderer.render(row, &mut self.filling.text);
        if self.filling.len() > 0 && self.filling.text.len() > self.limits.bytes {
            let mut next = self.spare.pop().unwrap_or_default();
            next.text.extend_from_slice(self.filling.text.get(start..).unwrap_or_default());
            self.filling.text.truncate(start);
            self.full.push(std::mem::replace(&mut self.filling, next));
        }
        self.filling.end_line(window);
        if self.filling.len() >= self.limits.lines {
            let next = self.spare.pop().unwrap_or_default();
            self.full.push(std::mem::replace(&mut self.filling, next));
        }
    }

    /// A batch that is full, if there is one; in no particular order.
    pub(crate) fn take_full(&mut self) -> Option<Batch> {
        self.full.pop()
    }

    /// What is left, full or not, if there is anything.
    pub(crate) fn take_last(&mut self) -> Option<Batch> {
        let last = self.full.pop().unwrap_or_else(|| std::mem::take(&mut self.filling));
        (last.len() > 0).then_some(last)
    }

    /// Takes a batch back to fill it again.
    pub(crate) fn recycle(&mut self, mut batch: Batch) {
        batch.clear();
        self.spare.push(batch);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::model::{Field, FieldKind, Schema, Value};

    static LINE: Schema = Schema {
        measurement: "m",
        dialect: "cmcd",
        help: "",
        tags: &[],
        fields: &[Field { name: "f", kind: FieldKind::Text, help: "" }],
    };

    /// Fills batches with texts of the given lengths and returns how many lines each batch got. A line is `m f="…" 1`, nine bytes more than its text.
    fn fill(limits: Limits, lengths: &[usize]) -> Vec<usize> {
        let mut batcher = Batcher::new(limits);
        let mut batches = Vec::new();
        for (line, length) in lengths.iter().enumerate() {
            let text = "x".repeat(*length);
            batcher.push(line, &Row { schema: &LINE, tags: &[], fields: &[Value::Text(&text)], timestamp_ns: 1 });
            while let Some(batch) = batcher.take_full() {
                assert!(batch.text.len() <= limits.bytes || batch.len() == 1);
                assert_eq!(batch.lines(0..batch.len()), batch.text);
                let before: usize = batches.iter().sum();
                let windows: Vec<usize> = (0..batch.len()).map(|line| batch.window(line)).collect();
                assert_eq!(windows, (before..before + batch.len()).collect::<Vec<_>>(), "each line is a window here");
                batches.push(batch.len());
                batcher.recycle(batch);
            }
        }
        batches.extend(batcher.take_last().map(|batch| batch.len()));
        batches
    }

    #[test]
    fn batches_respect_both_limits() {
        let cases: [(Limits, &[usize], &[usize]); 5] = [
            (Limits { lines: 2, bytes: 1000 }, &[1, 1, 1, 1, 1], &[2, 2, 1]),
            (Limits { lines: 2, bytes: 1000 }, &[], &[]),
            // Each line has 20 bytes: three of them fit in 60.
            (Limits { lines: 100, bytes: 60 }, &[11, 11, 11, 11], &[3, 1]),
            (Limits { lines: 100, bytes: 59 }, &[11, 11, 11, 11], &[2, 2]),
            // A line beyond the limit goes alone.
            (Limits { lines: 100, bytes: 60 }, &[11, 200, 11, 11], &[1, 1, 2]),
        ];
        for (limits, lengths, expected) in cases {
            assert_eq!(fill(limits, lengths), expected, "{limits:?} {lengths:?}");
        }
    }

    #[test]
    fn pieces_and_lines_of_a_batch_are_exact() {
        let mut batcher = Batcher::new(Limits { lines: 9, bytes: 900 });
        for (window, text) in [(0, "a"), (2, "bb"), (2, "ccc")] {
            batcher.push(window, &Row { schema: &LINE, tags: &[], fields: &[Value::Text(text)], timestamp_ns: 1 });
        }
        let batch = batcher.take_last().unwrap();
        assert_eq!(batch.lines(1..3), b"m f=\"bb\" 1\nm f=\"ccc\" 1\n");
        assert_eq!(batch.line(0), "m f=\"a\" 1");
        assert_eq!(batch.lines(3..3), b"");
        assert_eq!([0, 1, 2].map(|line| batch.window(line)), [0, 2, 2], "window 1 has no rows");
    }
}
