//! Holds what is known of a plan's jobs before a run, and what follows from it.

use super::answers::Answers;
use super::orders::Orders;
use super::unrecorded::Unrecorded;
use crate::convert::publish::Existing;
use crate::convert::{Claim, Examined, Mode, Recipe, Wanted};
use crate::supervisor::journal::Journals;
use crate::supervisor::records::Ledger;
use crate::supervisor::{Conflict, Settings};
use crate::sys::stat::StatData;
use std::path::PathBuf;

/// A plan, sorted out.
#[derive(Debug, Clone, Default)]
pub(in crate::tasks::convert) struct Sorted {
    /// Places in the plan of jobs to do.
    pub(in crate::tasks::convert) todo: Vec<usize>,
    /// How their outputs are made.
    pub(in crate::tasks::convert) orders: Orders,
    /// Jobs that are over, by place in the plan.
    pub(in crate::tasks::convert) settled: Ledger,
    /// What the journal does not have yet of jobs that are over.
    pub(in crate::tasks::convert) to_record: Unrecorded,
    /// Names of jobs that failed earlier and are left alone.
    pub(in crate::tasks::convert) failed_before: Vec<String>,
    /// Files in the way, whatever becomes of them.
    pub(in crate::tasks::convert) conflicts: Vec<Conflict>,
    /// Number of jobs that cannot be tried at all.
    pub(in crate::tasks::convert) hindered: usize,
    /// What has to be found out before the plan can be sorted out, by place.
    pub(in crate::tasks::convert) questions: Vec<(usize, Wanted)>,
}

/// How an output is made.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tasks::convert) struct Order {
    /// What may be replaced.
    pub(in crate::tasks::convert) existing: Existing,
    /// The input when this was decided.
    pub(in crate::tasks::convert) input: Option<StatData>,
    /// Why it is made again.
    pub(in crate::tasks::convert) stale: Option<String>,
    /// What is in the way.
    pub(in crate::tasks::convert) conflict: Option<String>,
    /// In place: the file is, by its size, what a run recorded as its result.
    pub(in crate::tasks::convert) recorded: bool,
    /// The mode in which an output was made that has to pass a higher check.
    pub(in crate::tasks::convert) recheck: Option<Mode>,
}

impl Order {
    /// That of an output of which there is nothing yet.
    pub(in crate::tasks::convert) fn plain(input: Option<StatData>) -> Self {
        Self {
            existing: Existing::Keep,
            input,
            stale: None,
            conflict: None,
            recorded: false,
            recheck: None,
        }
    }
}

/// What a journal has to keep of a job that is over before the run.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tasks::convert) struct ToRecord {
    /// The input as it is.
    pub(in crate::tasks::convert) input: Option<StatData>,
    pub(in crate::tasks::convert) claim: Option<Box<Claim>>,
}

/// What was found out about a job, and of which files.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tasks::convert) struct Answer {
    pub(in crate::tasks::convert) input: StatData,
    pub(in crate::tasks::convert) output: StatData,
    pub(in crate::tasks::convert) result: Result<Examined, String>,
}

/// What is known beside the plan.
pub(in crate::tasks::convert) struct Inquiry<'a> {
    pub(in crate::tasks::convert) settings: &'a Settings,
    pub(in crate::tasks::convert) asked: &'a Recipe,
    /// Those of other shards are read only if something is there that our own does not explain.
    pub(in crate::tasks::convert) journals: &'a Journals,
    /// What workers found out.
    pub(in crate::tasks::convert) answers: &'a Answers,
    /// Where files of others are kept.
    pub(in crate::tasks::convert) kept: PathBuf,
    /// Nothing is asked any more.
    pub(in crate::tasks::convert) last: bool,
}
