//! Watches a conversion from within: the conversion only leaves a note where it is; a thread of
//! its own passes notes on and looks at the memory, some ten times a second.

use super::measure::Meter;
use crate::convert::{Observer, Phase};
use crate::protocol::{FromWorker, LogLevel, LogLine, encode};
use crate::sys::stat::StatData;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Name of the watching thread. It reads all the time, which is no sign of a conversion's life.
pub const WATCHER: &str = "watch";

/// Most lines of the log of one attempt that are sent; a last one says that there were more.
pub(super) const LINES_MAX: u32 = 1000;
/// How often memory is looked at while a conversion runs.
const SAMPLE: Duration = Duration::from_millis(25);
/// How often a note is passed on.
const TELL: Duration = Duration::from_millis(100);

/// The watching thread sleeps until it is woken.
const ASLEEP: u8 = 0;
const AWAKE: u8 = 1;
const OVER: u8 = 2;

/// Where a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    job: u32,
    attempt: u32,
    at: Option<(Phase, u64, u64)>,
}

/// What the threads of a worker share.
pub(super) struct Shared {
    writer: Mutex<Box<dyn Write + Send>>,
    note: Mutex<Option<Note>>,
    cancel: AtomicBool,
    threads: AtomicU32,
    /// Lines of the log that the running attempt sent.
    log_lines: AtomicU32,
    state: AtomicU8,
    pub(super) meter: Meter,
}

/// A thread that panicked while it held a lock left the value as it was before or after.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            writer: Mutex::new(writer),
            note: Mutex::new(None),
            cancel: AtomicBool::new(false),
            threads: AtomicU32::new(1),
            log_lines: AtomicU32::new(0),
            state: AtomicU8::new(ASLEEP),
            meter: Meter::default(),
        }
    }

    /// Says something to the supervisor. Without a supervisor there is no reason to go on.
    pub(super) fn say(&self, message: &FromWorker) -> io::Result<()> {
        let frame = encode(message).map_err(io::Error::other)?;
        let said = lock(&self.writer).write_all(&frame);
        if said.is_err() {
            self.cancel();
        }
        said
    }

    /// Stops the running conversion.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// A job was assigned: what was said about earlier ones is over.
    pub(super) fn assigned(&self, threads: u32) {
        self.cancel.store(false, Ordering::Relaxed);
        self.set_threads(threads);
    }

    pub(super) fn set_threads(&self, threads: u32) {
        self.threads.store(threads.max(1), Ordering::Relaxed);
    }

    /// An attempt begins; `watcher` is the thread that runs [`Self::watch`].
    pub(super) fn begin(&self, job: u32, attempt: u32, watcher: &Thread) {
        self.meter.begin();
        self.log_lines.store(0, Ordering::Relaxed);
        *lock(&self.note) = Some(Note { job, attempt, at: None });
        if self.state.compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            watcher.unpark();
        }
    }

    /// An attempt is over; nothing is told of it after that.
    pub(super) fn end(&self) {
        *lock(&self.note) = None;
    }

    /// Sends the line that `line` makes of job and attempt, if an attempt runs and has not sent too
    /// many.
    pub(super) fn log(&self, line: impl FnOnce(u32, u32) -> LogLine) {
        // The lock is held so that no line follows its outcome.
        let note = lock(&self.note);
        let Some(Note { job, attempt, .. }) = *note else { return };
        let sent = self.log_lines.fetch_add(1, Ordering::Relaxed);
        let line = match sent {
            LINES_MAX => {
                let message = "further lines of this attempt are left out".to_owned();
                LogLine { job, attempt, level: LogLevel::Warn, message, details: String::new() }
            }
            _ if sent < LINES_MAX => line(job, attempt),
            _ => return,
        };
        // Without a supervisor the conversion has been asked to stop.
        let _ = self.say(&FromWorker::Log(Box::new(line)));
    }

    /// The worker ends.
    pub(super) fn close(&self, watcher: &Thread) {
        self.state.store(OVER, Ordering::Release);
        watcher.unpark();
    }

    /// Passes notes on and looks at the memory until [`Self::close`].
    pub(super) fn watch(&self) {
        let mut told = None;
        let mut told_at = Instant::now();
        let mut idle = false;
        loop {
            match self.state.load(Ordering::Acquire) {
                OVER => return,
                ASLEEP => {
                    std::thread::park();
                    (idle, told, told_at) = (false, None, Instant::now());
                    continue;
                }
                _ => std::thread::park_timeout(SAMPLE),
            }
            let note = *lock(&self.note);
            if let Some(note) = note {
                idle = false;
                self.meter.sample();
                if told_at.elapsed() >= TELL {
                    self.tell(note, &mut told);
                    told_at = Instant::now();
                }
            } else if std::mem::replace(&mut idle, true) {
                // Short jobs in a row must not pay for waking this thread each time; so it goes
                // to sleep only after a while without any.
                let _ =
                    self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire);
                // A job may have begun between the look and the change.
                if lock(&self.note).is_some() {
                    let _ = self.state.compare_exchange(
                        ASLEEP,
                        AWAKE,
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    );
                }
            }
        }
    }

    fn tell(&self, note: Note, told: &mut Option<Note>) {
        let Note { job, attempt, at: Some((phase, done, total)) } = note else { return };
        if *told == Some(note) {
            return;
        }
        // The lock is held so that no progress follows its outcome.
        let current = lock(&self.note);
        if current.is_some_and(|now| (now.job, now.attempt) == (job, attempt)) {
            let _ = self.say(&FromWorker::Progress { job, attempt, phase, done, total });
            *told = Some(note);
        }
    }
}

impl Observer for Shared {
    fn progress(&self, phase: Phase, done: u64, total: u64) {
        if let Some(note) = &mut *lock(&self.note) {
            note.at = Some((phase, done, total));
        }
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    fn publishing(&self, file: &StatData) {
        if let Some(Note { job, attempt, .. }) = *lock(&self.note) {
            // Without a supervisor the conversion has been asked to stop.
            let _ = self.say(&FromWorker::Publishing { job, attempt, file: *file });
        }
    }

    fn threads(&self) -> Option<usize> {
        usize::try_from(self.threads.load(Ordering::Relaxed)).ok()
    }
}
