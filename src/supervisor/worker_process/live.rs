//! Follows a live worker: waits for what it says, for its end, and for its deadlines.

use super::exit::LastOutput;
use super::handshake::Handshake;
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
}

/// What a step of waiting brought.
enum Heard {
    Messages(Vec<WorkerMessage>),
    Ended,
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
    ) -> Self {
        let deadline = Some(Instant::now() + patience);
        Self { child, output, handshake, stream: None, decoder: Decoder::default(), deadline }
    }

    /// Follows the worker to its end. `tell` gets what it says; `false` says that nobody hears that
    /// any more.
    pub(super) fn run(mut self, tell: impl Fn(WorkerMessage) -> bool) -> WorkerExit {
        let mut heard =
            tell(WorkerMessage::Born { pid: self.child.id(), killer: self.child.killer() });
        // What matters only with what follows it, be that the worker's end: nobody is woken for it.
        let mut held = Vec::new();
        while heard {
            match self.step() {
                Ok(Heard::Messages(messages)) => {
                    held.extend(messages);
                    if !held.iter().all(can_wait) {
                        heard = held.drain(..).all(&tell);
                    }
                }
                Ok(Heard::Ended) => break,
                Err(message) => {
                    self.stream = None;
                    self.handshake.close();
                    self.deadline = None;
                    heard = held.drain(..).all(&tell) && tell(WorkerMessage::Nonsense(message));
                }
            }
        }
        heard = heard && held.drain(..).all(&tell);
        if !heard {
            // Nobody is there to decide on this worker any more.
            self.child.killer().kill();
        }
        let death = self.child.reap().map_err(|error| error.to_string());
        self.output.read();
        WorkerExit { death, last_words: self.output.into_text() }
    }

    /// Waits for the next thing to happen. An error is what the worker did wrong.
    fn step(&mut self) -> Result<Heard, String> {
        let readable = self.wait().map_err(|error| error.to_string())?;
        if readable.stderr {
            self.output.read();
        }
        if let Some(stream) = self.handshake.accept(self.child.id())? {
            self.stream = Some(stream);
        }
        let mut messages = Vec::new();
        if readable.stream {
            self.hear(&mut messages)?;
        }
        if !readable.stream && self.child.ended() {
            return Ok(Heard::Ended);
        }
        if messages.is_empty() && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.deadline = None;
            let over = self.handshake.is_over();
            let what = if over { "closed the connection" } else { "did not say hello" };
            return Err(what.to_owned());
        }
        Ok(Heard::Messages(messages))
    }

    fn wait(&self) -> io::Result<Readable> {
        let stream = self.stream.as_ref().map(stream_fd);
        let listener = self.handshake.fd();
        let end = self.child.end_fd();
        let until = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = if end.is_some() { until } else { Some(until.unwrap_or(LOOK).min(LOOK)) };
        let stderr = self.output.fd();
        let fds: Vec<BorrowedFd<'_>> =
            [stream, stderr, listener, end].into_iter().flatten().collect();
        let mut ready = wait_readable(&fds, timeout)?.into_iter();
        let stream = stream.is_some() && ready.next() == Some(true);
        let stderr = stderr.is_some() && ready.next() == Some(true);
        Ok(Readable { stream, stderr })
    }

    fn hear(&mut self, messages: &mut Vec<WorkerMessage>) -> Result<(), String> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut bytes = [0; 16 << 10];
        match stream.read(&mut bytes) {
            Ok(0) => {
                self.hang_up();
                return Ok(());
            }
            Ok(count) => self.decoder.push(bytes.get(..count).unwrap_or_default()),
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(()),
                    io::ErrorKind::ConnectionReset => {
                        self.hang_up();
                        Ok(())
                    }
                    _ => Err(error.to_string()),
                };
            }
        }
        while let Some(message) = self.decoder.take().map_err(|error| error.to_string())? {
            messages.push(self.handshake.hear(message, self.child.id(), stream)?);
            if let Some(WorkerMessage::Ready(_)) = messages.last() {
                self.deadline = None;
            }
        }
        Ok(())
    }

    /// The worker closed its connection.
    fn hang_up(&mut self) {
        self.stream = None;
        self.deadline = Some(Instant::now() + HUNG_UP);
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
