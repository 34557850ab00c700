//! The lines of a journal.

use super::super::cause::Cause;
use super::super::plan::PlannedJob;
use super::super::record::{JobRecord, RunSummary};
use crate::archive::Listing;
use crate::convert::{Claim, Options, Recipe};
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(in super::super) enum Line {
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
pub(in super::super) struct RunLine {
    /// Version of the lines' form.
    pub(in super::super) journal: u32,
    pub(in super::super) run_id: String,
    pub(in super::super) version: String,
    pub(in super::super) started: String,
    pub(in super::super) host: String,
    pub(in super::super) pid: u32,
    pub(in super::super) shard: String,
    pub(in super::super) input_dir: String,
    pub(in super::super) output_dir: String,
    pub(in super::super) options: Options,
    /// What the options came to, contents of rules files included; journals before this have none.
    #[serde(default)]
    pub(in super::super) recipe: Option<Recipe>,
    /// Jobs of the plan, those skipped included.
    pub(in super::super) jobs: u64,
    /// How many of them were over when the run began and have no line in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) settled: Option<u64>,
    /// What the archive held when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) listing: Option<Listing>,
    /// The SLURM job array that the run is a task of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) array: Option<u64>,
}

/// An attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct AttemptLine {
    pub(in super::super) run_id: String,
    pub(in super::super) at: String,
    pub(in super::super) name: String,
    pub(in super::super) attempt: u32,
    pub(in super::super) fault: Cause,
    pub(in super::super) message: String,
    pub(in super::super) will_retry: bool,
}

/// A job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct JobLine {
    pub(in super::super) run_id: String,
    pub(in super::super) at: String,
    pub(in super::super) input: Fingerprint,
    /// What makes its output known again; journals before this have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) claim: Option<Claim>,
    #[serde(flatten)]
    pub(in super::super) record: JobRecord,
}

/// What an input looked like when its job was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Fingerprint {
    /// As far as it is UTF-8.
    pub(in super::super) path: String,
    pub(in super::super) size: u64,
    pub(in super::super) mtime_ns: i64,
    /// All that `stat` told; journals before this have none.
    #[serde(default)]
    pub(in super::super) stat: Option<StatData>,
}

impl Fingerprint {
    /// That of a job's input, of which `stat` told this.
    pub(in super::super) fn of(job: &PlannedJob, stat: Option<StatData>) -> Self {
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
pub(in super::super) struct EndLine {
    pub(in super::super) run_id: String,
    pub(in super::super) at: String,
    /// Without its files, which have lines of their own.
    pub(in super::super) summary: RunSummary,
}

impl Line {
    /// Its bytes, with the line's end.
    pub(in super::super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self).ok()?;
        bytes.push(b'\n');
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::record::JobOutcome;
    use super::*;

    #[test]
    fn a_job_line_carries_the_records_fields_and_comes_back() {
        let mut record = JobRecord::bare("output_00001.jld2", Some(1), JobOutcome::Failed, 5);
        record.fault = Some(Cause::OutOfMemory);
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
