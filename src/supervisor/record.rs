//! Defines what a run leaves of each job, with the field names of the JSON report.

use super::fault::Fault;
use super::texts::Texts;
use crate::convert::{FileReport, Mode, Outcome, VerifyLevel};
use crate::migrate::{Readers, Severity};
use serde::{Deserialize, Serialize};

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobOutcome {
    /// Something was changed on the way to the output.
    Converted,
    /// Nothing had to be changed.
    Unchanged,
    /// A complete output was there already.
    Skipped,
    /// There is no output.
    Failed,
}

impl From<Outcome> for JobOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Converted => Self::Converted,
            Outcome::Unchanged => Self::Unchanged,
        }
    }
}

/// One element of `files` in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The input's file name.
    pub name: String,
    /// Its output number.
    pub number: Option<u64>,
    /// How the job ended.
    pub outcome: JobOutcome,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// What to tell the user about a failure or a skip.
    pub message: Option<String>,
    /// The mode that was carried out.
    pub mode: Option<Mode>,
    /// What a reader of the target would have met in the input.
    #[serde(default)]
    pub findings: Texts,
    /// Size of the input in bytes.
    pub bytes_in: u64,
    /// Size of the output in bytes.
    pub bytes_out: u64,
    /// Bytes appended behind the input's end.
    pub bytes_appended: u64,
    /// Bytes replaced below the input's end.
    pub bytes_replaced: u64,
    /// Wall time of all attempts together.
    pub seconds: f64,
    /// Highest resident memory of any attempt in bytes, file pages included.
    pub peak_rss: u64,
    /// Highest anonymous memory (`RssAnon` + `RssShmem` + swap) of any attempt in bytes.
    pub peak_anon: u64,
    /// Processor time of the attempts whose workers lived to tell it, all threads together, in
    /// seconds.
    #[serde(default)]
    pub cpu_seconds: f64,
    /// How long these attempts could have run and waited for a core, in seconds.
    #[serde(default)]
    pub queued_seconds: f64,
    /// Attempts made.
    pub attempts: u32,
    /// The check that the output passed.
    pub verify: Option<VerifyLevel>,
    /// Digest of all logical values, where `content` was asked for.
    #[serde(default)]
    pub digest: Option<String>,
    /// Causes of the attempts that did not succeed, in order.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// The slot of the last attempt.
    #[serde(default)]
    pub slot: Option<u32>,
    /// When the last attempt was over, in seconds since the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<f64>,
    /// Why the output, this program's own, had to be made again.
    #[serde(default)]
    pub stale: Option<String>,
    /// What is, or was, in the way: a file under the output's name that is not this program's own,
    /// or not any more.
    #[serde(default)]
    pub conflict: Option<String>,
    /// What readers that are built on HDF5, like h5py, cannot open of the output.
    #[serde(default)]
    pub readers: Readers,
}

impl JobRecord {
    /// A record without an attempt.
    pub fn bare(name: &str, number: Option<u64>, outcome: JobOutcome, bytes_in: u64) -> Self {
        Self {
            name: name.to_owned(),
            number,
            outcome,
            fault: None,
            message: None,
            mode: None,
            findings: Texts::default(),
            bytes_in,
            bytes_out: 0,
            bytes_appended: 0,
            bytes_replaced: 0,
            seconds: 0.0,
            peak_rss: 0,
            peak_anon: 0,
            cpu_seconds: 0.0,
            queued_seconds: 0.0,
            attempts: 0,
            verify: None,
            digest: None,
            faults: Vec::new(),
            slot: None,
            ended: None,
            stale: None,
            conflict: None,
            readers: Readers::default(),
        }
    }

    /// What a reader of the target fails on in the input of a file that went well, and no rule mends;
    /// without the word that says how bad it is.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        let failed = self.outcome == JobOutcome::Failed;
        let findings = self.findings.iter().filter(move |_| !failed);
        findings.filter_map(|finding| Severity::Failure.unmended(finding))
    }

    /// Takes over what a finished conversion tells.
    pub fn fill(&mut self, report: FileReport) {
        self.outcome = report.outcome.into();
        self.mode = Some(report.mode);
        self.findings = report.findings.into();
        self.bytes_in = report.bytes_in;
        self.bytes_out = report.bytes_out;
        self.bytes_appended = report.bytes_appended;
        self.bytes_replaced = report.bytes_replaced;
        self.verify = Some(report.verify);
        self.digest = report.digest;
        self.readers = report.readers;
    }
}
