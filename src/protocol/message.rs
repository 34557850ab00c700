//! What is said.

use super::{LogLine, Token};
use crate::convert::publish::Existing;
use crate::convert::{Claim, Examined, Failure, FileReport, Job, Options, Phase, Wanted};
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Version of everything in this room; both sides must have the same.
pub const VERSION: u32 = 3;

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

/// [`Existing`] whose path survives the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireExisting {
    /// See [`Existing::Keep`].
    Keep,
    /// See [`Existing::Replace`].
    Replace(StatData),
    /// See [`Existing::SetAside`].
    SetAside(StatData, WirePath),
}

impl From<&Existing> for WireExisting {
    fn from(existing: &Existing) -> Self {
        match existing {
            Existing::Keep => Self::Keep,
            Existing::Replace(what) => Self::Replace(*what),
            Existing::SetAside { what, dir } => Self::SetAside(*what, dir.as_path().into()),
        }
    }
}

impl From<WireExisting> for Existing {
    fn from(wire: WireExisting) -> Self {
        match wire {
            WireExisting::Keep => Self::Keep,
            WireExisting::Replace(what) => Self::Replace(what),
            WireExisting::SetAside(what, dir) => Self::SetAside { what, dir: dir.into() },
        }
    }
}

/// What is to be done with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Make its output.
    Convert {
        /// What may be replaced.
        existing: WireExisting,
        /// What an earlier attempt was about to give the output's name: if that is there, it may be
        /// replaced, too.
        leftover: Option<StatData>,
        /// The claim of an output that is to be checked at a higher level, and made again only if
        /// it does not pass.
        recheck: Option<Box<Claim>>,
    },
    /// Find out what its output is.
    Examine(Wanted),
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
    /// What to do.
    pub task: Task,
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

    /// The job, what is to be done with it, and its options, as a conversion takes them.
    pub fn into_job(self) -> (Job, Task, Options) {
        let job = Job {
            input: self.input.into(),
            output: self.output.into(),
            temp_dir: self.temp_dir.into(),
            temp_name: self.temp_name,
        };
        (job, self.task, self.options.into())
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

/// What an attempt gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Product {
    /// An output.
    Made(FileReport),
    /// An output in the place of one that did not pass a check, and why that did not.
    Remade(FileReport, String),
    /// The output that was there passed its check.
    Held(Box<Claim>),
    /// What was to be found out.
    Examined(Box<Examined>),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which job.
    pub job: u32,
    /// Which attempt.
    pub attempt: u32,
    /// What came out.
    pub result: Result<Product, Failure>,
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
    /// I am about to give this file the output's name.
    Publishing {
        /// Of which job.
        job: u32,
        /// In which attempt.
        attempt: u32,
        /// The file.
        file: StatData,
    },
    /// I am through with a job.
    Outcome(Box<Ended>),
    /// I have a line for the log.
    Log(Box<LogLine>),
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::convert::inplace::Earlier;
    use crate::convert::{
        ClaimedFile, Compress, Depth, FailureKind, Mode, Outcome, Recipe, Unchanged, VerifyLevel,
    };
    use crate::protocol::LogLevel;
    use proptest::prelude::*;

    fn options() -> impl Strategy<Value = Options> {
        let paths = prop::collection::vec(any::<Vec<u8>>(), 0..3)
            .prop_map(|paths| paths.into_iter().map(|p| OsString::from_vec(p).into()).collect());
        (any::<String>(), paths, any::<i32>(), any::<bool>(), any::<usize>()).prop_map(
            |(target, rules, level, force, threads)| Options {
                mode: Mode::Rewrite,
                target,
                rules,
                verify: Some(VerifyLevel::Content),
                unchanged: Unchanged::Link,
                compress: Compress::Zstd(level),
                force,
                threads,
                ..Options::default()
            },
        )
    }

    prop_compose! {
        fn stat()(ino: u64, size: u64, mtime_ns: i64, ctime_ns: i64) -> StatData {
            StatData { ino, size, mtime_ns, ctime_ns }
        }
    }

    fn existing() -> impl Strategy<Value = Existing> {
        prop_oneof![
            Just(Existing::Keep),
            stat().prop_map(Existing::Replace),
            (stat(), any::<Vec<u8>>()).prop_map(|(what, dir)| Existing::SetAside {
                what,
                dir: OsString::from_vec(dir).into()
            }),
        ]
    }

    fn claim() -> impl Strategy<Value = Claim> {
        let file = || {
            (any::<String>(), stat(), any::<Option<String>>())
                .prop_map(|(path, stat, digest)| ClaimedFile { path, stat, digest })
        };
        (file(), prop::option::of(file()), options(), any::<String>()).prop_map(
            |(input, output, options, rules)| Claim {
                input,
                output,
                version: "1".into(),
                recipe: Recipe {
                    target: options.target,
                    rules,
                    mode: options.mode,
                    compress: options.compress,
                    shuffle: options.shuffle,
                    block_size: options.block_size,
                    repack: options.repack,
                    flat_links: options.flat_links,
                },
                verify: VerifyLevel::Content,
            },
        )
    }

    fn task() -> impl Strategy<Value = Task> {
        prop_oneof![
            (existing(), prop::option::of(stat()), prop::option::of(claim())).prop_map(
                |(existing, leftover, recheck)| Task::Convert {
                    existing: (&existing).into(),
                    leftover,
                    recheck: recheck.map(Box::new)
                }
            ),
            any::<(bool, bool)>().prop_map(|(input_digest, output_digest)| {
                Task::Examine(Wanted {
                    input_digest,
                    output_digest,
                    compare: Some(Depth::Payload),
                    made: Some(Mode::Patch),
                })
            }),
        ]
    }

    prop_compose! {
        fn assignment()(
            job: u32, attempt: u32, input: Vec<u8>, output: Vec<u8>, temp_dir: Vec<u8>,
            temp_name: String, options in options(), data_limit: Option<u64>, task in task(),
        ) -> Assignment {
            Assignment {
                job, attempt, input: WirePath(input), output: WirePath(output),
                temp_dir: WirePath(temp_dir), temp_name, task, options: (&options).into(),
                data_limit,
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
            bytes_replaced: u64, digest: Option<String>, claim in prop::option::of(claim()),
            before: Option<[u64; 3]>,
        ) -> FileReport {
            let changed_before = before.map(|[bytes_in, bytes_appended, bytes_replaced]| {
                Earlier { bytes_in, bytes_appended, bytes_replaced }
            });
            FileReport {
                outcome: Outcome::Converted, mode: Mode::Patch, findings, bytes_in, bytes_out,
                bytes_appended, bytes_replaced, verify: VerifyLevel::Structure, digest,
                claim: claim.map(Box::new), changed_before,
            }
        }
    }

    pub(in super::super) fn from_worker() -> impl Strategy<Value = FromWorker> {
        let result = prop_oneof![
            report().prop_map(|report| Ok(Product::Made(report))),
            (report(), any::<String>()).prop_map(|(report, why)| Ok(Product::Remade(report, why))),
            claim().prop_map(|claim| Ok(Product::Held(Box::new(claim)))),
            any::<String>().prop_map(|message| Err(Failure::new(FailureKind::Output, message))),
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
            (any::<u32>(), any::<u32>(), any::<String>(), any::<String>()).prop_map(
                |(job, attempt, message, details)| {
                    let level = LogLevel::Info;
                    FromWorker::Log(Box::new(LogLine { job, attempt, level, message, details }))
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn options_and_paths_survive(options in options(), existing in existing()) {
            prop_assert_eq!(Options::from(WireOptions::from(&options)), options);
            prop_assert_eq!(Existing::from(WireExisting::from(&existing)), existing);
        }
    }
}
