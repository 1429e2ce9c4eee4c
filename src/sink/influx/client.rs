//! One request to InfluxDB: compressed, sent by the `influxdb2` crate, and its answer told apart by what must follow from it.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use influxdb2::api::write::TimestampPrecision;
use influxdb2::{ClientBuilder, RequestError};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};

use super::{Problem, Settings, SettingsError};
use crate::telemetry;

/// Level 1 compresses these repetitive lines nearly as well as higher levels, in a fraction of their time.
const LEVEL: Compression = Compression::new(1);

/// The most characters that are kept of a server's words.
const LONGEST_WORDS: usize = 1000;

/// What an answer means for the lines that were sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All of them are stored.
    Stored,
    /// They are too many for one request.
    TooLarge { words: String },
    /// At least one of them is bad; whether the others were stored is not certain.
    Refused { words: String },
    /// The same request may succeed later.
    Failed { problem: Problem, words: String },
}

/// A connection pool to one bucket.
#[derive(Debug)]
pub(super) struct Client {
    influx: influxdb2::Client,
    url: String,
    org: String,
    bucket: String,
    request_timeout: Duration,
}

impl Client {
    /// A client that sends compressed bodies: [`Client::send`].
    pub(super) fn compressing(settings: &Settings, token: &str) -> Result<Self, SettingsError> {
        // The crate knows no compression for line protocol that we render: the header goes on every request, so every body must be compressed.
        Self::build(settings, token, HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]))
    }

    /// A client for everything else.
    pub(super) fn plain(settings: &Settings, token: &str) -> Result<Self, SettingsError> {
        Self::build(settings, token, HeaderMap::new())
    }

    fn build(settings: &Settings, token: &str, headers: HeaderMap) -> Result<Self, SettingsError> {
        check(settings, token)?;
        let http = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.request_timeout)
            .pool_max_idle_per_host(8)
            // Followed, a redirect would turn the write into a read, and the 200 of some page would count as stored.
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers);
        let influx = ClientBuilder::with_builder(http, &settings.url, &settings.org, token)
            .build()
            .map_err(|error| SettingsError::Client { cause: error.to_string() })?;
        Ok(Self {
            influx,
            url: settings.url.clone(),
            org: settings.org.clone(),
            bucket: settings.bucket.clone(),
            request_timeout: settings.request_timeout,
        })
    }

    /// Sends lines. Never fails: what went wrong is an answer too.
    pub(super) async fn send(&self, lines: &[u8]) -> Answer {
        let body = match gzip(lines) {
            Ok(body) => body,
            Err(error) => return self.unreachable(format!("compression failed: {error}")),
        };
        let written = self
            .influx
            .write_line_protocol_with_precision(&self.org, &self.bucket, body, TimestampPrecision::Nanoseconds)
            .await;
        let (class, answer) = match written {
            Ok(()) => ("2xx", Answer::Stored),
            Err(error) => self.explain(error),
        };
        metrics::counter!(telemetry::SINK_REQUESTS.name, "status" => class).increment(1);
        answer
    }

    /// The `influxdb2` client itself.
    pub(super) fn api(&self) -> &influxdb2::Client {
        &self.influx
    }

    /// What an error of the transport means, and its class for the metric.
    pub(super) fn explain(&self, error: RequestError) -> (&'static str, Answer) {
        match error {
            RequestError::Http { status, text } => (class_of(status.as_u16()), self.answer(status.as_u16(), &text)),
            RequestError::ReqwestProcessing { source } if source.is_timeout() && !source.is_connect() => {
                let problem = Problem::TimedOut { url: self.url.clone(), limit: self.request_timeout };
                ("timeout", Answer::Failed { problem, words: String::new() })
            }
            RequestError::ReqwestProcessing { source } => {
                ("connection", self.unreachable(source.without_url().to_string()))
            }
            other => ("other", self.unreachable(other.to_string())),
        }
    }

    fn unreachable(&self, words: String) -> Answer {
        Answer::Failed { problem: Problem::Unreachable { url: self.url.clone() }, words }
    }

    /// What a status other than 204 means.
    fn answer(&self, status: u16, body: &str) -> Answer {
        let own_words = influx_words(body);
        let words = shorten(own_words.as_deref().unwrap_or(body));
        let (url, org, bucket) = (self.url.clone(), self.org.clone(), self.bucket.clone());
        let problem = match status {
            // The crate takes only 204 for success.
            200..=299 => return Answer::Stored,
            413 => return Answer::TooLarge { words },
            // In other words than InfluxDB's it is a proxy that speaks, and of the request, not of a line.
            400 | 422 if own_words.is_some() => return Answer::Refused { words },
            401 => Problem::Unauthorized { url, bucket },
            403 => Problem::Forbidden { url, bucket },
            404 => Problem::NotFound { url, org, bucket },
            408 | 429 | 500..=599 => Problem::Failing { url, status },
            _ => Problem::NotInflux { url, status },
        };
        Answer::Failed { problem, words }
    }
}

/// Refuses what the transport would panic on, print or silently leave out.
fn check(settings: &Settings, token: &str) -> Result<(), SettingsError> {
    let bad_url = |url: &str, reason: &str| Err(SettingsError::Url { url: url.to_owned(), reason: reason.to_owned() });
    let url = match reqwest::Url::parse(&settings.url) {
        Ok(url) => url,
        Err(error) => return bad_url(&settings.url, &error.to_string()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return bad_url("(hidden)", "it holds a user name or a password, and a token is used instead");
    }
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return bad_url(&settings.url, "the scheme is neither http nor https");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return bad_url(&settings.url, "a path or query behind host and port is not supported");
    }
    if settings.org.is_empty() {
        return Err(SettingsError::Name { what: "organization", variable: "STREAMGAUGE_INFLUX__ORG" });
    }
    if settings.bucket.is_empty() {
        return Err(SettingsError::Name { what: "bucket", variable: "STREAMGAUGE_INFLUX__BUCKET" });
    }
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SettingsError::Token);
    }
    Ok(())
}

fn gzip(lines: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 4 + 64), LEVEL);
    encoder.write_all(lines)?;
    encoder.finish()
}

/// The message of an error in InfluxDB's form: a JSON object with `message` (version 2) or `error` (1.8, and 3 in its version 2 guise).
fn influx_words(body: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(body).ok()?;
    let words = json.get("message").or_else(|| json.get("error"))?;
    words.as_str().map(str::to_owned)
}

/// Keeps the beginning and the end: InfluxDB quotes the line first and gives its reason last.
fn shorten(words: &str) -> String {
    let words = words.trim();
    let length = words.chars().count();
    if length <= LONGEST_WORDS {
        return words.to_owned();
    }
    let head = words.chars().take(LONGEST_WORDS / 2);
    let tail = words.chars().skip(length - LONGEST_WORDS / 2);
    head.chain(" … ".chars()).chain(tail).collect()
}

fn class_of(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn settings() -> Settings {
        Settings::new("http://localhost:8086", "org", "bucket")
    }

    /// Status, body, and what must follow. The bodies with braces are those of InfluxDB 2.7.12.
    #[test]
    fn answers_are_told_apart_by_what_must_follow() {
        let client = Client::compressing(&settings(), "token").unwrap();
        let invalid = r#"{"code":"invalid","message":"unable to parse 'm f=': missing field value"}"#;
        let cases = [
            (200, "", "stored"),
            (201, "", "stored"),
            (204, "", "stored"),
            (302, "", "configuration"),
            (400, invalid, "refused"),
            // Go's answer when HTTP is spoken to an HTTPS port, and a proxy's page: nothing is known of the lines.
            (400, "Client sent an HTTP request to an HTTPS server.\n", "configuration"),
            (400, "<html><h1>400 Bad Request</h1></html>", "configuration"),
            (401, r#"{"code":"unauthorized","message":"unauthorized access"}"#, "configuration"),
            (403, r#"{"code":"forbidden","message":"insufficient permissions for write"}"#, "configuration"),
            (404, r#"{"code":"not found","message":"bucket \"x\" not found"}"#, "configuration"),
            (405, "", "configuration"),
            (408, "", "outage"),
            (413, "", "too large"),
            (
                422,
                r#"{"code":"unprocessable entity","message":"failure writing points to database: partial write: x dropped=1"}"#,
                "refused",
            ),
            (429, "", "outage"),
            (500, "", "outage"),
            (503, "", "outage"),
        ];
        for (status, body, expected) in cases {
            let meaning = match client.answer(status, body) {
                Answer::Stored => "stored",
                Answer::TooLarge { .. } => "too large",
                Answer::Refused { .. } => "refused",
                Answer::Failed { problem, .. } => match problem.fault() {
                    crate::sink::Fault::Outage => "outage",
                    crate::sink::Fault::Configuration => "configuration",
                },
            };
            assert_eq!(meaning, expected, "{status} {body}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_without_telling_secrets() {
        let cases = [
            ("localhost:8086", "neither http nor https"),
            ("/3242/23", "relative URL"),
            ("http://host:8086/influx", "path"),
            ("http://admin:hunter2@host:8086", "password"),
        ];
        for (url, expected) in cases {
            let error =
                Client::plain(&Settings { url: url.to_owned(), ..settings() }, "token").unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{url}: {error}");
        }
        for token in ["", "with space", "line\n"] {
            assert!(matches!(Client::plain(&settings(), token), Err(SettingsError::Token)), "{token:?}");
        }
        let client = Client::plain(&settings(), "hunter2").unwrap();
        assert!(!format!("{client:?}").contains("hunter2"));
    }
}
