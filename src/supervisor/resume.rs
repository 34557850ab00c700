//! Which jobs of a plan are left to do.

use super::cause::Cause;
use super::error::RunError;
use super::journal::{Fingerprint, Known, Past};
use super::place::Place;
use super::plan::{Plan, PlannedJob};
use super::record::{JobOutcome, JobRecord};
use super::settings::Settings;
use crate::convert::{Mode, Unchanged};
use std::collections::BTreeSet;
use std::path::Path;

/// Whether the second path is a complete output for the first.
pub type IsComplete<'a> = dyn Fn(&Path, &Path) -> bool + 'a;

/// A plan, sorted out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sorted {
    /// Places in the plan of jobs to do.
    pub(super) todo: Vec<usize>,
    /// Places and records of jobs that are over.
    pub(super) settled: Vec<(usize, JobRecord)>,
    /// Places of those among them of which no journal tells.
    pub(super) unrecorded: Vec<usize>,
    /// Names of outputs that are there but not complete.
    pub(super) incomplete: Vec<String>,
    /// Names of jobs that failed earlier and are left alone.
    pub(super) failed_before: Vec<String>,
    /// Number of jobs that cannot be tried at all.
    pub(super) hindered: usize,
    /// Places of jobs to do in place whose file is, by its size, what a run recorded as its result.
    pub(super) recorded: BTreeSet<usize>,
}

/// What becomes of one job.
enum Fate {
    Do,
    /// An output is there and has to be made again.
    Redo,
    Skip {
        bytes_out: u64,
        message: &'static str,
        recorded: bool,
    },
    /// It failed in an earlier run, and nothing changed that could help.
    Failed(Box<JobRecord>),
    /// It cannot be tried at all.
    Hindered(String),
}

/// Sorts a plan out: what is complete is skipped, what failed under the same circumstances is left
/// alone unless `resume_failed`. `own` is what this shard's journal tells, `others` reads those of
/// other shards; it is called only if something is there that `own` does not explain.
pub(super) fn sort_out(
    plan: &Plan,
    settings: &Settings,
    own: &Past,
    others: &mut dyn FnMut() -> Result<Past, RunError>,
    is_complete: &IsComplete<'_>,
) -> Result<Sorted, RunError> {
    let mut sorted = Sorted::default();
    let mut all = None;
    for (place, job) in plan.jobs.iter().enumerate() {
        if settings.options.mode == Mode::InPlace {
            let past = match &mut all {
                _ if own.files.contains_key(&job.name) => own,
                Some(past) => past,
                None => all.insert(others()?),
            };
            let record = past.files.get(&job.name).map(|known| &known.record);
            let same = |it: &&JobRecord| it.bytes_out == job.bytes;
            if record.filter(same).is_some_and(|it| it.outcome != JobOutcome::Failed) {
                sorted.recorded.insert(place);
            }
        }
        match fate(job, settings, own, others, &mut all, is_complete)? {
            Fate::Do => sorted.todo.push(place),
            Fate::Redo => {
                sorted.incomplete.push(job.name.clone());
                sorted.todo.push(place);
            }
            Fate::Skip { bytes_out, message, recorded } => {
                let mut record =
                    JobRecord::bare(&job.name, job.number, JobOutcome::Skipped, job.bytes);
                record.bytes_out = bytes_out;
                record.message = Some(message.to_owned());
                if !recorded {
                    sorted.unrecorded.push(place);
                }
                sorted.settled.push((place, record));
            }
            Fate::Hindered(obstacle) => {
                let mut record =
                    JobRecord::bare(&job.name, job.number, JobOutcome::Failed, job.bytes);
                record.fault = Some(Cause::Input);
                record.message = Some(format!("{}: {obstacle}", job.input.display()));
                sorted.hindered += 1;
                sorted.unrecorded.push(place);
                sorted.settled.push((place, record));
            }
            Fate::Failed(record) => {
                sorted.failed_before.push(job.name.clone());
                sorted.settled.push((place, *record));
            }
        }
    }
    Ok(sorted)
}

fn fate(
    job: &PlannedJob,
    settings: &Settings,
    own: &Past,
    others: &mut dyn FnMut() -> Result<Past, RunError>,
    all: &mut Option<Past>,
    is_complete: &IsComplete<'_>,
) -> Result<Fate, RunError> {
    if let Some(obstacle) = &job.obstacle {
        return Ok(Fate::Hindered(obstacle.clone()));
    }
    if settings.options.force {
        return Ok(Fate::Do);
    }
    let print = Fingerprint::from(job);
    let same = |known: &&Known| known.input == print;
    if settings.options.mode == Mode::InPlace {
        // The file is its own output; what is done is found out in milliseconds. Nor does a failure
        // count: an undo brings back the very size and time with which the file may have failed in
        // the midst of a change, and what was in the way then (an undo file) may be gone.
        return Ok(Fate::Do);
    }
    let size = Place::output(&job.output).unwrap_or(None);
    let mut known = own.files.get(&job.name).filter(same);
    if known.is_none() && size.is_some() {
        let past = match all {
            Some(past) => past,
            None => all.insert(others()?),
        };
        known = past.files.get(&job.name).filter(same);
    }
    let good = known.filter(|known| known.record.outcome != JobOutcome::Failed);
    if let Some(size) = size {
        if good.is_some_and(|known| known.record.bytes_out == size) {
            let changed = good.and_then(|known| known.options.as_ref()) != Some(&settings.options);
            let message = if changed {
                "complete (made with other options or rules; --force makes it again)"
            } else {
                "complete"
            };
            return Ok(Fate::Skip { bytes_out: size, message, recorded: true });
        }
        if is_complete(&job.input, &job.output) {
            let message = "complete (no journal tells of it, so it was looked at)";
            return Ok(Fate::Skip { bytes_out: size, message, recorded: false });
        }
        return Ok(Fate::Redo);
    }
    if settings.options.unchanged == Unchanged::Skip
        && good.is_some_and(|known| known.record.outcome == JobOutcome::Unchanged)
    {
        let message = "needs no change, and so no output";
        return Ok(Fate::Skip { bytes_out: 0, message, recorded: true });
    }
    Ok(known.and_then(|known| failed_before(known, settings)).unwrap_or(Fate::Do))
}

/// A failure counts as long as nothing changed that could help.
fn failed_before(known: &Known, settings: &Settings) -> Option<Fate> {
    let sticks = known.record.outcome == JobOutcome::Failed
        && known.record.fault != Some(Cause::Unfinished)
        && known.version == env!("CARGO_PKG_VERSION")
        && known.options.as_ref() == Some(&settings.options)
        // What the way to the input did then says nothing of it now.
        && known.record.fault != Some(Cause::Read)
        && !settings.resume_failed;
    sticks.then(|| {
        let mut record = known.record.clone();
        let before = record.message.take().unwrap_or_default();
        record.message =
            Some(format!("failed in an earlier run (--resume-failed tries again): {before}"));
        Fate::Failed(Box::new(record))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Case {
        _dir: tempfile::TempDir,
        settings: Settings,
        plan: Plan,
        past: Past,
    }

    /// One job of 10 bytes, whose output has `size` bytes, and of which the journal says `outcome`.
    fn case(size: Option<u64>, outcome: Option<JobOutcome>) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("output_00001.jld2");
        if let Some(size) = size {
            fs::File::create(&output).unwrap().set_len(size).unwrap();
        }
        let settings = Settings::new("/in", dir.path());
        let job = PlannedJob {
            name: "output_00001.jld2".into(),
            number: Some(1),
            input: "/in/output_00001.jld2".into(),
            output,
            bytes: 10,
            mtime_ns: 5,
            obstacle: None,
        };
        let mut past = Past::default();
        if let Some(outcome) = outcome {
            let mut record = JobRecord::bare(&job.name, job.number, outcome, 10);
            record.bytes_out = 20;
            record.fault = (outcome == JobOutcome::Failed).then_some(Cause::Input);
            record.message = Some("torn".into());
            let known = Known {
                at: "t".into(),
                input: (&job).into(),
                record,
                version: env!("CARGO_PKG_VERSION").into(),
                options: Some(settings.options.clone()),
            };
            past.files.insert(job.name.clone(), known);
        }
        Case { _dir: dir, settings, plan: Plan { jobs: vec![job], listing: None }, past }
    }

    impl Case {
        fn sort(&self, complete: bool) -> Sorted {
            let none = &mut || Ok(Past::default());
            sort_out(&self.plan, &self.settings, &self.past, none, &|_, _| complete).unwrap()
        }
    }

    #[test]
    fn what_is_recorded_and_there_is_skipped_without_a_look() {
        let case = case(Some(20), Some(JobOutcome::Converted));
        let sorted = case.sort(false);
        assert!(sorted.todo.is_empty() && sorted.unrecorded.is_empty());
        assert_eq!(sorted.settled[0].1.outcome, JobOutcome::Skipped);
        assert_eq!(sorted.settled[0].1.message.as_deref(), Some("complete"));
    }

    #[test]
    fn another_shards_journal_counts_too() {
        let mut case = case(Some(20), Some(JobOutcome::Converted));
        let all = std::mem::take(&mut case.past);
        let others = &mut || Ok(all.clone());
        let sorted =
            sort_out(&case.plan, &case.settings, &case.past, others, &|_, _| false).unwrap();
        assert!(sorted.todo.is_empty());
    }

    #[test]
    fn what_is_not_as_recorded_is_looked_at() {
        for case in [
            case(Some(21), Some(JobOutcome::Converted)),
            case(Some(20), Some(JobOutcome::Failed)),
            case(Some(20), None),
        ] {
            assert_eq!(case.sort(true).unrecorded, [0]);
            let sorted = case.sort(false);
            assert_eq!(sorted.todo, [0]);
            assert_eq!(sorted.incomplete, ["output_00001.jld2"]);
        }
    }

    #[test]
    fn a_changed_input_is_converted_again() {
        let mut case = case(Some(20), Some(JobOutcome::Converted));
        case.plan.jobs[0].mtime_ns += 1;
        assert_eq!(case.sort(false).todo, [0]);
        case.plan.jobs[0].mtime_ns -= 1;
        case.plan.jobs[0].bytes += 1;
        assert_eq!(case.sort(false).todo, [0]);
    }

    #[test]
    fn an_output_that_vanished_is_made_again() {
        let case = case(None, Some(JobOutcome::Converted));
        let sorted = case.sort(true);
        assert_eq!((sorted.todo, sorted.incomplete.len()), (vec![0], 0));
    }

    #[test]
    fn a_failure_sticks_until_something_changes() {
        let mut case = case(None, Some(JobOutcome::Failed));
        let sorted = case.sort(true);
        assert_eq!(sorted.failed_before, ["output_00001.jld2"]);
        let record = &sorted.settled[0].1;
        assert_eq!((record.outcome, record.fault), (JobOutcome::Failed, Some(Cause::Input)));
        case.settings.resume_failed = true;
        assert_eq!(case.sort(true).todo, [0]);
        case.settings.resume_failed = false;
        case.settings.options.target = "other".into();
        assert_eq!(case.sort(true).todo, [0]);
    }

    #[test]
    fn an_input_in_the_midst_of_a_change_is_tried_again() {
        let mut case = case(None, Some(JobOutcome::Failed));
        let known = case.past.files.values_mut().next().unwrap();
        known.record.fault = Some(Cause::Unfinished);
        assert_eq!(case.sort(true).todo, [0]);
    }

    #[test]
    fn force_looks_at_nothing() {
        let mut case = case(Some(20), Some(JobOutcome::Converted));
        case.settings.options.force = true;
        assert_eq!(case.sort(true).todo, [0]);
    }

    #[test]
    fn unchanged_files_need_no_output_if_so_asked() {
        let mut case = case(None, Some(JobOutcome::Unchanged));
        assert_eq!(case.sort(true).todo, [0]);
        case.settings.options.unchanged = Unchanged::Skip;
        let known = case.past.files.values_mut().next().unwrap();
        known.options = Some(case.settings.options.clone());
        assert!(case.sort(true).todo.is_empty());
    }

    #[test]
    fn what_cannot_be_tried_fails_without_a_try() {
        let mut case = case(None, None);
        case.plan.jobs[0].obstacle = Some("is a directory".into());
        let sorted = case.sort(true);
        assert_eq!((sorted.todo.len(), sorted.hindered), (0, 1));
        let record = &sorted.settled[0].1;
        assert_eq!((record.outcome, record.fault), (JobOutcome::Failed, Some(Cause::Input)));
        assert!(record.message.as_deref().unwrap().ends_with("is a directory"));
    }

    #[test]
    fn in_place_the_file_itself_is_no_output() {
        let mut case = case(Some(10), Some(JobOutcome::Converted));
        case.settings.options.mode = Mode::InPlace;
        let sorted = case.sort(true);
        assert_eq!((sorted.todo, sorted.recorded.len()), (vec![0], 0));
        // Its present size is the one recorded.
        case.plan.jobs[0].bytes = 20;
        let sorted = case.sort(true);
        assert_eq!((sorted.todo, sorted.recorded.len()), (vec![0], 1));
    }

    #[test]
    fn in_place_no_failure_sticks() {
        let mut case = case(None, Some(JobOutcome::Failed));
        case.settings.options.mode = Mode::InPlace;
        let known = case.past.files.values_mut().next().unwrap();
        known.options = Some(case.settings.options.clone());
        let sorted = case.sort(true);
        assert_eq!((sorted.todo, sorted.recorded.len()), (vec![0], 0));
    }
}
