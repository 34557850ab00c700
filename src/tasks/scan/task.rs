//! Looks into one file, in a worker.

use crate::convert::{Failure, FailureKind, Job, Observer, Phase};
use crate::h5::Checksums;
use crate::inspect::{Action, DamagedDataset, Glance, Health, LastTypes, Refusal, glance, health};
use crate::julia::DEEP_STACK;
use crate::protocol::WirePath;
use crate::supervisor::{Fault, JobOutcome, JobRecord, RunError};
use crate::tasks::in_worker::{Errand, amount_read};
use crate::tasks::reading::ReadingTask;
use crate::tasks::rules::{self, KeptTarget};
use crate::text::shortened;
use crate::worker::Task;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Anonymous memory that a look is taken to need at first, in bytes.
const FIRST_GUESS: u64 = 32 << 20;
/// Characters of a text, and codecs, that are kept of one file.
const MOST_TEXT: usize = 1000;
const MOST_CODECS: usize = 32;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanOptions {
    /// Name of the target; none is the default one.
    target: Option<String>,
    /// Files of further rules.
    rules: Vec<WirePath>,
    /// Digest of the target's rules and those of the files.
    digest: String,
    /// All data are read, too.
    content: bool,
}

impl ScanOptions {
    /// Files are held against `target` and the files `rules`, which are read; with `content`, all
    /// data are read, too.
    ///
    /// # Errors
    /// There is no such target, or a file cannot be read or makes no sense.
    pub fn of(target: Option<&str>, rules: &[PathBuf], content: bool) -> Result<Self, RunError> {
        let digest = rules::digest(target, rules)?;
        let rules = rules.iter().map(|path| path.as_path().into()).collect();
        Ok(Self { target: target.map(str::to_owned), rules, digest, content })
    }

    /// Whether all data are read.
    pub fn content(&self) -> bool {
        self.content
    }
}

/// What a file is, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Its structure was read.
    Read(Box<Glance>),
    /// It was not.
    Refused(Box<Refusal>),
}

/// What was found out about a file. In a frame it travels as JSON, since its parts leave fields out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct FileScan {
    /// What it is.
    pub seen: Seen,
    /// What came of reading all its data, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// What was found out about a file, or why no worker could tell.
pub type Found = std::result::Result<FileScan, (Fault, String)>;

// With `remote`, what serde derives is an inherent function.
impl Serialize for FileScan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return Self::serialize(self, serializer);
        }
        let json = serde_json::to_string(self).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&json)
    }
}

impl<'de> Deserialize<'de> for FileScan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Self::deserialize(deserializer);
        }
        let json = String::deserialize(deserializer)?;
        serde_json::from_str(&json).map_err(D::Error::custom)
    }
}

/// What is wrong with a file, or with the worker that looked into it.
pub(super) fn problem(found: &Found) -> Option<String> {
    match found {
        Ok(scan) => scan.problem(),
        Err((fault, message)) => Some(format!("{fault}: {message}")),
    }
}

impl FileScan {
    /// Whether the file can be read, and brought to the target where it must be.
    pub fn is_fine(&self) -> bool {
        let read = match &self.seen {
            Seen::Read(glance) => !matches!(glance.action, Action::Refuse { .. }),
            Seen::Refused(_) => false,
        };
        read && self.health.as_ref().is_none_or(|health| health.failed() == 0)
    }

    /// What is wrong with it, if it is not fine.
    pub fn problem(&self) -> Option<String> {
        if let Seen::Refused(refusal) = &self.seen {
            return Some(format!("{}: {}", refusal.kind, refusal.error));
        }
        if let Some(health) = self.health.as_ref().filter(|health| health.failed() > 0) {
            let first = health.damaged.first();
            let first = first.map_or_else(String::new, |it| format!("{}: {}", it.path, it.error));
            return Some(format!(
                "{} of {} datasets cannot be read: {first}",
                health.failed(),
                health.failed().saturating_add(health.datasets)
            ));
        }
        match &self.seen {
            Seen::Read(glance) if !self.is_fine() => Some(glance.verdict.text.clone()),
            _ => None,
        }
    }

    /// Not longer than a frame takes, whatever the file holds.
    fn bounded(mut self) -> Self {
        match &mut self.seen {
            Seen::Read(glance) => {
                glance.verdict.text = shortened(&glance.verdict.text, MOST_TEXT);
                if let Action::Refuse { reason } | Action::Rewrite { reason } = &mut glance.action {
                    *reason = shortened(reason, MOST_TEXT);
                }
                while glance.codecs.len() > MOST_CODECS {
                    glance.codecs.pop_last();
                }
            }
            Seen::Refused(refusal) => refusal.error = shortened(&refusal.error, MOST_TEXT),
        }
        self
    }
}

/// Looks into files. Keeps the target for the next one, whose options are mostly the same, and the
/// types, which are so, too.
#[derive(Debug, Default)]
pub struct ScanTask {
    target: KeptTarget<ScanOptions>,
    last: Mutex<LastTypes>,
}

impl Task for ScanTask {
    type Options = Errand<ScanOptions>;
    type Output = FileScan;
    const NAME: &'static str = "scan";
    const DEEP: bool = true;

    fn run(
        &self,
        job: &Job,
        Errand { options, .. }: Errand<ScanOptions>,
        observer: &dyn Observer,
    ) -> Result<FileScan, Failure> {
        let target = self.target.of(&options, options.target.as_deref(), &options.rules)?;
        let total = job.input.metadata().map_or(0, |it| it.len());
        observer.progress(Phase::Plan, 0, total);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = match glance(&job.input, &target, Checksums::Trusted, &mut last) {
            Ok(glance) => Seen::Read(Box::new(glance)),
            Err(refusal) => Seen::Refused(refusal),
        };
        drop(last);
        let mut scan = FileScan { seen, health: None };
        if options.content && matches!(scan.seen, Seen::Read(_)) {
            let progress = amount_read(observer, total);
            scan.health = match health(&job.input, Checksums::Trusted, &progress) {
                Ok(Some(health)) => Some(health),
                Ok(None) => return Err(Failure::new(FailureKind::Cancelled, "stopped")),
                Err(refusal) => {
                    let damaged =
                        vec![DamagedDataset { path: "/".to_owned(), error: refusal.error }];
                    Some(Health { damaged, ..Health::default() })
                }
            };
        }
        if observer.cancelled() {
            return Err(Failure::new(FailureKind::Cancelled, "stopped"));
        }
        Ok(scan.bounded())
    }
}

impl ReadingTask for ScanTask {
    type Request = ScanOptions;

    fn first_guess(_: &ScanOptions) -> u64 {
        FIRST_GUESS
    }

    const RESERVED: u64 = DEEP_STACK as u64;

    fn tell(scan: &FileScan, record: &mut JobRecord) {
        record.message = scan.problem().or_else(|| match &scan.seen {
            Seen::Read(glance) => Some(glance.verdict.text.clone()),
            Seen::Refused(_) => None,
        });
        record.outcome = if scan.is_fine() { JobOutcome::Unchanged } else { JobOutcome::Failed };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::julia::on_deep_stack;
    use crate::migrate::target::Target;
    use crate::protocol::{decode, encode_payload};
    use std::path::Path;

    #[test]
    fn a_look_comes_over_and_comes_back_from_a_journal() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera/real-mera-1.9");
        let target = Target::with_rule_files(None, &[]).unwrap();
        let last = &mut LastTypes::default();
        let mut look =
            |name: &str| match glance(&data.join(name), &target, Checksums::Trusted, last) {
                Ok(glance) => Seen::Read(Box::new(glance)),
                Err(refusal) => Seen::Refused(refusal),
            };
        for (name, health) in [("output_00001.jld2", Some(Health::default())), ("not there", None)]
        {
            let scan = FileScan { seen: on_deep_stack(|| look(name)).unwrap(), health };
            let over: FileScan = decode(&encode_payload(&scan).unwrap()).unwrap();
            assert_eq!(over, scan);
            let json = serde_json::to_value(&scan).unwrap();
            assert_eq!(json.get("health").is_some(), scan.health.is_some());
            assert_eq!(serde_json::from_value::<FileScan>(json).unwrap(), scan);
        }
    }
}
