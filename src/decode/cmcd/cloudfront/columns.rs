//! The columns of CloudFront's access logs: their names, their canonical order, and which of them are read.

use strsim::jaro_winkler;

use crate::decode::common::places;
use crate::model::Reason;

use super::super::Error;

/// The fields of real-time logs in the order in which they are always delivered, whatever the order in which they were selected
/// (Amazon CloudFront Developer Guide, "Real-time log configuration fields"). Fields have been inserted in the middle over the
/// years, hence the declared selection and the check of the column count.
pub const REAL_TIME_FIELDS: [&str; 69] = [
    "timestamp",
    "c-ip",
    "s-ip",
    "time-to-first-byte",
    "sc-status",
    "sc-bytes",
    "cs-method",
    "cs-protocol",
    "cs-host",
    "cs-uri-stem",
    "cs-bytes",
    "x-edge-location",
    "x-edge-request-id",
    "x-host-header",
    "time-taken",
    "cs-protocol-version",
    "c-ip-version",
    "cs-user-agent",
    "cs-referer",
    "cs-cookie",
    "cs-uri-query",
    "x-edge-response-result-type",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-result-type",
    "fle-encrypted-fields",
    "fle-status",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
    "c-port",
    "x-edge-detailed-result-type",
    "c-country",
    "cs-accept-encoding",
    "cs-accept",
    "cache-behavior-path-pattern",
    "cs-headers",
    "cs-header-names",
    "cs-headers-count",
    "primary-distribution-id",
    "primary-distribution-dns-name",
    "origin-fbl",
    "origin-lbl",
    "asn",
    "cmcd-encoded-bitrate",
    "cmcd-buffer-length",
    "cmcd-buffer-starvation",
    "cmcd-content-id",
    "cmcd-object-duration",
    "cmcd-deadline",
    "cmcd-measured-throughput",
    "cmcd-next-object-request",
    "cmcd-next-range-request",
    "cmcd-object-type",
    "cmcd-playback-rate",
    "cmcd-requested-maximum-throughput",
    "cmcd-streaming-format",
    "cmcd-session-id",
    "cmcd-stream-type",
    "cmcd-startup",
    "cmcd-top-bitrate",
    "cmcd-version",
    "r-host",
    "sr-reason",
    "x-edge-mqcs",
    "distribution-tenant-id",
    "connection-id",
];

/// The fields of standard logs, unless a `#Fields:` line says otherwise (same guide, "Standard log file fields").
pub(super) const STANDARD_FIELDS: [&str; 33] = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
    "cs-uri-query",
    "cs(Cookie)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
];

/// A column that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Timestamp,
    TimestampMillis,
    Date,
    Time,
    TimeToFirstByte,
    Status,
    Bytes,
    UriStem,
    EdgeLocation,
    RequestId,
    TimeTaken,
    UriQuery,
    ResponseResultType,
    ResultType,
    DetailedResultType,
    Headers,
    Cmcd(CmcdColumn),
}

/// A column that holds one CMCD key, by its index in [`CMCD_COLUMNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CmcdColumn(pub(super) usize);

/// The columns that hold one CMCD key each (version 1 only), the key, and whether it is a string.
pub(super) const CMCD_COLUMNS: [(&str, &str, bool); 18] = [
    ("cmcd-encoded-bitrate", "br", false),
    ("cmcd-buffer-length", "bl", false),
    ("cmcd-buffer-starvation", "bs", false),
    ("cmcd-content-id", "cid", true),
    ("cmcd-object-duration", "d", false),
    ("cmcd-deadline", "dl", false),
    ("cmcd-measured-throughput", "mtp", false),
    ("cmcd-next-object-request", "nor", true),
    ("cmcd-next-range-request", "nrr", true),
    ("cmcd-object-type", "ot", false),
    ("cmcd-playback-rate", "pr", false),
    ("cmcd-requested-maximum-throughput", "rtp", false),
    ("cmcd-streaming-format", "sf", false),
    ("cmcd-session-id", "sid", true),
    ("cmcd-stream-type", "st", false),
    ("cmcd-startup", "su", false),
    ("cmcd-top-bitrate", "tb", false),
    ("cmcd-version", "v", false),
];

impl Column {
    /// How many columns are read: the length of [`Fields`].
    const COUNT: usize = 16 + CMCD_COLUMNS.len();

    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "timestamp" => Self::Timestamp,
            "timestamp(ms)" => Self::TimestampMillis,
            "date" => Self::Date,
            "time" => Self::Time,
            "time-to-first-byte" => Self::TimeToFirstByte,
            "sc-status" => Self::Status,
            "sc-bytes" => Self::Bytes,
            "cs-uri-stem" => Self::UriStem,
            "x-edge-location" => Self::EdgeLocation,
            "x-edge-request-id" => Self::RequestId,
            "time-taken" => Self::TimeTaken,
            "cs-uri-query" => Self::UriQuery,
            "x-edge-response-result-type" => Self::ResponseResultType,
            "x-edge-result-type" => Self::ResultType,
            "x-edge-detailed-result-type" => Self::DetailedResultType,
            "cs-headers" => Self::Headers,
            _ => {
                let index = CMCD_COLUMNS.iter().position(|(column, _, _)| *column == name)?;
                Self::Cmcd(CmcdColumn(index))
            }
        })
    }

    const fn index(self) -> usize {
        match self {
            Self::Timestamp => 0,
            Self::TimestampMillis => 1,
            Self::Date => 2,
            Self::Time => 3,
            Self::TimeToFirstByte => 4,
            Self::Status => 5,
            Self::Bytes => 6,
            Self::UriStem => 7,
            Self::EdgeLocation => 8,
            Self::RequestId => 9,
            Self::TimeTaken => 10,
            Self::UriQuery => 11,
            Self::ResponseResultType => 12,
            Self::ResultType => 13,
            Self::DetailedResultType => 14,
            Self::Headers => 15,
            Self::Cmcd(CmcdColumn(key)) => 16 + key,
        }
    }
}

/// The columns of a log, in the order in which they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPlan {
    columns: Vec<Option<Column>>,
    has_cmcd_columns: bool,
}

impl ColumnPlan {
    /// The plan of a real-time log with the selected fields, in any order: CloudFront delivers them in its own.
    ///
    /// # Errors
    /// A field that does not exist (with the nearest that does), one that is listed twice, or no `timestamp`.
    pub fn new(selected: &[impl AsRef<str>]) -> Result<Self, Error> {
        for (position, field) in selected.iter().map(AsRef::as_ref).enumerate() {
            if !REAL_TIME_FIELDS.contains(&field) {
                return Err(Error::UnknownField { field: field.to_owned(), nearest: nearest(field) });
            }
            if selected.iter().take(position).any(|earlier| earlier.as_ref() == field) {
                return Err(Error::RepeatedField { field: field.to_owned() });
            }
        }
        if !selected.iter().any(|field| field.as_ref() == "timestamp") {
            return Err(Error::NoTimestamp);
        }
        let is_selected = |field: &&str| selected.iter().any(|name| name.as_ref() == *field);
        Ok(Self::in_order(REAL_TIME_FIELDS.iter().copied().filter(is_selected)))
    }

    /// The plan of columns in the order given; names that mean nothing here are skipped.
    pub(super) fn in_order<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let columns: Vec<_> = names.map(Column::from_name).collect();
        let has_cmcd_columns = columns.iter().any(|column| matches!(column, Some(Column::Cmcd(_))));
        Self { columns, has_cmcd_columns }
    }

    /// How many columns a line has.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Whether keys come in columns of their own.
    pub(super) const fn has_cmcd_columns(&self) -> bool {
        self.has_cmcd_columns
    }

    /// Cuts a line at its TABs, into fields that are empty yet: they are large, and better not moved.
    pub(super) fn split<'a>(&self, line: &'a str, fields: &mut Fields<'a>) -> Result<(), Reason> {
        let mut columns = self.columns.iter();
        let mut start = 0;
        for end in places(line.as_bytes(), [b'\t']) {
            let column = columns.next().ok_or(Reason::ColumnCount)?;
            if let Some(column) = column {
                fields.set(*column, line.get(start..end).unwrap_or_default());
            }
            start = end + 1;
        }
        let last = columns.next().ok_or(Reason::ColumnCount)?;
        if let Some(column) = last {
            fields.set(*column, line.get(start..).unwrap_or_default());
        }
        if columns.next().is_some() { Err(Reason::ColumnCount) } else { Ok(()) }
    }
}

fn nearest(field: &str) -> &'static str {
    let by_similarity = |left: &&&str, right: &&&str| jaro_winkler(field, left).total_cmp(&jaro_winkler(field, right));
    REAL_TIME_FIELDS.iter().max_by(by_similarity).copied().unwrap_or_default()
}

/// The values of one line, by column; empty where the log has `-` or no such column.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    values: [&'a str; Column::COUNT],
}

impl<'a> Fields<'a> {
    /// All empty.
    pub(super) const fn new() -> Self {
        Self { values: [""; Column::COUNT] }
    }

    /// The value of a column.
    pub(super) fn get(&self, column: Column) -> &'a str {
        self.values.get(column.index()).copied().unwrap_or_default()
    }

    fn set(&mut self, column: Column, value: &'a str) {
        if value == "-" {
            return;
        }
        if let Some(place) = self.values.get_mut(column.index()) {
            *place = value;
        }
    }
}
