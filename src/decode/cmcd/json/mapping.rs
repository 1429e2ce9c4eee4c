//! What each member of a JSON log line means. Mappings are TOML; dots in a name lead into nested objects.

use serde::Deserialize;

use super::super::Error;
use super::super::clock::{DurationUnit, TimeUnit};
use super::members::{Member, Tree};

/// The mappings that come with streamgauge, by name. Each file says which log configuration it reads.
const READY_MADE: [(&str, &str); 4] = [
    ("fastly", include_str!("../../../../topology/mappings/fastly.toml")),
    ("nginx", include_str!("../../../../topology/mappings/nginx.toml")),
    ("akamai-datastream2", include_str!("../../../../topology/mappings/akamai-datastream2.toml")),
    ("google-media-cdn", include_str!("../../../../topology/mappings/google-media-cdn.toml")),
];

/// A mapping, checked and ready for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    name: String,
    pub(super) declared: Declared,
    pub(super) tree: Tree,
}

/// A mapping as its file declares it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    /// The HTTP status.
    status: Option<String>,
    /// Bytes of the response.
    bytes: Option<String>,
    /// The point of presence, or a chain of them.
    edge: Option<String>,
    /// The unique id of the request.
    request_id: Option<String>,
    /// A URL that may have CMCD in its query.
    url: Option<String>,
    /// A query that may have CMCD; looked at before the URL.
    query: Option<String>,
    pub(super) time: TimeMember,
    pub(super) ttfb: Option<DurationMember>,
    pub(super) time_taken: Option<DurationMember>,
    pub(super) cache: Option<CacheMember>,
    headers: Option<HeaderMembers>,
}

/// The member with the time stamp.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeMember {
    /// Its name.
    pub(super) member: String,
    /// How it is written.
    pub(super) unit: TimeUnit,
    /// What it marks.
    pub(super) stamp: Stamp,
}

/// What the time stamp of a log marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stamp {
    /// When the request came.
    Start,
    /// When the response was finished.
    End,
}

/// Members whose sum is a duration; it is unknown when one of them is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DurationMember {
    /// Their names: one, or two that follow each other in time.
    pub(super) members: Vec<String>,
    /// How they are written.
    pub(super) unit: DurationUnit,
}

/// The member that tells what the cache did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheMember {
    /// Its name. Of a chain the rightmost counts.
    pub(super) member: String,
    /// The values that are hits, in any case; `*` at the end stands for any ending.
    pub(super) hits: Vec<String>,
}

/// The members with the four CMCD headers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderMembers {
    /// `CMCD-Object`.
    object: String,
    /// `CMCD-Request`.
    request: String,
    /// `CMCD-Status`.
    status: String,
    /// `CMCD-Session`.
    session: String,
}

impl Mapping {
    /// Reads a mapping. `name` is what `json:` names it by.
    ///
    /// # Errors
    /// Text that is not such TOML, a name that lies inside another one's value, or a duration that is not one or two members.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Error> {
        let error = |message: String| Error::Mapping { name: name.to_owned(), message };
        let declared: Declared = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        let tree = declared.tree().map_err(error)?;
        Ok(Self { name: name.to_owned(), declared, tree })
    }

    /// The mapping of this name that comes with streamgauge.
    pub fn ready_made(name: &str) -> Option<Result<Self, Error>> {
        let (name, text) = READY_MADE.iter().find(|(ready, _)| *ready == name)?;
        Some(Self::from_toml(name, text))
    }

    /// The names of the mappings that come with streamgauge.
    pub fn ready_made_names() -> impl Iterator<Item = &'static str> {
        READY_MADE.iter().map(|(name, _)| *name)
    }

    /// What `json:` names it by.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Declared {
    fn tree(&self) -> Result<Tree, String> {
        let mut tree = Tree::default();
        let mut add = |name: Option<&String>, member| name.map_or(Ok(()), |name| tree.add(name, member));
        add(Some(&self.time.member), Member::Time)?;
        add(self.status.as_ref(), Member::Status)?;
        add(self.bytes.as_ref(), Member::Bytes)?;
        add(self.edge.as_ref(), Member::Edge)?;
        add(self.request_id.as_ref(), Member::RequestId)?;
        add(self.url.as_ref(), Member::Url)?;
        add(self.query.as_ref(), Member::Query)?;
        add(self.cache.as_ref().map(|cache| &cache.member), Member::Cache)?;
        let durations = [
            ("ttfb", &self.ttfb, [Member::TimeToFirstByte, Member::TimeToFirstByteRest]),
            ("time_taken", &self.time_taken, [Member::TimeTaken, Member::TimeTakenRest]),
        ];
        for (title, duration, places) in durations {
            let Some(duration) = duration else { continue };
            if duration.members.is_empty() || duration.members.len() > places.len() {
                return Err(format!("`{title}.members` has {} names: give one or two", duration.members.len()));
            }
            for (name, member) in duration.members.iter().zip(places) {
                add(Some(name), member)?;
            }
        }
        if let Some(headers) = &self.headers {
            add(Some(&headers.object), Member::HeaderObject)?;
            add(Some(&headers.request), Member::HeaderRequest)?;
            add(Some(&headers.status), Member::HeaderStatus)?;
            add(Some(&headers.session), Member::HeaderSession)?;
        }
        Ok(tree)
    }
}
