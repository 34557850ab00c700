//! Tells the dispatcher what to do about a conversion: what its worker is told, what becomes of its
//! result.
//!
//! Shards that saw different archives divide them in different ways, so two may have the same file
//! at the same time. Whoever comes second finds the output's name taken; that is a conflict only if
//! no other shard claims what is there. Claims are written a moment after their output appears, so
//! the decision waits for the run's end.

use super::attempt_options;
use super::memory::{after_planning, first_guess, rewrites};
use super::resume::{Order, Orders};
use super::wire::{ConvertOptions, Product, WireOptions};
use super::worker::ConvertTask;
use crate::convert::inplace::{self, InPlace};
use crate::convert::{Claim, Mode, Recipe, VerifyLevel};
use crate::protocol::{ProtocolError, WireBytes, decode, encode_payload};
use crate::supervisor::journal::{Fingerprint, JobLine, Line, Past};
use crate::supervisor::task::{Attempt, Chore, JobOver, RunTask, Told};
use crate::supervisor::{Fault, JobId, JobOutcome, JobRecord, Plan, PlannedJob, Settings, Texts};
use crate::sys::stat::StatData;
use crate::text;
use crate::worker::Task;
use std::collections::BTreeSet;
use std::time::SystemTime;

/// A run's conversions.
pub(super) struct Conversion {
    settings: Settings,
    /// How each output is made.
    orders: Orders,
    /// The run's options as workers are told them: with so many threads.
    told: Option<(u32, WireBytes)>,
    /// What was met in the last file: mostly it is what is met in the next one, and is held once.
    findings: Texts,
    /// Jobs in place that a worker has had in hand and that are not over: each of their files may
    /// be half changed.
    begun: BTreeSet<JobId>,
    /// Jobs that found their output's name taken, where another shard may have made it.
    undecided: Vec<Undecided>,
}

/// A job that found its output's name taken.
struct Undecided {
    place: JobId,
    run_id: String,
    /// As it is if nobody claims what is there.
    record: JobRecord,
    /// What `stat` told of the input when the job was planned.
    input: Option<StatData>,
}

impl Conversion {
    pub(super) fn new(settings: &Settings, orders: Orders) -> Self {
        let settings = settings.clone();
        Self {
            settings,
            orders,
            told: None,
            findings: Texts::default(),
            begun: BTreeSet::new(),
            undecided: Vec::new(),
        }
    }

    /// The run's options for an attempt, as its worker is told them.
    fn told(&mut self, attempt: &Attempt) -> Result<WireBytes, ProtocolError> {
        if let Some((_, told)) = self.told.as_ref().filter(|(with, _)| *with == attempt.threads) {
            return Ok(told.clone());
        }
        let options = attempt_options(&self.settings, attempt);
        let told = WireBytes(encode_payload(&WireOptions::from(&options))?);
        self.told = Some((attempt.threads, told.clone()));
        Ok(told)
    }

    /// How the output of the job at `place` is made.
    fn order(&self, place: JobId) -> Option<Order> {
        self.orders.get(usize::try_from(place.0).ok()?)
    }

    /// Brings the file of a job in place back if it was left in the middle of a change: no attempt
    /// follows that would do so.
    fn take_back(&self, job: &PlannedJob) -> Chore {
        let path = job.input.clone();
        let backup_dir = self.settings.options.backup_dir.clone();
        Chore(Box::new(move || {
            let place = InPlace { backup_dir, ..InPlace::default() };
            if let Ok(Some(_)) = inplace::unfinished(&path, &place) {
                inplace::recover(&path, &place).map_err(|error| {
                    format!("{error} (it may be half changed; the next run tries again)")
                })?;
            }
            Ok(())
        }))
    }
}

impl RunTask for Conversion {
    fn name(&self) -> &'static str {
        ConvertTask::NAME
    }

    fn conversion(&self) -> Option<&crate::convert::Options> {
        Some(&self.settings.options)
    }

    fn first_guess(&self, threads: usize) -> u64 {
        first_guess(&self.settings, threads)
    }

    fn waits_for_disk(&self) -> bool {
        !rewrites(&self.settings) && !self.settings.options.repack
    }

    fn after_planning(&self, held: u64) -> Option<u64> {
        Some(after_planning(&self.settings, held))
    }

    fn options(&mut self, attempt: &Attempt) -> Result<Vec<u8>, ProtocolError> {
        if self.settings.options.mode == Mode::InPlace {
            self.begun.insert(attempt.place);
        }
        let order = self.order(attempt.place).unwrap_or_else(|| Order::plain(None));
        encode_payload(&ConvertOptions {
            options: self.told(attempt)?,
            existing: (&order.existing).into(),
            leftover: attempt.leftover,
            recheck: order.recheck,
        })
    }

    fn conflict(&self, message: &str) -> String {
        // Files that were there before the run are found before it.
        format!(
            "{message}: somebody made it while the run was at work; it is left alone. The same \
             command with --on-conflict keep-both moves it to .jldconv/replaced/ and makes the output"
        )
    }

    fn failed(&mut self, place: JobId, job: &PlannedJob) -> Option<Chore> {
        self.begun.remove(&place).then(|| self.take_back(job))
    }

    fn interrupted(&mut self, plan: &Plan) -> Vec<Chore> {
        let begun = std::mem::take(&mut self.begun);
        begun
            .into_iter()
            .filter_map(|place| plan.get(place))
            .map(|job| self.take_back(job))
            .collect()
    }

    fn over(&mut self, job: JobOver<'_>) -> Told {
        let JobOver { place, job, run_id, mut record, result, shared } = job;
        let Some(order) = self.order(place) else { return Told::Now(record) };
        let input = order.input;
        record.stale.clone_from(&order.stale);
        record.conflict.clone_from(&order.conflict);
        let internal = |error: ProtocolError| (Fault::Internal, format!("its result: {error}"));
        let product = result.and_then(|bytes| decode::<Product>(&bytes).map_err(internal));
        let claim = match product {
            Ok(product) => fill(&mut record, &order, product),
            Err((cause, message)) => {
                if cause == Fault::Conflict {
                    record.conflict = Some(message.clone());
                }
                record.fault = Some(cause);
                record.message = Some(message);
                None
            }
        };
        if record.findings == self.findings {
            record.findings = self.findings.clone();
        } else {
            self.findings = record.findings.clone();
        }
        if record.fault.is_none() {
            self.begun.remove(&place);
        }
        // That failure may turn out to be none.
        if record.fault == Some(Fault::Conflict) && shared {
            let run_id = run_id.to_owned();
            self.undecided.push(Undecided { place, run_id, record, input });
            return Told::Later;
        }
        let line = job_line(run_id, job, input, claim, &record);
        Told::Journalled(record, line)
    }

    fn undecided(&self) -> bool {
        !self.undecided.is_empty()
    }

    fn decide(&mut self, plan: &Plan, others: &Past, last: bool) -> Vec<(JobId, JobRecord, Line)> {
        let asked = Recipe::of(&self.settings.options).ok();
        let mut decided = Vec::new();
        for mut job in std::mem::take(&mut self.undecided) {
            let Some(planned) = plan.get(job.place) else { continue };
            let made = asked.as_ref().and_then(|asked| made(planned, job.input, others, asked));
            if let Some((bytes, verify)) = made {
                job.record.outcome = JobOutcome::Skipped;
                job.record.fault = None;
                job.record.conflict = None;
                job.record.bytes_out = bytes;
                job.record.verify = Some(verify);
                job.record.message = Some("complete (another shard made it meanwhile)".into());
            } else if !last {
                self.undecided.push(job);
                continue;
            }
            let line = job_line(&job.run_id, planned, job.input, None, &job.record);
            decided.push((job.place, job.record, line));
        }
        decided
    }

    fn bytes_written(&self, record: &JobRecord) -> u64 {
        if self.settings.options.mode == Mode::InPlace {
            record.bytes_appended.saturating_add(record.bytes_replaced)
        } else {
            record.bytes_out
        }
    }
}

fn job_line(
    run_id: &str,
    job: &PlannedJob,
    input: Option<StatData>,
    claim: Option<Claim>,
    record: &JobRecord,
) -> Line {
    Line::Job(Box::new(JobLine {
        run_id: run_id.to_owned(),
        at: text::rfc3339(SystemTime::now()),
        input: Fingerprint::of(job, input),
        claim,
        record: record.clone(),
    }))
}

/// Size and check of what is there, if another shard claims it as the output of the same input.
fn made(
    job: &PlannedJob,
    input: Option<StatData>,
    others: &Past,
    asked: &Recipe,
) -> Option<(u64, VerifyLevel)> {
    let claim = others.claimed(&job.name).ok()??.claim?;
    let output = claim.output.as_ref()?;
    let (there, _) = StatData::entry(&job.output).ok()??;
    let same = Some(claim.input.stat) == input
        && output.stat == there
        && asked.missed_by(&claim.recipe).is_none();
    same.then_some((there.size, claim.verify))
}

/// Takes over what a finished attempt gave; what a journal has to keep of it comes back.
fn fill(record: &mut JobRecord, order: &Order, product: Product) -> Option<Claim> {
    let mut report = match product {
        Product::Made(report) => report,
        Product::Remade(report, why) => {
            record.stale = Some(why);
            report
        }
        Product::Held(claim) => {
            record.outcome = JobOutcome::Skipped;
            record.message =
                Some(format!("complete, and passed the check {}", claim.verify.name()));
            record.verify = Some(claim.verify);
            record.bytes_out = claim.output.as_ref().map_or(0, |output| output.stat.size);
            return Some(*claim);
        }
    };
    let claim = report.claim.take();
    let earlier = report.changed_before;
    record.fill(report);
    // An attempt or a run that died behind its last step and before its line was written: nobody has
    // told of this change yet.
    if let Some(earlier) = earlier.filter(|_| !order.recorded) {
        record.outcome = JobOutcome::Converted;
        record.bytes_in = earlier.bytes_in;
        record.bytes_appended = earlier.bytes_appended;
        record.bytes_replaced = earlier.bytes_replaced;
    }
    if let Some(why) = &record.stale {
        record.message = Some(format!("made again: {why}"));
    }
    if let Some(why) = &record.conflict {
        record.message = Some(format!("what was there is kept in .jldconv/replaced/: {why}"));
    }
    claim.map(|claim| *claim)
}
