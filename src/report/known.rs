//! Tells which figures of a run there are: of files that nobody worked on, and of memory that nobody
//! measured, none are shown.

use crate::supervisor::RunSummary;
use crate::text;

/// What is known of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a>(pub(super) &'a RunSummary);

impl Known<'_> {
    /// How long it was.
    pub(super) fn time(self) -> bool {
        self.0.conversion_time > 0.0
    }

    /// Files were worked on, so that there are bytes and attempts.
    pub(super) fn work(self) -> bool {
        self.0.attempts > 0
    }

    /// A worker's peak of memory.
    pub(super) fn peak(self) -> bool {
        self.0.peak_rss_max > 0
    }

    /// Files and bytes a second; none where nothing was done, or in no time.
    pub(super) fn rates(self) -> Option<[String; 2]> {
        let Self(run) = self;
        let (seconds, done) = (run.conversion_time, run.success.saturating_add(run.unchanged));
        (done > 0 && self.work() && seconds > 1e-3).then(|| {
            let files = format!("{:.1} files/s", text::float(done) / seconds);
            [files, text::rate(run.bytes_read, seconds)]
        })
    }

    /// How much memory was in use.
    pub(super) fn memory(self) -> bool {
        self.0.memory_peak > 0 || self.0.final_memory_usage_percent > 0.0
    }

    /// How many slots were busy.
    pub(super) fn workers(self) -> bool {
        self.work() && self.0.workers_used > 0 && !self.0.slots.is_empty()
    }

    /// It is over, and no file was to be worked on.
    pub(super) fn idle(self) -> bool {
        let Self(run) = self;
        !self.work() && run.pending == 0 && run.error.is_none() && run.under_way.is_none()
    }
}
