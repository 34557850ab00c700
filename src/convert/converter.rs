//! Makes an output of a job: finds what a file needs, and which mode carries it out.

use super::inplace::Recovered;
use super::planned::{Planned, read_failure};
use super::publish::{Destination, Existing};
use super::{
    Chunking, Claim, ClaimedFile, Compress, Failure, FailureKind, FileReport, Job, Mode, Observer,
    Options, Outcome, Phase,
};
use super::{Recipe, Unchanged, VerifyLevel};
use crate::convert::inplace::mode;
use crate::convert::phase_log::PhaseLog;
use crate::convert::write_output::{Made, Work};
use crate::h5::{self, File, Source};
use crate::julia::TypeTable;
use crate::migrate::literal::Literal;
use crate::migrate::target::{Encoding, Target};
use crate::migrate::{
    Along, Finding, Migration, PlanError, Remedy, Request, Severity, When, plan_along, userrules,
};
use crate::sys::dir::Missing;
use crate::sys::file::Identity;
use crate::sys::stat::StatData;
use std::path::Path;
use std::sync::Arc;

/// Converts files to one target with the same options.
#[derive(Debug)]
pub struct Converter {
    options: Options,
    target: Target,
    /// The codec object that goes with the encoding asked for.
    codec: Option<Literal>,
    recipe: Recipe,
}

impl Converter {
    /// Reads the target and the rules.
    ///
    /// # Errors
    /// With [`FailureKind::Unsupported`] if there is no such target, a rules file is wrong, or this build
    /// cannot do what is asked for.
    pub fn new(options: Options) -> Result<Self, Failure> {
        if options.verify == Some(VerifyLevel::Hdf5) && !cfg!(feature = "hdf5") {
            let message = "--verify hdf5 needs a build with libhdf5, which this is not: install \
                           libhdf5-dev, then `cargo build --release --features hdf5`";
            return Err(Failure::new(FailureKind::Unsupported, message));
        }
        let wrong =
            |e: crate::migrate::TargetError| Failure::new(FailureKind::Unsupported, e.to_string());
        let recipe = Recipe::of(&options)?;
        let mut target = Target::named(&options.target).map_err(wrong)?;
        // Later files go first: what is given last on the command line has the last word.
        for path in &options.rules {
            let rules = userrules::read(path).map_err(wrong)?;
            target = target.with_rules(rules, &path.display().to_string()).map_err(wrong)?;
        }
        let codec = codec_object(&target, options.compress)?;
        Ok(Self { options, target, codec, recipe })
    }

    /// The options it was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What shapes the outputs beside their inputs.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What would be done to the file at `input`, and in which mode; nothing is written.
    ///
    /// # Errors
    /// As [`Converter::convert`].
    pub fn dry_run(&self, input: &Path) -> Result<(Migration, Mode), Failure> {
        let planned = self.plan_whole(input)?;
        let mode = self.mode(input, &planned)?;
        Ok((planned.migration, mode))
    }

    /// Converts one file. In place, `job.output` is not looked at. What has the output's name stays,
    /// and the conversion fails, unless the options have `force`: then it is replaced if it is a
    /// regular file.
    ///
    /// # Errors
    /// A [`Failure`] that names the file.
    pub fn convert(&self, job: &Job, observer: &dyn Observer) -> Result<FileReport, Failure> {
        let replace = self.options.force && self.options.mode != Mode::InPlace;
        let existing = if replace { Existing::now_at(&job.output)? } else { Existing::Keep };
        self.convert_over(job, &existing, observer)
    }

    /// Converts one file where something may have the output's name already.
    ///
    /// # Errors
    /// A [`Failure`] that names the file.
    pub fn convert_over(
        &self,
        job: &Job,
        existing: &Existing,
        observer: &dyn Observer,
    ) -> Result<FileReport, Failure> {
        let input = job.input.as_path();
        let log = PhaseLog::new(observer);
        let observer: &dyn Observer = &log;
        observer.progress(Phase::Plan, 0, 1);
        let (planned, recovered) = if self.options.mode == Mode::InPlace {
            self.plan_recovered(input)?
        } else {
            (self.plan_whole(input)?, Recovered::Untouched)
        };
        observer.progress(Phase::Plan, 1, 1);
        observer.planned();
        let mode = self.mode(input, &planned)?;
        let level = self.options.verify.unwrap_or(VerifyLevel::of_mode(mode));
        let edits = planned.migration.edits.as_ref();
        tracing::debug!(mode = ?mode, verify = level.name(), edits = edits.is_some(), "planned");
        let mut findings: Vec<String> =
            planned.migration.findings.iter().map(Finding::to_string).collect();
        // Told before anything is changed: who dies on the way has said what it met.
        tell_findings(&findings);
        let known = findings.len();
        let changed = edits.is_some() || mode == Mode::Rewrite;
        let mut claim = None;
        let made = if mode == Mode::InPlace {
            mode::carry_out(job, &self.options, level, &self.target, &planned, observer)?
        } else {
            let to = Destination::of(&job.output, &job.temp_dir, Missing::Create);
            let to = to.map_err(Failure::from)?;
            to.check(&planned.identity, existing).map_err(Failure::from)?;
            let work = Work {
                job,
                options: &self.options,
                level,
                target: &self.target,
                planned: &planned,
                to: &to,
                existing,
                observer,
            };
            let made = self.carry_out(&work, mode, changed)?;
            claim = Some(Box::new(self.claim(job, &planned, &made, mode, changed)));
            made
        };
        findings.extend(made.remarks);
        if recovered == Recovered::TakenBack {
            findings.push("note: a change in place was interrupted; it was taken back".to_owned());
        }
        let changed_before = match recovered {
            Recovered::Complete(earlier) if !changed => Some(earlier),
            _ => None,
        };
        if changed_before.is_some() {
            let note = "note: it was changed in place before; `jldconv undo` takes that back, \
                        `jldconv commit` makes it final";
            findings.push(note.to_owned());
        }
        tell_findings(findings.get(known..).unwrap_or_default());
        tracing::debug!(seconds = log.seconds(), bytes = made.bytes_out, "conversion done");
        let appended = made.bytes_out.saturating_sub(planned.identity.len);
        Ok(FileReport {
            outcome: if changed { Outcome::Converted } else { Outcome::Unchanged },
            mode,
            findings,
            bytes_in: planned.identity.len,
            bytes_out: made.bytes_out,
            bytes_appended: match mode {
                Mode::Rewrite => appended,
                _ => edits.map_or(0, super::super::migrate::edit::EditList::bytes_appended),
            },
            bytes_replaced: edits.map_or(0, super::super::migrate::edit::EditList::bytes_replaced),
            verify: made.verify,
            digest: made.digest,
            claim,
            changed_before,
            readers: made.readers.unwrap_or(planned.migration.readers),
        })
    }

    fn carry_out(&self, work: &Work<'_>, mode: Mode, changed: bool) -> Result<Made, Failure> {
        if mode == Mode::Rewrite {
            return work.rewritten();
        }
        match self.options.unchanged {
            Unchanged::Skip if !changed => Ok(Made::nothing(0)),
            Unchanged::Link if !changed => match work.linked()? {
                Some(made) => Ok(made),
                None => work.patched(),
            },
            _ => work.patched(),
        }
    }

    /// What a journal has to keep of what came out.
    fn claim(&self, job: &Job, planned: &Planned, made: &Made, mode: Mode, changed: bool) -> Claim {
        let digest = planned.digest.clone();
        let mut stat = planned.stat;
        if let Some((out, _)) = &made.published
            && out.ino == stat.ino
        {
            // A link more changed the input's inode, too.
            stat.ctime_ns = out.ctime_ns;
        }
        let output = made.published.as_ref().map(|(stat, of_output)| ClaimedFile {
            path: job.output.to_string_lossy().into_owned(),
            stat: *stat,
            digest: if changed { of_output.clone() } else { digest.clone() },
        });
        let path = job.input.to_string_lossy().into_owned();
        Claim {
            input: ClaimedFile { path, stat, digest },
            output,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recipe: Recipe { mode, ..self.recipe.clone() },
            verify: made.verify,
        }
    }

    /// [`plan`](Self::plan) for a file that must not be in the middle of a change in place.
    pub(super) fn plan_whole(&self, input: &Path) -> Result<Planned, Failure> {
        mode::refuse_unfinished(input, &self.options)?;
        self.plan(input).or_else(|failure| {
            // One may have begun since, and be over: then what was read is not the file's fault.
            if !mode::has_undo_file(input, &self.options) {
                return Err(failure);
            }
            mode::refuse_unfinished(input, &self.options)?;
            self.plan(input)
        })
    }

    /// [`plan`](Self::plan) for a file that is to be changed in place, brought to one of its two
    /// states if it was in the middle of a change.
    fn plan_recovered(&self, input: &Path) -> Result<(Planned, Recovered), Failure> {
        let recovered = mode::recover(input, &self.options)?;
        let failure = match self.plan(input) {
            Ok(planned) => return Ok((planned, recovered)),
            Err(failure) => failure,
        };
        // As above; and the archive may have moved away from its backup directory's undo files.
        let begun = mode::has_undo_file(input, &self.options);
        let again = mode::recover_again(input, &self.options)?;
        if begun || again != Recovered::Untouched {
            return Ok((self.plan(input)?, again));
        }
        Err(failure)
    }

    pub(super) fn plan(&self, input: &Path) -> Result<Planned, Failure> {
        let read = |e: h5::Error| read_failure(input, &e);
        let source = Source::open(input).map_err(read)?;
        let Some(handle) = source.file() else {
            return Err(Failure::new(FailureKind::Internal, "an input without a file"));
        };
        let identity = Identity::of(handle).map_err(|e| {
            Failure::new(FailureKind::of_read(&e), format!("{}: {e}", input.display()))
        })?;
        let stat = StatData::of(handle).map_err(|e| {
            Failure::new(FailureKind::of_read(&e), format!("{}: {e}", input.display()))
        })?;
        let file = File::with_checksums(source, self.options.checksums()).map_err(read)?;
        let failed = |e: PlanError| plan_failure(input, &e);
        let types = TypeTable::recording(&file);
        // In place, no claim is made that would hold it.
        let along = match self.options.mode {
            Mode::InPlace => Along::default(),
            _ => Along::default().with_digest(&file),
        };
        let along = if file.source().is_kept() { along.with_regions() } else { along };
        let along = match self.options.verify {
            Some(VerifyLevel::None) => along,
            _ => along.with_datasets(&file),
        };
        let planned = plan_along(&types, &self.target, &self.request(), along);
        let (mut migration, mut along) = planned.map_err(failed)?;
        let datasets = along.take_datasets().map(Arc::new);
        let (digest, regions, types) = (along.digest(), along.into_regions(), types.known());
        let rewritten = migration.rewrite.is_some() || self.lays_out();
        let changed = rewritten || migration.edits.is_some();
        let regions = if changed { Vec::new() } else { regions };
        if let (true, Some((_, error))) = (rewritten, migration.survey.unread.first()) {
            let what = "a rewrite cannot keep it; without one it stays as it is";
            let message = format!("{}: {error}; {what}", input.display());
            return Err(Failure::new(FailureKind::Unsupported, message));
        }
        let junk = identity.len.saturating_sub(file.superblock().end_of_file);
        if junk > 0 {
            migration.findings.push(self.junk(file.superblock().end_of_file, junk, changed));
        }
        let (flat_links, portable) = (self.options.flat_links, self.options.portable);
        let planned = Planned {
            file,
            identity,
            stat,
            migration,
            digest,
            types,
            regions,
            datasets,
            rewritten,
            flat_links,
            portable,
        };
        Ok(planned)
    }

    /// What is done beside following rules.
    pub(super) fn request(&self) -> Request {
        Request {
            rewriting: self.encodes(),
            codec: self.codec.clone(),
            flat_links: self.options.flat_links,
            portable: self.options.portable,
        }
    }

    /// What becomes of bytes behind the container's end. JLD2 appends at that end, over them, and so
    /// do we; where nothing is appended they stay.
    fn junk(&self, end: u64, bytes: u64, changed: bool) -> Finding {
        let fate = match (changed, self.options.mode, self.options.unchanged) {
            (true, Mode::InPlace, _) => {
                "what is appended goes over them, as with JLD2; the undo file keeps them"
            }
            (true, ..) => "they are left out: JLD2 would write over them, too",
            (false, Mode::InPlace, _) | (false, _, Unchanged::Copy | Unchanged::Link) => {
                "they are kept"
            }
            (false, _, Unchanged::Skip) => "they are not part of it",
        };
        Finding {
            severity: Severity::Note,
            object: "/".to_owned(),
            julia_type: None,
            rule: None,
            text: format!("{bytes} bytes behind the container's end at offset {end}: {fate}"),
            said: None,
            printed: 0,
            count: 1,
            remedy: Remedy::None,
            when: When::Load,
        }
    }

    /// Whether columns are encoded again.
    fn encodes(&self) -> bool {
        self.options.compress != Compress::Keep
    }

    /// Whether the options ask for another layout.
    fn lays_out(&self) -> bool {
        let chunks = self.options.chunk != Chunking::Auto;
        self.encodes() || self.options.repack || chunks || self.options.mode == Mode::Rewrite
    }

    /// The mode in which files are converted unless one of them needs another.
    pub fn usual_mode(&self) -> Mode {
        match self.options.mode {
            Mode::Auto if self.lays_out() => Mode::Rewrite,
            mode => mode,
        }
    }

    /// The mode that a file needs, if the options allow it.
    pub(super) fn mode(&self, input: &Path, planned: &Planned) -> Result<Mode, Failure> {
        let refuse = |why: &str| {
            let message = format!("{}: {why}", input.display());
            Err(Failure::new(FailureKind::Unsupported, message))
        };
        let reason = planned.migration.rewrite.as_deref();
        match (self.options.mode, planned.rewritten) {
            (Mode::Auto | Mode::Rewrite, true) => Ok(Mode::Rewrite),
            (Mode::Auto | Mode::Patch, false) => Ok(Mode::Patch),
            (Mode::InPlace, false) => Ok(Mode::InPlace),
            (Mode::Rewrite, false) => Ok(Mode::Rewrite),
            (Mode::Patch, true) => refuse(&format!(
                "needs a rewrite, which --mode patch rules out: {}",
                reason.unwrap_or("--compress, --chunk or --repack was asked for")
            )),
            (Mode::InPlace, true) => refuse(&format!(
                "needs a rewrite, which cannot be done in place: {}",
                reason.unwrap_or("--compress, --chunk or --repack was asked for")
            )),
        }
    }
}

fn tell_findings(findings: &[String]) {
    for finding in findings {
        tracing::info!(text = finding.as_str(), "finding");
    }
}

/// The object by which files of the target say how their columns are encoded.
fn codec_object(target: &Target, compress: Compress) -> Result<Option<Literal>, Failure> {
    let (encoding, level) = match compress {
        Compress::Keep => return Ok(None),
        Compress::None => (Encoding::None, None),
        Compress::Lz4 => (Encoding::Lz4, None),
        Compress::Lz4Frame => (Encoding::Lz4Frame, None),
        Compress::Zstd(level) => (Encoding::Zstd, Some(i64::from(level))),
        Compress::Deflate(level) => (Encoding::Deflate, Some(i64::from(level))),
    };
    let Some(object) = target.codec.object(encoding, level) else {
        let message = format!("{} has no codec object for {encoding:?}", target.title);
        return Err(Failure::new(FailureKind::Unsupported, message));
    };
    Ok(Some(object))
}

fn plan_failure(path: &Path, error: &PlanError) -> Failure {
    let fault = match error {
        PlanError::Read(e) => return read_failure(path, e),
        PlanError::Unsupported { .. } | PlanError::NoValue { .. } => FailureKind::Unsupported,
        PlanError::Edit(_) | PlanError::Internal(_) => FailureKind::Internal,
    };
    Failure::new(fault, format!("{}: {error}", path.display()))
}
