//! Defines the report of a run, with the field names of its JSON.

use super::fault::Fault;
use super::records::Records;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One element of `slots` in the report.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SlotRecord {
    /// Time in which an attempt ran there.
    pub busy_seconds: f64,
    /// The rest of the run's time.
    pub idle_seconds: f64,
    /// Jobs that ended there.
    pub jobs: u64,
}

/// The report of a run. The four counts of outcomes are disjoint: their sum is the number of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Files converted.
    pub success: u64,
    /// Files without an output.
    pub failed: u64,
    /// Files whose output was there already.
    pub skipped: u64,
    /// Files that needed nothing.
    pub unchanged: u64,
    /// How often memory in use went above the safety margin.
    pub safety_violations: u64,
    /// Wall time of the run in seconds.
    pub conversion_time: f64,
    /// Most slots busy at one time.
    pub workers_used: u64,
    /// Memory in use at the end in percent of the limit.
    pub final_memory_usage_percent: f64,
    /// Names this run.
    pub run_id: String,
    /// Version of this program.
    pub version: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// RFC 3339, UTC.
    pub finished: String,
    /// Where the archive is.
    pub input_dir: String,
    /// Where the outputs are.
    pub output_dir: String,
    /// Sum over the files done in this run.
    pub bytes_read: u64,
    /// Sum over the files done in this run.
    pub bytes_written: u64,
    /// In bytes.
    pub memory_limit: u64,
    /// Highest resident memory of any attempt in bytes.
    pub peak_rss_max: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Attempts that were run again because memory ran out.
    pub oom_restarts: u64,
    /// Whether a signal ended the run before all jobs were done.
    pub interrupted: bool,
    /// One element a slot.
    pub slots: Vec<SlotRecord>,
    /// Mean busy time of the slots over the highest one; 1 is perfect.
    pub load_balance: f64,
    /// Busy time of all slots over slots times wall time; 1 is perfect.
    pub parallel_efficiency: f64,
    /// One element a file, in the plan's order.
    pub files: Records,
    /// Jobs of the plan that were not done.
    #[serde(default)]
    pub pending: u64,
    /// Which part of the plan this was, e.g. `1/1`.
    #[serde(default)]
    pub shard: String,
    /// How often each cause ended an attempt.
    #[serde(default)]
    pub faults: BTreeMap<Fault, u64>,
    /// How long the run waited for space on a full disk.
    #[serde(default)]
    pub paused_seconds: f64,
    /// Why the run could not go on, where that was so.
    #[serde(default)]
    pub error: Option<String>,
}
