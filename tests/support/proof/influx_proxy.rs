//! A proxy before a real InfluxDB that answers some requests itself, as the test says, and keeps the book of what was stored.
//!
//! R1  A row counts as stored when InfluxDB itself has answered 2xx to it, also when the client that sent it has gone by then.
//! R2  A row that is stored again must have the same fields: the book counts those that had not.
//! R3  While no rule is set, everything is passed on.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use streamgauge::model::hash::stable_hash;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::line;
use crate::support::eventually;

/// What becomes of a write request.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// InfluxDB gets it and answers.
    Pass,
    /// A status and a body instead of InfluxDB's, and perhaps the seconds of `Retry-After`.
    Answer(u16, String, Option<u32>),
    /// Refused for good, because of these lines (by their place): in InfluxDB's words, and nothing of it is stored.
    Refuse(Vec<usize>),
    /// The client waits in vain; InfluxDB gets it after this time, when the client has tried again.
    Stray(Duration),
}

/// What was stored.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The hash of the fields of each row that is stored, by the hash of its identity.
    rows: HashMap<u64, u64>,
    /// Rows that came again.
    pub again: u64,
    /// Of these, rows with other fields than before.
    pub changed: u64,
    /// Rows that were refused when they came last, by their identity in line protocol. Whoever reads records again because a commit came
    /// to nothing sends their rows again, too: what is taken then was not refused. A stray that came before and lands after stays refused.
    pub refused: HashMap<String, Refused>,
    /// Requests that were not passed on.
    pub not_passed: u64,
    /// Writes that have come.
    writes: u64,
}

/// A row that was refused for good.
#[derive(Clone, Debug)]
pub struct Refused {
    pub row: line::Identity,
    /// Whether it was stored before, or by a stray: then it stays.
    pub is_stored: bool,
    /// The number of the write.
    write: u64,
}

type Rule = Box<dyn FnMut(&[&str]) -> Verdict + Send>;

struct Shared {
    upstream: String,
    client: reqwest::Client,
    rule: Mutex<Option<Rule>>,
    book: Mutex<Book>,
    /// Requests that have come and are not answered.
    under_way: AtomicUsize,
}

/// The proxy; it ends when it is dropped.
pub struct InfluxProxy {
    shared: Arc<Shared>,
    pub address: std::net::SocketAddr,
    // Its tasks serve until it is dropped.
    _runtime: Runtime,
}

impl InfluxProxy {
    /// Starts before the server at `upstream`.
    pub fn start(upstream: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            client,
            rule: Mutex::default(),
            book: Mutex::default(),
            under_way: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let shared = Arc::clone(&serving);
            // A task of its own: it goes on when the client leaves (R1).
            let task = async move {
                shared.under_way.fetch_add(1, Ordering::SeqCst);
                let answer = answer(&shared, &method, &uri, &headers, body).await;
                shared.under_way.fetch_sub(1, Ordering::SeqCst);
                answer
            };
            async move { tokio::spawn(task).await.unwrap() }
        };
        runtime.spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
        Self { shared, address, _runtime: runtime }
    }

    /// From now on `rule` decides on each write, by its lines.
    pub fn rule(&self, rule: impl FnMut(&[&str]) -> Verdict + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// From now on everything is passed on.
    pub fn pass(&self) {
        *self.shared.rule.lock().unwrap() = None;
    }

    /// Waits until InfluxDB has answered everything, strays too.
    pub fn await_quiet(&self) {
        eventually(Duration::from_secs(60), "no write is under way any more", || {
            self.shared.under_way.load(Ordering::SeqCst) == 0
        });
    }

    /// What was stored so far.
    pub fn book(&self) -> Book {
        self.shared.book.lock().unwrap().clone()
    }
}

async fn answer(shared: &Shared, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
    if uri.path() != "/api/v2/write" {
        return shared.forward(method, uri, headers, body).await;
    }
    let text = plain_text(headers, &body);
    let lines: Vec<&str> = text.lines().collect();
    let (write, verdict) = shared.judge(&lines);
    match verdict {
        Verdict::Pass => {}
        Verdict::Answer(status, words, retry_after) => {
            let mut answer = (StatusCode::from_u16(status).unwrap(), words).into_response();
            if let Some(seconds) = retry_after {
                answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            return answer;
        }
        Verdict::Refuse(bad) => {
            let message = format!("partial write: field type conflict dropped={}", bad.len());
            let words = serde_json::json!({ "code": "invalid", "message": message }).to_string();
            return (StatusCode::BAD_REQUEST, words).into_response();
        }
        Verdict::Stray(late) => tokio::time::sleep(late).await,
    }
    let answer = shared.forward(method, uri, headers, body).await;
    match answer.status() {
        StatusCode::BAD_GATEWAY => shared.book.lock().unwrap().not_passed += 1,
        status if status.is_success() => shared.enter(write, &lines),
        _ => {}
    }
    answer
}

impl Shared {
    /// The number of this write, and what becomes of it.
    fn judge(&self, lines: &[&str]) -> (u64, Verdict) {
        let mut rule = self.rule.lock().unwrap();
        let verdict = rule.as_mut().map_or(Verdict::Pass, |rule| rule(lines));
        let mut book = self.book.lock().unwrap();
        book.writes += 1;
        let write = book.writes;
        book.not_passed += u64::from(!matches!(verdict, Verdict::Pass));
        if let Verdict::Refuse(bad) = &verdict {
            // Among others the bad lines make the sink halve; alone they are given up.
            for line in bad.iter().map(|at| lines[*at]).filter(|_| bad.len() == lines.len()) {
                let (series, _, timestamp) = line::parts(line);
                let name = format!("{series} {timestamp}");
                let is_stored = book.rows.contains_key(&stable_hash(name.as_bytes()));
                book.refused.insert(name, Refused { row: line::identity(line), is_stored, write });
            }
        }
        (write, verdict)
    }

    fn enter(&self, write: u64, lines: &[&str]) {
        let mut book = self.book.lock().unwrap();
        for line in lines {
            let (series, fields, timestamp) = line::parts(line);
            let name = format!("{series} {timestamp}");
            match book.refused.get_mut(&name) {
                Some(refused) if refused.write > write => refused.is_stored = true,
                _ => drop(book.refused.remove(&name)),
            }
            let row = stable_hash(name.as_bytes());
            let fields = stable_hash(fields.as_bytes());
            if let Some(before) = book.rows.insert(row, fields) {
                book.again += 1;
                book.changed += u64::from(before != fields);
            }
        }
    }

    async fn forward(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
        let method = reqwest::Method::from_bytes(method.as_str().as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{uri}", self.upstream)).body(body.to_vec());
        for name in [header::AUTHORIZATION, header::CONTENT_ENCODING, header::CONTENT_TYPE] {
            if let Some(value) = headers.get(&name) {
                request = request.header(name.as_str(), value.as_bytes());
            }
        }
        let answered = async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        };
        match answered.await {
            Ok((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
            Err(cause) => (StatusCode::BAD_GATEWAY, cause.to_string()).into_response(),
        }
    }
}

fn plain_text(headers: &HeaderMap, body: &[u8]) -> String {
    let mut text = String::new();
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip") {
        flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
    } else {
        text.push_str(std::str::from_utf8(body).unwrap());
    }
    text
}
