//! A run from its settings and plan to its summary.

use super::clock::rfc3339;
use super::dispatcher::{Dispatcher, RunContext};
use super::error::RunError;
use super::event::{Reporter, RunEvent, RunStart, Stale};
use super::family::Family;
use super::journal::{Fingerprint, JobLine, JournalWriter, Line, RunLine, Task};
use super::plan::Plan;
use super::record::{JobOutcome, RunSummary};
use super::resume::{Settled, Sorted};
use super::scheduler::Scheduler;
use super::settings::Settings;
use super::sizing::{self, Sizing};
use super::stage::{Machine, config, context, dispatch, sizes};
use super::survey::{Survey, kept, settle};
use crate::convert::Recipe;
use crate::supervisor::event_channel::events_out;
use crate::supervisor::memory::sampler::Sample;
use crate::supervisor::run_dir::RunDir;
use crate::supervisor::worker_process::WorkerProgram;
use crate::sys::machine::machine;
use crate::sys::process::hostname;
use std::sync::mpsc::channel;
use std::time::SystemTime;

/// What a run is given beside its settings and plan.
#[derive(Debug, Default)]
pub struct Hooks {
    /// How workers are started.
    pub program: WorkerProgram,
}

/// Runs `plan`: converts what is left to do and tells `reporter` about it. Temporary files that
/// dead runs left in the output directory are removed first. `survey` is what a
/// [`survey`](super::survey()) of the same plan found; without it, the same is found out here.
///
/// Signals are handled while it runs: the first SIGINT, SIGTERM or SIGHUP ends the run in order, the
/// second stops it at once.
///
/// # Errors
/// The run cannot begin: another one works there, the output directory cannot be used, or files are
/// in the way. Failed jobs are no error but are told in the summary.
pub fn run(
    settings: &Settings,
    plan: &Plan,
    survey: Survey,
    hooks: &Hooks,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    check_outputs(settings, plan)?;
    let recipe = Recipe::of(&settings.options).map_err(|it| RunError::Recipe(it.message))?;
    let mut context = context(settings, plan, hooks)?;
    let _inside = tracing::info_span!("run", id = context.run_id).entered();
    // Who makes a directory or takes a lock before it is certain that nothing is in the way leaves
    // a trace of a run that never was.
    let survey =
        if survey.is_empty() { super::survey(settings, plan, hooks, reporter)? } else { survey };
    let place = RunDir::take(&settings.output_dir, settings.shard, &context.run_id)?;
    let mut survey = survey;
    if !place.are_as(&survey.journals) {
        survey.journals = place.journals()?;
    }
    place.sweep(&survey.journals.own)?;
    let kept = kept(settings, &context.run_id);
    // Something may have happened since.
    let sorted = settle(settings, plan, &mut survey, &kept, hooks, reporter)?;
    let mut warnings = place.warnings.clone();
    warnings.append(&mut survey.notes);
    let odd = survey.journals.own.odd;
    drop(survey);
    if odd > 0 {
        warnings.push(format!("{odd} lines of the journal are not understood; they do not count"));
    }
    let mut family = Family::of(settings, plan.listing.as_ref(), place.own()?);
    if let Some(family) = &mut family {
        warnings.extend(family.compare()?);
    }
    let machine = Machine::look(settings, sorted.todo.len());
    warnings.extend(sizing::too_little(settings, &machine.first.status));
    let sizing = machine.sizing.clone();
    context.sized(sorted.todo.clone(), sizing.slots, place.temp_dir.clone());
    let head = start_of(settings, plan, &sorted, &sizing, &context.run_id, &machine.first);
    let (mut events_out, readers) = events_out();
    for message in warnings {
        events_out.tell(RunEvent::Warning { message });
    }
    events_out.tell(RunEvent::RunStarted(head));
    let (outbox, inbox) = channel();
    let journal = Some((place.journal()?, place.temps()?));
    let (mut services, first) = machine.services(settings, &outbox, journal)?;
    services.family = family;
    write_head(&services.journal_writer, &context, &sorted, recipe);
    for settled in &sorted.settled {
        events_out.tell(RunEvent::JobFinished(settled.record.clone()));
    }
    let scheduler = Scheduler::new(config(settings, &sizing), &sizes(plan, &sorted.todo));
    let settled = sorted.settled.into_iter().map(|it| (it.place, it.record)).collect();
    let dispatcher =
        Dispatcher::new(context, services, scheduler, events_out, (outbox, inbox), settled);
    let finished = dispatch(dispatcher, first, readers, reporter);
    drop(place);
    finished.map(|finished| finished.summary)
}

/// Every output must lie directly in the output directory, under a plain name.
pub(super) fn check_outputs(settings: &Settings, plan: &Plan) -> Result<(), RunError> {
    let dir = &settings.output_dir;
    let astray = plan.jobs.iter().find(|job| {
        let mut below = job.output.strip_prefix(dir).map(std::path::Path::components);
        !matches!(
            below.as_mut().map(|parts| (parts.next(), parts.next())),
            Ok((Some(std::path::Component::Normal(_)), None))
        )
    });
    match astray {
        Some(job) => Err(RunError::Escapes { output: job.output.clone(), dir: dir.clone() }),
        None => Ok(()),
    }
}

fn start_of(
    settings: &Settings,
    plan: &Plan,
    sorted: &Sorted,
    sizing: &Sizing,
    run_id: &str,
    first: &Sample,
) -> RunStart {
    let is_skipped = |it: &&Settled| it.record.outcome == JobOutcome::Skipped;
    let skipped = sorted.settled.iter().filter(is_skipped).count();
    RunStart {
        run_id: run_id.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        input_dir: settings.input_dir.to_string_lossy().into_owned(),
        output_dir: settings.output_dir.to_string_lossy().into_owned(),
        shard: settings.shard.to_string(),
        jobs: sorted.todo.len() as u64,
        files: plan.jobs.len() as u64,
        bytes: sizes(plan, &sorted.todo).into_iter().fold(0, u64::saturating_add),
        skipped: skipped as u64,
        incomplete: sorted.stale.iter().map(|(name, _)| name.clone()).collect(),
        stale: sorted
            .stale
            .iter()
            .map(|(name, why)| Stale { name: name.clone(), why: why.clone() })
            .collect(),
        conflicts: sorted.conflicts.iter().map(|conflict| conflict.name.clone()).collect(),
        failed_before: sorted.failed_before.clone(),
        slots: sizing.slots,
        slots_reason: sizing.reason.clone(),
        threads_per_worker: sizing.threads,
        memory: first.status.clone(),
        machine: machine(),
    }
}

/// The journal's head, and lines for what it does not have yet.
fn write_head(
    journal_writer: &JournalWriter,
    context: &RunContext,
    sorted: &Sorted,
    recipe: Recipe,
) {
    let RunContext { settings, plan, run_id, started, .. } = context;
    journal_writer.ask(Task::Write(
        Box::new(Line::Run(Box::new(RunLine {
            journal: super::journal::FORMAT,
            run_id: run_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: rfc3339(*started),
            host: hostname(),
            pid: std::process::id(),
            shard: settings.shard.to_string(),
            input_dir: settings.input_dir.to_string_lossy().into_owned(),
            output_dir: settings.output_dir.to_string_lossy().into_owned(),
            options: settings.options.clone(),
            recipe: Some(recipe),
            jobs: plan.jobs.len() as u64,
            settled: Some(sorted.settled.iter().filter(|it| it.to_record.is_none()).count() as u64),
            listing: plan.listing.clone(),
            array: settings.slurm.array,
        }))),
        None,
    ));
    for settled in &sorted.settled {
        if let (Some(job), Some(to_record)) = (plan.jobs.get(settled.place), &settled.to_record) {
            let line = Line::Job(Box::new(JobLine {
                run_id: run_id.clone(),
                at: rfc3339(SystemTime::now()),
                input: Fingerprint::of(job, to_record.input),
                claim: to_record.claim.as_deref().cloned(),
                record: settled.record.clone(),
            }));
            journal_writer.ask(Task::Write(Box::new(line), None));
        }
    }
}
