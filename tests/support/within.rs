//! A bound on waiting, so that a defect fails a test instead of hanging it.

use std::time::Duration;

/// The outcome of `future`, which has a minute for what takes well under a second.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("an outcome within a minute")
}
