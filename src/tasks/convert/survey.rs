//! Looks at what is in the output directory before a run: what is up to date, what has to be made
//! again, what is in the way. Nothing is written.
//!
//! Most of it is told by `stat` and the journals. Files that have to be looked into are looked into
//! by workers, for a damaged one may cost its reader's life.

use super::questions::{Found, Questions};
use super::resume::{Answer, Answers, Inquiry, Sorted, sort_out};
use crate::archive::{Placement, Shard, same_place};
use crate::convert::{Mode, Recipe, Wanted};
use crate::supervisor::journal::Journals;
use crate::supervisor::mirror;
use crate::supervisor::records::Ledger;
use crate::supervisor::run::{Commission, carry_out};
use crate::supervisor::run_dir::RunDir;
use crate::supervisor::stage::context;
use crate::supervisor::{
    Conflicts, Hooks, JobOutcome, OnConflict, Plan, PlannedJob, Reporter, RunError, RunEvent,
    Settings,
};
use crate::sys::dir::OWN;
use crate::sys::stat::StatData;
use crate::text;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Looking takes so long before anything is said of it.
const PATIENCE: Duration = Duration::from_secs(1);
/// And so long until it is said again.
const AGAIN: Duration = Duration::from_secs(10);
/// What was found out counts for a run that begins so soon, without another look. What happens
/// meanwhile is no worse than what happens a moment later: nothing is replaced that is not what it was.
const FRESH: Duration = Duration::from_secs(1);

/// What was found out. It spares [`run`](super::run()) from finding it out again.
#[derive(Debug, Default)]
pub struct Survey {
    pub(super) journals: Journals,
    pub(super) answers: Answers,
    /// How the plan was sorted out, and when.
    sorted: Option<(Instant, Sorted)>,
    done: bool,
    /// What a user should know before the run.
    pub notes: Vec<String>,
    /// What is to be told of what is in the way of outputs, by name.
    told: BTreeMap<String, String>,
    /// Files that are not JLD2 and are to be taken along, by their paths below the archive's directory.
    pub others: Vec<OsString>,
    /// How many outputs are up to date.
    pub complete: u64,
    /// How many have to be made again.
    pub stale: u64,
    /// How many files are in the way.
    pub conflicts: u64,
    /// How many files are left to be converted.
    pub left: u64,
    /// Their bytes.
    pub left_bytes: u64,
}

impl Survey {
    /// What is to be told of the output of `job`, which is at `place` in the plan, if it is there.
    pub fn there(&self, place: usize, job: &PlannedJob) -> Option<String> {
        if let Some(told) = self.told.get(&job.name) {
            return Some(told.clone());
        }
        let (_, sorted) = self.sorted.as_ref()?;
        if let Some(why) = sorted.orders.get(place).and_then(|order| order.stale) {
            return Some(format!("made again: {why}"));
        }
        Some(format!("skipped: {}", sorted.settled.get(place)?.message.unwrap_or_default()))
    }

    /// Bytes of input per second that earlier runs into this directory came to; none if there were none
    /// that read any.
    pub fn earlier_rate(&self) -> Option<f64> {
        let ends = &self.journals.own.ends;
        let bytes = ends.iter().fold(0, |sum, it| it.summary.bytes_read.saturating_add(sum));
        let seconds: f64 = ends.iter().map(|it| it.summary.conversion_time).sum();
        (bytes > 0 && seconds > 0.0).then(|| text::float(bytes) / seconds)
    }

    /// How the plan was sorted out, if that was a moment ago and does not name the run: where files of
    /// others are kept, its id is in the path.
    pub(super) fn take_sorted(&mut self) -> Option<Sorted> {
        let (at, sorted) = self.sorted.take()?;
        (at.elapsed() < FRESH && sorted.conflicts.is_empty()).then_some(sorted)
    }

    /// Whether nobody looked yet.
    pub(super) fn is_empty(&self) -> bool {
        !self.done
    }
}

/// Looks at what `plan` would meet in the output directory.
///
/// # Errors
/// [`RunError::Conflicts`] where files are in the way and the settings do not say what is to become
/// of them; the output directory cannot be looked at.
pub fn survey(
    settings: &Settings,
    plan: &Plan,
    hooks: &Hooks,
    reporter: &mut dyn Reporter,
) -> Result<Survey, RunError> {
    check_outputs(settings, plan)?;
    if !settings.dry_run {
        RunDir::check_free(&settings.output_dir, settings.shard)?;
    }
    let journals = Journals::read(RunDir::peek(&settings.output_dir)?, settings.shard)?;
    let notes = notes(settings, &journals)?;
    let mut survey = Survey { journals, notes, done: true, ..Survey::default() };
    let sorted = settle(settings, plan, &mut survey, &kept(settings, ""), hooks, reporter)?;
    survey.stale = sorted.orders.stale().count() as u64;
    survey.conflicts = sorted.conflicts.len() as u64;
    (survey.left, survey.left_bytes) = (plan.jobs.len() as u64, plan.bytes());
    for (_, settled) in sorted.settled.iter() {
        survey.left = survey.left.saturating_sub(1);
        survey.left_bytes = survey.left_bytes.saturating_sub(settled.bytes_in);
        let complete = settled.outcome == JobOutcome::Skipped && settled.conflict.is_none();
        survey.complete += u64::from(complete);
    }
    let conflicts = sorted.conflicts.iter();
    survey.told.extend(conflicts.map(|it| (it.name.clone(), format!("conflict: {}", it.why))));
    survey.sorted = Some((Instant::now(), sorted));
    Ok(survey)
}

/// Whether a journal beside `output` claims it as it is now: then it is this program's own.
///
/// # Errors
/// The journals cannot be read.
pub fn is_claimed(output: &Path, now: &StatData) -> Result<bool, RunError> {
    let dir = output.parent().filter(|dir| !dir.as_os_str().is_empty());
    let own = RunDir::peek(dir.unwrap_or(Path::new(".")))?;
    let journals = Journals::read(own, Shard::default())?;
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    let claim = journals.all()?.claimed(&name)?;
    let made = claim.and_then(|claimed| claimed.claim?.output);
    Ok(made.is_some_and(|made| made.stat == *now))
}

/// Where a run keeps what it sets aside.
pub(super) fn kept(settings: &Settings, run_id: &str) -> PathBuf {
    settings.output_dir.join(OWN).join("replaced").join(run_id)
}

/// Sorts the plan out; looks into files where that cannot be told otherwise.
pub(super) fn settle(
    settings: &Settings,
    plan: &Plan,
    survey: &mut Survey,
    kept: &Path,
    hooks: &Hooks,
    reporter: &mut dyn Reporter,
) -> Result<Sorted, RunError> {
    let asked = Recipe::of(&settings.options).map_err(|it| RunError::Recipe(it.message))?;
    let mut rounds = 0;
    let sorted = loop {
        let inquiry = Inquiry {
            settings,
            asked: &asked,
            journals: &survey.journals,
            answers: &survey.answers,
            kept: kept.to_owned(),
            last: rounds == 2,
        };
        let sorted = sort_out(plan, &inquiry)?;
        if sorted.questions.is_empty() {
            break sorted;
        }
        look(settings, plan, &sorted.questions, &mut survey.answers, hooks, reporter)?;
        rounds += 1;
    };
    let says = settings.options.force || settings.on_conflict != OnConflict::Fail;
    if sorted.conflicts.is_empty() || says {
        return Ok(sorted);
    }
    Err(Conflicts { dir: settings.output_dir.clone(), all: sorted.conflicts }.into())
}

/// What is odd about the two directories.
fn notes(settings: &Settings, journals: &Journals) -> Result<Vec<String>, RunError> {
    let (input, output) = (&settings.input_dir, &settings.output_dir);
    let mut notes = Vec::new();
    if settings.options.mode == Mode::InPlace {
        return Ok(notes);
    }
    if lies_in(output, input) {
        notes.push(format!("the output directory {} lies in the archive", output.display()));
    }
    if lies_in(input, output) {
        notes.push(format!("the archive lies in the output directory {}", output.display()));
    }
    // Of a shard that has run before this is known.
    let known = |dir: &String| *dir == input.to_string_lossy();
    if journals.own.runs.iter().any(|run| known(&run.input_dir)) {
        return Ok(notes);
    }
    let dirs = journals.input_dirs()?;
    let same = |dir: &String| {
        same_place(Path::new(dir), input).is_ok_and(|placement| placement == Placement::Same)
    };
    if let Some(other) = dirs.last()
        && !dirs.iter().any(known)
        && !same(other)
    {
        notes.push(format!("{} holds outputs of {other}", output.display()));
    }
    Ok(notes)
}

/// Whether `inner`, or what there is of the way to it, lies below `outer`.
fn lies_in(inner: &Path, outer: &Path) -> bool {
    let mut dir = inner;
    let real = loop {
        match std::fs::canonicalize(dir) {
            Ok(real) => break real,
            Err(_) => match dir.parent() {
                Some(parent) => dir = parent,
                None => return false,
            },
        }
    };
    let below = if dir == inner { real.parent().map(Path::to_owned) } else { Some(real) };
    let outer = std::fs::canonicalize(outer);
    outer.is_ok_and(|outer| below.is_some_and(|below| below.starts_with(outer)))
}

/// Lets workers look into the files of some jobs.
fn look(
    settings: &Settings,
    plan: &Plan,
    questions: &[(usize, Wanted)],
    answers: &mut Answers,
    hooks: &Hooks,
    reporter: &mut dyn Reporter,
) -> Result<(), RunError> {
    // What they are before anybody looks: an answer is about these.
    let stats = questions.iter().filter_map(|(place, _)| {
        let job = plan.jobs.get(*place)?;
        let output = StatData::entry(&job.output).ok()??;
        Some((*place, (StatData::at(&job.input).ok()?, output.0)))
    });
    let stats: BTreeMap<_, _> = stats.collect();
    let (sender, found) = channel();
    let task = Questions {
        settings: settings.clone(),
        wanted: questions.iter().copied().collect(),
        answers: sender,
    };
    let context = context(settings, plan, hooks)?;
    let _inside = tracing::info_span!("survey", id = context.run_id).entered();
    let commission = Commission {
        context,
        task: Box::new(task),
        todo: questions.iter().map(|(place, _)| *place).collect(),
        settled: Ledger::default(),
        run_dir: None,
        head: None,
        unwritten: Box::new(std::iter::empty()),
        opening: None,
    };
    let total = questions.len() as u64;
    let mut told = 0;
    let mut take = |(place, result): Found| {
        told += 1;
        let (Some(job), Some((input, output))) = (plan.jobs.get(place), stats.get(&place)) else {
            return;
        };
        let (input, output) = match &result {
            // Told of what was open, not of what had the name a moment before.
            Ok(examined) => (examined.input.stat, examined.output.stat),
            Err(_) => (*input, *output),
        };
        answers.insert(place, job, Answer { input, output, result });
    };
    let due = Instant::now() + PATIENCE;
    let mut looking = Looking { reporter, found, take: &mut take, done: 0, total, due };
    let error = carry_out(commission, &mut looking)?.error;
    looking.take_in();
    if let Some(error) = error {
        return Err(RunError::Examine(error));
    }
    if told < questions.len() {
        return Err(RunError::Interrupted);
    }
    Ok(())
}

/// Takes in what is found, and tells how far the looking is, where it takes its time.
struct Looking<'a> {
    reporter: &'a mut dyn Reporter,
    found: Receiver<Found>,
    take: &'a mut dyn FnMut(Found),
    done: u64,
    total: u64,
    due: Instant,
}

impl Looking<'_> {
    /// Takes in what was found by now.
    fn take_in(&mut self) {
        for found in self.found.try_iter() {
            (self.take)(found);
        }
    }
}

impl Reporter for Looking<'_> {
    fn event(&mut self, event: &RunEvent) {
        self.take_in();
        match event {
            RunEvent::JobFinished(_) => self.done += 1,
            RunEvent::Warning { .. } | RunEvent::Draining { .. } | RunEvent::Stopping { .. } => {
                self.reporter.event(event);
            }
            _ => {}
        }
        if Instant::now() >= self.due {
            self.due = Instant::now() + AGAIN;
            self.reporter.event(&RunEvent::Examining { done: self.done, total: self.total });
        }
    }
}

/// Every output must lie below the output directory, under plain names, on no way that leads through
/// a link, and not in the archive.
pub(super) fn check_outputs(settings: &Settings, plan: &Plan) -> Result<(), RunError> {
    let dir = &settings.output_dir;
    let in_place = settings.options.mode == Mode::InPlace;
    // Where the archive lies below the outputs, they could come into it.
    let archive = if in_place { None } else { below(&settings.input_dir, dir) };
    let astray = plan.jobs.iter().find(|job| {
        let Ok(relative) = job.output.strip_prefix(dir) else { return true };
        let within = archive.as_ref().is_some_and(|archive| relative.starts_with(archive));
        within || !mirror::is_below(relative, OWN)
    });
    if let Some(job) = astray {
        return Err(RunError::Escapes { output: job.output.clone(), dir: dir.clone() });
    }
    mirror::check(dir, names(plan))
}

/// Names of a plan's jobs.
pub(super) fn names(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.jobs.iter().map(|job| job.name.as_str())
}

/// The path from `outer` to `inner`, if that lies below it.
fn below(inner: &Path, outer: &Path) -> Option<PathBuf> {
    let [inner, outer] = [inner, outer].map(std::fs::canonicalize);
    let below = inner.ok()?.strip_prefix(outer.ok()?).ok()?.to_owned();
    (!below.as_os_str().is_empty()).then_some(below)
}
