//! Defines the report of a run, with the field names of its JSON.

use super::fault::Fault;
use super::others::OthersSummary;
use super::records::Records;
use super::timeline::Timeline;
use super::under_way::UnderWay;
use crate::archive::Unlisted;
use crate::convert::{Mode, Options};
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
    /// Sum of their inputs' sizes.
    #[serde(default)]
    pub bytes: u64,
    /// Highest anonymous memory of an attempt of theirs, in bytes.
    #[serde(default)]
    pub peak_anon: u64,
    /// Their processor time in seconds.
    #[serde(default)]
    pub cpu_seconds: f64,
}

/// Something that a user may do next; said only where figures of the run say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// A word for it, for programs: `more-workers`, `run-again` ...
    pub what: String,
    /// What was measured, and what follows from it.
    pub text: String,
    /// The command line that does it, as a shell reads it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Recommendation {
    /// One of the kind `what`.
    pub fn new(what: &str, text: impl Into<String>, command: Option<String>) -> Self {
        Self { what: what.to_owned(), text: text.into(), command }
    }
}

/// The report of a run. The four counts of outcomes are disjoint: their sum is the number of files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// Whether a signal ended the run before all jobs were done; of a merged report, whether there is
    /// something left to do that no run is at, or is going to come to by itself.
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
    /// Directories below the archive's that could not be listed: what is in them was not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<Unlisted>,
    /// The same as `workers_used`, by the name that users of the Julia converter know.
    #[serde(default)]
    pub threads_used: u64,
    /// Mean wall time of the files done in this run, in seconds.
    #[serde(default)]
    pub average_seconds: f64,
    /// By how much the outputs of the files done in this run are smaller than their inputs, in
    /// bytes; below 0 where they grew.
    #[serde(default)]
    pub bytes_saved: i64,
    /// Findings in the inputs of the files done in this run that rules mended.
    #[serde(default)]
    pub findings_mended: u64,
    /// Those of them that a reader of the target would have warned of or failed at.
    #[serde(default)]
    pub warnings_mended: u64,
    /// How often each cause ended an attempt that was followed by another.
    #[serde(default)]
    pub retries: BTreeMap<Fault, u64>,
    /// Processor time of the files done in this run, all threads together, in seconds; 0 where it
    /// was not measured.
    #[serde(default)]
    pub cpu_seconds: f64,
    /// How long their workers could have run and waited for a core, in seconds.
    #[serde(default)]
    pub queued_seconds: f64,
    /// Most memory in use against the limit at any time of the run, in bytes.
    #[serde(default)]
    pub memory_peak: u64,
    /// The share of the limit that might be used, in bytes.
    #[serde(default)]
    pub budget: u64,
    /// Cores that the run might use.
    #[serde(default)]
    pub cores: u64,
    /// Threads that one conversion might use.
    #[serde(default)]
    pub threads_per_worker: u64,
    /// The package versions that the outputs are for.
    #[serde(default)]
    pub target: String,
    /// How files were to be converted.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// All options of the conversions.
    #[serde(default)]
    pub options: Option<Options>,
    /// The command line that says what this run was told, wherever that was said.
    #[serde(default)]
    pub command: Vec<String>,
    /// What may be done next.
    #[serde(default)]
    pub recommendations: Vec<Recommendation>,
    /// How the run went over time.
    #[serde(default)]
    pub timeline: Timeline,
    /// Where runs are not over: which, and how far they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<UnderWay>,
}
