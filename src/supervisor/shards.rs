//! Tells what each shard of an output directory is doing, from outside: by its lock, and by what
//! its journal says.

use super::journal::{EndLine, Ended, RunLine};
use super::others::OthersSummary;
use super::run_dir::{Held, held, lock_name};
use super::under_way::ShardState;
use crate::archive::Shard;
use crate::sys::dir::Dir;
use serde::Serialize;

/// One element of `shards` in the merged report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShardRecord {
    /// Which part, e.g. `3/20`.
    pub shard: String,
    /// What it is doing.
    pub state: ShardState,
    /// Jobs of its last run.
    pub jobs: Option<u64>,
    /// Those of them that have an outcome.
    pub ended: Option<u64>,
    /// Those of them that failed in that run.
    pub failed: Option<u64>,
    /// Its last run.
    pub run_id: Option<String>,
    /// When that began (RFC 3339, UTC).
    pub started: Option<String>,
    /// When that ended in order.
    pub finished: Option<String>,
    /// The machine that it ran on.
    pub host: Option<String>,
    /// The supervisor's process id there.
    pub pid: Option<u32>,
    /// What became of files that are not JLD2, where they were to be taken along and that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<OthersSummary>,
    /// Files that are not JLD2 and were to be taken along in its last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others_planned: Option<u64>,
}

impl ShardRecord {
    /// Of `shard`, whose last run and its end are given; `own` is the directory of locks.
    pub(super) fn of(
        shard: Shard,
        own: &Dir,
        last: Option<&RunLine>,
        end: Option<&EndLine>,
        lines: Ended,
        others: Option<OthersSummary>,
    ) -> Self {
        let lock = held(own, &lock_name(shard));
        let state = match (lock, last, end) {
            (Held::Yes, ..) => ShardState::Running,
            (_, None, _) => ShardState::Waiting,
            (_, Some(begun), Some(end)) => {
                let run = &end.summary;
                let behind = left_behind(begun.others, others);
                if run.interrupted || run.error.is_some() || run.pending > 0 || behind {
                    ShardState::Interrupted
                } else if run.failed > 0
                    || !begun.unlisted.is_empty()
                    || others.is_some_and(|others| others.failed > 0)
                {
                    ShardState::Failed
                } else {
                    ShardState::Done
                }
            }
            (Held::No, Some(_), None) => ShardState::Interrupted,
            // Without locks nobody can tell a run that is at work from one that was killed.
            (Held::Unknown, Some(_), None) => ShardState::Running,
        };
        let ended =
            |run: &RunLine| lines.jobs.saturating_add(run.settled.unwrap_or(0)).min(run.jobs);
        Self {
            shard: shard.to_string(),
            state,
            jobs: last.map(|run| run.jobs),
            ended: last.map(ended),
            failed: last.map(|_| end.map_or(lines.failed, |end| end.summary.failed)),
            run_id: last.map(|run| run.head.run_id.clone()),
            started: last.map(|run| run.head.started.clone()),
            finished: end.map(|end| end.at.clone()),
            host: last.map(|run| run.head.host.clone()),
            pid: last.map(|run| run.head.pid),
            others,
            others_planned: last.and_then(|run| run.others),
        }
    }

    /// Whether files that are not JLD2 were to be taken along, and not all were come to.
    pub(super) fn behind(&self) -> bool {
        left_behind(self.others_planned, self.others)
    }
}

/// Without a word on what became of them, a run ended while other files were taken along.
fn left_behind(planned: Option<u64>, others: Option<OthersSummary>) -> bool {
    planned.is_some_and(|files| files > 0) && others.is_none_or(|others| others.pending > 0)
}
