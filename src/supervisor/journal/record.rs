//! Defines the lines of a journal.

use crate::archive::{Listing, Unlisted};
use crate::convert::{Claim, Options, Recipe};
use crate::supervisor::fault::Fault;
use crate::supervisor::others::OthersSummary;
use crate::supervisor::plan::PlannedJob;
use crate::supervisor::record::JobRecord;
use crate::supervisor::summary::RunSummary;
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Line {
    /// A run begins.
    Run(Box<RunLine>),
    /// An attempt did not succeed.
    Attempt(AttemptLine),
    /// A job ended.
    Job(Box<JobLine>),
    /// The run ends in order.
    End(Box<EndLine>),
    /// Behind that: what became of files that are not JLD2.
    Others(OthersLine),
    /// A run begins that makes no outputs.
    Task(Box<TaskLine>),
    /// A job of such a run ended.
    Result(Box<ResultLine>),
}

/// What the first line of every run begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HeadLine {
    /// Version of the lines' form.
    pub(crate) journal: u32,
    pub(crate) run_id: String,
    pub(crate) version: String,
    pub(crate) started: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) shard: String,
}

/// A run begins whose task makes no outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskLine {
    #[serde(flatten)]
    pub(crate) head: HeadLine,
    /// Name of the task.
    pub(crate) task: String,
    /// Its options.
    pub(crate) options: serde_json::Value,
    /// Jobs of the plan.
    pub(crate) jobs: u64,
}

/// A job ended that made no output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResultLine {
    pub(crate) run_id: String,
    pub(crate) at: String,
    /// What `stat` told of the job's files before: the input, and the other one where there is one.
    pub(crate) files: [Option<StatData>; 2],
    /// What came out; null if nothing did.
    pub(crate) result: serde_json::Value,
    #[serde(flatten)]
    pub(crate) record: JobRecord,
}

/// A run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunLine {
    #[serde(flatten)]
    pub(crate) head: HeadLine,
    pub(crate) input_dir: String,
    pub(crate) output_dir: String,
    pub(crate) options: Options,
    /// What the options came to, contents of rules files included; journals before this have none.
    #[serde(default)]
    pub(crate) recipe: Option<Recipe>,
    /// Jobs of the plan, those skipped included.
    pub(crate) jobs: u64,
    /// How many of them were over when the run began and have no line in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settled: Option<u64>,
    /// What the archive held when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) listing: Option<Listing>,
    /// The SLURM job array that the run is a task of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) array: Option<u64>,
    /// Files that are not JLD2 and are to be taken along behind the others, where that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) others: Option<u64>,
    /// Directories of the archive that could not be listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unlisted: Vec<Unlisted>,
    /// What it has to work with; journals before this have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) means: Option<MeansLine>,
}

/// What a run has to work with, for a report of one that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MeansLine {
    /// Workers at a time.
    pub(crate) slots: u32,
    /// Threads of each.
    pub(crate) threads: u32,
    /// Cores for all of them.
    pub(crate) cores: u32,
    /// Limit of memory in bytes, and the share of it that may be used.
    pub(crate) memory_limit: u64,
    pub(crate) budget: u64,
    /// The command line that says what it was told.
    pub(crate) command: Vec<String>,
}

/// Files that are not JLD2 were taken along, or the run ended while they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OthersLine {
    pub(crate) run_id: String,
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) summary: OthersSummary,
}

/// An attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AttemptLine {
    pub(crate) run_id: String,
    pub(crate) at: String,
    pub(crate) name: String,
    pub(crate) attempt: u32,
    pub(crate) fault: Fault,
    pub(crate) message: String,
    pub(crate) will_retry: bool,
}

/// A job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobLine {
    pub(crate) run_id: String,
    pub(crate) at: String,
    pub(crate) input: Fingerprint,
    /// What makes its output known again; journals before this have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) claim: Option<Claim>,
    #[serde(flatten)]
    pub(crate) record: JobRecord,
}

/// What an input looked like when its job was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// As far as it is UTF-8.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) mtime_ns: i64,
    /// All that `stat` told; journals before this have none.
    #[serde(default)]
    pub(crate) stat: Option<StatData>,
}

impl Fingerprint {
    /// That of a job's input, of which `stat` told this.
    pub(crate) fn of(job: &PlannedJob, stat: Option<StatData>) -> Self {
        Self {
            path: job.input.to_string_lossy().into_owned(),
            size: job.bytes,
            mtime_ns: job.mtime_ns,
            stat,
        }
    }
}

/// The run ends in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndLine {
    pub(crate) run_id: String,
    pub(crate) at: String,
    /// Without its files, which have lines of their own.
    pub(crate) summary: RunSummary,
}

impl Line {
    /// Its bytes, with the line's end.
    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
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

    /// Lines of other versions are read: their bytes do not change.
    #[test]
    fn a_runs_first_line_begins_as_it_always_did() {
        let head = HeadLine {
            journal: 1,
            run_id: "r".into(),
            version: "0.2.0".into(),
            started: "t".into(),
            host: "h".into(),
            pid: 7,
            shard: "2/3".into(),
        };
        let line = Line::Task(Box::new(TaskLine {
            head,
            task: "verify".into(),
            options: serde_json::json!({}),
            jobs: 5,
        }));
        let text = String::from_utf8(line.to_bytes().unwrap()).unwrap();
        let expected = r#"{"kind":"task","journal":1,"run_id":"r","version":"0.2.0","started":"t","host":"h","pid":7,"shard":"2/3","task":"verify","options":{},"jobs":5}"#;
        assert_eq!(text.trim_end(), expected);
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}
