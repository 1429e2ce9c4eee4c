//! Which letters are meant.

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::letter::Letter;
use crate::cli::moment::parse_moment;
use crate::model::Reason;

/// Which letters are meant: those that pass all of these.
#[derive(Debug, Clone, Default, Args)]
pub struct FilterArgs {
    /// Only those with this reason; may be given several times
    #[arg(long, value_parser = PossibleValuesParser::new(Reason::ALL.map(Reason::as_str)))]
    pub reason: Vec<String>,
    /// Only those that came from this topic; may be given several times
    #[arg(long, value_name = "TOPIC")]
    pub topic: Vec<String>,
    /// Only those that came here at this time or later: 2026-01-05T08:00:00Z, `2h ago`, or milliseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub since: Option<i64>,
    /// Only those that came here before this time
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub until: Option<i64>,
}

impl FilterArgs {
    pub(super) fn passes(&self, letter: &Letter) -> bool {
        let is_among = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || wanted.iter().any(|one| Some(one.as_str()) == found)
        };
        let append_ms = letter.0.append_ms;
        is_among(&self.reason, Some(letter.reason()))
            && is_among(&self.topic, letter.origin_topic())
            && self.since.is_none_or(|since| append_ms >= since)
            && self.until.is_none_or(|until| append_ms < until)
    }

    /// Whether all letters pass.
    pub(super) fn is_empty(&self) -> bool {
        self.reason.is_empty() && self.topic.is_empty() && self.since.is_none() && self.until.is_none()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::record::header;
    use crate::replay::dump::{DumpRecord, HeaderValue};

    #[test]
    fn a_letter_must_pass_every_filter_that_is_set() {
        let text = |value: &str| HeaderValue::Text(value.to_owned());
        let letter = Letter(DumpRecord {
            topic: "qoe.dlq".to_owned(),
            partition: 0,
            offset: 7,
            append_ms: 1000,
            headers: vec![
                (header::REASON.to_owned(), text("json")),
                (header::ORIGIN_TOPIC.to_owned(), text("qoe.cmcd")),
            ],
            key: None,
            value: Vec::new(),
        });
        let all = FilterArgs {
            reason: vec!["empty".to_owned(), "json".to_owned()],
            topic: vec!["qoe.cmcd".to_owned()],
            since: Some(1000),
            until: Some(1001),
        };
        assert!(all.passes(&letter) && FilterArgs::default().passes(&letter));
        for other in [
            FilterArgs { reason: vec!["empty".to_owned()], ..all.clone() },
            FilterArgs { topic: vec!["qoe.cmcd.logs".to_owned()], ..all.clone() },
            FilterArgs { since: Some(1001), ..all.clone() },
            FilterArgs { until: Some(1000), ..all.clone() },
        ] {
            assert!(!other.passes(&letter) && !other.is_empty(), "{other:?}");
        }
    }
}
