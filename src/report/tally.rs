//! Counts from its events how far a run is.

use crate::convert::Phase;
use crate::supervisor::{JobOutcome, RunEvent, SlotId, share};
use crate::text::float;
use std::collections::BTreeMap;

/// One busy slot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Busy {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) attempt: u32,
    pub(super) phase: Option<Phase>,
    /// Share of the file that is through, from 0 to 1.
    pub(super) share: f64,
}

/// How far a run is. Whatever events come, no count is above its total.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) jobs: u64,
    pub(super) bytes: u64,
    pub(super) ended: u64,
    pub(super) failed: u64,
    /// Planned sizes of the files that ended, so that their sum is never above all of them.
    pub(super) ended_bytes: u64,
    pub(super) busy: BTreeMap<SlotId, Busy>,
    /// Planned sizes of files that began in this run and did not end, by name.
    begun: BTreeMap<String, u64>,
    /// Whether the file that ended last was one of those to do. What an earlier run settled, and
    /// what cannot be tried at all, is told too but has no place among them.
    pub(super) counted: bool,
}

impl Tally {
    /// Takes note of what happened.
    pub(super) fn note(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted(start) => {
                *self = Self { jobs: start.jobs, bytes: start.bytes, ..Self::default() };
            }
            RunEvent::AttemptStarted { slot, name, bytes, attempt, .. } => {
                let busy = Busy {
                    name: name.clone(),
                    bytes: *bytes,
                    attempt: *attempt,
                    phase: None,
                    share: 0.0,
                };
                self.busy.insert(*slot, busy);
                self.begun.insert(name.clone(), *bytes);
            }
            RunEvent::Progress { slot, phase, done, total, .. } => {
                if let Some(busy) = self.busy.get_mut(slot) {
                    busy.phase = Some(*phase);
                    busy.share = busy.share.max(share(*phase, *done, *total));
                }
            }
            RunEvent::AttemptFailed { slot, .. } => {
                self.busy.remove(slot);
            }
            RunEvent::JobFinished(record) => {
                self.busy.retain(|_, busy| busy.name != record.name);
                let begun = self.begun.remove(&record.name);
                self.counted = begun.is_some() && self.ended < self.jobs;
                if self.counted {
                    let bytes = begun.unwrap_or(0);
                    self.ended = self.ended.saturating_add(1);
                    self.ended_bytes = self.ended_bytes.saturating_add(bytes).min(self.bytes);
                    let failed = record.outcome == JobOutcome::Failed;
                    self.failed = self.failed.saturating_add(u64::from(failed));
                }
            }
            _ => {}
        }
    }

    /// Bytes that are through, those of busy slots included; never more than there are.
    pub(super) fn through(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a number of bytes is one"
        )]
        let partly = self.busy.values().map(|busy| (float(busy.bytes) * busy.share) as u64);
        let partly = partly.fold(0_u64, u64::saturating_add);
        self.ended_bytes.saturating_add(partly).min(self.bytes)
    }

    /// Seconds that the rest takes if it goes on as so far; `None` too early to tell.
    pub(super) fn left(&self, elapsed: f64) -> Option<f64> {
        let through = self.through();
        let rest = self.bytes.saturating_sub(through);
        (through > 0 && elapsed > 0.5).then(|| elapsed / float(through) * float(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::header::tests::start;
    use crate::supervisor::{Fault, JobId, JobRecord};
    use proptest::prelude::*;

    #[test]
    fn counts_what_is_through() {
        let mut tally = Tally::default();
        let slot = SlotId(1);
        tally.note(&RunEvent::RunStarted(start()));
        assert_eq!((tally.through(), tally.left(10.0)), (0, None));
        let begin = RunEvent::AttemptStarted {
            slot,
            job: JobId(0),
            name: "a".into(),
            bytes: 1_000_000,
            attempt: 1,
            pid: 7,
        };
        tally.note(&begin);
        let copy = |done| RunEvent::Progress {
            slot,
            job: JobId(0),
            phase: Phase::Copy,
            done,
            total: 1_000_000,
        };
        tally.note(&copy(500_000));
        assert_eq!(tally.through(), 310_000);
        tally.note(&copy(100_000));
        assert_eq!(tally.through(), 310_000, "never backwards");
        assert!((tally.left(31.0).unwrap() - 866.0).abs() < 1.0);
        let done = JobRecord::bare("a", Some(1), JobOutcome::Converted, 1_000_000);
        tally.note(&RunEvent::JobFinished(done));
        assert_eq!((tally.through(), tally.ended, tally.busy.len()), (1_000_000, 1, 0));
        assert!(tally.counted);
        for outcome in [JobOutcome::Skipped, JobOutcome::Failed] {
            tally.note(&RunEvent::JobFinished(JobRecord::bare("c", None, outcome, 5)));
            assert!(!tally.counted, "what was settled before was never to do");
        }
        assert_eq!((tally.ended, tally.failed), (1, 0));
    }

    /// Any event, about few files and slots so that they meet.
    fn event() -> impl Strategy<Value = RunEvent> {
        let phases =
            [Phase::Plan, Phase::Copy, Phase::Edit, Phase::Sync, Phase::Verify, Phase::Publish];
        let outcomes =
            [JobOutcome::Converted, JobOutcome::Unchanged, JobOutcome::Skipped, JobOutcome::Failed];
        let size = prop_oneof![0..3_000_000_u64, any::<u64>()];
        let parts = (0..4_u8, 0..4_u32, 0..14_u64, size.clone(), size, 0..6_usize, 0..4_usize);
        parts.prop_map(move |(what, slot, file, done, total, phase, outcome)| {
            let (slot, job, name) = (SlotId(slot), JobId(0), format!("output_{file:05}.jld2"));
            match what {
                0 => RunEvent::AttemptStarted { slot, job, name, bytes: done, attempt: 1, pid: 7 },
                1 => RunEvent::Progress { slot, job, phase: phases[phase], done, total },
                2 => RunEvent::AttemptFailed {
                    slot,
                    job,
                    name,
                    attempt: 1,
                    cause: Fault::Killed,
                    message: String::new(),
                    will_retry: true,
                },
                _ => RunEvent::JobFinished(JobRecord::bare(&name, None, outcomes[outcome], done)),
            }
        })
    }

    proptest! {
        /// Retries, files that grew, files that were settled before, slots that were lost: whatever
        /// comes, in whatever order.
        #[test]
        fn no_count_passes_its_total(events in proptest::collection::vec(event(), 0..200)) {
            let mut tally = Tally::default();
            tally.note(&RunEvent::RunStarted(start()));
            for event in events {
                let before = tally.ended;
                tally.note(&event);
                prop_assert!(tally.ended <= tally.jobs && tally.failed <= tally.ended);
                prop_assert!(tally.ended >= before);
                prop_assert!(tally.ended_bytes <= tally.bytes && tally.through() <= tally.bytes);
                prop_assert!(tally.busy.values().all(|busy| (0.0..=1.0).contains(&busy.share)));
                prop_assert!(tally.left(10.0).is_none_or(|left| left >= 0.0));
            }
        }
    }

    #[test]
    fn phases_go_forward() {
        let phases =
            [Phase::Plan, Phase::Copy, Phase::Edit, Phase::Sync, Phase::Verify, Phase::Publish];
        let shares: Vec<f64> =
            phases.iter().flat_map(|phase| [share(*phase, 0, 9), share(*phase, 9, 9)]).collect();
        assert!(shares.is_sorted());
        assert!(share(Phase::Copy, 5, 0) <= 0.02);
        assert!((0.999..=1.0).contains(&share(Phase::Verify, 99, 9)));
    }
}
