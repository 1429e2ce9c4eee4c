//! Recorded WebRTC statistics, file after file, as the records that they would have been on the bus: envelopes, appended at the highest
//! event time so far.

use anyhow::{bail, ensure};

use super::{Log, RAW_START_MS, ReplayArgs, WEBRTC, declared_partitions, raw_source};
use crate::decode::webrtc::convert::{Converted, Dialect, Identity};
use crate::model::EventTime;
use crate::model::record::header;
use crate::replay::dump::{DumpRecord, HeaderValue};
use crate::replay::raw::RawRecord;
use crate::replay::webrtc::{self, Recording};
use crate::service::source_plan;
use crate::topology::Topology;

/// Calls `each` with every record of the files.
pub(super) fn visit(
    args: &ReplayArgs,
    topology: &Topology,
    dialect: Dialect,
    each: &mut dyn FnMut(DumpRecord) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let source = raw_source(topology, args.source.as_deref(), WEBRTC)?;
    let plan = source_plan(topology, source)?;
    let start_ms = args.start.map_or(RAW_START_MS, EventTime::as_millis);
    let partitions = args.partitions.unwrap_or_else(|| declared_partitions(source));
    let headers = vec![(header::CARRIER.to_owned(), HeaderValue::Text(WEBRTC.to_owned()))];
    let next_offsets = vec![0; usize::try_from(partitions.get())?];
    let mut log = Log { topic: source.topic.clone(), headers, next_offsets, keyless: 0 };
    let mut highest_ms: Option<i64> = None;
    let identity = identity(args.session.as_deref().unwrap_or_default())?;
    for path in &args.files {
        let mut recording = Recording::open(path, dialect, identity.clone(), start_ms)?;
        for record in &mut recording {
            let Converted { key, value, time_ms } = match record {
                Ok(converted) => converted,
                Err(refused @ webrtc::Error::Message { .. }) => {
                    eprintln!("left out: {refused}");
                    continue;
                }
                Err(cause) => return Err(cause.into()),
            };
            let append_ms = highest_ms.map_or(time_ms, |highest_ms| highest_ms.max(time_ms));
            highest_ms = Some(append_ms);
            each(log.append(RawRecord { key: Some(key), value, append_ms }, partitions))?;
        }
        for (reason, count) in recording.take_counts().iter() {
            eprintln!("{}: {count} left out: {}", path.display(), reason.as_str());
        }
    }
    ensure!(
        highest_ms.is_some(),
        "nothing in the files can be told of anyone: name the call and the participant with --session 'app|call|participant'"
    );
    log.flush(args, &plan, highest_ms, each)
}

/// From `app|call|participant`.
fn identity(names: &str) -> anyhow::Result<Identity> {
    if names.is_empty() {
        return Ok(Identity::default());
    }
    let [app, call, participant] = names.split('|').collect::<Vec<_>>()[..] else {
        bail!("--session must be `app|call|participant`, with two bars, such as '|room-7|anna': it is `{names}`");
    };
    let [app, call, participant] = [app, call, participant].map(str::to_owned);
    Ok(Identity { app, call, participant, connection: String::new() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::identity;

    #[test]
    fn a_session_is_named_by_three_names() {
        let named = identity("|room-7|anna").unwrap();
        assert_eq!((named.app.as_str(), named.call.as_str(), named.participant.as_str()), ("", "room-7", "anna"));
        assert!(identity("room-7").unwrap_err().to_string().contains("two bars"));
    }
}
