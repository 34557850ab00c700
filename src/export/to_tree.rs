//! Makes a directory of files of what is exported: under a temporary name first, under its own when all of
//! it is on the disk.

use super::to_file::{may_be, same_bytes};
use super::{ExportError, Made};
use crate::convert::publish::{Destination, Existing, PublishError};
use crate::convert::temp::{OwnerState, TempName};
use crate::convert::{Job, Observer, Phase};
use crate::sys::dir::{Dir, Missing};
use crate::sys::file::Identity;
use crate::sys::stat::StatData;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Directories in one another, at most.
const DEPTH: usize = 64;

/// Makes the directory `job.output` of what `fill` writes into the one it is given. What is there with the
/// same files and bytes stays.
///
/// # Errors
/// Those of `fill`, and if it cannot be made; nothing is left under its name then.
pub fn make_tree(
    job: &Job,
    input: &Identity,
    existing: &Existing,
    observer: &dyn Observer,
    fill: impl FnOnce(&Path) -> Result<(), ExportError>,
) -> Result<Made, ExportError> {
    let to = Destination::of(&job.output, &job.temp_dir, Missing::Create)?;
    may_be(&to, input, existing)?;
    let temps = to.own(&job.temp_dir, Missing::Create)?;
    remove_dead(&temps)?;
    let tree = Tree(temps.path().join(&job.temp_name));
    fs::create_dir(&tree.0)?;
    fill(&tree.0)?;
    observer.progress(Phase::Sync, 0, 1);
    let bytes = sync(&tree.0, DEPTH)?;
    let there = job.output.symlink_metadata().is_ok_and(|it| it.is_dir());
    let already = there && same(&tree.0, &job.output, DEPTH)?;
    if !already {
        observer.publishing(&StatData::of(&File::open(&tree.0)?)?);
        to.publish_tree(&temps, OsStr::new(&job.temp_name), existing)?;
    }
    Ok(Made { bytes, already, file: StatData::of(&File::open(&job.output)?)? })
}

/// A directory that is removed when it is dropped, if it still has its name.
struct Tree(PathBuf);

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what processes left that were killed.
fn remove_dead(temps: &Dir) -> Result<(), ExportError> {
    for name in temps.names().map_err(PublishError::from)? {
        let Some(temp) = name.to_str().and_then(|text| text.parse::<TempName>().ok()) else {
            continue;
        };
        let path = temps.path().join(&name);
        let dir = path.symlink_metadata().is_ok_and(|it| it.is_dir());
        if dir && temp.owner().state()? == OwnerState::Dead {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

/// Waits until all below `dir` is on the disk; gives how many bytes files have.
fn sync(dir: &Path, depth: usize) -> io::Result<u64> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(io::Error::other("too many directories in one another"));
    };
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += sync(&entry.path(), depth)?;
        } else {
            let file = File::open(entry.path())?;
            file.sync_all()?;
            bytes += file.metadata()?.len();
        }
    }
    File::open(dir)?.sync_all()?;
    Ok(bytes)
}

/// Whether two directories have the same files.
fn same(made: &Path, there: &Path, depth: usize) -> io::Result<bool> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(false) };
    let mut count = 0_usize;
    for entry in fs::read_dir(made)? {
        let entry = entry?;
        count += 1;
        let other = there.join(entry.file_name());
        let Ok(kind) = other.symlink_metadata() else { return Ok(false) };
        let same = if entry.file_type()?.is_dir() {
            kind.is_dir() && same(&entry.path(), &other, depth)?
        } else {
            kind.is_file() && same_bytes(&File::open(entry.path())?, &File::open(other)?)?
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(fs::read_dir(there)?.count() == count)
}
