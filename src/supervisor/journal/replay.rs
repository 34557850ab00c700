//! Reads what earlier runs left in the journals.

use super::record::{Fingerprint, JobLine, Line, RunLine};
use super::{EndLine, FORMAT};
use crate::convert::{Claim, Mode};
use crate::supervisor::record::{JobOutcome, JobRecord};
use crate::sys::dir::{Dir, DirError};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

/// Longest line that is read, in bytes; a job's line carries at most some hundred kilobytes of
/// findings.
pub(super) const LINE_MAX: u64 = 4 << 20;

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

/// Everything that journals tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Past {
    /// By file name.
    pub(crate) files: BTreeMap<String, Known>,
    /// By file name: what was made, whatever became of later tries.
    pub(crate) claims: BTreeMap<String, Claimed>,
    /// The runs, in the order met.
    pub(crate) runs: Vec<RunLine>,
    /// The ends of runs that ended in order.
    pub(crate) ends: Vec<EndLine>,
    /// How often each cause ended an attempt.
    pub(crate) faults: BTreeMap<crate::supervisor::fault::Fault, u64>,
    /// Jobs that ended in each run, by its id.
    pub(crate) ended: BTreeMap<String, Ended>,
    /// Lines that were not understood, torn ones left out.
    pub(crate) odd: u64,
}

/// How many jobs of a run have a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) jobs: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
}

/// The names on which the journal that is being read has the last word so far. Within one journal
/// the order of lines counts: a clock may have been set back.
#[derive(Debug, Default)]
struct Latest {
    files: BTreeSet<String>,
    claims: BTreeSet<String>,
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
    let mut reader = BufReader::new(dir.open_file(name, false)?);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Ok(heads),
        }
        if bytes.starts_with(b"{\"kind\":\"run\",")
            && let Ok(Line::Run(line)) = serde_json::from_slice(&bytes)
        {
            heads.push(*line);
        }
    }
}

impl Past {
    /// Adds what the journal `name` in `dir` tells. A journal that is not there tells nothing.
    ///
    /// # Errors
    /// It is a link or no file, or cannot be opened.
    pub(crate) fn read(&mut self, dir: &Dir, name: &OsStr) -> Result<(), DirError> {
        if dir.entry(name)?.is_none() {
            return Ok(());
        }
        let file = dir.open_file(name, false)?;
        self.take_in(BufReader::new(file));
        Ok(())
    }

    /// Ids of all runs.
    pub(crate) fn run_ids(&self) -> BTreeSet<&str> {
        self.runs.iter().map(|run| run.head.run_id.as_str()).collect()
    }

    fn take_in(&mut self, mut reader: impl BufRead) {
        let mut run: Option<Arc<RunLine>> = None;
        let mut latest = Latest::default();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let Ok(count) = reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes) else {
                // A page of it cannot be read: what is known so far counts.
                self.odd += 1;
                return;
            };
            if count == 0 {
                return;
            }
            if bytes.last() != Some(&b'\n') {
                // Torn, or so long that it is not a line of ours: the rest of it follows.
                self.odd += u64::from(count as u64 == LINE_MAX);
                continue;
            }
            match serde_json::from_slice::<Line>(&bytes) {
                Ok(Line::Run(line)) => {
                    run = (line.head.journal == FORMAT).then(|| Arc::new((*line).clone()));
                    self.runs.push(*line);
                }
                Ok(Line::Job(line)) => self.job(*line, run.as_ref(), &mut latest),
                Ok(Line::Attempt(line)) => {
                    *self.faults.entry(line.fault).or_default() += 1;
                }
                Ok(Line::End(line)) => self.ends.push(*line),
                // They tell of no outputs.
                Ok(Line::Task(_) | Line::Result(_)) => {}
                Err(_) => self.odd += u64::from(!bytes.trim_ascii().is_empty()),
            }
        }
    }

    fn job(&mut self, line: JobLine, run: Option<&Arc<RunLine>>, latest: &mut Latest) {
        // Without the head of its run a line's meaning is not certain.
        let Some(run) = run.filter(|run| run.head.run_id == line.run_id) else {
            self.odd += 1;
            return;
        };
        let JobLine { at, input, claim, record, .. } = line;
        let ended = self.ended.entry(run.head.run_id.clone()).or_default();
        ended.jobs = ended.jobs.saturating_add(1);
        ended.failed += u64::from(record.outcome == JobOutcome::Failed);
        let made = matches!(record.outcome, JobOutcome::Converted | JobOutcome::Unchanged);
        // What is made in place has no output of its own.
        let before_claims = run.recipe.is_none() && run.options.mode != Mode::InPlace;
        if claim.is_some() || (made && before_claims) {
            let before = self.claims.get(&record.name);
            let ours = latest.claims.contains(&record.name);
            if ours || before.is_none_or(|before| before.at <= at) {
                latest.claims.insert(record.name.clone());
                let (at, input, bytes_out) = (at.clone(), input.clone(), record.bytes_out);
                let claimed = Claimed { at, input, bytes_out, claim };
                self.claims.insert(record.name.clone(), claimed);
            }
        }
        let ours = latest.files.contains(&record.name);
        match self.files.entry(record.name.clone()) {
            Entry::Vacant(free) => {
                latest.files.insert(record.name.clone());
                free.insert(Known { at, input, record, run: Arc::clone(run) });
            }
            Entry::Occupied(mut known) if ours || known.get().at <= at => {
                latest.files.insert(record.name.clone());
                // Of an output that is still complete the story is how it was made.
                let still = record.outcome == JobOutcome::Skipped && record.conflict.is_none();
                let known = known.get_mut();
                if still && known.record.outcome != JobOutcome::Failed {
                    known.record.verify = record.verify.or(known.record.verify);
                } else {
                    *known = Known { at, input, record, run: Arc::clone(run) };
                }
            }
            Entry::Occupied(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::Options;
    use crate::supervisor::journal::HeadLine;

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
        past.take_in(bytes);
        past
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
        assert_eq!(past.files["x"].record.outcome, JobOutcome::Converted);
        assert_eq!((past.files.len(), past.odd), (2, 0));
        assert_eq!(past.run_ids().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn within_a_journal_the_order_counts_and_between_them_the_time() {
        let one = |at, outcome| text(&[run("a"), job("a", "x", at, outcome)]);
        let mut past =
            past(&[one("5", JobOutcome::Failed), one("3", JobOutcome::Converted)].concat());
        assert_eq!(past.files["x"].record.outcome, JobOutcome::Converted);
        assert_eq!(past.claims["x"].at, "3");
        past.take_in(&one("2", JobOutcome::Failed)[..]);
        assert_eq!(past.files["x"].record.outcome, JobOutcome::Converted);
        past.take_in(&one("4", JobOutcome::Unchanged)[..]);
        assert_eq!((past.claims["x"].at.as_str(), past.files["x"].at.as_str()), ("4", "4"));
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
        assert_eq!(past.files["x"].record.outcome, JobOutcome::Failed);
        assert_eq!(past.files["y"].record.outcome, JobOutcome::Unchanged);
        assert_eq!(past.files["z"].record.outcome, JobOutcome::Skipped);
        assert_eq!(
            past.claims.keys().collect::<Vec<_>>(),
            ["x", "y"],
            "not what was only looked at"
        );
        let mut head = run("b");
        if let Line::Run(line) = &mut head {
            line.options.mode = Mode::InPlace;
        }
        let past = self::past(&text(&[head, job("b", "x", "1", JobOutcome::Converted)]));
        assert!(past.claims.is_empty(), "what was changed in place is not an output");
    }

    #[test]
    fn a_torn_line_does_not_count_wherever_it_was_torn() {
        let whole = text(&[run("a"), job("a", "x", "1", JobOutcome::Converted)]);
        let last = text(&[job("a", "y", "2", JobOutcome::Converted)]);
        for cut in 1..last.len() {
            let mut bytes = whole.clone();
            bytes.extend_from_slice(&last[..cut]);
            let past = past(&bytes);
            assert_eq!(past.files.keys().collect::<Vec<_>>(), ["x"]);
            assert_eq!(past.odd, 0);
        }
    }

    #[test]
    fn what_came_after_a_torn_line_counts() {
        let mut bytes = text(&[run("a")]);
        bytes.extend_from_slice(b"{\"kind\":\"job\",\"run_id\":\"a\",\"na\n");
        bytes.extend(text(&[run("b"), job("b", "x", "1", JobOutcome::Unchanged)]));
        let past = past(&bytes);
        assert_eq!((past.files.len(), past.odd), (1, 1));
    }

    #[test]
    fn lines_of_unknown_versions_do_not_count() {
        let mut head = run("a");
        if let Line::Run(line) = &mut head {
            line.head.journal = FORMAT + 1;
        }
        let past = past(&text(&[head, job("a", "x", "1", JobOutcome::Converted)]));
        assert_eq!((past.files.len(), past.odd, past.runs.len()), (0, 1, 1));
    }

    #[test]
    fn rubbish_is_no_harm() {
        for bytes in [&b""[..], b"\n\n", b"\x00\xff\n", b"[]\n{}\n\"x\"\n"] {
            assert!(past(bytes).files.is_empty());
        }
        let long = vec![b'x'; 9 << 20];
        assert!(past(&long).odd >= 2);
    }
}
