//! Decides which jobs of a plan are left to do, and what may be replaced for them.

mod fate;
mod standing;

use crate::convert::publish::Existing;
use crate::convert::{Claim, Examined, Recipe, Wanted};
use crate::supervisor::journal::Journals;
use crate::supervisor::{Conflict, JobRecord, Plan, RunError, Settings};
use crate::sys::stat::StatData;
use fate::{Fate, Sorter};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A plan, sorted out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sorted {
    /// Jobs to do.
    pub(super) todo: Vec<Todo>,
    /// Jobs that are over.
    pub(super) settled: Vec<Settled>,
    /// Outputs that are there but have to be made again: names and reasons.
    pub(super) stale: Vec<(String, String)>,
    /// Names of jobs that failed earlier and are left alone.
    pub(super) failed_before: Vec<String>,
    /// Files in the way, whatever becomes of them.
    pub(super) conflicts: Vec<Conflict>,
    /// Number of jobs that cannot be tried at all.
    pub(super) hindered: usize,
    /// What has to be found out before the plan can be sorted out, by place.
    pub(super) questions: Vec<(usize, Wanted)>,
}

/// A job to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Todo {
    /// Its place in the plan.
    pub(super) place: usize,
    pub(super) order: Order,
}

/// How an output is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    /// What may be replaced.
    pub(super) existing: Existing,
    /// The input when this was decided.
    pub(super) input: Option<StatData>,
    /// Why it is made again.
    pub(super) stale: Option<String>,
    /// What is in the way.
    pub(super) conflict: Option<String>,
    /// In place: the file is, by its size, what a run recorded as its result.
    pub(super) recorded: bool,
    /// The claim of an output that has to pass a higher check.
    pub(super) recheck: Option<Box<Claim>>,
}

/// A job that is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settled {
    /// Its place in the plan.
    pub(super) place: usize,
    pub(super) record: JobRecord,
    /// What the journal does not have yet.
    pub(super) to_record: Option<ToRecord>,
}

/// What a journal has to keep of a job that is over before the run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToRecord {
    /// The input as it is.
    pub(super) input: Option<StatData>,
    pub(super) claim: Option<Box<Claim>>,
}

/// What was found out about a job, and of which files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) input: StatData,
    pub(super) output: StatData,
    pub(super) result: Result<Examined, String>,
}

/// What is known beside the plan.
pub(super) struct Inquiry<'a> {
    pub(super) settings: &'a Settings,
    pub(super) asked: &'a Recipe,
    /// Those of other shards are read only if something is there that our own does not explain.
    pub(super) journals: &'a Journals,
    /// By place in the plan.
    pub(super) answers: &'a BTreeMap<usize, Answer>,
    /// Where files of others are kept.
    pub(super) kept: PathBuf,
    /// Nothing is asked any more.
    pub(super) last: bool,
}

/// Sorts a plan out: what is up to date is skipped, what failed under the same circumstances is left
/// alone, what is in the way is dealt with as the settings say. Files are not opened here.
///
/// # Errors
/// Journals of other shards cannot be read.
pub(super) fn sort_out(plan: &Plan, inquiry: &Inquiry<'_>) -> Result<Sorted, RunError> {
    let mut sorted = Sorted::default();
    let mut sorter = Sorter::new(inquiry);
    for (place, job) in plan.jobs.iter().enumerate() {
        match sorter.fate(place, job)? {
            Fate::Do(order) => {
                let stale = order.stale.iter().map(|why| (job.name.clone(), why.clone()));
                sorted.stale.extend(stale);
                sorted.todo.push(Todo { place, order: *order });
            }
            Fate::Settle(record, to_record) => {
                sorted.settled.push(Settled { place, record: *record, to_record });
            }
            Fate::Hindered(record) => {
                sorted.hindered += 1;
                let to_record = Some(ToRecord { input: None, claim: None });
                sorted.settled.push(Settled { place, record: *record, to_record });
            }
            Fate::Failed(record) => {
                sorted.failed_before.push(job.name.clone());
                sorted.settled.push(Settled { place, record: *record, to_record: None });
            }
            Fate::Ask(wanted) => sorted.questions.push((place, wanted)),
            Fate::Stuck => {}
        }
    }
    sorted.conflicts = sorter.conflicts;
    Ok(sorted)
}

#[cfg(test)]
mod tests;
