//! What the values of a topic's records may be, by name.

use std::path::{Path, PathBuf};

use crate::config::{list_of, nearest};

/// The mappings of JSON log lines that come with streamgauge.
pub const READY_MAPPINGS: [&str; 4] = ["fastly", "nginx", "akamai-datastream2", "google-media-cdn"];

/// The names of all carriers but the JSON logs.
const NAMES: [(&str, Carrier); 8] = [
    ("mixed", Carrier::Mixed),
    ("cmcd-query", Carrier::Query),
    ("cmcd-headers", Carrier::Headers),
    ("cmcd-body", Carrier::Body),
    ("cloudfront-rt", Carrier::CloudFrontRealTime),
    ("cloudfront-std", Carrier::CloudFrontStandard),
    ("webrtc", Carrier::Webrtc),
    ("kaltura", Carrier::Kaltura),
];

/// What the values of a topic's records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The header `qoe-carrier` of each record says it.
    Mixed,
    /// A query string with CMCD.
    Query,
    /// The CMCD request headers.
    Headers,
    /// The body of an event-mode report.
    Body,
    /// A line of CloudFront's real-time log.
    CloudFrontRealTime,
    /// Lines of CloudFront's standard log.
    CloudFrontStandard,
    /// A JSON log line, read by this mapping.
    Json(Mapping),
    /// A report of WebRTC statistics, of any shape that travels on the bus.
    Webrtc,
    /// A beacon of a Kaltura player, in any form.
    Kaltura,
}

impl Carrier {
    /// From the name in a topology. Paths of mappings are relative to `folder`. The error says what is valid.
    pub(super) fn from_name(name: &str, folder: &Path) -> Result<Self, String> {
        if let Some(mapping) = name.strip_prefix("json:") {
            return Mapping::from_name(mapping, folder).map(Self::Json);
        }
        if let Some((_, carrier)) = NAMES.iter().find(|(valid, _)| *valid == name) {
            return Ok(carrier.clone());
        }
        let names = || NAMES.iter().map(|(name, _)| *name);
        Err(match nearest(name, names()) {
            Some(meant) => format!("is \"{name}\", which is no carrier: did you mean \"{meant}\"?"),
            None => format!("is \"{name}\", which is no carrier: use one of {}, `json:<mapping>`", list_of(names())),
        })
    }

    /// Whether players send this themselves.
    pub const fn is_report(&self) -> bool {
        matches!(self, Self::Query | Self::Headers | Self::Body | Self::Webrtc | Self::Kaltura)
    }

    /// Whether this is a line of a delivery log.
    pub const fn is_log(&self) -> bool {
        matches!(self, Self::CloudFrontRealTime | Self::CloudFrontStandard | Self::Json(_))
    }
}

/// A mapping of JSON log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The name that the header `qoe-carrier` has after `json:`; for a file, its name without `.toml`.
    pub name: String,
    /// The file that declares it; `None` = it comes with streamgauge.
    pub file: Option<PathBuf>,
}

impl Mapping {
    /// From a name or a path ending in `.toml`, relative to `folder`. The error says what is valid.
    pub(super) fn from_name(name: &str, folder: &Path) -> Result<Self, String> {
        if let Some(stem) = name.strip_suffix(".toml") {
            let stem = stem.rsplit('/').next().unwrap_or(stem);
            return Ok(Self { name: stem.to_owned(), file: Some(folder.join(name)) });
        }
        if READY_MAPPINGS.contains(&name) {
            return Ok(Self { name: name.to_owned(), file: None });
        }
        Err(match nearest(name, READY_MAPPINGS) {
            Some(meant) => format!("names the mapping \"{name}\", which does not exist: did you mean \"{meant}\"?"),
            None => format!(
                "names the mapping \"{name}\", which does not exist: use one of {}, or the path of a .toml file",
                list_of(READY_MAPPINGS)
            ),
        })
    }
}
