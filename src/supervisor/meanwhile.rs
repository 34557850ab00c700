//! Outputs that another shard made while this one made them, too.
//!
//! Shards that saw different archives divide them in different ways, so two may have the same file
//! at the same time. Whoever comes second finds the output's name taken; that is a conflict only if
//! no other shard claims what is there. Claims are written a moment after their output appears, so
//! the decision waits for the run's end.

use super::clock::rfc3339;
use super::dispatcher::Dispatcher;
use super::journal::{Fingerprint, JobLine, Line, Past, Task};
use super::plan::JobId;
use super::record::{JobOutcome, JobRecord};
use crate::convert::{Recipe, VerifyLevel};
use crate::supervisor::fault::Fault;
use crate::sys::stat::StatData;
use std::time::{Duration, Instant, SystemTime};

/// How long the other shard's claim may take.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(100);

/// A job that found its output's name taken.
#[derive(Debug)]
pub(super) struct Undecided {
    /// Its place in the plan.
    pub(super) place: JobId,
    /// As it is if nobody claims what is there.
    pub(super) record: JobRecord,
    /// What `stat` told of the input when the job was planned.
    pub(super) input: Option<StatData>,
}

impl Dispatcher {
    /// Decides on all that found a name taken.
    pub(super) fn decide_on_taken_names(&mut self) {
        let mut left = std::mem::take(&mut self.undecided);
        let asked = Recipe::of(&self.context.settings.options).ok();
        let until = Instant::now() + PATIENCE;
        while !left.is_empty() {
            let family = self.services.family.as_ref();
            let others = family.and_then(|family| family.others().ok()).unwrap_or_default();
            let last = Instant::now() >= until;
            for mut job in std::mem::take(&mut left) {
                let made = asked.as_ref().and_then(|asked| self.made(&job, &others, asked));
                if let Some((bytes, verify)) = made {
                    job.record.outcome = JobOutcome::Skipped;
                    job.record.fault = None;
                    job.record.conflict = None;
                    job.record.bytes_out = bytes;
                    job.record.verify = Some(verify);
                    job.record.message = Some("complete (another shard made it meanwhile)".into());
                    self.settled_late(job);
                } else if last {
                    self.settled_late(job);
                } else {
                    left.push(job);
                }
            }
            if !left.is_empty() {
                self.wait_for(Instant::now() + AGAIN, |_| false);
            }
        }
    }

    /// Size and check of what is there, if another shard claims it as the output of the same input.
    fn made(&self, job: &Undecided, others: &Past, asked: &Recipe) -> Option<(u64, VerifyLevel)> {
        let planned = self.context.plan.get(job.place)?;
        let claim = others.claims.get(&planned.name)?.claim.as_ref()?;
        let output = claim.output.as_ref()?;
        let (there, _) = StatData::entry(&planned.output).ok()??;
        let same = Some(claim.input.stat) == job.input
            && output.stat == there
            && asked.missed_by(&claim.recipe).is_none();
        same.then_some((there.size, claim.verify))
    }

    fn settled_late(&mut self, job: Undecided) {
        let Undecided { place, record, input } = job;
        let Some(planned) = self.context.plan.get(place) else { return };
        let line = Line::Job(Box::new(JobLine {
            run_id: self.context.run_id.clone(),
            at: rfc3339(SystemTime::now()),
            input: Fingerprint::of(planned, input),
            claim: None,
            record: record.clone(),
        }));
        let number = u64::from(place.0);
        self.services.journal_writer.ask(Task::Write(Box::new(line), Some(number)));
        self.unsafe_records.insert(number, record);
    }

    /// Whether that failure may turn out to be none.
    pub(super) fn may_be_made(&self, record: &JobRecord) -> bool {
        record.fault == Some(Fault::Conflict) && self.services.family.is_some()
    }
}
