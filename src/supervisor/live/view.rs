//! Tells how far a run is, from what was counted.

use super::noted::Noted;
use super::{Busy, FORMAT, Live, LiveSlot, LiveState, LiveWorkers, Tracker};
use crate::supervisor::event::{ConcurrencyReason, MemoryStatus, RunStart, SlotId};
use crate::supervisor::record::JobOutcome;
use crate::text::{self, float};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The numbers that matter most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gauge {
    /// Seconds since the run began.
    pub(crate) elapsed: f64,
    /// How much is through, 0 to 100.
    pub(crate) percent: f64,
    /// Bytes a second lately.
    pub(crate) rate: Option<f64>,
    /// Seconds until everything is done.
    pub(crate) eta_seconds: Option<f64>,
}

impl Tracker {
    /// Jobs of the run.
    pub fn jobs(&self) -> u64 {
        self.start.jobs
    }

    /// Those of them that ended.
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// Whether the file that ended last was one of the jobs. What an earlier run settled, and what
    /// cannot be tried at all, is told too but has no place among them.
    pub(crate) fn counted(&self) -> bool {
        self.counted
    }

    /// Jobs that failed in this run.
    pub(crate) fn failed_here(&self) -> u64 {
        self.failed_here
    }

    /// What is busy, by slot.
    pub(crate) fn busy(&self) -> &BTreeMap<SlotId, Busy> {
        &self.busy
    }

    /// Bytes that are through; never fewer than there were, never more than there are.
    pub(crate) fn through(&self) -> u64 {
        self.most
    }

    /// What is through, from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        if self.state == LiveState::Starting {
            return 0.0;
        }
        if self.ended >= self.start.jobs {
            return 1.0;
        }
        if self.start.bytes == 0 {
            return float(self.ended) / float(self.start.jobs);
        }
        // The last sync is not over.
        (float(self.most) / float(self.start.bytes)).min(0.999)
    }

    /// Bytes a second lately; none while the run waits.
    pub(crate) fn rate(&self, at: f64) -> Option<f64> {
        let rests =
            matches!(self.state, LiveState::Paused | LiveState::TakingAlong | LiveState::Finished);
        (!rests).then(|| self.pace.rate(at, self.most)).flatten()
    }

    /// Seconds that the rest takes if it goes on as it went lately; `None` too early to tell, or
    /// where nothing new begins.
    pub(crate) fn left(&self, at: f64) -> Option<f64> {
        if self.state != LiveState::Running {
            return None;
        }
        let rest = self.start.bytes.saturating_sub(self.most);
        self.rate(at).map(|rate| float(rest) / rate)
    }

    /// Seconds since the run began.
    pub(crate) fn elapsed(&self, at: f64) -> f64 {
        (at - self.began).max(0.0)
    }

    /// The numbers that matter most, at `at`.
    pub(crate) fn gauge(&self, at: f64) -> Gauge {
        Gauge {
            elapsed: self.elapsed(at),
            percent: self.share() * 100.0,
            rate: self.rate(at),
            eta_seconds: self.left(at),
        }
    }

    /// Every slot, in order, at `at`.
    pub(crate) fn slots(&self, at: f64) -> Vec<LiveSlot> {
        let slots = (0..self.start.slots).map(SlotId);
        let slots = slots.map(|slot| match self.busy.get(&slot) {
            Some(busy) => busy.live(slot, at),
            None => LiveSlot { slot, ..LiveSlot::default() },
        });
        slots.collect()
    }

    /// Attempts that did not succeed and are made again.
    pub(crate) fn retries(&self) -> u64 {
        self.retries
    }

    /// The run at `at`.
    pub fn live(&self, at: f64) -> Live {
        let Self { start, .. } = self;
        let count = |outcome| self.outcomes.get(&outcome).copied().unwrap_or(0);
        let Gauge { elapsed, percent, rate, eta_seconds } = self.gauge(at);
        let busy = self.busy.len() as u64;
        Live {
            format: FORMAT,
            run_id: start.run_id.clone(),
            version: start.version.clone(),
            host: start.machine.host.clone(),
            pid: std::process::id(),
            started: self.started.map(text::rfc3339).unwrap_or_default(),
            at: text::rfc3339(SystemTime::now()),
            input_dir: start.input_dir.clone(),
            output_dir: start.output_dir.clone(),
            shard: start.shard.clone(),
            state: self.state,
            why: self.why.clone(),
            elapsed,
            percent,
            bytes: start.bytes,
            bytes_done: self.most,
            rate,
            eta_seconds,
            files: start.files,
            jobs: start.jobs,
            ended: self.ended,
            waiting: start.jobs.saturating_sub(self.ended).saturating_sub(busy),
            converted: count(JobOutcome::Converted),
            unchanged: count(JobOutcome::Unchanged),
            skipped: count(JobOutcome::Skipped),
            others: self.others,
            failed: count(JobOutcome::Failed),
            retries: self.retries,
            faults: self.faults.clone(),
            memory: self.memory.clone(),
            safety_violations: self.violations,
            workers: LiveWorkers {
                slots: start.slots,
                reason: start.slots_reason.clone(),
                threads: start.threads_per_worker,
                allowed: self.allowed,
                busy: u32::try_from(busy).unwrap_or(u32::MAX),
                fewer: self.fewer,
            },
            slots: self.slots(at),
            failures: self.failures.iter().map(Noted::told).collect(),
            recent: self.recent.iter().map(Noted::told).collect(),
        }
    }

    /// What the run as a whole is doing.
    pub(crate) fn state(&self) -> LiveState {
        self.state
    }

    /// Memory as it was told last.
    pub(crate) fn memory(&self) -> &MemoryStatus {
        &self.memory
    }

    /// How often memory in use went above the margin.
    pub(crate) fn violations(&self) -> u64 {
        self.violations
    }

    /// Slots that may be busy, of how many, and why fewer.
    pub(crate) fn workers(&self) -> (u32, u32, Option<ConcurrencyReason>) {
        (self.allowed, self.start.slots, self.fewer)
    }

    /// How the run began.
    pub(crate) fn start(&self) -> &RunStart {
        &self.start
    }
}
