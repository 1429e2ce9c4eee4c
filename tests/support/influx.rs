//! A real InfluxDB for a test, and reading rows back from it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::starter::{Starter, free_ports};
use super::{block_on, eventually, skip_or_fail};

/// One row as read back: tags (texts) and fields (with their types) by name, without what the database adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Nanoseconds since 1970.
    pub timestamp_ns: i64,
    /// Every tag and field that is not null and not an empty text.
    pub columns: BTreeMap<String, Value>,
}

/// A running server with an organisation, an empty bucket and a token that may do everything. It is stopped, and its data removed, on drop.
pub struct Influx {
    starter: Starter,
    pub url: String,
    pub organisation: String,
    pub bucket: String,
    pub token: String,
}

impl Influx {
    /// A server of the test's own: half a second. `None`: the test is skipped.
    pub fn start() -> Option<Self> {
        let starter = Starter::new("influxd.sh", free_ports(1));
        if let Some(missing) = starter.missing() {
            skip_or_fail("InfluxDB", &missing);
            return None;
        }
        let printed = starter.up(&[], &[]);
        let variables: BTreeMap<&str, &str> = printed.lines().filter_map(|line| line.split_once('=')).collect();
        let variable = |name: &str| variables.get(name).expect("the starter prints every variable").to_string();
        let influx = Self {
            starter,
            url: variable("INFLUX_URL"),
            organisation: variable("INFLUX_ORG"),
            bucket: variable("INFLUX_BUCKET"),
            token: variable("INFLUX_TOKEN"),
        };
        influx.open_shard();
        Some(influx)
    }

    /// Makes the place of this week's rows. When the first two writes to a new one meet, InfluxDB 2.7 can answer 204 to both and show the rows
    /// of one only: `Cache.init` of its storage engine is passed by the second before the first has made the cache.
    fn open_shard(&self) {
        assert_eq!(self.write(&format!("first f=1i {}", OffsetDateTime::now_utc().unix_timestamp_nanos())).0, 204);
        self.delete_all();
    }

    /// Stops the server and keeps what it holds.
    pub fn stop(&self) {
        self.starter.down(&["--keep"]);
    }

    /// Starts a stopped server again, at the same address and with what it held.
    pub fn start_again(&self) {
        self.starter.up(&["--keep"], &[]);
    }

    /// Writes line protocol with nanosecond timestamps; the status and the body of the answer.
    pub fn write(&self, lines: &str) -> (u16, String) {
        let path = format!("/api/v2/write?org={}&bucket={}&precision=ns", self.organisation, self.bucket);
        self.post(&path, "text/plain; charset=utf-8", lines.to_owned())
    }

    /// Deletes every row.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn delete_all(&self) {
        let path = format!("/api/v2/delete?org={}&bucket={}", self.organisation, self.bucket);
        let body = json!({ "start": "1970-01-01T00:00:00Z", "stop": "2262-01-01T00:00:00Z" });
        let (status, answer) = self.post(&path, "application/json", body.to_string());
        assert_eq!(status, 204, "InfluxDB does not delete: {answer}");
    }

    /// Every row of a measurement, in order of time and then of columns.
    ///
    /// # Panics
    /// When the server refuses the query or its answer is not understood.
    pub fn rows(&self, measurement: &str) -> Vec<Point> {
        let query = format!(
            "from(bucket: {bucket}) |> range(start: 1970-01-01T00:00:00Z, stop: 2262-01-01T00:00:00Z) \
             |> filter(fn: (r) => r._measurement == {measurement}) \
             |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\")",
            bucket = json!(self.bucket),
            measurement = json!(measurement),
        );
        let body =
            json!({ "query": query, "type": "flux", "dialect": { "header": true, "annotations": ["datatype"] } });
        let path = format!("/api/v2/query?org={}", self.organisation);
        let (status, answer) = self.post(&path, "application/json", body.to_string());
        assert_eq!(status, 200, "InfluxDB refuses the query for {measurement}: {answer}");
        let mut rows = parse_annotated_csv(&answer);
        rows.sort_by_cached_key(|row| (row.timestamp_ns, format!("{:?}", row.columns)));
        rows
    }

    /// The rows of a measurement without the edge rows of a minute or an hour, which say the same again when one ends while a test runs.
    ///
    /// # Panics
    /// As [`Influx::rows`].
    pub fn rows_of_windows(&self, measurement: &str) -> Vec<Point> {
        let mut rows = self.rows(measurement);
        rows.retain(|row| row.columns.get("window").is_none_or(|window| window != "1m" && window != "1h"));
        rows
    }

    /// Waits until exactly `count` requests are in the session rows and the edge rows of a source.
    ///
    /// # Panics
    /// When there are more, or still fewer after `patience`.
    pub fn await_requests(&self, source: &str, count: i64, patience: Duration) {
        for measurement in ["session_window", "edge_window"] {
            let mut sum = 0;
            let mut rows = Vec::new();
            eventually(patience, &format!("{measurement} rows with {count} requests"), || {
                rows = self.rows_of_windows(measurement);
                rows.retain(|row| row.columns["source"] == source);
                sum = rows.iter().filter_map(|row| row.columns.get("requests_count")?.as_i64()).sum();
                sum >= count
            });
            assert_eq!(sum, count, "{measurement}: {rows:#?}");
        }
    }

    /// The names of all measurements.
    ///
    /// # Panics
    /// When the server refuses the query or its answer is not understood.
    pub fn measurements(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.query("SHOW MEASUREMENTS", &mut |columns, values| {
            // Columns `name`, `tags` and `name`; the first says what kind of list it is.
            assert_eq!(columns.iter().next_back(), Some("name"));
            names.extend(values.iter().next_back().map(str::to_owned));
        });
        names
    }

    /// Calls `each` with every row of a measurement whose time lies in `[from_ns, to_ns)`: names of the columns, and the values in the
    /// same order. By InfluxQL, which gives whole rows; Flux has to assemble them from their fields, at a hundredth of the speed.
    ///
    /// # Panics
    /// When the server refuses the query or its answer is not understood.
    pub fn scan(
        &self,
        measurement: &str,
        from_ns: i64,
        to_ns: i64,
        each: &mut dyn FnMut(&csv::StringRecord, &csv::StringRecord),
    ) {
        self.query(&format!("SELECT * FROM {measurement} WHERE time >= {from_ns} AND time < {to_ns}"), each);
    }

    fn query(&self, query: &str, each: &mut dyn FnMut(&csv::StringRecord, &csv::StringRecord)) {
        let (status, answer) = block_on(async {
            let request = reqwest::Client::new()
                .get(format!("{}/query", self.url))
                .query(&[("db", self.bucket.as_str()), ("epoch", "ns"), ("q", query)])
                .header("Authorization", format!("Token {}", self.token))
                .header("Accept", "application/csv");
            let response = request.send().await.expect("InfluxDB answers");
            (response.status().as_u16(), response.text().await.expect("the answer is text"))
        });
        assert_eq!(status, 200, "InfluxDB refuses {query}: {answer}");
        assert!(!answer.starts_with("error"), "{query} failed: {answer}");
        let mut reader = csv::ReaderBuilder::new().from_reader(answer.as_bytes());
        if answer.trim().is_empty() {
            return;
        }
        let names = reader.headers().expect("a row of names").clone();
        for record in reader.records() {
            each(&names, &record.expect("well-formed CSV"));
        }
    }

    fn post(&self, path: &str, content_type: &str, body: String) -> (u16, String) {
        block_on(async {
            let request = reqwest::Client::new()
                .post(format!("{}{path}", self.url))
                .header("Authorization", format!("Token {}", self.token))
                .header("Content-Type", content_type)
                .body(body);
            let response = request.send().await.expect("InfluxDB answers");
            (response.status().as_u16(), response.text().await.expect("the answer is text"))
        })
    }
}

impl Drop for Influx {
    fn drop(&mut self) {
        self.starter.down(&[]);
    }
}

/// Flux's annotated CSV (InfluxDB 2.7 reference, "Annotated CSV"): tables follow each other, each with a row of types that starts with
/// `#datatype`, a row of names, then its records; the first column is empty everywhere else.
fn parse_annotated_csv(text: &str) -> Vec<Point> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut types = csv::StringRecord::new();
    let mut names: Option<csv::StringRecord> = None;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.expect("well-formed CSV");
        if record.get(0) == Some("#datatype") {
            types = record;
            names = None;
        } else if let Some(names) = &names {
            rows.push(point(&types, names, &record));
        } else {
            assert!(!record.iter().any(|name| name == "error"), "the query failed half-way:\n{text}");
            names = Some(record);
        }
    }
    rows
}

fn point(types: &csv::StringRecord, names: &csv::StringRecord, record: &csv::StringRecord) -> Point {
    let mut timestamp_ns = None;
    let mut columns = BTreeMap::new();
    for ((kind, name), cell) in types.iter().zip(names).zip(record) {
        match name {
            "" | "result" | "table" | "_start" | "_stop" | "_measurement" => {}
            "_time" => timestamp_ns = Some(nanoseconds(cell)),
            _ if cell.is_empty() => {}
            _ => {
                columns.insert(name.to_owned(), typed(kind, cell));
            }
        }
    }
    Point { timestamp_ns: timestamp_ns.expect("every row has a time"), columns }
}

fn typed(kind: &str, cell: &str) -> Value {
    match kind {
        "long" => cell.parse::<i64>().expect("a long").into(),
        "unsignedLong" => cell.parse::<u64>().expect("an unsigned long").into(),
        "double" => cell.parse::<f64>().expect("a double").into(),
        "boolean" => (cell == "true").into(),
        _ => cell.into(),
    }
}

fn nanoseconds(time: &str) -> i64 {
    let time = OffsetDateTime::parse(time, &Rfc3339).expect("InfluxDB prints RFC 3339");
    i64::try_from(time.unix_timestamp_nanos()).expect("InfluxDB's times fit 64 bits")
}
