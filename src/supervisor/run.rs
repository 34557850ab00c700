//! A run from its settings and plan to its summary.

use super::bounds::Bounds;
use super::child::WorkerProgram;
use super::clock::{rfc3339, run_id};
use super::dispatcher::{Dispatcher, Frame, Message, Staff};
use super::error::RunError;
use super::event::{Reporter, RunEvent, RunStart};
use super::family::Family;
use super::journal::{JobLine, Line, RunLine, Scribe, Task};
use super::monitor::{Monitor, Sample, own_memory};
use super::news::news;
use super::oom::Witness;
use super::place::Place;
use super::plan::Plan;
use super::record::{JobOutcome, RunSummary};
use super::resume::{IsComplete, Sorted, sort_out};
use super::scheduler::{Config, Scheduler};
use super::settings::{OnFull, Settings};
use super::signals::Listening;
use super::sizing::{self, Sizing};
use crate::convert::temp::Owner;
use crate::protocol::SocketDir;
use crate::sys::machine::machine;
use crate::sys::process::{cores, hostname};
use std::sync::mpsc::channel;
use std::time::SystemTime;

/// What a run is given beside its settings and plan.
pub struct Hooks<'a> {
    /// How workers are started.
    pub program: WorkerProgram,
    /// Whether an output that no journal tells of is complete for its input.
    pub is_complete: &'a IsComplete<'a>,
}

/// Runs `plan`: converts what is left to do and tells `reporter` about it. Temporary files that
/// dead runs left in the output directory are removed first.
///
/// Signals are handled while it runs: the first SIGINT, SIGTERM or SIGHUP ends the run in order, the
/// second stops it at once.
///
/// # Errors
/// The run cannot begin: another one works there, or the output directory cannot be used. Failed
/// jobs are no error but are told in the summary.
pub fn run(
    settings: &Settings,
    plan: &Plan,
    hooks: &Hooks<'_>,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    let started = SystemTime::now();
    let setup = |what| move |source| RunError::Setup { what, source };
    let run_id = run_id(started).map_err(setup("name the run"))?;
    check_outputs(settings, plan)?;
    let place = Place::take(&settings.output_dir, settings.shard, &run_id)?;
    let own = place.past(false)?;
    place.sweep(&own)?;
    let sorted = sort_out(plan, settings, &own, &mut || place.past(true), hooks.is_complete)?;
    let mut warnings = place.warnings.clone();
    if own.odd > 0 {
        warnings.push(format!(
            "{} lines of the journal are not understood; they do not count",
            own.odd
        ));
    }
    let mut family = Family::of(settings, plan.listing.as_ref(), place.own()?);
    if let Some(family) = &mut family {
        warnings.extend(family.compare()?);
    }
    let journal = place.journal()?;
    let bounds = Bounds::new(settings.safety_margin, settings.slurm, settings.memory_limit);
    let (reading, status) = bounds.read(own_memory());
    warnings.extend(sizing::too_little(settings, &status));
    let sizing = sizing::size(settings, settings.slurm, sorted.todo.len(), &reading);
    let first = Sample { reading, status, workers: Vec::new(), moved: Vec::new() };
    let head = start_of(settings, plan, &sorted, &sizing, &run_id, &first);
    let (mut news, readers) = news();
    for message in warnings {
        news.tell(RunEvent::Warning { message });
    }
    news.tell(RunEvent::RunStarted(head));

    let (outbox, inbox) = channel();
    let to_scribe = outbox.clone();
    let scribe = Scribe::start(journal, &settings.output_dir, place.temps()?, move |written| {
        // A dispatcher that is gone needs nothing any more.
        let _ = to_scribe.send(Message::Written(written));
    })
    .map_err(setup("start the journal"))?;
    let to_monitor = outbox.clone();
    let monitor = Monitor::start(bounds, settings.sample_interval, move |sample| {
        to_monitor.send(Message::Sample(sample)).is_ok()
    })
    .map_err(setup("watch memory"))?;
    let to_signals = outbox.clone();
    let listening = Listening::start(settings.drain_on_usr1, move |asked| {
        let _ = to_signals.send(Message::Asked(asked));
    })
    .map_err(setup("listen to signals"))?;
    let sockets =
        SocketDir::create(&SocketDir::parents()).map_err(setup("make a place for sockets"))?;
    let frame = Frame {
        settings: settings.clone(),
        plan: plan.clone(),
        todo: sorted.todo.clone(),
        run_id,
        started,
        program: hooks.program.clone(),
        cores: if settings.pin { sizing::deal(&cores(), sizing.slots) } else { Vec::new() },
        temp_dir: place.temp_dir.clone(),
        owner: Owner::myself().map_err(setup("know this process"))?,
        slots: sizing.slots,
        recorded: sorted.recorded.clone(),
    };
    write_head(&scribe, &frame, &sorted);
    for (_, record) in &sorted.settled {
        news.tell(RunEvent::JobFinished(record.clone()));
    }
    let scheduler = Scheduler::new(config(settings, &sizing), &sizes(plan, &sorted));
    let staff =
        Staff { sockets, monitor, scribe, _listening: listening, witness: Witness::new(), family };
    let dispatcher =
        Dispatcher::new(frame, staff, scheduler, news, (outbox, inbox), sorted.settled);
    let summary = dispatch(dispatcher, first, readers, reporter);
    drop(place);
    summary
}

/// Runs the dispatcher in a thread of its own while this one reports.
fn dispatch(
    dispatcher: Dispatcher,
    first: Sample,
    readers: super::news::Readers,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    let thread = std::thread::Builder::new()
        .name("dispatcher".into())
        .spawn(move || dispatcher.run(first))
        .map_err(|source| RunError::Setup { what: "start the dispatcher", source })?;
    readers.read(reporter);
    thread.join().map_err(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        RunError::Internal(words.unwrap_or_else(|| "the dispatcher panicked".to_owned()))
    })
}

/// Every output must lie directly in the output directory, under a plain name.
fn check_outputs(settings: &Settings, plan: &Plan) -> Result<(), RunError> {
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

fn sizes(plan: &Plan, sorted: &Sorted) -> Vec<u64> {
    sorted.todo.iter().map(|place| plan.jobs.get(*place).map_or(0, |job| job.bytes)).collect()
}

fn config(settings: &Settings, sizing: &Sizing) -> Config {
    Config {
        slots: sizing.slots,
        floor: u32::try_from(settings.min_workers).unwrap_or(u32::MAX),
        retries: settings.retries,
        fail_when_full: settings.on_full == OnFull::Fail,
        stall_timeout: settings.stall_timeout,
        handshake_timeout: settings.handshake_timeout,
        grace: settings.grace,
        quiet_interval: settings.quiet_interval,
        recycle_after: settings.recycle_after,
        threads: sizing.threads,
        threads_total: sizing.threads_total,
        first_guess: sizing.first_guess,
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
    let skipped = sorted.settled.iter().filter(|(_, it)| it.outcome == JobOutcome::Skipped).count();
    RunStart {
        run_id: run_id.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        input_dir: settings.input_dir.to_string_lossy().into_owned(),
        output_dir: settings.output_dir.to_string_lossy().into_owned(),
        shard: settings.shard.to_string(),
        jobs: sorted.todo.len() as u64,
        files: plan.jobs.len() as u64,
        bytes: sizes(plan, sorted).into_iter().fold(0, u64::saturating_add),
        skipped: skipped as u64,
        incomplete: sorted.incomplete.clone(),
        failed_before: sorted.failed_before.clone(),
        slots: sizing.slots,
        slots_reason: sizing.reason.clone(),
        threads_per_worker: sizing.threads,
        memory: first.status.clone(),
        machine: machine(),
    }
}

/// The journal's head, and lines for outputs that were found complete without one.
fn write_head(scribe: &Scribe, frame: &Frame, sorted: &Sorted) {
    let Frame { settings, plan, run_id, started, .. } = frame;
    scribe.ask(Task::Write(
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
            jobs: plan.jobs.len() as u64,
            settled: Some(sorted.settled.len().saturating_sub(sorted.unrecorded.len()) as u64),
            listing: plan.listing.clone(),
            array: settings.slurm.array,
        }))),
        None,
    ));
    for place in &sorted.unrecorded {
        let record = sorted.settled.iter().find(|(settled, _)| settled == place);
        if let (Some(job), Some((_, record))) = (plan.jobs.get(*place), record) {
            let line = Line::Job(Box::new(JobLine {
                run_id: run_id.clone(),
                at: rfc3339(SystemTime::now()),
                input: job.into(),
                record: record.clone(),
            }));
            scribe.ask(Task::Write(Box::new(line), None));
        }
    }
}
