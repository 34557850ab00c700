//! In-place mode: only the edit list touches the file, with a way back.

use super::converter::Planned;
use super::copying::Made;
use super::inplace::{self, InPlace, InPlaceError};
use super::verify::{self, Checked, Expected};
use super::{Failure, Job, Observer, Options, Phase};
use crate::migrate::target::Target;

/// Changes the input itself.
pub(super) fn carry_out(
    job: &Job,
    options: &Options,
    target: &Target,
    planned: &Planned,
    observer: &dyn Observer,
) -> Result<Made, Failure> {
    let path = job.input.as_path();
    let Some(edits) = &planned.migration.edits else {
        return Ok(Made { bytes_out: planned.identity.len, ..Made::default() });
    };
    // The old values are gone once the file is changed.
    let expected = Expected::of(path, planned, options.verify, observer)?;
    let place = InPlace { backup_dir: options.backup_dir.clone(), ..InPlace::default() };
    let mut made = Made::default();
    observer.progress(Phase::Edit, 0, edits.bytes_appended());
    let mut check = |file: &std::fs::File| {
        let Checked { bytes, digest, remarks } =
            verify::check(path, planned, &expected, file, target, options, observer)?;
        made = Made { bytes_out: bytes, digest, remarks, ..Made::default() };
        Ok(())
    };
    inplace::apply(path, &planned.identity, edits, &place, &mut check)
        .map_err(InPlaceError::into)
        .map(|()| made)
}
