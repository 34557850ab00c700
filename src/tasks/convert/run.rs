//! Converts an archive, from a run's settings and plan to its summary.

use super::dispatch::Conversion;
use super::others::take_along;
use super::resume::{Sorted, ToRecord, Unrecorded};
use super::survey::{Survey, check_outputs, kept, settle, survey as look_first};
use crate::convert::{Mode, Recipe};
use crate::supervisor::dispatcher::RunContext;
use crate::supervisor::journal::{self, Fingerprint, HeadLine, Line, OthersLine, RunLine};
use crate::supervisor::mirror;
use crate::supervisor::run::{Commission, Opening, Unwritten, carry_out};
use crate::supervisor::run_dir::RunDir;
use crate::supervisor::stage::context;
use crate::supervisor::{
    Hooks, Others, OthersSummary, Plan, Reporter, RunError, RunEvent, RunSummary, Settings,
};
use crate::sys::process::hostname;
use crate::sys::scratch::remove_left;
use crate::text;
use std::ffi::OsStr;
use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

/// Runs `plan`: converts what is left to do and tells `reporter` about it. Temporary files that
/// dead runs left in the output directory are removed first. `survey` is what a
/// [`survey`](super::survey()) of the same plan found; without it, the same is found out here.
///
/// Signals are handled while it runs: the first SIGINT, SIGTERM or SIGHUP ends the run in order, the
/// second stops it at once.
///
/// # Errors
/// The run cannot begin: another one works there, the output directory cannot be used, or files are
/// in the way. Failed jobs are not an error but are told in the summary.
pub fn run(
    settings: &Settings,
    plan: &Plan,
    survey: Survey,
    hooks: &Hooks,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    check_outputs(settings, plan)?;
    let recipe = Recipe::of(&settings.options).map_err(|it| RunError::Recipe(it.message))?;
    let context = context(settings, plan, hooks)?;
    let _inside = tracing::info_span!("run", id = context.run_id).entered();
    // Who makes a directory or takes a lock before it is certain that nothing is in the way leaves
    // a trace of a run that never was.
    let survey =
        if survey.is_empty() { look_first(settings, plan, hooks, reporter)? } else { survey };
    let place = RunDir::take(&settings.output_dir, settings.shard, &context.run_id)?;
    let mut survey = survey;
    let mut sorted = survey.take_sorted();
    if !place.are_as(&survey.journals) {
        // Of very many files both would be much.
        let none = std::mem::take(&mut survey.journals).is_empty();
        survey.journals = place.journals()?;
        sorted = sorted.filter(|_| none && survey.journals.is_empty());
    }
    place.sweep(&survey.journals.own)?;
    remove_left(&settings.output_dir);
    let kept = kept(settings, &context.run_id);
    let sorted = match sorted {
        Some(sorted) => sorted,
        // Something may have happened since.
        None => settle(settings, plan, &mut survey, &kept, hooks, reporter)?,
    };
    let mut warnings = place.warnings.clone();
    warnings.append(&mut survey.notes);
    let odd = survey.journals.own.odd;
    let others = std::mem::take(&mut survey.others);
    drop(survey);
    if odd > 0 {
        let lines = text::count(odd, "line");
        warnings.push(format!("not understood in the journal, so that it does not count: {lines}"));
    }
    if settings.options.mode != Mode::InPlace {
        let named = |place: &usize| Some(plan.jobs.get(*place)?.name.as_str());
        let (input, output) = (&settings.input_dir, &settings.output_dir);
        mirror::make(input, output, sorted.todo.iter().filter_map(named))?;
    }
    let others_here = settings.shard.deal(&others).len() as u64;
    let others_here = (settings.others != Others::Skip).then_some(others_here);
    let head = head(&context, &sorted, recipe, others_here);
    let stale = sorted.orders.stale();
    let stale = stale.filter_map(|(place, why)| Some((plan.jobs.get(place)?.name.clone(), why)));
    let stale = stale.map(|(name, why)| (name, why.to_owned())).collect();
    let Sorted { todo, orders, settled, to_record, conflicts, failed_before, .. } = sorted;
    let commission = Commission {
        context,
        task: Box::new(Conversion::new(settings, orders)),
        todo,
        settled,
        run_dir: Some(&place),
        head: Some(head),
        unwritten: Box::new(unwritten(to_record, plan)),
        opening: Some(Opening {
            warnings,
            stale,
            conflicts: conflicts.into_iter().map(|conflict| conflict.name).collect(),
            failed_before,
        }),
    };
    let Some(part) = others_here else { return carry_out(commission, reporter) };
    let run_id = commission.context.run_id.clone();
    hooks.live.takes_along(part);
    let mut summary = carry_out(commission, &mut BeforeTheEnd(reporter))?;
    // One that was to end when its last file was at work ends there: the time that it was given is for
    // that file.
    let ended = !summary.interrupted && summary.error.is_none() && !hooks.live.is_to_end();
    let taken = if ended {
        take_along(&place, settings, &run_id, &others, (&hooks.live, reporter))
    } else {
        Ok(OthersSummary { pending: part, ..OthersSummary::default() })
    };
    hooks.live.over();
    summary.others = taken.as_ref().ok().copied();
    reporter.event(&RunEvent::RunFinished(Box::new(summary.clone())));
    let taken = taken?;
    if summary.error.is_none() {
        note(
            &place,
            settings,
            OthersLine { run_id, at: text::rfc3339(SystemTime::now()), summary: taken },
        )?;
    }
    Ok(summary)
}

/// Tells all but the end, which comes behind the files that are taken along.
struct BeforeTheEnd<'a>(&'a mut dyn Reporter);

impl Reporter for BeforeTheEnd<'_> {
    fn event(&mut self, event: &RunEvent) {
        if !matches!(event, RunEvent::RunFinished(_)) {
            self.0.event(event);
        }
    }
}

/// Adds a line to the journal, behind the run's end.
fn note(place: &RunDir, settings: &Settings, line: OthersLine) -> Result<(), RunError> {
    let Some(bytes) = Line::Others(line).to_bytes() else { return Ok(()) };
    let mut journal = place.list(OsStr::new(&journal::file_name(settings.shard)))?;
    let written = journal.write_all(&bytes).and_then(|()| journal.sync_data());
    written.map_err(|source| RunError::Setup { what: "write to the journal", source })
}

/// What the journal does not have yet.
fn unwritten(to_record: Unrecorded, plan: &Plan) -> impl Iterator<Item = Unwritten> + use<> {
    let jobs = Arc::clone(&plan.jobs);
    let each = to_record.into_each(Arc::clone(&jobs));
    each.filter_map(move |(place, ToRecord { input, claim })| {
        let input = Fingerprint::of(jobs.get(place)?, input);
        Some(Unwritten { place, input, claim: claim.map(|claim| *claim) })
    })
}

/// The journal's head.
fn head(context: &RunContext, sorted: &Sorted, recipe: Recipe, others: Option<u64>) -> Line {
    let RunContext { settings, plan, run_id, started, .. } = context;
    Line::Run(Box::new(RunLine {
        head: HeadLine {
            journal: journal::FORMAT,
            run_id: run_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: text::rfc3339(*started),
            host: hostname(),
            pid: std::process::id(),
            shard: settings.shard.to_string(),
        },
        input_dir: settings.input_dir.to_string_lossy().into_owned(),
        output_dir: settings.output_dir.to_string_lossy().into_owned(),
        options: settings.options.clone(),
        recipe: Some(recipe),
        jobs: plan.jobs.len() as u64,
        settled: Some((sorted.settled.len() as u64).saturating_sub(sorted.to_record.len() as u64)),
        listing: plan.listing.clone(),
        array: settings.slurm.array,
        others,
        unlisted: plan.unlisted.to_vec(),
        // Known when the run begins.
        means: None,
    }))
}
