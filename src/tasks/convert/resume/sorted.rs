//! Holds what is known of all jobs of a plan before a run, and what follows from it.

use super::answers::Answers;
use super::orders::Orders;
use super::unrecorded::Unrecorded;
use crate::convert::{Recipe, Wanted};
use crate::supervisor::journal::Journals;
use crate::supervisor::records::Ledger;
use crate::supervisor::{Conflict, Settings};
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
