//! Takes a run from what there is to do to its summary, whatever its task is.

use super::control::{Control, unasked};
use super::dispatcher::{Dispatcher, Message, RunContext};
use super::error::RunError;
use super::event::{Reporter, RunEvent, RunStart, Stale};
use super::event_channel::events_out;
use super::family::Family;
use super::journal::{Fingerprint, JobLine, Line, MeansLine};
use super::live::LiveHandle;
use super::record::JobOutcome;
use super::records::Ledger;
use super::run_dir::RunDir;
use super::scheduler::Scheduler;
use super::settings::Settings;
use super::sizing;
use super::stage::{Machine, config, dispatch, sizes};
use super::summary::RunSummary;
use super::task::RunTask;
use crate::convert::Claim;
use crate::sys::machine::machine;
use crate::text;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::SystemTime;

/// Jobs that are over before a run are told, and written down, in bundles of so many.
const AT_ONCE: usize = 256;

/// All that a run needs to know before it begins.
pub(crate) struct Commission<'a> {
    /// Its constants.
    pub(crate) context: RunContext,
    /// What it does with each file.
    pub(crate) task: Box<dyn RunTask>,
    /// Places in the plan of the jobs to do.
    pub(crate) todo: Vec<usize>,
    /// Jobs that are over, by place in the plan.
    pub(crate) settled: Ledger,
    /// The directory of the run's own files; without one nothing is written.
    pub(crate) run_dir: Option<&'a RunDir>,
    /// The line that the journal gets first; none where nothing is written.
    pub(crate) head: Option<Line>,
    /// What it does not have yet of jobs that are over.
    pub(crate) unwritten: Box<dyn Iterator<Item = Unwritten> + 'a>,
    /// What is told of the beginning; without it a run begins without a word.
    pub(crate) opening: Option<Opening>,
}

/// What the journal does not have yet of a job that is over.
pub(crate) struct Unwritten {
    /// Its place in the plan.
    pub(crate) place: usize,
    /// The input as it is.
    pub(crate) input: Fingerprint,
    /// What makes the output known again.
    pub(crate) claim: Option<Claim>,
}

/// What is told of a run's beginning.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// What the user should know.
    pub(crate) warnings: Vec<String>,
    /// Outputs that are made again, and why.
    pub(crate) stale: Vec<(String, String)>,
    /// Names of files in the way.
    pub(crate) conflicts: Vec<String>,
    /// Names of jobs that failed in an earlier run and are left alone.
    pub(crate) failed_before: Vec<String>,
}

/// Carries it out; this thread tells `reporter` what happens.
///
/// Signals are handled meanwhile: the first SIGINT, SIGTERM or SIGHUP ends the run in order, the
/// second stops it at once.
///
/// # Errors
/// The run cannot begin, or met a defect of this program. Failed jobs are told in the summary.
pub(crate) fn carry_out(
    commission: Commission<'_>,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    let Commission { mut context, task, todo, settled, run_dir, head, unwritten, opening } =
        commission;
    let (settings, plan) = (context.settings.clone(), context.plan.clone());
    let family = match (run_dir, &opening) {
        (Some(run_dir), Some(_)) => Family::of(&settings, plan.listing.as_ref(), run_dir.own()?),
        _ => None,
    };
    let mut family = family;
    let others = family.as_mut().map(Family::compare).transpose()?.flatten();
    let sizes = sizes(&plan, &todo);
    let machine = Machine::look(
        &settings,
        (todo.len(), sizes.iter().copied().fold(0, u64::saturating_add)),
        &*task,
    );
    let sizing = machine.sizing.clone();
    let means = means(&settings, &machine);
    let temp_dir = run_dir.map_or_else(PathBuf::new, |run_dir| run_dir.temp_dir.clone());
    context.sized(todo, &sizing, temp_dir);
    // What looks at outputs beforehand is not the run that people ask for.
    let told = opening.is_some();
    let live = if told { context.live.clone() } else { LiveHandle::default() };
    let (mut events_out, mut readers) = events_out(live);
    if let Some(opening) = opening {
        let guess = |threads: usize| task.first_guess(threads);
        let too_little = sizing::too_little(&settings, &machine.first.status, &guess);
        let warnings = opening.warnings.iter().cloned().chain(others).chain(too_little);
        for message in warnings.collect::<Vec<_>>() {
            events_out.tell(RunEvent::Warning { message });
        }
        let head = start_of(&context, opening, &settled, &sizes, &machine);
        events_out.tell(RunEvent::RunStarted(head));
    }
    let (outbox, inbox) = channel();
    let place = run_dir.map_or(settings.output_dir.as_path(), |run_dir| run_dir.dir.as_path());
    let journal = match run_dir {
        Some(run_dir) => Some((run_dir.journal()?, run_dir.temps()?)),
        None => None,
    };
    let (mut services, first) = machine.services(&settings, place, &outbox, journal)?;
    services.family = family;
    if let (true, Some(run_dir)) = (told, run_dir) {
        let to_dispatcher = outbox.clone();
        let tell = move |command| drop(to_dispatcher.send(Message::Ordered(command)));
        let (run_id, live) = (&context.run_id, context.live.clone());
        match Control::start(run_dir.own()?, settings.shard, run_id, live, tell) {
            Ok(control) => services.control = Some(control),
            Err(error) => events_out.tell(RunEvent::Warning { message: unasked(&error) }),
        }
    }
    if let Some(mut line) = head {
        if let Line::Run(run) = &mut line {
            run.means = Some(means);
        }
        services.journal_writer.write(line, None);
    }
    for (written, Unwritten { place, input, claim }) in unwritten.enumerate() {
        let Some(record) = settled.get(place) else { continue };
        let at = text::rfc3339(SystemTime::now());
        let run_id = context.run_id.clone();
        let line = Line::Job(Box::new(JobLine { run_id, at, input, claim, record }));
        services.journal_writer.write(line, None);
        if written % AT_ONCE == 0 {
            services.journal_writer.hand_over();
        }
    }
    services.journal_writer.send(true);
    // A few at a time: there may be a hundred thousand.
    for (told, (_, record)) in settled.iter().enumerate() {
        events_out.tell(RunEvent::JobFinished(record));
        if told % AT_ONCE == 0 {
            events_out.send(true);
            readers.drain(reporter);
        }
    }
    let scheduler = Scheduler::new(config(&settings, &sizing, &*task), &sizes);
    let dispatcher =
        Dispatcher::new(context, task, services, scheduler, events_out, (outbox, inbox), settled);
    dispatch(dispatcher, first, readers, reporter)
}

/// What the journal tells of what there is to work with.
fn means(settings: &Settings, machine: &Machine) -> MeansLine {
    let (sizing, memory) = (&machine.sizing, &machine.first.status);
    MeansLine {
        slots: sizing.slots,
        threads: sizing.threads,
        cores: sizing.cores,
        memory_limit: memory.limit,
        budget: memory.budget,
        command: settings.command.clone(),
    }
}

/// So many of the jobs to do are named before they begin.
const TOLD_FIRST: usize = 3;

fn start_of(
    context: &RunContext,
    opening: Opening,
    settled: &Ledger,
    sizes: &[u64],
    machine_now: &Machine,
) -> RunStart {
    let RunContext { settings, plan, run_id, todo, .. } = context;
    let first = todo.iter().take(TOLD_FIRST).filter_map(|place| plan.jobs.get(*place));
    let skipped = settled.outcomes().get(&JobOutcome::Skipped).copied().unwrap_or(0);
    let sizing = &machine_now.sizing;
    RunStart {
        run_id: run_id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        input_dir: settings.input_dir.to_string_lossy().into_owned(),
        output_dir: settings.output_dir.to_string_lossy().into_owned(),
        shard: settings.shard.to_string(),
        jobs: sizes.len() as u64,
        files: plan.jobs.len() as u64,
        bytes: sizes.iter().copied().fold(0, u64::saturating_add),
        first: first.map(|job| job.name.clone()).collect(),
        skipped,
        incomplete: opening.stale.iter().map(|(name, _)| name.clone()).collect(),
        stale: opening.stale.into_iter().map(|(name, why)| Stale { name, why }).collect(),
        conflicts: opening.conflicts,
        failed_before: opening.failed_before,
        slots: sizing.slots,
        slots_reason: sizing.reason.clone(),
        threads_per_worker: sizing.threads,
        memory: machine_now.first.status.clone(),
        machine: machine(),
    }
}
