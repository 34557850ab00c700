//! Defines the report of a run, with the field names of its JSON.

use super::fault::Fault;
use super::records::Records;
use crate::text;
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
    /// What became of files that are not JLD2, where they were to be taken along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<OthersSummary>,
}

/// What became of files that are not JLD2, in numbers of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OthersSummary {
    /// Copied in this run.
    pub copied: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Linked in this run.
    pub linked: u64,
    /// There already.
    pub there: u64,
    /// Left out, for they are pipes, sockets or devices.
    pub odd: u64,
    /// Not taken along: something else has the name, or an error.
    pub failed: u64,
    /// Not come to, for a signal ended the run.
    pub pending: u64,
}

impl std::fmt::Display for OthersSummary {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { copied, bytes, linked, there, odd, failed, pending } = *self;
        let counts = [
            (copied, format!("{copied} copied ({})", text::bytes(bytes))),
            (linked, format!("{linked} linked")),
            (there, format!("{there} there already")),
            (odd, format!("{odd} neither files nor links, left out")),
            (failed, format!("{failed} not taken along")),
            (pending, format!("{pending} left for the next run")),
        ];
        let parts: Vec<_> = counts.into_iter().filter(|(count, _)| *count > 0).collect();
        if parts.is_empty() {
            return out.write_str("none");
        }
        out.write_str(&parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", "))
    }
}
