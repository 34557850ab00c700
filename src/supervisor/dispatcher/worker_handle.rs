//! Holds what the dispatcher knows of the worker in a slot.

use crate::convert::Phase;
use crate::protocol::{Assignment, ToWorker, encode};
use crate::supervisor::plan::JobId;
use crate::supervisor::scheduler::WorkerId;
use crate::supervisor::worker_process::Load;
use crate::sys::memory::ProcessMemory;
use crate::sys::process::Killer;
use interprocess::local_socket::Stream;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Bytes of jobs that may lie unread, or in a worker's hand, at a time; further ones wait here. A
/// socket takes twice that, so that nobody ever waits for a worker.
const WINDOW: usize = 64 << 10;

/// An attempt that was assigned.
#[derive(Debug)]
pub(in crate::supervisor) struct Current {
    /// The scheduler's job.
    pub(in crate::supervisor) job: JobId,
    pub(in crate::supervisor) attempt: u32,
    pub(in crate::supervisor) name: String,
    /// Size of its input.
    pub(in crate::supervisor) bytes: u64,
    pub(in crate::supervisor) began: Instant,
    /// Name of its temporary file.
    pub(in crate::supervisor) temp: String,
    pub(in crate::supervisor) predicted: u64,
    pub(in crate::supervisor) at: Option<(Phase, u64, u64)>,
    /// Highest memory seen of it in bytes.
    pub(in crate::supervisor) peak_rss: u64,
    pub(in crate::supervisor) peak_anon: u64,
    /// What it gave in the end, if that was good.
    pub(in crate::supervisor) output: Option<Vec<u8>>,
    /// Its outcome was heard.
    pub(in crate::supervisor) over: bool,
    /// When it ended, since the run began, as its worker says.
    pub(in crate::supervisor) ended: Option<Duration>,
    /// It was in a hand in front of others or behind them: what was seen of its worker meanwhile may
    /// be of these.
    pub(in crate::supervisor) among_others: bool,
    /// Bytes of its assignment.
    size: usize,
    /// What the worker is to be told of it.
    untold: Option<Assignment>,
}

impl Current {
    pub(in crate::supervisor) fn new(
        assignment: Assignment,
        (name, bytes): (String, u64),
        predicted: u64,
    ) -> Self {
        Self {
            job: JobId(assignment.job),
            attempt: assignment.attempt,
            name,
            bytes,
            began: Instant::now(),
            temp: assignment.temp_name.clone(),
            predicted,
            at: None,
            peak_rss: 0,
            peak_anon: 0,
            output: None,
            over: false,
            ended: None,
            among_others: false,
            size: assignment.size(),
            untold: Some(assignment),
        }
    }
}

/// A worker in its slot.
#[derive(Debug)]
pub(in crate::supervisor) struct WorkerHandle {
    pub(in crate::supervisor) worker: WorkerId,
    pub(in crate::supervisor) pid: Option<u32>,
    killer: Option<Killer>,
    kill: bool,
    pub(in crate::supervisor) stream: Option<Stream>,
    /// What it was killed for by the dispatcher itself.
    pub(in crate::supervisor) kill_reason: Option<String>,
    pub(in crate::supervisor) current: Option<Current>,
    /// What it carries out behind that, in order: first what it was told of.
    next: VecDeque<Current>,
    /// How often it was asked to give back what it has not begun and has not answered.
    recalled: u32,
    /// How often it gave all back with an outcome.
    round: u32,
    /// How much it has to do, for the thread that hears it.
    pub(in crate::supervisor) load: Load,
    /// When its last attempt ended, since the run began.
    pub(in crate::supervisor) last_end: Duration,
    /// Anonymous memory seen last in bytes.
    pub(in crate::supervisor) held: u64,
}

impl WorkerHandle {
    pub(in crate::supervisor) fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            pid: None,
            killer: None,
            kill: false,
            stream: None,
            kill_reason: None,
            current: None,
            next: VecDeque::new(),
            recalled: 0,
            round: 0,
            load: Load::default(),
            last_end: Duration::ZERO,
            held: 0,
        }
    }

    /// The process is there; it may be that it was to be killed before that.
    pub(in crate::supervisor) fn born(&mut self, pid: u32, killer: Killer) {
        if self.kill {
            killer.kill();
        }
        self.pid = Some(pid);
        self.killer = Some(killer);
    }

    pub(in crate::supervisor) fn kill(&mut self) {
        self.kill = true;
        if let Some(killer) = &self.killer {
            killer.kill();
        }
    }

    /// Whether this side had it killed.
    pub(in crate::supervisor) fn killed(&self) -> bool {
        self.kill
    }

    /// Says something. Frames are small and the socket's buffer is large, so a worker that has no
    /// room for one has not listened for long.
    pub(in crate::supervisor) fn say(&mut self, message: &ToWorker) -> io::Result<()> {
        if matches!(message, ToWorker::Recall | ToWorker::Cancel) {
            self.recalled = self.recalled.saturating_add(1);
        }
        let context = encode(message).map_err(io::Error::other)?;
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(&context)
    }

    /// An attempt is to follow those that it has; [`Self::tell_next`] tells it.
    pub(in crate::supervisor) fn lay_behind(&mut self, attempt: Current) {
        self.next.push_back(attempt);
    }

    /// Whether there is something to tell.
    pub(in crate::supervisor) fn has_untold(&self) -> bool {
        let last = self.next.back().or(self.current.as_ref());
        last.is_some_and(|attempt| attempt.untold.is_some())
    }

    /// Tells the worker of as many of its next attempts as it may have at a time, each of which takes
    /// so long.
    pub(in crate::supervisor) fn tell_next(&mut self, each: Duration) -> io::Result<()> {
        let running = self.current.iter_mut().filter(|current| !current.over);
        // Who is to give back what it has not begun gets nothing to give back.
        let behind = if self.recalled == 0 { self.next.len() } else { 0 };
        let (mut size, mut bundle) = (0_usize, Vec::new());
        for attempt in running.chain(self.next.iter_mut().take(behind)) {
            let with_it = size.saturating_add(attempt.size);
            // One at least, however large it is.
            if size > 0 && with_it > WINDOW {
                break;
            }
            size = with_it;
            bundle.extend(attempt.untold.take());
        }
        if bundle.is_empty() {
            return Ok(());
        }
        self.load.more(bundle.len(), each);
        self.say(&ToWorker::Assign { round: self.round, jobs: bundle })
    }

    /// The first of its next attempts begins, which must be of this job.
    pub(in crate::supervisor) fn begin_next(&mut self, job: JobId) -> bool {
        let Some(mut next) = self.next.pop_front_if(|next| next.job == job) else { return false };
        let follows = self.current.as_ref().is_some_and(|before| before.among_others);
        next.began = Instant::now();
        next.among_others = follows || !self.next.is_empty();
        self.current = Some(next);
        true
    }

    /// It gave `jobs` back, which it has not begun. Gives these and what it was not told of, in
    /// order: nothing is left behind what it is at.
    pub(in crate::supervisor) fn take_back(&mut self, jobs: Vec<u32>) -> Vec<JobId> {
        let untold = self.next.iter().filter(|next| next.untold.is_some()).map(|next| next.job);
        let back: Vec<JobId> = jobs.into_iter().map(JobId).chain(untold).collect();
        self.next.retain(|next| !back.contains(&next.job));
        back
    }

    /// It begins nothing of what it was told of by now.
    pub(in crate::supervisor) fn gave_all_back(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.next.clear();
        self.load.none();
    }

    /// It answered a message by which it is to give back what it has not begun.
    pub(in crate::supervisor) fn answered(&mut self) {
        self.recalled = self.recalled.saturating_sub(1);
    }

    pub(in crate::supervisor) fn measured(&mut self, memory: ProcessMemory) {
        self.held = memory.held();
        if let Some(current) = &mut self.current
            && !current.over
        {
            // The mark of the resident memory is reset by the worker a little after it was given
            // the job, so it may be of an earlier job here; what it reports itself is right.
            current.peak_rss = current.peak_rss.max(memory.held().saturating_add(memory.file));
            current.peak_anon = current.peak_anon.max(memory.held());
        }
    }

    /// Whether its attempt waits for the disk; nothing if it has no attempt.
    pub(in crate::supervisor) fn syncing(&self) -> Option<bool> {
        let current = self.current.as_ref().filter(|current| !current.over)?;
        Some(matches!(current.at, Some((Phase::Sync, ..))))
    }
}
