//! One thread for each worker: starts it, hears what it says, notices its end, reaps it. The thread
//! lives exactly as long as the worker does, which the worker counts on: the kernel kills it when
//! the thread that started it ends.

use crate::protocol::{Address, Decoder, FromWorker, Listener, Token, VERSION};
use crate::supervisor::event::SlotId;
use crate::supervisor::scheduler::WorkerId;
use crate::sys::process::{Child, Death, Killer, wait_readable};
use crate::worker::Launch;
use interprocess::TryClone;
use interprocess::local_socket::{Stream, traits::Stream as _};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tracing::level_filters::LevelFilter;

/// Bytes of a worker's stderr that are kept.
const LAST_WORDS: usize = 4 << 10;
/// How long a worker may live after it hung up.
const HUNG_UP: Duration = Duration::from_secs(2);
/// Where the kernel has no descriptor for a child's end, this is how often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What a worker's thread tells.
#[derive(Debug)]
pub(in crate::supervisor) enum WorkerMessage {
    /// The process runs.
    Born { pid: u32, killer: Killer },
    /// It said hello; this is how to talk to it.
    Ready(Stream),
    /// It said something else.
    Said(FromWorker),
    /// It said what no worker says.
    Nonsense(String),
    /// It is gone and reaped, or never was. Nothing comes after this.
    WorkerExit(WorkerExit),
}

/// How a worker went.
#[derive(Debug)]
pub(in crate::supervisor) struct WorkerExit {
    /// How the process ended, or why there was none.
    pub(in crate::supervisor) death: Result<Death, String>,
    /// The end of what it wrote to stderr.
    pub(in crate::supervisor) last_words: String,
}

/// How workers are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its first arguments.
    pub args: Vec<OsString>,
}

impl Default for WorkerProgram {
    /// This executable itself, even if its file was replaced in the meantime.
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), args: vec![crate::worker::SUBCOMMAND.into()] }
    }
}

/// What a worker's thread needs.
#[derive(Debug)]
pub(in crate::supervisor) struct Birth {
    pub(in crate::supervisor) slot: SlotId,
    pub(in crate::supervisor) worker: WorkerId,
    pub(in crate::supervisor) program: WorkerProgram,
    pub(in crate::supervisor) address: Address,
    pub(in crate::supervisor) cores: Vec<usize>,
    pub(in crate::supervisor) handshake_timeout: Duration,
}

/// Where a thread's words go; `false` says that nobody hears them any more.
pub(in crate::supervisor) type Tell = Box<dyn Fn(SlotId, WorkerId, WorkerMessage) -> bool + Send>;

/// Starts the thread of a worker.
///
/// # Errors
/// There is no thread left.
pub(in crate::supervisor) fn start(birth: Birth, tell: Tell) -> io::Result<()> {
    std::thread::Builder::new()
        .name(format!("worker-{}", birth.slot.0))
        .spawn(move || {
            let (slot, worker) = (birth.slot, birth.worker);
            let gone =
                catch_unwind(AssertUnwindSafe(|| live(&birth, &tell))).unwrap_or_else(|_| {
                    WorkerExit::never("internal error in the worker's thread".to_owned())
                });
            let _ = tell(slot, worker, WorkerMessage::WorkerExit(gone));
        })
        .map(drop)
}

impl WorkerExit {
    fn never(why: String) -> Self {
        Self { death: Err(why), last_words: String::new() }
    }
}

fn live(birth: &Birth, tell: &Tell) -> WorkerExit {
    match born(birth) {
        Ok(life) => life.run(birth, tell),
        Err(error) => WorkerExit::never(error.to_string()),
    }
}

struct LiveWorker {
    child: Child,
    stderr: Option<PipeReader>,
    listener: Option<Listener>,
    token: Token,
    stream: Option<Stream>,
    decoder: Decoder,
    last_words: VecDeque<u8>,
    ready: bool,
    /// When patience with a silent or mute worker ends.
    deadline: Option<Instant>,
}

fn born(birth: &Birth) -> io::Result<LiveWorker> {
    let listener = birth.address.listen()?;
    let token = Token::random()?;
    let (stderr, write) = io::pipe()?;
    rustix::io::ioctl_fionbio(&stderr, true)?;
    let launch = Launch {
        address: birth.address.clone(),
        token: token.clone(),
        parent: std::process::id(),
        cores: birth.cores.clone(),
        log: LevelFilter::current(),
    };
    let mut command = launch.command(&birth.program.program, &birth.program.args);
    command.stdout(write.try_clone()?).stderr(write);
    let child = Child::spawn(&mut command)?;
    // The command holds the writing ends, without whose closing the reading end never ends.
    drop(command);
    Ok(LiveWorker {
        child,
        stderr: Some(stderr),
        listener: Some(listener),
        token,
        stream: None,
        decoder: Decoder::default(),
        last_words: VecDeque::new(),
        ready: false,
        deadline: Some(Instant::now() + birth.handshake_timeout),
    })
}

impl LiveWorker {
    fn run(mut self, birth: &Birth, tell: &Tell) -> WorkerExit {
        let tell = |word| tell(birth.slot, birth.worker, word);
        let mut heard =
            tell(WorkerMessage::Born { pid: self.child.id(), killer: self.child.killer() });
        while heard {
            match self.step() {
                Ok(Heard::Words(words)) => heard = words.into_iter().all(&tell),
                Ok(Heard::Ended) => break,
                Err(message) => {
                    self.stream = None;
                    self.listener = None;
                    self.deadline = None;
                    heard = tell(WorkerMessage::Nonsense(message));
                }
            }
        }
        if !heard {
            // Nobody is there to decide on this worker any more.
            self.child.killer().kill();
        }
        let death = self.child.reap().map_err(|error| error.to_string());
        self.hear_stderr();
        let bytes: Vec<u8> = self.last_words.into_iter().collect();
        WorkerExit { death, last_words: tidy(&String::from_utf8_lossy(&bytes)) }
    }

    /// Waits for the next thing to happen. An error is what the worker did wrong.
    fn step(&mut self) -> Result<Heard, String> {
        let readable = self.wait().map_err(|error| error.to_string())?;
        if readable.stderr {
            self.hear_stderr();
        }
        if self.listener.is_some() {
            self.accept()?;
        }
        let mut words = Vec::new();
        if readable.stream {
            self.hear(&mut words)?;
        }
        if !readable.stream && self.child.ended() {
            return Ok(Heard::Ended);
        }
        if words.is_empty() && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.deadline = None;
            let what = if self.ready { "closed the connection" } else { "did not say hello" };
            return Err(what.to_owned());
        }
        Ok(Heard::Words(words))
    }

    fn wait(&self) -> io::Result<Readable> {
        let stream = self.stream.as_ref().map(stream_fd);
        let listener = self.listener.as_ref().map(AsFd::as_fd);
        let end = self.child.end_fd();
        let until = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = if end.is_some() { until } else { Some(until.unwrap_or(LOOK).min(LOOK)) };
        let stderr = self.stderr.as_ref().map(AsFd::as_fd);
        let fds: Vec<BorrowedFd<'_>> =
            [stream, stderr, listener, end].into_iter().flatten().collect();
        let mut ready = wait_readable(&fds, timeout)?.into_iter();
        let stream = stream.is_some() && ready.next() == Some(true);
        let stderr = stderr.is_some() && ready.next() == Some(true);
        Ok(Readable { stream, stderr })
    }

    /// Lets the worker in; strangers are shown out.
    fn accept(&mut self) -> Result<(), String> {
        let Some(listener) = &self.listener else { return Ok(()) };
        let came = listener.accept_from(self.child.id()).map_err(|error| error.to_string())?;
        if let Some(stream) = came {
            stream.set_nonblocking(true).map_err(|error| error.to_string())?;
            self.stream = Some(stream);
            self.listener = None;
        }
        Ok(())
    }

    fn hear(&mut self, words: &mut Vec<WorkerMessage>) -> Result<(), String> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut bytes = [0; 16 << 10];
        match stream.read(&mut bytes) {
            Ok(0) => {
                self.stream = None;
                self.deadline = Some(Instant::now() + HUNG_UP);
                return Ok(());
            }
            Ok(count) => self.decoder.push(bytes.get(..count).unwrap_or_default()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                self.stream = None;
                self.deadline = Some(Instant::now() + HUNG_UP);
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        }
        while let Some(message) = self.decoder.take().map_err(|error| error.to_string())? {
            words.push(if self.ready {
                match message {
                    FromWorker::Hello { .. } => return Err("said hello twice".to_owned()),
                    message => WorkerMessage::Said(message),
                }
            } else {
                self.greet(&message)?
            });
        }
        Ok(())
    }

    fn greet(&mut self, message: &FromWorker) -> Result<WorkerMessage, String> {
        let FromWorker::Hello { version, pid, token } = message else {
            return Err("did not begin with hello".to_owned());
        };
        if *version != VERSION {
            return Err(format!("speaks version {version} of the protocol, not {VERSION}"));
        }
        if *pid != self.child.id() || *token != self.token {
            return Err("is not the process that was started".to_owned());
        }
        let writer = self.stream.as_ref().map(TryClone::try_clone);
        let writer = writer.and_then(Result::ok).ok_or("its connection cannot be kept")?;
        self.ready = true;
        self.deadline = None;
        Ok(WorkerMessage::Ready(writer))
    }

    fn hear_stderr(&mut self) {
        let mut bytes = [0; 4 << 10];
        // Bounded, so that a worker that writes without end does not keep this thread.
        for _ in 0..16 {
            let Some(stderr) = &mut self.stderr else { return };
            match stderr.read(&mut bytes) {
                Ok(0) => self.stderr = None,
                Ok(count) => {
                    self.last_words.extend(bytes.get(..count).unwrap_or_default());
                    let surplus = self.last_words.len().saturating_sub(LAST_WORDS);
                    if surplus > 0 {
                        // What went wrong is said first; where it came from, for pages after that.
                        self.last_words.drain(LAST_WORDS / 2..LAST_WORDS / 2 + surplus);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.stderr = None,
            }
        }
    }
}

/// What a worker said in the end, for a report: on one line, without the stack that is of use with
/// the source at hand only.
fn tidy(words: &str) -> String {
    let lines = words.lines().map(str::trim).take_while(|line| *line != "stack backtrace:");
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("note: run with "));
    lines.collect::<Vec<_>>().join(" ")
}

enum Heard {
    Words(Vec<WorkerMessage>),
    Ended,
}

struct Readable {
    stream: bool,
    stderr: bool,
}

fn stream_fd(stream: &Stream) -> BorrowedFd<'_> {
    let Stream::UdSocket(socket) = stream;
    socket.as_fd()
}
