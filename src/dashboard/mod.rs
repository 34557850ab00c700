//! Shows a run to browsers while it goes: the page of its report, with parts that are sent anew when
//! they change.
//!
//! Nothing can be changed through it, and only who has the address with its secret sees it. The run
//! gives what happens to a thread of its own ([`Dashboard`]) and never waits: that thread makes
//! frames, and only while somebody looks; each browser has a thread that sends it the latest frame,
//! and is dropped if it does not take it.

mod frame;
mod http;
mod now;
mod page;
mod picture;
mod server;

use crate::report::Circumstances;
use crate::supervisor::{LiveHandle, Reporter, RunEvent};
use crate::sys::machine::machine;
use crate::text;
use frame::Board;
use picture::Picture;
use server::Server;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often a frame is made, at most.
const EVERY: Duration = Duration::from_millis(500);
/// A frame that took long is followed by a pause so many times as long.
const REST: u32 = 20;
/// Bytes a second that a browser gets at most, but for its first frame.
const RATE: f64 = 200_000.0;
/// How long browsers may take for the last frame.
const LAST: Duration = Duration::from_secs(2);

/// A page that shows a run while it goes. It is gone when this is dropped.
#[derive(Debug)]
pub struct Dashboard {
    events: Option<Sender<RunEvent>>,
    /// Says when the last frame was made.
    over: Receiver<()>,
    server: Server,
    board: Arc<Board>,
}

impl Dashboard {
    /// Shows the run that `live` knows of at `address`; with port 0 at one that is free.
    ///
    /// # Errors
    /// The address cannot be had, or there is no thread left.
    pub fn start(address: SocketAddr, live: LiveHandle, about: Circumstances) -> io::Result<Self> {
        let board = Arc::new(Board::default());
        let server = Server::start(address, Arc::clone(&board))?;
        let (events, inbox) = channel();
        let (tell_over, over) = channel();
        let shown_on = Arc::clone(&board);
        std::thread::Builder::new().name("dashboard".into()).spawn(move || {
            let mut picture = Picture::new(live, about);
            draw(&inbox, &mut picture, &shown_on);
            // Who started it may be gone.
            let _ = tell_over.send(());
        })?;
        Ok(Self { events: Some(events), over, server, board })
    }

    /// The address of the page, its secret included.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is told of it when it starts; `remote` is whether the user is probably at another machine.
    pub fn notice(&self, remote: bool) -> String {
        let address = self.server.address();
        let mut notice = format!("  dashboard   {}\n", self.url());
        if remote && address.ip().is_loopback() {
            let (port, host) = (address.port(), text::tame(&machine().host));
            let _ = writeln!(
                notice,
                "              from your own machine first: ssh -L {port}:127.0.0.1:{port} {host}"
            );
        }
        if !address.ip().is_loopback() {
            notice.push_str(
                "              (whoever can read this network's traffic can read the page, too)\n",
            );
        }
        notice
    }

    /// Takes note of what happened; never waits.
    pub fn event(&self, event: &RunEvent) {
        let matters = matches!(
            event,
            RunEvent::RunStarted(_) | RunEvent::JobFinished(_) | RunEvent::RunFinished(_)
        );
        if let (true, Some(events)) = (matters, &self.events) {
            // Without its thread there is no page; the run goes on.
            let _ = events.send(event.clone());
        }
    }

    /// Shows the end to whoever looks, for at most two seconds.
    pub fn finish(mut self) {
        self.events = None;
        let until = Instant::now() + LAST;
        let _ = self.over.recv_timeout(LAST);
        self.board.wait_until_left(until);
    }
}

/// Follows the run until nobody tells of it any more.
fn draw(inbox: &Receiver<RunEvent>, picture: &mut Picture, board: &Board) {
    let mut next = Instant::now();
    loop {
        match inbox.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(event) => {
                picture.note(event);
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let began = Instant::now();
        picture.look();
        let bytes = if board.is_watched() { board.show(picture.frame()) } else { 0 };
        let sent = Duration::from_secs_f64(text::float(bytes as u64) / RATE);
        next = Instant::now() + EVERY.max(began.elapsed() * REST).max(sent);
    }
    board.show(picture.frame());
    board.close();
}

/// Tells both a reporter and a page.
pub struct Both<'a> {
    /// The one that is told first.
    pub reporter: &'a mut dyn Reporter,
    /// The page, if there is one.
    pub dashboard: Option<&'a Dashboard>,
}

impl std::fmt::Debug for Both<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Both").field("dashboard", &self.dashboard).finish_non_exhaustive()
    }
}

impl Reporter for Both<'_> {
    fn event(&mut self, event: &RunEvent) {
        self.reporter.event(event);
        if let Some(dashboard) = self.dashboard {
            dashboard.event(event);
        }
    }
}
