//! Makes the report of a run from what its dispatcher knows in the end.

use super::super::record::JobOutcome;
use super::super::run_stats::{Sums, balance, percent};
use super::super::scheduler::Ending;
use super::super::summary::RunSummary;
use super::Dispatcher;
use crate::text;
use std::time::{Duration, SystemTime};

impl Dispatcher {
    /// The report of the run, which took `took`. The records are in it from then on.
    pub(in crate::supervisor) fn sum_up(&mut self, took: Duration, ending: &Ending) -> RunSummary {
        self.note_time();
        let files = std::mem::take(&mut self.jobs.records).into_records();
        let context = &self.context;
        let mut slots = self.scheduler.slot_records(took);
        let mut sums = Sums::default();
        for file in &files {
            sums.add(&file, &mut slots, |file| self.task.bytes_written(file));
        }
        let count = |outcome| sums.outcomes.get(&outcome).copied().unwrap_or(0);
        let options = self.task.conversion().cloned();
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
            started: text::rfc3339(context.started),
            finished: text::rfc3339(SystemTime::now()),
            input_dir: context.settings.input_dir.to_string_lossy().into_owned(),
            output_dir: context.settings.output_dir.to_string_lossy().into_owned(),
            bytes_read: sums.bytes_read,
            bytes_written: sums.bytes_written,
            memory_limit: self.stats.memory_limit,
            peak_rss_max: sums.peak_rss_max,
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
            others: None,
            unlisted: context.plan.unlisted.to_vec(),
            threads_used: self.scheduler.most_busy().into(),
            average_seconds: sums.average(),
            bytes_saved: sums.saved,
            findings_mended: sums.mended,
            warnings_mended: sums.warnings,
            retries: self.stats.retries.clone(),
            cpu_seconds: sums.cpu_seconds,
            queued_seconds: sums.queued_seconds,
            memory_peak: self.stats.memory_peak,
            budget: self.memory.status.budget,
            cores: context.granted.into(),
            threads_per_worker: context.threads.into(),
            target: options.as_ref().map(|it| it.target.clone()).unwrap_or_default(),
            mode: options.as_ref().map(|it| it.mode),
            options,
            command: context.settings.command.clone(),
            recommendations: Vec::new(),
            timeline: std::mem::take(&mut self.timeline),
            under_way: None,
        }
    }
}
