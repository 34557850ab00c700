//! Makes one file where there is no supervisor, as `jldconv convert` and other programs do: the name of
//! the temporary file, what an earlier one left, what may be replaced.

use super::is_claimed;
use crate::convert::publish::{Destination, Existing};
use crate::convert::temp::{Owner, TempName, clean_run};
use crate::convert::{
    Converter, Depth, Failure, FailureKind, FileReport, Job, Mode, Observer, Wanted,
};
use crate::supervisor::run_id;
use crate::sys::dir::{Dir, Missing, OWN};
use crate::sys::stat::StatData;
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The run that temporary files are named after.
const RUN: &str = "one";

/// A file that can be made: by a conversion, or otherwise.
#[derive(Debug)]
pub struct OneFile {
    /// From where to where.
    pub job: Job,
    /// The directory of this program's own beside the output.
    pub own: PathBuf,
    /// The directory for temporary files; none where nothing is written beside the file.
    pub temp_dir: Option<Dir>,
}

/// What was made.
#[derive(Debug)]
pub struct OneResult {
    /// What the conversion tells.
    pub report: FileReport,
    /// Where what had the output's name is kept now, if something else had it.
    pub set_aside: Option<PathBuf>,
}

impl OneFile {
    /// Makes ready what the conversion of `input` into the file `output` needs: a directory for its
    /// temporary file, from which is removed what one left that was killed.
    ///
    /// # Errors
    /// If the output's place cannot be written to.
    pub fn new(input: PathBuf, output: PathBuf, mode: Mode) -> Result<Self, Failure> {
        if mode == Mode::InPlace { Self::named(input, output) } else { Self::beside(input, output) }
    }

    /// The same where it is no conversion that makes `output` of `input`.
    ///
    /// # Errors
    /// If the output's place cannot be written to.
    pub fn beside(input: PathBuf, output: PathBuf) -> Result<Self, Failure> {
        let mut one = Self::named(input, output)?;
        let to = Destination::open(&one.job.output).map_err(at_output)?;
        let dir = to.own(&one.job.temp_dir, Missing::Create).map_err(at_output)?;
        // That it cannot be removed is no reason not to go on.
        let _ = clean_run(&dir, RUN);
        one.temp_dir = Some(dir);
        Ok(one)
    }

    fn named(input: PathBuf, output: PathBuf) -> Result<Self, Failure> {
        let parent = match output.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let own = parent.join(OWN);
        let name = TempName::new(RUN, Owner::myself().map_err(at_output)?, 0).map_err(at_output)?;
        let job = Job { input, output, temp_dir: own.join("tmp"), temp_name: name.to_string() };
        Ok(Self { job, own, temp_dir: None })
    }

    /// Converts the file. Without [`force`](crate::convert::Options::force) nothing is replaced; with it
    /// what this program did not make is kept, unless `discard` says otherwise.
    ///
    /// # Errors
    /// As [`Converter::convert_over`].
    pub fn run(
        self,
        converter: &Converter,
        discard: bool,
        observer: &dyn Observer,
    ) -> Result<OneResult, Failure> {
        let options = converter.options();
        let ours = |job: &Job, now: &StatData| {
            if is_claimed(&job.output, now).unwrap_or(false) {
                return true;
            }
            let wanted = Wanted {
                input_digest: false,
                output_digest: false,
                compare: Some(Depth::Metadata),
                made: None,
            };
            let examined = converter.examine(job, &wanted, observer);
            examined.is_ok_and(|it| {
                matches!(it.compared, Some(Ok(_)))
                    && it.input.stat.mtime_ns == now.mtime_ns
                    && it.output.stat == *now
            })
        };
        let force = options.force && options.mode != Mode::InPlace;
        let may_go = |job: &Job, now: &StatData| discard || ours(job, now);
        let convert =
            |job: &Job, existing: &Existing| converter.convert_over(job, existing, observer);
        let (report, set_aside) = self.make_over(force, may_go, convert)?;
        Ok(OneResult { report, set_aside })
    }

    /// Makes the file with `made`, which is given what may be replaced: without `force` nothing, with it
    /// whatever is there, which is kept unless it is to be discarded. Also gives where it is kept.
    ///
    /// # Errors
    /// Those of `made`; or it cannot be known what is there.
    pub fn make<T, E: From<Failure>>(
        self,
        force: bool,
        discard: bool,
        made: impl FnOnce(&Job, &Existing) -> Result<T, E>,
    ) -> Result<(T, Option<PathBuf>), E> {
        self.make_over(force, |_, _| discard, made)
    }

    /// The same; `may_go` says whether a regular file that is there is not kept.
    fn make_over<T, E: From<Failure>>(
        self,
        force: bool,
        may_go: impl FnOnce(&Job, &StatData) -> bool,
        made: impl FnOnce(&Job, &Existing) -> Result<T, E>,
    ) -> Result<(T, Option<PathBuf>), E> {
        let Self { job, own, temp_dir } = self;
        drop(temp_dir);
        let done = existing(&job, &own, force, may_go)
            .map_err(E::from)
            .and_then(|existing| Ok((made(&job, &existing)?, existing)));
        // They stay only where somebody else has something in them.
        let _ = fs::remove_dir(&job.temp_dir).and_then(|()| fs::remove_dir(&own));
        let (done, existing) = done?;
        let set_aside = match existing {
            Existing::SetAside { dir, .. } => Some(dir),
            _ => None,
        };
        Ok((done, set_aside))
    }
}

fn at_output(error: impl Display) -> Failure {
    Failure::new(FailureKind::Output, error.to_string())
}

/// What may be replaced.
fn existing(
    job: &Job,
    own: &Path,
    force: bool,
    may_go: impl FnOnce(&Job, &StatData) -> bool,
) -> Result<Existing, Failure> {
    let there = StatData::entry(&job.output)
        .map_err(|e| at_output(format!("{}: {e}", job.output.display())))?;
    let (Some((now, kind)), true) = (there, force) else { return Ok(Existing::Keep) };
    let input = fs::metadata(&job.input);
    let itself = fs::metadata(&job.output).is_ok_and(|out| {
        input.as_ref().is_ok_and(|it| (it.dev(), it.ino()) == (out.dev(), out.ino()))
    });
    if itself {
        return Ok(Existing::Keep);
    }
    if kind.is_file() && may_go(job, &now) {
        return Ok(Existing::Replace(now));
    }
    let name = run_id(SystemTime::now()).map_err(at_output)?;
    Ok(Existing::SetAside { what: now, dir: own.join("replaced").join(name) })
}
