//! Makes reports of runs that did not come to their end: of one that is at work, and of one that was
//! killed, from what it says itself and from its lines in the journal.

use super::journal::{MeansLine, RunLine};
use super::live::Live;
use super::record::JobRecord;
use super::run_stats::percent;
use super::summary::{RunSummary, SlotRecord};

/// So many slots are reckoned with at most; what a journal says of them is not to be trusted with memory.
const MOST_SLOTS: usize = 1 << 16;

impl RunSummary {
    /// The report of the run that `live` tells of as if it ended now, but for what follows from its
    /// files; and what each slot holds at the moment.
    pub(crate) fn of_live(live: &Live) -> (Self, Vec<SlotRecord>) {
        let slots = live.slots.iter().map(|at_work| SlotRecord {
            busy_seconds: at_work.seconds,
            peak_anon: at_work.anon,
            ..SlotRecord::default()
        });
        let summary = Self {
            success: live.converted,
            failed: live.failed,
            skipped: live.skipped,
            unchanged: live.unchanged,
            pending: live.jobs.saturating_sub(live.ended),
            safety_violations: live.safety_violations,
            conversion_time: live.elapsed,
            final_memory_usage_percent: percent(live.memory.used, live.memory.limit),
            workers_used: live.workers.busy.into(),
            run_id: live.run_id.clone(),
            version: live.version.clone(),
            started: live.started.clone(),
            input_dir: live.input_dir.clone(),
            output_dir: live.output_dir.clone(),
            shard: live.shard.clone(),
            memory_limit: live.memory.limit,
            budget: live.memory.budget,
            faults: live.faults.clone(),
            threads_per_worker: live.workers.threads.into(),
            ..Self::default()
        };
        (summary, slots.collect())
    }

    /// What is known of a run without an end in the journal, `seconds` after its beginning, of whose
    /// files `files` are the records; they stay out of the report, as in the line of an end.
    pub(super) fn unended<F>(run: &RunLine, live: Option<&Live>, seconds: f64, files: F) -> Self
    where
        F: Iterator<Item = JobRecord> + Clone,
    {
        let (mut summary, mut slots) = live.map(Self::of_live).unwrap_or_default();
        let means = run.means.clone().unwrap_or_default();
        let MeansLine { slots: planned, threads, cores, memory_limit, budget, command } = means;
        summary.command = command;
        summary.cores = cores.into();
        if live.is_none() {
            summary.threads_per_worker = threads.into();
            (summary.memory_limit, summary.budget) = (memory_limit, budget);
        }
        summary.conversion_time = summary.conversion_time.max(seconds);
        let used = files.clone().filter_map(|file| file.slot).max();
        let used = used.map_or(0, |slot| slot.saturating_add(1)).max(planned);
        let used = usize::try_from(used).unwrap_or(usize::MAX).min(MOST_SLOTS);
        slots.resize(slots.len().max(used), SlotRecord::default());
        summary.workers_used = summary.workers_used.max(most_at_once(files.clone()));
        summary.add_files(files, slots);
        summary
    }
}

/// At how many of the files workers were at one time.
fn most_at_once(files: impl Iterator<Item = JobRecord>) -> u64 {
    let spans = files.filter(|file| file.slot.is_some()).filter_map(|file| {
        let ended = file.ended?;
        Some([(ended - file.seconds, 1_i64), (ended, -1)])
    });
    let mut turns: Vec<(f64, i64)> = spans.flatten().collect();
    // Where one ends when another begins, both were not at work at once.
    turns.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut busy, mut most) = (0_i64, 0_i64);
    for (_, turn) in turns {
        busy += turn;
        most = most.max(busy);
    }
    u64::try_from(most).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::record::JobOutcome;

    fn file(slot: u32, begin: f64, end: f64) -> JobRecord {
        let mut file = JobRecord::bare("a.jld2", Some(1), JobOutcome::Converted, 1000);
        (file.slot, file.seconds, file.ended) = (Some(slot), end - begin, Some(end));
        (file.attempts, file.bytes_out) = (1, 900);
        file
    }

    #[test]
    fn workers_at_one_time_are_those_whose_files_overlap() {
        let files = [file(0, 0.0, 2.0), file(1, 1.0, 3.0), file(2, 2.0, 4.0), file(0, 3.0, 5.0)];
        assert_eq!(most_at_once(files.into_iter()), 2);
        assert_eq!(most_at_once(std::iter::empty()), 0);
    }
}
