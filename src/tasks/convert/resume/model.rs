//! Holds what is known of a plan's jobs before a run, one by one.

use crate::convert::publish::Existing;
use crate::convert::{Claim, Examined, Mode};
use crate::sys::stat::StatData;

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
