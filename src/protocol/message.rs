//! Defines the messages.

use super::{LogLine, Token};
use crate::convert::{Failure, Job, Phase};
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Version of everything in this room; both sides must have the same.
pub const VERSION: u32 = 6;

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
    /// Name of the task that is to be carried out.
    pub task: String,
    /// The task's options, as [`encode_payload`](super::encode_payload) makes them.
    pub options: Vec<u8>,
    /// Threads that the task may use at first.
    pub threads: u32,
    /// Bound of the worker's private writable memory in bytes.
    pub data_limit: Option<u64>,
}

impl Assignment {
    /// The files of the job.
    pub fn files(&self) -> Job {
        Job {
            input: self.input.clone().into(),
            output: self.output.clone().into(),
            temp_dir: self.temp_dir.clone().into(),
            temp_name: self.temp_name.clone(),
        }
    }
}

/// What the supervisor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Carry this out.
    Assign(Box<Assignment>),
    /// The running task may use so many threads from now on.
    SetThreads(u32),
    /// Stop the running task and report.
    Cancel,
    /// Exit when nothing runs.
    Drain,
}

/// Memory of an attempt in bytes, and its use of the processor, as the worker measured them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Highest resident memory, file pages included.
    pub peak_rss: u64,
    /// Highest anonymous memory.
    pub peak_anon: u64,
    /// Anonymous memory that is still held.
    pub rest: u64,
    /// Processor time of all threads, the kernel's on their behalf included, in microseconds.
    pub cpu_micros: u64,
    /// How long the attempt's own thread could have run and waited for a core, in microseconds.
    pub queued_micros: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which job.
    pub job: u32,
    /// Which attempt.
    pub attempt: u32,
    /// What came out: the task's result, as [`encode_payload`](super::encode_payload) makes it.
    pub result: Result<Vec<u8>, Failure>,
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
    use crate::convert::FailureKind;
    use crate::protocol::LogLevel;
    use proptest::prelude::*;

    prop_compose! {
        fn assignment()(
            job: u32, attempt: u32, input: Vec<u8>, output: Vec<u8>, temp_dir: Vec<u8>,
            temp_name: String, task: String, options: Vec<u8>, threads: u32,
            data_limit: Option<u64>,
        ) -> Assignment {
            Assignment {
                job, attempt, input: WirePath(input), output: WirePath(output),
                temp_dir: WirePath(temp_dir), temp_name, task, options, threads, data_limit,
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

    pub(in super::super) fn from_worker() -> impl Strategy<Value = FromWorker> {
        let result = prop_oneof![
            any::<Vec<u8>>().prop_map(Ok),
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
            (any::<u32>(), any::<u32>(), result, any::<(u64, u64, u64, u64, u64)>()).prop_map(
                |(job, attempt, result, (peak_rss, peak_anon, rest, cpu_micros, queued_micros))| {
                    let measured =
                        Measured { peak_rss, peak_anon, rest, cpu_micros, queued_micros };
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
}
