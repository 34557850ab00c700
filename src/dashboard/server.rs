//! Listens for browsers, a bounded number at a time, and sends each what it lacks.

use super::frame::Board;
use super::http::{self, Asked};
use super::page::page;
use crate::protocol::Token;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Most connections at a time.
const MOST: usize = 32;
/// Most of them that follow the run.
const MOST_WATCHERS: usize = 8;
/// A browser that takes nothing for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 5 });
/// How often a browser that lacks nothing is told so, which shows whether it is still there.
const STILL_HERE: Duration = Duration::from_secs(10);

/// What the threads share.
#[derive(Debug)]
struct Shared {
    secret: Token,
    board: Arc<Board>,
    connections: AtomicUsize,
    closed: AtomicBool,
}

/// Listens as long as it lives.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens at `address`.
    pub(super) fn start(address: SocketAddr, board: Arc<Board>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            secret: Token::random()?,
            board,
            connections: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        std::thread::Builder::new().name("dashboard-in".into()).spawn(move || {
            for stream in listener.incoming() {
                if own.closed.load(Ordering::Acquire) {
                    return;
                }
                match stream {
                    Ok(stream) => receive(stream, &own),
                    // Out of descriptors, for instance: it may pass.
                    Err(_) => std::thread::sleep(Duration::from_millis(100)),
                }
            }
        })?;
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The page's address with the secret.
    pub(super) fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.shared.secret.to_hex())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        // The thread wakes, and ends.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(200));
    }
}

/// One connection less when it is dropped.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Has a thread answer `stream`.
fn receive(mut stream: TcpStream, shared: &Arc<Shared>) {
    let before = shared.connections.fetch_add(1, Ordering::AcqRel);
    let place = Place(Arc::clone(shared));
    if stream.set_write_timeout(Some(PATIENCE)).is_err() || stream.set_nodelay(true).is_err() {
        return;
    }
    if before >= MOST {
        // A few bytes into an empty buffer: that does not wait.
        let _ = http::refuse(&mut stream, "503 Service Unavailable", "", "too many connections");
        return;
    }
    // Without a thread the browser is sent away.
    let _ = std::thread::Builder::new().name("dashboard-out".into()).spawn(move || {
        // Whom nothing can be sent to is gone.
        let _ = serve(&mut stream, &place.0);
    });
}

fn serve(stream: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    match http::hear(stream, &shared.secret)? {
        Asked::Page => http::answer(stream, "200 OK", "text/html", "", &page()),
        Asked::Events => {
            if let Some(_watcher) = shared.board.watch(MOST_WATCHERS) {
                return follow(stream, &shared.board);
            }
            let why = "too many browsers follow this run";
            http::refuse(stream, "503 Service Unavailable", "Retry-After: 10\r\n", why)
        }
        Asked::Nothing => http::refuse(stream, "404 Not Found", "", "there is nothing here"),
        Asked::Stranger => {
            let more = "WWW-Authenticate: Bearer realm=\"jldconv\"\r\n";
            let why = "the address lacks its token: take the whole one that the run printed";
            http::refuse(stream, "401 Unauthorized", more, why)
        }
        Asked::Method => {
            let why = "this page can only be read";
            http::refuse(stream, "405 Method Not Allowed", "Allow: GET\r\n", why)
        }
        Asked::Nonsense => http::refuse(stream, "400 Bad Request", "", "not a request for a page"),
    }
}

/// Sends what changes until the run is over or the browser is gone.
fn follow(stream: &mut TcpStream, board: &Board) -> io::Result<()> {
    http::begin_events(stream)?;
    let mut version = 0;
    loop {
        let Some(news) = board.news(version, STILL_HERE) else {
            stream.write_all(b":\n\n")?;
            continue;
        };
        let text = serde_json::to_string(&news)?;
        stream.write_all(format!("data: {text}\n\n").as_bytes())?;
        if news.over {
            return Ok(());
        }
        version = news.version;
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::*;
    use std::io::Read as _;
    use std::time::Instant;

    #[test]
    fn who_does_not_read_is_dropped() {
        let board = Arc::new(Board::default());
        let server = Server::start("127.0.0.1:0".parse().unwrap(), Arc::clone(&board)).unwrap();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let token = server.shared.secret.to_hex();
        write!(stream, "GET /events?token={token} HTTP/1.1\r\n\r\n").unwrap();
        let mut first = [0; 15];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        assert!(board.is_watched());
        // Much more than the kernel keeps for somebody who does not read.
        let deadline = Instant::now() + Duration::from_secs(30);
        while board.is_watched() {
            assert!(Instant::now() < deadline, "it waits for ever");
            let text = format!("{:?}", Instant::now());
            board.show(Frame { parts: [("head", text)].into(), rows: "x".repeat(1 << 20) });
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn it_is_gone_when_it_is_dropped() {
        let board = Arc::new(Board::default());
        let server = Server::start("127.0.0.1:0".parse().unwrap(), board).unwrap();
        let address = server.address();
        drop(server);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_ok() {
            assert!(Instant::now() < deadline, "it still listens");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
