//! A run with figures, for tests.

use super::line::tests::record;
use super::summary::tests::summary;
use crate::supervisor::{JobOutcome, RunSummary};

/// A run of 10 s of two workers of 8 cores; each of 20 files took a second, and of that so much
/// of the processor, and so much on a queue.
pub(super) fn measured(cpu: f64, queued: f64) -> RunSummary {
    let mut run = summary();
    run.files = (0..20)
        .map(|number| {
            let mut file = record(number, JobOutcome::Converted);
            (file.seconds, file.cpu_seconds, file.queued_seconds) = (1.0, cpu, queued);
            file
        })
        .collect();
    (run.success, run.unchanged, run.skipped) = (20, 0, 0);
    (run.conversion_time, run.cores) = (10.0, 8);
    (run.cpu_seconds, run.queued_seconds) = (20.0 * cpu, 20.0 * queued);
    (run.memory_peak, run.budget) = (2 << 30, (24 << 30) / 5 * 4);
    run
}
