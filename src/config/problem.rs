//! What can be wrong with settings or a topology. Every problem is found before any is reported, and each says where it is and what to do.

use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, by the path that was given.
    File(String),
    /// An environment variable, by its name.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.write_str(path),
            Self::Variable(name) => formatter.write_str(name),
        }
    }
}

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file could not be read.
    #[error("cannot read {path}{}: {cause}; check the path and its permissions", naming(.named_by.as_deref()))]
    Unreadable {
        /// The file.
        path: String,
        /// The key that names the file, if one does.
        named_by: Option<String>,
        /// What the system said.
        cause: String,
    },
    /// A file is not TOML.
    #[error("{path} is not valid TOML: {cause}")]
    Syntax {
        /// The file.
        path: String,
        /// What the parser said, with the place.
        cause: String,
    },
    /// A key that means nothing; `advice` names the nearest that does.
    #[error("`{key}` ({origin}) is unknown: {advice}")]
    UnknownKey {
        /// The key with its sections.
        key: String,
        /// Where it was set.
        origin: Origin,
        /// The nearest valid name, or the names that are valid there.
        advice: String,
    },
    /// A value of the wrong type, outside its range, or not among the choices.
    #[error("`{key}` ({origin}) is {found}: it must be {expected}")]
    Value {
        /// The key with its sections.
        key: String,
        /// Where it was set.
        origin: Origin,
        /// What stands there; never a secret.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A key that has no default and was not set.
    #[error("`{key}` is not set: {advice}")]
    Missing {
        /// The key with its sections.
        key: String,
        /// How to set it.
        advice: String,
    },
    /// Values that are right one by one and wrong together.
    #[error("`{key}` {conflict}")]
    Contradiction {
        /// The key that is most likely the one to change.
        key: String,
        /// What contradicts what, and what to do.
        conflict: String,
    },
}

fn naming(key: Option<&str>) -> String {
    key.map(|key| format!(" (named by `{key}`)")).unwrap_or_default()
}

impl Problem {
    /// The key that it is about; empty when it is about a whole file.
    pub fn key(&self) -> &str {
        match self {
            Self::Unreadable { named_by, .. } => named_by.as_deref().unwrap_or_default(),
            Self::Syntax { .. } => "",
            Self::UnknownKey { key, .. }
            | Self::Value { key, .. }
            | Self::Missing { key, .. }
            | Self::Contradiction { key, .. } => key,
        }
    }

    pub(crate) fn contradiction(key: impl Into<String>, conflict: impl Into<String>) -> Self {
        Self::Contradiction { key: key.into(), conflict: conflict.into() }
    }
}

/// All problems of one load, in the order in which they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    subject: String,
    problems: Vec<Problem>,
}

impl Error {
    pub(crate) fn new(subject: impl Into<String>, problems: Vec<Problem>) -> Self {
        Self { subject: subject.into(), problems }
    }

    /// The problems; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "{count} {noun} in {}:", self.subject)?;
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n  - {problem}"))
    }
}

/// The name of `valid` that is most like `given`, if one is alike enough to be meant.
pub(crate) fn nearest<'a>(given: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    let scored = valid.into_iter().map(|name| (strsim::jaro_winkler(given, name), name));
    scored.filter(|(score, _)| *score >= ALIKE).max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, name)| name)
}

/// The names in backticks, with commas; for messages that list choices.
pub(crate) fn list_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
