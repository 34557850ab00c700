//! Carries out in-place mode: only the edit list touches the file, with a way back.

use crate::convert::inplace::{self, InPlace, InPlaceError, Recovered};
use crate::convert::planned::Planned;
use crate::convert::verify::{Check, Checked, Expected, MadeBy};
use crate::convert::write_output::Made;
use crate::convert::{Failure, FailureKind, Job, Observer, Options, Phase, VerifyLevel};
use crate::migrate::target::Target;
use crate::sys::flip;
use std::path::Path;

fn place(options: &Options) -> InPlace {
    InPlace { backup_dir: options.backup_dir.clone(), ..InPlace::default() }
}

/// Brings a file that is to be changed in place to one of its two states. To be called before it is
/// read: in the middle of a change it is neither the old file nor the new one.
pub(in crate::convert) fn recover(path: &Path, options: &Options) -> Result<Recovered, Failure> {
    Ok(inplace::recover(path, &place(options))?)
}

/// As [`recover`], for a file that could not be read: thorough, as it is for few files.
pub(in crate::convert) fn recover_again(
    path: &Path,
    options: &Options,
) -> Result<Recovered, Failure> {
    Ok(inplace::recover_moved(path, &place(options))?)
}

/// Refuses a file in the middle of a change in place, which must not be taken for a damaged one.
pub(in crate::convert) fn refuse_unfinished(path: &Path, options: &Options) -> Result<(), Failure> {
    let unfinished = inplace::unfinished(path, &place(options));
    // What the undo file says cannot be known then, nor whether the file is whole.
    let unfinished =
        unfinished.map_err(|error| Failure::new(FailureKind::Unfinished, error.to_string()))?;
    match unfinished.and_then(|change| change.warning()) {
        Some(warning) => Err(Failure::new(FailureKind::Unfinished, warning)),
        None => Ok(()),
    }
}

/// Whether the file has an undo file, which may come from a change that began since it was read.
pub(in crate::convert) fn has_undo_file(path: &Path, options: &Options) -> bool {
    !matches!(inplace::change_of(path, &place(options)), Ok(None))
}

/// Changes the input itself.
pub(in crate::convert) fn carry_out(
    job: &Job,
    options: &Options,
    level: VerifyLevel,
    target: &Target,
    planned: &Planned,
    observer: &dyn Observer,
) -> Result<Made, Failure> {
    let path = job.input.as_path();
    let Some(edits) = &planned.migration.edits else {
        return Ok(Made::nothing(planned.identity.len));
    };
    // The old values are gone once the file is changed.
    let threads = options.threads.max(1);
    let expected = Expected::of(path, planned, level, true, threads, None, observer)?;
    let hdf5_limit = options.hdf5_limit;
    let made_by = MadeBy::InPlace;
    let check = Check {
        path,
        planned,
        expected: &expected,
        made_by: &made_by,
        target,
        level,
        hdf5_limit,
        threads,
        observer,
    };
    let place = place(options);
    let mut made = Made::nothing(0);
    observer.progress(Phase::Edit, 0, edits.bytes_appended());
    let mut checked = |file: &std::fs::File| {
        flip::here(path, file).map_err(|e| Failure::new(FailureKind::Output, e.to_string()))?;
        let Checked { bytes, digest, remarks, readers, .. } = check.run(file)?;
        let readers = Some(readers);
        made = Made { digest, remarks, verify: level, readers, ..Made::nothing(bytes) };
        Ok(())
    };
    inplace::apply(path, &planned.identity, edits, &place, &mut checked)
        .map_err(InPlaceError::into)
        .map(|()| made)
}
