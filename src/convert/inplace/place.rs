//! A file and its undo file, with hands on both.

use super::error::InPlaceError;
use super::record::Found;
use super::{InPlace, UNDO_SUFFIX};
use crate::sys::dir::{Dir, DirError};
use crate::sys::lock::{self, Writers};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a file and its undo file are.
#[derive(Debug)]
pub(super) struct Place {
    dir: Dir,
    name: OsString,
    pub(super) undo_dir: Dir,
    pub(super) undo_name: OsString,
    /// The undo file's name before it is complete.
    pub(super) part_name: OsString,
}

/// How often somebody must be seen with the file open for writing before that is believed.
const WRITER_TRIES: u32 = 5;
/// The time between two looks.
const WRITER_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

impl Place {
    pub(super) fn open(path: &Path, options: &InPlace) -> Result<Self, InPlaceError> {
        let no_name = || InPlaceError::NoName { path: path.to_owned() };
        let name = path.file_name().ok_or_else(no_name)?.to_owned();
        let parent = path.parent().unwrap_or(Path::new(""));
        let undo_parent = options.backup_dir.as_deref().unwrap_or(parent);
        let with = |suffix: &str| {
            let mut new = name.clone();
            new.push(suffix);
            new
        };
        Ok(Self {
            dir: Dir::open(parent)?,
            undo_dir: Dir::open(undo_parent)?,
            undo_name: with(UNDO_SUFFIX),
            part_name: with(&format!("{UNDO_SUFFIX}.part")),
            name,
        })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    pub(super) fn undo_path(&self) -> PathBuf {
        self.undo_dir.path().join(&self.undo_name)
    }

    /// Opens the file for reading and writing, alone: nobody else writes it or holds a lock.
    pub(super) fn claim(&self, options: &InPlace) -> Result<File, InPlaceError> {
        let path = || self.path();
        let reader = self.dir.open_file(&self.name, false)?;
        // A process that is being started holds its parent's files until it runs its program: what
        // looks like a writer may be gone at once.
        let mut tries = 0;
        while lock::writers(&reader) == Writers::Some {
            tries += 1;
            if tries >= WRITER_TRIES {
                return Err(InPlaceError::OpenForWriting { path: path() });
            }
            std::thread::sleep(WRITER_PAUSE);
        }
        drop(reader);
        let file = self.dir.open_file(&self.name, true)?;
        let io = |source| InPlaceError::Io { what: "lock", path: path(), source };
        if !lock::try_lock(&file).map_err(io)? {
            return Err(InPlaceError::Locked { path: path() });
        }
        let metadata = file.metadata().map_err(|source| InPlaceError::Io {
            what: "look at",
            path: path(),
            source,
        })?;
        if metadata.nlink() > 1 && !options.allow_hard_links {
            return Err(InPlaceError::HardLinked { path: path(), links: metadata.nlink() });
        }
        Ok(file)
    }

    /// The undo file, open for marks, and what it says; `None` if there is none.
    pub(super) fn find(&self) -> Result<Option<(File, Found)>, InPlaceError> {
        if self.undo_dir.entry(&self.undo_name)?.is_none() {
            return Ok(None);
        }
        let file = self.undo_dir.open_file(&self.undo_name, true)?;
        let undo = || self.undo_path();
        let found = Found::read(&file)
            .map_err(|source| InPlaceError::Io { what: "read", path: undo(), source })?
            .map_err(|what| InPlaceError::Damaged { undo: undo(), what })?;
        Ok(Some((file, found)))
    }

    /// Whether the file itself is there.
    pub(super) fn exists(&self) -> Result<bool, DirError> {
        Ok(self.dir.entry(&self.name)?.is_some())
    }
}

/// The name of the file whose undo file is called `undo`.
pub(super) fn owner_of(undo: &OsStr) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    let name = undo.as_bytes().strip_suffix(UNDO_SUFFIX.as_bytes())?;
    (!name.is_empty()).then(|| OsStr::from_bytes(name).to_owned())
}
