//! Adds up a run.

use crate::supervisor::clock::rfc3339;
use crate::supervisor::dispatcher::Dispatcher;
use crate::supervisor::event::MemoryStatus;
use crate::supervisor::fault::Fault;
use crate::supervisor::record::{JobOutcome, JobRecord, RunSummary, SlotRecord};
use crate::supervisor::scheduler::Ending;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Sums that are kept while the run goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::supervisor) struct RunStats {
    pub(in crate::supervisor) attempts: u64,
    pub(in crate::supervisor) oom_restarts: u64,
    pub(in crate::supervisor) faults: BTreeMap<Fault, u64>,
    memory_limit: u64,
}

impl RunStats {
    /// Memory was read.
    pub(in crate::supervisor) fn saw(&mut self, memory: &MemoryStatus) {
        // Another bound may be shown while it is violated; the report names the smallest.
        if self.memory_limit == 0 || memory.limit < self.memory_limit {
            self.memory_limit = memory.limit;
        }
    }

    /// An attempt did not succeed.
    pub(in crate::supervisor) fn failed(&mut self, cause: Fault, will_retry: bool) {
        *self.faults.entry(cause).or_default() += 1;
        self.oom_restarts += u64::from(will_retry && cause == Fault::OutOfMemory);
    }
}

impl Dispatcher {
    /// The report of the run, which took `took`.
    pub(in crate::supervisor) fn sum_up(&self, took: Duration, ending: &Ending) -> RunSummary {
        let context = &self.context;
        let files: Vec<_> = self.jobs.records.values().cloned().collect();
        let count = |outcome| files.iter().filter(|file| file.outcome == outcome).count() as u64;
        let fresh = || {
            let made = |file: &&JobRecord| {
                matches!(file.outcome, JobOutcome::Converted | JobOutcome::Unchanged)
            };
            files.iter().filter(|file| file.attempts > 0).filter(made)
        };
        let bytes_written = |file: &JobRecord| self.task.bytes_written(file);
        let slots = self.scheduler.slot_records(took);
        let (load_balance, parallel_efficiency) = balance(&slots, took);
        let pending = (context.plan.jobs.len() as u64).saturating_sub(files.len() as u64);
        RunSummary {
            success: count(JobOutcome::Converted),
            failed: count(JobOutcome::Failed),
            skipped: count(JobOutcome::Skipped),
            unchanged: count(JobOutcome::Unchanged),
            safety_violations: self.scheduler.violations(),
            conversion_time: took.as_secs_f64(),
            workers_used: self.scheduler.most_busy().into(),
            final_memory_usage_percent: percent(self.memory.status.used, self.memory.status.limit),
            run_id: context.run_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: rfc3339(context.started),
            finished: rfc3339(SystemTime::now()),
            input_dir: context.settings.input_dir.to_string_lossy().into_owned(),
            output_dir: context.settings.output_dir.to_string_lossy().into_owned(),
            bytes_read: fresh().map(|file| file.bytes_in).fold(0, u64::saturating_add),
            bytes_written: fresh().map(bytes_written).fold(0, u64::saturating_add),
            memory_limit: self.stats.memory_limit,
            peak_rss_max: files.iter().map(|file| file.peak_rss).max().unwrap_or(0),
            attempts: self.stats.attempts,
            oom_restarts: self.stats.oom_restarts,
            interrupted: pending > 0 && *ending == Ending::Interrupted,
            slots,
            load_balance,
            parallel_efficiency,
            files,
            pending,
            shard: context.settings.shard.to_string(),
            faults: self.stats.faults.clone(),
            paused_seconds: self.scheduler.paused().as_secs_f64(),
            error: match ending {
                Ending::Fatal(message) => Some(message.clone()),
                Ending::Complete | Ending::Interrupted => None,
            },
        }
    }
}

/// Mean over highest busy time, and the share of all slots' time that was busy.
pub(in crate::supervisor) fn balance(slots: &[SlotRecord], took: Duration) -> (f64, f64) {
    let total: f64 = slots.iter().map(|slot| slot.busy_seconds).sum();
    let highest = slots.iter().map(|slot| slot.busy_seconds).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "there are few slots")]
    let count = slots.len() as f64;
    let ratio = |part: f64, whole: f64| if whole > 0.0 { (part / whole).min(1.0) } else { 1.0 };
    (ratio(total, highest * count), ratio(total, took.as_secs_f64() * count))
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(busy_seconds: f64) -> SlotRecord {
        SlotRecord { busy_seconds, ..SlotRecord::default() }
    }

    #[test]
    fn balance_and_efficiency() {
        let close =
            |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-9 && (b - d).abs() < 1e-9;
        let ten = Duration::from_secs(10);
        assert!(close(balance(&[slot(10.0), slot(10.0)], ten), (1.0, 1.0)));
        assert!(close(balance(&[slot(8.0), slot(4.0)], ten), (0.75, 0.6)));
        assert!(close(balance(&[slot(0.0)], Duration::ZERO), (1.0, 1.0)));
        assert!(close(balance(&[], ten), (1.0, 1.0)));
        assert!((percent(1, 4) - 25.0).abs() < 1e-9 && percent(1, 0).abs() < 1e-9);
    }

    #[test]
    fn the_smallest_limit_is_kept() {
        let mut stats = RunStats::default();
        for limit in [300, 1000, 300] {
            stats.saw(&MemoryStatus { limit, ..MemoryStatus::default() });
        }
        assert_eq!(stats.memory_limit, 300);
    }
}
