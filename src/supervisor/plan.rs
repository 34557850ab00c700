//! What a run is going to do: data, made before anything starts.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A job's place in its plan.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct JobId(pub u32);

/// One input file and its output, before anybody opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedJob {
    /// The file's name without its directory, as far as it is UTF-8.
    pub name: String,
    /// Its output number, where the name has one.
    pub number: Option<u64>,
    /// The file to read.
    pub input: PathBuf,
    /// The file to make.
    pub output: PathBuf,
    /// Size of the input in bytes.
    pub bytes: u64,
    /// Modification time of the input in nanoseconds since 1970.
    pub mtime_ns: i128,
}

/// The ordered jobs of one run (of one shard, where the plan is divided).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In the order of their numbers; the scheduler takes the largest first.
    pub jobs: Vec<PlannedJob>,
}

impl Plan {
    /// Sum of the inputs' sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.jobs.iter().fold(0, |sum, job| sum.saturating_add(job.bytes))
    }

    /// The job of that id.
    pub fn get(&self, id: JobId) -> Option<&PlannedJob> {
        self.jobs.get(usize::try_from(id.0).ok()?)
    }
}
