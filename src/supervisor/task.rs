//! Defines what a run does with each of its files, as the dispatcher knows it.
//!
//! The dispatcher knows slots, attempts, memory and the journal. What a file's attempt is told, what
//! becomes of its result, and what is put right after a kill is the task's.

use super::fault::Fault;
use super::journal::{Line, Past};
use super::plan::{JobId, Plan, PlannedJob};
use super::record::JobRecord;
use crate::convert::Options;
use crate::protocol::ProtocolError;
use crate::sys::stat::StatData;
use std::fmt;

/// The task of a run. It lives in the dispatcher's thread and must never wait for a disk.
pub(crate) trait RunTask: Send {
    /// The name by which workers know it.
    fn name(&self) -> &'static str;

    /// How files are converted, where that is what it does; for the report.
    fn conversion(&self) -> Option<&Options> {
        None
    }

    /// First guess of the anonymous memory of an attempt with so many threads, in bytes; what is
    /// measured corrects it.
    fn first_guess(&self, threads: usize) -> u64;

    /// Whether jobs compute little and wait until the file that each makes or changes is on the disk.
    fn waits_for_disk(&self) -> bool {
        false
    }

    /// Whether somebody hears of results in the plan's order.
    fn in_order(&self) -> bool {
        false
    }

    /// What an attempt needs of anonymous memory in all, in bytes, that took `held` up to the end of its
    /// planning; none where workers do not tell that. Then nothing is known of a file before its end but
    /// what others took.
    fn after_planning(&self, held: u64) -> Option<u64> {
        let _ = held;
        None
    }

    /// Private memory that an attempt reserves and mostly never touches, such as deep stacks, in
    /// bytes: the bound that the kernel enforces leaves room for it.
    fn reserved(&self) -> u64 {
        0
    }

    /// What the worker is told beside the files of the job.
    ///
    /// # Errors
    /// It does not fit into a frame.
    fn options(&mut self, attempt: &Attempt) -> Result<Vec<u8>, ProtocolError>;

    /// What becomes of a job that is over, after all its attempts.
    fn over(&mut self, job: JobOver<'_>) -> Told;

    /// What is told of a job whose output's name is taken by something that may not give way, of which
    /// `message` says what it is: what becomes of it, and what the user can do.
    fn conflict(&self, message: &str) -> String;

    /// What is to be put right on the disk after a job failed for good.
    fn failed(&mut self, place: JobId, job: &PlannedJob) -> Option<Chore> {
        let _ = (place, job);
        None
    }

    /// What is to be put right on the disk for jobs that the end of the run interrupted.
    fn interrupted(&mut self, plan: &Plan) -> Vec<Chore> {
        let _ = plan;
        Vec::new()
    }

    /// Whether jobs wait for what other shards tell ([`Told::Later`]).
    fn undecided(&self) -> bool {
        false
    }

    /// Decides on jobs that wait for what `others` tell; with `last`, on all of them.
    fn decide(&mut self, plan: &Plan, others: &Past, last: bool) -> Vec<(JobId, JobRecord, Line)> {
        let _ = (plan, others, last);
        Vec::new()
    }

    /// Bytes that the job of this record wrote.
    fn bytes_written(&self, record: &JobRecord) -> u64 {
        record.bytes_out
    }
}

/// An attempt that is about to be assigned.
pub(crate) struct Attempt {
    /// The job's place in the plan.
    pub(crate) place: JobId,
    /// Threads that it may use at first.
    pub(crate) threads: u32,
    /// What an earlier attempt was about to give the output's name.
    pub(crate) leftover: Option<StatData>,
}

/// A job that is over.
pub(crate) struct JobOver<'a> {
    /// Its place in the plan.
    pub(crate) place: JobId,
    /// The job.
    pub(crate) job: &'a PlannedJob,
    /// The run.
    pub(crate) run_id: &'a str,
    /// What its attempts took. The outcome is a failure until the task says something else.
    pub(crate) record: JobRecord,
    /// What the last attempt gave, or why nothing came out.
    pub(crate) result: Result<Vec<u8>, (Fault, String)>,
    /// Whether other shards may work in the same directory.
    pub(crate) shared: bool,
}

/// What becomes of a job that is over.
pub(crate) enum Told {
    /// It is over for everybody when this line is on the disk.
    Journalled(JobRecord, Line),
    /// It is over now, and no journal has to keep anything of it.
    Now(JobRecord),
    /// The same, and no report has it either.
    Unkept(JobRecord),
    /// It is decided on in the end ([`RunTask::decide`]).
    Later,
}

/// Something to be put right on the disk, by a thread that may wait for it. An error is what the
/// user is told.
pub(crate) struct Chore(pub(crate) Box<dyn FnOnce() -> Result<(), String> + Send>);

impl fmt::Debug for Chore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chore")
    }
}
