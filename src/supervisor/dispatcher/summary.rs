//! Makes the report of a run from what its dispatcher knows in the end.

use super::super::record::JobOutcome;
use super::super::run_stats::{balance, percent};
use super::super::scheduler::Ending;
use super::super::summary::RunSummary;
use super::Dispatcher;
use crate::text;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

impl Dispatcher {
    /// The report of the run, which took `took`. The records are in it from then on.
    pub(in crate::supervisor) fn sum_up(&mut self, took: Duration, ending: &Ending) -> RunSummary {
        let files = std::mem::take(&mut self.jobs.records).into_records();
        let context = &self.context;
        let mut outcomes = BTreeMap::new();
        let (mut bytes_read, mut bytes_written, mut peak_rss_max) = (0_u64, 0_u64, 0);
        for file in &files {
            *outcomes.entry(file.outcome).or_insert(0) += 1;
            peak_rss_max = file.peak_rss.max(peak_rss_max);
            let made = matches!(file.outcome, JobOutcome::Converted | JobOutcome::Unchanged);
            if made && file.attempts > 0 {
                bytes_read = bytes_read.saturating_add(file.bytes_in);
                bytes_written = bytes_written.saturating_add(self.task.bytes_written(&file));
            }
        }
        let count = |outcome| outcomes.get(&outcome).copied().unwrap_or(0);
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
            started: text::rfc3339(context.started),
            finished: text::rfc3339(SystemTime::now()),
            input_dir: context.settings.input_dir.to_string_lossy().into_owned(),
            output_dir: context.settings.output_dir.to_string_lossy().into_owned(),
            bytes_read,
            bytes_written,
            memory_limit: self.stats.memory_limit,
            peak_rss_max,
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
        }
    }
}
