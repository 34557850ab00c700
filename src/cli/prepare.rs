//! Makes a plan of a resolved command line: look into the archive, choose, divide.

use super::resolve::Run;
use crate::archive::{ArchiveError, Below, Listing, below, discover, discover_all};
use crate::convert::Mode;
use crate::report::Overview;
use crate::supervisor::{ExitCode, Others, Plan};
use crate::text;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Most bytes of names that a journal repeats with each run.
const NAMED_MAX: usize = 1 << 20;

/// A run that has only to be started.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// What was found.
    pub overview: Overview,
    /// What is done with this shard's part of what the range takes.
    pub plan: Plan,
    /// Files that are not JLD2, by their paths below the archive's directory, where they are to be
    /// taken along.
    pub others: Vec<OsString>,
}

/// Looks into the archive of `run` and makes its plan.
///
/// # Errors
/// Where the archive's directory cannot be listed.
pub fn prepare(run: &Run) -> Result<Prepared, ArchiveError> {
    let settings = &run.settings;
    let list = if settings.others == Others::Skip { discover } else { discover_all };
    let archive = list(&settings.input_dir, &run.selection, Some(&settings.output_dir))?;
    let overview = Overview::new(&archive, &run.selection, &run.range);
    let (mut files, others, unlisted) = (archive.files, archive.others, archive.unlisted);
    files.retain(|file| run.range.takes(file.number));
    let listing = Listing::of(&files, &run.selection, &run.range, run.weigh());
    let files = settings.shard.take(files, run.weigh());
    // A journal keeps what was named, but not lists without end.
    let named = run.selection.named.iter().map(String::len).fold(0, usize::saturating_add);
    let listing = Some(listing).filter(|_| named <= NAMED_MAX);
    let unlisted = Arc::new(unlisted);
    let plan = Plan { listing, unlisted, ..Plan::of(files, &settings.output_dir) };
    Ok(Prepared { overview, plan, others })
}

impl Prepared {
    /// What to tell where the range takes no file.
    pub fn nothing(&self, run: &Run) -> Option<String> {
        if self.overview.taken > 0 {
            return None;
        }
        let dir = shown(&run.settings.input_dir);
        let wanted = run.selection.shown();
        Some(match &self.overview.range {
            Some(range) if self.overview.found > 0 => {
                format!("no file of {dir} is in the range {range}:\n{}", self.overview.block())
            }
            _ => {
                let (block, below) = (self.overview.block(), Self::below(run));
                format!("{dir} holds no {wanted}\n{block}{}", below.unwrap_or_default())
            }
        })
    }

    /// With what the program ends then: not all is well where nobody knows what there is.
    pub fn nothing_code(&self) -> ExitCode {
        if self.plan.unlisted.is_empty() { ExitCode::Nothing } else { ExitCode::SomeFailed }
    }

    /// Where the files may be, if there are none in the directory itself.
    fn below(run: &Run) -> Option<String> {
        if run.selection.recursive {
            return None;
        }
        let (input, output) = (&run.settings.input_dir, &run.settings.output_dir);
        let Below { dirs, files, first, more } = below(input, &run.selection, Some(output))?;
        let first = text::tame(&first);
        let (hold, dirs) = match dirs {
            1 => ("holds", format!("the directory {first} below")),
            many => ("hold", format!("{many} directories below ({first} ...)")),
        };
        let least = if more { "at least " } else { "" };
        let files = text::count(files, "file");
        Some(format!("  below       {dirs} {hold} {least}{files}: --recursive takes them\n"))
    }

    /// What becomes of files that are not JLD2, where there are any and it matters.
    pub fn others_told(&self, run: &Run) -> Option<String> {
        let many = self.overview.other_files;
        if many == 0 || run.settings.options.mode == Mode::InPlace {
            return None;
        }
        let files = text::count(many, "other file");
        let what = match (run.settings.others, many) {
            (Others::Skip, 1) => "stays behind (--others copy takes it along)",
            (Others::Skip, _) => "stay behind (--others copy takes them along)",
            (Others::Copy, 1) => "is copied behind the outputs",
            (Others::Copy, _) => "are copied behind the outputs",
            (Others::Link, 1) => "is linked behind the outputs",
            (Others::Link, _) => "are linked behind the outputs",
        };
        Some(format!("  others      {files} {what}\n"))
    }

    /// The question before a run.
    pub fn question(&self, run: &Run) -> String {
        let jobs = self.plan.jobs.len() as u64;
        let (files, bytes) = (text::count(jobs, "file"), text::bytes(self.plan.bytes()));
        let mut question = format!("Convert {files} ({bytes})");
        if run.settings.output_dir == run.settings.input_dir {
            question.push_str(" in place");
        } else {
            let _ = write!(question, " into {}", shown(&run.settings.output_dir));
        }
        question.push('?');
        question
    }
}

fn shown(path: &Path) -> String {
    text::path(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::ArrayVars;
    use crate::cli::{Said, resolve};
    use std::fs;

    fn run(dir: &tempfile::TempDir, said: &[(&str, &str)]) -> Run {
        let mut all = Said::default();
        all.set("input-dir", dir.path().join("in"));
        all.set("output-dir", dir.path().join("out"));
        for (key, value) in said {
            all.set(key, value);
        }
        resolve(all.layer().unwrap(), &ArrayVars::default()).unwrap()
    }

    fn archive(numbers: &[u64]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        for number in numbers {
            let name = format!("in/output_{number:05}.jld2");
            fs::write(dir.path().join(name), vec![0; usize::try_from(*number).unwrap()]).unwrap();
        }
        dir
    }

    #[test]
    fn a_range_of_a_shard() {
        let dir = archive(&[1, 2, 3, 4, 5, 6]);
        let whole = run(&dir, &[("range", "2-5")]);
        let prepared = prepare(&whole).unwrap();
        let names: Vec<_> = prepared.plan.jobs.iter().map(|job| job.number.unwrap()).collect();
        assert_eq!(names, [2, 3, 4, 5]);
        assert_eq!(prepared.plan.jobs[0].output, dir.path().join("out/output_00002.jld2"));
        assert!(prepared.question(&whole).starts_with("Convert 4 files (14 B) into /"));
        assert_eq!(prepared.nothing(&whole), None);
        let shards = ["1/2", "2/2"].map(|shard| {
            let run = run(&dir, &[("range", "2-5"), ("shard", shard)]);
            let jobs = prepare(&run).unwrap().plan.jobs;
            jobs.iter().map(|job| job.number.unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(shards, [[2, 5], [3, 4]]);
    }

    #[test]
    fn nothing_to_do_is_told() {
        let dir = archive(&[1, 2]);
        let told = |run: &Run| {
            let told = prepare(run).unwrap().nothing(run).unwrap();
            told.replace(dir.path().to_str().unwrap(), "DIR")
        };
        insta::assert_snapshot!(told(&run(&dir, &[("range", "5-9")])), @r"
        no file of DIR/in is in the range 5-9:
          found       2 files, outputs 1 to 2, 3 B
          range       5-9 takes 0 files, 0 B
          no files    in 5-9
        ");
        insta::assert_snapshot!(told(&run(&dir, &[("prefix", "snap_")])), @r"
        DIR/in holds no snap_NNNNN.jld2
          found       no output files
          left out    2 files do not match snap_NNNNN.jld2: output_00001.jld2, output_00002.jld2
                      (--match '*.jld2' takes all JLD2 files)
        ");
    }
}
