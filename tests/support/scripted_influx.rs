//! A small HTTP server that stands where InfluxDB should be and answers as the test says.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// 204.
    Accept,
    /// A status and a body.
    Status(u16, String),
    /// 307 to another address.
    Redirect(String),
    /// No answer, ever.
    Hang,
}

/// In InfluxDB's form.
pub fn refusal(status: u16, message: &str) -> Reply {
    Reply::Status(status, serde_json::json!({ "code": "invalid", "message": message }).to_string())
}

/// A write request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub lines: Vec<String>,
    pub query: String,
    pub authorization: String,
}

/// The server; it ends with the runtime of the test.
pub struct ScriptedInflux {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<(Request, Reply)>>>,
}

impl ScriptedInflux {
    /// Starts on a free port.
    pub async fn start(decide: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), decide)
    }

    /// Starts on a listener of the test.
    pub fn start_on(listener: TcpListener, decide: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let decide = Arc::new(Mutex::new(decide));
        let log = Arc::clone(&requests);
        let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let (log, decide) = (Arc::clone(&log), Arc::clone(&decide));
            async move {
                let reply = {
                    let mut log = log.lock().unwrap();
                    let request = read(&uri, &headers, &body);
                    let mut decide = decide.lock().unwrap();
                    let reply = (*decide)(&request);
                    log.push((request, reply.clone()));
                    reply
                };
                respond(reply).await
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
        Self { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, with what was answered.
    pub fn requests(&self) -> Vec<(Request, Reply)> {
        self.requests.lock().unwrap().clone()
    }

    /// The lines of the requests that were accepted.
    pub fn accepted_lines(&self) -> Vec<String> {
        let accepted = self.requests().into_iter().filter(|(_, reply)| matches!(reply, Reply::Accept));
        accepted.flat_map(|(request, _)| request.lines).collect()
    }
}

fn read(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Request {
    assert_eq!(uri.path(), "/api/v2/write");
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    Request {
        lines: text.lines().map(str::to_owned).collect(),
        query: uri.query().unwrap().to_owned(),
        authorization: headers[header::AUTHORIZATION].to_str().unwrap().to_owned(),
    }
}

async fn respond(reply: Reply) -> Response {
    match reply {
        Reply::Accept => StatusCode::NO_CONTENT.into_response(),
        Reply::Status(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Reply::Hang => std::future::pending().await,
    }
}
