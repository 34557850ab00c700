//! Follows what workers do: come, live, report, go.

use super::super::event::SlotId;
use super::super::plan::JobId;
use super::super::retry::{Circumstances, Verdict};
use super::super::summary::SlotRecord;
use super::admission::rest_limit;
use super::machine::{Scheduler, count};
use super::state::{JobPhase, Run, Slot, SlotState, Stop, Why};
use super::{Action, End, Notice, Report, WorkerId};
use crate::supervisor::fault::Fault;
use crate::supervisor::memory::predict::Predictor;
use std::time::Duration;

/// Starts that may fail in a row, with no worker alive, before the run gives up.
const START_TRIES: u32 = 6;
const FIRST_START_DELAY: Duration = Duration::from_millis(250);
const LONGEST_START_DELAY: Duration = Duration::from_secs(10);

impl Scheduler {
    /// The slot, if that worker lives there.
    pub(super) fn home(&mut self, slot: SlotId, worker: WorkerId) -> Option<&mut Slot> {
        self.slot_mut(slot).filter(|slot| slot.worker() == Some(worker))
    }

    pub(super) fn ready(&mut self, slot: SlotId, worker: WorkerId) {
        if let Some(home) = self.home(slot, worker)
            && matches!(home.state, SlotState::Starting { killed: false, .. })
        {
            home.state = SlotState::Idle { worker };
        }
    }

    pub(super) fn alive(&mut self, slot: SlotId, worker: WorkerId, sync: bool, now: Duration) {
        if let Some(run) = self.home(slot, worker).and_then(Slot::run_mut) {
            run.last_sign = now;
            run.syncing = sync;
        }
    }

    pub(super) fn nonsense(
        &mut self,
        now: Duration,
        slot: SlotId,
        worker: WorkerId,
        message: String,
    ) {
        let Some(home) = self.home(slot, worker) else { return };
        match &mut home.state {
            SlotState::Busy { run, .. } => {
                if matches!(run.stop, Stop::Killed { .. }) {
                    return;
                }
                run.stop = Stop::Killed { at: now, why: Why::Nonsense };
                run.complaint = Some(message);
            }
            SlotState::Starting { killed, since, .. }
            | SlotState::Leaving { killed, since, .. } => {
                if *killed {
                    return;
                }
                (*killed, *since) = (true, now);
            }
            SlotState::Idle { .. } => {
                home.state = SlotState::Leaving { worker, since: now, killed: true };
            }
            SlotState::Empty => return,
        }
        self.actions.push(Action::Kill { slot, worker });
    }

    pub(super) fn ended(&mut self, now: Duration, slot: SlotId, worker: WorkerId, report: Report) {
        let Report { job, attempt, result, peak, rest, spent, gives_back } = report;
        let Some(home) = self.home(slot, worker) else { return };
        let jobs = home.worker_jobs;
        let run = home.run().filter(|run| (run.job, run.attempt) == (job, attempt)).cloned();
        let Some(run) = run else {
            let message = format!("reported job {} which it does not have", job.0);
            self.nonsense(now, slot, worker, message);
            return;
        };
        let killed = matches!(run.stop, Stop::Killed { .. });
        let spoiled =
            matches!(result, Err((Fault::Internal | Fault::OutOfMemory | Fault::Crashed, _)));
        let swollen = rest > rest_limit(run.predicted);
        if gives_back {
            self.take_all_back(slot);
        }
        let Some(home) = self.slot_mut(slot) else { return };
        // So it has to, after a failure or where it holds much.
        if (result.is_err() || swollen) && !home.hand.is_empty() {
            let message = "goes on with what it has in hand, after a failure".to_owned();
            self.nonsense(now, slot, worker, message);
            return;
        }
        home.anon = rest;
        home.state = SlotState::Empty;
        self.failed_starts = 0;
        self.predictor.measured(peak);
        self.check_peak(peak);
        self.account(slot, job, spent);
        let probed = match result {
            Ok(()) => {
                let bytes = self.job(job).map_or(0, |job| job.bytes);
                self.pace.measured(spent, bytes);
                self.finish(slot, job, End::Done);
                None
            }
            Err((cause, message)) => {
                // Nobody but the supervisor can stop an attempt.
                let cause = match (cause, run.stop) {
                    (Fault::Stopped, Stop::No) => Fault::Internal,
                    _ => cause,
                };
                self.settle_failure(now, slot, &run, cause, message, peak);
                Some(cause)
            }
        };
        if probed.is_none() {
            self.probe_over(now, job, None);
        }
        if self.go_on(now, slot, worker, run) {
            return;
        }
        let leaves = killed || spoiled || swollen || jobs >= self.config.recycle_after.max(1);
        let Some(home) = self.slot_mut(slot) else { return };
        home.state = if leaves {
            SlotState::Leaving { worker, since: now, killed }
        } else {
            SlotState::Idle { worker }
        };
        if leaves && !killed {
            self.actions.push(Action::Quit { slot, worker });
        }
    }

    pub(super) fn exited(
        &mut self,
        now: Duration,
        slot: SlotId,
        worker: WorkerId,
        cause: Fault,
        message: String,
        peak: u64,
    ) {
        let Some(home) = self.home(slot, worker) else { return };
        home.anon = 0;
        match std::mem::replace(&mut home.state, SlotState::Empty) {
            SlotState::Empty | SlotState::Leaving { .. } => {}
            SlotState::Starting { .. } => {
                if !(self.ending() || self.open == 0) {
                    self.start_failed(now, &message);
                }
            }
            SlotState::Idle { .. } => {
                self.start_failed(now, &format!("while it waited for a job: {message}"));
            }
            SlotState::Busy { run, .. } => {
                let (cause, message) = match run.stop {
                    Stop::Killed { why, .. } => {
                        (why.cause(), run.complaint.clone().unwrap_or_else(|| reason(why, message)))
                    }
                    Stop::Asked { why: Why::RunEnds, .. } => (Fault::Stopped, message),
                    Stop::No | Stop::Asked { .. } => (cause, message),
                };
                self.attempt_failed(now, slot, &run, cause, message, peak);
                // What was in its hand behind that was not begun and has nothing to do with it.
                self.take_all_back(slot);
            }
        }
    }

    fn start_failed(&mut self, now: Duration, message: &str) {
        // Those asked for together fail together, for want of the same thing: once for all.
        if now >= self.spawn_not_before {
            self.failed_starts = self.failed_starts.saturating_add(1);
            let delay = FIRST_START_DELAY
                .saturating_mul(1_u32 << self.failed_starts.saturating_sub(1).min(8))
                .min(LONGEST_START_DELAY);
            self.spawn_not_before = now.saturating_add(delay);
        }
        self.tell(Notice::Warning(format!("a worker could not be used: {message}")));
        let live =
            count(self.slots.iter().filter(|slot| {
                matches!(slot.state, SlotState::Busy { .. } | SlotState::Idle { .. })
            }));
        if live > 0 {
            let change = self.governor.cannot_start(now, live);
            self.tell_change(change);
        } else if self.failed_starts >= START_TRIES {
            self.fatal(now, format!("no worker can be started: {message}"));
        }
    }

    /// Adds the time of an attempt to its slot and job.
    fn account(&mut self, slot: SlotId, job: JobId, spent: Duration) {
        if let Some(home) = self.slot_mut(slot) {
            home.busy = home.busy.saturating_add(spent);
        }
        if let Some(job) = self.job_mut(job) {
            job.busy = job.busy.saturating_add(spent);
        }
    }

    fn finish(&mut self, slot: SlotId, job: JobId, end: End) {
        if let Some(state) = self.job_mut(job) {
            state.phase = JobPhase::Over;
        }
        if let Some(home) = self.slot_mut(slot) {
            home.jobs = home.jobs.saturating_add(1);
        }
        self.open = self.open.saturating_sub(1);
        self.actions.push(Action::Finish { slot, job, end });
    }

    /// An attempt ended with its worker.
    pub(super) fn attempt_failed(
        &mut self,
        now: Duration,
        slot: SlotId,
        run: &Run,
        cause: Fault,
        message: String,
        peak: u64,
    ) {
        self.account(slot, run.job, now.saturating_sub(run.started));
        self.predictor.measured(peak);
        self.settle_failure(now, slot, run, cause, message, peak);
    }

    /// An attempt ended without success: counts, decides, and puts the job where it belongs.
    fn settle_failure(
        &mut self,
        now: Duration,
        slot: SlotId,
        run: &Run,
        cause: Fault,
        message: String,
        peak: u64,
    ) {
        let job = run.job;
        if cause == Fault::OutOfMemory {
            // The attempt itself is not among the busy any more.
            let busy = self.busy().saturating_add(1);
            let change = self.governor.out_of_memory(now, busy);
            self.tell_change(change);
        }
        let around = Circumstances {
            alone: !run.shared,
            retries: self.config.retries,
            fail_when_full: self.config.fail_when_full,
            kills: self.kills,
            spread: job.0,
        };
        if cause == Fault::Killed {
            self.kills = self.kills.saturating_add(1);
        }
        let ends = matches!(
            run.stop,
            Stop::Asked { why: Why::RunEnds, .. } | Stop::Killed { why: Why::RunEnds, .. }
        );
        let Some(state) = self.job_mut(job) else { return };
        let trouble = state.trouble.get_or_insert_default();
        trouble.faults.push(cause);
        if cause == Fault::OutOfMemory {
            trouble.floor = trouble.floor.max(Predictor::after_oom(run.predicted, peak));
        }
        let verdict = if ends && cause == Fault::Stopped {
            Verdict::Again(Duration::ZERO)
        } else {
            trouble.tries.judge(cause, &around)
        };
        state.phase = JobPhase::Waiting;
        trouble.alone |= verdict == Verdict::Alone;
        self.actions.push(Action::AttemptFailed {
            slot,
            job,
            attempt: run.attempt,
            cause,
            message: message.clone(),
            will_retry: verdict != Verdict::Fail,
        });
        self.probe_over(now, job, Some(cause));
        match verdict {
            Verdict::Again(Duration::ZERO) | Verdict::Alone => self.enqueue(job),
            Verdict::Last => self.enqueue_last(job),
            Verdict::Again(delay) => {
                self.delayed.insert((now.saturating_add(delay), job));
            }
            Verdict::WhenSpace => {
                self.enqueue(job);
                self.disk_full(now, &message);
            }
            Verdict::Fail => {
                let end = End::Failed { cause: cause.of_record(), message };
                self.finish(slot, job, end);
            }
        }
    }

    /// What the report says of each slot at `now`.
    pub(in super::super) fn slot_records(&self, now: Duration) -> Vec<SlotRecord> {
        self.slots
            .iter()
            .map(|slot| {
                let running = slot.run().map_or(Duration::ZERO, |r| now.saturating_sub(r.started));
                let busy = slot.busy.saturating_add(running);
                SlotRecord {
                    busy_seconds: busy.as_secs_f64(),
                    idle_seconds: now.saturating_sub(busy).as_secs_f64(),
                    jobs: slot.jobs,
                    ..SlotRecord::default()
                }
            })
            .collect()
    }

    /// Jobs that wait.
    pub(in super::super) fn waiting(&self) -> u64 {
        (self.queue.len() + self.delayed.len() + self.alone.len() + self.in_hands()) as u64
    }

    /// Slots that may be busy.
    pub(in super::super) fn allowed(&self) -> u32 {
        self.governor.allowed()
    }

    /// Violations of the safety margin so far.
    pub(in super::super) fn violations(&self) -> u64 {
        self.governor.violations()
    }

    /// Most attempts that ran at a time.
    pub(in super::super) fn most_busy(&self) -> u32 {
        self.most_busy
    }

    /// How long the run waited for space on the disk; pauses that last are not in it.
    pub(in super::super) fn paused(&self) -> Duration {
        self.paused_total
    }

    /// What is known of a job: attempts, time, causes.
    pub(in super::super) fn history(&self, job: JobId) -> (u32, Duration, &[Fault]) {
        let Some(state) = self.job(job) else { return (0, Duration::ZERO, &[]) };
        let faults = state.trouble.as_ref().map_or(&[][..], |trouble| &trouble.faults);
        (state.attempts, state.busy, faults)
    }
}

/// What is known when a worker was killed on purpose.
fn reason(why: Why, message: String) -> String {
    match why {
        Why::Memory => "stopped because memory was short".to_owned(),
        Why::Stalled => "made no progress and was killed".to_owned(),
        Why::RunEnds => "stopped because the run ends".to_owned(),
        Why::Earlier => "stopped because its worker was killed for the file before it".to_owned(),
        Why::Nonsense => message,
    }
}
