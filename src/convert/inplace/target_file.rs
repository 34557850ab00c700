//! Finds, opens and locks a file and its undo file.
//!
//! Locks: whoever changes a file or takes a change back holds the lock of the undo file, from the
//! moment at which it has its name, and the lock of the file. Both are the kernel's, so that they
//! end with the process that held them. What an undo file says counts only if it was read under its
//! lock.

use crate::convert::inplace::InPlace;
use crate::convert::inplace::check::differs;
use crate::convert::inplace::error::InPlaceError;
use crate::convert::inplace::names;
use crate::convert::inplace::record::{Found, Owner, Progress};
use crate::sys::dir::Dir;
use crate::sys::failpoint::Step;
use crate::sys::lock::{self, Writers};
use crate::sys::note;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often somebody must be seen with a file in hand before that is believed.
const TRIES: u32 = 5;
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Where a file is, and where its undo file may be.
#[derive(Debug)]
pub(in crate::convert::inplace) struct TargetFile {
    dir: Dir,
    /// The real path of `dir`.
    real: PathBuf,
    name: OsString,
    /// The directory for undo files, if it is another one.
    backup: Option<Dir>,
    /// The directory that is noted on the file, where a change with a backup directory was begun.
    noted: Option<PathBuf>,
}

/// Where one undo file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::convert::inplace) struct Spot {
    /// In the backup directory.
    pub(in crate::convert::inplace) apart: bool,
    pub(in crate::convert::inplace) name: OsString,
    /// How its owner is known.
    proof: Proof,
}

/// How it is known whose an undo file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
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
pub(in crate::convert::inplace) struct Undo {
    pub(in crate::convert::inplace) file: File,
    pub(in crate::convert::inplace) found: Found,
    pub(in crate::convert::inplace) spot: Spot,
}

impl Spot {
    /// Whether the name alone does not tell whose it is, so that it may be another archive's.
    fn is_guess(&self) -> bool {
        matches!(self.proof, Proof::Inode | Proof::Search)
    }

    /// Where the undo file is before it is complete.
    pub(in crate::convert::inplace) fn part(&self) -> Self {
        Self { name: names::part_of(&self.name), ..self.clone() }
    }
}

impl TargetFile {
    pub(in crate::convert::inplace) fn open(
        path: &Path,
        options: &InPlace,
    ) -> Result<Self, InPlaceError> {
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

    /// Looks for the undo file in the directory that is noted on the file, unless it is in the one
    /// that was named.
    fn follow(&mut self, noted: Dir) -> Result<(), InPlaceError> {
        let named = self.backup.as_ref().map(real).transpose()?;
        if named == Some(real(&noted)?) || (named.is_some() && self.find_peeked()?.is_some()) {
            return Ok(());
        }
        let named = self.backup.replace(noted);
        if named.is_some() && self.find_peeked()?.is_none() {
            self.backup = named;
        }
        Ok(())
    }

    /// Whether a change was begun whose undo file lies, or lay, in a backup directory.
    pub(in crate::convert::inplace) fn is_noted(&self) -> bool {
        self.noted.is_some()
    }

    /// Notes on the file where its undo file is, so that whoever knows nothing of the backup
    /// directory learns of the change, too. To be synced with the file.
    pub(in crate::convert::inplace) fn note(
        &self,
        file: &File,
        spot: &Spot,
    ) -> Result<(), InPlaceError> {
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
    pub(in crate::convert::inplace) fn unnote(
        &self,
        file: &File,
        synced: bool,
    ) -> Result<(), InPlaceError> {
        let io = |what| move |source| InPlaceError::Io { what, path: self.path(), source };
        if note::remove(file).map_err(io("remove an attribute of"))? && synced {
            crate::sys::file::sync(file, Step::BackSync).map_err(io("sync"))?;
        }
        Ok(())
    }

    /// What there is to tell of a change that is noted on the file, but has no undo file.
    fn lost(&self) -> InPlaceError {
        let dir = self.noted.clone().unwrap_or_default();
        InPlaceError::Lost { path: self.path(), dir }
    }

    pub(in crate::convert::inplace) fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// Whom an undo file that is written now belongs to.
    pub(in crate::convert::inplace) fn owner(&self) -> Owner {
        Owner {
            dir: self.real.as_os_str().as_bytes().to_vec(),
            name: self.name.as_bytes().to_vec(),
        }
    }

    /// The directory of an undo file.
    pub(in crate::convert::inplace) fn undo_dir(&self, spot: &Spot) -> &Dir {
        self.backup.as_ref().filter(|_| spot.apart).unwrap_or(&self.dir)
    }

    pub(in crate::convert::inplace) fn undo_path(&self, spot: &Spot) -> PathBuf {
        self.undo_dir(spot).path().join(&spot.name)
    }

    /// Where a new undo file goes.
    pub(in crate::convert::inplace) fn new_spot(&self) -> Spot {
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
    fn spots(&self) -> Vec<Spot> {
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
    pub(in crate::convert::inplace) fn has_parts(&self) -> Result<bool, InPlaceError> {
        for part in self.parts() {
            if self.undo_dir(&part).entry(&part.name)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes what is left of undo files that never were complete. They may belong to a live
    /// process, unless the file's lock is held here.
    pub(in crate::convert::inplace) fn remove_parts(&self) -> Result<(), InPlaceError> {
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
    pub(in crate::convert::inplace) fn claim(
        &self,
        options: &InPlace,
    ) -> Result<File, InPlaceError> {
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

    /// The undo file, locked and then read; `None` if there is none.
    pub(in crate::convert::inplace) fn take(&self) -> Result<Option<Undo>, InPlaceError> {
        match self.take_of(self.spots())? {
            None if self.is_noted() => {
                self.take_of(self.elsewhere()?)?.map_or_else(|| Err(self.lost()), |it| Ok(Some(it)))
            }
            found => Ok(found),
        }
    }

    /// As [`take`](Self::take), and if there is none, one in the backup directory that was written
    /// when the file's directory had another path.
    pub(in crate::convert::inplace) fn take_wherever(&self) -> Result<Option<Undo>, InPlaceError> {
        match self.take()? {
            None => self.take_of(self.elsewhere()?),
            found => Ok(found),
        }
    }

    fn elsewhere(&self) -> Result<Vec<Spot>, InPlaceError> {
        let Some(backup) = &self.backup else { return Ok(Vec::new()) };
        let mut names = backup.names()?;
        names.retain(|undo| names::may_belong(undo, &self.name));
        Ok(names.into_iter().map(|name| Spot { apart: true, name, proof: Proof::Search }).collect())
    }

    fn take_of(&self, spots: Vec<Spot>) -> Result<Option<Undo>, InPlaceError> {
        for spot in spots {
            if spot.is_guess() && !self.is_mine(&spot) {
                continue;
            }
            let Some(file) = self.lock(&spot)? else { continue };
            let undo = || self.undo_path(&spot);
            let found = Found::read(&file)
                .map_err(|source| InPlaceError::Io { what: "read", path: undo(), source })?
                .map_err(|what| InPlaceError::Damaged { undo: undo(), what })?;
            if self.owns(&spot, &found)? {
                return Ok(Some(Undo { file, found, spot }));
            }
            let owner = found.owner.map(|owner| owner.path()).unwrap_or_default();
            return Err(InPlaceError::Foreign { path: self.path(), undo: undo(), owner });
        }
        Ok(None)
    }

    /// Whether a guess was right. What cannot be read, or is damaged, is another archive's.
    fn is_mine(&self, spot: &Spot) -> bool {
        let read = || -> Option<bool> {
            let file = self.undo_dir(spot).open_file(&spot.name, false).ok()?;
            self.owns(spot, &Found::read(&file).ok()?.ok()?).ok()
        };
        read().unwrap_or(false)
    }

    /// Opens and locks an undo file, and makes sure that it still has its name then.
    fn lock(&self, spot: &Spot) -> Result<Option<File>, InPlaceError> {
        let dir = self.undo_dir(spot);
        let busy = || InPlaceError::Busy { path: self.path(), undo: self.undo_path(spot) };
        for _ in 0..TRIES {
            if dir.entry(&spot.name)?.is_none() {
                return Ok(None);
            }
            let file = match dir.open_file(&spot.name, true) {
                Ok(file) => file,
                // Removed since we looked.
                Err(error) if error.is_missing() => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let io = |source| InPlaceError::Io { what: "lock", path: self.undo_path(spot), source };
            if !patiently(|| lock::try_lock(&file)).map_err(io)? {
                return Err(busy());
            }
            let mine = file.metadata().map_err(io)?;
            let there = dir.entry(&spot.name)?;
            if there.is_some_and(|there| (there.dev, there.ino) == (mine.dev(), mine.ino())) {
                return Ok(Some(file));
            }
        }
        Err(busy())
    }

    /// Whether an undo file is this file's.
    fn owns(&self, spot: &Spot, found: &Found) -> Result<bool, InPlaceError> {
        let owner = found.owner.as_ref();
        let same_inode = || -> Result<bool, InPlaceError> {
            let entry = self.dir.entry(&self.name)?;
            Ok(entry.is_some_and(|entry| entry.ino == found.record.old.ino))
        };
        let named = |owner: &Owner| owner.name == self.name.as_bytes();
        Ok(match spot.proof {
            Proof::Name => true,
            Proof::Record => owner.is_some_and(named),
            Proof::Path => owner.is_some_and(|owner| *owner == self.owner()),
            Proof::Inode => match owner {
                Some(owner) => *owner == self.owner(),
                None => same_inode()?,
            },
            Proof::Search => match owner {
                Some(owner) if named(owner) => {
                    let gone = || owner.path().symlink_metadata().is_err();
                    let complete = matches!(found.progress, Progress::Done(_));
                    let as_left = || -> Result<bool, InPlaceError> {
                        Ok(differs(self, &self.reader()?, &found.record)?.is_none())
                    };
                    same_inode()? || (complete && gone() && as_left()?)
                }
                _ => false,
            },
        })
    }

    /// The first undo file as it is at this moment, without its lock: it may be changing.
    pub(in crate::convert::inplace) fn peek(
        &self,
    ) -> Result<Option<(Spot, File, Found)>, InPlaceError> {
        match self.find_peeked()? {
            None if self.is_noted() => Err(self.lost()),
            found => Ok(found),
        }
    }

    fn find_peeked(&self) -> Result<Option<(Spot, File, Found)>, InPlaceError> {
        let mut spots = self.spots();
        if self.is_noted() {
            spots.extend(self.elsewhere()?);
        }
        for spot in spots {
            let dir = self.undo_dir(&spot);
            if dir.entry(&spot.name)?.is_none() || (spot.is_guess() && !self.is_mine(&spot)) {
                continue;
            }
            let file = match dir.open_file(&spot.name, false) {
                Ok(file) => file,
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error.into()),
            };
            let undo = || self.undo_path(&spot);
            let found = Found::read(&file)
                .map_err(|source| InPlaceError::Io { what: "read", path: undo(), source })?
                .map_err(|what| InPlaceError::Damaged { undo: undo(), what })?;
            if self.owns(&spot, &found)? {
                return Ok(Some((spot, file, found)));
            }
        }
        Ok(None)
    }

    /// Whether `undo` in the backup directory is this file's undo file, as far as it can be read.
    pub(in crate::convert::inplace) fn has_apart(&self, undo: &OsStr) -> bool {
        let known = self.spots().into_iter().find(|spot| spot.apart && spot.name == undo);
        match known {
            Some(spot) if !spot.is_guess() => true,
            Some(spot) => self.is_mine(&spot),
            None if self.backup.is_none() => false,
            None => {
                self.is_mine(&Spot { apart: true, name: undo.to_owned(), proof: Proof::Search })
            }
        }
    }

    /// Opens the file for reading.
    pub(in crate::convert::inplace) fn reader(&self) -> Result<File, InPlaceError> {
        Ok(self.dir.open_file(&self.name, false)?)
    }
}

/// The path of a directory without links.
pub(in crate::convert::inplace) fn real(dir: &Dir) -> Result<PathBuf, InPlaceError> {
    std::fs::canonicalize(dir.path()).map_err(|source| InPlaceError::Io {
        what: "find the real path of",
        path: dir.path().to_owned(),
        source,
    })
}

/// Tries until it succeeds, but not for long.
fn patiently(mut once: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    for _ in 1..TRIES {
        if once()? {
            return Ok(true);
        }
        std::thread::sleep(PAUSE);
    }
    once()
}
