//! How things stand, decided from real files and journals; answers are made up.

use super::model::ToRecord;
use super::*;
use crate::archive::Shard;
use crate::convert::publish::Existing;
use crate::convert::{Claim, ClaimedFile, Examined, Recipe, Wanted};
use crate::convert::{Depth, Mode, Unchanged, VerifyLevel};
use crate::supervisor::fault::Fault;
use crate::supervisor::journal::{
    FORMAT, Fingerprint, HeadLine, JobLine, Journals, Line, RunLine, file_name,
};
use crate::supervisor::plan::PlannedJob;
use crate::supervisor::record::JobOutcome;
use crate::supervisor::settings::OnConflict;
use crate::supervisor::{JobRecord, Plan, Settings};
use crate::sys::dir::Dir;
use crate::sys::stat::StatData;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a job that is over stands.
struct Settled {
    record: JobRecord,
    to_record: Option<ToRecord>,
}

/// One job, its output and what the journals say.
struct Case {
    dir: tempfile::TempDir,
    settings: Settings,
    /// Whose journal it is that tells.
    shard: Shard,
    lines: Vec<Line>,
    answers: Answers,
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
        let (shard, answers) = (Shard::default(), Answers::default());
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
        let job = self.plan().jobs[0].clone();
        let mut record = JobRecord::bare(NAME, Some(1), outcome, 10);
        record.bytes_out =
            claim.as_ref().map_or(18, |it| it.output.as_ref().map_or(0, |output| output.stat.size));
        record.fault = (outcome == JobOutcome::Failed).then_some(Fault::Input);
        record.message = Some("torn".into());
        self.lines.push(Line::Run(Box::new(RunLine {
            head: HeadLine {
                journal: FORMAT,
                run_id: run_id.clone(),
                version: env!("CARGO_PKG_VERSION").into(),
                started: "t".into(),
                host: "h".into(),
                pid: 1,
                shard: "1/1".into(),
            },
            input_dir: "/in".into(),
            output_dir: "/out".into(),
            options: self.settings.options.clone(),
            recipe: Some(self.asked()),
            jobs: 1,
            settled: None,
            listing: None,
            array: None,
            others: None,
            unlisted: Vec::new(),
            means: None,
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
        let mtime_ns = StatData::from_metadata(&meta).mtime_ns;
        Plan {
            listing: None,
            unlisted: Arc::default(),
            jobs: Arc::new(vec![PlannedJob {
                name: NAME.into(),
                number: Some(1),
                input: self.input(),
                output: self.output(),
                bytes: meta.len(),
                mtime_ns,
                obstacle: None,
            }]),
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
        let sorted = self.sort();
        assert_eq!(sorted.todo, [0], "{sorted:?}");
        sorted.orders.get(0).unwrap()
    }

    fn asks(&self) -> Wanted {
        let sorted = self.sort();
        let [(0, wanted)] = sorted.questions[..] else { panic!("{sorted:?}") };
        assert_eq!(self.sort_as(true).conflicts.len(), 1, "without an answer it is not ours");
        wanted
    }

    fn conflict(&self) -> String {
        let sorted = self.sort();
        assert!(sorted.todo.is_empty() && sorted.settled.len() == 0, "{sorted:?}");
        let [conflict] = &sorted.conflicts[..] else { panic!("{sorted:?}") };
        conflict.why.clone()
    }

    fn complete(&self) -> Settled {
        let sorted = self.sort();
        assert_eq!(sorted.settled.len(), 1, "{sorted:?}");
        let record = sorted.settled.get(0).unwrap();
        let to_record = sorted.to_record.into_each(self.plan().jobs).next().map(|(_, it)| it);
        let settled = Settled { record, to_record };
        assert_eq!(settled.record.outcome, JobOutcome::Skipped);
        assert!(settled.record.message.as_deref().unwrap().starts_with("complete"));
        settled
    }

    fn stale(&self) -> String {
        let output = StatData::at(&self.output()).unwrap();
        let order = self.order();
        assert_eq!(order.existing, Existing::Replace(output));
        assert_eq!(self.sort().orders.stale().count(), 1);
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
        let [input, output] = [self.input(), self.output()].map(|it| StatData::at(&it).unwrap());
        let job = &self.plan().jobs[0];
        self.answers.insert(0, job, Answer { input, output, result: Ok(examined) });
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
    assert_eq!(case.complete().to_record, None);
    assert_eq!(case.complete().record.bytes_out, 18);
    let mut other = Case::made();
    other.shard = Shard { index: 2, count: 3 };
    assert_eq!(other.complete().to_record, None, "another shard's journal counts as much");
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
    let claim = case.complete().to_record.unwrap().claim;
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
    assert!(case.complete().to_record.is_some());
    // Something else: it may still be what a later run made and could not write down.
    case.answer("", "another", None);
    assert!(case.asks().compare.is_some());
    case.answer("", "another", Some(Ok(())));
    assert!(case.complete().to_record.is_some());
    case.answer("", "another", Some(Err("it describes other data")));
    assert!(case.conflict().contains("no longer the output"));
    let stat = StatData::at(&case.output()).unwrap();
    let input = StatData::at(&case.input()).unwrap();
    let result = Err("crashed: SIGSEGV".into());
    let job = &case.plan().jobs[0];
    case.answers.insert(0, job, Answer { input, output: stat, result });
    assert!(case.conflict().contains("crashed: SIGSEGV"));
}

#[test]
fn an_output_that_was_written_to_is_compared_as_a_whole() {
    let mut case = Case::made();
    for (bytes, words) in [
        ("the output's BYTES", "it is no longer the output that the journal records"),
        ("another size", "it has 12 bytes, not the 18 of the output that the journal records"),
    ] {
        Case::rewrite(&case.output(), bytes);
        let wanted = case.asks();
        assert_eq!(wanted.compare, Some(Depth::Payload));
        assert_eq!(wanted.made, Some(Mode::Patch));
        case.answer("", "", Some(Ok(())));
        assert!(case.complete().to_record.is_some());
        case.answer("", "", Some(Err("byte 7 differs")));
        let told = case.conflict();
        assert!(told.starts_with(words) && told.ends_with("byte 7 differs"), "{told}");
        case.answer("", "", None);
        case.asks();
    }
}

#[test]
fn other_options_make_it_again_and_a_higher_check_checks_it_again() {
    let mut case = Case::made();
    case.settings.options.compress = crate::convert::Compress::Zstd(3);
    assert_eq!(case.stale(), "made with another --compress");
    case = Case::made();
    case.settings.options.verify = Some(VerifyLevel::None);
    case.settings.options.threads = 7;
    case.settings.options.keep_bad = true;
    case.complete();
    case.settings.options.verify = Some(VerifyLevel::Content);
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
    let claim = case.complete().to_record.unwrap().claim;
    assert!(claim.is_some(), "it is adopted");
    case.answer("", "", Some(Err("it has 1 bytes, not 18")));
    assert!(case.conflict().ends_with("it has 1 bytes, not 18"));
    case.settings.options.verify = Some(VerifyLevel::Content);
    case.answers = Answers::default();
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
    case.answer("", "", Some(Ok(())));
    case.complete();
}

#[test]
fn outputs_of_another_archive_stay_unless_it_only_moved() {
    let mut case = Case::made();
    let mut claim = case.claim();
    claim.input.path = "/other/output_00001.jld2".into();
    case.tell(JobOutcome::Converted, Some(claim.clone()));
    let Line::Job(job) = &mut case.lines[3] else { panic!() };
    job.input.path.clone_from(&claim.input.path);
    let moved = case.complete().to_record.unwrap().claim;
    assert_eq!(moved.unwrap().input.path, case.input().to_string_lossy());
    Case::rewrite(&case.input(), "twelve bytes");
    assert_eq!(case.conflict(), "is the output of /other/output_00001.jld2");
    // The same directory by another name is not another archive.
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
    case.answer("", "", Some(Err("it is no such file")));
    case.conflict();
    case.settings.on_conflict = OnConflict::Skip;
    let sorted = case.sort();
    assert_eq!((sorted.settled.len(), sorted.conflicts.len()), (1, 1));
    assert!(sorted.settled.get(0).unwrap().conflict.is_some());
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
    case.settings.options.verify = Some(VerifyLevel::Content);
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
    let record = sorted.settled.get(0).unwrap();
    assert_eq!((record.outcome, record.fault), (JobOutcome::Failed, Some(Fault::Input)));
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
        (Fault::Unsupported, true),
        (Fault::Output, false),
        (Fault::Killed, false),
        (Fault::OutOfMemory, false),
        (Fault::Crashed, false),
        (Fault::Spawn, false),
        (Fault::Stalled, false),
        (Fault::Verify, false),
        (Fault::Conflict, false),
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
    // A stale output is not a reason to try what failed.
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
    Arc::make_mut(&mut plan.jobs)[0].obstacle = Some("is a directory".into());
    let inquiry = Inquiry {
        settings: &case.settings,
        asked: &case.asked(),
        journals: &Journals::default(),
        answers: &Answers::default(),
        kept: "kept".into(),
        last: false,
    };
    let sorted = sort_out(&plan, &inquiry).unwrap();
    assert_eq!((sorted.todo.len(), sorted.hindered), (0, 1));
    let record = sorted.settled.get(0).unwrap();
    assert_eq!((record.outcome, record.fault), (JobOutcome::Failed, Some(Fault::Input)));
    assert!(record.message.as_deref().unwrap().ends_with("is a directory"));
}

#[test]
fn in_place_the_file_itself_is_no_output_and_no_failure_sticks() {
    let mut case = Case::made();
    case.settings.options.mode = Mode::InPlace;
    case.settings.output_dir.clone_from(&case.settings.input_dir);
    fs::create_dir(case.settings.output_dir.join(".jldconv")).unwrap();
    assert_eq!((case.order().existing, case.order().recorded), (Existing::Keep, false));
    // Its present size is the one recorded.
    Case::rewrite(&case.input(), "the output's bytes");
    assert!(case.order().recorded);
    case.tell(JobOutcome::Failed, None);
    assert!(!case.order().recorded);
}
