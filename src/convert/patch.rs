//! Patch mode: copy the bytes, apply the edit list, sync, verify, publish.

use super::converter::Planned;
use super::edit::EditList;
use super::publish::{Destination, Existing, Sealed, TempFile};
use super::verify::{self, Checked};
use super::{Failure, Fault, Job, Observer, Options, Phase};
use crate::migrate::target::Target;
use crate::sys::copy::{CopyError, copy_file};
use crate::sys::dir::Dir;
use crate::sys::file::{Identity, is_full};
use crate::sys::origin::Origin;
use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// What came out.
pub(super) struct Copied {
    pub(super) bytes_out: u64,
    pub(super) digest: Option<String>,
}

/// Makes the output of `planned` at `to`.
pub(super) fn carry_out(
    job: &Job,
    options: &Options,
    target: &Target,
    planned: &Planned,
    to: &Destination,
    existing: Existing,
    observer: &dyn Observer,
) -> Result<Copied, Failure> {
    let input = job.input.as_path();
    let Some(source) = planned.file.source().file() else {
        return Err(Failure::new(Fault::Internal, "an input without a file"));
    };
    let edits = planned.migration.edits.as_ref();
    // Junk behind the container's end is not carried over where bytes are appended.
    let len = edits.map_or(planned.identity.len, |e| e.append_at().min(planned.identity.len));
    let temp_dir = Dir::open(&job.temp_dir).map_err(output_failure)?;
    let temp = TempFile::create(&temp_dir, OsStr::new(&job.temp_name)).map_err(Failure::from)?;
    let mut progress = |done| {
        observer.progress(Phase::Copy, done, len);
        if observer.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    copy_file(source, temp.file(), len, &mut progress)
        .map_err(|e| copy_failure(input, &temp.path(), &e))?;
    if let Some(edits) = edits {
        observer.progress(Phase::Edit, 0, edits.bytes_appended());
        apply(edits, planned, &temp)?;
    }
    same_input(input, source, &planned.identity)?;
    observer.progress(Phase::Sync, 0, len);
    let origin = Origin::of(source)
        .map_err(|e| Failure::new(Fault::Input, format!("{}: {e}", input.display())))?;
    let sealed = temp.seal(&origin).map_err(Failure::from)?;
    observer.progress(Phase::Verify, 0, len);
    let checked = verify::check(input, planned, sealed.file(), target, options.verify, observer);
    let Checked { bytes, digest } = match checked {
        Ok(checked) => checked,
        Err(failure) => return Err(keep_bad(sealed, job, options, failure)),
    };
    if observer.cancelled() {
        return Err(Failure::new(Fault::Cancelled, format!("{}: cancelled", input.display())));
    }
    observer.progress(Phase::Publish, 0, 1);
    sealed.publish(to, &planned.identity, existing).map_err(Failure::from)?;
    Ok(Copied { bytes_out: bytes, digest })
}

/// Applies the edits to the copy. The list expects the input's length; where junk was left out the
/// copy ends at the place of the first appended byte already.
fn apply(edits: &EditList, planned: &Planned, temp: &TempFile<'_>) -> Result<(), Failure> {
    let cut = edits.append_at() < planned.identity.len;
    let path = temp.path();
    let result = if cut { edits.without_junk().apply(temp.file()) } else { edits.apply(temp.file()) };
    result.map_err(|e| e.into_failure(&path))
}

/// An input that somebody wrote to meanwhile gives an output that never was.
fn same_input(path: &Path, file: &fs::File, before: &Identity) -> Result<(), Failure> {
    let now = Identity::of(file)
        .map_err(|e| Failure::new(Fault::Input, format!("{}: {e}", path.display())))?;
    if now == *before {
        return Ok(());
    }
    let message = format!("{}: somebody changed it while it was read", path.display());
    Err(Failure::new(Fault::Input, message))
}

/// Keeps an output that failed its check where `--keep-bad` wants it, and says so.
fn keep_bad(sealed: Sealed<'_>, job: &Job, options: &Options, failure: Failure) -> Failure {
    if !options.keep_bad || failure.fault != Fault::Verify {
        return failure;
    }
    let kept = (|| {
        let root = job.temp_dir.parent().unwrap_or(&job.temp_dir).join("quarantine");
        fs::create_dir_all(&root).ok()?;
        let dir = Dir::open(&root).ok()?;
        sealed.quarantine(&dir, job.output.file_name()?).ok()
    })();
    match kept {
        Some(path) => {
            Failure::new(failure.fault, format!("{} (kept as {})", failure.message, path.display()))
        }
        None => failure,
    }
}

/// Hard-links an unchanged file; `false` where the file system cannot.
pub(super) fn link(input: &Path, to: &Destination, existing: Existing) -> bool {
    let output = to.path();
    if existing == Existing::Replace && fs::remove_file(&output).is_err() && output.exists() {
        return false;
    }
    fs::hard_link(input, output).is_ok()
}

fn output_failure(error: crate::sys::dir::DirError) -> Failure {
    super::publish::PublishError::from(error).into()
}

fn copy_failure(input: &Path, output: &Path, error: &CopyError) -> Failure {
    let (fault, path) = match error {
        CopyError::Truncated { .. } | CopyError::Read { .. } => (Fault::Input, input),
        CopyError::Write { source, .. } if is_full(source) => (Fault::Full, output),
        CopyError::Write { .. } => (Fault::Output, output),
        CopyError::Memory { .. } => (Fault::Memory, input),
        CopyError::Stopped { .. } => (Fault::Cancelled, input),
    };
    Failure::new(fault, format!("{}: {error}", path.display()))
}
