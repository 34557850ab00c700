//! The lines of a journal.

use crate::archive::Listing;
use crate::convert::{Claim, Options, Recipe};
use crate::supervisor::fault::Fault;
use crate::supervisor::plan::PlannedJob;
use crate::supervisor::record::{JobRecord, RunSummary};
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(in crate::supervisor) enum Line {
    /// A run begins.
    Run(Box<RunLine>),
    /// An attempt did not succeed.
    Attempt(AttemptLine),
    /// A job ended.
    Job(Box<JobLine>),
    /// The run ends in order.
    End(Box<EndLine>),
}

/// A run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::supervisor) struct RunLine {
    /// Version of the lines' form.
    pub(in crate::supervisor) journal: u32,
    pub(in crate::supervisor) run_id: String,
    pub(in crate::supervisor) version: String,
    pub(in crate::supervisor) started: String,
    pub(in crate::supervisor) host: String,
    pub(in crate::supervisor) pid: u32,
    pub(in crate::supervisor) shard: String,
    pub(in crate::supervisor) input_dir: String,
    pub(in crate::supervisor) output_dir: String,
    pub(in crate::supervisor) options: Options,
    /// What the options came to, contents of rules files included; journals before this have none.
    #[serde(default)]
    pub(in crate::supervisor) recipe: Option<Recipe>,
    /// Jobs of the plan, those skipped included.
    pub(in crate::supervisor) jobs: u64,
    /// How many of them were over when the run began and have no line in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::supervisor) settled: Option<u64>,
    /// What the archive held when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::supervisor) listing: Option<Listing>,
    /// The SLURM job array that the run is a task of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::supervisor) array: Option<u64>,
}

/// An attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::supervisor) struct AttemptLine {
    pub(in crate::supervisor) run_id: String,
    pub(in crate::supervisor) at: String,
    pub(in crate::supervisor) name: String,
    pub(in crate::supervisor) attempt: u32,
    pub(in crate::supervisor) fault: Fault,
    pub(in crate::supervisor) message: String,
    pub(in crate::supervisor) will_retry: bool,
}

/// A job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::supervisor) struct JobLine {
    pub(in crate::supervisor) run_id: String,
    pub(in crate::supervisor) at: String,
    pub(in crate::supervisor) input: Fingerprint,
    /// What makes its output known again; journals before this have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::supervisor) claim: Option<Claim>,
    #[serde(flatten)]
    pub(in crate::supervisor) record: JobRecord,
}

/// What an input looked like when its job was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::supervisor) struct Fingerprint {
    /// As far as it is UTF-8.
    pub(in crate::supervisor) path: String,
    pub(in crate::supervisor) size: u64,
    pub(in crate::supervisor) mtime_ns: i64,
    /// All that `stat` told; journals before this have none.
    #[serde(default)]
    pub(in crate::supervisor) stat: Option<StatData>,
}

impl Fingerprint {
    /// That of a job's input, of which `stat` told this.
    pub(in crate::supervisor) fn of(job: &PlannedJob, stat: Option<StatData>) -> Self {
        Self {
            path: job.input.to_string_lossy().into_owned(),
            size: job.bytes,
            mtime_ns: i64::try_from(job.mtime_ns).unwrap_or(i64::MAX),
            stat,
        }
    }
}

/// The run ends in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::supervisor) struct EndLine {
    pub(in crate::supervisor) run_id: String,
    pub(in crate::supervisor) at: String,
    /// Without its files, which have lines of their own.
    pub(in crate::supervisor) summary: RunSummary,
}

impl Line {
    /// Its bytes, with the line's end.
    pub(in crate::supervisor) fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self).ok()?;
        bytes.push(b'\n');
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::record::JobOutcome;

    #[test]
    fn a_job_line_carries_the_records_fields_and_comes_back() {
        let mut record = JobRecord::bare("output_00001.jld2", Some(1), JobOutcome::Failed, 5);
        record.fault = Some(Fault::OutOfMemory);
        let line = Line::Job(Box::new(JobLine {
            run_id: "r".into(),
            at: "t".into(),
            input: Fingerprint { path: "/a".into(), size: 5, mtime_ns: -1, stat: None },
            claim: None,
            record,
        }));
        let bytes = line.to_bytes().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["kind"], "job");
        assert_eq!(value["fault"], "out of memory");
        assert_eq!(value["input"]["size"], 5);
        assert_eq!(serde_json::from_slice::<Line>(&bytes).unwrap(), line);
        assert!(value.get("claim").is_none());
        assert_eq!(bytes.iter().position(|byte| *byte == b'\n'), Some(bytes.len() - 1));
    }
}
