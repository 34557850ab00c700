//! Holds everything a run needs to know, resolved: nothing below looks at flags or the environment.

use super::live::LiveHandle;
use super::memory::limits::Slurm;
use super::worker_process::WorkerProgram;
use crate::archive::Shard;
use crate::convert;
use std::path::PathBuf;
use std::time::Duration;

/// A number that is either given or found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// From cores, cgroup, SLURM and memory.
    #[default]
    Auto,
    /// Exactly this many; at least one.
    Exactly(usize),
}

/// What the run does when the output's file system has no space left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum OnFull {
    /// Wait until space appears, then go on.
    #[default]
    Pause,
    /// Fail the job.
    Fail,
}

/// What the run does where a file has an output's name that is not this program's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum OnConflict {
    /// Nothing at all: the run does not begin.
    #[default]
    Fail,
    /// Leave these files alone and do the rest.
    Skip,
    /// Move the other file to `.jldconv/replaced/` and make the output.
    KeepBoth,
}

/// What a run does with files that are not JLD2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Others {
    /// They stay where they are.
    #[default]
    Skip,
    /// They are copied beside the outputs.
    Copy,
    /// They are hard-linked beside the outputs.
    Link,
}

/// How a run goes.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Settings {
    /// Where the archive is.
    pub input_dir: PathBuf,
    /// Where its outputs go; the run's own files go to `.jldconv/` below it.
    pub output_dir: PathBuf,
    /// Number of slots.
    pub workers: Count,
    /// Lower bound of an automatic number of slots, and of the governor.
    pub min_workers: usize,
    /// Upper bound of an automatic number of slots.
    pub max_workers: usize,
    /// Threads that one conversion may use.
    pub threads_per_worker: Count,
    /// Share of the memory limit that may be used, above 0 and at most 1.
    pub safety_margin: f64,
    /// Upper bound of the memory limit in bytes, beside those that the system sets.
    pub memory_limit: Option<u64>,
    /// Attempts that a job has for faults which may pass (killed, output).
    pub retries: u32,
    /// An attempt that shows no life for so long is stalled.
    pub stall_timeout: Duration,
    /// How long running jobs may go on after the first signal.
    pub grace: Duration,
    /// How long a new worker may take to say hello.
    pub handshake_timeout: Duration,
    /// Which part of the plan this is; names the journal.
    pub shard: Shard,
    /// Jobs that failed in an earlier run are tried again.
    pub resume_failed: bool,
    /// Plan, but write nothing.
    pub dry_run: bool,
    /// What a full disk does.
    pub on_full: OnFull,
    /// What is done about conflicts.
    pub on_conflict: OnConflict,
    /// What is done with files that are not JLD2.
    pub others: Others,
    /// What `force` replaces is not kept.
    pub discard_replaced: bool,
    /// Each worker stays on its own cores.
    pub pin: bool,
    /// SIGUSR1 drains the run (a SLURM job's warning) instead of printing its status.
    pub drain_on_usr1: bool,
    /// A worker is replaced after so many jobs.
    pub recycle_after: u32,
    /// The governor allows one more busy slot after each such interval without an incident.
    pub quiet_interval: Duration,
    /// Interval of memory readings.
    pub sample_interval: Duration,
    /// What SLURM grants.
    pub slurm: Slurm,
    /// The command line that says all of this, for reports; empty where there is none.
    pub command: Vec<String>,
    /// How each file is converted. With `force` all outputs are made again, whatever is there.
    pub options: convert::Options,
}

impl Settings {
    /// The share of each memory limit that a run uses unless it is told another.
    pub const SAFETY_MARGIN: f64 = 0.8;

    /// The defaults of the command line for an archive and its output directory; what SLURM grants
    /// is read from the environment.
    pub fn new(input_dir: impl Into<PathBuf>, output_dir: impl Into<PathBuf>) -> Self {
        Self {
            input_dir: input_dir.into(),
            output_dir: output_dir.into(),
            workers: Count::Auto,
            min_workers: 1,
            max_workers: 64,
            threads_per_worker: Count::Auto,
            safety_margin: Self::SAFETY_MARGIN,
            memory_limit: None,
            retries: 3,
            stall_timeout: Duration::from_mins(10),
            grace: Duration::from_mins(1),
            handshake_timeout: Duration::from_secs(30),
            shard: Shard::default(),
            resume_failed: false,
            dry_run: false,
            on_full: OnFull::Pause,
            on_conflict: OnConflict::Fail,
            others: Others::Skip,
            discard_replaced: false,
            pin: false,
            drain_on_usr1: false,
            recycle_after: 1000,
            quiet_interval: Duration::from_secs(10),
            sample_interval: Duration::from_millis(150),
            slurm: Slurm::from_env(),
            command: Vec::new(),
            options: convert::Options::default(),
        }
    }
}

/// What a run is given beside its settings and plan.
#[derive(Debug, Default)]
pub struct Hooks {
    /// How workers are started.
    pub program: WorkerProgram,
    /// Where what the run is doing can be seen, from any thread.
    pub live: LiveHandle,
}
