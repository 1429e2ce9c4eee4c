//! Delivers a batch: tries again, halves, and finds the bad lines. The rules are those of [`super`].

use std::ops::Range;
use std::time::Duration;

use tokio::sync::watch;

use super::client::{Answer, Client};
use crate::sink::backoff::Backoff;
use crate::sink::batch::Batch;
use crate::sink::{Health, Refused, Stopped};
use crate::telemetry;

/// What delivering a batch needs.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) client: Client,
    pub(super) health: Health,
    pub(super) retry_base: Duration,
    pub(super) retry_cap: Duration,
    pub(super) stop: watch::Receiver<bool>,
}

/// What became of a piece of a batch.
enum Outcome {
    Stored,
    /// Not all of it could be stored; the server's words.
    Rejected {
        words: String,
    },
}

impl Delivery {
    /// Returns the lines that were refused for good when all the others are stored.
    pub(super) async fn deliver(&self, batch: &Batch) -> Result<Vec<Refused>, Stopped> {
        let mut stop = self.stop.clone();
        tokio::select! {
            refused = self.deliver_unless_stopped(batch) => Ok(refused),
            // An error means that nobody is left who could stop us: the owner is gone.
            _ = stop.wait_for(|stopped| *stopped) => Err(Stopped),
        }
    }

    async fn deliver_unless_stopped(&self, batch: &Batch) -> Vec<Refused> {
        let mut refused = Vec::new();
        let whole = 0..batch.len();
        let mut pieces = vec![whole];
        while let Some(piece) = pieces.pop() {
            let Outcome::Rejected { words } = self.deliver_piece(batch, piece.clone()).await else { continue };
            if is_all_dropped(&words, piece.len()) {
                refused.extend(piece.map(|line| Refused {
                    window: batch.window(line),
                    line: batch.line(line),
                    answer: words.clone(),
                }));
                continue;
            }
            let middle = piece.start + piece.len() / 2;
            pieces.push(middle..piece.end);
            pieces.push(piece.start..middle);
        }
        metrics::counter!(telemetry::SINK_ROWS.name).increment((batch.len() - refused.len()) as u64);
        metrics::counter!(telemetry::SINK_REFUSED_ROWS.name).increment(refused.len() as u64);
        refused
    }

    /// Sends one piece until the server decides on it.
    async fn deliver_piece(&self, batch: &Batch, piece: Range<usize>) -> Outcome {
        let mut watch = self.health.watch();
        let mut backoff = Backoff::new(self.retry_base, self.retry_cap);
        loop {
            match self.client.send(batch.lines(piece.clone())).await {
                Answer::Stored => {
                    watch.answered();
                    return Outcome::Stored;
                }
                Answer::TooLarge { words } | Answer::Refused { words } => {
                    watch.answered();
                    return Outcome::Rejected { words };
                }
                Answer::Failed { problem, words } => watch.failed(problem.fault(), &problem.to_string(), &words),
            }
            tokio::time::sleep(backoff.next_wait()).await;
            metrics::counter!(telemetry::SINK_RETRIES.name).increment(1);
        }
    }
}

/// Whether the answer speaks of every line of the piece: there is one only, or InfluxDB counts as many dropped as there are.
/// The count spares a window that lies wholly outside the bucket's retention thousands of requests. It is never too high.
fn is_all_dropped(words: &str, lines: usize) -> bool {
    if lines <= 1 {
        return true;
    }
    let Some((_, after)) = words.rsplit_once("dropped=") else { return false };
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse() == Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::is_all_dropped;

    /// Words of InfluxDB 2.7.12, number of lines sent, whether all of them were dropped.
    #[test]
    fn the_count_of_dropped_lines_is_read_from_the_answer() {
        let conflict = "failure writing points to database: partial write: field type conflict: input field \"f\" on measurement \"m\" is type string, already exists as type integer dropped=2";
        let retention = "partial write: dropped 2 points outside retention policy of duration 1h0m0s dropped=2 for database: 4d3d for retention policy: autogen";
        let cases = [
            (conflict, 3, false),
            (conflict, 2, true),
            (retention, 2, true),
            (retention, 20, false),
            ("unable to parse 'm f=': missing field value", 2, false),
            ("unable to parse 'm f=': missing field value", 1, true),
        ];
        for (words, lines, expected) in cases {
            assert_eq!(is_all_dropped(words, lines), expected, "{words} {lines}");
        }
    }
}
