//! Follows a live worker: waits for what it says, for its end, and for its deadlines.

use super::exit::LastOutput;
use super::handshake::Handshake;
use super::load::Load;
use super::message::{WorkerExit, WorkerMessage};
use crate::protocol::{Decoder, FromWorker};
use crate::sys::process::{Child, wait_readable};
use interprocess::local_socket::Stream;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// How long a worker may live after it hung up.
const HUNG_UP: Duration = Duration::from_secs(2);
/// Where the kernel has no descriptor for a child's end, this is how often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// A process that was started and is not reaped.
pub(super) struct LiveWorker {
    child: Child,
    output: LastOutput,
    handshake: Handshake,
    stream: Option<Stream>,
    decoder: Decoder,
    /// When patience with a silent or mute worker ends.
    deadline: Option<Instant>,
    /// What it has to do.
    load: Load,
    /// Until then it has enough to do, and what it says lies in the socket, which outlives it.
    heard_again: Option<Instant>,
    /// What it said and nobody was told yet.
    held: Vec<WorkerMessage>,
}

/// What there is to read.
struct Readable {
    stream: bool,
    stderr: bool,
}

impl LiveWorker {
    /// A worker that has to say hello within `patience`.
    pub(super) fn new(
        child: Child,
        output: LastOutput,
        handshake: Handshake,
        patience: Duration,
        load: Load,
    ) -> Self {
        Self {
            child,
            output,
            handshake,
            stream: None,
            decoder: Decoder::default(),
            deadline: Some(Instant::now() + patience),
            load,
            heard_again: None,
            held: Vec::new(),
        }
    }

    /// Follows the worker to its end. `tell` gets what it says; `false` says that nobody hears that
    /// any more.
    pub(super) fn run(mut self, tell: impl Fn(Vec<WorkerMessage>) -> bool) -> WorkerExit {
        let (pid, killer) = (self.child.id(), self.child.killer());
        let mut heard = tell(vec![WorkerMessage::Born { pid, killer }]);
        while heard {
            match self.step() {
                Ok(true) => {
                    // What matters only with what follows it, be that the worker's end: nobody is
                    // woken for it.
                    if !self.held.iter().all(can_wait) {
                        heard = tell(std::mem::take(&mut self.held));
                    }
                }
                Ok(false) => break,
                Err(message) => {
                    self.stream = None;
                    self.handshake.close();
                    self.deadline = None;
                    self.held.push(WorkerMessage::Nonsense(message));
                    heard = tell(std::mem::take(&mut self.held));
                }
            }
        }
        heard = heard && (self.held.is_empty() || tell(std::mem::take(&mut self.held)));
        if !heard {
            // Nobody is there to decide on this worker any more.
            self.child.killer().kill();
        }
        let death = self.child.reap().map_err(|error| error.to_string());
        self.output.read();
        WorkerExit { death, last_words: self.output.into_text() }
    }

    /// Waits for the next thing to happen; gives whether the worker lives. An error is what it did
    /// wrong.
    fn step(&mut self) -> Result<bool, String> {
        let readable = self.wait().map_err(|error| error.to_string())?;
        if readable.stderr {
            self.output.read();
        }
        if let Some(stream) = self.handshake.accept(self.child.id())? {
            self.stream = Some(stream);
        }
        let said = readable.stream && self.hear()?;
        if !readable.stream && self.child.ended() {
            // What it said last may not have been waited for.
            while self.stream.is_some() && self.hear()? {}
            return Ok(false);
        }
        if !said && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.deadline = None;
            let over = self.handshake.is_over();
            let what = if over { "closed the connection" } else { "did not say hello" };
            return Err(what.to_owned());
        }
        Ok(true)
    }

    fn wait(&mut self) -> io::Result<Readable> {
        let now = Instant::now();
        let left = |at: Instant| at.saturating_duration_since(now);
        let later = self.heard_again.map(left).filter(|left| !left.is_zero());
        let stream = self.stream.as_ref().filter(|_| later.is_none()).map(stream_fd);
        let listener = self.handshake.fd();
        let end = self.child.end_fd();
        let look = end.is_none().then_some(LOOK);
        let until = self.deadline.map(left);
        let timeout = [until, look, later].into_iter().flatten().min();
        let stderr = self.output.fd();
        let fds: Vec<BorrowedFd<'_>> =
            [stream, stderr, listener, end].into_iter().flatten().collect();
        let mut ready = wait_readable(&fds, timeout)?.into_iter();
        let stream = stream.is_some() && ready.next() == Some(true);
        let stderr = stderr.is_some() && ready.next() == Some(true);
        Ok(Readable { stream, stderr })
    }

    /// Takes in what is there; gives whether there was something.
    fn hear(&mut self) -> Result<bool, String> {
        let mut said = false;
        // Bounded, so that a worker that talks without end does not keep this thread.
        for _ in 0..16 {
            let Some(stream) = &mut self.stream else { break };
            let mut bytes = [0; 16 << 10];
            let count = match stream.read(&mut bytes) {
                Ok(0) => {
                    self.hang_up();
                    break;
                }
                Ok(count) => count,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::ConnectionReset => {
                        self.hang_up();
                        break;
                    }
                    _ => return Err(error.to_string()),
                },
            };
            self.decoder.push(bytes.get(..count).unwrap_or_default());
            said = true;
            while let Some(message) = self.decoder.take().map_err(|error| error.to_string())? {
                self.load.less(jobs_over(&message));
                let message = self.handshake.hear(message, self.child.id(), stream)?;
                if let WorkerMessage::Ready(_) = message {
                    self.deadline = None;
                }
                self.held.push(message);
            }
            if count < bytes.len() {
                break;
            }
        }
        self.heard_again = self.load.linger().map(|linger| Instant::now() + linger);
        Ok(said)
    }

    /// The worker closed its connection.
    fn hang_up(&mut self) {
        self.stream = None;
        self.deadline = Some(Instant::now() + HUNG_UP);
    }
}

/// Jobs that the worker has no longer.
fn jobs_over(message: &FromWorker) -> usize {
    match message {
        FromWorker::Outcome(_) => 1,
        FromWorker::GivenBack(jobs) => jobs.len(),
        _ => 0,
    }
}

/// Whether a message only says what an attempt that dies from now on leaves.
fn can_wait(message: &WorkerMessage) -> bool {
    matches!(message, WorkerMessage::Said(FromWorker::Publishing { .. }))
}

fn stream_fd(stream: &Stream) -> BorrowedFd<'_> {
    let Stream::UdSocket(socket) = stream;
    socket.as_fd()
}
