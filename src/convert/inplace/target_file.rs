//! Finds, opens and locks a file and its undo file.
//!
//! Locks: whoever changes a file or takes a change back holds the lock of the undo file, from the
//! moment at which it has its name, and the lock of the file. Both are the kernel's, so that they
//! end with the process that held them. What an undo file says counts only if it was read under its
//! lock.

use super::InPlace;
use super::error::InPlaceError;
use super::names;
use super::record::{Found, Owner};
use crate::sys::dir::Dir;
use crate::sys::failpoint::Step;
use crate::sys::lock::{self, Writers};
use crate::sys::note;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often somebody must be seen with a file in hand before that is believed.
pub(super) const TRIES: u32 = 5;
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Where a file is, and where its undo file may be.
#[derive(Debug)]
pub(super) struct TargetFile {
    pub(super) dir: Dir,
    /// The real path of `dir`.
    real: PathBuf,
    pub(super) name: OsString,
    /// The directory for undo files, if it is another one.
    pub(super) backup: Option<Dir>,
    /// The directory that is noted on the file, where a change with a backup directory was begun.
    pub(super) noted: Option<PathBuf>,
}

/// Where one undo file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// In the backup directory.
    pub(super) apart: bool,
    pub(super) name: OsString,
    /// How its owner is known.
    pub(super) proof: Proof,
}

/// How it is known whose an undo file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// By its name: it lies beside its file.
    Name,
    /// By the file's name in its record.
    Record,
    /// By the file's path in its record.
    Path,
    /// A plain name in a backup directory, as earlier versions used: by the inode.
    Inode,
    /// Found by a search, since its directory was moved: the record has the file's name and inode,
    /// or the path in it leads nowhere and the file is as the change left it.
    Search,
}

/// An undo file, open for marks and locked.
#[derive(Debug)]
pub(super) struct Undo {
    pub(super) file: File,
    pub(super) found: Found,
    pub(super) spot: Spot,
}

impl Spot {
    /// Whether the name alone does not tell whose it is, so that it may be another archive's.
    pub(super) fn is_guess(&self) -> bool {
        matches!(self.proof, Proof::Inode | Proof::Search)
    }

    /// Where the undo file is before it is complete.
    pub(super) fn part(&self) -> Self {
        Self { name: names::part_of(&self.name), ..self.clone() }
    }
}

impl TargetFile {
    pub(super) fn open(path: &Path, options: &InPlace) -> Result<Self, InPlaceError> {
        let no_name = || InPlaceError::NoName { path: path.to_owned() };
        let name = path.file_name().ok_or_else(no_name)?.to_owned();
        let dir = Dir::open(path.parent().unwrap_or(Path::new("")))?;
        let here = real(&dir)?;
        let backup = match &options.backup_dir {
            None => None,
            Some(backup) => {
                let backup = Dir::open(backup)?;
                (real(&backup)? != here).then_some(backup)
            }
        };
        let noted = note::read(&dir.path().join(&name));
        let mut place = Self { dir, real: here, name, backup, noted };
        if let Some(noted) = place.noted.as_deref().map(Dir::open)
            && let Ok(noted) = noted
        {
            // The undo file may have been moved to the directory that was named now.
            place.follow(noted)?;
        }
        Ok(place)
    }

    /// Whether a change was begun whose undo file lies, or lay, in a backup directory.
    pub(super) fn is_noted(&self) -> bool {
        self.noted.is_some()
    }

    /// Notes on the file where its undo file is, so that whoever knows nothing of the backup
    /// directory learns of the change, too. To be synced with the file.
    pub(super) fn note(&self, file: &File, spot: &Spot) -> Result<(), InPlaceError> {
        if !spot.apart {
            return Ok(());
        }
        let dir = real(self.undo_dir(spot))?;
        let io =
            |source| InPlaceError::Io { what: "set an attribute of", path: self.path(), source };
        if note::write(file, &dir).map_err(io)? {
            crate::sys::file::sync(file, Step::InPlaceSync).map_err(io)?;
        }
        Ok(())
    }

    /// Removes such a note; on the disk, too, if `synced`.
    pub(super) fn unnote(&self, file: &File, synced: bool) -> Result<(), InPlaceError> {
        let io = |what| move |source| InPlaceError::Io { what, path: self.path(), source };
        if note::remove(file).map_err(io("remove an attribute of"))? && synced {
            crate::sys::file::sync(file, Step::BackSync).map_err(io("sync"))?;
        }
        Ok(())
    }

    /// What there is to tell of a change that is noted on the file, but has no undo file.
    pub(super) fn lost(&self) -> InPlaceError {
        let dir = self.noted.clone().unwrap_or_default();
        InPlaceError::Lost { path: self.path(), dir }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// Whom an undo file that is written now belongs to.
    pub(super) fn owner(&self) -> Owner {
        Owner {
            dir: self.real.as_os_str().as_bytes().to_vec(),
            name: self.name.as_bytes().to_vec(),
        }
    }

    /// The directory of an undo file.
    pub(super) fn undo_dir(&self, spot: &Spot) -> &Dir {
        self.backup.as_ref().filter(|_| spot.apart).unwrap_or(&self.dir)
    }

    pub(super) fn undo_path(&self, spot: &Spot) -> PathBuf {
        self.undo_dir(spot).path().join(&spot.name)
    }

    /// Where a new undo file goes.
    pub(super) fn new_spot(&self) -> Spot {
        if self.backup.is_none() {
            return self.beside();
        }
        Spot { apart: true, name: names::apart(&self.real, &self.name), proof: Proof::Path }
    }

    fn beside(&self) -> Spot {
        let name = names::beside(&self.name);
        let plain = name == names::plain(&self.name);
        Spot { apart: false, name, proof: if plain { Proof::Name } else { Proof::Record } }
    }

    /// Where an undo file can be. One beside the file was made later than any in a backup directory,
    /// since a change is refused where an undo file is known.
    pub(super) fn spots(&self) -> Vec<Spot> {
        let mut spots = vec![self.beside()];
        if self.backup.is_some() {
            spots.push(self.new_spot());
            if names::fits(&self.name) {
                let name = names::plain(&self.name);
                spots.push(Spot { apart: true, name, proof: Proof::Inode });
            }
        }
        spots
    }

    /// Whether something is left of an undo file that never was complete.
    pub(super) fn has_parts(&self) -> Result<bool, InPlaceError> {
        for part in self.parts() {
            if self.undo_dir(&part).entry(&part.name)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes what is left of undo files that never were complete. They may belong to a live
    /// process, unless the file's lock is held here.
    pub(super) fn remove_parts(&self) -> Result<(), InPlaceError> {
        for part in self.parts() {
            self.undo_dir(&part).remove(&part.name)?;
        }
        Ok(())
    }

    fn parts(&self) -> Vec<Spot> {
        let spots = self.spots().into_iter().filter(|spot| !spot.is_guess());
        spots.map(|spot| spot.part()).collect()
    }

    /// Opens the file for reading and writing, alone: nobody else writes it or holds a lock.
    pub(super) fn claim(&self, options: &InPlace) -> Result<File, InPlaceError> {
        let path = || self.path();
        let reader = self.dir.open_file(&self.name, false)?;
        // A process that is being started holds its parent's files until it runs its program: what
        // looks like a writer may be gone at once.
        if !patiently(|| Ok(lock::writers(&reader) != Writers::Some)).unwrap_or(true) {
            return Err(InPlaceError::OpenForWriting { path: path() });
        }
        drop(reader);
        let file = self.dir.open_file(&self.name, true)?;
        let io = |what| move |source| InPlaceError::Io { what, path: path(), source };
        if !patiently(|| lock::try_lock(&file)).map_err(io("lock"))? {
            return Err(InPlaceError::Locked { path: path() });
        }
        let metadata = file.metadata().map_err(io("look at"))?;
        if metadata.nlink() > 1 && !options.allow_hard_links {
            return Err(InPlaceError::HardLinked { path: path(), links: metadata.nlink() });
        }
        Ok(file)
    }

    /// Opens the file for reading.
    pub(super) fn reader(&self) -> Result<File, InPlaceError> {
        Ok(self.dir.open_file(&self.name, false)?)
    }
}

/// The path of a directory without links.
pub(super) fn real(dir: &Dir) -> Result<PathBuf, InPlaceError> {
    std::fs::canonicalize(dir.path()).map_err(|source| InPlaceError::Io {
        what: "find the real path of",
        path: dir.path().to_owned(),
        source,
    })
}

/// Tries until it succeeds, but not for long.
pub(super) fn patiently(mut once: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    for _ in 1..TRIES {
        if once()? {
            return Ok(true);
        }
        std::thread::sleep(PAUSE);
    }
    once()
}
