//! Makes a file of what is exported: under a temporary name first, under its own when it is whole and
//! on the disk.

use super::write::{seek, stream};
use super::{About, ExportError, Out, Reading, Request, Sheet, Watch};
use crate::convert::publish::{Destination, Existing, PublishError};
use crate::convert::{Job, Observer, Phase};
use crate::h5::{self, Checksums};
use crate::numbers::{MeraFile, sealed_file};
use crate::sys::dir::{DirError, Missing};
use crate::sys::file::Identity;
use crate::sys::stat::StatData;
use crate::text::shortened;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::Path;

/// Bytes that are compared at once.
const BUFFER: usize = 256 << 10;
/// Characters of a name or message, columns that are left out, and bytes of what is said of the run,
/// that are told.
const MOST_TEXT: usize = 300;
const MOST_LEFT_OUT: usize = 100;
const MOST_ABOUT: usize = 64 << 10;

/// What was exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Rows.
    pub rows: u64,
    /// The columns, in order.
    pub columns: Vec<ExportedColumn>,
    /// Columns that hold no numbers, and why they were left out.
    pub left_out: Vec<String>,
    /// Bytes of the file; none where it went to a pipe.
    pub bytes: Option<u64>,
    /// A file with these very bytes was there already, and stayed.
    pub already: bool,
    /// It took the place of a file that an earlier run made.
    #[serde(default)]
    pub again: bool,
    /// What `stat` tells of the file.
    pub file: Option<StatData>,
    /// What is said of run and source, as JSON.
    pub about: String,
}

/// A column that was exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedColumn {
    /// The column or quantity.
    pub name: String,
    /// The Julia type of its numbers.
    pub number: String,
    /// Which unit they are in, in words.
    pub unit: Option<String>,
}

impl Exported {
    fn of(sheet: &Sheet<'_>, request: &Request) -> Self {
        // It must fit into a message, whatever the file holds.
        let columns = sheet.heads.iter().map(|head| ExportedColumn {
            name: shortened(&head.name, MOST_TEXT),
            number: head.number.julia().to_owned(),
            unit: head.unit_text(),
        });
        let left_out = sheet.left_out.iter().take(MOST_LEFT_OUT);
        Self {
            rows: sheet.rows,
            columns: columns.collect(),
            left_out: left_out.map(|column| shortened(column, MOST_TEXT)).collect(),
            bytes: None,
            already: false,
            again: false,
            file: None,
            about: About::new(sheet, request).within(MOST_ABOUT),
        }
    }
}

/// Exports from the file `job.input` into the file `job.output`. `job.temp_dir` is the output's, as for
/// conversions. The input is opened for reading only.
///
/// The same request of the same file gives the same bytes. Where a file of the output's name holds just
/// these, it stays, and that is no error: an attempt before this one may have made it.
///
/// # Errors
/// If what is asked for is not there or damaged, or the output cannot be made; nothing is left under the
/// output's name then.
pub fn export(
    job: &Job,
    request: &Request,
    existing: &Existing,
    reading: Reading,
    checksums: Checksums,
    observer: &dyn Observer,
) -> Result<Exported, ExportError> {
    request.check()?;
    observer.progress(Phase::Plan, 0, 1);
    let file = MeraFile::open(&job.input, checksums)?;
    let input = file.file().container().source().file();
    let identity = input.map(Identity::of).transpose().map_err(|error| h5::Error::io(0, error))?;
    let identity = identity.ok_or_else(|| io::Error::other("an input without a file"))?;
    let to = Destination::of(&job.output, &job.temp_dir, Missing::Create)?;
    // Before the work begins.
    may_be(&to, &identity, existing)?;
    let sheet = Sheet::open(&file, request, reading)?;
    let watch = Watch::new(observer, sheet.bytes());
    let made = make(job, &identity, existing, observer, |out| seek(&sheet, request, &watch, out))?;
    let mut exported = Exported::of(&sheet, request);
    exported.bytes = Some(made.bytes);
    exported.already = made.already;
    exported.file = Some(made.file);
    Ok(exported)
}

/// Whether a name may be that of an output, as far as that can be said before it is made: what is there
/// may be what is made.
pub(super) fn may_be(
    to: &Destination,
    input: &Identity,
    existing: &Existing,
) -> Result<(), ExportError> {
    match to.check(input, existing) {
        Ok(()) | Err(PublishError::Dir(DirError::Exists { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A file that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its size.
    pub bytes: u64,
    /// It was there already, with these very bytes, and stayed.
    pub already: bool,
    /// What `stat` tells of it.
    pub file: StatData,
}

/// Makes the file `job.output` of what `fill` writes: under a temporary name first, under its own when it
/// is whole and on the disk. `input` is never replaced.
///
/// # Errors
/// Those of `fill`, and if the file cannot be made; nothing is left under its name then.
pub fn make(
    job: &Job,
    input: &Identity,
    existing: &Existing,
    observer: &dyn Observer,
    fill: impl FnOnce(&mut dyn Out) -> Result<(), ExportError>,
) -> Result<Made, ExportError> {
    let to = Destination::of(&job.output, &job.temp_dir, Missing::Create)?;
    may_be(&to, input, existing)?;
    let dir = to.own(&job.temp_dir, Missing::Create)?;
    let sealed = sealed_file(&dir, &job.temp_name, |out| {
        fill(out)?;
        out.flush()?;
        observer.progress(Phase::Sync, 0, 1);
        Ok::<_, ExportError>(())
    })?;
    let bytes = sealed.file().metadata()?.len();
    // What is not a file that can be opened is whatever `publish` says it is.
    if to.entry()?.is_some()
        && let Ok(there) = to.open_there()
        && same_bytes(sealed.file(), &there)?
    {
        return Ok(Made { bytes, already: true, file: StatData::of(&there)? });
    }
    observer.publishing(&StatData::of(sealed.file())?);
    Ok(Made { bytes, already: false, file: sealed.publish(&to, input, existing)? })
}

/// Exports from the file at `path` to a pipe or a terminal, front to end.
///
/// # Errors
/// As [`export`], and if the format is not written from front to end.
pub fn export_to(
    path: &Path,
    request: &Request,
    reading: Reading,
    checksums: Checksums,
    observer: &dyn Observer,
    out: &mut (dyn Write + Send),
) -> Result<Exported, ExportError> {
    request.check()?;
    let file = MeraFile::open(path, checksums)?;
    let sheet = Sheet::open(&file, request, reading)?;
    stream(&sheet, request, &Watch::new(observer, sheet.bytes()), out)?;
    Ok(Exported::of(&sheet, request))
}

/// Whether two files hold the same.
pub(super) fn same_bytes(mut a: &File, mut b: &File) -> io::Result<bool> {
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    a.rewind()?;
    b.rewind()?;
    let (mut one, mut other) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        let read = a.read(&mut one)?;
        let (Some(one), Some(other)) = (one.get(..read), other.get_mut(..read)) else {
            return Ok(false);
        };
        if read == 0 {
            return Ok(true);
        }
        b.read_exact(other)?;
        if one != other {
            return Ok(false);
        }
    }
}
