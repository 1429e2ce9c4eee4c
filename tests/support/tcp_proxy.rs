//! A proxy for TCP connections that can be slow, silent or broken, and that knows Kafka's requests well enough to stop at one.
//!
//! R1  Nothing is dropped or changed on a connection that lives: what was held back comes later, in order, as over a network that heals.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// As if it were not there.
    Fair,
    /// So much later in each direction.
    Slow(Duration),
    /// Nothing comes through, and nobody is told.
    Hole,
    /// Requests come through, and answers do not.
    Mute,
    /// Connections are refused or end at once.
    Closed,
}

/// Kafka's requests that begin and end a transaction, and the one that takes its offsets (protocol guide, "API keys": AddPartitionsToTxn,
/// EndTxn, TxnOffsetCommit).
pub const BEGIN_TRANSACTION: i16 = 24;
pub const END_TRANSACTION: i16 = 26;
pub const COMMIT_OFFSETS: i16 = 28;
/// The one that ends what a predecessor left open (InitProducerId).
const REGISTER: i16 = 22;

/// The request at which a connection is to stop.
#[derive(Clone, Debug)]
struct Trap {
    api_key: i16,
    /// Bytes that are in the request.
    part: Vec<u8>,
}

struct Shared {
    upstream: SocketAddr,
    weather: watch::Receiver<Weather>,
    /// Counts up whenever all connections are to be reset.
    resets: watch::Receiver<u64>,
    traps: Mutex<Vec<Trap>>,
    /// Whether no transaction may begin.
    holds: watch::Receiver<bool>,
    /// Of all connections.
    open_transactions: AtomicUsize,
    is_kafka: bool,
}

/// The proxy; it ends when it is dropped.
pub struct TcpProxy {
    pub address: SocketAddr,
    weather: watch::Sender<Weather>,
    resets: watch::Sender<u64>,
    holds: watch::Sender<bool>,
    shared: Arc<Shared>,
    // Its tasks serve until it is dropped.
    _runtime: Runtime,
}

impl TcpProxy {
    /// Starts at `port` before a Kafka listener at `upstream`.
    pub fn before_kafka(port: u16, upstream: u16) -> Self {
        Self::start(port, ([127, 0, 0, 1], upstream).into(), true)
    }

    /// Starts before any other server.
    pub fn before(upstream: SocketAddr) -> Self {
        Self::start(0, upstream, false)
    }

    fn start(port: u16, upstream: SocketAddr, is_kafka: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, weather_seen) = watch::channel(Weather::Fair);
        let (resets, resets_seen) = watch::channel(0);
        let (holds, holds_seen) = watch::channel(false);
        let shared = Arc::new(Shared {
            upstream,
            weather: weather_seen,
            resets: resets_seen,
            traps: Mutex::default(),
            holds: holds_seen,
            open_transactions: AtomicUsize::new(0),
            is_kafka,
        });
        let serving = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&serving), client));
            }
        });
        Self { address, weather, resets, holds, shared, _runtime: runtime }
    }

    /// Changes the weather for all connections, present and future.
    pub fn weather(&self, weather: Weather) {
        self.weather.send_replace(weather);
        if weather == Weather::Closed {
            self.reset();
        }
    }

    /// Resets all connections; new ones are taken.
    pub fn reset(&self) {
        self.resets.send_modify(|count| *count += 1);
    }

    /// Stops the connection whose client is about to send a request of this kind with `part` in it: that request and what follows never
    /// reach the server. [`BEGIN_TRANSACTION`] is the first of its kind in a transaction.
    pub fn trap(&self, api_key: i16, part: &str) {
        self.shared.traps.lock().unwrap().push(Trap { api_key, part: part.as_bytes().to_vec() });
    }

    /// Whether a client has gone into each trap.
    pub fn has_caught(&self) -> bool {
        self.shared.traps.lock().unwrap().is_empty()
    }

    /// Lets no transaction begin until [`Self::release`].
    pub fn hold(&self) {
        self.holds.send_replace(true);
    }

    /// Lets those begin that were held back.
    pub fn release(&self) {
        self.holds.send_replace(false);
    }

    /// Whether no transaction is open; the broker may still have to mark the ends of some.
    pub fn is_at_rest(&self) -> bool {
        self.shared.open_transactions.load(Ordering::SeqCst) == 0
    }
}

async fn serve(shared: Arc<Shared>, mut client: TcpStream) {
    let mut resets = shared.resets.clone();
    resets.mark_unchanged();
    if *shared.weather.borrow() != Weather::Closed
        && let Ok(mut server) = TcpStream::connect(shared.upstream).await
    {
        client.set_nodelay(true).ok();
        server.set_nodelay(true).ok();
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            () = pass_on(&shared, &mut from_client, &mut to_server, true) => return,
            () = pass_on(&shared, &mut from_server, &mut to_client, false) => return,
            _ = resets.changed() => {}
        }
        server.set_zero_linger().ok();
    }
    // Without a word of farewell, as by a machine that knows nothing of the connection.
    client.set_zero_linger().ok();
}

/// Passes on what one side says until it ends.
async fn pass_on(shared: &Shared, from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, is_request: bool) {
    let mut weather = shared.weather.clone();
    let mut buffer = vec![0; 64 << 10];
    let mut own = OpenTransaction { shared, is_open: false };
    loop {
        let taken = if is_request && shared.is_kafka {
            read_request(&mut own, from, &mut buffer).await
        } else {
            from.read(&mut buffer).await.ok().filter(|bytes| *bytes > 0)
        };
        let Some(bytes) = taken else { return };
        let passes = weather.wait_for(|weather| may_pass(*weather, is_request)).await.map(|weather| *weather);
        if let Ok(Weather::Slow(delay)) = passes {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}

fn may_pass(weather: Weather, is_request: bool) -> bool {
    match weather {
        Weather::Fair | Weather::Slow(_) | Weather::Closed => true,
        Weather::Mute => is_request,
        Weather::Hole => false,
    }
}

/// Reads one of Kafka's requests whole: its length, then its kind first.
async fn read_request(own: &mut OpenTransaction<'_>, from: &mut ReadHalf<'_>, buffer: &mut Vec<u8>) -> Option<usize> {
    buffer.resize(buffer.len().max(4), 0);
    from.read_exact(&mut buffer[..4]).await.ok()?;
    let length = u32::from_be_bytes(buffer[..4].try_into().unwrap()) as usize;
    buffer.resize(buffer.len().max(4 + length), 0);
    from.read_exact(&mut buffer[4..4 + length]).await.ok()?;
    let request = &buffer[4..4 + length];
    let api_key = i16::from_be_bytes(request.first_chunk().copied().unwrap_or_default());
    let begins = api_key == BEGIN_TRANSACTION && !own.is_open;
    if begins {
        own.shared.holds.clone().wait_for(|holds| !holds).await.ok()?;
    }
    if (begins || api_key != BEGIN_TRANSACTION) && own.shared.falls_into_trap(api_key, request) {
        std::future::pending::<()>().await;
    }
    if begins {
        own.begin();
    }
    if matches!(api_key, END_TRANSACTION | REGISTER) {
        own.end();
    }
    Some(4 + length)
}

/// The transaction that is open on a connection, as far as it was seen there.
struct OpenTransaction<'a> {
    shared: &'a Shared,
    is_open: bool,
}

impl OpenTransaction<'_> {
    fn begin(&mut self) {
        self.is_open = true;
        self.shared.open_transactions.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.shared.open_transactions.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for OpenTransaction<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn falls_into_trap(&self, api_key: i16, request: &[u8]) -> bool {
        let mut traps = self.traps.lock().unwrap();
        let fits =
            |trap: &Trap| trap.api_key == api_key && request.windows(trap.part.len()).any(|part| part == trap.part);
        let caught = traps.iter().position(fits);
        caught.map(|at| traps.swap_remove(at)).is_some()
    }
}
