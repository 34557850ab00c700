//! Drives the state machine: state, dispatch of events, timers, shutdown.

use super::super::event::SlotId;
use super::super::plan::JobId;
use super::pace::Pace;
use super::state::{JobState, Slot, SlotState, Stop, Why};
use super::{Action, Config, Ending, Event, MemoryReading, Notice, WorkerId};
use crate::supervisor::fault::Fault;
use crate::supervisor::memory::governor::{Change, Governor};
use crate::supervisor::memory::predict::Predictor;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How long an attempt may take to stop when the run ends.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long an idle worker may take to exit.
const QUIT_GRACE: Duration = Duration::from_secs(2);
/// Beyond the worker's own limit; its thread notices first.
const HANDSHAKE_SLACK: Duration = Duration::from_secs(5);
/// A killed process that is still there after so long hangs in the kernel.
const LOST: Duration = Duration::from_mins(1);
/// The same when nothing else is left to do.
const LOST_AT_END: Duration = Duration::from_secs(5);
/// Longer than the shell ever sleeps: the process itself was stopped in between.
const GAP: Duration = Duration::from_secs(5);
/// Slowest disk that is not called stalled while it syncs.
const SLOW_DISK: u64 = 10 << 20;

/// How far the end of the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Shutdown {
    No,
    Draining { until: Duration },
    Stopping { since: Duration },
    Killing,
}

/// The run waits for space on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) since: Duration,
    pub(super) last_full: Duration,
    pub(super) next_check: Duration,
    /// One job may try.
    pub(super) probing: bool,
    /// It does.
    pub(super) probe: Option<JobId>,
}

/// Decides what a run does next: takes events, gives actions, and owns the state of slots and jobs.
#[derive(Debug)]
pub(in super::super) struct Scheduler {
    pub(super) config: Config,
    pub(super) slots: Vec<Slot>,
    pub(super) jobs: Vec<JobState>,
    /// Waiting jobs in the order in which they start.
    pub(super) queue: VecDeque<JobId>,
    /// Waiting jobs that may not start before a time.
    pub(super) delayed: BTreeSet<(Duration, JobId)>,
    /// Waiting jobs that run alone, after the others.
    pub(super) alone: VecDeque<JobId>,
    /// Jobs that are not over.
    pub(super) open: usize,
    pub(super) governor: Governor,
    pub(super) predictor: Predictor,
    pub(super) pace: Pace,
    pub(super) reading: Option<MemoryReading>,
    pub(super) pause: Option<Pause>,
    pub(super) paused_total: Duration,
    pub(super) next_worker: u64,
    pub(super) failed_starts: u32,
    /// Attempts that somebody outside killed.
    pub(super) kills: u32,
    pub(super) spawn_not_before: Duration,
    pub(super) most_busy: u32,
    pub(super) actions: Vec<Action>,
    pub(super) shutdown: Shutdown,
    fatal: Option<String>,
    over: bool,
    last: Duration,
}

impl Scheduler {
    /// Will run jobs whose inputs have these sizes in bytes, the largest first. Where somebody hears of
    /// results in their order, that is so of a few only, and all others come in their order.
    pub(in super::super) fn new(config: Config, sizes: &[u64]) -> Self {
        let jobs: Vec<JobState> = sizes.iter().map(|&bytes| JobState::new(bytes)).collect();
        let slots = config.slots.max(1);
        // One of them in the end keeps the others waiting for a hundredth of the run.
        let share = sizes.iter().copied().fold(0, u64::saturating_add) / u64::from(slots);
        let large = if config.in_order { share / 100 } else { 0 };
        let mut order: Vec<(u64, JobId)> = (0_u32..)
            .zip(sizes)
            .map(|(i, &bytes)| (if bytes < large { 0 } else { bytes }, JobId(i)))
            .collect();
        order.sort_unstable_by_key(|&(bytes, job)| (std::cmp::Reverse(bytes), job));
        Self {
            slots: (0..slots).map(|_| Slot::new()).collect(),
            queue: order.into_iter().map(|(_, job)| job).collect(),
            delayed: BTreeSet::new(),
            alone: VecDeque::new(),
            open: jobs.len(),
            jobs,
            governor: Governor::new(slots, config.floor, config.quiet_interval),
            predictor: Predictor::new(config.first_guess),
            pace: Pace::default(),
            reading: None,
            pause: None,
            paused_total: Duration::ZERO,
            next_worker: 0,
            failed_starts: 0,
            kills: 0,
            spawn_not_before: Duration::ZERO,
            most_busy: 0,
            actions: Vec::new(),
            shutdown: Shutdown::No,
            fatal: None,
            over: false,
            last: Duration::ZERO,
            config,
        }
    }

    /// Takes in what happened at `now` (time since the run began, never going back) and says what
    /// to do about it.
    pub(in super::super) fn handle(&mut self, event: Event, now: Duration) -> Vec<Action> {
        if self.over {
            return Vec::new();
        }
        self.catch_up(now);
        match event {
            Event::Tick => {}
            Event::Ready { slot, worker } => self.ready(slot, worker),
            Event::Alive { slot, worker, sync } => self.alive(slot, worker, sync, now),
            Event::Planned { slot, worker, job, attempt, need } => {
                self.planned(slot, worker, (job, attempt), need);
            }
            Event::Ended { slot, worker, report } => self.ended(now, slot, worker, report),
            Event::GivenBack { slot, worker, jobs } => self.given_back(now, slot, worker, &jobs),
            Event::Nonsense { slot, worker, message } => self.nonsense(now, slot, worker, message),
            Event::Exited { slot, worker, cause, message, peak } => {
                self.exited(now, slot, worker, cause, message, peak);
            }
            Event::Memory(reading) => self.memory(now, reading),
            Event::Space { enough } => self.space(enough),
            Event::Signal { reason } => self.signal(now, reason),
            Event::Fatal { message } => self.fatal(now, message),
        }
        self.timers(now);
        self.dispatch(now);
        self.rebalance();
        self.wind_up(now);
        std::mem::take(&mut self.actions)
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        self.actions.push(Action::Tell(notice));
    }

    pub(super) fn tell_change(&mut self, change: Option<Change>) {
        if let Some(Change { allowed, reason }) = change {
            self.tell(Notice::Concurrency { allowed, reason });
        }
    }

    pub(super) fn slot(&self, slot: SlotId) -> Option<&Slot> {
        self.slots.get(usize::try_from(slot.0).ok()?)
    }

    pub(super) fn slot_mut(&mut self, slot: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(slot.0).ok()?)
    }

    pub(super) fn job(&self, job: JobId) -> Option<&JobState> {
        self.jobs.get(usize::try_from(job.0).ok()?)
    }

    pub(super) fn job_mut(&mut self, job: JobId) -> Option<&mut JobState> {
        self.jobs.get_mut(usize::try_from(job.0).ok()?)
    }

    /// All slots with their ids.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (SlotId, &Slot)> {
        (0_u32..).map(SlotId).zip(&self.slots)
    }

    /// Attempts that run.
    pub(super) fn busy(&self) -> u32 {
        count(self.slots.iter().filter(|slot| slot.run().is_some()))
    }

    /// Whether no further job may start.
    pub(super) fn ending(&self) -> bool {
        self.shutdown != Shutdown::No
    }

    /// Time in which this process itself was stopped is nobody's fault.
    fn catch_up(&mut self, now: Duration) {
        let gap = now.saturating_sub(self.last);
        self.last = self.last.max(now);
        if gap < GAP {
            return;
        }
        for slot in &mut self.slots {
            match &mut slot.state {
                SlotState::Empty | SlotState::Idle { .. } => {}
                SlotState::Starting { since, .. } | SlotState::Leaving { since, .. } => {
                    *since = since.saturating_add(gap);
                }
                SlotState::Busy { run, .. } => {
                    run.last_sign = run.last_sign.saturating_add(gap);
                    if let Stop::Asked { at, .. } | Stop::Killed { at, .. } = &mut run.stop {
                        *at = at.saturating_add(gap);
                    }
                }
            }
        }
    }

    fn signal(&mut self, now: Duration, reason: String) {
        match self.shutdown {
            Shutdown::No => {
                let grace = self.config.grace;
                self.shutdown = Shutdown::Draining { until: now.saturating_add(grace) };
                let running = self.busy();
                self.tell(Notice::Draining { reason, grace, running });
            }
            Shutdown::Draining { .. } => {
                self.shutdown = Shutdown::Stopping { since: now };
                self.tell(Notice::Stopping(reason));
            }
            Shutdown::Stopping { .. } => self.shutdown = Shutdown::Killing,
            Shutdown::Killing => {}
        }
    }

    /// The run cannot go on: what runs is stopped.
    pub(super) fn fatal(&mut self, now: Duration, message: String) {
        if self.fatal.is_none() {
            self.tell(Notice::Stopping(message.clone()));
            self.fatal = Some(message);
        }
        if matches!(self.shutdown, Shutdown::No | Shutdown::Draining { .. }) {
            self.shutdown = Shutdown::Stopping { since: now };
        }
    }

    fn timers(&mut self, now: Duration) {
        while let Some(&(due, job)) = self.delayed.first() {
            if due > now {
                break;
            }
            self.delayed.pop_first();
            self.enqueue(job);
        }
        let change = self.governor.tick(now);
        self.tell_change(change);
        if let Shutdown::Draining { until } = self.shutdown
            && now >= until
            && self.busy() > 0
        {
            self.shutdown = Shutdown::Stopping { since: now };
            self.tell(Notice::Stopping("the grace period is over".to_owned()));
        }
        for slot in (0..count(self.slots.iter())).map(SlotId) {
            self.slot_timers(slot, now);
        }
        self.pause_timers(now);
    }

    /// Puts a job that was tried before where the next free slot finds it.
    pub(super) fn enqueue(&mut self, job: JobId) {
        if self.runs_alone(job) {
            self.alone.push_back(job);
        } else {
            self.queue.push_front(job);
        }
    }

    /// Behind all that wait now.
    pub(super) fn enqueue_last(&mut self, job: JobId) {
        if self.runs_alone(job) {
            self.alone.push_back(job);
        } else {
            self.queue.push_back(job);
        }
    }

    fn runs_alone(&self, job: JobId) -> bool {
        self.job(job).is_some_and(JobState::alone)
    }

    fn slot_timers(&mut self, id: SlotId, now: Duration) {
        let (shutdown, config) = (self.shutdown, &self.config);
        let (stall, handshake) =
            (config.stall_timeout, config.handshake_timeout.saturating_add(HANDSHAKE_SLACK));
        let lost = if self.open == 0 || self.ending() { LOST_AT_END } else { LOST };
        let jobs = &self.jobs;
        let Some(slot) = self.slots.get_mut(usize::try_from(id.0).unwrap_or(usize::MAX)) else {
            return;
        };
        let since_then = |then: Duration| now.saturating_sub(then);
        match &mut slot.state {
            SlotState::Empty | SlotState::Idle { .. } => {}
            SlotState::Starting { worker, since, killed: killed @ false } => {
                if since_then(*since) >= handshake {
                    (*killed, *since) = (true, now);
                    self.actions.push(Action::Kill { slot: id, worker: *worker });
                }
            }
            SlotState::Leaving { worker, since, killed: killed @ false } => {
                if since_then(*since) >= QUIT_GRACE {
                    (*killed, *since) = (true, now);
                    self.actions.push(Action::Kill { slot: id, worker: *worker });
                }
            }
            SlotState::Starting { since, .. } | SlotState::Leaving { since, .. } => {
                if since_then(*since) >= lost {
                    self.lose(id, now);
                }
            }
            SlotState::Busy { worker, run } => {
                let worker = *worker;
                let kill = |why| (Stop::Killed { at: now, why }, Action::Kill { slot: id, worker });
                let ask = |why| (Stop::Asked { at: now, why }, Action::Cancel { slot: id, worker });
                let bytes = jobs
                    .get(usize::try_from(run.job.0).unwrap_or(usize::MAX))
                    .map_or(0, |job| job.bytes);
                let patience = if run.syncing {
                    stall.saturating_add(Duration::from_secs(bytes / SLOW_DISK))
                } else {
                    stall
                };
                let (stop, action) = match (run.stop, shutdown) {
                    (Stop::Killed { at, .. }, _) => {
                        if since_then(at) >= lost {
                            self.lose(id, now);
                        }
                        return;
                    }
                    (_, Shutdown::Killing) => kill(Why::RunEnds),
                    (Stop::Asked { why: Why::RunEnds, at }, _) if since_then(at) >= STOP_GRACE => {
                        kill(Why::RunEnds)
                    }
                    (Stop::No, Shutdown::Stopping { .. }) => ask(Why::RunEnds),
                    (Stop::Asked { why: Why::Memory, .. }, Shutdown::Stopping { since })
                        if since_then(since) >= STOP_GRACE =>
                    {
                        kill(Why::RunEnds)
                    }
                    _ if since_then(run.last_sign) >= patience => kill(Why::Stalled),
                    _ => return,
                };
                run.stop = stop;
                if matches!(action, Action::Cancel { .. }) {
                    slot.recalled = slot.recalled.saturating_add(1);
                }
                self.actions.push(action);
            }
        }
    }

    /// Gives up a slot whose killed process does not go away (it hangs in the kernel and will
    /// never return to its own code).
    fn lose(&mut self, id: SlotId, now: Duration) {
        let Some(slot) = self.slot_mut(id) else { return };
        slot.lost = true;
        let state = std::mem::replace(&mut slot.state, SlotState::Empty);
        self.tell(Notice::Warning(format!(
            "a killed worker does not go away; slot {} is not used again",
            id.0
        )));
        if let SlotState::Busy { run, .. } = state {
            let cause = match run.stop {
                Stop::Killed { why, .. } | Stop::Asked { why, .. } => why.cause(),
                Stop::No => Fault::Killed,
            };
            let message = "killed, but the process hangs in the kernel".to_owned();
            self.attempt_failed(now, id, &run, cause, message, 0);
        }
        self.take_all_back(id);
        if self.slots.iter().all(|slot| slot.lost) {
            self.fatal(now, "no slot is left: the workers hang in the kernel".to_owned());
        }
    }

    /// Sends the workers home when nothing is left to do for them.
    fn wind_up(&mut self, now: Duration) {
        if self.open > 0 && !self.ending() {
            return;
        }
        let mut live = false;
        for (id, slot) in (0_u32..).map(SlotId).zip(&mut self.slots) {
            match &mut slot.state {
                SlotState::Empty => continue,
                SlotState::Idle { worker } => {
                    let worker = *worker;
                    self.actions.push(Action::Quit { slot: id, worker });
                    slot.state = SlotState::Leaving { worker, since: now, killed: false };
                }
                SlotState::Starting { worker, since, killed: killed @ false } => {
                    (*killed, *since) = (true, now);
                    self.actions.push(Action::Kill { slot: id, worker: *worker });
                }
                SlotState::Leaving { worker, since, killed: killed @ false }
                    if self.shutdown == Shutdown::Killing =>
                {
                    (*killed, *since) = (true, now);
                    self.actions.push(Action::Kill { slot: id, worker: *worker });
                }
                _ => {}
            }
            live = true;
        }
        if live {
            return;
        }
        self.over = true;
        if let Some(pause) = self.pause.take() {
            self.paused_total = self.paused_total.saturating_add(now.saturating_sub(pause.since));
        }
        let ending = match self.fatal.take() {
            _ if self.open == 0 => Ending::Complete,
            Some(message) => Ending::Fatal(message),
            None => Ending::Interrupted,
        };
        self.actions.push(Action::Over(ending));
    }

    /// A fresh name for a worker.
    pub(super) fn new_worker(&mut self) -> WorkerId {
        self.next_worker = self.next_worker.saturating_add(1);
        WorkerId(self.next_worker)
    }
}

/// The number of items; there are never as many slots as a `u32` can count.
pub(super) fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
