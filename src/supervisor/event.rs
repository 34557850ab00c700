//! Defines what a run tells while it goes.

use super::fault::Fault;
use super::plan::JobId;
use super::record::JobRecord;
use super::summary::RunSummary;
use super::timeline::Point;
use crate::convert::Phase;
use crate::sys::machine::Machine;
use serde::{Deserialize, Serialize};

/// A place in which one worker lives at a time, counted from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SlotId(pub u32);

impl SlotId {
    /// Its number for people, who count from 1.
    pub fn shown(self) -> u32 {
        self.0.saturating_add(1)
    }
}

/// Memory as the run is bound by it, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemoryStatus {
    /// The smallest of all limits.
    pub limit: u64,
    /// Where it comes from, for people: `physical memory`, `cgroup /a/b`, `--memory-limit` ...
    pub limit_source: String,
    /// Share of the limit that may be used.
    pub budget: u64,
    /// In use against the same bound, caches that the kernel can drop left out.
    pub used: u64,
}

impl MemoryStatus {
    /// The point of a timeline at `seconds` after the run's begin, with nothing in it but memory.
    pub fn point(&self, seconds: f64) -> Point {
        let Self { limit, budget, used, .. } = *self;
        Point { seconds, used, budget, limit, ..Point::default() }
    }
}

/// The first thing a run tells.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunStart {
    /// Names this run.
    pub run_id: String,
    /// Version of this program.
    pub version: String,
    /// Where the archive is.
    pub input_dir: String,
    /// Where the outputs go.
    pub output_dir: String,
    /// Which part of the plan this is, e.g. `1/1`.
    pub shard: String,
    /// Jobs to do (those skipped are not among them).
    pub jobs: u64,
    /// All files of the plan: so many `job-finished` events come in the end, those of files that
    /// were settled before among them.
    #[serde(default)]
    pub files: u64,
    /// Sum of their inputs' sizes.
    pub bytes: u64,
    /// Names of the first few jobs to do.
    #[serde(default)]
    pub first: Vec<String>,
    /// Jobs whose output is complete already.
    pub skipped: u64,
    /// Outputs that exist but have to be made again.
    pub incomplete: Vec<String>,
    /// The same with the reasons.
    #[serde(default)]
    pub stale: Vec<Stale>,
    /// Files that are in the way; what becomes of them the settings say.
    #[serde(default)]
    pub conflicts: Vec<String>,
    /// Jobs that failed in an earlier run and are left alone.
    pub failed_before: Vec<String>,
    /// Number of slots.
    pub slots: u32,
    /// Why so many, for people.
    pub slots_reason: String,
    /// Threads that one conversion may use.
    pub threads_per_worker: u32,
    /// Memory before the first job.
    pub memory: MemoryStatus,
    /// The machine that the run is on.
    #[serde(default)]
    pub machine: Machine,
}

/// An output of this program that has to be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// One slot in a [`Status`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlotStatus {
    /// Which slot.
    pub slot: SlotId,
    /// The worker's process id.
    pub pid: Option<u32>,
    /// Name of the file that is being converted.
    pub name: Option<String>,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Where it is.
    pub phase: Option<Phase>,
    /// Bytes of the phase that are through.
    pub done: u64,
    /// Bytes of the phase.
    pub total: u64,
    /// Since the attempt began.
    pub seconds: f64,
    /// Anonymous memory of the worker in bytes.
    pub anon: u64,
}

/// A block for SIGUSR1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Since the run began.
    pub seconds: f64,
    /// Jobs waiting.
    pub waiting: u64,
    /// Jobs that ended with an output.
    pub done: u64,
    /// Jobs that failed.
    pub failed: u64,
    /// Jobs whose output was there already.
    pub skipped: u64,
    /// Slots that may be busy now.
    pub allowed: u32,
    /// Whether the run waits for space on the disk.
    pub paused: bool,
    /// Whether the run takes no new jobs.
    pub draining: bool,
    /// Memory now.
    pub memory: MemoryStatus,
    /// How often memory in use went above the margin so far.
    pub safety_violations: u64,
    /// Every slot.
    pub slots: Vec<SlotStatus>,
}

/// Why the number of slots that may be busy changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConcurrencyReason {
    /// A worker ran out of memory.
    OutOfMemory,
    /// Memory in use stayed above the margin.
    SafetyViolation,
    /// No worker could be started beside those that run.
    Spawn,
    /// Nothing happened for a quiet interval.
    Quiet,
}

impl ConcurrencyReason {
    /// In words for people.
    pub const fn why(self) -> &'static str {
        match self {
            Self::OutOfMemory => "a worker ran out of memory",
            Self::SafetyViolation => "memory stays above the margin",
            Self::Spawn => "no further worker can be started",
            Self::Quiet => "no trouble for a while",
        }
    }
}

/// How far a run is with files that are not JLD2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TakingAlong {
    /// How many there are.
    pub files: u64,
    /// Those that were come to.
    pub done: u64,
    /// Bytes that were copied.
    pub bytes: u64,
}

/// What is done about memory above the margin; each is tried before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SafetyStep {
    /// No new job starts.
    Hold,
    /// The youngest attempt is asked to stop.
    Ask,
    /// The youngest attempt is killed.
    Kill,
}

/// Something a user may want to see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent {
    /// Before a run: outputs that are there are looked into. Told where that takes its time.
    Examining {
        /// Outputs that were looked into.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// The run begins.
    RunStarted(RunStart),
    /// A worker took a job.
    AttemptStarted {
        /// Where.
        slot: SlotId,
        /// Which job.
        job: JobId,
        /// Its file name.
        name: String,
        /// Size of its input.
        bytes: u64,
        /// Which attempt, from 1.
        attempt: u32,
        /// The worker's process id.
        pid: u32,
    },
    /// A worker came on; at most about ten a second and slot.
    Progress {
        /// Where.
        slot: SlotId,
        /// Which job.
        job: JobId,
        /// Step of the conversion.
        phase: Phase,
        /// Bytes of the step that are through.
        done: u64,
        /// Bytes of the step.
        total: u64,
    },
    /// An attempt did not succeed.
    AttemptFailed {
        /// Where.
        slot: SlotId,
        /// Which job.
        job: JobId,
        /// Its file name.
        name: String,
        /// Which attempt, from 1.
        attempt: u32,
        /// Why.
        cause: Fault,
        /// What is known about it.
        message: String,
        /// Whether the job is tried again.
        will_retry: bool,
    },
    /// A job ended.
    JobFinished(JobRecord),
    /// More or fewer slots may be busy.
    Concurrency {
        /// So many now.
        allowed: u32,
        /// Of so many.
        slots: u32,
        /// Why.
        reason: ConcurrencyReason,
    },
    /// Memory in use is above the safety margin.
    SafetyViolation {
        /// In use, in bytes.
        used: u64,
        /// Share of the limit that may be used, in bytes.
        budget: u64,
        /// In bytes.
        limit: u64,
        /// Violations so far, this one included.
        count: u64,
        /// What is done about it.
        step: SafetyStep,
    },
    /// Memory now; about once a second.
    Memory(MemoryStatus),
    /// The disk is full: no job runs until space appears.
    Paused {
        /// What is known about it.
        message: String,
    },
    /// Space appeared.
    Resumed {
        /// How long the run waited.
        seconds: f64,
    },
    /// No new jobs; running ones finish.
    Draining {
        /// The signal's name, or another reason.
        reason: String,
        /// How long they may.
        grace_seconds: f64,
        /// How many there are.
        running: u32,
    },
    /// Running jobs are stopped.
    Stopping {
        /// The signal's name, or another reason.
        reason: String,
    },
    /// What the run is doing, on demand.
    Status(Status),
    /// Something is odd but the run goes on.
    Warning {
        /// What.
        message: String,
    },
    /// The run is over.
    RunFinished(Box<RunSummary>),
    /// Behind a run: files that are not JLD2 are taken along. Told where that begins, and now and then.
    TakingAlong(TakingAlong),
}

/// Whoever shows a run to somebody.
pub trait Reporter {
    /// Takes note of `event`. Called by the run's own thread, so it must not block for long.
    fn event(&mut self, event: &RunEvent);
}

/// A [`Reporter`] that shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Reporter for Quiet {
    fn event(&mut self, _: &RunEvent) {}
}
