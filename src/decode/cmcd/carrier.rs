//! By which carrier the records of a topic come.

use crate::model::Headers;

use super::{ColumnPlan, Mapping};

/// Why a carrier cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that CloudFront does not have.
    #[error("CloudFront's real-time logs have no field `{field}`: did you mean `{nearest}`?")]
    UnknownField {
        /// As given.
        field: String,
        /// The most similar name that exists.
        nearest: &'static str,
    },
    /// A field that is selected twice.
    #[error("the CloudFront field `{field}` is listed twice: a log has it once, remove one")]
    RepeatedField {
        /// As given.
        field: String,
    },
    /// Without it no line has a time.
    #[error(
        "the CloudFront fields do not include `timestamp`: add it to the real-time log configuration and to this list"
    )]
    NoTimestamp,
    /// A mapping file that cannot be read.
    #[error("the mapping `{name}` is not valid: {message}")]
    Mapping {
        /// The mapping's name.
        name: String,
        /// What is wrong, and where.
        message: String,
    },
}

/// A way in which CMCD comes. The names in the header `qoe-carrier` are given in brackets.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// A query string or a URL (`cmcd-query`).
    Query,
    /// `Name: value` lines (`cmcd-headers`).
    Headers,
    /// An event-mode body (`cmcd-body`).
    Body,
    /// A line of a CloudFront real-time log with these columns (`cloudfront-rt`).
    CloudFrontRealTime(ColumnPlan),
    /// Lines of a CloudFront standard log (`cloudfront-std`).
    CloudFrontStandard,
    /// A JSON log line read by a mapping (`json:` and the mapping's name).
    Json(Box<Mapping>),
}

/// The carriers of one topic.
#[derive(Clone, Debug)]
pub struct Carriers {
    choice: Choice,
    takes_json_bodies: bool,
}

#[derive(Clone, Debug)]
enum Choice {
    Fixed(Carrier),
    Mixed { cloudfront: Option<Carrier>, mappings: Vec<(String, Carrier)> },
}

impl Carriers {
    /// Every record comes by this carrier; the header `qoe-carrier` is not looked at.
    pub const fn fixed(carrier: Carrier) -> Self {
        Self { choice: Choice::Fixed(carrier), takes_json_bodies: false }
    }

    /// Each record's header `qoe-carrier` tells. `cloudfront` = the columns of real-time logs, if such lines come; `mappings` = those
    /// that `json:` may name. The other carriers need no declaration.
    pub fn mixed(cloudfront: Option<ColumnPlan>, mappings: impl IntoIterator<Item = Mapping>) -> Self {
        let cloudfront = cloudfront.map(Carrier::CloudFrontRealTime);
        let mappings =
            mappings.into_iter().map(|mapping| (mapping.name().to_owned(), Carrier::Json(Box::new(mapping))));
        Self { choice: Choice::Mixed { cloudfront, mappings: mappings.collect() }, takes_json_bodies: false }
    }

    /// Whether bodies may also be JSON (version 1, drafts of version 2, and beacons); they may not unless this is called.
    #[must_use]
    pub fn with_json_bodies(mut self, takes_json_bodies: bool) -> Self {
        self.takes_json_bodies = takes_json_bodies;
        self
    }

    pub(super) const fn takes_json_bodies(&self) -> bool {
        self.takes_json_bodies
    }

    /// The carrier of a record with these headers; `None` when they name none, or one that is not declared.
    pub(super) fn of(&self, headers: &Headers<'_>) -> Option<&Carrier> {
        let (cloudfront, mappings) = match &self.choice {
            Choice::Fixed(carrier) => return Some(carrier),
            Choice::Mixed { cloudfront, mappings } => (cloudfront, mappings),
        };
        match headers.carrier? {
            "cmcd-query" => Some(&Carrier::Query),
            "cmcd-headers" => Some(&Carrier::Headers),
            "cmcd-body" => Some(&Carrier::Body),
            "cloudfront-rt" => cloudfront.as_ref(),
            "cloudfront-std" => Some(&Carrier::CloudFrontStandard),
            other => {
                let name = other.strip_prefix("json:")?;
                mappings.iter().find(|(declared, _)| declared == name).map(|(_, carrier)| carrier)
            }
        }
    }
}
