//! What can be wrong with InfluxDB or with the settings for it, in words for the person on call.

use std::time::Duration;

use crate::sink::Fault;

/// The settings cannot be used, whatever the server says.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not a URL, or one with parts that the transport would drop or print.
    #[error(
        "`{url}` is no address of an InfluxDB ({reason}): set STREAMGAUGE_INFLUX__URL to http://host:port or https://host:port"
    )]
    Url {
        /// As given, without what might be a password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An organization or bucket without a name.
    #[error("the InfluxDB {what} has no name: set {variable}")]
    Name {
        /// `organization` or `bucket`.
        what: &'static str,
        /// What to set.
        variable: &'static str,
    },
    /// A token that no HTTP header can hold.
    #[error(
        "the InfluxDB token is empty or has characters other than visible ASCII: set STREAMGAUGE_INFLUX__TOKEN (a line break at its end?)"
    )]
    Token,
    /// The HTTP client could not be made.
    #[error("the HTTP client for InfluxDB cannot be made: {cause}; check the machine's TLS certificates")]
    Client {
        /// In the client's words.
        cause: String,
    },
}

/// Why a request must be tried again. The text is the same for each try of the same kind; what the server said is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No connection, or one that broke.
    #[error("InfluxDB at {url} cannot be reached: is it running, and is STREAMGAUGE_INFLUX__URL right?")]
    Unreachable {
        /// Where it should be.
        url: String,
    },
    /// No answer in time.
    #[error("InfluxDB at {url} did not answer within {limit:?}: it is overloaded, or the network drops packets")]
    TimedOut {
        /// Where it is.
        url: String,
        /// The request time-out.
        limit: Duration,
    },
    /// 429 or 5xx.
    #[error("InfluxDB at {url} cannot take rows now ({status}): see its log; the rows are sent again until it can")]
    Failing {
        /// Where it is.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// 401.
    #[error(
        "InfluxDB at {url} refuses the token (401): set STREAMGAUGE_INFLUX__TOKEN to one that may write to bucket `{bucket}`"
    )]
    Unauthorized {
        /// Where it is.
        url: String,
        /// The bucket.
        bucket: String,
    },
    /// 403.
    #[error(
        "the token may not write to bucket `{bucket}` of InfluxDB at {url} (403): give it that permission, or set STREAMGAUGE_INFLUX__TOKEN to one that has it"
    )]
    Forbidden {
        /// Where it is.
        url: String,
        /// The bucket.
        bucket: String,
    },
    /// 404.
    #[error(
        "InfluxDB at {url} has no organization `{org}` or no bucket `{bucket}` in it (404): create the bucket, \
         or correct STREAMGAUGE_INFLUX__ORG and STREAMGAUGE_INFLUX__BUCKET"
    )]
    NotFound {
        /// Where it is.
        url: String,
        /// The organization.
        org: String,
        /// The bucket.
        bucket: String,
    },
    /// An answer that InfluxDB 2 does not give: a redirect, a proxy's page, HTTPS spoken to as HTTP.
    #[error(
        "what answers at {url} does not behave like InfluxDB 2 ({status}): set STREAMGAUGE_INFLUX__URL to the server itself, with the right scheme and port"
    )]
    NotInflux {
        /// Where it is.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

impl Problem {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Failing { .. } => Fault::Outage,
            Self::Unauthorized { .. } | Self::Forbidden { .. } | Self::NotFound { .. } | Self::NotInflux { .. } => {
                Fault::Configuration
            }
        }
    }
}
