//! Counts from its events how far a run is.

use super::noted::{Message, Noted, Through};
use super::pace::Pace;
use super::{Busy, LiveState, What};
use crate::supervisor::event::{
    ConcurrencyReason, MemoryStatus, RunEvent, RunStart, SafetyStep, SlotId, TakingAlong,
};
use crate::supervisor::fault::Fault;
use crate::supervisor::record::{JobOutcome, JobRecord};
use crate::text;
use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

/// So many failures, and things that happened, are kept.
const KEPT: usize = 32;
/// Most characters of a message that is kept.
const MESSAGE: usize = 400;

/// How far a run is. Whatever events come, no count is above its total, and what is shown of it
/// never goes backwards.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tracker {
    pub(super) start: RunStart,
    pub(super) started: Option<SystemTime>,
    /// When the run began, in the caller's seconds.
    pub(super) began: f64,
    pub(super) state: LiveState,
    pub(super) why: Option<String>,
    pub(super) ended: u64,
    /// Jobs of this run that failed.
    pub(super) failed_here: u64,
    /// Planned sizes of the jobs that ended, so that their sum is never above all of them.
    ended_bytes: u64,
    pub(super) outcomes: BTreeMap<JobOutcome, u64>,
    pub(super) faults: BTreeMap<Fault, u64>,
    pub(super) retries: u64,
    pub(super) busy: BTreeMap<SlotId, Busy>,
    /// Planned sizes of files that began in this run and did not end, by name.
    begun: BTreeMap<String, u64>,
    pub(super) counted: bool,
    /// The most that was through: an attempt that is made again takes nothing back from sight.
    pub(super) most: u64,
    pub(super) pace: Pace,
    pub(super) memory: MemoryStatus,
    pub(super) violations: u64,
    pub(super) allowed: u32,
    pub(super) fewer: Option<ConcurrencyReason>,
    pub(super) failures: VecDeque<Noted>,
    pub(super) recent: VecDeque<Noted>,
    pub(super) others: Option<TakingAlong>,
    /// Somebody wants it to end.
    to_end: bool,
}

impl Tracker {
    /// Takes note of what happened at `at`, in seconds since any moment that stays the same.
    pub fn note(&mut self, event: &RunEvent, at: f64) {
        match event {
            RunEvent::RunStarted(start) => self.begin(start, at),
            RunEvent::AttemptStarted { slot, name, bytes, attempt, pid, .. } => {
                let busy = Busy {
                    name: name.clone(),
                    bytes: *bytes,
                    attempt: *attempt,
                    pid: *pid,
                    phase: None,
                    at: (0, 0),
                    share: 0.0,
                    began: at,
                    moved: at,
                    anon: 0,
                };
                self.busy.insert(*slot, busy);
                self.begun.insert(name.clone(), *bytes);
            }
            RunEvent::Progress { slot, phase, done, total, .. } => {
                if let Some(busy) = self.busy.get_mut(slot) {
                    busy.progress(*phase, *done, *total, at);
                }
            }
            RunEvent::AttemptFailed { slot, name, attempt, cause, message, will_retry, .. } => {
                self.busy.remove(slot);
                *self.faults.entry(*cause).or_default() += 1;
                if *will_retry {
                    self.retries = self.retries.saturating_add(1);
                    let message = format!("{cause} in attempt {attempt}: {message}");
                    self.happened(What::Retry, Some(name), &message, at);
                }
            }
            RunEvent::JobFinished(record) => self.finished(record, at),
            RunEvent::Memory(memory) => self.memory = memory.clone(),
            RunEvent::RunFinished(run) => {
                self.busy.clear();
                let ended = run.interrupted || run.error.is_some() || run.others.is_some();
                let ended = ended || self.to_end;
                let more = self.others.is_some_and(|others| others.done < others.files);
                let over = ended || !more;
                self.state = if over { LiveState::Finished } else { LiveState::TakingAlong };
                self.why = None;
            }
            RunEvent::TakingAlong(taking) => {
                // Its beginning; an order to end may have come since.
                if taking.done == 0 && taking.files > 0 {
                    (self.state, self.why) = (LiveState::TakingAlong, None);
                }
                self.others = Some(*taking);
            }
            RunEvent::Examining { .. } | RunEvent::Status(_) => {}
            _ => self.turn(event, at),
        }
        let through = self.through_now();
        self.most = self.most.max(through);
        self.pace.note(at, self.most);
    }

    /// Behind its files the run is to take so many others along.
    pub(super) fn takes_along(&mut self, files: u64) {
        self.others = (files > 0).then(|| TakingAlong { files, ..TakingAlong::default() });
    }

    /// Whether somebody asked it to end.
    pub(super) fn is_to_end(&self) -> bool {
        self.to_end
    }

    /// Whether what is at work is being stopped.
    pub(crate) fn stops(&self) -> bool {
        self.state == LiveState::Stopping
    }

    /// How far it is with other files; none where there are none.
    pub(crate) fn others(&self) -> Option<&TakingAlong> {
        self.others.as_ref()
    }

    /// Behind its files the run is to end, for this reason.
    pub(super) fn ends(&mut self, why: &str) {
        (self.state, self.why) = (LiveState::Draining, Some(short(why)));
    }

    /// Nothing is left to do.
    pub(super) fn over(&mut self) {
        (self.state, self.why) = (LiveState::Finished, None);
    }

    /// The worker in `slot` holds so many bytes of anonymous memory.
    pub fn measured(&mut self, slot: SlotId, held: u64) {
        if let Some(busy) = self.busy.get_mut(&slot) {
            busy.anon = held;
        }
    }

    /// The worker in `slot` moved bytes at `at`.
    pub fn moved(&mut self, slot: SlotId, at: f64) {
        if let Some(busy) = self.busy.get_mut(&slot) {
            busy.moved = at;
        }
    }

    fn begin(&mut self, start: &RunStart, at: f64) {
        *self = Self {
            start: start.clone(),
            started: Some(SystemTime::now()),
            began: at,
            state: LiveState::Running,
            memory: start.memory.clone(),
            allowed: start.slots,
            others: self.others,
            ..Self::default()
        };
        // Names of thousands of files are of no use here.
        self.start.incomplete = Vec::new();
        self.start.stale = Vec::new();
        self.start.conflicts = Vec::new();
        self.start.failed_before = Vec::new();
        self.pace.restart(at, 0);
    }

    fn finished(&mut self, record: &JobRecord, at: f64) {
        *self.outcomes.entry(record.outcome).or_default() += 1;
        self.busy.retain(|_, busy| busy.name != record.name);
        let begun = self.begun.remove(&record.name);
        self.counted = begun.is_some() && self.ended < self.start.jobs;
        if !self.counted {
            return;
        }
        self.ended = self.ended.saturating_add(1);
        let bytes = self.ended_bytes.saturating_add(begun.unwrap_or(0));
        self.ended_bytes = bytes.min(self.start.bytes);
        let name = Some(record.name.as_str());
        match record.outcome {
            JobOutcome::Converted | JobOutcome::Unchanged => {
                let converted = record.outcome == JobOutcome::Converted;
                let what = if converted { What::Converted } else { What::Unchanged };
                let through = Through {
                    bytes_in: record.bytes_in,
                    bytes_out: record.bytes_out,
                    seconds: record.seconds,
                };
                self.remember(Noted {
                    at: self.since_begin(at),
                    what,
                    name: Some(record.name.clone()),
                    message: Message::Through(through),
                });
            }
            JobOutcome::Skipped => {}
            JobOutcome::Failed => {
                self.failed_here = self.failed_here.saturating_add(1);
                let message = record.message.as_deref().unwrap_or("no message");
                let message = text::after_path(message, &record.name);
                let cause = record.fault.map_or_else(String::new, |cause| format!("{cause}: "));
                self.happened(What::Failed, name, &format!("{cause}{message}"), at);
            }
        }
    }

    /// Takes note of a change of the run as a whole.
    fn turn(&mut self, event: &RunEvent, at: f64) {
        let (what, message) = match event {
            RunEvent::Concurrency { allowed, slots, reason } => {
                self.allowed = *allowed;
                self.fewer = (allowed < slots).then_some(*reason).map(|reason| match reason {
                    // One more, and still not all: the reason is the old one.
                    ConcurrencyReason::Quiet => self.fewer.unwrap_or(reason),
                    reason => reason,
                });
                (What::Workers, format!("{allowed} of {slots}: {}", reason.why()))
            }
            RunEvent::SafetyViolation { used, budget, count, step, .. } => {
                self.violations = self.violations.max(*count);
                if *step != SafetyStep::Hold {
                    return;
                }
                let [used, budget] = [used, budget].map(|value| text::bytes(*value));
                (What::Violation, format!("{used} in use, the margin is {budget}"))
            }
            RunEvent::Paused { message } => {
                self.state = LiveState::Paused;
                self.why = Some(short(message));
                (What::Paused, message.clone())
            }
            RunEvent::Resumed { seconds } => {
                self.state = LiveState::Running;
                self.why = None;
                self.pace.restart(at, self.most);
                (What::Resumed, format!("after {}", text::seconds(*seconds)))
            }
            RunEvent::Draining { reason, .. } => {
                self.to_end = true;
                self.state = LiveState::Draining;
                self.why = Some(short(reason));
                (What::Draining, reason.clone())
            }
            RunEvent::Stopping { reason } => {
                self.to_end = true;
                self.state = LiveState::Stopping;
                self.why = Some(short(reason));
                (What::Stopping, reason.clone())
            }
            RunEvent::Warning { message } => (What::Warning, message.clone()),
            _ => return,
        };
        self.happened(what, None, &message, at);
    }

    fn happened(&mut self, what: What, name: Option<&str>, message: &str, at: f64) {
        self.remember(Noted {
            at: self.since_begin(at),
            what,
            name: name.map(str::to_owned),
            message: Message::Text(short(message)),
        });
    }

    fn since_begin(&self, at: f64) -> f64 {
        (at - self.began).max(0.0)
    }

    fn remember(&mut self, noted: Noted) {
        let push = |list: &mut VecDeque<Noted>, it| {
            if list.len() >= KEPT {
                list.pop_front();
            }
            list.push_back(it);
        };
        if noted.what == What::Failed {
            push(&mut self.failures, noted.clone());
        }
        push(&mut self.recent, noted);
    }

    fn through_now(&self) -> u64 {
        let partly = self.busy.values().map(Busy::through).fold(0_u64, u64::saturating_add);
        self.ended_bytes.saturating_add(partly).min(self.start.bytes)
    }
}

fn short(message: &str) -> String {
    text::shortened(&text::tame(message.trim()), MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::Phase;
    use crate::supervisor::live::Live;
    use crate::supervisor::plan::JobId;
    use proptest::prelude::*;

    fn start(jobs: u64, bytes: u64) -> RunEvent {
        RunEvent::RunStarted(RunStart { jobs, bytes, files: jobs, slots: 2, ..RunStart::default() })
    }

    fn begin(slot: u32, name: &str, bytes: u64) -> RunEvent {
        let (slot, job) = (SlotId(slot), JobId(0));
        RunEvent::AttemptStarted { slot, job, name: name.into(), bytes, attempt: 1, pid: 7 }
    }

    fn copied(slot: u32, done: u64, total: u64) -> RunEvent {
        let (slot, job) = (SlotId(slot), JobId(0));
        RunEvent::Progress { slot, job, phase: Phase::Copy, done, total }
    }

    fn lost(slot: u32, name: &str, will_retry: bool) -> RunEvent {
        RunEvent::AttemptFailed {
            slot: SlotId(slot),
            job: JobId(0),
            name: name.into(),
            attempt: 1,
            cause: Fault::Killed,
            message: "killed".into(),
            will_retry,
        }
    }

    #[test]
    fn counts_what_is_through_and_never_backwards() {
        let mut tracker = Tracker::default();
        tracker.note(&start(10, 10_000_000), 5.0);
        assert_eq!((tracker.through(), tracker.left(15.0)), (0, None));
        tracker.note(&begin(1, "a", 1_000_000), 5.0);
        tracker.note(&copied(1, 500_000, 1_000_000), 6.0);
        assert_eq!(tracker.through(), 310_000);
        tracker.note(&copied(1, 100_000, 1_000_000), 7.0);
        assert_eq!(tracker.through(), 310_000);
        assert!((tracker.left(36.0).unwrap() - 969.0).abs() < 1.0, "{:?}", tracker.left(36.0));
        tracker.note(&lost(1, "a", true), 8.0);
        let live = tracker.live(9.0);
        assert_eq!((live.bytes_done, live.retries, live.waiting), (310_000, 1, 10));
        assert_eq!(live.faults[&Fault::Killed], 1);
        assert_eq!(live.recent[0].message, "killed in attempt 1: killed");
        tracker.note(&begin(1, "a", 1_000_000), 9.0);
        tracker.note(&copied(1, 500_000, 1_000_000), 10.0);
        tracker.measured(SlotId(1), 5 << 20);
        let live = tracker.live(14.0);
        assert_eq!((live.slots[0].name.as_deref(), live.slots[1].anon), (None, 5 << 20));
        assert!((live.slots[1].still - 4.0).abs() < 1e-9, "{}", live.slots[1].still);
        let done = JobRecord::bare("a", Some(1), JobOutcome::Converted, 1_000_000);
        tracker.note(&RunEvent::JobFinished(done), 11.0);
        assert_eq!((tracker.through(), tracker.ended(), tracker.busy().len()), (1_000_000, 1, 0));
        assert!(tracker.counted());
        for outcome in [JobOutcome::Skipped, JobOutcome::Failed] {
            tracker.note(&RunEvent::JobFinished(JobRecord::bare("c", None, outcome, 5)), 12.0);
            assert!(!tracker.counted(), "what was settled before was never to do");
        }
        let live = tracker.live(12.0);
        assert_eq!((live.ended, tracker.failed_here(), live.failed, live.skipped), (1, 0, 1, 1));
        assert_eq!(live.recent.last().unwrap().what, What::Converted);
    }

    #[test]
    fn a_run_that_waits_has_no_rate() {
        let mut tracker = Tracker::default();
        tracker.note(&start(2, 1000), 0.0);
        tracker.note(&begin(0, "a", 500), 0.0);
        tracker.note(&copied(0, 500, 500), 2.0);
        assert!(tracker.live(2.0).rate.is_some());
        tracker.note(&RunEvent::Paused { message: "no space".into() }, 3.0);
        let live = tracker.live(4.0);
        assert_eq!((live.state, live.rate, live.eta_seconds), (LiveState::Paused, None, None));
        assert_eq!(live.why.as_deref(), Some("no space"));
        tracker.note(&RunEvent::Resumed { seconds: 60.0 }, 63.0);
        assert_eq!(tracker.live(64.0).rate, None, "the pause is not in it");
        let reason = "SIGINT".to_owned();
        tracker.note(&RunEvent::Draining { reason, grace_seconds: 60.0, running: 1 }, 65.0);
        assert_eq!(tracker.live(66.0).state, LiveState::Draining);
    }

    #[test]
    fn why_fewer_workers_run_stays_known_until_all_do() {
        let mut tracker = Tracker::default();
        tracker.note(&start(9, 1000), 0.0);
        let change = |allowed, reason| RunEvent::Concurrency { allowed, slots: 3, reason };
        tracker.note(&change(1, ConcurrencyReason::OutOfMemory), 1.0);
        tracker.note(&change(2, ConcurrencyReason::Quiet), 2.0);
        assert_eq!(tracker.workers().2, Some(ConcurrencyReason::OutOfMemory));
        tracker.note(&change(3, ConcurrencyReason::Quiet), 3.0);
        assert_eq!(tracker.workers(), (3, 2, None));
    }

    #[test]
    fn little_is_kept_however_much_happens() {
        let mut tracker = Tracker::default();
        tracker.note(&start(9, 1000), 0.0);
        for number in 0..1000_u32 {
            let message = format!("{number} {}", "x".repeat(5000));
            tracker.note(&RunEvent::Warning { message }, number.into());
        }
        let live = tracker.live(1000.0);
        assert_eq!(live.recent.len(), KEPT);
        assert!(live.recent[0].message.starts_with("968 "), "{}", live.recent[0].message);
        let text = serde_json::to_string(&live).unwrap();
        assert!(text.len() < 20_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Live>(&text).unwrap(), live);
    }

    /// Any event, about few files and slots so that they meet.
    fn event() -> impl Strategy<Value = RunEvent> {
        let phases = [
            Phase::Plan,
            Phase::Copy,
            Phase::Edit,
            Phase::Rewrite,
            Phase::Sync,
            Phase::Verify,
            Phase::Publish,
        ];
        let outcomes =
            [JobOutcome::Converted, JobOutcome::Unchanged, JobOutcome::Skipped, JobOutcome::Failed];
        let size = prop_oneof![0..3_000_000_u64, any::<u64>()];
        let parts = (0..4_u8, 0..4_u32, 0..14_u64, size.clone(), size, 0..7_usize, 0..4_usize);
        parts.prop_map(move |(what, slot, file, done, total, phase, outcome)| {
            let name = format!("output_{file:05}.jld2");
            match what {
                0 => begin(slot, &name, done),
                1 => RunEvent::Progress {
                    slot: SlotId(slot),
                    job: JobId(0),
                    phase: phases[phase],
                    done,
                    total,
                },
                2 => lost(slot, &name, true),
                _ => RunEvent::JobFinished(JobRecord::bare(&name, None, outcomes[outcome], done)),
            }
        })
    }

    proptest! {
        /// Retries, files that grew, files that were settled before, slots that were lost: whatever
        /// comes, in whatever order.
        #[test]
        fn no_count_passes_its_total_or_goes_back(
            events in proptest::collection::vec(event(), 0..200)
        ) {
            let mut tracker = Tracker::default();
            tracker.note(&start(10, 8_972_940), 0.0);
            let mut before = tracker.live(0.0);
            for (second, event) in events.iter().enumerate() {
                let at = text::float(second as u64);
                tracker.note(event, at);
                let live = tracker.live(at);
                prop_assert!(live.ended <= live.jobs && tracker.failed_here() <= live.ended);
                prop_assert!(live.ended >= before.ended && live.percent >= before.percent);
                prop_assert!(live.bytes_done >= before.bytes_done);
                prop_assert!(live.bytes_done <= live.bytes && live.percent <= 100.0);
                prop_assert!(live.slots.iter().all(|slot| (0.0..=100.0).contains(&slot.percent)));
                prop_assert!(live.eta_seconds.is_none_or(|left| left >= 0.0));
                before = live;
            }
        }
    }
}
