//! Turns what was said into what is done: defaults, checks, nothing left open.

use super::flags::{BatchFlags, ConversionFlags, Layer};
use super::places::{Places, places};
use super::usage_error::{LEAST_MEMORY, UsageError};
use crate::archive::{ArrayVars, Ranges, Selection, Shard, Weigh};
use crate::convert::{Chunking, Compress, Mode, Options, VerifyLevel};
use crate::report::{Color, OnFinish, Progress};
use crate::supervisor::{Others, Settings};
use crate::tasks::convert::least_memory;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run does, and how it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// How it goes.
    pub settings: Settings,
    /// Which files are the archive's.
    pub selection: Selection,
    /// Which output numbers it takes.
    pub range: Ranges,
    /// How it is shown.
    pub view: View,
}

/// How a run is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// What appears while it goes.
    pub progress: Progress,
    /// Where the report goes; its name says in which form.
    pub report: Option<PathBuf>,
    /// Where the log goes.
    pub log: Option<PathBuf>,
    /// Where browsers can follow it.
    pub dashboard: Option<SocketAddr>,
    /// How much is logged.
    pub verbose: u8,
    /// Go without asking.
    pub yes: bool,
    /// When there are colours.
    pub color: Color,
    /// A plain line comes after so long without one; zero for never.
    pub heartbeat: Duration,
    /// What is run when the run has ended.
    pub on_finish: Option<OnFinish>,
}

/// The memory limit of `jldconv convert`, if it makes sense.
///
/// # Errors
/// No conversion could live within it.
pub fn limit_of_one(limit: u64) -> Result<u64, UsageError> {
    if limit < LEAST_MEMORY { Err(UsageError::TooLittleForOne { limit }) } else { Ok(limit) }
}

impl Run {
    /// What makes the parts of a divided archive equal. In-place runs change sizes as they go.
    pub fn weigh(&self) -> Weigh {
        match self.settings.options.mode {
            Mode::InPlace => Weigh::Files,
            Mode::Auto | Mode::Patch | Mode::Rewrite => Weigh::Bytes,
        }
    }
}

/// Resolves what was said; `array` are SLURM's variables.
///
/// # Errors
/// Where something is missing, contradicts itself, or does not exist.
pub fn resolve(layer: Layer, array: &ArrayVars) -> Result<Run, UsageError> {
    let Layer { input_dir, output_dir, more_paths, batch, conversion, yes, verbose } = layer;
    let options = options(conversion.clone())?;
    let Places { input_dir, output_dir, named } =
        places(input_dir, output_dir, more_paths, options.mode)?;
    let mut settings = Settings::new(input_dir, output_dir);
    settings.options = options;
    settings.dry_run = conversion.dry_run.unwrap_or(false);
    settings.discard_replaced = conversion.discard_replaced.unwrap_or(false);
    settings.shard = match batch.shard {
        Some(shard) => shard,
        None => Shard::from_slurm(array)?.unwrap_or_default(),
    };
    let view = View {
        progress: batch.progress.unwrap_or_default(),
        report: batch.report.clone(),
        log: batch.log.clone(),
        dashboard: batch.dashboard.and_then(|listen| listen.0),
        verbose,
        yes: yes.unwrap_or(false),
        color: batch.color.unwrap_or_default(),
        heartbeat: batch.heartbeat.map_or(MINUTE, |span| span.0),
        on_finish: batch.on_finish.clone().map(|command| OnFinish {
            words: command.0,
            time: batch.on_finish_timeout.map_or(MINUTE, |span| span.0),
        }),
    };
    if batch.on_finish_timeout.is_some() && view.on_finish.is_none() {
        return Err(UsageError::Needs("--on-finish-timeout", "--on-finish"));
    }
    let selection = Selection { named, ..selection(&batch) };
    let range = batch.range.clone().unwrap_or_default();
    apply(&mut settings, &batch)?;
    if settings.others != Others::Skip && settings.options.mode == Mode::InPlace {
        let why = "in place all files stay where they are";
        return Err(UsageError::Conflict("--others".into(), "--mode in-place".into(), why));
    }
    Ok(Run { settings, selection, range, view })
}

/// Between heartbeats, and for the command at the end, where nobody says otherwise.
const MINUTE: Duration = Duration::from_mins(1);

/// Which files are an archive's.
pub(super) fn selection(batch: &BatchFlags) -> Selection {
    let (prefixes, globs) = (batch.prefix.clone(), batch.globs.clone());
    Selection::of(prefixes, globs, batch.recursive.unwrap_or(false))
}

fn apply(settings: &mut Settings, batch: &BatchFlags) -> Result<(), UsageError> {
    /// Replaces a default by what was said.
    macro_rules! said {
        ($($field:ident),+) => { $(if let Some(value) = batch.$field { settings.$field = value; })+ };
    }
    said!(workers, min_workers, max_workers, threads_per_worker, retries, on_full, pin);
    said!(resume_failed, drain_on_usr1, on_conflict, others);
    if let Some(share) = batch.safety_margin {
        settings.safety_margin = share.0;
    }
    if let Some(span) = batch.stall_timeout {
        settings.stall_timeout = span.0;
    }
    if let Some(span) = batch.grace {
        settings.grace = span.0;
    }
    settings.memory_limit = batch.memory_limit.map(|size| size.0);
    let (need, least) = least_memory(settings);
    if let Some(limit) = settings.memory_limit.filter(|limit| *limit < least) {
        let margin = settings.safety_margin;
        return Err(UsageError::TooLittleMemory { limit, need, least, margin });
    }
    let (min, max) = (settings.min_workers, settings.max_workers);
    if min > max {
        return Err(UsageError::Bounds { min, max });
    }
    Ok(())
}

/// Resolves how each file is converted.
///
/// # Errors
/// Where flags contradict each other.
pub fn options(flags: ConversionFlags) -> Result<Options, UsageError> {
    let default = Options::default();
    let options = Options {
        mode: flags.mode.unwrap_or(default.mode),
        target: flags.target.unwrap_or(default.target),
        rules: flags.rules,
        verify: flags.verify.or(default.verify),
        hdf5_limit: flags.hdf5_limit.map_or(default.hdf5_limit, |size| size.0),
        unchanged: flags.unchanged.unwrap_or(default.unchanged),
        compress: flags.compress.unwrap_or(default.compress),
        shuffle: flags.shuffle.unwrap_or(default.shuffle),
        block_size: flags.block_size.map(|size| size.0).or(default.block_size),
        chunk: flags.chunk.unwrap_or(default.chunk),
        repack: flags.repack.unwrap_or(default.repack),
        flat_links: flags.flat_links.unwrap_or(default.flat_links),
        portable: flags.portable.unwrap_or(default.portable),
        backup_dir: flags.backup_dir.or(default.backup_dir),
        keep_bad: flags.keep_bad.unwrap_or(default.keep_bad),
        trust_checksums: flags.trust_checksums.unwrap_or(default.trust_checksums),
        force: flags.force.unwrap_or(default.force),
        threads: default.threads,
    };
    let rewrites = [
        ("--compress", options.compress != Compress::Keep),
        ("--shuffle", options.shuffle),
        ("--block-size", options.block_size.is_some()),
        ("--chunk", options.chunk != Chunking::Auto),
        ("--repack", options.repack),
    ];
    if let Some((flag, _)) = rewrites.iter().find(|(_, said)| *said) {
        let conflict = |mode: &str, why| {
            Err(UsageError::Conflict((*flag).to_owned(), format!("--mode {mode}"), why))
        };
        match options.mode {
            Mode::Patch => return conflict("patch", "it lays the file out again"),
            Mode::InPlace => return conflict("in-place", "it lays the file out again"),
            Mode::Auto | Mode::Rewrite => {}
        }
    }
    if options.portable && options.chunk == Chunking::One {
        let why = "h5py from 3.16 on cannot read single chunks as JLD2 writes them";
        return Err(UsageError::Conflict("--portable".into(), "--chunk one".into(), why));
    }
    if options.backup_dir.is_some() && options.mode != Mode::InPlace {
        return Err(UsageError::Needs("--backup-dir", "--mode in-place"));
    }
    // Each file would fail of it.
    if let Some(dir) = &options.backup_dir
        && let Err(source) = directory(dir)
    {
        return Err(UsageError::BackupDir { path: dir.clone(), source });
    }
    if flags.discard_replaced == Some(true) && !options.force {
        return Err(UsageError::Needs("--discard-replaced", "--force"));
    }
    if options.keep_bad && options.mode == Mode::InPlace {
        let why = "there is no second file to keep";
        return Err(UsageError::Conflict("--keep-bad".into(), "--mode in-place".into(), why));
    }
    if options.verify == Some(VerifyLevel::Hdf5) && !cfg!(feature = "hdf5") {
        return Err(UsageError::NoHdf5);
    }
    Ok(options)
}

/// Fails if there is no directory at `path`.
fn directory(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_dir() {
        Ok(())
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::raw_settings::Said;
    use crate::supervisor::{Count, OnFull};
    use std::fs;

    struct Fixture(tempfile::TempDir);

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("in")).unwrap();
            fs::write(dir.path().join("file"), "").unwrap();
            Self(dir)
        }

        fn at(&self, name: &str) -> String {
            self.0.path().join(name).to_str().unwrap().to_owned()
        }

        fn run(&self, said: &[(&str, &str)]) -> Result<Run, UsageError> {
            let mut all = Said::default();
            all.set("input-dir", self.at("in"));
            all.set("output-dir", self.at("out"));
            for (key, value) in said {
                if value.is_empty() { all.unset(key) } else { all.set(key, value) }
            }
            resolve(all.layer().unwrap(), &ArrayVars::default())
        }

        fn message(&self, said: &[(&str, &str)]) -> String {
            let message = self.run(said).unwrap_err().to_string();
            message.replace(self.0.path().to_str().unwrap(), "")
        }
    }

    #[test]
    fn nothing_said_gives_the_defaults_of_the_design() {
        let place = Fixture::new();
        let run = place.run(&[]).unwrap();
        assert_eq!(run.settings, Settings::new(place.at("in"), place.at("out")));
        assert_eq!((run.selection, run.range.is_all()), (Selection::default(), true));
        assert_eq!(run.view, View { heartbeat: MINUTE, ..View::default() });
    }

    #[test]
    fn what_is_said_is_done() {
        let run = Fixture::new()
            .run(&[
                ("workers", "3"),
                ("min-workers", "2"),
                ("max-workers", "7"),
                ("threads-per-worker", "2"),
                ("safety-margin", "0.5"),
                ("memory-limit", "1GiB"),
                ("retries", "9"),
                ("stall-timeout", "1min"),
                ("grace", "5s"),
                ("shard", "2/4"),
                ("resume-failed", "true"),
                ("dry-run", "true"),
                ("on-full", "fail"),
                ("pin", "true"),
                ("drain-on-usr1", "true"),
                ("block-size", "1MiB"),
                ("hdf5-limit", "2GiB"),
                ("trust-checksums", "no"),
                ("yes", "true"),
            ])
            .unwrap();
        let settings = run.settings;
        assert_eq!(settings.workers, Count::Exactly(3));
        assert_eq!((settings.min_workers, settings.max_workers), (2, 7));
        assert_eq!(settings.threads_per_worker, Count::Exactly(2));
        assert_eq!((settings.safety_margin, settings.memory_limit), (0.5, Some(1 << 30)));
        assert_eq!(settings.retries, 9);
        assert_eq!(settings.stall_timeout, Duration::from_mins(1));
        assert_eq!(settings.grace, Duration::from_secs(5));
        assert_eq!(settings.shard, Shard { index: 2, count: 4 });
        assert!(settings.resume_failed && settings.dry_run && settings.pin);
        assert!(settings.drain_on_usr1);
        assert_eq!(settings.on_full, OnFull::Fail);
        assert_eq!(settings.options.block_size, Some(1 << 20));
        assert_eq!(settings.options.hdf5_limit, 2 << 30);
        assert!(!settings.options.trust_checksums);
        assert!(run.view.yes);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let place = Fixture::new();
        insta::assert_snapshot!(place.message(&[("input-dir", "")]), @"which archive? Name its directory and the one for the outputs");
        insta::assert_snapshot!(place.message(&[("output-dir", "")]), @"where do the outputs go? Name a directory, or say --mode in-place");
        insta::assert_snapshot!(place.message(&[("input-dir", &place.at("none"))]), @"/none: No such file or directory (os error 2)");
        insta::assert_snapshot!(place.message(&[("output-dir", &place.at("file"))]), @"/file: not a directory");
        insta::assert_snapshot!(place.message(&[("output-dir", &place.at("in/../in"))]), @"/in/../in: the outputs would replace the archive; name another directory, or say --mode in-place");
        insta::assert_snapshot!(place.message(&[("mode", "in-place")]), @"/out: --mode in-place changes the files of one directory and makes no others: leave this one out; two archives are changed one after the other, or from the directory above both with --recursive");
        insta::assert_snapshot!(place.message(&[("min-workers", "9"), ("max-workers", "2")]), @"--min-workers 9 is more than --max-workers 2");
        insta::assert_snapshot!(place.message(&[("mode", "patch"), ("compress", "zstd")]), @"--compress and --mode patch exclude each other: it lays the file out again");
        insta::assert_snapshot!(place.message(&[("mode", "in-place"), ("repack", "true")]), @"--repack and --mode in-place exclude each other: it lays the file out again");
        insta::assert_snapshot!(place.message(&[("backup-dir", "x")]), @"--backup-dir goes with --mode in-place only");
    }

    #[test]
    fn in_place_needs_no_second_directory() {
        let place = Fixture::new();
        let same = place.at("in/.");
        for output in ["", same.as_str()] {
            let run = place.run(&[("mode", "in-place"), ("output-dir", output)]).unwrap();
            assert_eq!(run.settings.output_dir, run.settings.input_dir);
            assert_eq!(run.weigh(), Weigh::Files);
        }
    }

    #[test]
    fn outputs_inside_the_archive_are_fine() {
        let place = Fixture::new();
        assert!(place.run(&[("output-dir", &place.at("in/new"))]).is_ok());
    }

    #[test]
    fn a_task_of_a_job_array_takes_its_part() {
        let place = Fixture::new();
        let var = |name: &str| match name {
            "SLURM_ARRAY_TASK_ID" | "SLURM_ARRAY_TASK_MAX" => Some("3".to_owned()),
            "SLURM_ARRAY_TASK_MIN" => Some("0".to_owned()),
            "SLURM_ARRAY_TASK_COUNT" => Some("4".to_owned()),
            _ => None,
        };
        let mut said = Said::default();
        said.set("input-dir", place.at("in"));
        said.set("output-dir", place.at("out"));
        let array = ArrayVars::from_env(var);
        let shard = |said: &Said| resolve(said.layer().unwrap(), &array).unwrap().settings.shard;
        assert_eq!(shard(&said), Shard { index: 4, count: 4 });
        said.set("shard", "1/2");
        assert_eq!(shard(&said), Shard { index: 1, count: 2 }, "what is said goes first");
    }
}
