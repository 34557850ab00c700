//! Defines the messages.

use super::{LogLine, Token, WireBytes};
use crate::convert::{Failure, Job, Phase};
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Version of everything in this room; both sides must have the same.
pub const VERSION: u32 = 10;

/// A path, byte for byte: names need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePath(WireBytes);

impl From<&Path> for WirePath {
    fn from(path: &Path) -> Self {
        Self(WireBytes(path.as_os_str().as_bytes().to_vec()))
    }
}

impl From<WirePath> for PathBuf {
    fn from(path: WirePath) -> Self {
        OsString::from_vec(path.0.0).into()
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
    pub options: WireBytes,
    /// Threads that the task may use at first.
    pub threads: u32,
    /// Bound of the worker's private writable memory in bytes.
    pub data_limit: Option<u64>,
    /// Whether to say when planning is over ([`FromWorker::Planned`]).
    pub tell_planned: bool,
    /// Anonymous memory in bytes that the worker may still hold after this one when it goes on with
    /// the next that it has in hand. If it holds more, it gives those back.
    pub rest_limit: u64,
}

impl Assignment {
    /// Its size in a frame in bytes, roughly.
    pub fn size(&self) -> usize {
        let paths = [&self.input, &self.output, &self.temp_dir].map(|path| path.0.0.len());
        let texts = [self.temp_name.len(), self.task.len(), self.options.0.len()];
        paths.into_iter().chain(texts).fold(size_of::<Self>(), usize::saturating_add)
    }

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
    /// Carry these out one after the other, behind those that you have in hand; the first begins now
    /// if you have none.
    Assign {
        /// How often I heard that you give back what you have ([`Ended::gives_back`]). If you did so
        /// once more meanwhile, these are among it.
        round: u32,
        /// What is to be done.
        jobs: Vec<Assignment>,
    },
    /// The running task may use so many threads from now on.
    SetThreads(u32),
    /// Give back what you have in hand and have not begun ([`FromWorker::GivenBack`]).
    Recall,
    /// The same, and stop the running task and report.
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
    /// Bytes of lists that the worker put into files in memory since it began.
    pub lists_in_memory: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which job.
    pub job: u32,
    /// Which attempt.
    pub attempt: u32,
    /// What came out: the task's result, as [`encode_payload`](super::encode_payload) makes it.
    pub result: Result<WireBytes, Failure>,
    /// What it took.
    pub measured: Measured,
    /// When it began and ended, in microseconds of the machine's monotonic clock.
    pub time: (u64, u64),
    /// Whether the worker begins nothing more of what it was told of up to the time when this is
    /// heard: so it is after a failure, and where it still holds too much memory.
    pub gives_back: bool,
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
    /// I know what is in the file.
    Planned {
        /// Of which job.
        job: u32,
        /// In which attempt.
        attempt: u32,
        /// The highest anonymous memory so far in bytes.
        held: u64,
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
    /// I am through with a job, and at work on the next one that I have in hand.
    Outcome(Box<Ended>),
    /// I have not begun these jobs and never will; the answer to each [`ToWorker::Recall`] and
    /// [`ToWorker::Cancel`], be there any or none.
    GivenBack(Vec<u32>),
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
            (data_limit, tell_planned, rest_limit) in any::<(Option<u64>, bool, u64)>(),
        ) -> Assignment {
            Assignment {
                job, attempt, input: WirePath(WireBytes(input)), output: WirePath(WireBytes(output)),
                temp_dir: WirePath(WireBytes(temp_dir)), temp_name, task,
                options: WireBytes(options), threads, data_limit, tell_planned, rest_limit,
            }
        }
    }

    prop_compose! {
        fn ended()(
            job: u32, attempt: u32, time: (u64, u64), gives_back: bool,
            (peak_rss, peak_anon, rest, cpu_micros, queued_micros, lists_in_memory)
                in any::<(u64, u64, u64, u64, u64, u64)>(),
        ) -> Ended {
            let measured = Measured {
                peak_rss, peak_anon, rest, cpu_micros, queued_micros, lists_in_memory,
            };
            Ended { job, attempt, result: Ok(WireBytes::default()), measured, time, gives_back }
        }
    }

    pub(in super::super) fn to_worker() -> impl Strategy<Value = ToWorker> {
        prop_oneof![
            (any::<u32>(), prop::collection::vec(assignment(), 0..3))
                .prop_map(|(round, jobs)| ToWorker::Assign { round, jobs }),
            any::<u32>().prop_map(ToWorker::SetThreads),
            Just(ToWorker::Recall),
            Just(ToWorker::Cancel),
            Just(ToWorker::Drain),
        ]
    }

    pub(in super::super) fn from_worker() -> impl Strategy<Value = FromWorker> {
        let result = prop_oneof![
            any::<Vec<u8>>().prop_map(|bytes| Ok(WireBytes(bytes))),
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
            (ended(), result).prop_map(|(ended, result)| {
                FromWorker::Outcome(Box::new(Ended { result, ..ended }))
            }),
            any::<Vec<u32>>().prop_map(FromWorker::GivenBack),
            (any::<u32>(), any::<u32>(), any::<String>(), any::<String>()).prop_map(
                |(job, attempt, message, details)| {
                    let level = LogLevel::Info;
                    FromWorker::Log(Box::new(LogLine { job, attempt, level, message, details }))
                }
            ),
        ]
    }
}
