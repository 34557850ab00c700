//! Adds up a run.

use super::event::MemoryStatus;
use super::fault::Fault;
use super::record::{JobOutcome, JobRecord};
use super::records::Records;
use super::summary::{RunSummary, SlotRecord};
use super::texts::Texts;
use crate::convert::Mode;
use crate::migrate::Severity;
use crate::text::float;
use std::collections::BTreeMap;
use std::time::Duration;

/// Sums that are kept while the run goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::supervisor) struct RunStats {
    pub(in crate::supervisor) attempts: u64,
    pub(in crate::supervisor) oom_restarts: u64,
    pub(in crate::supervisor) faults: BTreeMap<Fault, u64>,
    /// How often each cause ended an attempt that was followed by another.
    pub(in crate::supervisor) retries: BTreeMap<Fault, u64>,
    /// Files that ended, and the sizes of their inputs.
    pub(in crate::supervisor) files_through: u64,
    pub(in crate::supervisor) bytes_through: u64,
    /// Most memory in use that was seen, in bytes.
    pub(in crate::supervisor) memory_peak: u64,
    /// The smallest limit that was seen, in bytes.
    pub(in crate::supervisor) memory_limit: u64,
}

impl RunStats {
    /// Memory was read.
    pub(in crate::supervisor) fn saw(&mut self, memory: &MemoryStatus) {
        self.memory_peak = self.memory_peak.max(memory.used);
        // Another bound may be shown while it is violated; the report names the smallest.
        if self.memory_limit == 0 || memory.limit < self.memory_limit {
            self.memory_limit = memory.limit;
        }
    }

    /// A file of `bytes` ended.
    pub(in crate::supervisor) fn ended(&mut self, bytes: u64) {
        self.files_through = self.files_through.saturating_add(1);
        self.bytes_through = self.bytes_through.saturating_add(bytes);
    }

    /// An attempt did not succeed.
    pub(in crate::supervisor) fn failed(&mut self, cause: Fault, will_retry: bool) {
        *self.faults.entry(cause).or_default() += 1;
        if will_retry {
            *self.retries.entry(cause).or_default() += 1;
        }
        self.oom_restarts += u64::from(will_retry && cause == Fault::OutOfMemory);
    }
}

/// How many of a file's findings are mended.
#[derive(Debug, Clone, Default, PartialEq)]
struct Mended {
    findings: Texts,
    all: u64,
    /// Those that a reader warns of or fails at.
    warnings: u64,
}

impl Mended {
    fn of(findings: &Texts) -> Self {
        let mut counted = Self { findings: findings.clone(), ..Self::default() };
        for finding in findings.iter() {
            let warns = [Severity::Warning, Severity::Failure].iter().any(|it| it.mended(finding));
            counted.warnings += u64::from(warns);
            counted.all += u64::from(warns || Severity::Note.mended(finding));
        }
        counted
    }
}

/// Sums over the records of a run's files.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::supervisor) struct Sums {
    /// How many files ended in which way.
    pub(in crate::supervisor) outcomes: BTreeMap<JobOutcome, u64>,
    pub(in crate::supervisor) bytes_read: u64,
    pub(in crate::supervisor) bytes_written: u64,
    pub(in crate::supervisor) saved: i64,
    pub(in crate::supervisor) mended: u64,
    /// Those of the mended findings that a reader warns of or fails at.
    pub(in crate::supervisor) warnings: u64,
    pub(in crate::supervisor) peak_rss_max: u64,
    pub(in crate::supervisor) cpu_seconds: f64,
    pub(in crate::supervisor) queued_seconds: f64,
    done: u64,
    seconds: f64,
    /// Those of the last file.
    last: Mended,
}

impl Sums {
    /// Adds the record of `file`, and what its slot had of it; `written` knows what was written.
    pub(in crate::supervisor) fn add(
        &mut self,
        file: &JobRecord,
        slots: &mut [SlotRecord],
        written: impl Fn(&JobRecord) -> u64,
    ) {
        *self.outcomes.entry(file.outcome).or_insert(0) += 1;
        self.peak_rss_max = self.peak_rss_max.max(file.peak_rss);
        if file.attempts == 0 {
            return;
        }
        self.cpu_seconds += file.cpu_seconds;
        self.queued_seconds += file.queued_seconds;
        let slot = file.slot.and_then(|slot| usize::try_from(slot).ok());
        if let Some(slot) = slot.and_then(|slot| slots.get_mut(slot)) {
            slot.bytes = slot.bytes.saturating_add(file.bytes_in);
            slot.peak_anon = slot.peak_anon.max(file.peak_anon);
            slot.cpu_seconds += file.cpu_seconds;
        }
        if !matches!(file.outcome, JobOutcome::Converted | JobOutcome::Unchanged) {
            return;
        }
        self.done += 1;
        self.seconds += file.seconds;
        self.bytes_read = self.bytes_read.saturating_add(file.bytes_in);
        self.bytes_written = self.bytes_written.saturating_add(written(file));
        // What was left out of the output directory saved nothing.
        if file.bytes_out > 0 {
            let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            let saved = signed(file.bytes_in).saturating_sub(signed(file.bytes_out));
            self.saved = self.saved.saturating_add(saved);
        }
        // Most files say what the one before said.
        if !self.last.findings.is_same(&file.findings) {
            self.last = Mended::of(&file.findings);
        }
        self.warnings = self.warnings.saturating_add(self.last.warnings);
        self.mended = self.mended.saturating_add(self.last.all);
    }

    /// Mean wall time of the files that went well, in seconds.
    pub(in crate::supervisor) fn average(&self) -> f64 {
        if self.done == 0 { 0.0 } else { self.seconds / float(self.done) }
    }
}

impl RunSummary {
    /// The most memory of its own that a worker had, in bytes; 0 if it is not known.
    pub(crate) fn worker_peak(&self) -> u64 {
        self.files.iter().map(|file| file.peak_anon).max().unwrap_or(0)
    }

    /// Fills in what follows from the records of the files that ended so far, and takes them up.
    /// `slots` hold what they are doing at the moment.
    pub(crate) fn add_up(&mut self, files: &Records, slots: Vec<SlotRecord>) {
        self.add_files(files.iter(), slots);
        self.files = files.clone();
    }

    /// The same without taking them up.
    pub(super) fn add_files(
        &mut self,
        files: impl Iterator<Item = JobRecord>,
        mut slots: Vec<SlotRecord>,
    ) {
        let mut sums = Sums::default();
        for file in files {
            let slot = file.slot.and_then(|slot| usize::try_from(slot).ok());
            if let Some(slot) = slot.and_then(|slot| slots.get_mut(slot)) {
                slot.busy_seconds += file.seconds;
                slot.jobs = slot.jobs.saturating_add(1);
            }
            self.attempts = self.attempts.saturating_add(file.attempts.into());
            sums.add(&file, &mut slots, |file| match file.mode {
                Some(Mode::InPlace) => file.bytes_appended.saturating_add(file.bytes_replaced),
                _ => file.bytes_out,
            });
        }
        for slot in &mut slots {
            slot.idle_seconds = (self.conversion_time - slot.busy_seconds).max(0.0);
        }
        let took = Duration::try_from_secs_f64(self.conversion_time).unwrap_or_default();
        (self.load_balance, self.parallel_efficiency) = balance(&slots, took);
        (self.bytes_read, self.bytes_written) = (sums.bytes_read, sums.bytes_written);
        self.bytes_saved = sums.saved;
        (self.findings_mended, self.warnings_mended) = (sums.mended, sums.warnings);
        (self.cpu_seconds, self.queued_seconds) = (sums.cpu_seconds, sums.queued_seconds);
        self.average_seconds = sums.average();
        self.peak_rss_max = sums.peak_rss_max;
        self.threads_used = self.workers_used;
        self.slots = slots;
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

/// `part` of `whole` in percent; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
pub(in crate::supervisor) fn percent(part: u64, whole: u64) -> f64 {
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
