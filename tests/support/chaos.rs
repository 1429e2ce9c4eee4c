//! Runs a process through everything that may happen to it: acknowledgements out of order or lost, crashes at any step, writes of a
//! dead instance that land late. What the store holds at the end is compared with a batch computation by the caller.

use std::collections::BTreeMap;

use super::Dice;

/// Something that reads a log, closes windows, and commits.
pub trait Process: Sized {
    /// What a commit saves.
    type Saved: Clone + Default;
    /// The name of a window, to acknowledge it by.
    type Window: Clone;
    /// The identity of a row.
    type Key: Ord + Clone;
    /// What a row says.
    type Row: PartialEq + Clone;

    /// Starts a process with what was saved last.
    fn start(&self, saved: &Self::Saved) -> Self;
    /// Reads the next record; false at the end of the log.
    fn read(&mut self) -> bool;
    /// The next window that has become final, with its rows.
    fn close(&mut self) -> Option<Batch<Self>>;
    /// The rows of a window are safe.
    fn acknowledge(&mut self, window: &Self::Window);
    /// Closed windows that are not acknowledged.
    fn unacknowledged(&self) -> usize;
    /// Commits, and returns what that saved.
    fn commit(&mut self) -> Self::Saved;
}

/// A window with its rows.
type Batch<P> = (<P as Process>::Window, Vec<(<P as Process>::Key, <P as Process>::Row)>);

/// No crash after this many steps, so that every run ends.
const LAST_CRASH: usize = 4_000;
const LAST_STEP: usize = 40_000;

/// Runs a process over its log until all is read, written and acknowledged; returns the store. `model` is the process before it has read
/// anything.
///
/// # Panics
/// When the run does not end.
pub fn run<P: Process>(model: &P, dice: &mut Dice) -> BTreeMap<P::Key, P::Row> {
    let mut store = BTreeMap::new();
    let mut saved = P::Saved::default();
    let mut process = model.start(&saved);
    let mut queue: Vec<Batch<P>> = Vec::new();
    let mut strays: Vec<Batch<P>> = Vec::new();
    let mut at_end = false;
    for step in 0..LAST_STEP {
        match dice.below(100) {
            0..70 if !at_end => {
                at_end = !process.read();
                queue.extend(std::iter::from_fn(|| process.close()));
            }
            0..85 if !queue.is_empty() => {
                let (window, rows) = queue.swap_remove(dice.below(queue.len()));
                store.extend(rows.iter().cloned());
                if dice.percent(85) {
                    process.acknowledge(&window);
                    queue.extend(std::iter::from_fn(|| process.close()));
                } else {
                    // The answer was lost: written again, later.
                    queue.push((window, rows));
                }
            }
            0..92 => saved = process.commit(),
            92..95 if step < LAST_CRASH => {
                // Some of what was on its way to the store still gets there, some time.
                strays.extend(queue.drain(..).take(2));
                process = model.start(&saved);
                at_end = false;
            }
            _ => store.extend(strays.pop().into_iter().flat_map(|(_, rows)| rows)),
        }
        if at_end && queue.is_empty() && strays.is_empty() && process.unacknowledged() == 0 {
            return store;
        }
    }
    panic!("the run does not end");
}
