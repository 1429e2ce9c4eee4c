//! Proves the connection once, for `check`: is the server there, may the token write, is the bucket there, and how long does it keep rows?

use influxdb2::api::buckets::ListBucketsRequest;

use super::client::{Answer, Client};
use super::{Problem, Settings, SettingsError};

/// What a working connection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How long the bucket keeps rows, in seconds; 0 = for ever. `None` when the token may write but not read the bucket's settings.
    pub retention_seconds: Option<u64>,
}

/// Why the connection does not work.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The server, the token or the bucket.
    #[error("{}", with_words(problem, words))]
    Server {
        /// What is wrong and what to do.
        problem: Problem,
        /// In the server's words, or those of the transport; may be empty.
        words: String,
    },
}

fn with_words(problem: &Problem, words: &str) -> String {
    if words.is_empty() { problem.to_string() } else { format!("{problem} (answer: {words})") }
}

/// Asks once, without retries. An empty write proves the way that rows will take, and stores nothing.
///
/// # Errors
/// [`ProbeError`], which says what to fix.
pub async fn probe(settings: &Settings, token: &str) -> Result<Probe, ProbeError> {
    let writer = Client::compressing(settings, token)?;
    match writer.send(b"").await {
        Answer::Stored => {}
        Answer::Failed { problem, words } => return Err(ProbeError::Server { problem, words }),
        Answer::TooLarge { words } | Answer::Refused { words } => {
            let problem = Problem::NotInflux { url: settings.url.clone(), status: 400 };
            return Err(ProbeError::Server { problem, words });
        }
    }
    let reader = Client::plain(settings, token)?;
    let named = ListBucketsRequest {
        after: None,
        id: None,
        limit: None,
        name: Some(settings.bucket.clone()),
        offset: None,
        org: Some(settings.org.clone()),
        org_id: None,
    };
    // A token that may only write sees no bucket, or is refused here: that is no fault.
    let buckets = reader.api().list_buckets(Some(named)).await.map(|found| found.buckets).unwrap_or_default();
    let bucket = buckets.into_iter().find(|bucket| bucket.name == settings.bucket);
    let rules = bucket.map(|bucket| bucket.retention_rules);
    let retention_seconds =
        rules.map(|rules| rules.first().map_or(0, |rule| u64::from(rule.every_seconds.unsigned_abs())));
    Ok(Probe { retention_seconds })
}
