//! A standard log: lines of a file, several to a record, with `#` lines that describe the columns of what follows.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::model::Reason;
use crate::model::cmcd::Event;

use super::super::Buffers;
use super::super::body::Parts;
use super::super::tally::Tally;
use super::columns::{ColumnPlan, STANDARD_FIELDS};
use super::line::{self, Log};

static DOCUMENTED: LazyLock<ColumnPlan> = LazyLock::new(|| ColumnPlan::in_order(STANDARD_FIELDS.into_iter()));

/// Decodes the lines of one value. A wrong line costs only itself; a value of `#` lines only holds no event and is not wrong.
pub(in super::super) fn decode(
    text: &str,
    buffers: &mut Buffers,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Event<'_>),
) -> Result<(), Reason> {
    let mut plan = Cow::Borrowed(&*DOCUMENTED);
    let mut parts = Parts::default();
    let mut has_lines = false;
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            if let Some(names) = comment.strip_prefix("Fields:") {
                plan = Cow::Owned(ColumnPlan::in_order(names.split_ascii_whitespace()));
            }
            has_lines = true;
            continue;
        }
        parts.add(line::decode(line, Log::Standard, &plan, buffers, tally, each));
    }
    match parts.finish(tally) {
        Err(Reason::Empty) if has_lines => Ok(()),
        other => other,
    }
}
