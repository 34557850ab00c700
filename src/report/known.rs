//! Tells which figures of a run there are: of files that nobody worked on, and of memory that nobody
//! measured, none are shown.

use crate::supervisor::RunSummary;

/// What is known of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// How long it was.
    pub(super) time: bool,
    /// Files were worked on, so that there are bytes and attempts.
    pub(super) work: bool,
    /// A worker's peak of memory.
    pub(super) peak: bool,
    /// How much memory was in use.
    pub(super) memory: bool,
    /// How many slots were busy.
    pub(super) workers: bool,
    /// No file was to be worked on.
    pub(super) idle: bool,
}

impl Known {
    pub(super) fn of(run: &RunSummary) -> Self {
        let work = run.attempts > 0;
        Self {
            time: run.conversion_time > 0.0,
            work,
            peak: run.peak_rss_max > 0,
            memory: run.memory_peak > 0 || run.final_memory_usage_percent > 0.0,
            workers: work && run.workers_used > 0 && !run.slots.is_empty(),
            idle: !work && run.pending == 0 && run.error.is_none() && run.under_way.is_none(),
        }
    }
}
