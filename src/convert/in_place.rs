//! In-place mode: only the edit list touches the file, with a way back.

use super::converter::Planned;
use super::copying::Made;
use super::inplace::{self, InPlace, InPlaceError};
use super::verify::{Check, Checked, Expected, MadeBy};
use super::{Failure, Fault, Job, Observer, Options, Phase, VerifyLevel};
use crate::migrate::target::Target;
use crate::sys::flip;

/// Changes the input itself.
pub(super) fn carry_out(
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
    let expected = Expected::of(path, planned, level, true, observer)?;
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
        observer,
    };
    let place = InPlace { backup_dir: options.backup_dir.clone(), ..InPlace::default() };
    let mut made = Made::nothing(0);
    observer.progress(Phase::Edit, 0, edits.bytes_appended());
    let mut checked = |file: &std::fs::File| {
        flip::here(path, file).map_err(|e| Failure::new(Fault::Output, e.to_string()))?;
        let Checked { bytes, digest, remarks } = check.run(file)?;
        made = Made { digest, remarks, verify: level, ..Made::nothing(bytes) };
        Ok(())
    };
    inplace::apply(path, &planned.identity, edits, &place, &mut checked)
        .map_err(InPlaceError::into)
        .map(|()| made)
}
