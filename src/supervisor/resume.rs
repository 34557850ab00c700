//! Which jobs of a plan are left to do, and what may be replaced for them.

use super::cause::Cause;
use super::conflict::Conflict;
use super::error::RunError;
use super::journal::{Claimed, Fingerprint, Journals, Known as Before};
use super::plan::{Plan, PlannedJob};
use super::record::{JobOutcome, JobRecord};
use super::settings::{OnConflict, Settings};
use super::standing::{Known, Standing};
use crate::archive::{Placement, same_place};
use crate::convert::publish::Existing;
use crate::convert::{Claim, Depth, Examined, Mode, Recipe, Unchanged, VerifyLevel, Wanted};
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A plan, sorted out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sorted {
    /// Jobs to do.
    pub(super) todo: Vec<Todo>,
    /// Jobs that are over.
    pub(super) settled: Vec<Settled>,
    /// Outputs that are there but have to be made again: names and reasons.
    pub(super) stale: Vec<(String, String)>,
    /// Names of jobs that failed earlier and are left alone.
    pub(super) failed_before: Vec<String>,
    /// Files in the way, whatever becomes of them.
    pub(super) conflicts: Vec<Conflict>,
    /// Number of jobs that cannot be tried at all.
    pub(super) hindered: usize,
    /// What has to be found out before the plan can be sorted out, by place.
    pub(super) questions: Vec<(usize, Wanted)>,
}

/// A job to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Todo {
    /// Its place in the plan.
    pub(super) place: usize,
    pub(super) work: Work,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Work {
    Convert(Order),
    Examine(Wanted),
}

/// How an output is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    /// What may be replaced.
    pub(super) existing: Existing,
    /// The input when this was decided.
    pub(super) input: Option<StatData>,
    /// Why it is made again.
    pub(super) stale: Option<String>,
    /// What is in the way.
    pub(super) conflict: Option<String>,
    /// The claim of an output that has to pass a higher check.
    pub(super) recheck: Option<Box<Claim>>,
}

/// A job that is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settled {
    /// Its place in the plan.
    pub(super) place: usize,
    pub(super) record: JobRecord,
    /// What the journal does not have yet.
    pub(super) news: Option<(Option<StatData>, Option<Claim>)>,
}

/// What was found out about a job, and of which files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) input: StatData,
    pub(super) output: StatData,
    pub(super) result: Result<Examined, String>,
}

/// What is known beside the plan.
pub(super) struct Inquiry<'a> {
    pub(super) settings: &'a Settings,
    pub(super) asked: &'a Recipe,
    /// Those of other shards are read only if something is there that our own does not explain.
    pub(super) journals: &'a Journals,
    /// By place in the plan.
    pub(super) answers: &'a BTreeMap<usize, Answer>,
    /// Where files of others are kept.
    pub(super) kept: PathBuf,
    /// Nothing is asked any more.
    pub(super) last: bool,
}

/// What becomes of one job.
enum Fate {
    Do(Order),
    Settle { record: JobRecord, news: Option<(Option<StatData>, Option<Claim>)> },
    /// It failed in an earlier run, and nothing changed that could help.
    Failed(Box<JobRecord>),
    Ask(Wanted),
    /// What is there is in the way, and nothing says what to do.
    Stuck,
}

/// Sorts a plan out: what is up to date is skipped, what failed under the same circumstances is left
/// alone, what is in the way is dealt with as the settings say. Files are not opened here.
///
/// # Errors
/// Journals of other shards cannot be read.
pub(super) fn sort_out(plan: &Plan, inquiry: &Inquiry<'_>) -> Result<Sorted, RunError> {
    let mut sorted = Sorted::default();
    let mut dirs = Dirs { known: BTreeMap::new(), input: inquiry.settings.input_dir.clone() };
    for (place, job) in plan.jobs.iter().enumerate() {
        match fate(place, job, inquiry, &mut dirs, &mut sorted)? {
            Fate::Do(order) => sorted.todo.push(Todo { place, work: Work::Convert(order) }),
            Fate::Settle { record, news } => sorted.settled.push(Settled { place, record, news }),
            Fate::Failed(record) => {
                sorted.failed_before.push(job.name.clone());
                sorted.settled.push(Settled { place, record: *record, news: None });
            }
            Fate::Ask(wanted) => sorted.questions.push((place, wanted)),
            Fate::Stuck => {}
        }
    }
    Ok(sorted)
}

/// Which directories are that of the input, however they are spelled.
struct Dirs {
    known: BTreeMap<PathBuf, bool>,
    input: PathBuf,
}

impl Dirs {
    fn is_input(&mut self, file: &str) -> bool {
        let dir = Path::new(file).parent().unwrap_or(Path::new(""));
        if dir == self.input {
            return true;
        }
        let input = &self.input;
        *self.known.entry(dir.to_owned()).or_insert_with(|| {
            same_place(dir, input).is_ok_and(|placement| placement == Placement::Same)
        })
    }
}

fn fate(
    place: usize,
    job: &PlannedJob,
    inquiry: &Inquiry<'_>,
    dirs: &mut Dirs,
    sorted: &mut Sorted,
) -> Result<Fate, RunError> {
    let settings = inquiry.settings;
    let hindered = |sorted: &mut Sorted, obstacle: &str| {
        let mut record = JobRecord::bare(&job.name, job.number, JobOutcome::Failed, job.bytes);
        record.fault = Some(Cause::Input);
        record.message = Some(format!("{}: {obstacle}", job.input.display()));
        sorted.hindered += 1;
        Fate::Settle { record, news: Some((None, None)) }
    };
    if let Some(obstacle) = &job.obstacle {
        return Ok(hindered(sorted, obstacle));
    }
    let input = StatData::at(&job.input).ok();
    let own = &inquiry.journals.own;
    let failed = || failed_before(own.files.get(&job.name), job, input, inquiry);
    let order = |existing| Order { existing, input, stale: None, conflict: None, recheck: None };
    if settings.options.mode == Mode::InPlace {
        // The file is its own output; what is done is found out in milliseconds.
        return Ok(failed().unwrap_or_else(|| Fate::Do(order(Existing::Keep))));
    }
    // What cannot be looked at will be told of by the worker.
    let Some(input) = input else {
        return Ok(failed().unwrap_or_else(|| Fate::Do(order(Existing::Keep))));
    };
    let output = match StatData::entry(&job.output) {
        Ok(output) => output,
        Err(_) => return Ok(Fate::Do(order(Existing::Keep))),
    };
    let force = settings.options.force;
    let mut claimed = own.claims.get(&job.name);
    let there = output.map(|(stat, _)| stat);
    let explains = |claimed: &Claimed| {
        let made = claimed.claim.as_ref().and_then(|claim| claim.output.as_ref());
        made.map(|made| made.stat) == there
    };
    if there.is_some() && !claimed.is_some_and(explains) {
        claimed = inquiry.journals.all()?.claims.get(&job.name).or(claimed);
    }
    let answer = inquiry.answers.get(&place).filter(|answer| {
        answer.input == input && Some(answer.output) == there
    });
    let known = Known {
        input_path: &job.input,
        input,
        output,
        claimed,
        same_dir: claimed.is_some_and(|claimed| dirs.is_input(&claimed.input.path)),
        asked: inquiry.asked,
        verify: if force { VerifyLevel::None } else { settings.options.verify },
        answer: answer.map(|answer| answer.result.as_ref().map_err(String::as_str)),
    };
    let mut standing = known.standing();
    if let (Standing::Ask(wanted), Some(what)) = (&standing, there) {
        let why = if force && wanted.compare == Some(Depth::Payload) {
            // Whether it is ours would cost a look at all of it; nothing depends on that but what
            // is kept.
            "no journal tells of it, or it was changed later"
        } else if inquiry.last {
            "it is being changed"
        } else {
            return Ok(Fate::Ask(*wanted));
        };
        standing = Standing::Conflict { why: why.to_owned(), what };
    }
    let left_out = settings.options.unchanged == Unchanged::Skip && !force && known.left_out();
    Ok(match standing {
        Standing::Ask(wanted) => Fate::Ask(wanted),
        Standing::Absent if left_out => {
            settle(job, "needs no change, and so no output".to_owned(), 0, None)
        }
        Standing::Absent => {
            let stuck = if force { None } else { failed() };
            stuck.unwrap_or_else(|| Fate::Do(order(Existing::Keep)))
        }
        Standing::Complete { .. } | Standing::Stale { .. } | Standing::Unchecked { .. } if force => {
            Fate::Do(order(there.map_or(Existing::Keep, Existing::Replace)))
        }
        Standing::Complete { why, bytes, claim } => {
            let news = claim.map(|claim| (Some(input), Some(*claim)));
            settle(job, why.to_owned(), bytes, news)
        }
        Standing::Unchecked { claim, output } => {
            Fate::Do(Order { recheck: Some(claim), ..order(Existing::Replace(output)) })
        }
        Standing::Stale { why, output } => {
            if let Some(failed) = failed() {
                return Ok(failed);
            }
            sorted.stale.push((job.name.clone(), why.clone()));
            Fate::Do(Order { stale: Some(why), ..order(Existing::Replace(output)) })
        }
        Standing::Conflict { why, what } => {
            sorted.conflicts.push(Conflict { name: job.name.clone(), why: why.clone() });
            let regular = output.is_some_and(|(_, kind)| kind == FileType::RegularFile);
            let kept = || Existing::SetAside { what, dir: inquiry.kept.clone() };
            match settings.on_conflict {
                _ if force && settings.discard_replaced && regular => {
                    Fate::Do(order(Existing::Replace(what)))
                }
                _ if force => Fate::Do(Order { conflict: Some(why), ..order(kept()) }),
                OnConflict::KeepBoth => Fate::Do(Order { conflict: Some(why), ..order(kept()) }),
                OnConflict::Skip => {
                    let mut record =
                        JobRecord::bare(&job.name, job.number, JobOutcome::Skipped, job.bytes);
                    record.message = Some(format!("conflict, left as it is: {why}"));
                    record.conflict = Some(why);
                    Fate::Settle { record, news: Some((Some(input), None)) }
                }
                OnConflict::Fail => Fate::Stuck,
            }
        }
    })
}

fn settle(
    job: &PlannedJob,
    message: String,
    bytes_out: u64,
    news: Option<(Option<StatData>, Option<Claim>)>,
) -> Fate {
    let mut record = JobRecord::bare(&job.name, job.number, JobOutcome::Skipped, job.bytes);
    record.bytes_out = bytes_out;
    record.message = Some(message);
    record.verify = news.as_ref().and_then(|(_, claim)| Some(claim.as_ref()?.verify));
    Fate::Settle { record, news }
}

/// A failure that is the input's own counts as long as nothing changed that could help. All others
/// came from circumstances.
fn failed_before(
    known: Option<&Before>,
    job: &PlannedJob,
    input: Option<StatData>,
    inquiry: &Inquiry<'_>,
) -> Option<Fate> {
    let known = known?;
    let now = Fingerprint::of(job, input);
    let sticks = known.record.outcome == JobOutcome::Failed
        && matches!(known.record.fault, Some(Cause::Input | Cause::Unsupported))
        && known.input == now
        && input.is_some()
        && known.run.version == env!("CARGO_PKG_VERSION")
        && known.run.recipe.as_ref() == Some(inquiry.asked)
        && !inquiry.settings.resume_failed;
    sticks.then(|| {
        let mut record = known.record.clone();
        let before = record.message.take().unwrap_or_default();
        record.message =
            Some(format!("failed in an earlier run (--resume-failed tries again): {before}"));
        Fate::Failed(Box::new(record))
    })
}
