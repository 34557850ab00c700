//! Decides which job starts next, and whether it may.

use super::super::event::SlotId;
use super::super::plan::JobId;
use super::machine::{Pause, Scheduler, count};
use super::state::{InHand, JobPhase, JobState, Run, SlotState, Stop};
use super::{Action, Notice, WorkerId};
use crate::supervisor::fault::Fault;
use std::time::Duration;

/// A worker that holds more than this after a job, and more than predicted, is replaced.
const MUCH_REST: u64 = 64 << 20;
/// Waiting jobs that are looked at for one that fits into memory.
const LOOKAHEAD: usize = 16;
/// Beside its prediction a worker may take so much before its allocations fail.
const DATA_SLACK: u64 = 256 << 20;
/// Part of an input's size that tables of its objects may take in addition, should all of it be small
/// objects: a stored one takes 48 bytes at least, and some five in memory.
const OBJECTS: u64 = 8;
/// Files from this size on may hold so much that it matters what they hold, and take so long that it
/// does not matter that their workers tell when they know it.
const TELLS_PLANNED: u64 = 8 << 20;
/// How often a full disk is looked at.
const SPACE_INTERVAL: Duration = Duration::from_secs(1);
/// A job tries again after so long even if no space is seen (a quota shows none).
const SPACE_PATIENCE: Duration = Duration::from_secs(30);
/// Free space beside the input's size that lets a job try.
const SPACE_SLACK: u64 = 16 << 20;

impl Scheduler {
    /// Starts what may start.
    pub(super) fn dispatch(&mut self, now: Duration) {
        self.recall(now);
        if self.ending() {
            return;
        }
        while let Some(slot) = self.idle_slot() {
            let Some((job, exclusive)) = self.pick() else { break };
            self.assign(now, slot, job, exclusive);
        }
        self.deal(now);
        let starting = count(
            self.slots
                .iter()
                .filter(|s| matches!(s.state, SlotState::Starting { killed: false, .. })),
        );
        let wanted = self.wanted();
        if now < self.spawn_not_before {
            return;
        }
        // After a start that failed they are tried one by one.
        let wanted = if self.failed_starts > 0 { wanted.min(1) } else { wanted };
        for _ in starting..wanted {
            let Some(slot) = self.empty_slot() else { return };
            let worker = self.new_worker();
            if let Some(state) = self.slot_mut(slot) {
                state.state = SlotState::Starting { worker, since: now, killed: false };
                (state.worker_jobs, state.anon, state.recalled) = (0, 0, 0);
            }
            self.actions.push(Action::Spawn { slot, worker });
        }
    }

    fn idle_slot(&self) -> Option<SlotId> {
        self.numbered().find(|(_, s)| matches!(s.state, SlotState::Idle { .. })).map(|(id, _)| id)
    }

    fn empty_slot(&self) -> Option<SlotId> {
        self.numbered().find(|(_, s)| s.state == SlotState::Empty && !s.lost).map(|(id, _)| id)
    }

    /// Whether another attempt may join those that run, as far as no particular job is concerned.
    fn open_door(&self) -> bool {
        let busy = self.busy();
        if busy == 0 {
            return self.pause.as_ref().is_none_or(|pause| pause.probing);
        }
        busy < self.governor.allowed()
            && self.pause.is_none()
            && !self.governor.holds()
            && !self.slots.iter().filter_map(super::state::Slot::run).any(|run| run.exclusive)
    }

    /// Bytes that attempts may still take, those that run, and those in hands behind them, having got
    /// what was predicted for them. Nothing is known before the first reading.
    pub(super) fn room(&self) -> Option<u64> {
        let reading = self.reading.as_ref()?;
        let promised = self
            .slots
            .iter()
            .filter_map(|slot| Some(slot.reserved()?.saturating_sub(slot.anon)))
            .fold(0_u64, u64::saturating_add);
        Some(u64::try_from(reading.headroom).unwrap_or(0).saturating_sub(promised))
    }

    /// Takes the next job that may start off its list; says whether it must stay alone.
    fn pick(&mut self) -> Option<(JobId, bool)> {
        if !self.open_door() {
            return None;
        }
        let busy = self.busy();
        if self.queue.is_empty() {
            return if busy == 0 { Some((self.alone.pop_front()?, true)) } else { None };
        }
        // A run never stops for lack of memory altogether: one job may always try.
        if busy == 0 {
            return Some((self.queue.pop_front()?, false));
        }
        let room = self.room();
        let fits = |job: &JobId| room.is_none_or(|room| self.aside(*job) <= room);
        let place = self.queue.iter().take(LOOKAHEAD).position(fits)?;
        Some((self.queue.remove(place)?, false))
    }

    pub(super) fn need(&self, job: JobId) -> u64 {
        self.predictor.predict(self.job(job).map_or(0, JobState::floor))
    }

    /// Whether a worker is to tell when it knows what is in a file of so many bytes.
    pub(super) fn tells_planned(&self, bytes: u64) -> bool {
        self.config.tells_planned && bytes >= TELLS_PLANNED
    }

    /// Bytes that are set aside for a job that begins: as long as nobody knows what is in its file, as
    /// much as that may take, so that not too many begin at once that turn out to be large. What others
    /// took says nothing of it.
    pub(super) fn aside(&self, job: JobId) -> u64 {
        let bytes = self.job(job).map_or(0, |job| job.bytes);
        let mut aside = self.need(job);
        if self.tells_planned(bytes) {
            // A file is not to wait until nothing else runs.
            let most = self.reading.as_ref().map_or(u64::MAX, |reading| reading.budget / 2);
            let may = self.config.first_guess.saturating_add(bytes / OBJECTS);
            aside = aside.max(may.min(most));
        }
        aside
    }

    /// An attempt knows what is in its file.
    pub(super) fn planned(
        &mut self,
        slot: SlotId,
        worker: WorkerId,
        which: (JobId, u32),
        need: u64,
    ) {
        let run = self.home(slot, worker).and_then(super::state::Slot::run_mut);
        if let Some(run) = run.filter(|run| (run.job, run.attempt) == which) {
            run.aside = run.predicted.max(need);
        }
    }

    /// Workers that should be there beside the busy ones.
    fn wanted(&self) -> u32 {
        if !self.open_door() {
            return 0;
        }
        let busy = self.busy();
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        if busy == 0 && (waiting == 0 || self.pause.is_some() || self.governor.holds()) {
            return u32::from(waiting > 0 || !self.alone.is_empty());
        }
        let least = self.queue.iter().take(LOOKAHEAD).map(|job| self.aside(*job)).min();
        let each = least.unwrap_or_else(|| self.predictor.predict(0)).max(1);
        let by_memory = self.room().map_or(u64::MAX, |room| room / each);
        let by_memory = u32::try_from(by_memory).unwrap_or(u32::MAX).max(u32::from(busy == 0));
        waiting.min(self.governor.allowed().saturating_sub(busy)).min(by_memory)
    }

    fn assign(&mut self, now: Duration, slot: SlotId, job: JobId, exclusive: bool) {
        let predicted = self.need(job);
        let Some(state) = self.job(job) else { return };
        let attempt = state.attempts.saturating_add(1);
        let Some(&SlotState::Idle { worker }) = self.slot(slot).map(|slot| &slot.state) else {
            return;
        };
        let given = InHand { job, attempt, predicted, expected: Duration::ZERO };
        self.tell_worker(slot, worker, &given, exclusive);
        let run = Run { exclusive, aside: self.aside(job), ..self.run_of(now, &given) };
        self.begin(slot, worker, run);
        if let Some(pause) = &mut self.pause {
            pause.probe = Some(job);
        }
    }

    /// Has a worker told of a job.
    pub(super) fn tell_worker(
        &mut self,
        slot: SlotId,
        worker: WorkerId,
        given: &InHand,
        exclusive: bool,
    ) {
        let InHand { job, attempt, predicted, .. } = *given;
        let budget = self.reading.as_ref().map(|reading| reading.budget);
        let objects = self.job(job).map_or(0, |job| job.bytes / OBJECTS);
        // What all workers together may take is the bound of one, too.
        let objects = budget.map_or(objects, |budget| objects.min(budget));
        let general = predicted
            .saturating_add(predicted / 4)
            .saturating_add(DATA_SLACK)
            .saturating_add(objects);
        let data_limit =
            if exclusive { budget.map(|budget| budget.max(general)) } else { Some(general) };
        self.actions.push(Action::Assign {
            slot,
            worker,
            job,
            attempt,
            threads: self.config.threads,
            predicted,
            data_limit,
            tell_planned: self.job(job).is_some_and(|job| self.tells_planned(job.bytes)),
            rest_limit: rest_limit(predicted),
        });
    }

    /// The attempt at a job that a worker was told of, if it begins now.
    pub(super) fn run_of(&self, now: Duration, given: &InHand) -> Run {
        Run {
            job: given.job,
            attempt: given.attempt,
            started: now,
            last_sign: now,
            syncing: false,
            predicted: given.predicted,
            aside: given.predicted,
            threads: self.config.threads,
            exclusive: false,
            shared: self.busy() > 0,
            stop: Stop::No,
            complaint: None,
        }
    }

    /// An attempt begins that its worker was told of.
    pub(super) fn begin(&mut self, id: SlotId, worker: WorkerId, run: Run) {
        let job = run.job;
        if let Some(state) = self.job_mut(job) {
            state.attempts = run.attempt;
            state.phase = JobPhase::Running;
        }
        for run in self.slots.iter_mut().filter_map(super::state::Slot::run_mut) {
            run.shared = true;
        }
        let Some(slot) = self.slot_mut(id) else { return };
        slot.worker_jobs = slot.worker_jobs.saturating_add(1);
        slot.state = SlotState::Busy { worker, run };
        self.most_busy = self.most_busy.max(self.busy());
        self.actions.push(Action::Begin { slot: id, worker, job });
    }

    /// When no job waits any more, threads of idle slots go to the attempts that still run.
    pub(super) fn rebalance(&mut self) {
        let Some(total) = self.config.threads_total else { return };
        let waiting = self.waiting();
        let busy = self.busy();
        if busy == 0 {
            return;
        }
        let base = self.config.threads;
        let each = if waiting == 0 { base.max(total / busy) } else { base };
        for (id, slot) in (0_u32..).map(SlotId).zip(&mut self.slots) {
            if let SlotState::Busy { worker, run } = &mut slot.state
                && run.threads != each
                && run.stop == Stop::No
            {
                run.threads = each;
                self.actions.push(Action::SetThreads { slot: id, worker: *worker, threads: each });
            }
        }
    }

    /// An attempt found the disk full.
    pub(super) fn disk_full(&mut self, now: Duration, message: &str) {
        if let Some(pause) = &mut self.pause {
            pause.last_full = now;
            pause.probing = false;
            pause.probe = None;
            return;
        }
        let next_check = now.saturating_add(SPACE_INTERVAL);
        self.pause =
            Some(Pause { since: now, last_full: now, next_check, probing: false, probe: None });
        self.tell(Notice::Paused(message.to_owned()));
    }

    pub(super) fn pause_timers(&mut self, now: Duration) {
        let first = self.queue.front().or(self.alone.front()).copied();
        let Some(pause) = &mut self.pause else { return };
        if pause.probing || now < pause.next_check {
            return;
        }
        pause.next_check = now.saturating_add(SPACE_INTERVAL);
        if now.saturating_sub(pause.last_full) >= SPACE_PATIENCE {
            pause.probing = true;
            return;
        }
        let bytes = first.and_then(|job| self.job(job)).map_or(0, |job| job.bytes);
        let needed = bytes.saturating_add(bytes / 64).saturating_add(SPACE_SLACK);
        self.actions.push(Action::CheckSpace { needed });
    }

    pub(super) fn space(&mut self, enough: bool) {
        if let Some(pause) = &mut self.pause
            && enough
        {
            pause.probing = true;
        }
    }

    /// The attempt that tried whether the disk has space again is over.
    pub(super) fn probe_over(&mut self, now: Duration, job: JobId, failed: Option<Fault>) {
        let Some(pause) = &mut self.pause else { return };
        if pause.probe != Some(job) {
            return;
        }
        pause.probe = None;
        if failed.is_none() {
            let waited = now.saturating_sub(pause.since);
            self.paused_total = self.paused_total.saturating_add(waited);
            self.pause = None;
            self.tell(Notice::Resumed(waited));
        }
    }
}

/// Anonymous memory that a worker may still hold after a job for which so much was predicted.
pub(super) fn rest_limit(predicted: u64) -> u64 {
    predicted.max(MUCH_REST)
}
