//! Makes a file as conversions make theirs: under a temporary name first, under its own when it is
//! whole and on the disk; what has that name already stays, or is kept.

use super::NumbersError;
use crate::convert::Job;
use crate::convert::publish::{Destination, Existing, PublishError, Sealed, TempFile};
use crate::sys::dir::{Dir, Missing};
use crate::sys::file::{Identity, usual_mode};
use crate::sys::origin::Origin;
use crate::sys::stat::StatData;
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;

/// Bytes that are written at once.
const BUFFER: usize = 256 << 10;

/// Makes `job.output` of what `fill` writes; `input` is the file that it was made of.
///
/// # Errors
/// If the name is taken by something that `existing` does not name, or the file cannot be written;
/// nothing is left under its name then.
pub fn make_file(
    job: &Job,
    input: &File,
    existing: &Existing,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<StatData, NumbersError> {
    let input = Identity::of(input)?;
    let to = Destination::of(&job.output, &job.temp_dir, Missing::Create)?;
    to.check(&input, existing)?;
    let dir = to.own(&job.temp_dir, Missing::Create)?;
    let sealed = sealed_file(&dir, &job.temp_name, |out| Ok::<_, NumbersError>(fill(out)?))?;
    Ok(sealed.publish(&to, &input, existing)?)
}

/// A file of what `fill` writes that is whole and on the disk, with the permissions of any new one,
/// under its temporary name in `dir`.
///
/// # Errors
/// Those of `fill`, and if the file cannot be written; it is removed then.
pub(crate) fn sealed_file<'d, E: From<io::Error> + From<PublishError>>(
    dir: &'d Dir,
    temp_name: &str,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<Sealed<'d>, E> {
    let temp = TempFile::create(dir, OsStr::new(temp_name))?;
    let mut out = BufWriter::with_capacity(BUFFER, temp.file());
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    temp.file().set_permissions(Permissions::from_mode(usual_mode()))?;
    let origin = Origin::of(temp.file())?;
    Ok(temp.seal(&origin)?)
}
