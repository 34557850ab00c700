//! Schedules a run, without touching anything: events in, actions out. Knows slots, attempts, the
//! governor and the retry policy; touches no clock, process or file.
//!
//! Invariants, held by property tests over random event orders:
//! - every job ends exactly once, unless the run is drained or cannot go on;
//! - a slot runs at most one attempt, and a job at most one at a time;
//! - what a worker has in hand behind it counts as waiting: no attempt before it begins;
//! - never more attempts than the governor allows;
//! - attempts of a job are bounded;
//! - as long as jobs wait, something is under way, or a wake-up time is known.

mod admission;
mod hand;
#[cfg(test)]
mod hand_tests;
mod machine;
mod memory;
mod pace;
mod state;
#[cfg(test)]
mod tests;
mod workers;

pub(super) use machine::Scheduler;

use super::event::{ConcurrencyReason, SafetyStep, SlotId};
use super::fault::Fault;
use super::plan::JobId;
use std::time::Duration;

/// One life of a worker process; never used twice in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct WorkerId(pub(super) u64);

/// What the scheduler is bound by.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// Number of slots.
    pub(super) slots: u32,
    /// The governor never goes below.
    pub(super) floor: u32,
    /// Attempts for causes that may pass.
    pub(super) retries: u32,
    /// A full disk fails the job instead of pausing the run.
    pub(super) fail_when_full: bool,
    pub(super) stall_timeout: Duration,
    pub(super) handshake_timeout: Duration,
    /// How long running attempts may go on after the first signal.
    pub(super) grace: Duration,
    pub(super) quiet_interval: Duration,
    /// Jobs after which a worker is replaced.
    pub(super) recycle_after: u32,
    /// Threads of an attempt.
    pub(super) threads: u32,
    /// Threads to divide among the attempts that run, where they are not fixed.
    pub(super) threads_total: Option<u32>,
    /// First guess of an attempt's peak in bytes.
    pub(super) first_guess: u64,
    /// Workers tell what an attempt takes once they know what is in its file.
    pub(super) tells_planned: bool,
    /// Somebody hears of results in the plan's order: what comes before its turn is held.
    pub(super) in_order: bool,
}

/// A reading of memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MemoryReading {
    /// The bound that matters most at this time.
    pub(super) limit: u64,
    /// Share of it that may be used.
    pub(super) budget: u64,
    /// In use against it.
    pub(super) used: u64,
    /// What may still be taken under every bound; negative above the margin.
    pub(super) headroom: i64,
    /// Anonymous memory of each worker.
    pub(super) anon: Vec<(SlotId, WorkerId, u64)>,
}

/// How an attempt ended, as its worker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) job: JobId,
    pub(super) attempt: u32,
    pub(super) result: Result<(), (Fault, String)>,
    /// Its highest anonymous memory in bytes.
    pub(super) peak: u64,
    /// What the worker still holds.
    pub(super) rest: u64,
    /// How long it took.
    pub(super) spent: Duration,
    /// The worker begins nothing of its hand.
    pub(super) gives_back: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Time passed.
    Tick,
    /// A worker said hello.
    Ready { slot: SlotId, worker: WorkerId },
    /// A worker came on, or its process moved bytes.
    Alive { slot: SlotId, worker: WorkerId, sync: bool },
    /// An attempt knows what is in its file, and so that it will need so many bytes.
    Planned { slot: SlotId, worker: WorkerId, job: JobId, attempt: u32, need: u64 },
    /// A worker reported the end of its attempt.
    Ended { slot: SlotId, worker: WorkerId, report: Report },
    /// A worker gave back the last jobs of its hand, as it was asked to.
    GivenBack { slot: SlotId, worker: WorkerId, jobs: Vec<JobId> },
    /// A worker said what no worker says.
    Nonsense { slot: SlotId, worker: WorkerId, message: String },
    /// A worker's process is gone, or never was. `peak` is the highest anonymous memory seen in
    /// its last attempt.
    Exited { slot: SlotId, worker: WorkerId, cause: Fault, message: String, peak: u64 },
    /// Memory was read.
    Memory(MemoryReading),
    /// The answer to [`Action::CheckSpace`].
    Space { enough: bool },
    /// A signal, or something as grave: the first drains the run, the second stops it, the third
    /// kills.
    Signal { reason: String },
    /// The run cannot go on.
    Fatal { message: String },
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Start a worker.
    Spawn { slot: SlotId, worker: WorkerId },
    /// Give a worker a job behind those that it has. It will need `predicted` bytes; `data_limit`
    /// bounds its private memory; a worker that holds more than `rest_limit` afterwards gives back
    /// what it has.
    Assign {
        slot: SlotId,
        worker: WorkerId,
        job: JobId,
        attempt: u32,
        threads: u32,
        predicted: u64,
        data_limit: Option<u64>,
        tell_planned: bool,
        rest_limit: u64,
    },
    /// The first of the jobs that a worker was given begins.
    Begin { slot: SlotId, worker: WorkerId, job: JobId },
    /// Have a worker give back what it has not begun.
    Recall { slot: SlotId, worker: WorkerId },
    /// Change the threads of a running attempt.
    SetThreads { slot: SlotId, worker: WorkerId, threads: u32 },
    /// Ask the running attempt to stop, and have the worker give back what it has not begun.
    Cancel { slot: SlotId, worker: WorkerId },
    /// Ask an idle worker to exit.
    Quit { slot: SlotId, worker: WorkerId },
    /// Kill a worker.
    Kill { slot: SlotId, worker: WorkerId },
    /// Look whether the output's file system has so many bytes.
    CheckSpace { needed: u64 },
    /// An attempt did not succeed.
    AttemptFailed {
        slot: SlotId,
        job: JobId,
        attempt: u32,
        cause: Fault,
        message: String,
        will_retry: bool,
    },
    /// A job is over.
    Finish { slot: SlotId, job: JobId, end: End },
    /// Something to tell.
    Tell(Notice),
    /// The run is over; comes once, and nothing after it.
    Over(Ending),
}

/// How a job is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The last attempt's report tells the rest.
    Done,
    /// Lost.
    Failed { cause: Fault, message: String },
}

/// How a run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// Every job ended.
    Complete,
    /// A signal came before that.
    Interrupted,
    /// It could not go on.
    Fatal(String),
}

/// Changes that a user may want to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// More or fewer slots may be busy.
    Concurrency { allowed: u32, reason: ConcurrencyReason },
    /// Memory is above the margin.
    Violation { used: u64, budget: u64, limit: u64, count: u64, step: SafetyStep },
    /// The disk is full.
    Paused(String),
    /// Space appeared.
    Resumed(Duration),
    /// No new jobs.
    Draining { reason: String, grace: Duration, running: u32 },
    /// Running attempts are stopped.
    Stopping(String),
    /// Something is odd.
    Warning(String),
}
