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
    Settle {
        record: JobRecord,
        news: Option<(Option<StatData>, Option<Claim>)>,
    },
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
    let answer = inquiry
        .answers
        .get(&place)
        .filter(|answer| answer.input == input && Some(answer.output) == there);
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
        Standing::Complete { .. } | Standing::Stale { .. } | Standing::Unchecked { .. }
            if force =>
        {
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

/// Whether a failure tells of what is in the file. What the system said on the way to it (no
/// permission, an I/O error) tells of circumstances.
fn is_the_inputs_own(record: &JobRecord) -> bool {
    let by_system = record.message.as_deref().is_some_and(|it| it.contains("(os error "));
    matches!(record.fault, Some(Cause::Input | Cause::Unsupported)) && !by_system
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
        && is_the_inputs_own(&known.record)
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

#[cfg(test)]
mod tests {
    use super::super::journal::{FORMAT, JobLine, Line, RunLine, file_name};
    use super::*;
    use crate::archive::Shard;
    use crate::convert::ClaimedFile;
    use crate::sys::dir::Dir;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// One job, its output and what the journals say.
    struct Case {
        dir: tempfile::TempDir,
        settings: Settings,
        /// Whose journal it is that tells.
        shard: Shard,
        lines: Vec<Line>,
        answers: BTreeMap<usize, Answer>,
    }

    const NAME: &str = "output_00001.jld2";

    impl Case {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let [input, output] = ["in", "out"].map(|name| dir.path().join(name));
            fs::create_dir(&input).unwrap();
            fs::create_dir_all(output.join(".jldconv")).unwrap();
            fs::write(input.join(NAME), "ten bytes.").unwrap();
            let settings = Settings::new(input, output);
            let (shard, answers) = (Shard::default(), BTreeMap::new());
            Self { dir, settings, shard, lines: Vec::new(), answers }
        }

        /// With an output and its claim.
        fn made() -> Self {
            let mut case = Self::new();
            fs::write(case.output(), "the output's bytes").unwrap();
            let claim = case.claim();
            case.tell(JobOutcome::Converted, Some(claim));
            case
        }

        fn input(&self) -> PathBuf {
            self.settings.input_dir.join(NAME)
        }

        fn output(&self) -> PathBuf {
            self.settings.output_dir.join(NAME)
        }

        fn asked(&self) -> Recipe {
            Recipe::of(&self.settings.options).unwrap()
        }

        fn file(path: &Path) -> ClaimedFile {
            let stat = StatData::at(path).unwrap();
            let path = path.to_string_lossy().into_owned();
            ClaimedFile { path, stat, digest: Some("d".into()) }
        }

        fn claim(&self) -> Claim {
            Claim {
                input: Self::file(&self.input()),
                output: Some(Self::file(&self.output())),
                version: env!("CARGO_PKG_VERSION").into(),
                recipe: Recipe { mode: Mode::Patch, ..self.asked() },
                verify: VerifyLevel::Structure,
            }
        }

        /// A run's journal says this.
        fn tell(&mut self, outcome: JobOutcome, claim: Option<Claim>) {
            let run_id = self.lines.len().to_string();
            let job = self.plan().jobs.remove(0);
            let mut record = JobRecord::bare(NAME, Some(1), outcome, 10);
            record.bytes_out = claim
                .as_ref()
                .map_or(18, |it| it.output.as_ref().map_or(0, |output| output.stat.size));
            record.fault = (outcome == JobOutcome::Failed).then_some(Cause::Input);
            record.message = Some("torn".into());
            self.lines.push(Line::Run(Box::new(RunLine {
                journal: FORMAT,
                run_id: run_id.clone(),
                version: env!("CARGO_PKG_VERSION").into(),
                started: "t".into(),
                host: "h".into(),
                pid: 1,
                shard: "1/1".into(),
                input_dir: "/in".into(),
                output_dir: "/out".into(),
                options: self.settings.options.clone(),
                recipe: Some(self.asked()),
                jobs: 1,
                settled: None,
                listing: None,
                array: None,
            })));
            self.lines.push(Line::Job(Box::new(JobLine {
                run_id,
                at: format!("{:09}", self.lines.len()),
                input: Fingerprint::of(&job, StatData::at(&job.input).ok()),
                claim,
                record,
            })));
        }

        fn plan(&self) -> Plan {
            let meta = fs::metadata(self.input()).unwrap();
            let mtime_ns = StatData::from_metadata(&meta).mtime_ns.into();
            Plan {
                listing: None,
                jobs: vec![PlannedJob {
                    name: NAME.into(),
                    number: Some(1),
                    input: self.input(),
                    output: self.output(),
                    bytes: meta.len(),
                    mtime_ns,
                    obstacle: None,
                }],
            }
        }

        fn sort_as(&self, last: bool) -> Sorted {
            let own = self.settings.output_dir.join(".jldconv");
            let bytes: Vec<u8> = self.lines.iter().flat_map(|it| it.to_bytes().unwrap()).collect();
            fs::write(own.join(file_name(self.shard)), bytes).unwrap();
            let dir = Dir::open(&own).unwrap();
            let journals = Journals::read(Some(dir), Shard::default()).unwrap();
            let inquiry = Inquiry {
                settings: &self.settings,
                asked: &self.asked(),
                journals: &journals,
                answers: &self.answers,
                kept: "kept".into(),
                last,
            };
            sort_out(&self.plan(), &inquiry).unwrap()
        }

        fn sort(&self) -> Sorted {
            self.sort_as(false)
        }

        /// The one order.
        fn order(&self) -> Order {
            let mut sorted = self.sort();
            assert_eq!(sorted.todo.len(), 1, "{sorted:?}");
            let Work::Convert(order) = sorted.todo.remove(0).work else { panic!() };
            order
        }

        fn asks(&self) -> Wanted {
            let sorted = self.sort();
            let [(0, wanted)] = sorted.questions[..] else { panic!("{sorted:?}") };
            assert_eq!(self.sort_as(true).conflicts.len(), 1, "without an answer it is not ours");
            wanted
        }

        fn conflict(&self) -> String {
            let sorted = self.sort();
            assert!(sorted.todo.is_empty() && sorted.settled.is_empty(), "{sorted:?}");
            let [conflict] = &sorted.conflicts[..] else { panic!("{sorted:?}") };
            conflict.why.clone()
        }

        fn complete(&self) -> Settled {
            let mut sorted = self.sort();
            assert_eq!(sorted.settled.len(), 1, "{sorted:?}");
            let settled = sorted.settled.remove(0);
            assert_eq!(settled.record.outcome, JobOutcome::Skipped);
            assert!(settled.record.message.as_deref().unwrap().starts_with("complete"));
            settled
        }

        fn stale(&self) -> String {
            let output = StatData::at(&self.output()).unwrap();
            let order = self.order();
            assert_eq!(order.existing, Existing::Replace(output));
            assert_eq!(self.sort().stale.len(), 1);
            order.stale.unwrap()
        }

        fn answer(&mut self, input: &str, output: &str, compared: Option<Result<(), &str>>) {
            let digested = |path: &Path, digest: &str| ClaimedFile {
                digest: Some(digest.into()),
                ..Self::file(path)
            };
            let examined = Examined {
                input: digested(&self.input(), input),
                output: digested(&self.output(), output),
                compared: compared.map(|it| it.map(|()| self.claim()).map_err(str::to_owned)),
            };
            let [input, output] =
                [self.input(), self.output()].map(|it| StatData::at(&it).unwrap());
            self.answers.insert(0, Answer { input, output, result: Ok(examined) });
        }

        /// Changes no more than `stat`.
        fn touch(path: &Path) {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let permissions = fs::metadata(path).unwrap().permissions();
            fs::set_permissions(path, permissions).unwrap();
        }

        fn rewrite(path: &Path, bytes: &str) {
            std::thread::sleep(std::time::Duration::from_millis(20));
            fs::write(path, bytes).unwrap();
        }
    }

    #[test]
    fn what_is_not_there_is_made() {
        let mut case = Case::new();
        assert_eq!(case.order().existing, Existing::Keep);
        case = Case::made();
        fs::remove_file(case.output()).unwrap();
        assert_eq!((case.order().existing, case.order().stale), (Existing::Keep, None));
    }

    #[test]
    fn what_is_as_claimed_is_complete_without_a_look() {
        let case = Case::made();
        assert_eq!(case.complete().news, None);
        assert_eq!(case.complete().record.bytes_out, 18);
        let mut other = Case::made();
        other.shard = Shard { index: 2, count: 3 };
        assert_eq!(other.complete().news, None, "another shard's journal counts as much");
    }

    #[test]
    fn a_changed_input_is_told() {
        let case = Case::made();
        Case::rewrite(&case.input(), "twelve bytes");
        assert_eq!(case.stale(), "the input changed (size 10 to 12 bytes)");
        Case::rewrite(&case.input(), "ten bytes!");
        assert_eq!(case.stale(), "the input changed (time of modification)");
    }

    #[test]
    fn an_input_under_the_old_time_is_looked_into() {
        let mut case = Case::made();
        Case::touch(&case.input());
        let wanted = case.asks();
        assert!(wanted.input_digest && !wanted.output_digest && wanted.compare.is_none());
        case.answer("d", "", None);
        let (_, claim) = case.complete().news.unwrap();
        assert_eq!(claim.unwrap().input.stat, StatData::at(&case.input()).unwrap());
        case.answer("another", "", None);
        assert!(case.stale().contains("its metadata"));
        // An answer about what was there before is none.
        Case::touch(&case.input());
        case.asks();
    }

    #[test]
    fn an_output_that_was_touched_is_looked_into() {
        let mut case = Case::made();
        Case::touch(&case.output());
        let wanted = case.asks();
        assert!(wanted.output_digest && !wanted.input_digest && wanted.compare.is_none());
        case.answer("", "d", None);
        assert!(case.complete().news.is_some());
        case.answer("", "another", None);
        assert!(case.conflict().contains("was changed later"));
        let stat = StatData::at(&case.output()).unwrap();
        let input = StatData::at(&case.input()).unwrap();
        let result = Err("crashed: SIGSEGV".into());
        case.answers.insert(0, Answer { input, output: stat, result });
        assert!(case.conflict().contains("crashed: SIGSEGV"));
    }

    #[test]
    fn an_output_that_was_written_to_is_compared_as_a_whole() {
        let mut case = Case::made();
        Case::rewrite(&case.output(), "the output's BYTES");
        assert_eq!(case.asks().compare, Some(Depth::Payload));
        case.answer("", "d", Some(Ok(())));
        assert!(case.complete().news.is_some());
        case.answer("", "d", Some(Err("byte 7 differs")));
        assert!(case.conflict().contains("byte 7 differs"));
        case.answer("", "d", None);
        case.asks();
        // There is nothing any more that it could be compared with.
        Case::rewrite(&case.input(), "twelve bytes");
        assert!(case.conflict().contains("was changed later"));
        Case::rewrite(&case.output(), "another size");
        assert_eq!(
            case.conflict(),
            "has 12 bytes, not the 18 of the output that the journal tells of"
        );
    }

    #[test]
    fn other_options_make_it_again_and_a_higher_check_checks_it_again() {
        let mut case = Case::made();
        case.settings.options.compress = crate::convert::Compress::Zstd(3);
        assert_eq!(case.stale(), "made with another --compress");
        case = Case::made();
        case.settings.options.verify = VerifyLevel::None;
        case.settings.options.threads = 7;
        case.settings.options.keep_bad = true;
        case.complete();
        case.settings.options.verify = VerifyLevel::Content;
        let order = case.order();
        assert!(order.recheck.is_some() && order.stale.is_none());
        assert_eq!(order.existing, Existing::Replace(StatData::at(&case.output()).unwrap()));
        // What the contents of rules files are is in the recipe.
        case = Case::made();
        let rules = case.dir.path().join("rules.toml");
        fs::write(&rules, "").unwrap();
        case.settings.options.rules = vec![rules];
        assert_eq!(case.stale(), "made by other rules");
    }

    #[test]
    fn what_no_journal_tells_of_is_compared() {
        let mut case = Case::new();
        Case::rewrite(&case.output(), "x");
        assert_eq!(case.asks().compare, Some(Depth::Payload), "the times differ");
        let mtime = fs::metadata(case.input()).unwrap().modified().unwrap();
        fs::File::options().write(true).open(case.output()).unwrap().set_modified(mtime).unwrap();
        assert_eq!(case.asks().compare, Some(Depth::Metadata));
        case.answer("", "", Some(Ok(())));
        let (_, claim) = case.complete().news.unwrap();
        assert!(claim.is_some(), "it is adopted");
        case.answer("", "", Some(Err("it has 1 bytes, not 18")));
        assert!(case.conflict().ends_with("it has 1 bytes, not 18"));
        case.settings.options.verify = VerifyLevel::Content;
        case.answers.clear();
        assert_eq!(case.asks().compare, Some(Depth::Payload));
    }

    #[test]
    fn journals_of_earlier_versions_say_at_least_whose_it_is() {
        let mut case = Case::new();
        fs::write(case.output(), "the output's bytes").unwrap();
        case.tell(JobOutcome::Converted, None);
        let Line::Run(run) = &mut case.lines[0] else { panic!() };
        run.recipe = None;
        case.asks();
        case.answer("", "", Some(Ok(())));
        case.complete();
        case.answer("", "", Some(Err("it describes other data")));
        assert!(case.stale().contains("it describes other data"));
        let Line::Job(job) = &mut case.lines[1] else { panic!() };
        job.input.path = "/other/output_00001.jld2".into();
        assert!(case.conflict().contains("it describes other data"));
        let Line::Job(job) = &mut case.lines[1] else { panic!() };
        job.record.bytes_out = 17;
        assert!(case.conflict().contains("not the 17"));
    }

    #[test]
    fn outputs_of_another_archive_stay_unless_it_only_moved() {
        let mut case = Case::made();
        let mut claim = case.claim();
        claim.input.path = "/other/output_00001.jld2".into();
        case.tell(JobOutcome::Converted, Some(claim.clone()));
        let Line::Job(job) = &mut case.lines[3] else { panic!() };
        job.input.path.clone_from(&claim.input.path);
        let (_, moved) = case.complete().news.unwrap();
        assert_eq!(moved.unwrap().input.path, case.input().to_string_lossy());
        Case::rewrite(&case.input(), "twelve bytes");
        assert_eq!(case.conflict(), "is the output of /other/output_00001.jld2");
        // The same directory by another name is no other archive.
        let link = case.dir.path().join("link");
        symlink(&case.settings.input_dir, &link).unwrap();
        let Line::Job(job) = &mut case.lines[3] else { panic!() };
        job.input.path = link.join(NAME).to_string_lossy().into_owned();
        assert!(case.stale().starts_with("the input changed"));
    }

    #[test]
    fn what_is_no_file_is_in_the_way() {
        let case = Case::new();
        fs::create_dir(case.output()).unwrap();
        assert_eq!(case.conflict(), "is a directory, not a file");
        fs::remove_dir(case.output()).unwrap();
        symlink("nowhere", case.output()).unwrap();
        assert_eq!(case.conflict(), "is a symbolic link, not a file");
    }

    #[test]
    fn conflicts_are_dealt_with_as_asked() {
        let mut case = Case::made();
        Case::rewrite(&case.output(), "theirs");
        let what = StatData::at(&case.output()).unwrap();
        case.conflict();
        case.settings.on_conflict = OnConflict::Skip;
        let sorted = case.sort();
        assert_eq!((sorted.settled.len(), sorted.conflicts.len()), (1, 1));
        assert!(sorted.settled[0].record.conflict.is_some());
        let aside = Existing::SetAside { what, dir: "kept".into() };
        case.settings.on_conflict = OnConflict::KeepBoth;
        assert_eq!(case.order().existing, aside);
        case.settings.on_conflict = OnConflict::Fail;
        case.settings.options.force = true;
        assert_eq!(case.order().existing, aside);
        case.settings.discard_replaced = true;
        assert_eq!(case.order().existing, Existing::Replace(what));
        fs::remove_file(case.output()).unwrap();
        fs::create_dir(case.output()).unwrap();
        assert!(matches!(case.order().existing, Existing::SetAside { .. }), "no file is discarded");
    }

    #[test]
    fn force_makes_all_again_and_keeps_only_what_is_not_ours() {
        let mut case = Case::made();
        case.settings.options.force = true;
        case.settings.options.verify = VerifyLevel::Content;
        let order = case.order();
        assert_eq!(order.existing, Existing::Replace(StatData::at(&case.output()).unwrap()));
        assert!(order.recheck.is_none() && order.stale.is_none());
        Case::touch(&case.output());
        case.asks();
        case.answer("", "d", None);
        assert!(matches!(case.order().existing, Existing::Replace(_)));
        // It would take a look at all of it.
        Case::rewrite(&case.output(), "the output's BYTES");
        assert!(matches!(case.order().existing, Existing::SetAside { .. }));
    }

    #[test]
    fn an_inputs_own_failure_sticks_until_something_changes() {
        let failed = || {
            let mut case = Case::new();
            case.tell(JobOutcome::Failed, None);
            case
        };
        let mut case = failed();
        let sorted = case.sort();
        assert_eq!(sorted.failed_before, [NAME]);
        let record = &sorted.settled[0].record;
        assert_eq!((record.outcome, record.fault), (JobOutcome::Failed, Some(Cause::Input)));
        assert!(record.message.as_deref().unwrap().contains("--resume-failed"));
        case.settings.resume_failed = true;
        case.order();
        case.settings.resume_failed = false;
        case.settings.options.threads = 9;
        assert_eq!(case.sort().failed_before.len(), 1, "threads are no matter");
        case.settings.options.flat_links = true;
        case.order();
        case = failed();
        Case::touch(&case.input());
        case.order();
        for (cause, sticks) in [
            (Cause::Unsupported, true),
            (Cause::Output, false),
            (Cause::Killed, false),
            (Cause::OutOfMemory, false),
            (Cause::Crashed, false),
            (Cause::Spawn, false),
            (Cause::Stalled, false),
            (Cause::Verify, false),
            (Cause::Conflict, false),
        ] {
            case = failed();
            let Line::Job(job) = &mut case.lines[1] else { panic!() };
            job.record.fault = Some(cause);
            assert_eq!(case.sort().failed_before.len(), usize::from(sticks), "{cause}");
        }
        case = failed();
        let Line::Job(job) = &mut case.lines[1] else { panic!() };
        job.record.message = Some(std::io::Error::from_raw_os_error(libc::EACCES).to_string());
        case.order();
        // A stale output is no reason to try what failed.
        case = Case::made();
        Case::rewrite(&case.input(), "twelve bytes");
        case.tell(JobOutcome::Failed, None);
        assert_eq!(case.sort().failed_before.len(), 1);
    }

    #[test]
    fn unchanged_files_need_no_output_if_so_asked() {
        let mut case = Case::new();
        let claim = Claim {
            input: Case::file(&case.input()),
            output: None,
            version: env!("CARGO_PKG_VERSION").into(),
            recipe: Recipe { mode: Mode::Patch, ..case.asked() },
            verify: VerifyLevel::Structure,
        };
        case.tell(JobOutcome::Unchanged, Some(claim));
        case.order();
        case.settings.options.unchanged = Unchanged::Skip;
        let sorted = case.sort();
        assert_eq!((sorted.todo.len(), sorted.settled.len()), (0, 1));
        Case::rewrite(&case.input(), "twelve bytes");
        case.order();
    }

    #[test]
    fn what_cannot_be_tried_fails_without_a_try() {
        let case = Case::new();
        let mut plan = case.plan();
        plan.jobs[0].obstacle = Some("is a directory".into());
        let inquiry = Inquiry {
            settings: &case.settings,
            asked: &case.asked(),
            journals: &Journals::default(),
            answers: &BTreeMap::new(),
            kept: "kept".into(),
            last: false,
        };
        let sorted = sort_out(&plan, &inquiry).unwrap();
        assert_eq!((sorted.todo.len(), sorted.hindered), (0, 1));
        let record = &sorted.settled[0].record;
        assert_eq!((record.outcome, record.fault), (JobOutcome::Failed, Some(Cause::Input)));
        assert!(record.message.as_deref().unwrap().ends_with("is a directory"));
    }

    #[test]
    fn in_place_the_file_itself_is_no_output() {
        let mut case = Case::made();
        case.settings.options.mode = Mode::InPlace;
        case.settings.output_dir.clone_from(&case.settings.input_dir);
        fs::create_dir(case.settings.output_dir.join(".jldconv")).unwrap();
        assert_eq!(case.order().existing, Existing::Keep);
    }
}
