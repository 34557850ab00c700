//! Decides what becomes of one job.

use super::model::{Order, ToRecord};
use super::sorted::Inquiry;
use super::standing::{Known, Standing};
use crate::archive::{Placement, dir_of, same_place};
use crate::convert::publish::Existing;
use crate::convert::{Depth, Mode, Unchanged, VerifyLevel, Wanted};
use crate::supervisor::conflict::Conflict;
use crate::supervisor::error::RunError;
use crate::supervisor::fault::Fault;
use crate::supervisor::journal::{Claimed, Fingerprint, Known as Before};
use crate::supervisor::plan::PlannedJob;
use crate::supervisor::record::{JobOutcome, JobRecord};
use crate::supervisor::settings::OnConflict;
use crate::sys::dir::OWN;
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What becomes of one job.
pub(super) enum Fate {
    Do(Box<Order>),
    Settle(Box<JobRecord>, Option<ToRecord>),
    /// It cannot be tried at all.
    Hindered(Box<JobRecord>),
    /// It failed in an earlier run, and nothing changed that could help.
    Failed(Box<JobRecord>),
    Ask(Wanted),
    /// What is there is in the way, and nothing says what to do.
    Stuck,
}

/// Where jobs are decided on, one after another.
pub(super) struct Sorter<'a> {
    inquiry: &'a Inquiry<'a>,
    /// Which directories are that of the input, however they are spelled.
    dirs: BTreeMap<PathBuf, bool>,
    /// Nothing is in the output directory, so that no output need be looked for.
    empty: bool,
    /// Files in the way.
    pub(super) conflicts: Vec<Conflict>,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(inquiry: &'a Inquiry<'a>) -> Self {
        let empty = is_empty(&inquiry.settings.output_dir);
        Self { inquiry, dirs: BTreeMap::new(), empty, conflicts: Vec::new() }
    }

    /// What becomes of the job at that place in the plan.
    pub(super) fn fate(&mut self, place: usize, job: &PlannedJob) -> Result<Fate, RunError> {
        if let Some(obstacle) = &job.obstacle {
            let mut record = JobRecord::bare(&job.name, job.number, JobOutcome::Failed, job.bytes);
            record.fault = Some(Fault::Input);
            record.message = Some(format!("{}: {obstacle}", job.input.display()));
            return Ok(Fate::Hindered(Box::new(record)));
        }
        let input = StatData::at(&job.input).ok();
        if self.inquiry.settings.options.mode == Mode::InPlace {
            return self.in_place(job, input);
        }
        let anew = |this: &Self| -> Result<Fate, RunError> {
            let failed = this.failed_before(job, input)?;
            Ok(failed.unwrap_or_else(|| make(order(input, Existing::Keep))))
        };
        // In place the file is its own output; what is done is found out in milliseconds. What
        // cannot be looked at will be told of by the worker.
        let Some(now) = input.filter(|_| self.inquiry.settings.options.mode != Mode::InPlace)
        else {
            return anew(self);
        };
        let output = if self.empty { Ok(None) } else { StatData::entry(&job.output) };
        let Ok(output) = output else {
            return Ok(make(order(input, Existing::Keep)));
        };
        let there = output.map(|(stat, _)| stat);
        let (standing, left_out) = self.standing(place, job, now, output)?;
        let force = self.inquiry.settings.options.force;
        Ok(match standing {
            Standing::Ask(wanted) => Fate::Ask(wanted),
            Standing::Absent if left_out => {
                settle(job, "needs no change, and so no output", 0, None)
            }
            Standing::Absent if force => make(order(input, Existing::Keep)),
            Standing::Absent => anew(self)?,
            Standing::Complete { .. } | Standing::Stale { .. } | Standing::Unchecked { .. }
                if force =>
            {
                make(order(input, there.map_or(Existing::Keep, Existing::Replace)))
            }
            Standing::Complete { why, bytes, claim } => {
                settle(job, why, bytes, claim.map(|it| ToRecord { input, claim: Some(it) }))
            }
            Standing::Unchecked { made, output } => {
                make(Order { recheck: Some(made), ..order(input, Existing::Replace(output)) })
            }
            Standing::Stale { why, output } => {
                self.failed_before(job, input)?.unwrap_or_else(|| {
                    make(Order { stale: Some(why), ..order(input, Existing::Replace(output)) })
                })
            }
            Standing::Conflict { why, what } => {
                let regular = output.is_some_and(|(_, kind)| kind == FileType::RegularFile);
                self.conflict(job, now, (why, what, regular))
            }
        })
    }

    /// In place the file is its own output; what is done is found out in milliseconds. Nor does a
    /// failure count: an undo brings back the very size and time with which the file may have failed
    /// in the middle of a change, and what was in the way then (an undo file) may be gone.
    fn in_place(&self, job: &PlannedJob, input: Option<StatData>) -> Result<Fate, RunError> {
        let journals = self.inquiry.journals;
        let known = match journals.own.known(&job.name)? {
            Some(known) => Some(known),
            None => journals.all()?.known(&job.name)?,
        };
        let recorded = known.is_some_and(|Before { record, .. }| {
            record.outcome != JobOutcome::Failed && record.bytes_out == job.bytes
        });
        Ok(make(Order { recorded, ..order(input, Existing::Keep) }))
    }

    /// How things stand with a job, and whether there is no output because none was needed.
    fn standing(
        &mut self,
        place: usize,
        job: &PlannedJob,
        input: StatData,
        output: Option<(StatData, FileType)>,
    ) -> Result<(Standing, bool), RunError> {
        let inquiry = self.inquiry;
        let options = &inquiry.settings.options;
        let there = output.map(|(stat, _)| stat);
        let mut claimed = inquiry.journals.own.claimed(&job.name)?;
        let explains = |claimed: &Claimed| {
            let made = claimed.claim.as_ref().and_then(|claim| claim.output.as_ref());
            made.map(|made| made.stat) == there
        };
        if there.is_some() && !claimed.as_ref().is_some_and(explains) {
            claimed = inquiry.journals.all()?.claimed(&job.name)?.or(claimed);
        }
        let answer = inquiry.answers.get(place, job);
        let answer = answer.filter(|answer| answer.input == input && Some(answer.output) == there);
        let known = Known {
            input_path: &job.input,
            input,
            output,
            claimed: claimed.as_ref(),
            same_dir: claimed
                .as_ref()
                .is_some_and(|claimed| self.is_input_dir(&claimed.input.path, &job.name)),
            asked: inquiry.asked,
            verify: match options.verify {
                _ if options.force => VerifyLevel::None,
                // What is there passed at least this, or is brought to it.
                None => VerifyLevel::Structure,
                Some(level) => level,
            },
            answer: answer.as_ref().map(|answer| answer.result.as_ref().map_err(String::as_str)),
        };
        let left_out = options.unchanged == Unchanged::Skip && !options.force && known.left_out();
        let standing = known.standing();
        let (Standing::Ask(wanted), Some(what)) = (&standing, there) else {
            return Ok((standing, left_out));
        };
        let why = if options.force && wanted.compare == Some(Depth::Payload) {
            // Whether it is ours would cost a look at all of it; nothing depends on that but what
            // is kept.
            "no journal records it, or it was changed later"
        } else if inquiry.last {
            "it is being changed"
        } else {
            return Ok((standing, left_out));
        };
        Ok((Standing::Conflict { why: why.to_owned(), what }, left_out))
    }

    /// What becomes of a job that has something in its way: why it is that, what `stat` tells of
    /// it, and whether it is a regular file.
    fn conflict(
        &mut self,
        job: &PlannedJob,
        input: StatData,
        (why, what, regular): (String, StatData, bool),
    ) -> Fate {
        let settings = self.inquiry.settings;
        let input = Some(input);
        self.conflicts.push(Conflict { name: job.name.clone(), why: why.clone() });
        let force = settings.options.force;
        if force && settings.discard_replaced && regular {
            return make(order(input, Existing::Replace(what)));
        }
        if force || settings.on_conflict == OnConflict::KeepBoth {
            // Files of one name from two directories are kept apart.
            let dir = self.inquiry.kept.join(dir_of(&job.name));
            let existing = Existing::SetAside { what, dir };
            return make(Order { conflict: Some(why), ..order(input, existing) });
        }
        if settings.on_conflict == OnConflict::Fail {
            return Fate::Stuck;
        }
        let mut record = JobRecord::bare(&job.name, job.number, JobOutcome::Skipped, job.bytes);
        record.message = Some(format!("conflict, left as it is: {why}"));
        record.conflict = Some(why);
        Fate::Settle(Box::new(record), Some(ToRecord { input, claim: None }))
    }

    /// A failure that is the input's own counts as long as nothing changed that could help. All
    /// others came from circumstances.
    fn failed_before(
        &self,
        job: &PlannedJob,
        input: Option<StatData>,
    ) -> Result<Option<Fate>, RunError> {
        let inquiry = self.inquiry;
        let Some(known) = inquiry.journals.own.known(&job.name)? else { return Ok(None) };
        let Before { record, run, .. } = &known;
        let sticks = record.outcome == JobOutcome::Failed
            && is_the_inputs_own(record)
            && input.is_some()
            && known.input == Fingerprint::of(job, input)
            && run.head.version == env!("CARGO_PKG_VERSION")
            && run.recipe.as_ref() == Some(inquiry.asked)
            && run.options.checksums() == inquiry.settings.options.checksums()
            && !inquiry.settings.resume_failed;
        Ok(sticks.then(|| {
            let mut record = record.clone();
            let before = record.message.take().unwrap_or_default();
            record.message =
                Some(format!("failed in an earlier run (--resume-failed tries again): {before}"));
            Fate::Failed(Box::new(record))
        }))
    }

    /// Whether a file of that relative name lies in the directory of the inputs.
    fn is_input_dir(&mut self, file: &str, name: &str) -> bool {
        let deep = Path::new(name).components().count();
        let dir = Path::new(file).ancestors().nth(deep).unwrap_or(Path::new(""));
        let input = &self.inquiry.settings.input_dir;
        if dir == input {
            return true;
        }
        *self.dirs.entry(dir.to_owned()).or_insert_with(|| {
            same_place(dir, input).is_ok_and(|placement| placement == Placement::Same)
        })
    }
}

/// Whether a directory has nothing in it but our own files, or is not there.
fn is_empty(dir: &Path) -> bool {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.all(|entry| entry.is_ok_and(|it| it.file_name() == OWN)),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn order(input: Option<StatData>, existing: Existing) -> Order {
    Order { existing, ..Order::plain(input) }
}

fn make(order: Order) -> Fate {
    Fate::Do(Box::new(order))
}

fn settle(job: &PlannedJob, message: &str, bytes_out: u64, to_record: Option<ToRecord>) -> Fate {
    let mut record = JobRecord::bare(&job.name, job.number, JobOutcome::Skipped, job.bytes);
    record.bytes_out = bytes_out;
    record.message = Some(message.to_owned());
    record.verify = to_record.as_ref().and_then(|to_record| Some(to_record.claim.as_ref()?.verify));
    Fate::Settle(Box::new(record), to_record)
}

/// Whether a failure tells of what is in the file. What the system said on the way to it (no
/// permission, an I/O error) tells of circumstances.
fn is_the_inputs_own(record: &JobRecord) -> bool {
    let by_system = record.message.as_deref().is_some_and(|it| it.contains("(os error "));
    matches!(record.fault, Some(Fault::Input | Fault::Unsupported)) && !by_system
}
