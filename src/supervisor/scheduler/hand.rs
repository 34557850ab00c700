//! Puts jobs into a worker's hand: small files that it carries out one after the other, so that
//! neither side is woken for each.
//!
//! What is in a hand waits as what is in the queue does: no attempt is counted before the job
//! begins, and what is not to begin any more is recalled. A worker that dies costs an attempt only
//! to the job that it was at.

use super::super::event::SlotId;
use super::super::plan::JobId;
use super::machine::{Scheduler, count};
use super::state::{InHand, JobPhase, Run, Slot, SlotState, Stop, Why};
use super::{Action, WorkerId};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a worker is busy with a full hand, as far as that is known.
const FULL: Duration = Duration::from_millis(100);
/// A job that takes longer goes alone.
const SMALL: Duration = Duration::from_millis(25);
/// Most jobs in a hand.
const MOST: usize = 64;
/// A part of the jobs that wait may be in the hands of each slot, so that in the end they are dealt
/// one by one and no slot waits for another.
const SHARE: usize = 2;

impl Slot {
    /// Bytes that what runs here, and what follows it, need at most.
    pub(super) fn reserved(&self) -> Option<u64> {
        let run = self.run()?;
        Some(self.hand.iter().map(|job| job.predicted).fold(run.aside, u64::max))
    }

    /// How long it will be busy with its hand.
    fn lasts(&self) -> Duration {
        self.hand.iter().map(|job| job.expected).fold(Duration::ZERO, Duration::saturating_add)
    }
}

impl Scheduler {
    /// Jobs in all hands.
    pub(super) fn in_hands(&self) -> usize {
        self.slots.iter().map(|slot| slot.hand.len()).sum()
    }

    /// What the worker in a slot has in hand, the job that it is at not counted: how many, and how
    /// long they will take.
    pub(in super::super) fn hand(&self, slot: SlotId) -> (usize, Duration) {
        self.slot(slot).map_or((0, Duration::ZERO), |slot| (slot.hand.len(), slot.lasts()))
    }

    /// Whether jobs that wait may begin as soon as those in front of them are over.
    fn goes_on(&self) -> bool {
        !self.ending()
            && self.pause.is_none()
            && !self.governor.holds()
            && self.busy() <= self.governor.allowed()
    }

    /// Fills the hands of those that are busy with small files.
    pub(super) fn deal(&mut self, now: Duration) {
        for slot in (0..count(self.slots.iter())).map(SlotId) {
            if let Some((worker, lasts)) = self.wants_more(slot, now) {
                self.fill(slot, worker, lasts);
            }
        }
    }

    /// The worker in a slot whose hand is to be filled, and how long what it has lasts. Hands are
    /// filled by the half: some jobs in one message.
    fn wants_more(&self, id: SlotId, now: Duration) -> Option<(WorkerId, Duration)> {
        if self.queue.is_empty() || !self.goes_on() {
            return None;
        }
        let slot = self.slot(id)?;
        let SlotState::Busy { worker, run } = &slot.state else { return None };
        let lasts = slot.lasts();
        let job = self.job(run.job)?;
        // What takes its time, or was in trouble before, is not to be in front of others.
        let quick = self.pace.expect(job.bytes)? <= SMALL
            && now.saturating_sub(run.started) <= FULL
            && job.trouble.is_none();
        let free = run.stop == Stop::No && !run.exclusive && slot.recalled == 0;
        (quick && free && lasts <= FULL / 2).then_some((*worker, lasts))
    }

    fn fill(&mut self, id: SlotId, worker: WorkerId, mut lasts: Duration) {
        while let Some(job) = self.next_for(id) {
            lasts = lasts.saturating_add(job.expected);
            if lasts > FULL {
                return;
            }
            self.queue.pop_front();
            self.hand_over(id, worker, job);
        }
    }

    /// The first job that waits, if it may go into the hand of a slot.
    fn next_for(&self, id: SlotId) -> Option<InHand> {
        let slot = self.slot(id)?;
        let hand = slot.hand.len();
        let share = self.queue.len() / SHARE / self.slots.len().max(1);
        let lives = self.config.recycle_after.saturating_sub(slot.worker_jobs);
        if hand >= share.min(MOST) || hand >= usize::try_from(lives).unwrap_or(usize::MAX) {
            return None;
        }
        let job = *self.queue.front()?;
        let state = self.job(job)?;
        let expected = self.pace.expect(state.bytes)?;
        let (predicted, attempt) = (self.need(job), state.attempts.saturating_add(1));
        // What it needs beyond what is set aside for this slot must be there.
        let more = predicted.saturating_sub(slot.reserved().unwrap_or(0));
        let fits = more == 0 || self.room().is_none_or(|room| more <= room);
        let plain =
            state.trouble.is_none() && expected <= SMALL && !self.tells_planned(state.bytes);
        (fits && plain).then_some(InHand { job, attempt, predicted, expected })
    }

    /// Gives a worker a job behind all that it has.
    fn hand_over(&mut self, id: SlotId, worker: WorkerId, job: InHand) {
        if let Some(state) = self.job_mut(job.job) {
            state.phase = JobPhase::InHand;
        }
        self.tell_worker(id, worker, &job, false);
        if let Some(slot) = self.slot_mut(id) {
            slot.hand.push_back(job);
        }
    }

    /// The next job of the hand begins, now that the worker is through with `before`. Gives whether
    /// there was one.
    pub(super) fn go_on(
        &mut self,
        now: Duration,
        id: SlotId,
        worker: WorkerId,
        before: Run,
    ) -> bool {
        let Some(next) = self.slot_mut(id).and_then(|slot| slot.hand.pop_front()) else {
            return false;
        };
        // Whoever is asked to stop, or killed, stops at what it is at.
        let stop = match before.stop {
            Stop::Killed { at, why: Why::Stalled } => Stop::Killed { at, why: Why::Earlier },
            stop => stop,
        };
        let run = Run { stop, complaint: before.complaint, ..self.run_of(now, &next) };
        self.begin(id, worker, run);
        true
    }

    /// Takes back from the hands what is not to begin any more, or what another slot could begin at
    /// once.
    pub(super) fn recall(&mut self, now: Duration) {
        let all = !self.goes_on();
        let idle = self.queue.is_empty()
            && self.slots.iter().any(|slot| matches!(slot.state, SlotState::Idle { .. }));
        if !all && !idle {
            return;
        }
        for (id, slot) in (0_u32..).map(SlotId).zip(&mut self.slots) {
            let SlotState::Busy { worker, run } = &slot.state else { continue };
            let late = now.saturating_sub(run.started) > FULL;
            if slot.hand.is_empty() || slot.recalled > 0 || !(all || late) {
                continue;
            }
            slot.recalled += 1;
            self.actions.push(Action::Recall { slot: id, worker: *worker });
        }
    }

    /// A worker gave back what it had not begun, as it was asked to.
    pub(super) fn given_back(
        &mut self,
        now: Duration,
        id: SlotId,
        worker: WorkerId,
        jobs: &[JobId],
    ) {
        let Some(home) = self.home(id, worker) else { return };
        let asked = home.recalled > 0;
        home.recalled = home.recalled.saturating_sub(1);
        // All that it was told of has come before it was asked.
        if asked && home.hand.iter().map(|job| job.job).eq(jobs.iter().copied()) {
            self.take_all_back(id);
        } else {
            self.nonsense(now, id, worker, "gave back something else than it has".to_owned());
        }
    }

    /// Takes back a whole hand.
    pub(super) fn take_all_back(&mut self, id: SlotId) {
        if let Some(slot) = self.slot_mut(id) {
            let back = std::mem::take(&mut slot.hand);
            self.wait_again(back);
        }
    }

    fn wait_again(&mut self, jobs: VecDeque<InHand>) {
        for InHand { job, .. } in jobs.into_iter().rev() {
            if let Some(state) = self.job_mut(job) {
                state.phase = JobPhase::Waiting;
            }
            self.enqueue(job);
        }
    }
}
