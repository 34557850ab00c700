//! What is said.

use super::Token;
use crate::convert::{Failure, FileReport, Job, Options, Phase};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Version of everything in this room; both sides must have the same.
pub const VERSION: u32 = 1;

/// A path, byte for byte: names need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePath(Vec<u8>);

impl From<&Path> for WirePath {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<WirePath> for PathBuf {
    fn from(path: WirePath) -> Self {
        OsString::from_vec(path.0).into()
    }
}

/// [`Options`] whose paths survive the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireOptions {
    options: Options,
    rules: Vec<WirePath>,
}

impl From<&Options> for WireOptions {
    fn from(options: &Options) -> Self {
        let rules = options.rules.iter().map(|rule| rule.as_path().into()).collect();
        Self { options: Options { rules: Vec::new(), ..options.clone() }, rules }
    }
}

impl From<WireOptions> for Options {
    fn from(wire: WireOptions) -> Self {
        let rules = wire.rules.into_iter().map(PathBuf::from).collect();
        Self { rules, ..wire.options }
    }
}

/// One attempt of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which job.
    pub job: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// See [`Job::input`].
    pub input: WirePath,
    /// See [`Job::output`].
    pub output: WirePath,
    /// See [`Job::temp_dir`].
    pub temp_dir: WirePath,
    /// See [`Job::temp_name`].
    pub temp_name: String,
    /// How to convert.
    pub options: WireOptions,
    /// Bound of the worker's private writable memory in bytes.
    pub data_limit: Option<u64>,
}

impl Assignment {
    /// Threads that the conversion may use at first.
    pub fn threads(&self) -> usize {
        self.options.options.threads
    }

    /// The job and its options, as a conversion takes them.
    pub fn into_job(self) -> (Job, Options) {
        let job = Job {
            input: self.input.into(),
            output: self.output.into(),
            temp_dir: self.temp_dir.into(),
            temp_name: self.temp_name,
        };
        (job, self.options.into())
    }
}

/// What the supervisor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Convert this.
    Assign(Box<Assignment>),
    /// The running conversion may use so many threads from now on.
    SetThreads(u32),
    /// Stop the running conversion and report.
    Cancel,
    /// Exit when nothing runs.
    Drain,
}

/// Memory of an attempt in bytes, as the worker measured it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Highest resident memory, file pages included.
    pub peak_rss: u64,
    /// Highest anonymous memory.
    pub peak_anon: u64,
    /// Anonymous memory that is still held.
    pub rest: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which job.
    pub job: u32,
    /// Which attempt.
    pub attempt: u32,
    /// What came out.
    pub result: Result<FileReport, Failure>,
    /// What it took.
    pub measured: Measured,
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// I am the one you started.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// My process id.
        pid: u32,
        /// What I was handed over.
        token: Token,
    },
    /// I come on.
    Progress {
        /// With which job.
        job: u32,
        /// With which attempt.
        attempt: u32,
        /// Where I am.
        phase: Phase,
        /// Bytes of the phase that are through.
        done: u64,
        /// Bytes of the phase.
        total: u64,
    },
    /// I am through with a job.
    Outcome(Box<Ended>),
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::convert::inplace::Earlier;
    use crate::convert::{Compress, Fault, Mode, Outcome, Unchanged, VerifyLevel};
    use proptest::prelude::*;

    fn options() -> impl Strategy<Value = Options> {
        let paths = prop::collection::vec(any::<Vec<u8>>(), 0..3)
            .prop_map(|paths| paths.into_iter().map(|p| OsString::from_vec(p).into()).collect());
        (any::<String>(), paths, any::<i32>(), any::<bool>(), any::<usize>()).prop_map(
            |(target, rules, level, force, threads)| Options {
                mode: Mode::Rewrite,
                target,
                rules,
                verify: VerifyLevel::Content,
                unchanged: Unchanged::Link,
                compress: Compress::Zstd(level),
                force,
                threads,
                ..Options::default()
            },
        )
    }

    prop_compose! {
        fn assignment()(
            job: u32, attempt: u32, input: Vec<u8>, output: Vec<u8>, temp_dir: Vec<u8>,
            temp_name: String, options in options(), data_limit: Option<u64>,
        ) -> Assignment {
            Assignment {
                job, attempt, input: WirePath(input), output: WirePath(output),
                temp_dir: WirePath(temp_dir), temp_name, options: (&options).into(), data_limit,
            }
        }
    }

    pub(in super::super) fn to_worker() -> impl Strategy<Value = ToWorker> {
        prop_oneof![
            assignment().prop_map(|assignment| ToWorker::Assign(Box::new(assignment))),
            any::<u32>().prop_map(ToWorker::SetThreads),
            Just(ToWorker::Cancel),
            Just(ToWorker::Drain),
        ]
    }

    prop_compose! {
        fn report()(
            findings: Vec<String>, bytes_in: u64, bytes_out: u64, bytes_appended: u64,
            bytes_replaced: u64, digest: Option<String>, before: Option<[u64; 3]>,
        ) -> FileReport {
            let changed_before = before.map(|[bytes_in, bytes_appended, bytes_replaced]| {
                Earlier { bytes_in, bytes_appended, bytes_replaced }
            });
            FileReport {
                outcome: Outcome::Converted, mode: Mode::Patch, findings, bytes_in, bytes_out,
                bytes_appended, bytes_replaced, verify: VerifyLevel::Structure, digest,
                changed_before,
            }
        }
    }

    pub(in super::super) fn from_worker() -> impl Strategy<Value = FromWorker> {
        let result = prop_oneof![
            report().prop_map(Ok),
            any::<String>().prop_map(|message| Err(Failure::new(Fault::Output, message))),
        ];
        prop_oneof![
            (any::<u32>(), any::<u32>()).prop_map(|(version, pid)| FromWorker::Hello {
                version,
                pid,
                token: Token::random().unwrap()
            }),
            (any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>()).prop_map(
                |(job, attempt, done, total)| FromWorker::Progress {
                    job,
                    attempt,
                    phase: Phase::Copy,
                    done,
                    total
                }
            ),
            (any::<u32>(), any::<u32>(), result, any::<(u64, u64, u64)>()).prop_map(
                |(job, attempt, result, (peak_rss, peak_anon, rest))| {
                    let measured = Measured { peak_rss, peak_anon, rest };
                    FromWorker::Outcome(Box::new(Ended { job, attempt, result, measured }))
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn options_and_paths_survive(options in options()) {
            prop_assert_eq!(Options::from(WireOptions::from(&options)), options);
        }
    }
}
