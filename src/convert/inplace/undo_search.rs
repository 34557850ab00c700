//! Finds the undo file of a file: by its name, by its record, or by a search in the backup directory.

use super::check::differs;
use super::error::InPlaceError;
use super::names;
use super::record::{Found, Owner, Progress};
use super::target_file::{Proof, Spot, TRIES, TargetFile, Undo, patiently, real};
use crate::sys::dir::Dir;
use crate::sys::lock;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

impl TargetFile {
    /// Looks for the undo file in the directory that is noted on the file, unless it is in the one
    /// that was named.
    pub(super) fn follow(&mut self, noted: Dir) -> Result<(), InPlaceError> {
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

    /// The undo file, locked and then read; `None` if there is none.
    pub(super) fn take(&self) -> Result<Option<Undo>, InPlaceError> {
        match self.take_of(self.spots())? {
            None if self.is_noted() => {
                self.take_of(self.elsewhere()?)?.map_or_else(|| Err(self.lost()), |it| Ok(Some(it)))
            }
            found => Ok(found),
        }
    }

    /// As [`take`](Self::take), and if there is none, one in the backup directory that was written
    /// when the file's directory had another path.
    pub(super) fn take_wherever(&self) -> Result<Option<Undo>, InPlaceError> {
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
                        Ok(differs(self, &self.reader()?, found)?.is_none())
                    };
                    same_inode()? || (complete && gone() && as_left()?)
                }
                _ => false,
            },
        })
    }

    /// The first undo file as it is at this moment, without its lock: it may be changing.
    pub(super) fn peek(&self) -> Result<Option<(Spot, File, Found)>, InPlaceError> {
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
    pub(super) fn has_apart(&self, undo: &OsStr) -> bool {
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
}
