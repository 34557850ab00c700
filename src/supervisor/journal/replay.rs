//! Reads what earlier runs left in the journals.

use super::lines::Lines;
use super::record::{Fingerprint, JobLine, Line, RunLine};
use super::stored::{self, Span, Stored};
use super::{EndLine, FORMAT};
use crate::archive::dir_of;
use crate::convert::{Claim, Mode, VerifyLevel};
use crate::supervisor::others::OthersSummary;
use crate::supervisor::record::{JobOutcome, JobRecord};
use crate::sys::dir::{Dir, DirError};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

/// Longest line that is read, in bytes; a job's line carries at most some hundred kilobytes of
/// findings.
pub(super) const LINE_MAX: u64 = 4 << 20;

/// So many journals are held open; a job array may have thousands.
const HELD_OPEN: usize = 64;

/// So many runs keep all points of their timelines, and each other one so many.
const FINE: usize = 16;
const COARSE: usize = 64;

/// The last that is known of one file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) at: String,
    pub(crate) input: Fingerprint,
    pub(crate) record: JobRecord,
    /// The run that met it.
    pub(crate) run: Arc<RunLine>,
}

/// The last that is known of one output that this program made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claimed {
    pub(crate) at: String,
    /// Its input when it was planned.
    pub(crate) input: Fingerprint,
    /// Size of the output in bytes.
    pub(crate) bytes_out: u64,
    /// All else; journals of earlier versions have none.
    pub(crate) claim: Option<Claim>,
}

/// A run that made no outputs of conversions, such as an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRan {
    /// When it began (RFC 3339, UTC).
    pub started: String,
    /// Its files.
    pub files: u64,
}

/// Everything that journals tell. Of a file only the places of its lines are kept, some 100 bytes;
/// what they say is read again when it is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    /// By file name.
    files: HashMap<Box<str>, Entry>,
    /// Those that were read.
    journals: Vec<Arc<Stored>>,
    /// The runs, in the order met.
    pub(crate) runs: Vec<Arc<RunLine>>,
    /// The ends of runs that ended in order.
    pub(crate) ends: Vec<EndLine>,
    /// What became of files that are not JLD2, by the ids of the runs that took them along.
    pub(crate) others: BTreeMap<String, OthersSummary>,
    /// Runs that made no outputs of conversions: of each task the last.
    pub(crate) tasks: BTreeMap<String, TaskRan>,
    /// How often each cause ended an attempt.
    pub(crate) faults: BTreeMap<crate::supervisor::fault::Fault, u64>,
    /// Those of them that were followed by another attempt.
    pub(crate) retries: BTreeMap<crate::supervisor::fault::Fault, u64>,
    /// Jobs that ended in each run, by its id.
    pub(crate) ended: BTreeMap<String, Ended>,
    /// Lines that were not understood, torn ones left out.
    pub(crate) odd: u64,
}

/// Where a line of a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Among the journals that were read.
    journal: u32,
    /// Among the runs.
    run: u32,
    span: Span,
}

/// What is known of one file.
#[derive(Debug, Clone)]
struct Entry {
    number: Option<u64>,
    /// The last word on it.
    last: Place,
    failed: bool,
    /// The check that its output passed later than that.
    verify: Option<VerifyLevel>,
    /// Whether the last word on it tells of an output.
    made: bool,
    /// The last that was made, where that is another line, whatever became of later tries.
    made_before: Option<Box<Place>>,
}

impl Entry {
    /// The line of the last output.
    fn claim(&self) -> Option<Place> {
        self.made_before.as_deref().copied().or(self.made.then_some(self.last))
    }

    /// The last word stands at `last`, and the last output's line at `claim`.
    fn set(&mut self, last: Place, claim: Option<Place>) {
        self.last = last;
        self.made = claim == Some(last);
        self.made_before = claim.filter(|_| !self.made).map(Box::new);
    }
}

/// How many jobs of a run have a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) jobs: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
}

/// Names of the journals in `dir`.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn journals(dir: &Dir) -> Result<Vec<OsString>, DirError> {
    let journal = |name: &OsStr| {
        let stem = name.to_str()?.strip_prefix("journal-")?.strip_suffix(".jsonl")?;
        let (index, count) = stem.split_once("-of-")?;
        Some(index.parse::<u32>().is_ok() && count.parse::<u32>().is_ok())
    };
    let mut names = dir.names()?;
    names.retain(|name| journal(name) == Some(true));
    Ok(names)
}

/// The heads of the runs in the journal `name` in `dir`, in their order; nothing else of it is
/// taken apart.
///
/// # Errors
/// It is a link or no file, or cannot be opened.
pub(crate) fn heads(dir: &Dir, name: &OsStr) -> Result<Vec<RunLine>, DirError> {
    let mut heads = Vec::new();
    let mut lines = Lines::new(BufReader::new(dir.open_file(name, false)?), LINE_MAX);
    while let Ok(Some((_, bytes))) = lines.read() {
        if bytes.starts_with(b"{\"kind\":\"run\",")
            && let Ok(Line::Run(line)) = serde_json::from_slice(bytes)
        {
            heads.push(*line);
        }
    }
    Ok(heads)
}

impl Past {
    /// What all journals in `dir` tell.
    ///
    /// # Errors
    /// The directory cannot be read; of a journal, as of [`Self::read`].
    pub(crate) fn of(dir: &Dir) -> Result<Self, DirError> {
        let mut past = Self::default();
        for name in journals(dir)? {
            past.read(dir, &name)?;
        }
        Ok(past)
    }

    /// Adds what the journal `name` in `dir` tells. A journal that is not there tells nothing.
    ///
    /// # Errors
    /// It is a link or no file, or cannot be opened.
    pub(crate) fn read(&mut self, dir: &Dir, name: &OsStr) -> Result<(), DirError> {
        if dir.entry(name)?.is_none() {
            return Ok(());
        }
        let path = dir.path().join(name);
        self.take_in(&dir.open_file(name, false)?, path)
    }

    /// Ids of all runs.
    pub(crate) fn run_ids(&self) -> BTreeSet<&str> {
        self.runs.iter().map(|run| run.head.run_id.as_str()).collect()
    }

    /// How many files there are.
    pub(crate) fn count(&self) -> u64 {
        self.files.len() as u64
    }

    /// Whether something is known of the file `name`.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Names of all files, directory by directory, by their numbers.
    pub(crate) fn names(&self) -> Vec<&str> {
        let files = self.files.iter();
        let mut names: Vec<(&str, Option<u64>, &str)> =
            files.map(|(name, entry)| (dir_of(name), entry.number, &**name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(.., name)| name).collect()
    }

    /// The last that is known of the file `name`.
    ///
    /// # Errors
    /// Its line cannot be read any more.
    pub(crate) fn known(&self, name: &str) -> Result<Option<Known>, DirError> {
        let Some(entry) = self.files.get(name) else { return Ok(None) };
        let (Some(line), Some(run)) = (self.line(entry.last)?, self.run(entry.last.run)) else {
            return Ok(None);
        };
        let JobLine { at, input, mut record, .. } = line;
        record.verify = entry.verify.or(record.verify);
        Ok(Some(Known { at, input, record, run: Arc::clone(run) }))
    }

    /// The last output of that name which this program made.
    ///
    /// # Errors
    /// Its line cannot be read any more.
    pub(crate) fn claimed(&self, name: &str) -> Result<Option<Claimed>, DirError> {
        let Some(place) = self.files.get(name).and_then(Entry::claim) else {
            return Ok(None);
        };
        Ok(self.line(place)?.map(|line| {
            let JobLine { at, input, claim, record, .. } = line;
            Claimed { at, input, bytes_out: record.bytes_out, claim }
        }))
    }

    /// All outputs that this program made and what they were, in no order.
    ///
    /// # Errors
    /// A line cannot be read any more.
    pub(crate) fn claims(&self) -> impl Iterator<Item = Result<Claimed, DirError>> {
        let made = self.files.iter().filter(|(_, entry)| entry.claim().is_some());
        made.filter_map(|(name, _)| self.claimed(name).transpose())
    }

    fn journal(&self, place: Place) -> Option<&Stored> {
        self.journals.get(usize::try_from(place.journal).ok()?).map(|journal| &**journal)
    }

    fn run(&self, number: u32) -> Option<&Arc<RunLine>> {
        self.runs.get(usize::try_from(number).ok()?)
    }

    /// The run that began last in front of a line, if the line, which tells this id, is of it.
    fn run_of(&self, number: Option<u32>, id: &str) -> Option<&Arc<RunLine>> {
        self.run(number?).filter(|run| run.head.run_id == id)
    }

    fn line(&self, place: Place) -> Result<Option<JobLine>, DirError> {
        self.journal(place).map(|journal| journal.job(place.span)).transpose()
    }

    fn take_in(&mut self, file: &File, path: PathBuf) -> Result<(), DirError> {
        let number = u32::try_from(self.journals.len()).unwrap_or(u32::MAX);
        let held = self.journals.len() < HELD_OPEN;
        self.journals.push(Arc::new(Stored::of(file, path, held)?));
        let mut lines = Lines::new(BufReader::with_capacity(1 << 18, file), LINE_MAX);
        // The run whose lines follow.
        let mut run: Option<u32> = None;
        loop {
            let (span, bytes) = match lines.read() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(()),
                Err(_) => {
                    // A page of it cannot be read: what is known so far counts.
                    self.odd += 1;
                    return Ok(());
                }
            };
            if bytes.last() != Some(&b'\n') {
                // Torn, or so long that it is not a line of ours: the rest of it follows.
                self.odd += u64::from(bytes.len() as u64 == LINE_MAX);
                continue;
            }
            match stored::line(bytes) {
                Ok(Line::Job(line)) => {
                    let place = run.map(|run| Place { journal: number, run, span });
                    self.job(*line, place)?;
                }
                Ok(Line::Run(line)) => {
                    let known = u32::try_from(self.runs.len()).ok();
                    run = known.filter(|_| line.head.journal == FORMAT);
                    self.runs.push(Arc::from(line));
                }
                Ok(Line::Attempt(line)) if self.run_of(run, &line.run_id).is_some() => {
                    *self.faults.entry(line.fault).or_default() += 1;
                    if line.will_retry {
                        *self.retries.entry(line.fault).or_default() += 1;
                    }
                }
                Ok(Line::End(mut line)) if self.run_of(run, &line.run_id).is_some() => {
                    // Of very many runs the pictures are coarser.
                    if self.ends.len() >= FINE {
                        line.summary.timeline.thin_to(COARSE);
                    }
                    self.ends.push(*line);
                }
                Ok(Line::Others(line)) => {
                    self.others.insert(line.run_id, line.summary);
                }
                Ok(Line::Task(line)) => {
                    let ran = TaskRan { started: line.head.started, files: line.jobs };
                    match self.tasks.get_mut(&line.task) {
                        Some(known) if known.started > ran.started => {}
                        Some(known) => *known = ran,
                        None => drop(self.tasks.insert(line.task, ran)),
                    }
                }
                // Those of tasks tell of no outputs.
                Ok(Line::Result(_) | Line::Attempt(_) | Line::End(_)) => {}
                Err(_) => self.odd += u64::from(!bytes.trim_ascii().is_empty()),
            }
        }
    }

    /// Takes in the line of a job that stands at `place`. Within one journal the order of lines
    /// counts, for a clock may have been set back; between journals the time does.
    fn job(&mut self, line: JobLine, place: Option<Place>) -> Result<(), DirError> {
        // Without the head of its run a line's meaning is not certain.
        let run = self.run_of(place.map(|place| place.run), &line.run_id).map(Arc::clone);
        let Some((place, run)) = place.zip(run) else {
            self.odd += 1;
            return Ok(());
        };
        let JobLine { at, claim, record, .. } = line;
        let ended = self.ended.entry(run.head.run_id.clone()).or_default();
        ended.jobs = ended.jobs.saturating_add(1);
        ended.failed += u64::from(record.outcome == JobOutcome::Failed);
        let made = matches!(record.outcome, JobOutcome::Converted | JobOutcome::Unchanged);
        // What is made in place has no output of its own.
        let before_claims = run.recipe.is_none() && run.options.mode != Mode::InPlace;
        let claims = claim.is_some() || (made && before_claims);
        let failed = record.outcome == JobOutcome::Failed;
        let Some(known) = self.files.get(record.name.as_str()) else {
            let entry = Entry {
                number: record.number,
                last: place,
                failed,
                verify: None,
                made: claims,
                made_before: None,
            };
            self.files.insert(record.name.into(), entry);
            return Ok(());
        };
        let newer = |then: Place| -> Result<bool, DirError> {
            Ok(then.journal == place.journal || self.line(then)?.is_none_or(|it| it.at <= at))
        };
        let claims = claims && known.claim().map_or(Ok(true), newer)?;
        let last = newer(known.last)?;
        let Some(known) = self.files.get_mut(record.name.as_str()) else { return Ok(()) };
        let claim = if claims { Some(place) } else { known.claim() };
        known.set(known.last, claim);
        if last {
            // Of an output that is still complete the story is how it was made.
            let still = record.outcome == JobOutcome::Skipped && record.conflict.is_none();
            if still && !known.failed {
                known.verify = record.verify.or(known.verify);
            } else {
                known.set(place, claim);
                (known.number, known.failed, known.verify) = (record.number, failed, None);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::Options;
    use crate::supervisor::journal::HeadLine;
    use std::fs;
    use std::os::unix::fs::FileExt;

    fn run(id: &str) -> Line {
        Line::Run(Box::new(RunLine {
            head: HeadLine {
                journal: FORMAT,
                run_id: id.into(),
                version: "1".into(),
                started: "t".into(),
                host: "h".into(),
                pid: 1,
                shard: "1/1".into(),
            },
            input_dir: "/in".into(),
            output_dir: "/out".into(),
            options: Options::default(),
            recipe: None,
            jobs: 2,
            settled: None,
            listing: None,
            array: None,
            others: None,
            unlisted: Vec::new(),
            means: None,
        }))
    }

    fn job(id: &str, name: &str, at: &str, outcome: JobOutcome) -> Line {
        Line::Job(Box::new(JobLine {
            run_id: id.into(),
            at: at.into(),
            input: Fingerprint { path: format!("/in/{name}"), size: 1, mtime_ns: 2, stat: None },
            claim: None,
            record: JobRecord::bare(name, None, outcome, 1),
        }))
    }

    fn text(lines: &[Line]) -> Vec<u8> {
        lines.iter().flat_map(|line| line.to_bytes().unwrap()).collect()
    }

    fn past(bytes: &[u8]) -> Past {
        let mut past = Past::default();
        take_in(&mut past, bytes);
        past
    }

    fn take_in(past: &mut Past, bytes: &[u8]) {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        past.take_in(&file, "journal".into()).unwrap();
    }

    fn outcome(past: &Past, name: &str) -> JobOutcome {
        past.known(name).unwrap().unwrap().record.outcome
    }

    #[test]
    fn the_last_word_on_a_file_counts() {
        let bytes = text(&[
            run("a"),
            job("a", "x", "2026-01-01", JobOutcome::Failed),
            job("a", "y", "2026-01-02", JobOutcome::Converted),
            run("b"),
            job("b", "x", "2026-01-03", JobOutcome::Converted),
        ]);
        let past = past(&bytes);
        assert_eq!(outcome(&past, "x"), JobOutcome::Converted);
        assert_eq!((past.count(), past.odd), (2, 0));
        assert_eq!(past.run_ids().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn within_a_journal_the_order_counts_and_between_them_the_time() {
        let one = |at, outcome| text(&[run("a"), job("a", "x", at, outcome)]);
        let mut past =
            past(&[one("5", JobOutcome::Failed), one("3", JobOutcome::Converted)].concat());
        assert_eq!(outcome(&past, "x"), JobOutcome::Converted);
        assert_eq!(past.claimed("x").unwrap().unwrap().at, "3");
        take_in(&mut past, &one("2", JobOutcome::Failed));
        assert_eq!(outcome(&past, "x"), JobOutcome::Converted);
        take_in(&mut past, &one("4", JobOutcome::Unchanged));
        let claimed = past.claimed("x").unwrap().unwrap();
        assert_eq!((claimed.at, past.known("x").unwrap().unwrap().at), ("4".into(), "4".into()));
    }

    #[test]
    fn very_many_journals_are_read_again_without_being_held_open() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        let mut past = Past::default();
        let name = |number| format!("journal-{number}-of-80.jsonl");
        for number in 1..=80 {
            let job = job("a", &number.to_string(), "1", JobOutcome::Converted);
            fs::write(place.path().join(name(number)), text(&[run("a"), job])).unwrap();
            past.read(&dir, OsStr::new(&name(number))).unwrap();
        }
        for number in 1..=80 {
            assert_eq!(outcome(&past, &number.to_string()), JobOutcome::Converted);
        }
        // What has the name now is not what was read.
        fs::copy(place.path().join(name(80)), place.path().join("copy")).unwrap();
        fs::rename(place.path().join("copy"), place.path().join(name(80))).unwrap();
        let error = past.claimed("80").unwrap_err().to_string();
        assert!(error.contains("another file is in its place"), "{error}");
        assert!(error.contains(&name(80)), "{error}");
    }

    #[test]
    fn a_claim_outlives_later_failures_and_checks() {
        let past = past(&text(&[
            run("a"),
            job("a", "x", "1", JobOutcome::Converted),
            job("a", "x", "2", JobOutcome::Failed),
            job("a", "y", "1", JobOutcome::Unchanged),
            job("a", "y", "2", JobOutcome::Skipped),
            job("a", "z", "2", JobOutcome::Skipped),
        ]));
        assert_eq!(outcome(&past, "x"), JobOutcome::Failed);
        assert_eq!(outcome(&past, "y"), JobOutcome::Unchanged);
        assert_eq!(outcome(&past, "z"), JobOutcome::Skipped);
        assert_eq!(
            ["x", "y", "z"].map(|name| past.claimed(name).unwrap().is_some()),
            [true, true, false],
            "not what was only looked at"
        );
        let mut head = run("b");
        if let Line::Run(line) = &mut head {
            line.options.mode = Mode::InPlace;
        }
        let past = self::past(&text(&[head, job("b", "x", "1", JobOutcome::Converted)]));
        assert_eq!(past.claims().count(), 0, "what was changed in place is not an output");
    }

    #[test]
    fn a_torn_line_does_not_count_wherever_it_was_torn() {
        let whole = text(&[run("a"), job("a", "x", "1", JobOutcome::Converted)]);
        let last = text(&[job("a", "y", "2", JobOutcome::Converted)]);
        for cut in 1..last.len() {
            let mut bytes = whole.clone();
            bytes.extend_from_slice(&last[..cut]);
            let past = past(&bytes);
            assert_eq!(past.names(), ["x"]);
            assert_eq!(past.odd, 0);
        }
    }

    #[test]
    fn what_came_after_a_torn_line_counts() {
        let mut bytes = text(&[run("a")]);
        bytes.extend_from_slice(b"{\"kind\":\"job\",\"run_id\":\"a\",\"na\n");
        bytes.extend(text(&[run("b"), job("b", "x", "1", JobOutcome::Unchanged)]));
        let past = past(&bytes);
        assert_eq!((past.count(), past.odd), (1, 1));
    }

    #[test]
    fn lines_of_unknown_versions_do_not_count() {
        let mut head = run("a");
        if let Line::Run(line) = &mut head {
            line.head.journal = FORMAT + 1;
        }
        let past = past(&text(&[head, job("a", "x", "1", JobOutcome::Converted)]));
        assert_eq!((past.count(), past.odd, past.runs.len()), (0, 1, 1));
    }

    #[test]
    fn rubbish_is_no_harm() {
        for bytes in [&b""[..], b"\n\n", b"\x00\xff\n", b"[]\n{}\n\"x\"\n"] {
            assert!(past(bytes).count() == 0);
        }
        let long = vec![b'x'; 9 << 20];
        assert!(past(&long).odd >= 2);
    }
}
