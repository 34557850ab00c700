//! Tells whether a file was changed in place, without touching anything.

use super::InPlace;
use super::error::InPlaceError;
use super::names;
use super::record::{Found, Progress};
use super::target_file::{TargetFile, real};
use crate::sys::dir::Dir;
use crate::sys::lock;
use crate::sys::note;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A change of a file in place that is under way or can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// Its undo file.
    pub undo: PathBuf,
    /// Size of the undo file in bytes.
    pub undo_bytes: u64,
    /// How far the change came.
    pub state: ChangeState,
}

/// How far a change in place came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeState {
    /// It was interrupted: what is in the file may be half old and half new.
    Interrupted,
    /// A process is at it now.
    UnderWay,
    /// The file is the new one.
    Complete,
}

impl Change {
    /// Whether the file may be half old and half new.
    pub fn is_unfinished(&self) -> bool {
        self.state != ChangeState::Complete
    }

    /// What to tell somebody who wants to use the file as it is: what is wrong with it, the undo
    /// file, and what helps. `None` if the change is complete.
    pub fn warning(&self) -> Option<String> {
        let (path, undo) = (self.path.display(), self.undo.display());
        match self.state {
            ChangeState::Complete => None,
            ChangeState::UnderWay => Some(format!(
                "{path}: is being changed in place at this moment by another process (undo file \
                 {undo}): wait for its end"
            )),
            ChangeState::Interrupted => Some(format!(
                "{path}: a change in place was interrupted, and the file may be half changed (undo \
                 file {undo}): `jldconv undo` brings the old file back, and converting it again \
                 with --mode in-place does that first"
            )),
        }
    }
}

/// The change that was made to a file in place, if its undo file is there. Nothing is locked for
/// longer than a look takes, and nothing is written.
///
/// # Errors
/// When there is an undo file that cannot be read, or is damaged.
pub fn change_of(path: &Path, options: &InPlace) -> Result<Option<Change>, InPlaceError> {
    if options.backup_dir.is_none() && !has_beside(path) && note::read(path).is_none() {
        return Ok(None);
    }
    let place = TargetFile::open(path, options)?;
    let Some((spot, file, found)) = place.peek()? else { return Ok(None) };
    Ok(Some(Change {
        path: path.to_owned(),
        undo: place.undo_path(&spot),
        undo_bytes: found.bytes,
        state: state(&file, &found),
    }))
}

/// As [`change_of`], but only a change that is not complete.
///
/// # Errors
/// As [`change_of`].
pub fn unfinished(path: &Path, options: &InPlace) -> Result<Option<Change>, InPlaceError> {
    Ok(change_of(path, options)?.filter(Change::is_unfinished))
}

/// Whether there is anything under the name of an undo file beside `path`: for most files this one
/// look is all that is needed.
fn has_beside(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    match path.with_file_name(names::beside(name)).symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

fn state(file: &File, found: &Found) -> ChangeState {
    // Whoever is at work holds the lock.
    let free = lock::try_lock_shared(file).unwrap_or(true);
    match found.progress {
        Progress::Open | Progress::Back if !free => ChangeState::UnderWay,
        Progress::Open | Progress::Back => ChangeState::Interrupted,
        Progress::Done(_) => ChangeState::Complete,
    }
}

/// The files in `dir` that have an undo file, beside them or in the backup directory, or on which a
/// change is noted that is not complete, sorted by name.
///
/// # Errors
/// When a directory cannot be read.
pub fn undoable(dir: &Path, options: &InPlace) -> Result<Vec<PathBuf>, InPlaceError> {
    let here = Dir::open(dir)?;
    let mut names = Vec::new();
    for undo in here.names()? {
        let Some(plain) = names::owner_of(&undo) else {
            // Its undo file is in a backup directory.
            if note::read(&dir.join(&undo)).is_some() {
                names.push(undo);
            }
            continue;
        };
        let owner = match here.entry(&plain)? {
            Some(_) => None,
            None => owner_in(&here, &undo),
        };
        names.push(owner.unwrap_or(plain));
    }
    if let Some(backup) = &options.backup_dir {
        let backup = Dir::open(backup)?;
        if real(&backup)? != real(&here)? {
            for undo in backup.names()? {
                names.extend(owner_apart(dir, &here, &backup, &undo, options)?);
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

/// The files in `dir` of which a change was begun and not a byte changed: beside them, or in the backup
/// directory, is an undo file that is not complete. Sorted by name.
///
/// # Errors
/// When a directory cannot be read.
pub fn begun(dir: &Path, options: &InPlace) -> Result<Vec<PathBuf>, InPlaceError> {
    let here = Dir::open(dir)?;
    let owner = |part: &OsStr, apart: bool| -> Result<Option<OsString>, InPlaceError> {
        let Some(undo) = names::whole_of(part) else { return Ok(None) };
        let Some(plain) = names::owner_of(&undo) else { return Ok(None) };
        for name in [names::without_digest(&plain), Some(plain)].into_iter().flatten() {
            let right = if apart {
                names::apart(&real(&here)?, &name) == undo
            } else {
                names::beside(&name) == undo
            };
            if right && here.entry(&name)?.is_some() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    };
    let mut found = Vec::new();
    for part in here.names()? {
        found.extend(owner(&part, false)?);
    }
    if let Some(backup) = &options.backup_dir {
        for part in Dir::open(backup)?.names()? {
            found.extend(owner(&part, true)?);
        }
    }
    found.sort();
    found.dedup();
    Ok(found.into_iter().map(|name| dir.join(name)).collect())
}

/// The file in `dir` whose undo file `undo` in the backup directory is. In a backup directory that
/// several archives share, others' lie, too.
fn owner_apart(
    dir: &Path,
    here: &Dir,
    backup: &Dir,
    undo: &OsStr,
    options: &InPlace,
) -> Result<Option<OsString>, InPlaceError> {
    let Some(plain) = names::owner_of(undo) else { return Ok(None) };
    let unmarked = names::without_digest(&plain);
    let candidates = [owner_in(backup, undo), Some(plain), unmarked];
    for name in candidates.into_iter().flatten() {
        if here.entry(&name)?.is_some()
            && TargetFile::open(&dir.join(&name), options)?.has_apart(undo)
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The name of the file that the record in an undo file names.
fn owner_in(dir: &Dir, undo: &OsStr) -> Option<OsString> {
    let found = Found::read(&dir.open_file(undo, false).ok()?).ok()?.ok()?;
    let name = found.owner?.name;
    // It comes from a file.
    let plain = !name.is_empty() && !name.contains(&b'/') && name != b"." && name != b"..";
    plain.then(|| OsStr::from_bytes(&name).to_owned())
}
