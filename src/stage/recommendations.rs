//! Recommendations for sessions of calls, as records on a topic of their own.
//!
//! R1  A recommendation is decided when a window closes, and goes out in the commit whose frontier covers the window: once, whatever crashes.
//! R2  The key is the session's, so that whoever serves it reads its recommendations in order. The value is JSON.

use serde_json::json;

use crate::aggregate::webrtc::Recommendation;
use crate::bus::Outgoing;
use crate::telemetry;

/// The version of the value.
const VERSION: u32 = 1;

/// A recommendation as a record. It is counted, too.
pub(super) fn record(topic: &str, source: &str, one: &Recommendation) -> Outgoing {
    let (action, fault) = (one.action.as_str(), one.fault.as_str());
    metrics::counter!(telemetry::RECOMMENDATIONS.name, "source" => source.to_owned(), "action" => action, "fault" => fault)
        .increment(1);
    let value = json!({
        "v": VERSION,
        "source": source,
        "tenant": &*one.tenant,
        "session_id": &*one.session_id,
        "edge": &*one.edge,
        "time_ms": one.time_ms,
        "action": action,
        "fault": fault,
        "health": one.health,
    });
    Outgoing {
        topic: topic.to_owned(),
        partition: None,
        key: Some(one.session_id.as_bytes().to_vec()),
        value: value.to_string().into_bytes(),
        headers: Vec::new(),
    }
}
