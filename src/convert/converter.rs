//! From a job to an output: what a file needs, and which mode carries it out.

use super::patch::{self, Copied};
use super::publish::{Destination, Existing};
use super::{Compress, Failure, Fault, FileReport, Job, Mode, Observer, Options, Outcome, Phase};
use super::{Unchanged, VerifyLevel};
use crate::h5::{self, ErrorKind, File, Source};
use crate::migrate::target::Target;
use crate::migrate::{Finding, Migration, PlanError, plan, userrules};
use crate::sys::file::Identity;
use std::path::Path;

/// Converts files to one target with the same options.
#[derive(Debug)]
pub struct Converter {
    options: Options,
    target: Target,
}

/// An input that is open, and what is to be done to it.
pub(super) struct Planned {
    pub(super) file: File,
    pub(super) identity: Identity,
    pub(super) migration: Migration,
}

impl Converter {
    /// Reads the target and the rules.
    ///
    /// # Errors
    /// With [`Fault::Unsupported`] if there is no such target or a rules file is wrong.
    pub fn new(options: Options) -> Result<Self, Failure> {
        let wrong = |e: crate::migrate::target::TargetError| {
            Failure::new(Fault::Unsupported, e.to_string())
        };
        let mut target = Target::builtin(&options.target).map_err(wrong)?;
        // Later files go first: what is given last on the command line has the last word.
        for path in &options.rules {
            let rules = userrules::read(path).map_err(wrong)?;
            target = target.with_rules(rules, &path.display().to_string()).map_err(wrong)?;
        }
        Ok(Self { options, target })
    }

    /// The options it was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What would be done to the file at `input`; nothing is written.
    ///
    /// # Errors
    /// As [`Converter::convert`].
    pub fn dry_run(&self, input: &Path) -> Result<Migration, Failure> {
        let planned = self.plan(input)?;
        self.refuse_rewrite(input, &planned.migration)?;
        Ok(planned.migration)
    }

    /// Converts one file.
    ///
    /// # Errors
    /// A [`Failure`] that names the file.
    pub fn convert(&self, job: &Job, observer: &dyn Observer) -> Result<FileReport, Failure> {
        let input = job.input.as_path();
        observer.progress(Phase::Plan, 0, 1);
        let planned = self.plan(input)?;
        observer.progress(Phase::Plan, 1, 1);
        self.refuse_rewrite(input, &planned.migration)?;
        let to = Destination::open(&job.output).map_err(Failure::from)?;
        let existing = if self.options.force { Existing::Replace } else { Existing::Keep };
        to.check(&planned.identity, existing).map_err(Failure::from)?;
        let edits = planned.migration.edits.as_ref();
        let report = |outcome, bytes_out, digest| FileReport {
            outcome,
            mode: Mode::Patch,
            findings: planned.migration.findings.iter().map(Finding::to_string).collect(),
            bytes_in: planned.identity.len,
            bytes_out,
            bytes_appended: edits.map_or(0, |e| e.bytes_appended()),
            bytes_replaced: edits.map_or(0, |e| e.bytes_replaced()),
            verify: self.options.verify,
            digest,
        };
        if edits.is_none() {
            match self.options.unchanged {
                Unchanged::Skip => return Ok(report(Outcome::Unchanged, 0, None)),
                Unchanged::Link if patch::link(input, &to, existing) => {
                    return Ok(report(Outcome::Unchanged, planned.identity.len, None));
                }
                Unchanged::Link | Unchanged::Copy => {}
            }
        }
        let Copied { bytes_out, digest } =
            patch::carry_out(job, &self.options, &self.target, &planned, &to, existing, observer)?;
        let outcome = if edits.is_some() { Outcome::Converted } else { Outcome::Unchanged };
        Ok(report(outcome, bytes_out, digest))
    }

    fn plan(&self, input: &Path) -> Result<Planned, Failure> {
        let read = |e: h5::Error| read_failure(input, &e);
        let source = Source::open(input).map_err(read)?;
        let Some(handle) = source.file() else {
            return Err(Failure::new(Fault::Internal, "an input without a file"));
        };
        let identity = Identity::of(handle)
            .map_err(|e| Failure::new(Fault::Input, format!("{}: {e}", input.display())))?;
        let file = File::from_source(source).map_err(read)?;
        let migration =
            plan(&file, &self.target, false).map_err(|e| plan_failure(input, &e))?;
        Ok(Planned { file, identity, migration })
    }

    /// What patching cannot do.
    fn refuse_rewrite(&self, input: &Path, migration: &Migration) -> Result<(), Failure> {
        let because = match (&migration.rewrite, self.options.mode, self.options.compress) {
            (Some(reason), _, _) => reason.clone(),
            (None, Mode::Rewrite, _) => "--mode rewrite was asked for".to_owned(),
            (None, Mode::InPlace, _) => "--mode in-place was asked for".to_owned(),
            (None, Mode::Auto | Mode::Patch, Compress::Keep) => String::new(),
            (None, Mode::Auto | Mode::Patch, _) => "--compress was asked for".to_owned(),
        };
        if !because.is_empty() {
            return Err(Failure::new(
                Fault::Unsupported,
                format!("{}: needs a rewrite, which is not there yet: {because}", input.display()),
            ));
        }
        if self.options.verify == VerifyLevel::Hdf5 {
            return Err(Failure::new(
                Fault::Unsupported,
                "--verify hdf5 is not there yet; use --verify content",
            ));
        }
        Ok(())
    }
}

/// A file that cannot be read as it must be.
pub(super) fn read_failure(path: &Path, error: &h5::Error) -> Failure {
    let fault = match error.kind() {
        ErrorKind::Io(e) if e.kind() == std::io::ErrorKind::OutOfMemory => Fault::Memory,
        ErrorKind::Cancelled => Fault::Cancelled,
        ErrorKind::Output(_) => Fault::Internal,
        _ => Fault::Input,
    };
    Failure::new(fault, format!("{}: {error}", path.display()))
}

fn plan_failure(path: &Path, error: &PlanError) -> Failure {
    let fault = match error {
        PlanError::Read(e) => return read_failure(path, e),
        PlanError::Unsupported { .. } | PlanError::NoValue { .. } => Fault::Unsupported,
        PlanError::Edit(_) | PlanError::Internal(_) => Fault::Internal,
    };
    Failure::new(fault, format!("{}: {error}", path.display()))
}
