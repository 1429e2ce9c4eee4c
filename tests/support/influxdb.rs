//! The real InfluxDB of the tests: `tests/servers/influxd.sh up` starts it and prints the variables that name it.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// A running InfluxDB 2 with an organization, a bucket and a token.
pub struct Server {
    pub url: String,
    pub org: String,
    pub bucket: String,
    pub token: String,
}

/// The server named by the environment. Without one the test is skipped with a printed line, and fails in CI.
pub fn server() -> Option<Server> {
    let variable = |name| env::var(name).ok();
    let named = (|| {
        Some(Server {
            url: variable("INFLUX_URL")?,
            org: variable("INFLUX_ORG")?,
            bucket: variable("INFLUX_BUCKET")?,
            token: variable("INFLUX_TOKEN")?,
        })
    })();
    if named.is_none() {
        assert!(
            env::var("CI").as_deref() != Ok("true"),
            "INFLUX_URL, INFLUX_ORG, INFLUX_BUCKET and INFLUX_TOKEN must be set in CI"
        );
        println!("skipped: no InfluxDB (tests/servers/influxd.sh up)");
    }
    named
}

/// A name that no other run of a test has.
pub fn unique(name: &str) -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{name}{}", since_epoch.as_nanos())
}

impl Server {
    /// The rows of a measurement by InfluxQL: for each, its time stamp in nanoseconds, then `columns`.
    pub async fn select(&self, columns: &[&str], measurement: &str) -> Vec<Vec<serde_json::Value>> {
        let columns: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        let query = format!("SELECT {} FROM \"{measurement}\"", columns.join(", "));
        let answer = reqwest::Client::new()
            .get(format!("{}/query", self.url))
            .header("Authorization", format!("Token {}", self.token))
            .query(&[("db", self.bucket.as_str()), ("epoch", "ns"), ("q", &query)])
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let values = json["results"][0]["series"][0]["values"].as_array();
        let rows = values.map(|rows| rows.iter().map(|row| row.as_array().expect(&text).clone()));
        rows.map(Iterator::collect).unwrap_or_default()
    }
}
