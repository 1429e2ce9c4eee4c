//! From worker threads to the sink and back: closed windows out, acknowledgements in.
//!
//! R1  A window is acknowledged only after the sink has returned: until then its rows stay in memory and its records in the log.
//! R2  A row that the sink refused is handed back with its own window: it is a dead letter when that window is committed, not before.
//! R3  Several windows that wait together are written together, so that many small partitions do not mean many small requests.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::debug;

use crate::model::Rows;
use crate::sink::{Refused, Sink};

/// Rows that one write takes at most, unless a single window has more.
const ROWS_PER_WRITE: usize = 5000;

/// What happens when the rows are safe.
type Acknowledge = Box<dyn FnOnce(Vec<Refused>) + Send>;

struct Handed {
    rows: Arc<dyn Rows>,
    acknowledge: Acknowledge,
}

/// A worker's end: unbounded, because workers stop reading when too much is unacknowledged.
#[derive(Clone)]
pub struct Outbox {
    sender: UnboundedSender<Handed>,
}

/// The sink's end.
pub struct OutboxReceiver {
    receiver: Mutex<UnboundedReceiver<Handed>>,
}

impl Outbox {
    /// Both ends.
    #[allow(
        clippy::disallowed_methods,
        reason = "bounded by the workers, which stop reading when too much is unacknowledged"
    )]
    pub fn new() -> (Self, Arc<OutboxReceiver>) {
        let (sender, receiver) = unbounded_channel();
        (Self { sender }, Arc::new(OutboxReceiver { receiver: Mutex::new(receiver) }))
    }

    /// Hands over a window's rows. `acknowledge` is called from another thread when they are safe, and never if the sink stops first.
    pub fn hand_over(&self, rows: Arc<dyn Rows>, acknowledge: impl FnOnce(Vec<Refused>) + Send + 'static) {
        let handed = Handed { rows, acknowledge: Box::new(acknowledge) };
        if self.sender.send(handed).is_err() {
            debug!("the sink has stopped: a closed window will be computed again after the next start");
        }
    }
}

/// Writes what is handed over until every [`Outbox`] is gone or the sink stops. Run several of these for several writes in flight.
pub async fn deliver<S: Sink>(sink: Arc<S>, outbox: Arc<OutboxReceiver>) {
    loop {
        let batch = next_batch(&outbox).await;
        if batch.is_empty() {
            return;
        }
        let windows: Vec<Arc<dyn Rows>> = batch.iter().map(|handed| Arc::clone(&handed.rows)).collect();
        let Ok(mut refused) = sink.write(&windows).await else { return };
        drop(windows);
        for (window, handed) in batch.into_iter().enumerate() {
            let own = refused.extract_if(.., |row| row.window == window).collect();
            (handed.acknowledge)(own);
        }
    }
}

/// Everything that waits, up to the bound; empty when there is nothing more to come.
async fn next_batch(outbox: &OutboxReceiver) -> Vec<Handed> {
    let mut receiver = outbox.receiver.lock().await;
    let Some(first) = receiver.recv().await else { return Vec::new() };
    let mut rows = first.rows.len();
    let mut batch = vec![first];
    while rows < ROWS_PER_WRITE {
        let Ok(next) = receiver.try_recv() else { break };
        rows += next.rows.len();
        batch.push(next);
    }
    batch
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ops::Range;

    use super::*;
    use crate::model::Row;
    use crate::sink::{Health, Stopped};

    struct NoRows;

    impl Rows for NoRows {
        fn len(&self) -> usize {
            0
        }

        fn visit(&self, _: Range<usize>, _: &mut dyn FnMut(&Row<'_>)) {}
    }

    /// Refuses a row of the third window, and two of the second.
    struct Refusing;

    impl Sink for Refusing {
        async fn write(&self, _: &[Arc<dyn Rows>]) -> Result<Vec<Refused>, Stopped> {
            let refuse = |window, line: &str| Refused { window, line: line.to_owned(), answer: String::new() };
            Ok(vec![refuse(2, "c"), refuse(1, "a"), refuse(1, "b")])
        }

        fn health(&self) -> Health {
            Health::new("nothing")
        }
    }

    #[tokio::test]
    async fn refused_rows_come_back_with_their_own_window() {
        let (outbox, receiver) = Outbox::new();
        let (sender, mut acknowledged) = tokio::sync::mpsc::channel(3);
        for window in 0..3 {
            let sender = sender.clone();
            outbox.hand_over(Arc::new(NoRows), move |refused| {
                let lines: Vec<String> = refused.into_iter().map(|row| row.line).collect();
                sender.try_send((window, lines.concat())).unwrap();
            });
        }
        drop((outbox, sender));
        deliver(Arc::new(Refusing), receiver).await;
        for expected in [(0, ""), (1, "ab"), (2, "c")] {
            assert_eq!(acknowledged.recv().await, Some((expected.0, expected.1.to_owned())));
        }
    }
}
