//! Watches a conversion from within: the conversion only leaves a note where it is; a thread of
//! its own passes notes on and looks at the memory, some ten times a second.

use super::measure::Meter;
use crate::convert::{Observer, Phase};
use crate::protocol::{Assignment, Ended, FromWorker, LogLevel, LogLine, encode};
use crate::sys::stat::StatData;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
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

fn jobs_of(hand: VecDeque<Assignment>) -> Vec<u32> {
    hand.into_iter().map(|assignment| assignment.job).collect()
}

/// Where a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    job: u32,
    attempt: u32,
    at: Option<(Phase, u64, u64)>,
    /// Somebody wants to know when planning is over.
    tell_planned: bool,
}

/// What the worker has to do.
#[derive(Default)]
struct Desk {
    /// The attempt that has begun.
    note: Option<Note>,
    /// The same, until the thread that works takes it up.
    begun: Option<Assignment>,
    /// What follows it, in order.
    hand: VecDeque<Assignment>,
    /// How often a hand was given back with an outcome.
    round: u32,
    /// Nothing comes any more, and why.
    end: Option<io::Result<()>>,
}

impl Desk {
    /// Begins the next job if none has begun; gives whether one did.
    fn begin(&mut self) -> bool {
        if self.note.is_some() {
            return false;
        }
        self.begun = self.hand.pop_front();
        let begun = self.begun.as_ref();
        self.note = begun.map(|it| Note {
            job: it.job,
            attempt: it.attempt,
            at: None,
            tell_planned: it.tell_planned,
        });
        self.note.is_some()
    }
}

/// What the worker does next.
pub(super) enum Order {
    /// An attempt, which has begun.
    Job(Box<Assignment>),
    /// It goes home.
    End(io::Result<()>),
}

impl Order {
    /// To carry that out.
    pub(super) fn of(assignment: Assignment) -> Self {
        Self::Job(Box::new(assignment))
    }
}

/// What the threads of a worker share.
pub(super) struct Shared {
    writer: Mutex<Box<dyn Write + Send>>,
    /// Whether a job of the hand has begun and whether it was given back is decided under this lock.
    desk: Mutex<Desk>,
    /// Something was laid on the desk.
    laid: Condvar,
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
            desk: Mutex::default(),
            laid: Condvar::new(),
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

    /// Stops the running conversion; nothing is begun after it.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_threads(&self, threads: u32) {
        self.threads.store(threads.max(1), Ordering::Relaxed);
    }

    /// Takes jobs in hand, behind those that are there, unless the hand that they were to lie in was
    /// given back meanwhile. The first begins if there is nothing else to do.
    pub(super) fn take_in_hand(&self, round: u32, jobs: Vec<Assignment>) {
        let mut desk = lock(&self.desk);
        if desk.round == round {
            desk.hand.extend(jobs);
            self.begin(&mut desk);
        }
    }

    fn begin(&self, desk: &mut Desk) {
        if desk.begin() {
            self.cancel.store(false, Ordering::Relaxed);
            self.set_threads(desk.begun.as_ref().map_or(1, |assignment| assignment.threads));
            self.laid.notify_one();
        }
    }

    /// Gives back what was not begun; with `cancel`, what runs is to stop.
    pub(super) fn give_back(&self, cancel: bool) -> io::Result<()> {
        // The lock is held so that what is said comes in the order in which it happens.
        let mut desk = lock(&self.desk);
        // What is over already cannot be stopped, and what comes later is not meant.
        if cancel && desk.note.is_some() {
            self.cancel();
        }
        let jobs = jobs_of(std::mem::take(&mut desk.hand));
        self.say(&FromWorker::GivenBack(jobs))
    }

    /// Nothing comes any more. Without a supervisor what is in hand is not begun either.
    pub(super) fn no_more(&self, end: io::Result<()>) {
        let mut desk = lock(&self.desk);
        if end.is_err() {
            desk.hand.clear();
            desk.begun = None;
            self.cancel();
        }
        desk.end = Some(end);
        self.laid.notify_one();
    }

    /// Waits for the next attempt, or the end; `watcher` is the thread that runs [`Self::watch`].
    pub(super) fn next(&self, watcher: &Thread) -> Order {
        let assignment = {
            let mut desk = lock(&self.desk);
            loop {
                if let Some(assignment) = desk.begun.take() {
                    break assignment;
                }
                if let Some(end) = desk.end.take() {
                    return Order::End(end);
                }
                desk = self.laid.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
        };
        self.log_lines.store(0, Ordering::Relaxed);
        if self.state.compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            watcher.unpark();
        }
        Order::of(assignment)
    }

    /// An attempt is over: tells how, and begins the next job of the hand. Nothing else is told of it
    /// after that. If it gives back, what is in hand, and what is on its way there, is not begun.
    pub(super) fn over(&self, ended: Ended) -> io::Result<()> {
        // The lock is held so that this is said together with what it means for the hand.
        let mut desk = lock(&self.desk);
        desk.note = None;
        if ended.gives_back {
            desk.hand.clear();
            desk.round = desk.round.wrapping_add(1);
        }
        let said = self.say(&FromWorker::Outcome(Box::new(ended)));
        if said.is_ok() {
            self.begin(&mut desk);
        }
        said
    }

    /// Sends the line that `line` makes of job and attempt, if an attempt runs and has not sent too
    /// many.
    pub(super) fn log(&self, line: impl FnOnce(u32, u32) -> LogLine) {
        // The lock is held so that no line follows its outcome.
        let desk = lock(&self.desk);
        let Some(Note { job, attempt, .. }) = desk.note else { return };
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
            let note = lock(&self.desk).note;
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
                if lock(&self.desk).note.is_some() {
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
        let Note { job, attempt, at: Some((phase, done, total)), .. } = note else { return };
        if *told == Some(note) {
            return;
        }
        // The lock is held so that no progress follows its outcome.
        let desk = lock(&self.desk);
        if desk.note.is_some_and(|now| (now.job, now.attempt) == (job, attempt)) {
            let _ = self.say(&FromWorker::Progress { job, attempt, phase, done, total });
            *told = Some(note);
        }
    }
}

impl Observer for Shared {
    fn progress(&self, phase: Phase, done: u64, total: u64) {
        if let Some(note) = &mut lock(&self.desk).note {
            note.at = Some((phase, done, total));
        }
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    fn planned(&self) {
        let note = lock(&self.desk).note.filter(|note| note.tell_planned);
        let Some(Note { job, attempt, .. }) = note else { return };
        let held = self.meter.peak();
        // Without a supervisor the conversion has been asked to stop.
        let _ = self.say(&FromWorker::Planned { job, attempt, held });
    }

    fn publishing(&self, file: &StatData) {
        let note = lock(&self.desk).note;
        if let Some(Note { job, attempt, .. }) = note {
            // Without a supervisor the conversion has been asked to stop.
            let _ = self.say(&FromWorker::Publishing { job, attempt, file: *file });
        }
    }

    fn threads(&self) -> Option<usize> {
        usize::try_from(self.threads.load(Ordering::Relaxed)).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::protocol::{Decoder, WireBytes, WirePath};
    use std::path::Path;
    use std::sync::Arc;

    /// Keeps what a worker says.
    #[derive(Clone, Default)]
    pub(in super::super) struct Wire(Arc<Mutex<Vec<u8>>>);

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Wire {
        /// All that was said.
        pub(in super::super) fn said(&self) -> Vec<FromWorker> {
            let mut decoder = Decoder::default();
            decoder.push(&lock(&self.0));
            std::iter::from_fn(|| decoder.take().unwrap()).collect()
        }
    }

    pub(in super::super) fn assignment(job: u32, attempt: u32) -> Assignment {
        let path = WirePath::from(Path::new("/a"));
        Assignment {
            job,
            attempt,
            input: path.clone(),
            output: path.clone(),
            temp_dir: path,
            temp_name: String::new(),
            task: String::new(),
            options: WireBytes::default(),
            threads: 1,
            data_limit: None,
            tell_planned: false,
            rest_limit: 0,
        }
    }

    fn begin(shared: &Shared) -> Option<u32> {
        match shared.next(&std::thread::current()) {
            Order::Job(assignment) => Some(assignment.job),
            Order::End(_) => None,
        }
    }

    pub(in super::super) fn ended(job: u32, attempt: u32, gives_back: bool) -> Ended {
        let (result, measured) = (Ok(WireBytes::default()), crate::protocol::Measured::default());
        Ended { job, attempt, result, measured, time: (0, 0), gives_back }
    }

    fn jobs(jobs: std::ops::Range<u32>) -> Vec<Assignment> {
        jobs.map(|job| assignment(job, 1)).collect()
    }

    fn with_hand(range: std::ops::Range<u32>) -> (Shared, Wire) {
        let wire = Wire::default();
        let shared = Shared::new(Box::new(wire.clone()));
        shared.take_in_hand(0, jobs(range));
        (shared, wire)
    }

    #[test]
    fn jobs_are_begun_in_their_order_or_given_back() {
        let (shared, wire) = with_hand(0..5);
        assert_eq!(begin(&shared), Some(0));
        shared.over(ended(0, 1, false)).unwrap();
        // It has begun, though nobody works on it yet.
        shared.give_back(false).unwrap();
        assert_eq!(begin(&shared), Some(1));
        assert!(!shared.cancelled(), "what runs goes on");
        shared.give_back(true).unwrap();
        assert!(shared.cancelled());
        shared.take_in_hand(0, jobs(7..9));
        shared.over(ended(1, 1, true)).unwrap();
        // Sent before that was heard.
        shared.take_in_hand(0, jobs(9..12));
        shared.give_back(true).unwrap();
        shared.take_in_hand(1, jobs(7..8));
        assert_eq!(begin(&shared), Some(7));
        assert!(!shared.cancelled(), "what was stopped was over");
        let said = wire.said().into_iter().filter_map(|said| match said {
            FromWorker::GivenBack(jobs) => Some(jobs),
            _ => None,
        });
        assert_eq!(said.collect::<Vec<_>>(), [vec![2, 3, 4], vec![], vec![]]);
    }

    #[test]
    fn a_worker_that_is_sent_home_ends_what_it_has_and_an_orphan_does_not() {
        let (shared, _) = with_hand(0..2);
        shared.no_more(Ok(()));
        for job in 0..2 {
            assert_eq!(begin(&shared), Some(job));
            shared.over(ended(job, 1, false)).unwrap();
        }
        assert_eq!(begin(&shared), None);
        let (shared, _) = with_hand(0..2);
        shared.no_more(Err(io::ErrorKind::UnexpectedEof.into()));
        assert!(shared.cancelled());
        assert_eq!(begin(&shared), None);
        let (shared, _) = with_hand(0..2);
        assert_eq!(begin(&shared), Some(0));
        shared.no_more(Err(io::ErrorKind::UnexpectedEof.into()));
        assert!(shared.cancelled());
        let _ = shared.over(ended(0, 1, false));
        assert_eq!(begin(&shared), None);
    }

    /// Whoever hears a worker takes the first job of a hand to have begun, and after each outcome the
    /// next.
    #[test]
    fn what_comes_back_is_what_has_not_begun() {
        for round in 0..500_u32 {
            let (shared, wire) = with_hand(0..20);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..round {
                        std::hint::spin_loop();
                    }
                    shared.give_back(round.is_multiple_of(2)).unwrap();
                    shared.no_more(Ok(()));
                });
                while let Some(job) = begin(&shared) {
                    shared.over(ended(job, 1, false)).unwrap();
                }
            });
            let mut at = 0;
            let mut back = None;
            for said in wire.said() {
                match said {
                    FromWorker::Outcome(ended) => {
                        assert_eq!(ended.job, at);
                        at += 1;
                    }
                    FromWorker::GivenBack(jobs) => {
                        // If none has begun, there was none left.
                        assert_eq!(jobs, (at + 1..20).collect::<Vec<_>>());
                        back = Some(at);
                    }
                    other => panic!("{other:?}"),
                }
            }
            let last = back.unwrap();
            assert_eq!(at, (last + 1).min(20), "what had begun was ended, and no more");
        }
    }
}
