//! What a run is doing now, as one value: for bars, for `status`, for a page that follows a run.
//!
//! A [`Tracker`] makes it of the run's events; a [`LiveHandle`] shares one tracker between the run,
//! which feeds it, and whoever wants to know.

mod handle;
mod noted;
mod pace;
mod slot;
mod tracker;
mod view;

pub use handle::LiveHandle;
pub(crate) use slot::{Busy, part, share};
pub use tracker::Tracker;

use super::event::{ConcurrencyReason, MemoryStatus, SlotId, TakingAlong};
use super::fault::Fault;
use crate::convert::Phase;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of [`Live`]'s form: fields are only added.
pub(crate) const FORMAT: u32 = 1;

/// What the run as a whole is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LiveState {
    /// It has not begun with files.
    #[default]
    Starting,
    /// Files are worked on.
    Running,
    /// It waits for space on the disk.
    Paused,
    /// What runs is finished, nothing new begins.
    Draining,
    /// What runs is stopped.
    Stopping,
    /// All files are done; others, which are not JLD2, are taken along.
    TakingAlong,
    /// It is over.
    Finished,
}

/// A run at a moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Live {
    /// Version of this form.
    pub format: u32,
    /// Names the run.
    pub run_id: String,
    /// Version of the program that carries it out.
    pub version: String,
    /// The machine that it is on.
    pub host: String,
    /// The supervisor's process id there.
    pub pid: u32,
    /// When it began (RFC 3339, UTC).
    pub started: String,
    /// The moment that all this is of (RFC 3339, UTC).
    pub at: String,
    /// Where the archive is.
    pub input_dir: String,
    /// Where the outputs go.
    pub output_dir: String,
    /// Which part of the plan it does, e.g. `1/1`.
    pub shard: String,
    /// What it is doing.
    pub state: LiveState,
    /// Why it is paused, draining or stopping.
    pub why: Option<String>,
    /// Seconds since it began.
    pub elapsed: f64,
    /// How much is through, 0 to 100, by bytes; never less than it was.
    pub percent: f64,
    /// Bytes of the inputs to do.
    pub bytes: u64,
    /// Those that are through, of files at work too; never fewer than there were.
    pub bytes_done: u64,
    /// Bytes a second lately; none where it is too early to tell.
    pub rate: Option<f64>,
    /// Seconds until everything is done, at that rate.
    pub eta_seconds: Option<f64>,
    /// Files of the plan.
    pub files: u64,
    /// Those of them to do in this run.
    pub jobs: u64,
    /// Those of the jobs that ended.
    pub ended: u64,
    /// Jobs that no worker has taken yet, or that come again.
    pub waiting: u64,
    /// Files that were changed on the way to their output.
    pub converted: u64,
    /// Files that needed nothing.
    pub unchanged: u64,
    /// Files that were done before.
    pub skipped: u64,
    /// How far the run is with files that are not JLD2, where they are taken along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<TakingAlong>,
    /// Files that failed; those of an earlier run that are left alone are among them.
    pub failed: u64,
    /// Attempts that did not succeed and are made again.
    pub retries: u64,
    /// How often each cause ended an attempt.
    pub faults: BTreeMap<Fault, u64>,
    /// Memory.
    pub memory: MemoryStatus,
    /// How often memory in use went above the margin.
    pub safety_violations: u64,
    /// The workers as a whole.
    pub workers: LiveWorkers,
    /// Every slot, in order.
    pub slots: Vec<LiveSlot>,
    /// The last failures, the latest last.
    pub failures: Vec<Happened>,
    /// The last things that happened, the latest last.
    pub recent: Vec<Happened>,
}

/// How many workers there are, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LiveWorkers {
    /// Slots of the run.
    pub slots: u32,
    /// Why so many, for people.
    pub reason: String,
    /// Threads that each may use at first.
    pub threads: u32,
    /// Slots that may be busy now.
    pub allowed: u32,
    /// Slots that are busy now.
    pub busy: u32,
    /// Why fewer than all slots may be busy.
    pub fewer: Option<ConcurrencyReason>,
}

/// A slot at a moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LiveSlot {
    /// Which slot.
    pub slot: SlotId,
    /// The worker's process id, while it is busy.
    pub pid: Option<u32>,
    /// The file that it works on; none while it is idle.
    pub name: Option<String>,
    /// Size of that file in bytes.
    pub bytes: u64,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Step of the work.
    pub phase: Option<Phase>,
    /// Bytes of the step that are through.
    pub done: u64,
    /// Bytes of the step.
    pub total: u64,
    /// How much of the file is through, 0 to 100; never less than it was in this attempt.
    pub percent: f64,
    /// Seconds since the attempt began.
    pub seconds: f64,
    /// Seconds since anything moved.
    pub still: f64,
    /// Anonymous memory of the worker in bytes.
    pub anon: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    /// Seconds since the run began.
    pub at: f64,
    /// What.
    pub what: What,
    /// The file that it happened to.
    pub name: Option<String>,
    /// More about it, for people.
    pub message: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A file was converted.
    Converted,
    /// A file needed nothing.
    Unchanged,
    /// A file failed.
    Failed,
    /// An attempt did not succeed; the file comes again.
    Retry,
    /// Other workers may be busy than before.
    Workers,
    /// Memory in use went above the margin.
    Violation,
    /// The run waits for space.
    Paused,
    /// Space appeared.
    Resumed,
    /// Nothing new begins.
    Draining,
    /// What runs is stopped.
    Stopping,
    /// Something is odd.
    Warning,
}
